/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An engine: how the MR path makes an MR. It states its limits, fills the
 * planner's attributes and serves the REG entries of a chain. Adding one is one
 * .c file, one row in registry.c and one line in Makefile.am.
 */
#ifndef RW_MR_ENGINE_H
#define RW_MR_ENGINE_H

#include <infiniband/verbs.h>

#include "rw/ctx.h"
#include "rw/layout.h"
#include "verbs/device.h"

struct rw_engine {
	const char *name;
	const char *summary;
	bool needs_window;    /* segments must be mapped side by side (rw_arena_map_window) */
	uint32_t max_entries; /* segments of one MR */

	/* 0, or -EOPNOTSUPP with the reason in @err (RW_EXIT_DEVICE). */
	int (*check)(const struct rw_device *device, const struct rw_layout *layout,
		     struct rw_err *err);

	/* What the planner must know; limits of device and QP are filled by the caller. */
	void (*fill_attrs)(struct rw_attrs *attrs);

	/*
	 * Carry out @wr, a RW_WR_REG that takes no WQE: make wr->mr cover the
	 * memory at @window under wr->iova and set its key.
	 * Returns 0 or -errno, told in @err.
	 */
	int (*reg)(struct ibv_pd *pd, const struct rw_wr *wr, void *window, struct rw_err *err);

	/* The operation that used @mr is over. Returns 0 or -errno, told in @err. */
	int (*unreg)(struct rw_mr *mr, struct rw_err *err);
};

extern const struct rw_engine rw_engine_reg;

/*
 * The engine @name, or for "" the best one that @device and @layout allow.
 * Returns 0, -EINVAL (no such engine) or -EOPNOTSUPP, told in @err.
 */
int rw_engine_choose(const char *name, const struct rw_device *device,
		     const struct rw_layout *layout, const struct rw_engine **engine_p,
		     struct rw_err *err);

#endif
