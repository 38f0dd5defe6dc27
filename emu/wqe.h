/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Executing send WQEs. */
#ifndef EMU_WQE_H
#define EMU_WQE_H

#include "emu/dma.h"
#include "emu/prm.h"
#include "emu/qp.h"

/* A WQE in one piece, and what its segments say. */
struct wqe_view {
	const uint8_t *wqe;
	const struct mlx5_wqe_ctrl_seg *ctrl;
	uint32_t len;          /* bytes */
	uint8_t opcode;
	uint8_t fence;         /* PRM_FM_* */
	uint64_t raddr;        /* READ and WRITE */
	uint32_t rkey;
	uint64_t bytes;        /* of payload */
	uint32_t num_sge;
	const uint8_t *inl;    /* payload inside the WQE, or NULL */
	const struct mlx5_wqe_data_seg *sge;
	bool flip;             /* fault injection: one bit arrives inverted */
};

static inline uint32_t wqe_blocks(uint32_t ds)
{
	return (ds + 3) / 4;
}

static inline const struct mlx5_wqe_ctrl_seg *wqe_ctrl(const struct emu_qp *qp, uint16_t index)
{
	return (const void *)(qp->sq + (size_t)(index & (qp->sq_cnt - 1)) * PRM_WQE_BB);
}

/*
 * Execute the next WQE of @qp. Returns false if there is none, or it has to
 * wait: for the peer, for an acknowledgement, for room.
 */
bool wqe_exec_next(struct emu_qp *qp);

/*
 * Look at the WQE at sq_ci; @pi is the doorbell counter, @buf (1024 bytes)
 * holds a WQE that wraps. Returns false, after one line on stderr, when it is
 * not one that a library may write.
 */
bool wqe_view_at(struct emu_qp *qp, uint16_t pi, uint8_t *buf, struct wqe_view *v);

/* Fill in what the segments of @v say. Returns 0 or a syndrome. */
uint8_t wqe_parse(struct wqe_view *v);

/* Cost profile: let the device clock of @qp run for @w. */
void wqe_charge(struct emu_qp *qp, struct emu_wqe *w, const struct wqe_view *v, uint32_t fetched);

/*
 * Append the pieces behind the @num SGEs to @sg; they are in the memory of
 * the process that owns @pdn. Stops after @max bytes.
 * Returns 0 or the syndrome of a local error.
 */
uint8_t wqe_map_sges(const struct mlx5_wqe_data_seg *sge, uint32_t num, uint32_t pdn,
		     uint8_t need, uint64_t max, struct sg *sg);

/*
 * Whether the peer of @qp would answer now; its shared part in *@peer_p.
 * While it would not, the transport retry timer of @qp runs.
 */
bool wqe_peer(struct emu_qp *qp, struct fab_qp **peer_p);

/* The same without the timer; and: let the timer run (if it does not yet). */
bool wqe_peer_answers(const struct emu_qp *qp, struct fab_qp **peer_p);
void wqe_peer_silent(struct emu_qp *qp);

#endif
