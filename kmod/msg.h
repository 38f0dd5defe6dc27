/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The conversation of a QP's two sides, one message after the other:
 *
 *	client			server
 *	HELLO	------------>		what it is going to do
 *		<------------	MEMORY	where, or why not (status)
 *	(READs, WRITEs)
 *	DONE	------------>		which slots were written
 *		<------------	VERDICT	bytes that are wrong
 */
#ifndef RWB_MSG_H
#define RWB_MSG_H

#include "memory.h"

#define RWB_MAGIC 0x72776232 /* rwb2 */

enum rwb_kind { RWB_HELLO = 1, RWB_MEMORY, RWB_DONE, RWB_VERDICT };

struct rwb_msg {
	__le32 magic;
	__le32 kind;
	union {
		struct {
			__le32 op, slots, slot_bytes, reserved;
			__le64 seed;
		} hello;
		struct {
			__le32 status; /* an errno, 0: fine */
			__le32 pieces;
			__le32 stride; /* from a slot of a piece to the next, in bytes */
			__le32 reserved;
			struct {
				__le64 addr;
				__le32 rkey, slots;
			} piece[RWB_MAX_PIECES];
		} memory;
		struct {
			__le64 written[RWB_MAX_CONTEXTS / 64];
		} done;
		struct {
			__le64 corrupt_bytes;
		} verdict;
	};
};

int rwb_msg_open(struct rwb_conn *conn);
void rwb_msg_close(struct rwb_conn *conn);
/* Let the peer's next message come to conn->rx. */
int rwb_msg_expect(struct rwb_conn *conn);
/* Send conn->tx, behind the work requests of @before (its first), if there are any. */
int rwb_msg_send(struct rwb_conn *conn, enum rwb_kind kind, struct ib_send_wr *before,
		 struct ib_send_wr *before_last);
/*
 * Ask whether the peer is there, by a WRITE of no bytes: no software of it is asked. -errno:
 * it is not.
 */
int rwb_msg_probe(struct rwb_conn *conn);
/* Wait for a message of this kind: then conn->rx.msg has it. */
int rwb_msg_wait(struct rwb_conn *conn, enum rwb_kind kind, unsigned int ms);

#endif
