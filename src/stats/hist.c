/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/hist.h"

#include <string.h>

/* Percentiles are counted in these parts of the whole. */
#define PARTS	      UINT64_C(1000000000)
#define PARTS_PERCENT 1e7

static uint64_t lowest_value(uint32_t index)
{
	uint32_t octave = index >> RW_HIST_SUB_BITS;

	/* The first two octaves' worth of buckets are one nanosecond wide. */
	if (octave < 2)
		return index;
	return (uint64_t)(index - ((octave - 1) << RW_HIST_SUB_BITS)) << (octave - 1);
}

static uint64_t highest_value(uint32_t index)
{
	return index == RW_HIST_SATURATED ? UINT64_MAX : lowest_value(index + 1) - 1;
}

void rw_hist_init(struct rw_hist *hist)
{
	memset(hist, 0, sizeof(*hist));
	hist->min = UINT64_MAX;
}

void rw_hist_reset(struct rw_hist *hist)
{
	uint32_t first;

	if (!hist->count)
		return;
	first = rw_hist_index(hist->min);
	memset(&hist->buckets[first], 0,
	       (rw_hist_index(hist->max) - first + 1) * sizeof(hist->buckets[0]));
	hist->count = 0;
	hist->min = UINT64_MAX;
	hist->max = 0;
}

void rw_hist_merge(struct rw_hist *hist, const struct rw_hist *from)
{
	uint32_t last;

	if (!from->count)
		return;
	last = rw_hist_index(from->max);
	for (uint32_t i = rw_hist_index(from->min); i <= last; i++)
		hist->buckets[i] += from->buckets[i];
	hist->count += from->count;
	hist->min = rw_min(hist->min, from->min);
	hist->max = rw_max(hist->max, from->max);
}

uint64_t rw_hist_rank(uint64_t count, double percent)
{
	double wanted = percent * PARTS_PERCENT + 0.5;
	uint64_t parts, rank;

	/* in this order, so that no percentile that is no number gets through */
	if (!(wanted > 0))
		parts = 0;
	else
		parts = wanted < (double)PARTS ? (uint64_t)wanted : PARTS;
	/* ceil(count * parts / PARTS), split so that nothing overflows */
	rank = count / PARTS * parts + rw_div_ceil(count % PARTS * parts, PARTS);
	return rank || !count ? rank : 1;
}

uint64_t rw_hist_percentile(const struct rw_hist *hist, double percent)
{
	uint64_t rank = rw_hist_rank(hist->count, percent);
	uint64_t seen = 0;
	uint32_t i;

	if (!rank)
		return 0;
	for (i = rw_hist_index(hist->min); i < RW_HIST_SATURATED; i++) {
		seen += hist->buckets[i];
		if (seen >= rank)
			break;
	}
	return rw_min(highest_value(i), hist->max);
}

bool rw_hist_next(const struct rw_hist *hist, uint32_t *cursor_p, struct rw_hist_bucket *bucket)
{
	uint32_t i = *cursor_p;

	while (i < RW_HIST_BUCKETS && !hist->buckets[i])
		i++;
	if (i == RW_HIST_BUCKETS)
		return false;
	bucket->low = lowest_value(i);
	bucket->high = highest_value(i);
	bucket->count = hist->buckets[i];
	*cursor_p = i + 1;
	return true;
}
