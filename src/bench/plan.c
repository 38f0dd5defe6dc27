/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is made once for a session, and what is chosen once for a row. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"

/* More than this no arena can have; it keeps all sums within 64 bits. */
#define MAX_SLOT_BYTES (UINT64_C(1) << 40)

/* One WR more than the contexts use: the marker of flush_unsignaled. */
#define MARKER_WQES 1

static const struct ibv_device_attr *device_attr(const struct rw_device *device)
{
	return &device->attr.orig_attr;
}

static uint32_t mr_entries(const struct rw_conf *conf, const struct rw_engine *engine)
{
	return (uint32_t)rw_min(conf->mr_entries, (uint64_t)engine->max_entries);
}

/* SGEs of one WR: FACTS of the kernel, rw.c: QP limit, and for READ the device's max_sge_rd. */
static uint32_t max_sge(const struct rw_conf *conf, const struct rw_device *device,
			uint32_t nr_segs)
{
	const struct ibv_device_attr *attr = device_attr(device);
	uint32_t most = (uint32_t)rw_max(attr->max_sge, 1);

	if (conf->op == RW_VERB_READ && attr->max_sge_rd > 0)
		most = (uint32_t)rw_min((int)most, attr->max_sge_rd);
	return rw_min(most, nr_segs);
}

static int layout_of(const struct rw_conf *conf, uint64_t size_bytes, struct rw_layout *layout,
		     struct rw_err *err)
{
	return rw_layout_init(layout, size_bytes, conf->sges, conf->segment_bytes,
			      conf->stride_bytes, err);
}

/* What the longest row needs of arena and QP. */
struct needs {
	uint64_t slot_bytes;
	uint32_t max_sge;
	uint32_t wqes; /* of the longest chain of one operation, fallback included */
	bool whole_pages;
};

static int find_needs(const struct rw_load *load, struct needs *needs, struct rw_err *err)
{
	const struct rw_conf *conf = load->conf;
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);

	memset(needs, 0, sizeof(*needs));
	for (uint32_t i = 0; i < n; i++) {
		struct rw_layout layout;
		uint32_t sge, wqes;
		uint64_t span;
		int ret = layout_of(conf, sizes[i], &layout, err);

		if (ret)
			return ret;
		sge = max_sge(conf, load->device, layout.nr_segs);
		wqes = rw_div_ceil(layout.nr_segs, sge);
		if (conf->paths & 1 << RW_PATH_MR && conf->mr_entries != RW_AUTO)
			wqes = rw_max(wqes, (uint32_t)rw_div_ceil(layout.nr_segs, conf->mr_entries));
		/* Slots and windows begin on a page. */
		span = rw_div_ceil(rw_layout_span(&layout), RW_PAGE_BYTES) * RW_PAGE_BYTES;
		needs->slot_bytes = rw_max(needs->slot_bytes, span);
		needs->max_sge = rw_max(needs->max_sge, sge);
		needs->wqes = rw_max(needs->wqes, wqes);
	}
	if (needs->slot_bytes > MAX_SLOT_BYTES)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "one operation spreads over %" PRIu64
			       " GiB; lower --sges or --segment_stride",
			       needs->slot_bytes >> 30);
	return 0;
}

static int open_arena(struct rw_load *load, struct rw_err *err)
{
	struct rw_arena_want want = {
		.bytes = load->slot_bytes * load->nr_slots,
		.numa_node = load->device->numa_node,
		/* A window of engine reg is made of pages of 4 KiB. */
		.allow_hugepages = !(load->conf->paths & 1 << RW_PATH_MR),
		.access = IBV_ACCESS_LOCAL_WRITE,
	};

	return rw_arena_open(load->ep.pd, &want, &load->arena, err);
}

static int open_qps(struct rw_load *load, const struct needs *needs, struct rw_err *err)
{
	const struct ibv_device_attr *attr = device_attr(load->device);
	uint64_t full = load->conf->contexts * needs->wqes + MARKER_WQES;
	struct rw_qp_want want = {
		.send_ops = IBV_QP_EX_WITH_RDMA_READ,
		.max_send_wr = (uint32_t)rw_min(full, (uint64_t)attr->max_qp_wr),
		.min_send_wr = needs->wqes + MARKER_WQES,
		.max_send_sge = needs->max_sge,
	};

	if (load->conf->op == RW_VERB_WRITE)
		want.send_ops = IBV_QP_EX_WITH_RDMA_WRITE;
	if (want.min_send_wr > want.max_send_wr)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "one operation needs %u WRs, more than max_qp_wr %d of %s; lower --sges",
			       want.min_send_wr, attr->max_qp_wr, rw_device_name(load->device));
	return rw_endpoint_add_qps(&load->ep, (uint32_t)load->conf->qps,
				   load->nr_slots + (uint32_t)load->conf->qps, &want, err);
}

static int alloc_slots(struct rw_load *load, struct rw_err *err)
{
	load->slots = calloc(load->nr_slots, sizeof(*load->slots));
	load->qps = calloc(load->conf->qps, sizeof(*load->qps));
	if (!load->slots || !load->qps)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < load->nr_slots; i++) {
		load->slots[i].index = i;
		load->slots[i].q = &load->qps[i % load->conf->qps];
	}
	for (uint32_t i = 0; i < load->conf->qps; i++)
		load->qps[i].qp = &load->ep.qps[i];
	return 0;
}

int rw_load_open(struct rw_load *load, const struct rw_conf *conf, const struct rw_device *device,
		 const struct rw_load_watch *watch, struct rw_err *err)
{
	struct needs needs;
	int ret;

	memset(load, 0, sizeof(*load));
	load->conf = conf;
	load->device = device;
	load->watch = *watch;
	load->nr_slots = (uint32_t)(conf->contexts * conf->qps);
	rw_clock_init(&load->clock);
	ret = find_needs(load, &needs, err);
	if (ret)
		return ret;
	load->slot_bytes = needs.slot_bytes;
	ret = rw_endpoint_open(device, &load->ep, err);
	if (ret)
		return ret;
	ret = open_arena(load, err);
	if (ret)
		goto err_endpoint;
	ret = open_qps(load, &needs, err);
	if (!ret)
		ret = alloc_slots(load, err);
	if (!ret)
		return 0;

	free(load->qps);
	free(load->slots);
	rw_arena_close(&load->arena);
err_endpoint:
	rw_endpoint_close(&load->ep);
	return ret;
}

void rw_load_close(struct rw_load *load)
{
	struct rw_endpoint ep = load->ep;

	/* QPs first: they may still hold operations on the memory. */
	while (load->ep.nr_qps)
		rw_qp_close(&load->ep.qps[--load->ep.nr_qps]);
	ep.nr_qps = 0;
	rw_load_unplan(load);
	rw_arena_close(&load->arena);
	rw_endpoint_close(&ep);
	free(load->qps);
	free(load->slots);
}

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
	if (load->engine && load->engine->needs_window)
		ret = rw_arena_map_window(&load->arena, slot_offset(load, slot), &load->layout,
					  &slot->window, err);
	return ret;
}

static uint64_t pool_size(const struct rw_load *load)
{
	uint32_t mrs = rw_div_ceil(load->layout.nr_segs, mr_entries(load->conf, load->engine));

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
	uint64_t size = load->engine ? pool_size(load) : 0;

	for (uint32_t i = 0; i < load->conf->qps; i++) {
		struct rw_load_qp *q = &load->qps[i];

		q->sq_free = q->qp->max_send_wr - MARKER_WQES;
		q->unsignaled = 0;
		q->mrs = calloc(rw_max(size, 1), sizeof(*q->mrs));
		if (!q->mrs)
			return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
		rw_mr_pool_init(&q->pool, q->mrs, (uint32_t)size);
	}
	return 0;
}

/*
 * Completions per operation: not so few that the SQ, the contexts or the pool
 * run dry before one comes.
 */
static uint32_t plan_cq_mod(const struct rw_load *load)
{
	const struct rw_ctx *ctx = &load->slots[0].ctx;
	uint32_t longest = rw_max(ctx->nr_direct_wrs, load->engine ? ctx->nr_mrs : 1);
	uint64_t mod = rw_min(load->conf->cq_mod, load->conf->contexts);

	mod = rw_min(mod, (uint64_t)load->qps[0].sq_free / longest);
	if (load->engine)
		mod = rw_min(mod, pool_size(load) / rw_max(ctx->nr_mrs, 1u));
	return (uint32_t)rw_max(mod, 1u);
}

static int check_pool(const struct rw_load *load, struct rw_err *err)
{
	uint32_t mrs = load->slots[0].ctx.nr_mrs;

	if (!load->engine || load->conf->on_exhaustion == RW_EXHAUSTION_FALLBACK ||
	    pool_size(load) >= mrs)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "one operation needs %u MRs and the pool has %" PRIu64
		       ": it would never run; raise --mr_pool or --mr_entries",
		       mrs, pool_size(load));
}

static int plan_engine(struct rw_load *load, struct rw_attrs *attrs, struct rw_err *err)
{
	int ret = rw_engine_choose(load->conf->engine, load->device, &load->layout, &load->engine,
				   err);

	if (!ret && load->engine->needs_window)
		ret = rw_arena_check_windows(load->nr_slots, &load->layout, err);
	if (ret)
		return ret;
	load->engine->fill_attrs(attrs);
	attrs->policy = RW_POLICY_MR;
	attrs->mr_entries = mr_entries(load->conf, load->engine);
	return 0;
}

int rw_load_plan(struct rw_load *load, uint64_t size_bytes, enum rw_conf_path path,
		 uint64_t seed, struct rw_err *err)
{
	struct rw_attrs attrs = {
		.policy = RW_POLICY_DIRECT,
		.page_size = RW_PAGE_BYTES,
		.max_send_sge = load->ep.qps[0].max_send_sge,
		.max_sge_rd = load->ep.qps[0].max_send_sge,
		.mr_entries = RW_MAX_SEGMENTS,
	};
	int ret = layout_of(load->conf, size_bytes, &load->layout, err);

	load->engine = NULL;
	load->seed = seed;
	if (!ret && path == RW_PATH_MR)
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

	for (uint32_t i = 0; q->mrs && i < q->pool.size; i++)
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

static uint8_t *seg_memory(const struct rw_seg *seg)
{
	return (uint8_t *)(uintptr_t)seg->addr;
}

/* In the data pattern, slot i begins at i * size. */
static uint64_t pattern_start(const struct rw_load *load, const struct rw_slot *slot)
{
	return slot->index * load->layout.size_bytes;
}

static void fill_slot(struct rw_load *load, const struct rw_slot *slot)
{
	uint64_t position = pattern_start(load, slot);

	for (uint32_t i = 0; i < load->layout.nr_segs; i++) {
		const struct rw_seg *seg = &slot->segs[i];

		/* A READ must replace every byte, a WRITE sends the right ones. */
		if (load->conf->op == RW_VERB_READ)
			rw_pattern_spoil(seg_memory(seg), seg->length, load->seed, position);
		else
			rw_pattern_fill(seg_memory(seg), seg->length, load->seed, position);
		position += seg->length;
	}
}

void rw_load_fill(struct rw_load *load)
{
	for (uint32_t i = 0; i < load->nr_slots; i++)
		fill_slot(load, &load->slots[i]);
}

void rw_load_check_slot(struct rw_load *load, const struct rw_slot *slot)
{
	uint64_t start = pattern_start(load, slot);
	uint64_t position = start;

	if (load->conf->op != RW_VERB_READ)
		return;
	for (uint32_t i = 0; i < load->layout.nr_segs; i++) {
		const struct rw_seg *seg = &slot->segs[i];
		size_t first;
		size_t wrong = rw_pattern_check(seg_memory(seg), seg->length, load->seed, position,
						&first);

		if (rw_unlikely(wrong)) {
			struct rw_corrupt found = {
				.bytes = wrong,
				.slot = slot->index,
				.offset = position - start + first,
				.expected = rw_pattern_byte(load->seed, position + first),
				.found = seg_memory(seg)[first],
			};

			rw_corrupt_add(&load->corrupt, &found);
		}
		position += seg->length;
	}
	fill_slot(load, slot);
}
