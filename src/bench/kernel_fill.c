/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the module counted, in the terms of all engines. */
#include <errno.h>
#include <math.h>

#include "bench/kernel.h"

/* Does the API want an MR for these operations (rw.c: rdma_rw_io_needs_mr)? */
static bool wants_mr(const struct rw_client *client, const struct rw_kernel_row *row,
		     const struct rw_layout *layout)
{
	/* Segments that an IOMMU has made one are fewer than it was told: then none took an MR. */
	if (!row->paths[RW_KERNEL_MR].operations && !row->eagain)
		return false;
	if (row->force_mr || client->device.is_iwarp)
		return true;
	return row->sgl_used && layout->nr_segs > row->sgl_used;
}

static uint64_t direct_operations(const struct rw_kernel_row *row)
{
	return row->paths[RW_KERNEL_SINGLE].operations + row->paths[RW_KERNEL_MULTI].operations;
}

/* Who wanted an MR and went direct found the pool empty: the kernel does not tell. */
static void fill_pool(const struct rw_client *client, const struct rw_kernel_row *row,
		      struct rw_result *result)
{
	const struct rw_conf *conf = client->conf;
	const struct rw_kernel_path *mr = &row->paths[RW_KERNEL_MR];

	result->engine = conf->engine;
	result->mr_pool = row->max_rdma_ctxs;
	result->nr_pools = conf->qps;
	result->mr_wanted = row->issued;
	result->mr_operations = mr->operations;
	result->fallbacks = direct_operations(row);
	result->failed = row->failed;
	result->waits = row->waits;
	result->wait_ns = (double)row->wait_ns;
	result->exhaustions = result->fallbacks + row->failed + row->waits;
	result->pool_low_water = rw_min(row->pool_low_water, result->mr_pool);
	result->no_share_model = "the module counts a row as a whole";
	if (mr->operations)
		result->mr_hold_ns = (double)mr->hold_ns / (double)mr->operations;
	result->mrs_in_use = (double)row->mr_hold_ns / (double)row->elapsed_ns / (double)conf->qps;
}

/* The moments of a histogram, but for those that are known exactly. */
static void fill_moments(const struct rw_kernel_row *row, struct rw_latency *latency)
{
	struct rw_moments *moments = &latency->moments;
	struct rw_hist_bucket bucket;
	uint32_t cursor = 0;
	double sum = 0;

	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++)
		sum += (double)row->paths[i].latency_ns;
	if (!latency->hist.count)
		return;
	moments->count = latency->hist.count;
	moments->mean = sum / (double)moments->count;
	moments->min = (double)latency->hist.min;
	moments->max = (double)latency->hist.max;
	while (rw_hist_next(&latency->hist, &cursor, &bucket)) {
		double middle = ((double)bucket.low + (double)rw_min(bucket.high, latency->hist.max)) / 2;

		moments->m2 += (middle - moments->mean) * (middle - moments->mean) *
			       (double)bucket.count;
	}
}

/*
 * From before the post to the completion's handler, planning stands beside it; of an open
 * loop from when it was due, and then planning is part of it.
 */
static struct rw_latency *latency_of(const struct rw_client *client,
				     const struct rw_kernel_row *row)
{
	struct rw_latency *latency = rw_latency_new(&client->clock, client->conf->rate, 0);

	if (!latency)
		return NULL;
	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++) {
		const struct rw_kernel_path *path = &row->paths[i];

		rw_hist_merge(&latency->hist, &path->hist);
		rw_hist_merge(&latency->service, &path->service);
		latency->queued_ns += (double)path->queued_ns;
		latency->plan_ns += (double)path->init_ns;
		latency->post_ns += (double)path->post_ns;
		latency->device_ns += (double)path->latency_ns - (double)path->queued_ns -
				      (double)path->post_ns;
	}
	latency->blocks = row->blocks;
	fill_moments(row, latency);
	return latency;
}

int rw_kernel_fill_result(const struct rw_client *client, const struct rw_kernel_row *row,
			  int path, const struct rw_layout *layout, struct rw_result *result,
			  struct rw_err *err)
{
	const struct rw_conf *conf = client->conf;

	*result = (struct rw_result){
		.op = rw_conf_op_name(conf->op),
		.path = rw_conf_path_name((uint64_t)path),
		.size_bytes = layout->size_bytes,
		.segment_bytes = layout->seg_bytes,
		.sges = layout->nr_segs,
		.contexts = conf->contexts,
		.qps = conf->qps,
		.issued = row->issued,
		.operations = rw_kernel_row_operations(row),
		.share_ci = { 1, 0 },
		.failed = row->failed,
		.sq_stalls = row->sq_stalls,
		.sq_stall_ns = (double)row->sq_stall_ns,
		.teardowns = row->reconnects,
		.teardown_ns = (double)row->reconnect_ns,
		.torn = row->lost,
		.elapsed_ns = row->elapsed_ns,
		.rate = conf->rate,
		.queue_max = row->queue_max,
		.unserved = row->unserved,
		.verified = conf->verify && !row->unverified,
		.interrupted = *client->stop || row->stopped,
		.corrupt.bytes = row->corrupt_bytes,
		/* The kernel's work items do the work. */
		.cpu_thread_ns = NAN,
		.cpu_process_ns = NAN,
		.kernel = rw_kernel_row_json(row),
		.latency = latency_of(client, row),
	};
	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++)
		result->wrs += row->paths[i].wrs;
	if (conf->rate)
		result->queue_mean = ((result->latency ? result->latency->queued_ns : 0) +
				      (double)row->unserved_ns) /
				     (double)row->elapsed_ns;
	/* One post each. */
	result->doorbells = result->operations;
	if (!result->latency || !result->kernel)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	if (wants_mr(client, row, layout))
		fill_pool(client, row, result);
	return 0;
}
