/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When the operations of an open loop are due, whether or not the loop keeps
 * up. Times are kept in whole nanoseconds and an exact rest: they do not drift
 * from the rate, however many there are.
 */
#ifndef RW_STATS_ARRIVAL_H
#define RW_STATS_ARRIVAL_H

#include <stdint.h>

#include "util/random.h"

#define RW_ARRIVAL_MAX_RATE  UINT64_C(1000000000) /* operations per second */
#define RW_ARRIVAL_MAX_BURST UINT64_C(1000000)

enum rw_arrival_kind {
	RW_ARRIVAL_POISSON, /* exponential gaps; the first arrival is after one */
	RW_ARRIVAL_FIXED,   /* equal gaps; the first arrival is at 0 */
	RW_ARRIVAL_BURST,   /* as many at one instant; the first burst is at 0 */
};

struct rw_arrival_shape {
	enum rw_arrival_kind kind;
	uint32_t burst; /* 1 unless the kind is RW_ARRIVAL_BURST */
};

struct rw_arrival {
	struct rw_arrival_shape shape;
	uint64_t rate;	 /* operations per second, or per 100 s */
	uint64_t due_ns; /* of the next arrival */
	uint64_t rest;	 /* ... and as many parts of a nanosecond, of @rate parts */
	uint64_t gap_ns, gap_rest;
	uint32_t left; /* arrivals of this burst that are still to come */
	double mean_ns, rest_ns;
	struct rw_random random;
};

/*
 * "poisson", "fixed" or "burst:N", N from 1 to RW_ARRIVAL_MAX_BURST.
 * Returns 0, -EINVAL (none of these) or -ERANGE (that N).
 */
int rw_arrival_parse(const char *text, struct rw_arrival_shape *shape_p);

/*
 * @rate operations per second (those of bursts included). Two schedules that
 * should not be alike need two seeds.
 * Returns 0; -ERANGE: @rate is not 1 to RW_ARRIVAL_MAX_RATE, or the burst is 0.
 */
int rw_arrival_init(struct rw_arrival *arrival, const struct rw_arrival_shape *shape, uint64_t rate,
		    uint64_t seed);

/*
 * @per_100s operations in 100 seconds, @burst at a time, for rates that are no
 * whole number per second. The first burst is at 0.
 * Returns 0; -ERANGE: @per_100s is not 1 to 100 * RW_ARRIVAL_MAX_RATE, @burst not 1 to
 * RW_ARRIVAL_MAX_BURST.
 */
int rw_arrival_init_slow(struct rw_arrival *arrival, uint64_t burst, uint64_t per_100s);

static inline void rw_arrival_poisson_gap(struct rw_arrival *arrival)
{
	double gap_ns =
		rw_random_exponential(&arrival->random, arrival->mean_ns) + arrival->rest_ns;
	uint64_t whole_ns = (uint64_t)gap_ns;

	arrival->rest_ns = gap_ns - (double)whole_ns;
	arrival->due_ns += whole_ns;
}

/*
 * The next arrival's time in nanoseconds from the start of the schedule, never
 * less than the one before. Without end (584 years).
 */
static inline uint64_t rw_arrival_next(struct rw_arrival *arrival)
{
	uint64_t due_ns = arrival->due_ns;

	if (arrival->shape.kind == RW_ARRIVAL_POISSON) {
		rw_arrival_poisson_gap(arrival);
	} else if (--arrival->left == 0) {
		arrival->left = arrival->shape.burst;
		arrival->due_ns += arrival->gap_ns;
		arrival->rest += arrival->gap_rest;
		if (arrival->rest >= arrival->rate) {
			arrival->rest -= arrival->rate;
			arrival->due_ns++;
		}
	}
	return due_ns;
}

#endif
