/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For programs. */
#include "explain/explain.h"
#include "util/json.h"

/* Numbers that are 0 when not known. */
static json_t *known(uint64_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *limit_json(const struct rw_limit *limit)
{
	if (!limit->source)
		return json_pack("{s:n, s:n}", "value", "source");
	return json_pack("{s:I, s:o}", "value", (json_int_t)limit->value, "source",
			 rw_json_text(limit->source));
}

static json_t *limits_json(const struct rw_limits *limits)
{
	json_t *obj = json_pack("{s:o, s:b, s:b}", "name", rw_json_text(limits->name), "is_profile",
				(int)limits->is_profile, "iwarp", (int)limits->iwarp);

	for (int id = 0; id < RW_NR_LIMITS; id++)
		if (json_object_set_new(obj, rw_limit_name(id), limit_json(&limits->limits[id])))
			goto err_free;
	return obj;

err_free:
	json_decref(obj);
	return NULL;
}

json_t *rw_explain_head_json(const struct rw_explain *explain)
{
	const struct rw_iommu *iommu = &explain->iommu;
	char text[RW_EXPLAIN_TEXT];

	return json_pack("{s:i, s:s, s:o, s:o, s:{s:s, s:s, s:s, s:s}, s:O?, s:[]}", "schema_version", 1,
			 "document", "explain", "options", rw_conf_to_json(explain->conf, false),
			 "limits", limits_json(&explain->limits), "iommu", "of",
			 explain->has_device ? "device" : "host", "mode",
			 rw_iommu_mode_name(iommu->mode), "type", iommu->type, "text",
			 rw_explain_iommu_text(explain, text), "notes", explain->notes, "rows");
}

static json_t *wr_json(const struct rw_explain_wr *wr)
{
	char text[RW_EXPLAIN_TEXT];

	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:o, s:s, s:b, s:b, s:o}", "op",
			 rw_wr_op_name(wr->op), "posted", (int)wr->is_posted, "sges",
			 (json_int_t)wr->nr_sge, "segments", (json_int_t)wr->nr_segs, "bytes",
			 (json_int_t)wr->length, "mr",
			 wr->through_mr ? json_integer(wr->mr) : json_null(), "key",
			 rw_explain_key_text(wr, text), "signaled", (int)wr->signaled, "fence",
			 (int)wr->fence, "wqe_bytes", known(wr->wqe_bytes));
}

static json_t *chain_json(const struct rw_explain_chain *chain)
{
	json_t *list;

	if (!chain->nr_lines)
		return json_null();
	list = json_array();
	for (uint32_t i = 0; i < chain->nr_lines; i++)
		if (json_array_append_new(list, wr_json(&chain->wrs[i])))
			goto err_free;
	return json_pack("{s:I, s:I, s:o, s:o}", "nr_wrs", (json_int_t)chain->nr_wrs, "reads",
			 (json_int_t)chain->nr_reads, "wqe_bytes", known(chain->wqe_bytes), "wrs",
			 list);

err_free:
	json_decref(list);
	return NULL;
}

static json_t *budget_json(const struct rw_explain_row *row)
{
	const struct rw_explain_budget *b = &row->budget;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o}",
		"sq_wrs", (json_int_t)b->sq_run, "longest_wrs", (json_int_t)b->longest, "sq_full_wrs", (json_int_t)b->sq_full,
		"sq_kernel_wrs", (json_int_t)b->sq_kernel, "kernel_wrs_per_context",
		(json_int_t)b->kernel_per_context, "longest_chains_in_sq_kernel",
		(json_int_t)b->fits_kernel, "cq_entries", (json_int_t)b->cqes,
		"cq_entries_on_error", (json_int_t)b->cqes_error, "mrs_needed",
		(json_int_t)b->mrs_needed, "mr_pool", (json_int_t)b->mr_pool, "kernel_mr_entries",
		(json_int_t)b->kernel_entries, "kernel_mr_factor", (json_int_t)b->mr_factor,
		"max_rd_atom", known(b->rd_atom), "buffer_bytes", (json_int_t)b->buffer_bytes,
		"sq_wqe_bytes", known(b->sq_bytes));
}

static json_t *loss_json(const struct rw_explain_loss *loss)
{
	if (!loss->prediction.model)
		return json_null();
	return json_pack("{s:s, s:f, s:f, s:o}", "model", loss->prediction.model,
			 "exhaustion_share", loss->prediction.share, "erlangs", loss->erlangs,
			 "pool_for_target", known(loss->pool_wanted));
}

json_t *rw_explain_row_json(const struct rw_explain *explain, const struct rw_explain_row *row)
{
	char reason[RW_EXPLAIN_TEXT], sges[RW_EXPLAIN_TEXT], entries[RW_EXPLAIN_TEXT];
	char exhausted[RW_EXPLAIN_TEXT];
	enum rw_verb op = row->op == RW_OP_WRITE ? RW_VERB_WRITE : RW_VERB_READ;

	return json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:s, s:{s:s, s:s}, s:o, s:I, s:o, s:o, s:I, s:s, s:I, s:o, s:{s:s, s:s, s:b}, s:o, s:o, s:o}",
		"op", rw_conf_op_name(op), "path", rw_conf_path_name(row->path), "size_bytes",
		(json_int_t)row->layout.size_bytes, "sges", (json_int_t)row->layout.nr_segs, "entries",
		(json_int_t)row->nr_entries, "decision",
		row->wants_mr ? "mr" : "direct", "reason", "id",
		rw_explain_reason_name(row->reason), "text", rw_explain_reason_text(row, reason),
		"engine", row->wants_mr ? json_string(explain->engine.name) : json_null(), "mrs",
		(json_int_t)row->nr_mrs, "mr_entries",
		row->wants_mr ? json_integer(row->attrs.mr_entries) : json_null(),
		"mr_entries_text",
		row->wants_mr ? json_string(rw_explain_entries_text(explain, row, entries)) :
				json_null(),
		"max_sge", (json_int_t)row->max_sge, "max_sge_text", rw_explain_sge_text(row, sges),
		"first_wrs", (json_int_t)row->first_wrs, "chain", chain_json(&row->chain),
		"exhausted", "id", rw_explain_exhausted_name(row->exhausted), "text",
		rw_explain_exhausted_text(explain, row, exhausted), "kernel_falls_back",
		(int)row->kernel_falls_back, "fallback", chain_json(&row->fallback), "budgets",
		budget_json(row), "loss", loss_json(&row->loss));
}
