/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Kinds of memory that an arena can be made of. Nothing else in the project knows where the
 * bytes come from: a new kind (dmabuf memory of a GPU) is one file with a struct
 * rw_memory_kind, and its row in arena.c.
 */
#ifndef RW_VERBS_MEMORY_H
#define RW_VERBS_MEMORY_H

#include "verbs/arena.h"

struct rw_memory_kind {
	const char *name; /* as reports show it */
	const char *reg_hint; /* what to do when it cannot be registered */

	/* Is it this kind that @want asks for? The last kind takes what no other does. */
	bool (*is_wanted)(const struct rw_arena_want *want);

	/*
	 * Fill @arena's base, bytes (at least @want->bytes), page_bytes, fd and fd_offset.
	 * Pages may be there already or come when they are touched.
	 * Returns 0 or -errno, told in @err with what is to be done; then nothing is held.
	 */
	int (*alloc)(struct rw_arena *arena, const struct rw_arena_want *want, struct rw_err *err);

	/*
	 * Register @bytes from @offset on, known by their addresses, as ibv_reg_mr does. NULL
	 * with errno set: refused. A dmabuf goes through ibv_reg_dmabuf_mr here.
	 */
	struct ibv_mr *(*reg)(const struct rw_arena *arena, struct ibv_pd *pd, uint64_t offset,
			      uint64_t bytes, int access);

	/* Nothing of it is registered any more. */
	void (*free)(struct rw_arena *arena);
};

extern const struct rw_memory_kind rw_memory_host;
extern const struct rw_memory_kind rw_memory_file;

/* reg of a kind that the CPU has mapped at arena->base. */
struct ibv_mr *rw_memory_reg_mapped(const struct rw_arena *arena, struct ibv_pd *pd,
				    uint64_t offset, uint64_t bytes, int access);

/* free of a kind that has a descriptor and is mapped at arena->base. */
void rw_memory_free_mapped(struct rw_arena *arena);

#endif
