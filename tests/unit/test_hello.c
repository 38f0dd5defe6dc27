/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The first words on a channel, from rwperf of any version and from strangers. */
#include "chan_peer.h"

#include "config.h"

#define WAIT_MS 120 /* a deadline that is to pass */

static void test_hello_on_the_wire(void **state)
{
	static const char hello[] = "rwperf\r\n\0\3\0\5" PACKAGE_VERSION;
	char got[64];
	struct pair pair;

	pair_open(&pair);
	assert_string_equal(rw_chan_peer_version(pair.chan), "");
	say(pair.peer,
	    "rwperf\r\n\0\3\0\3"
	    "9.8\0\0\0\2{}",
	    21);
	assert_int_equal(rw_chan_hello(pair.chan, LONG_MS, &pair.err), 0);
	assert_string_equal(rw_chan_peer_version(pair.chan), "9.8");
	assert_int_equal(recv(pair.peer, got, sizeof(got), 0), sizeof(hello) - 1);
	assert_memory_equal(got, hello, sizeof(hello) - 1);
	pair_close(&pair);
}

static void test_bad_hello(void **state)
{
#define ROW(bytes, error, part)                                                                    \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, error, part                                              \
	}
#define NO_RWPERF "(local) does not speak rwperf's protocol (is it perftest,"
	static const struct {
		const char *bytes;
		size_t len;
		int error;
		const char *part;
	} rows[] = {
		ROW("HTTP/1.1 400 Bad Request\r\n\r\n", -EPROTO, NO_RWPERF),
		ROW("0000:0000:000000:000000:00000000:0000000000000000:", -EPROTO, NO_RWPERF),
		ROW("SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, NO_RWPERF),
		/* what waits for us to speak is known by its first bytes */
		ROW("\r\n", -EPROTO, NO_RWPERF),
		ROW("\0", -EPROTO, NO_RWPERF),
		ROW("rwperf\n\n", -EPROTO, NO_RWPERF),
		ROW("rwperf\r\r\n", -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\3\0\0", -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\3\0\x20"
		    "12345678901234567890123456789012",
		    -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\3\xff\xff", -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\3\0\3"
		    "1\n2",
		    -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\3\0\3"
		    "1\0"
		    "2",
		    -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\3\0\3"
		    "1\xff"
		    "2",
		    -EPROTO, NO_RWPERF),
		ROW("rwperf\r\n\0\0\0\5"
		    "0.0.9",
		    -EPROTONOSUPPORT,
		    "(local) runs rwperf 0.0.9 (protocol 0), this is rwperf " PACKAGE_VERSION
		    " (protocol 3)"),
		ROW("rwperf\r\n\0\4\0\5"
		    "1.2.3",
		    -EPROTONOSUPPORT, "rwperf 1.2.3 (protocol 4)"),
		ROW("rwperf\r\n\1\1\0\5"
		    "1.2.3",
		    -EPROTONOSUPPORT, "rwperf 1.2.3 (protocol 257)"),
	};
#undef ROW

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct rw_err fault = { .exit_code = RW_EXIT_RUN, .text = "x" };
		char got[64];
		struct pair pair;

		pair_open(&pair);
		say(pair.peer, rows[i].bytes, rows[i].len);
		assert_int_equal(rw_chan_hello(pair.chan, LONG_MS, &pair.err), rows[i].error);
		assert_error(&pair.err, RW_EXIT_PEER, rows[i].error, rows[i].part);
		assert_string_equal(rw_chan_peer_version(pair.chan), "");
		/* the peer has our hello, to say the same; and no frame that it cannot read */
		rw_chan_send_error(pair.chan, &fault);
		assert_int_equal(recv(pair.peer, got, sizeof(got), 0),
				 12 + strlen(PACKAGE_VERSION));
		pair_close(&pair);
	}
}

/* Cut anywhere, it ends in a word about the peer; dripping in, it does no harm. */
static void test_short_hello(void **state)
{
	static const char hello[] = "rwperf\r\n\0\3\0\5"
				    "0.1.0";
	const size_t len = sizeof(hello) - 1;
	struct pair pair;
	pid_t pid;

	for (size_t cut = 0; cut < len; cut++) {
		pair_open(&pair);
		say(pair.peer, hello, cut);
		assert_int_equal(rw_chan_hello(pair.chan, 5, &pair.err), -ETIMEDOUT);
		assert_error(&pair.err, RW_EXIT_PEER, -ETIMEDOUT, "did not answer the hello");
		pair_close(&pair);

		pair_open_tcp(&pair);
		say(pair.peer, hello, cut);
		shutdown(pair.peer, SHUT_WR);
		assert_int_equal(rw_chan_hello(pair.chan, LONG_MS, &pair.err), -EPIPE);
		assert_error(&pair.err, RW_EXIT_PEER, -EPIPE, "before the hello was over");
		pair_close(&pair);
	}
	pair_open(&pair);
	pid = say_drip(pair.peer, hello, len, 2);
	assert_int_equal(rw_chan_hello(pair.chan, LONG_MS, &pair.err), 0);
	end_child(pid);
	pair_close(&pair);

	pair_open(&pair);
	pid = say_drip(pair.peer, hello, len, WAIT_MS / 2);
	assert_int_equal(rw_chan_hello(pair.chan, WAIT_MS, &pair.err), -ETIMEDOUT);
	end_child(pid);
	pair_close(&pair);

	pair_open(&pair);
	rw_chan_set_stop(pair.chan, &stop_flag);
	stop_in(20);
	rw_err_clear(&pair.err);
	assert_int_equal(rw_chan_hello(pair.chan, -1, &pair.err), -EINTR);
	pair_close(&pair);
}

/* A peer that knows our version from our hello may say its own and be gone at once. */
static void test_hello_of_one_who_left(void **state)
{
	struct pair pair;

	pair_open(&pair);
	say(pair.peer,
	    "rwperf\r\n\0\4\0\3"
	    "2.0",
	    15);
	close(pair.peer);
	pair.peer = -1;
	assert_int_equal(rw_chan_hello(pair.chan, LONG_MS, &pair.err), -EPROTONOSUPPORT);
	assert_error(&pair.err, RW_EXIT_PEER, -EPROTONOSUPPORT, "rwperf 2.0 (protocol 4)");
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_on_the_wire),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_short_hello),
		cmocka_unit_test(test_hello_of_one_who_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
