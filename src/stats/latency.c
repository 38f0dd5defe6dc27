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
	if (max_samples) {
		latency->samples = calloc(max_samples, sizeof(*latency->samples));
		if (!latency->samples) {
			free(latency);
			return NULL;
		}
	}
	rw_hist_init(&latency->hist);
	rw_hist_init(&latency->service);
	rw_hist_init(&latency->hold);
	rw_hist_init(&latency->fallback);
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
	rw_hist_reset(&latency->hold);
	rw_hist_reset(&latency->fallback);
	rw_hist_reset(&latency->registration);
	rw_hist_reset(&latency->invalidation);
	memset(&latency->moments, 0, sizeof(latency->moments));
	latency->plan_ns = latency->post_ns = latency->device_ns = latency->poll_ns = 0;
	latency->queued_ns = latency->sum_ns = latency->block_start_ns = 0;
	latency->block_start_count = latency->nr_samples = 0;
	memset(&latency->blocks, 0, sizeof(latency->blocks));
}

static double span_ns(const struct rw_latency *latency, uint64_t from, uint64_t to)
{
	return rw_clock_ns(latency->clock, to - from);
}

uint64_t rw_latency_record(struct rw_latency *latency, const struct rw_op_times *times)
{
	uint64_t start = latency->open_loop ? times->due : times->posting;
	/* The poll that brought the completion may have begun before the doorbell. */
	uint64_t polling = rw_max(times->polling, times->posted);
	double ns = span_ns(latency, start, times->completed);
	uint64_t service_ns;

	rw_hist_record(&latency->hist, (uint64_t)(ns + 0.5));
	rw_moments_add(&latency->moments, ns);
	latency->sum_ns += ns;
	latency->plan_ns += span_ns(latency, times->begun, times->posting);
	latency->post_ns += span_ns(latency, times->posting, times->posted);
	latency->device_ns += span_ns(latency, times->posted, polling);
	latency->poll_ns += span_ns(latency, polling, times->completed);
	if (latency->nr_samples < latency->max_samples)
		latency->samples[latency->nr_samples++] = (uint64_t)(ns + 0.5);
	service_ns = (uint64_t)(span_ns(latency, times->begun, times->completed) + 0.5);
	rw_hist_record(&latency->service, service_ns);
	if (times->path == RW_OP_BY_MR)
		rw_hist_record(&latency->hold, service_ns);
	else if (times->path == RW_OP_BY_FALLBACK)
		rw_hist_record(&latency->fallback, service_ns);
	if (latency->open_loop)
		latency->queued_ns += span_ns(latency, times->due, times->begun);
	return (uint64_t)(ns + 0.5);
}

void rw_latency_end_block(struct rw_latency *latency)
{
	rw_blocks_add(&latency->blocks, latency->sum_ns - latency->block_start_ns,
		      latency->moments.count - latency->block_start_count);
	latency->block_start_ns = latency->sum_ns;
	latency->block_start_count = latency->moments.count;
}
