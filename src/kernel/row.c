/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "kernel/row.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct count {
	const char *key;
	size_t offset;
};

#define ROW(key)  { #key, offsetof(struct rw_kernel_row, key) }
#define PATH(key) { #key, offsetof(struct rw_kernel_path, key) }

/* What documents have in common with a row: summed up. */
static const struct count row_counts[] = {
	ROW(elapsed_ns), ROW(issued),	 ROW(eagain),	   ROW(eagain_ns),   ROW(failed),
	ROW(waits),	 ROW(wait_ns),	 ROW(lost),	   ROW(errors),	     ROW(sq_stalls),
	ROW(sq_stall_ns), ROW(reconnects), ROW(reconnect_ns), ROW(corrupt_bytes),
	ROW(queue_max),	 ROW(unserved),	 ROW(unserved_ns), ROW(unverified),
	ROW(mr_hold_ns),
};

static const struct count path_counts[] = {
	PATH(operations), PATH(wrs),	    PATH(bytes),   PATH(init_ns),
	PATH(post_ns),	  PATH(destroy_ns), PATH(hold_ns), PATH(queued_ns),
};

static const char *const path_names[] = { "single", "multi", "mr" };
_Static_assert(RW_ARRAY_SIZE(path_names) == RW_NR_KERNEL_PATHS, "a name for each path");

struct rw_kernel_row *rw_kernel_row_new(void)
{
	struct rw_kernel_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->pool_low_water = UINT64_MAX;
	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++) {
		rw_hist_init(&row->paths[i].hist);
		rw_hist_init(&row->paths[i].service);
	}
	return row;
}

static uint64_t *field(void *base, const struct count *count)
{
	return (uint64_t *)((char *)base + count->offset);
}

static bool take(const json_t *obj, const char *key, uint64_t *value_p)
{
	const json_t *value = json_object_get(obj, key);

	*value_p = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool add_counts(const json_t *obj, const struct count *counts, size_t n, void *base)
{
	bool known = true;

	for (size_t i = 0; i < n; i++) {
		uint64_t value;

		known = take(obj, counts[i].key, &value) && known;
		*field(base, &counts[i]) += value;
	}
	return known;
}

/* [[index, count], ...] with their extremes. */
static bool add_hist(const json_t *latency, struct rw_hist *hist, uint64_t *sum_p)
{
	const json_t *buckets = json_object_get(latency, "buckets"), *bucket;
	uint64_t count, sum, min, max, seen = 0;
	size_t i;

	if (!take(latency, "count", &count) || !take(latency, "sum", &sum) ||
	    !take(latency, "min", &min) || !take(latency, "max", &max) || !json_is_array(buckets))
		return false;
	json_array_foreach(buckets, i, bucket) {
		json_int_t index = json_integer_value(json_array_get(bucket, 0));
		json_int_t n = json_integer_value(json_array_get(bucket, 1));

		if (index < 0 || index >= RW_HIST_BUCKETS || n < 0)
			return false;
		hist->buckets[index] += (uint64_t)n;
		seen += (uint64_t)n;
	}
	if (count)
		rw_hist_account(hist, count, min, max);
	*sum_p += sum;
	return seen == count;
}

static bool add_path(const json_t *obj, struct rw_kernel_path *path)
{
	uint64_t service_ns = 0;

	return add_counts(obj, path_counts, RW_ARRAY_SIZE(path_counts), path) &&
	       add_hist(json_object_get(obj, "latency_ns"), &path->hist, &path->latency_ns) &&
	       add_hist(json_object_get(obj, "service_ns"), &path->service, &service_ns);
}

static void sum_latency(const struct rw_kernel_row *row, uint64_t *ns_p, uint64_t *count_p)
{
	*ns_p = *count_p = 0;
	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++) {
		*ns_p += row->paths[i].latency_ns;
		*count_p += row->paths[i].hist.count;
	}
}

/* What a row has but once. Without a connection the module does not know it. */
static bool take_device(const json_t *doc, struct rw_kernel_row *row)
{
	const json_t *sgl = json_object_get(doc, "max_sgl_rd");
	const json_t *low = json_object_get(doc, "pool_low_water");

	if (json_is_integer(low))
		row->pool_low_water = rw_min(row->pool_low_water, (uint64_t)json_integer_value(low));
	row->force_mr = json_is_true(json_object_get(doc, "force_mr"));
	row->stopped = json_is_true(json_object_get(doc, "stopped")) || row->stopped;
	return take(doc, "max_rdma_ctxs", &row->max_rdma_ctxs) &&
	       take(sgl, "found", &row->sgl_found) && take(sgl, "used", &row->sgl_used) &&
	       take(doc, "send_queue_wrs", &row->send_queue_wrs);
}

int rw_kernel_row_add(struct rw_kernel_row *row, const json_t *doc, struct rw_err *err)
{
	const json_t *paths = json_object_get(doc, "paths");
	uint64_t ns, count, ns_before, count_before;
	bool known;

	sum_latency(row, &ns_before, &count_before);
	known = add_counts(doc, row_counts, RW_ARRAY_SIZE(row_counts), row);
	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++)
		known = add_path(json_object_get(paths, path_names[i]), &row->paths[i]) && known;
	known = take_device(doc, row) && known;
	if (!known)
		return rw_fail(err, RW_EXIT_RUN, -EPROTO,
			       "--engine=kernel: rw_bench tells of the run in a form that this program does not know; build and load the one of its kmod/");
	sum_latency(row, &ns, &count);
	rw_blocks_add(&row->blocks, (double)(ns - ns_before), count - count_before);
	return 0;
}

uint64_t rw_kernel_row_operations(const struct rw_kernel_row *row)
{
	uint64_t operations = 0;

	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++)
		operations += row->paths[i].operations;
	return operations;
}

static json_t *counts_json(const struct count *counts, size_t n, const void *base)
{
	json_t *obj = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(obj, counts[i].key,
				    json_integer((json_int_t)*field((void *)base, &counts[i])));
	return obj;
}

json_t *rw_kernel_row_json(const struct rw_kernel_row *row)
{
	json_t *obj = counts_json(row_counts, RW_ARRAY_SIZE(row_counts), row);
	json_t *paths = json_object();

	for (int i = 0; i < RW_NR_KERNEL_PATHS; i++)
		json_object_set_new(paths, path_names[i],
				    counts_json(path_counts, RW_ARRAY_SIZE(path_counts),
						&row->paths[i]));
	json_object_set_new(obj, "paths", paths);
	json_object_set_new(obj, "force_mr", json_boolean(row->force_mr));
	json_object_set_new(obj, "max_sgl_rd_found", json_integer((json_int_t)row->sgl_found));
	json_object_set_new(obj, "max_sgl_rd_used", json_integer((json_int_t)row->sgl_used));
	json_object_set_new(obj, "send_queue_wrs", json_integer((json_int_t)row->send_queue_wrs));
	return obj;
}
