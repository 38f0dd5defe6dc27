/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

const struct rig_opt rig_default = {
	.send_wr = 64,
	.recv_wr = 64,
	.cqes = 256,
	.sges = 8,
	.inline_data = 64,
	.qp_access = RIG_ALL,
	.rd_atomic = 16,
	.dest_rd_atomic = 16,
	.timeout = 8,
	.retry_cnt = 3,
	.rnr_retry = 7,
	.min_rnr_timer = 1,
	.cqe_size = 64,
};

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void fill(uint8_t *p, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 131 + (i >> 8) * 7 + seed * 29 + 1);
}

struct ibv_context *rig_device(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;

	assert_non_null(list);
	for (int i = 0; list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	ibv_free_device_list(list);
	assert_non_null(ctx);
	return ctx;
}

static void make_cq(struct side *s, const struct rig_opt *opt)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = opt->cqes,
		.channel = s->channel,
		.wc_flags = IBV_WC_STANDARD_FLAGS,
	};
	struct mlx5dv_cq_init_attr dv = {
		.comp_mask = MLX5DV_CQ_INIT_ATTR_MASK_CQE_SIZE,
		.cqe_size = (uint16_t)opt->cqe_size,
	};

	if (opt->cqe_size == 64)
		s->cq = ibv_create_cq(s->ctx, (int)opt->cqes, NULL, s->channel, 0);
	else
		s->cq = ibv_cq_ex_to_cq(mlx5dv_create_cq(s->ctx, &attr, &dv));
	assert_non_null(s->cq);
}

static void make_qp(struct side *s, const struct rig_opt *opt)
{
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = s->cq,
		.recv_cq = s->cq,
		.cap = { opt->send_wr, opt->recv_wr, opt->sges, opt->sges, opt->inline_data },
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = opt->sig_all,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = s->pd,
		.send_ops_flags = IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_RDMA_WRITE |
				  IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_INV |
				  IBV_QP_EX_WITH_LOCAL_INV,
	};
	struct mlx5dv_qp_init_attr dv = {
		.comp_mask = MLX5DV_QP_INIT_ATTR_MASK_QP_CREATE_FLAGS |
			     MLX5DV_QP_INIT_ATTR_MASK_SEND_OPS_FLAGS,
		.create_flags = MLX5DV_QP_CREATE_DISABLE_SCATTER_TO_CQE,
		.send_ops_flags = MLX5DV_QP_EX_WITH_MR_LIST | MLX5DV_QP_EX_WITH_MR_INTERLEAVED |
				  MLX5DV_QP_EX_WITH_RAW_WQE,
	};

	/* A ring of one basic block for each WR, as libmlx5 then makes it. */
	if (opt->raw_only) {
		attr.send_ops_flags = IBV_QP_EX_WITH_RDMA_READ;
		dv.send_ops_flags = MLX5DV_QP_EX_WITH_RAW_WQE;
	}
	s->qp = mlx5dv_create_qp(s->ctx, &attr, &dv);
	assert_non_null(s->qp);
	s->qpx = ibv_qp_to_qp_ex(s->qp);
	s->dvqp = mlx5dv_qp_ex_from_ibv_qp_ex(s->qpx);
}

void side_open(struct side *s, const char *device, const struct rig_opt *opt)
{
	memset(s, 0, sizeof(*s));
	s->ctx = rig_device(device);
	s->pd = ibv_alloc_pd(s->ctx);
	assert_non_null(s->pd);
	if (opt->channel) {
		s->channel = ibv_create_comp_channel(s->ctx);
		assert_non_null(s->channel);
	}
	make_cq(s, opt);
	make_qp(s, opt);
	if (opt->no_buf)
		return;
	s->buf = aligned_alloc(4096, RIG_BUF);
	assert_non_null(s->buf);
	memset(s->buf, 0, RIG_BUF);
	s->mr = ibv_reg_mr(s->pd, s->buf, RIG_BUF, RIG_ALL);
	assert_non_null(s->mr);
}

void side_connect_qpn(struct side *s, uint32_t qpn, const union ibv_gid *gid,
		      const struct rig_opt *opt)
{
	struct ibv_qp_attr init = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = opt->qp_access,
	};
	struct ibv_qp_attr rtr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = qpn,
		.max_dest_rd_atomic = (uint8_t)opt->dest_rd_atomic,
		.min_rnr_timer = (uint8_t)opt->min_rnr_timer,
		.ah_attr = { .is_global = 1, .port_num = 1,
			     .grh = { .dgid = *gid, .sgid_index = 3, .hop_limit = 64 } },
	};
	struct ibv_qp_attr rts = {
		.qp_state = IBV_QPS_RTS,
		.timeout = (uint8_t)opt->timeout,
		.retry_cnt = (uint8_t)opt->retry_cnt,
		.rnr_retry = (uint8_t)opt->rnr_retry,
		.max_rd_atomic = (uint8_t)opt->rd_atomic,
	};

	assert_int_equal(ibv_modify_qp(s->qp, &init, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
				       IBV_QP_PORT | IBV_QP_ACCESS_FLAGS), 0);
	assert_int_equal(ibv_modify_qp(s->qp, &rtr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				       IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				       IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER), 0);
	assert_int_equal(ibv_modify_qp(s->qp, &rts, IBV_QP_STATE | IBV_QP_TIMEOUT |
				       IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				       IBV_QP_MAX_QP_RD_ATOMIC), 0);
}

void side_connect(struct side *s, const struct side *to, const struct rig_opt *opt)
{
	union ibv_gid gid;

	assert_int_equal(ibv_query_gid(to->ctx, 1, 3, &gid), 0);
	side_connect_qpn(s, to->qp->qp_num, &gid, opt);
}

void side_reset(struct side *s)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };

	assert_int_equal(ibv_modify_qp(s->qp, &attr, IBV_QP_STATE), 0);
}

enum ibv_qp_state side_state(struct side *s)
{
	struct ibv_qp_attr attr;
	struct ibv_qp_init_attr init;

	assert_int_equal(ibv_query_qp(s->qp, &attr, IBV_QP_STATE, &init), 0);
	return attr.qp_state;
}

void side_close(struct side *s)
{
	if (s->qp)
		assert_int_equal(ibv_destroy_qp(s->qp), 0);
	if (s->cq)
		assert_int_equal(ibv_destroy_cq(s->cq), 0);
	if (s->channel)
		assert_int_equal(ibv_destroy_comp_channel(s->channel), 0);
	if (s->mr)
		assert_int_equal(ibv_dereg_mr(s->mr), 0);
	assert_int_equal(ibv_dealloc_pd(s->pd), 0);
	assert_int_equal(ibv_close_device(s->ctx), 0);
	free(s->buf);
}

void rig_open(struct rig *r, const struct rig_opt *opt)
{
	side_open(&r->a, "mlx5_0", opt);
	side_open(&r->b, "mlx5_1", opt);
	side_connect(&r->a, &r->b, opt);
	side_connect(&r->b, &r->a, opt);
}

void rig_close(struct rig *r)
{
	side_close(&r->a);
	side_close(&r->b);
}

void poll_one(struct ibv_cq *cq, struct ibv_wc *wc)
{
	uint64_t end = now_ms() + 2000;
	int n;

	do {
		n = ibv_poll_cq(cq, 1, wc);
	} while (!n && now_ms() < end);
	assert_int_equal(n, 1);
}

void expect(struct ibv_cq *cq, uint64_t wr_id, enum ibv_wc_status status)
{
	struct ibv_wc wc;

	poll_one(cq, &wc);
	assert_string_equal(ibv_wc_status_str(wc.status), ibv_wc_status_str(status));
	assert_int_equal(wc.wr_id, wr_id);
}

void expect_async(struct ibv_context *ctx, enum ibv_event_type type)
{
	struct pollfd p = { .fd = ctx->async_fd, .events = POLLIN };
	struct ibv_async_event ev;

	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_int_equal(ibv_get_async_event(ctx, &ev), 0);
	assert_int_equal(ev.event_type, type);
	ibv_ack_async_event(&ev);
}

void expect_none(struct ibv_cq *cq)
{
	struct ibv_wc wc;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(ibv_poll_cq(cq, 1, &wc), 0);
		usleep(500);
	}
}

int post_rdma(struct side *s, enum ibv_wr_opcode op, uint64_t wr_id, uint32_t lkey, uint64_t laddr,
	      uint32_t len, uint32_t rkey, uint64_t raddr)
{
	struct ibv_sge sge = { .addr = laddr, .length = len, .lkey = lkey };
	struct ibv_send_wr wr = {
		.wr_id = wr_id,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = op,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { .remote_addr = raddr, .rkey = rkey },
	};
	struct ibv_send_wr *bad;

	return ibv_post_send(s->qp, &wr, &bad);
}

int post_recv(struct side *s, uint64_t wr_id, uint64_t off, uint32_t len)
{
	struct ibv_sge sge = { (uintptr_t)s->buf + off, len, s->mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = wr_id, .sg_list = &sge, .num_sge = 1 };
	struct ibv_recv_wr *bad;

	return ibv_post_recv(s->qp, &wr, &bad);
}

struct mlx5dv_mkey *mkey_create(struct side *s, uint16_t entries, uint32_t flags)
{
	struct mlx5dv_mkey_init_attr attr = {
		.pd = s->pd,
		.create_flags = MLX5DV_MKEY_INIT_ATTR_FLAGS_INDIRECT | flags,
		.max_entries = entries,
	};
	struct mlx5dv_mkey *mkey = mlx5dv_create_mkey(&attr);

	assert_non_null(mkey);
	return mkey;
}

int umr_list(struct side *s, uint64_t wr_id, struct mlx5dv_mkey *mkey, uint32_t access,
	     const struct ibv_sge *sge, uint16_t num)
{
	ibv_wr_start(s->qpx);
	s->qpx->wr_id = wr_id;
	s->qpx->wr_flags = IBV_SEND_INLINE | IBV_SEND_SIGNALED;
	mlx5dv_wr_mr_list(s->dvqp, mkey, access, num, (struct ibv_sge *)(uintptr_t)sge);
	return ibv_wr_complete(s->qpx);
}

int local_inv(struct side *s, uint64_t wr_id, uint32_t key)
{
	ibv_wr_start(s->qpx);
	s->qpx->wr_id = wr_id;
	s->qpx->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_local_inv(s->qpx, key);
	return ibv_wr_complete(s->qpx);
}

/*
 *	0      16         64        128
 *	| ctrl | umr ctrl | mkey    | data segment |
 */
void umr_pointer(struct side *s, uint64_t wr_id, struct mlx5dv_mkey *mkey, uint64_t length,
		 const struct ibv_mr *list_mr, const void *list, uint32_t entries,
		 uint32_t offset)
{
	struct {
		struct mlx5_wqe_ctrl_seg ctrl;
		struct mlx5_wqe_umr_ctrl_seg umr;
		struct mlx5_wqe_mkey_context_seg mkc;
		struct mlx5_wqe_data_seg data;
	} wqe;

	memset(&wqe, 0, sizeof(wqe));
	mlx5dv_set_ctrl_seg(&wqe.ctrl, 0, MLX5_OPCODE_UMR, 0, s->qp->qp_num,
			    MLX5_WQE_CTRL_CQ_UPDATE, sizeof(wqe) / 16, 0, htobe32(mkey->lkey));
	if (offset)
		wqe.umr.flags = MLX5_WQE_UMR_CTRL_FLAG_TRNSLATION_OFFSET;
	wqe.umr.klm_octowords = htobe16((uint16_t)entries);
	wqe.umr.translation_offset = htobe16((uint16_t)offset);
	wqe.umr.mkey_mask = htobe64(MLX5_WQE_UMR_CTRL_MKEY_MASK_LEN |
				    MLX5_WQE_UMR_CTRL_MKEY_MASK_MKEY |
				    MLX5_WQE_UMR_CTRL_MKEY_MASK_FREE |
				    MLX5_WQE_UMR_CTRL_MKEY_MASK_ACCESS_LOCAL_WRITE |
				    MLX5_WQE_UMR_CTRL_MKEY_MASK_ACCESS_REMOTE_READ);
	wqe.mkc.access_flags = MLX5_WQE_MKEY_CONTEXT_ACCESS_FLAGS_LOCAL_WRITE |
			       MLX5_WQE_MKEY_CONTEXT_ACCESS_FLAGS_REMOTE_READ;
	wqe.mkc.qpn_mkey = htobe32(0xffffff00 | (mkey->lkey & 0xff));
	wqe.mkc.len = htobe64(length);
	mlx5dv_set_data_seg(&wqe.data, entries * 16, list_mr->lkey, (uintptr_t)list);
	ibv_wr_start(s->qpx);
	s->qpx->wr_id = wr_id;
	mlx5dv_wr_raw_wqe(s->dvqp, &wqe);
	assert_int_equal(ibv_wr_complete(s->qpx), 0);
}
