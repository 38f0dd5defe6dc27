/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where an operation lies in the peer's memory: what the WRs reach is what the peer reckons with. */
#include "rw_bed.h"

#include <errno.h>

#include "rw/remote.h"

#define NONE UINT64_MAX

static const struct {
	uint64_t size, sges, segment;
	uint32_t wr_segs;
} shapes[] = {
	{ 64 << 10, NONE, NONE, 30 }, /* 16 segments: one piece */
	{ 1 << 20, NONE, NONE, 30 },  /* 256: 8 pieces of 30, one of 16 */
	{ 1 << 20, NONE, NONE, 32 },  /* nothing is left */
	{ 1000, 33, NONE, 10 },	      /* lengths of 31 and of 30 in one piece */
	{ 100, 99, NONE, 4 },
	{ 100001, NONE, 4096, 1 },
	{ 7, 7, NONE, 3 },
};

static void plan(struct rw_ctx *ctx, struct bed *bed, const struct rw_remote *remote,
		 enum rw_policy policy, enum rw_op op)
{
	const struct rw_layout *layout = &remote->layout;
	struct rw_attrs attrs = kernel_attrs;

	attrs.page_list = false;
	attrs.policy = policy;
	attrs.max_send_sge = attrs.max_sge_rd = attrs.mr_entries = remote->wr_segs;
	bed_init(bed, MAX_POOL, layout->nr_segs);
	bed->io.op = op;
	bed->io.remote_stride = remote->stride_bytes;
	for (uint32_t i = 0; i < layout->nr_segs; i++)
		bed->segs[i].length = rw_layout_length(layout, i);
	assert_int_equal(rw_ctx_prepare(ctx, &attrs, &bed->io), 0);
}

/* Each READ or WRITE of the chain on @policy's path is one piece, all in order. */
static void check_chain(const struct rw_remote *remote, enum rw_policy policy, enum rw_op op)
{
	uint64_t moved = 0, end = 0;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;
	uint32_t n, piece = 0;

	plan(&ctx, &bed, remote, policy, op);
	assert_true(rw_ctx_init(&ctx, &bed.pool) > 0);
	n = rw_ctx_wrs(&ctx, &wrs);
	for (uint32_t i = 0; i < n; i++) {
		struct rw_piece one = rw_remote_piece(remote, piece);

		if (wrs[i].op != RW_WR_READ && wrs[i].op != RW_WR_WRITE)
			continue;
		assert_true(piece < remote->nr_pieces);
		assert_int_equal(wrs[i].remote_addr - bed.io.remote_addr, one.offset);
		assert_int_equal(wrs[i].length, one.bytes);
		assert_int_equal(one.first, moved);
		assert_true(one.offset >= end);
		/* The local side does not know of it. */
		assert_ptr_equal(wrs[i].segs, bed.segs + piece * remote->wr_segs);
		moved += one.bytes;
		end = one.offset + one.bytes;
		piece++;
	}
	assert_int_equal(piece, remote->nr_pieces);
	assert_int_equal(moved, remote->layout.size_bytes);
	assert_int_equal(end, rw_remote_span(remote));
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

static void test_wrs_reach_the_pieces(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(shapes); i++) {
		struct rw_remote remote;
		struct rw_layout layout;
		struct rw_err err = { 0 };
		uint64_t longest;

		assert_int_equal(rw_layout_init(&layout, shapes[i].size, shapes[i].sges,
						shapes[i].segment, NONE, &err), 0);
		assert_int_equal(rw_remote_init(&remote, &layout, 1 << 30, shapes[i].wr_segs,
						&err), 0);
		longest = rw_remote_piece(&remote, 0).bytes;
		for (uint64_t stride = longest; stride < longest + 5000; stride += 4999) {
			assert_int_equal(rw_remote_init(&remote, &layout, stride,
							shapes[i].wr_segs, &err), 0);
			check_chain(&remote, RW_POLICY_DIRECT, RW_OP_READ);
			check_chain(&remote, RW_POLICY_DIRECT, RW_OP_WRITE);
			check_chain(&remote, RW_POLICY_MR, RW_OP_READ);
			check_chain(&remote, RW_POLICY_AUTO, RW_OP_READ);
		}
	}
}

/* A zero-based MR begins at 0 and an MR of addresses where its segments do, whatever the stride. */
static void test_the_mr_does_not_stride(void **state)
{
	struct rw_attrs attrs = kernel_attrs;
	const struct rw_wr *wrs;
	struct rw_ctx ctx;
	struct bed bed;
	uint32_t n;

	attrs.policy = RW_POLICY_MR;
	attrs.page_list = false;
	bed_init(&bed, MAX_POOL, 10);
	bed.io.mr_addr = UINT64_C(1) << 40;
	bed.io.remote_stride = 1 << 20;
	assert_int_equal(rw_ctx_prepare(&ctx, &attrs, &bed.io), 0);
	assert_true(rw_ctx_init(&ctx, &bed.pool) > 0);
	n = rw_ctx_wrs(&ctx, &wrs);
	assert_int_equal(n, 6);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(wrs[i].iova, bed.io.mr_addr + i / 2 * 4 * PAGE);
	rw_ctx_destroy(&ctx, &bed.pool);
	rw_ctx_release(&ctx);
	bed_fini(&bed);
}

static void test_without_a_stride(void **state)
{
	struct rw_err err = { 0 };
	struct rw_remote remote;
	struct rw_layout layout;

	assert_int_equal(rw_layout_init(&layout, 1 << 20, NONE, NONE, NONE, &err), 0);
	assert_int_equal(rw_remote_init(&remote, &layout, 0, 30, &err), 0);
	assert_int_equal(remote.nr_pieces, 1);
	assert_int_equal(rw_remote_piece(&remote, 0).bytes, 1 << 20);
	assert_int_equal(rw_remote_span(&remote), 1 << 20);
}

static void test_refusals(void **state)
{
	struct rw_err err = { 0 };
	struct rw_remote remote;
	struct rw_layout layout;

	assert_int_equal(rw_layout_init(&layout, 1 << 20, NONE, NONE, NONE, &err), 0);
	assert_int_equal(rw_remote_init(&remote, &layout, 30 * 4096 - 1, 30, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "give at least 122880");
	rw_err_clear(&err);
	assert_int_equal(rw_remote_init(&remote, &layout, UINT64_C(1) << 33, 1, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "GiB of the peer's memory");
	rw_err_clear(&err);
	/* One piece overlaps with nothing. */
	assert_int_equal(rw_remote_init(&remote, &layout, 1, 256, &err), 0);
	assert_int_equal(rw_remote_span(&remote), 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrs_reach_the_pieces),
		cmocka_unit_test(test_the_mr_does_not_stride),
		cmocka_unit_test(test_without_a_stride),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
