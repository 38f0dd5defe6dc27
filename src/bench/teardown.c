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

#include "bench/load.h"
#include "verbs/post.h"

/* As ib_drain_qp: when the request behind all others comes back, all have. */
static int drain(struct rw_load *load, struct rw_load_qp *q, struct rw_err *err)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	uint64_t give_up = rw_clock_ticks(&load->clock) +
			   rw_clock_ticks_of_ns(&load->clock, 10.0 * RW_NS_PER_S);
	int ret = ibv_modify_qp(q->qp->qp, &attr, IBV_QP_STATE);

	if (ret)
		return rw_fail(err, RW_EXIT_RUN, -ret,
			       "--teardown: cannot bring QP 0x%x to the error state: %s",
			       q->qp->addr.qpn, strerror(ret));
	load->drained = false;
	ret = rw_post_marker(q->qp, (uintptr_t)q, load->conf->op == RW_VERB_WRITE,
			     load->remote.rkey, load->remote.addr);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot post to QP 0x%x: %s",
			       q->qp->addr.qpn, strerror(-ret));
	while (!load->drained) {
		ret = rw_load_poll(load, err);
		if (ret < 0)
			return ret;
		if (rw_clock_ticks(&load->clock) > give_up)
			return rw_fail(err, RW_EXIT_RUN, -ETIMEDOUT,
				       "--teardown: the requests of QP 0x%x did not come back within 10 s",
				       q->qp->addr.qpn);
	}
	return 0;
}

/* Operations in flight are lost; those that wait for room give their MRs back, and wait on. */
static int release_operations(struct rw_load *load, struct rw_load_qp *q, struct rw_err *err)
{
	struct rw_slot *slot;
	int ret;

	while ((slot = rw_slot_pop(&q->in_flight))) {
		ret = rw_load_release(load, slot, err);
		if (ret)
			return ret;
		load->count.torn++;
		rw_slot_push(&load->ready, slot);
	}
	for (slot = q->blocked.head; slot; slot = slot->next)
		rw_load_forget(load, slot);
	return 0;
}

static int renew(struct rw_load *load, struct rw_load_qp *q, struct rw_err *err)
{
	struct rw_load_pool *pool = &load->pools[q->index];
	uint32_t low_water = pool->pool.low_water;
	int ret;

	rw_load_close_pool(load, pool);
	ret = rw_qp_renew(load->device, &load->qp_want, q->qp, err);
	if (!ret)
		ret = rw_load_open_pool(load, pool, pool->pool.size, err);
	if (!ret)
		ret = load->watch.reconnect(load->watch.arg, q->index, err);
	if (ret)
		return ret;
	/* The mark is the row's, not the pool's. */
	pool->pool.low_water = low_water;
	q->sq_free = q->qp->max_send_wr - RW_MARKER_WQES;
	q->unsignaled = 0;
	return 0;
}

int rw_load_teardown(struct rw_load *load, struct rw_err *err)
{
	struct rw_load_qp *q = load->dying;
	uint64_t start = rw_clock_ticks(&load->clock);
	int ret = drain(load, q, err);

	if (!ret)
		ret = release_operations(load, q, err);
	if (!ret)
		ret = renew(load, q, err);
	load->dying = NULL;
	load->count.teardowns++;
	load->count.teardown_ticks += rw_clock_ticks(&load->clock) - start;
	return ret;
}
