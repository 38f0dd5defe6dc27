/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How a planned group is measured: warm-up, then the measured phase. Several
 * rows take turns in short blocks in random order, so that a drift of the
 * machine hits all alike.
 */
#include "bench/client.h"
#include "util/random.h"

#define LATENCY_BLOCK  100 /* operations */
#define LATENCY_BLOCKS 50  /* at least as many, if there are operations enough */
#define LATENCY_ALONE  1000
#define ALONE_NS       RW_NS_PER_S /* ... and no longer, where each takes long */
#define WARM_UP_MIN    100

static uint64_t operations_of(const struct rw_conf *conf)
{
	return conf->duration_s ? UINT64_MAX : conf->iters * conf->qps;
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

int rw_client_run_margin(struct rw_client *client, struct rw_err *err)
{
	const struct rw_row_limit limit = {
		.operations = UINT64_MAX,
		.ns = client->conf->margin_s * RW_NS_PER_S,
	};
	int ret = 0;

	for (uint32_t i = 0; i < client->nr_rows && limit.ns && !ret; i++)
		ret = rw_row_run(&client->rows[i], &limit, err);
	return ret;
}

static int warm_up(struct rw_client *client, struct rw_err *err)
{
	uint64_t slots = client->load.nr_slots;
	const struct rw_row_limit limit = {
		.operations = client->conf->test->is_latency ? rw_max(2 * slots, WARM_UP_MIN) :
							       2 * slots,
	};
	int ret = 0;

	for (uint32_t i = 0; i < client->nr_rows && !ret && !client->conf->no_warm_up; i++)
		ret = warm_up_row(&client->rows[i], &limit, err);
	if (!ret)
		ret = rw_client_run_margin(client, err);
	for (uint32_t i = 0; i < client->nr_rows; i++)
		rw_row_reset(&client->rows[i]);
	/* What the warm-up moved must not pass for the measured phase's work. */
	if (!ret && client->conf->verify && !*client->stop)
		ret = rw_client_prepare(client, err);
	return ret;
}

static int measure_row(struct rw_client *client, struct rw_err *err)
{
	const struct rw_row_limit limit = {
		.operations = operations_of(client->conf),
		.ns = rw_conf_measured_ns(client->conf),
	};

	return rw_row_run(&client->rows[0], &limit, err);
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

static int run_block(struct rw_row *row, uint64_t operations, struct rw_err *err)
{
	const struct rw_row_limit limit = { .operations = operations };
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
		ns += client->rows[i].count.elapsed_ns;
	if (conf->duration_s)
		return ns >= rw_conf_measured_ns(conf) * client->nr_rows;
	return client->rows[0].count.issued >= operations_of(conf);
}

/* Round after round, in each of which every row has one block. */
static int take_turns(struct rw_client *client, struct rw_err *err)
{
	uint64_t operations = operations_of(client->conf);
	uint64_t block = rw_max(rw_min(operations / LATENCY_BLOCKS, LATENCY_BLOCK), 1u);
	uint32_t order[RW_NR_PATHS];
	struct rw_random random;

	rw_random_init(&random, client->conf->seed);
	for (uint32_t i = 0; i < client->nr_rows; i++)
		order[i] = i;
	while (!is_over(client)) {
		shuffle(&random, order, client->nr_rows);
		block = rw_min(block, operations - client->rows[0].count.issued);
		for (uint32_t i = 0; i < client->nr_rows; i++) {
			int ret = run_block(&client->rows[order[i]], block, err);

			if (ret)
				return ret;
		}
	}
	return 0;
}

int rw_client_measure(struct rw_client *client, struct rw_err *err)
{
	const struct rw_conf *conf = client->conf;
	uint64_t samples = conf->unsorted ? operations_of(conf) : 0;
	const struct rw_row_limit alone = {
		.operations = rw_min(operations_of(conf), LATENCY_ALONE),
		.ns = ALONE_NS,
	};
	int ret = 0;

	for (uint32_t i = 0; i < client->nr_rows && rw_conf_is_timed(conf) && !ret; i++)
		ret = rw_row_time(&client->rows[i], samples, err);
	if (!ret && (!conf->no_warm_up || conf->margin_s))
		ret = warm_up(client, err);
	/* Interrupted, nothing more is begun. */
	if (ret || *client->stop)
		return ret;
	rw_port_counters_start(&client->counters);
	ret = rw_conf_takes_turns(conf) ? take_turns(client, err) : measure_row(client, err);
	for (uint32_t i = 0; i < client->nr_rows && conf->test->is_latency && !ret; i++)
		ret = rw_row_time_alone(&client->rows[i], &alone, err);
	return ret;
}
