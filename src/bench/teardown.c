/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What an exhausted pool cost before commit 00da250c21b0 gave rdma_rw_ctx_init
 * its fallback: the ULP got -EAGAIN and tore its connection down.
 *
 *   QP to the error state -> its requests come back flushed -> MRs released
 *   -> pool and QP destroyed -> both made anew -> connected by the peer
 */
#include <errno.h>
#include <string.h>

#include "bench/aside.h"

/* As ib_drain_qp: when the request behind all others comes back, all have. */
static int drain(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	uint64_t give_up = rw_clock_ticks(&row->load->clock) +
			   rw_clock_ticks_of_ns(&row->load->clock, 10.0 * RW_NS_PER_S);
	int ret = ibv_modify_qp(q->qp->qp, &attr, IBV_QP_STATE);

	if (ret)
		return rw_fail(err, RW_EXIT_RUN, -ret,
			       "--teardown: cannot bring QP 0x%x to the error state: %s",
			       q->qp->addr.qpn, strerror(ret));
	row->drained = false;
	ret = rw_row_post_marker(row, q, (uintptr_t)q, err);
	if (ret)
		return ret;
	while (!row->drained) {
		ret = rw_row_poll(row, err);
		if (ret < 0)
			return ret;
		if (rw_clock_ticks(&row->load->clock) > give_up)
			return rw_fail(err, RW_EXIT_RUN, -ETIMEDOUT,
				       "--teardown: the requests of QP 0x%x did not come back within 10 s",
				       q->qp->addr.qpn);
	}
	return 0;
}

/* Operations in flight are lost; those that wait for room give their MRs back, and wait on. */
static int release_operations(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	int ret = 0;

	for (struct rw_slot *slot = q->blocked.head; slot; slot = slot->next)
		rw_row_forget(row, slot);
	/* Who still holds WQEs is in flight. */
	for (uint32_t i = 0; i < row->load->nr_slots && !ret; i++) {
		struct rw_slot *slot = &row->slots[i];

		if (slot->q != q || !slot->wqes)
			continue;
		ret = rw_row_release(row, slot, err);
		row->count.torn++;
		rw_slot_push(&row->ready, slot);
	}
	return ret;
}

static int renew(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	struct rw_row_pool *pool = &row->pools[q->index];
	uint32_t low_water = pool->pool.low_water;
	int ret;

	rw_row_close_pool(row, pool);
	ret = rw_qp_renew(row->load->device, &row->load->qp_want, q->qp, err);
	if (!ret)
		ret = rw_row_open_pool(row, pool, pool->pool.size, err);
	if (!ret)
		ret = row->load->watch.reconnect(row->load->watch.arg, q->index, err);
	if (ret)
		return ret;
	/* The mark is the row's, not the pool's. */
	pool->pool.low_water = low_water;
	q->sq_free = q->qp->max_send_wr - RW_MARKER_WQES;
	q->unsignaled = NULL;
	q->nr_unsignaled = 0;
	return 0;
}

int rw_row_teardown(struct rw_row *row, struct rw_err *err)
{
	struct rw_load_qp *q = row->dying;
	uint64_t start = rw_clock_ticks(&row->load->clock);
	int ret = drain(row, q, err);

	if (!ret)
		ret = release_operations(row, q, err);
	if (!ret)
		ret = renew(row, q, err);
	row->dying = NULL;
	row->count.teardowns++;
	row->count.teardown_ticks += rw_clock_ticks(&row->load->clock) - start;
	return ret ? ret : rw_row_serve_all(row, err);
}
