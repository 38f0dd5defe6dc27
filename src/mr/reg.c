/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Engine reg: ibv_reg_mr before and ibv_dereg_mr after each operation, over a
 * window that shows the segments side by side. Works on any device; its cost
 * is that of two system calls with pinning, not that of a fast registration.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mr/engine.h"

static int reg_check(const struct rw_device *device, const struct rw_layout *layout,
		     struct rw_err *err)
{
	if (rw_layout_is_whole_pages(layout))
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
		       "engine reg maps segments page by page: %u segments of %u bytes at a stride of %" PRIu64
		       " are not whole pages of %u; choose multiples, or give --path=direct",
		       layout->nr_segs, layout->seg_bytes, layout->stride_bytes, RW_PAGE_BYTES);
}

static void reg_fill_attrs(struct rw_attrs *attrs)
{
	attrs->page_size = RW_PAGE_BYTES;
	attrs->page_list = false;
	attrs->zero_based = false;
	attrs->invalidate = false;
	attrs->rotate_key = false;
	attrs->reg_wqes = 0;
}

/*
 * The MR is known by the window's own addresses (rw_io.mr_addr): siw takes no
 * others, it passes the iova of ibv_reg_mr_iova over (siw_reg_user_mr).
 */
static int reg_reg(struct ibv_pd *pd, const struct rw_wr *wr, int access, struct rw_err *err)
{
	struct ibv_mr *mr;
	int ret;

	access |= IBV_ACCESS_LOCAL_WRITE | (wr->remote_write ? IBV_ACCESS_REMOTE_WRITE : 0);
	errno = 0;
	mr = ibv_reg_mr(pd, (void *)(uintptr_t)wr->iova, wr->length, access);
	if (!mr) {
		ret = errno ? -errno : -ENOMEM;
		return rw_fail(err, RW_EXIT_DEVICE, ret,
			       "cannot register %u bytes for one operation: %s; lower --contexts or --mr_pool, or raise the locked memory limit (ulimit -l)",
			       wr->length, strerror(-ret));
	}
	wr->mr->priv = mr;
	wr->mr->key = mr->lkey;
	return 0;
}

static int reg_unreg(struct rw_mr *mr, struct rw_err *err)
{
	int ret = ibv_dereg_mr(mr->priv);

	mr->priv = NULL;
	if (ret)
		return rw_fail(err, RW_EXIT_DEVICE, -ret, "cannot deregister MR %u: %s", mr->index,
			       strerror(ret));
	return 0;
}

const struct rw_engine rw_engine_reg = {
	.name = "reg",
	.summary = "ibv_reg_mr and ibv_dereg_mr per operation, any device",
	.needs_window = true,
	.max_entries = RW_MAX_SEGMENTS,
	.check = reg_check,
	.fill_attrs = reg_fill_attrs,
	.reg = reg_reg,
	.unreg = reg_unreg,
};
