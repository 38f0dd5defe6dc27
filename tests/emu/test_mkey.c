/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Indirect keys: UMR with inline, interleaved and pointed lists, invalidation. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

struct klm {
	__be32 bytes, key;
	__be64 addr;
};

static void read_into(struct rig *r, uint32_t lkey, uint64_t laddr, uint32_t len)
{
	post_rdma(&r->a, IBV_WR_RDMA_READ, 7, lkey, laddr, len, r->b.mr->rkey,
		  (uintptr_t)r->b.buf);
	expect(r->a.cq, 7, IBV_WC_SUCCESS);
}

/* Scattered pieces behind one key, also from its middle; then as rkey. */
static void test_list(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge[3];

	opt.inline_data = 256;
	rig_open(&r, &opt);
	fill(r.b.buf, RIG_BUF, 3);
	mkey = mkey_create(&r.a, 4, 0);
	for (unsigned int i = 0; i < 3; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + (3 - i) * 10000, 1000 + i,
					   r.a.mr->lkey };
	assert_int_equal(umr_list(&r.a, 1, mkey, RIG_ALL, sge, 3), 0);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	read_into(&r, mkey->lkey, 0, 3003);
	assert_memory_equal(r.a.buf + 30000, r.b.buf, 1000);
	assert_memory_equal(r.a.buf + 20000, r.b.buf + 1000, 1001);
	assert_memory_equal(r.a.buf + 10000, r.b.buf + 2001, 1002);
	assert_int_equal(r.a.buf[11002], 0);
	/* Zero based: offset 999 is the last byte of the first piece. */
	memset(r.a.buf, 0, 50000);
	read_into(&r, mkey->lkey, 999, 3);
	assert_int_equal(r.a.buf[30998], 0);
	assert_int_equal(r.a.buf[30999], r.b.buf[0]);
	assert_memory_equal(r.a.buf + 20000, r.b.buf + 1, 2);
	/* From the other side. */
	fill(r.a.buf, 50000, 8);
	post_rdma(&r.b, IBV_WR_RDMA_READ, 3, r.b.mr->lkey, (uintptr_t)r.b.buf, 2001, mkey->rkey, 0);
	expect(r.b.cq, 3, IBV_WC_SUCCESS);
	assert_memory_equal(r.b.buf, r.a.buf + 30000, 1000);
	assert_memory_equal(r.b.buf + 1000, r.a.buf + 20000, 1001);
	/* Out of the list's bounds. */
	post_rdma(&r.b, IBV_WR_RDMA_READ, 4, r.b.mr->lkey, (uintptr_t)r.b.buf, 2, mkey->rkey, 3002);
	expect(r.b.cq, 4, IBV_WC_REM_ACCESS_ERR);
	assert_int_equal(mlx5dv_destroy_mkey(mkey), 0);
	rig_close(&r);
}

static void test_interleaved(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct mlx5dv_mr_interleaved d[2];

	opt.inline_data = 256;
	rig_open(&r, &opt);
	fill(r.b.buf, RIG_BUF, 4);
	mkey = mkey_create(&r.a, 4, 0);
	/* 3 bytes of every 10 at one place, 5 of every 8 at another, 20 rows. */
	d[0] = (struct mlx5dv_mr_interleaved){ (uintptr_t)r.a.buf, 3, 7, r.a.mr->lkey };
	d[1] = (struct mlx5dv_mr_interleaved){ (uintptr_t)r.a.buf + 5000, 5, 3, r.a.mr->lkey };
	ibv_wr_start(r.a.qpx);
	r.a.qpx->wr_id = 1;
	r.a.qpx->wr_flags = IBV_SEND_INLINE | IBV_SEND_SIGNALED;
	mlx5dv_wr_mr_interleaved(r.a.dvqp, mkey, RIG_ALL, 20, 2, d);
	assert_int_equal(ibv_wr_complete(r.a.qpx), 0);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	read_into(&r, mkey->lkey, 0, 160);
	for (unsigned int row = 0; row < 20; row++) {
		assert_memory_equal(r.a.buf + 10 * row, r.b.buf + 8 * row, 3);
		assert_int_equal(r.a.buf[10 * row + 3], 0);
		assert_memory_equal(r.a.buf + 5000 + 8 * row, r.b.buf + 8 * row + 3, 5);
	}
	memset(r.a.buf, 0, 10000);
	read_into(&r, mkey->lkey, 8 * 7 + 2, 2); /* last of a column, first of the next */
	assert_int_equal(r.a.buf[72], r.b.buf[0]);
	assert_int_equal(r.a.buf[5056], r.b.buf[1]);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

/* The largest WQE holds 52 entries; one more does not fit: libmlx5 says so. */
static void test_inline_limit(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge[53];

	opt.send_wr = 16;
	opt.inline_data = 828;
	rig_open(&r, &opt);
	fill(r.b.buf, RIG_BUF, 5);
	mkey = mkey_create(&r.a, 64, 0);
	for (unsigned int i = 0; i < 53; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + (52 - i) * 8192, 4096, r.a.mr->lkey };
	assert_int_equal(umr_list(&r.a, 1, mkey, RIG_ALL, sge, 53), ENOMEM);
	for (unsigned int round = 0; round < 40; round++) { /* around the ring, too */
		assert_int_equal(umr_list(&r.a, 1, mkey, RIG_ALL, sge, 52), 0);
		expect(r.a.cq, 1, IBV_WC_SUCCESS);
	}
	read_into(&r, mkey->lkey, 0, 52 * 4096);
	for (unsigned int i = 0; i < 52; i++)
		assert_memory_equal(r.a.buf + (52 - i) * 8192, r.b.buf + i * 4096, 4096);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

/* By the command itself: the API's number of entries is 16 bits wide. */
static struct mlx5dv_devx_obj *create_by_command(struct side *s, uint32_t entries,
						 struct mlx5dv_mkey *mkey)
{
	uint8_t in[272] = { 0 }, out[16] = { 0 };
	struct mlx5_wqe_mkey_context_seg *mkc = (void *)(in + 16);
	struct mlx5dv_devx_obj *obj;
	struct mlx5dv_pd dvpd = { .comp_mask = 0 };
	struct mlx5dv_obj dvobj;

	dvobj.pd.in = s->pd;
	dvobj.pd.out = &dvpd;
	assert_int_equal(mlx5dv_init_obj(&dvobj, MLX5DV_OBJ_PD), 0);
	in[0] = 0x02; /* opcode 0x200 */
	mkc->free = 1 << 6;
	mkc->access_flags = 1 << 7 | 1 << 2 | 2; /* UMR enabled, local read, KLM */
	mkc->qpn_mkey = htobe32(0xffffff00);
	mkc->flags_pd = htobe32(dvpd.pdn);
	mkc->translations_octword_size = htobe32(entries);
	obj = mlx5dv_devx_obj_create(s->ctx, in, sizeof(in), out, sizeof(out));
	mkey->lkey = mkey->rkey = (uint32_t)(out[9] << 16 | out[10] << 8 | out[11]) << 8;
	return obj;
}

/* Lists behind a pointer, in parts of up to 32768 entries of @piece bytes. */
static void pointed(uint32_t entries, uint32_t piece)
{
	struct klm *list = aligned_alloc(4096, (size_t)entries * sizeof(*list));
	struct mlx5dv_devx_obj *obj;
	struct mlx5dv_mkey mkey;
	struct ibv_mr *list_mr;
	struct rig r;

	rig_open(&r, &rig_default);
	fill(r.b.buf, RIG_BUF, entries);
	list_mr = ibv_reg_mr(r.a.pd, list, (size_t)entries * sizeof(*list), 0);
	assert_non_null(list_mr);
	obj = create_by_command(&r.a, entries, &mkey);
	assert_non_null(obj);
	for (uint32_t i = 0; i < entries; i++) {
		list[i].bytes = htobe32(piece);
		list[i].key = htobe32(r.a.mr->lkey);
		/* Even ones from the front, odd ones from the back. */
		list[i].addr = htobe64((uintptr_t)r.a.buf + (i % 2 ? entries - i : i) * 16ULL);
	}
	for (uint32_t at = 0; at < entries; at += 32768) {
		uint32_t num = entries - at < 32768 ? entries - at : 32768;

		umr_pointer(&r.a, 5, &mkey, (uint64_t)entries * piece, list_mr, list + at, num, at);
		expect(r.a.cq, 5, IBV_WC_SUCCESS);
	}
	read_into(&r, mkey.lkey, 0, entries * piece);
	for (uint32_t i = 0; i < entries; i++)
		assert_memory_equal(r.a.buf + (i % 2 ? entries - i : i) * 16, r.b.buf + i * piece,
				    piece);
	/* From the middle: the last byte of one entry and the next one's first. */
	memset(r.a.buf, 0, RIG_BUF);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 8, mkey.lkey, (uint64_t)(entries / 2) * piece - 1, 2,
		  r.b.mr->rkey, (uintptr_t)r.b.buf);
	expect(r.a.cq, 8, IBV_WC_SUCCESS);
	assert_int_equal(r.a.buf[(entries - (entries / 2 - 1)) * 16 + piece - 1], r.b.buf[0]);
	assert_int_equal(r.a.buf[entries / 2 * 16], r.b.buf[1]);
	assert_int_equal(mlx5dv_devx_obj_destroy(obj), 0);
	ibv_dereg_mr(list_mr);
	rig_close(&r);
	free(list);
}

static void test_pointed_256(void **state)
{
	pointed(256, 16);
}

static void test_pointed_4096(void **state)
{
	pointed(4096, 5);
}

static void test_pointed_65536(void **state)
{
	pointed(65536, 3);
}

/* One more than the device has is refused, with the firmware's status. */
static void test_create_limit(void **state)
{
	struct mlx5dv_mkey mkey;
	struct rig r;

	rig_open(&r, &rig_default);
	assert_null(create_by_command(&r.a, 65537, &mkey));
	assert_int_equal(errno, EREMOTEIO);
	rig_close(&r);
}

/* A key whose entry is a key: works. One level more: does not. */
static void test_nested(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct mlx5dv_mkey *k[3];
	struct ibv_sge sge[2];

	opt.inline_data = 128;
	rig_open(&r, &opt);
	fill(r.b.buf, 4096, 6);
	for (unsigned int i = 0; i < 3; i++)
		k[i] = mkey_create(&r.a, 4, 0);
	sge[0] = (struct ibv_sge){ (uintptr_t)r.a.buf, 100, r.a.mr->lkey };
	sge[1] = (struct ibv_sge){ (uintptr_t)r.a.buf + 1000, 100, r.a.mr->lkey };
	assert_int_equal(umr_list(&r.a, 1, k[0], RIG_ALL, sge, 2), 0);
	sge[0] = (struct ibv_sge){ 50, 100, k[0]->lkey }; /* across its two pieces */
	sge[1] = (struct ibv_sge){ (uintptr_t)r.a.buf + 2000, 100, r.a.mr->lkey };
	assert_int_equal(umr_list(&r.a, 2, k[1], RIG_ALL, sge, 2), 0);
	sge[0] = (struct ibv_sge){ 0, 10, k[1]->lkey };
	assert_int_equal(umr_list(&r.a, 3, k[2], RIG_ALL, sge, 1), 0);
	for (unsigned int i = 1; i < 4; i++)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	read_into(&r, k[1]->lkey, 0, 200);
	assert_memory_equal(r.a.buf + 50, r.b.buf, 50);
	assert_memory_equal(r.a.buf + 1000, r.b.buf + 50, 50);
	assert_memory_equal(r.a.buf + 2000, r.b.buf + 100, 100);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 9, k[2]->lkey, 0, 10, r.b.mr->rkey, (uintptr_t)r.b.buf);
	expect(r.a.cq, 9, IBV_WC_LOC_PROT_ERR);
	for (unsigned int i = 0; i < 3; i++)
		mlx5dv_destroy_mkey(k[i]);
	rig_close(&r);
}

static void test_send_with_inv(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge;
	struct ibv_wc wc;

	opt.inline_data = 128;
	rig_open(&r, &opt);
	mkey = mkey_create(&r.b, 4, MLX5DV_MKEY_INIT_ATTR_FLAGS_REMOTE_INVALIDATE);
	sge = (struct ibv_sge){ (uintptr_t)r.b.buf, 64, r.b.mr->lkey };
	assert_int_equal(umr_list(&r.b, 1, mkey, RIG_ALL, &sge, 1), 0);
	expect(r.b.cq, 1, IBV_WC_SUCCESS);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 2, r.a.mr->lkey, (uintptr_t)r.a.buf, 64, mkey->rkey, 0);
	expect(r.a.cq, 2, IBV_WC_SUCCESS);
	post_recv(&r.b, 3, 0, 64);
	ibv_wr_start(r.a.qpx);
	r.a.qpx->wr_id = 4;
	r.a.qpx->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_send_inv(r.a.qpx, mkey->rkey);
	ibv_wr_set_sge(r.a.qpx, r.a.mr->lkey, (uintptr_t)r.a.buf, 8);
	assert_int_equal(ibv_wr_complete(r.a.qpx), 0);
	expect(r.a.cq, 4, IBV_WC_SUCCESS);
	poll_one(r.b.cq, &wc);
	assert_true(wc.wc_flags & IBV_WC_WITH_INV);
	assert_int_equal(wc.invalidated_rkey, mkey->rkey);
	/* Really dead. */
	post_rdma(&r.a, IBV_WR_RDMA_READ, 5, r.a.mr->lkey, (uintptr_t)r.a.buf, 64, mkey->rkey, 0);
	expect(r.a.cq, 5, IBV_WC_REM_ACCESS_ERR);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

/* UMR, READ through the key, LOCAL_INV, again and again on one key. */
static void test_cycle(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct mlx5dv_mkey *mkey;

	opt.inline_data = 256;
	rig_open(&r, &opt);
	fill(r.b.buf, RIG_BUF, 7);
	mkey = mkey_create(&r.a, 16, 0);
	for (unsigned int n = 0; n < 200; n++) {
		struct ibv_sge sge[16];

		for (unsigned int i = 0; i < 16; i++)
			sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + (i * 7 + n) % 16 * 4096, 4096,
						   r.a.mr->lkey };
		assert_int_equal(umr_list(&r.a, 1, mkey, IBV_ACCESS_LOCAL_WRITE, sge, 16), 0);
		post_rdma(&r.a, IBV_WR_RDMA_READ, 2, mkey->lkey, 0, 65536, r.b.mr->rkey,
			  (uintptr_t)r.b.buf + n);
		expect(r.a.cq, 1, IBV_WC_SUCCESS);
		expect(r.a.cq, 2, IBV_WC_SUCCESS);
		assert_int_equal(local_inv(&r.a, 3, mkey->lkey), 0);
		expect(r.a.cq, 3, IBV_WC_SUCCESS);
		for (unsigned int i = 0; i < 16; i++)
			assert_memory_equal(r.a.buf + (i * 7 + n) % 16 * 4096,
					    r.b.buf + n + i * 4096, 4096);
	}
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),	     cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_inline_limit), cmocka_unit_test(test_pointed_256),
		cmocka_unit_test(test_pointed_4096), cmocka_unit_test(test_pointed_65536),
		cmocka_unit_test(test_create_limit), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_send_with_inv), cmocka_unit_test(test_cycle),
	};

	alarm(120);
	return cmocka_run_group_tests_name("mkey", tests, NULL, NULL);
}
