/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/chain.h"

#include <errno.h>

#include "rw/pages.h"
#include "util/compiler.h"

/* A value of rw_reg.layout that no position has: 2 * 3 * nr_regs is below it. */
#define RW_LAYOUT_NONE UINT32_MAX

static uint64_t sum_lengths(const struct rw_seg *segs, uint32_t nr_segs)
{
	uint64_t length = 0;

	for (uint32_t i = 0; i < nr_segs; i++)
		length += segs[i].length;
	return length;
}

/* rdma_rw_init_map_wrs and rdma_rw_init_single_wr: every WR but the last is full. */
int rw_chain_build_direct(const struct rw_span *span, uint32_t max_sge, struct rw_wr *wrs,
			  uint32_t nr_wrs)
{
	const struct rw_seg *segs = span->segs;
	uint32_t left = span->nr_segs;
	uint64_t remote_addr = span->remote_addr;

	for (uint32_t i = 0; i < nr_wrs; i++) {
		uint32_t nr_sge = rw_min(left, max_sge);
		uint64_t length = sum_lengths(segs, nr_sge);

		if (length > RW_CHAIN_MAX_WR_BYTES)
			return -EINVAL;
		wrs[i] = (struct rw_wr){
			.op = span->op == RW_OP_WRITE ? RW_WR_WRITE : RW_WR_READ,
			.signaled = i + 1 == nr_wrs,
			.segs = segs,
			.nr_segs = nr_sge,
			.length = (uint32_t)length,
			.remote_addr = remote_addr,
			.rkey = span->rkey,
		};
		remote_addr += length;
		segs += nr_sge;
		left -= nr_sge;
	}
	return 0;
}

/* Entries of its MR that a registration fills; -EINVAL: no MR can hold it. */
static int count_entries(const struct rw_attrs *attrs, const struct rw_seg *segs, uint32_t nr_segs,
			 uint64_t length)
{
	if (length > RW_CHAIN_MAX_WR_BYTES)
		return -EINVAL;
	if (!attrs->page_list)
		return (int)nr_segs;
	return rw_pages_count(segs, nr_segs, attrs->page_size, attrs->mr_entries);
}

/*
 * rdma_rw_init_mr_wrs: the list is cut by entries, not by pages, so that large
 * entries can overfill a page list.
 */
void rw_chain_build_regs(struct rw_ctx_priv *priv)
{
	const struct rw_attrs *attrs = &priv->attrs;
	const struct rw_seg *segs = priv->span.segs;
	uint32_t left = priv->span.nr_segs;
	uint64_t remote_addr = priv->span.remote_addr;

	priv->bad_reg = priv->nr_regs;
	for (uint32_t i = 0; i < priv->nr_regs; i++) {
		uint32_t nr_segs = rw_min(left, attrs->mr_entries);
		uint64_t length = sum_lengths(segs, nr_segs);
		int nr_entries = count_entries(attrs, segs, nr_segs, length);

		if (nr_entries < 0) {
			priv->bad_reg = i;
			return;
		}
		priv->regs[i] = (struct rw_reg){
			.layout = RW_LAYOUT_NONE,
			.segs = segs,
			.nr_segs = nr_segs,
			.nr_entries = (uint32_t)nr_entries,
			.length = (uint32_t)length,
			.iova = attrs->zero_based ? 0 : segs[0].addr,
			.remote_addr = remote_addr,
		};
		remote_addr += length;
		segs += nr_segs;
		left -= nr_segs;
	}
}

/* Write the two or three WRs of @reg from @wr on; MR and keys come later. */
static void lay_out(const struct rw_ctx_priv *priv, const struct rw_reg *reg, struct rw_wr *wr)
{
	if (reg->inval)
		*wr++ = (struct rw_wr){ .op = RW_WR_LOCAL_INV };
	wr[0] = (struct rw_wr){
		.op = RW_WR_REG,
		.remote_write = priv->attrs.iwarp,
		.segs = reg->segs,
		.nr_segs = reg->nr_segs,
		.length = reg->length,
		.iova = reg->iova,
		.nr_entries = reg->nr_entries,
	};
	wr[1] = (struct rw_wr){
		.op = priv->io_op,
		.signaled = reg == &priv->regs[priv->nr_regs - 1],
		.segs = reg->segs,
		.nr_segs = reg->nr_segs,
		.length = reg->length,
		.iova = reg->iova,
		.remote_addr = reg->remote_addr,
		.rkey = priv->span.rkey,
	};
}

/* The low 8 bits are the consumer's and wrap within themselves: ib_inc_rkey. */
static inline uint32_t next_key(uint32_t key)
{
	return (key & ~UINT32_C(0xff)) | ((key + 1) & 0xff);
}

/*
 * LOCAL_INVs come and go, and with them the places of the WRs behind. As a
 * rule an operation looks like the one before it: then @layout (place and
 * presence of the LOCAL_INV) is unchanged and MR and keys are all there is to
 * write. WRs of different registrations never share a place within one
 * operation, and each operation places all of them: a registration that finds
 * its layout unchanged finds its own WRs there.
 */
uint32_t rw_ctx_wrs_mr(struct rw_ctx *ctx, const struct rw_wr **wrs_p)
{
	struct rw_ctx_priv *priv = ctx->priv;
	const bool rotate_key = priv->attrs.rotate_key;
	struct rw_wr *wr = priv->mr_wrs;

	for (uint32_t i = 0; i < priv->nr_regs; i++) {
		struct rw_reg *reg = &priv->regs[i];
		struct rw_mr *mr = reg->mr;
		uint32_t layout = (uint32_t)(wr - priv->mr_wrs) << 1 | reg->inval;
		uint32_t old_key = mr->key;

		if (rw_unlikely(layout != reg->layout)) {
			lay_out(priv, reg, wr);
			reg->layout = layout;
		}
		if (reg->inval) {
			wr->mr = mr;
			wr->key = old_key;
			wr++;
		}
		/* rdma_rw_update_lkey */
		mr->need_inval = priv->stays_live;
		if (rotate_key)
			mr->key = next_key(old_key);
		wr[0].mr = mr;
		wr[0].key = mr->key;
		wr[1].mr = mr;
		wr[1].key = mr->key;
		wr[1].inv_key = old_key;
		wr += 2;
	}
	*wrs_p = priv->mr_wrs;
	return (uint32_t)(wr - priv->mr_wrs);
}
