/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "explain/limits.h"

#define NOT_IN_DRIVER "the driver leaves the attribute 0"

static const struct rw_limits profiles[] = {
	/*
	 * Two independent public dumps of ConnectX capabilities, for max_sgl_rd
	 * firmware's max_sgl_for_optimized_performance. max_sge_rd: MLX5_MAX_SGE_RD
	 * of the kernel's include/linux/mlx5/device.h, (512 - 16 - 16) / 16.
	 */
	[RW_PROFILE_MLX5] = {
		.name = "mlx5",
		.is_profile = true,
		.is_mlx5 = true,
		.limits = {
			[RW_LIMIT_MAX_SGL_RD] = { 3, "two public dumps of firmware capabilities" },
			[RW_LIMIT_MAX_SEND_SGE] = { 30, "two public dumps of device attributes" },
			[RW_LIMIT_MAX_SGE_RD] = { 30, "MLX5_MAX_SGE_RD" },
			[RW_LIMIT_FAST_REG_PAGES] = { 65536, "two public dumps of device attributes" },
			[RW_LIMIT_MAX_QP_WR] = { 8192, "two public dumps of device attributes" },
			[RW_LIMIT_MAX_QP_RD_ATOM] = { 16, "two public dumps of device attributes" },
		},
	},
	/* drivers/infiniband/sw/rxe/rxe_param.h */
	[RW_PROFILE_RXE] = {
		.name = "rxe",
		.is_profile = true,
		.limits = {
			[RW_LIMIT_MAX_SGL_RD] = { 0, NOT_IN_DRIVER },
			[RW_LIMIT_MAX_SEND_SGE] = { 32, "RXE_MAX_SGE" },
			[RW_LIMIT_MAX_SGE_RD] = { 32, "RXE_MAX_SGE_RD" },
			[RW_LIMIT_FAST_REG_PAGES] = { 512, "RXE_MAX_FMR_PAGE_LIST_LEN" },
			[RW_LIMIT_MAX_QP_RD_ATOM] = { 128, "RXE_MAX_QP_RD_ATOM" },
		},
	},
	/* drivers/infiniband/sw/siw/siw.h; SIW_MAX_SGE: include/uapi/rdma/siw-abi.h */
	[RW_PROFILE_SIW] = {
		.name = "siw",
		.is_profile = true,
		.iwarp = true,
		.limits = {
			[RW_LIMIT_MAX_SGL_RD] = { 0, NOT_IN_DRIVER },
			[RW_LIMIT_MAX_SEND_SGE] = { 6, "SIW_MAX_SGE" },
			[RW_LIMIT_MAX_SGE_RD] = { 1, "SIW_MAX_SGE_RD" },
			[RW_LIMIT_FAST_REG_PAGES] = { 256, "SIW_MAX_SGE_PBL" },
			[RW_LIMIT_MAX_QP_WR] = { 32768, "SIW_MAX_QP_WR" },
			[RW_LIMIT_MAX_QP_RD_ATOM] = { 128, "SIW_MAX_ORD_QP" },
		},
	},
	/*
	 * E810 in RoCE mode. drivers/infiniband/hw/irdma: irdma_query_device takes
	 * max_send_sge from max_hw_wq_frags and max_sge_rd from max_hw_read_sges.
	 */
	[RW_PROFILE_IRDMA] = {
		.name = "irdma",
		.is_profile = true,
		.limits = {
			[RW_LIMIT_MAX_SGL_RD] = { 0, NOT_IN_DRIVER },
			[RW_LIMIT_MAX_SEND_SGE] = { 13, "ICRDMA_MAX_WQ_FRAGMENT_COUNT" },
			[RW_LIMIT_MAX_SGE_RD] = { 13, "ICRDMA_MAX_SGE_RD" },
			[RW_LIMIT_FAST_REG_PAGES] = { 262144, "irdma_query_device" },
		},
	},
};

const char *rw_limit_name(enum rw_limit_id id)
{
	static const char *const names[] = {
		[RW_LIMIT_MAX_SGL_RD] = "max_sgl_rd",
		[RW_LIMIT_MAX_SEND_SGE] = "max_send_sge",
		[RW_LIMIT_MAX_SGE_RD] = "max_sge_rd",
		[RW_LIMIT_FAST_REG_PAGES] = "max_fast_reg_page_list_len",
		[RW_LIMIT_MAX_QP_WR] = "max_qp_wr",
		[RW_LIMIT_MAX_QP_RD_ATOM] = "max_qp_rd_atom",
	};

	return names[id];
}

const struct rw_limits *rw_limits_profile(enum rw_device_profile profile)
{
	return &profiles[profile];
}
