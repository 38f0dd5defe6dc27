/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "topo/busy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/compiler.h"

/* user nice system idle iowait irq softirq steal; guest times are part of user (proc(5)) */
enum { IDLE = 3, IOWAIT = 4, NR_FIELDS = 8 };

/* "cpu12 1 2 3 ...", but not "cpu 1 2 3": that is their sum. */
static void take_line(struct rw_busy_times *times, const char *line)
{
	char *at;
	unsigned long pu = strtoul(line + 3, &at, 10);
	uint64_t busy = 0, total = 0;

	if (at == line + 3 || line[3] == ' ' || pu >= RW_BUSY_MAX_PUS)
		return;
	for (int field = 0; field < NR_FIELDS; field++) {
		uint64_t ticks = strtoull(at, &at, 10);

		total += ticks;
		busy += field == IDLE || field == IOWAIT ? 0 : ticks;
	}
	times->busy[pu] = busy;
	times->total[pu] = total;
	times->nr = rw_max(times->nr, (uint32_t)pu + 1);
}

int rw_busy_read(const char *path, struct rw_busy_times *times)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	memset(times, 0, sizeof(*times));
	if (!f)
		return -errno;
	/* The PUs come first; long lines about interrupts follow. */
	while (getline(&line, &size, f) > 0 && !strncmp(line, "cpu", 3))
		take_line(times, line);
	free(line);
	fclose(f);
	return 0;
}

uint32_t rw_busy_between(const struct rw_busy_times *before, const struct rw_busy_times *after,
			 uint8_t percent[RW_BUSY_MAX_PUS])
{
	uint32_t nr = rw_min(before->nr, after->nr);

	for (uint32_t pu = 0; pu < nr; pu++) {
		uint64_t total = after->total[pu] - before->total[pu];
		uint64_t busy = after->busy[pu] - before->busy[pu];

		/* iowait may fall, and then so does the total */
		percent[pu] = total && busy <= total ? (uint8_t)(100 * busy / total) : 0;
	}
	return nr;
}

uint32_t rw_busy_now(int ms, uint8_t percent[RW_BUSY_MAX_PUS])
{
	const struct timespec pause = { .tv_nsec = ms * 1000000L };
	struct rw_busy_times *times = calloc(2, sizeof(*times));
	uint32_t nr = 0;

	if (!times)
		return 0;
	if (!rw_busy_read("/proc/stat", &times[0])) {
		nanosleep(&pause, NULL);
		if (!rw_busy_read("/proc/stat", &times[1]))
			nr = rw_busy_between(&times[0], &times[1], percent);
	}
	free(times);
	return nr;
}
