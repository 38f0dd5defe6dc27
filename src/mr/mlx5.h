/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the mlx5 engines share. */
#ifndef RW_MR_MLX5_H
#define RW_MR_MLX5_H

#include <infiniband/mlx5dv.h>

#include "mr/engine.h"

/* A UMR WQE without its list: control, UMR control and mkey context. */
#define RW_MLX5_UMR_BYTES 128

/* @bytes in whole basic blocks (MLX5_SEND_WQE_BB). */
uint32_t rw_mlx5_whole_blocks(uint32_t bytes);

/* Is @device served by libmlx5? 0 or -EOPNOTSUPP, told in @err for engine @name. */
int rw_mlx5_check(const struct rw_device *device, const char *name, struct rw_err *err);

/*
 * Create a QP whose send operations include @dv_ops (MLX5DV_QP_EX_WITH_*).
 * Small READs are not scattered to the CQE: an indirect key cannot be their sink.
 */
struct ibv_qp *rw_mlx5_create_qp(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				 uint32_t create_flags,
				 uint64_t dv_ops);

/* rw_qp_ops.dv: a struct mlx5dv_qp_ex. */
void *rw_mlx5_dv(struct ibv_qp_ex *ex);

/*
 * Indirect mkeys for mrs[0..n), each for up to @entries KLMs; mr->priv is a
 * struct mlx5dv_mkey. Each is a firmware command: slow, made once.
 */
int rw_mlx5_create_mkeys(struct ibv_pd *pd, struct rw_mr *mrs, uint32_t n, uint32_t entries,
			 struct rw_err *err);
void rw_mlx5_destroy_mkeys(struct rw_mr *mrs, uint32_t n);

#endif
