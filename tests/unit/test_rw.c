/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The planner where the recorded cases do not reach. */
#include "rw_bed.h"

#include <errno.h>

#include "rw/policy.h"
#include "rw/sizing.h"

static void test_direct_splitting(void **state)
{
	static const struct {
		enum rw_op op;
		uint32_t nr_segs;
		uint32_t max_sge_rd;
		uint32_t max_send_sge;
		uint32_t nr_wrs;
	} rows[] = {
		{ RW_OP_READ, 1, 30, 30, 1 },	 { RW_OP_READ, 2, 30, 30, 1 },
		{ RW_OP_READ, 29, 30, 30, 1 },	 { RW_OP_READ, 30, 30, 30, 1 },
		{ RW_OP_READ, 31, 30, 30, 2 },	 { RW_OP_READ, 60, 30, 30, 2 },
		{ RW_OP_READ, 61, 30, 30, 3 },	 { RW_OP_READ, 256, 30, 30, 9 },
		{ RW_OP_READ, 256, 30, 62, 9 },	 { RW_OP_READ, 256, 62, 30, 9 },
		{ RW_OP_READ, 256, 1, 30, 256 }, { RW_OP_READ, 300, 30, 30, 10 },
		{ RW_OP_WRITE, 256, 1, 30, 9 },	 { RW_OP_WRITE, 31, 30, 30, 2 },
		{ RW_OP_WRITE, 1, 0, 1, 1 },	 { RW_OP_READ, 70000, 30, 30, 2334 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		uint32_t max_sge = rows[i].op == RW_OP_WRITE
					   ? rows[i].max_send_sge
					   : rw_min(rows[i].max_sge_rd, rows[i].max_send_sge);
		struct rw_seg *segs = make_pages(rows[i].nr_segs);
		struct rw_io io = make_io(rows[i].op, segs, rows[i].nr_segs);
		struct rw_attrs attrs = kernel_attrs;
		const struct rw_wr *wrs;
		struct rw_ctx ctx;
		uint32_t done = 0;

		attrs.policy = RW_POLICY_DIRECT;
		attrs.max_sge_rd = rows[i].max_sge_rd;
		attrs.max_send_sge = rows[i].max_send_sge;
		assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), 0);
		assert_int_equal(rw_ctx_init(&ctx, NULL), rows[i].nr_wrs);
		assert_int_equal(ctx.type, rows[i].nr_segs > 1 ? RW_CTX_MULTI : RW_CTX_SINGLE);
		assert_false(ctx.wants_mr || ctx.fell_back);
		assert_int_equal(rw_ctx_wrs(&ctx, &wrs), rows[i].nr_wrs);
		for (uint32_t k = 0; k < rows[i].nr_wrs; k++) {
			uint32_t nr_sge = rw_min(max_sge, rows[i].nr_segs - done);

			assert_int_equal(wrs[k].op, io.op == RW_OP_READ ? RW_WR_READ : RW_WR_WRITE);
			assert_int_equal(wrs[k].signaled, k == rows[i].nr_wrs - 1);
			assert_ptr_equal(wrs[k].segs, segs + done);
			assert_int_equal(wrs[k].nr_segs, nr_sge);
			assert_int_equal(wrs[k].length, nr_sge * PAGE);
			assert_int_equal(wrs[k].remote_addr, REMOTE + (uint64_t)done * PAGE);
			assert_int_equal(wrs[k].rkey, RKEY);
			assert_null(wrs[k].mr);
			done += nr_sge;
		}
		assert_int_equal(done, rows[i].nr_segs);
		rw_ctx_destroy(&ctx, NULL);
		rw_ctx_release(&ctx);
		free(segs);
	}
}

static void test_offset(void **state)
{
	struct rw_seg segs[] = { { ADDR, UINT32_MAX },
				 { ADDR << 1, UINT32_MAX },
				 { ADDR << 2, PAGE },
				 { ADDR << 3, PAGE } };
	struct rw_io io = make_io(RW_OP_WRITE, segs, 4);
	const struct rw_wr *wrs;
	struct rw_ctx ctx;

	/* Whole entries are skipped, more than 32 bits of them; no copy is made. */
	io.offset = UINT64_C(2) * UINT32_MAX;
	assert_int_equal(rw_ctx_prepare(&ctx, &kernel_attrs, &io), 0);
	assert_int_equal(ctx.nr_entries, 2);
	assert_int_equal(rw_ctx_init(&ctx, NULL), 1);
	assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 1);
	assert_ptr_equal(wrs->segs, &segs[2]);
	rw_ctx_release(&ctx);

	/* A cut entry; the caller's is left alone. */
	io.offset += PAGE - 1;
	assert_int_equal(rw_ctx_prepare(&ctx, &kernel_attrs, &io), 0);
	assert_int_equal(rw_ctx_init(&ctx, NULL), 1);
	assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 1);
	assert_int_equal(wrs->segs[0].addr, (ADDR << 2) + PAGE - 1);
	assert_int_equal(wrs->segs[0].length, 1);
	assert_int_equal(wrs->segs[1].length, PAGE);
	assert_int_equal(wrs->length, PAGE + 1);
	assert_int_equal(wrs->remote_addr, REMOTE);
	assert_int_equal(segs[2].length, PAGE);
	rw_ctx_release(&ctx);

	io.offset = UINT64_C(2) * UINT32_MAX + 2 * PAGE - 1;
	assert_int_equal(rw_ctx_prepare(&ctx, &kernel_attrs, &io), 0);
	assert_int_equal(ctx.nr_entries, 1);
	assert_int_equal(ctx.type, RW_CTX_SINGLE);
	rw_ctx_release(&ctx);

	io.offset++;
	assert_int_equal(rw_ctx_prepare(&ctx, &kernel_attrs, &io), -EINVAL);
	rw_ctx_release(&ctx);
}

/* A window: MRs know the segments by its addresses, and direct WRs by their own. */
static void test_mr_addr(void **state)
{
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct rw_io *io;
	struct bed bed;

	attrs.policy = RW_POLICY_MR;
	attrs.page_list = attrs.invalidate = false;
	attrs.iwarp = true;
	attrs.reg_wqes = 0;
	attrs.mr_entries = 2;
	bed_init(&bed, 3, 5);
	io = &bed.io;
	io->mr_addr = UINT64_C(7) << 40;
	io->offset = 100;
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 3);
	assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 6);
	for (uint32_t i = 0; i < 6; i += 2) {
		uint64_t start = i ? io->mr_addr + i * PAGE : io->mr_addr + 100;

		assert_true(wrs[i].op == RW_WR_REG && wrs[i].remote_write);
		assert_int_equal(wrs[i + 1].op, RW_WR_READ);
		assert_true(wrs[i].iova == start && wrs[i + 1].iova == start);
	}
	assert_true(ctx.direct_wrs->segs->addr == ADDR + 100);
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

static void test_prepare_errors(void **state)
{
	struct rw_seg segs[] = { { ADDR, PAGE }, { ADDR + 2 * PAGE, PAGE } };
	const struct rw_io good = make_io(RW_OP_READ, segs, 2);
	struct rw_attrs attrs;
	struct rw_io io;
	struct rw_ctx ctx;

#define TRY(expected, change)                                                                      \
	do {                                                                                       \
		attrs = kernel_attrs;                                                              \
		io = good;                                                                         \
		change;                                                                            \
		assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), expected);                     \
		rw_ctx_release(&ctx);                                                              \
	} while (0)

	TRY(0, (void)0);
	TRY(-EINVAL, io.segs = NULL);
	TRY(-EINVAL, io.nr_segs = 0);
	TRY(-EINVAL, io.offset = 2 * PAGE);
	TRY(-EINVAL, io.offset = UINT64_MAX);
	TRY(-EINVAL, attrs.max_send_sge = 0);
	TRY(-EINVAL, attrs.max_sge_rd = 0);
	TRY(0, (attrs.max_sge_rd = 0, io.op = RW_OP_WRITE));
	TRY(-EINVAL, attrs.mr_entries = 0);
	TRY(-EINVAL, attrs.page_size = 0);
	TRY(-EINVAL, attrs.page_size = 3 * PAGE);
	TRY(0, (attrs.page_size = 0, attrs.page_list = false));
	TRY(-EINVAL, segs[1].length = 0);
	segs[1].length = PAGE;
	TRY(-EINVAL, segs[1].addr = UINT64_MAX - PAGE + 1);
	TRY(0, segs[1].addr = UINT64_MAX - PAGE);
#undef TRY
}

static void test_longest_wr(void **state)
{
	const uint32_t half = UINT32_C(1) << 30;
	struct rw_seg segs[] = { { ADDR, half }, { ADDR << 1, half }, { ADDR << 2, 1 } };
	struct rw_io io = make_io(RW_OP_READ, segs, 2);
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	attrs.page_list = false;
	attrs.policy = RW_POLICY_MR;
	bed_init_pool(&bed, 2);
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 2);
	assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 2);
	assert_int_equal(wrs[1].length, UINT32_C(1) << 31);
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);

	/* One byte more: no direct WR can move it, and no MR hold it. */
	io.nr_segs = 3;
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), -EINVAL);
	attrs.max_sge_rd = 2;
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), -EINVAL);
	assert_int_equal(bed.pool.nr_free, 2);
	rw_ctx_release(&ctx);
}

/* ibv_reg_mr: no WR, a new key each time, nothing to invalidate. */
static void test_reg_engine(void **state)
{
	struct rw_seg segs[] = { { ADDR + 1, 10 }, { ADDR + 100, 20 }, { ADDR + 7777, 30 } };
	struct rw_io io = make_io(RW_OP_READ, segs, 3);
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	attrs.policy = RW_POLICY_MR;
	attrs.mr_entries = 2;
	attrs.page_list = false;
	attrs.invalidate = false;
	attrs.rotate_key = false;
	attrs.reg_wqes = 0;
	for (int iwarp = 0; iwarp < 2; iwarp++) {
		attrs.iwarp = iwarp;
		bed_init_pool(&bed, 2);
		assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), 0);
		assert_int_equal(ctx.nr_mrs, 2);
		for (int round = 0; round < 3; round++) {
			const struct rw_mr *first = bed.pool.head;

			assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 2);
			assert_int_equal(ctx.type, RW_CTX_MR);
			assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 4);
			assert_int_equal(wrs[0].op, RW_WR_REG);
			assert_int_equal(wrs[0].remote_write, iwarp);
			assert_int_equal(wrs[0].nr_entries, 2);
			assert_int_equal(wrs[0].length, 30);
			assert_int_equal(wrs[0].iova, ADDR + 1);
			assert_ptr_equal(wrs[0].mr, first);
			assert_int_equal(wrs[0].key, first->key);
			assert_int_equal(wrs[1].op, RW_WR_READ);
			assert_int_equal(wrs[1].key, (first->index + 1) << 8);
			assert_int_equal(wrs[2].op, RW_WR_REG);
			assert_int_equal(wrs[2].nr_entries, 1);
			assert_int_equal(wrs[3].remote_addr, REMOTE + 30);
			assert_int_equal(wrs[3].length, 30);
			assert_true(wrs[3].signaled);
			rw_ctx_destroy(&ctx, &bed.pool);
		}
		rw_ctx_release(&ctx);
	}
}

/* UMR of KLMs: gaps are welcome, addresses start at 0. */
static void test_klm_lists(void **state)
{
	struct rw_seg segs[] = { { ADDR + 1, 10 }, { ADDR + 100, 9000 }, { ADDR + 77777, 30 } };
	struct rw_io io = make_io(RW_OP_WRITE, segs, 3);
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;

	attrs.policy = RW_POLICY_MR;
	attrs.mr_entries = 2;
	attrs.page_list = false;
	attrs.zero_based = true;
	io.offset = 3;
	bed_init_pool(&bed, 2);
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &io), 0);
	assert_int_equal(rw_ctx_init(&ctx, &bed.pool), 4);
	assert_int_equal(rw_ctx_wrs(&ctx, &wrs), 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(wrs[i].iova, 0);
	assert_int_equal(wrs[0].length, 9007);
	assert_int_equal(wrs[0].segs[0].addr, ADDR + 4);
	assert_int_equal(wrs[1].op, RW_WR_WRITE);
	assert_int_equal(wrs[1].length, 9007);
	assert_int_equal(wrs[3].remote_addr, REMOTE + 9007);
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);
}

static void test_pool(void **state)
{
	struct rw_mr *first, *second;
	struct bed bed;

	bed_init_pool(&bed, 3);
	assert_int_equal(bed.pool.low_water, 3);
	first = rw_mr_pool_get(&bed.pool);
	second = rw_mr_pool_get(&bed.pool);
	assert_int_equal(first->index, 0);
	assert_int_equal(second->index, 1);
	assert_null(first->next);
	assert_int_equal(bed.pool.low_water, 1);
	rw_mr_pool_put(&bed.pool, first);
	assert_int_equal(bed.pool.low_water, 1);
	rw_mr_pool_reset_stats(&bed.pool);
	assert_int_equal(bed.pool.low_water, 2);
	assert_ptr_equal(rw_mr_pool_get(&bed.pool), first);
	assert_int_equal(bed.pool.low_water, 1);

	bed_init_pool(&bed, 0);
	assert_null(rw_mr_pool_get(&bed.pool));
	assert_int_equal(bed.pool.low_water, 0);
	assert_int_equal(bed.pool.nr_free, 0);
}

static void test_sizing(void **state)
{
	struct rw_attrs attrs = kernel_attrs;

	attrs.mr_entries = 256;
	assert_int_equal(rw_sizing_mr_entries(255), 255);
	assert_int_equal(rw_sizing_mr_entries(65536), 256);
	assert_int_equal(rw_sizing_max_send_wr(&attrs, UINT32_MAX), UINT32_MAX);
	assert_int_equal(rw_sizing_qp_send_wr(&attrs, UINT32_MAX, UINT32_MAX, 8192), 8192);
	assert_int_equal(rw_sizing_mr_factor(&attrs, UINT32_MAX), 1 << 24);
	assert_int_equal(rw_sizing_mr_factor(&attrs, 0), 0);

	/* --path=direct: no MR is ever made, so no room for its WRs is needed. */
	attrs.policy = RW_POLICY_DIRECT;
	assert_int_equal(rw_sizing_max_send_wr(&attrs, 100), 100);
	assert_int_equal(rw_sizing_mr_factor(&attrs, 256), 9);
	attrs.max_sge_rd = 0;
	assert_int_equal(rw_sizing_mr_factor(&attrs, 256), 256);

	attrs.iwarp = true;
	assert_false(rw_policy_wants_mr(&attrs, RW_OP_READ, 1));
	assert_false(rw_policy_has_fallback(&attrs));
}

/* One rule decides, and it is the one that rw_policy_wants_mr follows. */
static void test_reasons(void **state)
{
	static const struct {
		enum rw_policy policy;
		enum rw_op op;
		bool iwarp;
		uint32_t max_sgl_rd;
		uint32_t nr_entries;
		enum rw_reason reason;
		bool wants_mr;
	} rows[] = {
		{ RW_POLICY_DIRECT, RW_OP_READ, false, 3, 256, RW_REASON_DIRECT, false },
		{ RW_POLICY_DIRECT, RW_OP_READ, true, 0, 1, RW_REASON_DIRECT, false },
		{ RW_POLICY_MR, RW_OP_READ, false, 0, 1, RW_REASON_FORCE_MR, true },
		{ RW_POLICY_MR, RW_OP_WRITE, false, 3, 1, RW_REASON_FORCE_MR, true },
		{ RW_POLICY_AUTO, RW_OP_WRITE, false, 3, 256, RW_REASON_WRITE, false },
		{ RW_POLICY_AUTO, RW_OP_WRITE, true, 0, 256, RW_REASON_WRITE, false },
		{ RW_POLICY_AUTO, RW_OP_READ, true, 0, 1, RW_REASON_IWARP_READ, true },
		{ RW_POLICY_AUTO, RW_OP_READ, true, 3, 3, RW_REASON_IWARP_READ, true },
		{ RW_POLICY_AUTO, RW_OP_READ, false, 0, 65536, RW_REASON_NO_THRESHOLD, false },
		{ RW_POLICY_AUTO, RW_OP_READ, false, 3, 3, RW_REASON_WITHIN, false },
		{ RW_POLICY_AUTO, RW_OP_READ, false, 3, 4, RW_REASON_ABOVE, true },
		{ RW_POLICY_AUTO, RW_OP_READ, false, 1, 2, RW_REASON_ABOVE, true },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct rw_attrs attrs = kernel_attrs;

		attrs.policy = rows[i].policy;
		attrs.iwarp = rows[i].iwarp;
		attrs.max_sgl_rd = rows[i].max_sgl_rd;
		assert_int_equal(rw_policy_reason(&attrs, rows[i].op, rows[i].nr_entries),
				 rows[i].reason);
		assert_int_equal(rw_policy_wants_mr(&attrs, rows[i].op, rows[i].nr_entries),
				 rows[i].wants_mr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct_splitting),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_mr_addr),
		cmocka_unit_test(test_prepare_errors),
		cmocka_unit_test(test_longest_wr),
		cmocka_unit_test(test_reg_engine),
		cmocka_unit_test(test_klm_lists),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_sizing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
