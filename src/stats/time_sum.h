/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The time that many things took together, at the price of an addition at the
 * begin and at the end of each. Sums of ticks leave 64 bits within hours when
 * 2^17 operations are under way all the time: now and then they are settled.
 */
#ifndef RW_STATS_TIME_SUM_H
#define RW_STATS_TIME_SUM_H

#include <stdint.h>

/* All zero is the empty sum. */
struct rw_time_sum {
	uint64_t ticks;   /* all ends minus all beginnings, modulo 2^64 */
	uint64_t settled; /* @ticks when it was last settled, as if all had ended then */
	double total;     /* up to then */
};

static inline void rw_time_sum_begin(struct rw_time_sum *sum, uint64_t now)
{
	sum->ticks -= now;
}

static inline void rw_time_sum_end(struct rw_time_sum *sum, uint64_t now)
{
	sum->ticks += now;
}

/*
 * At @now @under_way things have begun and not ended. To be called before they
 * have taken 2^64 ticks together since the last time.
 */
static inline void rw_time_sum_settle(struct rw_time_sum *sum, uint64_t under_way, uint64_t now)
{
	uint64_t ticks = sum->ticks + under_way * now;

	sum->total += (double)(ticks - sum->settled);
	sum->settled = ticks;
}

/* Ticks in all, when nothing is under way. */
static inline double rw_time_sum_total(const struct rw_time_sum *sum)
{
	return sum->total + (double)(sum->ticks - sum->settled);
}

/* What was taken in @from comes to @sum: nothing is under way in either. */
static inline void rw_time_sum_merge(struct rw_time_sum *sum, const struct rw_time_sum *from)
{
	sum->total += rw_time_sum_total(from);
}

#endif
