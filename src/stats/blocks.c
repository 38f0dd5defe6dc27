/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/blocks.h"

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

bool rw_blocks_ci(const struct rw_blocks *blocks, double confidence, struct rw_ci *ci_p)
{
	struct rw_moments moments = { 0 };

	for (uint32_t i = 0; i < blocks->n; i++)
		rw_moments_add(&moments, blocks->means[i]);
	return rw_ci_mean(&moments, confidence, ci_p);
}
