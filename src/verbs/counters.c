/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/sysfs.h"

static int read_counter(const struct rw_device *device, const char *name, uint64_t *value_p)
{
	char file[128], text[64], *end;
	int ret;

	snprintf(file, sizeof(file), "ports/%u/%s", device->port, name);
	ret = rw_sysfs_ib(rw_device_name(device), file, text, sizeof(text));
	if (ret)
		return ret;
	*value_p = strtoull(text, &end, 0);
	return end == text ? -EINVAL : 0;
}

/* "hw_counters/sent_pkts", or "sent_pkts" of either folder. */
static bool find(const struct rw_device *device, const char *text, size_t len,
		 struct rw_counter *counter)
{
	static const char *const folders[] = { "", "hw_counters/", "counters/" };

	/* Nothing else of the file system is a counter. */
	if (!len || len > 40 || memmem(text, len, "..", 2))
		return false;
	for (size_t i = 0; i < RW_ARRAY_SIZE(folders); i++) {
		snprintf(counter->name, sizeof(counter->name), "%s%.*s", folders[i], (int)len,
			 text);
		if (strchr(counter->name, '/') &&
		    !read_counter(device, counter->name, &counter->start))
			return true;
	}
	return false;
}

int rw_port_counters_open(struct rw_port_counters *counters, const struct rw_device *device,
			  const char *names, struct rw_err *err)
{
	counters->device = device;
	counters->n = 0;
	while (*names) {
		size_t len = strcspn(names, ",");

		if (counters->n == RW_COUNTERS_MAX)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--report-counters: more than %d; shorten the list",
				       RW_COUNTERS_MAX);
		if (!find(device, names, len, &counters->counters[counters->n]))
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--report-counters: port %u of %s has no counter '%.*s'; see counters/ and hw_counters/ in /sys/class/infiniband/%s/ports/%u",
				       device->port, rw_device_name(device), (int)rw_min(len, 40),
				       names, rw_device_name(device), device->port);
		counters->n++;
		names += len;
		names += *names == ',';
	}
	return 0;
}

void rw_port_counters_start(struct rw_port_counters *counters)
{
	for (uint32_t i = 0; i < counters->n; i++)
		read_counter(counters->device, counters->counters[i].name,
			     &counters->counters[i].start);
}

json_t *rw_port_counters_diff(const struct rw_port_counters *counters)
{
	json_t *diff = counters->n ? json_object() : NULL;

	for (uint32_t i = 0; i < counters->n; i++) {
		const struct rw_counter *counter = &counters->counters[i];
		uint64_t now;

		/* Some are 32 bits wide and wrap: a difference below 0 is none that one can know. */
		if (read_counter(counters->device, counter->name, &now) || now < counter->start)
			json_object_set_new(diff, counter->name, json_null());
		else
			json_object_set_new(diff, counter->name,
					    json_integer((json_int_t)(now - counter->start)));
	}
	return diff;
}
