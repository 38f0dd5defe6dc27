/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The means of successive blocks of a run: what is left of operations that
 * depend on their neighbours, once they are taken together, is nearly
 * independent, and intervals of confidence can be made of it.
 */
#ifndef RW_STATS_BLOCKS_H
#define RW_STATS_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/ci.h"

#define RW_BLOCKS_MAX 1024 /* even */

/* All zero is the empty state. */
struct rw_blocks {
	double means[RW_BLOCKS_MAX];
	uint32_t n;
	uint32_t doublings;   /* 2^doublings blocks make one mean */
	uint32_t pending;     /* blocks ... */
	double sum;           /* ... and what they hold */
	uint64_t count;
};

/*
 * A block ended: @sum over @count. One without @count is none. When all places
 * are taken each pair of neighbours becomes one, and so on from then: memory is
 * fixed, and every mean is of as many blocks.
 */
void rw_blocks_add(struct rw_blocks *blocks, double sum, uint64_t count);

/*
 * Add the means of @from, a run beside this one, behind those of @blocks: each of as many
 * blocks again. What is no whole mean is left out, and nothing may be added afterwards.
 */
void rw_blocks_merge(struct rw_blocks *blocks, const struct rw_blocks *from);

/*
 * The interval of the share of @successes in @n, of which @blocks holds the
 * shares block by block; neighbours are taken together until few are left.
 * Returns false, and leaves *@ci_p alone, for fewer than two blocks.
 */
bool rw_blocks_share_ci(const struct rw_blocks *blocks, uint64_t successes, uint64_t n,
			double confidence, struct rw_ci *ci_p);

#endif
