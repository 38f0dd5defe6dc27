/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Every way to fail has its status, the rest is flushed, RESET recovers. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

static int do_read(struct rig *r, uint64_t id, uint32_t lkey, uint32_t rkey)
{
	return post_rdma(&r->a, IBV_WR_RDMA_READ, id, lkey, (uintptr_t)r->a.buf, 64, rkey,
			 (uintptr_t)r->b.buf);
}

/* Bring both ends back to life and show that they work. */
static void recover(struct rig *r, const struct rig_opt *opt)
{
	side_reset(&r->a);
	side_reset(&r->b);
	side_connect(&r->a, &r->b, opt);
	side_connect(&r->b, &r->a, opt);
	do_read(r, 99, r->a.mr->lkey, r->b.mr->rkey);
	expect(r->a.cq, 99, IBV_WC_SUCCESS);
}

/* A key that a LOCAL_INV has ended, as lkey; then flush, then recovery. */
static void test_dead_lkey(void **state)
{
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge;

	rig_open(&r, &rig_default);
	mkey = mkey_create(&r.a, 4, 0);
	sge = (struct ibv_sge){ (uintptr_t)r.a.buf, 64, r.a.mr->lkey };
	umr_list(&r.a, 1, mkey, RIG_ALL, &sge, 1);
	local_inv(&r.a, 2, mkey->lkey);
	post_recv(&r.a, 10, 0, 64);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 3, mkey->lkey, 0, 64, r.b.mr->rkey, (uintptr_t)r.b.buf);
	do_read(&r, 4, r.a.mr->lkey, r.b.mr->rkey);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	expect(r.a.cq, 2, IBV_WC_SUCCESS);
	expect(r.a.cq, 3, IBV_WC_LOC_PROT_ERR);
	expect(r.a.cq, 4, IBV_WC_WR_FLUSH_ERR);
	expect(r.a.cq, 10, IBV_WC_WR_FLUSH_ERR);
	assert_int_equal(side_state(&r.a), IBV_QPS_ERR);
	/* What comes later is flushed as well. */
	do_read(&r, 5, r.a.mr->lkey, r.b.mr->rkey);
	expect(r.a.cq, 5, IBV_WC_WR_FLUSH_ERR);
	recover(&r, &rig_default);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

static void test_dead_rkey(void **state)
{
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge;

	rig_open(&r, &rig_default);
	mkey = mkey_create(&r.b, 4, 0);
	sge = (struct ibv_sge){ (uintptr_t)r.b.buf, 64, r.b.mr->lkey };
	umr_list(&r.b, 1, mkey, RIG_ALL, &sge, 1);
	local_inv(&r.b, 2, mkey->rkey);
	expect(r.b.cq, 1, IBV_WC_SUCCESS);
	expect(r.b.cq, 2, IBV_WC_SUCCESS);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 3, r.a.mr->lkey, (uintptr_t)r.a.buf, 64, mkey->rkey, 0);
	expect(r.a.cq, 3, IBV_WC_REM_ACCESS_ERR);
	recover(&r, &rig_default);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

/* What the rkey, its bounds, its rights and the QP's rights refuse. */
static void test_remote_access(void **state)
{
	static const struct {
		const char *what;
		int key_access, qp_access;
		enum ibv_wr_opcode op;
		uint64_t offset;
		uint32_t length, key_xor;
		enum ibv_wc_status status;
	} rows[] = {
		{ "fine", RIG_ALL, RIG_ALL, IBV_WR_RDMA_READ, 4032, 64, 0, IBV_WC_SUCCESS },
		{ "past the end", RIG_ALL, RIG_ALL, IBV_WR_RDMA_READ, 4033, 64, 0,
		  IBV_WC_REM_ACCESS_ERR },
		{ "before the start", RIG_ALL, RIG_ALL, IBV_WR_RDMA_WRITE, -1ULL, 64, 0,
		  IBV_WC_REM_ACCESS_ERR },
		{ "no REMOTE_READ", IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE, RIG_ALL,
		  IBV_WR_RDMA_READ, 0, 64, 0, IBV_WC_REM_ACCESS_ERR },
		{ "no REMOTE_WRITE", IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ, RIG_ALL,
		  IBV_WR_RDMA_WRITE, 0, 64, 0, IBV_WC_REM_ACCESS_ERR },
		{ "QP without READ", RIG_ALL, IBV_ACCESS_REMOTE_WRITE, IBV_WR_RDMA_READ, 0, 64, 0,
		  IBV_WC_REM_ACCESS_ERR },
		{ "QP without WRITE", RIG_ALL, IBV_ACCESS_REMOTE_READ, IBV_WR_RDMA_WRITE, 0, 64, 0,
		  IBV_WC_REM_ACCESS_ERR },
		{ "another low byte", RIG_ALL, RIG_ALL, IBV_WR_RDMA_READ, 0, 64, 0x80,
		  IBV_WC_REM_ACCESS_ERR },
		{ "no such key", RIG_ALL, RIG_ALL, IBV_WR_RDMA_READ, 0, 64, 0x70000000,
		  IBV_WC_REM_ACCESS_ERR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig_opt opt = rig_default;
		struct ibv_mr *mr;
		struct rig r;

		opt.qp_access = (uint32_t)rows[i].qp_access;
		rig_open(&r, &opt);
		mr = ibv_reg_mr(r.b.pd, r.b.buf, 4096, rows[i].key_access);
		assert_non_null(mr);
		memset(r.b.buf, 0x55, 8192);
		memset(r.a.buf, 0xaa, 64);
		post_rdma(&r.a, rows[i].op, 1, r.a.mr->lkey, (uintptr_t)r.a.buf, rows[i].length,
			  mr->rkey ^ rows[i].key_xor, (uintptr_t)r.b.buf + rows[i].offset);
		expect(r.a.cq, 1, rows[i].status);
		if (rows[i].status)
			assert_int_equal(rows[i].op == IBV_WR_RDMA_READ ? r.a.buf[0] : r.b.buf[0],
					 rows[i].op == IBV_WR_RDMA_READ ? 0xaa : 0x55);
		ibv_dereg_mr(mr);
		rig_close(&r);
	}
}

static void test_local_protection(void **state)
{
	struct rig r;
	struct ibv_mr *read_only;
	struct ibv_pd *other;
	struct ibv_mr *foreign;

	rig_open(&r, &rig_default);
	read_only = ibv_reg_mr(r.a.pd, r.a.buf, 4096, 0);
	do_read(&r, 1, read_only->lkey, r.b.mr->rkey);
	expect(r.a.cq, 1, IBV_WC_LOC_PROT_ERR);
	recover(&r, &rig_default);
	/* To read from it is allowed. */
	post_rdma(&r.a, IBV_WR_RDMA_WRITE, 2, read_only->lkey, (uintptr_t)r.a.buf, 64,
		  r.b.mr->rkey, (uintptr_t)r.b.buf);
	expect(r.a.cq, 2, IBV_WC_SUCCESS);
	other = ibv_alloc_pd(r.a.ctx);
	foreign = ibv_reg_mr(other, r.a.buf, 4096, RIG_ALL);
	do_read(&r, 3, foreign->lkey, r.b.mr->rkey);
	expect(r.a.cq, 3, IBV_WC_LOC_PROT_ERR);
	ibv_dereg_mr(foreign);
	ibv_dereg_mr(read_only);
	ibv_dealloc_pd(other);
	rig_close(&r);
}

static void test_umr_too_long(void **state)
{
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct ibv_mr *list_mr;
	void *list = aligned_alloc(4096, 4096);

	memset(list, 0, 4096);
	rig_open(&r, &rig_default);
	mkey = mkey_create(&r.a, 4, 0);
	list_mr = ibv_reg_mr(r.a.pd, list, 4096, 0);
	umr_pointer(&r.a, 1, mkey, 4096, list_mr, list, 8, 0);
	expect(r.a.cq, 1, IBV_WC_MW_BIND_ERR);
	mlx5dv_destroy_mkey(mkey);
	ibv_dereg_mr(list_mr);
	rig_close(&r);
	free(list);
}

/* READ WQEs end at 512 bytes: 30 SGEs pass, 31 do not. */
static void test_read_wqe_limit(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct ibv_sge sge[31];
	struct ibv_send_wr wr = { .sg_list = sge, .opcode = IBV_WR_RDMA_READ,
				  .send_flags = IBV_SEND_SIGNALED }, *bad;

	opt.sges = 31;
	opt.send_wr = 4;
	rig_open(&r, &opt);
	for (unsigned int i = 0; i < 31; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + i * 64, 8, r.a.mr->lkey };
	wr.wr.rdma.remote_addr = (uintptr_t)r.b.buf;
	wr.wr.rdma.rkey = r.b.mr->rkey;
	wr.num_sge = 30;
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect(r.a.cq, 0, IBV_WC_SUCCESS);
	wr.num_sge = 31;
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect(r.a.cq, 0, IBV_WC_LOC_QP_OP_ERR);
	rig_close(&r);
}

static void test_rnr(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct ibv_send_wr wr = { .wr_id = 1, .opcode = IBV_WR_SEND,
				  .send_flags = IBV_SEND_SIGNALED }, *bad;
	uint64_t start = now_ms();

	opt.rnr_retry = 2;
	opt.min_rnr_timer = 20; /* 10.24 ms */
	rig_open(&r, &opt);
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect(r.a.cq, 1, IBV_WC_RNR_RETRY_EXC_ERR);
	assert_in_range(now_ms() - start, 20, 1500);
	rig_close(&r);
	/* Soon enough, a receive saves it. */
	opt.rnr_retry = 7;
	rig_open(&r, &opt);
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect_none(r.a.cq);
	post_recv(&r.b, 5, 0, 8);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	expect(r.b.cq, 5, IBV_WC_SUCCESS);
	rig_close(&r);
}

/* Nobody there: the retry counter times the timeout, then the error. */
static void test_transport_retry(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	uint64_t start;

	opt.timeout = 14; /* 67 ms */
	opt.retry_cnt = 1;
	rig_open(&r, &opt);
	side_reset(&r.b);
	start = now_ms();
	do_read(&r, 1, r.a.mr->lkey, r.b.mr->rkey);
	expect(r.a.cq, 1, IBV_WC_RETRY_EXC_ERR);
	assert_in_range(now_ms() - start, 130, 1500);
	rig_close(&r);
}

static void test_recv_too_short(void **state)
{
	struct rig r;
	struct ibv_sge sge;
	struct ibv_send_wr wr = { .wr_id = 1, .opcode = IBV_WR_SEND, .sg_list = &sge, .num_sge = 1,
				  .send_flags = IBV_SEND_SIGNALED }, *bad;

	rig_open(&r, &rig_default);
	sge = (struct ibv_sge){ (uintptr_t)r.a.buf, 100, r.a.mr->lkey };
	post_recv(&r.b, 5, 0, 99);
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect(r.b.cq, 5, IBV_WC_LOC_LEN_ERR);
	expect(r.a.cq, 1, IBV_WC_REM_INV_REQ_ERR);
	recover(&r, &rig_default);
	rig_close(&r);
}

/* Post @n READs with ids 0 to n - 1 at once: one doorbell, so that they are outstanding together. */
static void read_together(struct rig *r, unsigned int n)
{
	struct ibv_sge sge = { (uintptr_t)r->a.buf, 64, r->a.mr->lkey };
	struct ibv_send_wr wrs[8], *bad;

	assert_true(n <= 8);
	for (unsigned int i = 0; i < n; i++)
		wrs[i] = (struct ibv_send_wr){
			.wr_id = i,
			.next = i + 1 < n ? &wrs[i + 1] : NULL,
			.sg_list = &sge,
			.num_sge = 1,
			.opcode = IBV_WR_RDMA_READ,
			.send_flags = IBV_SEND_SIGNALED,
			.wr.rdma = { (uintptr_t)r->b.buf, r->b.mr->rkey },
		};
	assert_int_equal(ibv_post_send(r->a.qp, wrs, &bad), 0);
}

/* More READs at once than the responder has resources for. */
static void test_read_depth(void **state)
{
	struct rig_opt opt = rig_default;
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT };
	struct rig r;

	opt.rd_atomic = 8;
	opt.dest_rd_atomic = 4;
	rig_open(&r, &opt);
	read_together(&r, 4);
	for (unsigned int i = 0; i < 4; i++)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	/* What is no READ ends the count of those that are outstanding. */
	post_rdma(&r.a, IBV_WR_RDMA_WRITE, 9, r.a.mr->lkey, (uintptr_t)r.a.buf, 64, r.b.mr->rkey,
		  (uintptr_t)r.b.buf);
	expect(r.a.cq, 9, IBV_WC_SUCCESS);
	read_together(&r, 6);
	for (unsigned int i = 0; i < 4; i++)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	expect(r.a.cq, 4, IBV_WC_REM_INV_REQ_ERR);
	expect(r.a.cq, 5, IBV_WC_WR_FLUSH_ERR);
	/* And a depth that the device does not have is refused at once. */
	side_reset(&r.a);
	attr.max_rd_atomic = 17;
	assert_int_equal(ibv_modify_qp(r.a.qp, &attr, IBV_QP_STATE | IBV_QP_MAX_QP_RD_ATOMIC |
				       IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
			 EINVAL);
	rig_close(&r);
}

static void test_unmapped(void **state)
{
	struct rig r;
	uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ibv_mr *mr;

	rig_open(&r, &rig_default);
	mr = ibv_reg_mr(r.a.pd, page, 4096, RIG_ALL);
	munmap(page, 4096);
	/* An error, not a crash of the process that the device lives in. */
	post_rdma(&r.a, IBV_WR_RDMA_READ, 1, mr->lkey, (uintptr_t)page, 64, r.b.mr->rkey,
		  (uintptr_t)r.b.buf);
	expect(r.a.cq, 1, IBV_WC_LOC_PROT_ERR);
	ibv_dereg_mr(mr);
	rig_close(&r);
}

static void test_refused(void **state)
{
	struct rig r;
	struct ibv_qp_init_attr attr = { .cap = { 1, 1, 1, 1, 0 } };
	struct ibv_srq_init_attr srq = { .attr = { .max_wr = 4, .max_sge = 1 } };

	rig_open(&r, &rig_default);
	attr.send_cq = attr.recv_cq = r.a.cq;
	attr.qp_type = IBV_QPT_UD;
	errno = 0;
	assert_null(ibv_create_qp(r.a.pd, &attr));
	assert_int_equal(errno, EOPNOTSUPP);
	attr.qp_type = IBV_QPT_UC;
	errno = 0;
	assert_null(ibv_create_qp(r.a.pd, &attr));
	assert_int_equal(errno, EOPNOTSUPP);
	errno = 0;
	assert_null(ibv_create_srq(r.a.pd, &srq));
	assert_int_equal(errno, EOPNOTSUPP);
	errno = 0;
	assert_null(ibv_alloc_mw(r.a.pd, IBV_MW_TYPE_2));
	assert_int_equal(errno, EOPNOTSUPP);
	rig_close(&r);
}

/* What is in use cannot be destroyed. */
static void test_busy(void **state)
{
	struct rig r;
	struct ibv_mr *mr;
	struct ibv_pd *pd;

	rig_open(&r, &rig_default);
	assert_int_equal(ibv_dealloc_pd(r.a.pd), EBUSY);
	assert_int_equal(ibv_destroy_cq(r.a.cq), EBUSY);
	pd = ibv_alloc_pd(r.a.ctx);
	mr = ibv_reg_mr(pd, r.a.buf, 4096, 0);
	assert_int_equal(ibv_dealloc_pd(pd), EBUSY);
	ibv_dereg_mr(mr);
	assert_int_equal(ibv_dealloc_pd(pd), 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead_lkey),
		cmocka_unit_test(test_dead_rkey),
		cmocka_unit_test(test_remote_access),
		cmocka_unit_test(test_local_protection),
		cmocka_unit_test(test_umr_too_long),
		cmocka_unit_test(test_read_wqe_limit),
		cmocka_unit_test(test_rnr),
		cmocka_unit_test(test_transport_retry),
		cmocka_unit_test(test_recv_too_short),
		cmocka_unit_test(test_read_depth),
		cmocka_unit_test(test_unmapped),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_busy),
	};

	alarm(120);
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
