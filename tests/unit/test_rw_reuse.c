/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One context through many operations: what the chains keep must not show. */
#include "rw_bed.h"

#include <errno.h>

/*
 * Operations with every mix of live and dead keys, with MRs missing, posted or
 * not: a context that has run before plans what a new one plans.
 */
static void run_alternating(enum rw_policy policy, bool iwarp)
{
	struct rw_mr *hidden[3];
	struct bed old_bed, new_bed;
	struct rw_attrs attrs = kernel_attrs;
	struct rw_ctx old_ctx;
	uint32_t seed = 1;

	attrs.policy = policy;
	attrs.iwarp = iwarp;
	bed_init(&old_bed, 5, 12);
	bed_init(&new_bed, 5, 1);
	assert_int_equal(rw_ctx_prepare(&old_ctx, &attrs, &old_bed.io), 0);
	for (int i = 0; i < 2000; i++) {
		uint32_t nr_hidden = draw(&seed, 4);
		const struct rw_wr *old_wrs, *new_wrs;
		struct rw_ctx new_ctx;
		uint32_t nr_wrs;
		int ret;

		for (uint32_t k = 0; k < 5; k++)
			old_bed.mrs[k].need_inval = new_bed.mrs[k].need_inval = draw(&seed, 2);
		for (uint32_t k = 0; k < nr_hidden; k++) {
			hidden[k] = rw_mr_pool_get(&old_bed.pool);
			assert_int_equal(rw_mr_pool_get(&new_bed.pool)->index, hidden[k]->index);
		}
		assert_int_equal(rw_ctx_prepare(&new_ctx, &attrs, &old_bed.io), 0);
		ret = rw_ctx_init(&old_ctx, &old_bed.pool);
		assert_int_equal(ret, rw_ctx_init(&new_ctx, &new_bed.pool));
		assert_int_equal(old_ctx.type, new_ctx.type);
		assert_int_equal(old_ctx.fell_back, new_ctx.fell_back);
		assert_int_equal(ret == -EAGAIN || old_ctx.fell_back, nr_hidden == 3);
		if (ret >= 0 && draw(&seed, 4)) {
			nr_wrs = rw_ctx_wrs(&old_ctx, &old_wrs);
			assert_int_equal(nr_wrs, rw_ctx_wrs(&new_ctx, &new_wrs));
			assert_int_equal(nr_wrs, ret);
			for (uint32_t k = 0; k < nr_wrs; k++)
				assert_same_wr(&old_wrs[k], &new_wrs[k]);
		}
		if (ret >= 0) {
			rw_ctx_destroy(&old_ctx, &old_bed.pool);
			rw_ctx_destroy(&new_ctx, &new_bed.pool);
		}
		rw_ctx_release(&new_ctx);
		while (nr_hidden-- > 0) {
			rw_mr_pool_put(&old_bed.pool, hidden[nr_hidden]);
			rw_mr_pool_put(&new_bed.pool, &new_bed.mrs[hidden[nr_hidden]->index]);
		}
		assert_int_equal(old_bed.pool.nr_free, 5);
	}
	rw_ctx_release(&old_ctx);
	bed_fini(&old_bed);
	bed_fini(&new_bed);
}

static void test_alternating(void **state)
{
	run_alternating(RW_POLICY_AUTO, false);
	run_alternating(RW_POLICY_AUTO, true);
	run_alternating(RW_POLICY_MR, false);
	run_alternating(RW_POLICY_MR, true);
}

/* Lazily invalidated from the second use on; the key goes round in 8 bits. */
static void test_steady_state(void **state)
{
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	bed_init(&bed, 1, 4);
	assert_int_equal(rw_ctx_prepare(&ctx, &kernel_attrs, &bed.io), 0);
	for (uint32_t i = 0; i < 600; i++) {
		assert_int_equal(rw_ctx_init(&ctx, &bed.pool), i ? 3 : 2);
		assert_int_equal(rw_ctx_wrs(&ctx, &wrs), i ? 3 : 2);
		if (i) {
			assert_int_equal(wrs->op, RW_WR_LOCAL_INV);
			assert_int_equal(wrs->key, 0x100 | (i & 0xff));
			wrs++;
		}
		assert_int_equal(wrs[0].key, 0x100 | ((i + 1) & 0xff));
		assert_int_equal(wrs[1].key, 0x100 | ((i + 1) & 0xff));
		assert_true(wrs[1].signaled);
		rw_ctx_destroy(&ctx, &bed.pool);
	}
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

/* --invalidate=never leaves keys live, and whoever invalidates again knows. */
static void test_invalidate_again(void **state)
{
	struct rw_attrs never = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	never.invalidate = false;
	bed_init(&bed, 1, 4);
	assert_int_equal(rw_ctx_prepare(&ctx, &never, &bed.io), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 2);
		assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 2);
		rw_ctx_destroy(&ctx, &bed.pool);
	}
	rw_ctx_release(&ctx);
	assert_int_equal(rw_ctx_prepare(&ctx, &kernel_attrs, &bed.io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 3);
	assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 3);
	assert_int_equal(wrs[0].key, 0x103);
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

static void test_no_pool(void **state)
{
	struct rw_attrs attrs = kernel_attrs;
	struct rw_ctx ctx;
	struct bed bed;

	bed_init(&bed, 0, 31);
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &bed.io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 2);
	assert_int_equal(ctx.type, RW_CTX_MULTI);
	assert_true(ctx.wants_mr && ctx.fell_back);
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);

	attrs.policy = RW_POLICY_MR;
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &bed.io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), -EAGAIN);
	assert_true(ctx.wants_mr && !ctx.fell_back);
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

/* --on_exhaustion=fallback of the MR path: the caller falls back by itself. */
static void test_fallback_by_caller(void **state)
{
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	attrs.policy = RW_POLICY_MR;
	bed_init(&bed, 2, 12);
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &bed.io), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rw_ctx_init(&ctx, &bed.pool), -EAGAIN);
		assert_int_equal(bed.pool.nr_free, 2);
		assert_int_equal(bed.pool.low_water, 0);
		assert_ptr_equal(bed.pool.head, &bed.mrs[0]);
		/* No destroy is owed, and one does no harm. */
		rw_ctx_destroy(&ctx, &bed.pool);
		assert_int_equal(bed.pool.nr_free, 2);

		assert_int_equal(rw_ctx_init_direct(&ctx), 1);
		assert_true(ctx.fell_back);
		assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 1);
		assert_int_equal(wrs->op, RW_WR_READ);
		assert_null(wrs->mr);
		rw_ctx_destroy(&ctx, &bed.pool);
		assert_int_equal(bed.pool.nr_free, 2);
	}
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

/* More segments than 16 bits count, and more MRs than any real pool has. */
static void test_many_segments(void **state)
{
	const uint32_t nr_segs = 70000, nr_mrs = 274;
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	attrs.mr_entries = 256;
	bed_init(&bed, nr_mrs, nr_segs);
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &bed.io), 0);
	assert_int_equal(ctx.nr_mrs, nr_mrs);
	for (uint32_t round = 0; round < 2; round++) {
		uint32_t nr_wrs = nr_mrs * (2 + round);
		uint64_t length = 0;

		assert_int_equal(rw_ctx_init(&ctx, &bed.pool), nr_wrs);
		assert_int_equal(bed.pool.nr_free, 0);
		assert_int_equal(rw_ctx_wrs(&ctx, &wrs), nr_wrs);
		for (uint32_t i = 0; i < nr_wrs; i++) {
			assert_int_equal(wrs[i].signaled, i == nr_wrs - 1);
			if (wrs[i].op != RW_WR_READ)
				continue;
			assert_int_equal(wrs[i].remote_addr, bed.io.remote_addr + length);
			length += wrs[i].length;
		}
		assert_int_equal(length, (uint64_t)nr_segs * PAGE);
		assert_int_equal(wrs[nr_wrs - 2].nr_entries, nr_segs % 256);
		rw_ctx_destroy(&ctx, &bed.pool);
	}
	rw_ctx_release(&ctx);

	/* One MR too few, found at the very end: all go back in order. */
	bed_fini(&bed);
	bed_init(&bed, nr_mrs - 1, nr_segs);
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &bed.io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 2334);
	assert_true(ctx.fell_back);
	for (uint32_t i = 0; i < nr_mrs - 1; i++)
		assert_int_equal(rw_mr_pool_get(&bed.pool)->index, i);
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alternating),	   cmocka_unit_test(test_steady_state),
		cmocka_unit_test(test_invalidate_again),   cmocka_unit_test(test_no_pool),
		cmocka_unit_test(test_fallback_by_caller), cmocka_unit_test(test_many_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
