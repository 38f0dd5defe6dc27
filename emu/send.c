/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <string.h>
#include <unistd.h>

#include "emu/engine.h"
#include "emu/log.h"
#include "emu/mkey.h"
#include "emu/rdma.h"
#include "emu/send.h"

#define RNR_FOR_EVER 7
#define ALIVE_NS     2000000 /* between two looks at the peer's process */

/* Lists that are in use only inside one call; the engine's lock guards them. */
static struct sg local, remote;

void send_forget(void)
{
	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
}

/* ---- the sender */

static uint8_t fill_payload(struct emu_qp *qp, struct fab_msg *m, const struct wqe_view *v)
{
	struct iovec iov = { m->data, v->bytes };
	struct sg data = { &iov, 1, 1, v->bytes };
	uint8_t syndrome;
	uint64_t done;

	m->length = (uint32_t)v->bytes;
	m->eager = v->bytes <= FAB_EAGER;
	if (v->inl) {
		if (!m->eager)
			return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
		memcpy(m->data, v->inl, v->bytes);
		return 0;
	}
	/* The keys are checked here also when the receiver fetches the data. */
	sg_reset(&local);
	syndrome = wqe_map_sges(v->sge, v->num_sge, qp->pdn, KEY_LOCAL_READ, v->bytes, &local);
	if (syndrome || !v->bytes)
		return syndrome;
	if (m->eager)
		return rdma_syndrome(dma_read(getpid(), &data, &local, &done));
	m->num_sge = (uint8_t)v->num_sge;
	for (uint32_t i = 0; i < v->num_sge; i++) {
		m->sge[i].addr = be64toh(v->sge[i].addr);
		m->sge[i].length = be32toh(v->sge[i].byte_count);
		m->sge[i].lkey = be32toh(v->sge[i].lkey);
	}
	return 0;
}

struct emu_wqe *send_message(struct emu_qp *qp, struct fab_qp *peer, const struct wqe_view *v)
{
	uint32_t head = atomic_load(&peer->head);
	struct fab_msg *m = fab_msg(qp->shm->peer_qpn, head);
	struct emu_wqe *w;

	if (head - atomic_load_explicit(&peer->tail, memory_order_acquire) >= FAB_MSGS)
		return NULL;
	w = qp_fly_add(qp, v->ctrl);
	w->bytes = (uint32_t)v->bytes;
	m->opcode = v->opcode;
	m->solicited = v->ctrl->fm_ce_se & MLX5_WQE_CTRL_SOLICITED ? 1 : 0;
	m->imm = v->ctrl->imm;
	m->src_qpn = qp->qpn;
	m->src_epoch = atomic_load(&qp->shm->epoch);
	m->seq = qp->send_seq;
	m->syndrome = 0;
	m->num_sge = 0;
	if (v->opcode == MLX5_OPCODE_RDMA_WRITE_IMM) {
		m->length = (uint32_t)v->bytes;
		m->eager = 1;
		w->syndrome = rdma_write(qp, peer, w, v);
	} else {
		w->syndrome = fill_payload(qp, m, v);
		if (v->flip && m->eager && v->bytes)
			m->data[0] ^= 1;
	}
	if (w->syndrome)
		return w;
	atomic_store(&m->status, MSG_READY);
	w->state = WQE_WAIT_ACK;
	w->msg = head;
	w->seq = qp->send_seq++;
	w->peer_epoch = atomic_load(&peer->epoch);
	qp->acks++;
	atomic_store_explicit(&peer->head, head + 1, memory_order_release);
	fab_kick(peer->proc);
	return w;
}

/* How long a sender waits after an RNR NAK, by the responder's timer code. */
static uint64_t rnr_ns(uint8_t code)
{
	/* in units of 10 us; IBTA, "Encoding for RNR NAK Timer Field" */
	static const uint16_t table[32] = {
		65535, 1,   2,   3,	4,    6,    8,	  12,	16,   24,   32,
		48,    64,  96,	 128,	192,  256,  384,  512,	768,  1024, 1536,
		2048,  3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152
	};

	return table[code & 31] * 10000ULL;
}

static void answered(struct emu_qp *qp, struct emu_wqe *w, uint8_t syndrome)
{
	w->state = WQE_DONE;
	w->syndrome = syndrome;
	qp->acks--;
	qp->rnr_left = qp->attr.rnr_retry;
	qp->rnr_until = 0;
}

/* The receiver had no receive WQE. Wait for its time, then send again. */
static void check_rnr(struct emu_qp *qp, struct emu_wqe *w, struct fab_qp *peer,
		      struct fab_msg *m)
{
	if (!qp->rnr_until) {
		if (qp->attr.rnr_retry != RNR_FOR_EVER && !qp->rnr_left--) {
			answered(qp, w, MLX5_CQE_SYNDROME_RNR_RETRY_EXC_ERR);
			return;
		}
		qp->rnr_until = emu_now() + rnr_ns(peer->min_rnr_timer);
	}
	if (emu_now() < qp->rnr_until)
		return;
	qp->rnr_until = 0;
	atomic_store(&m->status, MSG_READY);
	fab_kick(peer->proc);
}

/* Whether the peer's process is there. Costs system calls: once per period. */
static bool peer_alive(struct emu_qp *qp, const struct fab_qp *peer)
{
	uint64_t now;

	if (peer->proc == emu.proc)
		return true;
	now = emu_now();
	if (now - qp->alive_at >= ALIVE_NS) {
		qp->alive_at = now;
		qp->peer_dead = !fab_alive(peer->proc);
	}
	return !qp->peer_dead;
}

void send_check_ack(struct emu_qp *qp, struct emu_wqe *w)
{
	struct fab_qp *peer = fab_qp(qp->shm->peer_qpn);
	struct fab_msg *m = fab_msg(qp->shm->peer_qpn, w->msg);
	uint32_t status;

	if ((int32_t)(atomic_load_explicit(&qp->shm->acked, memory_order_acquire) - w->seq) > 0) {
		answered(qp, w, 0);
		return;
	}
	if (atomic_load(&peer->epoch) == w->peer_epoch) {
		uint32_t tail = atomic_load_explicit(&peer->tail, memory_order_acquire);

		status = atomic_load_explicit(&m->status, memory_order_acquire);
		if (tail == w->msg && status == MSG_NAK) {
			answered(qp, w, (uint8_t)m->syndrome);
			return;
		}
		if (tail == w->msg && status == MSG_RNR) {
			check_rnr(qp, w, peer, m);
			return;
		}
		/* Assumption: a live peer that is only slow to be driven never
		 * counts as silent: a real device needs no processor to answer. */
		if (wqe_peer_answers(qp, &peer) && peer_alive(qp, peer)) {
			qp->retry_until = 0;
			return;
		}
	}
	wqe_peer_silent(qp);
	if (qp->retry_until && emu_now() >= qp->retry_until)
		answered(qp, w, MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR);
}

/* ---- the receiver */

/* Fetch the payload of @m into the pieces in @local. */
static uint8_t fetch(struct fab_qp *src, const struct fab_msg *m)
{
	struct iovec iov = { (void *)(uintptr_t)m->data, m->length };
	struct sg data = { &iov, 1, 1, m->length };
	uint64_t done;

	if (m->eager)
		return rdma_syndrome(dma_read(getpid(), &local, &data, &done));
	sg_reset(&remote);
	for (unsigned int i = 0; i < m->num_sge; i++) {
		struct map_query q = {
			.key = m->sge[i].lkey,
			.pdn = src->pdn,
			.addr = m->sge[i].addr,
			.len = m->sge[i].length,
			.need = KEY_LOCAL_READ,
		};

		/* The sender took its key away too early. */
		if (mkey_map(&q, &remote))
			return MLX5_CQE_SYNDROME_REMOTE_ABORTED_ERR;
	}
	return rdma_syndrome(dma_read(fab_pid(src->proc), &local, &remote, &done));
}

static void push_receive(struct emu_qp *qp, const struct fab_msg *m, uint8_t syndrome)
{
	static const uint8_t kinds[] = {
		[MLX5_OPCODE_SEND_INVAL] = MLX5_CQE_RESP_SEND_INV,
		[MLX5_OPCODE_RDMA_WRITE_IMM] = MLX5_CQE_RESP_WR_IMM,
		[MLX5_OPCODE_SEND] = MLX5_CQE_RESP_SEND,
		[MLX5_OPCODE_SEND_IMM] = MLX5_CQE_RESP_SEND_IMM,
	};
	struct cq_entry e = {
		.opcode = syndrome ? MLX5_CQE_RESP_ERR : kinds[m->opcode],
		.wqe_op = m->opcode,
		.syndrome = syndrome,
		.solicited = m->solicited,
		.wqe_index = qp->rq_ci++,
		.qpn = qp->qpn,
		.uidx = qp->uidx,
		.bytes = m->length,
		.imm = m->imm,
		.src_qpn = m->src_qpn,
	};

	cq_push(qp->recv_cq, &e);
}

/* Refuse @m with @nak for the sender; our own QP fails. */
static void refuse(struct emu_qp *qp, struct fab_qp *src, struct fab_msg *m, uint8_t nak)
{
	m->syndrome = nak;
	atomic_store_explicit(&m->status, MSG_NAK, memory_order_release);
	fab_kick(src->proc);
	qp_fail(qp);
}

/*
 * Put @m where the receive WQE says. Returns the syndrome of our own
 * completion, and in *@nak_p the sender's.
 */
static uint8_t deliver(struct emu_qp *qp, struct fab_qp *src, struct fab_msg *m, uint8_t *nak_p)
{
	size_t size = (size_t)1 << qp->rq_shift;
	const struct mlx5_wqe_data_seg *seg =
		(const void *)(qp->rq + (qp->rq_ci & (qp->rq_cnt - 1)) * size);
	uint8_t syndrome;

	if (m->opcode != MLX5_OPCODE_RDMA_WRITE_IMM && m->length) {
		sg_reset(&local);
		if (wqe_map_sges(seg, (uint32_t)(size / sizeof(*seg)), qp->pdn, KEY_LOCAL_WRITE,
				 m->length, &local)) {
			*nak_p = MLX5_CQE_SYNDROME_REMOTE_OP_ERR;
			return MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
		}
		if (local.bytes < m->length) {
			*nak_p = MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR;
			return MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR;
		}
		syndrome = fetch(src, m);
		if (syndrome) {
			*nak_p = syndrome == MLX5_CQE_SYNDROME_REMOTE_ABORTED_ERR ?
					 MLX5_CQE_SYNDROME_LOCAL_PROT_ERR :
					 MLX5_CQE_SYNDROME_REMOTE_OP_ERR;
			return syndrome;
		}
	}
	if (m->opcode == MLX5_OPCODE_SEND_INVAL) {
		*nak_p = mkey_remote_inval(be32toh(m->imm), qp->pdn);
		/* Assumption: the receiver's WQE completes with an access error. */
		if (*nak_p)
			return MLX5_CQE_SYNDROME_LOCAL_ACCESS_ERR;
	}
	return 0;
}

static bool take_one(struct emu_qp *qp, uint32_t tail)
{
	struct fab_msg *m = fab_msg(qp->qpn, tail);
	struct fab_qp *src = fab_qp(m->src_qpn);
	uint8_t nak = 0, syndrome;

	if (atomic_load_explicit(&m->status, memory_order_acquire) != MSG_READY)
		return false;
	if (!src || atomic_load(&src->epoch) != m->src_epoch ||
	    atomic_load(&src->state) != IBV_QPS_RTS || m->src_qpn != qp->shm->peer_qpn) {
		/* From an earlier life of the sender: lost on the way. */
		atomic_store_explicit(&qp->shm->tail, tail + 1, memory_order_release);
		return true;
	}
	if (atomic_load(&fab->port_down[qp->ctx->dev]))
		return false;
	if (!qp->rq_cnt || qp->rq_ci == (uint16_t)be32toh(atomic_load_explicit(
						&qp->dbrec[0], memory_order_acquire))) {
		atomic_store_explicit(&m->status, MSG_RNR, memory_order_release);
		fab_kick(src->proc);
		return false;
	}
	syndrome = deliver(qp, src, m, &nak);
	push_receive(qp, m, syndrome);
	if (syndrome) {
		refuse(qp, src, m, nak);
		return true;
	}
	atomic_store_explicit(&src->acked, m->seq + 1, memory_order_release);
	atomic_store_explicit(&qp->shm->tail, tail + 1, memory_order_release);
	fab_kick(src->proc);
	return true;
}

bool send_inbox(struct emu_qp *qp)
{
	bool any = false;

	for (;;) {
		uint32_t tail = atomic_load(&qp->shm->tail), state = qp_state(qp);

		if ((state != IBV_QPS_RTR && state != IBV_QPS_RTS && state != IBV_QPS_SQD) ||
		    tail == atomic_load_explicit(&qp->shm->head, memory_order_acquire) ||
		    !take_one(qp, tail))
			return any;
		any = true;
	}
}
