/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The planner: what one RDMA READ or WRITE operation (a context) posts.
 *
 * The rules are those of the kernel's R/W API, drivers/infiniband/core/rw.c
 * and mr_pool.c at commit 00da250c21b0. Pure code: no verbs, no I/O.
 *
 *   rw_ctx_prepare   once per context: everything that never changes
 *   rw_ctx_init      per operation: the path, and MRs out of the pool
 *   rw_ctx_wrs       per operation: the chain of WRs to post; keys move here
 *   rw_ctx_destroy   per operation: the MRs go back
 *   rw_ctx_release   once: frees what rw_ctx_prepare made
 *
 * The per-operation calls are inline where nothing is to be decided: the direct
 * path only reads what rw_ctx_prepare left behind, and an operation that repeats
 * the one before it what that one left (struct rw_again).
 */
#ifndef RW_RW_CTX_H
#define RW_RW_CTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rw/pool.h"
#include "util/compiler.h"

enum rw_op {
	RW_OP_READ,  /* remote memory into local segments */
	RW_OP_WRITE, /* local segments into remote memory */
};

/* Who decides between the direct path and the MR path. */
enum rw_policy {
	RW_POLICY_DIRECT, /* never an MR */
	RW_POLICY_MR,     /* always MRs: the kernel's ib_core.force_mr */
	RW_POLICY_AUTO,   /* the kernel's rule with its fallback */
};

/* The limits that the rules read: of the device, the QP, and the engine. */
struct rw_attrs {
	enum rw_policy policy;
	bool no_fallback;      /* AUTO: -EAGAIN is final, as before commit 00da250c21b0 */
	bool iwarp;            /* READ sinks need an MR with remote write access */
	uint32_t page_size;    /* bytes, a power of two; of page-list MRs */
	uint32_t max_sgl_rd;   /* entries above which a READ wants an MR; 0: never */
	uint32_t max_sge_rd;   /* device: SGEs of one READ WR */
	uint32_t max_send_sge; /* QP: SGEs of one WR */
	uint32_t mr_entries;   /* entries (pages, if page_list) of one MR; >= 1 */
	bool page_list;        /* MRs are lists of pages: gaps are -EINVAL (REG_MR) */
	bool zero_based;       /* MRs start at address 0 (KLM lists), not at their first byte */
	bool invalidate;       /* an MR used before needs LOCAL_INV (REG_MR, UMR) */
	bool fenced_inval;     /* with @invalidate: at once, behind a fence, not at the next use */
	bool rotate_key;       /* the low 8 key bits move with each registration */
	uint8_t reg_wqes;      /* send WRs that one registration takes: 1, or 0 */
};

/* One piece of local memory, after DMA mapping. Laid out as struct ibv_sge. */
struct rw_seg {
	uint64_t addr;
	uint32_t length; /* bytes, > 0 */
	uint32_t lkey;   /* of the memory it lies in, for the direct path */
};

/* One operation as the caller sees it. The segments stay the caller's. */
struct rw_io {
	enum rw_op op;
	const struct rw_seg *segs;
	uint32_t nr_segs;
	uint64_t offset; /* bytes to skip at the start of the segments */
	uint64_t mr_addr; /* where MRs see the segments side by side; 0: at the segments' own addresses */
	uint64_t remote_addr;
	uint64_t remote_stride; /* from where one WR begins there to the next; 0: where it ends */
	uint32_t rkey;
};

enum rw_wr_op {
	RW_WR_LOCAL_INV,     /* mr->key becomes invalid */
	RW_WR_REG,           /* mr covers segs[0..nr_segs) under mr->key */
	RW_WR_READ,
	RW_WR_WRITE,
	RW_WR_READ_WITH_INV, /* iWARP, if @invalidate: a READ that invalidates inv_key */
};

/* As the kernel spells it, without the IB_WR_ before it. */
const char *rw_wr_op_name(enum rw_wr_op op);

/*
 * One WR of a chain. READ and WRITE without @mr carry segs[0..nr_segs) as SGEs
 * under the local key; with @mr they carry one SGE {iova, length, mr->key}.
 */
struct rw_wr {
	enum rw_wr_op op;
	bool signaled;
	bool fence;        /* LOCAL_INV: only after the READs before it are over */
	bool remote_write; /* REG: the access flags need it (iWARP) */
	uint32_t key;      /* of @mr at post time; LOCAL_INV: the key that dies */
	uint32_t inv_key;  /* READ_WITH_INV: the key of @mr at rw_ctx_init, as the kernel */
	struct rw_mr *mr;
	const struct rw_seg *segs;
	uint32_t nr_segs;
	uint32_t length; /* bytes of all segments of this WR; at most 2^31 */
	uint64_t iova;   /* REG, and READ or WRITE through @mr: address of the first byte */
	uint64_t remote_addr;
	uint32_t rkey;
	uint32_t nr_entries; /* REG: entries it fills of the MR: pages or segments */
};

enum rw_ctx_type {
	RW_CTX_SINGLE, /* one entry, one direct WR */
	RW_CTX_MULTI,  /* direct WRs of several SGEs */
	RW_CTX_MR,     /* registrations */
};

/*
 * An operation of one MR that left it as it found it, key and liveness alike.
 * With that MR in that state the next operation has the same chain, and neither
 * the chain nor the MR is written again.
 */
struct rw_again {
	struct rw_mr *mr; /* NULL: the next operation is planned anew */
	uint32_t key;
	bool need_inval;
	uint8_t nr_wqes; /* what rw_ctx_init returned */
	uint8_t nr_wrs;  /* at most 4 */
	const struct rw_wr *wrs;
};

struct rw_ctx {
	enum rw_ctx_type type;  /* valid between init and destroy */
	bool fell_back;         /* the rule wanted MRs, the pool was empty, direct was taken */
	bool wants_mr;          /* the rule wants MRs for this operation */
	uint32_t nr_entries;    /* entries after the offset */
	uint32_t nr_direct_wrs; /* WRs of the direct chain */
	uint32_t nr_mrs;        /* MRs (registrations) of the MR path */
	enum rw_ctx_type direct_type;   /* SINGLE or MULTI: of the direct chain */
	const struct rw_wr *direct_wrs; /* the direct chain */
	struct rw_again again;
	struct rw_ctx_priv *priv;
};

/*
 * Make @ctx ready to run @io again and again under @attrs; both are copied,
 * the segments are not and must stay as they are. Builds the direct chain and
 * the frame of the MR chain once, so that the functions below neither allocate
 * nor divide.
 * Returns 0, -EINVAL (offset beyond the segments, no segment, an empty or
 * wrapping one, a limit of 0, a direct WR of more than 2^31 bytes), -ENOMEM.
 * Whether the segments fit the MRs is found at rw_ctx_init, as in the kernel.
 */
int rw_ctx_prepare(struct rw_ctx *ctx, const struct rw_attrs *attrs, const struct rw_io *io);

/* No MR may be held: an operation that was begun has to be destroyed first. */
void rw_ctx_release(struct rw_ctx *ctx);

/* The MR halves of the functions below; not for callers. */
int rw_ctx_init_mr(struct rw_ctx *ctx, struct rw_mr_pool *pool);
uint32_t rw_ctx_wrs_mr(struct rw_ctx *ctx, const struct rw_wr **wrs_p);
void rw_ctx_destroy_mr(struct rw_ctx *ctx, struct rw_mr_pool *pool);

/* As rw_ctx_init, but always the direct chain: what --on_exhaustion=fallback posts. */
static inline int rw_ctx_init_direct(struct rw_ctx *ctx)
{
	ctx->type = ctx->direct_type;
	ctx->fell_back = ctx->wants_mr;
	return (int)ctx->nr_direct_wrs;
}

/* Would an operation that takes @mr, the head of its pool, repeat the one before it? */
static inline bool rw_ctx_repeats(const struct rw_ctx *ctx, const struct rw_mr *mr)
{
	const struct rw_again *again = &ctx->again;

	return mr && mr == again->mr && mr->key == again->key &&
	       mr->need_inval == again->need_inval;
}

/*
 * Decide the path of the next operation and take its MRs from @pool.
 * Returns the number of send WRs it needs (registrations and invalidations
 * counted as @attrs says), or -EAGAIN: the pool ran out and the policy has no
 * fallback (MR, or AUTO on iWARP), -EINVAL: the segments cannot be one page
 * list. After an error nothing is held and no destroy is owed.
 * rdma_rw_ctx_init; rdma_rw_init_mr_wrs for the order in which MRs go back.
 */
static inline int rw_ctx_init(struct rw_ctx *ctx, struct rw_mr_pool *pool)
{
	/* Nothing else is ever chosen: all is as rw_ctx_prepare left it. */
	if (!ctx->wants_mr)
		return (int)ctx->nr_direct_wrs;
	if (rw_unlikely(!rw_ctx_repeats(ctx, pool->head)))
		return rw_ctx_init_mr(ctx, pool);
	rw_mr_pool_get(pool);
	ctx->type = RW_CTX_MR;
	ctx->fell_back = false;
	return ctx->again.nr_wqes;
}

/* As rw_ctx_wrs, of an operation that is known to go direct. */
static inline uint32_t rw_ctx_wrs_direct(const struct rw_ctx *ctx, const struct rw_wr **wrs_p)
{
	*wrs_p = ctx->direct_wrs;
	return ctx->nr_direct_wrs;
}

/*
 * The chain of the operation, in posting order; only the last WR is signaled.
 * Keys change here and never earlier (rdma_rw_update_lkey): call it once per
 * rw_ctx_init, and only if the chain is then posted.
 * Returns the number of WRs; *wrs_p is valid until the next call on @ctx.
 */
static inline uint32_t rw_ctx_wrs(struct rw_ctx *ctx, const struct rw_wr **wrs_p)
{
	const struct rw_wr *wrs; /* the caller's stays in a register */
	uint32_t n;

	if (ctx->type != RW_CTX_MR)
		return rw_ctx_wrs_direct(ctx, wrs_p);
	if (rw_likely(ctx->again.mr)) {
		*wrs_p = ctx->again.wrs;
		return ctx->again.nr_wrs;
	}
	n = rw_ctx_wrs_mr(ctx, &wrs);
	*wrs_p = wrs;
	return n;
}

/* The operation is over: its MRs return to the head of @pool's free list. */
static inline void rw_ctx_destroy(struct rw_ctx *ctx, struct rw_mr_pool *pool)
{
	if (ctx->type != RW_CTX_MR)
		return;
	ctx->type = ctx->direct_type;
	if (rw_likely(ctx->again.mr))
		rw_mr_pool_put(pool, ctx->again.mr);
	else
		rw_ctx_destroy_mr(ctx, pool);
}

#endif
