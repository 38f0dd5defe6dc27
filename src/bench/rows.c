/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The client's rows, in groups: rows of one size that are measured together.
 * A group is one row, or all paths of a size, which take turns.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/client.h"
#include "bench/kernel.h"
#include "ctl/wait.h"
#include "report/live.h"

void rw_client_ask_for_reason(struct rw_client *client, struct rw_err *err)
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

static int fill_rows(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	for (uint32_t i = 0; i < worker->nr_rows; i++)
		rw_row_fill(&worker->rows[i]);
	return 0;
}

int rw_client_fill_rows(struct rw_client *client, struct rw_err *err)
{
	return client->conf->verify ? rw_crew_run(&client->crew, fill_rows, NULL, NULL, err) : 0;
}

/* Both sides make their memory ready for the present group. */
int rw_client_prepare(struct rw_client *client, struct rw_err *err)
{
	const struct rw_row *row = &client->crew.workers[0].rows[0];
	struct rw_msg_prepare prepare = {
		.is_write = client->conf->op == RW_VERB_WRITE,
		.verify = client->conf->verify,
		.size_bytes = row->layout.size_bytes,
		.seed = row->seed,
	};
	json_t *msg;
	int ret;

	if (client->conf->is_server)
		return rw_both_await_prepare(client, err);
	/* With -b the server works on this side's memory as soon as it has heard. */
	ret = rw_both_prepare(client, &prepare, err);
	if (ret)
		return ret;
	msg = rw_msg_prepare_pack(&prepare);
	if (client->conf->bidirectional)
		json_object_set_new(msg, "path", json_integer(row->path));
	ret = rw_session_send(client->chan, msg, err);
	if (!ret)
		ret = rw_client_fill_rows(client, err);
	if (!ret)
		ret = rw_both_recv(client, "prepared", &msg, err);
	if (!ret)
		json_decref(msg);
	client->alive_at_ms = rw_deadline_in(RW_ALIVE_MS);
	return ret;
}

/* What one worker's row has done, in slots of the run. */
static void note_done(const struct rw_row *row, struct rw_msg_finish *finish)
{
	finish->operations += row->count.operations;
	for (uint32_t k = 0; k < row->load->nr_slots; k++) {
		uint64_t slot = rw_load_run_slot(row->load, row->slots[k].index);

		finish->done[slot / 8] |= (uint8_t)(row->slots[k].done << slot % 8);
	}
}

void rw_client_note_done(const struct rw_client *client, struct rw_msg_finish *finish)
{
	for (uint32_t w = 0; w < client->crew.n; w++)
		for (uint32_t i = 0; i < client->nr_rows; i++)
			note_done(&client->crew.workers[w].rows[i], finish);
}

static json_t *pack_finish(const struct rw_client *client)
{
	struct rw_msg_finish finish = { .nr_slots = (uint32_t)rw_conf_slots(client->conf) };
	json_t *msg;

	finish.done = calloc(rw_div_ceil(finish.nr_slots, 8), 1);
	if (!finish.done)
		return NULL;
	rw_client_note_done(client, &finish);
	msg = rw_msg_finish_pack(&finish);
	free(finish.done);
	return msg;
}

/* Whose slot of the run is it? */
static struct rw_row *row_of_slot(struct rw_client *client, uint64_t slot)
{
	for (uint32_t w = 0; w < client->crew.n; w++) {
		const struct rw_load *load = &client->crew.workers[w].load;
		uint32_t n = load->nr_slots * client->nr_rows;

		for (uint32_t k = 0; k < n; k++)
			if (rw_load_run_slot(load, k) == slot)
				return &client->crew.workers[w].rows[k / load->nr_slots];
	}
	/* A peer that tells of slots that are not there is not to be trusted with the row either. */
	return &client->crew.workers[0].rows[0];
}

/* Tell the server what was done; hear what it found in its memory. */
static int finish_group(struct rw_client *client, struct rw_err *err)
{
	uint64_t most = client->crew.workers[0].rows[0].layout.size_bytes *
			rw_conf_slots(client->conf);
	struct rw_corrupt found = { 0 };
	json_t *msg;
	int ret;

	/* After an interrupt the group is still brought to its end. */
	rw_chan_set_stop(client->chan, NULL);
	ret = rw_session_send(client->chan, pack_finish(client), err);
	if (!ret)
		ret = rw_both_recv(client, "finished", &msg, err);
	if (ret)
		return ret;
	ret = rw_msg_finished_unpack(msg, &found, err);
	if (!ret && client->conf->bidirectional)
		ret = rw_both_take_row(client, msg, err);
	json_decref(msg);
	/* With -b each READ of the server's has been checked, too. */
	if (!ret && found.bytes > most && !client->conf->bidirectional)
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "message from the peer: more corrupt bytes than the row has");
	if (!ret && found.bytes)
		rw_corrupt_add(&row_of_slot(client, found.slot)->corrupt, &found);
	for (uint32_t w = 0; w < client->crew.n; w++)
		for (uint32_t i = 0; i < client->nr_rows; i++)
			if (client->filled[i])
				rw_corrupt_add(&client->filled[i]->corrupt,
					       &client->crew.workers[w].rows[i].corrupt);
	rw_chan_set_stop(client->chan, client->stop);
	return ret;
}

void rw_client_drop_result(struct rw_result *result)
{
	rw_latency_free(result->latency);
	free(result->intervals);
	free(result->threads);
	json_decref(result->counters);
	json_decref(result->kernel);
	json_decref(result->peer.row);
}

/* Did any operation of row @i begin? */
static bool was_begun(const struct rw_client *client, uint32_t i)
{
	for (uint32_t w = 0; w < client->crew.n; w++)
		if (client->crew.workers[w].rows[i].count.issued)
			return client->elapsed_ns[i] > 0;
	return false;
}

struct rw_result *rw_client_next_result(struct rw_client *client)
{
	struct rw_result *result = &client->results[client->next_result];

	/* Of a run without end each result takes the place of the last round's. */
	if (client->next_result++ < client->nr_results)
		rw_client_drop_result(result);
	client->nr_results = rw_max(client->nr_results, client->next_result);
	*result = (struct rw_result){ 0 };
	return result;
}

static int fill_group(struct rw_client *client, struct rw_err *err)
{
	for (uint32_t i = 0; i < client->nr_rows; i++) {
		struct rw_result *result;
		int ret;

		client->filled[i] = NULL;
		/* Interrupted before the measured phase: there is no row. */
		if (*client->stop && !was_begun(client, i))
			continue;
		result = rw_client_next_result(client);
		ret = rw_client_fill_result(client, i, result, err);
		if (ret)
			return ret;
		client->filled[i] = result;
		/* Margins go on with it. */
		for (uint32_t w = 0; w < client->crew.n; w++)
			rw_row_reset_series(&client->crew.workers[w].rows[i]);
	}
	return 0;
}

static void report_row(struct rw_client *client, uint32_t i)
{
	const struct rw_result *result = &client->results[i];
	const struct rw_result *direct;

	if (client->conf->output)
		rw_table_number(client->conf, result);
	if (!client->with_table)
		return;
	rw_table_row(client->conf, result);
	if (rw_result_pair(client->results, i, &direct))
		rw_table_ratio(client->conf, result, direct);
}

void rw_client_report_group(struct rw_client *client)
{
	if (client->live.shown)
		rw_live_clear();
	client->live = (struct rw_live){ 0 };
	for (uint32_t i = 0; i < client->nr_rows; i++)
		if (client->filled[i])
			report_row(client, (uint32_t)(client->filled[i] - client->results));
}

/* A size, and the paths of the rows. */
struct group {
	uint64_t size_bytes;
	uint64_t paths;
	uint64_t seed;
};

/* Plan a row for each path; nr_rows counts those that are. */
static int plan_rows(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	const struct group *group = arg;
	struct rw_row_want want = { .size_bytes = group->size_bytes, .seed = group->seed };

	for (int path = 0; path < RW_NR_PATHS; path++) {
		int ret;

		if (!(group->paths >> path & 1))
			continue;
		want.path = path;
		want.first_slot = worker->nr_rows * worker->load.nr_slots;
		if (worker->crew->shares_pools)
			want.shared = &worker->crew->shared[worker->nr_rows];
		ret = rw_row_plan(&worker->rows[worker->nr_rows], &worker->load, &want, err);
		if (ret)
			return ret;
		worker->nr_rows++;
	}
	return 0;
}

void rw_client_unplan(struct rw_client *client)
{
	for (uint32_t i = 0; i < client->crew.n; i++) {
		struct rw_worker *worker = &client->crew.workers[i];

		while (worker->nr_rows)
			rw_row_unplan(&worker->rows[--worker->nr_rows]);
	}
}

int rw_client_plan(struct rw_client *client, uint64_t size_bytes, uint64_t paths, uint64_t seed,
		   struct rw_err *err)
{
	struct group group = { .size_bytes = size_bytes, .paths = paths, .seed = seed };

	client->nr_rows = (uint32_t)__builtin_popcountll(paths);
	return rw_crew_run(&client->crew, plan_rows, &group, NULL, err);
}

static int run_group(struct rw_client *client, uint64_t size_bytes, uint64_t paths,
		     struct rw_err *err)
{
	struct rw_crew *crew = &client->crew;
	/* Each group has data of its own: what an earlier one left must not pass. */
	uint64_t seed = client->conf->seed + client->nr_groups++;
	int ret;

	if (client->kernel)
		return rw_kernel_run_group(client, size_bytes, paths, seed, err);
	ret = rw_client_plan(client, size_bytes, paths, seed, err);

	if (!ret)
		ret = rw_client_prepare(client, err);
	if (!ret) {
		ret = rw_client_measure(client, err);
		if (!ret) {
			ret = fill_group(client, err);
			if (!ret)
				ret = rw_client_run_margin(client, err);
		}
		if (ret)
			rw_client_ask_for_reason(client, err);
		else
			ret = finish_group(client, err);
	}
	if (!ret)
		rw_client_report_group(client);
	/* The QPs of a failed run go first. */
	for (uint32_t i = 0; i < crew->n && ret; i++)
		rw_load_close_qps(&crew->workers[i].load);
	rw_client_unplan(client);
	return ret;
}

static int run_size(struct rw_client *client, uint64_t size_bytes, struct rw_err *err)
{
	int ret = 0;

	if (rw_conf_takes_turns(client->conf))
		return run_group(client, size_bytes, client->conf->paths, err);
	for (int path = 0; path < RW_NR_PATHS && !ret; path++)
		if (client->conf->paths >> path & 1 && !*client->stop)
			ret = run_group(client, size_bytes, 1u << path, err);
	return ret;
}

/* All rows, once. */
static int run_round(struct rw_client *client, const uint64_t *sizes, uint32_t n,
		     struct rw_err *err)
{
	int ret = 0;

	client->next_result = 0;
	for (uint32_t i = 0; i < n && !*client->stop && !ret; i++)
		ret = run_size(client, sizes[i], err);
	return ret;
}

int rw_client_run_rows(struct rw_client *client, struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(client->conf, sizes);
	int ret;

	client->results = calloc((size_t)n * RW_NR_PATHS, sizeof(*client->results));
	if (!client->results)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	do {
		ret = run_round(client, sizes, n, err);
	} while (client->conf->run_infinitely && !*client->stop && !ret);
	if (ret)
		return ret;
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
	if (first->kernel)
		return rw_fail(err, RW_EXIT_CORRUPT, -EIO,
			       "data corrupt: %llu bytes are wrong; the first row with any is of path %s",
			       (unsigned long long)bytes, first->path);
	return rw_fail(err, RW_EXIT_CORRUPT, -EIO,
		       "data corrupt: %llu bytes are wrong; the first, path %s, context %llu, offset %llu: expected 0x%02x, found 0x%02x",
		       (unsigned long long)bytes, first->path,
		       (unsigned long long)first->corrupt.slot,
		       (unsigned long long)first->corrupt.offset, first->corrupt.expected,
		       first->corrupt.found);
}
