/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * --engine=kernel: the kernel's R/W API decides what user space decides elsewhere. What it
 * leaves no choice of is refused, rather than taken and forgotten.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "conf/conf.h"
#include "rw/layout.h"

bool rw_conf_uses_kernel(const struct rw_conf *conf)
{
	return !strcmp(conf->engine, "kernel");
}

static int check_given(const struct rw_conf *conf, struct rw_err *err)
{
	static const struct {
		const char *why;
		const char *options[12];
	} groups[] = {
		{ "the kernel makes the QPs and connects them",
		  { "use_ooo", "mtu", "sl", "tclass", "tos", "flow_label", "hop_limit", "retry_count",
		    "rnr_retry", "min_rnr_timer", "outs" } },
		{ "rdma_cm of the kernel chooses the address", { "gid-index", "pkey_index", "dlid" } },
		{ "the R/W API makes the work requests",
		  { "inline_size", "post_list", "cq-mod", "invalidate", "mr_entries", "pool_scope", "sq",
		    "remote_sge_stride" } },
		{ "the memory is the kernel's own",
		  { "segment_stride", "disable_pcie_relaxed", "use_hugepages", "odp", "mmap", "use-null-mr",
		    "mr_per_qp", "numa_node" } },
		{ "work items of the kernel measure, one for each QP",
		  { "threads", "cores", "no_pin", "events", "cpu_util", "report-cycles" } },
		{ "the module has no such load",
		  { "mix", "mix_sizes", "bidirectional", "margin", "rate_limit", "think_us", "latency_gap" } },
		{ "the module counts a row as a whole",
		  { "report-unsorted", "pool_target", "interval_ms", "report_interval" } },
		{ "the kernel plans, not this program", { "explain", "selftest" } },
	};

	for (size_t g = 0; g < RW_ARRAY_SIZE(groups); g++)
		for (const char *const *option = groups[g].options; *option; option++)
			if (rw_conf_was_given(conf, *option))
				return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
					       "--%s does not go with --engine=kernel: %s; leave one of them out",
					       rw_conf_typed_name(conf, *option), groups[g].why);
	return 0;
}

static int check_limits(const struct rw_conf *conf, struct rw_err *err)
{
	const struct {
		const char *name;
		uint64_t value, most;
	} limits[] = {
		{ "size", conf->size_bytes, 16 << 20 }, { "contexts", conf->contexts, 4096 },
		{ "qp", conf->qps, 64 },
		{ "mr_pool", conf->mr_pool == RW_AUTO ? 1 : conf->mr_pool, 65536 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(limits); i++)
		if (limits[i].value > limits[i].most)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--%s: --engine=kernel takes %" PRIu64 " at the most; lower it",
				       limits[i].name, limits[i].most);
	if (conf->rate && strcmp(conf->arrival, "poisson") && strcmp(conf->arrival, "fixed"))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--arrival: --engine=kernel has poisson and fixed; give one of them");
	if (!conf->qp_timeout)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--qp-timeout: --engine=kernel takes 1 to 31; raise it");
	return 0;
}

int rw_conf_kernel_layout(const struct rw_conf *conf, uint64_t size_bytes,
			  struct rw_layout *layout, struct rw_err *err)
{
	return rw_layout_init(layout, size_bytes, conf->sges, conf->segment_bytes, RW_AUTO, err);
}

/* The module's segments are of one length but for the last. */
static int check_segments(const struct rw_conf *conf, struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);
	struct rw_layout layout;

	for (uint32_t i = 0; i < n; i++) {
		int ret = rw_conf_kernel_layout(conf, sizes[i], &layout, err);

		if (ret)
			return ret;
		if (layout.nr_segs != rw_div_ceil(sizes[i], layout.seg_bytes) || layout.nr_short > 1)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--sges: with --engine=kernel all segments but the last are of one length, which %" PRIu64
				       " bytes in %u segments are not; give --segment instead",
				       sizes[i], layout.nr_segs);
		if (layout.seg_bytes > 1 << 20)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--segment: --engine=kernel takes 1M at the most; lower it");
	}
	return 0;
}

int rw_conf_check_kernel(const struct rw_conf *conf, struct rw_err *err)
{
	int ret;

	if (!rw_conf_uses_kernel(conf))
		return 0;
	ret = check_given(conf, err);
	if (!ret)
		ret = check_limits(conf, err);
	return ret ? ret : check_segments(conf, err);
}
