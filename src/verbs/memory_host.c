/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory of the host: a memfd, so that engine reg's windows can map its pages a second time.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "topo/memory.h"
#include "util/units.h"
#include "verbs/memory.h"

#define HUGEPAGE_BYTES (UINT64_C(2) << 20)

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
	arena->fd_offset = 0;
	arena->base = base;
	arena->bytes = bytes;
	return 0;

err_fd:
	close(fd);
	return ret;
}

static int map_pages(struct rw_arena *arena, const struct rw_arena_want *want)
{
	arena->page_bytes = HUGEPAGE_BYTES;
	if (want->allow_hugepages && want->bytes >= HUGEPAGE_BYTES &&
	    !map_memfd(arena, rw_round_up(want->bytes, HUGEPAGE_BYTES), MFD_HUGETLB))
		return 0;
	arena->page_bytes = RW_PAGE_BYTES;
	return map_memfd(arena, rw_round_up(want->bytes, RW_PAGE_BYTES), 0);
}

static bool host_is_wanted(const struct rw_arena_want *want)
{
	return true;
}

static int host_alloc(struct rw_arena *arena, const struct rw_arena_want *want,
		      struct rw_err *err)
{
	char size[RW_SIZE_TEXT];
	int ret = map_pages(arena, want);

	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot allocate %s bytes: %s",
			       rw_format_size(want->bytes, size), strerror(-ret));
	/* A wish: where a host has no such node, memory is where it is. */
	rw_memory_prefer_at(arena->base, arena->bytes, want->numa_node);
	return 0;
}

static void host_free(struct rw_arena *arena)
{
	munmap(arena->base, arena->bytes);
	close(arena->fd);
}

struct ibv_mr *rw_memory_reg_mapped(const struct rw_arena *arena, struct ibv_pd *pd,
				    uint64_t offset, uint64_t bytes, int access)
{
	return ibv_reg_mr(pd, arena->base + offset, bytes, access);
}

const struct rw_memory_kind rw_memory_host = {
	.name = "host",
	.reg_hint = "lower --size, --contexts or --qp",
	.is_wanted = host_is_wanted,
	.alloc = host_alloc,
	.reg = rw_memory_reg_mapped,
	.free = host_free,
};
