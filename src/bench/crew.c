/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/crew.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WATCH_NS (50 * 1000 * 1000)

int rw_crew_cancel(struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_RUN, -ECANCELED, "another measuring thread has failed");
}

/* The first one counts: what others say is often only what follows from it. */
static void note_failure(struct rw_crew *crew, int error, const struct rw_err *reason)
{
	pthread_mutex_lock(&crew->lock);
	if (!crew->error) {
		crew->error = error;
		crew->reason = *reason;
		atomic_store(&crew->failed, true);
	}
	pthread_mutex_unlock(&crew->lock);
}

/* Waking up takes each its time: nobody begins before the last one is awake. */
static void meet(struct rw_crew *crew, uint64_t round)
{
	atomic_fetch_add(&crew->arrived, 1);
	while (atomic_load(&crew->arrived) < round * crew->n)
		sched_yield();
}

static void do_round(struct rw_crew *crew, struct rw_worker *worker, uint64_t round)
{
	struct rw_err err = { 0 };
	int ret;

	meet(crew, round);
	ret = crew->fn(crew->arg, worker, &err);
	if (ret)
		note_failure(crew, ret, &err);
}

static bool next_round(struct rw_crew *crew, uint64_t last)
{
	bool goes_on;

	pthread_mutex_lock(&crew->lock);
	while (crew->round == last && !crew->over)
		pthread_cond_wait(&crew->work, &crew->lock);
	goes_on = !crew->over;
	pthread_mutex_unlock(&crew->lock);
	return goes_on;
}

static void *work(void *arg)
{
	struct rw_worker *worker = arg;
	struct rw_crew *crew = worker->crew;

	for (uint64_t round = 1; next_round(crew, round - 1); round++) {
		do_round(crew, worker, round);
		pthread_mutex_lock(&crew->lock);
		if (!--crew->running)
			pthread_cond_signal(&crew->done);
		pthread_mutex_unlock(&crew->lock);
	}
	return NULL;
}

static struct timespec soon(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += WATCH_NS;
	at.tv_sec += at.tv_nsec / (long)RW_NS_PER_S;
	at.tv_nsec %= (long)RW_NS_PER_S;
	return at;
}

/* Worker 0 alone talks to the peer: it goes on doing so when its own work is done. */
static void wait_for_others(struct rw_crew *crew, const struct rw_load_watch *watch)
{
	pthread_mutex_lock(&crew->lock);
	while (crew->running) {
		struct timespec at = soon();
		struct rw_err err = { 0 };
		int ret;

		if (!watch)
			pthread_cond_wait(&crew->done, &crew->lock);
		else if (pthread_cond_timedwait(&crew->done, &crew->lock, &at) && !crew->error) {
			pthread_mutex_unlock(&crew->lock);
			ret = watch->check(watch->arg, &err);
			if (ret)
				note_failure(crew, ret, &err);
			pthread_mutex_lock(&crew->lock);
		}
	}
	pthread_mutex_unlock(&crew->lock);
}

int rw_crew_run(struct rw_crew *crew, rw_crew_fn fn, void *arg, const struct rw_load_watch *watch,
		struct rw_err *err)
{
	pthread_mutex_lock(&crew->lock);
	crew->fn = fn;
	crew->arg = arg;
	crew->running = crew->n - 1;
	crew->error = 0;
	crew->round++;
	atomic_store(&crew->failed, false);
	pthread_cond_broadcast(&crew->work);
	pthread_mutex_unlock(&crew->lock);
	do_round(crew, &crew->workers[0], crew->round);
	wait_for_others(crew, watch);
	if (crew->error)
		*err = crew->reason;
	return crew->error;
}

/* Signals are the first thread's, which waits for some of them. */
static int start_threads(struct rw_crew *crew, struct rw_err *err)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (crew->nr_threads < crew->n - 1 && !ret) {
		ret = pthread_create(&crew->threads[crew->nr_threads], NULL, work,
				     &crew->workers[crew->nr_threads + 1]);
		crew->nr_threads += !ret;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, -ret,
			       "cannot start measuring thread %u: %s; lower --threads, or see ulimit -u",
			       crew->nr_threads + 1, strerror(ret));
	return 0;
}

static int take_place(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	/* The first thread has been there since the placement was made. */
	return worker->index ? rw_placement_join(arg, worker->index, err) : 0;
}

static void init_locks(struct rw_crew *crew)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&crew->lock, NULL);
	for (int i = 0; i < RW_NR_PATHS; i++)
		pthread_mutex_init(&crew->shared[i].lock, NULL);
	pthread_cond_init(&crew->work, NULL);
	pthread_cond_init(&crew->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int rw_crew_open(struct rw_crew *crew, const struct rw_conf *conf,
		 const struct rw_placement *placement, struct rw_err *err)
{
	struct rw_placement place = *placement;
	size_t bytes;
	int ret;

	memset(crew, 0, sizeof(*crew));
	crew->n = (uint32_t)conf->threads;
	crew->shares_pools = crew->n > 1 && conf->pool_scope == RW_POOL_SCOPE_PROCESS;
	bytes = crew->n * sizeof(*crew->workers);
	crew->workers = aligned_alloc(RW_CREW_LINE, bytes);
	crew->threads = calloc(crew->n, sizeof(*crew->threads));
	init_locks(crew);
	if (!crew->workers || !crew->threads) {
		rw_crew_close(crew);
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	}
	memset(crew->workers, 0, bytes);
	for (uint32_t i = 0; i < crew->n; i++) {
		crew->workers[i].crew = crew;
		crew->workers[i].index = i;
		rw_conf_share(conf, i, &crew->workers[i].share);
	}
	ret = start_threads(crew, err);
	if (!ret)
		ret = rw_crew_run(crew, take_place, &place, NULL, err);
	if (ret)
		rw_crew_close(crew);
	return ret;
}

int rw_crew_list_qps(const struct rw_crew *crew, struct rw_endpoint *ep, struct rw_err *err)
{
	*ep = crew->workers[0].load.ep;
	ep->nr_qps = 0;
	ep->qps = calloc(crew->workers[0].share.run->qps, sizeof(*ep->qps));
	if (!ep->qps)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < crew->n; i++) {
		const struct rw_endpoint *one = &crew->workers[i].load.ep;

		memcpy(&ep->qps[ep->nr_qps], one->qps, one->nr_qps * sizeof(*one->qps));
		ep->nr_qps += one->nr_qps;
	}
	return 0;
}

void rw_crew_free_qps(struct rw_endpoint *ep)
{
	free(ep->qps);
}

void rw_crew_close(struct rw_crew *crew)
{
	if (!crew->n)
		return;
	pthread_mutex_lock(&crew->lock);
	crew->over = true;
	pthread_cond_broadcast(&crew->work);
	pthread_mutex_unlock(&crew->lock);
	for (uint32_t i = 0; i < crew->nr_threads; i++)
		pthread_join(crew->threads[i], NULL);
	pthread_mutex_destroy(&crew->lock);
	for (int i = 0; i < RW_NR_PATHS; i++)
		pthread_mutex_destroy(&crew->shared[i].lock);
	pthread_cond_destroy(&crew->work);
	pthread_cond_destroy(&crew->done);
	free(crew->threads);
	free(crew->workers);
	memset(crew, 0, sizeof(*crew));
}
