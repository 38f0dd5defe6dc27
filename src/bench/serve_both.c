/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/serve_both.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/field.h"

int rw_serve_both_open(struct rw_client *own, struct rw_endpoint *ep, struct rw_lent *lent,
		       const volatile sig_atomic_t *stop, struct rw_err *err)
{
	struct rw_endpoint qps;
	int ret;

	own->stop = &own->both.stop;
	own->both.interrupted = stop;
	own->both.lent = lent;
	rw_endpoint_open_in(ep, &own->domain);
	ret = rw_client_open_crew(own, err);
	if (!ret)
		ret = rw_crew_list_qps(&own->crew, &qps, err);
	if (ret)
		return ret;
	ep->qps = qps.qps;
	ep->nr_qps = qps.nr_qps;
	return 0;
}

void rw_serve_both_close(struct rw_client *own, struct rw_endpoint *ep)
{
	rw_crew_free_qps(ep);
	ep->qps = NULL;
	ep->nr_qps = 0;
	for (uint32_t i = 0; i < own->crew.n; i++)
		rw_load_close_qps(&own->crew.workers[i].load);
	rw_client_unplan(own);
	rw_client_close_crew(own);
	if (own->nr_results)
		rw_client_drop_result(own->results);
	free(own->results);
	own->results = NULL;
	own->nr_results = 0;
}

static bool has_size(const struct rw_conf *conf, uint64_t size_bytes)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);

	for (uint32_t i = 0; i < n; i++)
		if (sizes[i] == size_bytes)
			return true;
	return false;
}

static int plan(struct rw_client *own, const json_t *msg, const struct rw_msg_prepare *row,
		struct rw_err *err)
{
	uint64_t path;
	int ret = rw_field_u64(msg, "path", 0, RW_NR_PATHS - 1, &path, err);

	if (ret)
		return ret;
	/* Memory and queues are for what the client announced. */
	if (!has_size(own->conf, row->size_bytes) || !(own->conf->paths >> path & 1))
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: a row that is not of its run");
	rw_client_unplan(own);
	return rw_client_plan(own, row->size_bytes, UINT64_C(1) << path, row->seed, err);
}

static struct rw_result *new_result(struct rw_client *own)
{
	if (own->nr_results)
		rw_client_drop_result(own->results);
	else
		own->results = calloc(1, sizeof(*own->results));
	if (!own->results)
		return NULL;
	own->nr_results = 1;
	*own->results = (struct rw_result){ 0 };
	return own->results;
}

int rw_serve_both_run(struct rw_client *own, const json_t *prepare, struct rw_err *err)
{
	struct rw_msg_prepare row;
	struct rw_result *result;
	int ret = rw_msg_prepare_unpack(prepare, &row, err);

	if (!ret)
		ret = plan(own, prepare, &row, err);
	if (!ret)
		ret = rw_client_fill_rows(own, err);
	if (!ret)
		ret = rw_both_prepare(own, &row, err);
	if (!ret)
		ret = rw_session_send(own->chan, rw_msg_word("prepared"), err);
	if (!ret)
		ret = rw_client_measure(own, err);
	if (ret)
		return ret;
	result = new_result(own);
	if (!result)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	ret = rw_client_fill_result(own, 0, result, err);
	return ret ? ret : rw_client_run_margin(own, err);
}

static json_t *figures_json(const struct rw_result *r)
{
	return json_pack("{s:I, s:I, s:f, s:f, s:f, s:f}", "operations", (json_int_t)r->operations,
			 "elapsed_ns", (json_int_t)r->elapsed_ns, "ops_per_s",
			 rw_result_ops_per_s(r), "bytes_per_s", rw_result_bytes_per_s(r),
			 "peak_bytes_per_s", r->peak_bytes_per_s, "least_bytes_per_s",
			 r->least_bytes_per_s);
}

/* A frame has no room for thousands of intervals. */
static json_t *row_json(const struct rw_client *own)
{
	json_t *row = rw_report_row(own->conf, own->results);

	json_object_del(row, "intervals");
	json_object_del(row, "directions");
	return row;
}

int rw_serve_both_report(struct rw_client *own, json_t **finished_p, struct rw_corrupt *corrupt,
			 struct rw_err *err)
{
	struct rw_msg_finish finish = { .nr_slots = (uint32_t)rw_conf_slots(own->conf) };

	finish.done = calloc(rw_div_ceil(finish.nr_slots, 8), 1);
	if (!finish.done)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	rw_client_note_done(own, &finish);
	/* A margin's READs are checked, too. */
	rw_corrupt_add(corrupt, &own->results->corrupt);
	rw_corrupt_add(corrupt, &own->crew.workers[0].rows[0].corrupt);
	*finished_p = json_pack("{s:o, s:o, s:o}", "finish", rw_msg_finish_pack(&finish), "figures",
				figures_json(own->results), "row", row_json(own));
	free(finish.done);
	return *finished_p ? 0 : rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
}
