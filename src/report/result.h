/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What one row of a run came to. All reports are made from it. */
#ifndef RW_REPORT_RESULT_H
#define RW_REPORT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/pattern.h"

struct rw_result {
	const char *op;
	const char *path;
	const char *engine; /* NULL: the direct path */
	uint64_t size_bytes;
	uint64_t segment_bytes;
	uint32_t sges;
	uint64_t contexts; /* per QP */
	uint64_t qps;
	uint64_t mr_pool;  /* MRs per QP; 0 on the direct path */
	uint64_t issued;   /* operations begun, dropped ones included */
	uint64_t operations;
	uint64_t wrs;
	uint64_t doorbells;
	uint64_t mr_wanted;
	uint64_t exhaustions;
	uint64_t fallbacks;
	uint64_t failed;
	uint64_t waits;
	uint64_t sq_stalls;
	uint64_t elapsed_ns;
	double peak_ops_per_s; /* 0: not measured */
	bool verified;
	bool interrupted;
	struct rw_corrupt corrupt;
};

/* Operations per second; 0 when nothing was measured. */
double rw_result_ops_per_s(const struct rw_result *result);

/* Bytes per second on average, and at the peak. */
double rw_result_bytes_per_s(const struct rw_result *result);
double rw_result_peak_bytes_per_s(const struct rw_result *result);

/* WRs per completed operation. */
double rw_result_wrs_per_op(const struct rw_result *result);

/*
 * Is row @i of @results an MR row that can be compared with a direct one? True
 * if a direct row of the same size stands before it, with no other size
 * between, and both completed operations in a time that was measured.
 */
bool rw_result_pair(const struct rw_result *results, uint32_t i,
		    const struct rw_result **direct_p);

#endif
