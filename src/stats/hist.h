/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A log-linear histogram of nanoseconds. Values below 2048 have a bucket each;
 * above, every octave has 1024 buckets, so that a bucket is never wider than
 * 1/1024 of its lowest value: three significant digits. Memory is fixed
 * (RW_HIST_BYTES, 264 KiB) and only the buckets that are hit are touched.
 */
#ifndef RW_STATS_HIST_H
#define RW_STATS_HIST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "util/compiler.h"

#define RW_HIST_SUB_BITS 10

/* Values from here on (73 minutes) share the last bucket: it is saturated. */
#define RW_HIST_LIMIT_BITS 42
#define RW_HIST_LIMIT	   (UINT64_C(1) << RW_HIST_LIMIT_BITS)
#define RW_HIST_SATURATED  ((RW_HIST_LIMIT_BITS - RW_HIST_SUB_BITS + 1) << RW_HIST_SUB_BITS)
#define RW_HIST_BUCKETS	   (RW_HIST_SATURATED + 1)

#define RW_HIST_BYTES sizeof(struct rw_hist)

struct rw_hist {
	uint64_t count;
	uint64_t min; /* exact; UINT64_MAX while empty: rw_hist_min() */
	uint64_t max; /* exact, of saturated values, too; 0 while empty */
	uint64_t buckets[RW_HIST_BUCKETS];
};

/* A non-empty bucket: @count values from @low to @high, both included. */
struct rw_hist_bucket {
	uint64_t low;
	uint64_t high; /* UINT64_MAX in the saturated bucket */
	uint64_t count;
};

void rw_hist_init(struct rw_hist *hist);

/*
 * Empty a histogram that rw_hist_init() has seen. Takes time in proportion to
 * the buckets between its minimum and its maximum, not to all of them.
 */
void rw_hist_reset(struct rw_hist *hist);

/* The bucket of @value. */
static inline uint32_t rw_hist_index(uint64_t value)
{
	uint64_t v = rw_min(value, RW_HIST_LIMIT);
	uint64_t floor = v | UINT64_C(1) << RW_HIST_SUB_BITS;
	uint32_t shift = 63 - RW_HIST_SUB_BITS - (uint32_t)__builtin_clzll(floor);

	return (shift << RW_HIST_SUB_BITS) + (uint32_t)(v >> shift);
}

/*
 * The bucket of @value rounded to an integer, cheaper. A double has octave and place
 * within it side by side, as an index has: sign, 11 bits of exponent (2^0 is 1023), and 52
 * below the leading one. What is negative is among the saturated.
 */
static inline uint32_t rw_hist_index_of(double value)
{
	const uint64_t one = (UINT64_C(1022) + RW_HIST_SUB_BITS) << RW_HIST_SUB_BITS;
	double rounded = value + 0.5;
	uint64_t bits;

	if (rounded >= 0 && rounded < (1 << RW_HIST_SUB_BITS))
		return (uint32_t)rounded;
	memcpy(&bits, &rounded, sizeof(bits));
	return (uint32_t)rw_min((bits >> (52 - RW_HIST_SUB_BITS)) - one, RW_HIST_SATURATED);
}

/* Count @value: no loop, no division, no branch. */
static inline void rw_hist_record(struct rw_hist *hist, uint64_t value)
{
	hist->buckets[rw_hist_index(value)]++;
	hist->count++;
	hist->min = rw_min(hist->min, value);
	hist->max = rw_max(hist->max, value);
}

/*
 * The same in two halves, where values come in haste: count each in its bucket, and account for
 * @n of them later, with the smallest and the largest. In between @hist holds
 * what was accounted for, and must not be reset or merged.
 */
static inline void rw_hist_count(struct rw_hist *hist, uint32_t index)
{
	hist->buckets[index]++;
}

static inline void rw_hist_account(struct rw_hist *hist, uint64_t n, uint64_t min, uint64_t max)
{
	hist->count += n;
	hist->min = rw_min(hist->min, min);
	hist->max = rw_max(hist->max, max);
}

/* Add what @from has counted to @hist. */
void rw_hist_merge(struct rw_hist *hist, const struct rw_hist *from);

/* The smallest value; 0 if there is none. */
static inline uint64_t rw_hist_min(const struct rw_hist *hist)
{
	return hist->count ? hist->min : 0;
}

/* How many values were too large to be told apart (RW_HIST_LIMIT and above). */
static inline uint64_t rw_hist_saturated(const struct rw_hist *hist)
{
	return hist->buckets[RW_HIST_SATURATED];
}

/*
 * The value at @percent (0 to 100, taken to 7 decimals): with n values in
 * order, the one at rank ceil(percent / 100 * n), at least 1. Computed in
 * integers, so that 99.9 % of 1000 is rank 999. Returns the highest value of
 * its bucket, but never more than the true maximum: at most 1/1024 above the
 * exact answer and never below it. 0 if nothing was counted.
 */
uint64_t rw_hist_percentile(const struct rw_hist *hist, double percent);

/* That rank, of @count values. 1 to @count; 0 if @count is 0. */
uint64_t rw_hist_rank(uint64_t count, double percent);

/*
 * The next non-empty bucket, from the lowest up. *@cursor_p is 0 at the
 * beginning. Returns false behind the last one.
 */
bool rw_hist_next(const struct rw_hist *hist, uint32_t *cursor_p, struct rw_hist_bucket *bucket);

#endif
