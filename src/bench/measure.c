/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How a planned group is measured: warm-up, then the measured phase. Several
 * rows take turns in short blocks in random order, so that a drift of the
 * machine hits all alike. All workers run the same row at the same time.
 */
#include <string.h>

#include "bench/client.h"
#include "util/random.h"

#define LATENCY_BLOCKS 50  /* at least as many, if there are operations enough */
#define LATENCY_ALONE  1000
#define ALONE_NS       RW_NS_PER_S /* ... and no longer, where each takes long */
#define WARM_UP_MIN    100

static uint64_t operations_of(const struct rw_conf *conf)
{
	return conf->duration_s ? UINT64_MAX : conf->iters * conf->qps;
}

/* While some are still at it the peer is watched. */
static int crew_run(struct rw_client *client, rw_crew_fn fn, void *arg, struct rw_err *err)
{
	return rw_crew_run(&client->crew, fn, arg, &rw_client_load(client)->watch, err);
}

/* The same, while with -b the peer does so, too: it ends when both have. */
static int run_phase(struct rw_client *client, rw_crew_fn fn, void *arg, struct rw_err *err)
{
	int ret = crew_run(client, fn, arg, err);

	return ret ? ret : rw_both_meet(client, err);
}

/* As fast as it goes: at one operation per second a warm-up would take minutes. */
static int warm_up_row(struct rw_row *row, const struct rw_row_limit *limit, struct rw_err *err)
{
	struct rw_source *source = row->source;
	int ret;

	row->source = NULL;
	ret = rw_row_run(row, limit, err);
	row->source = source;
	return ret;
}

static int warm_up_rows(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	uint64_t slots = worker->load.nr_slots;
	const struct rw_row_limit limit = {
		.operations = worker->load.conf->test->is_latency ?
				      rw_max(2 * slots, WARM_UP_MIN) :
				      2 * slots,
	};
	int ret = 0;

	for (uint32_t i = 0; i < worker->nr_rows && !ret && !worker->load.conf->no_warm_up; i++)
		ret = warm_up_row(&worker->rows[i], &limit, err);
	return ret;
}

static int run_margins(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	const struct rw_row_limit limit = {
		.operations = UINT64_MAX,
		.ns = worker->load.conf->margin_s * RW_NS_PER_S,
	};
	int ret = 0;

	for (uint32_t i = 0; i < worker->nr_rows && !ret; i++)
		ret = rw_row_run(&worker->rows[i], &limit, err);
	return ret;
}

int rw_client_run_margin(struct rw_client *client, struct rw_err *err)
{
	return client->conf->margin_s ? run_phase(client, run_margins, NULL, err) : 0;
}

static int reset_rows(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	for (uint32_t i = 0; i < worker->nr_rows; i++)
		rw_row_reset(&worker->rows[i]);
	return 0;
}

static int warm_up(struct rw_client *client, struct rw_err *err)
{
	int ret = run_phase(client, warm_up_rows, NULL, err);

	if (!ret)
		ret = rw_client_run_margin(client, err);
	if (!ret)
		ret = crew_run(client, reset_rows, NULL, err);
	/* What the warm-up moved must not pass for the measured phase's work. */
	if (!ret && client->conf->verify && !rw_both_is_over(client))
		ret = rw_client_prepare(client, err);
	return ret;
}

static void note_elapsed(struct rw_client *client, uint32_t i)
{
	const struct rw_worker *workers = client->crew.workers;
	uint64_t began_ns = workers[0].rows[i].began_ns, ended_ns = workers[0].rows[i].ended_ns;

	for (uint32_t w = 1; w < client->crew.n; w++) {
		began_ns = rw_min(began_ns, workers[w].rows[i].began_ns);
		ended_ns = rw_max(ended_ns, workers[w].rows[i].ended_ns);
	}
	client->elapsed_ns[i] += ended_ns - began_ns;
}

/*
 * Run @fn, which runs row @i. Its time is from the moment when the first began until the
 * last had nothing in flight any more.
 */
static int measure(struct rw_client *client, uint32_t i, rw_crew_fn fn, void *arg,
		   struct rw_err *err)
{
	uint64_t cpu_ns = rw_clock_cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	int ret = crew_run(client, fn, arg, err);

	if (ret)
		return ret;
	client->cpu_process_ns[i] += rw_clock_cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	note_elapsed(client, i);
	return rw_both_meet(client, err);
}

static int run_row(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	const struct rw_conf *conf = worker->load.conf;
	const struct rw_row_limit limit = {
		.operations = operations_of(conf),
		.ns = rw_conf_measured_ns(conf),
	};

	return rw_row_run(&worker->rows[0], &limit, err);
}

static int measure_row(struct rw_client *client, struct rw_err *err)
{
	return measure(client, 0, run_row, NULL, err);
}

static void shuffle(struct rw_random *random, uint32_t *order, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t k = (uint32_t)rw_random_below(random, i);
		uint32_t last = order[i - 1];

		order[i - 1] = order[k];
		order[k] = last;
	}
}

/* A block of row *@arg. */
static int run_block(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	struct rw_row *row = &worker->rows[*(const uint32_t *)arg];
	uint64_t operations = operations_of(worker->load.conf);
	uint64_t block = rw_max(rw_min(operations / LATENCY_BLOCKS, RW_LATENCY_BLOCK), 1u);
	const struct rw_row_limit limit = {
		.operations = rw_min(block, operations - row->count.issued),
	};
	int ret = rw_row_run(row, &limit, err);

	rw_latency_end_block(row->latency);
	return ret;
}

static bool is_over(const struct rw_client *client)
{
	const struct rw_conf *conf = client->conf;
	uint64_t ns = 0;

	if (*client->stop)
		return true;
	for (uint32_t i = 0; i < client->nr_rows; i++)
		ns += client->elapsed_ns[i];
	if (conf->duration_s)
		return ns >= rw_conf_measured_ns(conf) * client->nr_rows;
	for (uint32_t w = 0; w < client->crew.n; w++) {
		const struct rw_worker *worker = &client->crew.workers[w];

		if (worker->rows[0].count.issued < operations_of(worker->load.conf))
			return false;
	}
	return true;
}

/* Round after round, in each of which every row has one block. */
static int take_turns(struct rw_client *client, struct rw_err *err)
{
	uint32_t order[RW_NR_PATHS];
	struct rw_random random;

	rw_random_init(&random, client->conf->seed);
	for (uint32_t i = 0; i < client->nr_rows; i++)
		order[i] = i;
	while (!is_over(client)) {
		shuffle(&random, order, client->nr_rows);
		for (uint32_t i = 0; i < client->nr_rows; i++) {
			int ret = measure(client, order[i], run_block, &order[i], err);

			if (ret)
				return ret;
		}
	}
	return 0;
}

static int time_rows(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	const struct rw_conf *conf = worker->load.conf;
	uint64_t samples = conf->unsorted ? operations_of(conf) : 0;
	int ret = 0;

	for (uint32_t i = 0; i < worker->nr_rows && !ret; i++)
		ret = rw_row_time(&worker->rows[i], samples, err);
	return ret;
}

static int time_alone(void *arg, struct rw_worker *worker, struct rw_err *err)
{
	const struct rw_row_limit alone = {
		.operations = rw_min(operations_of(worker->load.conf), LATENCY_ALONE),
		.ns = ALONE_NS,
	};
	int ret = 0;

	for (uint32_t i = 0; i < worker->nr_rows && !ret; i++)
		ret = rw_row_time_alone(&worker->rows[i], &alone, err);
	return ret;
}

int rw_client_measure(struct rw_client *client, struct rw_err *err)
{
	const struct rw_conf *conf = client->conf;
	int ret = 0;

	memset(client->elapsed_ns, 0, sizeof(client->elapsed_ns));
	memset(client->cpu_process_ns, 0, sizeof(client->cpu_process_ns));
	if (rw_conf_is_timed(conf))
		ret = crew_run(client, time_rows, NULL, err);
	if (!ret && (!conf->no_warm_up || conf->margin_s))
		ret = warm_up(client, err);
	/* Interrupted, nothing more is begun. */
	if (ret || rw_both_is_over(client))
		return ret;
	rw_port_counters_start(&client->counters);
	ret = rw_conf_takes_turns(conf) ? take_turns(client, err) : measure_row(client, err);
	if (!ret && conf->test->is_latency)
		ret = crew_run(client, time_alone, NULL, err);
	return ret;
}
