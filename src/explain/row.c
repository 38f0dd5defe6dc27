/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A row: the planner is asked as a run asks it, and its answers are kept. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/pool.h"
#include "explain/explain.h"
#include "rw/sizing.h"

/* Addresses decide nothing here: each segment just has its own. */
#define LOCAL_ADDR  (UINT64_C(1) << 32)
#define REMOTE_ADDR (UINT64_C(1) << 40)
#define FIRST_KEY   0x100

/* What one operation works on. */
struct bed {
	struct rw_ctx ctx;
	struct rw_seg *segs;
	struct rw_mr *mrs;
	struct rw_mr_pool pool;
};

static int out_of_memory(struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
}

static void bed_release(struct bed *bed)
{
	rw_ctx_release(&bed->ctx);
	free(bed->segs);
	free(bed->mrs);
}

static int bed_init(struct bed *bed, const struct rw_explain_row *row, struct rw_err *err)
{
	const struct rw_layout *layout = &row->layout;
	struct rw_io io = { .op = row->op, .nr_segs = layout->nr_segs, .remote_addr = REMOTE_ADDR };
	int ret;

	memset(bed, 0, sizeof(*bed));
	bed->segs = calloc(layout->nr_segs, sizeof(*bed->segs));
	if (!bed->segs)
		return out_of_memory(err);
	for (uint32_t i = 0; i < layout->nr_segs; i++)
		bed->segs[i] = (struct rw_seg){
			.addr = LOCAL_ADDR + i * layout->stride_bytes,
			.length = rw_layout_length(layout, i),
		};
	io.segs = bed->segs;
	ret = rw_ctx_prepare(&bed->ctx, &row->attrs, &io);
	if (ret) {
		ret = rw_fail(err, RW_EXIT_RUN, ret, "cannot plan an operation of %u segments: %s",
			      layout->nr_segs, strerror(-ret));
		goto err_release;
	}
	bed->mrs = calloc(bed->ctx.nr_mrs, sizeof(*bed->mrs));
	if (!bed->mrs) {
		ret = out_of_memory(err);
		goto err_release;
	}
	for (uint32_t i = 0; i < bed->ctx.nr_mrs; i++)
		bed->mrs[i].key = FIRST_KEY * (i + 1);
	rw_mr_pool_init(&bed->pool, bed->mrs, bed->ctx.nr_mrs);
	return 0;

err_release:
	bed_release(bed);
	return ret;
}

static uint32_t sges_of(const struct rw_wr *wr)
{
	if (wr->op == RW_WR_LOCAL_INV || wr->op == RW_WR_REG)
		return 0;
	return wr->mr ? 1 : wr->nr_segs;
}

/* Keep @wrs; WRs of a registration that takes none are not posted. */
static int keep_chain(const struct rw_explain *explain, const struct rw_explain_row *row,
		      const struct rw_wr *wrs, uint32_t nr_wrs, struct rw_explain_chain *chain)
{
	const struct rw_explain_engine *engine = &explain->engine;

	chain->wrs = calloc(nr_wrs, sizeof(*chain->wrs));
	if (!chain->wrs)
		return -ENOMEM;
	chain->nr_lines = nr_wrs;
	for (uint32_t i = 0; i < nr_wrs; i++) {
		const struct rw_wr *wr = &wrs[i];
		bool is_posted = wr->op != RW_WR_REG || row->attrs.reg_wqes;

		chain->wrs[i] = (struct rw_explain_wr){
			.op = wr->op,
			.is_posted = is_posted,
			.signaled = wr->signaled,
			.fence = wr->fence,
			.through_mr = wr->mr != NULL,
			.mr = wr->mr ? wr->mr->index : 0,
			.nr_segs = wr->op == RW_WR_REG ? wr->nr_segs : 0,
			.nr_sge = sges_of(wr),
			.length = wr->length,
			.wqe_bytes = is_posted && engine->wqe_bytes ?
					     engine->wqe_bytes(engine->arg, wr) :
					     0,
		};
		chain->nr_wrs += is_posted;
		chain->nr_reads += wr->op == RW_WR_READ || wr->op == RW_WR_READ_WITH_INV;
		chain->signaled += wr->signaled;
		chain->wqe_bytes += chain->wrs[i].wqe_bytes;
	}
	return 0;
}

/* Twice: from the second operation on an MR is one that was used before. */
static int plan_chain(const struct rw_explain *explain, struct rw_explain_row *row,
		      struct bed *bed, struct rw_err *err)
{
	const struct rw_wr *wrs;
	uint32_t nr_wrs;
	int ret = rw_ctx_init(&bed->ctx, &bed->pool);

	if (ret >= 0) {
		row->first_wrs = (uint32_t)ret;
		rw_ctx_wrs(&bed->ctx, &wrs);
		rw_ctx_destroy(&bed->ctx, &bed->pool);
		/* In order again: MR 0 is the operation's first. Keys stay as they are. */
		rw_mr_pool_init(&bed->pool, bed->mrs, bed->pool.size);
		ret = rw_ctx_init(&bed->ctx, &bed->pool);
	}
	if (ret < 0)
		return rw_fail(err, RW_EXIT_RUN, ret,
			       "the planner refused an operation of %u segments: %s",
			       row->layout.nr_segs, strerror(-ret));
	nr_wrs = rw_ctx_wrs(&bed->ctx, &wrs);
	ret = keep_chain(explain, row, wrs, nr_wrs, &row->chain);
	rw_ctx_destroy(&bed->ctx, &bed->pool);
	return ret ? out_of_memory(err) : 0;
}

/* With an empty pool. What follows is the loop's, as in src/bench/load.c. */
static int plan_exhaustion(const struct rw_explain *explain, struct rw_explain_row *row,
			   struct bed *bed, struct rw_err *err)
{
	struct rw_mr_pool empty;
	const struct rw_wr *wrs;
	uint32_t nr_wrs;
	int ret;

	if (!row->wants_mr)
		return 0;
	rw_mr_pool_init(&empty, NULL, 0);
	ret = rw_ctx_init(&bed->ctx, &empty);
	if (ret < 0 && explain->conf->on_exhaustion == RW_EXHAUSTION_FALLBACK)
		ret = rw_ctx_init_direct(&bed->ctx);
	if (ret < 0) {
		row->exhausted = explain->conf->on_exhaustion == RW_EXHAUSTION_FAIL ?
					 RW_EXHAUSTED_FAIL :
					 RW_EXHAUSTED_WAIT;
		return 0;
	}
	row->exhausted = RW_EXHAUSTED_FALLBACK;
	nr_wrs = rw_ctx_wrs(&bed->ctx, &wrs);
	ret = keep_chain(explain, row, wrs, nr_wrs, &row->fallback);
	return ret ? out_of_memory(err) : 0;
}

static uint32_t limit_or(const struct rw_explain *explain, enum rw_limit_id id, uint32_t unknown)
{
	const struct rw_limit *limit = &explain->limits.limits[id];

	return limit->source ? limit->value : unknown;
}

static uint32_t rd_atom(const struct rw_explain *explain)
{
	uint64_t limit = limit_or(explain, RW_LIMIT_MAX_QP_RD_ATOM, 0);
	uint64_t outs = explain->conf->outs;

	if (outs == RW_AUTO)
		return (uint32_t)limit;
	return (uint32_t)(limit ? rw_min(outs, limit) : outs);
}

static void fill_budget(const struct rw_explain *explain, struct rw_explain_row *row)
{
	const struct rw_conf *conf = explain->conf;
	uint32_t max_qp_wr = limit_or(explain, RW_LIMIT_MAX_QP_WR, UINT32_MAX);
	uint32_t contexts = (uint32_t)conf->contexts;
	struct rw_explain_budget *budget = &row->budget;
	struct rw_attrs kernel = row->attrs;
	uint64_t pages = rw_div_ceil(rw_layout_span(&row->layout), RW_PAGE_BYTES);

	/* The kernel knows no path direct: its rule decides how a QP is sized. */
	if (kernel.policy == RW_POLICY_DIRECT)
		kernel.policy = RW_POLICY_AUTO;
	kernel.mr_entries = rw_sizing_mr_entries(
		limit_or(explain, RW_LIMIT_FAST_REG_PAGES, RW_SIZING_MAX_MR_ENTRIES));
	budget->kernel_entries = kernel.mr_entries;
	budget->mr_factor = rw_sizing_mr_factor(&kernel, row->nr_entries);
	budget->kernel_per_context = rw_sizing_max_send_wr(&kernel, 1);
	budget->sq_kernel = rw_sizing_qp_send_wr(&kernel, 0, contexts, max_qp_wr);

	budget->longest = rw_max(rw_max(row->chain.nr_wrs, row->fallback.nr_wrs), row->first_wrs);
	budget->sq_wanted = (uint64_t)contexts * budget->longest + explain->marker_wrs;
	budget->sq_full = rw_min(budget->sq_wanted, (uint64_t)max_qp_wr);
	budget->fits_kernel = budget->sq_kernel / budget->longest;
	budget->cqes = conf->qps * contexts * row->chain.signaled;
	budget->sq_run = conf->sq == RW_SQ_KERNEL ?
				 rw_min((uint64_t)budget->sq_kernel + explain->marker_wrs, max_qp_wr) :
				 budget->sq_full;
	budget->cqes_error = conf->qps * budget->sq_run;
	if (row->wants_mr) {
		budget->mrs_needed = rw_conf_pool_contexts(conf) * row->nr_mrs;
		budget->mr_pool = rw_conf_pool_size(conf, row->nr_mrs);
	}
	budget->rd_atom = rd_atom(explain);
	budget->buffer_bytes = conf->qps * contexts * pages * RW_PAGE_BYTES;
	budget->sq_bytes = contexts * rw_max(row->chain.wqe_bytes, row->fallback.wqe_bytes);
}

static void decide(struct rw_explain_row *row, const struct rw_ctx *ctx)
{
	struct rw_attrs kernel = row->attrs;

	kernel.no_fallback = false;
	row->nr_entries = ctx->nr_entries;
	row->reason = rw_policy_reason(&row->attrs, row->op, ctx->nr_entries);
	row->wants_mr = ctx->wants_mr;
	row->nr_mrs = ctx->wants_mr ? ctx->nr_mrs : 0;
	row->max_sge = rw_policy_max_sge(&row->attrs, row->op);
	row->kernel_falls_back = row->wants_mr && rw_policy_has_fallback(&kernel);
}

/* A fallback holds no MR: the models are told that it takes no time. */
static void fill_loss(const struct rw_explain *explain, struct rw_explain_row *row)
{
	const struct rw_conf *conf = explain->conf;
	struct rw_loss_load load = rw_conf_pool_load(conf);
	struct rw_err ignored = { 0 };

	/* Of a mix, the kinds share the rate and the pool: no model knows that. */
	if (!conf->hold_ns || !row->wants_mr || rw_conf_is_mixed(conf) ||
	    !rw_conf_pools_are_alike(conf))
		return;
	load.pool = (uint32_t)row->budget.mr_pool;
	load.mrs_per_op = row->nr_mrs;
	load.hold_ns = (double)conf->hold_ns;
	if (rw_loss_predict(&load, &row->loss.prediction))
		return;
	row->loss.erlangs = load.rate * load.hold_ns * 1e-9;
	rw_conf_pool_target(conf, &row->loss.target, &ignored);
	if (row->loss.target > 0)
		rw_loss_pool_for(&load, row->loss.target, &row->loss.pool_wanted);
}

int rw_explain_row(const struct rw_explain *explain, const struct rw_kind *kind,
		   enum rw_conf_path path, struct rw_explain_row *row, struct rw_err *err)
{
	const struct rw_conf *conf = explain->conf;
	struct bed bed;
	int ret;

	memset(row, 0, sizeof(*row));
	row->path = path;
	row->op = kind->op == RW_VERB_WRITE ? RW_OP_WRITE : RW_OP_READ;
	row->attrs = explain->attrs[path];
	ret = rw_layout_init(&row->layout, kind->size_bytes, conf->sges, conf->segment_bytes,
			     conf->stride_bytes, err);
	if (!ret)
		ret = bed_init(&bed, row, err);
	if (ret)
		return ret;
	decide(row, &bed.ctx);
	ret = plan_chain(explain, row, &bed, err);
	if (!ret)
		ret = plan_exhaustion(explain, row, &bed, err);
	bed_release(&bed);
	if (ret) {
		rw_explain_row_release(row);
		return ret;
	}
	fill_budget(explain, row);
	fill_loss(explain, row);
	return 0;
}

void rw_explain_row_release(struct rw_explain_row *row)
{
	free(row->chain.wrs);
	free(row->fallback.wrs);
	row->chain.wrs = row->fallback.wrs = NULL;
}
