/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Operations on a rig: where their data lie, what is posted, what must come. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "selftest/rig.h"
#include "stats/clock.h"
#include "util/pattern.h"
#include "verbs/post.h"
#include "verbs/access.h"

/* A completion that takes longer is missing. */
#define WAIT_NS (UINT64_C(5) * RW_NS_PER_S)

/* How long an iWARP device may take to place a WRITE. */
#define PLACEMENT_MS 2000

/* Begins and ends with memory that nothing may touch; whole pages, for windows. */
#define GUARD_BYTES RW_PAGE_BYTES

static uint64_t whole_pages(uint64_t bytes)
{
	return rw_div_ceil(bytes, (uint64_t)RW_PAGE_BYTES) * RW_PAGE_BYTES;
}

uint64_t rw_rig_shape_bytes(const struct rw_shape *shape)
{
	return whole_pages(shape->lead + (uint64_t)shape->nr_segs * (shape->bytes + shape->gap));
}

static bool needs_window(const struct rw_rig *rig)
{
	return rig->t->engine && rig->t->engine->needs_window;
}

/* Segments of other starts and lengths than their neighbours', odd and even ones. */
static void make_uneven(const struct rw_shape *shape, struct rw_seg *seg, uint32_t i)
{
	seg->addr += (i * 29 + 13) % shape->gap;
	seg->length -= (i * 37 + 1) % rw_max(shape->bytes / 2, 1u);
}

static int lay_out(struct rw_rig *rig, const struct rw_shape *shape, uint64_t offset,
		   struct rw_rig_op *op, struct rw_err *err)
{
	bool windowed = needs_window(rig);
	uint64_t bytes = (uint64_t)shape->nr_segs * shape->bytes;
	int ret;

	if (windowed && shape->uneven)
		bytes -= shape->bytes / 2 + 1;
	ret = rw_layout_init(&op->layout, bytes, UINT64_MAX, shape->bytes,
			     shape->bytes + shape->gap, err);
	if (ret)
		return ret;
	op->segs = calloc(op->layout.nr_segs, sizeof(*op->segs));
	if (!op->segs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	op->nr_segs = op->layout.nr_segs;
	op->uneven = shape->uneven;
	for (uint32_t i = 0; i < op->nr_segs; i++) {
		struct rw_seg *seg = &op->segs[i];

		seg->addr = (uintptr_t)rig->local.arena.base + offset + i * op->layout.stride_bytes;
		seg->length = rw_layout_length(&op->layout, i);
		seg->lkey = rw_arena_mr(&rig->local.arena, offset)->lkey;
		if (shape->uneven && !windowed)
			make_uneven(shape, seg, i);
		op->length += seg->length;
	}
	if (windowed)
		ret = rw_arena_map_window(&rig->local.arena, offset, &op->layout, &op->window, err);
	return ret;
}

int rw_rig_place(struct rw_rig *rig, const struct rw_shape *shape, struct rw_rig_op *op, bool begin,
		 struct rw_err *err)
{
	uint64_t bytes = rw_rig_shape_bytes(shape);

	memset(op, 0, sizeof(*op));
	if (begin)
		rig->local.used = rig->remote.used = GUARD_BYTES;
	op->remote_offset = rig->remote.used;
	if (rig->local.used + bytes + GUARD_BYTES > rig->local.arena.bytes)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "the row's memory is too small for it");
	if (lay_out(rig, shape, rig->local.used + shape->lead, op, err))
		return -EINVAL;
	rig->local.used += bytes;
	rig->remote.used += bytes;
	return 0;
}

/* All that is placed, and the guard behind it. */
static uint64_t image_bytes(const struct rw_rig_side *side)
{
	return side->used + GUARD_BYTES;
}

static void draw_background(struct rw_rig_side *side, uint64_t seed)
{
	rw_pattern_fill(side->arena.base, image_bytes(side), seed, 0);
	memcpy(side->expected, side->arena.base, image_bytes(side));
}

/* @length bytes at @live: right in the end, and right now only at the source. */
static void draw_data(struct rw_rig_side *side, uint8_t *live, size_t length, uint64_t seed,
		      uint64_t position, bool is_source)
{
	rw_pattern_fill(side->expected + (live - side->arena.base), length, seed, position);
	if (is_source)
		rw_pattern_fill(live, length, seed, position);
	else
		rw_pattern_spoil(live, length, seed, position);
}

static void draw_op(struct rw_rig *rig, const struct rw_rig_op *op)
{
	bool is_write = rig->t->op == RW_OP_WRITE;
	uint64_t seed = rig->t->seed++;
	uint64_t position = 0;

	for (uint32_t i = 0; i < op->nr_segs; i++) {
		draw_data(&rig->local, (uint8_t *)(uintptr_t)op->segs[i].addr, op->segs[i].length,
			  seed, position, is_write);
		position += op->segs[i].length;
	}
	draw_data(&rig->remote, rig->remote.arena.base + op->remote_offset, op->length, seed, 0,
		  !is_write);
}

void rw_rig_draw(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n)
{
	draw_background(&rig->local, rig->t->seed++);
	draw_background(&rig->remote, rig->t->seed++);
	for (uint32_t i = 0; i < n; i++)
		draw_op(rig, &ops[i]);
}

/* Carry out the registrations that take no WQE; see bench/load.c. */
static int register_now(struct rw_rig *rig, struct rw_rig_op *op, struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < op->nr_wrs && !ret; i++) {
		const struct rw_wr *wr = &op->wrs[i];

		if (wr->op == RW_WR_REG)
			ret = rig->t->engine->reg(rig->local.ep.pd, wr,
						   rw_access_optional(rig->t->conf), err);
	}
	return ret;
}

int rw_rig_plan(struct rw_rig *rig, struct rw_rig_op *op, struct rw_err *err)
{
	struct rw_io io = {
		.op = rig->t->op,
		.segs = op->segs,
		.nr_segs = op->nr_segs,
		.remote_addr = (uintptr_t)rig->remote.arena.base + op->remote_offset,
		.rkey = rw_arena_mr(&rig->remote.arena, op->remote_offset)->rkey,
		.mr_addr = (uintptr_t)op->window,
	};
	int ret = rw_ctx_prepare(&op->ctx, &rig->attrs, &io);

	if (!ret) {
		ret = rw_ctx_init(&op->ctx, &rig->pool);
		ret = ret < 0 ? ret : 0;
	}
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret,
			       "the planner refused an operation of %u segments: %s", op->nr_segs,
			       strerror(-ret));
	op->nr_wrs = rw_ctx_wrs(&op->ctx, &op->wrs);
	rig->pieces = op->ctx.type == RW_CTX_MR ? op->ctx.nr_mrs : op->nr_wrs;
	if (op->ctx.type == RW_CTX_MR && rig->t->engine->reg)
		ret = register_now(rig, op, err);
	return ret;
}

int rw_rig_prepare(struct rw_rig *rig, const struct rw_shape *shape, struct rw_rig_op *op,
		   struct rw_err *err)
{
	int ret = rw_rig_place(rig, shape, op, true, err);

	if (!ret) {
		rw_rig_draw(rig, op, 1);
		ret = rw_rig_plan(rig, op, err);
	}
	return ret;
}

int rw_rig_post(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n)
{
	struct rw_err err = { 0 };
	bool uneven = false;
	int ret;

	for (uint32_t i = 0; i < n; i++)
		uneven |= ops[i].uneven;
	ret = rw_qp_post_by_list(rig->qp, rw_qp_needs_list(rig->t->device, uneven), &err);
	if (ret)
		return ret;
	rw_post_begin(rig->qp);
	for (uint32_t i = 0; i < n; i++)
		rw_post_chain(rig->qp, ops[i].wrs, ops[i].nr_wrs, (uintptr_t)&ops[i], true);
	return rw_post_end(rig->qp);
}

/* The next completion. 0 or -errno, told in @err. */
static int wait_one(struct rw_rig *rig, struct ibv_wc *wc, struct rw_err *err)
{
	uint64_t end_ns = rw_clock_raw_ns() + WAIT_NS;
	int n;

	while (!(n = ibv_poll_cq(rig->local.ep.cq, 1, wc))) {
		if (*rig->t->stop)
			return rw_fail(err, RW_EXIT_RUN, -EINTR, "interrupted");
		if (rw_clock_raw_ns() > end_ns)
			return rw_fail(err, RW_EXIT_RUN, -ETIMEDOUT, "no completion for %u s",
				       (uint32_t)(WAIT_NS / RW_NS_PER_S));
	}
	if (n < 0)
		return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot poll the CQ: error %d", n);
	return 0;
}

static int fail_status(const struct ibv_wc *wc, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_RUN, -EIO, "%s (vendor error 0x%x)",
		       ibv_wc_status_str(wc->status), wc->vendor_err);
}

int rw_rig_wait(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n, struct rw_err *err)
{
	for (uint32_t i = 0; i < n; i++) {
		struct ibv_wc wc;
		int ret = wait_one(rig, &wc, err);

		if (ret)
			return ret;
		if (wc.status != IBV_WC_SUCCESS)
			return fail_status(&wc, err);
		if (wc.wr_id != (uintptr_t)&ops[i])
			return rw_fail(err, RW_EXIT_RUN, -EIO,
				       "completion %u is of another operation", i);
	}
	return 0;
}

int rw_rig_provoke(struct rw_rig *rig, const struct rw_wr *wr, enum ibv_wc_status status,
		   enum ibv_wc_status *found_p, struct rw_err *err)
{
	struct ibv_wc wc;
	int ret;

	rw_post_begin(rig->qp);
	rw_post_chain(rig->qp, wr, 1, 0, true);
	ret = rw_post_end(rig->qp);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot be posted: %s", strerror(-ret));
	ret = wait_one(rig, &wc, err);
	if (ret)
		return ret;
	*found_p = wc.status;
	if (wc.status == IBV_WC_SUCCESS)
		return rw_fail(err, RW_EXIT_RUN, -EIO, "it succeeds");
	if (status != IBV_WC_SUCCESS && wc.status != status)
		return fail_status(&wc, err);
	return 0;
}

static int compare_side(const struct rw_rig_side *side, const char *name, struct rw_err *err)
{
	uint64_t wrong = 0, first = 0;

	if (!memcmp(side->arena.base, side->expected, image_bytes(side)))
		return 0;
	for (uint64_t i = image_bytes(side); i-- > 0;) {
		if (side->arena.base[i] == side->expected[i])
			continue;
		wrong++;
		first = i;
	}
	return rw_fail(err, RW_EXIT_RUN, -EIO,
		       "%s memory: wrong bytes %" PRIu64 ", the first at %" PRIu64
		       ": 0x%02x, not 0x%02x",
		       name, wrong, first, side->arena.base[first], side->expected[first]);
}

/*
 * On iWARP a WRITE completes when it is sent (RFC 5040, 5.5: placement at the
 * peer is not known): give the last bytes the time to arrive.
 */
static void await_placement(const struct rw_rig *rig)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	if (!rig->t->device->is_iwarp || rig->t->op != RW_OP_WRITE)
		return;
	for (int i = 0; i < PLACEMENT_MS && !*rig->t->stop; i++) {
		if (!memcmp(rig->remote.arena.base, rig->remote.expected,
			    image_bytes(&rig->remote)))
			return;
		nanosleep(&pause, NULL);
	}
}

int rw_rig_compare(const struct rw_rig *rig, struct rw_err *err)
{
	int ret = compare_side(&rig->local, "local", err);

	await_placement(rig);

	return ret ? ret : compare_side(&rig->remote, "remote", err);
}

void rw_rig_expect_nothing(struct rw_rig *rig)
{
	memcpy(rig->local.expected, rig->local.arena.base, image_bytes(&rig->local));
	memcpy(rig->remote.expected, rig->remote.arena.base, image_bytes(&rig->remote));
}

void rw_rig_expect_any(struct rw_rig *rig, const struct rw_rig_op *op)
{
	for (uint32_t i = 0; i < op->nr_segs; i++) {
		const uint8_t *live = (const uint8_t *)(uintptr_t)op->segs[i].addr;

		memcpy(rig->local.expected + (live - rig->local.arena.base), live,
		       op->segs[i].length);
	}
}

void rw_rig_drop(struct rw_rig *rig, struct rw_rig_op *op)
{
	struct rw_err ignored = { 0 };

	for (uint32_t i = 0; i < op->nr_wrs; i++)
		if (op->wrs[i].op == RW_WR_REG && rig->t->engine->unreg && op->wrs[i].mr->priv)
			rig->t->engine->unreg(op->wrs[i].mr, &ignored);
	if (op->wrs)
		rw_ctx_destroy(&op->ctx, &rig->pool);
	rw_ctx_release(&op->ctx);
	if (op->window)
		rw_arena_unmap_window(op->window, &op->layout);
	free(op->segs);
	memset(op, 0, sizeof(*op));
}

int rw_rig_finish(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n, struct rw_err *err)
{
	int ret = rw_rig_post(rig, ops, n);

	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot be posted: %s", strerror(-ret));
	ret = rw_rig_wait(rig, ops, n, err);
	return ret ? ret : rw_rig_compare(rig, err);
}

int rw_rig_run(struct rw_rig *rig, const struct rw_shape *shape, struct rw_err *err)
{
	struct rw_rig_op op;
	int ret = rw_rig_prepare(rig, shape, &op, err);

	if (!ret)
		ret = rw_rig_finish(rig, &op, 1, err);
	rw_rig_drop(rig, &op);
	return ret;
}
