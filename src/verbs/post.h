/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The poster: hands the planner's WR descriptors to the extended post API.
 *
 *   rw_post_begin, rw_post_chain ..., rw_post_end: one doorbell for all chains
 */
#ifndef RW_VERBS_POST_H
#define RW_VERBS_POST_H

#include <errno.h>
#include <infiniband/verbs.h>

#include "rw/ctx.h"
#include "verbs/qp.h"

/* Segments are handed to the device as they are. */
_Static_assert(sizeof(struct rw_seg) == sizeof(struct ibv_sge) &&
		       offsetof(struct rw_seg, addr) == offsetof(struct ibv_sge, addr) &&
		       offsetof(struct rw_seg, length) == offsetof(struct ibv_sge, length) &&
		       offsetof(struct rw_seg, lkey) == offsetof(struct ibv_sge, lkey),
	       "struct rw_seg must have the layout of struct ibv_sge");

static rw_always_inline void rw_post_begin(struct rw_qp *qp)
{
	ibv_wr_start(qp->ex);
}

/* Returns 0 or -errno: the whole batch is then dropped by the provider. */
static rw_always_inline int rw_post_end(struct rw_qp *qp)
{
	return -ibv_wr_complete(qp->ex);
}

/* @op, here and below: wr->op, or the constant that it is known to be. */
static rw_always_inline void rw_post_rdma(struct ibv_qp_ex *ex, const struct rw_wr *wr,
					  enum rw_wr_op op)
{
	if (op == RW_WR_WRITE)
		ibv_wr_rdma_write(ex, wr->rkey, wr->remote_addr);
	else
		ibv_wr_rdma_read(ex, wr->rkey, wr->remote_addr);
}

static rw_always_inline void rw_post_direct_wr(struct ibv_qp_ex *ex, const struct rw_wr *wr,
					       unsigned int flags)
{
	ex->wr_flags = flags;
	rw_post_rdma(ex, wr, wr->op);
	if (rw_likely(wr->nr_segs == 1))
		ibv_wr_set_sge(ex, wr->segs->lkey, wr->segs->addr, wr->segs->length);
	else
		ibv_wr_set_sge_list(ex, wr->nr_segs, (const struct ibv_sge *)wr->segs);
}

/*
 * Add a chain to the open batch: @n > 0 WRs. Completions carry @wr_id; the last
 * WR asks for one only if @signal is set. This one: READs or WRITEs with SGEs.
 */
static rw_always_inline void rw_post_direct(struct rw_qp *qp, const struct rw_wr *wrs, uint32_t n,
				  uint64_t wr_id, bool signal)
{
	struct ibv_qp_ex *ex = qp->ex;

	ex->wr_id = wr_id;
	for (; rw_unlikely(n > 1); n--)
		rw_post_direct_wr(ex, wrs++, 0);
	rw_post_direct_wr(ex, wrs, signal ? IBV_SEND_SIGNALED : 0);
}

static rw_always_inline void rw_post_mr_wr(struct rw_qp *qp, struct ibv_qp_ex *ex,
					   const struct rw_qp_ops *ops, const struct rw_wr *wr,
					   enum rw_wr_op op, unsigned int flags)
{
	ex->wr_flags = flags;
	switch (op) {
	case RW_WR_REG:
		if (ops)
			ops->post_reg(qp, wr);
		break;
	case RW_WR_LOCAL_INV:
		ex->wr_flags |= wr->fence ? IBV_SEND_FENCE : 0;
		ibv_wr_local_inv(ex, wr->key);
		break;
	default:
		if (ops && ops->post_io) {
			ops->post_io(qp, wr);
			break;
		}
		rw_post_rdma(ex, wr, op);
		ibv_wr_set_sge(ex, wr->mr->key, wr->iova, wr->length);
	}
}

/*
 * The same for a chain with MRs. Registrations that take no WQE were carried
 * out before and are passed over.
 *
 * Nothing is fenced but a LOCAL_INV that says so: the provider orders a READ
 * behind the UMR or LOCAL_INV before it.
 */
static rw_always_inline void rw_post_mrs(struct rw_qp *qp, const struct rw_wr *wrs, uint32_t n,
			       uint64_t wr_id, bool signal)
{
	const struct rw_qp_ops *ops = qp->ops;
	struct ibv_qp_ex *ex = qp->ex;
	unsigned int last = signal ? IBV_SEND_SIGNALED : 0;

	ex->wr_id = wr_id;
	/*
	 * The loop below, unrolled for the commonest chain: a READ through one MR that
	 * was used before. Such a READ has its registration right before it.
	 */
	if (rw_likely(n == 3 && wrs[0].op == RW_WR_LOCAL_INV && wrs[2].op == RW_WR_READ)) {
		rw_post_mr_wr(qp, ex, ops, &wrs[0], RW_WR_LOCAL_INV, 0);
		rw_post_mr_wr(qp, ex, ops, &wrs[1], RW_WR_REG, 0);
		rw_post_mr_wr(qp, ex, ops, &wrs[2], RW_WR_READ, last);
		return;
	}
	for (; n > 1; n--, wrs++)
		rw_post_mr_wr(qp, ex, ops, wrs, wrs->op, 0);
	rw_post_mr_wr(qp, ex, ops, wrs, wrs->op, last);
}

/*
 * The same for WRITEs whose data, of up to rw_qp.max_inline_bytes, is copied into
 * their WQEs when they are posted.
 */
void rw_post_inline(struct rw_qp *qp, const struct rw_wr *wrs, uint32_t n, uint64_t wr_id,
		    bool signal);

/* Segments of such a WR, at most. */
#define RW_MAX_INLINE_SEGS 64

/* Either of the two: the WRs of a chain go through MRs, all or none. */
static rw_always_inline void rw_post_chain(struct rw_qp *qp, const struct rw_wr *wrs, uint32_t n,
					   uint64_t wr_id, bool signal)
{
	if (wrs->mr)
		rw_post_mrs(qp, wrs, n, wr_id, signal);
	else
		rw_post_direct(qp, wrs, n, wr_id, signal);
}

/*
 * Post a signaled request of no bytes: its completion says that all before it
 * are over. Returns 0 or -errno.
 */
int rw_post_marker(struct rw_qp *qp, uint64_t wr_id, bool write, uint32_t rkey,
		   uint64_t remote_addr);

#endif
