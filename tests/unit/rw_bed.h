/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A pool and the segments of an operation, for tests of the planner. */
#ifndef RW_TESTS_UNIT_RW_BED_H
#define RW_TESTS_UNIT_RW_BED_H

#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rw/ctx.h"

#define PAGE	 4096
#define ADDR	 UINT64_C(0x100000000)
#define REMOTE	 UINT64_C(0x7f0000000000)
#define RKEY	 77
#define MAX_POOL 512

/* mlx5 as the kernel sees it, but with small MRs. */
static const struct rw_attrs kernel_attrs = {
	.policy = RW_POLICY_AUTO,
	.page_size = PAGE,
	.max_sgl_rd = 3,
	.max_sge_rd = 30,
	.max_send_sge = 30,
	.mr_entries = 4,
	.page_list = true,
	.invalidate = true,
	.rotate_key = true,
	.reg_wqes = 1,
};

struct bed {
	struct rw_mr mrs[MAX_POOL];
	struct rw_mr_pool pool;
	struct rw_seg *segs;
	struct rw_io io;
};

/* Whole pages, each apart from the next. */
static inline struct rw_seg *make_pages(uint32_t nr_segs)
{
	struct rw_seg *segs = calloc(nr_segs, sizeof(*segs));

	assert_non_null(segs);
	for (uint32_t i = 0; i < nr_segs; i++)
		segs[i] = (struct rw_seg){ ADDR + (uint64_t)i * 2 * PAGE, PAGE };
	return segs;
}

static inline struct rw_io make_io(enum rw_op op, const struct rw_seg *segs, uint32_t nr_segs)
{
	return (struct rw_io){
		.op = op, .segs = segs, .nr_segs = nr_segs, .remote_addr = REMOTE, .rkey = RKEY
	};
}

static inline void bed_init_pool(struct bed *bed, uint32_t pool_size)
{
	memset(bed, 0, sizeof(*bed));
	for (uint32_t i = 0; i < pool_size; i++)
		bed->mrs[i].key = (i + 1) << 8;
	rw_mr_pool_init(&bed->pool, bed->mrs, pool_size);
}

/* A pool, and a READ of @nr_segs pages; bed_fini() frees them. */
static inline void bed_init(struct bed *bed, uint32_t pool_size, uint32_t nr_segs)
{
	bed_init_pool(bed, pool_size);
	bed->segs = make_pages(nr_segs);
	bed->io = make_io(RW_OP_READ, bed->segs, nr_segs);
}

static inline void bed_fini(struct bed *bed)
{
	free(bed->segs);
}

static inline void assert_same_wr(const struct rw_wr *a, const struct rw_wr *b)
{
	assert_int_equal(a->op, b->op);
	assert_int_equal(a->signaled, b->signaled);
	assert_int_equal(a->key, b->key);
	assert_int_equal(a->inv_key, b->inv_key);
	assert_int_equal(!a->mr, !b->mr);
	if (a->mr)
		assert_int_equal(a->mr->index, b->mr->index);
	assert_ptr_equal(a->segs, b->segs);
	assert_int_equal(a->nr_segs, b->nr_segs);
	assert_int_equal(a->nr_entries, b->nr_entries);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->iova, b->iova);
	assert_int_equal(a->remote_addr, b->remote_addr);
	assert_int_equal(a->rkey, b->rkey);
}

/* The same numbers each run. */
static inline uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 16) % below;
}

#endif
