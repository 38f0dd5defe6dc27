/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/series.h"

#include <math.h>
#include <string.h>

#include "stats/clock.h"

void rw_series_init(struct rw_series *series, struct rw_series_interval *intervals,
		    uint32_t capacity, uint64_t interval_ns, uint64_t now_ns)
{
	memset(series, 0, sizeof(*series));
	series->intervals = intervals;
	series->capacity = capacity & ~1U;
	series->interval_ns = interval_ns;
	series->end_ns = now_ns + interval_ns;
	rw_hist_init(&series->hist);
}

static void merge(struct rw_series_interval *into, const struct rw_series_interval *a,
		  const struct rw_series_interval *b)
{
	struct rw_series_interval sum = {
		.operations = a->operations + b->operations,
		.bytes = a->bytes + b->bytes,
		.exhaustions = a->exhaustions + b->exhaustions,
		.p99_low_ns = rw_min(a->p99_low_ns, b->p99_low_ns),
		.p99_high_ns = rw_max(a->p99_high_ns, b->p99_high_ns),
	};

	/* one without operations has no say */
	if (!a->operations || !b->operations)
		sum.p99_low_ns = rw_max(a->p99_low_ns, b->p99_low_ns);
	*into = sum;
}

static void halve(struct rw_series *series)
{
	struct rw_series_interval *at = series->intervals;

	for (uint32_t i = 0; i < series->count; i += 2)
		merge(&at[i / 2], &at[i], &at[i + 1]);
	series->count /= 2;
	series->interval_ns *= 2;
}

static void close_interval(struct rw_series *series)
{
	series->open.p99_low_ns = rw_hist_percentile(&series->hist, 99);
	series->open.p99_high_ns = series->open.p99_low_ns;
	series->intervals[series->count++] = series->open;
	memset(&series->open, 0, sizeof(series->open));
	rw_hist_reset(&series->hist);
}

/*
 * However long the silence was, at most half of the capacity is closed before
 * the length doubles: this ends soon.
 */
void rw_series_advance(struct rw_series *series, uint64_t now_ns)
{
	while (now_ns > series->end_ns) {
		close_interval(series);
		/* there is room for the one that opens now, so it lies within a pair */
		if (series->count == series->capacity)
			halve(series);
		series->end_ns += series->interval_ns;
	}
}

void rw_series_finish(struct rw_series *series, uint64_t now_ns)
{
	rw_series_advance(series, now_ns);
	series->last_ns = series->interval_ns - (series->end_ns - now_ns);
	close_interval(series);
}

void rw_series_merge(struct rw_series *series, const struct rw_series *from)
{
	for (uint32_t i = 0; i < series->count; i++)
		merge(&series->intervals[i], &series->intervals[i], &from->intervals[i]);
}

bool rw_series_rates(const struct rw_series *series, struct rw_series_rates *rates_p)
{
	uint32_t complete = series->count - rw_series_is_partial(series);
	double per_s = (double)RW_NS_PER_S / (double)series->interval_ns;
	struct rw_series_rates rates = { .min_operations = INFINITY, .min_bytes = INFINITY };

	if (!complete)
		return false;
	for (uint32_t i = 0; i < complete; i++) {
		double operations = (double)series->intervals[i].operations * per_s;
		double bytes = (double)series->intervals[i].bytes * per_s;

		rates.min_operations = fmin(rates.min_operations, operations);
		rates.max_operations = fmax(rates.max_operations, operations);
		rates.min_bytes = fmin(rates.min_bytes, bytes);
		rates.max_bytes = fmax(rates.max_bytes, bytes);
	}
	*rates_p = rates;
	return true;
}
