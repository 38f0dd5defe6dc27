/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is kept of the times of operations. */
#include "unit.h"

#include <math.h>

#include "stats/latency.h"
#include "util/random.h"

/* Half a nanosecond a tick. */
static const struct rw_clock clock_of_test = { .ns_per_tick = 0.5 };

static struct rw_latency *make(bool open_loop, uint64_t samples)
{
	struct rw_latency *latency = rw_latency_new(&clock_of_test, open_loop, samples);

	assert_non_null(latency);
	return latency;
}

static void assert_near(double value, double expected)
{
	if (fabs(value - expected) > 1e-9 * rw_max(fabs(expected), 1))
		fail_msg("%.12g instead of %.12g", value, expected);
}

/* An operation of @ns from posting to completion, that began 20 ns before. */
static void record(struct rw_latency *latency, uint64_t ns)
{
	const struct rw_op_times times = {
		.begun = 1000,
		.posting = 1040,
		.posted = 1060,
		.polling = 1040 + 2 * ns - 8,
		.completed = 1040 + 2 * ns,
	};

	rw_latency_record(latency, &times);
}

static void test_closed_loop(void **state)
{
	struct rw_latency *latency = make(false, 2);

	record(latency, 100);
	record(latency, 300);
	record(latency, 200);
	rw_latency_settle(latency);
	assert_int_equal(latency->moments.count, 3);
	assert_near(latency->moments.mean, 200);
	assert_near(rw_moments_stdev(&latency->moments), 100);
	assert_near(latency->moments.min, 100);
	assert_near(latency->moments.max, 300);
	assert_int_equal(rw_hist_percentile(&latency->hist, 50), 200);
	assert_int_equal(latency->hist.max, 300);
	/* the parts are the whole, and planning stands beside it */
	assert_near(latency->plan_ns, 3 * 20);
	assert_near(latency->post_ns, 3 * 10);
	assert_near(latency->poll_ns, 3 * 4);
	assert_near(latency->post_ns + latency->device_ns + latency->poll_ns, 600);
	/* in their order, as many as there is room for */
	assert_int_equal(latency->nr_samples, 2);
	assert_int_equal(latency->samples[0], 100);
	assert_int_equal(latency->samples[1], 300);
	rw_latency_reset(latency);
	assert_int_equal(latency->moments.count + latency->hist.count + latency->nr_samples, 0);
	assert_near(latency->plan_ns + latency->device_ns, 0);
	rw_latency_free(latency);
}

/* From when it was due: what an operation waits before it begins counts. */
static void test_open_loop(void **state)
{
	const struct rw_op_times times = {
		.due = 200, .begun = 1000, .posting = 1040, .posted = 1060,
		.polling = 1050, /* the poll began before the doorbell was rung */
		.completed = 1240,
	};
	struct rw_latency *latency = make(true, 0);

	rw_latency_record(latency, &times);
	rw_latency_finish(latency);
	assert_int_equal(latency->hist.max, 520);
	assert_near(latency->moments.mean, 520);
	assert_int_equal(latency->service.max, 120);
	assert_near(latency->queued_ns, 400);
	assert_near(latency->device_ns, 0);
	assert_near(latency->poll_ns, 90);
	rw_latency_free(latency);
}

/* Below a microsecond nothing is rounded away. */
static void test_small_spread(void **state)
{
	struct rw_latency *latency = make(false, 0);
	struct rw_op_times times = { .completed = 801 };

	rw_latency_record(latency, &times);
	times.completed = 803;
	rw_latency_record(latency, &times);
	rw_latency_settle(latency);
	assert_near(latency->moments.mean, 401);
	assert_near(rw_moments_stdev(&latency->moments), sqrt(0.5));
	rw_latency_free(latency);
}

static void test_blocks(void **state)
{
	struct rw_latency *latency = make(false, 0);

	rw_latency_end_block(latency);
	assert_int_equal(latency->blocks.n, 0); /* an empty one is none */
	record(latency, 100);
	record(latency, 102);
	rw_latency_end_block(latency);
	record(latency, 300);
	rw_latency_end_block(latency);
	assert_int_equal(latency->blocks.n, 2);
	assert_near(latency->blocks.means[0], 101);
	assert_near(latency->blocks.means[1], 300);
	rw_latency_free(latency);
}

/* What a model of the pool needs: who held MRs and who fell back, and how long. */
static void test_paths(void **state)
{
	struct rw_latency *latency = make(false, 0);
	struct rw_op_times times = { .begun = 0, .posting = 100, .completed = 200 };

	rw_latency_record(latency, &times);
	times.path = RW_OP_BY_MR;
	times.completed = 400;
	rw_latency_record(latency, &times);
	times.path = RW_OP_BY_FALLBACK;
	times.completed = 600;
	rw_latency_record(latency, &times);
	rw_latency_settle(latency);
	assert_int_equal(latency->service_of[RW_OP_BY_MR].count, 1);
	assert_int_equal(latency->service_of[RW_OP_BY_MR].max, 200);
	assert_int_equal(latency->service_of[RW_OP_BY_FALLBACK].count, 1);
	assert_int_equal(latency->service_of[RW_OP_BY_FALLBACK].max, 300);
	rw_latency_free(latency);
}

/* Operation by operation, against sums over all of them; settling in between changes nothing. */
static void test_many(void **state)
{
	struct rw_latency *settled = make(true, 0), *latency = make(true, 0);
	double sum = 0, squares = 0, queued = 0, mean;
	const uint32_t n = 20000;
	struct rw_random random;

	rw_random_init(&random, 7);
	for (uint32_t i = 0; i < n; i++) {
		/* the first one is far from all others: sums are about it */
		uint64_t ticks = i ? 1000 + rw_random_below(&random, 100) : UINT64_C(1) << 40;
		const struct rw_op_times times = {
			.due = 5, .begun = 5 + i % 7, .posting = 20, .posted = 30, .polling = 40,
			.completed = 5 + ticks,
			.path = i % RW_NR_OP_PATHS,
		};

		rw_latency_record(latency, &times);
		rw_latency_record(settled, &times);
		if (i % 11 == 0)
			rw_latency_settle(settled);
		sum += (double)ticks / 2;
		queued += i % 7 / 2.0;
	}
	mean = sum / n;
	rw_random_init(&random, 7);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t ticks = i ? 1000 + rw_random_below(&random, 100) : UINT64_C(1) << 40;

		squares += pow((double)ticks / 2 - mean, 2);
	}
	rw_latency_finish(latency);
	rw_latency_finish(settled);
	for (int i = 0; i < 2; i++) {
		const struct rw_latency *l = i ? settled : latency;

		assert_near(l->moments.mean, mean);
		assert_near(rw_moments_stdev(&l->moments), sqrt(squares / (n - 1)));
		assert_near(l->moments.max, (double)(UINT64_C(1) << 39));
		assert_near(l->queued_ns, queued);
		assert_int_equal(l->service.count, n);
		assert_int_equal(l->hist.count, n);
		assert_near(l->plan_ns + l->post_ns + l->device_ns + l->poll_ns + l->queued_ns, sum);
	}
	assert_memory_equal(&latency->service, &settled->service, sizeof(latency->service));
	assert_memory_equal(&latency->hist, &settled->hist, sizeof(latency->hist));
	rw_latency_reset(latency);
	rw_latency_finish(latency);
	assert_int_equal(latency->moments.count + latency->hist.count + latency->service.count, 0);
	rw_latency_free(latency);
	rw_latency_free(settled);
}

/* An interval's values are those recorded since it began, as soon as all are settled. */
static void test_interval(void **state)
{
	struct rw_latency *latency = make(false, 0);
	static struct rw_hist interval;

	rw_hist_init(&interval);
	latency->interval = &interval;
	for (uint64_t i = 0; i < 1000; i++)
		record(latency, 100 + i);
	rw_latency_settle(latency);
	assert_memory_equal(&interval, &latency->hist, sizeof(interval));
	rw_hist_reset(&interval);
	record(latency, 20);
	rw_latency_settle(latency);
	assert_int_equal(interval.count, 1);
	assert_int_equal(interval.max, 20);
	assert_int_equal(latency->hist.count, 1001);
	rw_latency_free(latency);
}

static void record_on_paths(struct rw_latency *latency, uint32_t i, uint64_t ticks)
{
	const struct rw_op_times times = {
		.due = 5, .begun = 5 + i % 7, .posting = 20, .posted = 30, .polling = 40,
		.completed = 5 + ticks,
		.path = i % RW_NR_OP_PATHS,
	};

	rw_latency_record(latency, &times);
}

/* What three threads have recorded is what one would have. */
static void test_merge(void **state)
{
	struct rw_latency *all = make(true, 3000), *parts[3];
	struct rw_random random;

	rw_random_init(&random, 11);
	for (int i = 0; i < 3; i++)
		parts[i] = make(true, 1000);
	for (uint32_t i = 0; i < 3000; i++) {
		uint64_t ticks = 100 + rw_random_below(&random, 1 << (i % 3 * 5 + 5));

		record_on_paths(all, i / 3, ticks);
		record_on_paths(parts[i % 3], i / 3, ticks);
		rw_hist_record(&parts[i % 3]->registration, i);
		rw_hist_record(&parts[i % 3]->invalidation, 2 * i);
		if (i % 300 < 3)
			rw_latency_end_block(parts[i % 3]);
	}
	assert_int_equal(rw_latency_merge(parts[0], parts[1]), 0);
	assert_int_equal(rw_latency_merge(parts[0], parts[2]), 0);
	rw_latency_finish(parts[0]);
	rw_latency_finish(all);
	assert_memory_equal(&parts[0]->hist, &all->hist, sizeof(all->hist));
	assert_memory_equal(&parts[0]->service, &all->service, sizeof(all->service));
	assert_memory_equal(parts[0]->service_of, all->service_of, sizeof(all->service_of));
	assert_int_equal(parts[0]->moments.count, 3000);
	assert_near(parts[0]->moments.mean, all->moments.mean);
	assert_near(parts[0]->moments.m2, all->moments.m2);
	assert_near(parts[0]->moments.max, all->moments.max);
	assert_near(parts[0]->plan_ns, all->plan_ns);
	assert_near(parts[0]->post_ns, all->post_ns);
	assert_near(parts[0]->device_ns, all->device_ns);
	assert_near(parts[0]->poll_ns, all->poll_ns);
	assert_near(parts[0]->queued_ns, all->queued_ns);
	assert_int_equal(parts[0]->registration.count, 3000);
	assert_int_equal(parts[0]->invalidation.max, 2 * 2999);
	assert_int_equal(parts[0]->blocks.n, 30);
	/* one thread's samples behind the other's */
	assert_int_equal(parts[0]->nr_samples, 3000);
	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(parts[0]->samples[i % 3 * 1000 + i / 3], all->samples[i]);
	for (int i = 0; i < 3; i++)
		rw_latency_free(parts[i]);
	rw_latency_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_loop),
		cmocka_unit_test(test_open_loop),
		cmocka_unit_test(test_small_spread),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
