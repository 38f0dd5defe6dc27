/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is chosen once for a row: segments, contexts, pools. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"
#include "rw/policy.h"

static uint64_t slot_offset(const struct rw_load *load, const struct rw_slot *slot)
{
	return slot->index * load->slot_bytes;
}

static void fill_segs(struct rw_load *load, struct rw_slot *slot)
{
	const struct rw_layout *layout = &load->layout;

	slot->segs = load->segs + (size_t)slot->index * layout->nr_segs;
	for (uint32_t i = 0; i < layout->nr_segs; i++) {
		slot->segs[i].addr = (uintptr_t)load->arena.base + slot_offset(load, slot) +
				     i * layout->stride_bytes;
		slot->segs[i].length = rw_layout_length(layout, i);
		slot->segs[i].lkey = load->arena.mr->lkey;
	}
}

static int plan_slot(struct rw_load *load, struct rw_slot *slot, const struct rw_attrs *attrs,
		     struct rw_err *err)
{
	struct rw_io io = {
		.op = load->conf->op == RW_VERB_WRITE ? RW_OP_WRITE : RW_OP_READ,
		.nr_segs = load->layout.nr_segs,
		.remote_addr = load->remote.addr + slot->index * load->remote.slot_bytes,
		.rkey = load->remote.rkey,
	};
	int ret;

	fill_segs(load, slot);
	io.segs = slot->segs;
	slot->window = NULL;
	slot->wqes = 0;
	slot->waiting = false;
	ret = rw_ctx_prepare(&slot->ctx, attrs, &io);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot plan an operation of %u segments: %s",
			       load->layout.nr_segs, strerror(-ret));
	load->nr_planned++;
	if (load->uses_mrs && load->engine->needs_window)
		ret = rw_arena_map_window(&load->arena, slot_offset(load, slot), &load->layout,
					  &slot->window, err);
	return ret;
}

static uint64_t pool_size(const struct rw_load *load)
{
	uint32_t mrs = rw_div_ceil(load->layout.nr_segs, load->mr_entries);

	if (load->conf->mr_pool != RW_AUTO)
		return load->conf->mr_pool;
	return load->conf->contexts * mrs;
}

/* Segments of different lengths are what the extended API of librxe gets wrong. */
static int plan_posting(struct rw_load *load, struct rw_err *err)
{
	bool by_list = load->device->class == RW_DEVICE_RXE && load->layout.nr_short;
	int ret = 0;

	for (uint32_t i = 0; i < load->conf->qps && !ret; i++)
		ret = rw_qp_post_by_list(load->qps[i].qp, by_list, err);
	return ret;
}

static int plan_pools(struct rw_load *load, struct rw_err *err)
{
	uint32_t size = load->uses_mrs ? (uint32_t)pool_size(load) : 0;
	uint64_t start_ns = rw_clock_raw_ns();

	for (uint32_t i = 0; i < load->conf->qps; i++) {
		struct rw_load_qp *q = &load->qps[i];
		int ret;

		q->sq_free = q->qp->max_send_wr - RW_MARKER_WQES;
		q->unsignaled = 0;
		q->mrs = calloc(rw_max(size, 1u), sizeof(*q->mrs));
		if (!q->mrs)
			return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
		rw_mr_pool_init(&q->pool, q->mrs, size);
		if (!size || !load->engine->open_mrs)
			continue;
		ret = load->engine->open_mrs(load->ep.pd, q->mrs, size, load->mr_entries,
					     &q->mrs_state, err);
		if (ret) {
			free(q->mrs);
			q->mrs = NULL;
			return ret;
		}
	}
	load->pool_ns = rw_clock_raw_ns() - start_ns;
	return 0;
}

/*
 * Completions per operation: not so few that the SQ, the contexts or the pool
 * run dry before one comes.
 */
static uint32_t plan_cq_mod(const struct rw_load *load)
{
	const struct rw_ctx *ctx = &load->slots[0].ctx;
	uint32_t longest = ctx->nr_direct_wrs;
	uint64_t mod = rw_min(load->conf->cq_mod, load->conf->contexts);

	if (load->uses_mrs)
		longest = rw_max(longest, rw_load_mr_chain_wqes(load, load->layout.nr_segs));
	mod = rw_min(mod, (uint64_t)load->qps[0].sq_free / longest);
	if (load->uses_mrs)
		mod = rw_min(mod, pool_size(load) / rw_max(ctx->nr_mrs, 1u));
	return (uint32_t)rw_max(mod, 1u);
}

static int check_pool(const struct rw_load *load, struct rw_err *err)
{
	uint32_t mrs = load->slots[0].ctx.nr_mrs;

	if (!load->slots[0].ctx.wants_mr || load->conf->on_exhaustion == RW_EXHAUSTION_FALLBACK ||
	    pool_size(load) >= mrs)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "one operation needs %u MRs and the pool has %" PRIu64
		       ": it would never run; raise --mr_pool or --mr_entries",
		       mrs, pool_size(load));
}

static const enum rw_policy policies[RW_NR_PATHS] = {
	[RW_PATH_DIRECT] = RW_POLICY_DIRECT,
	[RW_PATH_MR] = RW_POLICY_MR,
	[RW_PATH_AUTO] = RW_POLICY_AUTO,
};

static int plan_engine(struct rw_load *load, struct rw_attrs *attrs, struct rw_err *err)
{
	int ret = load->engine->check(load->device, &load->layout, err);

	if (!ret && load->engine->needs_window)
		ret = rw_arena_check_windows(load->nr_slots, &load->layout, err);
	if (!ret)
		rw_load_engine_attrs(load, attrs);
	return ret;
}

int rw_load_plan(struct rw_load *load, uint64_t size_bytes, enum rw_conf_path path,
		 uint64_t seed, struct rw_err *err)
{
	struct rw_attrs attrs = {
		.policy = policies[path],
		.max_sgl_rd = load->max_sgl_rd,
		.page_size = RW_PAGE_BYTES,
		.max_send_sge = load->ep.qps[0].max_send_sge,
		.max_sge_rd = load->ep.qps[0].max_send_sge,
		.mr_entries = RW_MAX_SEGMENTS,
	};
	int ret = rw_load_layout_of(load->conf, size_bytes, &load->layout, err);

	load->seed = seed;
	load->uses_mrs = !ret && path != RW_PATH_DIRECT &&
			 rw_policy_wants_mr(&attrs, load->conf->op == RW_VERB_WRITE ? RW_OP_WRITE :
										      RW_OP_READ,
					    load->layout.nr_segs);
	if (load->uses_mrs)
		ret = plan_engine(load, &attrs, err);
	if (ret)
		return ret;
	load->segs = calloc((size_t)load->nr_slots * load->layout.nr_segs, sizeof(*load->segs));
	if (!load->segs) {
		ret = rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
		goto err_unplan;
	}
	load->ready.head = load->dropped.head = NULL;
	for (uint32_t i = 0; i < load->nr_slots && !ret; i++) {
		ret = plan_slot(load, &load->slots[i], &attrs, err);
		rw_slot_push(&load->ready, &load->slots[i]);
	}
	if (!ret)
		ret = plan_posting(load, err);
	if (!ret)
		ret = plan_pools(load, err);
	if (!ret)
		ret = check_pool(load, err);
	if (ret)
		goto err_unplan;
	load->cq_mod = plan_cq_mod(load);
	return 0;

err_unplan:
	rw_load_unplan(load);
	return ret;
}

/* After a failed run operations may still hold MRs. */
static void drop_pool(struct rw_load *load, struct rw_load_qp *q)
{
	struct rw_err ignored = { 0 };

	if (q->mrs && q->pool.size && load->engine->close_mrs)
		load->engine->close_mrs(q->mrs, q->pool.size, q->mrs_state);
	for (uint32_t i = 0; q->mrs && i < q->pool.size && load->engine->unreg; i++)
		if (q->mrs[i].priv)
			load->engine->unreg(&q->mrs[i], &ignored);
	free(q->mrs);
	q->mrs = NULL;
}

void rw_load_unplan(struct rw_load *load)
{
	for (uint32_t i = 0; i < load->conf->qps; i++)
		drop_pool(load, &load->qps[i]);
	for (uint32_t i = 0; i < load->nr_planned; i++) {
		struct rw_slot *slot = &load->slots[i];

		rw_ctx_release(&slot->ctx);
		if (slot->window)
			rw_arena_unmap_window(slot->window, &load->layout);
		slot->window = NULL;
	}
	load->nr_planned = 0;
	free(load->segs);
	load->segs = NULL;
}
