/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What registration and invalidation take alone: each WR of the MR path's
 * chain is posted by itself, signaled, and waited for.
 */
#include <errno.h>

#include "bench/aside.h"
#include "bench/mix.h"
#include "verbs/post.h"
#include "verbs/access.h"

#define SILENCE_S 10
#define ASK_EVERY 50 /* operations */

static int await(struct rw_row *row, struct rw_err *err)
{
	const struct rw_clock *clock = &row->load->clock;
	uint64_t give_up = rw_clock_ticks(clock) +
			   rw_clock_ticks_of_ns(clock, (double)(SILENCE_S * RW_NS_PER_S));
	struct ibv_wc wc;
	int n;

	do {
		n = ibv_poll_cq(row->load->ep.cq, 1, &wc);
	} while (!n && rw_clock_ticks(clock) < give_up);
	if (n < 0)
		return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot poll the CQ: error %d", n);
	if (!n)
		return rw_fail(err, RW_EXIT_PEER, -ETIMEDOUT,
			       "no completion for %d s; is the link up and the peer alive?",
			       SILENCE_S);
	if (wc.status != IBV_WC_SUCCESS)
		return rw_wc_fail(&wc, "a request of the MR path, alone,", err);
	return 0;
}

static int post_alone(struct rw_row *row, struct rw_slot *slot, const struct rw_wr *wr,
		      struct rw_err *err)
{
	struct rw_wr one = *wr;
	int ret;

	one.signaled = true;
	rw_post_begin(slot->q->qp);
	rw_post_chain(slot->q->qp, &one, 1, (uintptr_t)slot, true);
	ret = rw_post_end(slot->q->qp);
	if (ret)
		return rw_row_post_failed(slot->q->qp, ret, err);
	return await(row, err);
}

/* One WR, by the hand that carries it out. */
static int do_wr(struct rw_row *row, struct rw_slot *slot, const struct rw_wr *wr,
		 struct rw_err *err)
{
	const struct rw_engine *engine = row->load->engine;

	if (wr->op == RW_WR_REG && engine->reg)
		return engine->reg(row->load->ep.pd, wr, rw_access_optional(row->load->conf),
				   err);
	return post_alone(row, slot, wr, err);
}

static void record(struct rw_row *row, enum rw_wr_op op, uint64_t start)
{
	const struct rw_clock *clock = &row->load->clock;
	uint64_t ns = (uint64_t)rw_clock_ns(clock, rw_clock_ticks(clock) - start);

	if (op == RW_WR_REG)
		rw_hist_record(&row->latency->registration, ns);
	else if (op == RW_WR_LOCAL_INV)
		rw_hist_record(&row->latency->invalidation, ns);
}

/* Deregistration is what engines without WQEs have for an invalidation. */
static int unregister(struct rw_row *row, const struct rw_slot *slot, struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < slot->nr_wrs && row->load->engine->unreg && !ret; i++) {
		uint64_t start = rw_clock_ticks(&row->load->clock);

		if (slot->wrs[i].op != RW_WR_REG)
			continue;
		ret = row->load->engine->unreg(slot->wrs[i].mr, err);
		record(row, RW_WR_LOCAL_INV, start);
	}
	return ret;
}

static int run_chain(struct rw_row *row, struct rw_slot *slot, struct rw_err *err)
{
	int ret = 0;

	slot->nr_wrs = rw_ctx_wrs(&slot->ctx, &slot->wrs);
	for (uint32_t i = 0; i < slot->nr_wrs && !ret; i++) {
		uint64_t start = rw_clock_ticks(&row->load->clock);

		ret = do_wr(row, slot, &slot->wrs[i], err);
		record(row, slot->wrs[i].op, start);
	}
	return ret ? ret : unregister(row, slot, err);
}

int rw_row_time_alone(struct rw_row *row, const struct rw_row_limit *limit, struct rw_err *err)
{
	const struct rw_clock *clock = &row->load->clock;
	uint64_t end = rw_clock_ticks(clock) + rw_clock_ticks_of_ns(clock, (double)limit->ns);
	struct rw_slot *slot = &row->slots[0];
	int ret = 0;

	for (uint64_t i = 0; i < limit->operations && !*row->load->watch.stop && !ret; i++) {
		if (row->mixed)
			slot->ctx = slot->kinds[i % row->nr_kinds].ctx;
		if ((row->shared ? rw_row_take_shared(row, slot) :
				   rw_ctx_init(&slot->ctx, slot->pool)) < 0)
			return 0; /* a pool too small for one operation */
		if (slot->ctx.type != RW_CTX_MR)
			continue; /* a direct path, or kind */
		ret = run_chain(row, slot, err);
		/* The peer wants to hear that this side is alive. */
		if (!ret && i % ASK_EVERY == 0)
			ret = row->load->watch.check(row->load->watch.arg, err);
		if (row->shared)
			rw_row_give_shared(row, slot);
		else
			rw_ctx_destroy(&slot->ctx, slot->pool);
		if (rw_clock_ticks(clock) >= end)
			break;
	}
	return ret;
}
