/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Messages on a channel. */
#include "ctl/chan_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/text.h"
#include "ctl/wait.h"

#define ERROR_SEND_MS 500
#define MIN_FRAME     2 /* "{}" */
/* Messages looked through for an error. The protocol has never that many under way. */
#define MAX_LAST_WORDS 16

static void put_be32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Have @want bytes of the present frame. 0 or -errno, -EPIPE at the end of the stream. */
static int fill(struct rw_chan *chan, size_t want, int64_t deadline_ms)
{
	ssize_t n;

	while (chan->in_len < want) {
		n = rw_chan_read(chan, chan->in + chan->in_len, want - chan->in_len, deadline_ms);
		if (n <= 0)
			return n ? (int)n : -EPIPE;
		chan->in_len += (size_t)n;
	}
	return 0;
}

static int recv_failed(struct rw_chan *chan, int error, int timeout_ms, struct rw_err *err)
{
	if (error != -ETIMEDOUT)
		return rw_chan_io_failed(chan, error,
					 chan->in_len ? "in the middle of a message from"
						      : "waiting for a message from",
					 err);
	return rw_fail(err, RW_EXIT_PEER, error,
		       chan->in_len ? "the peer %s did not finish a message within %g s: it hangs, "
				      "or the network does"
				    : "the peer %s sent nothing for %g s: it hangs, or the network "
				      "does",
		       chan->name, timeout_ms / 1000.0);
}

/* Turn the peer's error message into our own error. */
static int take_error(struct rw_chan *chan, const json_t *msg, struct rw_err *err)
{
	const char *text = json_string_value(json_object_get(msg, "text"));
	const json_t *code = json_object_get(msg, "exit_code");
	enum rw_exit exit_code = RW_EXIT_PEER;
	char clean[401];

	if (json_is_integer(code) && json_integer_value(code) >= RW_EXIT_RUN &&
	    json_integer_value(code) <= RW_EXIT_CORRUPT)
		exit_code = (enum rw_exit)json_integer_value(code);
	chan->peer_failed = true;
	return rw_fail(err, exit_code, -EREMOTEIO, "the peer reports: %s",
		       rw_text_clean(clean, sizeof(clean), text && *text ? text : "an error"));
}

static int parse(struct rw_chan *chan, size_t len, json_t **msg_p, struct rw_err *err)
{
	json_error_t error;
	const char *type;
	char text[100];
	json_t *msg;
	int ret;

	/* jansson itself refuses bad UTF-8, "\u0000", more than 2048 levels, what follows the end
	 */
	msg = json_loadb((const char *)chan->in + RW_FRAME_HEADER, len, JSON_REJECT_DUPLICATES,
			 &error);
	if (!msg)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "malformed message from the peer %s: %s (byte %d of %zu)",
			       chan->name, rw_text_clean(text, sizeof(text), error.text),
			       error.position, len);
	if (!json_is_object(msg)) {
		ret = rw_fail(err, RW_EXIT_PEER, -EPROTO,
			      "malformed message from the peer %s: not a JSON object", chan->name);
		goto err_put_msg;
	}
	type = json_string_value(json_object_get(msg, "type"));
	if (type && !strcmp(type, "error")) {
		ret = take_error(chan, msg, err);
		goto err_put_msg;
	}
	*msg_p = msg;
	return 0;

err_put_msg:
	json_decref(msg);
	return ret;
}

int rw_chan_recv(struct rw_chan *chan, int timeout_ms, json_t **msg_p, struct rw_err *err)
{
	int64_t deadline_ms = rw_deadline_in(timeout_ms);
	uint32_t len;
	int ret;

	ret = fill(chan, RW_FRAME_HEADER, deadline_ms);
	if (ret)
		return recv_failed(chan, ret, timeout_ms, err);
	/* A bad header stays where it is: there is no way to find the next frame. */
	len = get_be32(chan->in);
	if (len < MIN_FRAME || len > RW_CHAN_MAX_FRAME)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "malformed message from the peer %s: it claims to be %" PRIu32
			       " bytes long, must be %d..%d",
			       chan->name, len, MIN_FRAME, RW_CHAN_MAX_FRAME);
	ret = fill(chan, RW_FRAME_HEADER + len, deadline_ms);
	if (ret)
		return recv_failed(chan, ret, timeout_ms, err);
	chan->in_len = 0;
	return parse(chan, len, msg_p, err);
}

static int flush(struct rw_chan *chan, int64_t deadline_ms)
{
	ssize_t n;

	while (chan->out_off < chan->out_len) {
		n = rw_chan_write(chan, chan->out + chan->out_off, chan->out_len - chan->out_off,
				  deadline_ms);
		if (n < 0)
			return (int)n;
		chan->out_off += (size_t)n;
	}
	chan->out_off = 0;
	chan->out_len = 0;
	return 0;
}

static int encode(struct rw_chan *chan, const json_t *msg, struct rw_err *err)
{
	size_t len = 0;

	if (json_is_object(msg))
		len = json_dumpb(msg, (char *)chan->out + RW_FRAME_HEADER, RW_CHAN_MAX_FRAME,
				 JSON_COMPACT);
	if (!len)
		return rw_fail(err, RW_EXIT_RUN, -EINVAL,
			       "a message to the peer cannot be written as JSON");
	if (len > RW_CHAN_MAX_FRAME)
		return rw_fail(err, RW_EXIT_RUN, -EMSGSIZE,
			       "a message to the peer is %zu bytes long, at most %d can be sent",
			       len, RW_CHAN_MAX_FRAME);
	put_be32(chan->out, (uint32_t)len);
	chan->out_len = RW_FRAME_HEADER + len;
	return 0;
}

/*
 * The peer went away while we were sending. Perhaps it said why before: look
 * through what it had sent.
 */
static int last_words(struct rw_chan *chan, struct rw_err *err)
{
	const volatile sig_atomic_t *stop = chan->stop;
	struct rw_err seen = { 0 };
	json_t *msg;
	int ret = 0;

	chan->stop = NULL;
	for (int i = 0; i < MAX_LAST_WORDS && !ret; i++) {
		ret = rw_chan_recv(chan, 0, &msg, &seen);
		if (!ret)
			json_decref(msg);
	}
	chan->stop = stop;
	return ret == -EREMOTEIO ? rw_fail(err, seen.exit_code, ret, "%s", seen.text) : 0;
}

static int send_failed(struct rw_chan *chan, int error, int timeout_ms, struct rw_err *err)
{
	int ret;

	if (error == -ETIMEDOUT)
		return rw_fail(err, RW_EXIT_PEER, error,
			       "the peer %s took no message for %g s: it hangs, or the network "
			       "does",
			       chan->name, timeout_ms / 1000.0);
	if (error == -EPIPE || error == -ECONNRESET) {
		ret = last_words(chan, err);
		if (ret)
			return ret;
	}
	return rw_chan_io_failed(chan, error, "sending a message to", err);
}

int rw_chan_send(struct rw_chan *chan, json_t *msg, int timeout_ms, struct rw_err *err)
{
	int64_t deadline_ms = rw_deadline_in(timeout_ms);
	int ret;

	/* The rest of a message whose sending was interrupted. */
	ret = flush(chan, deadline_ms);
	if (ret)
		return send_failed(chan, ret, timeout_ms, err);
	ret = encode(chan, msg, err);
	if (ret)
		return ret;
	ret = flush(chan, deadline_ms);
	if (ret) {
		if (!chan->out_off)
			chan->out_len = 0;
		return send_failed(chan, ret, timeout_ms, err);
	}
	return 0;
}

void rw_chan_send_error(struct rw_chan *chan, const struct rw_err *err)
{
	const volatile sig_atomic_t *stop = chan->stop;
	struct rw_err ignored = { 0 };
	char clean[sizeof(err->text)];
	json_t *msg;

	if (err->exit_code == RW_EXIT_OK || chan->refused || chan->peer_failed || chan->at_end)
		return;
	msg = json_pack("{s:s, s:i, s:s}", "type", "error", "exit_code", (int)err->exit_code,
			"text", rw_text_clean(clean, sizeof(clean), err->text));
	if (!msg)
		return;
	chan->stop = NULL;
	rw_chan_send(chan, msg, ERROR_SEND_MS, &ignored);
	chan->stop = stop;
	json_decref(msg);
}
