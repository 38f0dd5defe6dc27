/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/placement.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "topo/busy.h"
#include "topo/memory.h"
#include "util/json.h"
#include "util/sysfs.h"

#define WATCH_MS 40 /* some ticks of 10 ms */

/* With its devices, but without asking GPU libraries, which takes seconds, and for the names of PCI
 * devices, which takes longer than all else; "linux" finds both in sysfs. */
static hwloc_topology_t load_topology(struct rw_err *err)
{
	static const char *const slow[] = { "cuda",   "gl",  "levelzero", "nvml",
					    "opencl", "pci", "rsmi" };
	hwloc_topology_t topology;

	if (hwloc_topology_init(&topology)) {
		rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < RW_ARRAY_SIZE(slow); i++)
		hwloc_topology_set_components(
			topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, slow[i]);
	hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
	if (!hwloc_topology_load(topology))
		return topology;
	rw_fail(err, RW_EXIT_RUN, errno ? -errno : -EIO,
		"hwloc cannot read the topology: %s; are HWLOC_XMLFILE and HWLOC_SYNTHETIC right?",
		strerror(errno));
	hwloc_topology_destroy(topology);
	return NULL;
}

/* "0000:3b:00.0", or "" for what hangs on no PCI bus. */
static void find_pci(const char *device, char *buf, size_t len)
{
	char link[PATH_MAX], path[PATH_MAX];
	const char *last;
	ssize_t n;

	buf[0] = '\0';
	snprintf(link, sizeof(link), "%s/class/infiniband/%s/device", rw_sysfs_root(), device);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	last = strrchr(path, '/');
	if (last && strlen(last + 1) < len && strchr(last, ':') && strchr(last, '.'))
		strcpy(buf, last + 1);
}

int rw_placement_join(const struct rw_placement *placement, uint32_t index, struct rw_err *err)
{
	uint32_t pu = placement->place.threads[index].pu;
	size_t bytes = CPU_ALLOC_SIZE(pu + 1);
	cpu_set_t *set;
	int ret = 0;

	if (placement->foreign || index >= placement->place.nr_threads)
		return 0;
	set = CPU_ALLOC(pu + 1);
	if (!set)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	CPU_ZERO_S(bytes, set);
	CPU_SET_S(pu, bytes, set);
	if (sched_setaffinity(0, bytes, set))
		ret = rw_fail(err, RW_EXIT_RUN, -errno,
			      "cannot pin a thread to CPU %u: %s; give --no_pin or other --cores",
			      pu, strerror(errno));
	CPU_FREE(set);
	return ret;
}

bool rw_placement_is_crowded(const struct rw_placement *placement, uint32_t n)
{
	return !placement->place.nr_threads && placement->nr_cpus && n > placement->nr_cpus;
}

static int apply(const struct rw_place_want *want, const struct rw_placement *placement,
		 struct rw_err *err)
{
	const struct rw_place *place = &placement->place;
	int ret = rw_placement_join(placement, 0, err);

	if (ret || place->memory_node < 0)
		return ret;
	ret = rw_memory_prefer(place->memory_node);
	/*
	 * Who asked for a node is not to measure another; else it is a wish. A
	 * kernel without NUMA has but one.
	 */
	if (ret && ret != -ENOSYS && strcmp(want->numa_node, "device"))
		return rw_fail(err, RW_EXIT_RUN, ret,
			       "--numa_node: the kernel takes no memory policy: %s; leave it out, or allow set_mempolicy in this container",
			       strerror(-ret));
	return 0;
}

static int decide(hwloc_topology_t topology, struct rw_place_want *want, hwloc_cpuset_t allowed,
		  struct rw_placement *placement, struct rw_err *err)
{
	uint8_t busy[RW_BUSY_MAX_PUS];

	want->current_pu = -1;
	if (!placement->foreign) {
		want->current_pu = sched_getcpu();
		if (!hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_THREAD)) {
			want->allowed = allowed;
			placement->nr_cpus = (uint32_t)hwloc_bitmap_weight(allowed);
		}
		if (!want->no_pin && hwloc_bitmap_weight(allowed) != 1) {
			want->nr_busy = rw_busy_now(WATCH_MS, busy);
			want->busy = busy;
		}
	}
	return rw_place_decide(topology, want, &placement->place, err);
}

int rw_placement_make(const struct rw_place_want *asked, struct rw_placement *placement,
		      struct rw_err *err)
{
	struct rw_place_want want = *asked;
	hwloc_topology_t topology = load_topology(err);
	hwloc_cpuset_t allowed;
	char pci[32];
	int ret = 0;

	if (!topology)
		return err->error;
	memset(placement, 0, sizeof(*placement));
	placement->foreign = !hwloc_topology_is_thissystem(topology);
	find_pci(want.device, pci, sizeof(pci));
	want.pci = pci;
	allowed = hwloc_bitmap_alloc();
	if (!allowed)
		ret = rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	if (!ret)
		ret = decide(topology, &want, allowed, placement, err);
	if (!ret && !placement->foreign)
		ret = apply(&want, placement, err);
	hwloc_bitmap_free(allowed);
	hwloc_topology_destroy(topology);
	return ret;
}

void rw_placement_warn(struct rw_placement *placement, const char *device, bool is_software,
		       uint32_t silent)
{
	const struct rw_place *place = &placement->place;
	const struct rw_place_thread *thread = &place->threads[0];
	bool pinned = place->nr_threads && !placement->foreign;
	struct rw_warn_facts *facts = &placement->facts;

	rw_warn_gather(device, is_software, pinned ? (int)thread->pu : -1, facts);
	if (pinned) {
		facts->sibling_pu = thread->sibling_pu;
		facts->sibling_busy = thread->sibling_busy;
		facts->thread_node = thread->numa_node;
	}
	facts->device_node = place->device_node;
	facts->memory_node = place->memory_node;
	if (is_software)
		silent |= 1u << RW_WARN_SIBLING | 1u << RW_WARN_NODE | 1u << RW_WARN_MEMORY;
	placement->silent = silent;
	rw_warn_tell(facts, silent, &placement->told);
}

void rw_placement_check(struct rw_placement *placement, const void *base, size_t bytes,
			size_t page_bytes, uint64_t pinned_bytes)
{
	placement->facts.pages_on_node = placement->facts.pages_sampled = 0;
	placement->facts.pinned_bytes = 0;
	rw_placement_check_more(placement, base, bytes, page_bytes, pinned_bytes);
}

void rw_placement_check_more(struct rw_placement *placement, const void *base, size_t bytes,
			     size_t page_bytes, uint64_t pinned_bytes)
{
	uint32_t on_node = 0;
	int n = -1;

	if (!placement->foreign && placement->place.memory_node >= 0)
		n = rw_memory_sample(base, bytes, page_bytes, placement->place.memory_node,
				     &on_node);
	if (n > 0) {
		placement->facts.pages_on_node += on_node;
		placement->facts.pages_sampled += (uint32_t)n;
	}
	placement->facts.pinned_bytes += pinned_bytes;
	rw_warn_tell(&placement->facts, placement->silent, &placement->told);
}

static double share_on_node(const struct rw_placement *placement)
{
	return (double)placement->facts.pages_on_node / placement->facts.pages_sampled;
}

/* For the head of the table. */
static void describe(const struct rw_placement *placement, char *buf, size_t len)
{
	const struct rw_place *place = &placement->place;
	char memory[80] = "memory anywhere";

	if (placement->facts.pages_sampled)
		snprintf(memory, sizeof(memory), "%.4g %% of memory on node %d",
			 100 * share_on_node(placement), place->memory_node);
	else if (place->memory_node >= 0)
		snprintf(memory, sizeof(memory), "memory for node %d, not checked",
			 place->memory_node);
	snprintf(buf, len, "%s; %s%s", place->text, memory,
		 placement->foreign ? " (hwloc shows another host: nothing is done here)" : "");
}

static json_t *number_or_null(int number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static json_t *thread_json(const struct rw_place_thread *thread)
{
	return json_pack("{s:i, s:i, s:o}", "core", (int)thread->core, "pu", (int)thread->pu,
			 "numa_node", number_or_null(thread->numa_node));
}

json_t *rw_placement_json(const struct rw_placement *placement)
{
	const struct rw_place *place = &placement->place;
	json_t *threads = json_array(), *warnings = json_array();
	char text[RW_PLACE_TEXT + 160];

	for (uint32_t i = 0; i < place->nr_threads; i++)
		json_array_append_new(threads, thread_json(&place->threads[i]));
	for (int i = 0; i < RW_NR_WARNINGS; i++)
		if (*placement->told.text[i])
			json_array_append_new(warnings, rw_json_text(placement->told.text[i]));
	describe(placement, text, sizeof(text));
	return json_pack("{s:o, s:b, s:b, s:o, s:o, s:o, s:i, s:o, s:o}", "text", rw_json_text(text),
			 "pinned", place->nr_threads > 0, "applied", !placement->foreign, "threads",
			 threads, "device_numa_node", number_or_null(place->device_node),
			 "memory_numa_node", number_or_null(place->memory_node),
			 "memory_pages_sampled", (int)placement->facts.pages_sampled,
			 "memory_pages_on_node_share",
			 placement->facts.pages_sampled ? json_real(share_on_node(placement)) :
							 json_null(),
			 "warnings", warnings);
}
