/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/clock.h"

#include <stdlib.h>
#include <string.h>

#include "util/sysfs.h"

#if defined(__x86_64__)
#include <cpuid.h>
#define COUNTER	     "tsc"
#define COUNTER_NAME "tsc"
#elif defined(__aarch64__)
#define COUNTER	     "arch_sys_counter"
#define COUNTER_NAME "cntvct"
#else
#define COUNTER	     ""
#define COUNTER_NAME ""
#endif

#define AVAILABLE "/sys/devices/system/clocksource/clocksource0/available_clocksource"

#define CALIBRATION_NS	  (10 * 1000 * 1000)
#define CALIBRATION_TRIES 16

#define COST_BATCHES 15
#define COST_CALLS   256

/* Is there a counter that runs at a constant rate, whatever the processor does? */
static bool has_counter(void)
{
#if defined(__x86_64__)
	unsigned int eax, ebx, ecx, edx;

	/* CPUID 80000007h, EDX bit 8: invariant TSC */
	return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx >> 8 & 1);
#elif defined(__aarch64__)
	uint64_t hz;

	/* constant by definition; firmware that forgot to say its rate is not to be trusted */
	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz != 0;
#else
	return false;
#endif
}

bool rw_clock_is_trusted(const char *available, const char *counter)
{
	const char *name = available;
	size_t length;

	if (!strcmp(available, "timer "))
		return true;
	for (;; name += length) {
		name += strspn(name, " ");
		length = strcspn(name, " ");
		if (!length)
			return false;
		if (length == strlen(counter) && !strncmp(name, counter, length))
			return true;
	}
}

static bool kernel_trusts_it(void)
{
	char available[256];

	return !rw_sysfs_read(AVAILABLE, available, sizeof(available)) &&
	       rw_clock_is_trusted(available, COUNTER);
}

/*
 * Both clocks at one moment: the tightest of some tries. Being preempted
 * between the two readings would spoil the rate of a whole run.
 */
static struct rw_clock_reading read_both(const struct rw_clock *clock)
{
	struct rw_clock_reading best = { .width = UINT64_MAX };

	for (int i = 0; i < CALIBRATION_TRIES; i++) {
		uint64_t before = rw_clock_ticks(clock);
		uint64_t ns = rw_clock_raw_ns();
		uint64_t width = rw_clock_ticks(clock) - before;

		if (width < best.width)
			best = (struct rw_clock_reading){ ns, before + width / 2, width };
	}
	return best;
}

void rw_clock_calibrate(struct rw_clock *clock, const struct rw_clock_reading *start,
			const struct rw_clock_reading *end)
{
	double elapsed_ns = (double)(end->ns - start->ns);
	double wrong_ticks = (double)start->width / 2 + (double)end->width / 2 + 2;

	clock->ns_per_tick = elapsed_ns / (double)(end->ticks - start->ticks);
	clock->error_ppm = (wrong_ticks * clock->ns_per_tick + 2) / elapsed_ns * 1e6;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double measure_cost(const struct rw_clock *clock)
{
	double batches[COST_BATCHES];

	for (int i = 0; i < COST_BATCHES; i++) {
		uint64_t start = rw_clock_ticks(clock), end = start;

		for (int call = 0; call < COST_CALLS; call++)
			end = rw_clock_ticks(clock);
		batches[i] = rw_clock_ns(clock, end - start) / COST_CALLS;
	}
	qsort(batches, COST_BATCHES, sizeof(batches[0]), compare_doubles);
	return batches[COST_BATCHES / 2];
}

void rw_clock_init(struct rw_clock *clock)
{
	*clock = (struct rw_clock){ .ns_per_tick = 1.0 };
	clock->is_tsc = has_counter() && kernel_trusts_it();
	if (clock->is_tsc) {
		struct rw_clock_reading start = read_both(clock), end;

		do
			end = read_both(clock);
		while (end.ns - start.ns < CALIBRATION_NS);
		rw_clock_calibrate(clock, &start, &end);
	}
	clock->cost_ns = measure_cost(clock);
}

const char *rw_clock_name(const struct rw_clock *clock)
{
	return clock->is_tsc ? COUNTER_NAME : "clock_gettime";
}
