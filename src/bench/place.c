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
		/* A server only lends its memory: one thread will do. */
		.nr_threads = conf->is_server ? 1 : (uint32_t)conf->threads,
	};

	int ret = rw_placement_make(&want, placement, err);

	if (!ret)
		rw_placement_warn(placement, want.device, device->class != RW_DEVICE_HARDWARE,
				  conf->force ? 1u << RW_WARN_GOVERNOR : 0);
	return ret;
}

/*
 * The arena is registered: it did not exceed the limit. Windows lock its
 * pages a second time, but for the emulated device, which locks nothing.
 */
static uint64_t pinned_bytes(const struct rw_device *device, const struct rw_arena *arena,
			     bool has_windows)
{
	return has_windows && device->class != RW_DEVICE_EMULATED ? 2 * arena->bytes : 0;
}

void rw_session_check_memory(struct rw_placement *placement, const struct rw_device *device,
			     const struct rw_arena *arena, bool has_windows)
{
	rw_placement_check(placement, arena->base, arena->bytes, arena->page_bytes,
			   pinned_bytes(device, arena, has_windows));
}

void rw_session_check_more_memory(struct rw_placement *placement, const struct rw_device *device,
				  const struct rw_arena *arena, bool has_windows)
{
	rw_placement_check_more(placement, arena->base, arena->bytes, arena->page_bytes,
				pinned_bytes(device, arena, has_windows));
}
