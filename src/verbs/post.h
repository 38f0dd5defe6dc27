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

static inline void rw_post_begin(struct rw_qp *qp)
{
	ibv_wr_start(qp->ex);
}

/* Returns 0 or -errno: the whole batch is then dropped by the provider. */
static inline int rw_post_end(struct rw_qp *qp)
{
	return -ibv_wr_complete(qp->ex);
}

static inline void rw_post_rdma(struct rw_qp *qp, const struct rw_wr *wr)
{
	if (wr->op == RW_WR_WRITE)
		ibv_wr_rdma_write(qp->ex, wr->rkey, wr->remote_addr);
	else
		ibv_wr_rdma_read(qp->ex, wr->rkey, wr->remote_addr);
	if (wr->mr)
		ibv_wr_set_sge(qp->ex, wr->mr->key, wr->iova, wr->length);
	else if (wr->nr_segs == 1)
		ibv_wr_set_sge(qp->ex, wr->segs->lkey, wr->segs->addr, wr->segs->length);
	else
		ibv_wr_set_sge_list(qp->ex, wr->nr_segs, (const struct ibv_sge *)wr->segs);
}

/*
 * Add a chain to the open batch. Completions carry @wr_id; the last WR asks for
 * one only if @signal is set. Registrations that take no WQE were carried out
 * before and are passed over.
 *
 * Nothing is fenced but a LOCAL_INV that says so: the provider orders a READ
 * behind the UMR or LOCAL_INV before it.
 */
static inline void rw_post_chain(struct rw_qp *qp, const struct rw_wr *wrs, uint32_t n,
				 uint64_t wr_id, bool signal)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct rw_wr *wr = &wrs[i];

		qp->ex->wr_id = wr_id;
		qp->ex->wr_flags = (wr->signaled && signal ? IBV_SEND_SIGNALED : 0) |
				   (wr->fence ? IBV_SEND_FENCE : 0);
		switch (wr->op) {
		case RW_WR_REG:
			if (qp->ops)
				qp->ops->post_reg(qp, wr);
			break;
		case RW_WR_LOCAL_INV:
			ibv_wr_local_inv(qp->ex, wr->key);
			break;
		default:
			if (wr->mr && qp->ops && qp->ops->post_io)
				qp->ops->post_io(qp, wr);
			else
				rw_post_rdma(qp, wr);
		}
	}
}

/*
 * Post a signaled request of no bytes: its completion says that all before it
 * are over. Returns 0 or -errno.
 */
int rw_post_marker(struct rw_qp *qp, uint64_t wr_id, bool write, uint32_t rkey,
		   uint64_t remote_addr);

#endif
