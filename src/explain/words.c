/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The rules in words. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "explain/explain.h"
#include "rw/sizing.h"

const char *rw_explain_reason_name(enum rw_reason reason)
{
	static const char *const names[] = {
		[RW_REASON_DIRECT] = "path_direct",
		[RW_REASON_FORCE_MR] = "force_mr",
		[RW_REASON_WRITE] = "write",
		[RW_REASON_IWARP_READ] = "iwarp_read",
		[RW_REASON_NO_THRESHOLD] = "no_threshold",
		[RW_REASON_WITHIN] = "within_threshold",
		[RW_REASON_ABOVE] = "above_threshold",
	};

	return names[reason];
}

const char *rw_explain_reason_text(const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT])
{
	const char *fmt = NULL;

	switch (row->reason) {
	case RW_REASON_DIRECT:
		fmt = "the path was given: never an MR, whatever the device";
		break;
	case RW_REASON_FORCE_MR:
		fmt = "the path was given: always MRs, READ or WRITE, as the kernel under ib_core.force_mr";
		break;
	case RW_REASON_WRITE:
		fmt = "a WRITE never needs an MR unless force_mr (rdma_rw_io_needs_mr)";
		break;
	case RW_REASON_IWARP_READ:
		fmt = "iWARP: a READ sink must be in an MR (rdma_rw_io_needs_mr)";
		break;
	case RW_REASON_NO_THRESHOLD:
		fmt = "max_sgl_rd 0, and not iWARP: a READ never wants MRs (rdma_rw_io_needs_mr)";
		break;
	case RW_REASON_WITHIN:
		snprintf(buf, RW_EXPLAIN_TEXT,
			 "READ of %u entries <= max_sgl_rd %u: no MR (rdma_rw_io_needs_mr)",
			 row->nr_entries, row->attrs.max_sgl_rd);
		return buf;
	case RW_REASON_ABOVE:
		snprintf(buf, RW_EXPLAIN_TEXT,
			 "READ of %u entries > max_sgl_rd %u: the kernel wants MRs (rdma_rw_io_needs_mr)",
			 row->nr_entries, row->attrs.max_sgl_rd);
		return buf;
	}
	snprintf(buf, RW_EXPLAIN_TEXT, "%s", fmt);
	return buf;
}

const char *rw_explain_sge_text(const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT])
{
	const struct rw_attrs *attrs = &row->attrs;
	const char *by = "max_send_sge";

	if (row->op == RW_OP_READ && attrs->max_sge_rd < attrs->max_send_sge)
		by = "max_sge_rd";
	else if (row->op == RW_OP_READ && attrs->max_sge_rd == attrs->max_send_sge)
		by = "max_send_sge and max_sge_rd";
	snprintf(buf, RW_EXPLAIN_TEXT, "%u at most in a direct %s, by %s", row->max_sge,
		 row->op == RW_OP_READ ? "READ" : "WRITE", by);
	return buf;
}

const char *rw_explain_entries_text(const struct rw_explain *explain,
				    const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT])
{
	uint32_t entries = row->attrs.mr_entries;

	if (explain->conf->mr_entries != RW_AUTO)
		snprintf(buf, RW_EXPLAIN_TEXT, "%u entries an MR, by --mr_entries", entries);
	else if (entries == explain->engine.max_entries)
		snprintf(buf, RW_EXPLAIN_TEXT, "%u entries an MR, the most of engine %s", entries,
			 explain->engine.name);
	else if (entries == RW_SIZING_MAX_MR_ENTRIES)
		snprintf(buf, RW_EXPLAIN_TEXT,
			 "%u entries an MR, as the kernel's at most (rdma_rw_fr_page_list_len)",
			 entries);
	else
		snprintf(buf, RW_EXPLAIN_TEXT, "%u entries an MR, all of the largest operation",
			 entries);
	return buf;
}

const char *rw_explain_exhausted_name(enum rw_explain_exhausted exhausted)
{
	static const char *const names[] = {
		[RW_EXHAUSTED_NEVER] = "never",
		[RW_EXHAUSTED_FALLBACK] = "fallback",
		[RW_EXHAUSTED_FAIL] = "fail",
		[RW_EXHAUSTED_WAIT] = "wait",
	};

	return names[exhausted];
}

const char *rw_explain_exhausted_text(const struct rw_explain *explain,
				      const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT])
{
	const char *kernel = row->kernel_falls_back ?
				     "the kernel posts it directly since commit 00da250c21b0" :
			     row->attrs.iwarp && row->attrs.policy == RW_POLICY_AUTO ?
				     "in the kernel -EAGAIN is final on iWARP" :
				     "in the kernel -EAGAIN is final under force_mr";

	switch (row->exhausted) {
	case RW_EXHAUSTED_NEVER:
		snprintf(buf, RW_EXPLAIN_TEXT, "cannot happen: no MR is taken");
		break;
	case RW_EXHAUSTED_FALLBACK:
		snprintf(buf, RW_EXPLAIN_TEXT, "posted directly in %u WRs; %s",
			 row->fallback.nr_wrs, kernel);
		break;
	case RW_EXHAUSTED_FAIL:
		snprintf(buf, RW_EXPLAIN_TEXT, "dropped and counted%s; %s",
			 explain->conf->teardown ? ", and its connection made anew" : "", kernel);
		break;
	case RW_EXHAUSTED_WAIT:
		snprintf(buf, RW_EXPLAIN_TEXT, "waits until enough MRs are back; %s", kernel);
		break;
	}
	return buf;
}

const char *rw_explain_key_text(const struct rw_explain_wr *wr, char buf[RW_EXPLAIN_TEXT])
{
	const char *what = "under its key";

	if (!wr->through_mr)
		return "of the buffer";
	switch (wr->op) {
	case RW_WR_LOCAL_INV:
		what = wr->fence ? "its key, dies behind the READ" : "its key so far, dies";
		break;
	case RW_WR_REG:
		what = "its key, made valid";
		break;
	case RW_WR_READ:
	case RW_WR_WRITE:
		break;
	case RW_WR_READ_WITH_INV:
		what = "under its key, which then dies";
		break;
	}
	snprintf(buf, RW_EXPLAIN_TEXT, "MR %u: %s", wr->mr, what);
	return buf;
}

const char *rw_explain_iommu_text(const struct rw_explain *explain, char buf[RW_EXPLAIN_TEXT])
{
	static const char nothing[] =
		"nothing coalesces, and a kernel user's 1 MiB is 256 entries of 4 KiB";
	static const char some[] =
		"the kernel may coalesce entries, and its users then see fewer than one a page";
	const struct rw_iommu *iommu = &explain->iommu;
	const char *name = explain->has_device ? explain->limits.name : "this host";

	switch (iommu->mode) {
	case RW_IOMMU_NONE:
		snprintf(buf, RW_EXPLAIN_TEXT, "%s: no IOMMU group, as passthrough: %s", name,
			 nothing);
		break;
	case RW_IOMMU_PASSTHROUGH:
		snprintf(buf, RW_EXPLAIN_TEXT, "%s: passthrough (identity): %s", name, nothing);
		break;
	case RW_IOMMU_TRANSLATED:
		snprintf(buf, RW_EXPLAIN_TEXT, "%s: translated (%s): %s", name,
			 *iommu->type ? iommu->type : "DMA", some);
		break;
	case RW_IOMMU_MIXED:
		snprintf(buf, RW_EXPLAIN_TEXT,
			 "%s: of %u groups %u are passthrough and %u translated: name the device with -d",
			 name, iommu->groups, iommu->passthrough, iommu->translated);
		break;
	case RW_IOMMU_UNKNOWN:
		snprintf(buf, RW_EXPLAIN_TEXT,
			 "%s: not known%s%s; see iommu_group/type of the device", name,
			 *iommu->type ? ", type " : "", iommu->type);
		break;
	}
	return buf;
}
