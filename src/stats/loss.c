/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/loss.h"

#include <errno.h>
#include <math.h>

/*
 * One MR more: from the share with @pool - 1 MRs to that with @pool, where
 * @offered is the load in the state in which @pool - 1 are taken. All terms
 * are positive: errors do not grow (Iversen, Teletraffic Engineering Handbook,
 * on the recursion formulas of Erlang B and Engset).
 */
static double add_one(double share, double offered, uint32_t pool)
{
	return offered * share / (pool + offered * share);
}

double rw_loss_erlang_b(double erlangs, uint32_t pool)
{
	double share = 1;

	for (uint32_t m = 1; m <= pool; m++)
		share = add_one(share, erlangs, m);
	return share;
}

double rw_loss_engset_time(uint32_t sources, double load, uint32_t pool)
{
	double share = 1;

	if (pool > sources)
		return 0;
	if (isinf(load))
		return 1;
	for (uint32_t m = 1; m <= pool; m++)
		share = add_one(share, load * (sources - m + 1), m);
	return share;
}

double rw_loss_engset(uint32_t sources, double load, uint32_t pool)
{
	return sources ? rw_loss_engset_time(sources - 1, load, pool) : 0;
}

int rw_loss_erlang_b_pool(double erlangs, double target, uint32_t max, uint32_t *pool_p)
{
	double share = 1;
	uint32_t m = 0;

	if (!(target > 0) || !(erlangs >= 0) || isinf(erlangs))
		return -EINVAL;
	while (share > target) {
		if (m == max)
			return -ERANGE;
		m++;
		share = add_one(share, erlangs, m);
	}
	*pool_p = m;
	return 0;
}

int rw_loss_engset_pool(uint32_t sources, double load, double target, uint32_t *pool_p)
{
	double share = sources ? 1 : 0;
	uint32_t m = 0;

	if (!(target > 0) || !(load >= 0))
		return -EINVAL;
	while (share > target) {
		m++;
		if (m == sources)
			break;
		if (!isinf(load))
			share = add_one(share, load * (sources - m), m);
	}
	*pool_p = m;
	return 0;
}
