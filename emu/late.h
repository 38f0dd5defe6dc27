/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Adversarial mode: what a device may do late, it does late. A READ is checked
 * when it is executed, and its data lands (through the keys as they are then)
 * after later WQEs; a UMR that registers takes effect when somebody has to see
 * it; an invalidation takes effect at once.
 */
#ifndef EMU_LATE_H
#define EMU_LATE_H

#include "emu/wqe.h"

/* Keep a copy of @v in @w, to be executed later. */
void late_postpone(struct emu_qp *qp, struct emu_wqe *w, const struct wqe_view *v);

/* Let everything in @state (WQE_LATE, WQE_LATE_UMR) land, in order. */
void late_land_all(struct emu_qp *qp, uint8_t state);

/* Let @w, the oldest WQE of @qp, land if its time has come. */
void late_land_if_due(struct emu_qp *qp, struct emu_wqe *w);

/* Let land what the fence of @v waits for. */
void late_obey_fence(struct emu_qp *qp, const struct wqe_view *v);

#endif
