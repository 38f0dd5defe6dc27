/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How the bytes of one operation lie in the peer's memory: in one piece, or each WR's at a
 * stride of its own, as where the peer's memory is scattered, too. A WR reaches one piece.
 *
 *   stride                    stride
 *   |<----------------------->|<----------------------->|
 *   [segments 0..29]    gap   [segments 30..59]   gap   [the rest]
 */
#ifndef RW_RW_REMOTE_H
#define RW_RW_REMOTE_H

#include <stdint.h>

#include "rw/layout.h"

/* More no memory can have; it keeps sums over all operations within 64 bits. */
#define RW_REMOTE_MAX_SPAN (UINT64_C(1) << 40)

struct rw_remote {
	struct rw_layout layout; /* of the initiator's memory */
	uint64_t stride_bytes;   /* 0: all is one piece */
	uint32_t wr_segs;        /* segments of a WR, of all but the last one */
	uint32_t nr_pieces;
};

struct rw_piece {
	uint64_t offset; /* from where the operation begins in the peer's memory */
	uint64_t first;  /* byte of the operation */
	uint64_t bytes;
};

/*
 * The pieces of an operation of @layout, @wr_segs segments (at least 1) in each.
 * Returns 0, or -EINVAL with @err told (RW_EXIT_USAGE): they would overlap, or spread over
 * more than RW_REMOTE_MAX_SPAN.
 */
int rw_remote_init(struct rw_remote *remote, const struct rw_layout *layout, uint64_t stride_bytes,
		   uint32_t wr_segs, struct rw_err *err);

/* Piece @i of nr_pieces. */
struct rw_piece rw_remote_piece(const struct rw_remote *remote, uint32_t i);

/* Bytes from the start of the first to the end of the last piece. */
uint64_t rw_remote_span(const struct rw_remote *remote);

#endif
