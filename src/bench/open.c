/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is made once for a session: engine, arena, CQ, QPs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"
#include "bench/memory.h"
#include "conf/pool.h"
#include "rw/policy.h"
#include "rw/sizing.h"

/* More than this no arena can have; it keeps all sums within 64 bits. */
#define MAX_SLOT_BYTES (UINT64_C(1) << 40)

static const struct ibv_device_attr *device_attr(const struct rw_device *device)
{
	return &device->attr.orig_attr;
}

static bool wants_engine(const struct rw_conf *conf)
{
	return conf->paths & (1 << RW_PATH_MR | 1 << RW_PATH_AUTO);
}

int rw_load_layout_of(const struct rw_conf *conf, uint64_t size_bytes, struct rw_layout *layout,
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
	uint32_t mr_entries;
};

/* Without --mr_entries: what one operation has, up to the kernel's 256. */
static int choose_mr_entries(const struct rw_load *load, uint32_t nr_segs, uint32_t *entries_p,
			     struct rw_err *err)
{
	const struct rw_engine *engine = load->engine;
	uint64_t asked = load->conf->mr_entries;

	if (asked != RW_AUTO && asked > engine->max_entries)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--mr_entries: an MR of engine %s takes %u segments at the most; lower it",
			       engine->name, engine->max_entries);
	if (asked == RW_AUTO)
		asked = engine->qp_ops ? rw_min(nr_segs, RW_SIZING_MAX_MR_ENTRIES) : nr_segs;
	*entries_p = (uint32_t)rw_min(asked, (uint64_t)engine->max_entries);
	return 0;
}

static const enum rw_policy policies[RW_NR_PATHS] = {
	[RW_PATH_DIRECT] = RW_POLICY_DIRECT,
	[RW_PATH_MR] = RW_POLICY_MR,
	[RW_PATH_AUTO] = RW_POLICY_AUTO,
};

void rw_load_attrs(const struct rw_load *load, enum rw_conf_path path, struct rw_attrs *attrs)
{
	const struct rw_conf *conf = load->conf;

	*attrs = (struct rw_attrs){
		.policy = policies[path],
		.iwarp = load->device->is_iwarp,
		.max_sgl_rd = load->max_sgl_rd,
		.page_size = RW_PAGE_BYTES,
		.mr_entries = RW_MAX_SEGMENTS,
	};
	if (load->ep.nr_qps)
		attrs->max_send_sge = attrs->max_sge_rd =
			rw_min(load->ep.qps[0].max_send_sge, load->wr_segs);
	if (!load->engine)
		return;
	load->engine->fill_attrs(attrs);
	attrs->mr_entries = load->mr_entries;
	attrs->invalidate = attrs->invalidate && conf->invalidate != RW_INVALIDATE_NEVER;
	/* The planner's own fallback is the kernel's; other policies are the loop's. */
	attrs->no_fallback = conf->on_exhaustion != RW_EXHAUSTION_FALLBACK;
	attrs->fenced_inval = conf->invalidate == RW_INVALIDATE_FENCED;
}

bool rw_load_may_go_direct(const struct rw_load *load)
{
	return !load->device->is_iwarp || rw_conf_has_op(load->conf, RW_VERB_WRITE);
}

bool rw_load_uses_mrs(const struct rw_load *load, enum rw_conf_path path, enum rw_verb op,
		      const struct rw_layout *layout)
{
	struct rw_attrs attrs;

	rw_load_attrs(load, path, &attrs);
	return rw_policy_wants_mr(&attrs, rw_load_op(op), layout->nr_segs);
}

uint32_t rw_load_mr_chain_wqes(const struct rw_load *load, uint32_t nr_segs)
{
	struct rw_attrs attrs;

	rw_load_attrs(load, RW_PATH_MR, &attrs);
	return rw_div_ceil(nr_segs, load->mr_entries) * (1u + attrs.reg_wqes + attrs.invalidate);
}

/*
 * A WR reaches one piece of the peer's memory. Where that is scattered, the pieces are
 * the same whatever path an operation goes: no longer than any of them can take.
 */
static void choose_wr_segs(struct rw_load *load)
{
	const struct rw_conf *conf = load->conf;
	uint32_t most = load->engine ? load->mr_entries : RW_MAX_SEGMENTS;

	load->wr_segs = RW_MAX_SEGMENTS;
	if (!conf->remote_stride_bytes)
		return;
	for (int op = RW_VERB_READ; op <= RW_VERB_WRITE && rw_load_may_go_direct(load); op++)
		if (rw_conf_has_op(conf, op))
			most = rw_min(most, rw_device_max_sge(load->device, op == RW_VERB_READ));
	load->wr_segs = most;
	load->mr_entries = rw_min(load->mr_entries, most);
}

int rw_load_remote_of(const struct rw_load *load, const struct rw_layout *layout,
		      struct rw_remote *remote, struct rw_err *err)
{
	return rw_remote_init(remote, layout, load->conf->remote_stride_bytes, load->wr_segs, err);
}

/* One engine for all rows: the best for the largest size. */
int rw_load_choose_engine(struct rw_load *load, struct rw_err *err)
{
	const struct rw_conf *conf = load->conf;
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);
	struct rw_layout layout;
	int ret = rw_load_layout_of(conf, sizes[n - 1], &layout, err);

	if (ret)
		return ret;
	if (!wants_engine(conf)) {
		choose_wr_segs(load);
		return 0;
	}
	ret = rw_engine_choose(conf->engine, load->device, &layout, &load->engine, err);
	if (!ret)
		ret = choose_mr_entries(load, layout.nr_segs, &load->mr_entries, err);
	if (!ret)
		choose_wr_segs(load);
	return ret;
}

/*
 * rdma_rw_can_use_mr reads the device's max_sgl_rd; a process has to ask the
 * firmware, and may be told no.
 */
void rw_load_find_max_sgl_rd(struct rw_load *load)
{
	struct rw_err why = { 0 };

	if (load->conf->max_sgl_rd != RW_AUTO) {
		load->max_sgl_rd = (uint32_t)load->conf->max_sgl_rd;
		snprintf(load->max_sgl_rd_source, sizeof(load->max_sgl_rd_source), "--max_sgl_rd");
	} else if (!rw_engine_query_max_sgl_rd(load->device, &load->max_sgl_rd, &why)) {
		snprintf(load->max_sgl_rd_source, sizeof(load->max_sgl_rd_source), "firmware");
	} else {
		load->max_sgl_rd = 0;
		snprintf(load->max_sgl_rd_source, sizeof(load->max_sgl_rd_source),
			 "0 since %s", why.text);
	}
}

/* May operations of this kind, by any path of the run, take MRs? */
static bool kind_uses_mrs(const struct rw_load *load, enum rw_verb op,
			  const struct rw_layout *layout)
{
	for (int path = 0; path < RW_NR_PATHS; path++)
		if (load->conf->paths >> path & 1 && rw_load_uses_mrs(load, path, op, layout))
			return true;
	return false;
}

/* Each context of a row has a window for each kind of operation. */
static uint64_t window_mappings(const struct rw_load *load, const struct rw_layout *layout)
{
	struct rw_kind kinds[RW_MAX_KINDS];
	struct rw_err checked = { 0 };
	uint32_t n = rw_conf_kinds(load->conf, kinds);
	uint64_t segs = 0;

	for (uint32_t i = 0; i < n && rw_conf_is_mixed(load->conf); i++) {
		struct rw_layout one;

		if (!rw_load_layout_of(load->conf, kinds[i].size_bytes, &one, &checked))
			segs += one.nr_segs;
	}
	/* The process has them all: --explain asks for a load that is no share. */
	return rw_conf_slots(load->share ? load->share->run : load->conf) *
	       (segs ? segs : layout->nr_segs);
}

/* What would stop a row that takes MRs is found before anything runs. */
int rw_load_check_mr_row(const struct rw_load *load, const struct rw_layout *layout,
			 struct rw_err *err)
{
	uint32_t mrs = rw_div_ceil(layout->nr_segs, load->mr_entries);
	uint64_t pool = rw_conf_pool_size(load->conf, mrs);
	int ret = load->engine->check(load->device, layout, err);

	/* Nothing of a device that is not there is mapped. */
	if (!ret && load->engine->needs_window && !load->device->profile)
		ret = rw_arena_check_windows(window_mappings(load, layout), err);
	if (!ret && load->conf->on_exhaustion != RW_EXHAUSTION_FALLBACK && pool < mrs)
		ret = rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			      "one operation needs %u MRs and the pool has %" PRIu64
			      ": it would never run; raise --mr_pool or --mr_entries",
			      mrs, pool);
	return ret;
}

static int find_needs(const struct rw_load *load, struct needs *needs, struct rw_err *err)
{
	const struct rw_conf *conf = load->conf;
	struct rw_kind kinds[RW_MAX_KINDS];
	uint32_t n = rw_conf_kinds(conf, kinds);

	memset(needs, 0, sizeof(*needs));
	for (uint32_t i = 0; i < n; i++) {
		struct rw_remote remote;
		struct rw_layout layout;
		uint32_t sge;
		uint64_t span;
		int ret = rw_load_layout_of(conf, kinds[i].size_bytes, &layout, err);

		if (!ret)
			ret = rw_load_remote_of(load, &layout, &remote, err);
		if (ret)
			return ret;
		sge = rw_min(rw_device_max_sge(load->device, kinds[i].op == RW_VERB_READ),
			     rw_min(layout.nr_segs, load->wr_segs));
		/* Slots and windows begin on a page. */
		span = rw_round_up(rw_layout_span(&layout), RW_PAGE_BYTES);
		needs->slot_bytes = rw_max(needs->slot_bytes, span);
		needs->max_sge = rw_max(needs->max_sge, sge);
		if (rw_load_may_go_direct(load))
			needs->wqes = rw_max(needs->wqes, rw_div_ceil(layout.nr_segs, sge));
		if (!load->engine || !kind_uses_mrs(load, kinds[i].op, &layout))
			continue;
		needs->wqes = rw_max(needs->wqes, rw_load_mr_chain_wqes(load, layout.nr_segs));
		ret = rw_load_check_mr_row(load, &layout, err);
		if (ret)
			return ret;
	}
	if (needs->slot_bytes > MAX_SLOT_BYTES)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "one operation spreads over %" PRIu64
			       " GiB; lower --sges or --segment_stride",
			       needs->slot_bytes >> 30);
	return 0;
}

/* A window of engine reg is made of pages of 4 KiB. */
static int refuse_hugepages(const struct rw_load *load, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "engine %s maps segments a second time by pages of 4 KiB, which huge pages do not allow; give --path=direct, or leave huge pages out",
		       load->engine->name);
}

static int open_arena(struct rw_load *load, int memory_node, struct rw_err *err)
{
	bool has_windows = load->engine && load->engine->needs_window;
	struct rw_arena_want want;
	int ret;

	ret = rw_bench_want_memory(load->conf, load->device, load->slot_bytes, memory_node,
				   IBV_ACCESS_LOCAL_WRITE, &want, err);
	if (ret)
		return ret;
	want.null_mr = load->conf->use_null_mr;
	/* A file holds the memory of all threads. */
	want.file_offset += load->share->first_slot * load->slot_bytes;
	if (has_windows && want.pages == RW_PAGES_HUGE)
		return refuse_hugepages(load, err);
	if (has_windows)
		want.pages = RW_PAGES_SMALL;
	ret = rw_arena_open(load->ep.pd, &want, &load->arena, err);
	if (ret || !has_windows || load->arena.page_bytes == RW_PAGE_BYTES)
		return ret;
	/* A file of hugetlbfs. */
	rw_arena_close(&load->arena);
	return refuse_hugepages(load, err);
}

/*
 * Send WRs of a QP: room for the longest chain of each context, fallback
 * included, or what rdma_rw_init_qp would give it.
 */
static uint64_t send_wrs(const struct rw_load *load, const struct needs *needs)
{
	const struct rw_conf *conf = load->conf;
	struct rw_attrs attrs;
	uint32_t most = 0;

	if (conf->sq == RW_SQ_FULL)
		return conf->contexts * needs->wqes + RW_MARKER_WQES;
	for (int path = 0; path < RW_NR_PATHS; path++) {
		if (!(conf->paths >> path & 1))
			continue;
		rw_load_attrs(load, path, &attrs);
		most = rw_max(most, rw_sizing_max_send_wr(&attrs, (uint32_t)conf->contexts));
	}
	return most + RW_MARKER_WQES;
}

static int check_send_wrs(const struct rw_load *load, const struct rw_qp_want *want,
			  struct rw_err *err)
{
	if (want->min_send_wr <= want->max_send_wr)
		return 0;
	if (load->conf->sq == RW_SQ_KERNEL)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "one operation needs %u WRs, and --sq=kernel makes a send queue of %u for %" PRIu64
			       " contexts: it would never run; raise --contexts or give --sq=full",
			       want->min_send_wr - RW_MARKER_WQES,
			       want->max_send_wr - RW_MARKER_WQES, load->conf->contexts);
	return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
		       "one operation needs %u WRs, more than max_qp_wr %d of %s; lower --sges",
		       want->min_send_wr, device_attr(load->device)->max_qp_wr,
		       rw_device_name(load->device));
}

static int open_qps(struct rw_load *load, const struct needs *needs, struct rw_err *err)
{
	const struct ibv_device_attr *attr = device_attr(load->device);
	struct rw_qp_want *want = &load->qp_want;
	uint64_t cqes;
	int ret;

	*want = (struct rw_qp_want){
		.max_send_wr = (uint32_t)rw_min(send_wrs(load, needs), (uint64_t)attr->max_qp_wr),
		.min_send_wr = needs->wqes + RW_MARKER_WQES,
		.max_send_sge = needs->max_sge,
	};
	if (rw_conf_has_op(load->conf, RW_VERB_READ))
		want->send_ops |= IBV_QP_EX_WITH_RDMA_READ;
	if (rw_conf_has_op(load->conf, RW_VERB_WRITE))
		want->send_ops |= IBV_QP_EX_WITH_RDMA_WRITE;
	if (load->engine && load->engine->qp_ops) {
		want->ops = load->engine->qp_ops;
		want->send_ops |= load->engine->send_ops;
		if (load->engine->inline_bytes)
			want->max_inline_bytes = load->engine->inline_bytes(load->mr_entries);
	}
	want->max_inline_bytes =
		rw_max(want->max_inline_bytes, (uint32_t)load->conf->inline_bytes);
	ret = check_send_wrs(load, want, err);
	if (!ret && load->conf->use_ooo)
		ret = rw_engine_want_ooo(load->device, want, err);
	if (ret)
		return ret;
	if (load->conf->events)
		ret = rw_endpoint_use_events(&load->ep, (uint32_t)load->conf->comp_vector, err);
	if (ret)
		return ret;
	/* After an error every WR completes, signaled or not. */
	cqes = rw_min(load->conf->qps * want->max_send_wr, (uint64_t)attr->max_cqe);
	cqes = rw_max(cqes, load->nr_slots + load->conf->qps);
	return rw_endpoint_add_qps(&load->ep, (uint32_t)load->conf->qps, (uint32_t)cqes, want, err);
}

static int check_inline(const struct rw_load *load, struct rw_err *err)
{
	uint32_t granted = load->ep.qps[0].max_inline_bytes;

	if (granted >= load->conf->inline_bytes)
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
		       "--inline_size: %s granted %u bytes in a WQE; lower it",
		       rw_device_name(load->device), granted);
}

/* The device may have granted shorter lists than were asked for. */
static int take_granted_entries(struct rw_load *load, struct rw_err *err)
{
	uint32_t granted;

	if (!load->engine || !load->engine->granted_entries)
		return 0;
	granted = load->engine->granted_entries(&load->ep.qps[0]);
	if (granted >= load->mr_entries)
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
		       "%s granted %u inline bytes, lists of %u segments, and %u are wanted; give --mr_entries=%u",
		       rw_device_name(load->device), load->ep.qps[0].max_inline_bytes, granted,
		       load->mr_entries, granted);
}

static int alloc_qps(struct rw_load *load, struct rw_err *err)
{
	load->qps = calloc(load->conf->qps, sizeof(*load->qps));
	if (!load->qps)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < load->conf->qps; i++) {
		load->qps[i].qp = &load->ep.qps[i];
		load->qps[i].index = i;
	}
	return 0;
}

int rw_load_open(struct rw_load *load, const struct rw_load_want *want, struct rw_err *err)
{
	const struct rw_conf *conf = &want->share->conf;
	struct needs needs;
	int ret;

	memset(load, 0, sizeof(*load));
	load->share = want->share;
	load->conf = conf;
	load->device = want->device;
	load->yields = want->yields;
	load->watch = want->watch;
	load->clock = *want->clock;
	load->nr_slots = (uint32_t)(conf->contexts * conf->qps);
	rw_load_find_max_sgl_rd(load);
	ret = rw_load_choose_engine(load, err);
	if (!ret)
		ret = find_needs(load, &needs, err);
	if (ret)
		goto err_load;
	load->slot_bytes = needs.slot_bytes;
	ret = rw_endpoint_open(want->device, &load->ep, err);
	if (ret)
		goto err_load;
	ret = open_arena(load, want->memory_node, err);
	if (ret)
		goto err_endpoint;
	ret = open_qps(load, &needs, err);
	if (!ret)
		ret = take_granted_entries(load, err);
	if (!ret)
		ret = check_inline(load, err);
	if (!ret)
		ret = alloc_qps(load, err);
	if (!ret)
		return 0;

	free(load->qps);
	rw_arena_close(&load->arena);
err_endpoint:
	rw_endpoint_close(&load->ep);
err_load:
	/* For rw_load_close: it was never open. */
	memset(load, 0, sizeof(*load));
	return ret;
}

void rw_load_set_remote(struct rw_load *load, const struct rw_msg_buffer *buffer)
{
	load->remote = *buffer;
	load->remote.addr += load->share->first_slot * buffer->slot_bytes;
	if (buffer->nr_rkeys == 1)
		return;
	load->remote.nr_rkeys = (uint32_t)load->conf->qps;
	memcpy(load->remote.rkeys, &buffer->rkeys[load->share->first_qp],
	       load->remote.nr_rkeys * sizeof(*buffer->rkeys));
}

void rw_load_close_qps(struct rw_load *load)
{
	for (uint32_t i = 0; i < load->ep.nr_qps; i++)
		rw_qp_close(&load->ep.qps[i]);
	load->ep.nr_qps = 0;
}

void rw_load_close(struct rw_load *load)
{
	if (!load->conf)
		return;
	rw_load_close_qps(load);
	rw_arena_close(&load->arena);
	rw_endpoint_close(&load->ep);
	free(load->qps);
}
