/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A queue pair as its owner sees it: where its rings are, how far they were
 * executed, and what was executed and not completed yet.
 */
#ifndef EMU_QP_H
#define EMU_QP_H

#include <rdma/ib_user_verbs.h>

#include "emu/cq.h"
#include "emu/emu.h"

struct mlx5_wqe_ctrl_seg;

enum wqe_state {
	WQE_DONE,     /* completes as soon as its turn and its time come */
	WQE_WAIT_ACK, /* a message is on its way to the peer */
	WQE_LATE,     /* adversarial: a READ whose data did not land yet */
	WQE_LATE_UMR, /* adversarial: a UMR that did not take effect yet */
};

/* A WQE between execution and completion. */
struct emu_wqe {
	uint16_t index;
	uint8_t opcode;
	uint8_t state;     /* enum wqe_state */
	bool signaled;
	bool flip;         /* fault injection, of a late READ */
	uint8_t syndrome;  /* 0: success */
	uint32_t bytes;
	uint32_t msg;      /* WQE_WAIT_ACK: index in the peer's ring */
	uint32_t seq;      /* likewise: number among our own messages */
	uint32_t peer_epoch;
	uint32_t due;      /* WQE_LATE*: executed WQEs at which it lands at last */
	uint64_t due_drive; /* WQE_LATE*: and not before this drive */
	uint64_t done_at;  /* cost profile: when the device is through with it */
	uint8_t *copy;     /* WQE_LATE*: the WQE, linear */
	uint32_t copy_len;
	uint8_t scatter[32]; /* READ data to go into the CQE */
	bool scattered;
};

struct emu_qp {
	struct emu_ctx *ctx;
	struct fab_qp *shm;
	uint32_t qpn, uidx, pdn;
	uint64_t user_handle;
	struct emu_cq *send_cq, *recv_cq;
	uint8_t *sq, *rq;
	uint32_t sq_cnt, rq_cnt, rq_shift;
	_Atomic uint32_t *dbrec; /* [0] receive, [1] send counter; big endian */
	uint16_t sq_ci, rq_ci;
	struct ib_uverbs_qp_cap cap;
	bool sig_all, scatter_cqe;
	struct ib_uverbs_modify_qp attr; /* as modify_qp left them */
	int32_t peer_dev;  /* who answers to the address handle; -1: nobody */
	struct emu_wqe *fly; /* ring of sq_cnt entries */
	uint32_t fly_head, fly_tail;
	uint32_t acks, lates, late_umrs; /* entries in these states */
	uint32_t send_seq; /* messages sent in this QP's whole life */
	uint32_t executed;
	uint32_t read_run; /* READs executed in a row without a pause */
	uint64_t retry_until; /* transport retry: gives up then; 0: all well */
	uint64_t rnr_until;   /* waits to send the oldest message again */
	uint64_t alive_at;    /* when the peer's process was looked at */
	bool peer_dead;
	uint8_t rnr_left;
	uint64_t clock;       /* cost profile: busy until */
	bool stalled;         /* by a fault: what is executed next takes so much longer */
	uint64_t hold_until;  /* adversarial: drive number */
	uint32_t async_events;
	uint32_t injected_at; /* fault injection: WQE that was looked at */
	bool inject_flip;
};

static inline uint32_t qp_state(const struct emu_qp *qp)
{
	return atomic_load_explicit(&qp->shm->state, memory_order_acquire);
}

/* Add to the engine's table. Returns 0 or -ENOMEM. */
int qp_link(struct emu_qp *qp);

/* Forget all that was posted (move to RESET). */
void qp_reset(struct emu_qp *qp);

/* Free all of it, shared part included. */
void qp_destroy(struct emu_qp *qp);

/* Whether a QP uses protection domain @pdn. */
bool qp_uses_pd(uint32_t pdn);

/* Move to ERR and flush: every WQE not completed gets its error completion. */
void qp_fail(struct emu_qp *qp);

/* Flush what was posted since, in state ERR. Returns whether there was any. */
bool qp_flush(struct emu_qp *qp);

/* A CQ overran: all its QPs fail, with an event each. */
void qp_cq_failed(struct emu_cq *cq);

/*
 * Take the WQE at sq_ci: it is executed from here on, and sq_ci moves on.
 * Returns its entry in the ring of executed WQEs, in state WQE_DONE.
 */
struct emu_wqe *qp_fly_add(struct emu_qp *qp, const struct mlx5_wqe_ctrl_seg *ctrl);

/*
 * Complete, in order, what is ready. Returns whether anything moved.
 */
bool qp_complete(struct emu_qp *qp);

/* Complete @w with @syndrome; the QP fails. */
void qp_complete_error(struct emu_qp *qp, struct emu_wqe *w, uint8_t syndrome);

#endif
