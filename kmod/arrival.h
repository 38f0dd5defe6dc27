/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* When the operations of a QP are to begin that come by a schedule. Pure. */
#ifndef RWB_ARRIVAL_H
#define RWB_ARRIVAL_H

#include <linux/types.h>

#define RWB_ARRIVAL_SHIFT 8 /* times are kept in so small parts of a ns */

struct rwb_arrivals {
	u64 state; /* of the random numbers */
	u64 mean, at; /* in parts of a ns; @at since the run began */
	u64 n; /* operations that were taken ... */
	u64 sum_ns; /* ... and the sum of their times, modulo 2^64 */
	bool poisson;
};

/* QP @index of @qps, which have @rate operations a second together. */
void rwb_arrivals_init(struct rwb_arrivals *arrivals, bool poisson, u64 rate, u32 qps, u32 index,
		       u64 seed);

/* When the next one is due, in ns since the run began. */
static inline u64 rwb_arrivals_due(const struct rwb_arrivals *arrivals)
{
	return arrivals->at >> RWB_ARRIVAL_SHIFT;
}

/* It is; the next one follows. */
void rwb_arrivals_take(struct rwb_arrivals *arrivals);

/*
 * Those that are due before @now, up to @most in all, where they are too many to be
 * drawn: as many as the rate says.
 */
void rwb_arrivals_skip(struct rwb_arrivals *arrivals, u64 now, u64 most);

#endif
