/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "util/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rw_sysfs_read(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	if (n < 0) {
		n = -errno;
		buf[0] = '\0';
	} else {
		buf[n] = '\0';
		buf[strcspn(buf, "\n")] = '\0';
	}
	close(fd);
	return n < 0 ? (int)n : 0;
}

const char *rw_sysfs_root(void)
{
	const char *root = getenv("SYSFS_PATH");

	return root ? root : "/sys";
}

int rw_sysfs_ib(const char *device, const char *file, char *buf, size_t len)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/class/infiniband/%s/%s", rw_sysfs_root(), device, file);
	return rw_sysfs_read(path, buf, len);
}
