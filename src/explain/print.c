/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "explain/explain.h"
#include "util/units.h"

#define LABEL 14

static void print_limit(const struct rw_limits *limits, enum rw_limit_id id)
{
	const struct rw_limit *limit = &limits->limits[id];

	if (limit->source)
		printf("   %-26s : %-8u %s\n", rw_limit_name(id), limit->value, limit->source);
	else
		printf("   %-26s : not known\n", rw_limit_name(id));
}

void rw_explain_print_head(const struct rw_explain *explain)
{
	const struct rw_limits *limits = &explain->limits;
	char text[RW_EXPLAIN_TEXT];
	const json_t *note;
	size_t i;

	printf(" Limits of %s %s%s\n", limits->is_profile ? "profile" : "device", limits->name,
	       limits->iwarp ? " (iWARP)" : "");
	for (int id = 0; id < RW_NR_LIMITS; id++)
		print_limit(limits, id);
	printf(" IOMMU of %s\n", rw_explain_iommu_text(explain, text));
	json_array_foreach(explain->notes, i, note)
		printf(" NOTE: %s\n", json_string_value(note));
}

static bool is_same(const struct rw_explain_wr *a, const struct rw_explain_wr *b)
{
	return a->op == b->op && a->is_posted == b->is_posted && a->signaled == b->signaled &&
	       a->fence == b->fence && a->through_mr == b->through_mr && a->mr == b->mr &&
	       a->nr_segs == b->nr_segs && a->nr_sge == b->nr_sge && a->length == b->length &&
	       a->wqe_bytes == b->wqe_bytes;
}

static const char *or_dash(uint64_t number, char buf[RW_SIZE_TEXT])
{
	snprintf(buf, RW_SIZE_TEXT, number ? "%" PRIu64 : "-", number);
	return buf;
}

/* Lines that are alike stand there once: "1-8". */
static void print_chain(const struct rw_explain_chain *chain)
{
	char where[32], sge[RW_SIZE_TEXT], bytes[RW_SIZE_TEXT], wqe[RW_SIZE_TEXT];
	char key[RW_EXPLAIN_TEXT];
	uint32_t same;

	printf("     %-9s %-18s %-5s %-10s %-9s %-8s %-5s  %s\n", "WR", "op", "SGEs", "bytes",
	       "WQE bytes", "signaled", "fence", "key");
	for (uint32_t i = 0; i < chain->nr_lines; i += same) {
		const struct rw_explain_wr *wr = &chain->wrs[i];

		for (same = 1; i + same < chain->nr_lines && is_same(wr, wr + same); same++)
			;
		if (same > 1)
			snprintf(where, sizeof(where), "%u-%u", i + 1, i + same);
		else
			snprintf(where, sizeof(where), "%u", i + 1);
		printf("     %-9s %-18s %-5s %-10s %-9s %-8s %-5s  %s%s\n", where,
		       rw_wr_op_name(wr->op), or_dash(wr->nr_sge, sge),
		       or_dash(wr->length, bytes), or_dash(wr->wqe_bytes, wqe),
		       wr->signaled ? "yes" : "no", wr->fence ? "yes" : "no",
		       rw_explain_key_text(wr, key), wr->is_posted ? "" : " (a system call, no WR)");
	}
}

static void print_chain_head(const char *label, const struct rw_explain_chain *chain)
{
	printf("   %-*s: %u WR%s, %u outstanding READ%s", LABEL, label, chain->nr_wrs,
	       chain->nr_wrs == 1 ? "" : "s", chain->nr_reads, chain->nr_reads == 1 ? "" : "s");
	if (chain->wqe_bytes)
		printf(", %" PRIu64 " WQE bytes", chain->wqe_bytes);
}

static void print_queue(const struct rw_explain *explain, const struct rw_explain_row *row)
{
	const struct rw_explain_budget *budget = &row->budget;
	const char *what = row->fallback.nr_lines && row->fallback.nr_wrs == budget->longest ?
				   "fallbacks" :
				   "operations";

	printf("   %-*s: %" PRIu64 " WRs%s hold the longest chain (%u) of every context%s\n", LABEL,
	       "Send queue", budget->sq_full,
	       budget->sq_full < budget->sq_wanted ? ", all that max_qp_wr allows, do not" : "",
	       budget->longest, explain->conf->sq == RW_SQ_FULL ? "" : " (--sq=full)");
	printf("   %-*s  the kernel makes %u WRs, %u a context: %u such %s fill it%s\n", LABEL, "",
	       budget->sq_kernel, budget->kernel_per_context, budget->fits_kernel, what,
	       explain->conf->sq == RW_SQ_KERNEL ? "; so does --sq=kernel" : "");
	if (budget->longest + explain->marker_wrs > budget->sq_run)
		printf("   %-*s  one operation does not fit the send queue: the run will refuse it\n",
		       LABEL, "");
	printf("   %-*s: %" PRIu64 " for operations in flight, %" PRIu64
	       " when all WRs fail (all QPs)\n",
	       LABEL, "CQ entries", budget->cqes, budget->cqes_error);
}

static void print_reads(const struct rw_explain_row *row)
{
	uint32_t longest = rw_max(row->chain.nr_reads, row->fallback.nr_reads);
	uint32_t rd_atom = row->budget.rd_atom;

	if (!longest)
		return;
	printf("   %-*s: %u", LABEL, "READ slots", row->chain.nr_reads);
	if (row->fallback.nr_lines)
		printf(", or %u in a fallback,", row->fallback.nr_reads);
	if (rd_atom)
		printf(" of the %u of a QP (max_qp_rd_atom)%s\n", rd_atom,
		       longest > rd_atom ? ": one operation waits for its own READs" : "");
	else
		printf(" an operation; max_qp_rd_atom is not known\n");
}

static void print_pool(const struct rw_explain_row *row)
{
	const struct rw_explain_budget *budget = &row->budget;
	uint64_t served = row->nr_mrs ? budget->mr_pool / row->nr_mrs : 0;

	if (budget->kernel_per_context > 1)
		printf("   %-*s: mr_factor %u for this size, MRs of up to %u pages (rdma_rw_mr_factor)\n", LABEL,
		       "Kernel's pool", budget->mr_factor, budget->kernel_entries);
	if (row->wants_mr)
		printf("   %-*s: %" PRIu64 " MRs in the pool, %" PRIu64
		       " needed: %s\n",
		       LABEL, "Pool", budget->mr_pool, budget->mrs_needed,
		       budget->mr_pool >= budget->mrs_needed ? "never empty" :
		       served				     ? "it runs empty" :
							       "no operation ever gets its MRs");
}

static void print_loss(const struct rw_explain *explain, const struct rw_explain_row *row)
{
	const struct rw_explain_loss *loss = &row->loss;

	if (row->wants_mr && *explain->conf->pool_target && !explain->conf->hold_ns)
		printf("   %-*s: known from how long an operation holds its MRs; give --hold_ns, or run it\n",
		       LABEL, "Pool wanted");
	if (!loss->prediction.model)
		return;
	printf("   %-*s: %.4g %% of the operations find the pool empty (%s", LABEL, "Exhaustion",
	       100 * loss->prediction.share, loss->prediction.model);
	if (loss->erlangs > 0)
		printf(", %.4g Erlang a pool", loss->erlangs);
	printf(")\n");
	if (loss->pool_wanted)
		printf("   %-*s: %u MRs in a pool for a share of %g\n", LABEL, "Pool wanted",
		       loss->pool_wanted, loss->target);
	else if (loss->target > 0)
		printf("   %-*s: no pool keeps the share at %g\n", LABEL, "Pool wanted",
		       loss->target);
}

void rw_explain_print_row(const struct rw_explain *explain, const struct rw_explain_row *row)
{
	const struct rw_layout *layout = &row->layout;
	char text[RW_EXPLAIN_TEXT], size[RW_SIZE_TEXT];

	printf("\n %s of %s bytes in %u segment%s of %u bytes, path %s%s%s\n",
	       row->op == RW_OP_WRITE ? "WRITE" : "READ", rw_format_size(layout->size_bytes, size),
	       layout->nr_segs, layout->nr_segs == 1 ? "" : "s", layout->seg_bytes,
	       rw_conf_path_name(row->path), row->wants_mr ? ", engine " : "",
	       row->wants_mr ? explain->engine.name : "");
	printf("   %-*s: %s: %s\n", LABEL, "Decision", row->wants_mr ? "MR" : "direct",
	       rw_explain_reason_text(row, text));
	if (row->wants_mr)
		printf("   %-*s: %u: %s\n", LABEL, "MRs taken", row->nr_mrs,
		       rw_explain_entries_text(explain, row, text));
	printf("   %-*s: %s\n", LABEL, "SGEs", rw_explain_sge_text(row, text));
	print_chain_head("Chain", &row->chain);
	printf(row->first_wrs == row->chain.nr_wrs ? "\n" : " (%u WRs while its MRs are new)\n",
	       row->first_wrs);
	print_chain(&row->chain);
	printf("   %-*s: %s\n", LABEL, "If pool empty", 
	       rw_explain_exhausted_text(explain, row, text));
	if (row->fallback.nr_lines) {
		print_chain_head("Fallback", &row->fallback);
		printf("\n");
		print_chain(&row->fallback);
	}
	print_queue(explain, row);
	print_reads(row);
	print_pool(row);
	print_loss(explain, row);
	printf("   %-*s: %.1f MiB of buffers", LABEL, "Memory",
	       (double)row->budget.buffer_bytes / (1 << 20));
	if (row->budget.sq_bytes)
		printf(", %.1f KiB of WQEs a QP", (double)row->budget.sq_bytes / 1024);
	printf("\n");
}
