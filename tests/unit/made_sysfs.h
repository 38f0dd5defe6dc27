/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A made-up sysfs: a tree of files that SYSFS_PATH names. */
#ifndef RW_TESTS_UNIT_MADE_SYSFS_H
#define RW_TESTS_UNIT_MADE_SYSFS_H

#include "unit.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSFS_TEMPLATE "/tmp/rw_sysfs.XXXXXX"

static char sysfs_root[] = SYSFS_TEMPLATE;

/* Make @path in the tree with its directories; @text NULL: a directory. */
static inline void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s%s", sysfs_root, path, text ? "" : "/");
	for (char *p = full + sizeof(sysfs_root); (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*p = '/';
	}
	if (!text)
		return;
	file = fopen(full, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

/* An empty tree; for cmocka's set-up, of a test or of a group. */
static inline int make_tree(void **state)
{
	strcpy(sysfs_root, SYSFS_TEMPLATE);
	return !mkdtemp(sysfs_root) || setenv("SYSFS_PATH", sysfs_root, 1);
}

static inline int drop_tree(void **state)
{
	unsetenv("SYSFS_PATH");
	return nftw(sysfs_root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
