/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Pages, and the data of verified runs in them: as src/util/pattern.h. */
#ifndef RWB_MEMORY_H
#define RWB_MEMORY_H

#include "rw_bench.h"

/* The bytes that begin at @position. */
void rwb_pattern_fill(void *buf, size_t len, u64 seed, u64 position);
/* How many bytes of @buf are wrong. */
size_t rwb_pattern_check(const void *buf, size_t len, u64 seed, u64 position);

/*
 * A scatterlist of @size bytes in segments of @segment bytes, each in pages of
 * its own, a power of two of them. NULL: no memory.
 */
struct scatterlist *rwb_sg_alloc(size_t size, size_t segment, unsigned int *n_p);
/* The bytes of its pages. */
u64 rwb_sg_bytes(size_t size, size_t segment);
void rwb_sg_free(struct scatterlist *sg, unsigned int n);

/*
 * What a server shows a client: slots of whole pages in MRs, which allow READs or
 * WRITEs, never both. A piece is one MR and the slots in it.
 */
#define RWB_MAX_PIECES 64

struct rwb_piece {
	struct ib_mr *mr;
	struct ib_reg_wr reg;
	struct scatterlist *sg;
	u32 pages;
	u32 slots;
	int mapped; /* entries of sg that the device has */
};

struct rwb_memory {
	u32 op, slots, slot_bytes, slot_pages;
	u64 seed;
	u32 pieces;
	struct rwb_piece piece[RWB_MAX_PIECES];
};

/* All from a peer: checked against @limit_bytes (-EMSGSIZE) and the device (-E2BIG). */
int rwb_memory_open(struct ib_pd *pd, u32 op, u32 slots, u32 slot_bytes, u64 seed, u64 limit_bytes,
		    struct rwb_memory **memory_p);
void rwb_memory_close(struct rwb_memory *memory);
/* Bytes of the slots in @written that are not as they should be. */
u64 rwb_memory_check(const struct rwb_memory *memory, const unsigned long *written);

#endif
