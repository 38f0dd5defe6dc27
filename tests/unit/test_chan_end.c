/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How a channel ends: the ways in which a peer goes away, and our own. */
#include "chan_peer.h"

#include <fcntl.h>
#include <netinet/tcp.h>

static void test_peer_closes(void **state)
{
	for (size_t cut = 0; cut < WIRE_LEN; cut++) {
		struct pair pair;

		pair_open_tcp(&pair);
		say(pair.peer, wire, WIRE_LEN);
		say(pair.peer, wire, cut);
		close(pair.peer);
		pair.peer = -1;
		assert_int_equal(recv_from(&pair, LONG_MS), 0);
		assert_int_equal(recv_from(&pair, LONG_MS), -EPIPE);
		assert_non_null(
			strstr(pair.err.text, cut ? "in the middle of a" : "waiting for a"));
		assert_error(&pair.err, RW_EXIT_PEER, -EPIPE, "closed the connection");
		pair_close(&pair);
	}
}

static void reset(struct pair *pair)
{
	const struct linger now = { .l_onoff = 1 };

	assert_int_equal(setsockopt(pair->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(pair->peer);
	pair->peer = -1;
}

static void test_peer_resets(void **state)
{
	struct pair pair;

	pair_open_tcp(&pair);
	reset(&pair);
	assert_int_equal(rw_chan_poll(pair.chan), 1);
	assert_int_equal(recv_from(&pair, LONG_MS), -ECONNRESET);
	assert_error(&pair.err, RW_EXIT_PEER, -ECONNRESET, "reset the connection");
	pair_close(&pair);
}

/* Also: no SIGPIPE, which would end the test. */
static void test_send_to_closed_peer(void **state)
{
	struct pair pair;
	int ret = 0;

	pair_open_tcp(&pair);
	close(pair.peer);
	pair.peer = -1;
	for (int i = 0; i < 100 && !ret; i++) {
		ret = send_to(&pair, LONG_MS);
		usleep(1000); /* the answer to the first is a reset */
	}
	assert_true(ret == -EPIPE || ret == -ECONNRESET);
	assert_error(&pair.err, RW_EXIT_PEER, ret, "the connection while sending a message");
	pair_close(&pair);

	pair_open(&pair);
	close(pair.peer);
	pair.peer = -1;
	assert_int_equal(send_to(&pair, LONG_MS), -EPIPE);
	pair_close(&pair);
}

/* The real error stays on the other side? Not here, not even behind other messages. */
static void test_last_words(void **state)
{
	struct pair pair;
	int ret = 0;

	pair_open_tcp(&pair);
	say(pair.peer, wire, WIRE_LEN);
	say_json(pair.peer, "{\"type\":\"error\",\"exit_code\":4,\"text\":\"port 1 is down\"}");
	assert_int_equal(send_to(&pair, LONG_MS), 0);
	usleep(10000);
	close(pair.peer); /* with our message unread: a reset */
	pair.peer = -1;
	for (int i = 0; i < 100 && !ret; i++) {
		ret = send_to(&pair, LONG_MS);
		usleep(1000);
	}
	assert_int_equal(ret, -EREMOTEIO);
	assert_error(&pair.err, RW_EXIT_DEVICE, -EREMOTEIO, "the peer reports: port 1 is down");
	pair_close(&pair);
}

/*
 * close() throws away what was not yet sent when something is unread. A reader
 * that takes its time gets all of the last message nevertheless.
 */
static void test_close_loses_nothing(void **state)
{
	json_t *msg = big_message();
	int small = 16384;
	struct pair pair;
	pid_t pid;

	pair_open_tcp(&pair);
	assert_int_equal(setsockopt(pair.peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	say(pair.peer, wire, WIRE_LEN);
	assert_int_equal(json_object_set_new(msg, "n", json_integer(8)), 0);
	assert_int_equal(rw_chan_send(pair.chan, msg, LONG_MS, &pair.err), 0);
	pid = fork();
	if (!pid) {
		close(pair.fd);
		usleep(100000);
		pid = read_to_the_last(&pair);
		waitpid(pid, &small, 0);
		_exit(small ? 1 : 0);
	}
	close(pair.peer);
	rw_chan_close(pair.chan);
	expect_child_ok(pid);
	json_decref(msg);
}

/* A peer that neither closes nor stops talking does not keep us. */
static void test_close_is_bounded(void **state)
{
	static const char flood[65536];
	struct pair pair;
	int64_t start_ms;
	pid_t pid;

	pair_open_tcp(&pair);
	pid = fork();
	if (!pid)
		while (send(pair.peer, flood, sizeof(flood), MSG_NOSIGNAL) > 0)
			;
	start_ms = rw_now_ms();
	rw_chan_close(pair.chan);
	expect_took(start_ms, 450);
	end_child(pid);
	close(pair.peer);
}

static void test_socket_options(void **state)
{
	static const struct {
		int level, name, value;
	} rows[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, RW_CHAN_DEAD_PEER_MS },
	};
	struct pair pair;

	pair_open_tcp(&pair);
	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		int value = -1;
		socklen_t len = sizeof(value);

		assert_int_equal(getsockopt(pair.fd, rows[i].level, rows[i].name, &value, &len), 0);
		assert_int_equal(value, rows[i].value);
	}
	assert_int_equal(fcntl(pair.fd, F_GETFD), FD_CLOEXEC);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_closes),
		cmocka_unit_test(test_peer_resets),
		cmocka_unit_test(test_send_to_closed_peer),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_close_loses_nothing),
		cmocka_unit_test(test_close_is_bounded),
		cmocka_unit_test(test_socket_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
