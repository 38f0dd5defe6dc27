/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/latency.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* What one operation takes has its place in the signed numbers. */
static inline double ns_of(uint64_t ticks, double unit)
{
	return (double)(int64_t)ticks * unit;
}

static inline uint64_t rounded(double ns)
{
	return (uint64_t)(int64_t)(ns + 0.5);
}

void rw_latency_keep(struct rw_latency *latency, uint64_t ticks)
{
	if (latency->nr_samples < latency->max_samples)
		latency->samples[latency->nr_samples++] = rounded(ns_of(ticks, latency->clock.ns_per_tick));
}

/* Latencies of one path. Sums are about the first one: they are far smaller. */
static void settle_batch(struct rw_latency *latency, const struct rw_latency_batch *batch)
{
	double unit = latency->clock.ns_per_tick, first = ns_of(batch->latency[0], unit);
	double n = batch->n, sum = 0, squares = 0, min = first, max = first;
	struct rw_hist *interval = latency->interval;

	for (uint32_t i = 0; i < batch->n; i++) {
		double ns = ns_of(batch->latency[i], unit), beyond = ns - first;
		uint32_t index = rw_hist_index_of(ns);

		rw_hist_count(&latency->hist, index);
		if (interval)
			rw_hist_count(interval, index);
		sum += beyond;
		squares += beyond * beyond;
		min = rw_min(min, ns);
		max = rw_max(max, ns);
	}
	rw_hist_account(&latency->hist, batch->n, rounded(min), rounded(max));
	if (interval)
		rw_hist_account(interval, batch->n, rounded(min), rounded(max));
	rw_moments_merge(&latency->moments, &(struct rw_moments){
		.count = batch->n,
		.mean = first + sum / n,
		.m2 = rw_max(squares - sum * sum / n, 0),
		.min = min,
		.max = max,
	});
	latency->block_ns += first * n + sum;
	latency->block_count += batch->n;
}

/* ns that operations of one path were under way, together; @hist: each of them. */
static double settle_service(const struct rw_latency *latency,
			     const struct rw_latency_batch *batch, struct rw_hist *hist)
{
	double unit = latency->clock.ns_per_tick, min = INFINITY, max = 0;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < batch->n; i++)
		sum += batch->service[i];
	if (!hist)
		return (double)sum * unit;
	for (uint32_t i = 0; i < batch->n; i++) {
		double ns = ns_of(batch->service[i], unit);

		rw_hist_count(hist, rw_hist_index_of(ns));
		min = rw_min(min, ns);
		max = rw_max(max, ns);
	}
	rw_hist_account(hist, batch->n, rounded(min), rounded(max));
	return (double)sum * unit;
}

void rw_latency_settle(struct rw_latency *latency)
{
	double unit = latency->clock.ns_per_tick, before = latency->block_ns, service = 0;
	double plan = (double)latency->plan * unit, post = (double)latency->post * unit;
	double poll = (double)latency->poll * unit;

	for (int path = 0; path < RW_NR_OP_PATHS; path++) {
		struct rw_latency_batch *batch = &latency->batches[path];
		bool all = latency->open_loop || path != RW_OP_BY_DIRECT;

		if (!batch->n)
			continue;
		settle_batch(latency, batch);
		service += settle_service(latency, batch, all ? &latency->service_of[path] : NULL);
		batch->n = 0;
	}
	if (latency->open_loop)
		latency->queued_ns += latency->block_ns - before - service;
	latency->plan_ns += plan;
	latency->post_ns += post;
	latency->poll_ns += poll;
	latency->device_ns += service - plan - post - poll;
	latency->plan = latency->post = latency->poll = 0;
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
	latency->moments = (struct rw_moments){ 0 };
	latency->plan_ns = latency->post_ns = latency->device_ns = latency->poll_ns = 0;
	latency->queued_ns = latency->block_ns = 0;
	latency->block_count = latency->nr_samples = 0;
	memset(&latency->blocks, 0, sizeof(latency->blocks));
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
