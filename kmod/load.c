// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The operations of a QP. A context is in one of three places: ready, parked (it
 * found no MR or no room, and tries again when something has completed), or in
 * flight, from where its completion brings it into done.
 */
#include <linux/sched.h>

#include "load.h"

#define TOO_SMALL "the pool is empty with nothing in flight: max_rdma_ctxs (--mr_pool) is too small for one operation"

static int fail(struct rwb_load *load, int err, const char *what)
{
	if (!load->err)
		load->err = rwb_run_fail(load->conn->run, err, "%s", what);
	return err;
}

void rwb_ctx_completed(struct ib_cq *cq, struct ib_wc *wc)
{
	struct rwb_ctx *ctx = container_of(wc->wr_cqe, struct rwb_ctx, cqe);
	struct rwb_conn *conn = ctx->load->conn;

	ctx->end_ns = ktime_get_ns();
	ctx->status = wc->status;
	llist_add(&ctx->done, &ctx->load->done);
	wake_up_all(&conn->wait);
}

/* ---- an operation */

static void park(struct rwb_ctx *ctx)
{
	list_move_tail(&ctx->list, &ctx->load->parked);
}

static void see_pool(struct rwb_load *load)
{
	struct rwb_stats *stats = &load->conn->stats;
	s64 left = (s64)load->conn->pool - READ_ONCE(load->conn->id->qp->mrs_used);

	stats->low_water = min_t(u64, stats->low_water, max_t(s64, left, 0));
}

static void no_mr(struct rwb_ctx *ctx, u64 ns)
{
	struct rwb_load *load = ctx->load;
	struct rwb_stats *stats = &load->conn->stats;

	stats->eagain++;
	stats->eagain_ns += ns;
	see_pool(load);
	switch (load->conn->run->conf.policy) {
	case RWB_WAIT:
		if (!ctx->waiting) {
			stats->waits++;
			ctx->waits_ns = ctx->init_at_ns;
		}
		ctx->waiting = true;
		break;
	case RWB_TEARDOWN:
		/* With nothing in flight another connection would find no more. */
		if (!load->in_flight)
			fail(load, -ENOBUFS, TOO_SMALL);
		load->teardown = true;
		fallthrough;
	default:
		stats->failed++;
		/* Of a schedule, it is over: the context is there for the next one. */
		if (load->open) {
			list_move_tail(&ctx->list, &load->ready);
			return;
		}
	}
	park(ctx);
}

static int prepare(struct rwb_ctx *ctx)
{
	struct rwb_load *load = ctx->load;
	struct rwb_conn *conn = load->conn;
	const struct rwb_conf *conf = &conn->run->conf;
	int ret;

	if (!ctx->waiting) {
		conn->stats.issued++;
		if (load->open)
			rwb_schedule_take(ctx);
		if (conf->verify && conf->op == RWB_READ)
			rwb_ctx_spoil(ctx);
	}
	memset(&ctx->rw, 0, sizeof(ctx->rw));
	ctx->init_at_ns = ktime_get_ns();
	if (!ctx->waiting)
		ctx->began_ns = ctx->init_at_ns;
	ret = rdma_rw_ctx_init(&ctx->rw, conn->id->qp, conn->id->port_num, ctx->sg, ctx->sges, 0,
			       ctx->addr, ctx->rkey, rwb_direction(conf));
	ctx->init_ns = ktime_get_ns() - ctx->init_at_ns;
	if (ret == -EAGAIN) {
		no_mr(ctx, ctx->init_ns);
		return ret;
	}
	if (ctx->waiting)
		conn->stats.wait_ns += ctx->init_at_ns - ctx->waits_ns;
	ctx->waiting = false;
	if (ret < 0) {
		conn->stats.errors++;
		return fail(load, ret, ret == -EINVAL ?
			    "rdma_rw_ctx_init: the segments cannot be one MR; without gaps they are whole pages" :
			    "rdma_rw_ctx_init failed");
	}
	ctx->prepared = true;
	ctx->wrs = ret;
	if (ctx->rw.type == RWB_PATH_MR)
		see_pool(load);
	return 0;
}

/* Give back what it holds, however it has ended. Returns when that was done. */
static u64 unprepare(struct rwb_ctx *ctx)
{
	struct rwb_conn *conn = ctx->load->conn;
	u64 now;

	rdma_rw_ctx_destroy(&ctx->rw, conn->id->qp, conn->id->port_num, ctx->sg, ctx->sges,
			    rwb_direction(&conn->run->conf));
	ctx->prepared = false;
	now = ktime_get_ns();
	if (ctx->rw.type == RWB_PATH_MR)
		conn->stats.mr_hold_ns += ctx->rw.nr_ops * (now - ctx->init_at_ns);
	return now;
}

static void start(struct rwb_ctx *ctx)
{
	struct rwb_load *load = ctx->load;
	struct rwb_conn *conn = load->conn;
	int err;

	if (!ctx->prepared && prepare(ctx))
		return;
	if (load->sq_used + ctx->wrs > conn->sq_size) {
		if (ctx->wrs > conn->sq_size)
			fail(load, -E2BIG, "one operation does not fit the device's send queue");
		if (!ctx->stalled) {
			conn->stats.sq_stalls++;
			ctx->stalls_ns = ktime_get_ns();
		}
		ctx->stalled = true;
		park(ctx);
		return;
	}
	list_del_init(&ctx->list);
	ctx->in_flight = true;
	ctx->begin_ns = ktime_get_ns();
	if (!load->in_flight++)
		load->moved_ns = ctx->begin_ns;
	load->sq_used += ctx->wrs;
	if (ctx->stalled)
		conn->stats.sq_stall_ns += ctx->begin_ns - ctx->stalls_ns;
	ctx->stalled = false;
	err = rdma_rw_ctx_post(&ctx->rw, conn->id->qp, conn->id->port_num, &ctx->cqe, NULL);
	ctx->post_ns = ktime_get_ns() - ctx->begin_ns;
	if (!err)
		return;
	ctx->in_flight = false;
	load->in_flight--;
	load->sq_used -= ctx->wrs;
	list_add(&ctx->list, &load->ready);
	unprepare(ctx);
	conn->stats.errors++;
	fail(load, err, "rdma_rw_ctx_post failed");
}

static void finish(struct rwb_ctx *ctx, bool ending)
{
	struct rwb_load *load = ctx->load;
	struct rwb_conn *conn = load->conn;
	const struct rwb_conf *conf = &conn->run->conf;
	u64 began = ktime_get_ns();
	u64 destroyed = unprepare(ctx);

	ctx->in_flight = false;
	load->in_flight--;
	load->sq_used -= ctx->wrs;
	list_add_tail(&ctx->list, &load->ready);
	if (ctx->status == IB_WC_SUCCESS) {
		if (rwb_ctx_count(ctx, destroyed, destroyed - began))
			fail(load, -ENOMEM, "out of memory for a histogram");
		__set_bit(ctx->index, load->written);
		if (conf->verify && conf->op == RWB_READ)
			conn->stats.corrupt_bytes += rwb_ctx_check(ctx, conf);
		else if (conf->verify)
			load->unverified++;
	} else if (ending) {
		conn->stats.lost++;
	} else {
		conn->stats.errors++;
		/* Flushed: what came before it, or the peer, is the reason. */
		if (ctx->status != IB_WC_WR_FLUSH_ERR)
			fail(load, -EIO, ib_wc_status_msg(ctx->status));
		else
			fail(load, -ECONNRESET, "the connection is lost");
	}
}

static bool collect(struct rwb_load *load, bool ending)
{
	struct llist_node *node = llist_reverse_order(llist_del_all(&load->done));
	struct rwb_ctx *ctx, *next;

	if (!node)
		return false;
	load->moved_ns = ktime_get_ns();
	/* Who waits comes first, the longest of them at the head: they have begun. */
	list_splice_init(&load->parked, &load->ready);
	llist_for_each_entry_safe(ctx, next, node, done)
		finish(ctx, ending);
	return true;
}

/* ---- all of them */

static bool may_start(const struct rwb_load *load)
{
	struct rwb_conn *conn = load->conn;
	const struct rwb_run *run = conn->run;

	if (load->err || load->teardown || READ_ONCE(run->stop) || rwb_conn_lost(conn))
		return false;
	/* In a warm-up the clock stands. */
	if (run->conf.duration_ms && run->begin_ns &&
	    ktime_get_ns() - run->begin_ns >= (u64)run->conf.duration_ms * NSEC_PER_MSEC)
		return false;
	return true;
}

/* Those that have begun may go on when the last one has begun. */
static bool may_begin(const struct rwb_load *load, const struct rwb_ctx *ctx)
{
	if (ctx->prepared || ctx->waiting)
		return true;
	if (load->open)
		return load->begun.n < load->due.n;
	return load->conn->stats.issued < load->share;
}

static void start_ready(struct rwb_load *load)
{
	struct rwb_ctx *ctx, *next;

	if (load->open)
		rwb_schedule_see(load);
	list_for_each_entry_safe(ctx, next, &load->ready, list) {
		if (!may_start(load))
			return;
		if (may_begin(load, ctx))
			start(ctx);
		cond_resched();
	}
}

/* Of what waits with nothing in flight, nothing will ever come. */
static bool stuck(struct rwb_load *load)
{
	struct rwb_ctx *ctx;

	if (load->in_flight || !may_start(load))
		return false;
	list_for_each_entry(ctx, &load->parked, list)
		if (may_begin(load, ctx))
			return true;
	return false;
}

static void wait_some(struct rwb_load *load)
{
	struct rwb_conn *conn = load->conn;
	const struct rwb_run *run = conn->run;
	u64 due;

	if (rwb_schedule_awaits(load, &due)) {
		rwb_schedule_wait(load, due);
		return;
	}
	wait_event_timeout(conn->wait, !llist_empty(&load->done) || rwb_conn_lost(conn) ||
			   READ_ONCE(run->stop), msecs_to_jiffies(run->conf.deadline_ms));
}

/* Has nothing completed for the whole deadline? */
static bool overdue(const struct rwb_load *load)
{
	u64 deadline_ns = load->conn->run->conf.deadline_ms * NSEC_PER_MSEC;

	return load->in_flight && ktime_get_ns() - load->moved_ns >= deadline_ns;
}

/* Of one that has begun and is not in flight: it waits for an MR, or for room. */
static void give_up(struct rwb_ctx *ctx)
{
	struct rwb_stats *stats = &ctx->load->conn->stats;

	if (ctx->waiting || ctx->prepared)
		stats->lost++;
	if (ctx->waiting)
		stats->wait_ns += ktime_get_ns() - ctx->waits_ns;
	if (ctx->stalled)
		stats->sq_stall_ns += ktime_get_ns() - ctx->stalls_ns;
	if (ctx->prepared)
		unprepare(ctx);
	ctx->waiting = false;
	ctx->stalled = false;
}

/* End what is in flight: at once by the end of the connection, or by patience. */
static void drain(struct rwb_load *load)
{
	struct rwb_conn *conn = load->conn;
	u32 i;

	while (load->in_flight && !load->err && !load->teardown && !rwb_conn_lost(conn)) {
		if (!rwb_conn_await(conn, !llist_empty(&load->done) || rwb_conn_lost(conn)))
			fail(load, -ETIMEDOUT, "operations do not end");
		collect(load, false);
	}
	if (load->in_flight || load->err || load->teardown)
		rwb_conn_drain(conn);
	collect(load, true);
	for (i = 0; i < conn->run->conf.contexts; i++) {
		struct rwb_ctx *ctx = &load->ctxs[i];

		if (ctx->in_flight) {	/* the device has forgotten it */
			ctx->status = IB_WC_FATAL_ERR;
			finish(ctx, true);
		} else {
			give_up(ctx);
		}
	}
	list_splice_tail_init(&load->parked, &load->ready);
}

int rwb_load_run(struct rwb_conn *conn)
{
	struct rwb_load *load = conn->load;
	struct rwb_run *run = conn->run;
	u64 due;

	load->teardown = false;
	if (run->conf.rate && run->begin_ns && !load->open)
		rwb_schedule_open(load);
	bitmap_zero(load->written, RWB_MAX_CONTEXTS);
	while (may_start(load)) {
		start_ready(load);
		if (stuck(load))
			fail(load, -ENOBUFS, TOO_SMALL);
		/* With an error or an empty pool there is nothing to wait for. */
		if (load->err || load->teardown)
			break;
		if (!load->in_flight && !rwb_schedule_awaits(load, &due))
			break;
		wait_some(load);
		if (!collect(load, false) && overdue(load))
			fail(load, -ETIMEDOUT, "nothing has completed for the whole deadline");
	}
	if (rwb_conn_lost(conn) && !READ_ONCE(run->stop) && !load->err)
		fail(load, conn->gone ? conn->gone : -ECONNRESET,
		     conn->gone == -ENODEV ? "the device is gone" : "the server is gone");
	drain(load);
	if (load->err)
		return load->err;
	return load->teardown && !READ_ONCE(run->stop) ? -EAGAIN : 0;
}

void rwb_load_end(struct rwb_conn *conn)
{
	if (conn->load->open)
		rwb_schedule_close(conn->load);
}
