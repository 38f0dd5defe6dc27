/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two connected QPs of this process with memory of their own, and operations on
 * them: the initiator's as the load has it (engine, pool, planner), the target's
 * as the server's. Beside the memory of each side stands what it must hold in
 * the end, so that every byte is compared, those between segments too.
 */
#ifndef RW_SELFTEST_RIG_H
#define RW_SELFTEST_RIG_H

#include "rw/layout.h"
#include "selftest/check.h"
#include "verbs/cm.h"
#include "verbs/arena.h"
#include "verbs/endpoint.h"

struct rw_rig_want {
	uint32_t max_sge;    /* of a WR; 0: the device's limit for the row's operation */
	uint32_t mr_entries; /* segments of one MR */
	uint32_t qp_entries; /* ... that the QP is asked to take; 0: mr_entries */
	uint32_t nr_mrs;
	uint64_t bytes; /* of memory at each side, without the guards */
};

struct rw_rig_side {
	struct rw_endpoint ep;
	struct rw_arena arena;
	uint8_t *expected; /* what the arena must hold */
	uint64_t used;	   /* by the operations placed, a guard before them included */
};

struct rw_rig {
	struct rw_selftest *t;
	struct rw_rig_side local, remote;
	struct rw_qp *qp;      /* the initiator's */
	struct rw_cm client, server; /* iWARP: what connects the two QPs */
	struct rw_attrs attrs; /* of the operations; a row may change them */
	struct rw_mr *mrs;
	struct rw_mr_pool pool;
	void *mrs_state; /* of the engine */
	uint32_t pieces; /* MRs, or direct WRs, of the operation planned last */
};

/* The segments of one operation. */
struct rw_shape {
	uint32_t nr_segs;
	uint32_t bytes; /* of a segment */
	uint32_t gap;	/* bytes between two, not 0 */
	uint32_t lead;	/* bytes before the first; whole pages where pages are needed */
	/*
	 * Each begins somewhere in its gap and has its own length; where pages are
	 * needed, only the last one is shorter.
	 */
	bool uneven;
};

struct rw_rig_op {
	struct rw_ctx ctx;
	struct rw_seg *segs;
	uint32_t nr_segs;
	bool uneven;
	struct rw_layout layout;
	void *window;
	uint64_t remote_offset;
	uint64_t length;
	const struct rw_wr *wrs; /* once planned */
	uint32_t nr_wrs;
};

/*
 * Open a rig for the row of @t. Returns 0 or -errno, told in @err; rw_rig_close
 * is owed in both cases.
 */
int rw_rig_open(struct rw_rig *rig, struct rw_selftest *t, const struct rw_rig_want *want,
		struct rw_err *err);
void rw_rig_close(struct rw_rig *rig);

/* Bytes that an operation of @shape takes of each side's memory, at the most. */
uint64_t rw_rig_shape_bytes(const struct rw_shape *shape);

/* All in one: the operation of @shape, its data compared. 0 or -errno, told in @err. */
int rw_rig_run(struct rw_rig *rig, const struct rw_shape *shape, struct rw_err *err);

/*
 * Step by step, for @n operations at once:
 *
 *   rw_rig_place    segments behind those of the operation before; the first
 *                   clears the memory's plan (begin)
 *   rw_rig_draw     data at the source, wrong bytes at the sink, a pattern between
 *   rw_rig_plan     MRs out of the pool, the chain, registrations without WQE
 *   rw_rig_post     all chains with one doorbell
 *   rw_rig_wait     the completions, in their order
 *   rw_rig_compare  all memory of both sides
 *   rw_rig_drop     MRs back to the pool, all freed; also after an error
 *
 * Each returns 0 or -errno, told in @err; rw_rig_post is silent.
 */
int rw_rig_place(struct rw_rig *rig, const struct rw_shape *shape, struct rw_rig_op *op, bool begin,
		 struct rw_err *err);
void rw_rig_draw(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n);
int rw_rig_plan(struct rw_rig *rig, struct rw_rig_op *op, struct rw_err *err);
int rw_rig_post(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n);
int rw_rig_wait(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n, struct rw_err *err);
int rw_rig_compare(const struct rw_rig *rig, struct rw_err *err);
void rw_rig_drop(struct rw_rig *rig, struct rw_rig_op *op);

/* Place, draw and plan one operation. */
int rw_rig_prepare(struct rw_rig *rig, const struct rw_shape *shape, struct rw_rig_op *op,
		   struct rw_err *err);

/* The operation of @op will not move, or has not moved, its data: compare with that. */
void rw_rig_expect_nothing(struct rw_rig *rig);

/* What the segments of @op hold now is fine: compare what lies beside them. */
void rw_rig_expect_any(struct rw_rig *rig, const struct rw_rig_op *op);

/* Post, wait for and compare @n planned operations. */
int rw_rig_finish(struct rw_rig *rig, const struct rw_rig_op *ops, uint32_t n, struct rw_err *err);

/*
 * Post @wr alone and wait for it: its completion must have the status @status,
 * or any but success if @status is IBV_WC_SUCCESS; *found_p is what it had.
 * 0 or -errno, told in @err.
 */
int rw_rig_provoke(struct rw_rig *rig, const struct rw_wr *wr, enum ibv_wc_status status,
		   enum ibv_wc_status *found_p, struct rw_err *err);

#endif
