/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/engine.h"
#include "emu/fault.h"
#include "emu/late.h"
#include "emu/log.h"
#include "emu/mkey.h"
#include "emu/rdma.h"
#include "emu/send.h"
#include "emu/wqe.h"

#define MAX_WQE 1024

/* ---- reading a WQE */

/* The WQE at sq_ci in one piece: it may wrap at the end of the ring. */
static const uint8_t *linear(const struct emu_qp *qp, uint32_t len, uint8_t *buf)
{
	uint32_t off = (qp->sq_ci & (qp->sq_cnt - 1)) * PRM_WQE_BB;
	uint32_t size = qp->sq_cnt * PRM_WQE_BB, first;

	if (off + len <= size)
		return qp->sq + off;
	first = size - off;
	memcpy(buf, qp->sq + off, first);
	memcpy(buf + first, qp->sq, len - first);
	return buf;
}

/* Find the payload in what follows the header segments. */
static uint8_t parse_payload(struct wqe_view *v, uint32_t off)
{
	uint32_t count;

	if (off > v->len)
		return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
	if (off == v->len)
		return 0;
	memcpy(&count, v->wqe + off, sizeof(count));
	count = be32toh(count);
	if (count & PRM_INLINE) {
		v->bytes = count & ~PRM_INLINE;
		v->inl = v->wqe + off + 4;
		return off + 4 + v->bytes > v->len ? MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR : 0;
	}
	v->sge = (const void *)(v->wqe + off);
	v->num_sge = (v->len - off) / (uint32_t)sizeof(*v->sge);
	for (uint32_t i = 0; i < v->num_sge; i++)
		v->bytes += be32toh(v->sge[i].byte_count);
	/* Assumption: a message over the device's limit is a local length error. */
	return v->bytes > emu.set.max_msg_size ? MLX5_CQE_SYNDROME_LOCAL_LENGTH_ERR : 0;
}

/*
 *	0      16                32
 *	| ctrl | remote address  | data segments, or inline data    READ, WRITE
 *	| ctrl | data segments, or inline data                      SEND
 */
uint8_t wqe_parse(struct wqe_view *v)
{
	const struct mlx5_wqe_raddr_seg *r = (const void *)(v->wqe + 16);

	switch (v->opcode) {
	case MLX5_OPCODE_RDMA_READ:
	case MLX5_OPCODE_RDMA_WRITE:
	case MLX5_OPCODE_RDMA_WRITE_IMM:
		if (v->len < 32)
			return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
		v->raddr = be64toh(r->raddr);
		v->rkey = be32toh(r->rkey);
		return parse_payload(v, 32);
	case MLX5_OPCODE_SEND:
	case MLX5_OPCODE_SEND_IMM:
	case MLX5_OPCODE_SEND_INVAL:
		return parse_payload(v, 16);
	case MLX5_OPCODE_UMR:
	case MLX5_OPCODE_NOP:
		return 0;
	default:
		emu_say("QP 0x%x: WQE opcode 0x%x is not one this device does",
			be32toh(v->ctrl->qpn_ds) >> 8, v->opcode);
		return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
	}
}

uint8_t wqe_map_sges(const struct mlx5_wqe_data_seg *sge, uint32_t num, uint32_t pdn,
		     uint8_t need, uint64_t max, struct sg *sg)
{
	for (uint32_t i = 0; i < num && max; i++) {
		struct map_query q = {
			.key = be32toh(sge[i].lkey),
			.pdn = pdn,
			.addr = be64toh(sge[i].addr),
			.len = be32toh(sge[i].byte_count),
			.need = need,
		};

		if (q.key == PRM_END_OF_LIST)
			break;
		if (q.len > max)
			q.len = max;
		max -= q.len;
		if (mkey_map(&q, sg))
			return MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
	}
	return 0;
}

/* ---- the ring */

/*
 * A WQE that no library may write. A real device would raise a catastrophic
 * event of the queue. Assumption: and complete with a local operation error.
 */
static bool broken(struct emu_qp *qp, const struct mlx5_wqe_ctrl_seg *ctrl)
{
	uint16_t index = qp->sq_ci;
	struct emu_wqe *w = qp_fly_add(qp, ctrl);

	w->index = index; /* what the WQE says of itself is not to be trusted */
	qp->sq_ci = (uint16_t)(index + 1);
	w->syndrome = MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
	if (engine_async_event(qp->ctx, qp->user_handle, IBV_EVENT_QP_FATAL))
		qp->async_events++;
	return true;
}

static bool check_ring(struct emu_qp *qp, uint16_t pi, const struct mlx5_wqe_ctrl_seg *ctrl)
{
	uint16_t oldest = qp->sq_ci;
	uint32_t ds = be32toh(ctrl->qpn_ds) & PRM_DS_MASK;

	if (qp->fly_tail != qp->fly_head)
		oldest = qp->fly[qp->fly_tail & (qp->sq_cnt - 1)].index;
	if ((uint16_t)(pi - oldest) > qp->sq_cnt) {
		emu_say("QP 0x%x: send queue overrun: %u blocks posted, the ring has %u",
			qp->qpn, (uint16_t)(pi - oldest), qp->sq_cnt);
		return false;
	}
	if ((be32toh(ctrl->opmod_idx_opcode) >> 8 & 0xffff) != qp->sq_ci) {
		emu_say("QP 0x%x: the WQE at index %u says that it is %u", qp->qpn, qp->sq_ci,
			be32toh(ctrl->opmod_idx_opcode) >> 8 & 0xffff);
		return false;
	}
	if (be32toh(ctrl->qpn_ds) >> 8 != qp->qpn) {
		emu_say("QP 0x%x: the WQE at index %u says QP 0x%x", qp->qpn, qp->sq_ci,
			be32toh(ctrl->qpn_ds) >> 8);
		return false;
	}
	/* Assumption: a length of 0 is an error, not 64 units. */
	if (!ds || (uint16_t)(pi - qp->sq_ci) < wqe_blocks(ds)) {
		emu_say("QP 0x%x: the WQE at index %u is %u units long, %u blocks are posted",
			qp->qpn, qp->sq_ci, ds, (uint16_t)(pi - qp->sq_ci));
		return false;
	}
	return true;
}

/* ---- the peer */

bool wqe_peer_answers(const struct emu_qp *qp, struct fab_qp **peer_p)
{
	struct fab_qp *peer = fab_qp(qp->shm->peer_qpn);
	uint32_t state;

	if (!peer || !atomic_load(&peer->used) || engine_frozen())
		return false;
	state = atomic_load_explicit(&peer->state, memory_order_acquire);
	if (state != IBV_QPS_RTR && state != IBV_QPS_RTS && state != IBV_QPS_SQD)
		return false;
	if (peer->peer_qpn != qp->qpn || (int32_t)peer->dev != qp->peer_dev ||
	    peer->pkey_index != qp->shm->pkey_index ||
	    atomic_load(&fab->port_down[qp->ctx->dev]) || atomic_load(&fab->port_down[peer->dev]))
		return false;
	*peer_p = peer;
	return true;
}

bool wqe_peer(struct emu_qp *qp, struct fab_qp **peer_p)
{
	if (wqe_peer_answers(qp, peer_p)) {
		qp->retry_until = 0;
		return true;
	}
	wqe_peer_silent(qp);
	return false;
}

void wqe_peer_silent(struct emu_qp *qp)
{
	/* Timeout 0 waits for ever, as the specification has it. */
	if (!qp->retry_until && qp->attr.timeout)
		qp->retry_until = emu_now() +
				  (4096ULL << qp->attr.timeout) * (qp->attr.retry_cnt + 1ULL);
}

/* The peer is silent: wait, or give up. */
static bool wait_for_peer(struct emu_qp *qp, const struct wqe_view *v)
{
	if (!qp->retry_until || emu_now() < qp->retry_until)
		return false;
	qp_fly_add(qp, v->ctrl)->syndrome = MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR;
	return true;
}

/* ---- cost profile */

/* Entries of an inline list; libmlx5 fills it up to 64 bytes with zeroes. */
static uint32_t inline_entries(const struct wqe_view *v)
{
	const struct mlx5_wqe_umr_ctrl_seg *umr = (const void *)(v->wqe + 16);
	const struct prm_klm *e = (const void *)(v->wqe + 128);
	uint32_t n = EMU_MIN(be16toh(umr->klm_octowords), (v->len - 128) / sizeof(*e));

	while (n && !e[n - 1].byte_count)
		n--;
	return n;
}

static uint64_t cost_ns(const struct wqe_view *v, uint32_t fetched)
{
	const struct emu_settings *s = &emu.set;
	const struct mlx5_wqe_umr_ctrl_seg *umr = (const void *)(v->wqe + 16);
	uint64_t ns = s->cost_wqe_ns + v->num_sge * s->cost_sge_ns +
		      v->bytes * s->cost_byte_ps / 1000;

	if (v->opcode != MLX5_OPCODE_UMR || v->len < 128)
		return ns;
	if (!umr->klm_octowords)
		return ns + s->cost_inv_ns;
	if (umr->flags & MLX5_WQE_UMR_CTRL_FLAG_INLINE)
		return ns + inline_entries(v) * s->cost_klm_inline_ns;
	return ns + fetched * s->cost_klm_fetch_ns;
}

void wqe_charge(struct emu_qp *qp, struct emu_wqe *w, const struct wqe_view *v, uint32_t fetched)
{
	uint64_t now;

	if (!emu.set.cost_on && !qp->stalled)
		return;
	/* A serial clock: the device starts when it is through with the last. */
	now = emu_now();
	qp->clock = EMU_MAX(qp->clock, now) + cost_ns(v, fetched);
	if (qp->stalled)
		qp->clock += emu.set.stall_ms * 1000000;
	qp->stalled = false;
	w->done_at = qp->clock;
	/* Way there and back, on which many are at a time. */
	if (v->opcode != MLX5_OPCODE_UMR)
		w->done_at += emu.set.cost_latency_ns;
}

/* ---- execution */

static void exec_umr(struct emu_qp *qp, const struct wqe_view *v)
{
	const struct mlx5_wqe_umr_ctrl_seg *umr = (const void *)(v->wqe + 16);
	struct emu_wqe *w = qp_fly_add(qp, v->ctrl);
	uint32_t fetched = 0;

	/* An invalidation at once, a registration late: the worst of both. */
	if (emu.set.adversarial && v->len >= 64 && umr->klm_octowords)
		late_postpone(qp, w, v);
	if (w->state == WQE_DONE)
		w->syndrome = mkey_umr(v->wqe, v->len, qp->pdn, &fetched);
	wqe_charge(qp, w, v, fetched);
}

static uint8_t check_read(struct emu_qp *qp, const struct wqe_view *v)
{
	if (v->len > emu.set.max_read_wqe) {
		/* Assumption: which error a device gives; the kernel only says
		 * that READ WQEs end at 512 bytes. */
		emu_say("QP 0x%x: a READ WQE of %u bytes, the device takes %llu", qp->qpn, v->len,
			(unsigned long long)emu.set.max_read_wqe);
		return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
	}
	/* Assumption: with no initiator depth a READ is an operation error. */
	if (!qp->attr.max_rd_atomic)
		return MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
	return 0;
}

/* READs that were posted together are outstanding together. */
static uint8_t check_read_run(struct emu_qp *qp, const struct fab_qp *peer)
{
	if (++qp->read_run > peer->max_dest_rd && qp->attr.max_rd_atomic > peer->max_dest_rd)
		return MLX5_CQE_SYNDROME_REMOTE_INVAL_REQ_ERR;
	return 0;
}

static bool exec_read(struct emu_qp *qp, const struct wqe_view *v, struct fab_qp *peer)
{
	uint8_t syndrome = check_read(qp, v);
	struct emu_wqe *w;

	if (!syndrome)
		syndrome = check_read_run(qp, peer);
	if (!syndrome && !emu.set.adversarial && !fault_data_armed())
		return rdma_read_batch(qp, v, peer);
	/* The limit on outstanding READs: the oldest has to land first. */
	if (!syndrome && qp->lates >= qp->attr.max_rd_atomic)
		late_land_all(qp, WQE_LATE);
	w = qp_fly_add(qp, v->ctrl);
	w->syndrome = syndrome ? syndrome : rdma_check_read(qp, peer, v);
	if (w->syndrome)
		return true;
	if (emu.set.adversarial)
		late_postpone(qp, w, v);
	if (w->state == WQE_DONE)
		w->syndrome = rdma_read_now(qp, w, v);
	wqe_charge(qp, w, v, 0);
	return true;
}

/*
 * Faults that were asked for, one look for every WQE, however often it has to
 * wait. Returns 0 or the syndrome with which it ends.
 */
static uint8_t inject(struct emu_qp *qp, struct wqe_view *v)
{
	if (!fault_data_armed())
		return 0;
	if (qp->injected_at != qp->executed + 1) {
		qp->injected_at = qp->executed + 1;
		if (fault_hit(FAULT_PORT_DOWN))
			engine_set_port(qp->ctx->dev, true);
		if (fault_hit(FAULT_STALL))
			qp->stalled = true;
		if (fault_hit(FAULT_FREEZE))
			engine_freeze();
		qp->inject_flip = fault_hit(FAULT_FLIP);
		if (fault_hit(FAULT_LOCAL_PROT))
			return MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
		if (fault_hit(FAULT_RETRY))
			return MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR;
		if (fault_hit(FAULT_REMOTE_ACCESS))
			return MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR;
	}
	v->flip = qp->inject_flip;
	return 0;
}

/* A WQE that needs the peer. Returns false if it has to wait. */
static bool exec_remote(struct emu_qp *qp, struct wqe_view *v)
{
	uint8_t syndrome = inject(qp, v);
	struct fab_qp *peer;
	struct emu_wqe *w;

	if (syndrome) {
		qp_fly_add(qp, v->ctrl)->syndrome = syndrome;
		return true;
	}
	if (!wqe_peer(qp, &peer))
		return wait_for_peer(qp, v);
	switch (v->opcode) {
	case MLX5_OPCODE_RDMA_READ:
		/* The peer executes in order: what it has not taken is first. */
		return !qp->acks && exec_read(qp, v, peer);
	case MLX5_OPCODE_RDMA_WRITE:
		if (qp->acks)
			return false;
		w = qp_fly_add(qp, v->ctrl);
		w->syndrome = rdma_write(qp, peer, w, v);
		wqe_charge(qp, w, v, 0);
		return true;
	case MLX5_OPCODE_RDMA_WRITE_IMM:
		if (qp->acks)
			return false;
		break;
	default:
		break;
	}
	w = send_message(qp, peer, v);
	if (w)
		wqe_charge(qp, w, v, 0);
	return w;
}

static bool exec(struct emu_qp *qp, struct wqe_view *v)
{
	uint8_t syndrome = wqe_parse(v);

	late_obey_fence(qp, v);
	if (v->opcode != MLX5_OPCODE_RDMA_READ)
		qp->read_run = 0;
	if (syndrome) {
		qp_fly_add(qp, v->ctrl)->syndrome = syndrome;
		return true;
	}
	switch (v->opcode) {
	case MLX5_OPCODE_NOP:
		wqe_charge(qp, qp_fly_add(qp, v->ctrl), v, 0);
		return true;
	case MLX5_OPCODE_UMR:
		exec_umr(qp, v);
		return true;
	default:
		return exec_remote(qp, v);
	}
}

bool wqe_view_at(struct emu_qp *qp, uint16_t pi, uint8_t *buf, struct wqe_view *v)
{
	const struct mlx5_wqe_ctrl_seg *ctrl = wqe_ctrl(qp, qp->sq_ci);

	if (!check_ring(qp, pi, ctrl))
		return false;
	memset(v, 0, sizeof(*v));
	v->len = (be32toh(ctrl->qpn_ds) & PRM_DS_MASK) * PRM_DS;
	v->wqe = linear(qp, v->len, buf);
	v->ctrl = (const void *)v->wqe;
	v->opcode = (uint8_t)be32toh(ctrl->opmod_idx_opcode);
	v->fence = ctrl->fm_ce_se >> PRM_FM_SHIFT;
	return true;
}

bool wqe_exec_next(struct emu_qp *qp)
{
	uint16_t pi = (uint16_t)be32toh(
		atomic_load_explicit(&qp->dbrec[1], memory_order_acquire));
	uint8_t buf[MAX_WQE] __attribute__((aligned(64)));
	struct wqe_view v;

	if (pi == qp->sq_ci || !qp->sq_cnt) {
		qp->read_run = 0;
		return false;
	}
	if (!wqe_view_at(qp, pi, buf, &v))
		return broken(qp, wqe_ctrl(qp, qp->sq_ci));
	return exec(qp, &v);
}
