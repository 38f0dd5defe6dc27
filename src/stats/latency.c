/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Operations: their sums in ticks stay far from any end, and settling costs each nothing. */
#define BATCH 4096

struct rw_latency *rw_latency_new(const struct rw_clock *clock, bool open_loop,
				  uint64_t max_samples)
{
	struct rw_latency *latency = calloc(1, sizeof(*latency));

	if (!latency)
		return NULL;
	latency->clock = *clock;
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
	for (int path = 0; path < RW_NR_OP_PATHS; path++)
		rw_hist_init(&latency->service_of[path]);
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

/* To whole ns; what one operation takes has its place in the signed numbers. */
static inline uint64_t whole_ns(const struct rw_latency *latency, uint64_t ticks)
{
	return (uint64_t)(int64_t)((double)(int64_t)ticks * latency->clock.ns_per_tick + 0.5);
}

/* The batch's latencies, to the moments and to the open block. */
static void settle_latencies(struct rw_latency *latency)
{
	const struct rw_latency_batch *batch = &latency->batch;
	double unit = latency->clock.ns_per_tick;
	double mean = batch->sum / batch->n;
	const struct rw_moments moments = {
		.count = batch->n,
		.mean = ((double)batch->first + mean) * unit,
		.m2 = rw_max(batch->squares - batch->sum * mean, 0) * unit * unit,
		.min = (double)batch->min * unit,
		.max = (double)batch->max * unit,
	};

	rw_moments_merge(&latency->moments, &moments);
	latency->block_ns += moments.mean * batch->n;
	latency->block_count += batch->n;
	if (latency->open_loop)
		latency->queued_ns += moments.mean * batch->n - (double)batch->service * unit;
}

void rw_latency_settle(struct rw_latency *latency)
{
	const struct rw_latency_batch *batch = &latency->batch;
	double unit = latency->clock.ns_per_tick;

	if (!batch->n)
		return;
	rw_hist_account(&latency->hist, batch->n, whole_ns(latency, batch->min),
			whole_ns(latency, batch->max));
	settle_latencies(latency);
	latency->plan_ns += (double)batch->plan * unit;
	latency->post_ns += (double)batch->post * unit;
	latency->poll_ns += (double)batch->poll * unit;
	latency->device_ns +=
		(double)(batch->service - batch->plan - batch->post - batch->poll) * unit;
	latency->batch = (struct rw_latency_batch){ 0 };
}

void rw_latency_reset(struct rw_latency *latency)
{
	/* what the histogram is owed */
	rw_latency_settle(latency);
	rw_hist_reset(&latency->hist);
	rw_hist_reset(&latency->service);
	for (int path = 0; path < RW_NR_OP_PATHS; path++)
		rw_hist_reset(&latency->service_of[path]);
	rw_hist_reset(&latency->registration);
	rw_hist_reset(&latency->invalidation);
	latency->batch = (struct rw_latency_batch){ 0 };
	latency->moments = (struct rw_moments){ 0 };
	latency->plan_ns = latency->post_ns = latency->device_ns = latency->poll_ns = 0;
	latency->queued_ns = latency->block_ns = 0;
	latency->block_count = latency->nr_samples = 0;
	memset(&latency->blocks, 0, sizeof(latency->blocks));
}

uint64_t rw_latency_record(struct rw_latency *latency, const struct rw_op_times *times)
{
	struct rw_latency_batch *batch = &latency->batch;
	uint64_t start = latency->open_loop ? times->due : times->posting;
	uint64_t ticks = times->completed - start;
	uint64_t service = times->completed - times->begun;
	uint64_t ns = whole_ns(latency, ticks);
	double beyond;

	if (rw_unlikely(!batch->n)) {
		batch->first = ticks;
		batch->min = UINT64_MAX;
	}
	beyond = (double)(int64_t)(ticks - batch->first);
	batch->sum += beyond;
	batch->squares += beyond * beyond;
	batch->min = rw_min(batch->min, ticks);
	batch->max = rw_max(batch->max, ticks);
	batch->plan += times->posting - times->begun;
	batch->post += times->posted - times->posting;
	/* The poll that brought the completion may have begun before the doorbell. */
	batch->poll += times->completed - rw_max(times->polling, times->posted);
	batch->service += service;
	rw_hist_count(&latency->hist, ns);
	if (latency->open_loop || times->path != RW_OP_BY_DIRECT)
		rw_hist_record(&latency->service_of[times->path], whole_ns(latency, service));
	if (rw_unlikely(latency->nr_samples < latency->max_samples))
		latency->samples[latency->nr_samples++] = ns;
	if (rw_unlikely(++batch->n == BATCH))
		rw_latency_settle(latency);
	return ns;
}

void rw_latency_end_block(struct rw_latency *latency)
{
	rw_latency_settle(latency);
	rw_blocks_add(&latency->blocks, latency->block_ns, latency->block_count);
	latency->block_ns = 0;
	latency->block_count = 0;
}

static int merge_samples(struct rw_latency *latency, const struct rw_latency *from)
{
	uint64_t n = latency->nr_samples + from->nr_samples;
	uint64_t *samples;

	if (!from->nr_samples)
		return 0;
	samples = realloc(latency->samples, n * sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	memcpy(&samples[latency->nr_samples], from->samples, from->nr_samples * sizeof(*samples));
	latency->samples = samples;
	latency->nr_samples = latency->max_samples = n;
	return 0;
}

int rw_latency_merge(struct rw_latency *latency, struct rw_latency *from)
{
	rw_latency_settle(latency);
	rw_latency_settle(from);
	rw_hist_merge(&latency->hist, &from->hist);
	for (int path = 0; path < RW_NR_OP_PATHS; path++)
		rw_hist_merge(&latency->service_of[path], &from->service_of[path]);
	rw_hist_merge(&latency->registration, &from->registration);
	rw_hist_merge(&latency->invalidation, &from->invalidation);
	rw_moments_merge(&latency->moments, &from->moments);
	latency->plan_ns += from->plan_ns;
	latency->post_ns += from->post_ns;
	latency->device_ns += from->device_ns;
	latency->poll_ns += from->poll_ns;
	latency->queued_ns += from->queued_ns;
	rw_blocks_merge(&latency->blocks, &from->blocks);
	return merge_samples(latency, from);
}

void rw_latency_finish(struct rw_latency *latency)
{
	rw_latency_settle(latency);
	rw_hist_reset(&latency->service);
	for (int path = 0; path < RW_NR_OP_PATHS; path++)
		rw_hist_merge(&latency->service, &latency->service_of[path]);
}
