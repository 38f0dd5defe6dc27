/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Broken queues are reported loudly; fork; a peer that is killed. */
#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

/* What the device says on stderr while something runs. */
struct ear {
	int saved;
	FILE *file;
};

static void listen_to(struct ear *e)
{
	fflush(stderr);
	e->saved = dup(2);
	e->file = tmpfile();
	dup2(fileno(e->file), 2);
}

static void expect_said(struct ear *e, const char *words)
{
	char text[4096];
	size_t n;

	dup2(e->saved, 2);
	close(e->saved);
	rewind(e->file);
	n = fread(text, 1, sizeof(text) - 1, e->file);
	text[n] = 0;
	fclose(e->file);
	if (!strstr(text, words))
		fail_msg("\"%s\" was not said, but \"%s\"", words, text);
}

/*
 * libmlx5 does not guard the ring against raw WQEs: a QP for READ and raw WQEs
 * alone has one block for each WR, and a raw UMR takes three.
 */
static void test_sq_overrun(void **state)
{
	struct rig_opt opt = rig_default;
	struct mlx5dv_mkey *mkey;
	struct ibv_mr *list_mr;
	void *list = aligned_alloc(4096, 4096);
	struct rig r;
	struct ear ear;
	struct ibv_wc wc;

	opt.raw_only = 1;
	opt.send_wr = 8;
	opt.sges = 1;
	opt.inline_data = 0;
	rig_open(&r, &opt);
	memset(list, 0, 4096);
	mkey = mkey_create(&r.a, 4, 0);
	list_mr = ibv_reg_mr(r.a.pd, list, 4096, 0);
	listen_to(&ear);
	ibv_wr_start(r.a.qpx);
	/* All in one batch: the device sees them together. */
	for (int i = 0; i < 8; i++) {
		struct mlx5_wqe_ctrl_seg wqe[9] = { { 0 } };

		mlx5dv_set_ctrl_seg(&wqe[0], 0, MLX5_OPCODE_NOP, 0, r.a.qp->qp_num,
				    MLX5_WQE_CTRL_CQ_UPDATE, 9, 0, 0);
		r.a.qpx->wr_id = (uint64_t)i;
		mlx5dv_wr_raw_wqe(r.a.dvqp, wqe);
	}
	assert_int_equal(ibv_wr_complete(r.a.qpx), 0);
	poll_one(r.a.cq, &wc);
	expect_said(&ear, "send queue overrun");
	assert_int_equal(wc.status, IBV_WC_LOC_QP_OP_ERR);
	expect_async(r.a.ctx, IBV_EVENT_QP_FATAL);
	mlx5dv_destroy_mkey(mkey);
	ibv_dereg_mr(list_mr);
	rig_close(&r);
	free(list);
}

static void raw_nop(struct side *s, uint32_t qpn, uint8_t opcode)
{
	struct mlx5_wqe_ctrl_seg ctrl = { 0 };

	mlx5dv_set_ctrl_seg(&ctrl, 0, opcode, 0, qpn, MLX5_WQE_CTRL_CQ_UPDATE, 1, 0, 0);
	ibv_wr_start(s->qpx);
	s->qpx->wr_id = 4;
	mlx5dv_wr_raw_wqe(s->dvqp, &ctrl);
	assert_int_equal(ibv_wr_complete(s->qpx), 0);
}

static void test_raw_wqe(void **state)
{
	struct rig r;
	struct ear ear;
	struct ibv_wc wc;

	rig_open(&r, &rig_default);
	raw_nop(&r.a, r.a.qp->qp_num, MLX5_OPCODE_NOP);
	poll_one(r.a.cq, &wc);
	assert_int_equal(wc.status, IBV_WC_SUCCESS);
	assert_int_equal(wc.opcode, IBV_WC_DRIVER2);
	/* Another QP's number: nobody fills it in for a raw WQE. */
	listen_to(&ear);
	raw_nop(&r.a, r.b.qp->qp_num, MLX5_OPCODE_NOP);
	expect(r.a.cq, 4, IBV_WC_LOC_QP_OP_ERR);
	expect_said(&ear, "says QP 0x");
	rig_close(&r);
	rig_open(&r, &rig_default);
	listen_to(&ear);
	raw_nop(&r.a, r.a.qp->qp_num, MLX5_OPCODE_ATOMIC_FA);
	expect(r.a.cq, 4, IBV_WC_LOC_QP_OP_ERR);
	expect_said(&ear, "opcode 0x12");
	rig_close(&r);
}

static void test_bad_index(void **state)
{
	struct rig r;
	struct ear ear;
	struct mlx5dv_qp dvqp = { .comp_mask = 0 };
	struct mlx5dv_obj obj;

	rig_open(&r, &rig_default);
	obj.qp.in = r.a.qp;
	obj.qp.out = &dvqp;
	assert_int_equal(mlx5dv_init_obj(&obj, MLX5DV_OBJ_QP), 0);
	listen_to(&ear);
	/* A doorbell over a block that holds no WQE: the counter of a program
	 * that has lost its place. */
	mlx5dv_set_ctrl_seg(dvqp.sq.buf, 5, MLX5_OPCODE_NOP, 0, r.a.qp->qp_num, 8, 1, 0, 0);
	dvqp.dbrec[MLX5_SND_DBR] = htobe32(1);
	expect_async(r.a.ctx, IBV_EVENT_QP_FATAL);
	expect_said(&ear, "index 0 says that it is 5");
	rig_close(&r);
}

static void test_cq_overrun(void **state)
{
	struct rig_opt opt = rig_default;
	struct rig r;
	struct ear ear;

	opt.cqes = 7;
	rig_open(&r, &opt);
	listen_to(&ear);
	for (unsigned int i = 0; i < 20; i++)
		post_rdma(&r.a, IBV_WR_RDMA_WRITE, i, r.a.mr->lkey, (uintptr_t)r.a.buf, 8,
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
	expect_async(r.a.ctx, IBV_EVENT_CQ_ERR);
	expect_async(r.a.ctx, IBV_EVENT_QP_FATAL);
	expect_said(&ear, "overran");
	assert_int_equal(side_state(&r.a), IBV_QPS_ERR);
	rig_close(&r);
}

/* A child has no part in its parent's device, and can open its own. */
static void test_fork(void **state)
{
	struct rig r;
	int status;
	pid_t pid;

	rig_open(&r, &rig_default);
	fill(r.b.buf, 4096, 1);
	pid = fork();
	if (!pid) {
		struct rig mine;

		rig_open(&mine, &rig_default);
		fill(mine.b.buf, 64, 3);
		post_rdma(&mine.a, IBV_WR_RDMA_READ, 1, mine.a.mr->lkey, (uintptr_t)mine.a.buf, 64,
			  mine.b.mr->rkey, (uintptr_t)mine.b.buf);
		expect(mine.a.cq, 1, IBV_WC_SUCCESS);
		status = memcmp(mine.a.buf, mine.b.buf, 64) != 0;
		/* What it inherited may be closed without harm to the parent. */
		close(r.a.ctx->cmd_fd);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	post_rdma(&r.a, IBV_WR_RDMA_READ, 1, r.a.mr->lkey, (uintptr_t)r.a.buf, 4096, r.b.mr->rkey,
		  (uintptr_t)r.b.buf);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	assert_memory_equal(r.a.buf, r.b.buf, 4096);
	rig_close(&r);
}

struct hello {
	uint32_t qpn, rkey;
	uint64_t addr;
	union ibv_gid gid;
};

static void exchange(int in, int out, struct side *s, struct hello *peer)
{
	struct hello own = { .qpn = s->qp->qp_num, .rkey = s->mr->rkey,
			     .addr = (uintptr_t)s->buf };

	assert_int_equal(ibv_query_gid(s->ctx, 1, 3, &own.gid), 0);
	assert_int_equal(write(out, &own, sizeof(own)), sizeof(own));
	assert_int_equal(read(in, peer, sizeof(*peer)), sizeof(*peer));
}

/* Two processes; then kill -9 of the one whose memory is read. */
static void test_peer_killed(void **state)
{
	struct rig_opt opt = rig_default;
	struct hello peer;
	struct side s;
	int there[2], back[2], status;
	char go;
	pid_t pid;

	assert_int_equal(pipe(there) | pipe(back), 0);
	pid = fork();
	if (!pid) {
		side_open(&s, "mlx5_1", &opt);
		fill(s.buf, RIG_BUF, 42);
		exchange(there[0], back[1], &s, &peer);
		side_connect_qpn(&s, peer.qpn, &peer.gid, &opt);
		assert_int_equal(write(back[1], "g", 1), 1);
		for (;;)
			pause();
	}
	side_open(&s, "mlx5_0", &opt);
	exchange(back[0], there[1], &s, &peer);
	side_connect_qpn(&s, peer.qpn, &peer.gid, &opt);
	assert_int_equal(read(back[0], &go, 1), 1);
	post_rdma(&s, IBV_WR_RDMA_READ, 1, s.mr->lkey, (uintptr_t)s.buf, 500000, peer.rkey,
		  peer.addr);
	expect(s.cq, 1, IBV_WC_SUCCESS);
	for (unsigned int i = 0; i < 500000; i += 4999)
		assert_int_equal(s.buf[i], (uint8_t)(i * 131 + (i >> 8) * 7 + 42 * 29 + 1));
	kill(pid, SIGKILL);
	/* Still a zombie, and nevertheless gone. */
	usleep(20000);
	post_rdma(&s, IBV_WR_RDMA_READ, 2, s.mr->lkey, (uintptr_t)s.buf, 64, peer.rkey, peer.addr);
	expect(s.cq, 2, IBV_WC_RETRY_EXC_ERR);
	waitpid(pid, &status, 0);
	side_close(&s);
}

/* A SEND whose receiver dies before it takes it. */
static void test_receiver_killed(void **state)
{
	struct rig_opt opt = rig_default;
	struct ibv_send_wr wr = { .wr_id = 3, .opcode = IBV_WR_SEND,
				  .send_flags = IBV_SEND_SIGNALED }, *bad;
	struct hello peer;
	struct side s;
	int there[2], back[2], status;
	char go;
	pid_t pid;

	assert_int_equal(pipe(there) | pipe(back), 0);
	pid = fork();
	if (!pid) {
		side_open(&s, "mlx5_1", &opt);
		exchange(there[0], back[1], &s, &peer);
		side_connect_qpn(&s, peer.qpn, &peer.gid, &opt);
		assert_int_equal(write(back[1], "g", 1), 1);
		for (;;)
			pause();
	}
	side_open(&s, "mlx5_0", &opt);
	exchange(back[0], there[1], &s, &peer);
	side_connect_qpn(&s, peer.qpn, &peer.gid, &opt);
	assert_int_equal(read(back[0], &go, 1), 1);
	/* No receive WQE: it waits in the ring. */
	assert_int_equal(ibv_post_send(s.qp, &wr, &bad), 0);
	expect_none(s.cq);
	kill(pid, SIGKILL);
	expect(s.cq, 3, IBV_WC_RETRY_EXC_ERR);
	waitpid(pid, &status, 0);
	side_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sq_overrun), cmocka_unit_test(test_raw_wqe),
		cmocka_unit_test(test_bad_index),  cmocka_unit_test(test_cq_overrun),
		cmocka_unit_test(test_fork),	   cmocka_unit_test(test_peer_killed),
		cmocka_unit_test(test_receiver_killed),
	};

	alarm(120);
	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
