/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Report files: checked before the run, written aside, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/report.h"

#define ASIDE_MAX (PATH_MAX + 32)

static int fail(const char *path, int error, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_RUN, -error,
		       "cannot write the report to %s: %s; give --json another file", path,
		       strerror(error));
}

/* stdout, a device, a pipe: nothing that could be renamed over. */
static bool is_stream(const char *path)
{
	struct stat st;

	return !strcmp(path, "-") ||
	       (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/*
 * Where the links of @path end: the file there is replaced, the links stay. It
 * need not exist. Returns 0 or an errno.
 */
static int resolve(const char *path, char target[PATH_MAX])
{
	char link[PATH_MAX], copy[PATH_MAX];

	if (realpath(path, target))
		return 0;
	if (errno != ENOENT)
		return errno;
	/* Links that lead into nothing; realpath has seen that they do not turn round. */
	if (snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX)
		return ENAMETOOLONG;
	for (;;) {
		ssize_t n = readlink(target, link, sizeof(link) - 1);
		int len;

		if (n < 0)
			return 0;
		link[n] = '\0';
		strcpy(copy, target);
		len = link[0] == '/' ? snprintf(target, PATH_MAX, "%s", link)
				     : snprintf(target, PATH_MAX, "%s/%s", dirname(copy), link);
		if (len >= PATH_MAX)
			return ENAMETOOLONG;
	}
}

/*
 * Make the file that will be renamed to @target, with its rights if it is there.
 * Returns a descriptor with the name in @aside, or a negative errno.
 */
static int open_aside(const char *target, char aside[ASIDE_MAX])
{
	struct stat st;
	int fd;

	snprintf(aside, ASIDE_MAX, "%s.%ld.tmp", target, (long)getpid());
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	if (!stat(target, &st))
		(void)!fchmod(fd, st.st_mode & 0777);
	return fd;
}

int rw_report_check_file(const char *path, struct rw_err *err)
{
	char target[PATH_MAX], aside[ASIDE_MAX];
	struct stat st;
	int error, fd;

	if (!strcmp(path, "-"))
		return 0;
	if (!stat(path, &st)) {
		if (S_ISDIR(st.st_mode))
			return fail(path, EISDIR, err);
		if (access(path, W_OK))
			return fail(path, errno, err);
		if (!S_ISREG(st.st_mode))
			return 0;
	}
	error = resolve(path, target);
	if (error)
		return fail(path, error, err);
	/* What will be done after the run is tried: nothing else tells as surely. */
	fd = open_aside(target, aside);
	if (fd < 0)
		return fail(path, -fd, err);
	close(fd);
	unlink(aside);
	return 0;
}

static int dump(FILE *file, const json_t *report)
{
	if (json_dumpf(report, file, JSON_INDENT(2) | JSON_REAL_PRECISION(12)))
		return errno ? errno : EIO;
	if (fputc('\n', file) == EOF || fflush(file))
		return errno ? errno : EIO;
	return 0;
}

static int write_stream(const char *path, const json_t *report, struct rw_err *err)
{
	bool is_stdout = !strcmp(path, "-");
	FILE *file = is_stdout ? stdout : fopen(path, "we");
	int error;

	if (!file)
		return fail(path, errno, err);
	errno = 0;
	error = dump(file, report);
	if (!is_stdout && fclose(file) && !error)
		error = errno;
	return error ? fail(is_stdout ? "standard output" : path, error, err) : 0;
}

/* Closes @fd. Returns 0 or an errno. */
static int write_synced(int fd, const json_t *report)
{
	FILE *file = fdopen(fd, "w");
	int error;

	if (!file) {
		error = errno;
		close(fd);
		return error;
	}
	errno = 0;
	error = dump(file, report);
	if (!error && fsync(fd))
		error = errno;
	if (fclose(file) && !error)
		error = errno;
	return error;
}

int rw_report_write(const char *path, const json_t *report, struct rw_err *err)
{
	char target[PATH_MAX], aside[ASIDE_MAX];
	int error, fd;

	if (is_stream(path))
		return write_stream(path, report, err);
	error = resolve(path, target);
	if (error)
		return fail(path, error, err);
	fd = open_aside(target, aside);
	if (fd < 0)
		return fail(path, -fd, err);
	error = write_synced(fd, report);
	if (!error && rename(aside, target))
		error = errno;
	if (!error)
		return 0;
	unlink(aside);
	return fail(path, error, err);
}
