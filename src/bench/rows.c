/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The client's rows: prepare, warm up, measure, finish, report. */
#include <errno.h>
#include <stdlib.h>

#include "bench/client.h"

/*
 * A failed completion often only shows that the peer is gone: ask the control
 * connection for the reason, and prefer what it says.
 */
static void ask_for_reason(struct rw_client *client, struct rw_err *err)
{
	struct rw_err reason = { 0 };
	json_t *msg = NULL;

	/* It has told its reason already. */
	if (err->error == -EREMOTEIO)
		return;
	rw_chan_set_stop(client->chan, NULL);
	switch (rw_chan_recv(client->chan, 500, &msg, &reason)) {
	case 0:
		json_decref(msg);
		break;
	case -ETIMEDOUT:
		break;
	default:
		if (reason.exit_code)
			*err = reason;
	}
}

static int prepare_row(struct rw_client *client, struct rw_err *err)
{
	struct rw_msg_prepare prepare = {
		.is_write = client->conf->op == RW_VERB_WRITE,
		.verify = client->conf->verify,
		.size_bytes = client->row.layout.size_bytes,
		.seed = client->row.seed,
	};
	json_t *msg;
	int ret = rw_session_send(client->chan, rw_msg_prepare_pack(&prepare), err);

	if (!ret && client->conf->verify)
		rw_row_fill(&client->row);
	if (!ret)
		ret = rw_session_recv(client->chan, RW_STEP_MS, "prepared", &msg, err);
	if (!ret)
		json_decref(msg);
	return ret;
}

/* Tell the server what was done; hear what it found in its memory. */
static int finish_row(struct rw_client *client, struct rw_err *err)
{
	struct rw_row *row = &client->row;
	struct rw_msg_finish finish = {
		.operations = row->count.operations,
		.nr_slots = client->load.nr_slots,
	};
	struct rw_corrupt found = { 0 };
	json_t *msg;
	int ret;

	/* After an interrupt the row is still brought to its end. */
	rw_chan_set_stop(client->chan, NULL);
	finish.done = calloc(rw_div_ceil(finish.nr_slots, 8), 1);
	if (!finish.done)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < finish.nr_slots; i++)
		finish.done[i / 8] |= (uint8_t)(row->slots[i].done << i % 8);
	ret = rw_session_send(client->chan, rw_msg_finish_pack(&finish), err);
	free(finish.done);
	if (!ret)
		ret = rw_session_recv(client->chan, RW_STEP_MS, "finished", &msg, err);
	if (ret)
		return ret;
	ret = rw_msg_finished_unpack(msg, &found, err);
	json_decref(msg);
	if (!ret && found.bytes > row->layout.size_bytes * finish.nr_slots)
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "message from the peer: more corrupt bytes than the row has");
	if (!ret && found.bytes)
		rw_corrupt_add(&row->corrupt, &found);
	rw_chan_set_stop(client->chan, client->stop);
	return ret;
}

static void fill_pool(const struct rw_row *row, struct rw_result *result)
{
	const struct rw_counters *count = &row->count;
	const struct rw_clock *clock = &row->load->clock;
	double hold_ns = rw_clock_ns(clock, count->hold_ticks);

	result->nr_pools = row->nr_pools;
	result->pool_create_ns = row->pool_ns;
	result->mr_pool = result->pool_low_water = row->pools[0].pool.size;
	for (uint32_t i = 0; i < row->nr_pools; i++)
		result->pool_low_water =
			rw_min(result->pool_low_water, row->pools[i].pool.low_water);
	result->first_exhaustion_ns =
		(uint64_t)rw_clock_ns(clock, count->first_exhaustion_ticks);
	/* What all MRs were held together, over the time: how many were, on average. */
	if (count->elapsed_ns)
		result->mrs_in_use = hold_ns / (double)count->elapsed_ns / row->nr_pools;
	if (count->mr_operations)
		result->mr_hold_ns = hold_ns / (double)(count->mr_operations * row->mrs_per_op);
}

static void fill_result(const struct rw_client *client, struct rw_result *result)
{
	const struct rw_row *row = &client->row;
	const struct rw_clock *clock = &client->load.clock;
	const struct rw_counters *count = &row->count;

	*result = (struct rw_result){
		.op = rw_conf_op_name(client->conf->op),
		.path = rw_conf_path_name(row->path),
		.engine = row->uses_mrs ? client->load.engine->name : NULL,
		.size_bytes = row->layout.size_bytes,
		.segment_bytes = row->layout.seg_bytes,
		.sges = row->layout.nr_segs,
		.contexts = client->conf->contexts,
		.qps = client->conf->qps,
		.issued = count->issued,
		.operations = count->operations,
		.wrs = count->wrs,
		.doorbells = count->doorbells,
		.mr_wanted = count->mr_wanted,
		.exhaustions = count->exhaustions,
		.fallbacks = count->fallbacks,
		.failed = count->failed,
		.mr_operations = count->mr_operations,
		.waits = count->waits,
		.wait_ns = rw_clock_ns(clock, count->wait_ticks),
		.sq_stalls = count->sq_stalls,
		.sq_stall_ns = rw_clock_ns(clock, count->sq_stall_ticks),
		.wqe_bytes = rw_row_wqe_bytes(row),
		.teardowns = count->teardowns,
		.teardown_ns = rw_clock_ns(clock, count->teardown_ticks),
		.torn = count->torn,
		.elapsed_ns = count->elapsed_ns,
		.peak_ops_per_s = count->peak_ops_per_ns * 1e9,
		.verified = client->conf->verify,
		.interrupted = *client->stop,
		.corrupt = row->corrupt,
	};
	if (row->uses_mrs)
		fill_pool(row, result);
}

/* Warm-up and measured phase of a planned row. */
static int measure(struct rw_client *client, struct rw_err *err)
{
	const struct rw_conf *conf = client->conf;
	const struct rw_row_limit warm_up = { .operations = 2 * (uint64_t)client->load.nr_slots };
	const struct rw_row_limit measured = {
		.operations = conf->duration_s ? UINT64_MAX : conf->iters * conf->qps,
		.ns = conf->duration_s * RW_NS_PER_S,
	};
	int ret = rw_row_run(&client->row, &warm_up, err);

	if (ret)
		return ret;
	if (*client->stop) {
		/* Nothing was measured, and nothing more is begun. */
		client->row.count.operations = 0;
		return 0;
	}
	if (conf->verify) {
		/* What the warm-up moved must not pass for the measured phase's work. */
		rw_row_reset(&client->row);
		ret = prepare_row(client, err);
		if (ret)
			return ret;
	}
	return rw_row_run(&client->row, &measured, err);
}

static void report_row(struct rw_client *client)
{
	const struct rw_result *result = &client->results[client->nr_results - 1];
	const struct rw_result *direct;

	if (!client->with_table)
		return;
	rw_table_row(client->conf, result);
	if (rw_result_pair(client->results, client->nr_results - 1, &direct))
		rw_table_ratio(result, direct);
}

static int run_row(struct rw_client *client, uint64_t size_bytes, enum rw_conf_path path,
		   struct rw_err *err)
{
	/* Each row has data of its own: what an earlier one left must not pass. */
	uint64_t seed = client->conf->seed + client->nr_results;
	struct rw_row *row = &client->row;
	int ret = rw_row_plan(row, &client->load, size_bytes, path, seed, err);

	if (ret)
		return ret;
	rw_row_reset(row);
	ret = prepare_row(client, err);
	if (ret)
		goto out;
	ret = measure(client, err);
	if (ret) {
		ask_for_reason(client, err);
		goto out;
	}
	ret = finish_row(client, err);
	/* Interrupted before the measured phase: there is no row. */
	if (ret || (*client->stop && !row->count.operations))
		goto out;
	fill_result(client, &client->results[client->nr_results++]);
	report_row(client);
out:
	/* The QPs of a failed run go first. */
	if (ret)
		rw_load_close_qps(&client->load);
	rw_row_unplan(row);
	return ret;
}

int rw_client_run_rows(struct rw_client *client, struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(client->conf, sizes);

	client->results = calloc((size_t)n * RW_NR_PATHS, sizeof(*client->results));
	if (!client->results)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		for (int path = 0; path < RW_NR_PATHS; path++) {
			int ret;

			if (!(client->conf->paths >> path & 1) || *client->stop)
				continue;
			ret = run_row(client, sizes[i], path, err);
			if (ret)
				return ret;
		}
	}
	/* After an interrupt, too, the server hears that this is the end. */
	rw_chan_set_stop(client->chan, NULL);
	return rw_session_send(client->chan, rw_msg_word("end"), err);
}

int rw_client_check_corrupt(const struct rw_client *client, struct rw_err *err)
{
	uint64_t bytes = 0;
	const struct rw_result *first = NULL;

	for (uint32_t i = 0; i < client->nr_results; i++) {
		const struct rw_result *result = &client->results[i];

		if (result->corrupt.bytes && !first)
			first = result;
		bytes += result->corrupt.bytes;
	}
	if (!first)
		return 0;
	return rw_fail(err, RW_EXIT_CORRUPT, -EIO,
		       "data corrupt: %llu bytes are wrong; the first, path %s, context %llu, offset %llu: expected 0x%02x, found 0x%02x",
		       (unsigned long long)bytes, first->path,
		       (unsigned long long)first->corrupt.slot,
		       (unsigned long long)first->corrupt.offset, first->corrupt.expected,
		       first->corrupt.found);
}
