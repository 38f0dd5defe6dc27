/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A file that is mapped, shared: what the device writes stands in it. Of hugetlbfs it has
 * huge pages; one of a device (a BAR in sysfs, a DAX device) is memory of that device.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "topo/memory.h"
#include "verbs/memory.h"

static bool file_is_wanted(const struct rw_arena_want *want)
{
	return want->file && *want->file;
}

static uint64_t page_bytes_of(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize :
								  RW_PAGE_BYTES;
}

/* Beyond the end of a file there is nothing to map; the size of a device is its own affair. */
static int check_size(const struct rw_arena *arena, const struct rw_arena_want *want,
		      struct rw_err *err)
{
	uint64_t end = arena->fd_offset + arena->bytes;
	struct stat status;

	if (arena->fd_offset % arena->page_bytes)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--mmap-offset: %" PRIu64 " is no multiple of the page size, %" PRIu64,
			       arena->fd_offset, arena->page_bytes);
	if (fstat(arena->fd, &status) || !S_ISREG(status.st_mode) || (uint64_t)status.st_size >= end)
		return 0;
	return rw_fail(err, RW_EXIT_RUN, -ENOSPC,
		       "--mmap: the run needs %" PRIu64 " bytes from offset %" PRIu64
		       " on, and %s has %" PRIu64 " in all; enlarge it: truncate -s %" PRIu64 " %s",
		       arena->bytes, arena->fd_offset, want->file, (uint64_t)status.st_size, end,
		       want->file);
}

static int file_alloc(struct rw_arena *arena, const struct rw_arena_want *want,
		      struct rw_err *err)
{
	void *base;
	int ret;

	arena->fd = open(want->file, O_RDWR | O_CLOEXEC);
	if (arena->fd < 0)
		return rw_fail(err, RW_EXIT_RUN, -errno, "--mmap: cannot open %s: %s; give a file that may be written", want->file,
			       strerror(errno));
	arena->fd_offset = want->file_offset;
	arena->page_bytes = page_bytes_of(arena->fd);
	arena->bytes = rw_round_up(want->bytes, arena->page_bytes);
	ret = check_size(arena, want, err);
	if (ret)
		goto err_close;
	/* A file with holes: better told now than as a bad address when it is registered. */
	if (fallocate(arena->fd, 0, (off_t)arena->fd_offset, (off_t)arena->bytes) &&
	    (errno == ENOSPC || errno == EDQUOT)) {
		ret = rw_fail(err, RW_EXIT_RUN, -errno,
			      "--mmap: the file system of %s has no room for %" PRIu64
			      " bytes of it: %s; make some, or give a file elsewhere",
			      want->file, arena->bytes, strerror(errno));
		goto err_close;
	}
	base = mmap(NULL, arena->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, arena->fd,
		    (off_t)arena->fd_offset);
	if (base == MAP_FAILED) {
		ret = rw_fail(err, RW_EXIT_RUN, -errno, "--mmap: cannot map %" PRIu64 " bytes of %s: %s; give a file, such as one in /dev/shm",
			      arena->bytes, want->file, strerror(errno));
		goto err_close;
	}
	arena->base = base;
	/* Of pages that are not in memory yet. */
	rw_memory_prefer_at(arena->base, arena->bytes, want->numa_node);
	return 0;

err_close:
	close(arena->fd);
	return ret;
}

/*
 * Since 6.5 the kernel pins no page of a file system that has to hear of writes, that is,
 * none that has a disk: mm/gup.c, writable_file_mapping_allowed.
 */
const struct rw_memory_kind rw_memory_file = {
	.name = "file",
	.reg_hint = "files with a disk behind them cannot be registered on Linux 6.5 and later: give one in /dev/shm or on hugetlbfs",
	.is_wanted = file_is_wanted,
	.alloc = file_alloc,
	.reg = rw_memory_reg_mapped,
	.free = rw_memory_free_mapped,
};
