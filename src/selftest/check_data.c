/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Rows whose data must arrive: every byte right, and none beside them touched. */
#include <stdio.h>

#include "rw/sizing.h"
#include "selftest/rig.h"

/* Around the steps of lists (4), of an inline list (52) and of the kernel's MR (256). */
#define MANY_COUNTS 53u
static const uint32_t more_counts[] = { 255, 256, 257, 1024 };

/* The largest shape that a row tries; what windows map is held small. */
static uint32_t most_segs(const struct rw_selftest *t)
{
	if (!t->engine)
		return rw_device_max_sge(t->device, t->op == RW_OP_READ);
	if (t->engine->needs_window)
		return RW_SIZING_MAX_MR_ENTRIES;
	return rw_min(t->engine->max_entries, more_counts[RW_ARRAY_SIZE(more_counts) - 1]);
}

static struct rw_shape base_shape(const struct rw_selftest *t, bool uneven)
{
	bool pages = t->engine && t->engine->needs_window;

	return (struct rw_shape){
		.bytes = pages ? RW_PAGE_BYTES : 300,
		.gap = pages ? RW_PAGE_BYTES : 131,
		.uneven = uneven,
	};
}

static int run_counts(struct rw_selftest *t, bool uneven, struct rw_err *err)
{
	struct rw_shape shape = base_shape(t, uneven);
	uint32_t most = most_segs(t), tried = 0, last = 0;
	struct rw_rig_want want = { .mr_entries = most, .nr_mrs = 1 };
	struct rw_rig rig;
	int ret;

	shape.nr_segs = most;
	want.bytes = rw_rig_shape_bytes(&shape);
	ret = rw_rig_open(&rig, t, &want, err);
	for (uint32_t i = 0; i < MANY_COUNTS + RW_ARRAY_SIZE(more_counts) && !ret; i++) {
		shape.nr_segs = i < MANY_COUNTS ? i + 1 : more_counts[i - MANY_COUNTS];
		if (shape.nr_segs > most)
			break;
		snprintf(t->at, sizeof(t->at), "segments %u: ", shape.nr_segs);
		ret = rw_rig_run(&rig, &shape, err);
		last = shape.nr_segs;
		tried++;
	}
	rw_rig_close(&rig);
	snprintf(t->found, sizeof(t->found), "%u counts from 1 to %u", tried, last);
	return ret;
}

int rw_check_counts(struct rw_selftest *t, struct rw_err *err)
{
	return run_counts(t, false, err);
}

int rw_check_uneven(struct rw_selftest *t, struct rw_err *err)
{
	return run_counts(t, true, err);
}

/* What a device may scatter into the CQE instead: up to 64 bytes. */
#define SMALL_BYTES 64u

int rw_check_small(struct rw_selftest *t, struct rw_err *err)
{
	uint32_t most = t->engine && t->engine->needs_window ? 1 : 2;
	struct rw_rig_want want = { .mr_entries = 4, .nr_mrs = 1, .bytes = 4 * RW_PAGE_BYTES };
	struct rw_shape shape = { .gap = 7 };
	struct rw_rig rig;
	int ret = rw_rig_open(&rig, t, &want, err);

	for (uint32_t bytes = 1; bytes <= SMALL_BYTES && !ret; bytes++) {
		for (shape.nr_segs = 1; shape.nr_segs <= most && !ret; shape.nr_segs++) {
			if (bytes % shape.nr_segs)
				continue;
			shape.bytes = bytes / shape.nr_segs;
			snprintf(t->at, sizeof(t->at), "bytes %u, segments %u: ", bytes,
				 shape.nr_segs);
			ret = rw_rig_run(&rig, &shape, err);
		}
	}
	rw_rig_close(&rig);
	snprintf(t->found, sizeof(t->found), "1 to %u bytes%s", SMALL_BYTES,
		 most > 1 ? ", in 1 and 2 segments" : "");
	return ret;
}

/* Three WRs, or three MRs, the last of them with a single segment. */
int rw_check_several(struct rw_selftest *t, struct rw_err *err)
{
	uint32_t entries = rw_min(most_segs(t), MANY_COUNTS);
	struct rw_shape shape = base_shape(t, !t->engine || !t->engine->needs_window);
	struct rw_rig_want want = { .max_sge = entries, .mr_entries = entries, .nr_mrs = 3 };
	struct rw_rig rig;
	int ret;

	shape.nr_segs = 2 * entries + 1;
	want.bytes = rw_rig_shape_bytes(&shape);
	ret = rw_rig_open(&rig, t, &want, err);
	if (!ret)
		ret = rw_rig_run(&rig, &shape, err);
	rw_rig_close(&rig);
	snprintf(t->found, sizeof(t->found), "%u segments by %u %s", shape.nr_segs, rig.pieces,
		 t->engine ? "MRs" : "WRs");
	return ret;
}
