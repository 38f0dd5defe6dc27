/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The data of verified rows, at the initiator. */
#include "bench/row.h"

static uint8_t *seg_memory(const struct rw_seg *seg)
{
	return (uint8_t *)(uintptr_t)seg->addr;
}

/* In the data pattern, slot i begins at i * size. */
static uint64_t pattern_start(const struct rw_row *row, const struct rw_slot *slot)
{
	return rw_load_run_slot(row->load, slot->index) * row->layout.size_bytes;
}

static void fill_slot(struct rw_row *row, const struct rw_slot *slot)
{
	uint64_t position = pattern_start(row, slot);

	for (uint32_t i = 0; i < row->layout.nr_segs; i++) {
		const struct rw_seg *seg = &slot->kinds->segs[i];

		/* A READ must replace every byte, a WRITE sends the right ones. */
		if (row->load->conf->op == RW_VERB_READ)
			rw_pattern_spoil(seg_memory(seg), seg->length, row->seed, position);
		else
			rw_pattern_fill(seg_memory(seg), seg->length, row->seed, position);
		position += seg->length;
	}
}

void rw_row_fill(struct rw_row *row)
{
	for (uint32_t i = 0; i < row->load->nr_slots; i++)
		fill_slot(row, &row->slots[i]);
}

void rw_row_check_slot(struct rw_row *row, const struct rw_slot *slot)
{
	uint64_t start = pattern_start(row, slot);
	uint64_t position = start;

	if (row->load->conf->op != RW_VERB_READ)
		return;
	for (uint32_t i = 0; i < row->layout.nr_segs; i++) {
		const struct rw_seg *seg = &slot->kinds->segs[i];
		size_t first;
		size_t wrong = rw_pattern_check(seg_memory(seg), seg->length, row->seed, position,
						&first);

		if (rw_unlikely(wrong)) {
			struct rw_corrupt found = {
				.bytes = wrong,
				.slot = rw_load_run_slot(row->load, slot->index),
				.offset = position - start + first,
				.expected = rw_pattern_byte(row->seed, position + first),
				.found = seg_memory(seg)[first],
			};

			rw_corrupt_add(&row->corrupt, &found);
		}
		position += seg->length;
	}
	fill_slot(row, slot);
}
