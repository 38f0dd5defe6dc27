/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The client's half of the conversation about QPs, and its ear while rows run. */
#include <errno.h>
#include <string.h>

#include "bench/client.h"
#include "ctl/field.h"
#include "ctl/wait.h"

/* A row of many operations may take for ever; that the client hangs shows by its silence. */
int rw_client_say_alive(struct rw_client *client, struct rw_err *err)
{
	int ret;

	if (rw_deadline_left(client->alive_at_ms))
		return 0;
	client->alive_at_ms = rw_deadline_in(RW_ALIVE_MS);
	ret = rw_session_send(client->chan, rw_msg_word("alive"), err);
	if (ret == -EINTR) {
		/* The row is ending, and its end will be told. */
		rw_err_clear(err);
		ret = 0;
	}
	return ret;
}

int rw_client_watch(void *arg, struct rw_err *err)
{
	struct rw_client *client = arg;
	json_t *msg;
	int ret;

	if (rw_crew_has_failed(&client->crew))
		return rw_crew_cancel(err);
	ret = rw_session_poll(client->chan, &msg, err);
	if (ret)
		return ret;
	if (!msg)
		return rw_both_watch(client, err);
	if (client->conf->bidirectional)
		ret = rw_both_hear(client, msg, err);
	else
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "the server %s sent a message in the middle of a run",
			      rw_chan_peer(client->chan));
	json_decref(msg);
	return ret;
}

/* The other threads talk to nobody. */
static int watch_crew(void *arg, struct rw_err *err)
{
	const struct rw_worker *worker = arg;

	return rw_crew_has_failed(worker->crew) ? rw_crew_cancel(err) : 0;
}

/* While rdma_cm connects, the server's answer may come already, or why there will be none. */
int rw_client_watch_connect(void *arg, struct rw_err *err)
{
	struct rw_client *client = arg;
	json_t *msg;
	int ret;

	if (client->answer)
		return 0;
	ret = rw_session_poll(client->chan, &msg, err);
	if (ret || !msg)
		return ret;
	return rw_session_take(msg, client->awaited, &client->answer, err);
}

/* By rdma_cm the QPs are connected with the server, else after it. */
static int take_answer(struct rw_client *client, json_t **msg_p, struct rw_err *err)
{
	int ret = 0;

	if (!client->answer)
		ret = rw_session_recv(client->chan, RW_STEP_MS, client->awaited, &client->answer,
				      err);
	*msg_p = client->answer;
	client->answer = NULL;
	return ret;
}

/* The client's half of a reconnection, see the messages in ctl/msg.h. */
static int reconnect(void *arg, uint32_t index, struct rw_err *err)
{
	struct rw_client *client = arg;
	struct rw_endpoint *ep = &rw_client_load(client)->ep;
	bool by_cm = client->conf->rdma_cm;
	json_t *msg = NULL;
	int ret;

	/* After an interrupt, too, the row ends with all its connections. */
	rw_chan_set_stop(client->chan, NULL);
	ret = rw_session_send(client->chan,
			      json_pack("{s:s, s:i, s:o}", "type", "reconnect", "index",
					(int)index, "qps", rw_session_qp_pack(&ep->qps[index])),
			      err);
	client->awaited = "reconnected";
	if (!ret && by_cm)
		ret = rw_session_connect_qp(ep, &client->cm, index, &client->peer, NULL,
					    &client->link, err);
	if (!ret)
		ret = take_answer(client, &msg, err);
	if (!ret && !by_cm)
		ret = rw_session_connect_qp(ep, &client->cm, index, &client->peer, msg,
					    &client->link, err);
	rw_chan_set_stop(client->chan, client->stop);
	json_decref(msg);
	return ret;
}

struct rw_load_watch rw_client_watch_of(struct rw_client *client, struct rw_worker *worker)
{
	if (!worker->index)
		return (struct rw_load_watch){ client->stop, rw_client_watch, rw_client_progress,
					       reconnect, client };
	return (struct rw_load_watch){ client->stop, watch_crew, rw_worker_progress, NULL, worker };
}

int rw_client_send_setup(struct rw_client *client, uint32_t wr_segs, struct rw_err *err)
{
	struct rw_msg_port port;

	rw_port_addr_get(&client->device,
			 client->conf->bidirectional ? RW_BOTH_ROLES : RW_INITIATOR, &client->own);
	rw_session_port_to_msg(&client->own, &port);
	return rw_session_send(client->chan,
			       json_pack("{s:s, s:s, s:o, s:o, s:i}", "type", "setup", "test",
					 client->conf->test->id, "run",
					 rw_conf_to_json(client->conf, true), "port",
					 rw_msg_port_pack(&port), "wr_segs", (int)wr_segs),
			       err);
}

int rw_client_take_buffer(struct rw_client *client, const json_t *msg, struct rw_err *err)
{
	struct rw_msg_buffer buffer = {
		.nr_rkeys = client->conf->mr_per_qp ? (uint32_t)client->conf->qps : 1,
	};
	json_t *obj;
	int ret = rw_field_obj(msg, "buffer", &obj, err);

	if (!ret)
		ret = rw_msg_buffer_unpack(obj, &buffer, err);
	if (ret)
		return ret;
	if (buffer.slot_bytes < rw_conf_largest_size(client->conf))
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "message from the peer: its memory is too small for the run");
	for (uint32_t i = 0; i < client->crew.n; i++)
		rw_load_set_remote(&client->crew.workers[i].load, &buffer);
	return 0;
}

static int take_cm(struct rw_client *client, const json_t *msg, struct rw_err *err)
{
	struct rw_msg_cm cm;
	json_t *obj;
	int ret;

	if (!client->conf->rdma_cm)
		return 0;
	ret = rw_field_obj(msg, "cm", &obj, err);
	if (!ret)
		ret = rw_msg_cm_unpack(obj, &cm, err);
	if (ret)
		return ret;
	client->cm.port = cm.port;
	client->cm.token = cm.token;
	return 0;
}

int rw_client_take_server(struct rw_client *client, const json_t *msg, struct rw_err *err)
{
	struct rw_msg_port port;
	json_t *obj, *facts;
	int ret = rw_field_obj(msg, "port", &obj, err);

	if (!ret)
		ret = rw_msg_port_unpack(obj, &port, err);
	if (!ret)
		ret = rw_field_obj(msg, "facts", &facts, err);
	if (!ret)
		ret = rw_session_check_facts(facts, err);
	if (!ret)
		ret = take_cm(client, msg, err);
	if (ret)
		return ret;
	client->facts.peer = json_incref(facts);
	rw_session_port_from_msg(&port, &client->peer);
	return 0;
}

/* That a QP was rejected may have a reason which the server tells; its mere silence is none. */
static void prefer_told_reason(struct rw_client *client, struct rw_err *err)
{
	struct rw_err told = *err;

	rw_client_ask_for_reason(client, &told);
	if (told.error == -EREMOTEIO)
		*err = told;
}

/* What the server's first QP has, for the report; nothing where its device does not tell. */
static void take_peer_qp(struct rw_client *client, const json_t *msg)
{
	const char *key;
	json_t *qp = json_object(), *value;

	json_object_foreach(json_object_get(msg, "qp"), key, value)
		if (json_is_integer(value) || json_is_boolean(value))
			json_object_set(qp, key, value);
	json_object_set_new(client->facts.peer, "qp", qp);
}

static int connect_qps(struct rw_client *client, struct rw_endpoint *ep, struct rw_err *err)
{
	json_t *msg, *answer = NULL;
	int ret = rw_session_recv(client->chan, RW_STEP_MS, "accept", &msg, err);

	if (ret)
		return ret;
	ret = rw_client_take_server(client, msg, err);
	if (!ret)
		ret = rw_client_take_buffer(client, msg, err);
	if (!ret && client->conf->bidirectional)
		ret = rw_both_lend(client, msg, err);
	if (!ret)
		ret = rw_session_send(client->chan,
				      json_pack("{s:s, s:o, s:o*}", "type", "connect", "qps",
						rw_session_qps_pack(ep), "buffer",
						rw_both_pack_buffer(client)),
				      err);
	client->awaited = "connected";
	if (!ret) {
		ret = rw_session_connect(ep, &client->cm, client->conf, &client->own,
					 &client->peer, msg, rw_both_access(client->conf),
					 &client->link, err);
		if (ret && client->conf->rdma_cm)
			prefer_told_reason(client, err);
	}
	json_decref(msg);
	if (!ret)
		ret = take_answer(client, &answer, err);
	if (!ret)
		take_peer_qp(client, answer);
	json_decref(answer);
	return ret ? ret : rw_client_pace(client, err);
}

int rw_client_pace(struct rw_client *client, struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < client->crew.n && !ret; i++)
		ret = rw_load_pace(&client->crew.workers[i].load, err);
	return ret;
}

int rw_client_connect(struct rw_client *client, struct rw_err *err)
{
	struct rw_endpoint ep;
	int ret = rw_client_send_setup(client, rw_client_load(client)->wr_segs, err);

	if (ret)
		return ret;
	ret = rw_crew_list_qps(&client->crew, &ep, err);
	if (!ret)
		ret = connect_qps(client, &ep, err);
	rw_crew_free_qps(&ep);
	return ret;
}
