/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * NUMA nodes of a topology, by the numbers that the kernel gives them: how far they
 * are from each other, which one a device is next to, which one an option names.
 */
#ifndef RW_TOPO_NODE_H
#define RW_TOPO_NODE_H

#include <hwloc.h>
#include <stdint.h>

#include "util/err.h"

/*
 * How far node @b is from node @a: larger is farther, and nothing else. It is what firmware
 * says; without a matrix of its, how high in the tree both meet. 0: one of them is not there.
 */
uint64_t rw_node_distance(hwloc_topology_t topology, int a, int b);

/*
 * The NUMA node next to a device: that of hwloc's OpenFabrics device, of the
 * PCI device, or @sysfs_node if the topology has it. -1: unknown, which a
 * device near to all nodes is, too.
 */
int rw_node_of_device(hwloc_topology_t topology, const char *device, const char *pci,
		      int sysfs_node);

/*
 * What --numa_node asks for: of the nodes with memory the one that is farthest from @from
 * (-1: unknown), or the one whose number @text is. Returns the node, or -EINVAL, told in
 * @err (RW_EXIT_USAGE).
 */
int rw_node_farthest(hwloc_topology_t topology, int from, struct rw_err *err);
int rw_node_named(hwloc_topology_t topology, const char *text, struct rw_err *err);

#endif
