/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What spoils figures: facts, and what is to be said of them. Each warning is
 * one line that says what is wrong and what to do, and is told once.
 */
#ifndef RW_TOPO_WARN_H
#define RW_TOPO_WARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topo/iommu.h"

#define RW_WARN_TEXT 256

/* A hyper-thread that was busy for less of the time is at rest: percent. */
#define RW_WARN_SIBLING_BUSY 20

enum rw_warning {
	RW_WARN_GOVERNOR, /* the frequency of the core changes */
	RW_WARN_SIBLING,  /* somebody works on a hyper-thread of the measuring core */
	RW_WARN_NODE,     /* the thread is far from the device */
	RW_WARN_MEMORY,   /* buffers are not on the node they were to be on */
	RW_WARN_LINK,     /* PCIe: slower or narrower than the device can */
	RW_WARN_IOMMU,    /* translates the device's DMA */
	RW_WARN_MEMLOCK,  /* registrations will exceed the limit of locked memory */
	RW_NR_WARNINGS,
};

struct rw_warn_facts {
	const char *device;
	char governor[32];              /* of the measuring core; "": none */
	int pu;                         /* where the thread is pinned; -1: nowhere */
	int sibling_pu, sibling_busy;   /* as in struct rw_place_thread */
	int thread_node, device_node;   /* -1: unknown */
	int memory_node;
	uint32_t pages_sampled, pages_on_node; /* of the buffers */
	double link_gts, max_link_gts;  /* GT/s of a lane; 0: unknown */
	int link_width, max_link_width; /* lanes; 0: unknown */
	struct rw_iommu iommu;
	uint64_t memlock_bytes; /* UINT64_MAX: no limit, or none that counts */
	uint64_t pinned_bytes;  /* what the run will register; 0: nothing that may fail */
};

/* What was told already. All zero to begin with. */
struct rw_warnings {
	char text[RW_NR_WARNINGS][RW_WARN_TEXT]; /* "": not told */
};

/* The line of @warning in @buf, or NULL if @facts give no reason for it. */
const char *rw_warn_text(const struct rw_warn_facts *facts, enum rw_warning warning,
			 char buf[RW_WARN_TEXT]);

/* Tell what is to be told and was not yet, but for those in @silent (bit 1 << enum rw_warning). */
void rw_warn_tell(const struct rw_warn_facts *facts, uint32_t silent, struct rw_warnings *told);

/*
 * What can be read of core @pu (-1: of the first) and of @device: governor, PCIe
 * link, IOMMU, limit of locked memory. All else is left unknown. Of a device that
 * is software (@is_software) only what concerns the host is read.
 * SYSFS_PATH replaces /sys.
 */
void rw_warn_gather(const char *device, bool is_software, int pu, struct rw_warn_facts *facts);

#endif
