/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory of the host: a memfd, so that engine reg's windows can map its pages a second time;
 * of huge pages where there are any.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "topo/host.h"
#include "topo/memory.h"
#include "util/sysfs.h"
#include "util/units.h"
#include "verbs/memory.h"

#define HUGEPAGE_BYTES (UINT64_C(2) << 20)

/* One part in so many of what is available stays with the host. */
#define KEPT_SHARE 8

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

static int map_small(struct rw_arena *arena, const struct rw_arena_want *want, struct rw_err *err)
{
	uint64_t available = rw_host_memory_available();
	uint64_t most = available - available / KEPT_SHARE;
	char size[RW_SIZE_TEXT];
	int ret;

	if (want->bytes > most)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM,
			       "the run needs a buffer of %" PRIu64 " MiB, and of this host's %" PRIu64
			       " MiB are available, %" PRIu64
			       " for the taking; lower --size, --contexts or --qp",
			       want->bytes >> 20, available >> 20, most >> 20);
	arena->page_bytes = RW_PAGE_BYTES;
	ret = map_memfd(arena, rw_round_up(want->bytes, RW_PAGE_BYTES), 0);
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, ret, "cannot allocate %s bytes: %s",
			       rw_format_size(want->bytes, size), strerror(-ret));
	return 0;
}

static uint64_t hugepages(const char *which)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s_hugepages",
		 which);
	return rw_sysfs_read(path, text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

/* 0 or -errno, silently: as a rule there are none. */
static int map_huge(struct rw_arena *arena, const struct rw_arena_want *want)
{
	arena->page_bytes = HUGEPAGE_BYTES;
	return map_memfd(arena, rw_round_up(want->bytes, HUGEPAGE_BYTES),
			 MFD_HUGETLB | MFD_HUGE_2MB);
}

/* Pages that others have reserved are free and not to be had. */
static int huge_failed(const struct rw_arena_want *want, int ret, struct rw_err *err)
{
	uint64_t need = rw_div_ceil(want->bytes, HUGEPAGE_BYTES);
	uint64_t all = hugepages("nr");
	uint64_t left = hugepages("free") - rw_min(hugepages("free"), hugepages("resv"));

	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK))
		return rw_fail(err, RW_EXIT_RUN, -EOPNOTSUPP,
			       "--use_hugepages: this kernel has no huge pages of 2 MiB; leave it out");
	if (need <= left)
		return rw_fail(err, RW_EXIT_RUN, ret,
			       "--use_hugepages: cannot allocate %" PRIu64
			       " huge pages of 2 MiB: %s, though %" PRIu64
			       " are free; is there a limit of this cgroup (hugetlb.2MB.max)?",
			       need, strerror(-ret), left);
	return rw_fail(err, RW_EXIT_RUN, ret,
		       "--use_hugepages: %" PRIu64 " huge pages of 2 MiB are needed and %" PRIu64
		       " of %" PRIu64 " are free; run: sysctl vm.nr_hugepages=%" PRIu64,
		       need, left, all, all + need - left);
}

static bool host_is_wanted(const struct rw_arena_want *want)
{
	return true;
}

static int host_alloc(struct rw_arena *arena, const struct rw_arena_want *want,
		      struct rw_err *err)
{
	int ret = -ENOMEM;

	if (want->pages == RW_PAGES_HUGE ||
	    (want->pages == RW_PAGES_ANY && want->bytes >= HUGEPAGE_BYTES))
		ret = map_huge(arena, want);
	if (ret && want->pages == RW_PAGES_HUGE)
		return huge_failed(want, ret, err);
	if (ret)
		ret = map_small(arena, want, err);
	if (ret)
		return ret;
	/* A wish: where a host has no such node, memory is where it is. */
	rw_memory_prefer_at(arena->base, arena->bytes, want->numa_node);
	return 0;
}

struct ibv_mr *rw_memory_reg_mapped(const struct rw_arena *arena, struct ibv_pd *pd,
				    uint64_t offset, uint64_t bytes, int access)
{
	return ibv_reg_mr(pd, arena->base + offset, bytes, access);
}

void rw_memory_free_mapped(struct rw_arena *arena)
{
	munmap(arena->base, arena->bytes);
	close(arena->fd);
}

const struct rw_memory_kind rw_memory_host = {
	.name = "host",
	.reg_hint = "lower --size, --contexts or --qp",
	.is_wanted = host_is_wanted,
	.alloc = host_alloc,
	.reg = rw_memory_reg_mapped,
	.free = rw_memory_free_mapped,
};
