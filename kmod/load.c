// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The operations of a QP. A context is in one of three places: ready, parked (it
 * found no MR or no room, and tries again when something has completed), or in
 * flight, from where its completion brings it into done.
 */
#include <linux/bitmap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "memory.h"

struct rwb_ctx {
	struct rdma_rw_ctx rw;
	struct ib_cqe cqe;
	struct rwb_load *load;
	struct list_head list;
	struct llist_node done;
	struct scatterlist *sg;
	unsigned int sges;
	u64 addr;
	u32 rkey, index;
	u32 wrs;
	bool prepared; /* rw is: it waits for room in the send queue */
	bool waiting; /* for an MR, and has been counted */
	bool stalled; /* for room in the send queue, likewise */
	bool in_flight;
	u64 waits_ns, stalls_ns; /* since when it does so */
	u64 init_at_ns, begin_ns, end_ns, init_ns, post_ns;
	enum ib_wc_status status;
};

struct rwb_load {
	struct rwb_conn *conn;
	struct rwb_ctx *ctxs;
	struct list_head ready, parked;
	struct llist_head done;
	u32 in_flight, sq_used;
	u64 share; /* operations, 0: no limit */
	bool teardown; /* an empty pool asks for it */
	int err;
	unsigned long written[BITS_TO_LONGS(RWB_MAX_CONTEXTS)];
};

static enum dma_data_direction direction(const struct rwb_conf *conf)
{
	return conf->op == RWB_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static int fail(struct rwb_load *load, int err, const char *what)
{
	if (!load->err)
		load->err = rwb_run_fail(load->conn->run, err, "%s", what);
	return err;
}

static void completed(struct ib_cq *cq, struct ib_wc *wc)
{
	struct rwb_ctx *ctx = container_of(wc->wr_cqe, struct rwb_ctx, cqe);
	struct rwb_conn *conn = ctx->load->conn;

	ctx->end_ns = ktime_get_ns();
	ctx->status = wc->status;
	llist_add(&ctx->done, &ctx->load->done);
	wake_up_all(&conn->wait);
}

/* ---- data */

static void spoil(struct rwb_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < ctx->sges; i++)
		memset(sg_virt(&ctx->sg[i]), 0xa5, ctx->sg[i].length);
}

static void fill(struct rwb_ctx *ctx, const struct rwb_conf *conf)
{
	u64 position = (u64)ctx->index * conf->size;
	unsigned int i;

	for (i = 0; i < ctx->sges; position += ctx->sg[i++].length)
		rwb_pattern_fill(sg_virt(&ctx->sg[i]), ctx->sg[i].length, conf->seed, position);
}

static u64 check(struct rwb_ctx *ctx, const struct rwb_conf *conf)
{
	u64 position = (u64)ctx->index * conf->size, wrong = 0;
	unsigned int i;

	for (i = 0; i < ctx->sges; position += ctx->sg[i++].length)
		wrong += rwb_pattern_check(sg_virt(&ctx->sg[i]), ctx->sg[i].length, conf->seed,
					   position);
	return wrong;
}

/* ---- an operation */

static void park(struct rwb_ctx *ctx)
{
	list_move_tail(&ctx->list, &ctx->load->parked);
}

static void see_pool(struct rwb_load *load)
{
	struct rwb_stats *stats = &load->conn->stats;
	s64 left = load->conn->run->conf.pool - READ_ONCE(load->conn->id->qp->mrs_used);

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
		load->teardown = true;
		fallthrough;
	default:
		stats->failed++;
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
		if (conf->verify && conf->op == RWB_READ)
			spoil(ctx);
	}
	memset(&ctx->rw, 0, sizeof(ctx->rw));
	ctx->init_at_ns = ktime_get_ns();
	ret = rdma_rw_ctx_init(&ctx->rw, conn->id->qp, conn->id->port_num, ctx->sg, ctx->sges, 0,
			       ctx->addr, ctx->rkey, direction(conf));
	ctx->init_ns = ktime_get_ns() - ctx->init_at_ns;
	if (ret == -EAGAIN) {
		no_mr(ctx, ctx->init_ns);
		return ret;
	}
	if (ret == -EINVAL)
		return fail(load, ret, "rdma_rw_ctx_init: the segments cannot be one MR; without gaps they are whole pages");
	if (ret < 0)
		return fail(load, ret, "rdma_rw_ctx_init failed");
	ctx->prepared = true;
	if (ctx->waiting)
		conn->stats.wait_ns += ctx->init_at_ns - ctx->waits_ns;
	ctx->waiting = false;
	ctx->wrs = ret;
	if (ctx->rw.type == RWB_PATH_MR)
		see_pool(load);
	return 0;
}

static void unprepare(struct rwb_ctx *ctx)
{
	struct rwb_conn *conn = ctx->load->conn;

	rdma_rw_ctx_destroy(&ctx->rw, conn->id->qp, conn->id->port_num, ctx->sg, ctx->sges,
			    direction(&conn->run->conf));
	ctx->prepared = false;
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
	load->in_flight++;
	load->sq_used += ctx->wrs;
	ctx->begin_ns = ktime_get_ns();
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
	fail(load, err, "rdma_rw_ctx_post failed");
}

/* @destroyed_ns: when it was, and @destroy_ns how long that took. */
static void count(struct rwb_ctx *ctx, u64 destroyed_ns, u64 destroy_ns)
{
	struct rwb_conn *conn = ctx->load->conn;
	struct rwb_path *path;

	if (ctx->rw.type >= RWB_PATHS) {
		conn->stats.unknown_path++;
		return;
	}
	path = &conn->stats.paths[ctx->rw.type];
	if (rwb_path_prepare(path)) {
		fail(ctx->load, -ENOMEM, "out of memory for a histogram");
		return;
	}
	path->operations++;
	path->wrs += ctx->wrs;
	path->bytes += conn->run->conf.size;
	path->init_ns += ctx->init_ns;
	path->post_ns += ctx->post_ns;
	path->destroy_ns += destroy_ns;
	path->hold_ns += destroyed_ns - ctx->init_at_ns;
	rwb_hist_record(path->hist, ctx->end_ns - ctx->begin_ns);
}

static void finish(struct rwb_ctx *ctx, bool ending)
{
	struct rwb_load *load = ctx->load;
	struct rwb_conn *conn = load->conn;
	const struct rwb_conf *conf = &conn->run->conf;
	u64 began = ktime_get_ns(), destroyed;

	unprepare(ctx);
	destroyed = ktime_get_ns();
	ctx->in_flight = false;
	load->in_flight--;
	load->sq_used -= ctx->wrs;
	list_add_tail(&ctx->list, &load->ready);
	if (ctx->status == IB_WC_SUCCESS) {
		count(ctx, destroyed, destroyed - began);
		__set_bit(ctx->index, load->written);
		if (conf->verify && conf->op == RWB_READ)
			conn->stats.corrupt_bytes += check(ctx, conf);
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
	llist_for_each_entry_safe(ctx, next, node, done)
		finish(ctx, ending);
	list_splice_tail_init(&load->parked, &load->ready);
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
	return !load->share || ctx->prepared || ctx->waiting ||
	       load->conn->stats.issued < load->share;
}

static void start_ready(struct rwb_load *load)
{
	struct rwb_ctx *ctx, *next;

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

	if (!wait_event_timeout(conn->wait, !llist_empty(&load->done) || rwb_conn_lost(conn) ||
				READ_ONCE(run->stop), msecs_to_jiffies(run->conf.deadline_ms)))
		fail(load, -ETIMEDOUT, "nothing has completed for the whole deadline");
}

/* End what is in flight: at once by the end of the connection, or by patience. */
static void drain(struct rwb_load *load)
{
	struct rwb_conn *conn = load->conn;
	u32 i;

	if (!load->err && !load->teardown && !rwb_conn_lost(conn))
		while (load->in_flight && !load->err && !rwb_conn_lost(conn)) {
			if (!wait_event_timeout(conn->wait, !llist_empty(&load->done) ||
						rwb_conn_lost(conn),
						msecs_to_jiffies(conn->run->conf.deadline_ms)))
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
		} else if (ctx->prepared) {
			unprepare(ctx);
			conn->stats.lost++;
		}
		ctx->waiting = false;
		ctx->stalled = false;
	}
	list_splice_tail_init(&load->parked, &load->ready);
}

int rwb_load_run(struct rwb_conn *conn)
{
	struct rwb_load *load = conn->load;
	struct rwb_run *run = conn->run;

	load->teardown = false;
	bitmap_zero(load->written, RWB_MAX_CONTEXTS);
	while (may_start(load)) {
		start_ready(load);
		if (stuck(load))
			fail(load, -ENOBUFS, "the pool is empty with nothing in flight: max_rdma_ctxs is too small for one operation");
		if (!load->in_flight)
			break;
		wait_some(load);
		collect(load, false);
	}
	if (rwb_conn_lost(conn) && !READ_ONCE(run->stop) && !load->err)
		fail(load, conn->gone ? conn->gone : -ECONNRESET, "the server is gone");
	drain(load);
	if (load->err)
		return load->err;
	return load->teardown && !READ_ONCE(run->stop) ? -EAGAIN : 0;
}

bool rwb_load_forces_mr(struct rwb_conn *conn)
{
	struct rwb_ctx *ctx = &conn->load->ctxs[0];
	struct rdma_rw_ctx rw = {};
	bool forced;
	int ret;

	/* A WRITE takes an MR under force_mr only. It is prepared, never posted. */
	ret = rdma_rw_ctx_init(&rw, conn->id->qp, conn->id->port_num, ctx->sg, 1, 0, ctx->addr,
			       ctx->rkey, DMA_TO_DEVICE);
	if (ret < 0)
		return ret == -EAGAIN;
	forced = rw.type == RWB_PATH_MR;
	rdma_rw_ctx_destroy(&rw, conn->id->qp, conn->id->port_num, ctx->sg, 1, DMA_TO_DEVICE);
	return forced;
}

void rwb_load_place(struct rwb_conn *conn, u32 context, u64 addr, u32 rkey)
{
	conn->load->ctxs[context].addr = addr;
	conn->load->ctxs[context].rkey = rkey;
}

const unsigned long *rwb_load_written(struct rwb_conn *conn)
{
	return conn->load->written;
}

void rwb_load_limit(struct rwb_conn *conn, u64 operations)
{
	conn->load->share = operations;
}

int rwb_load_open(struct rwb_conn *conn)
{
	const struct rwb_conf *conf = &conn->run->conf;
	struct rwb_load *load;
	u32 i;

	load = kzalloc(sizeof(*load), GFP_KERNEL);
	if (!load)
		return -ENOMEM;
	conn->load = load;
	load->conn = conn;
	INIT_LIST_HEAD(&load->ready);
	INIT_LIST_HEAD(&load->parked);
	init_llist_head(&load->done);
	load->ctxs = kvcalloc(conf->contexts, sizeof(*load->ctxs), GFP_KERNEL);
	if (!load->ctxs)
		return -ENOMEM;
	for (i = 0; i < conf->contexts; i++) {
		struct rwb_ctx *ctx = &load->ctxs[i];

		ctx->load = load;
		ctx->index = i;
		ctx->cqe.done = completed;
		ctx->sg = rwb_sg_alloc(conf->size, conf->segment, &ctx->sges);
		if (!ctx->sg)
			return -ENOMEM;
		fill(ctx, conf);
		list_add_tail(&ctx->list, &load->ready);
		cond_resched();
	}
	return 0;
}

void rwb_load_close(struct rwb_conn *conn)
{
	struct rwb_load *load = conn->load;
	u32 i;

	if (!load)
		return;
	for (i = 0; load->ctxs && i < conn->run->conf.contexts; i++)
		rwb_sg_free(load->ctxs[i].sg, load->ctxs[i].sges);
	kvfree(load->ctxs);
	kfree(load);
	conn->load = NULL;
}
