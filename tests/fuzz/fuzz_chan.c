/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The control channel against a peer that says anything at all.
 *
 * "make check" runs it with the mutations of fuzz_main.c. With libFuzzer, from
 * the top of the source and with build/ configured:
 *
 *   mkdir -p corpus && build/tests/fuzz/fuzz_chan -w corpus
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc -Ibuild \
 *         tests/fuzz/fuzz_chan.c src/ctl/?*.c src/util/err.c -ljansson -o fuzz_chan
 *   ./fuzz_chan -max_len=4096 corpus
 *
 * The first byte of an input chooses how the rest is said: 0 from the hello on,
 * 1 frames, 2 as the body of one frame, so that mutations need not get the length
 * right to reach the JSON and its fields.
 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/chan.h"
#include "ctl/field.h"
#include "ctl/msg.h"
#include "ctl/text.h"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("\0rwperf\r\n\0\3\0\5"
		  "0.1.0\0\0\0\x13{\"type\":\"go\",\"n\":1}"),
	FUZZ_SEED("\0rwperf\r\n\0\4\0\5"
		  "0.2.0\0\0\0\2{}"),
	FUZZ_SEED("\0HTTP/1.1 400 Bad Request\r\n\r\n"),
	FUZZ_SEED("\0"
		  "0000:0000:000000:000000:00000000:0000000000000000:"),
	FUZZ_SEED("\1\0\0\0\2{}\0\0\0\7{\"n\":1}"),
	FUZZ_SEED("\1\0\0\0\4[{}]\0\4\0\0{"),
	FUZZ_SEED("\2{\"type\":\"error\",\"exit_code\":4,\"text\":\"no device\"}"),
	FUZZ_SEED(
		"\2{\"type\":\"error\",\"exit_code\":-1,\"text\":\"\\u001b[2J \\u202e\xc3\xa9\"}"),
	FUZZ_SEED(
		"\2{\"type\":\"conf\",\"n\":65536,\"hex\":\"0xffffffffffffffff\",\"op\":\"read\"}"),
	FUZZ_SEED(
		"\2{\"type\":\"res\",\"real\":1.5e3,\"yes\":true,\"no\":null,\"list\":[1,[2],{}]}"),
	FUZZ_SEED(
		"\2{\"obj\":{\"obj\":{\"str\":\"\\ud83d\\ude00\\n\"}},\"n\":9223372036854775807}"),
	FUZZ_SEED("\2{\"type\":\"accept\",\"port\":18515,\"token\":\"0xffffffffffffffff\"}"),
	{ NULL, 0 },
};

/* A refusal: -errno, told in one clean line, with an exit code of the programs. */
static void check_refused(int ret, struct rw_err *err)
{
	FUZZ_CHECK(ret < 0 && ret == err->error);
	FUZZ_CHECK(err->exit_code >= RW_EXIT_RUN && err->exit_code <= RW_EXIT_CORRUPT);
	FUZZ_CHECK(err->text[0] && rw_text_is_clean(err->text));
	rw_err_clear(err);
}

static void check_field(int ret, struct rw_err *err)
{
	if (!ret) {
		FUZZ_CHECK(err->exit_code == RW_EXIT_OK);
		return;
	}
	FUZZ_CHECK(ret == -EPROTO && err->exit_code == RW_EXIT_PEER);
	check_refused(ret, err);
}

static void read_field(const json_t *obj, const char *name)
{
	static const char *const names[] = { "read", "write" };
	struct rw_err err = { 0 };
	const char *text = "";
	uint64_t u = 7;
	double d = 0;
	bool yes;
	json_t *v = NULL;
	int i = 0;

	check_field(rw_field_u64(obj, name, 1, 65536, &u, &err), &err);
	FUZZ_CHECK(u >= 1 && u <= 65536);
	check_field(rw_field_hex64(obj, name, &u, &err), &err);
	check_field(rw_field_double(obj, name, -1, 1e6, &d, &err), &err);
	FUZZ_CHECK(d >= -1 && d <= 1e6);
	check_field(rw_field_bool(obj, name, &yes, &err), &err);
	check_field(rw_field_str(obj, name, 64, &text, &err), &err);
	FUZZ_CHECK(strlen(text) <= 64 && rw_text_is_clean(text));
	check_field(rw_field_enum(obj, name, names, RW_ARRAY_SIZE(names), &i, &err), &err);
	FUZZ_CHECK(i >= 0 && i < 2);
	check_field(rw_field_array(obj, name, 2, &v, &err), &err);
	FUZZ_CHECK(!v || json_array_size(v) <= 2);
	v = NULL;
	check_field(rw_field_obj(obj, name, &v, &err), &err);
	FUZZ_CHECK(!v || json_is_object(v));
}

/* What a session does with a message, field after field. */
static void read_message(json_t *msg)
{
	static const char *const allowed[] = { "type", "n", "hex", "op" };
	static const char *const names[] = {
		"type", "n", "hex", "op", "real", "yes", "no", "list", "obj", "str", "absent",
	};
	struct rw_err err = { 0 };
	struct rw_msg_cm cm;

	FUZZ_CHECK(json_is_object(msg));
	check_field(rw_msg_cm_unpack(msg, &cm, &err), &err);
	check_field(rw_msg_expect(msg, "conf", &err), &err);
	check_field(rw_fields_only(msg, allowed, RW_ARRAY_SIZE(allowed), &err), &err);
	for (size_t i = 0; i < RW_ARRAY_SIZE(names); i++)
		read_field(msg, names[i]);
}

/* Say all of it, or what fits the socket's buffer: nobody reads meanwhile. */
static void say(int fd, const void *bytes, size_t size)
{
	if (size)
		(void)!send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	int fds[2], ret = 0;
	json_t *msg;

	if (!size)
		return 0;
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	FUZZ_CHECK(!rw_chan_from_fd(fds[0], &chan, &err));
	if (data[0] % 3 == 2) {
		const uint8_t header[] = {
			(uint8_t)((size - 1) >> 24),
			(uint8_t)((size - 1) >> 16),
			(uint8_t)((size - 1) >> 8),
			(uint8_t)(size - 1),
		};

		say(fds[1], header, sizeof(header));
	}
	say(fds[1], data + 1, size - 1);
	shutdown(fds[1], SHUT_WR); /* nothing waits: the input ends in an end of stream */
	if (data[0] % 3 == 0)
		ret = rw_chan_hello(chan, 1000, &err);
	while (!ret) {
		msg = NULL;
		ret = rw_chan_recv(chan, 1000, &msg, &err);
		FUZZ_CHECK(!ret == !!msg);
		if (msg)
			read_message(msg);
		json_decref(msg);
	}
	FUZZ_CHECK(ret != -ETIMEDOUT && ret != -EINTR);
	rw_chan_send_error(chan, &err);
	check_refused(ret, &err);
	close(fds[1]); /* rw_chan_close waits for that */
	rw_chan_close(chan);
	return 0;
}
