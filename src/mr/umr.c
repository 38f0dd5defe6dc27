/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Engine umr: mlx5dv_wr_mr_list. The list of segments stands in the WQE itself
 * (inline KLMs of 16 bytes), so the QP's inline limit decides how many fit.
 */
#include "mr/mlx5.h"
#include "verbs/post.h"

#define KLM_BYTES     16u
#define INLINE_HEAD   4u  /* of an inline segment, which libmlx5 counts in */
#define MAX_ENTRIES   52u /* with WQEs of 1024 bytes, the most a ConnectX takes */
#define ENTRIES_ALIGN 4u  /* lists are padded to 64 bytes */

static int umr_check(const struct rw_device *device, const struct rw_layout *layout,
		     struct rw_err *err)
{
	return rw_mlx5_check(device, "umr", err);
}

static void umr_fill_attrs(struct rw_attrs *attrs)
{
	attrs->page_list = false;
	attrs->zero_based = true;
	attrs->rotate_key = false;
	attrs->invalidate = true;
	attrs->reg_wqes = 1;
}

static uint32_t padded(uint32_t entries)
{
	return rw_div_ceil(entries, ENTRIES_ALIGN) * ENTRIES_ALIGN;
}

static uint32_t umr_inline_bytes(uint32_t entries)
{
	return padded(rw_min(entries, MAX_ENTRIES)) * KLM_BYTES - INLINE_HEAD;
}

static uint32_t umr_reg_bytes(uint32_t entries)
{
	return rw_mlx5_whole_blocks(RW_MLX5_UMR_BYTES + padded(entries) * KLM_BYTES);
}

static uint32_t umr_granted_entries(const struct rw_qp *qp)
{
	return rw_min((qp->max_inline_bytes + INLINE_HEAD) / KLM_BYTES, MAX_ENTRIES);
}

static struct ibv_qp *umr_create_qp(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				    uint32_t create_flags)
{
	return rw_mlx5_create_qp(ctx, attr, create_flags, MLX5DV_QP_EX_WITH_MR_LIST);
}

static void umr_post_reg(struct rw_qp *qp, const struct rw_wr *wr)
{
	/* The list is inline whatever else the WR is. */
	qp->ex->wr_flags |= IBV_SEND_INLINE;
	mlx5dv_wr_mr_list(qp->dv, wr->mr->priv,
			  IBV_ACCESS_LOCAL_WRITE, (uint16_t)wr->nr_segs,
			  (struct ibv_sge *)(uintptr_t)wr->segs);
}

static int umr_open_mrs(struct ibv_pd *pd, struct rw_mr *mrs, uint32_t n, uint32_t entries,
			void **state_p, struct rw_err *err)
{
	return rw_mlx5_create_mkeys(pd, mrs, n, entries, err);
}

static void umr_close_mrs(struct rw_mr *mrs, uint32_t n, void *state)
{
	rw_mlx5_destroy_mkeys(mrs, n);
}

static const struct rw_qp_ops umr_qp_ops = {
	.dv = rw_mlx5_dv,
	.create = umr_create_qp,
	.post_reg = umr_post_reg,
};

const struct rw_engine rw_engine_umr = {
	.name = "umr",
	.summary = "UMR WQE with the list inline (mlx5dv_wr_mr_list)",
	.max_entries = MAX_ENTRIES,
	.qp_ops = &umr_qp_ops,
	.send_ops = IBV_QP_EX_WITH_LOCAL_INV,
	.inline_bytes = umr_inline_bytes,
	.reg_bytes = umr_reg_bytes,
	.granted_entries = umr_granted_entries,
	.check = umr_check,
	.fill_attrs = umr_fill_attrs,
	.open_mrs = umr_open_mrs,
	.close_mrs = umr_close_mrs,
};
