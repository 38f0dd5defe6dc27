/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Latencies in the JSON report. t_min to percentile_99.9 are perftest's names,
 * in the unit that test_info states; our own keys are in ns. Of a row in which
 * no operation has completed all of them are null.
 */
#include "report/lat.h"

static json_t *figure(const struct rw_latency *l, double value)
{
	return rw_lat_is_known(l) ? json_real(value) : json_null();
}

static json_t *percentiles_json(const struct rw_conf *conf, const struct rw_latency *l)
{
	struct rw_percentile percentiles[RW_MAX_PERCENTILES];
	struct rw_err ignored = { 0 };
	int n = rw_conf_percentiles(conf, percentiles, &ignored);
	json_t *obj;

	if (!rw_lat_is_known(l))
		return json_null();
	obj = json_object();
	for (int i = 0; i < n; i++)
		json_object_set_new(obj, percentiles[i].text,
				    json_real(rw_lat_percentile(l, percentiles[i].percent)));
	return obj;
}

static json_t *split_json(const struct rw_latency *l)
{
	double n = (double)rw_max(l->moments.count, 1u);

	if (!rw_lat_is_known(l))
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:f}", "plan", l->plan_ns / n, "post", l->post_ns / n,
			 "device", l->device_ns / n, "poll", l->poll_ns / n);
}

static json_t *alone_json(const struct rw_hist *hist)
{
	if (!hist->count)
		return json_null();
	return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)hist->count, "p50",
			 (double)rw_hist_percentile(hist, 50), "p99",
			 (double)rw_hist_percentile(hist, 99), "max", (double)hist->max);
}

/* [[from, to, count], ...]: bounds in ns, both included. */
static json_t *histogram_json(const struct rw_hist *hist)
{
	struct rw_hist_bucket bucket;
	json_t *list = json_array();
	uint32_t cursor = 0;

	while (rw_hist_next(hist, &cursor, &bucket))
		json_array_append_new(list, json_pack("[I, I, I]", (json_int_t)bucket.low,
						      (json_int_t)rw_min(bucket.high, INT64_MAX),
						      (json_int_t)bucket.count));
	return list;
}

static json_t *samples_json(const struct rw_latency *l)
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < l->nr_samples; i++)
		json_array_append_new(list, json_integer((json_int_t)l->samples[i]));
	return list;
}

static json_t *open_loop_json(const struct rw_result *r)
{
	if (!r->rate)
		return json_null();
	return json_pack("{s:I, s:f, s:b, s:I, s:I, s:f, s:o, s:o}", "offered_per_s",
			 (json_int_t)r->rate, "begun_per_s", rw_result_begun_per_s(r),
			 "reached", !rw_result_is_overrun(r), "never_begun",
			 (json_int_t)r->unserved, "queue_max", (json_int_t)r->queue_max,
			 "queue_mean", r->queue_mean, "queued_mean_ns",
			 figure(r->latency, rw_result_queued_ns(r)), "service_ns",
			 alone_json(&r->latency->service));
}

void rw_lat_set_json(const struct rw_conf *conf, const struct rw_result *r, json_t *row)
{
	const struct rw_latency *l = r->latency;
	double unit = rw_lat_unit_ns(conf, l);
	const struct {
		const char *key;
		double ns;
	} figures[] = {
		{ "t_min", l->moments.min },
		{ "t_max", l->moments.max },
		{ "t_typical", rw_lat_percentile(l, 50) },
		{ "t_avg", l->moments.mean },
		{ "t_stdev", rw_moments_stdev(&l->moments) },
		{ "percentile_99", rw_lat_percentile(l, 99) },
		{ "percentile_99.9", rw_lat_percentile(l, 99.9) },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(figures); i++)
		json_object_set_new(row, figures[i].key, figure(l, figures[i].ns / unit));
	json_object_set_new(row, "percentiles_ns", percentiles_json(conf, l));
	json_object_set_new(row, "split_mean_ns", split_json(l));
	json_object_set_new(row, "registration_alone_ns", alone_json(&l->registration));
	json_object_set_new(row, "invalidation_alone_ns", alone_json(&l->invalidation));
	json_object_set_new(row, "open_loop", open_loop_json(r));
	json_object_set_new(row, "blocks", json_integer(l->blocks.n));
	if (conf->histogram)
		json_object_set_new(row, "histogram_ns", histogram_json(&l->hist));
	if (conf->unsorted)
		json_object_set_new(row, "samples_ns", samples_json(l));
}

static json_t *interval_json(const struct rw_ci_contrast_result *result)
{
	return json_pack("{s:f, s:f, s:f}", "estimate", result->estimate, "low", result->ci.low,
			 "high", result->ci.high);
}

json_t *rw_lat_contrast_json(const struct rw_conf *conf, const struct rw_result *row,
			     const struct rw_result *direct)
{
	struct rw_ci_contrast_result by, ratio;

	if (rw_result_contrast(row, direct, RW_CI_DIFFERENCE, &by) ||
	    rw_result_contrast(row, direct, RW_CI_RATIO, &ratio))
		return json_null();
	return json_pack("{s:f, s:o, s:o, s:b}", "confidence", 0.95, "difference_ns",
			 interval_json(&by), "ratio", interval_json(&ratio), "difference_found",
			 !rw_ci_no_difference(&by.ci, RW_CI_DIFFERENCE));
}
