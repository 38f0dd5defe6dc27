/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An operation that repeats the one before it (struct rw_again) is the one that would be planned. */
#include "rw_bed.h"

/* A context that runs again and again, and one that is prepared for each operation of it. */
struct twins {
	struct rw_attrs attrs;
	struct rw_io io;
	struct rw_ctx old_ctx, new_ctx;
	bool begun, posted;
};

static void begin_twins(struct twins *twins, struct bed *old_bed, struct bed *new_bed)
{
	int ret;

	assert_int_equal(rw_ctx_prepare(&twins->new_ctx, &twins->attrs, &twins->io), 0);
	ret = rw_ctx_init(&twins->new_ctx, &new_bed->pool);
	assert_int_equal(rw_ctx_init(&twins->old_ctx, &old_bed->pool), ret);
	assert_int_equal(twins->old_ctx.type, twins->new_ctx.type);
	assert_int_equal(twins->old_ctx.fell_back, twins->new_ctx.fell_back);
	twins->begun = ret >= 0;
	twins->posted = false;
	if (ret < 0)
		rw_ctx_release(&twins->new_ctx);
}

static void post_twins(struct twins *twins)
{
	const struct rw_wr *old_wrs, *new_wrs;
	uint32_t nr_wrs = rw_ctx_wrs(&twins->new_ctx, &new_wrs);

	assert_int_equal(rw_ctx_wrs(&twins->old_ctx, &old_wrs), nr_wrs);
	for (uint32_t i = 0; i < nr_wrs; i++)
		assert_same_wr(&old_wrs[i], &new_wrs[i]);
	twins->posted = true;
}

static void end_twins(struct twins *twins, struct bed *old_bed, struct bed *new_bed)
{
	rw_ctx_destroy(&twins->old_ctx, &old_bed->pool);
	rw_ctx_destroy(&twins->new_ctx, &new_bed->pool);
	assert_int_equal(twins->old_ctx.type, twins->new_ctx.type);
	rw_ctx_release(&twins->new_ctx);
	twins->begun = false;
}

static void assert_same_pools(const struct bed *a, const struct bed *b)
{
	const struct rw_mr *x = a->pool.head, *y = b->pool.head;

	for (; x && y; x = x->next, y = y->next)
		assert_int_equal(x->index, y->index);
	assert_true(!x && !y);
	assert_int_equal(a->pool.nr_free, b->pool.nr_free);
	assert_int_equal(a->pool.low_water, b->pool.low_water);
	for (uint32_t i = 0; i < a->pool.size; i++) {
		assert_int_equal(a->mrs[i].key, b->mrs[i].key);
		assert_int_equal(a->mrs[i].need_inval, b->mrs[i].need_inval);
	}
}

/* The pools are made anew: other keys, or other MRs by the same keys, none of them live. */
static void renew_pools(struct bed *a, struct bed *b, uint32_t *seed)
{
	uint32_t i = draw(seed, a->pool.size);

	a->mrs[i].key = b->mrs[i].key ^= draw(seed, 2) << 16;
	a->mrs[i].need_inval = b->mrs[i].need_inval = false;
}

static struct rw_attrs draw_attrs(uint32_t *seed)
{
	struct rw_attrs attrs = kernel_attrs;

	attrs.policy = draw(seed, 2) ? RW_POLICY_MR : RW_POLICY_AUTO;
	attrs.page_list = false;
	attrs.mr_entries = draw(seed, 8) ? 16 : 2;
	attrs.iwarp = !draw(seed, 8);
	attrs.invalidate = draw(seed, 4);
	attrs.fenced_inval = !draw(seed, 4);
	attrs.rotate_key = !draw(seed, 4);
	attrs.reg_wqes = draw(seed, 4) > 0;
	return attrs;
}

/* One round: contexts of one kind, or each of its own, over one pool. Returns how many repeated. */
static uint32_t run_interleaved(uint32_t pool_size, uint32_t *seed)
{
	struct twins twins[3] = { 0 };
	struct bed old_bed, new_bed;
	bool alike = draw(seed, 2);
	uint32_t nr_repeats = 0;

	bed_init(&old_bed, pool_size, 4);
	bed_init(&new_bed, pool_size, 1);
	for (uint32_t i = 0; i < 3; i++) {
		twins[i].attrs = i && alike ? twins[0].attrs : draw_attrs(seed);
		twins[i].io = old_bed.io;
		twins[i].io.remote_addr += i << 16;
		assert_int_equal(
			rw_ctx_prepare(&twins[i].old_ctx, &twins[i].attrs, &twins[i].io), 0);
	}
	for (uint32_t step = 0; step < 300; step++) {
		struct twins *t = &twins[draw(seed, 3)];

		if (!t->begun && old_bed.pool.nr_free == pool_size && !draw(seed, 8))
			renew_pools(&old_bed, &new_bed, seed);
		nr_repeats += !t->begun && rw_ctx_repeats(&t->old_ctx, old_bed.pool.head);
		if (!t->begun)
			begin_twins(t, &old_bed, &new_bed);
		else if (!t->posted && draw(seed, 8))
			post_twins(t);
		else
			end_twins(t, &old_bed, &new_bed);
		assert_same_pools(&old_bed, &new_bed);
	}
	for (uint32_t i = 0; i < 3; i++) {
		if (twins[i].begun)
			end_twins(&twins[i], &old_bed, &new_bed);
		rw_ctx_release(&twins[i].old_ctx);
	}
	bed_fini(&old_bed);
	bed_fini(&new_bed);
	return nr_repeats;
}

/* Operations that repeat the one before them post what a new context posts. */
static void test_interleaved(void **state)
{
	uint32_t nr_repeats = 0, seed = 1;

	for (uint32_t round = 0; round < 400; round++)
		nr_repeats += run_interleaved(1 + round % 4, &seed);
	/* Of 40000 operations or so; most others find another MR, or move its key. */
	assert_in_range(nr_repeats, 4000, 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleaved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
