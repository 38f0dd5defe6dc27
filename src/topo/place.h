/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where measuring threads run and where their memory lies. A decision on a
 * topology, and nothing else: nothing of this host is read, nothing is bound.
 *
 * A PU is one hardware thread, by the number that the kernel, taskset and
 * --cores give it; a core is counted by hwloc, over the whole host.
 */
#ifndef RW_TOPO_PLACE_H
#define RW_TOPO_PLACE_H

#include <hwloc.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

#define RW_PLACE_MAX_THREADS 256
#define RW_PLACE_TEXT        160

/* What is asked, and what is known of device and process. */
struct rw_place_want {
	const char *device;    /* its name, that of hwloc's OpenFabrics device, too */
	const char *pci;       /* its PCI address, or "" */
	int device_node;       /* its NUMA node in sysfs; -1: unknown */
	const char *cores;     /* PUs to choose from, in this order: "0-3,8"; "": all */
	const char *numa_node; /* of memory: "device", "far" or a number */
	bool no_pin;
	uint32_t nr_threads;
	hwloc_const_cpuset_t allowed; /* where the process may run; NULL: everywhere */
	const uint8_t *busy;          /* of PU i: how busy it was just now, percent; or NULL */
	uint32_t nr_busy;
	int current_pu; /* where the thread runs; -1: unknown */
};

struct rw_place_thread {
	uint32_t pu;
	uint32_t core;
	int numa_node;    /* -1: the topology has none */
	int sibling_pu;   /* the busiest other PU of the core; -1: there is none */
	int sibling_busy; /* percent; -1: unknown */
};

struct rw_place {
	uint32_t nr_threads; /* 0: not pinned */
	struct rw_place_thread threads[RW_PLACE_MAX_THREADS];
	int device_node; /* -1: unknown, or not on this host */
	int memory_node; /* -1: anywhere */
	char text[RW_PLACE_TEXT]; /* "core 4 (PU 8), NUMA node 1, as mlx5_0" */
};

/*
 * Decide. Each thread gets a core of its own, never a hyper-thread sibling of
 * another's: of those that @want allows the nearest to the device, then the
 * least busy, then the present one; or the next of @want->cores. Memory goes to
 * the device's node; where that is unknown to the first thread's; for "far"
 * to the node that is most distant from it.
 * Returns 0, or -EINVAL with @err told (RW_EXIT_USAGE): a PU or node that is not
 * there or not allowed, too few cores, no other node.
 */
int rw_place_decide(hwloc_topology_t topology, const struct rw_place_want *want,
		    struct rw_place *place, struct rw_err *err);

#endif
