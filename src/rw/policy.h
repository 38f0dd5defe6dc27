/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which path an operation takes: the kernel's questions, one function each. */
#ifndef RW_RW_POLICY_H
#define RW_RW_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "rw/ctx.h"

/* May any operation under @attrs use an MR? rdma_rw_can_use_mr. */
bool rw_policy_can_use_mr(const struct rw_attrs *attrs);

/* The rule that decides whether an operation wants MRs; exactly one applies. */
enum rw_reason {
	RW_REASON_DIRECT,       /* no: the policy never takes MRs */
	RW_REASON_FORCE_MR,     /* yes: the policy always does */
	RW_REASON_WRITE,        /* no: a WRITE does not need them */
	RW_REASON_IWARP_READ,   /* yes: the sink of an iWARP READ must be in an MR */
	RW_REASON_NO_THRESHOLD, /* no: max_sgl_rd is 0 */
	RW_REASON_WITHIN,       /* no: at most max_sgl_rd entries */
	RW_REASON_ABOVE,        /* yes: more than max_sgl_rd entries */
};

/* Why rw_policy_wants_mr answers as it does. rdma_rw_io_needs_mr. */
enum rw_reason rw_policy_reason(const struct rw_attrs *attrs, enum rw_op op, uint32_t nr_entries);

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
