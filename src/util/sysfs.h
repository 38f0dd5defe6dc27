/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One-line files of sysfs and procfs. */
#ifndef RW_UTIL_SYSFS_H
#define RW_UTIL_SYSFS_H

#include <stddef.h>

/*
 * Read the first line of the file at @path, without its newline, into @buf.
 * Returns 0 or -errno; @buf is then empty.
 */
int rw_sysfs_read(const char *path, char *buf, size_t len);

/*
 * Where sysfs is mounted: /sys, or what the environment variable SYSFS_PATH
 * says, as in libibverbs.
 */
const char *rw_sysfs_root(void);

/* rw_sysfs_read of class/infiniband/DEVICE/FILE below that root. */
int rw_sysfs_ib(const char *device, const char *file, char *buf, size_t len);

#endif
