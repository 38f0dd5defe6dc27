/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The histogram against sorted arrays. */
#include "unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "stats/hist.h"
#include "util/random.h"

#define VALUES 20000
#define HOUR   (UINT64_C(3600) * 1000000000)

static struct rw_hist hist, other;
static uint64_t values[VALUES];

/* In ten-millionths, so that the test's ranks are whole numbers' work. */
static const uint64_t percents[] = { 0,		1,	   1000000,   10000000,	 250000000,
				     333333333, 500000000, 900000000, 990000000, 999000000,
				     999900000, 999990000, 999999999, 1000000000 };

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What may be answered for @exact: up to 1/1024 more, not over the maximum. */
static void check_near(uint64_t got, uint64_t exact, uint64_t max)
{
	uint64_t high = exact < RW_HIST_LIMIT ? exact + exact / 1024 : max;

	if (got < exact || got > rw_min(high, max))
		fail_msg("%" PRIu64 " for %" PRIu64 ", maximum %" PRIu64, got, exact, max);
}

/* hist holds values[0..n), which get sorted. */
static void check(uint64_t n)
{
	struct rw_hist_bucket bucket = { 0 };
	uint64_t at = 0, saturated = 0;
	uint32_t cursor = 0;

	qsort(values, n, sizeof(values[0]), compare);
	for (uint64_t i = 0; i < n; i++)
		saturated += values[i] >= RW_HIST_LIMIT;
	assert_int_equal(hist.count, n);
	assert_int_equal(rw_hist_min(&hist), n ? values[0] : 0);
	assert_int_equal(hist.max, n ? values[n - 1] : 0);
	assert_int_equal(rw_hist_saturated(&hist), saturated);
	for (size_t i = 0; i < RW_ARRAY_SIZE(percents); i++) {
		double percent = (double)percents[i] / 1e7;
		uint64_t rank = 1;

		if (!n) {
			assert_int_equal(rw_hist_percentile(&hist, percent), 0);
			continue;
		}
		while (rank * UINT64_C(1000000000) < percents[i] * n)
			rank++;
		assert_int_equal(rw_hist_rank(n, percent), rank);
		check_near(rw_hist_percentile(&hist, percent), values[rank - 1], values[n - 1]);
	}
	while (rw_hist_next(&hist, &cursor, &bucket)) {
		assert_true(bucket.count > 0);
		for (; bucket.count; bucket.count--, at++) {
			assert_true(at < n);
			assert_true(values[at] >= bucket.low && values[at] <= bucket.high);
		}
	}
	assert_int_equal(at, n);
}

static uint64_t value_of(unsigned int shape, uint64_t *seed)
{
	uint64_t r = unit_random(seed);
	double u = (double)(r >> 11) * 0x1p-53;

	switch (shape) {
	case 0:
		return r % 3; /* the very small */
	case 1:
		return r % 5000; /* both sides of the first shift */
	case 2:
		return 1234567; /* all the same */
	case 3:
		return (uint64_t)(-log1p(-u) * 2500); /* exponential */
	case 4:
		return (uint64_t)(1000 / pow(1 - u, 2)); /* heavy tail */
	case 5:
		return r >> unit_between(seed, 0, 63); /* all sizes there are */
	case 6:
		return r % 2 ? 1000 : 100000000; /* two peaks */
	case 7:
		return HOUR - r % 1000000000;
	case 8:
		return RW_HIST_LIMIT - 2 + r % 4; /* around the limit */
	default:
		return r % 8 ? UINT64_MAX - r % 2 : r % 100; /* mostly huge */
	}
}

#define SHAPES 10

static void test_shapes(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 2, 3, 10, 99, 100, 101, 1000, VALUES };
	uint64_t seed = 1;

	for (unsigned int shape = 0; shape < SHAPES; shape++)
		for (size_t s = 0; s < RW_ARRAY_SIZE(sizes); s++) {
			rw_hist_init(&hist);
			for (uint64_t i = 0; i < sizes[s]; i++) {
				values[i] = value_of(shape, &seed);
				rw_hist_record(&hist, values[i]);
			}
			check(sizes[s]);
		}
}

/* Each part may be the one with the minimum, the maximum, or nothing. */
static void test_merge(void **state)
{
	uint64_t seed = 2;

	for (unsigned int i = 0; i < SHAPES * SHAPES; i++) {
		uint64_t n = unit_between(&seed, 0, 50), m = unit_between(&seed, 0, 50);

		rw_hist_init(&hist);
		rw_hist_init(&other);
		for (uint64_t v = 0; v < n + m; v++) {
			values[v] = value_of(v < n ? i % SHAPES : i / SHAPES, &seed);
			rw_hist_record(v < n ? &hist : &other, values[v]);
		}
		rw_hist_merge(&hist, &other);
		check(n + m);
	}
}

static void test_reset(void **state)
{
	uint64_t seed = 3;

	rw_hist_init(&hist);
	rw_hist_init(&other);
	for (unsigned int shape = 0; shape < SHAPES; shape++) {
		for (uint64_t i = 0; i < 1000; i++)
			rw_hist_record(&hist, value_of(shape, &seed));
		rw_hist_reset(&hist);
		assert_memory_equal(&hist, &other, sizeof(hist));
	}
	rw_hist_reset(&hist);
	assert_memory_equal(&hist, &other, sizeof(hist));
}

/* By the representation of a double, the bucket is that of the rounded value. */
static void test_index_of_double(void **state)
{
	const double edges[] = { 0, 0.49, 0.5, 1022.4, 1022.5, 1023.4, 1023.5, 1024, 2047.4, 2047.5 };
	struct rw_random random;

	for (size_t i = 0; i < RW_ARRAY_SIZE(edges); i++)
		assert_int_equal(rw_hist_index_of(edges[i]),
				 rw_hist_index((uint64_t)(edges[i] + 0.5)));
	for (uint32_t i = 1; i <= RW_HIST_SATURATED; i++) {
		uint64_t low = i < 2048 ? i : (uint64_t)(i % 1024 + 1024) << (i / 1024 - 1);

		assert_int_equal(rw_hist_index(low), i);
		assert_int_equal(rw_hist_index_of((double)low), i);
		assert_int_equal(rw_hist_index_of((double)low - 0.5), i);
		assert_int_equal(rw_hist_index_of((double)low - 0.51), i - 1);
	}
	rw_random_init(&random, 3);
	for (int i = 0; i < 1000000; i++) {
		double value = (double)rw_random_below(&random, UINT64_C(1) << (1 + i % 50)) +
			       (double)rw_random_below(&random, 1000) / 1000;

		assert_int_equal(rw_hist_index_of(value), rw_hist_index((uint64_t)(value + 0.5)));
	}
	assert_int_equal(rw_hist_index_of(1e30), RW_HIST_SATURATED);
	assert_int_equal(rw_hist_index_of(INFINITY), RW_HIST_SATURATED);
	assert_int_equal(rw_hist_index_of(-1), RW_HIST_SATURATED);
}

/* Buckets lie side by side, none is wider than 1/1000, an hour fits. */
static void test_buckets(void **state)
{
	struct rw_hist_bucket bucket = { 0 };
	uint64_t next = 0;
	uint32_t cursor = 0, n = 0;

	rw_hist_init(&hist);
	for (uint32_t i = 0; i < RW_HIST_BUCKETS; i++)
		hist.buckets[i] = 1;
	while (rw_hist_next(&hist, &cursor, &bucket)) {
		assert_int_equal(bucket.low, next);
		assert_int_equal(rw_hist_index(bucket.low), n);
		assert_int_equal(rw_hist_index(bucket.high), n);
		if (n < RW_HIST_SATURATED)
			assert_true((bucket.high - bucket.low + 1) * 1000 <=
				    rw_max(bucket.low, 1000));
		next = bucket.high + 1;
		n++;
	}
	assert_int_equal(n, RW_HIST_BUCKETS);
	assert_int_equal(bucket.low, RW_HIST_LIMIT);
	assert_int_equal(bucket.high, UINT64_MAX);
	assert_true(RW_HIST_LIMIT > HOUR);
	assert_int_equal(RW_HIST_BYTES, 270368);
}

static void test_ranks(void **state)
{
	static const struct {
		uint64_t count;
		double percent;
		uint64_t rank;
	} rows[] = {
		/* in floating point, 99.9 / 100 * 1000 is more than 999 */
		{ 1000, 99.9, 999 },
		{ 1000, 99.90001, 1000 },
		/* ... and 0.0189488 * 1e7 is less than 189488 */
		{ 1000000000, 0.0189488, 189488 },
		{ 100, 55, 55 },
		{ 100, 7, 7 },
		{ 7, 50, 4 },
		{ 8, 50, 4 },
		{ UINT64_C(60) * 86400 * 100000000, 99.99, UINT64_C(518348160000000) },
		{ UINT64_MAX, 100, UINT64_MAX },
		{ UINT64_MAX, 50, UINT64_C(1) << 63 },
		{ 10, -3, 1 },
		{ 10, 300, 10 },
		{ 10, (double)NAN, 1 },
		{ 0, 50, 0 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++)
		assert_int_equal(rw_hist_rank(rows[i].count, rows[i].percent), rows[i].rank);
}

/* 60 days of ten million operations per second, in one bucket. */
static void test_no_overflow(void **state)
{
	const uint64_t n = UINT64_C(60) * 86400 * 10000000;

	rw_hist_init(&hist);
	rw_hist_record(&hist, 5000);
	hist.buckets[rw_hist_index(5000)] = hist.count = n;
	rw_hist_record(&hist, 9000);
	assert_int_equal(hist.count, n + 1);
	check_near(rw_hist_percentile(&hist, 99.9999), 5000, 9000);
	assert_int_equal(rw_hist_percentile(&hist, 100), 9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_reset),  cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_index_of_double),
		cmocka_unit_test(test_ranks),  cmocka_unit_test(test_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
