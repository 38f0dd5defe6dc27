/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The clock against CLOCK_MONOTONIC_RAW, as a ratio: no time is expected. */
#include "unit.h"

#include <math.h>

#include "stats/clock.h"

#define WINDOW_NS 50000000

/*
 * Both clocks at one moment: the tightest of some tries, so that being
 * preempted between two readings does not count.
 */
static void read_both(const struct rw_clock *clock, uint64_t *ns_p, uint64_t *ticks_p)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 64; i++) {
		uint64_t before = rw_clock_raw_ns();
		uint64_t ticks = rw_clock_ticks(clock);
		uint64_t after = rw_clock_raw_ns();

		if (after - before >= best)
			continue;
		best = after - before;
		*ns_p = before + best / 2;
		*ticks_p = ticks;
	}
}

static void check_rate(const struct rw_clock *clock)
{
	uint64_t start_ns, start_ticks, ns, ticks;
	double ratio;

	read_both(clock, &start_ns, &start_ticks);
	do
		read_both(clock, &ns, &ticks);
	while (ns - start_ns < WINDOW_NS);
	ratio = rw_clock_ns(clock, ticks - start_ticks) / (double)(ns - start_ns);
	if (!(fabs(ratio - 1) < 0.02))
		fail_msg("the clock runs at %.4f of CLOCK_MONOTONIC_RAW", ratio);
}

/* Calibration is repeated: one that a busy host can spoil shows sooner or later. */
static void test_rate(void **state)
{
	for (int i = 0; i < 5; i++) {
		struct rw_clock clock;

		rw_clock_init(&clock);
		check_rate(&clock);
	}
}

static void test_rate_without_tsc(void **state)
{
	const struct rw_clock clock = { .is_tsc = false, .ns_per_tick = 1.0 };

	check_rate(&clock);
}

static void test_monotone(void **state)
{
	struct rw_clock clock;
	uint64_t last, start;

	rw_clock_init(&clock);
	start = last = rw_clock_ticks(&clock);
	for (int i = 0; i < 1000000; i++) {
		uint64_t now = rw_clock_ticks(&clock);

		assert_true(now >= last);
		last = now;
	}
	assert_true(last > start);
}

static void test_conversion(void **state)
{
	static const double rates[] = { 1.0, 1 / 2.1, 1 / 3.7, 40.0 };
	static const uint64_t values[] = { 0, 1, 999, 1000000007, UINT64_C(1) << 45 };

	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++)
		for (size_t v = 0; v < RW_ARRAY_SIZE(values); v++) {
			const struct rw_clock clock = { .ns_per_tick = rates[r] };
			double ns = rw_clock_ns(&clock, values[v]);
			uint64_t back = rw_clock_ticks_of_ns(&clock, ns);

			assert_true(fabs(ns - (double)values[v] * rates[r]) <= ns * 1e-12);
			/* cut off, so one tick may be missing, and none is too many */
			assert_true(back == values[v] || back + 1 == values[v]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_without_tsc),
		cmocka_unit_test(test_monotone),
		cmocka_unit_test(test_conversion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
