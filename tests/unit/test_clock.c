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
static uint64_t read_both(const struct rw_clock *clock, uint64_t *ns_p, uint64_t *ticks_p)
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
	return best;
}

/* Right within the stated error and this test's own, which both are small. */
static void check_rate(const struct rw_clock *clock)
{
	uint64_t start_ns, start_ticks, ns, ticks, width_ns;
	double ratio, own;

	width_ns = read_both(clock, &start_ns, &start_ticks);
	do
		own = (double)(width_ns + read_both(clock, &ns, &ticks)) / 2 + 2;
	while (ns - start_ns < WINDOW_NS);
	ratio = rw_clock_ns(clock, ticks - start_ticks) / (double)(ns - start_ns);
	own /= (double)(ns - start_ns);
	if (!(fabs(ratio - 1) <= clock->error_ppm * 1e-6 + own))
		fail_msg("the clock runs at %.9f of CLOCK_MONOTONIC_RAW, and %.3f ppm were stated",
			 ratio, clock->error_ppm);
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
		assert_int_equal(clock.is_tsc, clock.error_ppm > 0);
		assert_true(clock.error_ppm < 1e6 && clock.cost_ns > 0 && isfinite(clock.cost_ns));
		assert_int_equal(clock.is_tsc, strcmp(rw_clock_name(&clock), "clock_gettime") != 0);
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

/*
 * Synthetic clocks: readings are as wrong as their width allows, at either
 * end and in either direction. The stated error covers that, and not much more.
 */
static void test_stated_error(void **state)
{
	static const double rates[] = { 0.25, 1 / 2.445, 1, 40 };
	static const uint64_t widths[] = { 0, 1, 60, 5000 };
	const uint64_t elapsed_ns = 10000000;

	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++)
		for (size_t w = 0; w < RW_ARRAY_SIZE(widths) * RW_ARRAY_SIZE(widths); w++) {
			uint64_t first = widths[w % RW_ARRAY_SIZE(widths)];
			uint64_t second = widths[w / RW_ARRAY_SIZE(widths)];
			uint64_t ticks = (uint64_t)(elapsed_ns / rates[r]);
			double worst = 0;
			struct rw_clock clock;

			for (int side = 0; side < 4; side++) {
				/* at the first end so many too few or too many */
				uint64_t start = 1000000 + (side % 2 ? first / 2 : -(first / 2));
				uint64_t end =
					1000000 + ticks + (side / 2 ? second / 2 : -(second / 2));
				const struct rw_clock_reading a = { 77, start, first };
				const struct rw_clock_reading b = { 77 + elapsed_ns, end, second };
				double wrong;

				rw_clock_calibrate(&clock, &a, &b);
				wrong = fabs(clock.ns_per_tick / rates[r] - 1) * 1e6;
				assert_true(wrong <= clock.error_ppm * 1.01);
				worst = fmax(worst, wrong);
			}
			if (first + second > 100)
				assert_true(worst > clock.error_ppm * 0.8);
		}
}

/* The list is the kernel's; a name may be part of another one. */
static void test_trust(void **state)
{
	static const struct {
		const char *available;
		bool trusted;
	} rows[] = {
		{ "tsc", true },
		{ "tsc hpet acpi_pm ", true },
		{ "kvm-clock tsc acpi_pm", true },
		{ "hpet acpi_pm", false },
		{ "hyperv_clocksource_tsc_page acpi_pm", false },
		{ "tsc-early hpet", false },
		{ "kvm-clock ts", false },
		{ "timer ", true }, /* User-Mode Linux */
		{ "timer hpet", false },
		{ "hpet timer", false },
		{ "", false },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++)
		if (rw_clock_is_trusted(rows[i].available, "tsc") != rows[i].trusted)
			fail_msg("'%s'", rows[i].available);
	assert_true(rw_clock_is_trusted("arch_sys_counter", "arch_sys_counter"));
	assert_false(rw_clock_is_trusted("jiffies", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),	     cmocka_unit_test(test_rate_without_tsc),
		cmocka_unit_test(test_monotone),     cmocka_unit_test(test_conversion),
		cmocka_unit_test(test_stated_error), cmocka_unit_test(test_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
