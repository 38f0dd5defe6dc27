/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Block means in fixed memory. */
#include "unit.h"

#include <math.h>

#include "stats/blocks.h"

static void assert_near(double value, double expected)
{
	if (fabs(value - expected) > 1e-9 * fmax(fabs(expected), 1))
		fail_msg("%.12g instead of %.12g", value, expected);
}

static void test_few(void **state)
{
	struct rw_blocks blocks = { 0 };
	struct rw_ci ci;

	rw_blocks_add(&blocks, 5, 0); /* an empty block is none */
	assert_int_equal(blocks.n, 0);
	rw_blocks_add(&blocks, 10, 4);
	assert_false(rw_blocks_ci(&blocks, 0.95, &ci));
	rw_blocks_add(&blocks, 9, 6);
	assert_int_equal(blocks.n, 2);
	assert_near(blocks.means[0], 2.5);
	assert_near(blocks.means[1], 1.5);
	assert_true(rw_blocks_ci(&blocks, 0.95, &ci));
	/* two values, one degree of freedom: 2 +- 12.706 * 0.5 */
	assert_true(fabs(ci.low - (2 - 12.706 * 0.5)) < 0.01);
	assert_near(ci.low + ci.high, 4);
}

/* However many there are: equal shares, in order, and nothing is lost but a rest. */
static void test_many(void **state)
{
	struct rw_blocks blocks = { 0 };
	const uint32_t n = 5 * RW_BLOCKS_MAX;
	double sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		rw_blocks_add(&blocks, 2.0 * i, 2);
		assert_true(blocks.n < RW_BLOCKS_MAX);
	}
	assert_true(blocks.n >= RW_BLOCKS_MAX / 2);
	assert_int_equal((blocks.n << blocks.doublings) + blocks.pending, n);
	for (uint32_t i = 0; i < blocks.n; i++) {
		sum += blocks.means[i];
		assert_true(!i || blocks.means[i] > blocks.means[i - 1]);
	}
	assert_near(sum / blocks.n, ((double)(n - blocks.pending) - 1) / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
