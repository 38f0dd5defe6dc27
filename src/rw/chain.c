/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/chain.h"

#include <errno.h>

#include "rw/pages.h"
#include "util/compiler.h"

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
		remote_addr += span->remote_stride ? span->remote_stride : length;
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

/* The address under which an MR knows the first byte of @segs, @done bytes into the operation. */
static uint64_t first_address(const struct rw_ctx_priv *priv, const struct rw_seg *segs,
			      uint64_t done)
{
	if (priv->attrs.zero_based)
		return 0;
	return priv->span.mr_addr ? priv->span.mr_addr + done : segs[0].addr;
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
	uint64_t stride = priv->span.remote_stride;
	uint64_t done = 0;

	priv->good_end = priv->regs;
	for (uint32_t i = 0; i < priv->nr_regs; i++) {
		uint32_t nr_segs = rw_min(left, attrs->mr_entries);
		uint64_t length = sum_lengths(segs, nr_segs);
		int nr_entries = count_entries(attrs, segs, nr_segs, length);

		if (nr_entries < 0)
			return;
		priv->good_end++;
		priv->regs[i] = (struct rw_reg){
			.segs = segs,
			.nr_segs = nr_segs,
			.nr_entries = (uint32_t)nr_entries,
			.length = (uint32_t)length,
			.iova = first_address(priv, segs, done),
			.remote_addr = remote_addr,
		};
		remote_addr += stride ? stride : length;
		done += length;
		segs += nr_segs;
		left -= nr_segs;
	}
}

/* Write the two or three WRs of @reg from @wr on; MR and keys come later. */
static struct rw_wr *lay_out_reg(const struct rw_ctx_priv *priv, const struct rw_reg *reg,
				 struct rw_wr *wr)
{
	bool is_last = reg == &priv->regs[priv->nr_regs - 1];

	if (reg->inval)
		*wr++ = (struct rw_wr){ .op = RW_WR_LOCAL_INV };
	*wr++ = (struct rw_wr){
		.op = RW_WR_REG,
		.remote_write = priv->attrs.iwarp,
		.segs = reg->segs,
		.nr_segs = reg->nr_segs,
		.length = reg->length,
		.iova = reg->iova,
		.nr_entries = reg->nr_entries,
	};
	*wr++ = (struct rw_wr){
		.op = priv->io_op,
		.signaled = is_last && !priv->inval_after,
		.segs = reg->segs,
		.nr_segs = reg->nr_segs,
		.length = reg->length,
		.iova = reg->iova,
		.remote_addr = reg->remote_addr,
		.rkey = priv->span.rkey,
	};
	if (priv->inval_after)
		*wr++ = (struct rw_wr){ .op = RW_WR_LOCAL_INV, .fence = true, .signaled = is_last };
	return wr;
}

/* Lay out all, then go on; a tail call, to keep registers out of the hot path. */
static __attribute__((noinline, cold)) uint32_t relayout_wrs(struct rw_ctx *ctx,
							     const struct rw_wr **wrs_p)
{
	struct rw_ctx_priv *priv = ctx->priv;
	struct rw_wr *wr = priv->mr_wrs;

	for (uint32_t i = 0; i < priv->nr_regs; i++)
		wr = lay_out_reg(priv, &priv->regs[i], wr);
	priv->relayout = false;
	return rw_ctx_wrs_mr(ctx, wrs_p);
}

/* The low 8 bits are the consumer's and wrap within themselves: ib_inc_rkey. */
static inline uint32_t next_key(uint32_t key)
{
	return (key & ~UINT32_C(0xff)) | ((key + 1) & 0xff);
}

/* Give the WRs of @reg, from @wr on, their MR and keys. Returns what is behind them. */
static inline struct rw_wr *patch_reg(const struct rw_ctx_priv *priv, const struct rw_reg *reg,
				      struct rw_wr *wr)
{
	struct rw_mr *mr = reg->mr;
	uint32_t old_key = mr->key;
	uint32_t key = priv->attrs.rotate_key ? next_key(old_key) : old_key;

	if (reg->inval) {
		wr->mr = mr;
		wr->key = old_key;
		wr++;
	}
	/* rdma_rw_update_lkey */
	mr->need_inval = priv->stays_live;
	mr->key = key;
	wr[0].mr = mr;
	wr[0].key = key;
	wr[1].mr = mr;
	wr[1].key = key;
	wr[1].inv_key = old_key;
	if (!priv->inval_after)
		return wr + 2;
	wr[2].mr = mr;
	wr[2].key = key;
	return wr + 3;
}

/* The same for the only registration there is: may the next operation repeat this one? */
static inline uint32_t patch_only(struct rw_ctx *ctx)
{
	struct rw_ctx_priv *priv = ctx->priv;
	struct rw_again *again = &ctx->again;
	struct rw_mr *mr = priv->regs->mr;

	again->key = mr->key;
	again->need_inval = mr->need_inval;
	again->wrs = priv->mr_wrs;
	again->nr_wrs = (uint8_t)(patch_reg(priv, priv->regs, priv->mr_wrs) - priv->mr_wrs);
	again->mr = mr->key == again->key && mr->need_inval == again->need_inval ? mr : NULL;
	return again->nr_wrs;
}

static __attribute__((noinline)) uint32_t patch_all(const struct rw_ctx_priv *priv)
{
	struct rw_wr *wr = priv->mr_wrs;

	for (const struct rw_reg *reg = priv->regs; reg != priv->regs_end; reg++)
		wr = patch_reg(priv, reg, wr);
	return (uint32_t)(wr - priv->mr_wrs);
}

/*
 * LOCAL_INVs come and go, and with them the places of the WRs behind. As a
 * rule an operation looks like the one before it: then MR and keys are all
 * there is to write.
 */
uint32_t rw_ctx_wrs_mr(struct rw_ctx *ctx, const struct rw_wr **wrs_p)
{
	struct rw_ctx_priv *priv = ctx->priv;

	if (rw_unlikely(priv->relayout))
		return relayout_wrs(ctx, wrs_p);
	*wrs_p = priv->mr_wrs;
	return priv->one_good_reg ? patch_only(ctx) : patch_all(priv);
}
