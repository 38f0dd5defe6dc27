/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A cheap clock for the measuring loop: the invariant TSC, calibrated against
 * CLOCK_MONOTONIC_RAW, or that clock itself where no such TSC is.
 */
#ifndef RW_STATS_CLOCK_H
#define RW_STATS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define RW_NS_PER_S UINT64_C(1000000000)

struct rw_clock {
	bool is_tsc;
	double ns_per_tick;
};

/* Nanoseconds of CLOCK_MONOTONIC_RAW. */
static inline uint64_t rw_clock_raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * RW_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Find and calibrate the clock; takes about 10 ms where there is a TSC. */
void rw_clock_init(struct rw_clock *clock);

/* Now, in ticks. */
static inline uint64_t rw_clock_ticks(const struct rw_clock *clock)
{
#if defined(__x86_64__)
	if (clock->is_tsc)
		return __rdtsc();
#endif
	return rw_clock_raw_ns();
}

static inline double rw_clock_ns(const struct rw_clock *clock, uint64_t ticks)
{
	return (double)ticks * clock->ns_per_tick;
}

static inline uint64_t rw_clock_ticks_of_ns(const struct rw_clock *clock, double ns)
{
	return (uint64_t)(ns / clock->ns_per_tick);
}

#endif
