/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rdma/ib_user_verbs.h>

#include "emu/channel.h"
#include "emu/cq.h"
#include "emu/engine.h"
#include "emu/log.h"
#include "emu/prm.h"
#include "emu/qp.h"

/* ---- polling */

static struct emu_cq *find(struct ibv_cq *ibcq)
{
	for (struct emu_cq *cq = emu.cqs; cq; cq = cq->next)
		if (cq->user_handle == (uintptr_t)ibcq)
			return cq;
	return NULL;
}

/*
 * The application's own poll drives the device. The real functions are those
 * that libmlx5 put there; one context has one of each kind.
 */
static int (*real_poll_cq)(struct ibv_cq *cq, int num, struct ibv_wc *wc);

static int poll_cq(struct ibv_cq *ibcq, int num, struct ibv_wc *wc)
{
	engine_poll();
	return real_poll_cq(ibcq, num, wc);
}

/*
 * An event is due for what is written after the arming, not for what was there
 * and not polled. The arm word alone does not tell: it has the consumer index.
 * Assumption: a device that goes by that index may send an event more.
 */
static int (*real_req_notify_cq)(struct ibv_cq *cq, int solicited_only);

static int req_notify_cq(struct ibv_cq *ibcq, int solicited_only)
{
	struct emu_cq *cq;
	int ret;

	pthread_mutex_lock(&emu.lock);
	cq = find(ibcq);
	if (cq)
		cq->armed_at = cq->pi;
	ret = real_req_notify_cq(ibcq, solicited_only);
	pthread_mutex_unlock(&emu.lock);
	return ret;
}

static int start_poll(struct ibv_cq_ex *ibcq, struct ibv_poll_cq_attr *attr)
{
	int (*real)(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr) = NULL;
	struct emu_cq *cq;

	pthread_mutex_lock(&emu.lock);
	cq = find((struct ibv_cq *)ibcq);
	if (cq)
		real = cq->start_poll;
	pthread_mutex_unlock(&emu.lock);
	engine_poll();
	return real ? real(ibcq, attr) : ENOENT;
}

void cq_start(struct emu_cq *cq)
{
	struct ibv_cq *ibcq = (struct ibv_cq *)(uintptr_t)cq->user_handle;
	struct ibv_cq_ex *ex = (struct ibv_cq_ex *)ibcq;

	/* Here and not at the open: libibverbs may have been loaded out of
	 * reach of RTLD_NEXT, and mlx5dv_open_device() goes around it. */
	if (ibcq->context->ops.poll_cq != poll_cq) {
		real_poll_cq = ibcq->context->ops.poll_cq;
		ibcq->context->ops.poll_cq = poll_cq;
		real_req_notify_cq = ibcq->context->ops.req_notify_cq;
		ibcq->context->ops.req_notify_cq = req_notify_cq;
	}
	/* libmlx5 fills the extended functions before the command, and zeroes
	 * them in a queue that is not extended. */
	if (ex->start_poll) {
		cq->start_poll = ex->start_poll;
		ex->start_poll = start_poll;
	}
	/* The first arm of all is a zero word, like a queue that was never
	 * armed: put something else there. */
	cq->arm_seen = PRM_ARM_NEVER;
	atomic_store(&cq->dbrec[1], PRM_ARM_NEVER);
}

/* ---- events */

static bool write_event(struct emu_cq *cq)
{
	struct ib_uverbs_comp_event_desc ev = { .cq_handle = cq->user_handle };

	if (!channel_write(cq->channel, &ev, sizeof(ev)))
		return false;
	cq->comp_events++;
	return true;
}

void cq_check_arm(struct emu_cq *cq)
{
	uint32_t word;

	if (!cq->channel)
		return;
	word = atomic_load_explicit(&cq->dbrec[1], memory_order_acquire);
	if (word == cq->arm_seen)
		return;
	if ((int32_t)((be32toh(word) & PRM_ARM_SOLICITED ? cq->solicited : cq->pi) -
		      cq->armed_at) <= 0)
		return;
	if (write_event(cq))
		cq->arm_seen = word;
}

void cq_check_arms(void)
{
	for (struct emu_cq *cq = emu.cqs; cq; cq = cq->next)
		cq_check_arm(cq);
}

bool cq_any_armed(void)
{
	for (struct emu_cq *cq = emu.cqs; cq; cq = cq->next)
		if (cq->channel && atomic_load(&cq->dbrec[1]) != cq->arm_seen)
			return true;
	return false;
}

/* ---- completions */

static struct mlx5_cqe64 *slot(struct emu_cq *cq, uint32_t index)
{
	uint32_t n = index & ((1U << cq->log_cqes) - 1);

	/* In a 128-byte CQE the part that everybody knows is the second half. */
	return (void *)(cq->buf + (size_t)n * cq->cqe_size + cq->cqe_size - 64);
}

static void overrun(struct emu_cq *cq)
{
	emu_say("CQ 0x%x overran: %u entries and none is free", cq->cqn, 1U << cq->log_cqes);
	cq->overrun = true;
	if (engine_async_event(cq->ctx, cq->user_handle, IBV_EVENT_CQ_ERR))
		cq->async_events++;
	qp_cq_failed(cq);
}

/*
 * A 64-byte CQE; an error keeps its syndromes where the timestamp is else:
 *
 *	0    32         36    40       44         48          56            60
 *	|    | uidx     | imm | app    | bytes    | timestamp | op | qpn    | index | sig | op_own
 *	|    | uidx     |                  54: vendor, 55: syndrome         | index |     | op_own
 */
bool cq_push(struct emu_cq *cq, const struct cq_entry *e)
{
	struct mlx5_cqe64 *cqe = slot(cq, cq->pi);
	uint32_t ci = be32toh(atomic_load_explicit(&cq->dbrec[0], memory_order_acquire));
	uint8_t owner = cq->pi >> cq->log_cqes & 1;

	if (cq->overrun)
		return false;
	if (((cq->pi - ci) & PRM_ARM_INDEX) >> cq->log_cqes && !cq->ignore_overrun) {
		overrun(cq);
		return false;
	}
	memset(cqe, 0, offsetof(struct mlx5_cqe64, op_own));
	if (e->scatter)
		memcpy(cqe, e->scatter, e->bytes);
	else
		cqe->flags_rqpn = htobe32(e->src_qpn & 0xffffff);
	cqe->srqn_uidx = htobe32(e->uidx);
	cqe->imm_inval_pkey = e->imm;
	cqe->byte_cnt = htobe32(e->bytes);
	if (cq->timestamps)
		cqe->timestamp = htobe64(emu_now());
	if (e->opcode == MLX5_CQE_REQ_ERR || e->opcode == MLX5_CQE_RESP_ERR) {
		struct mlx5_err_cqe *err = (void *)cqe;

		err->vendor_err_synd = e->vendor;
		err->syndrome = e->syndrome;
	}
	cqe->sop_drop_qpn = htobe32((uint32_t)e->wqe_op << 24 | e->qpn);
	cqe->wqe_counter = htobe16(e->wqe_index);
	/* The owner bit says that all the rest is there. */
	__atomic_store_n(&cqe->op_own,
			 (uint8_t)(e->opcode << 4 | (e->scatter ? PRM_CQE_SCATTER_32 : 0) | owner),
			 __ATOMIC_RELEASE);
	cq->pi++;
	if (e->solicited || e->syndrome)
		cq->solicited = cq->pi;
	cq_check_arm(cq);
	return true;
}

int cq_resize(struct emu_cq *cq, uint8_t *buf, uint32_t log_cqes)
{
	struct cq_entry last = { .opcode = MLX5_CQE_RESIZE_CQ };
	uint32_t ci = be32toh(atomic_load(&cq->dbrec[0]));

	if (((cq->pi - ci) & PRM_ARM_INDEX) > 1U << log_cqes)
		return -EINVAL;
	/* The library copies what is before this entry into the new buffer,
	 * one place further on, because this one takes a place as well. */
	if (!cq_push(cq, &last))
		return -EBUSY;
	cq->buf = buf;
	cq->log_cqes = log_cqes;
	return 0;
}

void cq_destroy(struct emu_cq *cq)
{
	for (struct emu_cq **link = &emu.cqs; *link; link = &(*link)->next) {
		if (*link == cq) {
			*link = cq->next;
			break;
		}
	}
	channel_put(cq->channel);
	free(cq);
}
