/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One-sided operations: the peer's memory is reached without the peer. */
#ifndef EMU_RDMA_H
#define EMU_RDMA_H

#include "emu/wqe.h"

/* The peer refused: it has to know, its QP fails as well. */
void rdma_nak(struct emu_qp *qp);

/*
 * Execute the READ @v and the READs behind it, up to the setting read_batch,
 * with one copy for all: they are still executed one after the other, so the
 * limit on outstanding ones does not end a batch. Always takes at least @v.
 */
bool rdma_read_batch(struct emu_qp *qp, const struct wqe_view *v, struct fab_qp *peer);

/* Copy the data of one READ now. Returns 0 or the syndrome. */
uint8_t rdma_read_now(struct emu_qp *qp, struct emu_wqe *w, const struct wqe_view *v);

/* Check the keys on both sides without copying. Returns 0 or the syndrome. */
uint8_t rdma_check_read(struct emu_qp *qp, struct fab_qp *peer, const struct wqe_view *v);

/* Copy the data of a WRITE. Returns 0 or the syndrome. */
uint8_t rdma_write(struct emu_qp *qp, struct fab_qp *peer, struct emu_wqe *w,
		   const struct wqe_view *v);

/* Turn the result of a copy into a syndrome. */
uint8_t rdma_syndrome(enum dma_fault fault);

/* Drop the scratch lists (in a forked child they are the parent's). */
void rdma_forget(void);

#endif
