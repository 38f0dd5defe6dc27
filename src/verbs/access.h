/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Access flags that all memory of a run is registered with. */
#ifndef RW_VERBS_ACCESS_H
#define RW_VERBS_ACCESS_H

#include <infiniband/verbs.h>

#include "conf/conf.h"

/*
 * Relaxed ordering on PCIe, unless it is not wanted: kernel users of mlx5 have it
 * (mlx5_ib_get_dma_mr adds it), and so has perftest. An optional flag: kernels and
 * devices that do not know it leave it out without a word.
 */
static inline int rw_access_optional(const struct rw_conf *conf)
{
	return conf->no_relaxed_ordering ? 0 : IBV_ACCESS_RELAXED_ORDERING;
}

#endif
