/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/load.h"
#include "bench/session.h"
#include "explain/explain.h"
#include "report/report.h"

#define FROM_DEVICE "ibv_query_device_ex"

static void set_limit(struct rw_limits *limits, enum rw_limit_id id, int value,
		      const char *source)
{
	limits->limits[id].value = (uint32_t)rw_max(value, 0);
	limits->limits[id].source = source;
}

static void limits_of_device(const struct rw_device *device, struct rw_limits *limits)
{
	const struct ibv_device_attr *attr = &device->attr.orig_attr;

	*limits = (struct rw_limits){
		.name = rw_device_name(device),
		.iwarp = device->is_iwarp,
	};
	set_limit(limits, RW_LIMIT_MAX_SEND_SGE, attr->max_sge, FROM_DEVICE);
	set_limit(limits, RW_LIMIT_MAX_SGE_RD,
		  attr->max_sge_rd > 0 ? attr->max_sge_rd : attr->max_sge, FROM_DEVICE);
	set_limit(limits, RW_LIMIT_MAX_QP_WR, attr->max_qp_wr, FROM_DEVICE);
	set_limit(limits, RW_LIMIT_MAX_QP_RD_ATOM,
		  rw_min(attr->max_qp_rd_atom, attr->max_qp_init_rd_atom),
		  FROM_DEVICE ", with a peer like it");
	/* FAST_REG_PAGES is the kernel's alone: programs are not told. */
}

static void device_of_profile(enum rw_device_profile profile, const struct rw_limits *limits,
			      struct rw_device *device)
{
	static const enum rw_device_class classes[RW_NR_PROFILES] = {
		[RW_PROFILE_MLX5] = RW_DEVICE_HARDWARE,
		[RW_PROFILE_RXE] = RW_DEVICE_RXE,
		[RW_PROFILE_SIW] = RW_DEVICE_SIW,
		[RW_PROFILE_IRDMA] = RW_DEVICE_HARDWARE,
	};

	*device = (struct rw_device){
		.profile = limits->name,
		.like_mlx5 = limits->is_mlx5,
		.class = classes[profile],
		.is_iwarp = limits->iwarp,
	};
	device->attr.orig_attr = (struct ibv_device_attr){
		.max_sge = (int)limits->limits[RW_LIMIT_MAX_SEND_SGE].value,
		.max_sge_rd = (int)limits->limits[RW_LIMIT_MAX_SGE_RD].value,
		.max_qp_wr = (int)limits->limits[RW_LIMIT_MAX_QP_WR].value,
		.max_qp_rd_atom = (int)limits->limits[RW_LIMIT_MAX_QP_RD_ATOM].value,
		.max_qp_init_rd_atom = (int)limits->limits[RW_LIMIT_MAX_QP_RD_ATOM].value,
	};
}

/* The threshold: given, the profile's, or asked of the firmware as a run does. */
static void find_threshold(struct rw_load *load, struct rw_limits *limits)
{
	struct rw_limit *limit = &limits->limits[RW_LIMIT_MAX_SGL_RD];

	if (limits->is_profile && load->conf->max_sgl_rd == RW_AUTO) {
		load->max_sgl_rd = limit->value;
		return;
	}
	rw_load_find_max_sgl_rd(load);
	limit->value = load->max_sgl_rd;
	limit->source = load->max_sgl_rd_source;
}

struct wqe_arg {
	const struct rw_device *device;
	const struct rw_engine *engine;
};

static uint32_t wqe_bytes(const void *arg, const struct rw_wr *wr)
{
	const struct wqe_arg *wqe = arg;

	return rw_engine_wqe_bytes(wqe->device, wqe->engine, wr);
}

static void fill_attrs(const struct rw_load *load, struct rw_explain *explain)
{
	const struct rw_limit *limits = explain->limits.limits;

	/* The run's, with the limits that it finds in its QPs. */
	for (int path = 0; path < RW_NR_PATHS; path++) {
		struct rw_attrs *attrs = &explain->attrs[path];

		rw_load_attrs(load, path, attrs);
		attrs->max_send_sge = rw_min(limits[RW_LIMIT_MAX_SEND_SGE].value, load->wr_segs);
		attrs->max_sge_rd = rw_min(limits[RW_LIMIT_MAX_SGE_RD].value, load->wr_segs);
	}
	if (!load->engine)
		return;
	explain->engine.name = load->engine->name;
	explain->engine.max_entries = load->engine->max_entries;
}

/* What would stop the run stops this, too. */
static int check_rows(const struct rw_load *load, struct rw_err *err)
{
	struct rw_kind kinds[RW_MAX_KINDS];
	uint32_t n = rw_conf_kinds(load->conf, kinds);
	int ret = 0;

	for (uint32_t i = 0; i < n && !ret; i++) {
		struct rw_remote remote;
		struct rw_layout layout;

		ret = rw_load_layout_of(load->conf, kinds[i].size_bytes, &layout, err);
		if (!ret)
			ret = rw_load_remote_of(load, &layout, &remote, err);
		for (int path = 0; path < RW_NR_PATHS && !ret; path++)
			if (load->conf->paths >> path & 1 &&
			    rw_load_uses_mrs(load, path, kinds[i].op, &layout))
				ret = rw_load_check_mr_row(load, &layout, err);
	}
	return ret;
}

static int tell_row(const struct rw_explain *explain, const struct rw_kind *kind,
		    enum rw_conf_path path, bool with_text, json_t *rows, struct rw_err *err)
{
	struct rw_explain_row row;
	int ret = rw_explain_row(explain, kind, path, &row, err);

	if (ret)
		return ret;
	if (with_text)
		rw_explain_print_row(explain, &row);
	if (rows && json_array_append_new(rows, rw_explain_row_json(explain, &row)))
		ret = rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	rw_explain_row_release(&row);
	return ret;
}

/* @doc NULL: nobody wants it. */
static int tell(const struct rw_explain *explain, bool with_text, json_t *doc, struct rw_err *err)
{
	struct rw_kind kinds[RW_MAX_KINDS];
	uint32_t n = rw_conf_kinds(explain->conf, kinds);
	json_t *rows = json_object_get(doc, "rows");
	int ret = 0;

	if (with_text)
		rw_explain_print_head(explain);
	for (uint32_t i = 0; i < n; i++)
		for (int path = 0; path < RW_NR_PATHS && !ret; path++)
			if (explain->conf->paths >> path & 1)
				ret = tell_row(explain, &kinds[i], path, with_text, rows, err);
	return ret;
}

static int report(const struct rw_explain *explain, struct rw_err *err)
{
	const char *path = explain->conf->json;
	json_t *doc;
	int ret;

	if (!*path)
		return tell(explain, true, NULL, err);
	doc = rw_explain_head_json(explain);
	if (!doc)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	ret = tell(explain, strcmp(path, "-") != 0, doc, err);
	if (!ret)
		ret = rw_report_write(path, doc, err);
	json_decref(doc);
	return ret;
}

/* @conf is adapted to the device already, of which @notes tell. */
static int explain_rows(const struct rw_conf *conf, const struct rw_device *device,
			struct rw_limits limits, json_t *notes, struct rw_err *err)
{
	struct rw_load load = { .conf = conf, .device = device };
	struct rw_explain explain = {
		.conf = conf,
		.notes = notes,
		.marker_wrs = RW_MARKER_WQES,
	};
	struct wqe_arg arg = { .device = device };
	int ret;

	find_threshold(&load, &limits);
	ret = rw_load_choose_engine(&load, err);
	if (!ret)
		ret = check_rows(&load, err);
	if (ret)
		return ret;
	explain.limits = limits;
	fill_attrs(&load, &explain);
	arg.engine = load.engine;
	explain.engine.wqe_bytes = wqe_bytes;
	explain.engine.arg = &arg;
	explain.has_device = !limits.is_profile;
	if (explain.has_device)
		rw_iommu_of_device(limits.name, &explain.iommu);
	else
		rw_iommu_of_host(&explain.iommu);
	return report(&explain, err);
}

static int explain_on(const struct rw_conf *conf, const struct rw_device *device,
		      const struct rw_limits *limits, struct rw_err *err)
{
	struct rw_conf adapted = *conf;
	json_t *notes = json_array();
	int ret;

	if (!notes)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	if (rw_conf_is_mixed(conf))
		json_array_append_new(notes, json_string("a mix: the budgets are those of each kind alone, and a run has the largest of each"));
	ret = rw_session_adapt(&adapted, device, notes, err);
	if (!ret)
		ret = explain_rows(&adapted, device, *limits, notes, err);
	json_decref(notes);
	return ret;
}

int rw_bench_explain(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_limits limits;
	struct rw_device device;
	int ret;

	if (*conf->explain.text)
		return rw_explain_vectors(conf->explain.text, err);
	if (*conf->json) {
		ret = rw_report_check_file(conf->json, err);
		if (ret)
			return ret;
	}
	if (!*conf->device) {
		limits = *rw_limits_profile((enum rw_device_profile)conf->device_profile);
		device_of_profile((enum rw_device_profile)conf->device_profile, &limits, &device);
		return explain_on(conf, &device, &limits, err);
	}
	ret = rw_session_open_device(conf, &device, err);
	if (ret)
		return ret;
	limits_of_device(&device, &limits);
	ret = explain_on(conf, &device, &limits, err);
	rw_device_close(&device);
	return ret;
}
