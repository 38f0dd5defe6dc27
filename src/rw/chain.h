/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Inside the planner: the chains of WRs that ctx.c chooses from. They are
 * built once; what an operation changes (MRs, keys, the presence of a
 * LOCAL_INV) is patched in.
 */
#ifndef RW_RW_CHAIN_H
#define RW_RW_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "rw/ctx.h"

/* No verbs device moves more in one message. */
#define RW_CHAIN_MAX_WR_BYTES (UINT32_C(1) << 31)

/* The entries of an operation, after the offset. */
struct rw_span {
	const struct rw_seg *segs;
	uint32_t nr_segs;
	enum rw_op op;
	uint64_t mr_addr; /* of the first byte, as in rw_io */
	uint64_t remote_addr;
	uint64_t remote_stride; /* as in rw_io */
	uint32_t rkey;
};

/* One registration of the MR path, and the READ or WRITE through it. */
struct rw_reg {
	struct rw_mr *mr;    /* held between rw_ctx_init and rw_ctx_destroy */
	bool inval;          /* this operation has to invalidate it first */
	const struct rw_seg *segs;
	uint32_t nr_segs;
	uint32_t nr_entries; /* of the MR */
	uint32_t length;
	uint64_t iova;
	uint64_t remote_addr;
};

struct rw_ctx_priv {
	struct rw_attrs attrs;
	struct rw_span span;
	struct rw_seg *own_segs;   /* a copy, if the offset cuts the first entry */
	struct rw_wr *direct_wrs;
	struct rw_reg *regs;       /* nr_mrs; NULL if no MR is wanted */
	struct rw_reg *regs_end;
	struct rw_reg *good_end;   /* the first whose list no MR can take, or regs_end */
	struct rw_wr *mr_wrs;      /* 4 * nr_mrs: LOCAL_INV, REG, READ, LOCAL_INV */
	uint32_t nr_regs;
	uint32_t nr_wrs;           /* send WRs of all regs without LOCAL_INVs */
	bool one_good_reg;         /* the common case: one registration, and an MR can take it */
	bool has_fallback;
	bool inval_after;          /* a fenced LOCAL_INV ends each registration */
	bool stays_live;           /* the key lives on after the operation */
	bool relayout;             /* some reg's inval is not as mr_wrs was laid out */
	enum rw_wr_op io_op;       /* READ, WRITE or READ_WITH_INV of the MR path */
};

/* Fill wrs[0..nr_wrs), @max_sge SGEs each. Returns 0 or -EINVAL: a WR is too long. */
int rw_chain_build_direct(const struct rw_span *span, uint32_t max_sge, struct rw_wr *wrs,
			  uint32_t nr_wrs);

/* Fill @priv's regs from its span; nothing is laid out yet. */
void rw_chain_build_regs(struct rw_ctx_priv *priv);

#endif
