/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What is counted of a QP. The histogram has the layout of src/stats/hist.h: a
 * bucket a nanosecond below 2048, then 1024 buckets an octave, up to 2^42 ns.
 */
#ifndef RWB_STATS_H
#define RWB_STATS_H

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "compat.h"

#define RWB_HIST_SUB_BITS 10
#define RWB_HIST_LIMIT_BITS 42
#define RWB_HIST_BUCKETS (((RWB_HIST_LIMIT_BITS - RWB_HIST_SUB_BITS + 1) << RWB_HIST_SUB_BITS) + 1)

struct rwb_hist {
	u64 count, sum_ns, min_ns, max_ns;
	u64 buckets[RWB_HIST_BUCKETS];
};

static inline u32 rwb_hist_index(u64 value)
{
	u64 v = min_t(u64, value, 1ULL << RWB_HIST_LIMIT_BITS);
	u32 shift = fls64(v | 1ULL << RWB_HIST_SUB_BITS) - 1 - RWB_HIST_SUB_BITS;

	return (shift << RWB_HIST_SUB_BITS) + (u32)(v >> shift);
}

struct rwb_path {
	u64 operations, wrs, bytes; /* that completed well */
	u64 init_ns, post_ns, destroy_ns;
	u64 hold_ns; /* from before init to behind destroy: so long MRs are held */
	u64 queued_ns; /* of a schedule: from when they were due until they began */
	/* of latencies, of a schedule since they were due; made for the path's first operation */
	struct rwb_hist *hist;
	struct rwb_hist *service; /* of a schedule: since they began */
};

struct rwb_stats {
	struct rwb_path paths[RWB_PATHS];
	u64 issued; /* operations that began */
	u64 eagain; /* rdma_rw_ctx_init found the pool empty */
	u64 eagain_ns; /* what that took */
	u64 failed; /* operations dropped for it */
	u64 waits, wait_ns; /* operations that waited for it */
	u64 lost; /* in flight when a connection was torn down, or waiting at the end */
	u64 mr_hold_ns; /* so long MRs were held, all together */
	u64 errors; /* refused by the API, or completed in error but for those of a teardown */
	u64 sq_stalls, sq_stall_ns; /* operations that waited for room in the send queue */
	u64 reconnects, reconnect_ns;
	u64 corrupt_bytes, unknown_path;
	u64 unverified; /* WRITEs that no server has verified, as it should have */
	u64 low_water; /* fewest free MRs seen, U64_MAX: none was ever wanted */
	u64 queue_max, unserved, unserved_ns; /* of a schedule: due, and not begun */
	u64 end_ns;
};

void rwb_stats_init(struct rwb_stats *stats);
void rwb_stats_free(struct rwb_stats *stats);
int rwb_path_prepare(struct rwb_path *path, bool with_service);
void rwb_hist_record(struct rwb_hist *hist, u64 ns);

#endif
