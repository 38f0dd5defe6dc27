/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "config.h"

#include "mr/mlx5.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* mlx5_ifc.h: QUERY_HCA_CAP of the general device, current values. */
#define CMD_QUERY_HCA_CAP   0x100
#define HCA_CAP_GENERAL_CUR 0x0001
#define CMD_IN_BYTES        16
#define CMD_OUT_BYTES       (16 + 4096)

/*
 * The capabilities begin behind the 16 bytes of the command's head. Bit offsets are
 * those of struct mlx5_ifc_cmd_hca_cap_bits.
 */
#define CAP_HEAD_BYTES    16
#define CAP_MAX_SGL_RD    0x0c0 /* max_sgl_for_optimized_performance, 8 bits */
#define CAP_RELAXED_WRITE 0x0e8 /* relaxed_ordering_write, 1 bit */
#define CAP_RELAXED_READ  0x0e9 /* relaxed_ordering_read, 1 bit */

static bool is_mlx5(const struct rw_device *device)
{
	return device->profile ? device->like_mlx5 : mlx5dv_is_supported(device->ctx->device);
}

int rw_mlx5_check(const struct rw_device *device, const char *name, struct rw_err *err)
{
	if (is_mlx5(device))
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
		       "engine %s needs an mlx5 device (ConnectX-4 or later), %s is none; give --engine=reg",
		       name, rw_device_name(device));
}

struct ibv_qp *rw_mlx5_create_qp(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				 uint32_t create_flags, uint64_t dv_ops)
{
	struct mlx5dv_qp_init_attr dv = {
		.comp_mask = MLX5DV_QP_INIT_ATTR_MASK_SEND_OPS_FLAGS |
			     MLX5DV_QP_INIT_ATTR_MASK_QP_CREATE_FLAGS,
		.create_flags = MLX5DV_QP_CREATE_DISABLE_SCATTER_TO_CQE | create_flags,
		.send_ops_flags = dv_ops,
	};

	return mlx5dv_create_qp(ctx, attr, &dv);
}

#if HAVE_DECL_MLX5DV_QP_CREATE_OOO_DP
static struct ibv_qp *create_plain(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				   uint32_t create_flags)
{
	struct mlx5dv_qp_init_attr dv = {
		.comp_mask = MLX5DV_QP_INIT_ATTR_MASK_QP_CREATE_FLAGS,
		.create_flags = create_flags,
	};

	return mlx5dv_create_qp(ctx, attr, &dv);
}

static int want_ooo(const struct rw_device *device, struct rw_qp_want *want, struct rw_err *err)
{
	struct mlx5dv_context caps = { .comp_mask = MLX5DV_CONTEXT_MASK_OOO_RECV_WRS };

	if (mlx5dv_query_device(device->ctx, &caps) ||
	    !(caps.comp_mask & MLX5DV_CONTEXT_MASK_OOO_RECV_WRS) || !caps.ooo_recv_wrs_caps.max_rc)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--use_ooo: kernel or firmware of %s have no out-of-order data placement for RC; leave it out",
			       rw_device_name(device));
	want->create = create_plain;
	want->create_flags |= MLX5DV_QP_CREATE_OOO_DP;
	return 0;
}
#else
static int want_ooo(const struct rw_device *device, struct rw_qp_want *want, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
		       "--use_ooo: this program was built with an rdma-core without MLX5DV_QP_CREATE_OOO_DP; build it with a newer one, or leave it out");
}
#endif

int rw_engine_want_ooo(const struct rw_device *device, struct rw_qp_want *want,
		       struct rw_err *err)
{
	if (is_mlx5(device))
		return want_ooo(device, want, err);
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
		       "--use_ooo: only mlx5 devices place data out of order at will, and %s is none; leave it out",
		       rw_device_name(device));
}

void *rw_mlx5_dv(struct ibv_qp_ex *ex)
{
	return mlx5dv_qp_ex_from_ibv_qp_ex(ex);
}

int rw_mlx5_create_mkeys(struct ibv_pd *pd, struct rw_mr *mrs, uint32_t n, uint32_t entries,
			 struct rw_err *err)
{
	struct mlx5dv_mkey_init_attr attr = {
		.pd = pd,
		.create_flags = MLX5DV_MKEY_INIT_ATTR_FLAGS_INDIRECT,
		.max_entries = (uint16_t)entries,
	};

	for (uint32_t i = 0; i < n; i++) {
		struct mlx5dv_mkey *mkey;
		int error;

		errno = 0;
		mkey = mlx5dv_create_mkey(&attr);
		if (!mkey) {
			error = errno ? errno : EIO;
			rw_mlx5_destroy_mkeys(mrs, i);
			return rw_fail(err, RW_EXIT_DEVICE, -error,
				       "cannot create mkey %u of %u with %u entries: %s; lower --mr_pool or --mr_entries",
				       i + 1, n, entries, strerror(error));
		}
		mrs[i].priv = mkey;
		mrs[i].key = mkey->lkey;
		mrs[i].need_inval = false;
	}
	return 0;
}

void rw_mlx5_destroy_mkeys(struct rw_mr *mrs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (mrs[i].priv)
			mlx5dv_destroy_mkey(mrs[i].priv);
		mrs[i].priv = NULL;
	}
}

/*
 * Sizes of WQE segments: struct mlx5_wqe_ctrl_seg, mlx5_wqe_raddr_seg,
 * mlx5_wqe_data_seg; a LOCAL_INV is a UMR without a list (mlx5_send_wr_local_inv
 * of libmlx5's providers/mlx5/qp.c).
 */
#define CTRL_BYTES  16
#define RADDR_BYTES 16
#define DATA_BYTES  16

uint32_t rw_mlx5_whole_blocks(uint32_t bytes)
{
	return rw_div_ceil(bytes, MLX5_SEND_WQE_BB) * MLX5_SEND_WQE_BB;
}

uint32_t rw_engine_wqe_bytes(const struct rw_device *device, const struct rw_engine *engine,
			     const struct rw_wr *wr)
{
	if (!is_mlx5(device))
		return 0;
	switch (wr->op) {
	case RW_WR_REG:
		return engine->reg_bytes ? engine->reg_bytes(wr->nr_segs) : 0;
	case RW_WR_LOCAL_INV:
		return rw_mlx5_whole_blocks(RW_MLX5_UMR_BYTES);
	default:
		return rw_mlx5_whole_blocks(CTRL_BYTES + RADDR_BYTES +
					    DATA_BYTES * (wr->mr ? 1 : wr->nr_segs));
	}
}

uint32_t rw_engine_sq_blocks(const struct rw_device *device, const struct rw_qp *qp)
{
	struct mlx5dv_qp dv = { 0 };
	struct mlx5dv_obj obj = { .qp = { .in = qp->qp, .out = &dv } };

	if (!is_mlx5(device) || mlx5dv_init_obj(&obj, MLX5DV_OBJ_QP))
		return 0;
	return dv.sq.wqe_cnt;
}

/* Ask for the general capabilities. Returns 0 or -errno, told in @err. */
static int query_caps(const struct rw_device *device, uint8_t out[CMD_OUT_BYTES],
		      struct rw_err *err)
{
	uint8_t in[CMD_IN_BYTES] = { 0 };
	int ret;

	if (device->profile || !is_mlx5(device))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "only mlx5 firmware tells it to programs");
	in[0] = CMD_QUERY_HCA_CAP >> 8;
	in[1] = CMD_QUERY_HCA_CAP & 0xff;
	in[7] = HCA_CAP_GENERAL_CUR;
	memset(out, 0, CMD_OUT_BYTES);
	ret = mlx5dv_devx_general_cmd(device->ctx, in, sizeof(in), out, CMD_OUT_BYTES);
	if (ret)
		return rw_fail(err, RW_EXIT_DEVICE, ret > 0 ? -ret : ret,
			       "the firmware does not answer QUERY_HCA_CAP here: %s",
			       strerror(ret > 0 ? ret : -ret));
	return 0;
}

/* The field of @bits bits at bit @at, within one word. */
static uint32_t cap_of(const uint8_t *out, uint32_t at, uint32_t bits)
{
	uint32_t word;

	memcpy(&word, out + CAP_HEAD_BYTES + at / 32 * 4, sizeof(word));
	return be32toh(word) >> (32 - bits - at % 32) & ((1u << bits) - 1);
}

int rw_engine_query_max_sgl_rd(const struct rw_device *device, uint32_t *max_sgl_rd_p,
			       struct rw_err *err)
{
	uint8_t out[CMD_OUT_BYTES];
	int ret = query_caps(device, out, err);

	if (!ret)
		*max_sgl_rd_p = cap_of(out, CAP_MAX_SGL_RD, 8);
	return ret;
}

const char *rw_engine_relaxed_ordering(const struct rw_device *device)
{
	static const char *const names[] = { "none", "writes", "reads", "reads and writes" };
	struct rw_err why = { 0 };
	uint8_t out[CMD_OUT_BYTES];

	if (query_caps(device, out, &why))
		return "unknown";
	return names[cap_of(out, CAP_RELAXED_WRITE, 1) | cap_of(out, CAP_RELAXED_READ, 1) << 1];
}
