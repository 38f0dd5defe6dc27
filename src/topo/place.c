/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topo/node.h"
#include "util/compiler.h"

#define LIST_TEXT 128 /* "0-3,8", cut where it is too long */

/* ---- threads */

static hwloc_obj_t core_of(hwloc_topology_t topology, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);

	/* Where cores are not known, each PU counts as one. */
	return core ? core : pu;
}

static bool is_allowed(const struct rw_place_want *want, hwloc_obj_t pu)
{
	return !want->allowed || hwloc_bitmap_isset(want->allowed, pu->os_index);
}

static int busy_of(const struct rw_place_want *want, unsigned int pu)
{
	return want->busy && pu < want->nr_busy ? want->busy[pu] : -1;
}

static int node_of(hwloc_obj_t pu)
{
	return pu->nodeset ? hwloc_bitmap_first(pu->nodeset) : -1;
}

/* All PUs of the core share its units: it is as busy as the busiest. */
static int core_busy(const struct rw_place_want *want, hwloc_obj_t core)
{
	unsigned int pu;
	int most = 0;

	hwloc_bitmap_foreach_begin(pu, core->cpuset)
		most = rw_max(most, busy_of(want, pu));
	hwloc_bitmap_foreach_end();
	return most;
}

static bool is_taken(const struct rw_place *place, hwloc_obj_t core)
{
	for (uint32_t i = 0; i < place->nr_threads; i++)
		if (place->threads[i].core == core->logical_index)
			return true;
	return false;
}

static void take(hwloc_topology_t topology, const struct rw_place_want *want, hwloc_obj_t pu,
		 struct rw_place *place)
{
	hwloc_obj_t core = core_of(topology, pu);
	struct rw_place_thread *thread = &place->threads[place->nr_threads++];
	unsigned int other;

	*thread = (struct rw_place_thread){
		.pu = pu->os_index,
		.core = core->logical_index,
		.numa_node = node_of(pu),
		.sibling_pu = -1,
		.sibling_busy = -1,
	};
	hwloc_bitmap_foreach_begin(other, core->cpuset)
		if (other != pu->os_index &&
		    (thread->sibling_pu < 0 || busy_of(want, other) > thread->sibling_busy)) {
			thread->sibling_pu = (int)other;
			thread->sibling_busy = busy_of(want, other);
		}
	hwloc_bitmap_foreach_end();
}

/* One item of a list, "8" or "0-3". Returns its length, or 0: it is none. */
static size_t parse_range(const char *text, unsigned long *first_p, unsigned long *last_p)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return 0;
	*first_p = *last_p = strtoul(text, &end, 10);
	if (*end == '-') {
		if (!isdigit((unsigned char)end[1]))
			return 0;
		*last_p = strtoul(end + 1, &end, 10);
	}
	if ((*end && *end != ',') || *last_p < *first_p || *last_p > UINT16_MAX)
		return 0;
	return (size_t)(end - text);
}

static int usable_pu(hwloc_topology_t topology, const struct rw_place_want *want,
		     unsigned long number, hwloc_obj_t *pu_p, struct rw_err *err)
{
	hwloc_const_cpuset_t all = hwloc_topology_get_topology_cpuset(topology);
	char list[LIST_TEXT];

	*pu_p = hwloc_get_pu_obj_by_os_index(topology, (unsigned int)number);
	if (*pu_p && is_allowed(want, *pu_p))
		return 0;
	hwloc_bitmap_list_snprintf(list, sizeof(list), want->allowed ? want->allowed : all);
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--cores: CPU %lu is not there, or this process may not run on it; give some of %s",
		       number, list);
}

/* The next PUs of the list whose cores are free. All of it is checked. */
static int take_from_list(hwloc_topology_t topology, const struct rw_place_want *want,
			  struct rw_place *place, struct rw_err *err)
{
	const char *text = want->cores;

	for (;; text++) {
		unsigned long first, last;
		size_t len = parse_range(text, &first, &last);

		if (!len)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--cores: '%s' is no list of CPUs; give one such as 0-3,8",
				       want->cores);
		for (; first <= last; first++) {
			hwloc_obj_t pu;
			int ret = usable_pu(topology, want, first, &pu, err);

			if (ret)
				return ret;
			if (place->nr_threads < want->nr_threads &&
			    !is_taken(place, core_of(topology, pu)))
				take(topology, want, pu, place);
		}
		text += len;
		if (!*text)
			break;
	}
	if (place->nr_threads == want->nr_threads)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--cores: %s has %u cores for %u measuring threads (hyper-threads of one core count once); give more, or --no_pin",
		       want->cores, place->nr_threads, want->nr_threads);
}

/* Smaller is better, in this order. */
struct rank {
	uint64_t distance;
	int busy;
	bool elsewhere;
};

static struct rank rank_of(hwloc_topology_t topology, const struct rw_place_want *want,
			   int device_node, hwloc_obj_t pu)
{
	return (struct rank){
		.distance = rw_node_distance(topology, device_node, node_of(pu)),
		.busy = core_busy(want, core_of(topology, pu)),
		.elsewhere = want->current_pu != (int)pu->os_index,
	};
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	if (a->distance != b->distance)
		return a->distance < b->distance;
	if (a->busy != b->busy)
		return a->busy < b->busy;
	return a->elsewhere < b->elsewhere;
}

static int take_best(hwloc_topology_t topology, const struct rw_place_want *want,
		     struct rw_place *place, struct rw_err *err)
{
	while (place->nr_threads < want->nr_threads) {
		hwloc_obj_t pu = NULL, best = NULL;
		struct rank best_rank = { 0 };

		while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu))) {
			struct rank rank;

			if (!is_allowed(want, pu) || is_taken(place, core_of(topology, pu)))
				continue;
			rank = rank_of(topology, want, place->device_node, pu);
			if (best && !is_better(&rank, &best_rank))
				continue;
			best = pu;
			best_rank = rank;
		}
		if (!best)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "%u measuring threads are more than the %u cores that this process may use; lower --threads or give --no_pin",
				       want->nr_threads, place->nr_threads);
		take(topology, want, best, place);
	}
	return 0;
}

/* ---- memory */

static int place_memory(hwloc_topology_t topology, const struct rw_place_want *want,
			struct rw_place *place, struct rw_err *err)
{
	int near = place->device_node;
	int node;

	if (near < 0 && place->nr_threads)
		near = place->threads[0].numa_node;
	if (!strcmp(want->numa_node, "device"))
		node = near;
	else if (!strcmp(want->numa_node, "far"))
		node = rw_node_farthest(topology, near, err);
	else
		node = rw_node_named(topology, want->numa_node, err);
	if (node < -1)
		return node;
	place->memory_node = node;
	return 0;
}

/* ---- words */

static void describe(const struct rw_place_want *want, struct rw_place *place)
{
	const struct rw_place_thread *first = &place->threads[0];
	char *text = place->text;
	int used;

	if (!place->nr_threads) {
		snprintf(text, RW_PLACE_TEXT, "not pinned");
		return;
	}
	if (place->nr_threads == 1)
		used = snprintf(text, RW_PLACE_TEXT, "core %u (PU %u)", first->core, first->pu);
	else
		used = snprintf(text, RW_PLACE_TEXT, "%u cores from %u (PU %u) on",
				place->nr_threads, first->core, first->pu);
	if (first->numa_node >= 0)
		used += snprintf(text + used, RW_PLACE_TEXT - (size_t)used, ", NUMA node %d",
				 first->numa_node);
	if (place->device_node < 0)
		return;
	if (place->device_node == first->numa_node)
		snprintf(text + used, RW_PLACE_TEXT - (size_t)used, ", as %s", want->device);
	else
		snprintf(text + used, RW_PLACE_TEXT - (size_t)used, "; %s is on node %d",
			 want->device, place->device_node);
}

int rw_place_decide(hwloc_topology_t topology, const struct rw_place_want *want,
		    struct rw_place *place, struct rw_err *err)
{
	struct rw_place decided = {
		.device_node = rw_node_of_device(topology, want->device, want->pci,
						 want->device_node),
	};
	int ret = 0;

	if (want->nr_threads > RW_PLACE_MAX_THREADS)
		ret = rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			      "%u measuring threads are more than the %d that can be pinned; lower --threads",
			      want->nr_threads, RW_PLACE_MAX_THREADS);
	else if (!want->no_pin && *want->cores)
		ret = take_from_list(topology, want, &decided, err);
	else if (!want->no_pin)
		ret = take_best(topology, want, &decided, err);
	if (!ret)
		ret = place_memory(topology, want, &decided, err);
	if (ret)
		return ret;
	describe(want, &decided);
	*place = decided;
	return 0;
}
