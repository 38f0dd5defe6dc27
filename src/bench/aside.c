/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What operations meet seldom, or only in some rows: kept out of the way of the others. */
#include "bench/aside.h"

#include <errno.h>
#include <string.h>

#include "bench/mix.h"
#include "verbs/post.h"
#include "verbs/access.h"

int rw_row_post_failed(const struct rw_qp *qp, int error, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_RUN, error, "cannot post to QP 0x%x: %s", qp->addr.qpn,
		       strerror(-error));
}

int rw_row_post_marker(struct rw_row *row, struct rw_load_qp *q, uint64_t wr_id,
		       struct rw_err *err)
{
	const struct rw_load *load = row->load;
	int ret = rw_post_marker(q->qp, wr_id, rw_conf_has_op(load->conf, RW_VERB_WRITE),
				 load->remote.rkeys[0], load->remote.addr);

	return ret ? rw_row_post_failed(q->qp, ret, err) : 0;
}

int rw_row_unregister(struct rw_row *row, const struct rw_slot *slot, uint32_t n,
		      struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < n; i++)
		if (slot->wrs[i].op == RW_WR_REG && !ret)
			ret = row->load->engine->unreg(slot->wrs[i].mr, err);
	return ret;
}

struct rw_slot *rw_row_deal(struct rw_row *row)
{
	uint32_t q = (uint32_t)rw_random_below(&row->dealer, row->load->ep.nr_qps);
	struct rw_slot *before = NULL, *slot = row->ready.head;

	for (; slot && slot->q->index != q; slot = slot->next)
		before = slot;
	/* None of its contexts is free: another QP has to do. */
	if (!slot || !before)
		return rw_slot_pop(&row->ready);
	before->next = slot->next;
	if (row->ready.tail == slot)
		row->ready.tail = before;
	return slot;
}

int rw_row_register(struct rw_row *row, struct rw_slot *slot, const struct rw_wr *wrs,
		    uint32_t nr_wrs, struct rw_err *err)
{
	slot->wrs = wrs;
	slot->nr_wrs = nr_wrs;
	for (uint32_t i = 0; i < nr_wrs; i++) {
		const struct rw_wr *wr = &wrs[i];
		int ret;

		if (wr->op != RW_WR_REG)
			continue;
		ret = row->load->engine->reg(row->load->ep.pd, wr,
					     rw_access_optional(row->load->conf), err);
		if (ret) {
			rw_row_unregister(row, slot, i, err);
			return ret;
		}
	}
	return 0;
}

static void count_exhaustion(struct rw_row *row)
{
	if (!row->count.exhaustions++)
		row->count.first_exhaustion_ticks = rw_row_ticks(row) - row->start_ticks;
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
			       slot->ctx.nr_entries, strerror(-error));
	if (!slot->waits_since)
		count_exhaustion(row);
	switch (row->load->conf->on_exhaustion) {
	case RW_EXHAUSTION_FALLBACK:
		return rw_ctx_init_direct(&slot->ctx);
	case RW_EXHAUSTION_FAIL:
		row->count.failed++;
		/* In a loop without pauses it would be dropped again and again. */
		rw_slot_push(row->source ? &row->ready : &row->dropped, slot);
		if (row->load->conf->teardown) {
			row->dying = slot->q;
			row->limit = 0;
		}
		return 0;
	default:
		if (!slot->waits_since) {
			slot->waits_since = row->now;
			row->count.waits++;
		}
		return 0;
	}
}

int rw_row_plan_without_mrs(struct rw_row *row, struct rw_slot *slot, int wqes,
			    struct rw_err *err)
{
	if (wqes < 0) {
		wqes = exhausted(row, slot, wqes, err);
		if (wqes <= 0)
			return wqes;
	} else {
		count_exhaustion(row);
	}
	slot->wqes = (uint32_t)wqes;
	row->count.fallbacks++;
	return 1;
}

void rw_row_forget(struct rw_row *row, struct rw_slot *slot)
{
	if (slot->wqes && slot->ctx.type == RW_CTX_MR) {
		row->count.mr_operations--;
		rw_time_sum_end(&row->count.hold, row->now);
		if (row->mixed) {
			row->kinds[slot->kind].mr_operations--;
			rw_mix_put_mrs(row, slot);
		}
		if (row->shared)
			rw_row_give_shared(row, slot);
		else
			rw_ctx_destroy(&slot->ctx, slot->pool);
	}
	slot->wqes = 0;
}

/* How many operations hold MRs, of each kind. */
static void count_holders(const struct rw_row *row, uint64_t holders[RW_MAX_MIX])
{
	for (uint32_t i = 0; i < row->load->nr_slots; i++) {
		const struct rw_slot *slot = &row->slots[i];

		if (slot->wqes && slot->ctx.type == RW_CTX_MR)
			holders[slot->kind]++;
	}
}

void rw_row_settle_times(struct rw_row *row)
{
	uint64_t holders[RW_MAX_MIX] = { 0 }, all = 0, now = rw_row_ticks(row);

	count_holders(row, holders);
	for (uint32_t k = 0; k < row->nr_kinds; k++) {
		all += holders[k];
		rw_time_sum_settle(&row->kinds[k].hold, holders[k], now);
	}
	rw_time_sum_settle(&row->count.hold, all, now);
	rw_time_sum_settle(&row->count.wait, 0, now);
	rw_time_sum_settle(&row->count.sq_stall, 0, now);
}

static enum rw_op_path path_of(const struct rw_ctx *ctx)
{
	if (ctx->fell_back)
		return RW_OP_BY_FALLBACK;
	return ctx->type == RW_CTX_MR ? RW_OP_BY_MR : RW_OP_BY_DIRECT;
}

void rw_row_note_times(struct rw_row *row, struct rw_slot *slot)
{
	slot->times.path = path_of(&slot->ctx);
	slot->times.polling = row->polling;
	slot->times.completed = row->now;
	rw_latency_record(row->latency, &slot->times);
}

int rw_row_take_error(struct rw_row *row, const struct ibv_wc *wc, struct rw_err *err)
{
	const struct rw_conf *conf = row->load->conf;
	const struct rw_load_qp *q = row->dying;

	if (q && wc->qp_num == q->qp->addr.qpn) {
		row->drained |= wc->wr_id == (uintptr_t)q;
		return 0;
	}
	if (*conf->mix)
		return rw_wc_fail(wc, "an RDMA operation of the mix", err);
	return rw_wc_fail(wc, conf->op == RW_VERB_WRITE ? "RDMA WRITE" : "RDMA READ", err);
}

void rw_row_scatter(struct rw_row *row)
{
	for (uint32_t i = 0; i < row->load->ep.nr_qps; i++) {
		struct rw_load_qp *q = &row->load->qps[i];

		while (q->gathered.head)
			rw_slot_push(&row->ready, rw_slot_pop(&q->gathered));
		q->nr_gathered = 0;
	}
}

int rw_row_flush_unsignaled(struct rw_row *row, struct rw_err *err)
{
	for (uint32_t i = 0; i < row->load->ep.nr_qps; i++) {
		struct rw_load_qp *q = &row->load->qps[i];
		int ret;

		if (!q->unsignaled || q->blocked.head)
			continue;
		ret = rw_row_post_marker(row, q, (uintptr_t)q->unsignaled, err);
		if (ret)
			return ret;
		q->unsignaled = NULL;
		q->nr_unsignaled = 0;
	}
	return 0;
}

void rw_row_reset_series(struct rw_row *row)
{
	row->series->operations = row->series->bytes = row->series->exhaustions = 0;
	rw_series_init(&row->series->series, row->series->intervals, RW_ROW_INTERVALS,
		       row->load->conf->interval_ms * 1000000, 0);
}

void rw_row_reset(struct rw_row *row)
{
	memset(&row->count, 0, sizeof(row->count));
	memset(&row->corrupt, 0, sizeof(row->corrupt));
	memset(&row->shares, 0, sizeof(row->shares));
	row->share_wanted = row->share_exhausted = 0;
	for (uint32_t i = 0; i < row->load->nr_slots; i++)
		row->slots[i].done = false;
	if (row->shared)
		pthread_mutex_lock(&row->shared->lock);
	for (uint32_t i = 0; i < row->nr_pools; i++)
		rw_mr_pool_reset_stats(&row->pools[i].pool);
	if (row->shared)
		pthread_mutex_unlock(&row->shared->lock);
	if (row->latency)
		rw_latency_reset(row->latency);
	rw_mix_reset(row);
	rw_row_reset_series(row);
}
