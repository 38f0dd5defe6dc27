/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/field.h"
#include "ctl/wait.h"
#include "rw/layout.h"
#include "util/random.h"

#define BLOCKS	     10  /* of a row whose paths take turns, each a run of its own */
#define WARM_UP_MIN  10  /* operations of a QP */
#define POLL_MIN_MS  1   /* until a run's document is read again ... */
#define POLL_MAX_MS  50  /* ... which costs the run a little */

const char *rw_kernel_addr(const uint8_t raw[16], uint32_t scope, char buf[RW_KERNEL_ADDR])
{
	char text[RW_GID_TEXT], name[IF_NAMESIZE] = "";
	bool scoped = rw_gid_is_link_local(raw) && if_indextoname(scope, name);

	snprintf(buf, RW_KERNEL_ADDR, "%s%s%s", rw_gid_format(raw, text), scoped ? "%" : "", name);
	return buf;
}

/* ---- paths: which there are, and what the device's max_sgl_rd is for each */

static void note(struct rw_client *client, const char *text)
{
	json_array_append_new(client->facts.notes, json_string(text));
}

static int leave_out(struct rw_client *client, struct rw_conf *conf, int path, const char *why,
		     struct rw_err *err)
{
	const uint64_t bit = UINT64_C(1) << path;
	char text[256];

	if (!(conf->paths & bit))
		return 0;
	if (rw_conf_was_given(conf, "path"))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--engine=kernel: there is no path %s: %s; leave it out of --path",
			       rw_conf_path_name((uint64_t)path), why);
	conf->paths &= ~bit;
	snprintf(text, sizeof(text), "path %s is left out: %s", rw_conf_path_name((uint64_t)path),
		 why);
	note(client, text);
	return 0;
}

/* Does the API decide by max_sgl_rd (rw.c: rdma_rw_io_needs_mr)? */
static bool has_threshold(const struct rw_client *client)
{
	return client->conf->op == RW_VERB_READ && !client->device.is_iwarp &&
	       !client->kernel->forces_mr;
}

/* ... and more than one segment is wanted for it to do so. */
static bool is_single(const struct rw_conf *conf, uint64_t size_bytes)
{
	struct rw_err ignored = { 0 };
	struct rw_layout layout;

	return !rw_layout_init(&layout, size_bytes, conf->sges, conf->segment_bytes, RW_AUTO,
			       &ignored) && layout.nr_segs == 1;
}

static int choose_paths(struct rw_client *client, struct rw_conf *conf, struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);

	if (client->kernel->forces_mr)
		return leave_out(client, conf, RW_PATH_DIRECT,
				 "ib_core.force_mr=1 lets every operation take an MR", err);
	if (conf->op == RW_VERB_WRITE)
		return leave_out(client, conf, RW_PATH_MR,
				 "a WRITE takes an MR with ib_core.force_mr=1 only", err);
	if (!has_threshold(client))
		return 0;
	if (is_single(conf, sizes[n - 1]))
		return leave_out(client, conf, RW_PATH_MR,
				 "the kernel takes an MR for a READ of more than max_sgl_rd segments, which are 2 at least",
				 err);
	if (conf->paths & 1 << RW_PATH_MR && is_single(conf, sizes[0]))
		note(client, "path mr has no rows of a single segment: the kernel takes MRs for more than one");
	if (conf->paths != 1 << RW_PATH_AUTO || conf->max_sgl_rd != RW_AUTO)
		note(client, "path direct sets the device's max_sgl_rd to 0, mr to 1, auto as --max_sgl_rd or not at all: for all its users, while a row runs");
	return 0;
}

static int64_t max_sgl_rd(const struct rw_client *client, int path)
{
	if (!has_threshold(client))
		return -1;
	if (path == RW_PATH_AUTO)
		return client->conf->max_sgl_rd == RW_AUTO ? -1 : (int64_t)client->conf->max_sgl_rd;
	return path == RW_PATH_MR;
}

/* ---- one run of the module */

struct part {
	int path;
	uint64_t size_bytes, seed;
	struct rw_layout layout;
	uint64_t count, duration_ms; /* one of them is 0 */
};

static const char *policy(const struct rw_conf *conf)
{
	if (conf->teardown)
		return "teardown";
	return conf->on_exhaustion == RW_EXHAUSTION_WAIT ? "wait" : "drop";
}

static int create(struct rw_client *client, const struct part *part, struct rw_err *err)
{
	const struct rw_kernel_client *kernel = client->kernel;
	const struct rw_conf *conf = client->conf;
	uint64_t warm_up = conf->no_warm_up ? 0 : rw_max(2 * conf->contexts, WARM_UP_MIN);

	return rw_kernel_create(
		&client->kernel->module, err,
		"role=client addr=%s port=%u from=%s op=%s size=%" PRIu64
		" segment=%u contexts=%" PRIu64 " max_rdma_ctxs=%" PRIu64 " qps=%" PRIu64
		" count=%" PRIu64 " duration_ms=%" PRIu64 " warm_up=%" PRIu64
		" on_exhaustion=%s max_sgl_rd=%" PRId64 " verify=%d seed=%" PRIu64
		" timeout=%" PRIu64 " rate=%" PRIu64 " arrival=%s",
		kernel->addr, kernel->port, kernel->from, rw_conf_op_name(conf->op),
		part->size_bytes, part->layout.seg_bytes, conf->contexts,
		conf->mr_pool == RW_AUTO ? conf->contexts : conf->mr_pool, conf->qps, part->count,
		part->duration_ms, warm_up, policy(conf), max_sgl_rd(client, part->path),
		conf->verify, part->seed, conf->qp_timeout,
		conf->rate, conf->arrival);
}

/* The server has nothing to say in the middle of a row but that something is wrong. */
static int watch(struct rw_client *client, struct rw_err *err)
{
	json_t *msg = NULL;
	int ret = rw_client_say_alive(client, err);

	if (ret || !rw_chan_poll(client->chan))
		return ret;
	ret = rw_chan_recv(client->chan, 0, &msg, err);
	if (ret == -ETIMEDOUT) {
		rw_err_clear(err);
		return 0;
	}
	json_decref(msg);
	return ret ? ret :
		     rw_fail(err, RW_EXIT_PEER, -EPROTO,
			     "the server %s sent a message in the middle of a run",
			     rw_chan_peer(client->chan));
}

static void nap(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	/* A signal may end it early, which is as well. */
	nanosleep(&time, NULL);
}

static bool is_over(const json_t *doc)
{
	const char *state = json_string_value(json_object_get(doc, "state")) ?: "";

	return strcmp(state, "running") != 0;
}

/* Wait for the end of the run, which an interrupt brings about. */
static int await_end(struct rw_client *client, json_t **doc_p, struct rw_err *err)
{
	bool stopped = false;
	long ms = POLL_MIN_MS;

	for (;;) {
		int ret = rw_kernel_read(&client->kernel->module, doc_p, err);

		if (ret || is_over(*doc_p))
			return ret;
		json_decref(*doc_p);
		*doc_p = NULL;
		ret = stopped ? 0 : watch(client, err);
		if (ret)
			return ret;
		if (*client->stop && !stopped) {
			rw_kernel_stop(&client->kernel->module);
			stopped = true;
		}
		nap(ms);
		ms = rw_min(2 * ms, POLL_MAX_MS);
	}
}

static int take_doc(const json_t *doc, struct rw_kernel_row *row, struct rw_err *err)
{
	const json_t *why = json_object_get(doc, "error");

	if (json_is_string(why))
		return rw_fail(err, RW_EXIT_RUN, -EIO, "the kernel's run failed: %.300s",
			       json_string_value(why));
	/* Interrupted before the clock started. */
	if (!json_integer_value(json_object_get(doc, "elapsed_ns")))
		return 0;
	return rw_kernel_row_add(row, doc, err);
}

static int run_part(struct rw_client *client, const struct part *part, struct rw_kernel_row *row,
		    struct rw_err *err)
{
	json_t *doc = NULL;
	int ret = create(client, part, err);

	if (!ret)
		ret = await_end(client, &doc, err);
	if (!ret)
		ret = take_doc(doc, row, err);
	json_decref(doc);
	rw_kernel_remove(&client->kernel->module);
	return ret;
}

/* ---- a group of rows */

struct group {
	struct part parts[RW_NR_PATHS];
	struct rw_kernel_row *rows[RW_NR_PATHS];
};

static int plan(struct rw_client *client, struct group *group, uint64_t size_bytes, uint64_t paths,
		uint64_t seed, struct rw_err *err)
{
	client->nr_rows = 0;
	for (int path = 0; path < RW_NR_PATHS; path++) {
		struct part *part = &group->parts[client->nr_rows];
		int ret;

		if (!(paths >> path & 1) || (path == RW_PATH_MR && has_threshold(client) &&
					     is_single(client->conf, size_bytes)))
			continue;
		*part = (struct part){ .path = path, .size_bytes = size_bytes, .seed = seed };
		ret = rw_layout_init(&part->layout, size_bytes, client->conf->sges,
				     client->conf->segment_bytes, RW_AUTO, err);
		if (ret)
			return ret;
		group->rows[client->nr_rows] = rw_kernel_row_new();
		if (!group->rows[client->nr_rows++])
			return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	}
	return 0;
}

/* Part @i of @n of what the configuration says. */
static void cut(const struct rw_conf *conf, uint64_t i, uint64_t n, struct part *part)
{
	uint64_t whole = conf->duration_s ? conf->duration_s * 1000 : conf->iters * conf->qps;
	uint64_t share = whole / n + (i < whole % n);

	part->count = conf->duration_s ? 0 : share;
	part->duration_ms = conf->duration_s ? share : 0;
}

/* All rows of the group: whole, or in rounds, in each of which every row has a part. */
static int measure(struct rw_client *client, struct group *group, struct rw_err *err)
{
	const struct rw_conf *conf = client->conf;
	uint64_t operations = conf->duration_s ? BLOCKS : conf->iters * conf->qps;
	uint64_t rounds = rw_conf_takes_turns(conf) ? rw_min(BLOCKS, operations) : 1;
	struct rw_random random;
	int ret = 0;

	rw_random_init(&random, conf->seed);
	for (uint64_t i = 0; i < rounds; i++) {
		uint32_t first = (uint32_t)rw_random_below(&random, rw_max(client->nr_rows, 1u));

		for (uint32_t k = 0; k < client->nr_rows && !*client->stop && !ret; k++) {
			uint32_t at = (first + k) % client->nr_rows;

			cut(conf, i, rounds, &group->parts[at]);
			ret = run_part(client, &group->parts[at], group->rows[at], err);
		}
	}
	return ret;
}

static int tell_finished(struct rw_client *client, uint64_t operations, struct rw_err *err)
{
	int ret;

	/* After an interrupt, too. */
	rw_chan_set_stop(client->chan, NULL);
	ret = rw_session_send(client->chan,
			      json_pack("{s:s, s:I}", "type", "finish", "operations",
					(json_int_t)operations),
			      err);
	rw_chan_set_stop(client->chan, client->stop);
	return ret;
}

static int fill(struct rw_client *client, const struct group *group, struct rw_err *err)
{
	json_t *counters = rw_port_counters_diff(&client->counters);
	int ret = 0;

	for (uint32_t i = 0; i < client->nr_rows && !ret; i++) {
		const struct rw_kernel_row *row = group->rows[i];
		struct rw_result *result;

		client->filled[i] = NULL;
		if (!row->elapsed_ns)
			continue;
		result = rw_client_next_result(client);
		ret = rw_kernel_fill_result(client, row, group->parts[i].path,
					    &group->parts[i].layout, result, err);
		client->filled[i] = result;
		/* Rows that took turns moved them together: the first one tells it. */
		if (!i)
			result->counters = json_incref(counters);
		if (!ret)
			ret = tell_finished(client, result->operations, err);
	}
	json_decref(counters);
	return ret;
}

int rw_kernel_run_group(struct rw_client *client, uint64_t size_bytes, uint64_t paths,
			uint64_t seed, struct rw_err *err)
{
	struct group group = { 0 };
	int ret = plan(client, &group, size_bytes, paths, seed, err);

	rw_port_counters_start(&client->counters);
	client->alive_at_ms = rw_deadline_in(RW_ALIVE_MS);
	if (!ret) {
		ret = measure(client, &group, err);
		if (!ret)
			ret = fill(client, &group, err);
		if (ret)
			rw_client_ask_for_reason(client, err);
	}
	if (!ret)
		rw_client_report_group(client);
	for (uint32_t i = 0; i < RW_NR_PATHS; i++)
		free(group.rows[i]);
	return ret;
}

/* ---- the session */

static int take_accept(struct rw_client *client, struct rw_err *err)
{
	struct rw_kernel_client *kernel = client->kernel;
	struct rw_msg_port port;
	struct rw_msg_cm cm;
	json_t *msg, *obj, *facts;
	int ret = rw_session_recv(client->chan, RW_STEP_MS, "accept", &msg, err);

	if (ret)
		return ret;
	ret = rw_field_obj(msg, "port", &obj, err);
	if (!ret)
		ret = rw_msg_port_unpack(obj, &port, err);
	if (!ret)
		ret = rw_field_obj(msg, "cm", &obj, err);
	if (!ret)
		ret = rw_msg_cm_unpack(obj, &cm, err);
	if (!ret)
		ret = rw_field_obj(msg, "facts", &facts, err);
	if (!ret)
		ret = rw_session_check_facts(facts, err);
	if (!ret) {
		client->facts.peer = json_incref(facts);
		kernel->port = cm.port;
		rw_kernel_addr(port.gid, client->cm.scope, kernel->addr);
	}
	json_decref(msg);
	return ret;
}

/* Agree with the server on the run; its module listens then. */
static int agree(struct rw_client *client, struct rw_err *err)
{
	struct rw_msg_port port;
	int ret;

	rw_port_addr_get(&client->device, RW_INITIATOR, &client->own);
	rw_session_port_to_msg(&client->own, &port);
	ret = rw_session_send(client->chan,
			      json_pack("{s:s, s:s, s:o, s:o, s:i}", "type", "setup", "test",
					client->conf->test->id, "run",
					rw_conf_to_json(client->conf, true), "port",
					rw_msg_port_pack(&port), "wr_segs", 1),
			      err);
	return ret ? ret : take_accept(client, err);
}

static int run_rows(struct rw_client *client, struct rw_err *err)
{
	int ret;

	client->side = rw_session_facts(&client->device, &client->placement, NULL);
	client->facts.host = json_object_get(client->side, "host");
	client->facts.device = json_object_get(client->side, "device");
	if (client->with_table) {
		rw_table_head(client->conf, &client->facts);
		rw_table_columns(client->conf);
	}
	ret = rw_client_run_rows(client, err);
	if (client->with_table)
		rw_table_end(&client->facts);
	return ret;
}

int rw_kernel_run_session(struct rw_client *client, struct rw_conf *conf, struct rw_err *err)
{
	const struct rw_cm_watch no_watch = { 0 };
	struct rw_kernel_client kernel = { .module.control = -1 };
	uint8_t like[16];
	int ret = rw_chan_hello(client->chan, RW_HELLO_MS, err);

	if (ret)
		return ret;
	client->kernel = &kernel;
	ret = rw_kernel_open(&kernel.module, err);
	if (!ret)
		ret = rw_session_choose_addr(conf, &client->device,
					     rw_session_control_gid(client->chan, like), -1,
					     &no_watch, &client->cm, err);
	if (!ret) {
		rw_kernel_addr(client->device.gid.raw, client->cm.scope, kernel.from);
		ret = rw_kernel_forces_mr(kernel.from, &kernel.forces_mr, err);
	}
	if (!ret)
		ret = choose_paths(client, conf, err);
	if (!ret)
		ret = rw_port_counters_open(&client->counters, &client->device, conf->counters,
					    err);
	if (!ret)
		ret = agree(client, err);
	if (!ret)
		ret = run_rows(client, err);
	if (ret)
		rw_chan_send_error(client->chan, err);
	rw_kernel_close(&kernel.module);
	rw_cm_close(&client->cm);
	client->kernel = NULL;
	return ret;
}
