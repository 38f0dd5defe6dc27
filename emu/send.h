/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SEND and WRITE with immediate: operations that take a receive WQE of the
 * peer. The sender puts a message into the peer's ring; the peer's own engine
 * takes it, because only it can look at its queues.
 */
#ifndef EMU_SEND_H
#define EMU_SEND_H

#include "emu/wqe.h"

/*
 * Execute @v: put the message into the ring of @peer. Returns its entry, or
 * NULL if the ring is full. A local error is in the entry's syndrome.
 */
struct emu_wqe *send_message(struct emu_qp *qp, struct fab_qp *peer, const struct wqe_view *v);

/* See whether the message of @w was taken, refused, or must be sent again. */
void send_check_ack(struct emu_qp *qp, struct emu_wqe *w);

/* Take the messages to @qp. Returns whether any was taken. */
bool send_inbox(struct emu_qp *qp);

/* Drop the scratch lists (in a forked child they are the parent's). */
void send_forget(void);

#endif
