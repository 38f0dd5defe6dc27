/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mr/engine.h"

/* Best first: the fewer system calls, the better; the library's own API before raw WQEs. */
static const struct rw_engine *const engines[] = {
#ifdef HAVE_MLX5
	&rw_engine_umr,
	&rw_engine_umr_ptr,
#endif
	&rw_engine_reg,
};

const struct rw_engine *rw_engine_at(uint32_t i)
{
	return i < RW_ARRAY_SIZE(engines) ? engines[i] : NULL;
}

static const struct rw_engine *find(const char *name, const struct rw_device *device,
				    const struct rw_layout *layout, bool in_one_mr,
				    struct rw_err *last)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(engines); i++) {
		if (*name && strcmp(engines[i]->name, name))
			continue;
		if (in_one_mr && engines[i]->max_entries < layout->nr_segs)
			continue;
		rw_err_clear(last);
		if (!engines[i]->check(device, layout, last))
			return engines[i];
	}
	return NULL;
}

int rw_engine_choose(const char *name, const struct rw_device *device,
		     const struct rw_layout *layout, const struct rw_engine **engine_p,
		     struct rw_err *err)
{
	const struct rw_engine *engine;
	struct rw_err last = { 0 };

	engine = find(name, device, layout, true, &last);
	if (!engine)
		engine = find(name, device, layout, false, &last);
	if (engine) {
		*engine_p = engine;
		return 0;
	}
	if (last.exit_code)
		return rw_fail(err, last.exit_code, last.error, "%s", last.text);
	/* It is an engine (conf/options.c), but none of this build. */
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--engine: %s is not there: built without libmlx5 (--with-mlx5=no); leave it out", name);
}

static void list_engine(const struct rw_engine *engine, const struct rw_device *device,
			const struct rw_layout *layout)
{
	struct rw_attrs attrs = { 0 };
	struct rw_err why = { 0 };
	bool available = !engine->check(device, layout, &why);
	char bytes[32] = "-";

	engine->fill_attrs(&attrs);
	if (engine->reg_bytes)
		snprintf(bytes, sizeof(bytes), "%u to %u", engine->reg_bytes(1),
			 engine->reg_bytes(engine->max_entries));
	printf(" %-8s %-11u %-5u %-12s %-11s %-6s %-10s %s%s%s\n", engine->name,
	       engine->max_entries, attrs.reg_wqes, bytes, engine->needs_window ? "whole pages" : "any",
	       attrs.zero_based ? "zero" : "VA", available ? "yes" : "no", engine->summary,
	       available ? "" : "; ", available ? "" : why.text);
}

void rw_engine_list(const struct rw_device *device)
{
	struct rw_layout layout;
	struct rw_err err = { 0 };

	/* One page: what any engine can take, so that only the device decides. */
	rw_layout_init(&layout, RW_PAGE_BYTES, UINT64_MAX, UINT64_MAX, UINT64_MAX, &err);
	printf(" engine   entries/MR  WQEs  WQE bytes    segments    base   available  what\n");
	for (size_t i = 0; i < RW_ARRAY_SIZE(engines); i++)
		list_engine(engines[i], device, &layout);
#ifndef HAVE_MLX5
	printf(" umr      -           -     -            -           -      no         built without libmlx5 (--with-mlx5=no)\n");
	printf(" umr_ptr  -           -     -            -           -      no         built without libmlx5 (--with-mlx5=no)\n");
#endif
}

#ifndef HAVE_MLX5
int rw_engine_query_max_sgl_rd(const struct rw_device *device, uint32_t *max_sgl_rd_p,
			       struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP, "built without libmlx5");
}

int rw_engine_want_ooo(const struct rw_device *device, struct rw_qp_want *want,
		       struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
		       "--use_ooo: built without libmlx5; leave it out");
}

const char *rw_engine_relaxed_ordering(const struct rw_device *device)
{
	return "unknown";
}

uint32_t rw_engine_wqe_bytes(const struct rw_device *device, const struct rw_engine *engine,
			     const struct rw_wr *wr)
{
	return 0;
}

uint32_t rw_engine_sq_blocks(const struct rw_device *device, const struct rw_qp *qp)
{
	return 0;
}
#endif
