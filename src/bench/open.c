/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is made once for a session: arena, CQ, QPs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"
#include "bench/memory.h"
#include "rw/sizing.h"

static const struct ibv_device_attr *device_attr(const struct rw_device *device)
{
	return &device->attr.orig_attr;
}

/* A window of engine reg is made of pages of 4 KiB. */
static int refuse_hugepages(const struct rw_load *load, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "engine %s maps segments a second time by pages of 4 KiB, which huge pages do not allow; give --path=direct, or leave huge pages out",
		       load->engine->name);
}

static int open_arena(struct rw_load *load, int memory_node, struct rw_err *err)
{
	bool has_windows = load->engine && load->engine->needs_window;
	struct rw_arena_want want;
	int ret;

	ret = rw_bench_want_memory(load->conf, load->device, load->slot_bytes, memory_node,
				   IBV_ACCESS_LOCAL_WRITE, &want, err);
	if (ret)
		return ret;
	want.null_mr = load->conf->use_null_mr;
	/* A file holds the memory of all threads. */
	want.file_offset += load->share->first_slot * load->slot_bytes;
	if (has_windows && want.pages == RW_PAGES_HUGE)
		return refuse_hugepages(load, err);
	if (has_windows)
		want.pages = RW_PAGES_SMALL;
	ret = rw_arena_open(load->ep.pd, &want, &load->arena, err);
	if (ret || !has_windows || load->arena.page_bytes == RW_PAGE_BYTES)
		return ret;
	/* A file of hugetlbfs. */
	rw_arena_close(&load->arena);
	return refuse_hugepages(load, err);
}

/*
 * Send WRs of a QP: room for the longest chain of each context, fallback
 * included, or what rdma_rw_init_qp would give it.
 */
static uint64_t send_wrs(const struct rw_load *load, const struct rw_load_needs *needs)
{
	const struct rw_conf *conf = load->conf;
	struct rw_attrs attrs;
	uint32_t most = 0;

	if (conf->sq == RW_SQ_FULL)
		return conf->contexts * needs->wqes + RW_MARKER_WQES;
	for (int path = 0; path < RW_NR_PATHS; path++) {
		if (!(conf->paths >> path & 1))
			continue;
		rw_load_attrs(load, path, &attrs);
		most = rw_max(most, rw_sizing_max_send_wr(&attrs, (uint32_t)conf->contexts));
	}
	return most + RW_MARKER_WQES;
}

static int check_send_wrs(const struct rw_load *load, const struct rw_qp_want *want,
			  struct rw_err *err)
{
	if (want->min_send_wr <= want->max_send_wr)
		return 0;
	if (load->conf->sq == RW_SQ_KERNEL)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "one operation needs %u WRs, and --sq=kernel makes a send queue of %u for %" PRIu64
			       " contexts: it would never run; raise --contexts or give --sq=full",
			       want->min_send_wr - RW_MARKER_WQES,
			       want->max_send_wr - RW_MARKER_WQES, load->conf->contexts);
	return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
		       "one operation needs %u WRs, more than max_qp_wr %d of %s; lower --sges",
		       want->min_send_wr, device_attr(load->device)->max_qp_wr,
		       rw_device_name(load->device));
}

static int open_qps(struct rw_load *load, const struct rw_load_needs *needs, struct rw_err *err)
{
	const struct ibv_device_attr *attr = device_attr(load->device);
	struct rw_qp_want *want = &load->qp_want;
	uint64_t cqes;
	int ret;

	*want = (struct rw_qp_want){
		.max_send_wr = (uint32_t)rw_min(send_wrs(load, needs), (uint64_t)attr->max_qp_wr),
		.min_send_wr = needs->wqes + RW_MARKER_WQES,
		.max_send_sge = needs->max_sge,
	};
	if (rw_conf_has_op(load->conf, RW_VERB_READ))
		want->send_ops |= IBV_QP_EX_WITH_RDMA_READ;
	if (rw_conf_has_op(load->conf, RW_VERB_WRITE))
		want->send_ops |= IBV_QP_EX_WITH_RDMA_WRITE;
	if (load->engine && load->engine->qp_ops) {
		want->ops = load->engine->qp_ops;
		want->send_ops |= load->engine->send_ops;
		if (load->engine->inline_bytes)
			want->max_inline_bytes = load->engine->inline_bytes(load->mr_entries);
	}
	want->max_inline_bytes =
		rw_max(want->max_inline_bytes, (uint32_t)load->conf->inline_bytes);
	ret = check_send_wrs(load, want, err);
	if (!ret && load->conf->use_ooo)
		ret = rw_engine_want_ooo(load->device, want, err);
	if (ret)
		return ret;
	if (load->conf->events)
		ret = rw_endpoint_use_events(&load->ep, (uint32_t)load->conf->comp_vector, err);
	if (ret)
		return ret;
	/* After an error every WR completes, signaled or not. */
	cqes = rw_min(load->conf->qps * want->max_send_wr, (uint64_t)attr->max_cqe);
	cqes = rw_max(cqes, load->nr_slots + load->conf->qps);
	return rw_endpoint_add_qps(&load->ep, (uint32_t)load->conf->qps, (uint32_t)cqes, want, err);
}

static int check_inline(const struct rw_load *load, struct rw_err *err)
{
	uint32_t granted = load->ep.qps[0].max_inline_bytes;

	if (granted >= load->conf->inline_bytes)
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
		       "--inline_size: %s granted %u bytes in a WQE; lower it",
		       rw_device_name(load->device), granted);
}

/* The device may have granted shorter lists than were asked for. */
static int take_granted_entries(struct rw_load *load, struct rw_err *err)
{
	uint32_t granted;

	if (!load->engine || !load->engine->granted_entries)
		return 0;
	granted = load->engine->granted_entries(&load->ep.qps[0]);
	if (granted >= load->mr_entries)
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
		       "%s granted %u inline bytes, lists of %u segments, and %u are wanted; give --mr_entries=%u",
		       rw_device_name(load->device), load->ep.qps[0].max_inline_bytes, granted,
		       load->mr_entries, granted);
}

static int alloc_qps(struct rw_load *load, struct rw_err *err)
{
	load->qps = calloc(load->conf->qps, sizeof(*load->qps));
	if (!load->qps)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < load->conf->qps; i++) {
		load->qps[i].qp = &load->ep.qps[i];
		load->qps[i].index = i;
	}
	return 0;
}

int rw_load_open(struct rw_load *load, const struct rw_load_want *want, struct rw_err *err)
{
	const struct rw_conf *conf = &want->share->conf;
	struct rw_load_needs needs;
	int ret;

	memset(load, 0, sizeof(*load));
	load->share = want->share;
	load->conf = conf;
	load->device = want->domain->device;
	load->yields = want->yields;
	load->watch = want->watch;
	load->clock = *want->clock;
	load->nr_slots = (uint32_t)(conf->contexts * conf->qps);
	rw_load_find_max_sgl_rd(load);
	ret = rw_load_choose_engine(load, err);
	if (!ret)
		ret = rw_load_find_needs(load, &needs, err);
	if (ret)
		goto err_load;
	load->slot_bytes = needs.slot_bytes;
	rw_endpoint_open_in(want->domain, &load->ep);
	ret = open_arena(load, want->memory_node, err);
	if (ret)
		goto err_endpoint;
	ret = open_qps(load, &needs, err);
	if (!ret)
		ret = take_granted_entries(load, err);
	if (!ret)
		ret = check_inline(load, err);
	if (!ret)
		ret = alloc_qps(load, err);
	if (!ret)
		return 0;

	free(load->qps);
	rw_arena_close(&load->arena);
err_endpoint:
	rw_endpoint_close(&load->ep);
err_load:
	/* For rw_load_close: it was never open. */
	memset(load, 0, sizeof(*load));
	return ret;
}

void rw_load_set_remote(struct rw_load *load, const struct rw_msg_buffer *buffer)
{
	load->remote = *buffer;
	load->remote.addr += load->share->first_slot * buffer->slot_bytes;
	if (buffer->nr_rkeys == 1)
		return;
	load->remote.nr_rkeys = (uint32_t)load->conf->qps;
	memcpy(load->remote.rkeys, &buffer->rkeys[load->share->first_qp],
	       load->remote.nr_rkeys * sizeof(*buffer->rkeys));
}

void rw_load_close_qps(struct rw_load *load)
{
	for (uint32_t i = 0; i < load->ep.nr_qps; i++)
		rw_qp_close(&load->ep.qps[i]);
	load->ep.nr_qps = 0;
}

void rw_load_close(struct rw_load *load)
{
	if (!load->conf)
		return;
	rw_load_close_qps(load);
	rw_arena_close(&load->arena);
	rw_endpoint_close(&load->ep);
	free(load->qps);
}
