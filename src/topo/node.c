/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/node.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "util/units.h"

#define LIST_TEXT 128 /* "0-3,8", cut where it is too long */

static hwloc_obj_t node_obj(hwloc_topology_t topology, int node)
{
	return node < 0 ? NULL : hwloc_get_numanode_obj_by_os_index(topology, (unsigned int)node);
}

/* Of memory and devices: where they hang in the tree. */
static hwloc_obj_t normal_ancestor(hwloc_obj_t obj)
{
	while (obj->depth < 0)
		obj = obj->parent;
	return obj;
}

/* What firmware says of two nodes. Returns false: it says nothing. */
static bool matrix_distance(hwloc_topology_t topology, hwloc_obj_t a, hwloc_obj_t b,
			    uint64_t *distance_p)
{
	struct hwloc_distances_s *matrix;
	hwloc_uint64_t there, back;
	unsigned int nr = 1;
	bool known;

	if (hwloc_distances_get_by_type(topology, HWLOC_OBJ_NUMANODE, &nr, &matrix,
					HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) ||
	    !nr)
		return false;
	known = !hwloc_distances_obj_pair_values(matrix, a, b, &there, &back);
	if (known)
		*distance_p = there;
	hwloc_distances_release(topology, matrix);
	return known;
}

uint64_t rw_node_distance(hwloc_topology_t topology, int a, int b)
{
	hwloc_obj_t from = node_obj(topology, a), to = node_obj(topology, b);
	uint64_t distance;
	hwloc_obj_t meet;

	if (!from || !to || from == to)
		return 0;
	if (matrix_distance(topology, from, to, &distance))
		return distance;
	meet = hwloc_get_common_ancestor_obj(topology, normal_ancestor(from), normal_ancestor(to));
	return (uint64_t)(hwloc_topology_get_depth(topology) - meet->depth);
}

static hwloc_obj_t find_openfabrics(hwloc_topology_t topology, const char *name)
{
	hwloc_obj_t os = NULL;

	while ((os = hwloc_get_next_osdev(topology, os)))
		if (os->attr->osdev.type == HWLOC_OBJ_OSDEV_OPENFABRICS && os->name &&
		    !strcmp(os->name, name))
			return os;
	return NULL;
}

int rw_node_of_device(hwloc_topology_t topology, const char *device, const char *pci,
		      int sysfs_node)
{
	hwloc_obj_t io = find_openfabrics(topology, device);

	if (!io && *pci)
		io = hwloc_get_pcidev_by_busidstring(topology, pci);
	if (io) {
		hwloc_obj_t near = hwloc_get_non_io_ancestor_obj(topology, io);

		if (near->nodeset && hwloc_bitmap_weight(near->nodeset) == 1)
			return hwloc_bitmap_first(near->nodeset);
	}
	return node_obj(topology, sysfs_node) ? sysfs_node : -1;
}

int rw_node_farthest(hwloc_topology_t topology, int from, struct rw_err *err)
{
	hwloc_obj_t node = NULL;
	uint64_t most = 0;
	int found = -1;

	if (from < 0)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--numa_node=far: the device's NUMA node is unknown; give a number");
	while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node))) {
		uint64_t distance = rw_node_distance(topology, from, (int)node->os_index);

		if ((int)node->os_index == from || !node->attr->numanode.local_memory)
			continue;
		if (found >= 0 && distance <= most)
			continue;
		found = (int)node->os_index;
		most = distance;
	}
	if (found < 0)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--numa_node=far: this host has no other NUMA node with memory; leave it out");
	return found;
}

int rw_node_named(hwloc_topology_t topology, const char *text, struct rw_err *err)
{
	hwloc_const_nodeset_t all = hwloc_topology_get_topology_nodeset(topology);
	char list[LIST_TEXT];
	uint64_t node;

	if (rw_parse_u64(text, 0, &node))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--numa_node: '%s' is no NUMA node; give its number, device or far",
			       text);
	if (node <= INT_MAX && node_obj(topology, (int)node))
		return (int)node;
	hwloc_bitmap_list_snprintf(list, sizeof(list), all);
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--numa_node: node %s is not there, or this process may not use it; give one of %s",
		       text, list);
}
