/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration of a run. It is filled from the command line by
 * rw_conf_parse, checked once, and constant from then on. On a server the
 * part that describes the run comes from the client.
 */
#ifndef RW_CONF_CONF_H
#define RW_CONF_CONF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* A number that was not given: the program finds the value itself. */
#define RW_AUTO UINT64_MAX

/* Rows that the option table may have. */
#define RW_MAX_OPTS 128

enum rw_conf_path {
	RW_PATH_DIRECT,
	RW_PATH_MR,
	RW_PATH_AUTO,
	RW_NR_PATHS,
};

enum rw_on_exhaustion {
	RW_EXHAUSTION_FALLBACK, /* post SGEs directly, as the kernel does */
	RW_EXHAUSTION_FAIL,     /* drop the operation and count it */
	RW_EXHAUSTION_WAIT,     /* wait until an MR comes back */
};

enum rw_invalidate {
	RW_INVALIDATE_LAZY,   /* LOCAL_INV before the MR's next registration, as the kernel */
	RW_INVALIDATE_FENCED, /* LOCAL_INV at once, behind a fence */
	RW_INVALIDATE_NEVER,  /* the next registration replaces the live one */
};

enum rw_pool_scope {
	RW_POOL_SCOPE_QP,     /* each QP has its own, as in the kernel */
	RW_POOL_SCOPE_THREAD, /* the QPs of a thread share one */
	RW_POOL_SCOPE_PROCESS, /* all QPs do; threads take a lock for it */
};

enum rw_sq {
	RW_SQ_FULL,   /* room for the longest chain of every context, fallback included */
	RW_SQ_KERNEL, /* as rdma_rw_init_qp: 3 WRs per context, where MRs are possible */
};

/* What is printed of a row. */
enum rw_output {
	RW_OUTPUT_TABLE,
	RW_OUTPUT_BANDWIDTH, /* this number alone, as all below */
	RW_OUTPUT_MESSAGE_RATE,
	RW_OUTPUT_LATENCY,
};

enum rw_rate_units {
	RW_RATE_MIB,        /* MiB/s */
	RW_RATE_GBIT,       /* Gb/s, of 10^9 bits */
	RW_RATE_OPERATIONS, /* operations per second */
};

enum rw_rate_limit_type {
	RW_LIMIT_SOFTWARE, /* operations begin by a schedule */
	RW_LIMIT_PACED,    /* the device paces each QP */
	RW_LIMIT_STATIC,   /* the static rate of each QP's address (IBA 9.11) */
};

/* Devices whose limits --explain knows without having one. */
enum rw_device_profile {
	RW_PROFILE_MLX5,
	RW_PROFILE_RXE,
	RW_PROFILE_SIW,
	RW_PROFILE_IRDMA,
	RW_NR_PROFILES,
};

enum rw_link {
	RW_LINK_ANY,
	RW_LINK_IB,
	RW_LINK_ETHERNET,
};

enum rw_verb {
	RW_VERB_READ,
	RW_VERB_WRITE,
};

/* The two sides of one program; a test gives its defaults here. */
struct rw_test {
	const char *program;  /* ib_rw_bw */
	const char *title;    /* one line for --help */
	const char *id;       /* bw: travels to the server, both sides must agree */
	uint64_t size_bytes;  /* default of -s */
	uint64_t contexts;    /* default of -t */
	bool is_latency;      /* operations are timed, and the paths take turns */
};

/* An option that was given, with or without a value. */
struct rw_optional {
	bool given;
	char text[1024]; /* empty: without */
};

struct rw_conf {
	const struct rw_test *test;
	bool is_server;
	bool is_local; /* neither client nor server: one of the flags below without a peer */
	bool given[RW_MAX_OPTS]; /* by row of the option table: it stood on the command line */
	bool mixes_by_size;      /* --mix_sizes stood there as --size with weights */

	/* this side's device and control channel */
	char host[256]; /* client: where the server is */
	char device[64];
	char bind[256];
	uint64_t ib_port;
	uint64_t force_link; /* enum rw_link: what the port must be */
	uint64_t gid_index; /* or RW_AUTO */
	uint64_t pkey_index;
	uint64_t dlid;      /* where to send instead of the peer's LID; 0: not given */
	uint64_t tcp_port;
	bool keep_serving;
	char cores[256];    /* a list of CPUs; empty: chosen */
	char numa_node[16]; /* a number, "device" or "far" */
	bool no_pin;
	bool use_hugepages;
	struct rw_optional odp; /* on-demand paging; text: empty, explicit or implicit */
	char mmap_file[1024]; /* this side's memory; empty: the host's own */
	uint64_t mmap_offset;

	/* output */
	char json[1024];
	char percentiles[128]; /* a list of numbers */
	char pool_target[32];  /* a wished share of exhaustions; empty: none */
	char counters[1024];   /* names of the port's counters */
	uint64_t interval_ms;  /* of the series */
	uint64_t report_interval_s; /* of the live line; 0: none */
	bool histogram;
	bool unsorted;
	bool cycles;
	uint64_t output;       /* enum rw_output */
	bool cpu_util;
	bool report_gbits;
	bool report_both;      /* with bidirectional: lines of either direction */
	bool no_peak;
	bool show_help;
	bool show_version;
	bool show_parity;
	bool force;

	/* what needs no peer; each excludes the others */
	bool list_engines;
	bool selftest;
	struct rw_optional explain; /* text: a file of vectors, "-": standard input */
	uint64_t device_profile;    /* enum rw_device_profile */
	uint64_t hold_ns;           /* of an MR, for --explain's loss model; 0: not given */

	/* the run; travels to the server */
	uint64_t op;            /* enum rw_verb; of a mix, rw_conf_has_op */
	char mix[64];           /* operations and their weights; empty: all are @op */
	char mix_sizes[512];     /* sizes and their weights; empty: all have @size_bytes */
	uint64_t paths;         /* bit 1 << enum rw_conf_path */
	uint64_t size_bytes;    /* the largest of a mix */
	bool all_sizes;
	char size_range[96];    /* FROM:TO[:FACTOR|:+STEP]; empty: none */
	uint64_t iters;
	uint64_t duration_s;    /* 0: iters count; margins included */
	uint64_t inline_bytes;  /* WRITEs of up to so many carry their data in the WQE */
	bool events;            /* sleep until completions come */
	uint64_t comp_vector;   /* whose interrupt wakes */
	uint64_t margin_s;      /* of these, at both ends, not counted */
	bool run_infinitely;    /* all rows again and again */
	bool perform_warm_up;   /* perftest's way to ask for what there is anyway */
	bool no_warm_up;
	uint64_t contexts;      /* operations in flight per QP */
	uint64_t qps;
	uint64_t threads;       /* that measure, each with some of the QPs */
	bool bidirectional;     /* the server issues operations, too */
	bool rdma_cm;           /* connect the QPs by rdma_cm */
	uint64_t tos;           /* of rdma_cm's connections, or RW_AUTO: its own choice */
	bool use_ooo;           /* data may arrive out of order */
	uint64_t mtu_bytes;     /* or RW_AUTO: the largest both ports run */
	uint64_t sl;
	uint64_t tclass;
	uint64_t hop_limit;
	char flow_labels[256];  /* a list of numbers, dealt to the QPs in turn; empty: 0 */
	uint64_t qp_timeout;    /* 4.096 us * 2^n */
	uint64_t retry_count;   /* after so many timeouts more a peer is given up */
	uint64_t rnr_retry;     /* 7: for ever */
	uint64_t min_rnr_timer; /* code of the IBA's table 45 */
	uint64_t outs;          /* outstanding READs per QP, or RW_AUTO */
	uint64_t post_list;
	uint64_t cq_mod;
	uint64_t sges;          /* or RW_AUTO: size / segment */
	uint64_t segment_bytes; /* or RW_AUTO: 4096, or size / sges */
	uint64_t stride_bytes;  /* or RW_AUTO */
	uint64_t remote_stride_bytes; /* between WRs in the peer's memory; 0: side by side */
	bool no_relaxed_ordering;
	char engine[32];        /* empty: the best the device has */
	uint64_t mr_pool;       /* or RW_AUTO: every context can have its MRs */
	uint64_t mr_entries;    /* or RW_AUTO: the engine's own limit */
	uint64_t max_sgl_rd;    /* or RW_AUTO: what the firmware says */
	uint64_t on_exhaustion; /* enum rw_on_exhaustion */
	bool teardown;          /* with RW_EXHAUSTION_FAIL: the connection goes, too */
	uint64_t invalidate;    /* enum rw_invalidate */
	uint64_t pool_scope;    /* enum rw_pool_scope */
	uint64_t sq;            /* enum rw_sq */
	bool use_null_mr;       /* READs are dropped at the client, WRITEs send nothing of it */
	bool mr_per_qp;         /* the memory of each QP is an MR of its own */
	uint64_t rate;          /* operations per second of an open loop; 0: closed loop */
	char arrival[32];       /* how they arrive */
	char rate_limit[32];    /* a number of rate_units; empty: no limit */
	uint64_t rate_units;    /* enum rw_rate_units */
	uint64_t rate_limit_type; /* enum rw_rate_limit_type */
	uint64_t burst_size;    /* operations that a rate limit lets begin together */
	uint64_t typical_pkt_size; /* for the device's pacing; 0: not told */
	uint64_t latency_gap_us; /* pause of a context between two operations, exactly */
	uint64_t think_us;      /* mean pause of a context between two operations */
	bool verify;
	uint64_t seed;
};

/*
 * Fill @conf with @test's defaults and what the command line says, then check
 * that the options fit each other. Errors are told in @err with RW_EXIT_USAGE.
 * Not reentrant: getopt_long keeps state.
 * Returns 0 or -EINVAL. With show_help or show_version nothing else is checked.
 */
int rw_conf_parse(const struct rw_test *test, int argc, char *const argv[], struct rw_conf *conf,
		  struct rw_err *err);

/* Defaults only, as if nothing stood on the command line. */
void rw_conf_init(struct rw_conf *conf, const struct rw_test *test);

/*
 * The checks that need more than one option, on either side.
 * Returns 0 or -EINVAL with @err told.
 */
int rw_conf_check(const struct rw_conf *conf, struct rw_err *err);

/* Print the help text, made from the option table, to stdout. */
void rw_conf_help(const struct rw_test *test);

/*
 * The options as JSON: all of them (@run_only false, for reports), or the run
 * (for the peer). Auto values are the string "auto". NULL: out of memory.
 */
json_t *rw_conf_to_json(const struct rw_conf *conf, bool run_only);

/*
 * Take the run from what the peer sent. Every field must be there, of its
 * type and in its range; none may be unknown. @conf keeps its own device options.
 * Returns 0 or -EPROTO with @err told (RW_EXIT_PEER).
 */
int rw_conf_from_json(struct rw_conf *conf, const json_t *run, struct rw_err *err);

/*
 * The names of the options that stood on the command line and that this side
 * does not read, separated by blanks: a server ignores those of a run and of its
 * report, since the client's count.
 * Returns how many there are.
 */
int rw_conf_ignored_options(const struct rw_conf *conf, char *buf, size_t len);

/* Did the option @name (long form) stand on the command line? */
bool rw_conf_was_given(const struct rw_conf *conf, const char *name);

/* What to call the option @name, which was given: as it was typed. */
const char *rw_conf_typed_name(const struct rw_conf *conf, const char *name);

/* Names as they are typed and reported. */
const char *rw_conf_op_name(uint64_t op);
const char *rw_conf_path_name(uint64_t path);
const char *rw_conf_on_exhaustion_name(uint64_t policy);
const char *rw_conf_profile_name(uint64_t profile);

/* The --rate_limit in bytes and in operations per second, where operations have @bytes; 0: none. */
double rw_conf_limit_bytes_per_s(const struct rw_conf *conf, double bytes);
double rw_conf_limit_per_s(const struct rw_conf *conf, double bytes);

/* The same for a row of operations of @size_bytes, or of the run's mix. */
double rw_conf_row_limit_per_s(const struct rw_conf *conf, uint64_t size_bytes);

/* Can --rate_limit and its companions be had? Returns 0 or -EINVAL with @err told. */
int rw_conf_check_limit(const struct rw_conf *conf, struct rw_err *err);

/* Nanoseconds that each row is measured; 0: operations count. */
uint64_t rw_conf_measured_ns(const struct rw_conf *conf);

/* Is each operation timed? */
bool rw_conf_is_timed(const struct rw_conf *conf);

/* Do the paths of a size take turns? Not where a row has a history: a queue. */
bool rw_conf_takes_turns(const struct rw_conf *conf);

/* Operation contexts of a session: rows that take turns have their own. */
uint64_t rw_conf_slots(const struct rw_conf *conf);

/* In one MR lie the slots of a QP, or all. */
uint64_t rw_conf_mr_slots(const struct rw_conf *conf);

/* Where slot @index lies in the memory of either side, counted in slots: beside others of its MR. */
uint64_t rw_conf_slot_place(const struct rw_conf *conf, uint64_t index);

/*
 * The percentiles that are reported, as they were typed. Returns how many, or
 * -EINVAL with @err told.
 */
#define RW_MAX_PERCENTILES 16
struct rw_percentile {
	char text[16];
	double percent;
};
int rw_conf_percentiles(const struct rw_conf *conf,
			struct rw_percentile percentiles[RW_MAX_PERCENTILES], struct rw_err *err);

/* The message sizes of a run that was checked, smallest first; of a mix: the largest. */
#define RW_MAX_SIZES 64
uint32_t rw_conf_sizes(const struct rw_conf *conf, uint64_t sizes[RW_MAX_SIZES]);
/* The last of them. */
uint64_t rw_conf_largest_size(const struct rw_conf *conf);

/* The range that --all and --size_range stand for, as one types it; NULL: one size only. */
const char *rw_conf_size_range(const struct rw_conf *conf);

/* Can it be had? Returns 0 or -EINVAL with @err told. */
int rw_conf_check_size_range(const struct rw_conf *conf, struct rw_err *err);

/* Operations that are alike: all of a row, or a part of its mix. */
struct rw_kind {
	enum rw_verb op;
	uint64_t size_bytes;
	uint64_t weight; /* of @weight in the sum of all weights, at random */
};

/*
 * The kinds of a mix: each operation of --mix in each size of --size=SIZE:WEIGHT,...
 * Returns how many; 0: there is no mix, all operations of a row are alike; or
 * -EINVAL with @err told.
 */
#define RW_MAX_MIX 16
int rw_conf_mix(const struct rw_conf *conf, struct rw_kind kinds[RW_MAX_MIX], struct rw_err *err);
bool rw_conf_is_mixed(const struct rw_conf *conf);

/* Of a run that was checked: the kinds of operations of all its rows, of a mix or not. */
#define RW_MAX_KINDS RW_MAX_SIZES
_Static_assert(RW_MAX_KINDS >= RW_MAX_MIX, "kinds of a mix are kinds");
uint32_t rw_conf_kinds(const struct rw_conf *conf, struct rw_kind kinds[RW_MAX_KINDS]);

/*
 * The flow labels of --flow_label, for QPs i % n. Returns how many, 0: none were
 * given, or -EINVAL with @err told.
 */
#define RW_MAX_FLOW_LABELS 32
int rw_conf_flow_labels(const struct rw_conf *conf, uint32_t labels[RW_MAX_FLOW_LABELS],
			struct rw_err *err);

/* What of the QPs' addresses does not fit together; part of rw_conf_check. */
int rw_conf_check_address(const struct rw_conf *conf, struct rw_err *err);

/*
 * --engine=kernel: rows are measured by the kernel module (kernel/control.h). What was typed
 * and does not go with it is told in @err: 0 or -EINVAL.
 */
bool rw_conf_uses_kernel(const struct rw_conf *conf);
int rw_conf_check_kernel(const struct rw_conf *conf, struct rw_err *err);

/*
 * The segments of its operations of @size_bytes; where the peer has them is the module's
 * matter. Returns as rw_layout_init.
 */
struct rw_layout;
int rw_conf_kernel_layout(const struct rw_conf *conf, uint64_t size_bytes,
			  struct rw_layout *layout, struct rw_err *err);

/* Has it such operations? */
bool rw_conf_has_op(const struct rw_conf *conf, enum rw_verb op);

#endif
