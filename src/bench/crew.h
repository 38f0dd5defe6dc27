/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The crew: the threads that measure. Each worker has a load of its own (QPs, CQ,
 * pools, memory) and its own rows on it; while it measures it writes nothing that
 * another one reads, but for a line of its own (struct rw_worker_progress). What
 * the crew is to do is told by worker 0, which is the thread that opened it:
 *
 *   worker 0       rw_crew_run(fn) ---+-- fn --+-- wait, and watch --> next
 *                                     |        |
 *   workers 1 ...  asleep ------------+-- fn --+-- asleep
 *                                     all at once
 */
#ifndef RW_BENCH_CREW_H
#define RW_BENCH_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "bench/row.h"
#include "topo/placement.h"

/* Two lines: processors fetch them in pairs. */
#define RW_CREW_LINE 128

struct rw_crew;

/* What others may read of a worker while it measures; written every 50 ms. */
struct rw_worker_progress {
	_Alignas(RW_CREW_LINE) atomic_uint_fast64_t operations;
	atomic_uint_fast64_t exhaustions;
};

struct rw_worker {
	_Alignas(RW_CREW_LINE) struct rw_crew *crew;
	uint32_t index;
	struct rw_share share;
	struct rw_load load;
	struct rw_row rows[RW_NR_PATHS]; /* of the present group */
	uint32_t nr_rows;
	struct rw_worker_progress progress;
};

/* What a worker does. Returns 0 or -errno, told in @err. */
typedef int (*rw_crew_fn)(void *arg, struct rw_worker *worker, struct rw_err *err);

struct rw_crew {
	struct rw_worker *workers;
	uint32_t n;
	struct rw_shared_pool shared[RW_NR_PATHS]; /* of rows i of all workers */
	bool shares_pools; /* --pool_scope=process, of several threads */
	pthread_t *threads; /* of workers 1 to nr_threads */
	uint32_t nr_threads;

	pthread_mutex_t lock;
	pthread_cond_t work, done;
	/* under the lock: what is to be done, and who is still at it */
	uint64_t round;
	bool over;
	rw_crew_fn fn;
	void *arg;
	uint32_t running;
	int error;            /* of the first that failed ... */
	struct rw_err reason; /* ... and why */

	_Alignas(RW_CREW_LINE) atomic_uint_fast64_t arrived; /* at the start of all rounds */
	_Alignas(RW_CREW_LINE) atomic_bool failed;           /* somebody has: stop */
};

/*
 * Start the workers of @conf, each with its share of the run, on the cores of
 * @placement (the calling thread is on the first). Their loads are not open.
 * Returns 0 or -errno, told in @err.
 */
int rw_crew_open(struct rw_crew *crew, const struct rw_conf *conf,
		 const struct rw_placement *placement, struct rw_err *err);

/*
 * Let every worker do fn(@arg, worker) at once, and wait for all. Whoever fails
 * stops those that watch rw_crew_has_failed. @watch (may be NULL) is asked every
 * 50 ms while worker 0 has nothing to do but to wait.
 * Returns 0, or the first error, told in @err.
 */
int rw_crew_run(struct rw_crew *crew, rw_crew_fn fn, void *arg, const struct rw_load_watch *watch,
		struct rw_err *err);

/* Has a worker failed in this round? */
static inline bool rw_crew_has_failed(const struct rw_crew *crew)
{
	return atomic_load_explicit(&crew->failed, memory_order_relaxed);
}

/* -ECANCELED, for those that stop since another one has failed. */
int rw_crew_cancel(struct rw_err *err);

/*
 * The QPs of all loads, one worker's after the other's, in *@ep, which
 * rw_crew_free_qps owes nothing but memory: to connect them.
 * Returns 0 or -ENOMEM, told in @err.
 */
int rw_crew_list_qps(const struct rw_crew *crew, struct rw_endpoint *ep, struct rw_err *err);
void rw_crew_free_qps(struct rw_endpoint *ep);

/* End the threads. Rows and loads are closed before. */
void rw_crew_close(struct rw_crew *crew);

#endif
