/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The load: what a client opens once for a session: engine, memory, CQ, QPs.
 * Its rows (bench/row.h) run on it, one after the other.
 */
#ifndef RW_BENCH_LOAD_H
#define RW_BENCH_LOAD_H

#include <signal.h>

#include "conf/share.h"
#include "ctl/msg.h"
#include "mr/engine.h"
#include "rw/ctx.h"
#include "rw/layout.h"
#include "rw/remote.h"
#include "stats/clock.h"
#include "verbs/arena.h"
#include "verbs/endpoint.h"

struct rw_row;
struct rw_slot;

struct rw_slot_list {
	struct rw_slot *head, *tail;
};

/* A QP and its send queue. Between two phases nothing is in flight or blocked. */
struct rw_load_qp {
	struct rw_qp *qp;
	uint32_t index;
	uint32_t sq_free;
	struct rw_slot *unsignaled; /* operations posted since the last signaled one, newest first */
	uint32_t nr_unsignaled;
	struct rw_slot_list blocked;
	struct rw_slot_list gathered; /* wait until a doorbell is worth it: see rw_row.gather */
	uint32_t nr_gathered;
};

/* Whom the loop asks now and then whether to go on. */
struct rw_load_watch {
	const volatile sig_atomic_t *stop;
	int (*check)(void *arg, struct rw_err *err); /* non-zero ends the run */
	void (*progress)(void *arg, const struct rw_row *row);
	/* QP @index was made anew: connect it to a new one of the peer's. */
	int (*reconnect)(void *arg, uint32_t index, struct rw_err *err);
	void *arg;
};

struct rw_load {
	const struct rw_share *share; /* its part of the run ... */
	const struct rw_conf *conf;   /* ... as if it were all */
	const struct rw_device *device;
	struct rw_endpoint ep;
	struct rw_arena arena;
	struct rw_clock clock;
	bool yields; /* a poll that brings nothing lets other threads run */
	struct rw_load_watch watch;
	uint64_t watch_ticks; /* when to ask it next */
	struct rw_msg_buffer remote;
	uint64_t slot_bytes; /* in the arena */
	const struct rw_engine *engine; /* NULL: no row needs one */
	uint32_t mr_entries;            /* segments of one MR, as granted */
	uint32_t wr_segs;               /* and of any WR, where the peer's memory is scattered */
	uint32_t max_sgl_rd;            /* the threshold of path auto ... */
	char max_sgl_rd_source[512];    /* ... and who says so */
	struct rw_qp_want qp_want;
	struct rw_load_qp *qps;
	uint32_t nr_slots; /* operation contexts, over all QPs */
};

/* One WR more than the contexts use: the marker behind unsignaled operations. */
#define RW_MARKER_WQES 1

struct rw_load_want {
	const struct rw_share *share;
	const struct rw_endpoint *domain; /* of all loads of this side, on its device */
	const struct rw_clock *clock; /* calibrated once: the ticks of all loads are alike */
	int memory_node;              /* of the arena; -1: anywhere */
	bool yields;                  /* there are more threads than CPUs */
	struct rw_load_watch watch;
};

/*
 * Open the initiator's side for all rows of the share @want names: arena, CQ, QPs
 * with room for the longest chain of each context. The endpoint's QPs are to be
 * connected, and what the server lends is to be told, before a row runs.
 * Returns 0 or -errno, told in @err.
 */
int rw_load_open(struct rw_load *load, const struct rw_load_want *want, struct rw_err *err);

/* What the server lends to the whole run: of it, this load's slots. */
void rw_load_set_remote(struct rw_load *load, const struct rw_msg_buffer *buffer);

/* Slot @index of the load, among those of the run: where its data are, and in the pattern. */
static inline uint64_t rw_load_run_slot(const struct rw_load *load, uint64_t index)
{
	return rw_share_slot(load->share, index);
}

/*
 * Have the device pace the QPs, which are connected, if --rate_limit_type says
 * so. Returns 0 or -errno, told in @err.
 */
int rw_load_pace(const struct rw_load *load, struct rw_err *err);

/* QPs first: after a failed run they may still hold operations on the memory of rows. */
void rw_load_close_qps(struct rw_load *load);

/* Everything else, if it was opened. No row may be planned any more. */
void rw_load_close(struct rw_load *load);

/* The planner's name of it. */
static inline enum rw_op rw_load_op(enum rw_verb op)
{
	return op == RW_VERB_WRITE ? RW_OP_WRITE : RW_OP_READ;
}

/* The layout of an operation of @size_bytes. 0 or -EINVAL, told in @err. */
int rw_load_layout_of(const struct rw_conf *conf, uint64_t size_bytes, struct rw_layout *layout,
		      struct rw_err *err);

/* Where its bytes lie in the peer's memory. 0 or -EINVAL, told in @err. */
int rw_load_remote_of(const struct rw_load *load, const struct rw_layout *layout,
		      struct rw_remote *remote, struct rw_err *err);

/*
 * What rw_load_open decides before it opens anything; @load has conf and device.
 * The threshold of path auto; engine and entries of its MRs; whether engine and
 * pool can do a row that takes MRs.
 */
void rw_load_find_max_sgl_rd(struct rw_load *load);
int rw_load_choose_engine(struct rw_load *load, struct rw_err *err);
int rw_load_check_mr_row(const struct rw_load *load, const struct rw_layout *layout,
			 struct rw_err *err);

/* The planner's attributes of a row by @path; the limits of the QP are open while there is none. */
void rw_load_attrs(const struct rw_load *load, enum rw_conf_path path, struct rw_attrs *attrs);

/* May the run post SGEs directly at all? An iWARP READ may not: rdma_rw_io_needs_mr. */
bool rw_load_may_go_direct(const struct rw_load *load);

/* May an operation @op of @layout by @path take MRs? */
bool rw_load_uses_mrs(const struct rw_load *load, enum rw_conf_path path, enum rw_verb op,
		      const struct rw_layout *layout);

/* WQEs of the MR path for @nr_segs segments, invalidations included. */
uint32_t rw_load_mr_chain_wqes(const struct rw_load *load, uint32_t nr_segs);

/* What the longest row needs of arena and QP. */
struct rw_load_needs {
	uint64_t slot_bytes;
	uint32_t max_sge;
	uint32_t wqes; /* of the longest chain of one operation, fallback included */
};

/*
 * Reckon up what the rows of @load need; its engine is chosen. Returns 0 or
 * -errno, told in @err: a row could not run.
 */
int rw_load_find_needs(const struct rw_load *load, struct rw_load_needs *needs,
		       struct rw_err *err);

#endif
