/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The series against a list of everything that happened. */
#include "unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "stats/series.h"

#define EVENTS	 6000
#define CAPACITY 16
#define GUARD	 0x5a

struct event {
	uint64_t ns;
	uint64_t latency_ns;
	uint64_t bytes;
	bool is_exhaustion;
};

static struct rw_series series;
static struct rw_series_interval intervals[CAPACITY + 1];
static struct event events[EVENTS];
static uint64_t latencies[EVENTS];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void check_p99(const struct rw_series_interval *got, size_t n, bool merged)
{
	uint64_t exact;

	if (!n) {
		assert_int_equal(got->p99_high_ns, 0);
		assert_int_equal(got->p99_low_ns, 0);
		return;
	}
	qsort(latencies, n, sizeof(latencies[0]), compare);
	exact = latencies[(99 * n + 99) / 100 - 1];
	assert_true(got->p99_low_ns <= exact + exact / 1024);
	assert_true(got->p99_high_ns >= exact);
	assert_true(merged || got->p99_low_ns == got->p99_high_ns);
}

/* Each interval holds what happened in it, and all of it. */
static void check(size_t n, uint64_t start, uint64_t interval, uint64_t end)
{
	uint64_t length = series.interval_ns, at = start;
	size_t e = 0;

	while (length > interval) {
		assert_int_equal(length % 2, 0);
		length /= 2;
	}
	assert_int_equal(length, interval);
	length = series.interval_ns;
	/* no more merging than needed: half of the memory would not do */
	if (length > interval)
		assert_true(end - start > length / 2 * (CAPACITY - 1));
	assert_true(series.count >= 1 && series.count <= CAPACITY);
	for (uint32_t i = 0; i < series.count; i++, at += length) {
		const struct rw_series_interval *got = &intervals[i];
		struct rw_series_interval want = { 0 };
		uint64_t stop = i == series.count - 1 ? at + series.last_ns : at + length;

		for (; e < n && events[e].ns <= stop; e++) {
			if (events[e].is_exhaustion) {
				want.exhaustions++;
				continue;
			}
			latencies[want.operations++] = events[e].latency_ns;
			want.bytes += events[e].bytes;
		}
		assert_int_equal(got->operations, want.operations);
		assert_int_equal(got->bytes, want.bytes);
		assert_int_equal(got->exhaustions, want.exhaustions);
		check_p99(got, want.operations, length > interval);
	}
	assert_int_equal(e, n);
	assert_int_equal(at - length + series.last_ns, end);
	assert_true(series.last_ns <= length);
	assert_int_equal(rw_series_is_partial(&series), series.last_ns != length);
	for (size_t i = 0; i < sizeof(intervals[0]); i++)
		assert_int_equal(((unsigned char *)&intervals[CAPACITY])[i], GUARD);
}

static void check_rates(void)
{
	struct rw_series_rates rates = { -1, -1, -1, -1 };
	double min = INFINITY, max = 0, min_bytes = INFINITY, max_bytes = 0;
	double seconds = (double)series.interval_ns / 1e9;
	uint32_t complete = series.count;

	if (series.last_ns != series.interval_ns)
		complete--;
	assert_int_equal(rw_series_rates(&series, &rates), complete > 0);
	if (!complete) {
		assert_true(rates.min_operations == -1 && rates.max_bytes == -1);
		return;
	}
	for (uint32_t i = 0; i < complete; i++) {
		min = fmin(min, (double)intervals[i].operations);
		max = fmax(max, (double)intervals[i].operations);
		min_bytes = fmin(min_bytes, (double)intervals[i].bytes);
		max_bytes = fmax(max_bytes, (double)intervals[i].bytes);
	}
	assert_true(fabs(rates.min_operations * seconds - min) <= 1e-9 * min);
	assert_true(fabs(rates.max_operations * seconds - max) <= 1e-9 * max);
	assert_true(fabs(rates.min_bytes * seconds - min_bytes) <= 1e-9 * min_bytes);
	assert_true(fabs(rates.max_bytes * seconds - max_bytes) <= 1e-9 * max_bytes);
}

static void run(size_t n, uint64_t start, uint64_t interval, uint64_t end)
{
	memset(intervals, GUARD, sizeof(intervals));
	rw_series_init(&series, intervals, CAPACITY, interval, start);
	for (size_t i = 0; i < n; i++)
		if (events[i].is_exhaustion)
			rw_series_exhaustion(&series, events[i].ns);
		else
			rw_series_operation(&series, events[i].ns, events[i].latency_ns,
					    events[i].bytes);
	rw_series_finish(&series, end);
	check(n, start, interval, end);
	check_rates();
}

/* @gap: mean time between events; now and then everything stands still. */
static uint64_t make_events(size_t n, uint64_t start, uint64_t gap, uint64_t *seed)
{
	uint64_t now = start;

	for (size_t i = 0; i < n; i++) {
		now += unit_between(seed, 0, 2 * gap);
		if (unit_between(seed, 0, 500) == 0)
			now += unit_between(seed, 0, 2000 * gap);
		events[i] = (struct event){
			.ns = now,
			.latency_ns = unit_random(seed) >> unit_between(seed, 30, 60),
			.bytes = unit_between(seed, 1, 1 << 20),
			.is_exhaustion = unit_between(seed, 0, 9) == 0,
		};
	}
	return now;
}

static void test_many(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 50, 1000, EVENTS };
	static const uint64_t steps[] = { 1, 7, 1000, 100000, UINT64_C(1) << 50 };
	uint64_t seed = 1;

	for (int round = 0; round < 20; round++)
		for (size_t s = 0; s < RW_ARRAY_SIZE(sizes); s++)
			for (size_t i = 0; i < RW_ARRAY_SIZE(steps); i++) {
				uint64_t start = unit_between(&seed, 0, UINT64_C(1) << 40);
				uint64_t end = make_events(sizes[s], start, 100, &seed);

				run(sizes[s], start, steps[i],
				    end + unit_between(&seed, 0, 1) * unit_between(&seed, 0, 5000));
			}
}

/* Every length around each point where the memory is full. */
static void test_every_length(void **state)
{
	uint64_t seed = 2;

	for (uint64_t length = 0; length <= 10 * 9 * CAPACITY; length++) {
		uint64_t start = 12345;
		size_t n = 0;

		/* one operation at each ns, the first and the last included */
		for (; n <= length; n++)
			events[n] =
				(struct event){ start + n, unit_between(&seed, 1, 9), 1, false };
		run(n, start, 10, start + length);
	}
}

/* 60 days in intervals of a millisecond, with one silence of all that time. */
static void test_long_silence(void **state)
{
	const uint64_t days = UINT64_C(60) * 86400 * 1000000000;

	events[0] = (struct event){ 5, 100, 4096, false };
	events[1] = (struct event){ days, 100, 4096, false };
	run(2, 0, 1000000, days + 1);
	assert_true(series.interval_ns >= days / CAPACITY);
	run(2, 0, 1, days + 1);
}

/* An odd capacity is used up to the even number below. */
static void test_odd_capacity(void **state)
{
	memset(intervals, GUARD, sizeof(intervals));
	rw_series_init(&series, intervals, 3, 10, 0);
	for (uint64_t i = 1; i <= 100; i++)
		rw_series_operation(&series, i, 7, 1);
	rw_series_finish(&series, 100);
	assert_int_equal(series.interval_ns, 80);
	assert_int_equal(series.count, 2);
	assert_int_equal(intervals[0].operations, 80);
	assert_int_equal(intervals[1].operations, 20);
	assert_int_equal(((unsigned char *)&intervals[2])[0], GUARD);
}

/* Threads with a series each, some of which ended early: the whole is as one series of all. */
static void test_merge(void **state)
{
	static struct rw_series_interval places[4][CAPACITY];
	static struct rw_series parts[4];
	uint64_t seed = 3;

	for (int round = 0; round < 200; round++) {
		size_t n = unit_between(&seed, 0, 2000);
		uint64_t interval = unit_between(&seed, 1, 20000);
		uint64_t end = make_events(n, 0, 100, &seed) + unit_between(&seed, 0, 5000);
		/* the last one has nothing to do soon after the start */
		uint64_t rest = unit_between(&seed, 0, end);

		for (int i = 0; i < 4; i++)
			rw_series_init(&parts[i], places[i], CAPACITY, interval, 0);
		for (size_t e = 0; e < n; e++) {
			struct rw_series *part =
				&parts[unit_between(&seed, 0, events[e].ns < rest ? 3 : 2)];

			if (events[e].is_exhaustion)
				rw_series_exhaustion(part, events[e].ns);
			else
				rw_series_operation(part, events[e].ns, events[e].latency_ns,
						    events[e].bytes);
		}
		for (int i = 0; i < 4; i++)
			rw_series_finish(&parts[i], end);
		for (int i = 1; i < 4; i++)
			rw_series_merge(&parts[0], &parts[i]);
		run(n, 0, interval, end);
		assert_int_equal(parts[0].count, series.count);
		assert_int_equal(parts[0].interval_ns, series.interval_ns);
		assert_int_equal(parts[0].last_ns, series.last_ns);
		for (uint32_t i = 0; i < series.count; i++) {
			assert_int_equal(places[0][i].operations, intervals[i].operations);
			assert_int_equal(places[0][i].bytes, intervals[i].bytes);
			assert_int_equal(places[0][i].exhaustions, intervals[i].exhaustions);
			/* what is known of the parts does not exclude what is true of all */
			assert_true(places[0][i].p99_low_ns <= intervals[i].p99_high_ns);
			assert_true(places[0][i].p99_high_ns >= intervals[i].p99_low_ns);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_long_silence),
		cmocka_unit_test(test_odd_capacity),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
