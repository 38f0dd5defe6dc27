/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The client: connects, runs the rows, reports. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/client.h"
#include "bench/kernel.h"
#include "ctl/net.h"
#include "report/live.h"

static json_t *connection_facts(struct rw_client *client)
{
	const struct rw_load *load = rw_client_load(client);
	const struct rw_qp *qp = &load->ep.qps[0];

	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:i, s:s, s:i, s:i}", "mtu",
			 client->device.is_iwarp ? 0 : (int)client->link.mtu_bytes,
			 "outstanding_reads",
			 (int)client->link.rd_atom, "max_send_wr", (int)qp->max_send_wr,
			 "sq_blocks", (int)rw_engine_sq_blocks(load->device, qp), "max_send_sge",
			 (int)qp->max_send_sge, "hugepages",
			 load->arena.page_bytes > RW_PAGE_BYTES, "tsc", load->clock.is_tsc,
			 "max_sgl_rd", (int)load->max_sgl_rd, "max_sgl_rd_source",
			 load->max_sgl_rd_source, "mr_entries", (int)load->mr_entries, "wr_segs",
			 (int)load->wr_segs);
}

static json_t *clock_facts(const struct rw_client *client)
{
	const struct rw_clock *clock = &client->clock;

	return json_pack("{s:s, s:f, s:f, s:f}", "name", rw_clock_name(clock), "ns_per_tick",
			 clock->ns_per_tick, "error_ppm", clock->error_ppm, "cost_ns",
			 clock->cost_ns);
}

/* Each in its own thread, which is the first to touch the memory. */
static int open_load(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	struct rw_client *client = arg;
	const struct rw_load_want want = {
		.share = &worker->share,
		.domain = &client->domain,
		.clock = &client->clock,
		.memory_node = client->placement.place.memory_node,
		.yields = rw_placement_is_crowded(&client->placement, client->crew.n),
		.watch = rw_client_watch_of(client, worker),
	};

	return rw_load_open(&worker->load, &want, err);
}

/* Soft-RoCE has no service levels, and rdma_cm may know better. */
static void check_sl(struct rw_client *client)
{
	const json_t *qp = json_object_get(client->facts.connection, "qp");
	const json_t *sl = json_object_get(qp, "sl");
	char text[128];

	if (!sl || !rw_conf_was_given(client->conf, "sl") ||
	    (uint64_t)json_integer_value(sl) == client->conf->sl)
		return;
	snprintf(text, sizeof(text), "--sl=%" PRIu64 " is without effect: the QPs of %s have SL %lld",
		 client->conf->sl, rw_device_name(&client->device),
		 (long long)json_integer_value(sl));
	json_array_append_new(client->facts.notes, json_string(text));
}

int rw_client_open_crew(struct rw_client *client, struct rw_err *err)
{
	int ret = rw_crew_open(&client->crew, client->conf, &client->placement, err);

	rw_clock_init(&client->clock);
	if (rw_placement_is_crowded(&client->placement, client->crew.n))
		json_array_append_new(client->facts.notes,
				      json_string("there are more measuring threads than CPUs: they take turns, and their figures include it"));
	return ret ? ret : rw_crew_run(&client->crew, open_load, client, NULL, err);
}

void rw_client_close_crew(struct rw_client *client)
{
	for (uint32_t i = 0; i < client->crew.n; i++)
		rw_load_close(&client->crew.workers[i].load);
	rw_crew_close(&client->crew);
}

/* Of all workers. */
static void check_memory(struct rw_client *client)
{
	const struct rw_load *load = rw_client_load(client);
	bool has_windows = load->engine && load->engine->needs_window;

	rw_session_check_memory(&client->placement, &client->device, &load->arena, has_windows);
	for (uint32_t i = 1; i < client->crew.n; i++)
		rw_session_check_more_memory(&client->placement, &client->device,
					     &client->crew.workers[i].load.arena, has_windows);
}

int rw_client_run_table(struct rw_client *client, const struct rw_arena *arena, struct rw_err *err)
{
	int ret;

	client->side = rw_session_facts(&client->device, &client->placement, arena);
	client->facts.host = json_object_get(client->side, "host");
	client->facts.device = json_object_get(client->side, "device");
	client->facts.memory = json_object_get(client->side, "memory");
	if (client->with_table) {
		rw_table_head(client->conf, &client->facts);
		rw_table_columns(client->conf);
	}
	ret = rw_client_run_rows(client, err);
	if (client->with_table)
		rw_table_end(&client->facts);
	return ret;
}

/* Everything between an open control connection and the last row. */
static int run_session(struct rw_client *client, struct rw_err *err)
{
	const struct rw_cm_watch cm_watch = { client->stop, rw_client_watch_connect, client };
	uint8_t like[16];
	int ret;

	ret = rw_chan_hello(client->chan, RW_HELLO_MS, err);
	if (ret)
		return ret;
	ret = rw_session_choose_addr(client->conf, &client->device,
				     rw_session_control_gid(client->chan, like), -1, &cm_watch,
				     &client->cm, err);
	if (!ret)
		ret = rw_port_counters_open(&client->counters, &client->device,
					    client->conf->counters, err);
	if (!ret)
		ret = rw_endpoint_open(&client->device, &client->domain, err);
	if (!ret)
		ret = rw_client_open_crew(client, err);
	if (!ret)
		ret = rw_client_connect(client, err);
	if (!ret) {
		const struct rw_load *load = rw_client_load(client);

		check_memory(client);
		client->facts.connection = connection_facts(client);
		json_object_set_new(client->facts.connection, "clock", clock_facts(client));
		json_object_set_new(client->facts.connection, "qp",
				    rw_qp_facts(&load->ep.qps[0]));
		check_sl(client);
		ret = rw_client_run_table(client, &load->arena, err);
	}
	if (ret)
		rw_chan_send_error(client->chan, err);
	rw_client_close_crew(client);
	rw_both_close(client);
	rw_endpoint_close(&client->domain);
	rw_cm_close(&client->cm);
	return ret;
}

/* What is wrong with a run that came to its end. Behind "end", too, the server hears it. */
static int judge(struct rw_client *client, struct rw_err *err)
{
	int ret;

	if (*client->stop && !client->nr_results)
		ret = rw_fail(err, RW_EXIT_RUN, -EINTR, "interrupted before anything was measured");
	else
		ret = rw_client_check_corrupt(client, err);
	if (ret)
		rw_chan_send_error(client->chan, err);
	return ret;
}

static int write_json(struct rw_client *client, struct rw_err *err)
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

int rw_client_run(const struct rw_conf *given, const char *command_line,
		  const volatile sig_atomic_t *stop, struct rw_err *err)
{
	struct rw_conf adapted = *given;
	const struct rw_conf *conf = &adapted;
	bool with_table = strcmp(conf->json, "-") != 0 && !conf->output;
	struct rw_client client = {
		.conf = conf,
		.stop = stop,
		.with_table = with_table,
		.with_live = with_table && rw_live_is_wanted(),
		.facts.command_line = command_line,
		.facts.notes = json_array(),
	};
	int ret = 0;

	if (*conf->json)
		ret = rw_report_check_file(conf->json, err);
	if (!ret)
		ret = rw_session_open_device(conf, &client.device, err);
	if (ret)
		goto out_notes;
	ret = rw_session_adapt(&adapted, &client.device, client.facts.notes, err);
	if (!ret)
		ret = rw_session_place(conf, &client.device, &client.placement, err);
	if (ret)
		goto out;
	client.facts.caveat = rw_device_caveat(client.device.class);
	ret = rw_net_connect_stop(conf->host, (uint16_t)conf->tcp_port, RW_HELLO_MS, stop,
				  &client.chan, err);
	if (ret)
		goto out;
	rw_chan_set_stop(client.chan, stop);
	ret = rw_conf_uses_kernel(conf) ? rw_kernel_run_session(&client, &adapted, err) :
					 run_session(&client, err);
	if (ret == -EINTR && *stop && client.nr_results) {
		/* The user ended it, and what was measured is reported. */
		rw_err_clear(err);
		ret = 0;
	}
	if (!ret)
		ret = judge(&client, err);
	rw_chan_close(client.chan);
	if (write_json(&client, err))
		ret = err->error;
out:
	json_decref(client.answer);
	json_decref(client.side);
	json_decref(client.facts.peer);
	json_decref(client.facts.connection);
	for (uint32_t i = 0; i < client.nr_results; i++)
		rw_client_drop_result(&client.results[i]);
	free(client.results);
	rw_device_close(&client.device);
out_notes:
	json_decref(client.facts.notes);
	return ret;
}
