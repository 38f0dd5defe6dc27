/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The table. Scripts read the columns of perftest's ib_read_bw at the left, so
 * their widths and order are kept to the letter; ours stand at the right.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/lat.h"
#include "util/units.h"

#define MIB  1048576.0

static void bw_columns(const struct rw_conf *conf)
{
	const char *unit = conf->report_gbits ? "Gb/sec" : "MiB/sec";

	printf(" #bytes     #iterations    BW peak[%s]    BW average[%s]   MsgRate[Mpps]", unit,
	       unit);
	rw_cpu_column(conf);
	printf("   path    engine   sges   contexts pool   exhaustions fallbacks  failed     WRs/op   WQE B/op\n");
}

void rw_table_columns(const struct rw_conf *conf)
{
	if (conf->test->is_latency)
		rw_lat_columns(conf);
	else
		bw_columns(conf);
	fflush(stdout);
}

static void print_prediction(const struct rw_result *r)
{
	printf(" # exhaustions: measured %.4g %%", 100 * rw_result_exhaustion_share(r));
	if (r->share_ci.low <= r->share_ci.high)
		printf(" (95 %% interval %.4g to %.4g)", 100 * r->share_ci.low,
		       100 * r->share_ci.high);
	if (r->share_model)
		printf(", predicted from the hold time %.4g %% (%s)%s\n",
		       100 * (r->share_predicted < 1e-9 ? 0 : r->share_predicted), r->share_model,
		       rw_result_is_surprise(r) ? ": the load is not what the model takes it for" : "");
	else
		printf(", not predicted: %s\n", r->no_share_model);
}

/* Measured beside predicted. */
static void print_share(const struct rw_result *r)
{
	if ((r->share_model || r->no_share_model) && (r->rate || r->exhaustions))
		print_prediction(r);
	if (r->no_pool_wanted)
		printf(" # no pool is named for --pool_target: %s\n", r->no_pool_wanted);
	if (r->pool_wanted)
		printf(" # a pool of %u MRs would keep the share as wished (--pool_target)\n",
		       r->pool_wanted);
}

/* What became of the pool: to the row's right there is no room for it. */
static void print_pool(const struct rw_result *r)
{
	printf(" # %s: %" PRIu64 " operations wanted MRs", r->path, r->mr_wanted);
	if (r->exhaustions)
		printf(", %.4g %% found the pool empty (%.4g/s",
		       100 * rw_result_exhaustion_share(r), rw_result_exhaustions_per_s(r));
	if (r->exhaustions && !r->kernel)
		printf(", the first after %.3f ms", (double)r->first_exhaustion_ns / 1e6);
	if (r->exhaustions)
		printf(")");
	printf("; of %" PRIu64 " MRs %.1f in use on average, %" PRIu64
	       " free at the least",
	       r->mr_pool, r->mrs_in_use, r->pool_low_water);
	if (r->mr_operations)
		printf(", %.1f us held each", r->mr_hold_ns / 1e3);
	if (!r->kernel)
		printf("; pool made in %.2f ms", (double)r->pool_create_ns / 1e6);
	printf("\n");
	print_share(r);
	if (r->waits)
		printf(" # %" PRIu64 " waits for an MR of %.1f us each\n", r->waits,
		       r->wait_ns / 1e3 / (double)r->waits);
	if (r->teardowns)
		printf(" # %" PRIu64 " teardowns of %.3f ms each; %" PRIu64
		       " operations in flight were lost\n",
		       r->teardowns, r->teardown_ns / 1e6 / (double)r->teardowns, r->torn);
}

/*
 * perftest's columns: REPORT_FMT of its perftest_parameters.h, and REPORT_FMT_EXT
 * when the average is below 0.1 Gb/s (print_full_bw_report, the same from 4.4 on).
 */
struct figures {
	uint64_t operations;
	double peak_bytes_per_s, bytes_per_s, ops_per_s;
};

static void print_figures(const struct rw_conf *conf, const struct rw_result *r,
			  const struct figures *f)
{
	double unit = conf->report_gbits ? 1e9 / 8 : MIB;
	double average = f->bytes_per_s / unit;
	double mpps = f->ops_per_s / 1e6;
	bool is_small = conf->report_gbits && average < 0.1;
	char peak[32] = "-";

	/* The module has no windows to find one in. Of -N it is 0.00, as perftest's. */
	if (!r->kernel)
		snprintf(peak, sizeof(peak), "%.*lf", is_small ? 6 : 2, f->peak_bytes_per_s / unit);
	if (is_small)
		printf(" %-7" PRIu64 "    %" PRIu64 "           %-7s            %-7.6lf            %-7.6lf",
		       rw_result_msg_bytes(r), f->operations, peak, average, mpps);
	else
		printf(" %-7" PRIu64 "    %-10" PRIu64 "       %-7s            %-7.2lf		   %-7.6lf",
		       rw_result_msg_bytes(r), f->operations, peak, average, mpps);
}

static struct figures sum_of(const struct rw_result *r)
{
	return (struct figures){ r->operations, rw_result_sum_peak_bytes_per_s(r),
				 rw_result_sum_bytes_per_s(r), rw_result_sum_ops_per_s(r) };
}

/* perftest's lines of --report-both (read_bw.c), which scripts find by their titles. */
static void print_direction(const struct rw_conf *conf, const struct rw_result *r,
			    const char *title, const struct figures *f)
{
	printf("\n %s results: \n", title);
	print_figures(conf, r, f);
	printf("\n");
}

/* With -b: what the sum is made of. */
static void print_both(const struct rw_conf *conf, const struct rw_result *r)
{
	const struct rw_result_peer *peer = &r->peer;
	const struct figures local = { r->operations, r->peak_bytes_per_s,
				       rw_result_bytes_per_s(r), rw_result_ops_per_s(r) };
	const struct figures remote = { peer->operations, peer->peak_bytes_per_s,
					peer->bytes_per_s, peer->ops_per_s };
	double unit = conf->report_gbits ? 1e9 / 8 : MIB;

	if (!peer->row)
		return;
	printf(" # both ways: %.2f %s by this side, %.2f by the server, %" PRIu64
	       " operations in %.6f s; the columns at the right are this side's\n",
	       local.bytes_per_s / unit, conf->report_gbits ? "Gb/sec" : "MiB/sec",
	       remote.bytes_per_s / unit, remote.operations, (double)peer->elapsed_ns / 1e9);
	if (!conf->report_both)
		return;
	print_direction(conf, r, "Local", &local);
	print_direction(conf, r, "Remote", &remote);
	printf("\n");
}

static void bw_row(const struct rw_conf *conf, const struct rw_result *r)
{
	char pool[24] = "-", wqe_bytes[24] = "-";
	const struct figures sum = sum_of(r);

	if (r->engine)
		snprintf(pool, sizeof(pool), "%" PRIu64, r->mr_pool);
	if (r->wqe_bytes)
		snprintf(wqe_bytes, sizeof(wqe_bytes), "%.0f", rw_result_wqe_bytes_per_op(r));
	print_figures(conf, r, &sum);
	rw_cpu_figure(conf, r);
	printf("        %-7s %-8s %-6u %-8" PRIu64 " %-6s %-11" PRIu64 " %-10" PRIu64 " %-10" PRIu64
	       " %-8.2f %s\n",
	       r->path, r->engine ? r->engine : "-", r->sges, r->contexts, pool, r->exhaustions,
	       r->fallbacks, r->failed, rw_result_wrs_per_op(r), wqe_bytes);
}

static void print_mix(const struct rw_result *r)
{
	for (uint32_t k = 0; k < r->nr_kinds; k++)
		printf("%s %s %" PRIu64 " bytes %" PRIu64 " (%.1f %%)", k ? "," : " # mix:",
		       r->mix[k].op, r->mix[k].size_bytes, r->mix[k].operations,
		       100.0 * (double)r->mix[k].operations /
			       (double)rw_max(r->operations, 1u));
	if (r->nr_kinds)
		printf("\n");
}

static void print_limit(const struct rw_conf *conf, const struct rw_result *r)
{
	const char *remark = "";

	if (!rw_result_reached_limit(r))
		remark = ": the device or this host is slower";
	else if (!rw_result_keeps_limit(r))
		remark = ": EXCEEDED, who was to keep it did not (--rate_limit_type)";
	printf(" # rate limit%s: %.6g operations/s allowed, %.6g reached%s\n",
	       conf->bidirectional ? " of each side" : "", r->limit_per_s,
	       rw_result_ops_per_s(r), remark);
}

/* What the rate is made of, and the windows beside the best one. */
static void print_measured(const struct rw_conf *conf, const struct rw_result *r)
{
	double unit = conf->report_gbits ? 1e9 / 8 : MIB;

	printf(" # measured: %" PRIu64 " operations in %.6f s", r->operations,
	       (double)r->elapsed_ns / 1e9);
	if (!conf->test->is_latency && r->nr_threads <= 1 && r->least_bytes_per_s > 0)
		printf("; windows of %" PRIu64 ": %.2f to %.2f %s",
		       rw_min(r->contexts * r->qps, r->operations),
		       r->least_bytes_per_s / unit, r->peak_bytes_per_s / unit,
		       conf->report_gbits ? "Gb/sec" : "MiB/sec");
	printf("\n");
}

/* How even the threads were. */
static void print_each(const struct rw_result *r)
{
	double slowest = 0, fastest = 0;

	for (uint32_t i = 0; i < r->nr_threads; i++) {
		const struct rw_result_thread *t = &r->threads[i];
		double per_s = (double)t->operations * 1e9 / (double)rw_max(t->elapsed_ns, 1u);

		slowest = i ? rw_min(slowest, per_s) : per_s;
		fastest = rw_max(fastest, per_s);
	}
	if (r->nr_threads > 1)
		printf(" # %u threads: %.6g to %.6g operations/s each\n", r->nr_threads, slowest,
		       fastest);
}

/* What the row cost the host, and how even it was. */
static void print_host(const struct rw_conf *conf, const struct rw_result *r)
{
	double n = (double)rw_max(r->operations, 1u) * 1e3;
	const char *name;
	json_t *value;

	if (!r->kernel)
		printf(" # CPU: %.3f us an operation in the measuring thread%s, %.3f us in the process\n",
		       r->cpu_thread_ns / n, r->nr_threads > 1 ? "s" : "", r->cpu_process_ns / n);
	print_each(r);
	if (r->nr_intervals > 1)
		printf(" # intervals of %" PRIu64 " ms: %.6g to %.6g operations/s\n",
		       r->interval_ns / 1000000, r->rates.min_operations,
		       r->rates.max_operations);
	json_object_foreach(r->counters, name, value)
	{
		if (json_is_integer(value))
			printf(" # %s: %+lld%s\n", name, (long long)json_integer_value(value),
			       rw_conf_takes_turns(conf) ? " by all paths" : "");
		else
			printf(" # %s: not known, it fell or cannot be read\n", name);
	}
}

/* What the kernel did of itself, where something else was asked for. */
static void print_kernel(const struct rw_conf *conf, const struct rw_result *r)
{
	long long unverified;

	printf(" # kernel: max_sgl_rd %lld (the device's: %lld)%s; rdma_rw_ctx_init said -EAGAIN %lld times\n",
	       (long long)json_integer_value(json_object_get(r->kernel, "max_sgl_rd_used")),
	       (long long)json_integer_value(json_object_get(r->kernel, "max_sgl_rd_found")),
	       json_is_true(json_object_get(r->kernel, "force_mr")) ? ", force_mr" : "",
	       (long long)json_integer_value(json_object_get(r->kernel, "eagain")));
	if (r->failed && conf->on_exhaustion == RW_EXHAUSTION_FALLBACK)
		printf(" # no fallback: this kernel has none, or none for these operations; %" PRIu64
		       " were dropped\n",
		       r->failed);
	unverified = json_integer_value(json_object_get(r->kernel, "unverified"));
	if (unverified)
		printf(" # not verified: %lld WRITEs, of connections that were torn down or of a server that did not say what it found\n",
		       unverified);
	if (r->fallbacks && conf->on_exhaustion != RW_EXHAUSTION_FALLBACK)
		printf(" # this kernel falls back by itself: --on_exhaustion=%s had nothing to do\n",
		       rw_conf_on_exhaustion_name(conf->on_exhaustion));
}

void rw_table_number(const struct rw_conf *conf, const struct rw_result *r)
{
	double unit = conf->report_gbits ? 1e9 / 8 : MIB;

	switch (conf->output) {
	case RW_OUTPUT_BANDWIDTH:
		printf("%lf\n", rw_result_sum_bytes_per_s(r) / unit);
		break;
	case RW_OUTPUT_MESSAGE_RATE:
		printf("%lf\n", rw_result_sum_ops_per_s(r) / 1e6);
		break;
	case RW_OUTPUT_LATENCY:
		if (rw_lat_is_known(r->latency))
			printf("%lf\n",
			       r->latency->moments.mean / rw_lat_unit_ns(conf, r->latency));
		else
			puts("-");
		break;
	}
	fflush(stdout);
}

void rw_table_row(const struct rw_conf *conf, const struct rw_result *r)
{
	if (conf->test->is_latency)
		rw_lat_row(conf, r);
	else
		bw_row(conf, r);
	print_measured(conf, r);
	print_both(conf, r);
	print_mix(r);
	if (r->engine)
		print_pool(r);
	if (r->sq_stalls)
		printf(" # %" PRIu64 " SQ stalls of %.1f us each: operations that found no room in the send queue\n",
		       r->sq_stalls, r->sq_stall_ns / 1e3 / (double)r->sq_stalls);
	if (r->limit_per_s > 0)
		print_limit(conf, r);
	print_host(conf, r);
	if (r->kernel)
		print_kernel(conf, r);
	if (r->latency)
		rw_lat_notes(conf, r);
	if (r->corrupt.bytes)
		printf(" # CORRUPT: %" PRIu64 " bytes wrong\n", r->corrupt.bytes);
	if (r->interrupted)
		printf(" # interrupted: the row holds what was measured so far\n");
	fflush(stdout);
}

static void bw_ratio(const struct rw_result *row, const struct rw_result *direct)
{
	const char *name = rw_lat_path_name(row);
	char size[RW_RESULT_TEXT];

	printf(" # %s / direct %s: ", name, rw_result_size_text(row, size));
	if (rw_result_sum_ops_per_s(direct) > 0)
		printf("%.3f", rw_result_sum_ops_per_s(row) / rw_result_sum_ops_per_s(direct));
	else
		printf("not decided, too few operations");
	/* A ratio of a mixture is no ratio of paths: say so. */
	if (row->fallbacks)
		printf(" (%.1f %% of the %s row fell back to direct)",
		       100.0 * (double)row->fallbacks / (double)row->operations, name);
	if (row->failed)
		printf(" (%" PRIu64 " operations of the %s row were dropped)", row->failed, name);
	printf("\n");
}

void rw_table_ratio(const struct rw_conf *conf, const struct rw_result *row,
		    const struct rw_result *direct)
{
	if (conf->test->is_latency)
		rw_lat_contrast(conf, row, direct);
	else
		bw_ratio(row, direct);
	fflush(stdout);
}
