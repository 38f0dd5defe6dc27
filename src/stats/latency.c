/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/latency.h"

#include <stdlib.h>
#include <string.h>

struct rw_latency *rw_latency_new(const struct rw_clock *clock, bool open_loop,
				  uint64_t max_samples)
{
	struct rw_latency *latency = calloc(1, sizeof(*latency));

	if (!latency)
		return NULL;
	latency->clock = clock;
	latency->open_loop = open_loop;
	latency->max_samples = max_samples;
	latency->blocks_per_mean = 1;
	if (max_samples) {
		latency->samples = calloc(max_samples, sizeof(*latency->samples));
		if (!latency->samples) {
			free(latency);
			return NULL;
		}
	}
	rw_hist_init(&latency->hist);
	rw_hist_init(&latency->service);
	rw_hist_init(&latency->registration);
	rw_hist_init(&latency->invalidation);
	return latency;
}

void rw_latency_free(struct rw_latency *latency)
{
	if (!latency)
		return;
	free(latency->samples);
	free(latency);
}

void rw_latency_reset(struct rw_latency *latency)
{
	rw_hist_reset(&latency->hist);
	rw_hist_reset(&latency->service);
	rw_hist_reset(&latency->registration);
	rw_hist_reset(&latency->invalidation);
	memset(&latency->moments, 0, sizeof(latency->moments));
	latency->plan_ns = latency->post_ns = latency->device_ns = latency->poll_ns = 0;
	latency->queued_ns = latency->sum_ns = latency->block_start_ns = 0;
	latency->block_start_count = latency->nr_samples = 0;
	latency->nr_blocks = latency->blocks_pending = 0;
	latency->blocks_per_mean = 1;
}

static double span_ns(const struct rw_latency *latency, uint64_t from, uint64_t to)
{
	return rw_clock_ns(latency->clock, to - from);
}

void rw_latency_record(struct rw_latency *latency, const struct rw_op_times *times)
{
	uint64_t start = latency->open_loop ? times->due : times->posting;
	/* The poll that brought the completion may have begun before the doorbell. */
	uint64_t polling = rw_max(times->polling, times->posted);
	double ns = span_ns(latency, start, times->completed);

	rw_hist_record(&latency->hist, (uint64_t)(ns + 0.5));
	rw_moments_add(&latency->moments, ns);
	latency->sum_ns += ns;
	latency->plan_ns += span_ns(latency, times->begun, times->posting);
	latency->post_ns += span_ns(latency, times->posting, times->posted);
	latency->device_ns += span_ns(latency, times->posted, polling);
	latency->poll_ns += span_ns(latency, polling, times->completed);
	if (latency->nr_samples < latency->max_samples)
		latency->samples[latency->nr_samples++] = (uint64_t)(ns + 0.5);
	if (!latency->open_loop)
		return;
	rw_hist_record(&latency->service,
		       (uint64_t)(span_ns(latency, times->begun, times->completed) + 0.5));
	latency->queued_ns += span_ns(latency, times->due, times->begun);
}

/* Each pair of neighbours becomes one, and two blocks make one from now on. */
static void halve_blocks(struct rw_latency *latency)
{
	for (uint32_t i = 0; i < latency->nr_blocks / 2; i++)
		latency->blocks[i] = (latency->blocks[2 * i] + latency->blocks[2 * i + 1]) / 2;
	latency->nr_blocks /= 2;
	latency->blocks_per_mean *= 2;
}

void rw_latency_end_block(struct rw_latency *latency)
{
	uint64_t count = latency->moments.count - latency->block_start_count;

	if (!count || ++latency->blocks_pending < latency->blocks_per_mean)
		return;
	latency->blocks_pending = 0;
	latency->blocks[latency->nr_blocks++] =
		(latency->sum_ns - latency->block_start_ns) / (double)count;
	latency->block_start_ns = latency->sum_ns;
	latency->block_start_count = latency->moments.count;
	if (latency->nr_blocks == RW_LATENCY_BLOCKS)
		halve_blocks(latency);
}
