/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a report says of the host. */
#ifndef RW_TOPO_HOST_H
#define RW_TOPO_HOST_H

#include <jansson.h>
#include <stdint.h>

/* Host, kernel, processors, memory, limits. NULL: out of memory. */
json_t *rw_host_facts(void);

/* The CPU frequency governor of PU @pu, below @sysfs (/sys), or "" where there is none. */
const char *rw_host_governor(const char *sysfs, int pu, char *buf, size_t len);

/* Bytes that can be had without swapping (MemAvailable), or UINT64_MAX: not known. */
uint64_t rw_host_memory_available(void);

/* Bytes of memory of the host, as far as it can be known; else UINT64_MAX. */
uint64_t rw_host_memory_bytes(void);

#endif
