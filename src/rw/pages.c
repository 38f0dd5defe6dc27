/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/pages.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>

int rw_pages_count(const struct rw_seg *segs, uint32_t nr_segs, uint32_t page_size,
		   uint32_t max_pages)
{
	uint64_t offset_mask = page_size - 1;
	uint64_t nr_pages = 0;
	uint64_t prev_end = 0;

	for (uint32_t i = 0; i < nr_segs; i++) {
		uint64_t end = segs[i].addr + segs[i].length;
		uint64_t first = segs[i].addr & ~offset_mask;
		uint64_t span = end - first;

		/*
		 * A border within a page: the page before it is listed already,
		 * and it only holds this segment too if the two touch. Two
		 * borders on page boundaries never need to touch.
		 */
		if (i && ((prev_end | segs[i].addr) & offset_mask)) {
			if (segs[i].addr != prev_end)
				return -EINVAL;
			span = span > page_size ? span - page_size : 0;
		}
		nr_pages += (span + offset_mask) / page_size;
		if (nr_pages > max_pages || nr_pages > INT_MAX)
			return -EINVAL;
		prev_end = end;
	}
	return (int)nr_pages;
}
