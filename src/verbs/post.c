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
