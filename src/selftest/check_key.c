/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Rows about the life of a key: used again, replaced, invalidated, overrun. */
#include <errno.h>
#include <stdio.h>

#include "selftest/rig.h"

#define ROUNDS	   40u
#define MOST_SEGS  13u
#define BATCH_MOST 8u

static struct rw_shape shape_of(const struct rw_selftest *t, uint32_t round)
{
	bool pages = t->engine->needs_window;

	/* Counts that rise and fall, so that a list is left longer and shorter than the next. */
	return (struct rw_shape){
		.nr_segs = 1 + round * 5 % MOST_SEGS,
		.bytes = pages ? RW_PAGE_BYTES : 200 + round,
		.gap = pages ? RW_PAGE_BYTES : 77,
		.lead = pages ? round % 3 * RW_PAGE_BYTES : round * 61,
		.uneven = round & 1,
	};
}

static struct rw_rig_want want_of(uint32_t operations, uint32_t nr_mrs)
{
	return (struct rw_rig_want){
		.mr_entries = MOST_SEGS,
		.nr_mrs = nr_mrs,
		.bytes = (uint64_t)operations * 2 * (MOST_SEGS + 3) * RW_PAGE_BYTES,
	};
}

static int use_again(struct rw_selftest *t, bool invalidate, struct rw_err *err)
{
	struct rw_rig_want want = want_of(1, 1);
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	rig.attrs.invalidate = rig.attrs.invalidate && invalidate;
	for (uint32_t i = 0; i < ROUNDS && !ret; i++) {
		struct rw_shape shape = shape_of(t, i);

		snprintf(t->at, sizeof(t->at), "use %u: ", i + 1);
		ret = rw_rig_run(&rig, &shape, err);
	}
	rw_rig_close(&rig);
	snprintf(t->found, sizeof(t->found), "one MR, %u registrations", ROUNDS);
	return ret;
}

int rw_check_reuse(struct rw_selftest *t, struct rw_err *err)
{
	return use_again(t, true, err);
}

int rw_check_replace(struct rw_selftest *t, struct rw_err *err)
{
	return use_again(t, false, err);
}

/*
 * A list in memory of its own must stay there until it has been fetched: such an
 * MR is registered once per batch. One whose list is in the WQE goes back to the
 * pool at once and is the next operation's, too.
 */
static int plan_batch(struct rw_rig *rig, struct rw_rig_op *ops, uint32_t n, struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < n && !ret; i++) {
		struct rw_shape shape = shape_of(rig->t, i);

		ret = rw_rig_place(rig, &shape, &ops[i], i == 0, err);
	}
	if (ret)
		return ret;
	rw_rig_draw(rig, ops, n);
	for (uint32_t i = 0; i < n && !ret; i++) {
		ret = rw_rig_plan(rig, &ops[i], err);
		if (!ret && rig->t->engine->inline_bytes)
			rw_ctx_destroy(&ops[i].ctx, &rig->pool);
	}
	return ret;
}

int rw_check_batch(struct rw_selftest *t, struct rw_err *err)
{
	uint32_t nr_mrs = t->engine->inline_bytes ? 1 : BATCH_MOST;
	struct rw_rig_want want = want_of(BATCH_MOST, nr_mrs);
	struct rw_rig_op ops[BATCH_MOST] = { 0 };
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	rig.attrs.fenced_inval = true;
	/* Twice, so that MRs of their own are used again, too. */
	for (uint32_t round = 0; round < 2 && !ret; round++) {
		ret = plan_batch(&rig, ops, BATCH_MOST, err);
		if (!ret)
			ret = rw_rig_finish(&rig, ops, BATCH_MOST, err);
		for (uint32_t i = 0; i < BATCH_MOST; i++)
			rw_rig_drop(&rig, &ops[i]);
	}
	rw_rig_close(&rig);
	snprintf(t->found, sizeof(t->found), "%u times in a batch, MRs: %u", BATCH_MOST, nr_mrs);
	return ret;
}

/* What is done to a READ through a live key so that it must be refused. */
enum spoil {
	SPOIL_INVALIDATE, /* its key is invalidated before */
	SPOIL_LOW_BITS,	  /* the low 8 bits of its key are others */
	SPOIL_LENGTH,	  /* it is one byte longer than its MR */
};

/* The READ of @op once more, on its own; @mr_p is a copy of its MR that may be changed. */
static struct rw_wr read_again(const struct rw_rig_op *op, struct rw_mr *mr_p)
{
	struct rw_wr read = { 0 };

	for (uint32_t i = 0; i < op->nr_wrs; i++)
		if (op->wrs[i].op == RW_WR_READ)
			read = op->wrs[i];
	*mr_p = *read.mr;
	read.mr = mr_p;
	read.signaled = true;
	return read;
}

static int provoke(struct rw_rig *rig, const struct rw_rig_op *op, enum spoil spoil,
		   struct rw_err *err)
{
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	struct rw_mr mr;
	struct rw_wr read = read_again(op, &mr);
	int ret = 0;

	/* The first READ has brought its data: draw anew, to see what the second brings. */
	rw_rig_draw(rig, op, 1);
	if (spoil == SPOIL_LOW_BITS)
		mr.key ^= 1;
	else if (spoil == SPOIL_LENGTH)
		read.length++;
	else if (rig->t->engine->unreg)
		ret = rig->t->engine->unreg(&rig->mrs[mr.index], err);
	if (spoil != SPOIL_LENGTH)
		rw_rig_expect_nothing(rig);
	if (!ret)
		ret = rw_rig_provoke(rig, &read, IBV_WC_LOC_PROT_ERR, &status, err);
	/* How much of a READ comes before its end is refused is the device's affair. */
	if (spoil == SPOIL_LENGTH)
		rw_rig_expect_any(rig, op);
	if (!ret)
		ret = rw_rig_compare(rig, err);
	snprintf(rig->t->found, sizeof(rig->t->found), "%s", ibv_wc_status_str(status));
	return ret;
}

/* READ through a new MR, which must go well, then as @spoil says; then on a new QP. */
static int refuse(struct rw_selftest *t, enum spoil spoil, struct rw_err *err)
{
	struct rw_rig_want want = want_of(1, 1);
	struct rw_shape shape = shape_of(t, 6);
	struct rw_rig_op op = { 0 };
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	rig.attrs.fenced_inval = spoil == SPOIL_INVALIDATE;
	if (!ret)
		ret = rw_rig_prepare(&rig, &shape, &op, err);
	if (!ret)
		ret = rw_rig_finish(&rig, &op, 1, err);
	if (!ret)
		ret = provoke(&rig, &op, spoil, err);
	rw_rig_drop(&rig, &op);
	rw_rig_close(&rig);
	if (ret)
		return ret;

	snprintf(t->at, sizeof(t->at), "on a new QP: ");
	ret = rw_rig_open(&rig, t, &want, err);
	if (!ret)
		ret = rw_rig_run(&rig, &shape, err);
	rw_rig_close(&rig);
	return ret;
}

int rw_check_dead_key(struct rw_selftest *t, struct rw_err *err)
{
	return refuse(t, SPOIL_INVALIDATE, err);
}

int rw_check_beyond(struct rw_selftest *t, struct rw_err *err)
{
	return refuse(t, SPOIL_LENGTH, err);
}

/* The engines write keys as they were created: LOCAL_INV and UMR leave these bits alone. */
int rw_check_low_bits(struct rw_selftest *t, struct rw_err *err)
{
	struct rw_rig_want want = want_of(1, 1);
	uint32_t low_bits = 0;
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	if (!ret)
		low_bits = rig.mrs[0].key & 0xff;
	rw_rig_close(&rig);
	if (!ret && low_bits)
		ret = rw_fail(err, RW_EXIT_RUN, -EIO, "they are 0x%02x", low_bits);
	return ret ? ret : refuse(t, SPOIL_LOW_BITS, err);
}
