/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The memory of one side, of whatever kind (verbs/memory.h), mapped once and registered
 * once, in one MR or in several side by side. Pieces of it can be mapped a second time, side by side, as a window: the same pages
 * at contiguous addresses, which is what an MR made by ibv_reg_mr can cover.
 */
#ifndef RW_VERBS_ARENA_H
#define RW_VERBS_ARENA_H

#include <infiniband/verbs.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rw/layout.h"
#include "util/err.h"

struct rw_memory_kind;

struct rw_arena {
	const struct rw_memory_kind *kind;
	uint8_t *base;
	uint64_t bytes; /* mapped: a multiple of the page size in use */
	uint64_t page_bytes;
	int fd; /* what windows map, from fd_offset on */
	uint64_t fd_offset;
	struct ibv_mr **mrs; /* side by side ... */
	uint32_t nr_mrs;     /* 0: not open */
	uint64_t mr_bytes;   /* ... each of so many bytes; the last takes the rest */
	struct ibv_mr *null_mr; /* or NULL */
	const char *paging;     /* pinned, explicit or implicit */
};

enum rw_arena_pages {
	RW_PAGES_ANY,   /* huge ones, if there are enough */
	RW_PAGES_SMALL, /* windows will be mapped from pages of 4 KiB */
	RW_PAGES_HUGE,  /* or none */
};

struct rw_arena_want {
	uint64_t bytes;
	int numa_node;       /* -1: anywhere */
	enum rw_arena_pages pages;
	int access;          /* ibv_access_flags of the registration */
	const char *file;    /* map this one from file_offset on; NULL or empty: none */
	uint64_t file_offset;
	uint64_t mr_bytes;   /* register it in parts of so many bytes; 0: in one */
	bool all_addresses;  /* on demand: one MR of all that the process has or will have */
	bool null_mr;        /* local keys are those of a null MR */
};

/*
 * Returns 0, or -ENOMEM and whatever registration fails with, told in @err
 * with the limit that is in the way. Whoever asks, the host keeps some of its memory.
 */
int rw_arena_open(struct ibv_pd *pd, const struct rw_arena_want *want, struct rw_arena *arena,
		  struct rw_err *err);
void rw_arena_close(struct rw_arena *arena);

/* What a report says of it. NULL: out of memory. */
json_t *rw_arena_facts(const struct rw_arena *arena);

/* The MR that what begins at @offset lies in. */
static inline const struct ibv_mr *rw_arena_mr(const struct rw_arena *arena, uint64_t offset)
{
	uint64_t i = offset / arena->mr_bytes;

	return arena->mrs[i < arena->nr_mrs ? i : arena->nr_mrs - 1];
}

/* The local key of what begins at @offset. */
static inline uint32_t rw_arena_lkey(const struct rw_arena *arena, uint64_t offset)
{
	return arena->null_mr ? arena->null_mr->lkey : rw_arena_mr(arena, offset)->lkey;
}

/*
 * Map the segments of @layout that start at @offset of the arena side by side.
 * The layout must be whole pages (rw_layout_is_whole_pages).
 * Returns 0 or -errno, told in @err.
 */
int rw_arena_map_window(const struct rw_arena *arena, uint64_t offset,
			const struct rw_layout *layout, void **window_p, struct rw_err *err);
void rw_arena_unmap_window(void *window, const struct rw_layout *layout);

/*
 * Will windows of @mappings segments in all fit the kernel's limit of mappings
 * (vm.max_map_count)? Returns 0 or -ENOMEM, told in @err.
 */
int rw_arena_check_windows(uint64_t mappings, struct rw_err *err);

#endif
