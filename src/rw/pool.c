/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/pool.h"

void rw_mr_pool_init(struct rw_mr_pool *pool, struct rw_mr *mrs, uint32_t size)
{
	pool->head = NULL;
	pool->size = size;
	pool->nr_free = 0;
	for (uint32_t i = size; i-- > 0;) {
		mrs[i].index = i;
		rw_mr_pool_put(pool, &mrs[i]);
	}
	rw_mr_pool_reset_stats(pool);
}

void rw_mr_pool_reset_stats(struct rw_mr_pool *pool)
{
	pool->low_water = pool->nr_free;
}
