/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What operations meet seldom, or only in some rows. For load.c and its neighbours. */
#ifndef RW_BENCH_ASIDE_H
#define RW_BENCH_ASIDE_H

#include "bench/row.h"

/* Tell that posting to @qp failed with @error. Returns @error. */
int rw_row_post_failed(const struct rw_qp *qp, int error, struct rw_err *err);

/*
 * Post the request behind all others of @q, which moves nothing and completes
 * with @wr_id. Returns 0 or -errno, told in @err.
 */
int rw_row_post_marker(struct rw_row *row, struct rw_load_qp *q, uint64_t wr_id,
		       struct rw_err *err);

/*
 * Take the context of the next arrival from the ready ones: the QP is drawn at
 * random, whatever it is at, since only then are the arrivals of each pool Poisson
 * ones, too.
 */
struct rw_slot *rw_row_deal(struct rw_row *row);

/*
 * Carry out the registrations of a chain that take no WQE, and undo those of
 * its first @n WRs. Return 0 or -errno, told in @err.
 */
int rw_row_register(struct rw_row *row, struct rw_slot *slot, const struct rw_wr *wrs,
		    uint32_t nr_wrs, struct rw_err *err);
int rw_row_unregister(struct rw_row *row, const struct rw_slot *slot, uint32_t n,
		      struct rw_err *err);

/*
 * An operation that wanted MRs got none: the planner fell back to @wqes, as the
 * kernel does on path auto, or says why it did not. Returns 1: it goes direct;
 * 0: it waits or was dropped; or -errno, told in @err.
 */
int rw_row_plan_without_mrs(struct rw_row *row, struct rw_slot *slot, int wqes,
			    struct rw_err *err);

/* Of a row with latencies: the operation of @slot is over and not yet released. */
void rw_row_note_times(struct rw_row *row, struct rw_slot *slot);

/*
 * Keep the times that operations take together within 64 bits: to be called at
 * least every few thousand seconds.
 */
void rw_row_settle_times(struct rw_row *row);

/*
 * A completion in error. While a QP is torn down, those of its requests are no
 * news; the one that names the QP itself is the last. Returns 0 or -EIO.
 */
int rw_row_take_error(struct rw_row *row, const struct ibv_wc *wc, struct rw_err *err);

#endif
