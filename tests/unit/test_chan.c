/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Messages on a channel: good ones, and every kind of malformed one. */
#include "chan_peer.h"

#include <stdio.h>
#include <stdlib.h>

static void expect_n(struct pair *pair, json_int_t n)
{
	json_t *msg = NULL;

	if (rw_chan_recv(pair->chan, LONG_MS, &msg, &pair->err))
		fail_msg("%s", pair->err.text);
	assert_int_equal(json_integer_value(json_object_get(msg, "n")), n);
	json_decref(msg);
}

static void test_bytes_on_the_wire(void **state)
{
	static const char bytes[] = "\0\0\0\x14{\"n\":1,\"s\":\"\xc3\xa9\\r\\n\"}";
	char got[sizeof(bytes)];
	struct pair pair;
	json_t *msg;

	pair_open(&pair);
	msg = json_pack("{s:i, s:s}", "n", 1, "s", "\xc3\xa9\r\n");
	assert_int_equal(rw_chan_send(pair.chan, msg, LONG_MS, &pair.err), 0);
	assert_int_equal(msg->refcount, 1);
	json_decref(msg);
	assert_int_equal(recv(pair.peer, got, sizeof(got), 0), sizeof(bytes) - 1);
	assert_memory_equal(got, bytes, sizeof(bytes) - 1);

	say(pair.peer, bytes, sizeof(bytes) - 1);
	assert_int_equal(rw_chan_recv(pair.chan, LONG_MS, &msg, &pair.err), 0);
	assert_string_equal(json_string_value(json_object_get(msg, "s")), "\xc3\xa9\r\n");
	json_decref(msg);
	pair_close(&pair);
}

static void test_messages_queue_up(void **state)
{
	struct pair pair;

	pair_open_tcp(&pair);
	say_json(pair.peer, "{\"n\": 1}");
	say_json(pair.peer, " {\"n\": 2}\n");
	say_json(pair.peer, "{\"n\": 3}");
	for (int n = 1; n <= 3; n++)
		expect_n(&pair, n);
	pair_close(&pair);
}

#define ROW(bytes, part)                                                                           \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, part                                                     \
	}
struct row {
	const char *bytes;
	size_t len;
	const char *part;
};

static void test_bad_length(void **state)
{
	static const struct row rows[] = {
		ROW("\0\0\0\0", "claims to be 0 bytes long, must be 2..262144"),
		ROW("\0\0\0\1{", "claims to be 1 bytes long"),
		ROW("\0\4\0\1", "claims to be 262145 bytes long"),
		ROW("\x80\0\0\0", "claims to be 2147483648 bytes long"),
		ROW("\xff\xff\xff\xff", "claims to be 4294967295 bytes long"),
		ROW("GET / HTTP/1.1\r\n\r\n", "claims to be 1195725856 bytes long"),
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct pair pair;

		pair_open(&pair);
		say(pair.peer, rows[i].bytes, rows[i].len);
		/* known from the header alone; and nothing that follows is believed */
		say_json(pair.peer, "{\"n\": 1}");
		for (int again = 0; again < 2; again++) {
			assert_int_equal(recv_from(&pair, LONG_MS), -EPROTO);
			assert_error(&pair.err, RW_EXIT_PEER, -EPROTO, rows[i].part);
		}
		pair_close(&pair);
	}
}

static void test_bad_json(void **state)
{
	static const struct row rows[] = {
		ROW("[]", "not a JSON object"),
		ROW("  ", "expected near end of file"),
		ROW("null", "expected near 'null'"),
		ROW("\"a\"", "expected near '\"a\"'"),
		ROW("12", "expected near '12'"),
		ROW("{]", "expected near ']'"),
		ROW("{\"a\":1,", "expected near end of file"),
		ROW("{\"a\":1,}", "expected near '}'"),
		ROW("{\"a\":tru}", "invalid token"),
		ROW("{'a':1}", "string or '}' expected"),
		ROW("{\"a\":1,\"a\":1}", "duplicate object key"),
		ROW("{}{}", "end of file expected"),
		ROW("{}\0", "end of file expected"),
		ROW("\0\0", "malformed message"),
		ROW("{\"a\":\"\0\"}", "control character"),
		ROW("{\"a\":\"\n\"}", "unexpected newline"),
		ROW("{\"a\":\"\\u0000\"}", "\\u0000 is not allowed"),
		ROW("{\"\\u0000\":\"a\"}", "NUL byte in object key"),
		ROW("{\"a\":\"\\ud800\"}", "invalid Unicode"),
		ROW("{\"a\":\"\xff\"}", "unable to decode byte 0xff"),
		ROW("{\"a\":\"\xc0\x80\"}", "unable to decode byte 0xc0"),
		ROW("{\"a\":\"\xed\xa0\x80\"}", "unable to decode byte 0xed"),
		ROW("{\"a\":\"\xf4\x90\x80\x80\"}", "unable to decode byte 0xf4"),
		ROW("{\"a\":\"\xc3", "malformed message"),
		ROW("\xef\xbb\xbf{}", "expected near"),
		ROW("{\"a\":9223372036854775808}", "too big integer"),
		ROW("{\"a\":-9223372036854775809}", "too big negative integer"),
		ROW("{\"a\":1e999}", "real number overflow"),
		ROW("{\"a\":NaN}", "invalid token"),
		ROW("{\"a\":01}", "invalid token"),
		ROW("{\"a\":+1}", "invalid token"),
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct pair pair;

		pair_open(&pair);
		say_frame(pair.peer, rows[i].bytes, rows[i].len);
		say_json(pair.peer, "{\"n\": 1}");
		assert_int_equal(recv_from(&pair, LONG_MS), -EPROTO);
		assert_non_null(strstr(pair.err.text, "malformed message from the peer (local): "));
		assert_error(&pair.err, RW_EXIT_PEER, -EPROTO, rows[i].part);
		expect_n(&pair, 1); /* a frame read to its end does not disturb the next */
		pair_close(&pair);
	}
}

static void test_deep_nesting(void **state)
{
	char text[2 * 100000 + 1];
	struct pair pair;
	size_t len;

	pair_open(&pair);
	len = (size_t)sprintf(text, "{\"a\":");
	memset(text + len, '[', 3000);
	len += 3000;
	memset(text + len, ']', 3000);
	len += 3000;
	text[len++] = '}';
	say_frame(pair.peer, text, len);
	assert_int_equal(recv_from(&pair, LONG_MS), -EPROTO);
	assert_error(&pair.err, RW_EXIT_PEER, -EPROTO, "maximum parsing depth");
	/* objects, never closed */
	for (len = 0; len < 50000; len += 5)
		memcpy(text + len, "{\"a\":", 5);
	say_frame(pair.peer, text, len);
	assert_int_equal(recv_from(&pair, LONG_MS), -EPROTO);
	assert_error(&pair.err, RW_EXIT_PEER, -EPROTO, "maximum parsing depth");
	pair_close(&pair);
}

/* The cap is the cap, both ways, to the byte. */
static void test_largest_message(void **state)
{
	const size_t fill_len = RW_CHAN_MAX_FRAME - strlen("{\"a\":\"\"}");
	char *text = malloc(fill_len + 1);
	struct pair pair;
	json_t *msg, *got;
	pid_t pid;

	assert_non_null(text);
	memset(text, 'x', fill_len);
	text[fill_len] = '\0';
	pair_open(&pair);
	msg = json_pack("{s:s}", "a", text);
	pid = fork(); /* neither socket buffer holds it all */
	if (!pid) {
		/* the other end of the pair is a channel as well */
		struct rw_err err = { 0 };
		struct rw_chan *chan;

		if (rw_chan_from_fd(pair.peer, &chan, &err) ||
		    rw_chan_recv(chan, LONG_MS, &got, &err) ||
		    rw_chan_send(chan, got, LONG_MS, &err))
			_exit(1);
		_exit(!json_equal(msg, got));
	}
	assert_int_equal(rw_chan_send(pair.chan, msg, LONG_MS, &pair.err), 0);
	assert_int_equal(rw_chan_recv(pair.chan, LONG_MS, &got, &pair.err), 0);
	assert_true(json_equal(msg, got));
	json_decref(got);
	json_decref(msg);
	end_child(pid);

	msg = json_pack("{s:s, s:s}", "a", text, "b", "");
	assert_int_equal(rw_chan_send(pair.chan, msg, LONG_MS, &pair.err), -EMSGSIZE);
	assert_error(&pair.err, RW_EXIT_RUN, -EMSGSIZE, "is 262151 bytes long, at most 262144");
	json_decref(msg);
	assert_int_equal(rw_chan_poll(pair.chan), 0);
	free(text);
	pair_close(&pair);
}

static void test_only_objects_are_sent(void **state)
{
	json_t *array = json_array(), *msg = json_pack("{s:i}", "n", 5);
	struct pair pair;
	char got[16];

	pair_open(&pair);
	assert_int_equal(rw_chan_send(pair.chan, array, LONG_MS, &pair.err), -EINVAL);
	assert_error(&pair.err, RW_EXIT_RUN, -EINVAL, "cannot be written as JSON");
	assert_int_equal(rw_chan_send(pair.chan, NULL, LONG_MS, &pair.err), -EINVAL);
	rw_err_clear(&pair.err);
	/* the refused ones left nothing behind */
	assert_int_equal(rw_chan_send(pair.chan, msg, LONG_MS, &pair.err), 0);
	assert_int_equal(recv(pair.peer, got, sizeof(got), 0), 11);
	assert_memory_equal(got, "\0\0\0\7{\"n\":5}", 11);
	json_decref(array);
	json_decref(msg);
	pair_close(&pair);
}

static void test_error_message(void **state)
{
	static const struct {
		const char *json;
		enum rw_exit exit_code;
		const char *text;
	} rows[] = {
		{ "{\"type\":\"error\",\"exit_code\":4,\"text\":\"no device\"}", RW_EXIT_DEVICE,
		  "the peer reports: no device" },
		{ "{\"type\":\"error\",\"exit_code\":1,\"text\":\"x\"}", RW_EXIT_RUN,
		  "reports: x" },
		{ "{\"type\":\"error\",\"exit_code\":5,\"text\":\"x\",\"more\":1}", RW_EXIT_CORRUPT,
		  "reports: x" },
		/* codes that are none of ours */
		{ "{\"type\":\"error\",\"exit_code\":0,\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		{ "{\"type\":\"error\",\"exit_code\":6,\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		{ "{\"type\":\"error\",\"exit_code\":-1,\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		{ "{\"type\":\"error\",\"exit_code\":4294967297,\"text\":\"x\"}", RW_EXIT_PEER,
		  "x" },
		{ "{\"type\":\"error\",\"exit_code\":1.0,\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		{ "{\"type\":\"error\",\"exit_code\":\"1\",\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		{ "{\"type\":\"error\",\"exit_code\":null,\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		{ "{\"type\":\"error\",\"text\":\"x\"}", RW_EXIT_PEER, "x" },
		/* texts that are none */
		{ "{\"type\":\"error\",\"exit_code\":4}", RW_EXIT_DEVICE, "reports: an error" },
		{ "{\"type\":\"error\",\"exit_code\":4,\"text\":\"\"}", RW_EXIT_DEVICE,
		  "an error" },
		{ "{\"type\":\"error\",\"exit_code\":4,\"text\":[1]}", RW_EXIT_DEVICE, "an error" },
		/* nor may a text take over the terminal */
		{ "{\"type\":\"error\",\"exit_code\":4,\"text\":\"a\\u001b[2J\\r\\nb\\u009bc"
		  "\\u202ed\\u007f%s%n\"}",
		  RW_EXIT_DEVICE, "reports: a [2J  b c d %s%n" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct pair pair;

		pair_open(&pair);
		say_json(pair.peer, rows[i].json);
		assert_int_equal(recv_from(&pair, LONG_MS), -EREMOTEIO);
		assert_error(&pair.err, rows[i].exit_code, -EREMOTEIO, rows[i].text);
		pair_close(&pair);
	}
}

static void test_long_error_message(void **state)
{
	char json[60100], *p = json;
	struct pair pair;

	pair_open(&pair);
	p += sprintf(p, "{\"type\":\"error\",\"exit_code\":2,\"text\":\"");
	for (int i = 0; i < 20000; i++)
		p += sprintf(p, "\xe2\x82\xac"); /* cutting may not split it */
	sprintf(p, "\"}");
	say_json(pair.peer, json);
	assert_int_equal(recv_from(&pair, LONG_MS), -EREMOTEIO);
	assert_in_range(strlen(pair.err.text), 390, 420);
	assert_string_equal(pair.err.text + strlen(pair.err.text) - 6, "\xe2\x82\xac...");
	assert_error(&pair.err, RW_EXIT_USAGE, -EREMOTEIO, "the peer reports: \xe2\x82\xac");
	pair_close(&pair);
}

static void expect_bytes(struct pair *pair, const char *bytes)
{
	char got[600] = "";

	assert_int_equal(recv(pair->peer, got, sizeof(got) - 1, MSG_DONTWAIT),
			 *bytes ? (ssize_t)strlen(bytes) + 4 : -1);
	assert_string_equal(got + 4, bytes);
}

static void test_send_error(void **state)
{
	struct rw_err none = { 0 }, fault = { 0 };
	struct pair pair;

	pair_open(&pair);
	rw_chan_send_error(pair.chan, &none);
	expect_bytes(&pair, "");
	rw_fail(&fault, RW_EXIT_CORRUPT, -EIO, "bad \"\xff\"");
	stop_flag = 1; /* the reason for closing is often just that */
	rw_chan_set_stop(pair.chan, &stop_flag);
	rw_chan_send_error(pair.chan, &fault);
	expect_bytes(&pair, "{\"type\":\"error\",\"exit_code\":5,\"text\":\"bad \\\"?\\\"\"}");
	assert_int_equal(recv_from(&pair, LONG_MS), -EINTR);
	rw_chan_set_stop(pair.chan, NULL);
	rw_err_clear(&pair.err);
	/* no echo */
	say_json(pair.peer, "{\"type\":\"error\",\"exit_code\":4,\"text\":\"x\"}");
	assert_int_equal(recv_from(&pair, LONG_MS), -EREMOTEIO);
	rw_chan_send_error(pair.chan, &pair.err);
	expect_bytes(&pair, "");
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_on_the_wire),
		cmocka_unit_test(test_messages_queue_up),
		cmocka_unit_test(test_bad_length),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(test_largest_message),
		cmocka_unit_test(test_only_objects_are_sent),
		cmocka_unit_test(test_error_message),
		cmocka_unit_test(test_long_error_message),
		cmocka_unit_test(test_send_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
