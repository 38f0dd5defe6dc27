/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/lend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bench/memory.h"

static uint8_t *slot_memory(const struct rw_lent *lent, uint32_t slot)
{
	return lent->arena.base + rw_conf_slot_place(lent->conf, slot) * lent->slot_bytes;
}

uint8_t rw_lent_access(const struct rw_conf *conf)
{
	return (rw_conf_has_op(conf, RW_VERB_READ) ? IBV_ACCESS_REMOTE_READ : 0) |
	       (rw_conf_has_op(conf, RW_VERB_WRITE) ? IBV_ACCESS_REMOTE_WRITE : 0);
}

static int remote_of(const struct rw_lent *lent, uint64_t size_bytes, struct rw_remote *remote,
		     struct rw_err *err)
{
	const struct rw_conf *conf = lent->conf;
	struct rw_layout layout;
	int ret = rw_layout_init(&layout, size_bytes, conf->sges, conf->segment_bytes,
				 conf->stride_bytes, err);

	if (!ret)
		ret = rw_remote_init(remote, &layout, conf->remote_stride_bytes, lent->wr_segs,
				     err);
	/* Our clients check it themselves: this one is something else. */
	if (ret)
		err->exit_code = RW_EXIT_PEER;
	return ret;
}

static int size_slots(struct rw_lent *lent, struct rw_err *err)
{
	struct rw_kind kinds[RW_MAX_KINDS];
	uint32_t n = rw_conf_kinds(lent->conf, kinds);

	lent->slot_bytes = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct rw_remote remote;
		int ret = remote_of(lent, kinds[i].size_bytes, &remote, err);

		if (ret)
			return ret;
		lent->slot_bytes = rw_max(lent->slot_bytes,
					  rw_round_up(rw_remote_span(&remote), RW_PAGE_BYTES));
	}
	return 0;
}

int rw_lent_open(struct rw_lent *lent, const struct rw_conf *conf, uint32_t wr_segs,
		 const struct rw_endpoint *ep, int memory_node, struct rw_err *err)
{
	struct rw_arena_want want;
	int ret;

	lent->conf = conf;
	lent->wr_segs = wr_segs;
	lent->nr_slots = (uint32_t)rw_conf_slots(conf);
	ret = size_slots(lent, err);
	if (ret)
		return ret;
	ret = rw_bench_want_memory(conf, ep->device, lent->slot_bytes, memory_node,
				   IBV_ACCESS_LOCAL_WRITE | rw_lent_access(conf), &want, err);
	return ret ? ret : rw_arena_open(ep->pd, &want, &lent->arena, err);
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

static void fill_slot(struct rw_lent *lent, uint32_t slot)
{
	const struct rw_msg_prepare *row = &lent->row;

	for (uint32_t i = 0; i < lent->remote.nr_pieces; i++) {
		struct rw_piece piece = rw_remote_piece(&lent->remote, i);
		uint8_t *memory = slot_memory(lent, slot) + piece.offset;
		uint64_t position = slot * row->size_bytes + piece.first;

		/* A WRITE must replace every byte, a READ fetches the right ones. */
		if (row->is_write)
			rw_pattern_spoil(memory, piece.bytes, row->seed, position);
		else
			rw_pattern_fill(memory, piece.bytes, row->seed, position);
	}
}

int rw_lent_prepare(struct rw_lent *lent, const struct rw_msg_prepare *row, struct rw_err *err)
{
	int ret = remote_of(lent, row->size_bytes, &lent->remote, err);

	if (ret)
		return ret;
	lent->row = *row;
	if (rw_remote_span(&lent->remote) > lent->slot_bytes)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: a row of %" PRIu64
			       " bytes in a session for %" PRIu64,
			       row->size_bytes, lent->slot_bytes);
	for (uint32_t i = 0; row->verify && i < lent->nr_slots; i++)
		fill_slot(lent, i);
	return 0;
}

static void check_slot(const struct rw_lent *lent, uint32_t slot, struct rw_corrupt *corrupt)
{
	const struct rw_msg_prepare *row = &lent->row;
	uint64_t start = slot * row->size_bytes;

	for (uint32_t i = 0; i < lent->remote.nr_pieces; i++) {
		struct rw_piece piece = rw_remote_piece(&lent->remote, i);
		const uint8_t *memory = slot_memory(lent, slot) + piece.offset;
		struct rw_corrupt found = { .slot = slot };
		size_t first = 0;

		found.bytes = rw_pattern_check(memory, piece.bytes, row->seed,
					       start + piece.first, &first);
		if (!found.bytes)
			continue;
		found.offset = piece.first + first;
		found.expected = rw_pattern_byte(row->seed, start + found.offset);
		found.found = memory[first];
		rw_corrupt_add(corrupt, &found);
	}
}

int rw_lent_check(const struct rw_lent *lent, const json_t *msg, uint64_t *operations_p,
		  struct rw_corrupt *corrupt, struct rw_err *err)
{
	struct rw_msg_finish finish = { .nr_slots = lent->nr_slots };
	int ret;

	finish.done = calloc(rw_div_ceil(finish.nr_slots, 8), 1);
	if (!finish.done)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	ret = rw_msg_finish_unpack(msg, &finish, err);
	if (!ret && lent->row.verify && lent->row.is_write)
		for (uint32_t i = 0; i < lent->nr_slots; i++)
			if (finish.done[i / 8] >> i % 8 & 1)
				check_slot(lent, i, corrupt);
	*operations_p = finish.operations;
	free(finish.done);
	return ret;
}
