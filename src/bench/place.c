/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where a side measures: what its options ask, for its device. */
#include "bench/session.h"

int rw_session_place(const struct rw_conf *conf, const struct rw_device *device,
		     struct rw_placement *placement, struct rw_err *err)
{
	const struct rw_place_want want = {
		.device = rw_device_name(device),
		.device_node = device->numa_node,
		.cores = conf->cores,
		.numa_node = conf->numa_node,
		.no_pin = conf->no_pin,
		.nr_threads = 1,
	};

	return rw_placement_make(&want, placement, err);
}
