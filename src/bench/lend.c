/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/lend.h"

#include <errno.h>
#include <inttypes.h>

#include "rw/layout.h"

static uint8_t *slot_memory(const struct rw_lent *lent, uint32_t slot)
{
	return lent->arena.base + rw_conf_slot_place(lent->conf, slot) * lent->slot_bytes;
}

uint8_t rw_lent_access(const struct rw_conf *conf)
{
	return (rw_conf_has_op(conf, RW_VERB_READ) ? IBV_ACCESS_REMOTE_READ : 0) |
	       (rw_conf_has_op(conf, RW_VERB_WRITE) ? IBV_ACCESS_REMOTE_WRITE : 0);
}

int rw_lent_open(struct rw_lent *lent, const struct rw_conf *conf, struct ibv_pd *pd,
		 int memory_node, struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);
	struct rw_arena_want want = {
		.numa_node = memory_node,
		.allow_hugepages = true,
		.access = IBV_ACCESS_LOCAL_WRITE | rw_lent_access(conf),
	};

	lent->conf = conf;
	/* The last size is the largest. */
	lent->slot_bytes = rw_round_up(sizes[n - 1], RW_PAGE_BYTES);
	lent->nr_slots = (uint32_t)rw_conf_slots(conf);
	want.bytes = lent->slot_bytes * lent->nr_slots;
	want.mr_bytes = lent->slot_bytes * rw_conf_mr_slots(conf);
	return rw_arena_open(pd, &want, &lent->arena, err);
}

void rw_lent_close(struct rw_lent *lent)
{
	rw_arena_close(&lent->arena);
}

void rw_lent_to_msg(const struct rw_lent *lent, struct rw_msg_buffer *buffer)
{
	*buffer = (struct rw_msg_buffer){
		.addr = (uintptr_t)lent->arena.base,
		.slot_bytes = lent->slot_bytes,
		.nr_rkeys = lent->arena.nr_mrs,
	};
	for (uint32_t i = 0; i < lent->arena.nr_mrs; i++)
		buffer->rkeys[i] = lent->arena.mrs[i]->rkey;
}

int rw_lent_prepare(struct rw_lent *lent, const struct rw_msg_prepare *row, struct rw_err *err)
{
	lent->row = *row;
	if (row->size_bytes > lent->slot_bytes)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: a row of %" PRIu64
			       " bytes in a session for %" PRIu64,
			       row->size_bytes, lent->slot_bytes);
	for (uint32_t i = 0; row->verify && i < lent->nr_slots; i++) {
		uint64_t position = i * row->size_bytes;

		if (row->is_write)
			rw_pattern_spoil(slot_memory(lent, i), row->size_bytes, row->seed,
					 position);
		else
			rw_pattern_fill(slot_memory(lent, i), row->size_bytes, row->seed,
					position);
	}
	return 0;
}

void rw_lent_check(const struct rw_lent *lent, const struct rw_msg_finish *finish,
		   struct rw_corrupt *corrupt)
{
	const struct rw_msg_prepare *row = &lent->row;

	if (!row->verify || !row->is_write)
		return;
	for (uint32_t i = 0; i < lent->nr_slots; i++) {
		struct rw_corrupt found = { .slot = i };
		size_t first = 0;

		if (!(finish->done[i / 8] >> i % 8 & 1))
			continue;
		found.bytes = rw_pattern_check(slot_memory(lent, i), row->size_bytes, row->seed,
					       i * row->size_bytes, &first);
		if (!found.bytes)
			continue;
		found.offset = first;
		found.expected = rw_pattern_byte(row->seed, i * row->size_bytes + first);
		found.found = slot_memory(lent, i)[first];
		rw_corrupt_add(corrupt, &found);
	}
}
