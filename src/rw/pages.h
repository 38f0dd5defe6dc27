/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whether segments can be one list of pages, and how long it is. */
#ifndef RW_RW_PAGES_H
#define RW_RW_PAGES_H

#include <stdint.h>

#include "rw/ctx.h"

/*
 * Map segs[0..nr_segs) to one list of at most @max_pages pages of @page_size
 * bytes (a power of two). Only the first may start and only the last may end
 * within a page, unless neighbours are contiguous.
 * Returns the number of pages, or -EINVAL: a gap, or too many. ib_sg_to_pages.
 */
int rw_pages_count(const struct rw_seg *segs, uint32_t nr_segs, uint32_t page_size,
		   uint32_t max_pages);

#endif
