/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The MR pools of a row: one for each QP as in the kernel, or one for all. */
#include <errno.h>
#include <stdlib.h>

#include "bench/load.h"

int rw_load_open_pool(struct rw_load *load, struct rw_load_pool *pool, uint32_t size,
		      struct rw_err *err)
{
	int ret = 0;

	pool->state = NULL;
	pool->mrs = calloc(rw_max(size, 1u), sizeof(*pool->mrs));
	if (!pool->mrs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	rw_mr_pool_init(&pool->pool, pool->mrs, size);
	if (size && load->engine->open_mrs)
		ret = load->engine->open_mrs(load->ep.pd, pool->mrs, size, load->mr_entries,
					     &pool->state, err);
	if (ret) {
		free(pool->mrs);
		pool->mrs = NULL;
	}
	return ret;
}

void rw_load_close_pool(struct rw_load *load, struct rw_load_pool *pool)
{
	struct rw_err ignored = { 0 };
	uint32_t size = pool->pool.size;

	if (!pool->mrs)
		return;
	if (size && load->engine->close_mrs)
		load->engine->close_mrs(pool->mrs, size, pool->state);
	/* After a failed run operations may still hold MRs. */
	for (uint32_t i = 0; i < size && load->engine->unreg; i++)
		if (pool->mrs[i].priv)
			load->engine->unreg(&pool->mrs[i], &ignored);
	free(pool->mrs);
	pool->mrs = NULL;
}

int rw_load_open_pools(struct rw_load *load, uint32_t size, struct rw_err *err)
{
	uint32_t nr_qps = load->ep.nr_qps;
	uint64_t start_ns = rw_clock_raw_ns();
	int ret = 0;

	load->nr_pools = load->conf->pool_scope == RW_POOL_SCOPE_QP ? nr_qps : 1;
	load->pools = calloc(load->nr_pools, sizeof(*load->pools));
	if (!load->pools)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < load->nr_pools && !ret; i++)
		ret = rw_load_open_pool(load, &load->pools[i], size, err);
	for (uint32_t i = 0; i < nr_qps; i++)
		load->qps[i].pool = &load->pools[i % load->nr_pools].pool;
	load->pool_ns = size ? rw_clock_raw_ns() - start_ns : 0;
	return ret;
}

void rw_load_close_pools(struct rw_load *load)
{
	for (uint32_t i = 0; load->pools && i < load->nr_pools; i++)
		rw_load_close_pool(load, &load->pools[i]);
	free(load->pools);
	load->pools = NULL;
	load->nr_pools = 0;
}
