/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What becomes of one operation: the boxes of row.h. What is constant for a row was chosen in plan.c. */
#include "bench/aside.h"
#include "bench/mix.h"

#include "verbs/post.h"

#define POLL_BATCH 32

#define HOT   rw_always_inline
#define ASIDE __attribute__((noinline)) /* as all of aside.c */

/*
 * What an operation goes through from its completion to the next one's doorbell
 * is one function in the end, compiled for each kind of row: what is constant
 * for a row is not asked again for each operation.
 */
struct kind {
	bool mrs;   /* operations may take MRs */
	bool plain; /* each has its doorbell and its completion, and nothing else is to be done */
};

static const struct kind any_row = { .mrs = true, .plain = false };

static HOT int ring_doorbell(struct rw_row *row, struct rw_qp *qp, struct rw_err *err)
{
	int ret = rw_post_end(qp);

	row->count.doorbells++;
	return rw_likely(!ret) ? 0 : rw_row_post_failed(qp, ret, err);
}

/* The doorbell of the batch that is open, if there is one. */
static ASIDE int end_batch(struct rw_row *row, struct rw_err *err)
{
	struct rw_load_qp *q = row->open;

	row->open = NULL;
	row->open_operations = 0;
	return q ? ring_doorbell(row, q->qp, err) : 0;
}

/* Its completion ends the operations before it, too: is this the one to have one? */
static HOT bool wants_completion(const struct rw_row *row, struct rw_slot *slot)
{
	struct rw_load_qp *q = slot->q;

	slot->next = q->unsignaled;
	if (++q->nr_unsignaled < row->cq_mod) {
		q->unsignaled = slot;
		return false;
	}
	q->nr_unsignaled = 0;
	q->unsignaled = NULL;
	return true;
}

/* Register, if that takes a call, and post into the open batch, or begin one. */
static HOT int post_batched(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	const struct rw_wr *wrs;
	uint32_t n = rw_ctx_wrs(&slot->ctx, &wrs);
	struct rw_load_qp *q = slot->q;
	int ret = 0;

	if (row->registers && slot->ctx.type == RW_CTX_MR)
		ret = rw_row_register(row, slot, wrs, n, err);
	if (!ret && row->open != q) {
		ret = end_batch(row, err);
		if (!ret)
			rw_post_begin(q->qp);
		row->open = q;
	}
	if (ret)
		return ret;
	if (row->kinds[slot->kind].goes_inline && !wrs->mr)
		rw_post_inline(q->qp, wrs, n, (uintptr_t)slot, wants_completion(row, slot));
	else
		rw_post_chain(q->qp, wrs, n, (uintptr_t)slot, wants_completion(row, slot));
	if (++row->open_operations >= row->load->conf->post_list)
		ret = end_batch(row, err);
	return ret;
}

static HOT int post_timed(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	int ret;

	if (!row->latency)
		return post_batched(row, slot, err);
	slot->times.posting = rw_row_ticks(row);
	ret = post_batched(row, slot, err);
	slot->times.posted = rw_row_ticks(row);
	return ret;
}

/* The slot is planned and the SQ has room for it. */
static HOT int post_slot(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
			 struct rw_err *err)
{
	struct rw_qp *qp = slot->q->qp;
	const struct rw_wr *wrs;
	uint32_t n;

	slot->q->sq_free -= slot->wqes;
	row->count.wrs += slot->wqes;
	if (!kind.plain)
		return post_timed(row, slot, err);
	rw_post_begin(qp);
	if (kind.mrs && slot->ctx.type == RW_CTX_MR) {
		n = rw_ctx_wrs(&slot->ctx, &wrs);
		rw_post_mrs(qp, wrs, n, (uintptr_t)slot, true);
	} else {
		n = rw_ctx_wrs_direct(&slot->ctx, &wrs);
		rw_post_direct(qp, wrs, n, (uintptr_t)slot, true);
	}
	return ring_doorbell(row, qp, err);
}

static ASIDE void block(struct rw_row *row, struct rw_slot *slot)
{
	rw_slot_push(&slot->q->blocked, slot);
	row->nr_blocked++;
}

/*
 * Decide the path of the slot's operation and take its MRs. Returns 1: done;
 * 0: it waits or was dropped; or -errno.
 */
static HOT int plan_operation(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
			      struct rw_err *err)
{
	int wqes;

	if (!kind.mrs || !slot->ctx.wants_mr) {
		slot->wqes = slot->ctx.nr_direct_wrs;
		return 1;
	}
	if (!kind.plain && row->shared)
		wqes = rw_row_take_shared(row, slot);
	else
		wqes = rw_ctx_init(&slot->ctx, slot->pool);
	if (rw_unlikely(wqes < 0 || slot->ctx.fell_back))
		return rw_row_plan_without_mrs(row, slot, wqes, err);
	slot->wqes = (uint32_t)wqes;
	row->count.mr_operations++;
	rw_time_sum_begin(&row->count.hold, row->now);
	if (!kind.plain && row->mixed)
		rw_mix_take_mrs(row, slot);
	return 1;
}

/*
 * Plan the slot's operation, unless it is @planned, and post it if it can be.
 * Returns 1: posted, or dropped for good; 0: it must wait for a completion; or
 * -errno.
 */
static HOT int try_slot(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
			bool planned, struct rw_err *err)
{
	int ret;

	if (!planned) {
		ret = plan_operation(row, slot, kind, err);
		if (rw_unlikely(ret <= 0))
			return ret ? ret : !slot->waits_since;
	}
	if (rw_unlikely(slot->wqes > slot->q->sq_free)) {
		if (!slot->stalls_since) {
			slot->stalls_since = row->now;
			row->count.sq_stalls++;
		}
		return 0;
	}
	ret = post_slot(row, slot, kind, err);
	return rw_unlikely(ret) ? ret : 1;
}

/* Begin the next operation of the slot, if there is to be one. Returns 0 or -errno. */
static HOT int start_slot(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
			  struct rw_err *err)
{
	int ret;

	if (rw_unlikely(row->count.issued >= row->limit)) {
		rw_slot_push(&row->ready, slot);
		return 0;
	}
	row->count.issued++;
	if (!kind.plain && row->mixed)
		rw_mix_begin(row, slot);
	if (!kind.plain && row->latency)
		slot->times.begun = rw_row_ticks(row);
	ret = try_slot(row, slot, kind, false, err);
	if (rw_likely(ret > 0))
		return 0;
	if (!ret)
		block(row, slot);
	return ret;
}

/* Begin it with the next ones of its QP, as many as one doorbell is for. */
static ASIDE int gather(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	struct rw_load_qp *q = slot->q;
	int ret = 0;

	rw_slot_push(&q->gathered, slot);
	if (++q->nr_gathered < row->gather)
		return 0;
	for (; q->nr_gathered && !ret; q->nr_gathered--)
		ret = start_slot(row, rw_slot_pop(&q->gathered), any_row, err);
	return ret;
}

/* Begin the next operation of the slot as soon as the row wants it. */
static HOT int start_or_gather(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
			       struct rw_err *err)
{
	if (!kind.plain && row->gather > 1)
		return gather(row, slot, err);
	return start_slot(row, slot, kind, err);
}

/*
 * A loop that was away finds arrivals that are due and completions that have
 * come. The completions free their MRs first: what was due after the last poll
 * began waits for the next one.
 */
static bool is_due(struct rw_row *row, uint64_t *due_p)
{
	uint32_t idle = row->load->nr_slots - (uint32_t)rw_row_in_flight(row) - row->nr_blocked;

	*due_p = row->ready.head->idle_since;
	return rw_source_take(row->source, row->polling, idle, due_p);
}

int rw_row_issue(struct rw_row *row, uint64_t limit, struct rw_err *err)
{
	uint64_t due = 0;
	int ret = 0;

	row->limit = limit;
	if (!row->ready.head || row->count.issued >= limit)
		return 0;
	row->now = rw_row_ticks(row);
	while (row->ready.head && row->count.issued < row->limit && !ret) {
		struct rw_slot *slot;

		if (row->source && !is_due(row, &due))
			break;
		slot = row->deals ? rw_row_deal(row) : rw_slot_pop(&row->ready);
		slot->times.due = due;
		ret = start_or_gather(row, slot, any_row, err);
	}
	return ret ? ret : end_batch(row, err);
}

/* The slot has its MRs, or its room in the SQ: how long did it wait? */
static void end_waiting(struct rw_row *row, struct rw_slot *slot)
{
	if (slot->waits_since) {
		rw_time_sum_end(&row->count.wait, row->now - slot->waits_since);
		slot->waits_since = 0;
	}
	if (slot->stalls_since) {
		rw_time_sum_end(&row->count.sq_stall, row->now - slot->stalls_since);
		slot->stalls_since = 0;
	}
}

/* A completion freed WQEs, and perhaps MRs, of @q: serve who waits there, first come first. */
static int serve_blocked(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	while (q->blocked.head && !row->dying) {
		struct rw_slot *slot = q->blocked.head;
		struct rw_slot *next = slot->next;
		int ret;

		/* What it waited is told apart: planning begins now. */
		if (row->latency)
			slot->times.begun = rw_row_ticks(row);
		ret = try_slot(row, slot, any_row, slot->wqes, err);
		if (ret < 0)
			return ret;
		if (!ret)
			return 0;
		end_waiting(row, slot);
		/* It is in another list now, and slot->next is that list's. */
		q->blocked.head = next;
		row->nr_blocked--;
	}
	return 0;
}

/* An MR or room in the SQ came free at @q: who waits is served, first come first. */
static ASIDE int serve_waiting(struct rw_row *row, struct rw_load_qp *q, struct rw_err *err)
{
	int ret = serve_blocked(row, q, err);

	if (row->nr_pools == row->load->ep.nr_qps)
		return ret;
	/* Others wait for MRs of the same pool. */
	for (uint32_t i = 0; i < row->load->ep.nr_qps && !ret; i++)
		ret = serve_blocked(row, &row->load->qps[i], err);
	return ret;
}

int rw_row_serve_all(struct rw_row *row, struct rw_err *err)
{
	int ret = 0;

	row->now = rw_row_ticks(row);
	for (uint32_t i = 0; i < row->load->ep.nr_qps && !ret; i++)
		ret = serve_blocked(row, &row->load->qps[i], err);
	return ret ? ret : end_batch(row, err);
}

/* The operation of @slot is over, well or not: its MRs and its room in the SQ are free. */
static HOT int release(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
		       struct rw_err *err)
{
	int ret = 0;

	slot->q->sq_free += slot->wqes;
	slot->wqes = 0;
	if (kind.mrs && slot->ctx.type == RW_CTX_MR) {
		rw_time_sum_end(&row->count.hold, row->now);
		if (!kind.plain && row->mixed)
			rw_mix_put_mrs(row, slot);
		if (!kind.plain && row->registers)
			ret = rw_row_unregister(row, slot, slot->nr_wrs, err);
		if (!kind.plain && row->shared)
			rw_row_give_shared(row, slot);
		else
			rw_ctx_destroy(&slot->ctx, slot->pool);
	}
	return ret;
}

int rw_row_release(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	return release(row, slot, any_row, err);
}

/*
 * The operation of the slot is over: who waits for its MRs or its room in the
 * SQ is served, and it begins its next one.
 */
static HOT int retire(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
		      struct rw_err *err)
{
	int ret;

	/* Once it is released the context no longer says its path. */
	if (!kind.plain && row->latency)
		rw_row_note_times(row, slot);
	ret = release(row, slot, kind, err);
	if (rw_unlikely(ret))
		return ret;
	row->count.operations++;
	if (!kind.plain && row->mixed)
		rw_mix_end(row, slot);
	if (!kind.plain && row->load->conf->verify) {
		slot->done = true;
		rw_row_check_slot(row, slot);
	}
	if (rw_unlikely(row->nr_blocked)) {
		ret = serve_waiting(row, slot->q, err);
		if (ret)
			return ret;
	}
	if (kind.plain || !row->source)
		return start_or_gather(row, slot, kind, err);
	slot->idle_since = row->now;
	rw_slot_push(&row->ready, slot);
	return 0;
}

/* The unsignaled operations that end with @slot, and itself. */
static struct rw_slot *oldest_first(struct rw_slot *slot)
{
	struct rw_slot *list = NULL, *next;

	for (; slot; slot = next) {
		next = slot->next;
		slot->next = list;
		list = slot;
	}
	return list;
}

/* The completion of @slot: it and the unsignaled operations before it are over. */
static HOT int complete(struct rw_row *row, struct rw_slot *slot, const struct kind kind,
			struct rw_err *err)
{
	struct rw_slot *next;
	int ret;

	if (kind.plain)
		return retire(row, slot, kind, err);
	slot = oldest_first(slot);
	do {
		next = slot->next;
		ret = retire(row, slot, kind, err);
		slot = next;
	} while (next && !ret);
	return ret;
}

static HOT int poll_cq(struct rw_row *row, const struct kind kind, struct rw_err *err)
{
	struct ibv_wc wcs[POLL_BATCH];
	int n, ret;

	if (!kind.plain && (row->latency || row->source))
		row->polling = rw_row_ticks(row);
	n = ibv_poll_cq(row->load->ep.cq, POLL_BATCH, wcs);
	if (rw_unlikely(n < 0))
		return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot poll the CQ: error %d", n);
	if (!n)
		return 0;
	row->now = rw_row_ticks(row);
	for (const struct ibv_wc *wc = wcs; wc != wcs + n; wc++) {
		if (rw_unlikely(wc->status != IBV_WC_SUCCESS))
			ret = rw_row_take_error(row, wc, err);
		else
			ret = complete(row, (struct rw_slot *)(uintptr_t)wc->wr_id, kind, err);
		if (rw_unlikely(ret))
			return ret;
	}
	/* Who was refused tries its next operation after a completion. */
	while (kind.mrs && row->dropped.head)
		rw_slot_push(&row->ready, rw_slot_pop(&row->dropped));
	ret = kind.plain ? 0 : end_batch(row, err);
	return ret ? ret : n;
}

/* What another thread gave back is told by no completion of this one. */
static ASIDE int poll_any(struct rw_row *row, struct rw_err *err)
{
	int ret, n = poll_cq(row, any_row, err);

	if (n < 0 || !row->shared || !(row->nr_blocked || row->dropped.head) ||
	    !rw_row_has_returns(row))
		return n;
	while (row->dropped.head)
		rw_slot_push(&row->ready, rw_slot_pop(&row->dropped));
	ret = rw_row_serve_all(row, err);
	return ret ? ret : n;
}

int rw_row_poll(struct rw_row *row, struct rw_err *err)
{
	if (!row->plain)
		return poll_any(row, err);
	if (row->uses_mrs)
		return poll_cq(row, (struct kind){ .mrs = true, .plain = true }, err);
	return poll_cq(row, (struct kind){ .mrs = false, .plain = true }, err);
}
