/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Placement on hosts that are not there. tests/topo/four_nodes.xml: two
 * packages, four NUMA nodes of two cores, core c with the PUs c and c + 8;
 * mlx5_0 (0000:3b:00.0) at node 1, mlx5_1 at no node. By its matrix node 2 is the
 * farthest from node 1, and node 3 from node 0.
 */
#include "unit.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "topo/node.h"
#include "topo/place.h"

static hwloc_topology_t load(const char *synthetic)
{
	const char *top = getenv("RW_SRCDIR");
	hwloc_topology_t topology;
	char path[1024];

	snprintf(path, sizeof(path), "%s/tests/topo/four_nodes.xml", top ? top : ".");
	assert_int_equal(hwloc_topology_init(&topology), 0);
	assert_int_equal(hwloc_topology_set_io_types_filter(topology,
							    HWLOC_TYPE_FILTER_KEEP_IMPORTANT),
			 0);
	if (synthetic)
		assert_int_equal(hwloc_topology_set_synthetic(topology, synthetic), 0);
	else
		assert_int_equal(hwloc_topology_set_xml(topology, path), 0);
	assert_int_equal(hwloc_topology_load(topology), 0);
	return topology;
}

/* As nothing given on the command line. */
static struct rw_place_want plain(void)
{
	return (struct rw_place_want){
		.device = "mlx5_0",
		.pci = "",
		.device_node = -1,
		.cores = "",
		.numa_node = "device",
		.nr_threads = 1,
		.current_pu = -1,
	};
}

static void decide(hwloc_topology_t topology, const struct rw_place_want *want,
		   struct rw_place *place)
{
	struct rw_err err = { 0 };

	if (rw_place_decide(topology, want, place, &err))
		fail_msg("%s", err.text);
	assert_int_equal(err.exit_code, RW_EXIT_OK);
	assert_int_equal(place->nr_threads, want->no_pin ? 0 : want->nr_threads);
}

static void refuse(hwloc_topology_t topology, const struct rw_place_want *want, const char *words)
{
	struct rw_place place = { .memory_node = 77 };
	struct rw_err err = { 0 };

	assert_int_equal(rw_place_decide(topology, want, &place, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, words);
	assert_int_equal(place.memory_node, 77);
}

static void test_device_node(void **state)
{
	hwloc_topology_t topology = load(NULL);

	/* the name, the address, sysfs; what hwloc knows counts first */
	assert_int_equal(rw_node_of_device(topology, "mlx5_0", "", 3), 1);
	assert_int_equal(rw_node_of_device(topology, "other", "0000:3b:00.0", 3), 1);
	assert_int_equal(rw_node_of_device(topology, "other", "0000:3c:00.0", 3), 3);
	assert_int_equal(rw_node_of_device(topology, "other", "", -1), -1);
	/* next to all nodes: hwloc does not know */
	assert_int_equal(rw_node_of_device(topology, "mlx5_1", "", 2), 2);
	assert_int_equal(rw_node_of_device(topology, "mlx5_1", "", -1), -1);
	/* a node that this host does not have */
	assert_int_equal(rw_node_of_device(topology, "other", "", 4), -1);
	hwloc_topology_destroy(topology);
}

static void test_default(void **state)
{
	hwloc_topology_t topology = load(NULL);
	struct rw_place_want want = plain();
	struct rw_place place;

	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].core, 2);
	assert_int_equal(place.threads[0].pu, 2);
	assert_int_equal(place.threads[0].sibling_pu, 10);
	assert_int_equal(place.threads[0].sibling_busy, -1);
	assert_int_equal(place.device_node, 1);
	assert_int_equal(place.memory_node, 1);
	assert_string_equal(place.text, "core 2 (PU 2), NUMA node 1, as mlx5_0");

	/* where it runs already, if that is as near */
	want.current_pu = 11;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 11);
	assert_int_equal(place.threads[0].core, 3);
	want.current_pu = 4;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 2);

	/* nothing is known of the device: memory follows the thread */
	want.device = "mlx5_1";
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 4);
	assert_int_equal(place.device_node, -1);
	assert_int_equal(place.memory_node, 2);
	assert_string_equal(place.text, "core 4 (PU 4), NUMA node 2");
	hwloc_topology_destroy(topology);
}

/* The thread keeps off busy cores, and off those with a busy hyper-thread. */
static void test_busy(void **state)
{
	hwloc_topology_t topology = load(NULL);
	struct rw_place_want want = plain();
	uint8_t busy[16] = { 0 };
	struct rw_place place;

	want.busy = busy;
	want.nr_busy = RW_ARRAY_SIZE(busy);
	want.current_pu = 2;
	busy[10] = 60;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 3);
	assert_int_equal(place.threads[0].sibling_busy, 0);
	/* both cores busy: the less busy one, and never another node's */
	busy[3] = 90;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 2);
	assert_int_equal(place.threads[0].sibling_pu, 10);
	assert_int_equal(place.threads[0].sibling_busy, 60);
	/* not all PUs were seen */
	want.nr_busy = 4;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].sibling_busy, -1);
	hwloc_topology_destroy(topology);
}

/* Whatever number of threads: a core each, the device's node first, then the nearest. */
static void test_threads(void **state)
{
	static const int nodes[8] = { 1, 1, 0, 0, 3, 3, 2, 2 };
	hwloc_topology_t topology = load(NULL);
	struct rw_place_want want = plain();
	struct rw_place place;

	for (want.nr_threads = 1; want.nr_threads <= 8; want.nr_threads++) {
		uint32_t cores = 0;

		decide(topology, &want, &place);
		for (uint32_t i = 0; i < want.nr_threads; i++) {
			assert_int_equal(place.threads[i].pu % 8, place.threads[i].core);
			assert_false(cores >> place.threads[i].core & 1);
			cores |= 1u << place.threads[i].core;
			assert_int_equal(place.threads[i].numa_node, nodes[i]);
		}
	}
	assert_string_equal(place.text, "8 cores from 2 (PU 2) on, NUMA node 1, as mlx5_0");
	want.nr_threads = 9;
	refuse(topology, &want, "9 measuring threads are more than the 8 cores");
	want.nr_threads = RW_PLACE_MAX_THREADS + 1;
	refuse(topology, &want, "can be pinned");
	want.nr_threads = 9;
	want.no_pin = true;
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 1);
	assert_string_equal(place.text, "not pinned");
	hwloc_topology_destroy(topology);
}

static void test_allowed(void **state)
{
	hwloc_topology_t topology = load(NULL);
	hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
	struct rw_place_want want = plain();
	struct rw_place place;

	want.allowed = allowed;
	/* of node 1 only one hyper-thread */
	hwloc_bitmap_list_sscanf(allowed, "0,4,11");
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 11);
	/* nothing of it: the nearest, and memory stays at the device */
	hwloc_bitmap_list_sscanf(allowed, "4,0,12");
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 0);
	assert_int_equal(place.memory_node, 1);
	assert_string_equal(place.text, "core 0 (PU 0), NUMA node 0; mlx5_0 is on node 1");
	/* 4 and 12 are one core */
	want.nr_threads = 3;
	refuse(topology, &want, "more than the 2 cores");
	want.nr_threads = 1;
	want.cores = "4,5";
	refuse(topology, &want, "CPU 5 is not there, or this process may not run on it; give some of 0,4,12");
	want.cores = "12";
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 12);
	hwloc_bitmap_free(allowed);
	hwloc_topology_destroy(topology);
}

static void test_list(void **state)
{
	static const char *const bad[] = { ",",	 "0,", ",0",  "1-",   "-1",   "3-1", "a", "0 ",
					   " 0", "0x1", "0--3", "1-2-3", "0;1", "99999999999999999999", "+1" };
	hwloc_topology_t topology = load(NULL);
	struct rw_place_want want = plain();
	struct rw_place place;

	/* in the order that was typed */
	want.cores = "6,0-3";
	want.nr_threads = 3;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 6);
	assert_int_equal(place.threads[1].pu, 0);
	assert_int_equal(place.threads[2].pu, 1);
	assert_int_equal(place.memory_node, 1);
	assert_string_equal(place.text, "3 cores from 6 (PU 6) on, NUMA node 3; mlx5_0 is on node 1");
	/* a hyper-thread of a core in use is passed over, or there is nothing left */
	want.cores = "0,8,9,1,2";
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].pu, 0);
	assert_int_equal(place.threads[1].pu, 9);
	assert_int_equal(place.threads[2].pu, 2);
	want.cores = "0,8,0,9,1";
	refuse(topology, &want, "has 2 cores for 3 measuring threads");
	want.nr_threads = 1;
	want.cores = "0-16";
	refuse(topology, &want, "CPU 16 is not there");
	for (size_t i = 0; i < RW_ARRAY_SIZE(bad); i++) {
		want.cores = bad[i];
		refuse(topology, &want, "is no list of CPUs");
	}
	hwloc_topology_destroy(topology);
}

static void test_memory(void **state)
{
	static const char *const bad[] = { "4", "-1", "near", "", "1 ", "18446744073709551615" };
	hwloc_topology_t topology = load(NULL);
	struct rw_place_want want = plain();
	struct rw_place place;

	want.numa_node = "far";
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 2);
	assert_int_equal(place.threads[0].numa_node, 1);
	want.device = "other";
	want.device_node = 0;
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 3);
	/* far from where the thread is, if nothing is known of the device */
	want.device_node = -1;
	want.cores = "4";
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 1);
	want.cores = "";
	want.no_pin = true;
	refuse(topology, &want, "NUMA node is unknown; give a number");
	want.numa_node = "device";
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, -1);
	want.numa_node = "3";
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 3);
	for (size_t i = 0; i < RW_ARRAY_SIZE(bad); i++) {
		want.numa_node = bad[i];
		refuse(topology, &want, "--numa_node: ");
	}
	want.numa_node = "4";
	refuse(topology, &want, "give one of 0-3");
	hwloc_topology_destroy(topology);
}

/* Without a matrix another package is farther than another node of this one. */
static void test_synthetic(void **state)
{
	hwloc_topology_t topology = load("pack:2 numa:2 core:2 pu:2");
	struct rw_place_want want = plain();
	struct rw_place place;

	want.device_node = 3;
	want.nr_threads = 8;
	decide(topology, &want, &place);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(place.threads[i].sibling_pu, place.threads[i].pu + 1);
		assert_int_equal(place.threads[i].numa_node, i < 2 ? 3 : i < 4 ? 2 : i < 6 ? 0 : 1);
	}
	want.numa_node = "far";
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 0);
	want.device_node = 1;
	decide(topology, &want, &place);
	assert_int_equal(place.memory_node, 2);
	hwloc_topology_destroy(topology);
}

/* No hyper-threads, one node, a device of a node that is not there, no cores known. */
static void test_small(void **state)
{
	hwloc_topology_t topology = load("numa:1 core:2 pu:1");
	struct rw_place_want want = plain();
	struct rw_place place;

	want.device_node = 1;
	decide(topology, &want, &place);
	assert_int_equal(place.threads[0].sibling_pu, -1);
	assert_int_equal(place.device_node, -1);
	assert_int_equal(place.memory_node, 0);
	want.numa_node = "far";
	refuse(topology, &want, "no other NUMA node");
	hwloc_topology_destroy(topology);

	topology = load("numa:2 pu:2");
	want = plain();
	want.nr_threads = 4;
	want.device_node = 1;
	decide(topology, &want, &place);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(place.threads[i].pu, (i + 2) % 4);
	hwloc_topology_destroy(topology);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_node), cmocka_unit_test(test_default),
		cmocka_unit_test(test_busy),	    cmocka_unit_test(test_threads),
		cmocka_unit_test(test_allowed),	    cmocka_unit_test(test_list),
		cmocka_unit_test(test_memory),	    cmocka_unit_test(test_synthetic),
		cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
