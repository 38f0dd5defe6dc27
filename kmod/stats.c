// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/errno.h>
#include <linux/vmalloc.h>

#include "stats.h"

void rwb_stats_init(struct rwb_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->low_water = U64_MAX;
}

void rwb_stats_free(struct rwb_stats *stats)
{
	int i;

	for (i = 0; i < RWB_PATHS; i++) {
		vfree(stats->paths[i].hist);
		vfree(stats->paths[i].service);
	}
}

static int make(struct rwb_hist **hist_p)
{
	struct rwb_hist *hist;

	if (*hist_p)
		return 0;
	hist = vzalloc(sizeof(*hist));
	if (!hist)
		return -ENOMEM;
	hist->min_ns = U64_MAX;
	/* A reader of the report sees it whole. */
	smp_store_release(hist_p, hist);
	return 0;
}

int rwb_path_prepare(struct rwb_path *path, bool with_service)
{
	int err = make(&path->hist);

	return err || !with_service ? err : make(&path->service);
}

void rwb_hist_record(struct rwb_hist *hist, u64 ns)
{
	hist->buckets[rwb_hist_index(ns)]++;
	hist->count++;
	hist->sum_ns += ns;
	hist->min_ns = min(hist->min_ns, ns);
	hist->max_ns = max(hist->max_ns, ns);
}
