/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* READ, WRITE and SEND through the genuine libmlx5: data and completions. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

static void test_read_write(void **state)
{
	static const uint32_t sizes[] = { 1, 31, 64, 4095, 65536, RIG_BUF };
	struct rig r;
	struct ibv_wc wc;

	rig_open(&r, &rig_default);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(r.b.buf, RIG_BUF, (unsigned int)i);
		memset(r.a.buf, 0, RIG_BUF);
		post_rdma(&r.a, IBV_WR_RDMA_READ, i, r.a.mr->lkey, (uintptr_t)r.a.buf, sizes[i],
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		poll_one(r.a.cq, &wc);
		assert_int_equal(wc.status, IBV_WC_SUCCESS);
		assert_int_equal(wc.opcode, IBV_WC_RDMA_READ);
		assert_int_equal(wc.byte_len, sizes[i]);
		assert_int_equal(wc.qp_num, r.a.qp->qp_num);
		assert_memory_equal(r.a.buf, r.b.buf, sizes[i]);
		if (sizes[i] < RIG_BUF)
			assert_int_equal(r.a.buf[sizes[i]], 0);
		fill(r.a.buf, RIG_BUF, 100 + (unsigned int)i);
		post_rdma(&r.a, IBV_WR_RDMA_WRITE, i, r.a.mr->lkey, (uintptr_t)r.a.buf, sizes[i],
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		expect(r.a.cq, i, IBV_WC_SUCCESS);
		assert_memory_equal(r.a.buf, r.b.buf, sizes[i]);
	}
	rig_close(&r);
}

static void test_send(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 1024, 1025, 100000 };
	struct rig r;
	struct ibv_wc wc;

	rig_open(&r, &rig_default);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ibv_sge sge = { (uintptr_t)r.a.buf, sizes[i], r.a.mr->lkey };
		struct ibv_send_wr wr = { .wr_id = i, .sg_list = &sge, .num_sge = 1,
					  .opcode = IBV_WR_SEND_WITH_IMM, .imm_data = 0x1234 + i,
					  .send_flags = IBV_SEND_SIGNALED }, *bad;

		fill(r.a.buf, RIG_BUF, (unsigned int)i);
		memset(r.b.buf, 0, RIG_BUF);
		assert_int_equal(post_recv(&r.b, 50 + i, 0, 200000), 0);
		assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
		poll_one(r.b.cq, &wc);
		assert_int_equal(wc.status, IBV_WC_SUCCESS);
		assert_int_equal(wc.opcode, IBV_WC_RECV);
		assert_int_equal(wc.wr_id, 50 + i);
		assert_int_equal(wc.byte_len, sizes[i]);
		assert_true(wc.wc_flags & IBV_WC_WITH_IMM);
		assert_int_equal(wc.imm_data, 0x1234 + i);
		assert_int_equal(wc.src_qp, r.a.qp->qp_num);
		expect(r.a.cq, i, IBV_WC_SUCCESS);
		assert_memory_equal(r.a.buf, r.b.buf, sizes[i]);
		assert_int_equal(r.b.buf[sizes[i]], 0);
	}
	rig_close(&r);
}

static void test_write_imm(void **state)
{
	struct rig r;
	struct ibv_wc wc;
	struct ibv_sge sge;
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .imm_data = 77,
				  .opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
				  .send_flags = IBV_SEND_SIGNALED }, *bad;

	rig_open(&r, &rig_default);
	fill(r.a.buf, 5000, 3);
	sge = (struct ibv_sge){ (uintptr_t)r.a.buf, 5000, r.a.mr->lkey };
	wr.wr.rdma.remote_addr = (uintptr_t)r.b.buf + 9;
	wr.wr.rdma.rkey = r.b.mr->rkey;
	assert_int_equal(post_recv(&r.b, 8, 0, 0), 0);
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	poll_one(r.b.cq, &wc);
	assert_int_equal(wc.opcode, IBV_WC_RECV_RDMA_WITH_IMM);
	assert_int_equal(wc.imm_data, 77);
	assert_int_equal(wc.byte_len, 5000);
	expect(r.a.cq, 0, IBV_WC_SUCCESS);
	assert_memory_equal(r.a.buf, r.b.buf + 9, 5000);
	rig_close(&r);
}

static void test_inline_and_sges(void **state)
{
	struct rig r;
	struct ibv_sge sge[8];
	struct ibv_send_wr wr = { .sg_list = sge, .num_sge = 3, .opcode = IBV_WR_RDMA_WRITE,
				  .send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE }, *bad;
	uint8_t text[] = "inline data need no key";

	rig_open(&r, &rig_default);
	wr.wr.rdma.remote_addr = (uintptr_t)r.b.buf;
	wr.wr.rdma.rkey = r.b.mr->rkey;
	for (int i = 0; i < 3; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)text + 8 * (unsigned int)i, 8, 0 };
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	memset(text, 'x', 8); /* it is the device's copy that counts */
	expect(r.a.cq, 0, IBV_WC_SUCCESS);
	assert_memory_equal(r.b.buf, "inline data need no key", 24);
	/* Eight pieces, backwards. */
	fill(r.b.buf, 8 * 1000, 5);
	for (unsigned int i = 0; i < 8; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + (7 - i) * 2000, 1000, r.a.mr->lkey };
	wr.num_sge = 8;
	wr.opcode = IBV_WR_RDMA_READ;
	wr.send_flags = IBV_SEND_SIGNALED;
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect(r.a.cq, 0, IBV_WC_SUCCESS);
	for (unsigned int i = 0; i < 8; i++)
		assert_memory_equal(r.a.buf + (7 - i) * 2000, r.b.buf + i * 1000, 1000);
	rig_close(&r);
}

/*
 * WQEs of 1, 2 and 3 blocks through a ring of 16, many times around: 13 blocks
 * in a row of seven, so that sooner or later each place is one to wrap at.
 */
static void test_ring_wrap(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct ibv_sge sge[8];

	opt.send_wr = 3;
	rig_open(&r, &opt);
	fill(r.b.buf, RIG_BUF, 9);
	for (unsigned int n = 0; n < 500; n++) {
		unsigned int num = n % 7 + 1;
		struct ibv_send_wr wr = { .wr_id = n, .sg_list = sge, .num_sge = (int)num,
					  .opcode = IBV_WR_RDMA_READ,
					  .send_flags = IBV_SEND_SIGNALED }, *bad;

		for (unsigned int i = 0; i < num; i++)
			sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + i * 100, 37,
						   r.a.mr->lkey };
		wr.wr.rdma.remote_addr = (uintptr_t)r.b.buf + n;
		wr.wr.rdma.rkey = r.b.mr->rkey;
		assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
		expect(r.a.cq, n, IBV_WC_SUCCESS);
		for (unsigned int i = 0; i < num; i++)
			assert_memory_equal(r.a.buf + i * 100, r.b.buf + n + i * 37, 37);
	}
	rig_close(&r);
}

static void test_cqe_128(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;

	opt.cqe_size = 128;
	opt.cqes = 3;
	rig_open(&r, &opt);
	fill(r.b.buf, 64, 1);
	for (unsigned int i = 0; i < 20; i++) {
		post_rdma(&r.a, IBV_WR_RDMA_READ, i, r.a.mr->lkey, (uintptr_t)r.a.buf, 64,
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	}
	rig_close(&r);
}

/* Unsignaled ones complete in silence, and are executed nevertheless. */
static void test_unsignaled_and_batch(void **state)
{
	struct rig r;
	struct ibv_sge sge[40];
	struct ibv_send_wr wr[40], *bad;

	rig_open(&r, &rig_default);
	fill(r.b.buf, 40 * 64, 4);
	memset(wr, 0, sizeof(wr));
	for (unsigned int i = 0; i < 40; i++) {
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + i * 64, 64, r.a.mr->lkey };
		wr[i].wr_id = i;
		wr[i].sg_list = &sge[i];
		wr[i].num_sge = 1;
		wr[i].opcode = IBV_WR_RDMA_READ;
		wr[i].send_flags = i % 10 == 9 ? IBV_SEND_SIGNALED : 0;
		wr[i].wr.rdma.remote_addr = (uintptr_t)r.b.buf + i * 64;
		wr[i].wr.rdma.rkey = r.b.mr->rkey;
		wr[i].next = i < 39 ? &wr[i + 1] : NULL;
	}
	assert_int_equal(ibv_post_send(r.a.qp, wr, &bad), 0);
	for (unsigned int i = 9; i < 40; i += 10)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	expect_none(r.a.cq);
	assert_memory_equal(r.a.buf, r.b.buf, 40 * 64);
	rig_close(&r);
}

static void test_events(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct ibv_cq *cq;
	void *cq_context;

	opt.channel = 1;
	rig_open(&r, &opt);
	for (unsigned int i = 0; i < 10; i++) {
		struct pollfd p = { .fd = r.a.channel->fd, .events = POLLIN };

		assert_int_equal(ibv_req_notify_cq(r.a.cq, 0), 0);
		assert_int_equal(poll(&p, 1, 0), 0);
		post_rdma(&r.a, IBV_WR_RDMA_WRITE, i, r.a.mr->lkey, (uintptr_t)r.a.buf, 8,
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		assert_int_equal(poll(&p, 1, 2000), 1);
		assert_int_equal(ibv_get_cq_event(r.a.channel, &cq, &cq_context), 0);
		assert_ptr_equal(cq, r.a.cq);
		expect(r.a.cq, i, IBV_WC_SUCCESS);
		ibv_ack_cq_events(cq, 1);
	}
	/* An event that nobody reads must not make the destroy wait for ever. */
	assert_int_equal(ibv_req_notify_cq(r.a.cq, 0), 0);
	post_rdma(&r.a, IBV_WR_RDMA_WRITE, 1, r.a.mr->lkey, (uintptr_t)r.a.buf, 8, r.b.mr->rkey,
		  (uintptr_t)r.b.buf);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	rig_close(&r);
}

/* Solicited-only: a plain SEND is silent, a solicited one is not. */
static void test_solicited(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED }, *bad;
	struct pollfd p = { .events = POLLIN };

	opt.channel = 1;
	rig_open(&r, &opt);
	p.fd = r.b.channel->fd;
	post_recv(&r.b, 1, 0, 8);
	post_recv(&r.b, 2, 0, 8);
	assert_int_equal(ibv_req_notify_cq(r.b.cq, 1), 0);
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	expect(r.a.cq, 0, IBV_WC_SUCCESS);
	assert_int_equal(poll(&p, 1, 20), 0);
	wr.send_flags |= IBV_SEND_SOLICITED;
	assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	assert_int_equal(poll(&p, 1, 2000), 1);
	rig_close(&r);
}

/* One file mapped twice; READ into one place is seen in the other. */
static void test_double_mapping(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	int fd = memfd_create("twice", 0);
	uint8_t *one, *two;
	struct ibv_mr *mr;

	assert_true(fd >= 0 && !ftruncate(fd, 8192));
	one = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	rig_open(&r, &opt);
	mr = ibv_reg_mr(r.a.pd, one, 8192, IBV_ACCESS_LOCAL_WRITE);
	assert_non_null(mr);
	fill(r.b.buf, 8192, 6);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 1, mr->lkey, (uintptr_t)one, 8192, r.b.mr->rkey,
		  (uintptr_t)r.b.buf);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	assert_memory_equal(two, r.b.buf, 8192);
	ibv_dereg_mr(mr);
	/* What cannot be pinned cannot be registered. */
	munmap(one, 8192);
	assert_null(ibv_reg_mr(r.a.pd, one, 8192, IBV_ACCESS_LOCAL_WRITE));
	mprotect(two, 8192, PROT_READ);
	assert_null(ibv_reg_mr(r.a.pd, two, 8192, IBV_ACCESS_LOCAL_WRITE));
	assert_non_null(mr = ibv_reg_mr(r.a.pd, two, 8192, 0));
	ibv_dereg_mr(mr);
	munmap(two, 8192);
	close(fd);
	rig_close(&r);
}

/* Two thousand QPs on one CQ, all in use. */
static void test_many_qps(void **state)
{
	enum { NUM = 1000 };
	struct rig_opt opt = rig_default;
	struct rig r;
	struct side *s = calloc(2 * NUM, sizeof(*s));

	opt.send_wr = opt.recv_wr = 1;
	opt.cqes = NUM;
	rig_open(&r, &opt);
	fill(r.b.buf, 8 * NUM, 2);
	for (unsigned int i = 0; i < 2 * NUM; i++) {
		struct side *base = i % 2 ? &r.b : &r.a;
		struct ibv_qp_init_attr attr = { .send_cq = base->cq, .recv_cq = base->cq,
						 .cap = { 1, 1, 1, 1, 0 }, .qp_type = IBV_QPT_RC };

		s[i] = *base;
		s[i].qp = ibv_create_qp(base->pd, &attr);
		assert_non_null(s[i].qp);
	}
	for (unsigned int i = 0; i < 2 * NUM; i++)
		side_connect(&s[i], &s[i ^ 1], &opt);
	for (unsigned int i = 0; i < NUM; i++)
		post_rdma(&s[2 * i], IBV_WR_RDMA_READ, i, r.a.mr->lkey,
			  (uintptr_t)r.a.buf + 8 * i, 8, r.b.mr->rkey,
			  (uintptr_t)r.b.buf + 8 * i);
	for (unsigned int i = 0; i < NUM; i++)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	assert_memory_equal(r.a.buf, r.b.buf, 8 * NUM);
	for (unsigned int i = 0; i < 2 * NUM; i++)
		assert_int_equal(ibv_destroy_qp(s[i].qp), 0);
	free(s);
	rig_close(&r);
}

/* Objects that a program forgets must not be touched after the close. */
static void test_leak_at_close(void **state)
{
	for (int i = 0; i < 20; i++) {
		struct rig r;

		rig_open(&r, &rig_default);
		post_rdma(&r.a, IBV_WR_RDMA_READ, 1, r.a.mr->lkey, (uintptr_t)r.a.buf, 8,
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		ibv_close_device(r.a.ctx);
		/* The responder has vanished from the other side's sight. */
		post_rdma(&r.b, IBV_WR_RDMA_READ, 2, r.b.mr->lkey, (uintptr_t)r.b.buf, 8,
			  r.a.mr->rkey, (uintptr_t)r.a.buf);
		expect(r.b.cq, 2, IBV_WC_RETRY_EXC_ERR);
		side_close(&r.b);
	}
}

static void test_cq_resize(void **state)
{
	struct rig r;

	rig_open(&r, &rig_default);
	for (unsigned int i = 0; i < 6; i++)
		post_rdma(&r.a, IBV_WR_RDMA_READ, i, r.a.mr->lkey, (uintptr_t)r.a.buf, 8,
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
	expect(r.a.cq, 0, IBV_WC_SUCCESS);
	/* Five are there and not polled. */
	assert_int_equal(ibv_resize_cq(r.a.cq, 1000), 0);
	for (unsigned int i = 1; i < 6; i++)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	for (unsigned int i = 0; i < 50; i++) {
		post_rdma(&r.a, IBV_WR_RDMA_READ, i, r.a.mr->lkey, (uintptr_t)r.a.buf, 8,
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	}
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_write),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_write_imm),
		cmocka_unit_test(test_inline_and_sges),
		cmocka_unit_test(test_ring_wrap),
		cmocka_unit_test(test_cqe_128),
		cmocka_unit_test(test_unsignaled_and_batch),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_solicited),
		cmocka_unit_test(test_double_mapping),
		cmocka_unit_test(test_many_qps),
		cmocka_unit_test(test_leak_at_close),
		cmocka_unit_test(test_cq_resize),
	};

	alarm(120); /* no test may hang */
	return cmocka_run_group_tests_name("rdma", tests, NULL, NULL);
}
