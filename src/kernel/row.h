/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the module counted and timed of a row: one run's document, or those of its blocks. */
#ifndef RW_KERNEL_ROW_H
#define RW_KERNEL_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "stats/blocks.h"
#include "stats/hist.h"
#include "util/err.h"

/* rdma_rw_ctx.type */
enum rw_kernel_path_type {
	RW_KERNEL_SINGLE,
	RW_KERNEL_MULTI,
	RW_KERNEL_MR,
	RW_NR_KERNEL_PATHS,
};

struct rw_kernel_path {
	uint64_t operations, wrs, bytes; /* that completed well */
	uint64_t init_ns, post_ns, destroy_ns, hold_ns;
	uint64_t queued_ns;  /* of an open loop: from when they were due until they began */
	uint64_t latency_ns; /* their sum, exact */
	struct rw_hist hist;
	struct rw_hist service; /* of an open loop: since they began */
};

struct rw_kernel_row {
	struct rw_kernel_path paths[RW_NR_KERNEL_PATHS];
	struct rw_blocks blocks; /* mean latency of each document */
	uint64_t elapsed_ns;
	uint64_t issued;
	uint64_t eagain, eagain_ns; /* answers of rdma_rw_ctx_init; who waits asks again */
	uint64_t failed;            /* operations dropped for it */
	uint64_t waits, wait_ns;
	uint64_t lost;              /* in flight at a teardown, or waiting at the end */
	uint64_t mr_hold_ns;        /* so long MRs were held, all together, also by those lost */
	uint64_t errors;
	uint64_t sq_stalls, sq_stall_ns;
	uint64_t reconnects, reconnect_ns;
	uint64_t queue_max, unserved, unserved_ns; /* of an open loop: due, and not begun */
	uint64_t corrupt_bytes;
	uint64_t unverified;        /* WRITEs that no server has verified, as it should have */
	uint64_t pool_low_water;    /* UINT64_MAX: nobody took an MR */
	uint64_t send_queue_wrs;
	uint64_t sgl_found, sgl_used;
	uint64_t max_rdma_ctxs;     /* MRs of a QP */
	bool force_mr;
	bool stopped;               /* before it was over */
};

/* Of size of some histograms: on the heap. NULL: out of memory. */
struct rw_kernel_row *rw_kernel_row_new(void);

/*
 * Add what @doc, the document of a client's run that has ended well, has. Returns 0, or
 * -EPROTO: it is not of the form that this program knows; told in @err.
 */
int rw_kernel_row_add(struct rw_kernel_row *row, const json_t *doc, struct rw_err *err);

/* Operations that completed well, of all paths. */
uint64_t rw_kernel_row_operations(const struct rw_kernel_row *row);

/* It without the histograms, for a report. NULL: out of memory. */
json_t *rw_kernel_row_json(const struct rw_kernel_row *row);

#endif
