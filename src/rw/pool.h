/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The MR pool of a QP: a LIFO free list (drivers/infiniband/core/mr_pool.c
 * takes from the head and puts back at the head).
 */
#ifndef RW_RW_POOL_H
#define RW_RW_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One registration slot. What stands behind it is the engine's. */
struct rw_mr {
	struct rw_mr *next; /* free list; NULL while in use */
	uint32_t index;     /* number in the pool, from 0 */
	uint32_t key;       /* lkey, equal to the rkey */
	bool need_inval;    /* the key is live from an earlier operation */
	void *priv;         /* of the engine */
};

struct rw_mr_pool {
	struct rw_mr *head;
	uint32_t size;
	uint32_t nr_free;
	uint32_t low_water; /* fewest free since rw_mr_pool_reset_stats */
};

/*
 * Chain mrs[0..size) so that mrs[0] is taken first, and number them. Keys,
 * need_inval and priv are the engine's and stay as they are. @size 0 is a
 * legal pool.
 */
void rw_mr_pool_init(struct rw_mr_pool *pool, struct rw_mr *mrs, uint32_t size);

/* Start the low-water mark anew from the present number of free MRs. */
void rw_mr_pool_reset_stats(struct rw_mr_pool *pool);

/*
 * Take the head of the free list; NULL: the pool is empty (-EAGAIN of the
 * kernel). ib_mr_pool_get.
 */
static inline struct rw_mr *rw_mr_pool_get(struct rw_mr_pool *pool)
{
	struct rw_mr *mr = pool->head;

	if (!mr)
		return NULL;
	pool->head = mr->next;
	mr->next = NULL;
	if (--pool->nr_free < pool->low_water)
		pool->low_water = pool->nr_free;
	return mr;
}

/*
 * Put @mr at the head of the free list: the MR used last is the next one
 * used. ib_mr_pool_put.
 */
static inline void rw_mr_pool_put(struct rw_mr_pool *pool, struct rw_mr *mr)
{
	mr->next = pool->head;
	pool->head = mr;
	pool->nr_free++;
}

#endif
