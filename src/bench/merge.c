/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The rows of all workers become one: that of worker 0. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "bench/client.h"

/* Of these, all have done the sum. */
static const size_t sums[] = {
	offsetof(struct rw_counters, issued),
	offsetof(struct rw_counters, operations),
	offsetof(struct rw_counters, wrs),
	offsetof(struct rw_counters, doorbells),
	offsetof(struct rw_counters, mr_wanted),
	offsetof(struct rw_counters, exhaustions),
	offsetof(struct rw_counters, fallbacks),
	offsetof(struct rw_counters, failed),
	offsetof(struct rw_counters, mr_operations),
	offsetof(struct rw_counters, waits),
	offsetof(struct rw_counters, sq_stalls),
	offsetof(struct rw_counters, teardowns),
	offsetof(struct rw_counters, teardown_ticks),
	offsetof(struct rw_counters, torn),
	offsetof(struct rw_counters, cpu_thread_ns),
	offsetof(struct rw_counters, queue_max),
	offsetof(struct rw_counters, unserved),
	offsetof(struct rw_counters, mixed_bytes),
};

/*
 * Beside sums of times: first_exhaustion_ticks and unserved_ticks, below; and elapsed_ns and
 * the best and the worst window, which no worker knows.
 */
#define OTHERS 5

_Static_assert(sizeof(struct rw_counters) ==
		       3 * sizeof(struct rw_time_sum) +
			       (RW_ARRAY_SIZE(sums) + OTHERS) * sizeof(uint64_t),
	       "each counter is merged");

static void add_counters(struct rw_counters *sum, const struct rw_counters *more)
{
	if (more->exhaustions)
		sum->first_exhaustion_ticks =
			sum->exhaustions ? rw_min(sum->first_exhaustion_ticks,
						  more->first_exhaustion_ticks) :
					   more->first_exhaustion_ticks;
	for (size_t i = 0; i < RW_ARRAY_SIZE(sums); i++)
		*(uint64_t *)((char *)sum + sums[i]) +=
			*(const uint64_t *)((const char *)more + sums[i]);
	rw_time_sum_merge(&sum->wait, &more->wait);
	rw_time_sum_merge(&sum->sq_stall, &more->sq_stall);
	rw_time_sum_merge(&sum->hold, &more->hold);
	sum->unserved_ticks += more->unserved_ticks;
}

static int merge_row(struct rw_row *row, struct rw_row *from, struct rw_err *err)
{
	add_counters(&row->count, &from->count);
	rw_corrupt_add(&row->corrupt, &from->corrupt);
	rw_blocks_merge(&row->shares, &from->shares);
	rw_series_merge(&row->series->series, &from->series->series);
	for (uint32_t k = 0; k < row->nr_kinds; k++) {
		row->kinds[k].operations += from->kinds[k].operations;
		row->kinds[k].mr_operations += from->kinds[k].mr_operations;
		rw_time_sum_merge(&row->kinds[k].hold, &from->kinds[k].hold);
	}
	/* What follows, a margin, is on top of it: @from has told all it knows. */
	memset(&from->count, 0, sizeof(from->count));
	memset(&from->corrupt, 0, sizeof(from->corrupt));
	from->share_wanted = from->share_exhausted = 0;
	if (row->latency && rw_latency_merge(row->latency, from->latency))
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	return 0;
}

/* All series end together, though not all workers have. */
static void finish_series(struct rw_crew *crew, uint32_t i, uint64_t end_ns)
{
	for (uint32_t w = 0; w < crew->n; w++) {
		const struct rw_series *series = &crew->workers[w].rows[i].series->series;

		/* Ticks may be a little ahead of the clock that says how long it took. */
		end_ns = rw_max(end_ns, series->end_ns - series->interval_ns);
	}
	for (uint32_t w = 0; w < crew->n; w++)
		rw_series_finish(&crew->workers[w].rows[i].series->series, end_ns);
}

int rw_client_merge_rows(struct rw_client *client, uint32_t i, struct rw_err *err)
{
	struct rw_crew *crew = &client->crew;
	struct rw_row *row = &crew->workers[0].rows[i];
	int ret = 0;

	finish_series(crew, i, client->elapsed_ns[i]);
	for (uint32_t w = 1; w < crew->n && !ret; w++)
		ret = merge_row(row, &crew->workers[w].rows[i], err);
	row->count.elapsed_ns = client->elapsed_ns[i];
	return ret;
}
