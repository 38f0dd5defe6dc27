/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "conf/options.h"

#include <string.h>

#include "conf/share.h"
#include "util/compiler.h"

static const char *const op_names[] = { "read", "write", NULL };
static const char *const link_names[] = { "any", "IB", "Ethernet", NULL };
static const char *const path_names[] = { "direct", "mr", "auto", NULL };
static const char *const invalidate_names[] = { "lazy", "fenced", "never", NULL };
static const char *const pool_scope_names[] = { "qp", "thread", "process", NULL };
static const char *const sq_names[] = { "full", "kernel", NULL };
static const char *const exhaustion_names[] = { "fallback", "fail", "wait", NULL };
static const char *const output_names[] = { "table", "bandwidth", "message_rate", "latency", NULL };
static const char *const rate_units_names[] = { "M", "g", "p", NULL };
static const char *const limit_type_names[] = { "SW", "PP", "HW", NULL };
static const char *const node_names[] = { "device", "far", NULL };
static const char *const arrival_names[] = { "poisson", "fixed", "burst:N", NULL };
static const char *const engine_names[] = { "umr", "umr_ptr", "reg", "kernel", NULL };
static const char *const odp_names[] = { "explicit", "implicit", NULL };
static const char *const profile_names[] = { "mlx5", "rxe", "siw", "irdma", NULL };

#define FIELD(member) offsetof(struct rw_conf, member)
#define GROUP_DEVICE  "Device and connection (each side its own)"
#define GROUP_LOAD    "Load (given to the client only)"
#define GROUP_PATH    "Paths and memory registration"
#define GROUP_MEMORY  "Memory"
#define GROUP_OUTPUT  "Output"
#define GROUP_LOCAL   "Without a peer"

/* clang-format off */
const struct rw_opt rw_opts[] = {
	/* letter, name, alias, type, scope, group, field, min, max, default, unit, names, help, only */
	{ 'd', "ib-dev", NULL, RW_OPT_STRING, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(device), 0, 64,
	  "", "DEVICE", NULL, "RDMA device (default: the first one with an active port)" },
	{ 'i', "ib-port", NULL, RW_OPT_NUMBER, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(ib_port), 1, 255,
	  "1", "PORT", NULL, "port of the device" },
	{ 0, "force-link", NULL, RW_OPT_NAME, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(force_link), 0, 2,
	  "any", "LINK", link_names, "the link layer that the port must have; with another the program ends" },
	{ 'x', "gid-index", NULL, RW_OPT_NUMBER, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(gid_index), 0, 65535,
	  "auto", "INDEX", NULL, "GID table entry (auto: RoCE v2, matching the control connection; on InfiniBand a GRH is used only when an index is given)" },
	{ 0, "pkey_index", NULL, RW_OPT_NUMBER, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(pkey_index), 0, 65535,
	  "0", "INDEX", NULL, "P_Key table entry of the QPs" },
	{ 0, "dlid", NULL, RW_OPT_NUMBER, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(dlid), 1, 0xbfff,
	  "0", "LID", NULL, "InfiniBand: send to this LID instead of the peer's own" },
	{ 'p', "port", NULL, RW_OPT_NUMBER, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(tcp_port), 1, 65535,
	  "18515", "PORT", NULL, "TCP port of the control connection" },
	{ 0, "bind", NULL, RW_OPT_STRING, RW_SCOPE_SERVER, GROUP_DEVICE, FIELD(bind), 0, 256,
	  "", "ADDRESS", NULL, "server: listen on this address only (default: all)" },
	{ 0, "keep_serving", NULL, RW_OPT_FLAG, RW_SCOPE_SERVER, GROUP_DEVICE, FIELD(keep_serving), 0, 1,
	  "0", NULL, NULL, "server: serve one client after the other until interrupted" },
	{ 0, "cores", NULL, RW_OPT_STRING, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(cores), 0, 256,
	  "", "LIST", NULL, "CPUs to measure on, in this order, such as 0-3,8 (default: the least busy core of the device's NUMA node)" },
	{ 0, "numa_node", NULL, RW_OPT_STRING, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(numa_node), 0, 16,
	  "device", "NODE", node_names, "NUMA node of buffers and queues, by its number or as seen from the device (default device)" },
	{ 0, "no_pin", NULL, RW_OPT_FLAG, RW_SCOPE_SIDE, GROUP_DEVICE, FIELD(no_pin), 0, 1,
	  "0", NULL, NULL, "let the scheduler move the measuring threads" },

	{ 0, "op", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_LOAD, FIELD(op), 0, 1,
	  "read", "OP", op_names, "RDMA operation" },
	{ 0, "mix", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_LOAD, FIELD(mix), 0, 64,
	  "", "LIST", NULL, "READs and WRITEs mixed at random: read:70 (percent, the rest are WRITEs), or weights, read:2,write:1" },
	{ 's', "size", NULL, RW_OPT_SIZE, RW_SCOPE_RUN, GROUP_LOAD, FIELD(size_bytes), 1, 1 << 30,
	  NULL, "BYTES", NULL, "bytes of one operation" },
	{ 0, "mix_sizes", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_LOAD, FIELD(mix_sizes), 0, 512,
	  "", "LIST", NULL, "sizes and their weights, mixed at random; short: -s 4K:50,64K:40,1M:10" },
	{ 'a', "all", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(all_sizes), 0, 1,
	  "0", NULL, NULL, "all sizes from 2 bytes to 8 MiB, powers of two" },
	{ 0, "size_range", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_LOAD, FIELD(size_range), 0, 96,
	  "", "RANGE", NULL, "sizes FROM:TO, each twice the one before; FROM:TO:FACTOR: so many times; FROM:TO:+STEP: so many bytes more" },
	{ 'n', "iters", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(iters), 1, 1000000000000,
	  "1000", "COUNT", NULL, "operations of each QP, for each row" },
	{ 'D', "duration", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(duration_s), 1, 31536000,
	  "0", "SECONDS", NULL, "run each row for this time instead of -n operations" },
	{ 'f', "margin", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(margin_s), 0, 31536000,
	  "0", "SECONDS", NULL, "with -D: at its beginning and at its end so long a time is not counted" },
	{ 0, "run_infinitely", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(run_infinitely), 0, 1,
	  "0", NULL, NULL, "measure all rows again and again until interrupted, each for -D seconds (5 if not given); the JSON report holds the last of each" },
	{ 0, "perform_warm_up", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(perform_warm_up), 0, 1,
	  "0", NULL, NULL, "there is a warm-up anyway, of two operations a context and at least 100 for latency; accepted for scripts" },
	{ 0, "no_warm_up", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(no_warm_up), 0, 1,
	  "0", NULL, NULL, "measure from the first operation on" },
	{ 't', "contexts", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(contexts), 1, 16384,
	  NULL, "COUNT", NULL, "operations in flight per QP" },
	{ 'q', "qp", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(qps), 1, 1024,
	  "1", "COUNT", NULL, "QPs" },
	{ 0, "threads", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(threads), 1, RW_MAX_THREADS,
	  "1", "COUNT", NULL, "measuring threads, each with its share of the QPs, its own CQ and pools, and a core of its own (or --no_pin); they share --rate, and schedules that are not random take turns" },
	{ 'b', "bidirectional", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(bidirectional), 0, 1,
	  "0", NULL, NULL, "both sides issue operations at the same time, each on the other's memory by the same QPs; rates are those of both together", "bw" },
	{ 'R', "rdma_cm", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(rdma_cm), 0, 1,
	  "0", NULL, NULL, "connect the QPs by rdma_cm; the control connection stays TCP (implied on iWARP, which knows no other way)" },
	{ 'T', "tos", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(tos), 0, 255,
	  "auto", "N", NULL, "with -R: type of service, of which rdma_cm makes the traffic class and, on RoCE, the priority (auto: rdma_cm's own, 0 or what the administrator set)" },
	{ 0, "use_ooo", "ooo", RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(use_ooo), 0, 1,
	  "0", NULL, NULL, "QPs place data that come out of order; mlx5 devices, where rdma-core, kernel and firmware have it" },
	{ 'l', "post_list", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(post_list), 1, 16384,
	  "1", "COUNT", NULL, "operations posted with one doorbell: contexts wait for each other (in an open loop, those that are due together, at most)" },
	{ 'Q', "cq-mod", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(cq_mod), 1, 16384,
	  "1", "COUNT", NULL, "operations per completion (the kernel's R/W API: 1)" },
	{ 'I', "inline_size", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(inline_bytes), 0, 1024,
	  "0", "BYTES", NULL, "WRITEs of up to so many bytes go with their data in the WQE, on path direct (an MR has none of its own)" },
	{ 'e', "events", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(events), 0, 1,
	  "0", NULL, NULL, "sleep until the device tells of a completion, where a poll found none (default: poll on)" },
	{ 'X', "vector", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(comp_vector), 0, 65535,
	  "0", "VECTOR", NULL, "with -e: completion vector of the CQ" },
	{ 'm', "mtu", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(mtu_bytes), 256, 4096,
	  "auto", "BYTES", NULL, "path MTU: 256, 512, 1024, 2048 or 4096 (auto: the most both ports run)" },
	{ 'S', "sl", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(sl), 0, 15,
	  "0", "SL", NULL, "service level" },
	{ 0, "tclass", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(tclass), 0, 255,
	  "0", "N", NULL, "traffic class of the GRH; on RoCE v2 the IP header's TOS: 4 * DSCP" },
	{ 0, "flow_label", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_LOAD, FIELD(flow_labels), 0, 256,
	  "", "LIST", NULL, "flow labels of the GRH, dealt to the QPs in turn, such as 1,2,0x12345; RoCE v2 makes the UDP source port of it" },
	{ 'L', "hop_limit", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(hop_limit), 0, 255,
	  "64", "N", NULL, "InfiniBand: hop limit of the GRH (RoCE takes the IP route's)" },
	{ 'u', "qp-timeout", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(qp_timeout), 1, 31,
	  "14", "N", NULL, "acknowledge timeout, 4.096 us * 2^N" },
	{ 0, "retry_count", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(retry_count), 0, 7,
	  "7", "COUNT", NULL, "how often a packet is sent again when acknowledge timeouts pass, until the peer is given up" },
	{ 0, "rnr_retry", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(rnr_retry), 0, 7,
	  "7", "COUNT", NULL, "how often it is sent again when the peer is not ready (RNR NAK), 7: for ever; for lack of receives READs and WRITEs never see one, from memory on demand (ODP) they may" },
	{ 0, "min_rnr_timer", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(min_rnr_timer), 0, 31,
	  "12", "CODE", NULL, "how long it then waits: 12 is 0.64 ms, 1 is 10 us, 31 is 491.52 ms, 0 is 655.36 ms" },
	{ 'o', "outs", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(outs), 1, 255,
	  "auto", "COUNT", NULL, "outstanding READs per QP (auto: the most both devices allow)" },
	{ 0, "rate", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(rate), 1, 20000000,
	  "0", "OPS", NULL, "open loop: operations per second that are to begin (with -b, at each side), whether or not the device keeps up; latency counts from when each was to begin" },
	{ 0, "arrival", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_LOAD, FIELD(arrival), 0, 32,
	  "poisson", "HOW", arrival_names, "with --rate, how operations arrive, the last N at a time (default poisson)" },
	{ 0, "rate_limit", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_LOAD, FIELD(rate_limit), 0, 32,
	  "", "RATE", NULL, "a bandwidth of the row (with -b, of each side) that is not exceeded, in Gb/s or --rate_units", "bw" },
	{ 0, "rate_units", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_LOAD, FIELD(rate_units), 0, 2,
	  "g", "UNITS", rate_units_names, "of --rate_limit, MiB/s, Gb/s or operations/s", "bw" },
	{ 0, "rate_limit_type", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_LOAD, FIELD(rate_limit_type), 0, 2,
	  "SW", "TYPE", limit_type_names, "who keeps the --rate_limit: this program by a schedule, a device that paces its QPs, or the static rate of their addresses, which is the next one below", "bw" },
	{ 0, "burst_size", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(burst_size), 1, 1000000,
	  "1", "COUNT", NULL, "operations that --rate_limit lets begin together", "bw" },
	{ 0, "typical_pkt_size", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(typical_pkt_size), 1, 65535,
	  "0", "BYTES", NULL, "with --rate_limit_type=PP: the usual size of a packet, a hint to the device", "bw" },
	{ 0, "think_us", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(think_us), 1, 1000000000,
	  "0", "USEC", NULL, "closed loop: each context pauses between two operations, for an exponential time of this mean" },
	{ 0, "latency_gap", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(latency_gap_us), 1, 1000000000,
	  "0", "USEC", NULL, "each context pauses for this time between two operations", "lat" },
	{ 0, "verify", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_LOAD, FIELD(verify), 0, 1,
	  "0", NULL, NULL, "check every byte of READs, and of WRITEs what each context wrote last; figures then include the checking; exit code 5 if any is wrong" },
	{ 0, "seed", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_LOAD, FIELD(seed), 0, UINT32_MAX,
	  "1", "N", NULL, "seed of the data pattern, of arrivals and of all else that is random" },

	{ 0, "path", NULL, RW_OPT_LIST, RW_SCOPE_RUN, GROUP_PATH, FIELD(paths), 1, 7,
	  "direct,mr,auto", "LIST", path_names, "paths to measure, one row each, then their ratio; auto decides as the kernel does" },
	{ 0, "sges", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_PATH, FIELD(sges), 1, 65536,
	  "auto", "COUNT", NULL, "local segments of one operation (auto: size / segment)" },
	{ 0, "segment", NULL, RW_OPT_SIZE, RW_SCOPE_RUN, GROUP_PATH, FIELD(segment_bytes), 1, 1 << 30,
	  "auto", "BYTES", NULL, "bytes of one segment; the last may be shorter (auto: 4096, or size / sges)" },
	{ 0, "segment_stride", NULL, RW_OPT_SIZE, RW_SCOPE_RUN, GROUP_PATH, FIELD(stride_bytes), 1, UINT64_C(1) << 31,
	  "auto", "BYTES", NULL, "distance between the starts of two segments (auto: whole pages and one page of gap)" },
	{ 0, "remote_sge_stride", NULL, RW_OPT_SIZE, RW_SCOPE_RUN, GROUP_PATH, FIELD(remote_stride_bytes), 1, UINT64_C(1) << 31,
	  "0", "BYTES", NULL, "the peer's memory is scattered, too: distance there between the starts of an operation's WRs, each of as many segments as any path's WR can take (default: side by side)" },
	{ 0, "engine", NULL, RW_OPT_STRING, RW_SCOPE_RUN, GROUP_PATH, FIELD(engine), 0, 32,
	  "", "NAME", engine_names, "how MRs are made; kernel: all is done by the kernel's own R/W API, in the module rw_bench, which both hosts need, for root (default: the best the device has)" },
	{ 0, "disable_pcie_relaxed", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_PATH, FIELD(no_relaxed_ordering), 0, 1,
	  "0", NULL, NULL, "register memory without relaxed ordering on PCIe, on both sides (without this it is asked for, and devices that have none ignore it)" },
	{ 0, "max_sgl_rd", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_PATH, FIELD(max_sgl_rd), 0, 255,
	  "auto", "COUNT", NULL, "path auto: segments above which a READ wants an MR; 0: never (auto: what the firmware says, or with --engine=kernel the kernel)" },
	{ 0, "mr_pool", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_PATH, FIELD(mr_pool), 1, 1048576,
	  "auto", "COUNT", NULL, "MRs in a pool (auto: as many as its contexts need)" },
	{ 0, "mr_entries", NULL, RW_OPT_NUMBER, RW_SCOPE_RUN, GROUP_PATH, FIELD(mr_entries), 1, 65536,
	  "auto", "COUNT", NULL, "segments of one MR, at most; an operation takes as many MRs as it needs (auto: the engine's limit)" },
	{ 0, "on_exhaustion", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_PATH, FIELD(on_exhaustion), 0, 2,
	  "fallback", "POLICY", exhaustion_names, "when the pool is empty: post SGEs directly, drop the operation, or wait for an MR" },
	{ 0, "teardown", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_PATH, FIELD(teardown), 0, 1,
	  "0", NULL, NULL, "with --on_exhaustion=fail: tear the QP's connection down and make it again, as before kernels had the fallback" },
	{ 0, "invalidate", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_PATH, FIELD(invalidate), 0, 2,
	  "lazy", "WHEN", invalidate_names, "LOCAL_INV with the MR's next use (as the kernel), behind a fence after the READ, or not at all" },
	{ 0, "pool_scope", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_PATH, FIELD(pool_scope), 0, 2,
	  "qp", "SCOPE", pool_scope_names, "who has an MR pool: each QP (as the kernel), the QPs of a thread together, or all: a lock is then taken and given for each operation of several threads" },
	{ 0, "sq", NULL, RW_OPT_NAME, RW_SCOPE_RUN, GROUP_PATH, FIELD(sq), 0, 1,
	  "full", "SIZE", sq_names, "send queue: room for every context's longest chain, or the kernel's 3 WRs per context, which fallbacks can fill" },

	{ 0, "use_hugepages", NULL, RW_OPT_FLAG, RW_SCOPE_SIDE, GROUP_MEMORY, FIELD(use_hugepages), 0, 1,
	  "0", NULL, NULL, "this side's memory is of huge pages, or the run is refused (without it: where there are any)" },
	{ 0, "odp", NULL, RW_OPT_OPTIONAL, RW_SCOPE_SIDE, GROUP_MEMORY, FIELD(odp), 0, 16,
	  NULL, "KIND", odp_names, "this side's memory is registered for paging on demand, nothing is pinned; implicit makes one MR of all addresses (default explicit); path direct only" },
	{ 0, "mmap", NULL, RW_OPT_STRING, RW_SCOPE_SIDE, GROUP_MEMORY, FIELD(mmap_file), 0, 1024,
	  "", "FILE", NULL, "this side's memory is FILE, mapped: of a file system in memory (/dev/shm, hugetlbfs), or of a device" },
	{ 0, "mmap-offset", "mmap_offset", RW_OPT_SIZE, RW_SCOPE_SIDE, GROUP_MEMORY, FIELD(mmap_offset), 1, UINT64_C(1) << 50,
	  "0", "BYTES", NULL, "where in FILE it begins, a multiple of the page size" },
	{ 0, "use-null-mr", "use_null_mr", RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_MEMORY, FIELD(use_null_mr), 0, 1,
	  "0", NULL, NULL, "the client's SGEs carry the key of a null MR (ibv_alloc_null_mr): the device drops what it reads, and writes nothing of this host's memory; path direct only" },
	{ 0, "mr_per_qp", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_MEMORY, FIELD(mr_per_qp), 0, 1,
	  "0", NULL, NULL, "register the memory of each QP as an MR of its own, on both sides" },

	{ 'W', "report-counters", NULL, RW_OPT_STRING, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(counters), 0, 1024,
	  "", "LIST", NULL, "counters of the port, such as hw_counters/out_of_buffer, and by how much each row moves them" },
	{ 0, "interval_ms", NULL, RW_OPT_NUMBER, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(interval_ms), 1, 3600000,
	  "1000", "MSEC", NULL, "length of the intervals of which the lowest and the highest rate are reported, and all in the JSON report" },
	{ 0, "report_interval", NULL, RW_OPT_NUMBER, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(report_interval_s), 1, 3600,
	  "1", "SECONDS", NULL, "on a terminal, how often a line says how the row goes" },
	{ 0, "pool_target", NULL, RW_OPT_STRING, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(pool_target), 0, 32,
	  "", "SHARE", NULL, "print the smallest pool with at most this share of exhaustions, such as 1e-4, from the measured hold time" },
	{ 0, "percentiles", NULL, RW_OPT_STRING, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(percentiles), 0, 128,
	  "50,90,99,99.9,99.99", "LIST", NULL, "percentiles of latency to report, up to 16 (default 50,90,99,99.9,99.99)", "lat" },
	{ 'H', "report-histogram", NULL, RW_OPT_FLAG, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(histogram), 0, 1,
	  "0", NULL, NULL, "print the histogram: bounds and counts", "lat" },
	{ 'U', "report-unsorted", NULL, RW_OPT_FLAG, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(unsorted), 0, 1,
	  "0", NULL, NULL, "print the latency of each operation, in the order in which they ended", "lat" },
	{ 'C', "report-cycles", NULL, RW_OPT_FLAG, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(cycles), 0, 1,
	  "0", NULL, NULL, "report cycles of the time stamp counter instead of microseconds", "lat" },
	{ 0, "report-both", NULL, RW_OPT_FLAG, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(report_both), 0, 1,
	  "0", NULL, NULL, "with -b: below each row of both sides together stand those of this one and of the peer", "bw" },
	{ 0, "report_gbits", NULL, RW_OPT_FLAG, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(report_gbits), 0, 1,
	  "0", NULL, NULL, "bandwidth in Gb/s (10^9 bits) instead of MiB/s", "bw" },
	{ 0, "output", NULL, RW_OPT_NAME, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(output), 0, 3,
	  "table", "WHAT", output_names, "for scripts, one number a row instead of the table, the average in the table's unit" },
	{ 0, "cpu_util", NULL, RW_OPT_FLAG, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(cpu_util), 0, 1,
	  "0", NULL, NULL, "a column for the CPU time of this process, in percent of one CPU (the JSON report always has it)" },
	{ 'N', "noPeak", NULL, RW_OPT_FLAG, RW_SCOPE_RUN, GROUP_OUTPUT, FIELD(no_peak), 0, 1,
	  "0", NULL, NULL, "do not measure the peak bandwidth", "bw" },
	{ 0, "json", NULL, RW_OPT_STRING, RW_SCOPE_OUTPUT, GROUP_OUTPUT, FIELD(json), 0, 1024,
	  "", "FILE", NULL, "write the report as JSON, too; '-': to stdout, instead of the table" },
	{ 'F', "CPU-freq", NULL, RW_OPT_FLAG, RW_SCOPE_SIDE, GROUP_OUTPUT, FIELD(force), 0, 1,
	  "0", NULL, NULL, "do not warn about the CPU frequency governor" },

	{ 0, "list_engines", NULL, RW_OPT_FLAG, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(list_engines), 0, 1,
	  "0", NULL, NULL, "print what each engine can do on the device, and why one is not available" },
	{ 0, "selftest", NULL, RW_OPT_FLAG, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(selftest), 0, 1,
	  "0", NULL, NULL, "try on the device all that the paths and engines rely on, between two QPs of this process" },
	{ 0, "explain", NULL, RW_OPT_OPTIONAL, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(explain), 0, 1024,
	  NULL, "FILE", NULL, "print what would be decided for each row and why, its WRs and its budgets; with FILE ('-': stdin): answer its vectors, one JSON line each" },
	{ 0, "hold_ns", NULL, RW_OPT_NUMBER, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(hold_ns), 1, 1000000000000,
	  "0", "NSEC", NULL, "with --explain: how long an operation holds its MRs; with --rate or --think_us tells how often the pool is empty, with --pool_target how large it must be" },
	{ 0, "device_profile", NULL, RW_OPT_NAME, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(device_profile), 0, 3,
	  "mlx5", "NAME", profile_names, "--explain without -d: the limits of such a device" },
	{ 0, "perftest", NULL, RW_OPT_FLAG, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(show_parity), 0, 1,
	  "0", NULL, NULL, "print, as Markdown, what each of perftest's options is here" },
	{ 'V', "version", NULL, RW_OPT_FLAG, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(show_version), 0, 1,
	  "0", NULL, NULL, "print the version" },
	{ 'h', "help", NULL, RW_OPT_FLAG, RW_SCOPE_LOCAL, GROUP_LOCAL, FIELD(show_help), 0, 1,
	  "0", NULL, NULL, "print this text" },
};
/* clang-format on */

const uint32_t rw_nr_opts = RW_ARRAY_SIZE(rw_opts);

_Static_assert(RW_ARRAY_SIZE(rw_opts) <= RW_MAX_OPTS, "rw_conf.given has room for each row");
_Static_assert(RW_NR_PROFILES == RW_ARRAY_SIZE(profile_names) - 1, "a name for each profile");
_Static_assert(RW_NR_PATHS == RW_ARRAY_SIZE(path_names) - 1, "a name for each path");

bool rw_opt_has_auto(const struct rw_opt *opt)
{
	return opt->fallback && !strcmp(opt->fallback, "auto");
}

const char *rw_conf_op_name(uint64_t op)
{
	return op_names[op];
}

const char *rw_conf_path_name(uint64_t path)
{
	return path_names[path];
}

const char *rw_conf_on_exhaustion_name(uint64_t policy)
{
	return exhaustion_names[policy];
}

const char *rw_conf_profile_name(uint64_t profile)
{
	return profile_names[profile];
}
