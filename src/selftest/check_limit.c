/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Rows of one more than a limit: it must be refused, and where we say. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "selftest/rig.h"

static const struct rw_shape one_seg = { .nr_segs = 1, .bytes = 200, .gap = 60 };

/* Memory for two operations of up to @segs segments as one_seg's. */
static uint64_t bytes_for(uint32_t segs)
{
	struct rw_shape shape = one_seg;

	shape.nr_segs = segs;
	return 2 * rw_rig_shape_bytes(&shape);
}

/*
 * Post a good operation and one of @nr_segs segments, which the QP cannot take,
 * as one batch: all of it must be refused and dropped, and the QP go on.
 */
static int refuse_batch(struct rw_rig *rig, uint32_t nr_segs, int want_error, struct rw_err *err)
{
	struct rw_shape shape = one_seg;
	struct rw_rig_op ops[2] = { 0 };
	int ret, error = 0;

	shape.nr_segs = nr_segs;
	ret = rw_rig_place(rig, &one_seg, &ops[0], true, err);
	if (!ret)
		ret = rw_rig_place(rig, &shape, &ops[1], false, err);
	if (!ret) {
		rw_rig_draw(rig, ops, 2);
		rw_rig_expect_nothing(rig);
	}
	for (uint32_t i = 0; i < 2 && !ret; i++)
		ret = rw_rig_plan(rig, &ops[i], err);
	if (!ret) {
		error = -rw_rig_post(rig, ops, 2);
		if (!error || (want_error && error != want_error))
			ret = rw_fail(err, RW_EXIT_RUN, -EIO, "%u segments: %s", nr_segs,
				      error ? strerror(error) : "it is taken");
	}
	if (!ret)
		snprintf(rig->t->found, sizeof(rig->t->found), "%u segments: %s", nr_segs,
			 strerror(error));
	for (uint32_t i = 0; i < 2; i++)
		rw_rig_drop(rig, &ops[i]);
	if (ret)
		return ret;
	/* Nothing was registered: no key is live. */
	for (uint32_t i = 0; i < rig->pool.size; i++)
		rig->mrs[i].need_inval = false;
	ret = rw_rig_compare(rig, err);
	/* A completion of what was dropped would come before this one's. */
	return ret ? ret : rw_rig_run(rig, &one_seg, err);
}

int rw_check_sge_limit(struct rw_selftest *t, struct rw_err *err)
{
	uint32_t limit = rw_device_max_sge(t->device, t->op == RW_OP_READ);
	struct rw_rig_want want = { .bytes = bytes_for(limit + 1) };
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	/* The planner never exceeds the limit: tell it another one. */
	rig.attrs.max_send_sge = rig.attrs.max_sge_rd = limit + 1;
	if (!ret)
		ret = refuse_batch(&rig, limit + 1, 0, err);
	rw_rig_close(&rig);
	return ret;
}

static int inline_limit(struct rw_selftest *t, uint32_t entries, uint32_t *granted_p,
			struct rw_err *err)
{
	/* The keys have room enough: it is the QP's limit that must hold. */
	struct rw_rig_want want = {
		.max_sge = 1,
		.mr_entries = 2 * t->engine->max_entries,
		.qp_entries = entries,
		.nr_mrs = 2,
		.bytes = bytes_for(2 * t->engine->max_entries),
	};
	struct rw_shape shape = one_seg;
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	if (!ret) {
		shape.nr_segs = *granted_p = t->engine->granted_entries(rig.qp);
		snprintf(t->at, sizeof(t->at), "granted %u: ", shape.nr_segs);
		ret = rw_rig_run(&rig, &shape, err);
	}
	if (!ret)
		ret = refuse_batch(&rig, shape.nr_segs + 1, ENOMEM, err);
	rw_rig_close(&rig);
	return ret;
}

/* From the smallest QP to the largest. */
int rw_check_inline_limit(struct rw_selftest *t, struct rw_err *err)
{
	const uint32_t asked[] = { 1, 8, 20, t->engine->max_entries };
	size_t used = 0;
	char text[64] = "";
	int ret = 0;

	for (size_t i = 0; i < RW_ARRAY_SIZE(asked) && !ret; i++) {
		uint32_t granted = 0;

		ret = inline_limit(t, asked[i], &granted, err);
		if (used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %u", granted);
	}
	snprintf(t->found, sizeof(t->found), "so on QPs granted%s", text);
	return ret;
}

/*
 * The library does not look at a list behind a pointer: the device must. The key
 * is made for 4 entries. It is the first of several, whose lists lie one behind
 * the other, so that the longer list runs into those of MRs that are not in use.
 */
int rw_check_list_limit(struct rw_selftest *t, struct rw_err *err)
{
	struct rw_rig_want want = { .mr_entries = 4, .nr_mrs = 3, .bytes = bytes_for(8) };
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	struct rw_shape shape = one_seg;
	struct rw_rig_op op = { 0 };
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	shape.nr_segs = 5;
	rig.attrs.mr_entries = 8;
	if (!ret)
		ret = rw_rig_prepare(&rig, &shape, &op, err);
	if (!ret) {
		rw_rig_expect_nothing(&rig);
		/* The registration is enough: it is refused whether or not a READ follows. */
		for (uint32_t i = 0; i < op.nr_wrs; i++) {
			struct rw_wr wr = op.wrs[i];

			if (wr.op != RW_WR_REG)
				continue;
			wr.signaled = true;
			ret = rw_rig_provoke(&rig, &wr, IBV_WC_SUCCESS, &status, err);
		}
	}
	if (!ret)
		ret = rw_rig_compare(&rig, err);
	rw_rig_drop(&rig, &op);
	rw_rig_close(&rig);
	snprintf(t->found, sizeof(t->found), "%s", ibv_wc_status_str(status));
	return ret;
}

int rw_check_page_limit(struct rw_selftest *t, struct rw_err *err)
{
	struct rw_err why = { 0 };
	struct rw_layout layout;
	int ret;

	ret = rw_layout_init(&layout, 3 * RW_PAGE_BYTES, UINT64_MAX, RW_PAGE_BYTES / 2,
			     RW_PAGE_BYTES, err);
	if (ret)
		return ret;
	if (!t->engine->check(t->device, &layout, &why))
		return rw_fail(err, RW_EXIT_RUN, -EIO, "segments of half a page are taken");
	rw_err_clear(&why);
	if (!rw_layout_init(&layout, (RW_MAX_SEGMENTS + UINT64_C(1)) * RW_PAGE_BYTES, UINT64_MAX,
			    RW_PAGE_BYTES, UINT64_MAX, &why))
		return rw_fail(err, RW_EXIT_RUN, -EIO, "%u segments are taken",
			       RW_MAX_SEGMENTS + 1);
	snprintf(t->found, sizeof(t->found), "refused before anything is opened");
	return 0;
}
