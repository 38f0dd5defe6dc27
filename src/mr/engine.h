/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An engine: how the MR path makes an MR. It states what it can do, fills the
 * planner's attributes, makes the MRs of a pool, and either carries a
 * registration out (reg) or posts its WQE (qp_ops). Adding one is one .c file,
 * one row in registry.c and one line in Makefile.am.
 */
#ifndef RW_MR_ENGINE_H
#define RW_MR_ENGINE_H

#include <infiniband/verbs.h>

#include "rw/ctx.h"
#include "rw/layout.h"
#include "verbs/device.h"
#include "verbs/qp.h"

struct rw_engine {
	const char *name;
	const char *summary;
	bool needs_window;    /* segments must be mapped side by side (rw_arena_map_window) */
	uint32_t max_entries; /* segments of one MR, at the very most */

	/* The QP: NULL if registrations take no WQE. */
	const struct rw_qp_ops *qp_ops;
	uint64_t send_ops;    /* ibv_qp_create_send_ops_flags that it needs beside READ, WRITE */
	/* Inline bytes to ask for so that one MR takes @entries; NULL: none. */
	uint32_t (*inline_bytes)(uint32_t entries);
	/* Bytes of the WQE that registers @entries segments, in whole basic blocks; NULL: none. */
	uint32_t (*reg_bytes)(uint32_t entries);
	/* Segments of one MR on the QP as it was granted; NULL: max_entries. */
	uint32_t (*granted_entries)(const struct rw_qp *qp);

	/* 0, or -EOPNOTSUPP with the reason in @err (RW_EXIT_DEVICE). */
	int (*check)(const struct rw_device *device, const struct rw_layout *layout,
		     struct rw_err *err);

	/* What the planner must know; limits of device and QP are the caller's. */
	void (*fill_attrs)(struct rw_attrs *attrs);

	/*
	 * Make what stands behind the @n MRs of a pool, each for up to @entries
	 * segments; NULL: nothing has to be made. *state_p is handed to close_mrs.
	 * Returns 0 or -errno, told in @err; then nothing is left.
	 */
	int (*open_mrs)(struct ibv_pd *pd, struct rw_mr *mrs, uint32_t n, uint32_t entries,
			void **state_p, struct rw_err *err);
	void (*close_mrs)(struct rw_mr *mrs, uint32_t n, void *state);

	/*
	 * Without qp_ops: carry out @wr, a RW_WR_REG: make wr->mr cover the memory
	 * at wr->iova (rw_io.mr_addr, where segments lie side by side) and set its
	 * key; and undo it when the operation is over. @access: access flags beside
	 * those that the operation needs. Return 0 or -errno, told in @err.
	 */
	int (*reg)(struct ibv_pd *pd, const struct rw_wr *wr, int access, struct rw_err *err);
	int (*unreg)(struct rw_mr *mr, struct rw_err *err);
};

extern const struct rw_engine rw_engine_reg;
extern const struct rw_engine rw_engine_umr;
extern const struct rw_engine rw_engine_umr_ptr;

/*
 * The engine @name, or for "" the best one that @device and @layout allow: the
 * first whose one MR can take all segments, else the first that can do it at all.
 * Returns 0, -EINVAL (this build has no such engine) or -EOPNOTSUPP, told in @err.
 */
int rw_engine_choose(const char *name, const struct rw_device *device,
		     const struct rw_layout *layout, const struct rw_engine **engine_p,
		     struct rw_err *err);

/* The engines in the order of choice, from 0 on; NULL: there are no more. */
const struct rw_engine *rw_engine_at(uint32_t i);

/* Print what each engine can do on @device, and why one is not available. */
void rw_engine_list(const struct rw_device *device);

/*
 * Bytes of the WQE that posts @wr on @device, in the basic blocks of 64 bytes
 * that the device fetches and the send queue is counted in; 0: neither an mlx5
 * device nor the profile of one: its WQEs are not known. @engine may be NULL for a chain without MRs.
 */
uint32_t rw_engine_wqe_bytes(const struct rw_device *device, const struct rw_engine *engine,
			     const struct rw_wr *wr);

/* Basic blocks of 64 bytes in @qp's send queue as it was granted; 0: not an mlx5 device. */
uint32_t rw_engine_sq_blocks(const struct rw_device *device, const struct rw_qp *qp);

/*
 * The firmware's max_sgl_for_optimized_performance, the kernel's max_sgl_rd.
 * Returns 0, or -errno with the reason in @err: not an mlx5 device, or DEVX is
 * not allowed here.
 */
int rw_engine_query_max_sgl_rd(const struct rw_device *device, uint32_t *max_sgl_rd_p,
			       struct rw_err *err);

/*
 * Let QPs created as @want place data that come out of order (--use_ooo). Both sides'
 * must. Returns 0, or -EOPNOTSUPP with the reason in @err.
 */
int rw_engine_want_ooo(const struct rw_device *device, struct rw_qp_want *want,
		       struct rw_err *err);

/*
 * For which PCIe transactions the firmware has relaxed ordering: "reads and writes",
 * "writes", "reads", "none", or "unknown": not an mlx5 device, or DEVX is not allowed
 * here. Whether the host lets the device use it is another matter.
 */
const char *rw_engine_relaxed_ordering(const struct rw_device *device);

#endif
