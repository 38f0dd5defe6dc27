/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The table of latencies: the columns of perftest's ib_read_lat at the left,
 * ours at the right, notes below each row.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/lat.h"

void rw_lat_columns(const struct rw_conf *conf)
{
	struct rw_percentile percentiles[RW_MAX_PERCENTILES];
	struct rw_err ignored = { 0 };
	const char *unit = rw_lat_unit(conf);
	int n = rw_conf_percentiles(conf, percentiles, &ignored);

	printf(" #bytes #iterations    t_min[%s]    t_max[%s]  t_typical[%s]    t_avg[%s]    t_stdev[%s]   99%% percentile[%s]   99.9%% percentile[%s] ",
	       unit, unit, unit, unit, unit, unit, unit);
	rw_cpu_column(conf);
	for (int i = 0; i < n; i++)
		printf("  p%-7s", percentiles[i].text);
	printf("  max       path    engine   sges   plan     post     device   poll\n");
}

/* Behind @gap; '-' if no operation has completed. */
static void print_figure(const struct rw_latency *l, const char *gap, int width, int decimals,
			 double value)
{
	if (rw_lat_is_known(l))
		printf("%s%-*.*f", gap, width, decimals, value);
	else
		printf("%s%-*s", gap, width, "-");
}

/* With perftest's gaps. */
static void print_perftest_figures(const struct rw_latency *l, double unit)
{
	print_figure(l, "          ", 7, 2, l->moments.min / unit);
	print_figure(l, "        ", 7, 2, l->moments.max / unit);
	print_figure(l, "      ", 7, 2, rw_lat_percentile(l, 50) / unit);
	print_figure(l, "  \t       ", 7, 2, l->moments.mean / unit);
	print_figure(l, "     \t", 7, 2, rw_moments_stdev(&l->moments) / unit);
	print_figure(l, "\t\t", 7, 2, rw_lat_percentile(l, 99) / unit);
	print_figure(l, " \t\t", 7, 2, rw_lat_percentile(l, 99.9) / unit);
}

static void print_split(const struct rw_latency *l, double unit_ns)
{
	double per_op = unit_ns * (double)rw_max(l->moments.count, 1u);

	print_figure(l, " ", 8, 3, l->plan_ns / per_op);
	print_figure(l, " ", 8, 3, l->post_ns / per_op);
	print_figure(l, " ", 8, 3, l->device_ns / per_op);
	print_figure(l, " ", 0, 3, l->poll_ns / per_op);
	putchar('\n');
}

void rw_lat_row(const struct rw_conf *conf, const struct rw_result *r)
{
	struct rw_percentile percentiles[RW_MAX_PERCENTILES];
	struct rw_err ignored = { 0 };
	const struct rw_latency *l = r->latency;
	double unit = rw_lat_unit_ns(conf, l);
	int n = rw_conf_percentiles(conf, percentiles, &ignored);

	printf(" %-7" PRIu64 " %" PRIu64, rw_result_msg_bytes(r), l->moments.count);
	print_perftest_figures(l, unit);
	rw_cpu_figure(conf, r);
	for (int i = 0; i < n; i++)
		print_figure(l, "  ", 8, 2, rw_lat_percentile(l, percentiles[i].percent) / unit);
	print_figure(l, "  ", 8, 2, l->moments.max / unit);
	printf("  %-7s %-8s %-6u", r->path, r->engine ? r->engine : "-", r->sges);
	print_split(l, unit);
}

static void print_alone(const char *what, const struct rw_hist *hist, const char *unit_name,
			double unit)
{
	if (hist->count)
		printf(" # %s alone: p50 %.2f, p99 %.2f %s, of %" PRIu64 "\n", what,
		       (double)rw_hist_percentile(hist, 50) / unit,
		       (double)rw_hist_percentile(hist, 99) / unit, unit_name, hist->count);
}

/* With -C each bound is the cycle that it is in. */
static void print_histogram(const struct rw_conf *conf, const struct rw_latency *l)
{
	double unit = conf->cycles ? l->clock.ns_per_tick : 1;
	struct rw_hist_bucket bucket;
	uint32_t cursor = 0;

	printf(" # histogram: from and to in %s, both included, and how many\n",
	       conf->cycles ? "cycles" : "ns");
	while (rw_hist_next(&l->hist, &cursor, &bucket))
		printf(" #   %-12.0f %-12.0f %" PRIu64 "\n", (double)bucket.low / unit,
		       (double)bucket.high / unit, bucket.count);
}

/* Where the table has no columns for it. */
static void print_latency(const struct rw_conf *conf, const struct rw_result *r)
{
	struct rw_percentile percentiles[RW_MAX_PERCENTILES];
	struct rw_err ignored = { 0 };
	const struct rw_latency *l = r->latency;
	int n = rw_conf_percentiles(conf, percentiles, &ignored);

	printf(" # latency%s: mean %.2f", r->rate ? " from the intended start" : "",
	       l->moments.mean / 1e3);
	for (int i = 0; i < n; i++)
		printf(", p%s %.2f", percentiles[i].text,
		       rw_lat_percentile(l, percentiles[i].percent) / 1e3);
	printf(", max %.2f usec\n", l->moments.max / 1e3);
}

static void print_open_loop(const struct rw_result *r)
{
	const struct rw_latency *l = r->latency;

	printf(" # open loop: %" PRIu64 " operations/s were to begin, %.6g/s were begun; in the queue at most %" PRIu64
	       ", %.3g on average",
	       r->rate, rw_result_begun_per_s(r), r->queue_max, r->queue_mean);
	if (rw_lat_is_known(l))
		printf(", for %.2f usec each; service time p50 %.2f, p99 %.2f, max %.2f usec",
		       rw_result_queued_ns(r) / 1e3, (double)rw_hist_percentile(&l->service, 50) / 1e3,
		       (double)rw_hist_percentile(&l->service, 99) / 1e3,
		       (double)l->service.max / 1e3);
	putchar('\n');
	if (rw_result_is_overrun(r) && !r->unserved)
		printf(" # the rate was not reached: all operations were begun, but late; the latencies are those of a growing queue\n");
	else if (rw_result_is_overrun(r))
		printf(" # the rate was not reached: %" PRIu64
		       " operations were due and never begun; the latencies are those of a growing queue\n",
		       r->unserved);
	else if (r->unserved)
		printf(" # %" PRIu64 " operations were due when the time was over, and not begun\n",
		       r->unserved);
}

void rw_lat_notes(const struct rw_conf *conf, const struct rw_result *r)
{
	const struct rw_latency *l = r->latency;
	const char *unit_name = rw_lat_unit(conf);
	double unit = rw_lat_unit_ns(conf, l);

	if (!conf->test->is_latency && rw_lat_is_known(l))
		print_latency(conf, r);
	if (r->rate)
		print_open_loop(r);
	print_alone("registration", &l->registration, unit_name, unit);
	print_alone("invalidation", &l->invalidation, unit_name, unit);
	if (rw_hist_saturated(&l->hist))
		printf(" # %" PRIu64 " operations took more than an hour each: their percentiles are lower bounds\n",
		       rw_hist_saturated(&l->hist));
	if (conf->histogram)
		print_histogram(conf, l);
	for (uint64_t i = 0; conf->unsorted && i < l->nr_samples; i++)
		printf(" %" PRIu64 ", %.3f\n", i + 1, (double)l->samples[i] / unit);
}

void rw_lat_contrast(const struct rw_conf *conf, const struct rw_result *row,
		     const struct rw_result *direct)
{
	struct rw_ci_contrast_result by, ratio;
	char size[RW_RESULT_TEXT];
	double unit = rw_lat_unit_ns(conf, row->latency);

	printf(" # %s - direct %s: ", rw_lat_path_name(row), rw_result_size_text(row, size));
	if (rw_result_contrast(row, direct, RW_CI_DIFFERENCE, &by) ||
	    rw_result_contrast(row, direct, RW_CI_RATIO, &ratio)) {
		printf("not decided, too few operations\n");
		return;
	}
	printf("%s%+.3f %s between the medians of block means (95 %% interval %+.3f to %+.3f), ratio %.3f\n",
	       rw_ci_no_difference(&by.ci, RW_CI_DIFFERENCE) ? "no difference found, " : "",
	       by.estimate / unit, rw_lat_unit(conf), by.ci.low / unit, by.ci.high / unit,
	       ratio.estimate);
}
