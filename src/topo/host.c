/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/host.h"

#include <hwloc.h>
#include <inttypes.h>
#include <limits.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util/json.h"
#include "util/sysfs.h"

static void add_text(json_t *obj, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(obj, key, rw_json_text(text));
}

/* "Dell Inc. PowerEdge R760", of the firmware's tables (DMI), or of a device tree. */
static void add_product(json_t *obj, hwloc_obj_t root)
{
	const char *vendor = hwloc_obj_get_info_by_name(root, "DMISysVendor");
	const char *product = hwloc_obj_get_info_by_name(root, "DMIProductName");
	char text[256];

	if (!product)
		product = hwloc_obj_get_info_by_name(root, "PlatformModel");
	snprintf(text, sizeof(text), "%s%s%s", vendor ? vendor : "", vendor && product ? " " : "",
		 product ? product : "");
	add_text(obj, "product", text);
}

static void add_topology(json_t *obj)
{
	hwloc_topology_t topology;

	if (hwloc_topology_init(&topology))
		return;
	if (!hwloc_topology_load(topology)) {
		hwloc_obj_t root = hwloc_get_root_obj(topology);
		const char *model = hwloc_obj_get_info_by_name(root, "CPUModel");
		hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);

		if (!model && package)
			model = hwloc_obj_get_info_by_name(package, "CPUModel");
		add_product(obj, root);
		add_text(obj, "cpu_model", model);
		json_object_set_new(
			obj, "packages",
			json_integer(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE)));
		json_object_set_new(
			obj, "cores",
			json_integer(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE)));
		json_object_set_new(
			obj, "threads",
			json_integer(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU)));
	}
	hwloc_topology_destroy(topology);
}

uint64_t rw_host_memory_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_bytes = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || page_bytes <= 0)
		return UINT64_MAX;
	return (uint64_t)pages * (uint64_t)page_bytes;
}

uint64_t rw_host_memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = UINT64_MAX;
	char line[128];

	while (file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "MemAvailable: %" SCNu64, &kib) != 1)
		;
	if (file)
		fclose(file);
	return kib == UINT64_MAX ? kib : kib << 10;
}

const char *rw_host_governor(const char *sysfs, int pu, char *buf, size_t len)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu%d/cpufreq/scaling_governor", sysfs,
		 pu);
	rw_sysfs_read(path, buf, len);
	return buf;
}

json_t *rw_host_facts(void)
{
	json_t *obj = json_object();
	struct rlimit memlock;
	struct utsname uts;
	char text[2048];

	if (!obj)
		return NULL;
	if (!uname(&uts)) {
		add_text(obj, "hostname", uts.nodename);
		add_text(obj, "kernel", uts.release);
		add_text(obj, "machine", uts.machine);
	}
	add_topology(obj);
	json_object_set_new(obj, "memory_bytes", json_integer((json_int_t)rw_host_memory_bytes()));
	json_object_set_new(obj, "numa_nodes",
			    json_integer(numa_available() < 0 ? 1 : numa_num_configured_nodes()));
	add_text(obj, "governor", rw_host_governor("/sys", 0, text, sizeof(text)));
	if (!getrlimit(RLIMIT_MEMLOCK, &memlock))
		json_object_set_new(obj, "memlock_bytes",
				    memlock.rlim_cur == RLIM_INFINITY ?
					    json_string("unlimited") :
					    json_integer((json_int_t)memlock.rlim_cur));
	rw_sysfs_read("/proc/cmdline", text, sizeof(text));
	add_text(obj, "kernel_command_line", text);
	return obj;
}
