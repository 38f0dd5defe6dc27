/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a load is to be: its engine, its threshold, and what its longest row needs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/load.h"
#include "conf/pool.h"
#include "rw/policy.h"
#include "rw/sizing.h"

/* More than this no arena can have; it keeps all sums within 64 bits. */
#define MAX_SLOT_BYTES (UINT64_C(1) << 40)

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
	struct rw_layout layout;
	int ret = rw_load_layout_of(conf, rw_conf_largest_size(conf), &layout, err);

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

int rw_load_find_needs(const struct rw_load *load, struct rw_load_needs *needs,
		       struct rw_err *err)
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
