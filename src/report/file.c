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
#include <time.h>
#include <unistd.h>

#include "report/report.h"

#define ASIDE_MAX (PATH_MAX + 32)

#define READER_S  10 /* a pipe's reader may come so much later */
#define POLL_MS	  50

static int fail(const char *path, int error, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_RUN, -error,
		       "cannot write the report to %s: %s; give --json another file", path,
		       strerror(error));
}

/* A device, a pipe: nothing that could be renamed over. */
static bool is_stream(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
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

/* open(2) of a pipe waits for its reader: for ever, were it left to itself. */
static int open_stream(const char *path)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct stat st;
	int fd;

	for (int left_ms = READER_S * 1000;; left_ms -= POLL_MS) {
		fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0)
			break;
		if (errno != ENXIO || stat(path, &st) || !S_ISFIFO(st.st_mode))
			return -errno;
		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (nanosleep(&pause, NULL))
			return -EINTR;
	}
	/* The report itself may wait for a slow reader. */
	if (fcntl(fd, F_SETFL, O_WRONLY)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static int write_stream(const char *path, const json_t *report, struct rw_err *err)
{
	int fd = open_stream(path);
	FILE *file;
	int error;

	if (fd == -ETIMEDOUT)
		return rw_fail(err, RW_EXIT_RUN, fd,
			       "cannot write the report to %s: nobody opened this pipe within %d s; start its reader first, or give --json a file",
			       path, READER_S);
	if (fd < 0)
		return fail(path, -fd, err);
	file = fdopen(fd, "w");
	if (!file) {
		error = errno;
		close(fd);
		return fail(path, error, err);
	}
	errno = 0;
	error = dump(file, report);
	if (fclose(file) && !error)
		error = errno;
	return error ? fail(path, error, err) : 0;
}

static int write_stdout(const json_t *report, struct rw_err *err)
{
	int error;

	errno = 0;
	error = dump(stdout, report);
	return error ? fail("standard output", error, err) : 0;
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

	if (!strcmp(path, "-"))
		return write_stdout(report, err);
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
