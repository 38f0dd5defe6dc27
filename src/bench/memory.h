/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What memory the options of a side ask for. */
#ifndef RW_BENCH_MEMORY_H
#define RW_BENCH_MEMORY_H

#include "conf/conf.h"
#include "verbs/arena.h"
#include "verbs/device.h"

/*
 * Memory for all slots of @conf, each of @slot_bytes, on NUMA node @memory_node (-1:
 * anywhere), to be registered on @device for @access and what is optional. Texts stay
 * those of @conf. Returns 0, or -EOPNOTSUPP or -EINVAL, told in @err.
 */
int rw_bench_want_memory(const struct rw_conf *conf, const struct rw_device *device,
			 uint64_t slot_bytes, int memory_node, int access,
			 struct rw_arena_want *want, struct rw_err *err);

#endif
