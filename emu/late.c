/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "emu/engine.h"
#include "emu/fault.h"
#include "emu/late.h"
#include "emu/mkey.h"
#include "emu/rdma.h"

void late_postpone(struct emu_qp *qp, struct emu_wqe *w, const struct wqe_view *v)
{
	w->copy = malloc(v->len);
	if (!w->copy) /* then it is on time, which is allowed as well */
		return;
	memcpy(w->copy, v->wqe, v->len);
	w->copy_len = v->len;
	w->flip = v->flip;
	/* Never in the drive in which it was executed: other QPs come first. */
	w->due_drive = engine_drives() + 1 + fault_random((uint32_t)emu.set.late_polls);
	w->due = qp->executed + 1 + fault_random((uint32_t)emu.set.late_wqes);
	if (v->opcode == MLX5_OPCODE_UMR) {
		w->state = WQE_LATE_UMR;
		qp->late_umrs++;
	} else {
		w->state = WQE_LATE;
		qp->lates++;
	}
}

static void view_copy(const struct emu_wqe *w, struct wqe_view *v)
{
	memset(v, 0, sizeof(*v));
	v->wqe = w->copy;
	v->ctrl = (const void *)w->copy;
	v->len = w->copy_len;
	v->opcode = w->opcode;
	v->flip = w->flip;
	wqe_parse(v);
}

static void land(struct emu_qp *qp, struct emu_wqe *w)
{
	struct wqe_view v;
	uint32_t fetched;

	view_copy(w, &v);
	if (w->state == WQE_LATE_UMR) {
		qp->late_umrs--;
		w->syndrome = mkey_umr(v.wqe, v.len, qp->pdn, &fetched);
	} else {
		qp->lates--;
		w->syndrome = rdma_read_now(qp, w, &v);
	}
	w->state = WQE_DONE;
}

void late_land_all(struct emu_qp *qp, uint8_t state)
{
	for (uint32_t i = qp->fly_tail; i != qp->fly_head; i++) {
		struct emu_wqe *w = &qp->fly[i & (qp->sq_cnt - 1)];

		if (w->state == state)
			land(qp, w);
	}
}

void late_land_if_due(struct emu_qp *qp, struct emu_wqe *w)
{
	bool more = qp->sq_ci != (uint16_t)be32toh(atomic_load(&qp->dbrec[1]));

	if (engine_drives() < w->due_drive)
		return;
	/* As long as later WQEs can still be executed before it. */
	if (more && (int32_t)(w->due - qp->executed) > 0 && !qp->acks)
		return;
	if (w->state == WQE_LATE)
		late_land_all(qp, WQE_LATE_UMR);
	land(qp, w);
}

void late_obey_fence(struct emu_qp *qp, const struct wqe_view *v)
{
	if (!qp->lates && !qp->late_umrs)
		return;
	if (v->fence == PRM_FM_FENCE || v->fence == PRM_FM_SMALL_AND_FENCE)
		late_land_all(qp, WQE_LATE);
	if (v->fence)
		late_land_all(qp, WQE_LATE_UMR);
}
