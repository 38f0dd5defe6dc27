/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Schedules against their definition. */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "stats/arrival.h"

static const struct rw_arrival_shape poisson = { RW_ARRIVAL_POISSON, 1 };

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int ret;
		struct rw_arrival_shape shape;
	} rows[] = {
		{ "poisson", 0, { RW_ARRIVAL_POISSON, 1 } },
		{ "fixed", 0, { RW_ARRIVAL_FIXED, 1 } },
		{ "burst:1", 0, { RW_ARRIVAL_BURST, 1 } },
		{ "burst:64", 0, { RW_ARRIVAL_BURST, 64 } },
		{ "burst:1000000", 0, { RW_ARRIVAL_BURST, 1000000 } },
		{ "burst:1000001", -ERANGE, { 0 } },
		{ "burst:4294967297", -ERANGE, { 0 } },
		{ "burst:0", -ERANGE, { 0 } },
		{ "burst:", -EINVAL, { 0 } },
		{ "burst", -EINVAL, { 0 } },
		{ "burst:-1", -EINVAL, { 0 } },
		{ "burst:8x", -EINVAL, { 0 } },
		{ "burst:1K", -EINVAL, { 0 } },
		{ "Poisson", -EINVAL, { 0 } },
		{ "fixed ", -EINVAL, { 0 } },
		{ "poisson:3", -EINVAL, { 0 } },
		{ "", -EINVAL, { 0 } },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct rw_arrival_shape shape = { 77, 77 };

		assert_int_equal(rw_arrival_parse(rows[i].text, &shape), rows[i].ret);
		assert_int_equal(shape.kind, rows[i].ret ? 77 : rows[i].shape.kind);
		assert_int_equal(shape.burst, rows[i].ret ? 77 : rows[i].shape.burst);
	}
}

static void test_range(void **state)
{
	const struct rw_arrival_shape empty = { RW_ARRIVAL_FIXED, 0 };
	struct rw_arrival arrival;

	assert_int_equal(rw_arrival_init(&arrival, &empty, 1000, 1), -ERANGE);
	assert_int_equal(rw_arrival_init(&arrival, &poisson, 0, 1), -ERANGE);
	assert_int_equal(rw_arrival_init(&arrival, &poisson, RW_ARRIVAL_MAX_RATE + 1, 1), -ERANGE);
	assert_int_equal(rw_arrival_init(&arrival, &poisson, RW_ARRIVAL_MAX_RATE, 1), 0);
}

/* floor(@burst * @index * 1e9 / @rate), by long division of the exact product. */
static uint64_t due(uint64_t index, uint64_t burst, uint64_t rate)
{
	uint64_t units = index * burst; /* both small here */

	return units / rate * 1000000000 + units % rate * 1000000000 / rate;
}

/*
 * Each of the first arrivals is where it belongs. Where that is a whole period
 * or more, the schedule is back at its beginning: it holds for ever.
 */
static void test_fixed_and_burst(void **state)
{
	static const uint64_t rates[] = { 1,	  3,	  7,	   1000,      65536,
					  999983, 999999, 1000003, 999999937, RW_ARRIVAL_MAX_RATE };
	static const uint32_t bursts[] = { 1, 2, 3, 64, 1000000 };

	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++)
		for (size_t b = 0; b < RW_ARRAY_SIZE(bursts); b++) {
			const struct rw_arrival_shape shape = { bursts[b] == 1 ? RW_ARRIVAL_FIXED
									       : RW_ARRIVAL_BURST,
								bursts[b] };
			uint64_t n = bursts[b] == 1 ? 1100000 : 200000;
			struct rw_arrival arrival;

			assert_int_equal(rw_arrival_init(&arrival, &shape, rates[r], 0), 0);
			for (uint64_t i = 0; i < n; i++) {
				uint64_t want = due(i / bursts[b], bursts[b], rates[r]);
				uint64_t got = rw_arrival_next(&arrival);

				if (got != want)
					fail_msg("arrival %" PRIu64 " at %" PRIu64
						 " instead of %" PRIu64,
						 i, got, want);
			}
		}
}

/*
 * The whole nanoseconds are those of the exact sum of the gaps, so nothing is
 * lost to rounding; and the sum is the rate's, within 5 deviations.
 */
static void test_poisson(void **state)
{
	static const uint64_t rates[] = { 1, 1000, 1234567, 300000000, RW_ARRIVAL_MAX_RATE };
	const uint64_t n = 1000000;

	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++) {
		struct rw_arrival arrival;
		struct rw_random random;
		long double rest = 0, mean = 1e9L / (long double)rates[r];
		uint64_t got = 0, last = 0, long_gaps = 0;

		assert_int_equal(rw_arrival_init(&arrival, &poisson, rates[r], 99), 0);
		rw_random_init(&random, 99);
		for (uint64_t i = 0; i < n; i++) {
			double gap = rw_random_exponential(&random, 1e9 / (double)rates[r]);

			long_gaps += gap > (double)mean;
			got = rw_arrival_next(&arrival);
			assert_true(got >= last);
			/* what the exact sum is above what was answered; the sum itself is too
			 * large */
			rest += gap;
			rest -= got - last;
			assert_true(rest > -0.01L && rest < 1.01L);
			last = got;
		}
		assert_true(fabsl((long double)got / n - mean) < 5 * mean / sqrtl(n));
		assert_true(fabs((double)long_gaps - exp(-1) * n) <
			    5 * sqrt(n * exp(-1) * (1 - exp(-1))));
	}
}

/* What is not a whole number per second: the same schedule, in steps of a hundredth. */
static void test_slow(void **state)
{
	static const uint64_t rates[] = { 1, 7, 33, 100, 38147, 1234567, 100 * RW_ARRIVAL_MAX_RATE };
	static const uint64_t bursts[] = { 1, 3, 1000000 };
	struct rw_arrival arrival;

	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++)
		for (size_t b = 0; b < RW_ARRAY_SIZE(bursts); b++) {
			assert_int_equal(rw_arrival_init_slow(&arrival, bursts[b], rates[r]), 0);
			for (uint64_t i = 0; i < 3 * bursts[b]; i++) {
				uint64_t units = i / bursts[b] * bursts[b] * 100;

				assert_int_equal(rw_arrival_next(&arrival),
						 units / rates[r] * 1000000000 +
							 units % rates[r] * 1000000000 / rates[r]);
			}
		}
	assert_int_equal(rw_arrival_init_slow(&arrival, 1, 0), -ERANGE);
	assert_int_equal(rw_arrival_init_slow(&arrival, 1, 100 * RW_ARRIVAL_MAX_RATE + 1), -ERANGE);
	assert_int_equal(rw_arrival_init_slow(&arrival, 0, 100), -ERANGE);
	assert_int_equal(rw_arrival_init_slow(&arrival, RW_ARRIVAL_MAX_BURST + 1, 100), -ERANGE);
}

static void test_seeds(void **state)
{
	struct rw_arrival a, b, c;
	int equal = 0;

	assert_int_equal(rw_arrival_init(&a, &poisson, 1000, 1), 0);
	assert_int_equal(rw_arrival_init(&b, &poisson, 1000, 1), 0);
	assert_int_equal(rw_arrival_init(&c, &poisson, 1000, 2), 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t at = rw_arrival_next(&a);

		assert_int_equal(at, rw_arrival_next(&b));
		equal += at == rw_arrival_next(&c);
	}
	assert_true(equal < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),		cmocka_unit_test(test_range),
		cmocka_unit_test(test_fixed_and_burst), cmocka_unit_test(test_poisson),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
