/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <string.h>
#include <unistd.h>

#include "emu/engine.h"
#include "emu/fault.h"
#include "emu/log.h"
#include "emu/mkey.h"
#include "emu/rdma.h"

#define MAX_WQE         1024
#define BATCH_PIECES    1000      /* on each side: one system call takes 1024 */
#define BATCH_BYTES     (1 << 20)
#define SCATTER_MAX     32        /* READ data that can come inside a CQE */

/* Lists that are in use only inside one call; the engine's lock guards them. */
static struct sg local, remote;

void rdma_forget(void)
{
	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
}

void rdma_nak(struct emu_qp *qp)
{
	struct fab_qp *peer = fab_qp(qp->shm->peer_qpn);

	/* Assumption: refusing a request moves the responder's QP to ERR, as
	 * the specification says; can be set the other way. */
	if (!emu.set.nak_kills_responder || !peer)
		return;
	atomic_store(&peer->nak, 1);
	fab_kick(peer->proc);
}

uint8_t rdma_syndrome(enum dma_fault fault)
{
	switch (fault) {
	case DMA_OK:
		return 0;
	case DMA_LOCAL:
		/* Assumption: real devices pin memory and never see this. */
		emu_say("local memory of a registered range is not there any more");
		return MLX5_CQE_SYNDROME_LOCAL_PROT_ERR;
	case DMA_REMOTE:
		emu_say("remote memory of a registered range is not there any more");
		return MLX5_CQE_SYNDROME_REMOTE_OP_ERR;
	case DMA_GONE:
		return MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR;
	case DMA_DENIED:
		emu_say("the kernel forbids access to the other process (ptrace rules)");
		return MLX5_CQE_SYNDROME_REMOTE_OP_ERR;
	}
	return MLX5_CQE_SYNDROME_REMOTE_OP_ERR;
}

/* Append the remote pieces of @v. Returns 0 or the syndrome. */
static uint8_t map_remote(struct fab_qp *peer, const struct wqe_view *v, uint8_t need,
			  uint32_t access)
{
	struct map_query q = {
		.key = v->rkey,
		.pdn = peer->pdn,
		.addr = v->raddr,
		.len = v->bytes,
		.need = need,
	};

	if (v->bytes && (!(peer->access & access) || mkey_map(&q, &remote)))
		return MLX5_CQE_SYNDROME_REMOTE_ACCESS_ERR;
	return 0;
}

static uint8_t map_read(struct emu_qp *qp, struct fab_qp *peer, const struct wqe_view *v)
{
	uint8_t syndrome = map_remote(peer, v, KEY_REMOTE_READ, IBV_ACCESS_REMOTE_READ);

	if (syndrome)
		return syndrome;
	return wqe_map_sges(v->sge, v->num_sge, qp->pdn, KEY_LOCAL_WRITE, v->bytes, &local);
}

/* Invert the lowest bit of the first byte that @sg names in process @pid. */
static void flip(pid_t pid, const struct sg *sg)
{
	struct iovec there = { sg->num ? sg->v[0].iov_base : NULL, 1 };
	uint8_t byte;
	struct iovec here = { &byte, 1 };
	struct sg one = { &there, 1, 1, 1 }, mine = { &here, 1, 1, 1 };
	uint64_t done;

	if (!sg->num || dma_read(pid, &mine, &one, &done))
		return;
	byte ^= 1;
	dma_write(pid, &mine, &one, &done);
}

uint8_t rdma_check_read(struct emu_qp *qp, struct fab_qp *peer, const struct wqe_view *v)
{
	sg_reset(&local);
	sg_reset(&remote);
	return map_read(qp, peer, v);
}

/* What of a READ may come inside the CQE instead: as the QP was created. */
static bool wants_scatter(const struct emu_qp *qp, const struct wqe_view *v)
{
	return qp->scatter_cqe && qp->sig_all && v->bytes && v->bytes <= SCATTER_MAX;
}

uint8_t rdma_read_now(struct emu_qp *qp, struct emu_wqe *w, const struct wqe_view *v)
{
	struct iovec cqe = { w->scatter, v->bytes };
	struct sg into_cqe = { &cqe, 1, 1, v->bytes };
	struct fab_qp *peer = fab_qp(qp->shm->peer_qpn);
	uint8_t syndrome;
	uint64_t done;

	w->bytes = (uint32_t)v->bytes;
	if (!peer)
		return MLX5_CQE_SYNDROME_TRANSPORT_RETRY_EXC_ERR;
	syndrome = rdma_check_read(qp, peer, v);
	if (syndrome || !v->bytes)
		return syndrome;
	w->scattered = wants_scatter(qp, v);
	syndrome = rdma_syndrome(dma_read(fab_pid(peer->proc), w->scattered ? &into_cqe : &local,
					  &remote, &done));
	if (v->flip)
		flip(getpid(), &local);
	return syndrome;
}

/* The next WQE, if it is a READ that can go with the batch. */
static bool next_read(struct emu_qp *qp, uint16_t pi, uint8_t *buf, struct wqe_view *v)
{
	const struct mlx5_wqe_ctrl_seg *ctrl = wqe_ctrl(qp, qp->sq_ci);

	if (pi == qp->sq_ci || (uint8_t)be32toh(ctrl->opmod_idx_opcode) != MLX5_OPCODE_RDMA_READ)
		return false;
	/* Whatever is wrong with it is told when it is its turn. */
	if ((be32toh(ctrl->opmod_idx_opcode) >> 8 & 0xffff) != qp->sq_ci)
		return false;
	return wqe_view_at(qp, pi, buf, v) && !wqe_parse(v) &&
	       v->len <= emu.set.max_read_wqe && !wants_scatter(qp, v);
}

static void take(struct emu_qp *qp, const struct wqe_view *v)
{
	struct emu_wqe *w = qp_fly_add(qp, v->ctrl);

	w->bytes = (uint32_t)v->bytes;
	wqe_charge(qp, w, v, 0);
}

/* One copy failed for @num READs together: find out which one is to blame. */
static void read_singly(struct emu_qp *qp, uint32_t num)
{
	uint8_t buf[MAX_WQE] __attribute__((aligned(64)));
	uint16_t end = qp->sq_ci;

	qp->sq_ci = qp->fly[(qp->fly_head - num) & (qp->sq_cnt - 1)].index;
	while (num--) {
		struct emu_wqe *w = &qp->fly[(qp->fly_head - num - 1) & (qp->sq_cnt - 1)];
		struct wqe_view v;

		qp->sq_ci = w->index;
		if (!wqe_view_at(qp, end, buf, &v) || wqe_parse(&v))
			w->syndrome = MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR;
		else
			w->syndrome = rdma_read_now(qp, w, &v);
		if (w->syndrome)
			break;
	}
	qp->sq_ci = end;
}

bool rdma_read_batch(struct emu_qp *qp, const struct wqe_view *v, struct fab_qp *peer)
{
	uint16_t pi = (uint16_t)be32toh(
		atomic_load_explicit(&qp->dbrec[1], memory_order_acquire));
	uint8_t buf[MAX_WQE] __attribute__((aligned(64)));
	uint32_t num = 1;
	enum dma_fault fault = DMA_OK;
	struct wqe_view next;
	uint8_t syndrome;
	uint64_t done;

	syndrome = rdma_check_read(qp, peer, v);
	if (syndrome || wants_scatter(qp, v)) {
		struct emu_wqe *w = qp_fly_add(qp, v->ctrl);

		w->syndrome = syndrome ? syndrome : rdma_read_now(qp, w, v);
		wqe_charge(qp, w, v, 0);
		return true;
	}
	take(qp, v);
	while (num < emu.set.read_batch && local.num < BATCH_PIECES && remote.num < BATCH_PIECES &&
	       local.bytes < BATCH_BYTES &&
	       (qp->attr.max_rd_atomic <= peer->max_dest_rd || qp->read_run < peer->max_dest_rd) &&
	       next_read(qp, pi, buf, &next)) {
		unsigned int ln = local.num, rn = remote.num;
		uint64_t lb = local.bytes, rb = remote.bytes;

		if (map_read(qp, peer, &next)) {
			sg_cut(&local, ln, lb);
			sg_cut(&remote, rn, rb);
			break; /* found again, alone, in the next round */
		}
		take(qp, &next);
		qp->read_run++;
		num++;
	}
	if (remote.bytes)
		fault = dma_read(fab_pid(peer->proc), &local, &remote, &done);
	if (fault && num == 1)
		qp->fly[(qp->fly_head - 1) & (qp->sq_cnt - 1)].syndrome = rdma_syndrome(fault);
	else if (fault)
		read_singly(qp, num);
	return true;
}

uint8_t rdma_write(struct emu_qp *qp, struct fab_qp *peer, struct emu_wqe *w,
		   const struct wqe_view *v)
{
	uint8_t syndrome;
	uint64_t done;

	w->bytes = (uint32_t)v->bytes;
	sg_reset(&local);
	sg_reset(&remote);
	if (v->inl)
		syndrome = sg_add(&local, (uintptr_t)v->inl, v->bytes) ?
				   MLX5_CQE_SYNDROME_LOCAL_QP_OP_ERR : 0;
	else
		syndrome = wqe_map_sges(v->sge, v->num_sge, qp->pdn, KEY_LOCAL_READ, v->bytes,
					&local);
	if (!syndrome)
		syndrome = map_remote(peer, v, KEY_REMOTE_WRITE, IBV_ACCESS_REMOTE_WRITE);
	if (syndrome || !v->bytes)
		return syndrome;
	syndrome = rdma_syndrome(dma_write(fab_pid(peer->proc), &local, &remote, &done));
	if (v->flip)
		flip(fab_pid(peer->proc), &remote);
	return syndrome;
}
