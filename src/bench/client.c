/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The client: connects, runs the rows, reports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"
#include "bench/session.h"
#include "ctl/field.h"
#include "ctl/net.h"
#include "report/report.h"
#include "topo/host.h"

struct client {
	const struct rw_conf *conf;
	const volatile sig_atomic_t *stop;
	struct rw_device device;
	struct rw_chan *chan;
	struct rw_load load;
	struct rw_qp_link link;
	struct rw_port_addr own, peer;
	struct rw_report_facts facts;
	json_t *side; /* {"host": ..., "device": ...} */
	struct rw_result *results;
	uint32_t nr_results;
	bool with_table;
};

/* A message or the end of the connection in the middle of a row is no good news. */
static int watch_peer(void *arg, struct rw_err *err)
{
	struct client *client = arg;
	json_t *msg = NULL;
	int ret;

	if (!rw_chan_poll(client->chan))
		return 0;
	ret = rw_chan_recv(client->chan, 0, &msg, err);
	if (ret == -ETIMEDOUT) {
		/* Part of a message; the rest will come. */
		rw_err_clear(err);
		return 0;
	}
	if (!ret) {
		json_decref(msg);
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "the server %s sent a message in the middle of a run",
			      rw_chan_peer(client->chan));
	}
	return ret;
}

/*
 * A failed completion often only shows that the peer is gone: ask the control
 * connection for the reason, and prefer what it says.
 */
static void ask_for_reason(struct client *client, struct rw_err *err)
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

static int setup(struct client *client, struct rw_err *err)
{
	struct rw_msg_port port;

	rw_port_addr_get(&client->device, true, &client->own);
	rw_session_port_to_msg(&client->own, &port);
	return rw_session_send(client->chan,
			       json_pack("{s:s, s:s, s:o, s:o}", "type", "setup", "test",
					 client->conf->test->id, "run",
					 rw_conf_to_json(client->conf, true), "port",
					 rw_msg_port_pack(&port)),
			       err);
}

static json_t *connection_facts(const struct client *client)
{
	const struct rw_qp *qp = &client->load.ep.qps[0];

	return json_pack("{s:i, s:i, s:i, s:i, s:b, s:b, s:i, s:s, s:i}", "mtu", (int)client->link.mtu_bytes,
			 "outstanding_reads", (int)client->link.rd_atom, "max_send_wr",
			 (int)qp->max_send_wr, "max_send_sge", (int)qp->max_send_sge, "hugepages",
			 client->load.arena.page_bytes > RW_PAGE_BYTES, "tsc",
			 client->load.clock.is_tsc, "max_sgl_rd",
			 (int)client->load.max_sgl_rd, "max_sgl_rd_source",
			 client->load.max_sgl_rd_source, "mr_entries",
			 (int)client->load.mr_entries);
}

static uint64_t largest_size(const struct rw_conf *conf)
{
	uint64_t sizes[RW_MAX_SIZES];

	return sizes[rw_conf_sizes(conf, sizes) - 1];
}

static int take_accept(struct client *client, const json_t *msg, struct rw_err *err)
{
	struct rw_msg_port port;
	json_t *obj, *facts;
	int ret = rw_field_obj(msg, "port", &obj, err);

	if (!ret)
		ret = rw_msg_port_unpack(obj, &port, err);
	if (!ret)
		ret = rw_field_obj(msg, "buffer", &obj, err);
	if (!ret)
		ret = rw_msg_buffer_unpack(obj, &client->load.remote, err);
	if (!ret)
		ret = rw_field_obj(msg, "facts", &facts, err);
	if (ret)
		return ret;
	if (client->load.remote.slot_bytes < largest_size(client->conf))
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: its memory is too small for the run");
	ret = rw_session_check_facts(facts, err);
	if (ret)
		return ret;
	client->facts.peer = json_incref(facts);
	rw_session_port_from_msg(&port, &client->peer);
	return rw_session_connect(&client->load.ep, client->conf, &client->own, &client->peer, msg,
				  0, &client->link, err);
}

static int connect_qps(struct client *client, struct rw_err *err)
{
	json_t *msg;
	int ret = rw_session_recv(client->chan, RW_STEP_MS, "accept", &msg, err);

	if (ret)
		return ret;
	ret = take_accept(client, msg, err);
	json_decref(msg);
	if (ret)
		return ret;
	ret = rw_session_send(client->chan,
			      json_pack("{s:s, s:o}", "type", "connect", "qps",
					rw_session_qps_pack(&client->load.ep)),
			      err);
	if (!ret)
		ret = rw_session_recv(client->chan, RW_STEP_MS, "connected", &msg, err);
	if (!ret)
		json_decref(msg);
	return ret;
}

static int prepare_row(struct client *client, struct rw_err *err)
{
	struct rw_msg_prepare prepare = {
		.is_write = client->conf->op == RW_VERB_WRITE,
		.verify = client->conf->verify,
		.size_bytes = client->load.layout.size_bytes,
		.seed = client->load.seed,
	};
	json_t *msg;
	int ret = rw_session_send(client->chan, rw_msg_prepare_pack(&prepare), err);

	if (!ret && client->conf->verify)
		rw_load_fill(&client->load);
	if (!ret)
		ret = rw_session_recv(client->chan, RW_STEP_MS, "prepared", &msg, err);
	if (!ret)
		json_decref(msg);
	return ret;
}

/* Tell the server what was done; hear what it found in its memory. */
static int finish_row(struct client *client, struct rw_err *err)
{
	struct rw_load *load = &client->load;
	struct rw_msg_finish finish = {
		.operations = load->count.operations,
		.nr_slots = load->nr_slots,
	};
	struct rw_corrupt found = { 0 };
	json_t *msg;
	int ret;

	/* After an interrupt the row is still brought to its end. */
	rw_chan_set_stop(client->chan, NULL);
	finish.done = calloc(rw_div_ceil(load->nr_slots, 8), 1);
	if (!finish.done)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < load->nr_slots; i++)
		finish.done[i / 8] |= (uint8_t)(load->slots[i].done << i % 8);
	ret = rw_session_send(client->chan, rw_msg_finish_pack(&finish), err);
	free(finish.done);
	if (!ret)
		ret = rw_session_recv(client->chan, RW_STEP_MS, "finished", &msg, err);
	if (ret)
		return ret;
	ret = rw_msg_finished_unpack(msg, &found, err);
	json_decref(msg);
	if (!ret && found.bytes > load->layout.size_bytes * load->nr_slots)
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "message from the peer: more corrupt bytes than the row has");
	if (!ret && found.bytes)
		rw_corrupt_add(&load->corrupt, &found);
	rw_chan_set_stop(client->chan, client->stop);
	return ret;
}

static void fill_result(const struct client *client, enum rw_conf_path path,
			struct rw_result *result)
{
	const struct rw_load *load = &client->load;
	const struct rw_counters *count = &load->count;

	*result = (struct rw_result){
		.op = rw_conf_op_name(client->conf->op),
		.path = rw_conf_path_name(path),
		.engine = load->uses_mrs ? load->engine->name : NULL,
		.size_bytes = load->layout.size_bytes,
		.segment_bytes = load->layout.seg_bytes,
		.sges = load->layout.nr_segs,
		.contexts = client->conf->contexts,
		.qps = client->conf->qps,
		.mr_pool = load->qps[0].pool.size,
		.issued = count->issued,
		.operations = count->operations,
		.wrs = count->wrs,
		.doorbells = count->doorbells,
		.mr_wanted = count->mr_wanted,
		.exhaustions = count->exhaustions,
		.fallbacks = count->fallbacks,
		.failed = count->failed,
		.waits = count->waits,
		.sq_stalls = count->sq_stalls,
		.elapsed_ns = count->elapsed_ns,
		.peak_ops_per_s = count->peak_ops_per_ns * 1e9,
		.verified = client->conf->verify,
		.interrupted = *client->stop,
		.corrupt = load->corrupt,
	};
}

/* Warm-up and measured phase of a planned row. */
static int measure(struct client *client, struct rw_err *err)
{
	const struct rw_conf *conf = client->conf;
	const struct rw_load_limit warm_up = { .operations = 2 * (uint64_t)client->load.nr_slots };
	const struct rw_load_limit measured = {
		.operations = conf->duration_s ? UINT64_MAX : conf->iters * conf->qps,
		.ns = conf->duration_s * RW_NS_PER_S,
	};
	int ret = rw_load_run(&client->load, &warm_up, err);

	if (ret)
		return ret;
	if (*client->stop) {
		/* Nothing was measured, and nothing more is begun. */
		client->load.count.operations = 0;
		return 0;
	}
	if (conf->verify) {
		/* What the warm-up moved must not pass for the measured phase's work. */
		rw_load_reset(&client->load);
		ret = prepare_row(client, err);
		if (ret)
			return ret;
	}
	return rw_load_run(&client->load, &measured, err);
}

static void report_row(struct client *client)
{
	const struct rw_result *result = &client->results[client->nr_results - 1];
	const struct rw_result *direct;

	if (!client->with_table)
		return;
	rw_table_row(client->conf, result);
	if (rw_result_pair(client->results, client->nr_results - 1, &direct))
		rw_table_ratio(result, direct);
}

static int run_row(struct client *client, uint64_t size_bytes, enum rw_conf_path path,
		   struct rw_err *err)
{
	/* Each row has data of its own: what an earlier one left must not pass. */
	uint64_t seed = client->conf->seed + client->nr_results;
	struct rw_load *load = &client->load;
	int ret = rw_load_plan(load, size_bytes, path, seed, err);

	if (ret)
		return ret;
	rw_load_reset(load);
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
	if (ret || (*client->stop && !load->count.operations))
		goto out;
	fill_result(client, path, &client->results[client->nr_results++]);
	report_row(client);
out:
	/* The QPs of a failed run are closed first, see rw_load_close. */
	if (!ret)
		rw_load_unplan(load);
	return ret;
}

static int run_rows(struct client *client, struct rw_err *err)
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

static int check_corrupt(const struct client *client, struct rw_err *err)
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

/* Everything between an open control connection and the last row. */
static int run_session(struct client *client, struct rw_err *err)
{
	const struct rw_load_watch watch = { client->stop, watch_peer, client };
	uint8_t like[16];
	int ret;

	ret = rw_chan_hello(client->chan, RW_HELLO_MS, err);
	if (ret)
		return ret;
	ret = rw_device_choose_gid(&client->device,
				   client->conf->gid_index == RW_AUTO ?
					   -1 :
					   (int)client->conf->gid_index,
				   rw_session_control_gid(client->chan, like), -1, err);
	if (!ret)
		ret = rw_load_open(&client->load, client->conf, &client->device, &watch, err);
	if (ret) {
		rw_chan_send_error(client->chan, err);
		return ret;
	}
	ret = setup(client, err);
	if (!ret)
		ret = connect_qps(client, err);
	if (!ret) {
		client->side = rw_session_facts(&client->device);
		client->facts.host = json_object_get(client->side, "host");
		client->facts.device = json_object_get(client->side, "device");
		client->facts.connection = connection_facts(client);
		if (client->with_table) {
			rw_table_head(client->conf, &client->facts);
			rw_table_columns(client->conf);
		}
		ret = run_rows(client, err);
		if (client->with_table)
			rw_table_end(&client->facts);
	}
	if (ret)
		rw_chan_send_error(client->chan, err);
	rw_load_close(&client->load);
	return ret;
}

static int write_json(struct client *client, struct rw_err *err)
{
	struct rw_err write_err = { 0 };
	json_t *report;
	int ret;

	if (!*client->conf->json || !client->facts.host)
		return 0;
	report = rw_report_json(client->conf, &client->facts, client->results, client->nr_results,
				err);
	ret = rw_report_write(client->conf->json, report, &write_err);
	json_decref(report);
	if (ret)
		rw_fail(err, write_err.exit_code, write_err.error, "%s", write_err.text);
	return ret;
}

static void warn_of_governor(const struct rw_conf *conf)
{
	char governor[64];

	rw_host_governor(governor, sizeof(governor));
	if (!conf->force && *governor && strcmp(governor, "performance"))
		rw_warn("the CPU frequency governor is '%s', not 'performance': figures will vary (-F hides this)",
			governor);
}

int rw_client_run(const struct rw_conf *conf, const char *command_line,
		  const volatile sig_atomic_t *stop, struct rw_err *err)
{
	struct client client = {
		.conf = conf,
		.stop = stop,
		.with_table = strcmp(conf->json, "-") != 0,
		.facts.command_line = command_line,
	};
	int ret = 0;

	if (*conf->json)
		ret = rw_report_check_file(conf->json, err);
	if (!ret)
		ret = rw_session_open_device(conf, &client.device, err);
	if (ret)
		return ret;
	client.facts.caveat = rw_device_caveat(client.device.class);
	warn_of_governor(conf);
	ret = rw_net_connect_stop(conf->host, (uint16_t)conf->tcp_port, RW_HELLO_MS, stop,
				  &client.chan, err);
	if (ret)
		goto out;
	rw_chan_set_stop(client.chan, stop);
	ret = run_session(&client, err);
	rw_chan_close(client.chan);
	if (ret == -EINTR && *stop && client.nr_results) {
		/* The user ended it, and what was measured is reported. */
		rw_err_clear(err);
		ret = 0;
	}
	if (!ret && *stop && !client.nr_results)
		ret = rw_fail(err, RW_EXIT_RUN, -EINTR, "interrupted before anything was measured");
	if (!ret)
		ret = check_corrupt(&client, err);
	if (write_json(&client, err))
		ret = err->error;
out:
	json_decref(client.side);
	json_decref(client.facts.peer);
	json_decref(client.facts.connection);
	free(client.results);
	rw_device_close(&client.device);
	return ret;
}
