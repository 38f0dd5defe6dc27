/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/moments.h"

#include <math.h>

#include "util/compiler.h"

void rw_moments_merge(struct rw_moments *moments, const struct rw_moments *from)
{
	double delta = from->mean - moments->mean;
	uint64_t count = moments->count + from->count;
	double share;

	if (!from->count)
		return;
	if (!moments->count) {
		*moments = *from;
		return;
	}
	share = (double)from->count / (double)count;
	moments->mean += delta * share;
	moments->m2 += from->m2 + delta * delta * share * (double)moments->count;
	moments->min = rw_min(moments->min, from->min);
	moments->max = rw_max(moments->max, from->max);
	moments->count = count;
}

double rw_moments_stdev(const struct rw_moments *moments)
{
	if (moments->count < 2)
		return 0;
	return sqrt(moments->m2 / (double)(moments->count - 1));
}
