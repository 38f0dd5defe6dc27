/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/arena.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "topo/host.h"
#include "topo/memory.h"
#include "util/sysfs.h"
#include "util/units.h"

#define HUGEPAGE_BYTES (UINT64_C(2) << 20)

/* Mappings that the process has and will have beside the windows. */
#define OTHER_MAPPINGS 2000

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return rw_div_ceil(n, unit) * unit;
}

/* Map @bytes of a new memfd with @flags. Returns 0 or -errno, silently. */
static int map_memfd(struct rw_arena *arena, uint64_t bytes, unsigned int flags)
{
	uint8_t *base;
	int ret, fd;

	fd = memfd_create("rwperf-arena", MFD_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes)) {
		ret = -errno;
		goto err_fd;
	}
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		ret = -errno;
		goto err_fd;
	}
	arena->fd = fd;
	arena->base = base;
	arena->bytes = bytes;
	return 0;

err_fd:
	close(fd);
	return ret;
}

static int map_arena(struct rw_arena *arena, const struct rw_arena_want *want)
{
	arena->page_bytes = HUGEPAGE_BYTES;
	if (want->allow_hugepages && want->bytes >= HUGEPAGE_BYTES &&
	    !map_memfd(arena, round_up(want->bytes, HUGEPAGE_BYTES), MFD_HUGETLB))
		return 0;
	arena->page_bytes = RW_PAGE_BYTES;
	return map_memfd(arena, round_up(want->bytes, RW_PAGE_BYTES), 0);
}

static int register_arena(struct rw_arena *arena, struct ibv_pd *pd, int access,
			  struct rw_err *err)
{
	char size[RW_SIZE_TEXT];
	struct rlimit memlock;
	int ret;

	errno = 0;
	arena->mr = ibv_reg_mr(pd, arena->base, arena->bytes, access);
	if (arena->mr)
		return 0;
	ret = errno ? -errno : -ENOMEM;
	if (!getrlimit(RLIMIT_MEMLOCK, &memlock) && memlock.rlim_cur < arena->bytes)
		return rw_fail(err, RW_EXIT_DEVICE, ret,
			       "cannot register %s bytes: %s; the locked memory limit is %" PRIu64
			       " KiB, raise it with: ulimit -l %" PRIu64,
			       rw_format_size(arena->bytes, size), strerror(-ret),
			       (uint64_t)memlock.rlim_cur >> 10, (arena->bytes >> 10) + 4096);
	return rw_fail(err, RW_EXIT_DEVICE, ret,
		       "cannot register %s bytes: %s; lower --size, --contexts or --qp",
		       rw_format_size(arena->bytes, size), strerror(-ret));
}

int rw_arena_open(struct ibv_pd *pd, const struct rw_arena_want *want, struct rw_arena *arena,
		  struct rw_err *err)
{
	uint64_t most = rw_host_memory_bytes() / 2;
	char size[RW_SIZE_TEXT];
	int ret;

	if (want->bytes > most)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM,
			       "the run needs a buffer of %" PRIu64
			       " MiB, more than half of the memory of this host; lower --size, --contexts or --qp",
			       want->bytes >> 20);
	ret = map_arena(arena, want);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot allocate %s bytes: %s",
			       rw_format_size(want->bytes, size), strerror(-ret));
	/* A wish: where a host has no such node, memory is where it is. */
	rw_memory_prefer_at(arena->base, arena->bytes, want->numa_node);
	ret = register_arena(arena, pd, want->access, err);
	if (ret) {
		munmap(arena->base, arena->bytes);
		close(arena->fd);
	}
	return ret;
}

void rw_arena_close(struct rw_arena *arena)
{
	ibv_dereg_mr(arena->mr);
	munmap(arena->base, arena->bytes);
	close(arena->fd);
}

static size_t window_bytes(const struct rw_layout *layout)
{
	return round_up(layout->seg_bytes, RW_PAGE_BYTES) * layout->nr_segs;
}

int rw_arena_map_window(const struct rw_arena *arena, uint64_t offset,
			const struct rw_layout *layout, void **window_p, struct rw_err *err)
{
	size_t seg_bytes = round_up(layout->seg_bytes, RW_PAGE_BYTES);
	uint8_t *window;
	int ret;

	/* Reserve the addresses first, then lay the segments over them. */
	window = mmap(NULL, window_bytes(layout), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED)
		return rw_fail(err, RW_EXIT_RUN, -errno, "cannot reserve addresses: %s",
			       strerror(errno));
	for (uint32_t i = 0; i < layout->nr_segs; i++) {
		off_t at = (off_t)(offset + i * layout->stride_bytes);

		if (mmap(window + i * seg_bytes, seg_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, arena->fd, at) == MAP_FAILED) {
			ret = rw_fail(err, RW_EXIT_RUN, -errno,
				      "cannot map segment %u a second time: %s", i,
				      strerror(errno));
			munmap(window, window_bytes(layout));
			return ret;
		}
	}
	*window_p = window;
	return 0;
}

void rw_arena_unmap_window(void *window, const struct rw_layout *layout)
{
	munmap(window, window_bytes(layout));
}

int rw_arena_check_windows(uint64_t mappings, struct rw_err *err)
{
	char text[32];
	uint64_t most;

	if (rw_sysfs_read("/proc/sys/vm/max_map_count", text, sizeof(text)))
		return 0;
	most = strtoull(text, NULL, 10);
	if (mappings + OTHER_MAPPINGS <= most)
		return 0;
	return rw_fail(err, RW_EXIT_RUN, -ENOMEM,
		       "engine reg needs %" PRIu64
		       " mappings and the kernel allows %" PRIu64
		       "; lower --contexts, --qp or --sges, or raise it: sysctl vm.max_map_count=%" PRIu64,
		       mappings, most,
		       mappings + OTHER_MAPPINGS);
}
