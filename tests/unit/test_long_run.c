/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A run of 60 days, by clocks that are made up: what is counted, added up and
 * converted stays right. perftest's bandwidth turned negative after 2.4 days.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "report/result.h"
#include "stats/arrival.h"
#include "stats/latency.h"
#include "stats/series.h"
#include "stats/time_sum.h"

#define DAYS	   60
#define RUN_S	   (UINT64_C(86400) * DAYS)
#define RUN_NS	   (RUN_S * RW_NS_PER_S)
#define OPERATIONS 300000

/* TSCs of 1 to 5 GHz, an aarch64 counter, and clock_gettime. */
static const double rates[] = { 1, 1 / 2.445, 0.2, 40, 1.0 };

static void assert_near(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.15g instead of %.15g", value, expected);
}

static void test_ticks(void **state)
{
	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++) {
		const struct rw_clock clock = { .ns_per_tick = rates[r] };
		uint64_t ticks = rw_clock_ticks_of_ns(&clock, (double)RUN_NS);

		assert_near((double)ticks * rates[r], (double)RUN_NS, 1e-14);
		assert_near(rw_clock_ns(&clock, ticks), (double)RUN_NS, 1e-14);
	}
}

/* As many operations as may be in flight, under way all the time, settled each quarter of an hour. */
static void test_time_sum(void **state)
{
	const uint64_t in_flight = UINT64_C(1) << 17, operations = 20;

	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++) {
		const struct rw_clock clock = { .ns_per_tick = rates[r] };
		uint64_t step = rw_clock_ticks_of_ns(&clock, 900.0 * RW_NS_PER_S);
		uint64_t base = -step * 3, now = base;
		struct rw_time_sum sum = { 0 }, other = { 0 };

		for (uint64_t i = 0; i < in_flight; i++)
			rw_time_sum_begin(&sum, base);
		while (now - base < rw_clock_ticks_of_ns(&clock, (double)RUN_NS)) {
			now += step;
			rw_time_sum_settle(&sum, in_flight, now);
			/* One ends and another begins, each time a little later. */
			for (uint64_t i = 0; i < operations; i++) {
				rw_time_sum_end(&sum, now + i);
				rw_time_sum_begin(&sum, now + i);
			}
		}
		for (uint64_t i = 0; i < in_flight; i++)
			rw_time_sum_end(&sum, now + step / 2);
		assert_near(rw_time_sum_total(&sum),
			    (double)in_flight * (double)(now + step / 2 - base), 1e-9);
		rw_time_sum_merge(&other, &sum);
		rw_time_sum_merge(&other, &sum);
		assert_near(rw_time_sum_total(&other), 2 * rw_time_sum_total(&sum), 1e-12);
	}
}

/*
 * 128 contexts for 60 days: each of the operations takes a share of all that
 * time, one takes all of it.
 */
static void test_latency(void **state)
{
	for (size_t r = 0; r < RW_ARRAY_SIZE(rates); r++) {
		const struct rw_clock clock = { .ns_per_tick = rates[r] };
		uint64_t run = rw_clock_ticks_of_ns(&clock, (double)RUN_NS);
		uint64_t each = run / OPERATIONS * 128;
		uint64_t base = (UINT64_C(1) << 63) - run / 2; /* the sign bit is no sign */
		struct rw_latency *latency = rw_latency_new(&clock, true, 0);
		double total, n = OPERATIONS + 1;

		assert_non_null(latency);
		for (uint64_t i = 0; i <= OPERATIONS; i++) {
			uint64_t length = i == OPERATIONS / 2 ? run : each;
			uint64_t end = base + length + i;
			const struct rw_op_times times = {
				.due = base + i, .begun = base + i, .posting = base + i,
				.posted = base + i, .polling = end, .completed = end,
				.path = RW_OP_BY_MR,
			};

			rw_latency_record(latency, &times);
			if (i % 100 == 0)
				rw_latency_end_block(latency);
		}
		rw_latency_finish(latency);
		total = ((double)each * OPERATIONS + (double)run) * rates[r];
		assert_int_equal(latency->moments.count, OPERATIONS + 1);
		assert_near(latency->moments.mean, total / n, 1e-12);
		assert_near(latency->moments.max, (double)RUN_NS, 1e-12);
		assert_near(latency->moments.min, (double)each * rates[r], 1e-12);
		/* one of n lies apart by d: d^2 (n - 1) / n, over n - 1 */
		assert_near(rw_moments_stdev(&latency->moments),
			    ((double)run - (double)each) * rates[r] / sqrt(n), 1e-9);
		assert_near(latency->device_ns, total, 1e-12);
		assert_near(latency->queued_ns + 1, 1, total * 1e-15 / n);
		assert_int_equal(latency->service.count, OPERATIONS + 1);
		assert_near((double)rw_hist_percentile(&latency->hist, 50),
			    (double)each * rates[r], 1 / 1024.0);
		assert_near((double)latency->hist.max, (double)RUN_NS, 1e-12);
		assert_int_equal(rw_hist_saturated(&latency->hist), 1); /* over an hour */
		assert_true(latency->blocks.n >= RW_BLOCKS_MAX / 2);
		assert_near(latency->blocks.means[0], (double)each * rates[r], 1e-9);
		assert_near(latency->blocks.means[latency->blocks.n - 1],
			    (double)each * rates[r], 1e-9);
		rw_latency_free(latency);
	}
}

/* As many operations as 200 million a second are. */
static void test_counts(void **state)
{
	const uint64_t n = RUN_S * 200000000;
	struct rw_moments all = { .count = n, .mean = 5000, .m2 = (double)n * 250000, .min = 1,
				  .max = 9000 };
	struct rw_latency *latency = rw_latency_new(&(struct rw_clock){ .ns_per_tick = 1 }, false, 0);
	const struct rw_result result = {
		.operations = n, .issued = n, .size_bytes = 1 << 20, .elapsed_ns = RUN_NS,
		.mr_wanted = n, .exhaustions = n / 2, .wrs = 9 * n, .wqe_bytes = 900 * n,
		.rate = 200000000,
	};

	rw_moments_add(&all, 5000);
	assert_near(all.mean, 5000, 1e-15);
	assert_near(rw_moments_stdev(&all), 500, 1e-9);
	rw_hist_record(&latency->hist, 5000);
	rw_hist_account(&latency->hist, n, 1, 9000);
	latency->hist.buckets[rw_hist_index(7000)] += n;
	assert_near((double)rw_hist_percentile(&latency->hist, 99.9), 7000, 1 / 1024.0);
	assert_int_equal(rw_hist_rank(n, 99.99), n / 10000 * 9999);
	rw_latency_free(latency);
	assert_near(rw_result_ops_per_s(&result), 2e8, 1e-12);
	assert_near(rw_result_bytes_per_s(&result), 2e8 * (1 << 20), 1e-12);
	assert_near(rw_result_exhaustions_per_s(&result), 1e8, 1e-12);
	assert_near(rw_result_exhaustion_share(&result), 0.5, 1e-12);
	assert_near(rw_result_wrs_per_op(&result), 9, 1e-12);
	assert_false(rw_result_is_overrun(&result));
}

static void test_series(void **state)
{
	static struct rw_series_interval intervals[1024];
	static struct rw_series series;
	const uint64_t start = 5 * RW_NS_PER_S, step = RUN_NS / OPERATIONS;
	struct rw_series_rates found;
	uint64_t operations = 0;

	rw_series_init(&series, intervals, RW_ARRAY_SIZE(intervals), RW_NS_PER_S, start);
	for (uint64_t i = 1; i <= OPERATIONS; i++)
		rw_series_operation(&series, start + i * step, 5000, UINT64_C(1) << 40);
	rw_series_finish(&series, start + RUN_NS);
	for (uint32_t i = 0; i < series.count; i++)
		operations += intervals[i].operations;
	assert_int_equal(operations, OPERATIONS);
	assert_true(series.count > RW_ARRAY_SIZE(intervals) / 2);
	assert_int_equal((series.count - 1) * series.interval_ns + series.last_ns, RUN_NS);
	assert_true(rw_series_rates(&series, &found));
	/* whole operations of each interval: within one of what they are on average */
	assert_near(found.min_operations, (double)OPERATIONS / RUN_S, 2.0 * RUN_S / OPERATIONS /
			    ((double)series.interval_ns / 1e9));
	assert_near(found.max_bytes, found.max_operations * 0x1p40, 1e-12);
}

static void test_schedule(void **state)
{
	static const char *const names[] = { "fixed", "poisson", "burst:7" };

	for (size_t i = 0; i < RW_ARRAY_SIZE(names); i++) {
		struct rw_arrival_shape shape;
		struct rw_arrival arrival;
		uint64_t n = RUN_S / 3, due = 0, last = 0;

		assert_int_equal(rw_arrival_parse(names[i], &shape), 0);
		assert_int_equal(rw_arrival_init(&arrival, &shape, 1, 1), 0);
		for (uint64_t k = 0; k < n; k++, last = due) {
			due = rw_arrival_next(&arrival);
			assert_true(due >= last);
		}
		/* of one a second, the standard deviation of Poisson's is 1 / sqrt(n) */
		assert_near((double)due, (double)n * 1e9, 5 / sqrt((double)n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks),  cmocka_unit_test(test_time_sum),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_counts), cmocka_unit_test(test_series),
		cmocka_unit_test(test_schedule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
