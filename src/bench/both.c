/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/both.h"

#include <errno.h>
#include <string.h>

#include "bench/client.h"
#include "ctl/field.h"
#include "ctl/wait.h"

uint8_t rw_both_access(const struct rw_conf *conf)
{
	return conf->bidirectional ? rw_lent_access(conf) : 0;
}

int rw_both_lend(struct rw_client *client, const json_t *msg, struct rw_err *err)
{
	struct rw_both *both = &client->both;
	uint64_t wr_segs;
	int ret = rw_field_u64(msg, "wr_segs", 1, RW_MAX_SEGMENTS, &wr_segs, err);

	if (!ret)
		ret = rw_lent_open(&both->own, client->conf, (uint32_t)wr_segs, &client->domain,
				   client->placement.place.memory_node, err);
	if (!ret)
		both->lent = &both->own;
	return ret;
}

json_t *rw_both_pack_buffer(const struct rw_client *client)
{
	struct rw_msg_buffer buffer;

	if (!client->both.lent)
		return NULL;
	rw_lent_to_msg(client->both.lent, &buffer);
	return rw_msg_buffer_pack(&buffer);
}

void rw_both_close(struct rw_client *client)
{
	if (client->both.lent)
		rw_lent_close(client->both.lent);
	client->both.lent = NULL;
}

static void note_heard(struct rw_client *client)
{
	client->both.heard_by_ms = rw_deadline_in(RW_STEP_MS);
}

int rw_both_prepare(struct rw_client *client, const struct rw_msg_prepare *prepare,
		    struct rw_err *err)
{
	note_heard(client);
	client->alive_at_ms = rw_deadline_in(RW_ALIVE_MS);
	return client->both.lent ? rw_lent_prepare(client->both.lent, prepare, err) : 0;
}

static bool is_late(const struct rw_client *client, const json_t *msg)
{
	const char *type = json_string_value(json_object_get(msg, "type"));

	return client->conf->bidirectional && type &&
	       (!strcmp(type, "alive") || (client->conf->is_server && !strcmp(type, "stop")));
}

int rw_both_recv(struct rw_client *client, const char *type, json_t **msg_p, struct rw_err *err)
{
	json_t *msg;
	int ret;

	while (!(ret = rw_chan_recv(client->chan, RW_STEP_MS, &msg, err)) && is_late(client, msg))
		json_decref(msg);
	return ret ? ret : rw_session_take(msg, type, msg_p, err);
}

int rw_both_await_prepare(struct rw_client *client, struct rw_err *err)
{
	struct rw_msg_prepare prepare;
	json_t *msg;
	int ret = rw_both_recv(client, "prepare", &msg, err);

	if (ret)
		return ret;
	ret = rw_msg_prepare_unpack(msg, &prepare, err);
	json_decref(msg);
	if (!ret)
		ret = rw_client_fill_rows(client, err);
	if (!ret)
		ret = rw_both_prepare(client, &prepare, err);
	return ret ? ret : rw_session_send(client->chan, rw_msg_word("prepared"), err);
}

/* That it lives the peer says every few seconds, in a phase and after it. */
static int check_silence(const struct rw_client *client, struct rw_err *err)
{
	if (rw_deadline_left(client->both.heard_by_ms))
		return 0;
	return rw_fail(err, RW_EXIT_PEER, -ETIMEDOUT,
		       "%s has said nothing for %d s in the middle of a run; is it stopped?",
		       rw_chan_peer(client->chan), RW_STEP_MS / 1000);
}

int rw_both_watch(struct rw_client *client, struct rw_err *err)
{
	const struct rw_both *both = &client->both;
	int ret = rw_client_say_alive(client, err);

	if (ret || !client->conf->bidirectional)
		return ret;
	if (both->interrupted && *both->interrupted)
		return rw_fail(err, RW_EXIT_RUN, -EINTR, "interrupted");
	return check_silence(client, err);
}

int rw_both_hear(struct rw_client *client, const json_t *msg, struct rw_err *err)
{
	static const char *const types[] = { "alive", "ran", "stop" };
	enum { ALIVE, RAN, STOP };
	struct rw_both *both = &client->both;
	bool stop = false;
	int type;
	int ret = rw_field_enum(msg, "type", types, RW_ARRAY_SIZE(types), &type, err);

	if (!ret && type == RAN)
		ret = rw_field_bool(msg, "stop", &stop, err);
	if (!ret && ((type == RAN && both->peer_ran) ||
		     ((type == STOP || stop) && !client->conf->is_server)))
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "message from the peer: \"%s\" in the wrong place", types[type]);
	if (ret)
		return ret;
	note_heard(client);
	both->peer_ran |= type == RAN;
	both->is_over |= stop;
	if (type == STOP || stop)
		both->stop = 1;
	return 0;
}

/* The user of the client does not wait until the server has done all it was to do. */
static int tell_stop(struct rw_client *client, struct rw_err *err)
{
	struct rw_both *both = &client->both;

	if (client->conf->is_server || both->told_stop || !*client->stop)
		return 0;
	both->told_stop = true;
	rw_chan_set_stop(client->chan, NULL);
	return rw_session_send(client->chan, rw_msg_word("stop"), err);
}

static int await_peer(struct rw_client *client, struct rw_err *err)
{
	json_t *msg;
	int ret = tell_stop(client, err);

	if (ret)
		return ret;
	ret = rw_chan_recv(client->chan, RW_ALIVE_MS, &msg, err);
	if (!ret) {
		ret = rw_both_hear(client, msg, err);
		json_decref(msg);
	} else if (ret == -ETIMEDOUT) {
		rw_err_clear(err);
		ret = rw_both_watch(client, err);
	} else if (ret == -EINTR && !client->conf->is_server) {
		/* It is told, and the peer ends its phase. */
		rw_err_clear(err);
		ret = 0;
	}
	return ret;
}

int rw_both_meet(struct rw_client *client, struct rw_err *err)
{
	struct rw_both *both = &client->both;
	bool is_server = client->conf->is_server;
	int ret;

	if (!client->conf->bidirectional)
		return 0;
	if (!is_server) {
		/* What is told now, both sides go by. */
		both->is_over = both->told_stop = *client->stop;
		rw_chan_set_stop(client->chan, NULL);
	}
	ret = rw_session_send(client->chan,
			      json_pack("{s:s, s:b}", "type", "ran", "stop",
					(int)(both->is_over && !is_server)),
			      err);
	if (!is_server && !*client->stop)
		rw_chan_set_stop(client->chan, client->stop);
	while (!ret && !both->peer_ran)
		ret = await_peer(client, err);
	both->peer_ran = false;
	if (!is_server)
		rw_chan_set_stop(client->chan, client->stop);
	return ret;
}

bool rw_both_is_over(const struct rw_client *client)
{
	return client->conf->bidirectional ? client->both.is_over : *client->stop;
}

/* Which of the server's operations ended well on the memory lent to it. */
static int check_lent(struct rw_client *client, const json_t *msg, struct rw_corrupt *corrupt,
		      struct rw_err *err)
{
	uint64_t operations; /* stand among the figures, too */
	json_t *obj;
	int ret = rw_field_obj(msg, "finish", &obj, err);

	return ret ? ret : rw_lent_check(client->both.lent, obj, &operations, corrupt, err);
}

static int take_figures(const json_t *msg, struct rw_result_peer *peer, struct rw_err *err)
{
	const double most = 1e18;
	json_t *obj;
	int ret = rw_field_obj(msg, "figures", &obj, err);

	if (!ret)
		ret = rw_field_u64(obj, "operations", 0, INT64_MAX, &peer->operations, err);
	if (!ret)
		ret = rw_field_u64(obj, "elapsed_ns", 0, INT64_MAX, &peer->elapsed_ns, err);
	if (!ret)
		ret = rw_field_double(obj, "ops_per_s", 0, most, &peer->ops_per_s, err);
	if (!ret)
		ret = rw_field_double(obj, "bytes_per_s", 0, most, &peer->bytes_per_s, err);
	if (!ret)
		ret = rw_field_double(obj, "peak_bytes_per_s", 0, most, &peer->peak_bytes_per_s,
				      err);
	return ret ? ret :
		     rw_field_double(obj, "least_bytes_per_s", 0, most, &peer->least_bytes_per_s,
				     err);
}

int rw_both_take_row(struct rw_client *client, const json_t *msg, struct rw_err *err)
{
	/* Nothing was measured: what the server says is of no row. */
	struct rw_result none = { 0 }, *result = client->filled[0] ? client->filled[0] : &none;
	struct rw_result_peer *peer = &result->peer;
	json_t *row;
	int ret = check_lent(client, msg, &result->corrupt, err);

	if (!ret)
		ret = take_figures(msg, peer, err);
	if (!ret)
		ret = rw_field_obj(msg, "row", &row, err);
	if (ret || result == &none)
		return ret;
	rw_session_clean_text(row);
	peer->row = json_incref(row);
	return 0;
}
