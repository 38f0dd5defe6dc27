/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emu/engine.h"
#include "emu/fault.h"
#include "emu/late.h"
#include "emu/log.h"
#include "emu/prm.h"
#include "emu/qp.h"
#include "emu/rdma.h"
#include "emu/send.h"
#include "emu/wqe.h"

/* vendor_err of our own errors: nobody's number, easy to see in a report. */
#define VENDOR_SYNDROME 0xe0

int qp_link(struct emu_qp *qp)
{
	if (emu.num_qps == emu.room_qps) {
		uint32_t room = emu.room_qps ? 2 * emu.room_qps : 64;
		struct emu_qp **qps = realloc(emu.qps, room * sizeof(struct emu_qp *));

		if (!qps)
			return -ENOMEM;
		emu.qps = qps;
		emu.room_qps = room;
	}
	emu.qps[emu.num_qps++] = qp;
	return 0;
}

static void forget_flying(struct emu_qp *qp)
{
	for (; qp->fly_tail != qp->fly_head; qp->fly_tail++)
		free(qp->fly[qp->fly_tail & (qp->sq_cnt - 1)].copy);
	qp->fly_head = qp->fly_tail = 0;
	qp->acks = qp->lates = qp->late_umrs = 0;
}

void qp_reset(struct emu_qp *qp)
{
	forget_flying(qp);
	qp->sq_ci = qp->rq_ci = 0;
	qp->executed = qp->read_run = 0;
	qp->retry_until = qp->rnr_until = qp->clock = qp->hold_until = 0;
	qp->injected_at = 0;
	/* Messages of an earlier life carry the epoch of that life. */
	atomic_fetch_add(&qp->shm->epoch, 1);
	atomic_store(&qp->shm->nak, 0);
	atomic_store(&qp->shm->tail, atomic_load(&qp->shm->head));
}

void qp_destroy(struct emu_qp *qp)
{
	for (uint32_t i = 0; i < emu.num_qps; i++) {
		if (emu.qps[i] == qp) {
			/* Keep the order: it is the order of service. */
			memmove(&emu.qps[i], &emu.qps[i + 1],
				(emu.num_qps - i - 1) * sizeof(struct emu_qp *));
			emu.num_qps--;
			break;
		}
	}
	forget_flying(qp);
	fab_qp_free(qp->qpn);
	free(qp->fly);
	free(qp);
}

bool qp_uses_pd(uint32_t pdn)
{
	for (uint32_t i = 0; i < emu.num_qps; i++)
		if (emu.qps[i]->pdn == pdn)
			return true;
	return false;
}

/* ---- errors */

static void push_flush(struct emu_qp *qp, struct emu_cq *cq, uint8_t cqe, uint8_t wqe_op,
		       uint16_t index)
{
	struct cq_entry e = {
		.opcode = cqe,
		.wqe_op = wqe_op,
		.syndrome = MLX5_CQE_SYNDROME_WR_FLUSH_ERR,
		.vendor = VENDOR_SYNDROME,
		.wqe_index = index,
		.qpn = qp->qpn,
		.uidx = qp->uidx,
	};

	cq_push(cq, &e);
}

bool qp_flush(struct emu_qp *qp)
{
	uint16_t sq_pi = (uint16_t)be32toh(atomic_load(&qp->dbrec[1]));
	uint16_t rq_pi = (uint16_t)be32toh(atomic_load(&qp->dbrec[0]));
	bool any = false;

	while (qp->fly_tail != qp->fly_head) {
		struct emu_wqe *w = &qp->fly[qp->fly_tail++ & (qp->sq_cnt - 1)];

		push_flush(qp, qp->send_cq, MLX5_CQE_REQ_ERR, w->opcode, w->index);
		free(w->copy);
		w->copy = NULL;
		any = true;
	}
	qp->fly_head = qp->fly_tail = 0;
	qp->acks = qp->lates = qp->late_umrs = 0;
	/* Signaled or not: each one posted is answered. */
	while (qp->sq_cnt && qp->sq_ci != sq_pi &&
	       (uint16_t)(sq_pi - qp->sq_ci) <= qp->sq_cnt) {
		const struct mlx5_wqe_ctrl_seg *ctrl = wqe_ctrl(qp, qp->sq_ci);
		uint32_t ds = EMU_MAX(be32toh(ctrl->qpn_ds) & PRM_DS_MASK, 1U);

		push_flush(qp, qp->send_cq, MLX5_CQE_REQ_ERR,
			   (uint8_t)be32toh(ctrl->opmod_idx_opcode), qp->sq_ci);
		qp->sq_ci = (uint16_t)(qp->sq_ci + wqe_blocks(ds));
		any = true;
	}
	for (; qp->rq_cnt && qp->rq_ci != rq_pi; qp->rq_ci++, any = true)
		push_flush(qp, qp->recv_cq, MLX5_CQE_RESP_ERR, 0, qp->rq_ci);
	return any;
}

void qp_fail(struct emu_qp *qp)
{
	atomic_store_explicit(&qp->shm->state, IBV_QPS_ERR, memory_order_release);
	qp->retry_until = qp->rnr_until = 0;
	qp_flush(qp);
	/* The peer's messages to us will not be answered any more. */
	if (fab_qp(qp->shm->peer_qpn))
		fab_kick(fab_qp(qp->shm->peer_qpn)->proc);
}

void qp_cq_failed(struct emu_cq *cq)
{
	for (uint32_t i = 0; i < emu.num_qps; i++) {
		struct emu_qp *qp = emu.qps[i];
		uint32_t state = qp_state(qp);

		if ((qp->send_cq != cq && qp->recv_cq != cq) || state == IBV_QPS_ERR ||
		    state == IBV_QPS_RESET)
			continue;
		atomic_store(&qp->shm->state, IBV_QPS_ERR);
		if (engine_async_event(qp->ctx, qp->user_handle, IBV_EVENT_QP_FATAL))
			qp->async_events++;
	}
}

/* ---- completion */

struct emu_wqe *qp_fly_add(struct emu_qp *qp, const struct mlx5_wqe_ctrl_seg *ctrl)
{
	struct emu_wqe *w = &qp->fly[qp->fly_head++ & (qp->sq_cnt - 1)];

	memset(w, 0, offsetof(struct emu_wqe, scatter));
	w->scattered = false;
	w->index = (uint16_t)(be32toh(ctrl->opmod_idx_opcode) >> 8);
	w->opcode = (uint8_t)be32toh(ctrl->opmod_idx_opcode);
	w->signaled = qp->sig_all || ctrl->fm_ce_se & MLX5_WQE_CTRL_CQ_UPDATE;
	qp->sq_ci = (uint16_t)(qp->sq_ci + wqe_blocks(be32toh(ctrl->qpn_ds) & PRM_DS_MASK));
	qp->executed++;
	return w;
}

void qp_complete_error(struct emu_qp *qp, struct emu_wqe *w, uint8_t syndrome)
{
	struct cq_entry e = {
		.opcode = MLX5_CQE_REQ_ERR,
		.wqe_op = w->opcode,
		.syndrome = syndrome,
		.vendor = VENDOR_SYNDROME,
		.wqe_index = w->index,
		.qpn = qp->qpn,
		.uidx = qp->uidx,
	};

	free(w->copy);
	w->copy = NULL;
	qp->fly_tail++;
	if (syndrome == MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR)
		rdma_nak(qp);
	cq_push(qp->send_cq, &e);
	qp_fail(qp);
}

static void complete_one(struct emu_qp *qp, struct emu_wqe *w)
{
	struct cq_entry e = {
		.opcode = MLX5_CQE_REQ,
		.wqe_op = w->opcode,
		.wqe_index = w->index,
		.qpn = qp->qpn,
		.uidx = qp->uidx,
		.bytes = w->bytes,
		.scatter = w->scattered ? w->scatter : NULL,
	};

	free(w->copy);
	w->copy = NULL;
	qp->fly_tail++;
	if (w->signaled)
		cq_push(qp->send_cq, &e);
}

/* Adversarial: completions come after a random number of drives, in bursts. */
static bool held(struct emu_qp *qp)
{
	if (!emu.set.adversarial || engine_drives() >= qp->hold_until)
		return false;
	return true;
}

bool qp_complete(struct emu_qp *qp)
{
	bool any = false;

	if (qp->fly_tail == qp->fly_head)
		return false;
	if (held(qp))
		return false;
	while (qp->fly_tail != qp->fly_head) {
		struct emu_wqe *w = &qp->fly[qp->fly_tail & (qp->sq_cnt - 1)];

		if (w->state == WQE_WAIT_ACK)
			send_check_ack(qp, w);
		else if (w->state != WQE_DONE)
			late_land_if_due(qp, w);
		if (w->state != WQE_DONE)
			break;
		if (w->done_at && w->done_at > emu_now())
			break;
		any = true;
		if (w->syndrome) {
			qp_complete_error(qp, w, w->syndrome);
			return true;
		}
		complete_one(qp, w);
	}
	if (any && emu.set.adversarial)
		qp->hold_until = engine_drives() +
				 fault_random((uint32_t)emu.set.late_polls + 1);
	return any;
}
