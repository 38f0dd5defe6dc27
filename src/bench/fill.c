/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a row did, as a result: ticks become time, sums become means. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/client.h"
#include "bench/mix.h"
#include "conf/pool.h"

static uint32_t low_water(const struct rw_row *row)
{
	uint32_t least = row->pools[0].pool.size;

	for (uint32_t i = 0; i < row->nr_pools; i++)
		least = rw_min(least, row->pools[i].pool.low_water);
	return least;
}

/* The pools are still each worker's. */
static void fill_pools(const struct rw_client *client, uint32_t i, struct rw_result *result)
{
	result->pool_low_water = UINT64_MAX;
	for (uint32_t w = 0; w < client->crew.n; w++) {
		const struct rw_row *row = &client->crew.workers[w].rows[i];

		result->nr_pools = row->shared ? 1 : result->nr_pools + row->nr_pools;
		result->mr_pool = rw_max(result->mr_pool, row->pools[0].pool.size);
		result->pool_low_water = rw_min(result->pool_low_water, low_water(row));
		/* They were made at the same time. */
		result->pool_create_ns = rw_max(result->pool_create_ns, row->pool_ns);
	}
}

static void fill_pool_use(const struct rw_row *row, struct rw_result *result)
{
	const struct rw_counters *count = &row->count;
	const struct rw_clock *clock = &row->load->clock;
	double ticks, hold_ns;
	uint64_t mrs;

	rw_mix_mr_use(row, &mrs, &ticks);
	hold_ns = ticks * rw_clock_ns(clock, 1);
	result->first_exhaustion_ns =
		(uint64_t)rw_clock_ns(clock, count->first_exhaustion_ticks);
	/* What all MRs were held together, over the time: how many were, on average. */
	if (count->elapsed_ns)
		result->mrs_in_use =
			hold_ns / (double)count->elapsed_ns / (double)result->nr_pools;
	if (mrs)
		result->mr_hold_ns = hold_ns / (double)mrs;
}

static double mean_ns(const struct rw_hist *hist)
{
	struct rw_hist_bucket bucket;
	uint32_t cursor = 0;
	double sum = 0;

	while (rw_hist_next(hist, &cursor, &bucket))
		sum += ((double)bucket.low + (double)bucket.high) / 2 * (double)bucket.count;
	return hist->count ? sum / (double)hist->count : 0;
}

/* The load that the row put on each of its pools. */
static struct rw_loss_load pool_load(const struct rw_client *client, const struct rw_row *row,
				     const struct rw_result *result)
{
	const struct rw_latency *latency = result->latency;
	struct rw_loss_load load = rw_conf_pool_load(client->conf);

	load.pool = row->pools[0].pool.size;
	load.mrs_per_op = row->mrs_per_op;
	load.hold_ns = result->mr_hold_ns;
	if (latency) {
		load.hold = &latency->service_of[RW_OP_BY_MR];
		load.fallback = &latency->service_of[RW_OP_BY_FALLBACK];
		load.fallback_ns = mean_ns(load.fallback);
	}
	return load;
}

/* Of an open loop: its arrivals are to find a context, with a margin for chance. */
static bool has_contexts(const struct rw_loss_load *load, const struct rw_result *result)
{
	double busy = load->rate * mean_ns(&result->latency->service) * 1e-9;

	return load->sources > busy + 3 * sqrt(busy) + 2;
}

/* Why no model knows the load; NULL: one does. */
static const char *why_no_model(const struct rw_conf *conf, const struct rw_row *row,
				const struct rw_loss_load *load, const struct rw_result *result)
{
	if (!rw_mix_is_even(row))
		return "the operations of the mix take unlike numbers of MRs";
	if (!rw_conf_pools_are_alike(conf))
		return "the pools have unlike numbers of QPs";
	if (conf->teardown)
		return "connections were torn down";
	if (*conf->rate_limit || conf->latency_gap_us)
		return "no model knows a limited rate or a gap";
	if (!result->latency && result->fallbacks)
		return "fallbacks were not timed; ib_rw_lat, --rate and --think_us time them";
	if (conf->rate && load->shape.kind != RW_ARRIVAL_POISSON && rw_conf_nr_pools(conf) > 1)
		return "the arrivals of several pools are known only if they are Poisson ones";
	if (conf->rate && !has_contexts(load, result))
		return "arrivals wait for contexts; raise --contexts";
	if (!conf->rate && !conf->think_us && conf->on_exhaustion == RW_EXHAUSTION_FAIL)
		return "in a closed loop a dropped operation comes again at once; give --think_us or --rate";
	return NULL;
}

/* The smallest pool for the wished share, or why it is not said. */
static const char *fill_pool_wanted(const struct rw_loss_load *load, double target,
				    struct rw_result *result)
{
	if (result->share_ci.low > result->share_ci.high)
		return "too few operations wanted MRs";
	/* Who foretells the present pool wrongly has nothing to say of others. */
	if (rw_result_is_surprise(result))
		return "the load is not what the model takes it for";
	if (rw_loss_pool_for(load, target, &result->pool_wanted))
		return "no pool keeps it";
	return NULL;
}

/* What the models say of the share of exhaustions, where they can know. */
static void fill_prediction(const struct rw_client *client, const struct rw_row *row,
			    struct rw_result *result)
{
	struct rw_loss_load load = pool_load(client, row, result);
	const char *why = why_no_model(client->conf, row, &load, result);
	struct rw_loss_prediction prediction;
	struct rw_err ignored = { 0 };
	double target;

	if (!rw_blocks_share_ci(&row->shares, row->count.exhaustions, row->count.mr_wanted, 0.95,
				&result->share_ci))
		result->share_ci = (struct rw_ci){ 1, 0 };
	if (!why && rw_loss_predict(&load, &prediction))
		why = "no operation held an MR";
	if (!why) {
		result->share_model = prediction.model;
		result->share_predicted = prediction.share;
	}
	result->no_share_model = why;
	rw_conf_pool_target(client->conf, &target, &ignored);
	if (target > 0)
		result->no_pool_wanted = why ? why : fill_pool_wanted(&load, target, result);
}

/* Only a row that took some intervals has a series worth telling. */
static void fill_series(struct rw_row *row, struct rw_result *result)
{
	struct rw_series *series = &row->series->series;

	if (!rw_series_rates(series, &result->rates))
		return;
	result->intervals = calloc(series->count, sizeof(*result->intervals));
	if (!result->intervals)
		return;
	memcpy(result->intervals, row->series->intervals,
	       series->count * sizeof(*result->intervals));
	result->nr_intervals = series->count;
	result->interval_ns = series->interval_ns;
	result->last_interval_ns = series->last_ns;
}

/* What all arrivals waited for a free context, those that never began too. */
static double queued_ns(const struct rw_latency *latency, const struct rw_counters *count,
			const struct rw_clock *clock)
{
	return (latency ? latency->queued_ns : 0) + count->unserved_ticks * clock->ns_per_tick;
}

static void fill_mix(const struct rw_row *row, struct rw_result *result)
{
	result->nr_kinds = row->mixed ? row->nr_kinds : 0;
	for (uint32_t k = 0; k < result->nr_kinds; k++)
		result->mix[k] = (struct rw_result_kind){
			.op = rw_conf_op_name(row->kinds[k].kind.op),
			.size_bytes = row->kinds[k].layout.size_bytes,
			.operations = row->kinds[k].operations,
		};
	if (row->mixed && rw_conf_has_op(row->load->conf, RW_VERB_READ))
		result->op = rw_conf_has_op(row->load->conf, RW_VERB_WRITE) ? "mix" : "read";
	else if (row->mixed)
		result->op = "write";
}

static void fill_thread(const struct rw_client *client, const struct rw_worker *worker,
			uint32_t i, struct rw_result_thread *thread)
{
	const struct rw_place *place = &client->placement.place;
	const struct rw_row *row = &worker->rows[i];
	const struct rw_counters *count = &row->count;
	bool pinned = worker->index < place->nr_threads && !client->placement.foreign;

	*thread = (struct rw_result_thread){
		.core = pinned ? (int)place->threads[worker->index].core : -1,
		.pu = pinned ? (int)place->threads[worker->index].pu : -1,
		.qps = worker->share.conf.qps,
		.issued = count->issued,
		.operations = count->operations,
		.mr_wanted = count->mr_wanted,
		.exhaustions = count->exhaustions,
		.fallbacks = count->fallbacks,
		.failed = count->failed,
		.pool_low_water = row->uses_mrs ? low_water(row) : 0,
		.elapsed_ns = count->elapsed_ns,
		.cpu_ns = count->cpu_thread_ns,
	};
	if (!row->latency)
		return;
	rw_latency_settle(row->latency);
	thread->mean_ns = row->latency->moments.mean;
	thread->p50_ns = rw_hist_percentile(&row->latency->hist, 50);
	thread->p99_ns = rw_hist_percentile(&row->latency->hist, 99);
}

static int fill_threads(const struct rw_client *client, uint32_t i,
			struct rw_result_thread **threads_p, struct rw_err *err)
{
	struct rw_result_thread *threads = calloc(client->crew.n, sizeof(*threads));

	*threads_p = threads;
	if (!threads)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t w = 0; w < client->crew.n; w++)
		fill_thread(client, &client->crew.workers[w], i, &threads[w]);
	return 0;
}

/* Of the row that all have become. */
static void fill_row(const struct rw_client *client, struct rw_row *row, struct rw_result *result)
{
	const struct rw_clock *clock = &client->clock;
	const struct rw_counters *count = &row->count;

	*result = (struct rw_result){
		.op = rw_conf_op_name(client->conf->op),
		.path = rw_conf_path_name(row->path),
		.engine = row->uses_mrs ? row->load->engine->name : NULL,
		.size_bytes = row->layout.size_bytes,
		.segment_bytes = row->layout.seg_bytes,
		.sges = row->layout.nr_segs,
		.contexts = client->conf->contexts,
		.qps = client->conf->qps,
		.issued = count->issued,
		.operations = count->operations,
		.wrs = count->wrs,
		.doorbells = count->doorbells,
		.mr_wanted = count->mr_wanted,
		.exhaustions = count->exhaustions,
		.fallbacks = count->fallbacks,
		.failed = count->failed,
		.mr_operations = count->mr_operations,
		.waits = count->waits,
		.wait_ns = rw_time_sum_total(&count->wait) * clock->ns_per_tick,
		.sq_stalls = count->sq_stalls,
		.sq_stall_ns = rw_time_sum_total(&count->sq_stall) * clock->ns_per_tick,
		.wqe_bytes = rw_row_wqe_bytes(row),
		.teardowns = count->teardowns,
		.teardown_ns = rw_clock_ns(clock, count->teardown_ticks),
		.torn = count->torn,
		.elapsed_ns = count->elapsed_ns,
		.peak_bytes_per_s = count->peak_bytes_per_ns * 1e9,
		.least_bytes_per_s = count->least_bytes_per_ns * 1e9,
		.verified = client->conf->verify,
		.interrupted = *client->stop,
		.corrupt = row->corrupt,
	};
	if (row->latency)
		rw_latency_finish(row->latency);
	memset(&row->corrupt, 0, sizeof(row->corrupt));
	fill_mix(row, result);
	result->latency = row->latency;
	row->latency = NULL;
	result->rate = client->conf->rate;
	/* The row is worker 0's. */
	result->limit_per_s = row->limit_per_s * (double)client->conf->qps /
			      (double)row->load->conf->qps;
	result->queue_max = count->queue_max;
	if (count->elapsed_ns)
		result->queue_mean = queued_ns(result->latency, count, clock) /
				     (double)count->elapsed_ns;
	result->unserved = count->unserved;
	/* Rows that took turns moved them together: the first one tells it. */
	if (row == &client->crew.workers[0].rows[0])
		result->counters = rw_port_counters_diff(&client->counters);
	result->cpu_thread_ns = (double)count->cpu_thread_ns;
	fill_series(row, result);
	/* Of threads together there are no windows but whole intervals. */
	if (client->crew.n > 1 && !client->conf->no_peak) {
		double average = rw_result_bytes_per_s(result);

		result->peak_bytes_per_s = rw_max(result->rates.max_bytes, average);
		result->least_bytes_per_s =
			result->nr_intervals ? rw_min(result->rates.min_bytes, average) : average;
	}
}

int rw_client_fill_result(struct rw_client *client, uint32_t i, struct rw_result *result,
			  struct rw_err *err)
{
	struct rw_row *row = &client->crew.workers[0].rows[i];
	struct rw_result_thread *threads;
	int ret = fill_threads(client, i, &threads, err);

	if (!ret)
		ret = rw_client_merge_rows(client, i, err);
	if (ret) {
		free(threads);
		return ret;
	}
	fill_row(client, row, result);
	result->cpu_process_ns = (double)client->cpu_process_ns[i];
	result->threads = threads;
	result->nr_threads = client->crew.n;
	if (!row->uses_mrs)
		return 0;
	fill_pools(client, i, result);
	fill_pool_use(row, result);
	fill_prediction(client, row, result);
	return 0;
}
