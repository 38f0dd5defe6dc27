/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A run as a series of intervals of equal length. Memory is chosen before the
 * run: when all intervals are used, each pair of neighbours becomes one and
 * the length doubles, so that a run of any length is covered from its start
 * to its end and no operation is lost.
 */
#ifndef RW_STATS_SERIES_H
#define RW_STATS_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/hist.h"

struct rw_series_interval {
	uint64_t operations;
	uint64_t bytes;
	uint64_t exhaustions;
	/*
	 * The 99th percentile of latency, 0 without operations. The p99 of two
	 * intervals together lies between theirs, but cannot be known from
	 * them: both are equal until intervals are merged, then the truth lies
	 * between them (with the histogram's precision).
	 */
	uint64_t p99_low_ns;
	uint64_t p99_high_ns;
};

struct rw_series {
	struct rw_series_interval *intervals;
	uint32_t capacity;
	uint32_t count;	      /* of the intervals that are closed */
	uint64_t interval_ns; /* present length */
	uint64_t last_ns;     /* after rw_series_finish: length of the last interval */
	uint64_t end_ns;      /* of the interval that is open */
	struct rw_series_interval open;
	struct rw_hist hist; /* latencies of the interval that is open */
};

/* Minimum and maximum per second, over the complete intervals. */
struct rw_series_rates {
	double min_operations;
	double max_operations;
	double min_bytes;
	double max_bytes;
};

/*
 * Start at the time @now_ns, in intervals of @interval_ns (at least 1). The
 * series lives in @intervals[0..capacity), which stays the caller's;
 * @capacity is at least 2, and an odd last one stays unused.
 */
void rw_series_init(struct rw_series *series, struct rw_series_interval *intervals,
		    uint32_t capacity, uint64_t interval_ns, uint64_t now_ns);

/* Close the intervals that end before @now_ns. Called by those below. */
void rw_series_advance(struct rw_series *series, uint64_t now_ns);

/*
 * An operation of @bytes ended at @now_ns, not before the call before. The end
 * of an interval belongs to it, its start to the one before.
 */
static inline void rw_series_operation(struct rw_series *series, uint64_t now_ns,
				       uint64_t latency_ns, uint64_t bytes)
{
	if (rw_unlikely(now_ns > series->end_ns))
		rw_series_advance(series, now_ns);
	series->open.operations++;
	series->open.bytes += bytes;
	rw_hist_record(&series->hist, latency_ns);
}

/* An operation found the pool empty at @now_ns. */
static inline void rw_series_exhaustion(struct rw_series *series, uint64_t now_ns)
{
	if (rw_unlikely(now_ns > series->end_ns))
		rw_series_advance(series, now_ns);
	series->open.exhaustions++;
}

/*
 * The run ended at @now_ns: closes the last interval, which may be partial
 * (last_ns is less than interval_ns). Nothing is recorded afterwards.
 */
void rw_series_finish(struct rw_series *series, uint64_t now_ns);

/*
 * Add @from, interval by interval, to @series: both were started alike and finished at
 * the same time. The p99 of both together lies between theirs.
 */
void rw_series_merge(struct rw_series *series, const struct rw_series *from);

static inline bool rw_series_is_partial(const struct rw_series *series)
{
	return series->last_ns < series->interval_ns;
}

/*
 * Of a finished series. A partial last interval does not count: its rate would
 * be one of another window. Returns false if no interval is complete.
 */
bool rw_series_rates(const struct rw_series *series, struct rw_series_rates *rates_p);

#endif
