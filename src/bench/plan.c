/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is chosen once for a row: segments, contexts, pools. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/mix.h"
#include "verbs/post.h"
#include "conf/pool.h"

/* Who deals arrivals to QPs has numbers of its own. */
#define SEED_OF_DEALERS UINT64_C(0x6465616c6572)

static uint64_t slot_offset(const struct rw_row *row, const struct rw_slot *slot)
{
	return rw_conf_slot_place(row->load->conf, slot->index) * row->load->slot_bytes;
}

static void fill_segs(const struct rw_row *row, const struct rw_slot *slot,
		      const struct rw_layout *layout, struct rw_seg *segs)
{
	const struct rw_arena *arena = &row->load->arena;
	uint64_t offset = slot_offset(row, slot);

	for (uint32_t i = 0; i < layout->nr_segs; i++) {
		segs[i].addr = (uintptr_t)arena->base + offset + i * layout->stride_bytes;
		segs[i].length = rw_layout_length(layout, i);
		segs[i].lkey = rw_arena_lkey(arena, offset);
	}
}

/* Prepare @slot for the operations of @kind. */
static int plan_kind(struct rw_row *row, struct rw_slot *slot, const struct rw_row_kind *kind,
		     struct rw_slot_kind *planned, const struct rw_attrs *attrs,
		     struct rw_err *err)
{
	const struct rw_msg_buffer *remote = &row->load->remote;
	uint64_t place = rw_conf_slot_place(row->load->conf, slot->index);
	struct rw_io io = {
		.op = rw_load_op(kind->kind.op),
		.segs = planned->segs,
		.nr_segs = kind->layout.nr_segs,
		.remote_addr = remote->addr + place * remote->slot_bytes,
		.remote_stride = row->load->conf->remote_stride_bytes,
		.rkey = remote->rkeys[slot->q->index % remote->nr_rkeys],
	};
	int ret;

	fill_segs(row, slot, &kind->layout, planned->segs);
	if (kind->uses_mrs && row->load->engine->needs_window) {
		ret = rw_arena_map_window(&row->load->arena, slot_offset(row, slot), &kind->layout,
					  &planned->window, err);
		if (ret)
			return ret;
		io.mr_addr = (uintptr_t)planned->window;
	}
	row->nr_planned++;
	ret = rw_ctx_prepare(&planned->ctx, attrs, &io);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot plan an operation of %u segments: %s",
			       kind->layout.nr_segs, strerror(-ret));
	return 0;
}

static int plan_slot(struct rw_row *row, struct rw_slot *slot, const struct rw_attrs *attrs,
		     struct rw_err *err)
{
	size_t n = (size_t)(slot - row->slots);
	struct rw_seg *segs = row->segs + n * row->nr_segs;
	int ret = 0;

	slot->kinds = row->slot_kinds + n * row->nr_kinds;
	for (uint32_t k = 0; k < row->nr_kinds && !ret; k++) {
		slot->kinds[k].segs = segs;
		segs += row->kinds[k].layout.nr_segs;
		ret = plan_kind(row, slot, &row->kinds[k], &slot->kinds[k], attrs, err);
	}
	slot->ctx = slot->kinds[0].ctx;
	return ret;
}

static int plan_posting(struct rw_row *row, struct rw_err *err)
{
	bool by_list = false;
	int ret = 0;

	for (uint32_t k = 0; k < row->nr_kinds; k++)
		by_list |= rw_qp_needs_list(row->load->device, row->kinds[k].layout.nr_short);
	for (uint32_t i = 0; i < row->load->conf->qps && !ret; i++)
		ret = rw_qp_post_by_list(row->load->qps[i].qp, by_list, err);
	return ret;
}

static void plan_qps(struct rw_row *row)
{
	for (uint32_t i = 0; i < row->load->conf->qps; i++) {
		row->load->qps[i].sq_free = row->load->qps[i].qp->max_send_wr - RW_MARKER_WQES;
		row->load->qps[i].unsignaled = NULL;
		row->load->qps[i].nr_unsignaled = 0;
		row->load->qps[i].gathered = (struct rw_slot_list){ NULL, NULL };
		row->load->qps[i].nr_gathered = 0;
	}
}

static uint32_t chain_bytes(const struct rw_row *row, const struct rw_wr *wrs, uint32_t n)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += rw_engine_wqe_bytes(row->load->device, row->load->engine, &wrs[i]);
	return bytes;
}

/* How long the WQEs of one operation are, on either path. */
static int plan_bytes(struct rw_row *row, struct rw_err *err)
{
	struct rw_ctx *ctx = &row->slots[0].ctx;
	struct rw_mr_pool pool;
	const struct rw_wr *wrs;
	struct rw_mr *mrs;
	uint32_t n;
	int ret;

	row->direct_bytes = chain_bytes(row, ctx->direct_wrs, ctx->nr_direct_wrs);
	row->mr_bytes = 0;
	if (!ctx->wants_mr || row->mixed)
		return 0;
	/* With MRs that no device knows, so that the row's own stay as they are. */
	mrs = calloc(ctx->nr_mrs, sizeof(*mrs));
	if (!mrs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	rw_mr_pool_init(&pool, mrs, ctx->nr_mrs);
	ret = rw_ctx_init(ctx, &pool);
	if (ret >= 0) {
		row->mr_wrs = (uint32_t)ret;
		n = rw_ctx_wrs(ctx, &wrs);
		row->mr_bytes = chain_bytes(row, wrs, n);
		rw_ctx_destroy(ctx, &pool);
	}
	free(mrs);
	return 0;
}

/* What is not of the chains' own WRs are LOCAL_INVs, one for an MR used before. */
uint64_t rw_row_wqe_bytes(const struct rw_row *row)
{
	static const struct rw_wr inval = { .op = RW_WR_LOCAL_INV };
	const struct rw_counters *count = &row->count;
	const struct rw_ctx *ctx = &row->slots[0].ctx;
	uint64_t direct = count->issued - count->failed - count->mr_operations;
	uint64_t invals = count->wrs - direct * ctx->nr_direct_wrs -
			  count->mr_operations * row->mr_wrs;

	/* Of data in WQEs only the provider knows how long they are. */
	if (row->mixed || row->goes_inline)
		return 0;
	return direct * row->direct_bytes + count->mr_operations * row->mr_bytes +
	       invals * rw_engine_wqe_bytes(row->load->device, row->load->engine, &inval);
}

/* The run whose QPs have the pools: this thread's share of it, or all. */
static const struct rw_conf *pool_conf(const struct rw_row *row)
{
	return row->shared ? row->load->share->run : row->load->conf;
}

/*
 * Completions per operation: not so few that the SQ, the contexts or the pool
 * run dry before one comes.
 */
static uint32_t plan_cq_mod(const struct rw_row *row)
{
	uint64_t mod = rw_min(row->load->conf->cq_mod, row->load->conf->contexts);
	uint32_t longest = 1;

	for (uint32_t k = 0; k < row->nr_kinds; k++) {
		const struct rw_row_kind *kind = &row->kinds[k];

		if (rw_load_may_go_direct(row->load))
			longest = rw_max(longest, row->slots[0].kinds[k].ctx.nr_direct_wrs);
		if (kind->uses_mrs)
			longest = rw_max(longest, rw_load_mr_chain_wqes(row->load,
									kind->layout.nr_segs));
	}
	mod = rw_min(mod, (uint64_t)row->load->qps[0].sq_free / longest);
	if (row->uses_mrs)
		mod = rw_min(mod, row->pools[0].pool.size * row->nr_pools /
					  (pool_conf(row)->qps * rw_max(row->mrs_per_op, 1u)));
	return (uint32_t)rw_max(mod, 1u);
}

/*
 * Operations per doorbell: a schedule's begin when they are due; and of the
 * contexts so many may wait for others that those in flight come to a completion.
 */
static uint32_t plan_gather(const struct rw_row *row)
{
	const struct rw_conf *conf = row->load->conf;

	return row->source ? 1 : (uint32_t)rw_min(conf->post_list, conf->contexts - row->cq_mod + 1);
}

/* Which kinds of operations it has, and how each is laid out. */
static int plan_kinds(struct rw_row *row, uint64_t size_bytes, struct rw_err *err)
{
	const struct rw_conf *conf = row->load->conf;
	struct rw_kind kinds[RW_MAX_MIX] = { { (enum rw_verb)conf->op, size_bytes, 1 } };
	int n = rw_conf_mix(conf, kinds, err);

	if (n < 0)
		return n;
	row->mixed = n > 0;
	row->nr_kinds = (uint32_t)rw_max(n, 1);
	for (uint32_t k = 0; k < row->nr_kinds; k++) {
		struct rw_row_kind *kind = &row->kinds[k];
		int ret = rw_load_layout_of(conf, kinds[k].size_bytes, &kind->layout, err);

		if (ret)
			return ret;
		kind->kind = kinds[k];
		kind->uses_mrs =
			rw_load_uses_mrs(row->load, row->path, kinds[k].op, &kind->layout);
		row->uses_mrs |= kind->uses_mrs;
		kind->goes_inline = kinds[k].op == RW_VERB_WRITE &&
				    kinds[k].size_bytes <= conf->inline_bytes &&
				    row->load->ep.qps[0].max_send_sge <= RW_MAX_INLINE_SEGS;
		row->goes_inline |= kind->goes_inline;
		row->weights += kinds[k].weight;
		row->nr_segs += kind->layout.nr_segs;
	}
	return rw_load_layout_of(conf, size_bytes, &row->layout, err);
}

static int plan_slots(struct rw_row *row, struct rw_err *err)
{
	uint32_t n = row->load->nr_slots;
	struct rw_attrs attrs;
	int ret = 0;

	rw_load_attrs(row->load, row->path, &attrs);
	row->slots = calloc(n, sizeof(*row->slots));
	row->slot_kinds = calloc((size_t)n * row->nr_kinds, sizeof(*row->slot_kinds));
	row->segs = calloc((size_t)n * row->nr_segs, sizeof(*row->segs));
	if (!row->slots || !row->slot_kinds || !row->segs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n && !ret; i++) {
		row->slots[i].index = row->first_slot + i;
		row->slots[i].q = &row->load->qps[i % row->load->conf->qps];
		ret = plan_slot(row, &row->slots[i], &attrs, err);
		rw_slot_push(&row->ready, &row->slots[i]);
	}
	for (uint32_t k = 0; k < row->nr_kinds && !ret; k++) {
		const struct rw_ctx *ctx = &row->slots[0].kinds[k].ctx;

		row->kinds[k].nr_mrs = ctx->wants_mr ? ctx->nr_mrs : 0;
		row->mrs_per_op = rw_max(row->mrs_per_op, row->kinds[k].nr_mrs);
	}
	row->all_want_mrs = !row->mixed && row->slots[0].ctx.wants_mr;
	return ret;
}

static int plan_pools(struct rw_row *row, struct rw_err *err)
{
	uint64_t size = row->uses_mrs ? rw_conf_pool_size(pool_conf(row), row->mrs_per_op) : 0;

	return rw_row_open_pools(row, (uint32_t)size, err);
}

static int plan_series(struct rw_row *row, struct rw_err *err)
{
	row->series = calloc(1, sizeof(*row->series));
	return row->series ? 0 : rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
}

int rw_row_plan(struct rw_row *row, struct rw_load *load, const struct rw_row_want *want,
		struct rw_err *err)
{
	int ret;

	memset(row, 0, sizeof(*row));
	row->load = load;
	row->path = want->path;
	row->seed = want->seed;
	row->first_slot = want->first_slot;
	row->shared = want->shared;
	row->limit_per_s = rw_conf_row_limit_per_s(load->conf, want->size_bytes);
	ret = plan_kinds(row, want->size_bytes, err);
	if (ret)
		return ret;
	row->registers = row->uses_mrs && load->engine->reg;
	ret = plan_slots(row, err);
	if (!ret)
		ret = plan_posting(row, err);
	if (!ret)
		ret = plan_pools(row, err);
	if (!ret)
		ret = plan_bytes(row, err);
	if (!ret)
		ret = plan_series(row, err);
	if (!ret && rw_source_is_wanted(load->conf))
		ret = rw_source_new(load->conf, want->size_bytes, &load->clock, &row->source, err);
	if (ret)
		goto err_unplan;
	if (row->source)
		row->source->lag_ticks =
			rw_clock_ticks_of_ns(&load->clock, load->share->lag_ns);
	row->deals = row->nr_pools > 1 && rw_source_is_poisson(row->source);
	rw_random_init(&row->dealer, load->conf->seed ^ SEED_OF_DEALERS);
	plan_qps(row);
	row->cq_mod = plan_cq_mod(row);
	row->gather = plan_gather(row);
	row->plain = row->cq_mod == 1 && load->conf->post_list == 1 && !row->registers &&
		     !row->source && !load->conf->verify && !row->mixed && !row->goes_inline &&
		     !row->shared;
	rw_row_reset(row);
	return 0;

err_unplan:
	rw_row_unplan(row);
	return ret;
}

int rw_row_time(struct rw_row *row, uint64_t max_samples, struct rw_err *err)
{
	row->plain = false;
	row->latency = rw_latency_new(&row->load->clock, row->source && row->source->is_open,
				      max_samples);
	if (!row->latency)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	row->latency->interval = &row->series->series.hist;
	return 0;
}

void rw_row_unplan(struct rw_row *row)
{
	rw_row_close_pools(row);
	for (uint32_t i = 0; i < row->nr_planned; i++) {
		struct rw_slot_kind *planned = &row->slot_kinds[i];

		rw_ctx_release(&planned->ctx);
		if (planned->window)
			rw_arena_unmap_window(planned->window,
					      &row->kinds[i % row->nr_kinds].layout);
		planned->window = NULL;
	}
	row->nr_planned = 0;
	rw_latency_free(row->latency);
	row->latency = NULL;
	free(row->series);
	row->series = NULL;
	free(row->source);
	row->source = NULL;
	free(row->segs);
	free(row->slot_kinds);
	free(row->slots);
	row->segs = NULL;
	row->slot_kinds = NULL;
	row->slots = NULL;
}
