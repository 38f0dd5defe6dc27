/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Report files: the old one or the new one, never a part, nothing left beside it. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/report.h"

#define OLD    "the old report\n"
#define NOBODY 65534

struct bed {
	char dir[64];
	char path[128];
	json_t *report;
};

/* A new directory, open for all; @path in it does not exist. */
static int setup(void **state)
{
	static struct bed bed;

	snprintf(bed.dir, sizeof(bed.dir), "/tmp/rw_report.XXXXXX");
	if (!mkdtemp(bed.dir) || chmod(bed.dir, 0777))
		return -1;
	snprintf(bed.path, sizeof(bed.path), "%s/report.json", bed.dir);
	/* larger than stdio's buffer */
	bed.report = json_array();
	for (int i = 0; i < 20000; i++)
		json_array_append_new(bed.report, json_integer(i));
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	char command[128];

	json_decref(bed->report);
	snprintf(command, sizeof(command), "rm -rf '%s'", bed->dir);
	return system(command);
}

static void in_dir(const struct bed *bed, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", bed->dir, name);
}

static void write_old(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(OLD, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_old(const char *path)
{
	char text[64] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, OLD);
}

static void assert_new(const struct bed *bed, const char *path)
{
	json_t *read = json_load_file(path, 0, NULL);

	assert_true(json_equal(read, bed->report));
	json_decref(read);
}

static int count_files(const struct bed *bed)
{
	DIR *dir = opendir(bed->dir);
	int n = -2; /* . and .. */

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void take(const struct bed *bed, const char *path)
{
	struct rw_err err = { 0 };

	if (rw_report_check_file(path, &err) || rw_report_write(path, bed->report, &err))
		fail_msg("%s", err.text);
}

/* Refused before the run and, if it comes to it, after. */
static void refuse(const struct bed *bed, const char *path, int error)
{
	struct rw_err err = { 0 };

	assert_int_equal(rw_report_check_file(path, &err), error);
	assert_told(&err, RW_EXIT_RUN, error, path);
	assert_told(&err, RW_EXIT_RUN, error, strerror(-error));
	rw_err_clear(&err);
	assert_int_not_equal(rw_report_write(path, bed->report, &err), 0);
	assert_told(&err, RW_EXIT_RUN, err.error, path);
}

static void test_new_file(void **state)
{
	struct bed *bed = *state;
	struct rw_err err = { 0 };

	assert_int_equal(rw_report_check_file(bed->path, &err), 0);
	assert_int_equal(count_files(bed), 0); /* the check leaves nothing */
	take(bed, bed->path);
	assert_new(bed, bed->path);
	assert_int_equal(count_files(bed), 1);
}

/* Who has the old file open sees all of it; its rights stay. */
static void test_replaced(void **state)
{
	struct bed *bed = *state;
	struct stat before, after;
	struct rw_err err = { 0 };
	char text[64];
	FILE *reader;

	write_old(bed->path);
	assert_int_equal(chmod(bed->path, 0600), 0);
	assert_int_equal(rw_report_check_file(bed->path, &err), 0);
	assert_old(bed->path);
	reader = fopen(bed->path, "r");
	assert_non_null(reader);
	stat(bed->path, &before);
	take(bed, bed->path);
	stat(bed->path, &after);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_mode & 0777, 0600);
	assert_non_null(fgets(text, sizeof(text), reader));
	assert_string_equal(text, OLD);
	fclose(reader);
	assert_new(bed, bed->path);
	assert_int_equal(count_files(bed), 1);
}

/* The disk is full in the middle of the report. */
static void test_full(void **state)
{
	struct bed *bed = *state;
	struct rlimit limit, old;
	struct rw_err err = { 0 };
	int ret;

	write_old(bed->path);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 10000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ret = rw_report_write(bed->path, bed->report, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(ret, -EFBIG);
	assert_told(&err, RW_EXIT_RUN, -EFBIG, bed->path);
	assert_old(bed->path);
	assert_int_equal(count_files(bed), 1);
}

/*
 * A device that is always full. Root could rename over the one in /dev, should
 * the code be wrong: it gets a node of its own.
 */
static bool find_full_device(const struct bed *bed, char path[128])
{
	if (geteuid()) {
		strcpy(path, "/dev/full");
	} else {
		in_dir(bed, "full", path);
		if (mknod(path, S_IFCHR | 0666, makedev(1, 7)))
			return false;
	}
	return !access(path, W_OK);
}

static void test_full_device(void **state)
{
	struct bed *bed = *state;
	struct rw_err err = { 0 };
	char path[128];
	struct stat st;
	int fd;

	if (!find_full_device(bed, path))
		skip();
	fd = open(path, O_WRONLY);
	if (fd < 0) /* a file system without devices */
		skip();
	close(fd);
	assert_int_equal(rw_report_check_file(path, &err), 0);
	assert_int_equal(rw_report_write(path, bed->report, &err), -ENOSPC);
	assert_told(&err, RW_EXIT_RUN, -ENOSPC, path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_symlinks(void **state)
{
	struct bed *bed = *state;
	char sub[128], target[128], link_path[128], text[128];
	ssize_t n;

	in_dir(bed, "sub", sub);
	in_dir(bed, "sub/target.json", target);
	in_dir(bed, "link.json", link_path);
	assert_int_equal(mkdir(sub, 0777), 0);
	assert_int_equal(symlink("sub/target.json", link_path), 0);
	/* once where there is no target yet, once where there is */
	for (int i = 0; i < 2; i++) {
		take(bed, link_path);
		n = readlink(link_path, text, sizeof(text) - 1);
		assert_int_equal(n, strlen("sub/target.json"));
		assert_new(bed, target);
		assert_int_equal(count_files(bed), 2);
		write_old(target);
	}
	/* an absolute link to a link */
	in_dir(bed, "second.json", text);
	assert_int_equal(symlink(link_path, text), 0);
	assert_int_equal(unlink(target), 0);
	take(bed, text);
	assert_new(bed, target);
	assert_int_equal(count_files(bed), 3);
	/* a link into nowhere, a link to itself */
	in_dir(bed, "away.json", text);
	assert_int_equal(symlink("gone/report.json", text), 0);
	refuse(bed, text, -ENOENT);
	in_dir(bed, "loop.json", text);
	assert_int_equal(symlink("loop.json", text), 0);
	refuse(bed, text, -ELOOP);
	assert_int_equal(count_files(bed), 5);
}

static void test_no_file_can_be_there(void **state)
{
	struct bed *bed = *state;
	char path[128], long_path[128 + NAME_MAX];

	refuse(bed, bed->dir, -EISDIR);
	in_dir(bed, "missing/report.json", path);
	refuse(bed, path, -ENOENT);
	in_dir(bed, "report.json/", path);
	refuse(bed, path, -ENOENT);
	write_old(bed->path);
	in_dir(bed, "report.json/below", path);
	refuse(bed, path, -ENOTDIR);
	/* no room for what is put after the name while it is written */
	memset(long_path, 'n', sizeof(long_path));
	memcpy(long_path, bed->dir, strlen(bed->dir));
	long_path[strlen(bed->dir)] = '/';
	long_path[strlen(bed->dir) + NAME_MAX] = '\0';
	refuse(bed, long_path, -ENAMETOOLONG);
	assert_int_equal(count_files(bed), 1);
	assert_old(bed->path);
}

/* As a user that may not write: the check's errno, 0 if it found nothing. */
static int check_as_nobody(const char *path)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct rw_err err = { 0 };

		if (!getuid() && setuid(NOBODY))
			_exit(255);
		_exit(-rw_report_check_file(path, &err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_not_allowed(void **state)
{
	struct bed *bed = *state;
	char link_path[128], sub[128], path[128];

	in_dir(bed, "closed", sub);
	assert_int_equal(mkdir(sub, 0555), 0);
	in_dir(bed, "closed/report.json", path);
	if (check_as_nobody(path) == 255)
		skip();
	assert_int_equal(check_as_nobody(path), EACCES);
	/* not where the link stands but where it leads to counts */
	in_dir(bed, "link.json", link_path);
	assert_int_equal(symlink("closed/report.json", link_path), 0);
	assert_int_equal(check_as_nobody(link_path), EACCES);
	/* somebody protected the old file, though the directory is open */
	write_old(bed->path);
	assert_int_equal(chmod(bed->path, 0444), 0);
	assert_int_equal(check_as_nobody(bed->path), EACCES);
	assert_old(bed->path);
	in_dir(bed, "new.json", path);
	assert_int_equal(check_as_nobody(path), 0);
}

/* Two runs that write to the same file: the other's unfinished one stays. */
static void test_not_ours(void **state)
{
	struct bed *bed = *state;
	struct rw_err err = { 0 };
	char path[160];

	snprintf(path, sizeof(path), "%s.%ld.tmp", bed->path, (long)getpid());
	write_old(path);
	assert_int_equal(rw_report_write(bed->path, bed->report, &err), -EEXIST);
	assert_told(&err, RW_EXIT_RUN, -EEXIST, bed->path);
	assert_old(path);
	assert_int_equal(count_files(bed), 1);
}

/* A reader that comes late and reads slowly: it gets all, though a pipe holds less. */
static void test_late_reader(void **state)
{
	struct bed *bed = *state;
	struct rw_err err = { 0 };
	pid_t reader;
	int status;

	assert_int_equal(mkfifo(bed->path, 0600), 0);
	reader = fork();
	if (!reader) {
		json_t *read;
		int fd;

		usleep(300000);
		fd = open(bed->path, O_RDONLY);
		usleep(300000);
		read = json_loadfd(fd, 0, NULL);
		_exit(json_equal(read, bed->report) ? 0 : 1);
	}
	alarm(60);
	assert_int_equal(rw_report_write(bed->path, bed->report, &err), 0);
	alarm(0);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

int main(void)
{
#define WITH_BED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_BED(test_new_file),    WITH_BED(test_replaced),
		WITH_BED(test_full),	    WITH_BED(test_full_device),
		WITH_BED(test_symlinks),    WITH_BED(test_no_file_can_be_there),
		WITH_BED(test_not_allowed), WITH_BED(test_not_ours),
		WITH_BED(test_late_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
