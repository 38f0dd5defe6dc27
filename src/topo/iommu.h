/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether an IOMMU translates what devices read and write. Under passthrough,
 * or without one, DMA mapping hands every page to the device as it is, and the
 * kernel's users see one entry a page; under translation it may make pages
 * contiguous (iommu_dma_map_sg), and they see fewer.
 */
#ifndef RW_TOPO_IOMMU_H
#define RW_TOPO_IOMMU_H

#include <stdint.h>

enum rw_iommu_mode {
	RW_IOMMU_NONE,        /* in no group: no IOMMU, as passthrough */
	RW_IOMMU_PASSTHROUGH, /* "identity" */
	RW_IOMMU_TRANSLATED,  /* "DMA", "DMA-FQ" */
	RW_IOMMU_MIXED,       /* of a host: some groups so, some so */
	RW_IOMMU_UNKNOWN,     /* another type (VFIO's), or a kernel that does not tell */
};

struct rw_iommu {
	enum rw_iommu_mode mode;
	char type[32];        /* of a device: what its group's type file says; else "" */
	uint32_t groups;      /* of a host; of a device 0 or 1 */
	uint32_t passthrough; /* of these */
	uint32_t translated;
};

/*
 * The group of RDMA device @device: /sys/class/infiniband/DEVICE/device/
 * iommu_group/type, of the kernel's Documentation/ABI sysfs-kernel-iommu_groups.
 * SYSFS_PATH replaces /sys in both functions.
 */
void rw_iommu_of_device(const char *device, struct rw_iommu *iommu);

/* All groups of this host: /sys/kernel/iommu_groups. */
void rw_iommu_of_host(struct rw_iommu *iommu);

/* "none", "passthrough", "translated", "mixed", "unknown" */
const char *rw_iommu_mode_name(enum rw_iommu_mode mode);

#endif
