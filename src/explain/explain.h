/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * --explain: what the planner would decide for each row of a run, and why.
 * Nothing is decided here: rows are made by the planner of src/rw that posts,
 * with the engine that the run would choose, and then told.
 */
#ifndef RW_EXPLAIN_EXPLAIN_H
#define RW_EXPLAIN_EXPLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "explain/limits.h"
#include "rw/ctx.h"
#include "rw/layout.h"
#include "rw/policy.h"
#include "stats/loss_predict.h"
#include "topo/iommu.h"
#include "util/err.h"

/* The engine of the run; its room is not seen from here. */
struct rw_explain_engine {
	const char *name;     /* NULL: no path of the run takes MRs */
	uint32_t max_entries; /* of one MR, at the very most */
	/* Bytes of the WQE that posts @wr, 0: not known. NULL: nothing is known of WQEs. */
	uint32_t (*wqe_bytes)(const void *arg, const struct rw_wr *wr);
	const void *arg;
};

/* What all rows have in common. */
struct rw_explain {
	const struct rw_conf *conf;
	const json_t *notes; /* texts: what of the options this device changes */
	struct rw_limits limits;
	struct rw_attrs attrs[RW_NR_PATHS]; /* of the planner, by path */
	struct rw_explain_engine engine;
	struct rw_iommu iommu;
	uint32_t marker_wrs; /* that the run adds to a send queue */
	bool has_device;     /* @iommu is that device's, not the host's */
};

/* One line of a chain. */
struct rw_explain_wr {
	enum rw_wr_op op;
	bool is_posted;   /* false: a registration by system call */
	bool signaled;
	bool fence;
	bool through_mr;  /* its key is that of MR @mr */
	uint32_t mr;      /* number within the operation */
	uint32_t nr_segs; /* REG: segments that the MR takes */
	uint32_t nr_sge;
	uint32_t length;  /* bytes */
	uint32_t wqe_bytes;
};

struct rw_explain_chain {
	struct rw_explain_wr *wrs;
	uint32_t nr_lines;  /* of wrs */
	uint32_t nr_wrs;    /* of these, posted */
	uint32_t nr_reads;  /* READ WRs */
	uint32_t signaled;
	uint64_t wqe_bytes; /* 0: not known */
};

/* What becomes of an operation that finds the pool empty. */
enum rw_explain_exhausted {
	RW_EXHAUSTED_NEVER,    /* it takes no MRs */
	RW_EXHAUSTED_FALLBACK, /* the fallback chain is posted */
	RW_EXHAUSTED_FAIL,
	RW_EXHAUSTED_WAIT,
};

/* Per QP unless it says otherwise. */
struct rw_explain_budget {
	uint64_t sq_wanted;    /* WRs: the longest chain of every context ... */
	uint64_t sq_full;      /* ... as far as max_qp_wr goes */
	uint32_t sq_kernel;    /* rdma_rw_init_qp */
	uint32_t kernel_per_context; /* WRs that the kernel reckons with */
	uint32_t longest;      /* WRs of the longest chain */
	uint32_t fits_kernel;  /* operations of the longest chain that fill sq_kernel */
	uint64_t sq_run;       /* of these two what --sq says; the run adds no more than a marker */
	uint64_t cqes;         /* completions of operations in flight, of all QPs */
	uint64_t cqes_error;   /* all WRs complete when QPs fail, of all QPs */
	uint64_t mrs_needed;   /* in a pool: every context of its QPs has its MRs */
	uint64_t mr_pool;      /* in a pool; 0: none is made */
	uint32_t mr_factor;    /* rdma_rw_mr_factor: MRs, or READs, the kernel reckons with */
	uint32_t kernel_entries; /* of one kernel MR */
	uint32_t rd_atom;      /* READs under way at once; 0: not known */
	uint64_t buffer_bytes; /* local memory, of all QPs */
	uint64_t sq_bytes;     /* of WQEs in sq_full; 0: not known */
};

/* What the loss models say of a pool, from the hold time that was given. */
struct rw_explain_loss {
	struct rw_loss_prediction prediction; /* model NULL: not asked, or not to be said */
	double erlangs;       /* offered to one pool; open loop only */
	double target;        /* --pool_target; 0: none */
	uint32_t pool_wanted; /* for that; 0: none does */
};

struct rw_explain_row {
	enum rw_conf_path path;
	struct rw_layout layout;
	enum rw_op op;
	struct rw_attrs attrs;
	enum rw_reason reason;
	bool wants_mr;
	bool kernel_falls_back; /* where the rule wants MRs and the pool is empty */
	uint32_t nr_entries;
	uint32_t nr_mrs;   /* that one operation takes; 0: none */
	uint32_t max_sge;  /* of one direct WR */
	uint32_t first_wrs; /* posted while its MRs are new */
	struct rw_explain_chain chain; /* once its MRs have been used before */
	enum rw_explain_exhausted exhausted;
	struct rw_explain_chain fallback; /* nr_lines 0: none */
	struct rw_explain_budget budget;
	struct rw_explain_loss loss;
};

/*
 * Plan one operation of @kind on @path. Returns 0, or -EINVAL or -ENOMEM,
 * told in @err; what @row then holds need not be released.
 */
int rw_explain_row(const struct rw_explain *explain, const struct rw_kind *kind,
		   enum rw_conf_path path, struct rw_explain_row *row, struct rw_err *err);
void rw_explain_row_release(struct rw_explain_row *row);

/* ---- in words; each returns @buf */
#define RW_EXPLAIN_TEXT 320

/* A stable name for programs: "above_threshold", ... */
const char *rw_explain_reason_name(enum rw_reason reason);
/* The rule, with its numbers. */
const char *rw_explain_reason_text(const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT]);
/* Which limit gave the SGEs of a direct WR. */
const char *rw_explain_sge_text(const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT]);
/* Which limit gave the entries of an MR. */
const char *rw_explain_entries_text(const struct rw_explain *explain,
				    const struct rw_explain_row *row, char buf[RW_EXPLAIN_TEXT]);
const char *rw_explain_exhausted_name(enum rw_explain_exhausted exhausted);
/* What becomes of the operation, and what the kernel would do. */
const char *rw_explain_exhausted_text(const struct rw_explain *explain,
				      const struct rw_explain_row *row,
				      char buf[RW_EXPLAIN_TEXT]);
/* "MR 0: its new key" */
const char *rw_explain_key_text(const struct rw_explain_wr *wr, char buf[RW_EXPLAIN_TEXT]);
/* What the IOMMU does to the kernel's users. */
const char *rw_explain_iommu_text(const struct rw_explain *explain, char buf[RW_EXPLAIN_TEXT]);

/* ---- told; on stdout, and as one JSON object each (NULL: out of memory) */
void rw_explain_print_head(const struct rw_explain *explain);
void rw_explain_print_row(const struct rw_explain *explain, const struct rw_explain_row *row);
json_t *rw_explain_head_json(const struct rw_explain *explain);
json_t *rw_explain_row_json(const struct rw_explain *explain, const struct rw_explain_row *row);

/*
 * Answer the vectors in @path ("-": standard input), one JSON object a line, on
 * stdout, a line each; "null" for a line that is none, of which stderr says why.
 * Returns 0, -EINVAL (RW_EXIT_USAGE: lines were wrong) or -errno, told in @err.
 */
int rw_explain_vectors(const char *path, struct rw_err *err);

#endif
