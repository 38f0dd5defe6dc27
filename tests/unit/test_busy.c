/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Readings of made-up files like /proc/stat, and where memory lies. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "topo/busy.h"
#include "topo/memory.h"

static struct rw_busy_times before, after;
static uint8_t percent[RW_BUSY_MAX_PUS];

static void read_text(const char *text, struct rw_busy_times *times)
{
	char path[] = "/tmp/rw_stat.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(rw_busy_read(path, times), 0);
	unlink(path);
}

static uint32_t between(const char *first, const char *second)
{
	memset(percent, 77, sizeof(percent));
	read_text(first, &before);
	read_text(second, &after);
	return rw_busy_between(&before, &after, percent);
}

static void test_percent(void **state)
{
	/* user nice system idle iowait irq softirq steal guest guest_nice; CPU 2 is offline */
	assert_int_equal(between("cpu  9 9 9 9 9 9 9 9 9 9\n"
				 "cpu0 100 0 10 500 20 1 2 3 50 0\n"
				 "cpu1 1 2 3 4 5 6 7 8 9 10\n"
				 "cpu3 0 0 0 0 0 0 0 0 0 0\n"
				 "intr 1 2 3\ncpu4 1 1 1 1\n",
				 "cpu  99 99 99 99 99 9 9 9 9 9\n"
				 "cpu0 100 0 10 507 23 1 2 3 50 0\n"
				 "cpu1 2 3 4 4 5 7 8 9 90 10\n"
				 "cpu3 2 1 0 3 4 0 0 0 2 0\n"
				 "intr 1 2 3\ncpu4 9 9 9 9\n"),
			 4);
	assert_int_equal(percent[0], 0);
	assert_int_equal(percent[1], 100);
	assert_int_equal(percent[2], 0);
	assert_int_equal(percent[3], 30);
	assert_int_equal(percent[4], 77);
}

static void test_odd_files(void **state)
{
	char big[64];

	assert_int_equal(rw_busy_read("/tmp/rw_no_such_file", &before), -ENOENT);
	assert_int_equal(before.nr, 0);
	assert_int_equal(between("", ""), 0);
	assert_int_equal(between("cpu 1 2 3 4\n", "cpu 2 3 4 5\n"), 0);
	/* idle and iowait may fall */
	assert_int_equal(between("cpu0 5 0 0 100 50 0 0 0\n", "cpu0 6 0 0 101 40 0 0 0\n"), 1);
	assert_int_equal(percent[0], 0);
	/* short lines of old kernels */
	assert_int_equal(between("cpu0 5 0 0 10\n", "cpu0 6 0 0 11\n"), 1);
	assert_int_equal(percent[0], 50);
	snprintf(big, sizeof(big), "cpu%d 1 1 1 1\n", RW_BUSY_MAX_PUS);
	assert_int_equal(between(big, big), 0);
}

/* Whether this host has NUMA or not: all of the sample on the node it was wished on. */
static void test_memory(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 1000 * page;
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t on_node = 0;
	int n;

	assert_true(base != MAP_FAILED);
	assert_int_equal(rw_memory_prefer(-1), -EINVAL);
	assert_int_equal(rw_memory_prefer(1024), -EINVAL);
	assert_int_equal(rw_memory_prefer_at(base, bytes, -1), -EINVAL);
	if (rw_memory_prefer_at(base, bytes, 0) || rw_memory_prefer(0)) {
		munmap(base, bytes);
		skip();
	}
	n = rw_memory_sample(base, bytes, page, 0, &on_node);
	assert_int_equal(n, RW_MEMORY_SAMPLE);
	assert_true(on_node > 0);
	assert_int_equal(rw_memory_sample(base, bytes, page, 1023, &on_node), RW_MEMORY_SAMPLE);
	assert_int_equal(on_node, 0);
	assert_int_equal(rw_memory_sample(base, 3 * page, page, 0, &on_node), 3);
	assert_int_equal(rw_memory_sample(base, 1, page, 0, &on_node), 1);
	munmap(base, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
