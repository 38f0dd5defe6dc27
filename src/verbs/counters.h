/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Counters of a port, by their names in sysfs: counters/NAME, hw_counters/NAME. */
#ifndef RW_VERBS_COUNTERS_H
#define RW_VERBS_COUNTERS_H

#include <jansson.h>

#include "verbs/device.h"

#define RW_COUNTERS_MAX 32

struct rw_counter {
	char name[64];
	uint64_t start;
};

struct rw_port_counters {
	const struct rw_device *device;
	struct rw_counter counters[RW_COUNTERS_MAX];
	uint32_t n;
};

/*
 * Take the comma-separated @names, each as it stands below
 * /sys/class/infiniband/DEVICE/ports/PORT/, or without its folder. Returns 0, or
 * -EINVAL with @err told: no such counter.
 */
int rw_port_counters_open(struct rw_port_counters *counters, const struct rw_device *device,
			  const char *names, struct rw_err *err);

/* Remember what they are now. */
void rw_port_counters_start(struct rw_port_counters *counters);

/* What they have grown by since then, as {"NAME": n}; NULL if there are none. */
json_t *rw_port_counters_diff(const struct rw_port_counters *counters);

#endif
