/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The times of the operations of one row: their distribution, where the time
 * of a mean operation goes, and the mean of each block of operations.
 */
#ifndef RW_STATS_LATENCY_H
#define RW_STATS_LATENCY_H

#include "stats/blocks.h"
#include "stats/clock.h"
#include "stats/hist.h"
#include "stats/moments.h"

enum rw_op_path {
	RW_OP_BY_DIRECT,   /* as it was wanted */
	RW_OP_BY_MR,
	RW_OP_BY_FALLBACK, /* direct, since the pool was empty */
	RW_NR_OP_PATHS
};

/* One operation, in ticks. Open loop: @due is when it was to begin. */
struct rw_op_times {
	uint64_t due;       /* closed loop: not used */
	uint64_t begun;     /* planning begins */
	uint64_t posting;   /* posting of the first WR begins */
	uint64_t posted;    /* the doorbell has been rung */
	uint64_t polling;   /* the poll began that brought the last completion */
	uint64_t completed; /* ... and returned */
	enum rw_op_path path;
};

/*
 * Operations of one path that were recorded and not yet counted, in ticks. To convert them,
 * to find their buckets and to update moments one by one would wait for the clock each
 * time; of many at once the processor works on several side by side.
 */
#define RW_LATENCY_BATCH 128

struct rw_latency_batch {
	uint32_t n;
	uint64_t latency[RW_LATENCY_BATCH];
	uint64_t service[RW_LATENCY_BATCH]; /* from @begun to @completed */
};

struct rw_latency {
	struct rw_clock clock; /* a copy: results outlive the threads that made them */
	bool open_loop;
	struct rw_latency_batch batches[RW_NR_OP_PATHS];
	uint64_t plan, post, poll; /* ticks that those of the batches took together */

	/* All below hold what was recorded up to the last rw_latency_settle(). */

	/* ns from @begun, by path: those by MR held theirs as long. Closed loop: none by direct. */
	struct rw_hist service_of[RW_NR_OP_PATHS];

	struct rw_hist hist; /* ns, from @posting, or in an open loop from @due, to @completed */
	struct rw_moments moments; /* of what @hist holds */
	struct rw_hist service;    /* all paths together; by rw_latency_finish() */
	/* Sums over all operations, ns. */
	double plan_ns, post_ns, device_ns, poll_ns;
	double queued_ns; /* open loop: sum of what operations waited for a free context */

	/* The mean of each block. */
	struct rw_blocks blocks;
	double block_ns; /* of the block that is open */
	uint64_t block_count;

	/* Where @hist's values are counted, too: of the interval of a series that is open; or NULL. */
	struct rw_hist *interval;

	/* Each operation in the order in which they ended; NULL: not kept. */
	uint64_t *samples;
	uint64_t nr_samples, max_samples;

	/* MR path: registration and invalidation alone, each signaled; counts may be 0. */
	struct rw_hist registration, invalidation;
};

/*
 * New and empty, with room for @max_samples (0: none are kept): nothing is
 * allocated while measuring. NULL: out of memory.
 */
struct rw_latency *rw_latency_new(const struct rw_clock *clock, bool open_loop,
				  uint64_t max_samples);
void rw_latency_free(struct rw_latency *latency);

/* Forget all that was recorded. */
void rw_latency_reset(struct rw_latency *latency);

/* Bring the figures up to what was recorded. To be called before they are read. */
void rw_latency_settle(struct rw_latency *latency);

/* Part of rw_latency_record(), where each operation is kept by itself. */
void rw_latency_keep(struct rw_latency *latency, uint64_t ticks);

/* Count one operation: no allocation, no loop but once in RW_LATENCY_BATCH. */
static inline void rw_latency_record(struct rw_latency *latency, const struct rw_op_times *times)
{
	struct rw_latency_batch *batch = &latency->batches[times->path];
	uint64_t ticks = times->completed - (latency->open_loop ? times->due : times->posting);

	batch->latency[batch->n] = ticks;
	batch->service[batch->n] = times->completed - times->begun;
	latency->plan += times->posting - times->begun;
	latency->post += times->posted - times->posting;
	/* The poll that brought the completion may have begun before the doorbell. */
	latency->poll += times->completed - rw_max(times->polling, times->posted);
	if (rw_unlikely(latency->samples))
		rw_latency_keep(latency, ticks);
	if (rw_unlikely(++batch->n == RW_LATENCY_BATCH))
		rw_latency_settle(latency);
}

/* Operations of a block, of which the means of paths are compared. */
#define RW_LATENCY_BLOCK 100

/* A block of operations has ended. */
void rw_latency_end_block(struct rw_latency *latency);

/*
 * Add what @from has recorded, beside this one by the same clock; it is settled. Samples
 * are put behind those of @latency. Nothing is recorded afterwards. Returns 0 or -ENOMEM.
 */
int rw_latency_merge(struct rw_latency *latency, struct rw_latency *from);

/* ... and @service, too. */
void rw_latency_finish(struct rw_latency *latency);

#endif
