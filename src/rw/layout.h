/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How the bytes of one operation lie in local memory: a number of segments,
 * each starting at a multiple of the stride.
 *
 *   stride                stride
 *   |<------------------->|<------------------->|
 *   [segment 0]    gap    [segment 1]    gap    [segment 2, may be shorter]
 */
#ifndef RW_RW_LAYOUT_H
#define RW_RW_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

#define RW_PAGE_BYTES    4096u
#define RW_SEGMENT_BYTES 4096u /* default of --segment: a DMA entry of one page */
#define RW_MAX_SEGMENTS  65536u

struct rw_layout {
	uint64_t size_bytes;
	uint64_t stride_bytes;
	uint32_t nr_segs;
	uint32_t seg_bytes;  /* of every segment but the last nr_short ones */
	uint32_t nr_short;   /* segments at the end that are shorter ... */
	uint32_t short_bytes; /* ... and have this many bytes */
};

/*
 * Lay @size_bytes out. Each of @sges, @segment_bytes and @stride_bytes may be
 * UINT64_MAX for "not given":
 *  - segment only (or neither: 4096): as many segments as needed, the last
 *    one holds the rest;
 *  - sges only: lengths that differ by one byte at the most;
 *  - both: sges - 1 full segments and a last one of 1 to segment bytes.
 * The default stride is the segment in whole pages and one page more, so that
 * no two segments are contiguous and each begins on a page.
 * Returns 0 or -EINVAL with @err told (RW_EXIT_USAGE).
 */
int rw_layout_init(struct rw_layout *layout, uint64_t size_bytes, uint64_t sges,
		   uint64_t segment_bytes, uint64_t stride_bytes, struct rw_err *err);

/* Bytes of segment @i. */
static inline uint32_t rw_layout_length(const struct rw_layout *layout, uint32_t i)
{
	return i < layout->nr_segs - layout->nr_short ? layout->seg_bytes : layout->short_bytes;
}

/* Bytes from the start of the first to the end of the last segment. */
uint64_t rw_layout_span(const struct rw_layout *layout);

/*
 * Can the segments be mapped side by side, page by page? Only the last one may
 * end inside a page, and all must begin on one.
 */
bool rw_layout_is_whole_pages(const struct rw_layout *layout);

#endif
