/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What one row of a run came to. All reports are made from it. */
#ifndef RW_REPORT_RESULT_H
#define RW_REPORT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "stats/ci.h"
#include "stats/latency.h"
#include "stats/series.h"
#include "util/pattern.h"

/* A part of a row's mix. */
struct rw_result_kind {
	const char *op;
	uint64_t size_bytes;
	uint64_t operations; /* completed */
};

/* What one of the measuring threads did. */
struct rw_result_thread {
	int core, pu; /* -1: not pinned */
	uint64_t qps;
	uint64_t issued;
	uint64_t operations;
	uint64_t mr_wanted;
	uint64_t exhaustions;
	uint64_t fallbacks;
	uint64_t failed;
	uint64_t pool_low_water; /* of value if the row has pools */
	uint64_t elapsed_ns;     /* its own: all begin together and end one by one */
	uint64_t cpu_ns;
	double mean_ns;          /* of latency; 0: operations were not timed */
	uint64_t p50_ns, p99_ns;
};

/* With -b: what the other side did at the same time. */
struct rw_result_peer {
	json_t *row; /* as its own report would have it; NULL: it did nothing */
	uint64_t operations;
	uint64_t elapsed_ns;
	double ops_per_s, bytes_per_s, peak_bytes_per_s, least_bytes_per_s;
};

struct rw_result {
	struct rw_result_peer peer;
	struct rw_result_thread *threads;
	uint32_t nr_threads;
	const char *op; /* "mix": READs and WRITEs */
	const char *path;
	const char *engine; /* NULL: the direct path */
	uint64_t size_bytes;    /* these three, of a mix: of the largest operation */
	uint64_t segment_bytes;
	uint32_t sges;
	struct rw_result_kind mix[RW_MAX_MIX];
	uint32_t nr_kinds;      /* 0: no mix, all operations are alike */
	uint64_t contexts; /* per QP */
	uint64_t qps;
	uint64_t mr_pool;  /* MRs of a pool; 0 on the direct path */
	uint64_t nr_pools;
	uint64_t pool_create_ns; /* making all pools, before the row */
	uint64_t issued;   /* operations begun, dropped ones included */
	uint64_t operations;
	uint64_t wrs;
	uint64_t doorbells;
	uint64_t mr_wanted;
	uint64_t exhaustions;
	uint64_t fallbacks;
	uint64_t failed;
	uint64_t mr_operations; /* that got their MRs */
	uint64_t first_exhaustion_ns; /* since the row's start; of value if exhaustions */
	uint64_t pool_low_water; /* fewest free MRs of any pool */
	double mrs_in_use;       /* of one pool, mean over time */
	double mr_hold_ns;       /* from planning to completion, mean */
	struct rw_ci share_ci;   /* 95 % of the share of exhaustions; low > high: not known */
	const char *share_model; /* that predicts it from the hold time; NULL: none does */
	const char *no_share_model; /* why none does; NULL: one does, or nothing wanted MRs */
	double share_predicted;
	uint32_t pool_wanted;    /* MRs of a pool for --pool_target; 0: not asked, or none ... */
	const char *no_pool_wanted; /* ... and why none is named; NULL: not asked, or one is */
	uint64_t waits;          /* for an MR ... */
	double wait_ns;          /* ... in all */
	uint64_t sq_stalls;      /* for room in the SQ ... */
	double sq_stall_ns;      /* ... in all */
	uint64_t wqe_bytes;      /* 0: not known of this device */
	uint64_t teardowns;      /* of a connection ... */
	double teardown_ns;      /* ... in all, until it could be used again ... */
	uint64_t torn;           /* ... and the operations in flight that were lost */
	struct rw_latency *latency; /* NULL: operations were not timed one by one */
	struct rw_series_interval *intervals; /* NULL: none is complete */
	uint32_t nr_intervals;
	uint64_t interval_ns;
	uint64_t last_interval_ns; /* the last one may be shorter */
	struct rw_series_rates rates; /* lowest and highest, of complete intervals */
	json_t *counters;        /* of the port, by how much they moved; NULL: none asked for */
	double cpu_thread_ns, cpu_process_ns; /* in all */
	uint64_t rate;           /* operations per second that were to begin; 0: closed loop */
	double limit_per_s;      /* operations, by --rate_limit; 0: no limit */
	double queue_mean;       /* of these, due and not begun, over time ... */
	uint64_t queue_max;      /* ... at most ... */
	uint64_t unserved;       /* ... and when the time was over */
	uint64_t elapsed_ns;
	/* The best and the worst window, each of as many operations as are in flight at once. */
	double peak_bytes_per_s, least_bytes_per_s; /* 0: not measured */
	bool verified;
	bool interrupted;
	struct rw_corrupt corrupt;
	json_t *kernel;          /* engine kernel: what its module counted; else NULL */
};

/* Operations per second; 0 when nothing was measured. */
double rw_result_ops_per_s(const struct rw_result *result);

/* The same of both directions together; without -b there is one. And of their best windows. */
double rw_result_sum_ops_per_s(const struct rw_result *result);
double rw_result_sum_bytes_per_s(const struct rw_result *result);
double rw_result_sum_peak_bytes_per_s(const struct rw_result *result);

/* Open loop: operations begun per second, and what one waited for a free context on average. */
double rw_result_begun_per_s(const struct rw_result *result);
double rw_result_queued_ns(const struct rw_result *result);

/* Bytes of an operation; of a mix, the mean of those that were completed, rounded. */
uint64_t rw_result_msg_bytes(const struct rw_result *result);

/* Bytes per second on average: those that were moved. */
double rw_result_bytes_per_s(const struct rw_result *result);

/* CPU time of the process, in percent of one CPU. */
double rw_result_cpu_percent(const struct rw_result *result);

/* "at 65536 bytes in 16 segments", or of which mix. Returns @buf. */
#define RW_RESULT_TEXT 64
const char *rw_result_size_text(const struct rw_result *result, char buf[RW_RESULT_TEXT]);

/*
 * Of operations that were posted, of engine kernel of those that completed: WRs, and bytes of
 * WQEs in basic blocks of 64.
 */
double rw_result_wrs_per_op(const struct rw_result *result);
double rw_result_wqe_bytes_per_op(const struct rw_result *result);

/* Exhaustions: how many of the operations that wanted MRs, and per second. */
double rw_result_exhaustion_share(const struct rw_result *result);
double rw_result_exhaustions_per_s(const struct rw_result *result);

/*
 * Is row @i of @results one that can be compared with a direct one? True if it
 * is by another path, a direct row of the same size stands before it, with no other size
 * between, and both completed operations in a time that was measured.
 */
bool rw_result_pair(const struct rw_result *results, uint32_t i,
		    const struct rw_result **direct_p);

/* Does the measured share of exhaustions lie elsewhere than its prediction? */
bool rw_result_is_surprise(const struct rw_result *result);

/*
 * Open loop: was the rate out of reach, so that the queue grew? More than 2 % of it was not
 * begun in time, more than three times what the count of Poisson arrivals varies by, and the
 * queue held as many. Of a row with fewer arrivals than the rate by chance that is not so.
 */
bool rw_result_is_overrun(const struct rw_result *result);

/* A rate limit: was it reached, within 2 %? */
bool rw_result_reached_limit(const struct rw_result *result);
/* ... and not exceeded, by as much? A device may fail to keep what it was given to keep. */
bool rw_result_keeps_limit(const struct rw_result *result);

/*
 * How the latency of @row compares with that of @direct: the medians of their
 * blocks' means, a bootstrap interval of 95 %. Returns 0, or -ENODATA: too few
 * blocks, -ENOMEM.
 */
int rw_result_contrast(const struct rw_result *row, const struct rw_result *direct,
		       enum rw_ci_contrast contrast, struct rw_ci_contrast_result *result_p);

#endif
