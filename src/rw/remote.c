/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/remote.h"

#include <errno.h>
#include <inttypes.h>

int rw_remote_init(struct rw_remote *remote, const struct rw_layout *layout, uint64_t stride_bytes,
		   uint32_t wr_segs, struct rw_err *err)
{
	struct rw_piece first;

	*remote = (struct rw_remote){
		.layout = *layout,
		.stride_bytes = stride_bytes,
		.wr_segs = stride_bytes ? rw_min(wr_segs, layout->nr_segs) : layout->nr_segs,
	};
	remote->nr_pieces = rw_div_ceil(layout->nr_segs, remote->wr_segs);
	/* No other is longer. */
	first = rw_remote_piece(remote, 0);
	if (remote->nr_pieces > 1 && stride_bytes < first.bytes)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--remote_sge_stride: one WR moves %" PRIu64
			       " bytes (%u segments), and the next would begin after %" PRIu64
			       ": they would overlap; give at least %" PRIu64,
			       first.bytes, remote->wr_segs, stride_bytes, first.bytes);
	if (rw_remote_span(remote) <= RW_REMOTE_MAX_SPAN)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--remote_sge_stride: one operation spreads over %" PRIu64
		       " GiB of the peer's memory; lower it, or --sges",
		       rw_remote_span(remote) >> 30);
}

/* Bytes of the segments before @i. */
static uint64_t bytes_before(const struct rw_layout *layout, uint64_t i)
{
	uint64_t nr_full = layout->nr_segs - layout->nr_short;

	return i <= nr_full ? i * layout->seg_bytes :
			      nr_full * layout->seg_bytes + (i - nr_full) * layout->short_bytes;
}

struct rw_piece rw_remote_piece(const struct rw_remote *remote, uint32_t i)
{
	uint64_t seg = (uint64_t)i * remote->wr_segs;
	uint64_t end = rw_min(seg + remote->wr_segs, (uint64_t)remote->layout.nr_segs);
	uint64_t first = bytes_before(&remote->layout, seg);

	return (struct rw_piece){
		.offset = i * remote->stride_bytes,
		.first = first,
		.bytes = bytes_before(&remote->layout, end) - first,
	};
}

uint64_t rw_remote_span(const struct rw_remote *remote)
{
	struct rw_piece last = rw_remote_piece(remote, remote->nr_pieces - 1);

	return last.offset + last.bytes;
}
