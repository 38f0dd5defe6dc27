/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Engine umr_ptr: a raw UMR WQE whose list the device fetches by DMA through
 * the list's own lkey, as the kernel's REG_MR does above 64 bytes of list.
 *
 *   bytes  0 +------------------------------+
 *            | control: opcode, QPN, mkey   |
 *         16 +------------------------------+
 *            | UMR control: list length,    |
 *            | which fields of the mkey     |
 *         64 +------------------------------+
 *            | mkey context: access, length |
 *        128 +------------------------------+
 *            | pointer to the KLMs          |
 *        144 +------------------------------+
 *
 * libmlx5 orders the WQE behind a UMR of its own making by a small fence, but
 * knows nothing of raw ones, and forgets the fence that a LOCAL_INV left for
 * the raw WQE behind it. So both WQEs carry the fence themselves, and the READ
 * or WRITE through the MR is raw, too:
 *
 *   bytes  0 +------------------------------+
 *            | control: opcode, QPN, fence  |
 *         16 +------------------------------+
 *            | remote address and key       |
 *         32 +------------------------------+
 *            | the MR: offset 0, length     |
 *         48 +------------------------------+
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mr/mlx5.h"
#include "verbs/post.h"

#define MAX_ENTRIES   65532u /* of an mkey: 16 bits, in fours */
#define ENTRIES_ALIGN 4u     /* lists are padded to 64 bytes */

/*
 * UMR control: the mkey is free of checks of its present state (0x80 inline
 * is left out); mkey_mask: what is changed. mlx5_ifc and the UMR masks of the
 * kernel's include/linux/mlx5/device.h (MLX5_MKEY_MASK_*).
 */
#define MASK_LEN         (UINT64_C(1) << 0)
#define MASK_START_ADDR  (UINT64_C(1) << 6)
#define MASK_QPN         (UINT64_C(1) << 14)
#define MASK_LR          (UINT64_C(1) << 17)
#define MASK_LW          (UINT64_C(1) << 18)
#define MASK_RR          (UINT64_C(1) << 19)
#define MASK_RW          (UINT64_C(1) << 20)
#define MASK_A           (UINT64_C(1) << 21)
#define MASK_FREE        (UINT64_C(1) << 29)
#define MASK_REG \
	(MASK_LEN | MASK_START_ADDR | MASK_LR | MASK_LW | MASK_RR | MASK_RW | MASK_A | MASK_FREE)

struct umr_wqe {
	struct mlx5_wqe_ctrl_seg ctrl;
	struct mlx5_wqe_umr_ctrl_seg umr;
	struct mlx5_wqe_mkey_context_seg mkey;
	struct mlx5_wqe_data_seg list;
};

struct io_wqe {
	struct mlx5_wqe_ctrl_seg ctrl;
	struct mlx5_wqe_raddr_seg raddr;
	struct mlx5_wqe_data_seg data;
};

_Static_assert(sizeof(struct umr_wqe) == 144 && sizeof(struct io_wqe) == 48,
	       "the WQEs are drawn above");

/* What stands behind one MR: its key, and memory for its list. */
struct umr_ptr_mr {
	struct mlx5dv_mkey *mkey;
	struct mlx5_wqe_umr_klm_seg *klms;
	uint32_t list_lkey;
};

/* Behind all MRs of a pool. */
struct umr_ptr_pool {
	void *memory;
	struct ibv_mr *mr;
	struct umr_ptr_mr mrs[];
};

static int umr_ptr_check(const struct rw_device *device, const struct rw_layout *layout,
			 struct rw_err *err)
{
	return rw_mlx5_check(device, "umr_ptr", err);
}

static uint32_t umr_ptr_reg_bytes(uint32_t entries)
{
	return rw_mlx5_whole_blocks(sizeof(struct umr_wqe));
}

static void umr_ptr_fill_attrs(struct rw_attrs *attrs)
{
	attrs->page_list = false;
	attrs->zero_based = true;
	attrs->rotate_key = false;
	attrs->invalidate = true;
	attrs->reg_wqes = 1;
}

/*
 * With RAW_WQE and READ alone libmlx5 would reckon with one 64-byte block a
 * WR, and these WQEs take three: LOCAL_INV (in send_ops) makes it four.
 */
static struct ibv_qp *umr_ptr_create_qp(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				    uint32_t create_flags)
{
	return rw_mlx5_create_qp(ctx, attr, create_flags, MLX5DV_QP_EX_WITH_RAW_WQE);
}

/* The padded list of @wr's segments; returns its entries. */
static uint32_t write_list(const struct umr_ptr_mr *mr, const struct rw_wr *wr)
{
	uint32_t padded = rw_div_ceil(wr->nr_segs, ENTRIES_ALIGN) * ENTRIES_ALIGN;

	for (uint32_t i = 0; i < wr->nr_segs; i++) {
		mr->klms[i].byte_count = htobe32(wr->segs[i].length);
		mr->klms[i].mkey = htobe32(wr->segs[i].lkey);
		mr->klms[i].address = htobe64(wr->segs[i].addr);
	}
	memset(mr->klms + wr->nr_segs, 0, (padded - wr->nr_segs) * sizeof(*mr->klms));
	return padded;
}

/* libmlx5 fills the WQE index of a raw WQE, but not the QPN. */
static void set_ctrl(const struct rw_qp *qp, struct mlx5_wqe_ctrl_seg *ctrl, uint8_t opcode,
		     size_t bytes, uint32_t mkey)
{
	uint8_t flags = MLX5_WQE_CTRL_INITIATOR_SMALL_FENCE;

	if (qp->ex->wr_flags & IBV_SEND_SIGNALED)
		flags |= MLX5_WQE_CTRL_CQ_UPDATE;
	mlx5dv_set_ctrl_seg(ctrl, 0, opcode, 0, qp->addr.qpn, flags, (uint8_t)(bytes / 16), 0,
			    htobe32(mkey));
}

static void umr_ptr_post_reg(struct rw_qp *qp, const struct rw_wr *wr)
{
	const struct umr_ptr_mr *mr = wr->mr->priv;
	uint32_t entries = write_list(mr, wr);
	struct umr_wqe wqe = { 0 };

	set_ctrl(qp, &wqe.ctrl, MLX5_OPCODE_UMR, sizeof(wqe), wr->mr->key);
	wqe.umr.klm_octowords = htobe16((uint16_t)entries);
	wqe.umr.mkey_mask = htobe64(MASK_REG);
	wqe.mkey.access_flags = MLX5_WQE_MKEY_CONTEXT_ACCESS_FLAGS_LOCAL_READ |
				MLX5_WQE_MKEY_CONTEXT_ACCESS_FLAGS_LOCAL_WRITE;
	wqe.mkey.qpn_mkey = htobe32(0xffffff00 | (wr->mr->key & 0xff));
	wqe.mkey.len = htobe64(wr->length);
	mlx5dv_set_data_seg(&wqe.list, entries * (uint32_t)sizeof(*mr->klms), mr->list_lkey,
			    (uintptr_t)mr->klms);
	mlx5dv_wr_raw_wqe(qp->dv, &wqe);
}

static void umr_ptr_post_io(struct rw_qp *qp, const struct rw_wr *wr)
{
	struct io_wqe wqe = { 0 };

	set_ctrl(qp, &wqe.ctrl,
		 wr->op == RW_WR_WRITE ? MLX5_OPCODE_RDMA_WRITE : MLX5_OPCODE_RDMA_READ,
		 sizeof(wqe), 0);
	wqe.raddr.raddr = htobe64(wr->remote_addr);
	wqe.raddr.rkey = htobe32(wr->rkey);
	mlx5dv_set_data_seg(&wqe.data, wr->length, wr->mr->key, wr->iova);
	mlx5dv_wr_raw_wqe(qp->dv, &wqe);
}

static void umr_ptr_close_mrs(struct rw_mr *mrs, uint32_t n, void *state)
{
	struct umr_ptr_pool *pool = state;

	/* The mkeys are where rw_mlx5_destroy_mkeys looks for them. */
	for (uint32_t i = 0; i < n; i++)
		mrs[i].priv = pool->mrs[i].mkey;
	rw_mlx5_destroy_mkeys(mrs, n);
	ibv_dereg_mr(pool->mr);
	free(pool->memory);
	free(pool);
}

static int umr_ptr_open_mrs(struct ibv_pd *pd, struct rw_mr *mrs, uint32_t n, uint32_t entries,
			    void **state_p, struct rw_err *err)
{
	size_t list_bytes = rw_div_ceil((size_t)entries, ENTRIES_ALIGN) * ENTRIES_ALIGN *
			    sizeof(struct mlx5_wqe_umr_klm_seg);
	struct umr_ptr_pool *pool = calloc(1, sizeof(*pool) + n * sizeof(pool->mrs[0]));
	int ret;

	if (!pool || posix_memalign(&pool->memory, RW_PAGE_BYTES, n * list_bytes)) {
		ret = rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
		goto err_pool;
	}
	errno = 0;
	pool->mr = ibv_reg_mr(pd, pool->memory, n * list_bytes, IBV_ACCESS_LOCAL_WRITE);
	if (!pool->mr) {
		ret = rw_fail(err, RW_EXIT_DEVICE, errno ? -errno : -ENOMEM,
			      "cannot register %zu bytes of lists: %s; lower --mr_pool or --mr_entries",
			      n * list_bytes, strerror(errno ? errno : ENOMEM));
		goto err_memory;
	}
	ret = rw_mlx5_create_mkeys(pd, mrs, n, entries, err);
	if (ret)
		goto err_mr;
	for (uint32_t i = 0; i < n; i++) {
		pool->mrs[i].mkey = mrs[i].priv;
		pool->mrs[i].klms = (void *)((uint8_t *)pool->memory + i * list_bytes);
		pool->mrs[i].list_lkey = pool->mr->lkey;
		mrs[i].priv = &pool->mrs[i];
	}
	*state_p = pool;
	return 0;

err_mr:
	ibv_dereg_mr(pool->mr);
err_memory:
	free(pool->memory);
err_pool:
	free(pool);
	return ret;
}

static const struct rw_qp_ops umr_ptr_qp_ops = {
	.dv = rw_mlx5_dv,
	.create = umr_ptr_create_qp,
	.post_reg = umr_ptr_post_reg,
	.post_io = umr_ptr_post_io,
};

const struct rw_engine rw_engine_umr_ptr = {
	.name = "umr_ptr",
	.summary = "UMR WQE with the list fetched by DMA, as the kernel's",
	.max_entries = MAX_ENTRIES,
	.qp_ops = &umr_ptr_qp_ops,
	.send_ops = IBV_QP_EX_WITH_LOCAL_INV,
	.reg_bytes = umr_ptr_reg_bytes,
	.check = umr_ptr_check,
	.fill_attrs = umr_ptr_fill_attrs,
	.open_mrs = umr_ptr_open_mrs,
	.close_mrs = umr_ptr_close_mrs,
};
