/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The closed loop. What is constant for a row was chosen in plan.c. */
#include "bench/load.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "verbs/post.h"

#define POLL_BATCH 32

/* How often the watch is asked, and how long nothing may complete. */
#define WATCH_NS   (50 * 1000 * 1000)
#define SILENCE_NS (UINT64_C(30) * RW_NS_PER_S)

/* The state of one phase that only the loop needs. */
struct phase {
	uint64_t limit;       /* operations to issue */
	uint64_t end_ticks;   /* 0: no end */
	uint64_t watch_ticks; /* when to ask the watch next */
	uint64_t watch_every;
	uint64_t last_ticks;  /* of the last completion */
	uint64_t silence;
	uint64_t window_ops;  /* peak: over as many operations */
	uint64_t window_end;  /* ... of which the last will be this one */
	uint64_t window_start_ticks;
	uint64_t min_window_ticks;
};

static int ring_doorbell(struct rw_load *load, struct rw_err *err)
{
	struct rw_load_qp *q = load->open;
	int ret;

	if (!q)
		return 0;
	load->open = NULL;
	load->open_operations = 0;
	load->count.doorbells++;
	ret = rw_post_end(q->qp);
	if (rw_unlikely(ret))
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot post to QP 0x%x: %s",
			       q->qp->addr.qpn, strerror(-ret));
	return 0;
}

static void *window_of(const struct rw_load *load, const struct rw_slot *slot,
		       const struct rw_wr *wr)
{
	return (uint8_t *)slot->window + (wr->segs - slot->segs) * (size_t)load->layout.seg_bytes;
}

static int unregister(struct rw_load *load, const struct rw_slot *slot, uint32_t n,
		      struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < n; i++)
		if (slot->wrs[i].op == RW_WR_REG && !ret)
			ret = load->engine->unreg(slot->wrs[i].mr, err);
	return ret;
}

/* Carry out the registrations of a chain that take no WQE. */
static int register_now(struct rw_load *load, struct rw_slot *slot, struct rw_err *err)
{
	for (uint32_t i = 0; i < slot->nr_wrs; i++) {
		const struct rw_wr *wr = &slot->wrs[i];
		int ret;

		if (wr->op != RW_WR_REG)
			continue;
		ret = load->engine->reg(load->ep.pd, wr, window_of(load, slot, wr), err);
		if (ret) {
			unregister(load, slot, i, err);
			return ret;
		}
	}
	return 0;
}

/* The slot is planned and the SQ has room for it. */
static int post_slot(struct rw_load *load, struct rw_slot *slot, struct rw_err *err)
{
	struct rw_load_qp *q = slot->q;
	bool signal;
	int ret;

	slot->nr_wrs = rw_ctx_wrs(&slot->ctx, &slot->wrs);
	if (slot->ctx.type == RW_CTX_MR && load->engine->reg) {
		ret = register_now(load, slot, err);
		if (ret)
			return ret;
	}
	if (load->open != q) {
		ret = ring_doorbell(load, err);
		if (rw_unlikely(ret))
			return ret;
		rw_post_begin(q->qp);
		load->open = q;
	}
	signal = ++q->unsignaled >= load->cq_mod;
	if (signal)
		q->unsignaled = 0;
	rw_post_chain(q->qp, slot->wrs, slot->nr_wrs, (uintptr_t)slot, signal);
	q->sq_free -= slot->wqes;
	load->in_flight++;
	load->count.wrs += slot->wqes;
	rw_slot_push(&q->in_flight, slot);
	if (++load->open_operations >= load->conf->post_list)
		return ring_doorbell(load, err);
	return 0;
}

static void block(struct rw_load *load, struct rw_slot *slot)
{
	rw_slot_push(&slot->q->blocked, slot);
	load->nr_blocked++;
}

/*
 * The pool was empty. Returns the WQEs of the fallback, 0 (the slot is put
 * aside), or -errno.
 */
static int exhausted(struct rw_load *load, struct rw_slot *slot, int error, struct rw_err *err)
{
	if (error != -EAGAIN)
		return rw_fail(err, RW_EXIT_RUN, error,
			       "the planner refused an operation of %u segments: %s",
			       load->layout.nr_segs, strerror(-error));
	load->count.exhaustions += !slot->waiting;
	switch (load->conf->on_exhaustion) {
	case RW_EXHAUSTION_FALLBACK:
		return rw_ctx_init_direct(&slot->ctx);
	case RW_EXHAUSTION_FAIL:
		load->count.failed++;
		rw_slot_push(&load->dropped, slot);
		return 0;
	default:
		load->count.waits += !slot->waiting;
		slot->waiting = true;
		return 0;
	}
}

/*
 * Plan the slot's operation and post it if it can be. Returns 1: posted, or
 * dropped for good; 0: it must wait for a completion of its QP; or -errno.
 */
static int try_slot(struct rw_load *load, struct rw_slot *slot, struct rw_err *err)
{
	int wqes = (int)slot->wqes;
	int ret;

	if (rw_likely(!wqes)) {
		wqes = rw_ctx_init(&slot->ctx, &slot->q->pool);
		if (rw_unlikely(wqes < 0)) {
			wqes = exhausted(load, slot, wqes, err);
			if (wqes <= 0)
				return wqes ? wqes : !slot->waiting;
		} else {
			/* Path auto falls back within the planner, as in the kernel. */
			load->count.exhaustions += slot->ctx.fell_back;
		}
		load->count.fallbacks += slot->ctx.fell_back;
		slot->wqes = (uint32_t)wqes;
		slot->waiting = false;
		if (rw_unlikely(slot->wqes > slot->q->sq_free)) {
			load->count.sq_stalls++;
			return 0;
		}
	}
	if (rw_unlikely(slot->wqes > slot->q->sq_free))
		return 0;
	ret = post_slot(load, slot, err);
	return ret ? ret : 1;
}

/* Begin the next operation of each ready slot, up to the limit. */
static int issue_ready(struct rw_load *load, const struct phase *phase, struct rw_err *err)
{
	while (load->ready.head && load->count.issued < phase->limit) {
		struct rw_slot *slot = rw_slot_pop(&load->ready);
		int ret;

		load->count.issued++;
		load->count.mr_wanted += slot->ctx.wants_mr;
		ret = try_slot(load, slot, err);
		if (rw_unlikely(ret < 0))
			return ret;
		if (!ret)
			block(load, slot);
	}
	return ring_doorbell(load, err);
}

/* A completion freed WQEs, and perhaps MRs, of @q: serve who waits there, first come first. */
static int serve_blocked(struct rw_load *load, struct rw_load_qp *q, struct rw_err *err)
{
	while (q->blocked.head) {
		struct rw_slot *slot = q->blocked.head;
		struct rw_slot *next = slot->next;
		int ret = try_slot(load, slot, err);

		if (ret < 0)
			return ret;
		if (!ret)
			return 0;
		/* It is in another list now, and slot->next is that list's. */
		q->blocked.head = next;
		load->nr_blocked--;
	}
	return 0;
}

static int retire(struct rw_load *load, struct rw_slot *slot, struct rw_err *err)
{
	struct rw_load_qp *q = slot->q;
	int ret = 0;

	q->sq_free += slot->wqes;
	slot->wqes = 0;
	if (slot->ctx.type == RW_CTX_MR && load->engine->unreg)
		ret = unregister(load, slot, slot->nr_wrs, err);
	rw_ctx_destroy(&slot->ctx, &q->pool);
	slot->done = true;
	if (load->conf->verify)
		rw_load_check_slot(load, slot);
	load->in_flight--;
	load->count.operations++;
	rw_slot_push(&load->ready, slot);
	return ret;
}

/* The completion of @last: it and all operations of its QP before it are over. */
static int complete(struct rw_load *load, struct rw_slot *last, struct rw_err *err)
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
		ret = retire(load, slot, err);
		if (ret)
			return ret;
	} while (slot != last);
	return q->blocked.head ? serve_blocked(load, q, err) : 0;
}

static int poll(struct rw_load *load, struct rw_err *err)
{
	struct ibv_wc wc[POLL_BATCH];
	int n = ibv_poll_cq(load->ep.cq, POLL_BATCH, wc);
	int ret = 0;

	if (rw_unlikely(n < 0))
		return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot poll the CQ: error %d", n);
	for (int i = 0; i < n && !ret; i++) {
		if (rw_unlikely(wc[i].status != IBV_WC_SUCCESS))
			return rw_wc_fail(&wc[i],
					  load->conf->op == RW_VERB_WRITE ? "RDMA WRITE" :
									    "RDMA READ",
					  err);
		ret = complete(load, (struct rw_slot *)(uintptr_t)wc[i].wr_id, err);
	}
	if (n && !ret && load->dropped.head) {
		/* Who was refused tries its next operation after a completion. */
		while (load->dropped.head)
			rw_slot_push(&load->ready, rw_slot_pop(&load->dropped));
	}
	return ret ? ret : n;
}

/* The last operations of a QP may be unsignaled: ask for a completion after them. */
static int flush_unsignaled(struct rw_load *load, struct rw_err *err)
{
	for (uint32_t i = 0; i < load->ep.nr_qps; i++) {
		struct rw_load_qp *q = &load->qps[i];
		int ret;

		if (!q->unsignaled || q->blocked.head)
			continue;
		q->unsignaled = 0;
		ret = rw_post_marker(q->qp, (uintptr_t)q->in_flight.tail,
				     load->conf->op == RW_VERB_WRITE, load->remote.rkey,
				     load->remote.addr);
		if (ret)
			return rw_fail(err, RW_EXIT_RUN, ret, "cannot post to QP 0x%x: %s",
				       q->qp->addr.qpn, strerror(-ret));
	}
	return 0;
}

static void note_window(struct rw_load *load, struct phase *phase, uint64_t now)
{
	uint64_t ticks = now - phase->window_start_ticks;

	if (load->count.operations < phase->window_end)
		return;
	/* More than a window may have come at once: rate it as one of its length. */
	ticks = ticks * phase->window_ops /
		(load->count.operations - phase->window_end + phase->window_ops);
	if (ticks && ticks < phase->min_window_ticks)
		phase->min_window_ticks = ticks;
	phase->window_start_ticks = now;
	phase->window_end = load->count.operations + phase->window_ops;
}

/* Everything that is looked at now and then. Returns 0 or -errno. */
static int look_around(struct rw_load *load, struct phase *phase, uint64_t now,
		       struct rw_err *err)
{
	if (*load->watch.stop || (phase->end_ticks && now >= phase->end_ticks))
		phase->limit = 0;
	if (now < phase->watch_ticks)
		return 0;
	phase->watch_ticks = now + phase->watch_every;
	if (now - phase->last_ticks > phase->silence)
		return rw_fail(err, RW_EXIT_PEER, -ETIMEDOUT,
			       "no completion for %" PRIu64
			       " s with %u operations in flight; is the link up and the peer alive?",
			       SILENCE_NS / RW_NS_PER_S, load->in_flight);
	return load->watch.check(load->watch.arg, err);
}

static void start_phase(struct rw_load *load, const struct rw_load_limit *limit,
			struct phase *phase)
{
	const struct rw_clock *clock = &load->clock;
	uint64_t now;

	memset(&load->count, 0, sizeof(load->count));
	now = rw_clock_ticks(clock);
	*phase = (struct phase){
		.limit = *load->watch.stop ? 0 : limit->operations,
		.end_ticks = limit->ns ? now + rw_clock_ticks_of_ns(clock, (double)limit->ns) : 0,
		.watch_every = rw_clock_ticks_of_ns(clock, WATCH_NS),
		.last_ticks = now,
		.silence = rw_clock_ticks_of_ns(clock, SILENCE_NS),
		.window_ops = load->nr_slots,
		.window_end = load->conf->no_peak ? UINT64_MAX : load->nr_slots,
		.window_start_ticks = now,
		.min_window_ticks = UINT64_MAX,
	};
	phase->watch_ticks = now + phase->watch_every;
}

static void finish_phase(struct rw_load *load, const struct phase *phase, uint64_t start_ns)
{
	struct rw_counters *count = &load->count;
	double average;

	count->elapsed_ns = rw_clock_raw_ns() - start_ns;
	if (load->conf->no_peak || !count->elapsed_ns)
		return;
	/* What comes after the last whole window can lift the average above all windows. */
	average = (double)count->operations / (double)count->elapsed_ns;
	if (phase->min_window_ticks != UINT64_MAX)
		count->peak_ops_per_ns = (double)phase->window_ops /
					 rw_clock_ns(&load->clock, phase->min_window_ticks);
	count->peak_ops_per_ns = rw_max(count->peak_ops_per_ns, average);
}

int rw_load_run(struct rw_load *load, const struct rw_load_limit *limit, struct rw_err *err)
{
	uint64_t start_ns = rw_clock_raw_ns();
	struct phase phase;
	uint64_t now;
	int ret, n;

	start_phase(load, limit, &phase);
	for (;;) {
		ret = issue_ready(load, &phase, err);
		if (!ret && load->count.issued >= phase.limit)
			ret = flush_unsignaled(load, err);
		if (ret)
			return ret;
		if (!load->in_flight && !load->nr_blocked && load->count.issued >= phase.limit)
			break;
		n = poll(load, err);
		if (n < 0)
			return n;
		now = rw_clock_ticks(&load->clock);
		if (n) {
			phase.last_ticks = now;
			note_window(load, &phase, now);
		}
		ret = look_around(load, &phase, now, err);
		if (ret)
			return ret;
	}
	finish_phase(load, &phase, start_ns);
	return 0;
}

void rw_load_reset(struct rw_load *load)
{
	memset(&load->corrupt, 0, sizeof(load->corrupt));
	for (uint32_t i = 0; i < load->nr_slots; i++)
		load->slots[i].done = false;
}
