/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The slow half of the poster: ibv_post_send, for devices that need it. */
#include "verbs/post.h"

void rw_post_list_add(struct rw_qp *qp, const struct rw_wr *wr, uint64_t wr_id, bool signal)
{
	struct ibv_send_wr *send = &qp->list[qp->list_len];
	struct ibv_sge *sge = &qp->list_sges[qp->list_len];
	bool write = wr->op == RW_WR_WRITE;

	if (qp->list_len)
		send[-1].next = send;
	qp->list_len++;
	if (wr->mr)
		*sge = (struct ibv_sge){ wr->iova, wr->length, wr->mr->key };
	*send = (struct ibv_send_wr){
		.wr_id = wr_id,
		.opcode = write ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ,
		.send_flags = wr->signaled && signal ? IBV_SEND_SIGNALED : 0,
		.sg_list = wr->mr ? sge : (struct ibv_sge *)(uintptr_t)wr->segs,
		.num_sge = wr->mr ? 1 : (int)wr->nr_segs,
		.wr.rdma = { .remote_addr = wr->remote_addr, .rkey = wr->rkey },
	};
}

int rw_post_list_end(struct rw_qp *qp)
{
	struct ibv_send_wr *bad;

	if (!qp->list_len)
		return 0;
	return -ibv_post_send(qp->qp, qp->list, &bad);
}

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
	rw_post_chain(qp, &marker, 1, wr_id, true);
	return rw_post_end(qp);
}
