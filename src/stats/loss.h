/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How often a pool is empty: the two classic loss formulas. One MR per
 * operation; an operation that finds none does not wait and holds none.
 * Operations of k MRs each see a pool of m as one of m / k, rounded down.
 *
 * Both hold for any distribution of the hold time (only its mean matters); for
 * what they do not cover there is loss_sim.h.
 */
#ifndef RW_STATS_LOSS_H
#define RW_STATS_LOSS_H

#include <stdint.h>

/*
 * Erlang B: Poisson arrivals. @erlangs is the offered load, arrivals per
 * second times the mean hold time in seconds. The share of operations that
 * find a pool of @pool empty; also the share of time in which it is.
 */
double rw_loss_erlang_b(double erlangs, uint32_t pool);

/*
 * Engset: a closed loop of @sources contexts. @load is the mean hold time
 * divided by the mean think time, that is, per context that thinks; INFINITY
 * without think time. A blocked context begins to think anew at once: a
 * fallback that takes its time is not in the formula.
 *
 * The share of operations that find the pool empty (call congestion) is what
 * a count of exhaustions shows. It is less than the share of time in which the
 * pool is empty (time congestion): a context that asks does not hold an MR
 * itself, so it meets a system with one source less.
 */
double rw_loss_engset(uint32_t sources, double load, uint32_t pool);
double rw_loss_engset_time(uint32_t sources, double load, uint32_t pool);

/*
 * The smallest pool, up to @max, with a share of at most @target (over 0).
 * Returns 0; -ERANGE: not even @max is enough; -EINVAL: the target or the load
 * is no such number.
 */
int rw_loss_erlang_b_pool(double erlangs, double target, uint32_t max, uint32_t *pool_p);

/* The same for Engset, of rw_loss_engset(); as many as @sources always do. */
int rw_loss_engset_pool(uint32_t sources, double load, double target, uint32_t *pool_p);

#endif
