/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What it costs to record one operation: a reading of the clock and
 * rw_latency_record(), as the loop does both. Prints the median and the best of
 * some batches, in ns: on a busy machine the best is nearer the truth.
 *
 *	recorder [SAMPLES]    (of a batch; default 1000000)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/latency.h"
#include "util/random.h"

#define BATCHES 21
#define KINDS	4096 /* of operations, in a random order */
#define UNDER_WAY 128

enum part {
	PART_LOOP, /* what the others contain and is not theirs */
	PART_CLOCK,
	PART_RECORD,
	PART_BOTH,
	NR_PARTS
};

static const char *const names[NR_PARTS] = { "loop", "clock", "record", "clock and record" };

static struct rw_op_times kinds[KINDS];
static struct rw_op_times under_way[UNDER_WAY];

/* Around five microseconds, as an operation of 4 KiB takes; one of 64 far from it. */
static void draw_kinds(const struct rw_clock *clock)
{
	struct rw_random random;

	rw_random_init(&random, 1);
	for (uint32_t i = 0; i < KINDS; i++) {
		double far = rw_random_below(&random, 64) ? 0 : 40000;
		double ns = 5000 + rw_random_exponential(&random, 300 + far);
		uint64_t ticks = rw_clock_ticks_of_ns(clock, ns);

		kinds[i] = (struct rw_op_times){
			.begun = 0,
			.posting = rw_clock_ticks_of_ns(clock, 40),
			.posted = rw_clock_ticks_of_ns(clock, 190),
			.polling = ticks - rw_clock_ticks_of_ns(clock, 60),
			.completed = ticks,
			.path = i % 2 ? RW_OP_BY_MR : RW_OP_BY_DIRECT,
		};
	}
}

/* As the loop: one operation ends, is recorded, and another begins in its place. */
static double run_batch(enum part part, struct rw_latency *latency, uint64_t samples)
{
	const struct rw_clock *clock = &latency->clock;
	uint64_t start = rw_clock_raw_ns(), now = start;

	for (uint64_t i = 0; i < samples; i++) {
		const struct rw_op_times *kind = &kinds[i % KINDS];
		struct rw_op_times *times = &under_way[i % UNDER_WAY];

		if (part == PART_CLOCK || part == PART_BOTH)
			now = rw_clock_ticks(clock);
		times->path = kind->path;
		times->polling = times->begun + kind->polling;
		times->completed = times->begun + kind->completed;
		if (part == PART_RECORD || part == PART_BOTH)
			rw_latency_record(latency, times);
		times->begun = now;
		times->posting = now + kind->posting;
		times->posted = now + kind->posted;
		__asm__ volatile("" : : : "memory");
	}
	return (double)(rw_clock_raw_ns() - start) / (double)samples;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char *argv[])
{
	uint64_t samples = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	double ns[NR_PARTS][BATCHES];
	struct rw_latency *latency;
	struct rw_clock clock;

	if (!samples) {
		fprintf(stderr, "recorder: '%s' is no number of samples\n", argv[1]);
		return 2;
	}
	rw_clock_init(&clock);
	latency = rw_latency_new(&clock, false, 0);
	if (!latency)
		return 1;
	draw_kinds(&clock);
	/* Parts take turns, so that a drift of the machine hits all alike. */
	for (int batch = 0; batch < BATCHES; batch++)
		for (enum part part = 0; part < NR_PARTS; part++)
			ns[part][batch] = run_batch(part, latency, samples);
	for (enum part part = 0; part < NR_PARTS; part++)
		qsort(ns[part], BATCHES, sizeof(double), compare);
	printf("clock %s, %" PRIu64 " samples a batch, %d batches\n", rw_clock_name(&clock),
	       samples, BATCHES);
	for (enum part part = 1; part < NR_PARTS; part++)
		printf("  %-16s  median %6.2f ns, best %6.2f ns\n", names[part],
		       ns[part][BATCHES / 2] - ns[PART_LOOP][BATCHES / 2],
		       ns[part][0] - ns[PART_LOOP][0]);
	rw_latency_free(latency);
	return 0;
}
