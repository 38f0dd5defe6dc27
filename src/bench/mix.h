/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rows with a mix (--mix, --size=SIZE:WEIGHT,...): each context is prepared
 * for every kind of operation; which kind comes next is drawn when an
 * operation begins, and what was prepared for it becomes the slot's context.
 */
#ifndef RW_BENCH_MIX_H
#define RW_BENCH_MIX_H

#include "bench/row.h"

/* Draw the kind of the slot's next operation, which has just begun. */
void rw_mix_begin(struct rw_row *row, struct rw_slot *slot);

/* The operation of @slot has its MRs; gives them back; is over and well. */
void rw_mix_take_mrs(struct rw_row *row, const struct rw_slot *slot);
void rw_mix_put_mrs(struct rw_row *row, const struct rw_slot *slot);
void rw_mix_end(struct rw_row *row, const struct rw_slot *slot);

/* Forget what was counted. The same kinds will be drawn in the same order again. */
void rw_mix_reset(struct rw_row *row);

/* MRs that the operations of the row took, and for how long, summed over MRs. */
void rw_mix_mr_use(const struct rw_row *row, uint64_t *mrs_p, double *ticks_p);

/* Do all its operations take the same number of MRs? Loss models know no others. */
bool rw_mix_is_even(const struct rw_row *row);

#endif
