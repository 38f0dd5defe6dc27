/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A row: operations of one size by one path, planned once (plan.c, pools.c) and
 * run as often as one likes (run.c). What becomes of one operation (load.c):
 *
 *             +-- no room in the SQ, or no MR under "wait" --> blocked --+
 *             |                                                          v
 *   ready --> plan (rw_ctx_init) --> post --> in flight --> completion --+
 *     ^       |   ^                                                      |
 *     |       |   +--- its next operation -------------------------------+
 *     |       +-- no MR under "fail" --> dropped --+                     |
 *     +--------------------------------------------+<-- none is to begin +
 *
 * A completion serves those that are blocked, then begins the next operation of
 * its own context. Dropped ones try their next after some completion.
 */
#ifndef RW_BENCH_ROW_H
#define RW_BENCH_ROW_H

#include <pthread.h>
#include <stdatomic.h>

#include "bench/load.h"
#include "bench/source.h"
#include "stats/latency.h"
#include "stats/series.h"
#include "stats/time_sum.h"
#include "util/pattern.h"
#include "util/random.h"

/* What is prepared for the operations of a kind on one slot. */
struct rw_slot_kind {
	struct rw_ctx ctx;
	struct rw_seg *segs;
	void *window;            /* the segments side by side; NULL: not mapped */
};

/* One operation context and where it stands. */
struct rw_slot {
	struct rw_ctx ctx;       /* a copy of its kind's: of the operation that is under way */
	struct rw_load_qp *q;
	struct rw_mr_pool *pool; /* of its QP, or the one that all share */
	struct rw_slot *next;    /* of the list it is in; in flight: unsignaled, ends with it */
	const struct rw_wr *wrs; /* of the operation in flight, if the row registers */
	uint32_t nr_wrs;
	uint32_t wqes;           /* taken from the SQ; 0: not planned */
	uint32_t index;          /* over all QPs */
	bool done;               /* an operation of a verified row has ended well on it */
	uint64_t waits_since;    /* for an MR, in ticks; 0: it does not */
	uint64_t stalls_since;   /* for room in the SQ */
	uint64_t idle_since;     /* of a row with a source: when its last operation was over */
	struct rw_op_times times; /* of a row with latencies */
	struct rw_slot_kind *kinds; /* as many as the row has */
	uint32_t kind;           /* of the operation that is under way */
};

/* Operations of a row that are alike: all of them, or a part of its mix. */
struct rw_row_kind {
	struct rw_kind kind;
	struct rw_layout layout;
	bool uses_mrs;           /* they may take MRs */
	uint32_t nr_mrs;         /* that each wants */
	bool goes_inline;        /* its data are in the WQE, where they go direct */

	/* since rw_row_reset, of a mix */
	uint64_t operations;     /* completed */
	uint64_t mr_operations;  /* that got their MRs */
	struct rw_time_sum hold; /* of these */
};

/* A pool and what stands behind its MRs. */
struct rw_row_pool {
	struct rw_mr_pool pool;
	struct rw_mr *mrs;
	void *state; /* of the engine */
};

/* --pool_scope=process: the pool of all threads' rows of one path, made by the first and gone with the last. */
struct rw_shared_pool {
	pthread_mutex_t lock;
	struct rw_row_pool pool;
	uint32_t users;
	atomic_uint_fast32_t returns; /* of MRs: so often a thread that waits may try anew */
};

/* The row as a series of intervals, in time that was measured. */
#define RW_ROW_INTERVALS 4096
struct rw_row_series {
	struct rw_series series;
	struct rw_series_interval intervals[RW_ROW_INTERVALS];
	/* Counted up to the interval that is open. */
	uint64_t operations, bytes, exhaustions;
};

/* What the phases of a row did since rw_row_reset. */
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
	struct rw_time_sum wait; /* ... and how long in all */
	uint64_t sq_stalls;   /* operations that found no room in the SQ ... */
	struct rw_time_sum sq_stall;
	struct rw_time_sum hold; /* of operations with MRs, from planning to completion, in all */
	uint64_t first_exhaustion_ticks; /* of time that was measured */
	uint64_t teardowns;   /* of a QP ... */
	uint64_t teardown_ticks;
	uint64_t torn;        /* ... and the operations that were in flight on it */
	uint64_t cpu_thread_ns; /* user and system time */
	uint64_t queue_max;   /* arrivals that were due and not begun, at most ... */
	uint64_t unserved;    /* ... and when the time was over ... */
	double unserved_ticks; /* ... and what these waited in all */
	uint64_t elapsed_ns;
	uint64_t mixed_bytes; /* that operations of a mix have moved */
	double peak_bytes_per_ns, least_bytes_per_ns; /* of windows; 0: not measured */
};

struct rw_row {
	struct rw_load *load;
	enum rw_conf_path path;
	bool uses_mrs;         /* it may take MRs */
	bool mixed;            /* operations are of several kinds, by weight */
	bool all_want_mrs;     /* no mix, and the policy wants MRs */
	struct rw_layout layout; /* of a mix: of the largest */
	uint32_t mrs_per_op;   /* of the MR path; of a mix: at most */
	uint32_t mr_wrs;       /* its WRs that take a WQE, lazy LOCAL_INVs not counted */
	uint32_t direct_bytes; /* of WQEs of one operation by the direct path ... */
	uint32_t mr_bytes;     /* ... and by the MR path, lazy LOCAL_INVs not counted */
	uint64_t pool_ns;      /* creating the MRs of the pools, timed apart */
	uint64_t seed;         /* of its data */
	struct rw_corrupt corrupt;
	struct rw_latency *latency; /* NULL: operations are not timed one by one */
	struct rw_blocks shares;    /* of operations that found the pool empty, block by block */
	uint64_t share_wanted, share_exhausted; /* counted when the last block ended */
	struct rw_row_series *series; /* interval by interval */
	double limit_per_s;         /* operations, by --rate_limit; 0: no limit */
	struct rw_source *source;   /* NULL: operations begin as soon as a context is free */

	uint32_t first_slot;   /* of this row's among those of all rows of its group */
	struct rw_slot *slots;
	struct rw_slot_kind *slot_kinds; /* of all slots, slot by slot */
	struct rw_seg *segs;
	struct rw_row_pool *pools;
	uint32_t nr_pools;     /* one for each QP, or one for all */
	struct rw_shared_pool *shared; /* whose pool it is, if other threads have it, too; or NULL */
	uint64_t seen_returns; /* of those, when its waiting operations last tried */
	uint32_t nr_planned;   /* of slot_kinds: whose context is prepared */
	uint32_t nr_segs;      /* of one slot, over all kinds */

	bool registers;        /* MRs are made by calls, not by WQEs */
	bool goes_inline;      /* operations of some kind may */
	bool plain;            /* a doorbell and a completion for each operation, and no more */
	uint32_t cq_mod;
	uint32_t gather;       /* operations of a QP that begin together, for one doorbell */

	/* the loop */
	uint64_t limit;        /* operations to begin in this phase */
	uint32_t nr_blocked;
	struct rw_load_qp *open;  /* has a batch without doorbell */
	uint32_t open_operations;
	struct rw_load_qp *dying; /* to be torn down, or being so */
	bool drained;             /* its last request has come back */
	uint64_t start_ticks;     /* of the phase, as if it had no breaks */
	uint64_t began_ns, ended_ns; /* the last phase, by rw_clock_raw_ns */
	uint64_t polling;         /* when the last poll began, if operations are timed or wait for a source */
	uint64_t now;             /* when the CQ was last polled with success */
	struct rw_slot_list ready; /* their next operation is begun by rw_row_issue */
	struct rw_slot_list dropped;
	struct rw_counters count;

	struct rw_row_kind kinds[RW_MAX_MIX];
	uint32_t nr_kinds;
	uint64_t weights;      /* of all kinds */
	struct rw_random draws; /* of kinds */
	bool deals;             /* Poisson arrivals on several pools: at random ... */
	struct rw_random dealer; /* ... as this one says */
};

/* When a phase ends: the only test the loop makes. */
struct rw_row_limit {
	uint64_t operations; /* UINT64_MAX: time counts */
	uint64_t ns;         /* 0: operations count */
};

/* What a row is. */
struct rw_row_want {
	uint64_t size_bytes;
	enum rw_conf_path path;
	uint64_t seed;       /* of its data */
	uint32_t first_slot; /* rows that take turns have memory of their own */
	struct rw_shared_pool *shared; /* NULL: pools are of a QP or a thread */
};

/*
 * Plan a row on @load: segments, contexts, pools. Returns 0, -EOPNOTSUPP (the
 * engine cannot do it), -EINVAL, -ENOMEM; told in @err.
 */
int rw_row_plan(struct rw_row *row, struct rw_load *load, const struct rw_row_want *want,
		struct rw_err *err);
void rw_row_unplan(struct rw_row *row);

/*
 * Time its operations from now on, and keep the first @max_samples as they are.
 * Returns 0 or -ENOMEM, told in @err.
 */
int rw_row_time(struct rw_row *row, uint64_t max_samples, struct rw_err *err);

/*
 * Run operations up to @limit, then until none is in flight. SIGINT (the
 * watch's stop flag) ends it early and well. What is done is added to
 * row->count. Returns 0, or -errno, told in @err; the QPs are then of no use
 * any more.
 */
int rw_row_run(struct rw_row *row, const struct rw_row_limit *limit, struct rw_err *err);

/* Forget what was counted, damage and which slots are done: a measurement begins. */
void rw_row_reset(struct rw_row *row);

/* ... of the series only, which was finished. */
void rw_row_reset_series(struct rw_row *row);

/*
 * Carry out operations up to @limit with each WR of the MR path alone, for the
 * times of registration and invalidation; none if a row does not take MRs.
 * Nothing may be in flight. Returns 0 or -errno, told in @err.
 */
int rw_row_time_alone(struct rw_row *row, const struct rw_row_limit *limit, struct rw_err *err);

/* Bytes of the WQEs of the operations counted: 0 where WQEs are not known. */
uint64_t rw_row_wqe_bytes(const struct rw_row *row);

/* Prepare the local memory of a verified row; check what a READ has brought. */
void rw_row_fill(struct rw_row *row);
void rw_row_check_slot(struct rw_row *row, const struct rw_slot *slot);

/* ---- between the files of a row */

/*
 * Make the pools, each of @size MRs (0: nobody takes one); deal them to the
 * slots. Returns 0 or -errno, told in @err; rw_row_close_pools is owed.
 */
int rw_row_open_pools(struct rw_row *row, uint32_t size, struct rw_err *err);
void rw_row_close_pools(struct rw_row *row);

/* As rw_ctx_init and rw_ctx_destroy, where other threads have the pool, too. */
int rw_row_take_shared(struct rw_row *row, struct rw_slot *slot);
void rw_row_give_shared(struct rw_row *row, struct rw_slot *slot);

/* Operations wait for MRs: has another thread given some back? Each return is told once. */
bool rw_row_has_returns(struct rw_row *row);

/* The pool of one QP goes, and comes again. */
int rw_row_open_pool(struct rw_row *row, struct rw_row_pool *pool, uint32_t size,
		     struct rw_err *err);
void rw_row_close_pool(struct rw_row *row, struct rw_row_pool *pool);

/* Begin the next operation of each ready slot while fewer than @limit were begun. */
int rw_row_issue(struct rw_row *row, uint64_t limit, struct rw_err *err);

/* The last operations of a QP may be unsignaled: ask for a completion after them. */
int rw_row_flush_unsignaled(struct rw_row *row, struct rw_err *err);

/* Poll once; completions are dealt with. Returns how many came, or -errno, told in @err. */
int rw_row_poll(struct rw_row *row, struct rw_err *err);

/* Post what waits, where there is room again. Returns 0 or -errno, told in @err. */
int rw_row_serve_all(struct rw_row *row, struct rw_err *err);

/* The operation of @slot is over, well or not: its MRs and its room in the SQ are free. */
int rw_row_release(struct rw_row *row, struct rw_slot *slot, struct rw_err *err);

/* A phase is over: what was gathered for the next doorbell is ready for another phase. */
void rw_row_scatter(struct rw_row *row);

/* The operation of @slot was planned and not posted: undo it. */
void rw_row_forget(struct rw_row *row, struct rw_slot *slot);

/*
 * What a ULP does without the fallback: tear the connection of row->dying
 * down, with its pool, and make both again. Operations in flight on it are
 * lost and counted. No batch may be open. Returns 0 or -errno, told in @err.
 */
int rw_row_teardown(struct rw_row *row, struct rw_err *err);

static inline uint64_t rw_row_ticks(const struct rw_row *row)
{
	return rw_clock_ticks(&row->load->clock);
}

/* What the operations that were completed have moved. */
static inline uint64_t rw_row_bytes(const struct rw_row *row)
{
	return row->mixed ? row->count.mixed_bytes :
			    row->count.operations * row->layout.size_bytes;
}

/* Operations that were begun and are neither over nor waiting. */
static inline uint64_t rw_row_in_flight(const struct rw_row *row)
{
	const struct rw_counters *count = &row->count;

	return count->issued - count->operations - count->failed - count->torn - row->nr_blocked;
}

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
