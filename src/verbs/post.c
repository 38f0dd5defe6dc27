/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/post.h"

int rw_post_marker(struct rw_qp *qp, uint64_t wr_id, bool write, uint32_t rkey,
		   uint64_t remote_addr)
{
	const struct rw_wr marker = {
		.op = write ? RW_WR_WRITE : RW_WR_READ,
		.signaled = true,
		.remote_addr = remote_addr,
		.rkey = rkey,
	};

	rw_post_begin(qp);
	rw_post_direct(qp, &marker, 1, wr_id, true);
	return rw_post_end(qp);
}

static void post_inline_wr(struct rw_qp *qp, const struct rw_wr *wr, unsigned int flags)
{
	struct ibv_data_buf bufs[RW_MAX_INLINE_SEGS];
	struct ibv_qp_ex *ex = qp->ex;

	if (qp->by_list) {
		/* ibv_post_send copies what a flag says. */
		rw_post_direct_wr(ex, wr, flags | IBV_SEND_INLINE);
		return;
	}
	for (uint32_t i = 0; i < wr->nr_segs; i++)
		bufs[i] = (struct ibv_data_buf){ (void *)(uintptr_t)wr->segs[i].addr,
						 wr->segs[i].length };
	ex->wr_flags = flags;
	rw_post_rdma(ex, wr, wr->op);
	ibv_wr_set_inline_data_list(ex, wr->nr_segs, bufs);
}

void rw_post_inline(struct rw_qp *qp, const struct rw_wr *wrs, uint32_t n, uint64_t wr_id,
		    bool signal)
{
	qp->ex->wr_id = wr_id;
	for (uint32_t i = 0; i < n; i++)
		post_inline_wr(qp, &wrs[i], i + 1 == n && signal ? IBV_SEND_SIGNALED : 0);
}
