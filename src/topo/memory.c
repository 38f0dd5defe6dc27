/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/memory.h"

#include <errno.h>
#include <limits.h>
#include <numaif.h>

#include "util/compiler.h"

#define BITS      (sizeof(unsigned long) * CHAR_BIT)
#define MAX_NODES 1024 /* CONFIG_NODES_SHIFT is 10 at the most */

struct mask {
	unsigned long word[MAX_NODES / BITS];
};

static int mask_of(int node, struct mask *mask)
{
	if (node < 0 || node >= MAX_NODES)
		return -EINVAL;
	*mask = (struct mask){ 0 };
	mask->word[(size_t)node / BITS] = 1ul << (size_t)node % BITS;
	return 0;
}

/* The kernel takes one bit less than it is told. */
#define MASK_BITS (MAX_NODES + 1)

int rw_memory_prefer(int node)
{
	struct mask mask;
	int ret = mask_of(node, &mask);

	if (ret)
		return ret;
	return set_mempolicy(MPOL_PREFERRED, mask.word, MASK_BITS) ? -errno : 0;
}

int rw_memory_prefer_at(void *base, size_t bytes, int node)
{
	struct mask mask;
	int ret = mask_of(node, &mask);

	if (ret)
		return ret;
	return mbind(base, bytes, MPOL_PREFERRED, mask.word, MASK_BITS, 0) ? -errno : 0;
}

int rw_memory_sample(const void *base, size_t bytes, size_t page_bytes, int node,
		     uint32_t *on_node_p)
{
	size_t pages = rw_div_ceil(bytes, page_bytes);
	size_t n = rw_min(pages, (size_t)RW_MEMORY_SAMPLE);
	const void *at[RW_MEMORY_SAMPLE];
	int status[RW_MEMORY_SAMPLE];
	uint32_t on_node = 0;
	int known = 0;

	for (size_t i = 0; i < n; i++) {
		at[i] = (const char *)base + i * pages / n * page_bytes;
		(void)*(const volatile char *)at[i];
	}
	/* It only asks where no nodes are given, and writes nothing to the pages. */
	if (move_pages(0, n, (void **)(uintptr_t)at, NULL, status, 0))
		return -errno;
	for (size_t i = 0; i < n; i++) {
		known += status[i] >= 0;
		on_node += status[i] == node;
	}
	*on_node_p = on_node;
	return known ? known : -ENOENT;
}
