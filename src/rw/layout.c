/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/layout.h"

#include <errno.h>
#include <inttypes.h>

#define NOT_GIVEN UINT64_MAX

static int spread_evenly(struct rw_layout *layout, uint64_t sges, struct rw_err *err)
{
	uint64_t rest = layout->size_bytes % sges;

	if (sges > RW_MAX_SEGMENTS)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--sges: %" PRIu64 " segments are more than %u; lower --sges", sges,
			       RW_MAX_SEGMENTS);
	if (sges > layout->size_bytes)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--sges: %" PRIu64 " bytes cannot fill %" PRIu64
			       " segments; lower --sges or raise --size",
			       layout->size_bytes, sges);
	layout->nr_segs = (uint32_t)sges;
	layout->short_bytes = (uint32_t)(layout->size_bytes / sges);
	layout->nr_short = rest ? (uint32_t)(sges - rest) : 0;
	layout->seg_bytes = layout->short_bytes + (rest ? 1 : 0);
	return 0;
}

static int fill_segments(struct rw_layout *layout, uint64_t sges, uint64_t segment,
			 struct rw_err *err)
{
	uint64_t size = layout->size_bytes;
	uint64_t needed = rw_div_ceil(size, segment);

	if (sges != NOT_GIVEN && sges != needed)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "%" PRIu64 " segments of %" PRIu64 " bytes do not make %" PRIu64
			       " bytes; give --sges=%" PRIu64 ", or leave --sges or --segment out",
			       sges, segment, size, needed);
	if (needed > RW_MAX_SEGMENTS)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--segment: %" PRIu64 " bytes in segments of %" PRIu64
			       " are %" PRIu64 " segments, more than %u; raise --segment",
			       size, segment, needed, RW_MAX_SEGMENTS);
	layout->nr_segs = (uint32_t)needed;
	layout->seg_bytes = (uint32_t)rw_min(segment, size);
	layout->nr_short = size % segment && needed > 1 ? 1 : 0;
	layout->short_bytes = layout->nr_short ? (uint32_t)(size % segment) : layout->seg_bytes;
	return 0;
}

int rw_layout_init(struct rw_layout *layout, uint64_t size_bytes, uint64_t sges,
		   uint64_t segment_bytes, uint64_t stride_bytes, struct rw_err *err)
{
	uint64_t pages;
	int ret;

	layout->size_bytes = size_bytes;
	if (sges != NOT_GIVEN && segment_bytes == NOT_GIVEN)
		ret = spread_evenly(layout, sges, err);
	else
		ret = fill_segments(layout, sges,
				    segment_bytes == NOT_GIVEN ? RW_SEGMENT_BYTES : segment_bytes,
				    err);
	if (ret)
		return ret;

	pages = rw_div_ceil(layout->seg_bytes, RW_PAGE_BYTES);
	layout->stride_bytes =
		stride_bytes == NOT_GIVEN ? (pages + 1) * RW_PAGE_BYTES : stride_bytes;
	if (layout->stride_bytes < layout->seg_bytes)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--segment_stride: %" PRIu64
			       " bytes are less than a segment of %u; segments would overlap",
			       layout->stride_bytes, layout->seg_bytes);
	return 0;
}

uint64_t rw_layout_span(const struct rw_layout *layout)
{
	return (layout->nr_segs - 1) * layout->stride_bytes +
	       rw_layout_length(layout, layout->nr_segs - 1);
}

bool rw_layout_is_whole_pages(const struct rw_layout *layout)
{
	if (layout->nr_segs == 1)
		return true;
	return layout->seg_bytes % RW_PAGE_BYTES == 0 &&
	       layout->stride_bytes % RW_PAGE_BYTES == 0 && layout->nr_short <= 1;
}
