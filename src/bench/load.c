/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What becomes of one operation: the boxes of load.h. What is constant for a row was chosen in plan.c. */
#include "bench/row.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "verbs/post.h"

#define POLL_BATCH 32

static int ring_doorbell(struct rw_row *row, struct rw_err *err)
{
	struct rw_load_qp *q = row->open;
	int ret;

	if (!q)
		return 0;
	row->open = NULL;
	row->open_operations = 0;
	row->count.doorbells++;
	ret = rw_post_end(q->qp);
	if (rw_unlikely(ret))
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot post to QP 0x%x: %s",
			       q->qp->addr.qpn, strerror(-ret));
	return 0;
}

static int unregister(struct rw_row *row, const struct rw_slot *slot, uint32_t n,
		      struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < n; i++)
		if (slot->wrs[i].op == RW_WR_REG && !ret)
			ret = row->load->engine->unreg(slot->wrs[i].mr, err);
	return ret;
}

/* Carry out the registrations of a chain that take no WQE. */
static int register_now(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	for (uint32_t i = 0; i < slot->nr_wrs; i++) {
		const struct rw_wr *wr = &slot->wrs[i];
		int ret;

		if (wr->op != RW_WR_REG)
			continue;
		ret = row->load->engine->reg(row->load->ep.pd, wr, err);
		if (ret) {
			unregister(row, slot, i, err);
			return ret;
		}
	}
	return 0;
}

/* The slot is planned and the SQ has room for it. */
static int post_slot(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	struct rw_load_qp *q = slot->q;
	bool signal;
	int ret;

	slot->nr_wrs = rw_ctx_wrs(&slot->ctx, &slot->wrs);
	if (slot->ctx.type == RW_CTX_MR && row->load->engine->reg) {
		ret = register_now(row, slot, err);
		if (ret)
			return ret;
	}
	if (row->open != q) {
		ret = ring_doorbell(row, err);
		if (rw_unlikely(ret))
			return ret;
		rw_post_begin(q->qp);
		row->open = q;
	}
	signal = ++q->unsignaled >= row->cq_mod;
	if (signal)
		q->unsignaled = 0;
	rw_post_chain(q->qp, slot->wrs, slot->nr_wrs, (uintptr_t)slot, signal);
	q->sq_free -= slot->wqes;
	row->in_flight++;
	row->count.wrs += slot->wqes;
	rw_slot_push(&q->in_flight, slot);
	if (++row->open_operations >= row->load->conf->post_list)
		return ring_doorbell(row, err);
	return 0;
}

static void block(struct rw_row *row, struct rw_slot *slot)
{
	rw_slot_push(&slot->q->blocked, slot);
	row->nr_blocked++;
}

static uint64_t ticks_now(const struct rw_row *row)
{
	return rw_clock_ticks(&row->load->clock);
}

static void count_exhaustion(struct rw_row *row)
{
	if (!row->count.exhaustions++)
		row->count.first_exhaustion_ticks = ticks_now(row) - row->start_ticks;
}

/*
 * The pool was empty. Returns the WQEs of the fallback, 0 (the slot is put
 * aside), or -errno.
 */
static int exhausted(struct rw_row *row, struct rw_slot *slot, int error, struct rw_err *err)
{
	if (error != -EAGAIN)
		return rw_fail(err, RW_EXIT_RUN, error,
			       "the planner refused an operation of %u segments: %s",
			       row->layout.nr_segs, strerror(-error));
	if (!slot->waits_since)
		count_exhaustion(row);
	switch (row->load->conf->on_exhaustion) {
	case RW_EXHAUSTION_FALLBACK:
		return rw_ctx_init_direct(&slot->ctx);
	case RW_EXHAUSTION_FAIL:
		row->count.failed++;
		/* In a loop without pauses it would be dropped again and again. */
		rw_slot_push(row->source ? &row->ready : &row->dropped, slot);
		if (row->load->conf->teardown)
			row->dying = slot->q;
		return 0;
	default:
		if (!slot->waits_since) {
			slot->waits_since = ticks_now(row);
			row->count.waits++;
		}
		return 0;
	}
}

/*
 * Decide the path of the slot's operation and take its MRs. Returns 1: done;
 * 0: it waits or was dropped; or -errno.
 */
static int plan_operation(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	int wqes = rw_ctx_init(&slot->ctx, slot->pool);

	if (rw_unlikely(wqes < 0)) {
		wqes = exhausted(row, slot, wqes, err);
		if (wqes <= 0)
			return wqes;
	} else if (rw_unlikely(slot->ctx.fell_back)) {
		/* Path auto falls back within the planner, as in the kernel. */
		count_exhaustion(row);
	}
	slot->wqes = (uint32_t)wqes;
	if (slot->ctx.type == RW_CTX_MR) {
		uint64_t now = ticks_now(row);

		row->count.mr_operations++;
		row->count.hold_ticks -= now * row->mrs_per_op;
		if (rw_unlikely(slot->waits_since)) {
			row->count.wait_ticks += now - slot->waits_since;
			slot->waits_since = 0;
		}
	}
	row->count.fallbacks += slot->ctx.fell_back;
	return 1;
}

/*
 * Plan the slot's operation and post it if it can be. Returns 1: posted, or
 * dropped for good; 0: it must wait for a completion; or -errno.
 */
static int try_slot(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	int ret;

	if (rw_likely(!slot->wqes)) {
		ret = plan_operation(row, slot, err);
		if (rw_unlikely(ret <= 0))
			return ret ? ret : !slot->waits_since;
	}
	if (rw_unlikely(slot->wqes > slot->q->sq_free)) {
		if (!slot->stalls_since) {
			slot->stalls_since = ticks_now(row);
			row->count.sq_stalls++;
		}
		return 0;
	}
	if (rw_unlikely(slot->stalls_since)) {
		row->count.sq_stall_ticks += ticks_now(row) - slot->stalls_since;
		slot->stalls_since = 0;
	}
	if (rw_unlikely(row->latency))
		slot->times.posting = ticks_now(row);
	ret = post_slot(row, slot, err);
	if (rw_unlikely(row->latency))
		slot->times.posted = ticks_now(row);
	return ret ? ret : 1;
}

static bool is_due(struct rw_row *row, struct rw_slot *slot)
{
	uint32_t idle = row->load->nr_slots - row->in_flight - row->nr_blocked;

	return rw_source_take(row->source, ticks_now(row), idle, &slot->times.due);
}

int rw_row_issue(struct rw_row *row, uint64_t limit, struct rw_err *err)
{
	while (row->ready.head && row->count.issued < limit && !row->dying) {
		struct rw_slot *slot = row->ready.head;
		int ret;

		if (rw_unlikely(row->source) && !is_due(row, slot))
			break;
		rw_slot_pop(&row->ready);
		row->count.issued++;
		row->count.mr_wanted += slot->ctx.wants_mr;
		if (rw_unlikely(row->latency))
			slot->times.begun = ticks_now(row);
		ret = try_slot(row, slot, err);
		if (rw_unlikely(ret < 0))
			return ret;
		if (!ret)
			block(row, slot);
	}
	return ring_doorbell(row, err);
}

/* A completion freed WQEs, and perhaps MRs, of @q: serve who waits there, first come first. */
static int serve_blocked(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	while (q->blocked.head) {
		struct rw_slot *slot = q->blocked.head;
		struct rw_slot *next = slot->next;
		int ret = try_slot(row, slot, err);

		if (ret < 0)
			return ret;
		if (!ret)
			return 0;
		/* It is in another list now, and slot->next is that list's. */
		q->blocked.head = next;
		row->nr_blocked--;
		if (rw_unlikely(row->dying))
			return 0;
	}
	return 0;
}

int rw_row_release(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	struct rw_load_qp *q = slot->q;
	int ret = 0;

	q->sq_free += slot->wqes;
	slot->wqes = 0;
	if (slot->ctx.type == RW_CTX_MR) {
		row->count.hold_ticks += row->now * row->mrs_per_op;
		if (row->load->engine->unreg)
			ret = unregister(row, slot, slot->nr_wrs, err);
	}
	rw_ctx_destroy(&slot->ctx, slot->pool);
	row->in_flight--;
	return ret;
}

void rw_row_forget(struct rw_row *row, struct rw_slot *slot)
{
	if (slot->wqes && slot->ctx.type == RW_CTX_MR) {
		row->count.mr_operations--;
		row->count.hold_ticks += ticks_now(row) * row->mrs_per_op;
		rw_ctx_destroy(&slot->ctx, slot->pool);
	}
	slot->wqes = 0;
}

static enum rw_op_path path_of(const struct rw_ctx *ctx)
{
	if (ctx->fell_back)
		return RW_OP_BY_FALLBACK;
	return ctx->type == RW_CTX_MR ? RW_OP_BY_MR : RW_OP_BY_DIRECT;
}

static int retire(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	int ret;

	/* Once it is released the context no longer says. */
	if (rw_unlikely(row->latency))
		slot->times.path = path_of(&slot->ctx);
	ret = rw_row_release(row, slot, err);
	slot->done = true;
	if (rw_unlikely(row->latency)) {
		slot->times.polling = row->polling;
		slot->times.completed = row->now;
		rw_hist_record(&row->series->series.hist,
			       rw_latency_record(row->latency, &slot->times));
	}
	if (row->load->conf->verify)
		rw_row_check_slot(row, slot);
	row->count.operations++;
	rw_slot_push(&row->ready, slot);
	return ret;
}

/* An MR or room in the SQ came free at @q: who waits is served, first come first. */
static int serve_waiting(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	int ret = q->blocked.head ? serve_blocked(row, q, err) : 0;

	if (row->nr_pools == row->load->ep.nr_qps)
		return ret;
	/* Others wait for MRs of the same pool. */
	for (uint32_t i = 0; i < row->load->ep.nr_qps && !ret; i++)
		ret = serve_blocked(row, &row->load->qps[i], err);
	return ret;
}

/* The completion of @last: it and all operations of its QP before it are over. */
static int complete(struct rw_row *row, struct rw_slot *last, struct rw_err *err)
{
	struct rw_load_qp *q = last->q;
	struct rw_slot *slot;
	int ret;

	do {
		slot = rw_slot_pop(&q->in_flight);
		if (!slot)
			return rw_fail(err, RW_EXIT_RUN, -EIO,
				       "a completion of QP 0x%x belongs to no operation in flight",
				       q->qp->addr.qpn);
		ret = retire(row, slot, err);
		if (ret)
			return ret;
	} while (slot != last);
	/* What waits while a QP is torn down is served when that is done. */
	return rw_unlikely(row->nr_blocked && !row->dying) ? serve_waiting(row, q, err) : 0;
}

int rw_row_serve_all(struct rw_row *row, struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < row->load->ep.nr_qps && !ret && !row->dying; i++)
		ret = serve_blocked(row, &row->load->qps[i], err);
	return ret ? ret : ring_doorbell(row, err);
}

/*
 * A completion in error. While a QP is torn down, those of its requests are no
 * news; the one that names the QP itself is the last.
 */
static int take_error(struct rw_row *row, const struct ibv_wc *wc, struct rw_err *err)
{
	const struct rw_load_qp *q = row->dying;

	if (q && wc->qp_num == q->qp->addr.qpn) {
		row->drained |= wc->wr_id == (uintptr_t)q;
		return 0;
	}
	return rw_wc_fail(wc, row->load->conf->op == RW_VERB_WRITE ? "RDMA WRITE" : "RDMA READ", err);
}

int rw_row_poll(struct rw_row *row, struct rw_err *err)
{
	struct ibv_wc wc[POLL_BATCH];
	int n, ret = 0;

	if (rw_unlikely(row->latency))
		row->polling = ticks_now(row);
	n = ibv_poll_cq(row->load->ep.cq, POLL_BATCH, wc);
	if (rw_unlikely(n < 0))
		return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot poll the CQ: error %d", n);
	if (n)
		row->now = ticks_now(row);
	for (int i = 0; i < n && !ret; i++) {
		if (rw_unlikely(wc[i].status != IBV_WC_SUCCESS))
			ret = take_error(row, &wc[i], err);
		else
			ret = complete(row, (struct rw_slot *)(uintptr_t)wc[i].wr_id, err);
	}
	if (n && !ret && row->dropped.head) {
		/* Who was refused tries its next operation after a completion. */
		while (row->dropped.head)
			rw_slot_push(&row->ready, rw_slot_pop(&row->dropped));
	}
	return ret ? ret : n;
}

/* The last operations of a QP may be unsignaled: ask for a completion after them. */
int rw_row_flush_unsignaled(struct rw_row *row, struct rw_err *err)
{
	for (uint32_t i = 0; i < row->load->ep.nr_qps; i++) {
		struct rw_load_qp *q = &row->load->qps[i];
		int ret;

		if (!q->unsignaled || q->blocked.head)
			continue;
		q->unsignaled = 0;
		ret = rw_post_marker(q->qp, (uintptr_t)q->in_flight.tail,
				     row->load->conf->op == RW_VERB_WRITE, row->load->remote.rkey,
				     row->load->remote.addr);
		if (ret)
			return rw_fail(err, RW_EXIT_RUN, ret, "cannot post to QP 0x%x: %s",
				       q->qp->addr.qpn, strerror(-ret));
	}
	return 0;
}

void rw_row_reset(struct rw_row *row)
{
	memset(&row->count, 0, sizeof(row->count));
	memset(&row->corrupt, 0, sizeof(row->corrupt));
	memset(&row->shares, 0, sizeof(row->shares));
	row->share_wanted = row->share_exhausted = 0;
	for (uint32_t i = 0; i < row->load->nr_slots; i++)
		row->slots[i].done = false;
	for (uint32_t i = 0; i < row->nr_pools; i++)
		rw_mr_pool_reset_stats(&row->pools[i].pool);
	if (row->latency)
		rw_latency_reset(row->latency);
	row->series->operations = row->series->exhaustions = 0;
	rw_series_init(&row->series->series, row->series->intervals, RW_ROW_INTERVALS,
		       row->load->conf->interval_ms * 1000000, 0);
}
