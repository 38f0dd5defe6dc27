/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The MR pools of a row: one for each QP as in the kernel, or one for all, or for all threads. */
#include <errno.h>
#include <stdlib.h>

#include "bench/row.h"
#include "conf/pool.h"

int rw_row_open_pool(struct rw_row *row, struct rw_row_pool *pool, uint32_t size,
		      struct rw_err *err)
{
	int ret = 0;

	pool->state = NULL;
	pool->mrs = calloc(rw_max(size, 1u), sizeof(*pool->mrs));
	if (!pool->mrs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	rw_mr_pool_init(&pool->pool, pool->mrs, size);
	if (size && row->load->engine->open_mrs)
		ret = row->load->engine->open_mrs(row->load->ep.pd, pool->mrs, size, row->load->mr_entries,
					     &pool->state, err);
	if (ret) {
		free(pool->mrs);
		pool->mrs = NULL;
	}
	return ret;
}

void rw_row_close_pool(struct rw_row *row, struct rw_row_pool *pool)
{
	struct rw_err ignored = { 0 };
	uint32_t size = pool->pool.size;

	if (!pool->mrs)
		return;
	if (size && row->load->engine->close_mrs)
		row->load->engine->close_mrs(pool->mrs, size, pool->state);
	/* After a failed run operations may still hold MRs. */
	for (uint32_t i = 0; i < size && row->load->engine->unreg; i++)
		if (pool->mrs[i].priv)
			row->load->engine->unreg(&pool->mrs[i], &ignored);
	free(pool->mrs);
	pool->mrs = NULL;
}

/* The first thread's load makes it: all are in one domain, and of one engine. */
static int join_shared(struct rw_row *row, uint32_t size, struct rw_err *err)
{
	struct rw_shared_pool *shared = row->shared;
	int ret = 0;

	pthread_mutex_lock(&shared->lock);
	if (!shared->users)
		ret = rw_row_open_pool(row, &shared->pool, size, err);
	shared->users += !ret;
	pthread_mutex_unlock(&shared->lock);
	row->pools = ret ? NULL : &shared->pool;
	row->nr_pools = !ret;
	return ret;
}

static void leave_shared(struct rw_row *row)
{
	struct rw_shared_pool *shared = row->shared;

	if (!row->pools)
		return;
	pthread_mutex_lock(&shared->lock);
	if (!--shared->users)
		rw_row_close_pool(row, &shared->pool);
	pthread_mutex_unlock(&shared->lock);
}

int rw_row_take_shared(struct rw_row *row, struct rw_slot *slot)
{
	int wqes;

	pthread_mutex_lock(&row->shared->lock);
	wqes = rw_ctx_init(&slot->ctx, slot->pool);
	/* When this thread last polled, another one may still have had them. */
	row->now = rw_row_ticks(row);
	pthread_mutex_unlock(&row->shared->lock);
	return wqes;
}

void rw_row_give_shared(struct rw_row *row, struct rw_slot *slot)
{
	pthread_mutex_lock(&row->shared->lock);
	rw_ctx_destroy(&slot->ctx, slot->pool);
	pthread_mutex_unlock(&row->shared->lock);
	atomic_fetch_add(&row->shared->returns, 1);
}

bool rw_row_has_returns(struct rw_row *row)
{
	uint64_t returns = atomic_load(&row->shared->returns);
	bool has = returns != row->seen_returns;

	row->seen_returns = returns;
	return has;
}

static int open_own(struct rw_row *row, uint32_t size, struct rw_err *err)
{
	int ret = 0;

	row->nr_pools = rw_conf_nr_pools(row->load->conf);
	row->pools = calloc(row->nr_pools, sizeof(*row->pools));
	if (!row->pools)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < row->nr_pools && !ret; i++)
		ret = rw_row_open_pool(row, &row->pools[i], size, err);
	return ret;
}

int rw_row_open_pools(struct rw_row *row, uint32_t size, struct rw_err *err)
{
	uint64_t start_ns = rw_clock_raw_ns();
	int ret = row->shared ? join_shared(row, size, err) : open_own(row, size, err);

	for (uint32_t i = 0; i < row->load->nr_slots && !ret; i++)
		row->slots[i].pool = &row->pools[row->slots[i].q->index % row->nr_pools].pool;
	row->pool_ns = size ? rw_clock_raw_ns() - start_ns : 0;
	return ret;
}

void rw_row_close_pools(struct rw_row *row)
{
	if (row->shared)
		leave_shared(row);
	for (uint32_t i = 0; row->pools && !row->shared && i < row->nr_pools; i++)
		rw_row_close_pool(row, &row->pools[i]);
	if (!row->shared)
		free(row->pools);
	row->pools = NULL;
	row->nr_pools = 0;
}
