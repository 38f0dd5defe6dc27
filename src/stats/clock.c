/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CALIBRATION_NS (10 * 1000 * 1000)

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

void rw_clock_init(struct rw_clock *clock)
{
	uint64_t start_ns, start_ticks, ns, ticks;

	clock->is_tsc = has_invariant_tsc();
	clock->ns_per_tick = 1.0;
	if (!clock->is_tsc)
		return;
	start_ns = rw_clock_raw_ns();
	start_ticks = rw_clock_ticks(clock);
	do {
		ns = rw_clock_raw_ns() - start_ns;
		ticks = rw_clock_ticks(clock) - start_ticks;
	} while (ns < CALIBRATION_NS);
	clock->ns_per_tick = (double)ns / (double)ticks;
}
