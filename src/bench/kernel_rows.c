/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Engine kernel: rows, each made of one run of the module or of several that take turns. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/kernel.h"
#include "ctl/wait.h"
#include "rw/layout.h"
#include "util/random.h"

#define BLOCKS	    10 /* of a row whose paths take turns, each a run of its own */
#define WARM_UP_MIN 10 /* operations of a QP */
#define POLL_MIN_MS 1  /* until a run's document is read again ... */
#define POLL_MAX_MS 50 /* ... which costs the run a little */

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
	char pool[48] = ""; /* the module knows the device: as many as the contexts need */

	if (conf->mr_pool != RW_AUTO)
		snprintf(pool, sizeof(pool), " max_rdma_ctxs=%" PRIu64, conf->mr_pool);
	return rw_kernel_create(
		&client->kernel->module, err,
		"role=client addr=%s port=%u from=%s op=%s size=%" PRIu64
		" segment=%u contexts=%" PRIu64 "%s qps=%" PRIu64
		" count=%" PRIu64 " duration_ms=%" PRIu64 " warm_up=%" PRIu64
		" on_exhaustion=%s max_sgl_rd=%" PRId64 " verify=%d seed=%" PRIu64
		" timeout=%" PRIu64 " rate=%" PRIu64 " arrival=%s",
		kernel->addr, client->cm.port, kernel->from, rw_conf_op_name(conf->op),
		part->size_bytes, part->layout.seg_bytes, conf->contexts,
		pool, conf->qps, part->count, part->duration_ms, warm_up, policy(conf),
		rw_kernel_max_sgl_rd(client, part->path), conf->verify, part->seed, conf->qp_timeout, conf->rate, conf->arrival);
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
		ret = stopped ? 0 : rw_client_watch(client, err);
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

		if (!(paths >> path & 1) || !rw_kernel_has_row(client, path, size_bytes))
			continue;
		*part = (struct part){ .path = path, .size_bytes = size_bytes, .seed = seed };
		ret = rw_conf_kernel_layout(client->conf, size_bytes, &part->layout, err);
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
	ret = rw_session_send(
		client->chan,
		json_pack("{s:s, s:I}", "type", "finish", "operations", (json_int_t)operations),
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
