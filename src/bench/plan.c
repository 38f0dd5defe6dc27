/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is chosen once for a row: segments, contexts, pools. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"

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
		.op = rw_load_op(load),
		.nr_segs = load->layout.nr_segs,
		.remote_addr = load->remote.addr + slot->index * load->remote.slot_bytes,
		.rkey = load->remote.rkey,
	};
	int ret;

	fill_segs(load, slot);
	io.segs = slot->segs;
	slot->window = NULL;
	slot->wqes = 0;
	slot->waits_since = slot->stalls_since = 0;
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

uint64_t rw_load_pool_size(const struct rw_load *load, uint32_t mrs_per_op)
{
	const struct rw_conf *conf = load->conf;

	if (conf->mr_pool != RW_AUTO)
		return conf->mr_pool;
	return conf->contexts * mrs_per_op *
	       (conf->pool_scope == RW_POOL_SCOPE_QP ? 1 : conf->qps);
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

static void plan_qps(struct rw_load *load)
{
	for (uint32_t i = 0; i < load->conf->qps; i++) {
		load->qps[i].sq_free = load->qps[i].qp->max_send_wr - RW_MARKER_WQES;
		load->qps[i].unsignaled = 0;
	}
}

static uint32_t chain_bytes(const struct rw_load *load, const struct rw_wr *wrs, uint32_t n)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += rw_engine_wqe_bytes(load->device, load->engine, &wrs[i]);
	return bytes;
}

/* How long the WQEs of one operation are, on either path. */
static int plan_bytes(struct rw_load *load, struct rw_err *err)
{
	struct rw_ctx *ctx = &load->slots[0].ctx;
	struct rw_mr_pool pool;
	const struct rw_wr *wrs;
	struct rw_mr *mrs;
	uint32_t n;
	int ret;

	load->direct_bytes = chain_bytes(load, ctx->direct_wrs, ctx->nr_direct_wrs);
	load->mr_bytes = 0;
	if (!ctx->wants_mr)
		return 0;
	/* With MRs that no device knows, so that the row's own stay as they are. */
	mrs = calloc(ctx->nr_mrs, sizeof(*mrs));
	if (!mrs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	rw_mr_pool_init(&pool, mrs, ctx->nr_mrs);
	ret = rw_ctx_init(ctx, &pool);
	if (ret >= 0) {
		load->mr_wrs = (uint32_t)ret;
		n = rw_ctx_wrs(ctx, &wrs);
		load->mr_bytes = chain_bytes(load, wrs, n);
		rw_ctx_destroy(ctx, &pool);
	}
	free(mrs);
	return 0;
}

/* What is not of the chains' own WRs are LOCAL_INVs, one for an MR used before. */
uint64_t rw_load_wqe_bytes(const struct rw_load *load)
{
	static const struct rw_wr inval = { .op = RW_WR_LOCAL_INV };
	const struct rw_counters *count = &load->count;
	const struct rw_ctx *ctx = &load->slots[0].ctx;
	uint64_t direct = count->issued - count->failed - count->mr_operations;
	uint64_t invals = count->wrs - direct * ctx->nr_direct_wrs -
			  count->mr_operations * load->mr_wrs;

	return direct * load->direct_bytes + count->mr_operations * load->mr_bytes +
	       invals * rw_engine_wqe_bytes(load->device, load->engine, &inval);
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
		mod = rw_min(mod, load->pools[0].pool.size * load->nr_pools /
					  (load->conf->qps * rw_max(ctx->nr_mrs, 1u)));
	return (uint32_t)rw_max(mod, 1u);
}

int rw_load_plan(struct rw_load *load, uint64_t size_bytes, enum rw_conf_path path,
		 uint64_t seed, struct rw_err *err)
{
	struct rw_attrs attrs;
	int ret = rw_load_layout_of(load->conf, size_bytes, &load->layout, err);

	if (ret)
		return ret;
	load->seed = seed;
	rw_load_attrs(load, path, &attrs);
	load->uses_mrs = rw_load_row_uses_mrs(load, path, &load->layout);
	load->segs = calloc((size_t)load->nr_slots * load->layout.nr_segs, sizeof(*load->segs));
	if (!load->segs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	load->ready.head = load->dropped.head = NULL;
	for (uint32_t i = 0; i < load->nr_slots && !ret; i++) {
		ret = plan_slot(load, &load->slots[i], &attrs, err);
		rw_slot_push(&load->ready, &load->slots[i]);
	}
	load->mrs_per_op = load->slots[0].ctx.nr_mrs;
	if (!ret)
		ret = plan_posting(load, err);
	if (!ret)
		ret = rw_load_open_pools(load,
					 load->uses_mrs ? (uint32_t)rw_load_pool_size(
								  load, load->mrs_per_op) :
							  0,
					 err);
	if (!ret)
		ret = plan_bytes(load, err);
	if (ret)
		goto err_unplan;
	plan_qps(load);
	load->cq_mod = plan_cq_mod(load);
	return 0;

err_unplan:
	rw_load_unplan(load);
	return ret;
}

void rw_load_unplan(struct rw_load *load)
{
	rw_load_close_pools(load);
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
