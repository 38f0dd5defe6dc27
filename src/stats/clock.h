/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A cheap clock for the measuring loop: a counter of the processor that the
 * kernel trusts (invariant TSC, cntvct), calibrated against
 * CLOCK_MONOTONIC_RAW, or that clock itself.
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
	bool is_tsc; /* ticks are the processor's: TSC or, on aarch64, cntvct */
	double ns_per_tick;
	double error_ppm; /* ns_per_tick is at most so wrong, in millionths */
	double cost_ns;	  /* of one rw_clock_ticks(): the median of some batches */
};

/* Both clocks at one moment: @ns was read while @ticks +- @width / 2 passed. */
struct rw_clock_reading {
	uint64_t ns;
	uint64_t ticks;
	uint64_t width;
};

/* Nanoseconds of CLOCK_MONOTONIC_RAW. */
static inline uint64_t rw_clock_raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * RW_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* User and system time of CLOCK_THREAD_CPUTIME_ID or CLOCK_PROCESS_CPUTIME_ID, ns. */
static inline uint64_t rw_clock_cpu_ns(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? 0 :
					   (uint64_t)ts.tv_sec * RW_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Find, calibrate and measure the clock; takes about 10 ms. */
void rw_clock_init(struct rw_clock *clock);

/* "tsc", "cntvct" or "clock_gettime". */
const char *rw_clock_name(const struct rw_clock *clock);

/*
 * Rate and its largest error, from two readings. Half of a reading's width,
 * and a unit of either clock, may be wrong at both ends.
 */
void rw_clock_calibrate(struct rw_clock *clock, const struct rw_clock_reading *start,
			const struct rw_clock_reading *end);

/*
 * Whether the kernel keeps time by @counter or could: it takes a TSC that it
 * has found wrong from @available (available_clocksource of sysfs, a blank
 * behind each name). A User-Mode Linux has "timer" and nothing else: it never
 * sees the counter, and that it is invariant is all there is to know.
 */
bool rw_clock_is_trusted(const char *available, const char *counter);

/* Now, in ticks. */
static inline uint64_t rw_clock_ticks(const struct rw_clock *clock)
{
#if defined(__x86_64__)
	if (clock->is_tsc)
		return __rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	if (clock->is_tsc) {
		__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
		return ticks;
	}
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
