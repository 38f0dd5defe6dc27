/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Block means in fixed memory. */
#include "unit.h"

#include <math.h>

#include "stats/blocks.h"
#include "util/random.h"

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
	assert_false(rw_blocks_share_ci(&blocks, 1, 4, 0.95, &ci));
	rw_blocks_add(&blocks, 9, 6);
	assert_int_equal(blocks.n, 2);
	assert_near(blocks.means[0], 2.5);
	assert_near(blocks.means[1], 1.5);
	assert_false(rw_blocks_share_ci(&blocks, 0, 0, 0.95, &ci));
	assert_true(rw_blocks_share_ci(&blocks, 5, 10, 0.95, &ci));
	assert_true(ci.low < 0.5 && ci.high > 0.5);
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

/* A run of @n trials; each is like the one before it, but for one of @fresh. */
static uint64_t try_chain(struct rw_random *random, struct rw_blocks *blocks, uint32_t n,
			  double share, uint32_t fresh)
{
	const uint32_t block = 16;
	uint64_t successes = 0, before = 0;
	bool success = rw_random_uniform(random) < share;

	for (uint32_t i = 1; i <= n; i++) {
		if (!rw_random_below(random, fresh))
			success = rw_random_uniform(random) < share;
		successes += success;
		if (i % block)
			continue;
		rw_blocks_add(blocks, (double)(successes - before), block);
		before = successes;
	}
	return successes;
}

/* How many per cent of 1000 intervals hold the share that they were drawn from. */
static void cover(uint32_t n, double share, uint32_t fresh, double *blocks_p, double *trials_p)
{
	const uint32_t runs = 1000;
	struct rw_random random;

	rw_random_init(&random, 1);
	*blocks_p = *trials_p = 0;
	for (uint32_t i = 0; i < runs; i++) {
		struct rw_blocks blocks = { 0 };
		uint64_t successes = try_chain(&random, &blocks, n, share, fresh);
		struct rw_ci ci = rw_ci_share(successes, n, 0.95);

		*trials_p += 100.0 / runs * (ci.low <= share && share <= ci.high);
		assert_true(rw_blocks_share_ci(&blocks, successes, n, 0.95, &ci));
		assert_true(ci.low >= 0 && ci.high <= 1);
		assert_true(ci.low <= (double)successes / n && ci.high >= (double)successes / n);
		*blocks_p += 100.0 / runs * (ci.low <= share && share <= ci.high);
	}
}

/* The interval of a share keeps its word, whether or not trials depend on each other. */
static void test_coverage(void **state)
{
	double blocks, trials;

	cover(6000, 0.3, 1, &blocks, &trials); /* independent: nothing is lost */
	assert_true(blocks > 93 && trials > 93);
	cover(6000, 0.3, 10, &blocks, &trials);
	assert_true(blocks > 93);
	assert_true(trials < 70); /* and this is why */
	cover(50000, 0.3, 20, &blocks, &trials); /* more blocks than there are places */
	assert_true(blocks > 93);
	cover(4000, 0.002, 2, &blocks, &trials); /* rare: of eight, and in clumps */
	assert_true(blocks > 85 && blocks > trials + 10);
}

/* Never seen is not impossible. */
static void test_none(void **state)
{
	struct rw_blocks blocks = { 0 };
	struct rw_ci ci;

	for (int i = 0; i < 20; i++)
		rw_blocks_add(&blocks, 0, 16);
	assert_true(rw_blocks_share_ci(&blocks, 0, 320, 0.95, &ci));
	assert_near(ci.low, 0);
	assert_true(ci.high > 3.0 / 320 && ci.high < 6.0 / 320);
	assert_true(rw_blocks_share_ci(&blocks, 320, 320, 0.95, &ci));
	assert_near(ci.high, 1);
	assert_true(ci.low < 1 - 3.0 / 320);
}

/* Runs side by side: what was drawn alike counts alike, and nothing but a rest is left out. */
static void test_merge(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 7, 1000, RW_BLOCKS_MAX - 1, 3 * RW_BLOCKS_MAX };

	for (size_t a = 0; a < RW_ARRAY_SIZE(sizes); a++)
		for (size_t b = 0; b < RW_ARRAY_SIZE(sizes); b++) {
			struct rw_blocks blocks = { 0 }, more = { 0 };
			uint32_t all;

			for (uint32_t i = 0; i < sizes[a]; i++)
				rw_blocks_add(&blocks, 5, 1);
			for (uint32_t i = 0; i < sizes[b]; i++)
				rw_blocks_add(&more, 9, 1);
			rw_blocks_merge(&blocks, &more);
			assert_true(blocks.n < RW_BLOCKS_MAX);
			all = blocks.n << blocks.doublings;
			assert_true(all <= sizes[a] + sizes[b]);
			/* of each run less than one mean, and one more where both were halved */
			assert_true(sizes[a] + sizes[b] - all < UINT32_C(4) << blocks.doublings);
			for (uint32_t i = 1; i < blocks.n; i++)
				assert_true(blocks.means[i] >= blocks.means[i - 1]);
			assert_near(blocks.n ? blocks.means[0] : 5,
				    sizes[a] >> blocks.doublings ? 5 : blocks.n ? 9 : 5);
			assert_near(blocks.n ? blocks.means[blocks.n - 1] : 9,
				    sizes[b] >> blocks.doublings ? 9 : blocks.n ? 5 : 9);
			assert_int_equal(blocks.pending, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
