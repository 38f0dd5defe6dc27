/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The live line of a long row. */
#include "bench/client.h"
#include "report/live.h"

static double seconds_left(const struct rw_conf *conf, const struct rw_row *row, double elapsed_s)
{
	const struct rw_counters *count = &row->count;

	if (conf->duration_s)
		return rw_max((double)rw_conf_measured_ns(conf) / 1e9 - elapsed_s, 0);
	if (!count->issued)
		return -1;
	return elapsed_s * ((double)(conf->iters * conf->qps) / (double)count->issued - 1);
}

static void show(struct rw_client *client, const struct rw_row *row, uint64_t now)
{
	const struct rw_clock *clock = &row->load->clock;
	struct rw_live *live = &client->live;
	double seconds = rw_clock_ns(clock, now - live->ticks) / 1e9;
	const struct rw_live_figures figures = {
		.path = rw_conf_path_name(row->path),
		.size_bytes = row->mixed ? 0 : row->layout.size_bytes,
		.ops_per_s = (double)(row->count.operations - live->operations) / seconds,
		.exhaustions_per_s =
			(double)(row->count.exhaustions - live->exhaustions) / seconds,
		.p99_ns = row->latency ?
				  (double)rw_hist_percentile(&row->latency->hist, 99) :
				  -1,
		.seconds_left = seconds_left(client->conf, row,
					     rw_clock_ns(clock, now - row->start_ticks) / 1e9),
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
	bool same = live->ticks && row->count.operations >= live->operations;

	if (!client->with_live)
		return;
	if (same && rw_clock_ns(clock, now - live->ticks) <
			    (double)(client->conf->report_interval_s * RW_NS_PER_S))
		return;
	if (row->latency)
		rw_latency_settle(row->latency);
	if (same)
		show(client, row, now);
	live->ticks = now;
	live->operations = row->count.operations;
	live->exhaustions = row->count.exhaustions;
}
