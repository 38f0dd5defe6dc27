/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The device under other settings: faults, adversarial mode, cost profile,
 * inline drive, attributes. The settings are read when the library is loaded,
 * so each case runs in a process of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static int do_read(struct rig *r, uint64_t id, uint32_t lkey, uint64_t laddr, uint32_t len)
{
	return post_rdma(&r->a, IBV_WR_RDMA_READ, id, lkey, laddr, len, r->b.mr->rkey,
			 (uintptr_t)r->b.buf);
}

static void read_ok(struct rig *r, uint64_t id)
{
	do_read(r, id, r->a.mr->lkey, (uintptr_t)r->a.buf, 64);
	expect(r->a.cq, id, IBV_WC_SUCCESS);
}

/* The third data operation fails with @status, those before do not. */
static void third_fails(enum ibv_wc_status status)
{
	struct rig r;

	rig_open(&r, &rig_default);
	read_ok(&r, 1);
	read_ok(&r, 2);
	do_read(&r, 3, r.a.mr->lkey, (uintptr_t)r.a.buf, 64);
	expect(r.a.cq, 3, status);
	rig_close(&r);
}

static void case_remote_access(void **state)
{
	third_fails(IBV_WC_REM_ACCESS_ERR);
}

static void case_retry(void **state)
{
	third_fails(IBV_WC_RETRY_EXC_ERR);
}

static void case_local_prot(void **state)
{
	third_fails(IBV_WC_LOC_PROT_ERR);
}

static void case_flip(void **state)
{
	struct rig r;

	rig_open(&r, &rig_default);
	fill(r.b.buf, 64, 1);
	for (unsigned int i = 1; i <= 3; i++) {
		read_ok(&r, i);
		if (i == 2)
			r.a.buf[0] ^= 1;
		assert_memory_equal(r.a.buf, r.b.buf, 64);
	}
	rig_close(&r);
}

static void case_freeze(void **state)
{
	struct rig r;

	rig_open(&r, &rig_default);
	read_ok(&r, 1);
	do_read(&r, 2, r.a.mr->lkey, (uintptr_t)r.a.buf, 64);
	expect(r.a.cq, 2, IBV_WC_RETRY_EXC_ERR);
	rig_close(&r);
}

/* The port goes down at the second operation and comes back by itself. */
static void case_port(void **state)
{
	struct rig_opt opt = rig_default;
	struct ibv_port_attr port;
	struct rig r;

	opt.timeout = 16; /* long enough for the port to come back */
	opt.retry_cnt = 7;
	rig_open(&r, &opt);
	assert_int_equal(ibv_query_port(r.a.ctx, 1, &port), 0);
	assert_int_equal(port.state, IBV_PORT_ACTIVE);
	read_ok(&r, 1);
	do_read(&r, 2, r.a.mr->lkey, (uintptr_t)r.a.buf, 64);
	expect(r.a.cq, 2, IBV_WC_SUCCESS);
	expect_async(r.a.ctx, IBV_EVENT_PORT_ERR);
	expect_async(r.a.ctx, IBV_EVENT_PORT_ACTIVE);
	rig_close(&r);
}

static void case_mkey_fail(void **state)
{
	struct rig r;
	struct mlx5dv_mkey_init_attr attr = { .create_flags = MLX5DV_MKEY_INIT_ATTR_FLAGS_INDIRECT,
					      .max_entries = 4 };
	struct mlx5dv_mkey *mkey;

	rig_open(&r, &rig_default); /* two registrations */
	attr.pd = r.a.pd;
	assert_null(mlx5dv_create_mkey(&attr));
	mkey = mlx5dv_create_mkey(&attr);
	assert_non_null(mkey);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

static void case_slow_reg(void **state)
{
	struct rig r;
	struct ibv_mr *mr;
	uint64_t start;

	rig_open(&r, &rig_default);
	start = now_ms();
	mr = ibv_reg_mr(r.a.pd, r.a.buf, 4096, 0);
	assert_in_range(now_ms() - start, 9, 1000);
	ibv_dereg_mr(mr);
	rig_close(&r);
}

/* ---- adversarial mode */

/*
 * UMR, READ through the key, and its LOCAL_INV posted at once: what a program
 * must not do. With @fenced it may.
 */
static enum ibv_wc_status read_and_invalidate(struct rig *r, struct mlx5dv_mkey *mkey, int fenced)
{
	struct ibv_sge sge = { (uintptr_t)r->a.buf, 64, r->a.mr->lkey };
	struct ibv_wc wc;

	assert_int_equal(umr_list(&r->a, 1, mkey, RIG_ALL, &sge, 1), 0);
	do_read(r, 2, mkey->lkey, 0, 64);
	ibv_wr_start(r->a.qpx);
	r->a.qpx->wr_id = 3;
	r->a.qpx->wr_flags = IBV_SEND_SIGNALED | (fenced ? IBV_SEND_FENCE : 0);
	ibv_wr_local_inv(r->a.qpx, mkey->lkey);
	assert_int_equal(ibv_wr_complete(r->a.qpx), 0);
	expect(r->a.cq, 1, IBV_WC_SUCCESS);
	poll_one(r->a.cq, &wc);
	assert_int_equal(wc.wr_id, 2);
	expect(r->a.cq, 3, wc.status ? IBV_WC_WR_FLUSH_ERR : IBV_WC_SUCCESS);
	return wc.status;
}

static void case_adverse_invalidate(void **state)
{
	struct rig r;
	struct mlx5dv_mkey *mkey;

	rig_open(&r, &rig_default);
	mkey = mkey_create(&r.a, 4, 0);
	for (int i = 0; i < 50; i++) {
		fill(r.b.buf, 64, (unsigned int)i);
		assert_int_equal(read_and_invalidate(&r, mkey, 1), IBV_WC_SUCCESS);
		assert_memory_equal(r.a.buf, r.b.buf, 64);
	}
	assert_int_equal(read_and_invalidate(&r, mkey, 0), IBV_WC_LOC_PROT_ERR);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

/* Without adversarial mode the same mistake goes unpunished. */
static void case_kind_invalidate(void **state)
{
	struct rig r;
	struct mlx5dv_mkey *mkey;

	rig_open(&r, &rig_default);
	mkey = mkey_create(&r.a, 4, 0);
	assert_int_equal(read_and_invalidate(&r, mkey, 0), IBV_WC_SUCCESS);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
}

/* A raw UMR, and a READ through its key without a fence between them. */
static void raw_umr_then_read(unsigned int flags, enum ibv_wc_status status)
{
	struct rig r;
	struct mlx5dv_mkey *mkey;
	struct { __be32 bytes, key; __be64 addr; } *list = aligned_alloc(4096, 4096);
	struct ibv_mr *list_mr;
	struct ibv_wc wc;

	rig_open(&r, &rig_default);
	memset(list, 0, 4096);
	mkey = mkey_create(&r.a, 4, 0);
	list_mr = ibv_reg_mr(r.a.pd, list, 4096, 0);
	list[0].bytes = htobe32(64);
	list[0].key = htobe32(r.a.mr->lkey);
	list[0].addr = htobe64((uintptr_t)r.a.buf);
	umr_pointer(&r.a, 1, mkey, 64, list_mr, list, 4, 0);
	ibv_wr_start(r.a.qpx);
	r.a.qpx->wr_id = 2;
	r.a.qpx->wr_flags = IBV_SEND_SIGNALED | flags;
	ibv_wr_rdma_read(r.a.qpx, r.b.mr->rkey, (uintptr_t)r.b.buf);
	ibv_wr_set_sge(r.a.qpx, mkey->lkey, 0, 64);
	assert_int_equal(ibv_wr_complete(r.a.qpx), 0);
	expect(r.a.cq, 1, IBV_WC_SUCCESS);
	poll_one(r.a.cq, &wc);
	assert_int_equal(wc.status, status);
	mlx5dv_destroy_mkey(mkey);
	ibv_dereg_mr(list_mr);
	rig_close(&r);
	free(list);
}

static void case_adverse_fence(void **state)
{
	raw_umr_then_read(IBV_SEND_FENCE, IBV_WC_SUCCESS);
	raw_umr_then_read(0, IBV_WC_LOC_PROT_ERR);
}

/*
 * A UMR is seen by another QP only after its completion: one that uses the key
 * at once may not count on it.
 */
static void case_adverse_other_qp(void **state)
{
	struct rig r, other;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge;
	struct side *a = &r.a;

	rig_open(&r, &rig_default);
	mkey = mkey_create(a, 4, 0);
	sge = (struct ibv_sge){ (uintptr_t)a->buf, 64, a->mr->lkey };
	/* The peer reads through the key right away. */
	assert_int_equal(umr_list(a, 1, mkey, RIG_ALL, &sge, 1), 0);
	post_rdma(&r.b, IBV_WR_RDMA_READ, 2, r.b.mr->lkey, (uintptr_t)r.b.buf, 64, mkey->rkey, 0);
	expect(r.b.cq, 2, IBV_WC_REM_ACCESS_ERR);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
	/* After the completion it may. */
	rig_open(&other, &rig_default);
	a = &other.a;
	mkey = mkey_create(a, 4, 0);
	sge = (struct ibv_sge){ (uintptr_t)a->buf, 64, a->mr->lkey };
	assert_int_equal(umr_list(a, 1, mkey, RIG_ALL, &sge, 1), 0);
	expect(a->cq, 1, IBV_WC_SUCCESS);
	post_rdma(&other.b, IBV_WR_RDMA_READ, 2, other.b.mr->lkey, (uintptr_t)other.b.buf, 64,
		  mkey->rkey, 0);
	expect(other.b.cq, 2, IBV_WC_SUCCESS);
	mlx5dv_destroy_mkey(mkey);
	rig_close(&other);
}

/* READ data is not there before its completion. */
static void case_adverse_late(void **state)
{
	unsigned int late = 0;
	struct rig r;

	rig_open(&r, &rig_default);
	for (unsigned int n = 0; n < 100; n++) {
		struct ibv_wc wc;
		int got = 0;

		r.a.buf[0] = 0;
		r.b.buf[0] = 1;
		do_read(&r, n, r.a.mr->lkey, (uintptr_t)r.a.buf, 1);
		while (!got) {
			got = ibv_poll_cq(r.a.cq, 1, &wc);
			late += !got;
		}
		assert_int_equal(wc.status, IBV_WC_SUCCESS);
		assert_int_equal(r.a.buf[0], 1);
	}
	assert_true(late > 20); /* polls that found nothing */
	rig_close(&r);
}

/* ---- cost profile, inline drive, attributes */

/* 20 READs of 1 ms each by the profile. */
static void case_cost(void **state)
{
	struct rig r;
	uint64_t start;

	rig_open(&r, &rig_default);
	start = now_ms();
	for (unsigned int i = 0; i < 20; i++)
		do_read(&r, i, r.a.mr->lkey, (uintptr_t)r.a.buf, 64);
	for (unsigned int i = 0; i < 20; i++)
		expect(r.a.cq, i, IBV_WC_SUCCESS);
	assert_in_range(now_ms() - start, 19, 1000);
	rig_close(&r);
}

/* Milliseconds until the completion of what was posted just now. */
static uint64_t ms_until(struct ibv_cq *cq, uint64_t id)
{
	uint64_t start = now_ms();

	expect(cq, id, IBV_WC_SUCCESS);
	return now_ms() - start;
}

/* Each item of the profile by itself. */
static void case_cost_items(void **state)
{
	struct { __be32 bytes, key; __be64 addr; } *list = aligned_alloc(4096, 4096);
	struct mlx5dv_mkey *mkey;
	struct ibv_mr *list_mr;
	struct ibv_sge sge[3];
	/* 3 inline entries of 50 ms, 120 ms, 3 fetched entries of 20 ms, one SGE of 30 ms */
	static const long least[] = { 149, 119, 59, 29 };
	struct rig r;

	rig_open(&r, &rig_default);
	mkey = mkey_create(&r.a, 8, 0);
	memset(list, 0, 4096);
	list_mr = ibv_reg_mr(r.a.pd, list, 4096, 0);
	for (unsigned int i = 0; i < 3; i++) {
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf, 64, r.a.mr->lkey };
		list[i].bytes = htobe32(64);
		list[i].key = htobe32(r.a.mr->lkey);
		list[i].addr = htobe64((uintptr_t)r.a.buf);
	}
	/* Never less; more only if the host was busy, and not each time. */
	for (int round = 0, late = 1; late; round++) {
		long took[4];

		umr_list(&r.a, 1, mkey, RIG_ALL, sge, 3);
		took[0] = ms_until(r.a.cq, 1);
		local_inv(&r.a, 2, mkey->lkey);
		took[1] = ms_until(r.a.cq, 2);
		umr_pointer(&r.a, 3, mkey, 192, list_mr, list, 3, 0);
		took[2] = ms_until(r.a.cq, 3);
		do_read(&r, 4, r.a.mr->lkey, (uintptr_t)r.a.buf, 64);
		took[3] = ms_until(r.a.cq, 4);
		late = 0;
		for (int i = 0; i < 4; i++) {
			assert_true(took[i] >= least[i]);
			late |= took[i] > least[i] + 46;
		}
		assert_true(round < 10);
		local_inv(&r.a, 5, mkey->lkey);
		ms_until(r.a.cq, 5);
	}
	mlx5dv_destroy_mkey(mkey);
	ibv_dereg_mr(list_mr);
	rig_close(&r);
	free(list);
}

/* Whatever was posted before a poll has executed when it returns. */
static void case_inline(void **state)
{
	struct ibv_wc wc[64];
	struct rig r;

	rig_open(&r, &rig_default);
	fill(r.b.buf, 64 * 64, 1);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 50; i++)
			do_read(&r, i, r.a.mr->lkey, (uintptr_t)r.a.buf + 64 * i, 64);
		/* Nothing drives the device but the poll. */
		usleep(500);
		assert_int_equal(ibv_poll_cq(r.a.cq, 64, wc), 50);
	}
	/* Also what goes through the other side: SEND, receive, acknowledge. */
	for (unsigned int i = 0; i < 60; i++) {
		struct ibv_send_wr wr = { .wr_id = i, .opcode = IBV_WR_SEND,
					  .send_flags = IBV_SEND_SIGNALED }, *bad;

		post_recv(&r.b, i, 0, 8);
		assert_int_equal(ibv_post_send(r.a.qp, &wr, &bad), 0);
	}
	assert_int_equal(ibv_poll_cq(r.a.cq, 64, wc), 60);
	assert_int_equal(ibv_poll_cq(r.b.cq, 64, wc), 60);
	rig_close(&r);
}

static void case_attributes(void **state)
{
	uint8_t in[16] = { 0x01, 0x00, 0, 0, 0, 0, 0, 1 }, out[16 + 256] = { 0 };
	struct ibv_context *ctx = rig_device("mlx5_0");
	struct ibv_device_attr attr;
	struct ibv_port_attr port;

	assert_int_equal(ibv_query_device(ctx, &attr), 0);
	assert_int_equal(attr.max_sge_rd, 7);
	assert_int_equal(attr.max_qp_wr, 1024);
	assert_int_equal(attr.max_qp_rd_atom, 4);
	assert_int_equal(ibv_query_port(ctx, 1, &port), 0);
	assert_int_equal(port.active_mtu, IBV_MTU_1024);
	/* max_sgl_for_optimized_performance: byte 0x18 of the general group */
	assert_int_equal(mlx5dv_devx_general_cmd(ctx, in, sizeof(in), out, sizeof(out)), 0);
	assert_int_equal(out[16 + 0x18], 9);
	ibv_close_device(ctx);
}

/*
 * READ data of up to 32 bytes inside the CQE, for a QP that signals all and was
 * not made without: libmlx5 copies it at the poll.
 */
static void case_scatter_cqe(void **state)
{
	static const uint32_t sizes[] = { 1, 32, 33 };
	struct rig r;
	struct side s;
	struct ibv_qp_init_attr attr = { .cap = { 8, 8, 1, 1, 0 }, .qp_type = IBV_QPT_RC,
					 .sq_sig_all = 1 };

	rig_open(&r, &rig_default);
	s = r.a;
	attr.send_cq = attr.recv_cq = r.a.cq;
	s.qp = ibv_create_qp(r.a.pd, &attr);
	assert_non_null(s.qp);
	side_reset(&r.b);
	side_connect(&s, &r.b, &rig_default);
	side_connect(&r.b, &s, &rig_default);
	fill(r.b.buf, 64, 7);
	for (unsigned int i = 0; i < 3; i++) {
		memset(s.buf, 0, 64);
		post_rdma(&s, IBV_WR_RDMA_READ, i, s.mr->lkey, (uintptr_t)s.buf, sizes[i],
			  r.b.mr->rkey, (uintptr_t)r.b.buf);
		/* The background thread executes it; what is large is there then. */
		usleep(50000);
		assert_int_equal(s.buf[0], i < 2 ? 0 : r.b.buf[0]);
		expect(r.a.cq, i, IBV_WC_SUCCESS);
		assert_memory_equal(s.buf, r.b.buf, sizes[i]);
		assert_int_equal(s.buf[sizes[i]], 0);
	}
	ibv_destroy_qp(s.qp);
	rig_close(&r);
}

/* ---- running a case in a process of its own */

static const struct mode {
	struct CMUnitTest test;
	const char *env[4];
} modes[] = {
	{ cmocka_unit_test(case_remote_access), { "FAULT=remote_access@3" } },
	{ cmocka_unit_test(case_retry), { "FAULT=retry@3" } },
	{ cmocka_unit_test(case_local_prot), { "FAULT=local_prot@3" } },
	{ cmocka_unit_test(case_flip), { "FAULT=flip@2" } },
	{ cmocka_unit_test(case_freeze), { "FAULT=freeze@2+" } },
	{ cmocka_unit_test(case_port), { "FAULT=port_down@2,port_up@3" } },
	{ cmocka_unit_test(case_mkey_fail), { "FAULT=mkey_fail@3" } },
	{ cmocka_unit_test(case_slow_reg), { "FAULT=slow_reg:1" } },
	{ cmocka_unit_test(case_adverse_invalidate), { "ADVERSARIAL=1", "SEED=5" } },
	{ cmocka_unit_test(case_adverse_fence), { "ADVERSARIAL=1" } },
	{ cmocka_unit_test(case_adverse_other_qp), { "ADVERSARIAL=1", "TICK=0" } },
	{ cmocka_unit_test(case_adverse_late), { "ADVERSARIAL=1" } },
	{ cmocka_unit_test(case_kind_invalidate), { "TICK=0" } },
	{ cmocka_unit_test(case_cost), { "COST_WQE_NS=900000", "COST_BYTE_PS=1562500" } },
	{ cmocka_unit_test(case_cost_items),
	  { "COST_KLM_INLINE_NS=50000000", "COST_INV_NS=120000000", "COST_KLM_FETCH_NS=20000000",
	    "COST_SGE_NS=30000000" } },
	{ cmocka_unit_test(case_inline), { "TICK=0" } },
	{ cmocka_unit_test(case_scatter_cqe), { "SCATTER_CQE=1" } },
	{ cmocka_unit_test(case_attributes),
	  { "MAX_SGL_RD=9", "MAX_SGE_RD=7", "MAX_QP_RD_ATOM=4" } },
};

#define NUM_MODES (sizeof(modes) / sizeof(modes[0]))

static void set_env(const char *setting)
{
	char text[80] = "RW_EMU_", *eq;

	strncat(text, setting, sizeof(text) - 8);
	eq = strchr(text, '=');
	*eq = 0;
	setenv(text, eq + 1, 1);
}

/* In the child: become this program again, for one case only. */
static void become(size_t n)
{
	char number[8];

	for (unsigned int i = 0; i < 4 && modes[n].env[i]; i++)
		set_env(modes[n].env[i]);
	if (!strcmp(modes[n].test.name, "case_attributes")) {
		set_env("MAX_QP_WR=1024");
		set_env("MTU=1024");
	}
	snprintf(number, sizeof(number), "%zu", n);
	execl("/proc/self/exe", "test_modes", number, NULL);
	_exit(99);
}

static int run(size_t n)
{
	FILE *log = tmpfile();
	char line[256];
	int status;
	pid_t pid = fork();

	if (!pid) {
		dup2(fileno(log), 1);
		dup2(fileno(log), 2);
		become(n);
	}
	waitpid(pid, &status, 0);
	if (status) {
		rewind(log);
		while (fgets(line, sizeof(line), log))
			printf("# %s", line);
	}
	fclose(log);
	return status;
}

int main(int argc, char **argv)
{
	int failed = 0;

	alarm(120);
	if (argc > 1) {
		const struct CMUnitTest one[] = { modes[atoi(argv[1])].test };

		return cmocka_run_group_tests_name("one", one, NULL, NULL);
	}
	printf("1..%zu\n", NUM_MODES);
	for (size_t n = 0; n < NUM_MODES; n++) {
		int bad = run(n);

		failed |= bad;
		printf("%s %zu - %s\n", bad ? "not ok" : "ok", n + 1, modes[n].test.name);
		fflush(stdout);
	}
	return failed ? 1 : 0;
}
