/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Memory keys: from (key, address, length) to pieces of memory; UMR. */
#ifndef EMU_MKEY_H
#define EMU_MKEY_H

#include <stdint.h>

#include "emu/dma.h"

enum {
	/* the rights a key can give, as in the mkey context's access byte */
	KEY_LOCAL_READ = 1 << 2,
	KEY_LOCAL_WRITE = 1 << 3,
	KEY_REMOTE_READ = 1 << 4,
	KEY_REMOTE_WRITE = 1 << 5,
};

/* How a translation ended. */
enum map_result {
	MAP_OK = 0,
	MAP_NO_KEY,    /* no such key, another variant of it, or invalidated */
	MAP_WRONG_PD,
	MAP_NO_ACCESS, /* the key does not give the right */
	MAP_BOUNDS,
	MAP_NESTING,   /* a key behind a key behind a key */
	MAP_NO_MEMORY,
};

/* What was asked and found, for the cost profile and for messages. */
struct map_query {
	uint32_t key;
	uint32_t pdn;
	uint64_t addr;
	uint64_t len;
	uint8_t need; /* KEY_* */
};

/*
 * Append the pieces of @q to @sg, in the address space of the process that
 * owns the key. On any failure @sg is as it was.
 */
enum map_result mkey_map(const struct map_query *q, struct sg *sg);

/* In words, for messages. */
const char *mkey_text(enum map_result result);

/*
 * Execute a UMR: @wqe is the whole WQE, linear, @len bytes (a multiple of 16).
 *
 *	0      16         64        128
 *	| ctrl | umr ctrl | mkey    | entries, or one data segment
 *
 * Returns 0 or the syndrome of its error completion. @fetched_p: entries that
 * were read through a pointer.
 */
uint8_t mkey_umr(const uint8_t *wqe, uint32_t len, uint32_t pdn, uint32_t *fetched_p);

/*
 * Invalidate @rkey on behalf of the peer (SEND_WITH_INV).
 * Returns 0 or the syndrome with which the sender completes.
 */
uint8_t mkey_remote_inval(uint32_t rkey, uint32_t pdn);

#endif
