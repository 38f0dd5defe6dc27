/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The load: operation contexts on QPs, kept in flight by a closed loop. The
 * client has one for the whole session and plans it anew for each row.
 *
 *             +-- no room in the SQ, or no MR under "wait" --> blocked --+
 *             |                                                          |
 *   ready --> plan (rw_ctx_init) --> post --> in flight --> completion --+--> ready
 *             |                                                 ^
 *             +-- no MR under "fail" --> dropped ---------------+ (tries its next one)
 */
#ifndef RW_BENCH_LOAD_H
#define RW_BENCH_LOAD_H

#include <signal.h>

#include "conf/conf.h"
#include "ctl/msg.h"
#include "mr/engine.h"
#include "rw/ctx.h"
#include "rw/layout.h"
#include "stats/clock.h"
#include "util/pattern.h"
#include "verbs/arena.h"
#include "verbs/endpoint.h"

struct rw_load_qp;

/* One operation context and where it stands. */
struct rw_slot {
	struct rw_ctx ctx;
	struct rw_load_qp *q;
	struct rw_slot *next;    /* of the list it is in */
	const struct rw_wr *wrs; /* of the operation in flight */
	uint32_t nr_wrs;
	uint32_t wqes;           /* taken from the SQ; 0: not planned */
	uint32_t index;          /* over all QPs */
	bool done;               /* an operation on it has ended well */
	uint64_t waits_since;    /* for an MR, in ticks; 0: it does not */
	uint64_t stalls_since;   /* for room in the SQ */
	struct rw_seg *segs;
	void *window;            /* the segments side by side; NULL: not mapped */
};

struct rw_slot_list {
	struct rw_slot *head, *tail;
};

/* A pool and what stands behind its MRs. */
struct rw_load_pool {
	struct rw_mr_pool pool;
	struct rw_mr *mrs;
	void *state; /* of the engine */
};

struct rw_load_qp {
	struct rw_qp *qp;
	struct rw_mr_pool *pool; /* its own, or the one that all QPs share */
	uint32_t index;
	uint32_t sq_free;
	uint32_t unsignaled; /* operations posted since the last signaled one */
	struct rw_slot_list in_flight;
	struct rw_slot_list blocked;
};

/* What one phase did. */
struct rw_counters {
	uint64_t issued;      /* operations begun, dropped ones included */
	uint64_t operations;  /* completed */
	uint64_t wrs;
	uint64_t doorbells;
	uint64_t mr_wanted;   /* operations for which the policy wanted MRs */
	uint64_t exhaustions; /* of these, found the pool empty */
	uint64_t fallbacks;
	uint64_t failed;      /* dropped */
	uint64_t mr_operations; /* that got their MRs */
	uint64_t waits;       /* operations that waited for an MR ... */
	uint64_t wait_ticks;  /* ... and how long in all */
	uint64_t sq_stalls;   /* operations that found no room in the SQ ... */
	uint64_t sq_stall_ticks;
	uint64_t hold_ticks;  /* MRs, from planning to completion, in all */
	uint64_t first_exhaustion_ticks; /* since the phase began */
	uint64_t teardowns;   /* of a QP ... */
	uint64_t teardown_ticks;
	uint64_t torn;        /* ... and the operations that were in flight on it */
	uint64_t elapsed_ns;
	double peak_ops_per_ns;
};

/* Whom the loop asks now and then whether to go on. */
struct rw_load_watch {
	const volatile sig_atomic_t *stop;
	int (*check)(void *arg, struct rw_err *err); /* non-zero ends the run */
	/* QP @index was made anew: connect it to a new one of the peer's. */
	int (*reconnect)(void *arg, uint32_t index, struct rw_err *err);
	void *arg;
};

struct rw_load {
	const struct rw_conf *conf;
	const struct rw_device *device;
	struct rw_endpoint ep;
	struct rw_arena arena;
	struct rw_clock clock;
	struct rw_load_watch watch;
	struct rw_msg_buffer remote;
	uint64_t slot_bytes; /* in the arena */
	const struct rw_engine *engine; /* NULL: no row needs one */
	uint32_t mr_entries;            /* segments of one MR, as granted */
	uint32_t max_sgl_rd;            /* the threshold of path auto ... */
	char max_sgl_rd_source[512];    /* ... and who says so */
	uint64_t pool_ns;               /* creating the MRs of the row's pools, timed apart */
	struct rw_qp_want qp_want;

	/* the row */
	bool uses_mrs;                  /* the row may take MRs */
	struct rw_layout layout;
	uint32_t cq_mod;
	uint32_t mrs_per_op;            /* of the MR path */
	uint32_t mr_wrs;                /* its WRs that take a WQE, lazy LOCAL_INVs not counted */
	uint32_t direct_bytes;          /* of WQEs of one operation by the direct path ... */
	uint32_t mr_bytes;              /* ... and by the MR path, lazy LOCAL_INVs not counted */
	uint64_t seed;
	struct rw_corrupt corrupt;

	/* the loop */
	struct rw_slot *slots;
	struct rw_seg *segs;
	struct rw_load_qp *qps;
	struct rw_load_pool *pools;
	uint32_t nr_pools;     /* one for each QP, or one for all */
	uint32_t nr_slots;
	uint32_t nr_planned;   /* slots whose context is prepared */
	uint32_t in_flight;
	uint32_t nr_blocked;
	struct rw_load_qp *open; /* has a batch without doorbell */
	uint32_t open_operations;
	struct rw_load_qp *dying; /* to be torn down, or being so */
	bool drained;             /* its last request has come back */
	uint64_t start_ticks;     /* of the phase */
	uint64_t now;             /* when the CQ was last polled with success */
	struct rw_slot_list ready;
	struct rw_slot_list dropped;
	struct rw_counters count;
};

/* When a phase ends: the only test the loop makes. */
struct rw_load_limit {
	uint64_t operations; /* UINT64_MAX: time counts */
	uint64_t ns;         /* 0: operations count */
};

/*
 * Open the initiator's side for all rows of @conf: arena, CQ, QPs with room
 * for the longest chain of each context. The endpoint's QPs are to be connected
 * before rw_load_run. Returns 0 or -errno, told in @err.
 */
int rw_load_open(struct rw_load *load, const struct rw_conf *conf, const struct rw_device *device,
		 const struct rw_load_watch *watch, struct rw_err *err);
void rw_load_close(struct rw_load *load);

/* One WR more than the contexts use: the marker behind unsignaled operations. */
#define RW_MARKER_WQES 1

/* The layout of an operation of @size_bytes. 0 or -EINVAL, told in @err. */
int rw_load_layout_of(const struct rw_conf *conf, uint64_t size_bytes, struct rw_layout *layout,
		      struct rw_err *err);

static inline enum rw_op rw_load_op(const struct rw_load *load)
{
	return load->conf->op == RW_VERB_WRITE ? RW_OP_WRITE : RW_OP_READ;
}

/* The planner's attributes of a row by @path; the limits of the QP are open while there is none. */
void rw_load_attrs(const struct rw_load *load, enum rw_conf_path path, struct rw_attrs *attrs);

/* May a row of @layout by @path take MRs? */
bool rw_load_row_uses_mrs(const struct rw_load *load, enum rw_conf_path path,
			  const struct rw_layout *layout);

/* WQEs of the MR path for @nr_segs segments, invalidations included. */
uint32_t rw_load_mr_chain_wqes(const struct rw_load *load, uint32_t nr_segs);

/* MRs of one pool for operations that take @mrs_per_op of them. */
uint64_t rw_load_pool_size(const struct rw_load *load, uint32_t mrs_per_op);

/*
 * Make the pools of a row, each of @size MRs (0: nobody takes one); deal them
 * to the QPs. Returns 0 or -errno, told in @err; rw_load_close_pools is owed.
 */
int rw_load_open_pools(struct rw_load *load, uint32_t size, struct rw_err *err);
void rw_load_close_pools(struct rw_load *load);

/* The pool of one QP goes, and comes again. */
int rw_load_open_pool(struct rw_load *load, struct rw_load_pool *pool, uint32_t size,
		      struct rw_err *err);
void rw_load_close_pool(struct rw_load *load, struct rw_load_pool *pool);

/* Bytes of the WQEs of the operations counted: 0 where WQEs are not known. */
uint64_t rw_load_wqe_bytes(const struct rw_load *load);

/*
 * Plan one row: segments, contexts, pool, engine. Returns 0, -EOPNOTSUPP (the
 * engine cannot do it), -EINVAL, -ENOMEM; told in @err.
 */
int rw_load_plan(struct rw_load *load, uint64_t size_bytes, enum rw_conf_path path,
		 uint64_t seed, struct rw_err *err);
void rw_load_unplan(struct rw_load *load);

/*
 * Run operations up to @limit, then until none is in flight. SIGINT (the
 * watch's stop flag) ends it early and well. Returns 0 with load->count filled,
 * or -errno, told in @err; the QPs are then of no use any more.
 */
int rw_load_run(struct rw_load *load, const struct rw_load_limit *limit, struct rw_err *err);

/* Begin the next operation of each ready slot while fewer than @limit were begun in this phase. */
int rw_load_issue(struct rw_load *load, uint64_t limit, struct rw_err *err);

/* The last operations of a QP may be unsignaled: ask for a completion after them. */
int rw_load_flush_unsignaled(struct rw_load *load, struct rw_err *err);

/* Poll once; completions are dealt with. Returns how many came, or -errno, told in @err. */
int rw_load_poll(struct rw_load *load, struct rw_err *err);

/*
 * What a ULP does without the fallback: tear the connection of load->dying
 * down, with its pool, and make both again. Operations in flight on it are
 * lost and counted. No batch may be open. Returns 0 or -errno, told in @err.
 */
int rw_load_teardown(struct rw_load *load, struct rw_err *err);

/* The operation of @slot is over, well or not: its MRs and its room in the SQ are free. */
int rw_load_release(struct rw_load *load, struct rw_slot *slot, struct rw_err *err);

/* The operation of @slot was planned and not posted: undo it. */
void rw_load_forget(struct rw_load *load, struct rw_slot *slot);

/* Forget damage and which slots are done, before the measured phase of a row. */
void rw_load_reset(struct rw_load *load);

/* Prepare the local memory of a verified row; check what a READ has brought. */
void rw_load_fill(struct rw_load *load);
void rw_load_check_slot(struct rw_load *load, const struct rw_slot *slot);

static inline void rw_slot_push(struct rw_slot_list *list, struct rw_slot *slot)
{
	slot->next = NULL;
	if (list->head)
		list->tail->next = slot;
	else
		list->head = slot;
	list->tail = slot;
}

static inline struct rw_slot *rw_slot_pop(struct rw_slot_list *list)
{
	struct rw_slot *slot = list->head;

	if (slot)
		list->head = slot->next;
	return slot;
}

#endif
