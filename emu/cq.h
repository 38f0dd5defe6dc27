/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Completion queues: writing CQEs, arming, events. */
#ifndef EMU_CQ_H
#define EMU_CQ_H

#include "emu/emu.h"

/* What a completion says; the fields that the layout of a CQE has. */
struct cq_entry {
	uint8_t opcode;    /* MLX5_CQE_* */
	uint8_t wqe_op;    /* opcode of the WQE */
	uint8_t syndrome;  /* of an error */
	uint8_t vendor;    /* vendor_err of an error */
	bool solicited;
	uint16_t wqe_index;
	uint32_t qpn;
	uint32_t uidx;
	uint32_t bytes;
	uint32_t imm;      /* as it is to stand there, big endian */
	uint32_t src_qpn;
	const void *scatter; /* up to 32 bytes of data to come inside, or NULL */
};

/* Hook the polling functions of the new @cq, and arm nothing yet. */
void cq_start(struct emu_cq *cq);

/* Write a CQE. Returns false when the queue overran: it is dead then. */
bool cq_push(struct emu_cq *cq, const struct cq_entry *e);

/* Look at the arm word and write the event that is due. */
void cq_check_arm(struct emu_cq *cq);

/* The arm words of all CQs with a channel. */
void cq_check_arms(void);

/* Whether any CQ is armed: somebody may be asleep waiting for it. */
bool cq_any_armed(void);

/* Continue in another buffer (resize). Returns 0 or -errno. */
int cq_resize(struct emu_cq *cq, uint8_t *buf, uint32_t log_cqes);

/* Unlink and free. */
void cq_destroy(struct emu_cq *cq);

#endif
