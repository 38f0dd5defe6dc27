/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/memory.h"

#include "verbs/access.h"

void rw_bench_want_memory(const struct rw_conf *conf, uint64_t slot_bytes, int memory_node,
			  int access, struct rw_arena_want *want)
{
	*want = (struct rw_arena_want){
		.bytes = slot_bytes * rw_conf_slots(conf),
		.mr_bytes = slot_bytes * rw_conf_mr_slots(conf),
		.numa_node = memory_node,
		.pages = conf->use_hugepages ? RW_PAGES_HUGE : RW_PAGES_ANY,
		.access = access | rw_access_optional(conf),
		.file = conf->mmap_file,
		.file_offset = conf->mmap_offset,
	};
}
