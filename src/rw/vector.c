/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/vector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rw/sizing.h"
#include "rw/vector_json.h"
#include "util/compiler.h"

/* What every context of a seq does: the vectors state it in words only. */
#define SEQ_CONTEXTS	64
#define SEQ_MAX_SEGS	65536
#define SEQ_SEG_LENGTH	4096
#define SEQ_SEG_STRIDE	8192
#define SEQ_ADDR	UINT64_C(0x200000000)
#define SEQ_REMOTE_ADDR UINT64_C(0x7f0000000000)
#define SEQ_RKEY	77

/* What a vector of kind ctx or seq starts from. */
struct vector_bed {
	struct rw_attrs attrs;
	struct rw_mr_pool pool;
	struct rw_mr *mrs;
};

static int bed_init(struct vector_bed *bed, const json_t *vector, struct rw_err *err)
{
	uint32_t max_qp_wr;
	int ret = rw_vector_get_attrs(vector, &bed->attrs, &max_qp_wr, err);

	return ret ?: rw_vector_get_pool(vector, &bed->pool, &bed->mrs, err);
}

static int prepare(struct rw_ctx *ctx, const struct vector_bed *bed, const struct rw_io *io,
		   struct rw_err *err)
{
	int ret = rw_ctx_prepare(ctx, &bed->attrs, io);

	if (ret)
		return rw_fail(err, RW_EXIT_USAGE, ret, "no operation can be prepared from it: %s",
			       strerror(-ret));
	return 0;
}

static uint32_t count_ops(const struct rw_ctx *ctx)
{
	return ctx->type == RW_CTX_MR ? ctx->nr_mrs : ctx->nr_direct_wrs;
}

/* ---- one context */

static json_t *run_ctx(struct rw_ctx *ctx, struct rw_mr_pool *pool)
{
	const struct rw_wr *wrs;
	uint32_t nr_wrs;
	json_t *answer;
	int ret = rw_ctx_init(ctx, pool);

	if (ret < 0)
		return json_pack("{s:o, s:o}", "ret", rw_vector_pack_ret(ret), "pool_after_post",
				 rw_vector_pack_pool(pool));
	nr_wrs = rw_ctx_wrs(ctx, &wrs);
	answer = json_pack("{s:i, s:s, s:I, s:o, s:o}", "ret", ret, "type",
			   rw_vector_type_name(ctx->type), "nr_ops", (json_int_t)count_ops(ctx),
			   "wrs", rw_vector_pack_wrs(wrs, nr_wrs), "pool_after_post",
			   rw_vector_pack_pool(pool));
	rw_ctx_destroy(ctx, pool);
	if (json_object_set_new(answer, "pool_after_destroy", rw_vector_pack_pool(pool))) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

static int answer_ctx(const json_t *vector, json_t **answer_p, struct rw_err *err)
{
	const json_t *io_json = json_object_get(vector, "io");
	struct vector_bed bed = { 0 };
	struct rw_seg *segs = NULL;
	struct rw_io io = { 0 };
	struct rw_ctx ctx;
	int ret;

	ret = bed_init(&bed, vector, err);
	ret = ret ?: rw_vector_get_op(io_json, &io.op, err);
	ret = ret ?: rw_vector_get_u64(io_json, "offset", INT64_MAX, &io.offset, err);
	ret = ret ?: rw_vector_get_u64(io_json, "remote_addr", INT64_MAX, &io.remote_addr, err);
	ret = ret ?: rw_vector_get_u32(io_json, "rkey", &io.rkey, err);
	ret = ret ?: rw_vector_get_segs(io_json, &segs, &io.nr_segs, err);
	io.segs = segs;
	ret = ret ?: prepare(&ctx, &bed, &io, err);
	if (!ret) {
		*answer_p = run_ctx(&ctx, &bed.pool);
		ret = *answer_p ? 0 : -ENOMEM;
		rw_ctx_release(&ctx);
	}
	free(segs);
	free(bed.mrs);
	return ret;
}

/* ---- a sequence of steps on several contexts */

struct seq_ctx {
	struct rw_ctx ctx;
	struct rw_seg *segs;
	bool live;
	bool posted;
};

static void seq_ctx_fini(struct seq_ctx *sctx)
{
	rw_ctx_release(&sctx->ctx);
	free(sctx->segs);
	memset(sctx, 0, sizeof(*sctx));
}

static int seq_init(struct seq_ctx *sctx, struct vector_bed *bed, const json_t *step,
		    json_t **answer_p, struct rw_err *err)
{
	struct rw_io io = { .remote_addr = SEQ_REMOTE_ADDR, .rkey = SEQ_RKEY };
	uint64_t nr_segs;
	int ret;

	if (sctx->live)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "init of a context that is in use");
	ret = rw_vector_get_op(step, &io.op, err);
	ret = ret ?: rw_vector_get_u64(step, "sge_count", SEQ_MAX_SEGS, &nr_segs, err);
	if (ret)
		return ret;
	seq_ctx_fini(sctx);
	sctx->segs = calloc(nr_segs + 1, sizeof(*sctx->segs));
	if (!sctx->segs)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr_segs; i++)
		sctx->segs[i] = (struct rw_seg){
			.addr = SEQ_ADDR + (uint64_t)SEQ_SEG_STRIDE * i,
			.length = SEQ_SEG_LENGTH,
		};
	io.segs = sctx->segs;
	io.nr_segs = (uint32_t)nr_segs;
	ret = prepare(&sctx->ctx, bed, &io, err);
	if (ret)
		return ret;

	ret = rw_ctx_init(&sctx->ctx, &bed->pool);
	*answer_p = json_pack("{s:s, s:I, s:o}", "dir", io.op == RW_OP_READ ? "read" : "write",
			      "sge_count", (json_int_t)nr_segs, "ret", rw_vector_pack_ret(ret));
	if (ret < 0)
		return 0;
	sctx->live = true;
	sctx->posted = false;
	if (json_object_set_new(*answer_p, "type",
				json_string(rw_vector_type_name(sctx->ctx.type))) ||
	    json_object_set_new(*answer_p, "nr_ops", json_integer(count_ops(&sctx->ctx))))
		return -ENOMEM;
	return 0;
}

static int seq_post(struct seq_ctx *sctx, json_t **answer_p, struct rw_err *err)
{
	json_int_t counts[RW_WR_READ_WITH_INV + 1] = { 0 };
	json_int_t last_key = 0;
	const struct rw_wr *wrs;
	uint32_t nr_wrs;

	if (!sctx->live || sctx->posted)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "post of a context without a new init");
	sctx->posted = true;
	nr_wrs = rw_ctx_wrs(&sctx->ctx, &wrs);
	for (uint32_t i = 0; i < nr_wrs; i++) {
		counts[wrs[i].op]++;
		if (wrs[i].op == RW_WR_REG)
			last_key = wrs[i].key;
	}
	*answer_p = json_pack("{s:I}", "last_key", last_key);
	for (size_t op = 0; op < RW_ARRAY_SIZE(counts); op++)
		if (json_object_set_new(*answer_p, rw_wr_op_name(op), json_integer(counts[op])))
			return -ENOMEM;
	return 0;
}

static int seq_destroy(struct seq_ctx *sctx, struct rw_mr_pool *pool, json_t **answer_p,
		       struct rw_err *err)
{
	if (!sctx->live)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "destroy of a context not in use");
	rw_ctx_destroy(&sctx->ctx, pool);
	sctx->live = false;
	*answer_p = json_pack("{s:I}", "mrs_used", (json_int_t)(pool->size - pool->nr_free));
	return 0;
}

static int seq_step(struct seq_ctx *sctxs, struct vector_bed *bed, const json_t *step,
		    json_t **answer_p, struct rw_err *err)
{
	const char *verb;
	uint64_t nr;
	int ret;

	ret = rw_vector_get_string(step, "do", &verb, err);
	ret = ret ?: rw_vector_get_u64(step, "ctx", SEQ_CONTEXTS - 1, &nr, err);
	if (ret)
		return ret;
	if (!strcmp(verb, "init"))
		ret = seq_init(&sctxs[nr], bed, step, answer_p, err);
	else if (!strcmp(verb, "post"))
		ret = seq_post(&sctxs[nr], answer_p, err);
	else if (!strcmp(verb, "destroy"))
		ret = seq_destroy(&sctxs[nr], &bed->pool, answer_p, err);
	else
		ret = rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			      "\"do\" is not \"init\", \"post\" or \"destroy\"");
	if (ret)
		return ret;
	if (json_object_set_new(*answer_p, "do", json_string(verb)) ||
	    json_object_set_new(*answer_p, "ctx", json_integer((json_int_t)nr)))
		return -ENOMEM;
	return 0;
}

static int answer_seq(const json_t *vector, json_t **answer_p, struct rw_err *err)
{
	struct seq_ctx sctxs[SEQ_CONTEXTS] = { 0 };
	struct vector_bed bed = { 0 };
	json_t *answers = json_array();
	const json_t *steps, *step;
	size_t i;
	int ret;

	ret = bed_init(&bed, vector, err);
	ret = ret ?: rw_vector_get_array(vector, "steps", &steps, err);
	if (ret)
		goto out;
	json_array_foreach(steps, i, step)
	{
		json_t *answer = NULL;

		ret = seq_step(sctxs, &bed, step, &answer, err);
		if (json_array_append_new(answers, answer) && !ret)
			ret = -ENOMEM;
		if (ret)
			goto out;
	}
	*answer_p = json_pack("{s:O, s:o}", "steps", answers, "pool_end",
			      rw_vector_pack_pool(&bed.pool));
	ret = *answer_p ? 0 : -ENOMEM;

out:
	for (i = 0; i < SEQ_CONTEXTS; i++)
		seq_ctx_fini(&sctxs[i]);
	json_decref(answers);
	free(bed.mrs);
	return ret;
}

/* ---- how large the kernel makes a QP */

static int answer_size(const json_t *vector, json_t **answer_p, struct rw_err *err)
{
	uint32_t base_send_wr, contexts, max_pages, max_qp_wr;
	struct rw_attrs attrs;
	int ret;

	ret = rw_vector_get_attrs(vector, &attrs, &max_qp_wr, err);
	ret = ret ?: rw_vector_get_u32(vector, "base_send_wr", &base_send_wr, err);
	ret = ret ?: rw_vector_get_u32(vector, "max_rdma_ctxs", &contexts, err);
	ret = ret ?: rw_vector_get_u32(vector, "max_pages", &max_pages, err);
	if (ret)
		return ret;
	*answer_p = json_pack(
		"{s:I, s:I, s:I}", "max_send_wr",
		(json_int_t)rw_sizing_qp_send_wr(&attrs, base_send_wr, contexts, max_qp_wr),
		"mr_factor", (json_int_t)rw_sizing_mr_factor(&attrs, max_pages), "rw_max_send_wr",
		(json_int_t)rw_sizing_max_send_wr(&attrs, contexts));
	return *answer_p ? 0 : -ENOMEM;
}

int rw_vector_answer(const json_t *vector, json_t **answer_p, struct rw_err *err)
{
	const char *kind;
	int ret = rw_vector_get_string(vector, "kind", &kind, err);

	if (ret)
		return ret;
	if (!strcmp(kind, "ctx"))
		return answer_ctx(vector, answer_p, err);
	if (!strcmp(kind, "seq"))
		return answer_seq(vector, answer_p, err);
	if (!strcmp(kind, "size"))
		return answer_size(vector, answer_p, err);
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "\"kind\" is not \"ctx\", \"seq\" or \"size\"");
}
