/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Mean, standard deviation, minimum and maximum of a stream of numbers, by
 * updating (Welford 1962) and not by sums of squares, which lose everything
 * where the spread is small against the mean.
 */
#ifndef RW_STATS_MOMENTS_H
#define RW_STATS_MOMENTS_H

#include <stdint.h>

/* All zero is the empty state. */
struct rw_moments {
	uint64_t count;
	double mean;
	double m2; /* sum of the squares of the differences from the mean */
	double min;
	double max;
};

static inline void rw_moments_add(struct rw_moments *moments, double value)
{
	double delta = value - moments->mean;

	if (!moments->count || value < moments->min)
		moments->min = value;
	if (!moments->count || value > moments->max)
		moments->max = value;
	moments->count++;
	moments->mean += delta / (double)moments->count;
	moments->m2 += delta * (value - moments->mean);
}

/* Add what @from has seen to @moments (Chan, Golub and LeVeque 1979). */
void rw_moments_merge(struct rw_moments *moments, const struct rw_moments *from);

/* Standard deviation of the sample (n - 1); 0 for fewer than two values. */
double rw_moments_stdev(const struct rw_moments *moments);

#endif
