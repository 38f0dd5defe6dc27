/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/loss_time.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int rw_loss_draw_open(struct rw_loss_draw *draw, const struct rw_loss_time *time)
{
	const struct rw_hist *hist = time->hist;
	struct rw_hist_bucket bucket;
	uint32_t cursor = 0, n = 0;
	uint64_t seen = 0;

	*draw = (struct rw_loss_draw){ .time = time };
	if (time->kind != RW_LOSS_MEASURED)
		return time->mean_ns >= 0 && isfinite(time->mean_ns) ? 0 : -EINVAL;
	if (!hist || !hist->count || rw_hist_saturated(hist))
		return -EINVAL;
	while (rw_hist_next(hist, &cursor, &bucket))
		n++;
	draw->buckets = malloc(n * sizeof(*draw->buckets));
	if (!draw->buckets)
		return -ENOMEM;
	cursor = 0;
	while (rw_hist_next(hist, &cursor, &bucket)) {
		/* no more is known of the ends than this, and it is exact */
		bucket.low = rw_max(bucket.low, hist->min);
		bucket.high = rw_min(bucket.high, hist->max);
		seen += bucket.count;
		bucket.count = seen;
		draw->buckets[draw->nr_buckets++] = bucket;
	}
	return 0;
}

void rw_loss_draw_close(struct rw_loss_draw *draw)
{
	free(draw->buckets);
}

static double draw_measured(const struct rw_loss_draw *draw, struct rw_random *random)
{
	uint64_t rank = rw_random_below(random, draw->time->hist->count);
	uint32_t low = 0, high = draw->nr_buckets - 1;
	const struct rw_hist_bucket *bucket;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (rank < draw->buckets[middle].count)
			high = middle;
		else
			low = middle + 1;
	}
	bucket = &draw->buckets[low];
	return (double)(bucket->low + rw_random_below(random, bucket->high - bucket->low + 1));
}

double rw_loss_draw_ns(const struct rw_loss_draw *draw, struct rw_random *random)
{
	switch (draw->time->kind) {
	case RW_LOSS_EXPONENTIAL:
		return rw_random_exponential(random, draw->time->mean_ns);
	case RW_LOSS_FIXED:
		return draw->time->mean_ns;
	default:
		return draw_measured(draw, random);
	}
}
