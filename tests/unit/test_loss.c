/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The loss formulas against published tables and against their definitions. */
#include "unit.h"

#include <errno.h>
#include <math.h>

#include "stats/loss.h"

/*
 * Collins, Carrier Grade Voice over IP, 2nd edition (McGraw-Hill 2003),
 * appendix A, "Table of Erlang B": load in Erlang, to one decimal, that gives
 * this share of blocked calls.
 */
static void test_erlang_b_table(void **state)
{
	static const double shares[] = { 0.0001, 0.001, 0.005, 0.01, 0.02, 0.05 };
	static const struct {
		uint32_t pool;
		double loads[RW_ARRAY_SIZE(shares)];
	} rows[] = {
		{ 3, { 0.1, 0.2, 0.3, 0.5, 0.6, 0.9 } }, { 4, { 0.2, 0.4, 0.7, 0.9, 1.1, 1.5 } },
		{ 5, { 0.5, 0.8, 1.1, 1.4, 1.7, 2.2 } }, { 6, { 0.7, 1.1, 1.6, 1.9, 2.3, 3.0 } },
		{ 7, { 1.1, 1.6, 2.2, 2.5, 2.9, 3.7 } }, { 8, { 1.4, 2.1, 2.7, 3.1, 3.6, 4.5 } },
		{ 9, { 1.8, 2.6, 3.3, 3.8, 4.3, 5.4 } },
	};

	for (size_t r = 0; r < RW_ARRAY_SIZE(rows); r++)
		for (size_t s = 0; s < RW_ARRAY_SIZE(shares); s++) {
			double load = rows[r].loads[s];

			assert_true(rw_loss_erlang_b(load - 0.051, rows[r].pool) < shares[s]);
			assert_true(rw_loss_erlang_b(load + 0.051, rows[r].pool) > shares[s]);
		}
	/* to three decimals: Westbay Engineers' calculator manual, 15 lines, 1 % */
	assert_true(rw_loss_erlang_b(8.1075, 15) < 0.01 && rw_loss_erlang_b(8.1085, 15) > 0.01);
}

/* Computed in 40 digits from the definition. */
static void test_digits(void **state)
{
	static const struct {
		double erlangs;
		uint32_t pool;
		double share;
	} rows[] = {
		{ 0.5, 1, 1.0 / 3 },
		{ 10, 10, 0.214582343107347341 },
		{ 0.01, 5, 8.25041528124307847e-13 },
		{ 100, 100, 0.0757004527108609705 },
		{ 1000, 1000, 0.0248119176461604079 },
		{ 200, 100, 0.504814362301093149 },
		{ 1e-3, 8, 2.47767981109468004e-29 },
		{ 7.9, 32, 7.46395078577716542e-11 },
		{ 5000, 5200, 0.000107023745971497469 },
	};
	static const struct {
		uint32_t sources, pool;
		double load, time, call;
	} finite[] = {
		{ 4, 3, 1.0 / 3, 4.0 / 85, 1.0 / 64 }, /* by hand */
		{ 10, 5, 0.5, 0.147887323943661972, 0.106960950764006791 },
		{ 128, 64, 1.5, 0.372927133582087135, 0.364273353739738237 },
		{ 128, 64, 0.8, 0.0348585568970962038, 0.0309412739440871427 },
		{ 1000, 3, 0.001, 0.0623359932054528942, 0.062207268092476753 },
		{ 20, 20, 3, 0.00317121193893399322, 0 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++)
		assert_true(fabs(rw_loss_erlang_b(rows[i].erlangs, rows[i].pool) / rows[i].share -
				 1) < 1e-13);
	for (size_t i = 0; i < RW_ARRAY_SIZE(finite); i++) {
		double time =
			rw_loss_engset_time(finite[i].sources, finite[i].load, finite[i].pool);
		double call = rw_loss_engset(finite[i].sources, finite[i].load, finite[i].pool);

		assert_true(fabs(time - finite[i].time) <= 1e-13 * finite[i].time);
		assert_true(fabs(call - finite[i].call) <= 1e-13 * finite[i].call);
	}
}

/* The definition as a sum, from its last term down, in long double. */
static long double erlang_b_sum(long double erlangs, uint32_t pool)
{
	long double term = 1, sum = 1;

	for (uint32_t m = pool; m > 0; m--) {
		term *= m / erlangs;
		sum += term;
	}
	return 1 / sum;
}

static long double engset_sum(uint32_t sources, long double load, uint32_t pool)
{
	long double term = 1, sum = 1;

	if (pool > sources)
		return 0;
	for (uint32_t m = pool; m > 0; m--) {
		term *= m / (load * (sources - m + 1));
		sum += term;
	}
	return 1 / sum;
}

static void check_close(double got, long double want)
{
	if (!(fabsl(got - want) <= 1e-12L * want + 1e-300L))
		fail_msg("%.17g instead of %.17Lg", got, want);
}

static void test_sums(void **state)
{
	static const double loads[] = { 1e-6, 0.01, 0.3, 1, 2.5, 17, 250, 1e4, 1e6 };
	static const uint32_t pools[] = { 0, 1, 2, 3, 9, 32, 33, 64, 500, 2000 };

	for (size_t l = 0; l < RW_ARRAY_SIZE(loads); l++)
		for (size_t p = 0; p < RW_ARRAY_SIZE(pools); p++) {
			check_close(rw_loss_erlang_b(loads[l], pools[p]),
				    erlang_b_sum(loads[l], pools[p]));
			for (size_t s = 0; s < RW_ARRAY_SIZE(pools); s++) {
				uint32_t n = pools[s];

				check_close(rw_loss_engset_time(n, loads[l], pools[p]),
					    engset_sum(n, loads[l], pools[p]));
				check_close(rw_loss_engset(n, loads[l], pools[p]),
					    n ? engset_sum(n - 1, loads[l], pools[p]) : 0);
			}
		}
}

/* Nobody asks, nobody thinks, nothing is there, everyone is served. */
static void test_ends(void **state)
{
	assert_true(rw_loss_erlang_b(0, 0) == 1);
	assert_true(rw_loss_erlang_b(0, 1) == 0);
	assert_true(rw_loss_erlang_b(3, 0) == 1);
	assert_true(rw_loss_engset(0, 1, 0) == 0);
	assert_true(rw_loss_engset(1, 1, 0) == 1);
	assert_true(rw_loss_engset(1, 1, 1) == 0);
	assert_true(rw_loss_engset(8, INFINITY, 8) == 0);
	assert_true(rw_loss_engset(8, INFINITY, 7) == 1);
	assert_true(rw_loss_engset(8, 0, 1) == 0);
	assert_true(rw_loss_engset_time(8, INFINITY, 8) == 1);
	assert_true(rw_loss_engset_time(8, INFINITY, 9) == 0);
	/* many sources that think long are a Poisson process */
	assert_true(fabs(rw_loss_engset(100000000, 5e-8, 8) - rw_loss_erlang_b(5, 8)) < 1e-7);
}

/* The pool holds the target, and the next smaller one does not. */
static void test_pools(void **state)
{
	static const double targets[] = { 1, 0.5, 0.01, 1e-4, 1e-9, 1e-300 };
	static const double loads[] = { 0, 1e-9, 0.2, 1, 30, 999 };
	uint32_t pool;

	for (size_t t = 0; t < RW_ARRAY_SIZE(targets); t++)
		for (size_t l = 0; l < RW_ARRAY_SIZE(loads); l++) {
			assert_int_equal(rw_loss_erlang_b_pool(loads[l], targets[t], 5000, &pool),
					 0);
			assert_true(rw_loss_erlang_b(loads[l], pool) <= targets[t]);
			assert_true(!pool || rw_loss_erlang_b(loads[l], pool - 1) > targets[t]);
			for (uint32_t n = 0; n < 70; n += 1 + n / 5) {
				assert_int_equal(
					rw_loss_engset_pool(n, loads[l], targets[t], &pool), 0);
				assert_true(pool <= n);
				assert_true(rw_loss_engset(n, loads[l], pool) <= targets[t]);
				assert_true(!pool ||
					    rw_loss_engset(n, loads[l], pool - 1) > targets[t]);
			}
		}
	assert_int_equal(rw_loss_engset_pool(12, INFINITY, 0.5, &pool), 0);
	assert_int_equal(pool, 12);
}

static void test_pool_refusals(void **state)
{
	uint32_t pool = 77;

	assert_int_equal(rw_loss_erlang_b_pool(10, 0.01, 17, &pool), -ERANGE);
	assert_int_equal(rw_loss_erlang_b_pool(10, 0, 100, &pool), -EINVAL);
	assert_int_equal(rw_loss_erlang_b_pool(10, -1, 100, &pool), -EINVAL);
	assert_int_equal(rw_loss_erlang_b_pool(10, NAN, 100, &pool), -EINVAL);
	assert_int_equal(rw_loss_erlang_b_pool(-1, 0.1, 100, &pool), -EINVAL);
	assert_int_equal(rw_loss_erlang_b_pool(NAN, 0.1, 100, &pool), -EINVAL);
	assert_int_equal(rw_loss_erlang_b_pool(INFINITY, 0.1, 100, &pool), -EINVAL);
	assert_int_equal(rw_loss_engset_pool(10, 1, 0, &pool), -EINVAL);
	assert_int_equal(rw_loss_engset_pool(10, NAN, 0.1, &pool), -EINVAL);
	assert_int_equal(pool, 77);
	/* 10 Erlang at 1 % take 18 */
	assert_int_equal(rw_loss_erlang_b_pool(10, 0.01, 18, &pool), 0);
	assert_int_equal(pool, 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_erlang_b_table), cmocka_unit_test(test_digits),
		cmocka_unit_test(test_sums),	       cmocka_unit_test(test_ends),
		cmocka_unit_test(test_pools),	       cmocka_unit_test(test_pool_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
