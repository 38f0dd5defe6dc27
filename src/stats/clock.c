/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CALIBRATION_NS	  (10 * 1000 * 1000)
#define CALIBRATION_TRIES 16

/* CPUID 80000007h, EDX bit 8: the TSC runs at a constant rate in all states. */
static bool has_invariant_tsc(void)
{
#if defined(__x86_64__)
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx >> 8 & 1);
#else
	return false;
#endif
}

/*
 * Both clocks at one moment: the tightest of some tries. Being preempted
 * between the two readings would spoil the rate of a whole run.
 */
static void read_both(const struct rw_clock *clock, uint64_t *ns_p, uint64_t *ticks_p)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < CALIBRATION_TRIES; i++) {
		uint64_t before = rw_clock_ticks(clock);
		uint64_t ns = rw_clock_raw_ns();
		uint64_t width = rw_clock_ticks(clock) - before;

		if (width >= best)
			continue;
		best = width;
		*ns_p = ns;
		*ticks_p = before + width / 2;
	}
}

void rw_clock_init(struct rw_clock *clock)
{
	uint64_t start_ns, start_ticks, ns, ticks;

	clock->is_tsc = has_invariant_tsc();
	clock->ns_per_tick = 1.0;
	if (!clock->is_tsc)
		return;
	read_both(clock, &start_ns, &start_ticks);
	do
		read_both(clock, &ns, &ticks);
	while (ns - start_ns < CALIBRATION_NS);
	clock->ns_per_tick = (double)(ns - start_ns) / (double)(ticks - start_ticks);
}
