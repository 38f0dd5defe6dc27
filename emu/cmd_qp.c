/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Queue pairs: create, modify, query, destroy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5-abi.h>

#include "emu/channel.h"
#include "emu/engine.h"
#include "emu/gid.h"
#include "emu/log.h"
#include "emu/prm.h"
#include "emu/qp.h"
#include "emu/uverbs.h"

/* Bits of a create command that change nothing here, or that are done. */
#define KNOWN_QP_FLAGS                                                                             \
	(MLX5_QP_FLAG_SCATTER_CQE | MLX5_QP_FLAG_ALLOW_SCATTER_CQE | MLX5_QP_FLAG_BFREG_INDEX |    \
	 MLX5_QP_FLAG_UAR_PAGE_INDEX)

#define ROUTE_HOP_LIMIT 64

static int check_type(uint64_t type)
{
	switch (type) {
	case IBV_QPT_RC:
		return 0;
	case IBV_QPT_UC:
		return uv_unsupported("UC queue pairs");
	case IBV_QPT_UD:
		return uv_unsupported("UD queue pairs");
	case IBV_QPT_RAW_PACKET:
		return uv_unsupported("raw packet queue pairs");
	case IBV_QPT_XRC_SEND:
	case IBV_QPT_XRC_RECV:
		return uv_unsupported("XRC queue pairs");
	default:
		return uv_unsupported("DC and other driver queue pairs");
	}
}

static int check_caps(const struct ib_uverbs_qp_cap *cap, const struct mlx5_ib_create_qp *req)
{
	const struct emu_settings *s = &emu.set;

	if (cap->max_send_wr > s->max_qp_wr || cap->max_recv_wr > s->max_qp_wr ||
	    req->sq_wqe_count > s->max_qp_wr || cap->max_recv_sge > s->max_recv_sge)
		return -EINVAL;
	/* Powers of two: everything is indexed by masks. */
	if (req->sq_wqe_count & (req->sq_wqe_count - 1) ||
	    req->rq_wqe_count & (req->rq_wqe_count - 1) || req->rq_wqe_shift > 12)
		return -EINVAL;
	if (req->flags & ~KNOWN_QP_FLAGS) {
		emu_say("create QP: flags 0x%x are not done here", req->flags & ~KNOWN_QP_FLAGS);
		return -EOPNOTSUPP;
	}
	return 0;
}

static struct emu_qp *alloc_qp(const struct mlx5_ib_create_qp *req)
{
	struct emu_qp *qp = calloc(1, sizeof(*qp));

	if (!qp)
		return NULL;
	qp->sq_cnt = req->sq_wqe_count;
	qp->rq_cnt = req->rq_wqe_count;
	qp->rq_shift = req->rq_wqe_shift;
	/* The receive ring comes first in the buffer. */
	qp->rq = (uint8_t *)(uintptr_t)req->buf_addr;
	qp->sq = qp->rq + ((size_t)qp->rq_cnt << qp->rq_shift);
	qp->dbrec = (void *)(uintptr_t)req->db_addr;
	qp->uidx = req->uidx;
	qp->peer_dev = -1;
	if (qp->sq_cnt) {
		qp->fly = calloc(qp->sq_cnt, sizeof(*qp->fly));
		if (!qp->fly) {
			free(qp);
			return NULL;
		}
	}
	return qp;
}

static void answer_create(struct uv_cmd *cmd, struct emu_qp *qp, uint32_t handle)
{
	struct mlx5_ib_create_qp_resp uhw = { 0 };

	uv_attr(cmd, UVERBS_ATTR_CREATE_QP_HANDLE)->data = handle;
	uv_out(cmd, UVERBS_ATTR_CREATE_QP_RESP_CAP, &qp->cap, sizeof(qp->cap));
	uv_out(cmd, UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, &qp->qpn, sizeof(qp->qpn));
	uv_out(cmd, UVERBS_ATTR_UHW_OUT, &uhw, sizeof(uhw));
}

static void *obj_of(const struct uv_cmd *cmd, enum obj_kind kind, uint16_t attr)
{
	return uv_obj(cmd->ctx, kind, (uint32_t)uv_in_u64(cmd, attr, 0));
}

int uv_create_qp(struct uv_cmd *cmd)
{
	struct emu_ctx *ctx = cmd->ctx;
	struct mlx5_ib_create_qp req;
	struct ib_uverbs_qp_cap cap;
	struct emu_pd *pd = obj_of(cmd, OBJ_PD, UVERBS_ATTR_CREATE_QP_PD_HANDLE);
	struct emu_cq *send_cq = obj_of(cmd, OBJ_CQ, UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE);
	struct emu_cq *recv_cq = obj_of(cmd, OBJ_CQ, UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE);
	struct emu_qp *qp;
	uint32_t handle;
	size_t len = 0, cap_len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_UHW_IN, &len);
	/* The capabilities' input and output are the same memory: copy first. */
	const void *cap_in = uv_in(cmd, UVERBS_ATTR_CREATE_QP_CAP, &cap_len);
	int ret = check_type(uv_in_u64(cmd, UVERBS_ATTR_CREATE_QP_TYPE, ~0ULL));

	if (ret)
		return ret;
	if (uv_attr(cmd, UVERBS_ATTR_CREATE_QP_SRQ_HANDLE))
		return uv_unsupported("shared receive queues");
	if (len < sizeof(req) || cap_len < sizeof(cap))
		return -EINVAL;
	memcpy(&req, in, sizeof(req));
	memcpy(&cap, cap_in, sizeof(cap));
	if (!pd || !send_cq || !recv_cq)
		return -ENOENT;
	ret = check_caps(&cap, &req);
	if (ret)
		return ret;
	qp = alloc_qp(&req);
	if (!qp)
		return -ENOMEM;
	ret = fab_qp_alloc(emu.proc, ctx->dev, &qp->qpn);
	if (ret)
		goto err_free;
	qp->ctx = ctx;
	qp->shm = fab_qp(qp->qpn);
	qp->pdn = qp->shm->pdn = pd->pdn;
	qp->send_cq = send_cq;
	qp->recv_cq = recv_cq;
	qp->cap = cap;
	qp->user_handle = uv_in_u64(cmd, UVERBS_ATTR_CREATE_QP_USER_HANDLE, 0);
	qp->sig_all = uv_in_u64(cmd, UVERBS_ATTR_CREATE_QP_FLAGS, 0) &
		      IB_UVERBS_QP_CREATE_SQ_SIG_ALL;
	qp->scatter_cqe = emu.set.scatter_cqe && req.flags & MLX5_QP_FLAG_SCATTER_CQE;
	ret = qp_link(qp);
	if (ret)
		goto err_qpn;
	ret = uv_obj_add(ctx, OBJ_QP, qp, &handle);
	if (ret) {
		qp_destroy(qp);
		return ret;
	}
	answer_create(cmd, qp, handle);
	return 0;
err_qpn:
	fab_qp_free(qp->qpn);
err_free:
	free(qp->fly);
	free(qp);
	return ret;
}

int uv_destroy_qp(struct uv_cmd *cmd)
{
	uint32_t handle = (uint32_t)uv_in_u64(cmd, UVERBS_ATTR_DESTROY_QP_HANDLE, 0);
	struct emu_qp *qp = uv_obj_take(cmd->ctx, OBJ_QP, handle);
	struct ib_uverbs_destroy_qp_resp resp;

	if (!qp)
		return -ENOENT;
	if (cmd->ctx->async)
		qp->async_events -= channel_drain(cmd->ctx->async, qp->user_handle,
						  sizeof(struct ib_uverbs_async_event_desc));
	resp.events_reported = qp->async_events;
	uv_out(cmd, UVERBS_ATTR_DESTROY_QP_RESP, &resp, sizeof(resp));
	qp_destroy(qp);
	return 0;
}

/* ---- modify */

/* What each step of an RC QP needs, and may have. IBTA, "Modify QP". */
static const struct step {
	uint8_t from, to;
	uint32_t need;
} steps[] = {
	{ IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS },
	{ IBV_QPS_INIT, IBV_QPS_INIT, 0 },
	{ IBV_QPS_INIT, IBV_QPS_RTR,
	  IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
		  IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER },
	{ IBV_QPS_RTR, IBV_QPS_RTS,
	  IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
		  IBV_QP_MAX_QP_RD_ATOMIC },
	{ IBV_QPS_RTS, IBV_QPS_RTS, 0 },
	{ IBV_QPS_RTS, IBV_QPS_SQD, 0 },
	{ IBV_QPS_SQD, IBV_QPS_SQD, 0 },
	{ IBV_QPS_SQD, IBV_QPS_RTS, 0 },
};

static bool step_ok(uint32_t from, uint32_t to, uint32_t mask)
{
	if (to == IBV_QPS_RESET || to == IBV_QPS_ERR)
		return true;
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].from == from && steps[i].to == to)
			return (mask & steps[i].need) == steps[i].need;
	return false;
}

/* Which device answers to the address, -1 if none does. */
static int32_t find_peer(const struct ib_uverbs_qp_dest *dest)
{
	union ibv_gid gid;

	memcpy(gid.raw, dest->dgid, sizeof(gid.raw));
	for (uint32_t dev = 0; dev < FAB_DEVS; dev++) {
		if (dest->is_global ? emu_gid_owned(&emu.set, dev, &gid) :
				      dest->dlid && dest->dlid == emu_lid(&emu.set, dev))
			return (int32_t)dev;
	}
	return -1;
}

static int check_attr(const struct emu_qp *qp, const struct ib_uverbs_modify_qp *a)
{
	const struct emu_settings *s = &emu.set;

	if (a->attr_mask & IBV_QP_PORT && a->port_num != 1)
		return -EINVAL;
	if (a->attr_mask & IBV_QP_PKEY_INDEX && a->pkey_index >= EMU_PKEYS)
		return -EINVAL;
	if (a->attr_mask & IBV_QP_MAX_QP_RD_ATOMIC && a->max_rd_atomic > s->max_qp_rd_atom)
		return -EINVAL;
	if (a->attr_mask & IBV_QP_MAX_DEST_RD_ATOMIC && a->max_dest_rd_atomic > s->max_qp_rd_atom)
		return -EINVAL;
	if (a->attr_mask & IBV_QP_PATH_MTU &&
	    (a->path_mtu < IBV_MTU_256 || a->path_mtu > IBV_MTU_4096 ||
	     128ULL << a->path_mtu > s->mtu))
		return -EINVAL;
	if (a->attr_mask & (IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE))
		return uv_unsupported("path migration");
	if (a->attr_mask & IBV_QP_AV) {
		union ibv_gid gid;
		enum ibv_gid_type type;

		/* RoCE has nothing but GIDs. */
		if (s->link == EMU_LINK_ETH && !a->dest.is_global)
			return -EINVAL;
		if (a->dest.is_global &&
		    !emu_gid(s, qp->ctx->dev, a->dest.sgid_index, &gid, &type))
			return -EINVAL;
	}
	return 0;
}

static void take_attr(struct emu_qp *qp, const struct ib_uverbs_modify_qp *a)
{
	struct ib_uverbs_modify_qp *to = &qp->attr;

#define TAKE(bit, field)                                                                           \
	do {                                                                                       \
		if (a->attr_mask & (bit))                                                          \
			to->field = a->field;                                                      \
	} while (0)
	TAKE(IBV_QP_ACCESS_FLAGS, qp_access_flags);
	TAKE(IBV_QP_PKEY_INDEX, pkey_index);
	TAKE(IBV_QP_PORT, port_num);
	TAKE(IBV_QP_QKEY, qkey);
	TAKE(IBV_QP_AV, dest);
	TAKE(IBV_QP_PATH_MTU, path_mtu);
	TAKE(IBV_QP_TIMEOUT, timeout);
	TAKE(IBV_QP_RETRY_CNT, retry_cnt);
	TAKE(IBV_QP_RNR_RETRY, rnr_retry);
	TAKE(IBV_QP_RQ_PSN, rq_psn);
	TAKE(IBV_QP_SQ_PSN, sq_psn);
	TAKE(IBV_QP_MAX_QP_RD_ATOMIC, max_rd_atomic);
	TAKE(IBV_QP_MAX_DEST_RD_ATOMIC, max_dest_rd_atomic);
	TAKE(IBV_QP_MIN_RNR_TIMER, min_rnr_timer);
	TAKE(IBV_QP_DEST_QPN, dest_qp_num);
#undef TAKE
	if (a->attr_mask & IBV_QP_AV) {
		qp->peer_dev = find_peer(&to->dest);
		/* The kernel has it from the route (ib_resolve_unicast_gid_dmac). */
		if (emu.set.link == EMU_LINK_ETH)
			to->dest.hop_limit = ROUTE_HOP_LIMIT;
	}
	qp->rnr_left = to->rnr_retry;
	qp->shm->access = to->qp_access_flags;
	qp->shm->max_dest_rd = to->max_dest_rd_atomic;
	qp->shm->min_rnr_timer = to->min_rnr_timer;
	qp->shm->pkey_index = (uint8_t)to->pkey_index;
	qp->shm->peer_qpn = to->dest_qp_num;
}

static void enter_state(struct emu_qp *qp, uint32_t from, uint32_t to)
{
	switch (to) {
	case IBV_QPS_RESET:
		atomic_store(&qp->shm->state, IBV_QPS_RESET);
		qp_reset(qp);
		memset(&qp->attr, 0, sizeof(qp->attr));
		qp->shm->peer_qpn = 0;
		qp->peer_dev = -1;
		break;
	case IBV_QPS_ERR:
		if (from != IBV_QPS_ERR)
			qp_fail(qp);
		break;
	case IBV_QPS_SQD:
		/* What was posted completes first. */
		engine_drive();
		atomic_store(&qp->shm->state, IBV_QPS_SQD);
		if (qp->attr.en_sqd_async_notify &&
		    engine_async_event(qp->ctx, qp->user_handle, IBV_EVENT_SQ_DRAINED))
			qp->async_events++;
		break;
	default:
		atomic_store_explicit(&qp->shm->state, to, memory_order_release);
		break;
	}
	/* A peer that waits for us to be ready should look again. */
	if (to == IBV_QPS_RTR && fab_qp(qp->shm->peer_qpn))
		fab_kick(fab_qp(qp->shm->peer_qpn)->proc);
}

int uv_modify_qp(struct uv_cmd *cmd)
{
	struct ib_uverbs_ex_modify_qp_resp resp = { .response_length = sizeof(resp) };
	struct ib_uverbs_modify_qp a;
	struct emu_qp *qp;
	uint32_t from, to;
	size_t len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_CORE_IN, &len);
	int ret;

	if (len < sizeof(a))
		return -EINVAL;
	memcpy(&a, in, sizeof(a));
	qp = uv_obj(cmd->ctx, OBJ_QP, a.qp_handle);
	if (!qp)
		return -ENOENT;
	from = qp_state(qp);
	to = a.attr_mask & IBV_QP_STATE ? a.qp_state : from;
	if (a.attr_mask & IBV_QP_CUR_STATE && a.cur_qp_state != from)
		return -EINVAL;
	if (!step_ok(from, to, a.attr_mask))
		return -EINVAL;
	ret = check_attr(qp, &a);
	if (ret)
		return ret;
	take_attr(qp, &a);
	if (a.attr_mask & IBV_QP_EN_SQD_ASYNC_NOTIFY)
		qp->attr.en_sqd_async_notify = a.en_sqd_async_notify;
	if (to != from || a.attr_mask & IBV_QP_STATE)
		enter_state(qp, from, to);
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	return 0;
}

int uv_query_qp(struct uv_cmd *cmd)
{
	struct ib_uverbs_query_qp_resp r = { 0 };
	struct ib_uverbs_query_qp req;
	const struct ib_uverbs_modify_qp *a;
	struct emu_qp *qp;
	size_t len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_CORE_IN, &len);

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, in, sizeof(req));
	qp = uv_obj(cmd->ctx, OBJ_QP, req.qp_handle);
	if (!qp)
		return -ENOENT;
	a = &qp->attr;
	r.dest = a->dest;
	r.max_send_wr = qp->cap.max_send_wr;
	r.max_recv_wr = qp->cap.max_recv_wr;
	r.max_send_sge = qp->cap.max_send_sge;
	r.max_recv_sge = qp->cap.max_recv_sge;
	r.max_inline_data = qp->cap.max_inline_data;
	r.qkey = a->qkey;
	r.rq_psn = a->rq_psn;
	r.sq_psn = a->sq_psn;
	r.dest_qp_num = a->dest_qp_num;
	r.qp_access_flags = a->qp_access_flags;
	r.pkey_index = a->pkey_index;
	r.qp_state = r.cur_qp_state = (uint8_t)qp_state(qp);
	r.path_mtu = a->path_mtu;
	r.max_rd_atomic = a->max_rd_atomic;
	r.max_dest_rd_atomic = a->max_dest_rd_atomic;
	r.min_rnr_timer = a->min_rnr_timer;
	r.port_num = a->port_num;
	r.timeout = a->timeout;
	r.retry_cnt = a->retry_cnt;
	r.rnr_retry = a->rnr_retry;
	r.sq_sig_all = qp->sig_all;
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &r, sizeof(r));
	return 0;
}
