/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The contexts of a QP, and where each of them is. */
#ifndef RWB_LOAD_H
#define RWB_LOAD_H

#include <linux/bitmap.h>

#include "arrival.h"
#include "memory.h"

struct rwb_ctx {
	struct rdma_rw_ctx rw;
	struct ib_cqe cqe;
	struct rwb_load *load;
	struct list_head list;
	struct llist_node done;
	struct scatterlist *sg;
	unsigned int sges;
	u64 addr;
	u32 rkey, index;
	u32 wrs;
	u64 due_ns; /* by the schedule */
	bool prepared; /* rw is: it waits for room in the send queue */
	bool waiting; /* for an MR, and has been counted */
	bool stalled; /* for room in the send queue, likewise */
	bool in_flight;
	u64 waits_ns, stalls_ns; /* since when it does so */
	u64 began_ns; /* the first attempt */
	u64 init_at_ns, begin_ns, end_ns, init_ns, post_ns;
	enum ib_wc_status status;
};

struct rwb_load {
	struct rwb_conn *conn;
	struct rwb_ctx *ctxs;
	struct list_head ready, parked;
	struct llist_head done;
	u32 in_flight, sq_used;
	u64 moved_ns; /* the first was posted, or the last one completed */
	u64 share; /* operations, RWB_NO_LIMIT */
	bool open; /* operations come by a schedule: */
	struct rwb_arrivals begun, due; /* those that began, and those that should have */
	bool teardown; /* an empty pool asks for it */
	int err;
	/* What the server is to verify: the contexts that were written, in how many operations. */
	unsigned long written[BITS_TO_LONGS(RWB_MAX_CONTEXTS)];
	u64 unverified;
};

static inline enum dma_data_direction rwb_direction(const struct rwb_conf *conf)
{
	return conf->op == RWB_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/* ---- contexts.c: their memory, and what is counted of them */
/* A READ that is verified finds other bytes there. */
void rwb_ctx_spoil(struct rwb_ctx *ctx);
/* How many bytes are wrong. */
u64 rwb_ctx_check(struct rwb_ctx *ctx, const struct rwb_conf *conf);
/* An operation that completed well; when it was destroyed, and how long that took. -ENOMEM. */
int rwb_ctx_count(const struct rwb_ctx *ctx, u64 destroyed_ns, u64 destroy_ns);

/* ---- schedule.c: operations of a run with a rate */
/* From its first operation on; it goes on after a teardown. */
void rwb_schedule_open(struct rwb_load *load);
/* What was due and never began, when all is over. */
void rwb_schedule_close(struct rwb_load *load);
/* See those that are due. */
void rwb_schedule_see(struct rwb_load *load);
/* An operation takes its arrival. */
void rwb_schedule_take(struct rwb_ctx *ctx);
/* Is there a context for the next operation of the schedule, or its end to be waited for? */
bool rwb_schedule_awaits(const struct rwb_load *load, u64 *due_p);
/* Until @due, or until something else is to be done. */
void rwb_schedule_wait(struct rwb_load *load, u64 due);

/* ---- load.c */
void rwb_ctx_completed(struct ib_cq *cq, struct ib_wc *wc);

#endif
