/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/warn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/compiler.h"
#include "util/err.h"

/* Beside buffers: queues and what the library keeps. */
#define OTHER_PINNED_BYTES (UINT64_C(4) << 20)

static bool warn_governor(const struct rw_warn_facts *f, char *buf)
{
	if (!*f->governor || !strcmp(f->governor, "performance"))
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "the CPU frequency governor is '%s', not 'performance': figures will vary (-F hides this)",
		 f->governor);
	return true;
}

static bool warn_sibling(const struct rw_warn_facts *f, char *buf)
{
	if (f->sibling_pu < 0 || f->sibling_busy < RW_WARN_SIBLING_BUSY)
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "CPU %d, a hyper-thread of the measuring core (CPU %d), was %d %% busy: figures will vary; stop what runs there, or choose a core with --cores",
		 f->sibling_pu, f->pu, f->sibling_busy);
	return true;
}

static bool warn_node(const struct rw_warn_facts *f, char *buf)
{
	if (f->thread_node < 0 || f->device_node < 0 || f->thread_node == f->device_node)
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "the measuring thread is on NUMA node %d and %s on node %d: every access crosses nodes; choose a core of that node with --cores, or allow this process one",
		 f->thread_node, f->device, f->device_node);
	return true;
}

static bool warn_memory(const struct rw_warn_facts *f, char *buf)
{
	if (f->pages_on_node >= f->pages_sampled)
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "%.3g %% of the buffers are not on NUMA node %d, where they were to be: is its memory, or its huge pages, used up?",
		 100 - 100.0 * f->pages_on_node / f->pages_sampled, f->memory_node);
	return true;
}

static bool warn_link(const struct rw_warn_facts *f, char *buf)
{
	bool slow = f->link_gts > 0 && f->link_gts < f->max_link_gts;
	bool narrow = f->link_width > 0 && f->link_width < f->max_link_width;

	if (!slow && !narrow)
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "the PCIe link of %s runs at %.1f GT/s x%d and the device can do %.1f GT/s x%d: bandwidth may be the link's; try another slot, or look at it with lspci -vv",
		 f->device, f->link_gts, f->link_width, f->max_link_gts, f->max_link_width);
	return true;
}

static bool warn_iommu(const struct rw_warn_facts *f, char *buf)
{
	if (f->iommu.mode != RW_IOMMU_TRANSLATED)
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "an IOMMU translates what %s reads and writes (%s): registrations and transfers cost more; passthrough is iommu=pt on the kernel's command line",
		 f->device, f->iommu.type);
	return true;
}

static bool warn_memlock(const struct rw_warn_facts *f, char *buf)
{
	uint64_t needed = f->pinned_bytes + OTHER_PINNED_BYTES;

	if (!f->pinned_bytes || f->memlock_bytes >= needed)
		return false;
	snprintf(buf, RW_WARN_TEXT,
		 "the run locks up to %" PRIu64 " KiB of memory and the limit is %" PRIu64
		 " KiB: registrations may fail; raise it with: ulimit -l %" PRIu64,
		 needed >> 10, f->memlock_bytes >> 10, needed >> 10);
	return true;
}

const char *rw_warn_text(const struct rw_warn_facts *facts, enum rw_warning warning,
			 char buf[RW_WARN_TEXT])
{
	static bool (*const rows[RW_NR_WARNINGS])(const struct rw_warn_facts *, char *) = {
		[RW_WARN_GOVERNOR] = warn_governor, [RW_WARN_SIBLING] = warn_sibling,
		[RW_WARN_NODE] = warn_node,	    [RW_WARN_MEMORY] = warn_memory,
		[RW_WARN_LINK] = warn_link,	    [RW_WARN_IOMMU] = warn_iommu,
		[RW_WARN_MEMLOCK] = warn_memlock,
	};

	return rows[warning](facts, buf) ? buf : NULL;
}

void rw_warn_tell(const struct rw_warn_facts *facts, uint32_t silent, struct rw_warnings *told)
{
	for (int i = 0; i < RW_NR_WARNINGS; i++)
		if (!(silent >> i & 1) && !*told->text[i] && rw_warn_text(facts, i, told->text[i]))
			rw_warn("%s", told->text[i]);
}
