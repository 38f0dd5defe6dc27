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
 * What a few operations add up to, in ticks: converting, dividing and updating
 * moments would cost more than all the rest, and is done once for all of them.
 */
struct rw_latency_batch {
	uint32_t n;
	uint64_t first;           /* latency: the sums below are of differences from it */
	double sum, squares;
	uint64_t min, max;
	uint64_t plan, post, poll;
	uint64_t service;         /* from @begun to @completed */
};

struct rw_latency {
	struct rw_clock clock; /* a copy: results outlive the threads that made them */
	bool open_loop;
	struct rw_latency_batch batch;

	/* ns from @begun, by path: those by MR held theirs as long. Closed loop: none by direct. */
	struct rw_hist service_of[RW_NR_OP_PATHS];

	/* All below hold what was recorded up to the last rw_latency_settle(). */
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

/*
 * Count one operation: no allocation, no loop and, but for one in thousands, no
 * division. Returns its latency in ns.
 */
uint64_t rw_latency_record(struct rw_latency *latency, const struct rw_op_times *times);

/* Operations of a block, of which the means of paths are compared. */
#define RW_LATENCY_BLOCK 100

/* A block of operations has ended. */
void rw_latency_end_block(struct rw_latency *latency);

/* Bring the figures up to what was recorded. To be called before they are read. */
void rw_latency_settle(struct rw_latency *latency);

/*
 * Add what @from has recorded, beside this one by the same clock; it is settled. Samples
 * are put behind those of @latency. Nothing is recorded afterwards. Returns 0 or -ENOMEM.
 */
int rw_latency_merge(struct rw_latency *latency, struct rw_latency *from);

/* ... and @service, too. */
void rw_latency_finish(struct rw_latency *latency);

#endif
