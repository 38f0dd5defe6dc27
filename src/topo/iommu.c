/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/iommu.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/sysfs.h"

static enum rw_iommu_mode mode_of_type(const char *type)
{
	if (!strcmp(type, "identity"))
		return RW_IOMMU_PASSTHROUGH;
	if (!strcmp(type, "DMA") || !strcmp(type, "DMA-FQ"))
		return RW_IOMMU_TRANSLATED;
	return RW_IOMMU_UNKNOWN;
}

static void count_group(struct rw_iommu *iommu, const char *type)
{
	enum rw_iommu_mode mode = mode_of_type(type);

	iommu->groups++;
	iommu->passthrough += mode == RW_IOMMU_PASSTHROUGH;
	iommu->translated += mode == RW_IOMMU_TRANSLATED;
}

static enum rw_iommu_mode mode_of_groups(const struct rw_iommu *iommu)
{
	if (!iommu->groups)
		return RW_IOMMU_NONE;
	if (iommu->passthrough == iommu->groups)
		return RW_IOMMU_PASSTHROUGH;
	if (iommu->translated == iommu->groups)
		return RW_IOMMU_TRANSLATED;
	return iommu->passthrough || iommu->translated ? RW_IOMMU_MIXED : RW_IOMMU_UNKNOWN;
}

void rw_iommu_of_device(const char *device, struct rw_iommu *iommu)
{
	char path[PATH_MAX];

	memset(iommu, 0, sizeof(*iommu));
	snprintf(path, sizeof(path), "%s/class/infiniband/%s", rw_sysfs_root(), device);
	if (access(path, F_OK)) {
		iommu->mode = RW_IOMMU_UNKNOWN;
		return;
	}
	snprintf(path, sizeof(path), "%s/class/infiniband/%s/device/iommu_group", rw_sysfs_root(),
		 device);
	if (!access(path, F_OK)) {
		rw_sysfs_ib(device, "device/iommu_group/type", iommu->type, sizeof(iommu->type));
		count_group(iommu, iommu->type);
	}
	iommu->mode = mode_of_groups(iommu);
}

void rw_iommu_of_host(struct rw_iommu *iommu)
{
	char path[PATH_MAX], type[32];
	struct dirent *entry;
	DIR *dir;

	memset(iommu, 0, sizeof(*iommu));
	snprintf(path, sizeof(path), "%s/kernel/iommu_groups", rw_sysfs_root());
	dir = opendir(path);
	if (!dir) {
		iommu->mode = errno == ENOENT ? RW_IOMMU_NONE : RW_IOMMU_UNKNOWN;
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%s/type", rw_sysfs_root(),
			 entry->d_name);
		rw_sysfs_read(path, type, sizeof(type));
		count_group(iommu, type);
	}
	closedir(dir);
	iommu->mode = mode_of_groups(iommu);
}

const char *rw_iommu_mode_name(enum rw_iommu_mode mode)
{
	static const char *const names[] = {
		[RW_IOMMU_NONE] = "none",
		[RW_IOMMU_PASSTHROUGH] = "passthrough",
		[RW_IOMMU_TRANSLATED] = "translated",
		[RW_IOMMU_MIXED] = "mixed",
		[RW_IOMMU_UNKNOWN] = "unknown",
	};

	return names[mode];
}
