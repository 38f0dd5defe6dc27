/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The live line of a long row. */
#include "bench/client.h"
#include "report/live.h"

static double seconds_left(const struct rw_row *row, double elapsed_s)
{
	const struct rw_conf *conf = row->load->conf;
	const struct rw_counters *count = &row->count;

	if (conf->duration_s)
		return rw_max((double)rw_conf_measured_ns(conf) / 1e9 - elapsed_s, 0);
	if (!count->issued)
		return -1;
	return elapsed_s * ((double)(conf->iters * conf->qps) / (double)count->issued - 1);
}

void rw_worker_progress(void *arg, const struct rw_row *row)
{
	struct rw_worker_progress *progress = &((struct rw_worker *)arg)->progress;

	atomic_store_explicit(&progress->operations, row->count.operations, memory_order_relaxed);
	atomic_store_explicit(&progress->exhaustions, row->count.exhaustions,
			      memory_order_relaxed);
}

/* Of all workers: what worker 0 has done with @row, and what the others have noted. */
static void sum_progress(const struct rw_client *client, const struct rw_row *row,
			 uint64_t *operations_p, uint64_t *exhaustions_p)
{
	*operations_p = row->count.operations;
	*exhaustions_p = row->count.exhaustions;
	for (uint32_t i = 1; i < client->crew.n; i++) {
		const struct rw_worker_progress *progress = &client->crew.workers[i].progress;

		*operations_p += atomic_load_explicit(&progress->operations, memory_order_relaxed);
		*exhaustions_p += atomic_load_explicit(&progress->exhaustions, memory_order_relaxed);
	}
}

/* The latencies are those of worker 0. */
static void show(struct rw_client *client, const struct rw_row *row, uint64_t operations,
		 uint64_t exhaustions, uint64_t now)
{
	const struct rw_clock *clock = &row->load->clock;
	struct rw_live *live = &client->live;
	double seconds = rw_clock_ns(clock, now - live->ticks) / 1e9;
	const struct rw_live_figures figures = {
		.path = rw_conf_path_name(row->path),
		.size_bytes = row->mixed ? 0 : row->layout.size_bytes,
		.ops_per_s = (double)(operations - live->operations) / seconds,
		.exhaustions_per_s = (double)(exhaustions - live->exhaustions) / seconds,
		.p99_ns = row->latency ?
				  (double)rw_hist_percentile(&row->latency->hist, 99) :
				  -1,
		.seconds_left =
			seconds_left(row, rw_clock_ns(clock, now - row->start_ticks) / 1e9),
	};

	rw_live_show(&figures);
	live->shown = true;
}

void rw_client_progress(void *arg, const struct rw_row *row)
{
	struct rw_client *client = arg;
	const struct rw_clock *clock = &row->load->clock;
	struct rw_live *live = &client->live;
	uint64_t now = rw_clock_ticks(clock);
	uint64_t operations, exhaustions;
	bool same;

	if (!client->with_live)
		return;
	sum_progress(client, row, &operations, &exhaustions);
	same = live->ticks && operations >= live->operations && exhaustions >= live->exhaustions;
	if (same && rw_clock_ns(clock, now - live->ticks) <
			    (double)(client->conf->report_interval_s * RW_NS_PER_S))
		return;
	if (row->latency)
		rw_latency_settle(row->latency);
	if (same)
		show(client, row, operations, exhaustions, now);
	live->ticks = now;
	live->operations = operations;
	live->exhaustions = exhaustions;
}
