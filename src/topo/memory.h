/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * On which NUMA node pages are to lie, and where they do. Nodes are preferred,
 * not demanded (MPOL_PREFERRED): where one is short of memory or huge pages the
 * kernel takes another's, which the sample then shows.
 */
#ifndef RW_TOPO_MEMORY_H
#define RW_TOPO_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define RW_MEMORY_SAMPLE 256 /* pages, at the most */

/*
 * What this thread allocates from now on, libraries' queues and lists included.
 * Returns 0 or -errno: -ENOSYS (no NUMA), -EPERM (a container forbids it), -EINVAL.
 */
int rw_memory_prefer(int node);

/* The pages of @base, before they are touched. As rw_memory_prefer. */
int rw_memory_prefer_at(void *base, size_t bytes, int node);

/*
 * Touch pages spread over @base and ask the kernel where they are (move_pages).
 * @on_node_p: how many lie on @node. Returns how many were asked about, at
 * least 1, or -errno.
 */
int rw_memory_sample(const void *base, size_t bytes, size_t page_bytes, int node,
		     uint32_t *on_node_p);

#endif
