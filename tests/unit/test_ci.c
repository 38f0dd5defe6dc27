/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Confidence intervals against tables, enumeration, and their own promise. */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "stats/ci.h"

#define BLOCKS 20

/* In 30 digits, by the inverse error function and the incomplete beta function. */
static void test_quantiles(void **state)
{
	static const struct {
		double p, quantile;
	} normal[] = {
		{ 0.5, 0 },
		{ 0.9, 1.2815515655446006 },
		{ 0.975, 1.9599639845400539 },
		{ 0.9999, 3.7190164854557084 },
		{ 1e-12, -7.0344838253011319 },
	};
	static const struct {
		uint64_t degrees;
		double p, quantile;
	} student[] = {
		{ 3, 0.975, 3.18244630528371 },	     { 4, 0.95, 2.13184678632665 },
		{ 29, 0.995, 2.75638590367061 },     { 30, 0.975, 2.04227245630124 },
		{ 999, 0.975, 1.96234146113345 },    { 999, 0.995, 2.58075963726764 },
		{ 1000, 0.975, 1.96233908082641 },   { 1000, 0.995, 2.58075469806595 },
		{ 100000, 0.975, 1.95998770753461 }, { 5000, 0.005, -2.57681296655628 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(normal); i++)
		assert_true(fabs(rw_ci_normal_quantile(normal[i].p) - normal[i].quantile) < 1e-13);
	for (size_t i = 0; i < RW_ARRAY_SIZE(student); i++) {
		double got = rw_ci_student_quantile(student[i].p, student[i].degrees);

		if (!(fabs(got - student[i].quantile) < 1e-10))
			fail_msg("%.15g instead of %.15g", got, student[i].quantile);
	}
}

/* Abramowitz and Stegun, Table 26.10: percentage points of the t-distribution. */
static void test_student_table(void **state)
{
	static const struct {
		uint64_t degrees;
		double at_95, at_99;
	} rows[] = {
		{ 1, 12.706, 63.657 }, { 2, 4.303, 9.925 },   { 3, 3.182, 5.841 },
		{ 5, 2.571, 4.032 },   { 10, 2.228, 3.169 },  { 30, 2.042, 2.750 },
		{ 60, 2.000, 2.660 },  { 120, 1.980, 2.617 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		assert_true(fabs(rw_ci_student_quantile(0.975, rows[i].degrees) - rows[i].at_95) <
			    0.00051);
		assert_true(fabs(rw_ci_student_quantile(0.995, rows[i].degrees) - rows[i].at_99) <
			    0.00051);
	}
}

/*
 * The first four rows are those of Newcombe, Statistics in Medicine 17 (1998),
 * table I, method 3; the others were computed in 30 digits.
 */
static void test_share(void **state)
{
	static const struct {
		uint64_t successes, n;
		double low, high, tolerance;
	} rows[] = {
		{ 81, 263, 0.2553, 0.3662, 0.00005001 },
		{ 15, 148, 0.0624, 0.1605, 0.00005001 },
		{ 0, 20, 0, 0.1611, 0.00005001 },
		{ 1, 29, 0.0061, 0.1718, 0.00005001 },
		{ 10, 10, 0.722467200137, 1, 1e-11 },
		{ 1, 10, 0.0178762130951, 0.404150026795, 1e-11 },
		{ 1, 1000000000, 1.76524554957e-10, 5.6649342433e-9, 1e-18 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct rw_ci ci = rw_ci_share(rows[i].successes, rows[i].n, 0.95);

		assert_true(fabs(ci.low - rows[i].low) <= rows[i].tolerance);
		assert_true(fabs(ci.high - rows[i].high) <= rows[i].tolerance);
	}
}

static void test_share_ends(void **state)
{
	struct rw_ci ci = rw_ci_share(0, 0, 0.95);

	assert_true(ci.low == 0 && ci.high == 1);
	for (uint64_t n = 1; n < 3000; n++)
		for (int permille = 500; permille < 1000; permille += 83) {
			ci = rw_ci_share(0, n, permille / 1000.0);
			assert_true(ci.low == 0 && ci.high > 0 && ci.high < 1);
			ci = rw_ci_share(n, n, permille / 1000.0);
			assert_true(ci.high == 1 && ci.low > 0 && ci.low < 1);
		}
	ci = rw_ci_share(UINT64_C(1) << 60, UINT64_C(1) << 62, 0.99);
	assert_true(ci.low < 0.25 && ci.high > 0.25 && ci.high - ci.low < 1e-8);
}

/* Ten numbers whose interval can be computed by hand: 5.5 +- 2.262 * 3.0277 / sqrt(10). */
static void test_mean(void **state)
{
	struct rw_moments moments = { 0 };
	struct rw_ci ci = { -7, -7 };

	assert_false(rw_ci_mean(&moments, 0.95, &ci));
	rw_moments_add(&moments, 1);
	assert_false(rw_ci_mean(&moments, 0.95, &ci));
	assert_true(ci.low == -7 && ci.high == -7);
	for (int i = 2; i <= 10; i++)
		rw_moments_add(&moments, i);
	assert_true(rw_ci_mean(&moments, 0.95, &ci));
	assert_true(fabs(ci.low - 3.33414941) < 1e-7);
	assert_true(fabs(ci.high - 7.66585059) < 1e-7);
}

static double statistic_of(const double *v, size_t n, enum rw_ci_statistic statistic)
{
	double sorted[8], sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		for (; at > 0 && sorted[at - 1] > v[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = v[i];
		sum += v[i];
	}
	return statistic == RW_CI_MEAN ? sum / (double)n
				       : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static double contrast_of(const struct rw_ci_compare *how, const double *a, const double *b,
			  size_t nr_b)
{
	double left = statistic_of(a, 3, how->statistic);
	double right = statistic_of(b, nr_b, how->statistic);

	return how->contrast == RW_CI_RATIO ? right / left : right - left;
}

/* Shares of all 27 * 4^4 drawings that lie below, and not above, @point. */
static void enumerate(const struct rw_ci_compare *how, const double *a, const double *b,
		      double point, double *below_p, double *upto_p)
{
	unsigned int below = 0, upto = 0;

	for (unsigned int i = 0; i < 27 * 256; i++) {
		double left[3] = { a[i % 3], a[i / 3 % 3], a[i / 9 % 3] };
		double right[4] = { b[i / 27 % 4], b[i / 108 % 4], b[i / 432 % 4], b[i / 1728] };
		double value = contrast_of(how, left, right, 4);

		below += value < point - 1e-12;
		upto += value <= point + 1e-12;
	}
	*below_p = below / (27 * 256.0);
	*upto_p = upto / (27 * 256.0);
}

/* Each end lies where the distribution of all drawings puts it. */
static void test_bootstrap_exact(void **state)
{
	static const double a[] = { 2.25, 1, 7.5 }, b[] = { 3, 11.75, 4.5, 6 };
	const struct rw_ci_sample left = { a, 3 }, right = { b, 4 };

	for (int i = 0; i < 4; i++) {
		const struct rw_ci_compare how = {
			.statistic = i % 2 ? RW_CI_MEDIAN : RW_CI_MEAN,
			.contrast = i / 2 ? RW_CI_RATIO : RW_CI_DIFFERENCE,
			.confidence = 0.8,
			.resamples = 40000,
			.seed = 11,
		};
		struct rw_ci_contrast_result got;
		double below, upto;

		assert_int_equal(rw_ci_bootstrap(&how, &left, &right, &got), 0);
		assert_true(fabs(got.estimate - contrast_of(&how, a, b, 4)) < 1e-12);
		enumerate(&how, a, b, got.ci.low, &below, &upto);
		assert_true(below < 0.11 && upto > 0.09);
		enumerate(&how, a, b, got.ci.high, &below, &upto);
		assert_true(below < 0.91 && upto > 0.89);
	}
}

static double next_normal(uint64_t *seed)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += (double)(unit_random(seed) >> 11) * 0x1p-53;
	return sum;
}

/* How many of 400 intervals hold the true contrast of @shift deviations. */
static void coverage(struct rw_ci_compare *how, double shift, int *held_p, int *equal_p)
{
	double a[BLOCKS], b[BLOCKS];
	const struct rw_ci_sample left = { a, BLOCKS }, right = { b, BLOCKS };
	uint64_t seed = 21;

	*held_p = *equal_p = 0;
	for (int round = 0; round < 400; round++) {
		struct rw_ci_contrast_result got;
		double truth = how->contrast == RW_CI_RATIO ? (50 + shift) / 50 : shift;

		for (int i = 0; i < BLOCKS; i++) {
			a[i] = 50 + next_normal(&seed);
			b[i] = 50 + shift + next_normal(&seed);
		}
		how->seed = (uint64_t)round;
		assert_int_equal(rw_ci_bootstrap(how, &left, &right, &got), 0);
		*held_p += got.ci.low <= truth && truth <= got.ci.high;
		*equal_p += rw_ci_no_difference(&got.ci, how->contrast);
	}
}

/* 95 % of the intervals hold the truth, about: 5 deviations, and few blocks. */
static void test_bootstrap_coverage(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct rw_ci_compare how = {
			.statistic = i % 2 ? RW_CI_MEDIAN : RW_CI_MEAN,
			.contrast = i / 2 ? RW_CI_RATIO : RW_CI_DIFFERENCE,
			.confidence = 0.95,
			.resamples = 400,
		};
		int held, equal;

		coverage(&how, 0, &held, &equal);
		assert_int_equal(held, equal);
		if (held < 352 || held > 398)
			fail_msg("%d of 400 intervals hold no difference", held);
		coverage(&how, 3, &held, &equal);
		if (held < 352 || held > 398)
			fail_msg("%d of 400 intervals hold the difference", held);
		assert_int_equal(equal, 0);
	}
}

static void test_bootstrap_seed(void **state)
{
	static const double a[] = { 5, 6, 7, 8, 9.5 }, b[] = { 6, 7, 7.5, 9, 12 };
	const struct rw_ci_sample left = { a, 5 }, right = { b, 5 };
	struct rw_ci_compare how = { RW_CI_MEAN, RW_CI_RATIO, 0.9, 1000, 1 };
	struct rw_ci_contrast_result first, again, other;

	assert_int_equal(rw_ci_bootstrap(&how, &left, &right, &first), 0);
	assert_int_equal(rw_ci_bootstrap(&how, &left, &right, &again), 0);
	assert_memory_equal(&first, &again, sizeof(first));
	how.seed = 2;
	assert_int_equal(rw_ci_bootstrap(&how, &left, &right, &other), 0);
	assert_true(other.ci.low != first.ci.low || other.ci.high != first.ci.high);
}

static void test_bootstrap_refusals(void **state)
{
	static const double values[] = { 1, 2, 0, 4 };
	const struct rw_ci_sample one = { values, 1 }, two = { values, 2 }, zero = { values, 3 };
	struct rw_ci_compare how = { RW_CI_MEAN, RW_CI_RATIO, 0.95, 1000, 1 };
	struct rw_ci_contrast_result got = { .estimate = -7 };

	assert_int_equal(rw_ci_bootstrap(&how, &one, &two, &got), -ENODATA);
	assert_int_equal(rw_ci_bootstrap(&how, &two, &one, &got), -ENODATA);
	assert_int_equal(rw_ci_bootstrap(&how, &zero, &two, &got), -EDOM);
	how.resamples = 99;
	assert_int_equal(rw_ci_bootstrap(&how, &two, &two, &got), -EINVAL);
	assert_true(got.estimate == -7);
	how.resamples = 1000;
	assert_int_equal(rw_ci_bootstrap(&how, &two, &zero, &got), 0);
	how.contrast = RW_CI_DIFFERENCE;
	assert_int_equal(rw_ci_bootstrap(&how, &zero, &two, &got), 0);
}

/* Equal is 0 for a difference, 1 for a ratio; an end that touches it holds it. */
static void test_no_difference(void **state)
{
	const struct rw_ci around_0 = { -0.5, 0.25 }, around_1 = { 0.75, 1.5 };
	const struct rw_ci from_0 = { 0, 0.5 }, to_1 = { 0.5, 1 };

	assert_true(rw_ci_no_difference(&around_0, RW_CI_DIFFERENCE));
	assert_false(rw_ci_no_difference(&around_0, RW_CI_RATIO));
	assert_true(rw_ci_no_difference(&around_1, RW_CI_RATIO));
	assert_false(rw_ci_no_difference(&around_1, RW_CI_DIFFERENCE));
	assert_true(rw_ci_no_difference(&from_0, RW_CI_DIFFERENCE));
	assert_true(rw_ci_no_difference(&to_1, RW_CI_RATIO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_student_table),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_share_ends),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_bootstrap_exact),
		cmocka_unit_test(test_bootstrap_coverage),
		cmocka_unit_test(test_bootstrap_seed),
		cmocka_unit_test(test_bootstrap_refusals),
		cmocka_unit_test(test_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
