/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What this host says of what spoils figures. */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "topo/host.h"
#include "topo/warn.h"
#include "util/compiler.h"
#include "util/sysfs.h"

/* The kernel does not count what this process locks (ib_umem_get). */
static bool may_lock_all(void)
{
	unsigned long long caps = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	fclose(f);
	return caps >> CAP_IPC_LOCK & 1;
}

static uint64_t memlock_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    may_lock_all())
		return UINT64_MAX;
	return limit.rlim_cur;
}

/* "16.0 GT/s PCIe"; "Unknown" and what is not there count as 0. */
static double link_number(const char *device, const char *file)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "device/%s", file);
	if (rw_sysfs_ib(device, path, text, sizeof(text)))
		return 0;
	return strtod(text, NULL);
}

/* 255 lanes is what the kernel says of a link that it cannot read. */
static int link_lanes(const char *device, const char *file)
{
	double lanes = link_number(device, file);

	return lanes >= 1 && lanes <= 32 ? (int)lanes : 0;
}

void rw_warn_gather(const char *device, bool is_software, int pu, struct rw_warn_facts *facts)
{
	*facts = (struct rw_warn_facts){
		.device = device,
		.pu = pu,
		.sibling_pu = -1,
		.sibling_busy = -1,
		.thread_node = -1,
		.device_node = -1,
		.memory_node = -1,
		.iommu.mode = RW_IOMMU_UNKNOWN,
		.memlock_bytes = memlock_limit(),
	};
	rw_host_governor(rw_sysfs_root(), rw_max(pu, 0), facts->governor, sizeof(facts->governor));
	if (is_software)
		return;
	facts->link_gts = link_number(device, "current_link_speed");
	facts->max_link_gts = link_number(device, "max_link_speed");
	facts->link_width = link_lanes(device, "current_link_width");
	facts->max_link_width = link_lanes(device, "max_link_width");
	rw_iommu_of_device(device, &facts->iommu);
}
