/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/serve_rows.h"

#include <errno.h>

#include "bench/serve_both.h"
#include "ctl/field.h"

static int prepare_row(struct rw_server *server, const json_t *msg, struct rw_err *err)
{
	struct rw_msg_prepare row;
	int ret;

	if (server->conf.bidirectional)
		return rw_serve_both_run(&server->own, msg, err);
	ret = rw_msg_prepare_unpack(msg, &row, err);
	if (!ret)
		ret = rw_lent_prepare(&server->lent, &row, err);
	if (ret)
		return ret;
	return rw_session_send(server->chan, rw_msg_word("prepared"), err);
}

static int finish_row(struct rw_server *server, const json_t *msg, struct rw_err *err)
{
	struct rw_corrupt corrupt = { 0 };
	json_t *own = NULL, *finished;
	uint64_t operations;
	int ret = rw_lent_check(&server->lent, msg, &operations, &corrupt, err);

	if (!ret && server->conf.bidirectional)
		ret = rw_serve_both_report(&server->own, &own, &corrupt, err);
	if (ret)
		return ret;
	server->nr_rows++;
	server->operations += operations;
	finished = rw_msg_finished_pack(&corrupt);
	json_object_update(finished, own);
	json_decref(own);
	return rw_session_send(server->chan, finished, err);
}

/* The client has torn a connection down: its other half goes, and both come again. */
static int reconnect(struct rw_server *server, const json_t *msg, struct rw_err *err)
{
	struct rw_endpoint *ep = &server->ep;
	uint64_t index;
	int ret = rw_field_u64(msg, "index", 0, ep->nr_qps - 1, &index, err);

	if (!ret)
		ret = rw_qp_renew(server->device, &server->qp_want, &ep->qps[index], err);
	if (!ret)
		ret = rw_session_connect_qp(ep, &server->cm, (uint32_t)index, &server->peer, msg,
					    &server->link, err);
	if (ret)
		return ret;
	return rw_session_send(server->chan,
			       json_pack("{s:s, s:o}", "type", "reconnected", "qps",
					 rw_session_qp_pack(&ep->qps[index])),
			       err);
}

int rw_serve_rows(struct rw_server *server, struct rw_err *err)
{
	static const char *const types[] = { "prepare", "finish", "end", "reconnect", "alive",
					     "stop" };
	enum { PREPARE, FINISH, END, RECONNECT, ALIVE, STOP };
	bool prepared = false;

	for (;;) {
		json_t *msg;
		int type = END;
		int ret = rw_chan_recv(server->chan, RW_STEP_MS, &msg, err);

		if (ret)
			return ret;
		ret = rw_field_enum(msg, "type", types, RW_ARRAY_SIZE(types), &type, err);
		/* A row may be prepared anew between its warm-up and its measured phase. */
		if (!ret && ((type != PREPARE && (type == END) == prepared) ||
			     (type == RECONNECT && !server->conf.teardown) ||
			     (type == STOP && !server->conf.bidirectional)))
			ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
				      "message from the peer: \"%s\" in the wrong place",
				      types[type]);
		if (!ret && type == PREPARE)
			ret = prepare_row(server, msg, err);
		if (!ret && type == FINISH)
			ret = finish_row(server, msg, err);
		if (!ret && type == RECONNECT)
			ret = reconnect(server, msg, err);
		prepared = type != FINISH && type != END;
		json_decref(msg);
		if (ret || type == END)
			return ret;
	}
}
