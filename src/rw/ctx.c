/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/ctx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rw/chain.h"
#include "rw/policy.h"
#include "util/compiler.h"

/* Places in a chain are counted in 31 bits, and a registration takes up to 3. */
#define RW_CTX_MAX_ENTRIES (INT32_MAX / 3)

static int check_attrs(const struct rw_attrs *attrs, enum rw_op op)
{
	if (!rw_policy_max_sge(attrs, op) || !attrs->mr_entries)
		return -EINVAL;
	if (attrs->page_list && (!attrs->page_size || (attrs->page_size & (attrs->page_size - 1))))
		return -EINVAL;
	return 0;
}

static int check_segs(const struct rw_io *io)
{
	if (!io->segs || !io->nr_segs)
		return -EINVAL;
	for (uint32_t i = 0; i < io->nr_segs; i++)
		if (!io->segs[i].length || io->segs[i].addr > UINT64_MAX - io->segs[i].length)
			return -EINVAL;
	return 0;
}

/*
 * Find the entries of @io after its offset. rdma_rw_ctx_init skips the entries
 * that the offset covers as a whole before it counts them; a rest cuts the
 * first one left, which takes a copy.
 */
static int find_span(struct rw_ctx_priv *priv, const struct rw_io *io)
{
	struct rw_span *span = &priv->span;
	uint64_t offset = io->offset;

	*span = (struct rw_span){
		.segs = io->segs,
		.nr_segs = io->nr_segs,
		.op = io->op,
		.mr_addr = io->mr_addr ? io->mr_addr + offset : 0,
		.remote_addr = io->remote_addr,
		.remote_stride = io->remote_stride,
		.rkey = io->rkey,
	};
	while (offset >= span->segs->length) {
		offset -= span->segs->length;
		span->segs++;
		if (--span->nr_segs == 0)
			return -EINVAL;
	}
	if (span->nr_segs > RW_CTX_MAX_ENTRIES)
		return -EINVAL;
	if (!offset)
		return 0;

	priv->own_segs = malloc(span->nr_segs * sizeof(*priv->own_segs));
	if (!priv->own_segs)
		return -ENOMEM;
	memcpy(priv->own_segs, span->segs, span->nr_segs * sizeof(*priv->own_segs));
	priv->own_segs->addr += offset;
	priv->own_segs->length -= (uint32_t)offset;
	span->segs = priv->own_segs;
	return 0;
}

static int prepare_direct(struct rw_ctx *ctx)
{
	struct rw_ctx_priv *priv = ctx->priv;
	uint32_t max_sge = rw_policy_max_sge(&priv->attrs, priv->span.op);

	ctx->nr_direct_wrs = (uint32_t)rw_div_ceil((uint64_t)ctx->nr_entries, max_sge);
	ctx->direct_type = ctx->nr_entries > 1 ? RW_CTX_MULTI : RW_CTX_SINGLE;
	priv->direct_wrs = calloc(ctx->nr_direct_wrs, sizeof(*priv->direct_wrs));
	if (!priv->direct_wrs)
		return -ENOMEM;
	ctx->direct_wrs = priv->direct_wrs;
	return rw_chain_build_direct(&priv->span, max_sge, priv->direct_wrs, ctx->nr_direct_wrs);
}

/*
 * rdma_rw_init_reg_wr: an iWARP READ invalidates its sink by itself, so the
 * key does not stay live (rdma_rw_ctx_wrs).
 */
static enum rw_wr_op choose_io_op(const struct rw_attrs *attrs, enum rw_op op)
{
	if (op == RW_OP_WRITE)
		return RW_WR_WRITE;
	return attrs->iwarp && attrs->invalidate ? RW_WR_READ_WITH_INV : RW_WR_READ;
}

static int prepare_mrs(struct rw_ctx *ctx)
{
	struct rw_ctx_priv *priv = ctx->priv;
	const struct rw_attrs *attrs = &priv->attrs;

	ctx->nr_mrs = (uint32_t)rw_div_ceil((uint64_t)ctx->nr_entries, attrs->mr_entries);
	ctx->wants_mr = rw_policy_wants_mr(attrs, priv->span.op, ctx->nr_entries);
	if (!ctx->wants_mr)
		return 0;

	priv->nr_regs = ctx->nr_mrs;
	priv->relayout = true;
	priv->has_fallback = rw_policy_has_fallback(attrs);
	priv->io_op = choose_io_op(attrs, priv->span.op);
	priv->inval_after = attrs->invalidate && attrs->fenced_inval &&
			    priv->io_op == RW_WR_READ;
	priv->stays_live = priv->io_op != RW_WR_READ_WITH_INV && !priv->inval_after;
	priv->nr_wrs = priv->nr_regs * (attrs->reg_wqes + 1 + priv->inval_after);
	priv->regs = calloc(priv->nr_regs, sizeof(*priv->regs));
	priv->mr_wrs = calloc(priv->nr_regs, 4 * sizeof(*priv->mr_wrs));
	if (!priv->regs || !priv->mr_wrs)
		return -ENOMEM;
	priv->regs_end = priv->regs + priv->nr_regs;
	rw_chain_build_regs(priv);
	priv->one_good_reg = priv->nr_regs == 1 && priv->good_end == priv->regs_end;
	return 0;
}

int rw_ctx_prepare(struct rw_ctx *ctx, const struct rw_attrs *attrs, const struct rw_io *io)
{
	int ret;

	memset(ctx, 0, sizeof(*ctx));
	ret = check_attrs(attrs, io->op);
	if (ret)
		return ret;
	ret = check_segs(io);
	if (ret)
		return ret;

	ctx->priv = calloc(1, sizeof(*ctx->priv));
	if (!ctx->priv)
		return -ENOMEM;
	ctx->priv->attrs = *attrs;
	ret = find_span(ctx->priv, io);
	if (ret)
		goto err_release;
	ctx->nr_entries = ctx->priv->span.nr_segs;
	ret = prepare_direct(ctx);
	if (ret)
		goto err_release;
	ret = prepare_mrs(ctx);
	if (ret)
		goto err_release;
	ctx->type = ctx->direct_type;
	return 0;

err_release:
	rw_ctx_release(ctx);
	return ret;
}

void rw_ctx_release(struct rw_ctx *ctx)
{
	struct rw_ctx_priv *priv = ctx->priv;

	if (priv) {
		free(priv->own_segs);
		free(priv->direct_wrs);
		free(priv->regs);
		free(priv->mr_wrs);
		free(priv);
	}
	memset(ctx, 0, sizeof(*ctx));
}

/*
 * No MRs for this operation: those of the regs before @reg go back, last one
 * first, which leaves the free list as it was (rdma_rw_init_mr_wrs).
 */
static __attribute__((noinline, cold)) int fail_init(struct rw_ctx *ctx, struct rw_mr_pool *pool,
						     struct rw_reg *reg, int error)
{
	struct rw_ctx_priv *priv = ctx->priv;

	while (reg-- != priv->regs)
		rw_mr_pool_put(pool, reg->mr);
	if (error == -EAGAIN && priv->has_fallback)
		return rw_ctx_init_direct(ctx);
	/* Without MRs held, a destroy that is not owed does no harm. */
	ctx->type = ctx->direct_type;
	ctx->fell_back = false;
	return error;
}

/* @reg's MR, and whether it has to be invalidated first: rdma_rw_inv_key. */
static inline uint32_t hold_mr(struct rw_ctx_priv *priv, struct rw_reg *reg, struct rw_mr *mr)
{
	bool inval = mr->need_inval & priv->attrs.invalidate;

	reg->mr = mr;
	if (rw_unlikely(inval != reg->inval)) {
		reg->inval = inval;
		priv->relayout = true;
	}
	return inval;
}

/*
 * rdma_rw_init_one_mr takes an MR before it looks at what the MR is to hold:
 * an empty pool hides a list that no MR can take.
 */
static __attribute__((noinline)) int init_more(struct rw_ctx *ctx, struct rw_mr_pool *pool,
					       struct rw_reg *reg, uint32_t nr_wrs)
{
	struct rw_ctx_priv *priv = ctx->priv;

	for (; reg != priv->good_end; reg++) {
		struct rw_mr *mr = rw_mr_pool_get(pool);

		if (rw_unlikely(!mr))
			return fail_init(ctx, pool, reg, -EAGAIN);
		nr_wrs += hold_mr(priv, reg, mr);
	}
	if (rw_unlikely(reg != priv->regs_end))
		return fail_init(ctx, pool, reg, pool->head ? -EINVAL : -EAGAIN);
	ctx->type = RW_CTX_MR;
	ctx->fell_back = false;
	return (int)nr_wrs;
}

/*
 * Here and below: an operation of one MR is the common one, and goes without
 * the registers that a loop needs.
 */
int rw_ctx_init_mr(struct rw_ctx *ctx, struct rw_mr_pool *pool)
{
	struct rw_ctx_priv *priv = ctx->priv;
	struct rw_reg *reg = priv->regs;
	struct rw_mr *mr;

	if (rw_unlikely(!priv->one_good_reg))
		return init_more(ctx, pool, reg, priv->nr_wrs);
	mr = rw_mr_pool_get(pool);
	if (rw_unlikely(!mr))
		return fail_init(ctx, pool, reg, -EAGAIN);
	ctx->type = RW_CTX_MR;
	ctx->fell_back = false;
	/* Whether it can be repeated is found when its chain is made: rw_ctx_wrs_mr. */
	ctx->again.mr = NULL;
	ctx->again.nr_wqes = (uint8_t)(priv->nr_wrs + hold_mr(priv, reg, mr));
	return ctx->again.nr_wqes;
}

/* In the order of use, as rdma_rw_ctx_destroy: the last one becomes the head. */
static __attribute__((noinline)) void put_more(struct rw_ctx_priv *priv, struct rw_mr_pool *pool)
{
	for (const struct rw_reg *reg = priv->regs + 1; reg != priv->regs_end; reg++)
		rw_mr_pool_put(pool, reg->mr);
}

void rw_ctx_destroy_mr(struct rw_ctx *ctx, struct rw_mr_pool *pool)
{
	struct rw_ctx_priv *priv = ctx->priv;

	rw_mr_pool_put(pool, priv->regs->mr);
	if (!priv->one_good_reg)
		put_more(priv, pool);
}

const char *rw_wr_op_name(enum rw_wr_op op)
{
	static const char *const names[] = {
		[RW_WR_LOCAL_INV] = "LOCAL_INV",
		[RW_WR_REG] = "REG_MR",
		[RW_WR_READ] = "RDMA_READ",
		[RW_WR_WRITE] = "RDMA_WRITE",
		[RW_WR_READ_WITH_INV] = "RDMA_READ_WITH_INV",
	};

	return names[op];
}
