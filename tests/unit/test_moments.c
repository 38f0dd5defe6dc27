/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Moments against two passes in long double, on data that is made to hurt. */
#include "unit.h"

#include <float.h>
#include <math.h>

#include "stats/moments.h"

#define VALUES 20000

static double values[VALUES];

static double next_uniform(uint64_t *seed)
{
	return (double)(unit_random(seed) >> 11) * 0x1p-53;
}

/*
 * The running mean is rounded at each step: the deviation may be wrong by some
 * units of (mean / deviation), but not of its square, as sums of squares are.
 */
static long double tolerance_of(long double mean, long double stdev)
{
	return 1e-12L + 8 * DBL_EPSILON * (stdev > 0 ? fabsl(mean) / stdev : 0);
}

static void check(const struct rw_moments *got, size_t n)
{
	long double sum = 0, squares = 0, mean = 0, rest = 0, stdev = 0;
	double min = n ? values[0] : 0, max = min;

	for (size_t i = 0; i < n; i++) {
		sum += values[i];
		min = fmin(min, values[i]);
		max = fmax(max, values[i]);
	}
	mean = n ? sum / n : 0;
	for (size_t i = 0; i < n; i++) {
		squares += (values[i] - mean) * (values[i] - mean);
		rest += values[i] - mean;
	}
	if (n > 1)
		stdev = sqrtl((squares - rest * rest / n) / (n - 1));
	assert_int_equal(got->count, n);
	assert_true(got->min == min && got->max == max);
	if (fabsl(got->mean - mean) > 1e-14L * fabsl(mean) + 1e-15L * stdev)
		fail_msg("mean %.17g instead of %.17Lg", got->mean, mean);
	if (!(fabsl(rw_moments_stdev(got) - stdev) <= tolerance_of(mean, stdev) * stdev))
		fail_msg("deviation %.17g instead of %.17Lg", rw_moments_stdev(got), stdev);
}

static const struct {
	double offset, spread;
} rows[] = {
	{ 0, 1 },	 { 5000, 2000 }, { 1e9, 1 },	{ 5.184e15, 1e5 }, /* 60 days in ns */
	{ 1e-9, 1e-10 }, { -3e6, 1e-3 }, { 812.25, 0 }, /* all equal: exactly no deviation */
};

static void fill(size_t n, double offset, double spread, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++)
		values[i] = offset + spread * (next_uniform(seed) - 0.5);
}

static void test_stream(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 100, VALUES };
	uint64_t seed = 1;

	for (size_t r = 0; r < RW_ARRAY_SIZE(rows); r++)
		for (size_t s = 0; s < RW_ARRAY_SIZE(sizes); s++) {
			struct rw_moments moments = { 0 };

			fill(sizes[s], rows[r].offset, rows[r].spread, &seed);
			for (size_t i = 0; i < sizes[s]; i++)
				rw_moments_add(&moments, values[i]);
			check(&moments, sizes[s]);
		}
}

/* Cut anywhere, the parts give the whole; a part may be empty. */
static void test_merge(void **state)
{
	static const size_t cuts[] = { 0, 1, 2, 500, 999, 1000 };
	uint64_t seed = 2;

	for (size_t r = 0; r < RW_ARRAY_SIZE(rows); r++)
		for (size_t c = 0; c < RW_ARRAY_SIZE(cuts); c++) {
			struct rw_moments parts[2] = { 0 };

			fill(1000, rows[r].offset, rows[r].spread, &seed);
			for (size_t i = 0; i < 1000; i++)
				rw_moments_add(&parts[i >= cuts[c]], values[i]);
			rw_moments_merge(&parts[0], &parts[1]);
			check(&parts[0], 1000);
		}
}

/* Two parts far from each other: nearly all deviation lies between them. */
static void test_merge_apart(void **state)
{
	struct rw_moments parts[2] = { 0 }, empty = { 0 };
	uint64_t seed = 3;

	for (size_t i = 0; i < 900; i++) {
		values[i] = (i < 300 ? 500 : 1e6) + next_uniform(&seed);
		rw_moments_add(&parts[i >= 300], values[i]);
	}
	rw_moments_merge(&parts[0], &parts[1]);
	check(&parts[0], 900);
	rw_moments_merge(&empty, &empty);
	assert_int_equal(empty.count, 0);
	assert_true(rw_moments_stdev(&empty) == 0);
}

/* Samples below a microsecond, of which perftest prints a deviation of 0. */
static void test_sub_microsecond(void **state)
{
	struct rw_moments moments = { 0 };

	for (size_t i = 0; i < 1000; i++) {
		values[i] = i % 2 ? 0.85 : 0.95;
		rw_moments_add(&moments, values[i]);
	}
	check(&moments, 1000);
	assert_true(fabs(rw_moments_stdev(&moments) - 0.05) < 1e-4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_apart),
		cmocka_unit_test(test_sub_microsecond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
