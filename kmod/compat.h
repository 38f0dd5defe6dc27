/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What differs between the kernels that the module is for: 6.1 to mainline. */
#ifndef RWB_COMPAT_H
#define RWB_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "rw_bench needs Linux 6.1 or later"
#endif

/*
 * rdma_rw_ctx.type: the names are private to drivers/infiniband/core/rw.c. Kernels
 * may add others behind these.
 */
enum rwb_path_type {
	RWB_PATH_SINGLE = 0,
	RWB_PATH_MULTI = 1,
	RWB_PATH_MR = 2,
	RWB_PATHS
};

#endif
