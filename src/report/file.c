/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Report files: checked before the run, written aside, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/report.h"

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

/* The file that a report is first written to, beside its place. */
#define ASIDE_BYTES (PATH_MAX + 32)
static void name_aside(const char *path, char target[PATH_MAX], char aside[ASIDE_BYTES])
{
	/* A link stays a link: its target is what gets replaced. */
	if (!realpath(path, target))
		snprintf(target, PATH_MAX, "%s", path);
	snprintf(aside, ASIDE_BYTES, "%s.%ld.tmp", target, (long)getpid());
}

int rw_report_check_file(const char *path, struct rw_err *err)
{
	char target[PATH_MAX], aside[ASIDE_BYTES];
	struct stat st;
	int fd;

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
	/* Only making a file tells whether one can be made. */
	name_aside(path, target, aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(path, errno, err);
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

static int write_aside(const char *aside, const json_t *report)
{
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int error;

	if (!file) {
		error = errno;
		if (fd >= 0)
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
	char target[PATH_MAX], aside[ASIDE_BYTES];
	int error;

	if (is_stream(path))
		return write_stream(path, report, err);
	name_aside(path, target, aside);
	error = write_aside(aside, report);
	if (!error && rename(aside, target))
		error = errno;
	if (error && error != EEXIST)
		unlink(aside);
	return error ? fail(path, error, err) : 0;
}
