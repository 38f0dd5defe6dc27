/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which path an operation takes: the kernel's questions, one function each. */
#ifndef RW_RW_POLICY_H
#define RW_RW_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "rw/ctx.h"

/* May any operation under @attrs use an MR? rdma_rw_can_use_mr. */
bool rw_policy_can_use_mr(const struct rw_attrs *attrs);

/*
 * Does an @op of @nr_entries want MRs? Entries are counted after the whole
 * ones that the offset covers are skipped. rdma_rw_io_needs_mr.
 */
bool rw_policy_wants_mr(const struct rw_attrs *attrs, enum rw_op op, uint32_t nr_entries);

/*
 * When the pool is empty, may an operation that wanted MRs go direct?
 * rdma_rw_ctx_init: only the threshold is an optimization that can be left.
 */
bool rw_policy_has_fallback(const struct rw_attrs *attrs);

/* SGEs of one direct WR. qp->max_read_sge and max_write_sge of the kernel. */
uint32_t rw_policy_max_sge(const struct rw_attrs *attrs, enum rw_op op);

#endif
