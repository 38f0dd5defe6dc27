/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/arena.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "util/sysfs.h"
#include "util/units.h"
#include "verbs/memory.h"

/* Mappings that the process has and will have beside the windows. */
#define OTHER_MAPPINGS 2000

/* The first that is wanted is taken. */
static const struct rw_memory_kind *const kinds[] = {
	&rw_memory_file,
	&rw_memory_host,
};

static const struct rw_memory_kind *choose_kind(const struct rw_arena_want *want)
{
	size_t i = 0;

	while (i + 1 < RW_ARRAY_SIZE(kinds) && !kinds[i]->is_wanted(want))
		i++;
	return kinds[i];
}

static int register_failed(const struct rw_arena *arena, int ret, struct rw_err *err)
{
	char size[RW_SIZE_TEXT];
	struct rlimit memlock;

	if (!getrlimit(RLIMIT_MEMLOCK, &memlock) && memlock.rlim_cur < arena->bytes)
		return rw_fail(err, RW_EXIT_DEVICE, ret,
			       "cannot register %s bytes: %s; the locked memory limit is %" PRIu64
			       " KiB, raise it with: ulimit -l %" PRIu64,
			       rw_format_size(arena->bytes, size), strerror(-ret),
			       (uint64_t)memlock.rlim_cur >> 10, (arena->bytes >> 10) + 4096);
	return rw_fail(err, RW_EXIT_DEVICE, ret,
		       "cannot register %s bytes: %s; %s", rw_format_size(arena->bytes, size),
		       strerror(-ret), arena->kind->reg_hint);
}

static int alloc_null_mr(struct rw_arena *arena, struct ibv_pd *pd, struct rw_err *err)
{
	errno = 0;
	arena->null_mr = ibv_alloc_null_mr(pd);
	if (arena->null_mr)
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, errno ? -errno : -EOPNOTSUPP,
		       "--use-null-mr: %s has no null MR: %s; leave it out",
		       ibv_get_device_name(pd->context->device),
		       strerror(errno ? errno : EOPNOTSUPP));
}

static void unregister(struct rw_arena *arena)
{
	if (arena->null_mr)
		ibv_dereg_mr(arena->null_mr);
	while (arena->nr_mrs)
		ibv_dereg_mr(arena->mrs[--arena->nr_mrs]);
	free(arena->mrs);
}

static int register_arena(struct rw_arena *arena, struct ibv_pd *pd,
			  const struct rw_arena_want *want, struct rw_err *err)
{
	uint64_t n = want->mr_bytes ? want->bytes / want->mr_bytes : 1;

	arena->mr_bytes = want->mr_bytes ? want->mr_bytes : arena->bytes;
	arena->paging = want->all_addresses		       ? "implicit" :
			want->access & IBV_ACCESS_ON_DEMAND ? "explicit" :
							      "pinned";
	arena->mrs = calloc(n, sizeof(arena->mrs[0]));
	if (!arena->mrs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t offset = i * arena->mr_bytes;
		uint64_t bytes = i + 1 < n ? arena->mr_bytes : arena->bytes - offset;
		int ret;

		errno = 0;
		arena->mrs[i] = want->all_addresses ?
					ibv_reg_mr(pd, NULL, SIZE_MAX, want->access) :
					arena->kind->reg(arena, pd, offset, bytes, want->access);
		if (!arena->mrs[i]) {
			ret = register_failed(arena, errno ? -errno : -ENOMEM, err);
			unregister(arena);
			return ret;
		}
		arena->nr_mrs++;
	}
	if (want->null_mr) {
		int ret = alloc_null_mr(arena, pd, err);

		if (ret)
			unregister(arena);
		return ret;
	}
	return 0;
}

int rw_arena_open(struct ibv_pd *pd, const struct rw_arena_want *want, struct rw_arena *arena,
		  struct rw_err *err)
{
	int ret;

	*arena = (struct rw_arena){ .kind = choose_kind(want) };
	ret = arena->kind->alloc(arena, want, err);
	if (ret)
		return ret;
	ret = register_arena(arena, pd, want, err);
	if (ret)
		arena->kind->free(arena);
	return ret;
}

void rw_arena_close(struct rw_arena *arena)
{
	unregister(arena);
	arena->kind->free(arena);
}

json_t *rw_arena_facts(const struct rw_arena *arena)
{
	return json_pack("{s:s, s:I, s:I, s:i, s:b, s:s}", "kind", arena->kind->name, "bytes",
			 (json_int_t)arena->bytes, "page_bytes", (json_int_t)arena->page_bytes,
			 "mrs", (int)arena->nr_mrs, "null_mr", arena->null_mr != NULL,
			 "paging", arena->paging);
}

static size_t window_bytes(const struct rw_layout *layout)
{
	return rw_round_up(layout->seg_bytes, RW_PAGE_BYTES) * layout->nr_segs;
}

int rw_arena_map_window(const struct rw_arena *arena, uint64_t offset,
			const struct rw_layout *layout, void **window_p, struct rw_err *err)
{
	size_t seg_bytes = rw_round_up(layout->seg_bytes, RW_PAGE_BYTES);
	uint8_t *window;
	int ret;

	/* Reserve the addresses first, then lay the segments over them. */
	window = mmap(NULL, window_bytes(layout), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED)
		return rw_fail(err, RW_EXIT_RUN, -errno, "cannot reserve addresses: %s",
			       strerror(errno));
	for (uint32_t i = 0; i < layout->nr_segs; i++) {
		off_t at = (off_t)(arena->fd_offset + offset + i * layout->stride_bytes);

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
