/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/mix.h"

/* Mixes and arrivals have numbers of their own. */
#define SEED_OF_MIXES UINT64_C(0x6d69786564)

static struct rw_row_kind *kind_of(struct rw_row *row, const struct rw_slot *slot)
{
	return &row->kinds[slot->kind];
}

void rw_mix_begin(struct rw_row *row, struct rw_slot *slot)
{
	uint64_t drawn = rw_random_below(&row->draws, row->weights);
	uint32_t k = 0;

	while (drawn >= row->kinds[k].kind.weight)
		drawn -= row->kinds[k++].kind.weight;
	slot->kind = k;
	slot->ctx = slot->kinds[k].ctx;
	row->count.mr_wanted += slot->ctx.wants_mr;
}

void rw_mix_take_mrs(struct rw_row *row, const struct rw_slot *slot)
{
	kind_of(row, slot)->mr_operations++;
	rw_time_sum_begin(&kind_of(row, slot)->hold, row->now);
}

void rw_mix_put_mrs(struct rw_row *row, const struct rw_slot *slot)
{
	rw_time_sum_end(&kind_of(row, slot)->hold, row->now);
}

void rw_mix_end(struct rw_row *row, const struct rw_slot *slot)
{
	struct rw_row_kind *kind = kind_of(row, slot);

	kind->operations++;
	row->count.mixed_bytes += kind->layout.size_bytes;
}

void rw_mix_reset(struct rw_row *row)
{
	for (uint32_t k = 0; k < row->nr_kinds; k++) {
		row->kinds[k].operations = row->kinds[k].mr_operations = 0;
		row->kinds[k].hold = (struct rw_time_sum){ 0 };
	}
	/* Not the row's own seed: all paths are to draw the same kinds. */
	rw_random_init(&row->draws, row->load->conf->seed ^ SEED_OF_MIXES);
}

void rw_mix_mr_use(const struct rw_row *row, uint64_t *mrs_p, double *ticks_p)
{
	const struct rw_counters *count = &row->count;

	*mrs_p = count->mr_operations * row->mrs_per_op;
	*ticks_p = rw_time_sum_total(&count->hold) * row->mrs_per_op;
	if (!row->mixed)
		return;
	*mrs_p = 0;
	*ticks_p = 0;
	for (uint32_t k = 0; k < row->nr_kinds; k++) {
		const struct rw_row_kind *kind = &row->kinds[k];

		*mrs_p += kind->mr_operations * kind->nr_mrs;
		*ticks_p += rw_time_sum_total(&kind->hold) * kind->nr_mrs;
	}
}

bool rw_mix_is_even(const struct rw_row *row)
{
	for (uint32_t k = 1; k < row->nr_kinds; k++)
		if (row->kinds[k].nr_mrs != row->kinds[0].nr_mrs)
			return false;
	return true;
}
