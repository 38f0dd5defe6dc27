/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How busy each PU of this host was in a moment: two readings of /proc/stat. */
#ifndef RW_TOPO_BUSY_H
#define RW_TOPO_BUSY_H

#include <stdint.h>

#define RW_BUSY_MAX_PUS 2048 /* further ones are not seen */

/* In the kernel's ticks, usually of 10 ms. */
struct rw_busy_times {
	uint32_t nr; /* the highest PU seen, and one */
	uint64_t busy[RW_BUSY_MAX_PUS];
	uint64_t total[RW_BUSY_MAX_PUS];
};

/* Read the file at @path, /proc/stat or one like it. 0 or -errno. */
int rw_busy_read(const char *path, struct rw_busy_times *times);

/* Of the time between, in percent; 0 for PUs that are not there. Returns their number. */
uint32_t rw_busy_between(const struct rw_busy_times *before, const struct rw_busy_times *after,
			 uint8_t percent[RW_BUSY_MAX_PUS]);

/* Two readings @ms apart. Returns the number of PUs, 0 if nothing can be known. */
uint32_t rw_busy_now(int ms, uint8_t percent[RW_BUSY_MAX_PUS]);

#endif
