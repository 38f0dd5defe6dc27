/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The JSON report. MsgSize, n_iterations, BW_peak, BW_average and MsgRate are
 * perftest's names, which programs read; the other keys are ours.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "report/lat.h"
#include "util/json.h"

#define SCHEMA_VERSION 1
#define MIB            1048576.0

/* JSON knows no nan and no inf. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *corrupt_json(const struct rw_corrupt *c)
{
	if (!c->bytes)
		return json_null();
	return json_pack("{s:I, s:I, s:i, s:i}", "context", (json_int_t)c->slot, "offset",
			 (json_int_t)c->offset, "expected", (int)c->expected, "found",
			 (int)c->found);
}

static void set_counts(json_t *row, const struct rw_result *r)
{
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = {
		{ "operations_issued", r->issued },
		{ "wrs", r->wrs },
		{ "doorbells", r->doorbells },
		{ "mr_wanted", r->mr_wanted },
		{ "exhaustions", r->exhaustions },
		{ "fallbacks", r->fallbacks },
		{ "failed", r->failed },
		{ "mr_operations", r->mr_operations },
		{ "waits", r->waits },
		{ "sq_stalls", r->sq_stalls },
		{ "teardowns", r->teardowns },
		{ "operations_torn", r->torn },
		{ "elapsed_ns", r->elapsed_ns },
		{ "corrupt_bytes", r->corrupt.bytes },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(counts); i++)
		json_object_set_new(row, counts[i].key, json_integer((json_int_t)counts[i].value));
}

static json_t *number_if(bool known, double value)
{
	return known ? number(value) : json_null();
}

static void set_pool(json_t *row, const struct rw_result *r)
{
	const struct {
		const char *key;
		bool known;
		double value;
	} figures[] = {
		{ "exhaustion_share", r->mr_wanted, rw_result_exhaustion_share(r) },
		{ "exhaustions_per_s", r->mr_wanted, rw_result_exhaustions_per_s(r) },
		{ "exhaustion_share_low", r->engine && r->share_ci.low <= r->share_ci.high,
		  r->share_ci.low },
		{ "exhaustion_share_high", r->engine && r->share_ci.low <= r->share_ci.high,
		  r->share_ci.high },
		{ "exhaustion_share_predicted", r->share_model, r->share_predicted },
		{ "pool_for_target", r->pool_wanted, r->pool_wanted },
		{ "first_exhaustion_ns", r->exhaustions && !r->kernel, (double)r->first_exhaustion_ns },
		{ "pool_low_water", r->engine, (double)r->pool_low_water },
		{ "pool_mean_in_use", r->engine, r->mrs_in_use },
		{ "mr_hold_mean_ns", r->mr_operations, r->mr_hold_ns },
		{ "pools", r->engine, (double)r->nr_pools },
		{ "pool_create_ns", r->engine && !r->kernel, (double)r->pool_create_ns },
		{ "wait_ns", true, r->wait_ns },
		{ "sq_stall_ns", true, r->sq_stall_ns },
		{ "teardown_ns", true, r->teardown_ns },
	};

	json_object_set_new(row, "exhaustion_model",
			    r->share_model ? json_string(r->share_model) : json_null());
	json_object_set_new(row, "exhaustion_no_model",
			    r->no_share_model ? json_string(r->no_share_model) : json_null());
	for (size_t i = 0; i < RW_ARRAY_SIZE(figures); i++)
		json_object_set_new(row, figures[i].key,
				    number_if(figures[i].known, figures[i].value));
}

static void set_rates(const struct rw_conf *conf, json_t *row, double peak, double least,
		      double bytes_per_s, double ops_per_s)
{
	double unit = conf->report_gbits ? 1e9 / 8 : MIB;

	json_object_set_new(row, "BW_peak", conf->no_peak ? json_null() : number(peak / unit));
	json_object_set_new(row, "BW_least", conf->no_peak ? json_null() : number(least / unit));
	json_object_set_new(row, "BW_average", number(bytes_per_s / unit));
	json_object_set_new(row, "MsgRate", number(ops_per_s / 1e6));
}

static void set_bandwidth(const struct rw_conf *conf, const struct rw_result *r, json_t *row)
{
	set_rates(conf, row, rw_result_sum_peak_bytes_per_s(r),
		  r->least_bytes_per_s + r->peer.least_bytes_per_s, rw_result_sum_bytes_per_s(r),
		  rw_result_sum_ops_per_s(r));
}

/* {"client": what this side did, "server": its row}, whose rates BW_peak ... MsgRate sum up; or null. */
static json_t *directions_json(const struct rw_conf *conf, const struct rw_result *r)
{
	const struct rw_result_peer *peer = &r->peer;
	json_t *client;

	if (!peer->row)
		return json_null();
	client = json_pack("{s:I, s:I}", "n_iterations", (json_int_t)r->operations, "elapsed_ns",
			   (json_int_t)r->elapsed_ns);
	set_rates(conf, client, r->peak_bytes_per_s, r->least_bytes_per_s,
		  rw_result_bytes_per_s(r), rw_result_ops_per_s(r));
	/* In units of this side, and so that they sum up. */
	set_rates(conf, peer->row, peer->peak_bytes_per_s, peer->least_bytes_per_s,
		  peer->bytes_per_s, peer->ops_per_s);
	return json_pack("{s:o, s:O}", "client", client, "server", peer->row);
}

/* {"length_ns", "last_length_ns", "operations": [...], ...}, or null. */
static json_t *intervals_json(const struct rw_result *r)
{
	json_t *operations = json_array(), *exhaustions = json_array(), *p99 = json_array();

	for (uint32_t i = 0; i < r->nr_intervals; i++) {
		const struct rw_series_interval *interval = &r->intervals[i];

		json_array_append_new(operations, json_integer((json_int_t)interval->operations));
		json_array_append_new(exhaustions, json_integer((json_int_t)interval->exhaustions));
		json_array_append_new(p99, r->latency ?
						   json_integer((json_int_t)interval->p99_high_ns) :
						   json_null());
	}
	return json_pack("{s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "length_ns",
			 (json_int_t)r->interval_ns, "last_length_ns",
			 (json_int_t)r->last_interval_ns, "min_operations_per_s",
			 r->rates.min_operations, "max_operations_per_s", r->rates.max_operations,
			 "operations", operations, "exhaustions", exhaustions, "p99_ns", p99);
}

static void set_host(json_t *row, const struct rw_result *r)
{
	double n = (double)rw_max(r->operations, 1u);

	json_object_set_new(row, "cpu_thread_ns_per_operation", number(r->cpu_thread_ns / n));
	json_object_set_new(row, "cpu_process_ns_per_operation", number(r->cpu_process_ns / n));
	json_object_set_new(row, "CPU_util", number(rw_result_cpu_percent(r)));
	json_object_set_new(row, "intervals", r->nr_intervals ? intervals_json(r) : json_null());
	json_object_set_new(row, "counters", r->counters ? json_incref(r->counters) : json_null());
}

/* [{"op", "size", "operations", "share"}, ...], or null. */
static json_t *mix_json(const struct rw_result *r)
{
	json_t *mix = r->nr_kinds ? json_array() : json_null();

	for (uint32_t k = 0; k < r->nr_kinds; k++) {
		const struct rw_result_kind *kind = &r->mix[k];

		json_array_append_new(
			mix, json_pack("{s:s, s:I, s:I, s:f}", "op", kind->op, "size",
				       (json_int_t)kind->size_bytes, "operations",
				       (json_int_t)kind->operations, "share",
				       (double)kind->operations /
					       (double)rw_max(r->operations, 1u)));
	}
	return mix;
}

/* {"operations_per_s", "reached", "exceeded"}, or null. */
static json_t *limit_json(const struct rw_result *r)
{
	if (!(r->limit_per_s > 0))
		return json_null();
	return json_pack("{s:f, s:b, s:b}", "operations_per_s", r->limit_per_s, "reached",
			 (int)rw_result_reached_limit(r), "exceeded",
			 (int)!rw_result_keeps_limit(r));
}

static json_t *number_if_pinned(int number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static json_t *thread_json(const struct rw_result *r, const struct rw_result_thread *t)
{
	double n = (double)rw_max(t->operations, 1u);
	bool is_timed = r->latency && t->operations;

	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:o, s:o, s:o}",
			 "core", number_if_pinned(t->core), "pu", number_if_pinned(t->pu),
			 "qps", (json_int_t)t->qps,
			 "operations_issued", (json_int_t)t->issued,
			 "n_iterations", (json_int_t)t->operations,
			 "mr_wanted", (json_int_t)t->mr_wanted,
			 "exhaustions", (json_int_t)t->exhaustions,
			 "fallbacks", (json_int_t)t->fallbacks,
			 "failed", (json_int_t)t->failed,
			 "elapsed_ns", (json_int_t)t->elapsed_ns,
			 "pool_low_water", number_if(r->engine, (double)t->pool_low_water),
			 "cpu_ns_per_operation", (double)t->cpu_ns / n,
			 "mean_ns", number_if(is_timed, t->mean_ns),
			 "p50_ns", number_if(is_timed, (double)t->p50_ns),
			 "p99_ns", number_if(is_timed, (double)t->p99_ns));
}

/* One for each measuring thread. */
static json_t *threads_json(const struct rw_result *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r->nr_threads; i++)
		json_array_append_new(list, thread_json(r, &r->threads[i]));
	return list;
}

json_t *rw_report_row(const struct rw_conf *conf, const struct rw_result *r)
{
	json_t *row = json_object();

	if (!row)
		return NULL;
	json_object_set_new(row, "MsgSize", json_integer((json_int_t)rw_result_msg_bytes(r)));
	json_object_set_new(row, "n_iterations", json_integer((json_int_t)r->operations));
	if (!conf->test->is_latency)
		set_bandwidth(conf, r, row);
	if (r->latency)
		rw_lat_set_json(conf, r, row);
	json_object_set_new(row, "op", json_string(r->op));
	json_object_set_new(row, "path", json_string(r->path));
	json_object_set_new(row, "engine", r->engine ? json_string(r->engine) : json_null());
	json_object_set_new(row, "sges", json_integer(r->sges));
	json_object_set_new(row, "segment_bytes", json_integer((json_int_t)r->segment_bytes));
	json_object_set_new(row, "mix", mix_json(r));
	json_object_set_new(row, "contexts", json_integer((json_int_t)r->contexts));
	json_object_set_new(row, "qps", json_integer((json_int_t)r->qps));
	json_object_set_new(row, "threads", threads_json(r));
	json_object_set_new(row, "mr_pool",
			    r->engine ? json_integer((json_int_t)r->mr_pool) : json_null());
	json_object_set_new(row, "wrs_per_operation", number(rw_result_wrs_per_op(r)));
	json_object_set_new(row, "wqe_bytes_per_operation",
			    number_if(r->wqe_bytes, rw_result_wqe_bytes_per_op(r)));
	set_counts(row, r);
	set_pool(row, r);
	json_object_set_new(row, "rate_limit", limit_json(r));
	json_object_set_new(row, "directions", directions_json(conf, r));
	set_host(row, r);
	json_object_set_new(row, "verified", json_boolean(r->verified));
	json_object_set_new(row, "interrupted", json_boolean(r->interrupted));
	json_object_set_new(row, "first_corrupt_byte",
			    r->kernel ? json_null() : corrupt_json(&r->corrupt));
	json_object_set_new(row, "kernel", r->kernel ? json_incref(r->kernel) : json_null());
	return row;
}

/* How each row compares with the direct one: rates, or latencies. */
static json_t *ratios_json(const struct rw_conf *conf, const struct rw_result *results, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < n; i++) {
		const struct rw_result *row = &results[i], *direct;
		json_t *contrast;
		char key[32];

		if (!rw_result_pair(results, i, &direct))
			continue;
		contrast = conf->test->is_latency ?
				   rw_lat_contrast_json(conf, row, direct) :
				   number(rw_result_sum_ops_per_s(row) /
					  rw_result_sum_ops_per_s(direct));
		snprintf(key, sizeof(key), "%s_over_direct", row->path);
		json_array_append_new(list, json_pack("{s:I, s:i, s:o}", "MsgSize",
						      (json_int_t)rw_result_msg_bytes(row),
						      "sges",
						      (int)row->sges, key, contrast));
	}
	return list;
}

static json_t *failure_json(const struct rw_err *failure)
{
	if (!failure || !failure->exit_code)
		return json_null();
	return json_pack("{s:i, s:o}", "exit_code", (int)failure->exit_code, "text",
			 rw_json_text(failure->text));
}

static json_t *or_null(json_t *borrowed)
{
	return borrowed ? json_incref(borrowed) : json_null();
}

static json_t *info_json(const struct rw_conf *conf, const struct rw_report_facts *facts)
{
	json_t *info = json_object();

	if (!info)
		return NULL;
	json_object_set_new(info, "program", json_string(conf->test->program));
	json_object_set_new(info, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(info, "command_line", rw_json_text(facts->command_line));
	if (conf->test->is_latency)
		json_object_set_new(info, "latency_unit", json_string(rw_lat_unit(conf)));
	else
		json_object_set_new(info, "bandwidth_unit",
				    json_string(conf->report_gbits ? "Gb/sec" : "MiB/sec"));
	json_object_set_new(info, "caveat",
			    facts->caveat ? rw_json_text(facts->caveat) : json_null());
	json_object_set_new(info, "notes", facts->notes ? json_incref(facts->notes) : json_array());
	json_object_set_new(info, "configuration", rw_conf_to_json(conf, false));
	json_object_set_new(info, "host", or_null(facts->host));
	json_object_set_new(info, "device", or_null(facts->device));
	json_object_set_new(info, "memory", or_null(facts->memory));
	json_object_set_new(info, "peer", or_null(facts->peer));
	json_object_set_new(info, "connection", or_null(facts->connection));
	return info;
}

json_t *rw_report_json(const struct rw_conf *conf, const struct rw_report_facts *facts,
		       const struct rw_result *results, uint32_t n,
		       const struct rw_err *failure)
{
	json_t *report = json_object();
	json_t *rows = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(rows, rw_report_row(conf, &results[i]));
	json_object_set_new(report, "schema_version", json_integer(SCHEMA_VERSION));
	json_object_set_new(report, "test_info", info_json(conf, facts));
	json_object_set_new(report, "results", rows);
	json_object_set_new(report, "ratios", ratios_json(conf, results, n));
	json_object_set_new(report, "error", failure_json(failure));
	return report;
}
