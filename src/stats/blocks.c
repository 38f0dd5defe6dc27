/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/blocks.h"

#include <string.h>

/*
 * An interval is made of fewer batches than this, and of half as many at least:
 * the longer they are the less they depend on each other, and of 10 to 30 hardly
 * anything is lost (Schmeiser 1982).
 */
#define MAX_BATCHES 32

static void halve(struct rw_blocks *blocks)
{
	blocks->n /= 2;
	blocks->doublings++;
	for (uint32_t i = 0; i < blocks->n; i++)
		blocks->means[i] = (blocks->means[2 * i] + blocks->means[2 * i + 1]) / 2;
}

void rw_blocks_add(struct rw_blocks *blocks, double sum, uint64_t count)
{
	if (!count)
		return;
	blocks->sum += sum;
	blocks->count += count;
	if (++blocks->pending < UINT32_C(1) << blocks->doublings)
		return;
	blocks->means[blocks->n++] = blocks->sum / (double)blocks->count;
	blocks->pending = 0;
	blocks->sum = 0;
	blocks->count = 0;
	if (blocks->n == RW_BLOCKS_MAX)
		halve(blocks);
}

void rw_blocks_merge(struct rw_blocks *blocks, const struct rw_blocks *from)
{
	struct rw_blocks more = *from;

	while (blocks->doublings < more.doublings)
		halve(blocks);
	while (more.doublings < blocks->doublings)
		halve(&more);
	while (blocks->n + more.n >= RW_BLOCKS_MAX) {
		halve(blocks);
		halve(&more);
	}
	memcpy(&blocks->means[blocks->n], more.means, more.n * sizeof(*more.means));
	blocks->n += more.n;
	blocks->pending = 0;
	blocks->sum = 0;
	blocks->count = 0;
}

bool rw_blocks_share_ci(const struct rw_blocks *blocks, uint64_t successes, uint64_t n,
			double confidence, struct rw_ci *ci_p)
{
	struct rw_moments moments = { 0 };
	uint32_t together = 1;

	while (blocks->n / together >= MAX_BATCHES)
		together *= 2;
	for (uint32_t i = 0; i + together <= blocks->n; i += together) {
		double sum = 0;

		for (uint32_t k = i; k < i + together; k++)
			sum += blocks->means[k];
		rw_moments_add(&moments, sum / together);
	}
	return rw_ci_share_of_blocks(successes, n, &moments, confidence, ci_p);
}
