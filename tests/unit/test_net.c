/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Finding each other: listening and connecting. */
#include "chan_peer.h"

#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "ctl/net.h"

#define WAIT_MS 120 /* a deadline that is to pass */

static bool has_ipv6(void)
{
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	int ret = bind(fd, (struct sockaddr *)&addr, sizeof(addr));

	close(fd);
	return !ret;
}

/* The client's side of meet(): 0 when all is as it should be. */
static int client_of(const char *host, uint16_t port, int family, const char *name)
{
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	char text[80];

	if (rw_net_connect(host, port, LONG_MS, &chan, &err) ||
	    rw_chan_hello(chan, LONG_MS, &err)) {
		print_error("%s\n", err.text);
		return 1;
	}
	snprintf(text, sizeof(text), "%s:%u", name, port);
	if (strcmp(rw_chan_peer(chan), text))
		return 2;
	if (rw_chan_peer_addr(chan)->sa_family != family ||
	    rw_chan_local_addr(chan)->sa_family != family)
		return 3;
	if (strcmp(rw_chan_peer_version(chan), PACKAGE_VERSION))
		return 4;
	rw_chan_close(chan);
	return 0;
}

/* A client that calls this host @host meets the server; both see addresses of @family. */
static void meet(struct rw_listener *listener, const char *host, int family, const char *name)
{
	uint16_t port = rw_net_listener_port(listener);
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	int status = -1;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(client_of(host, port, family, name));
	if (rw_net_accept(listener, LONG_MS, NULL, &chan, &err) ||
	    rw_chan_hello(chan, LONG_MS, &err))
		fail_msg("%s", err.text);
	assert_int_equal(rw_chan_peer_addr(chan)->sa_family, family);
	assert_int_equal(rw_chan_local_addr(chan)->sa_family, family);
	assert_memory_equal(rw_chan_peer(chan), name, strlen(name));
	if (family == AF_INET) {
		const struct sockaddr_in *a = (const void *)rw_chan_local_addr(chan);

		assert_int_equal(a->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
		assert_int_equal(ntohs(a->sin_port), port);
	}
	rw_chan_close(chan);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void open_listener(const char *bind_addr, struct rw_listener **listener_p)
{
	struct rw_err err = { 0 };

	if (rw_net_listen(bind_addr, 0, listener_p, &err))
		fail_msg("%s", err.text);
	assert_int_not_equal(rw_net_listener_port(*listener_p), 0);
}

static void test_listen_on_all(void **state)
{
	struct rw_listener *listener;

	open_listener(NULL, &listener);
	meet(listener, "127.0.0.1", AF_INET, "127.0.0.1"); /* not ::ffff:127.0.0.1 */
	if (has_ipv6())
		meet(listener, "::1", AF_INET6, "[::1]");
	rw_net_listener_close(listener);
}

static void test_listen_on_some(void **state)
{
	struct rw_listener *listener;
	struct rw_err err = { 0 };
	struct rw_chan *chan;

	open_listener("127.0.0.1", &listener);
	meet(listener, "127.0.0.1", AF_INET, "127.0.0.1");
	assert_int_equal(
		rw_net_connect("127.0.0.2", rw_net_listener_port(listener), 100, &chan, &err),
		-ECONNREFUSED);
	rw_net_listener_close(listener);

	/* all addresses of a name, whichever the client takes, at one port */
	open_listener("localhost", &listener);
	meet(listener, "127.0.0.1", AF_INET, "127.0.0.1");
	rw_net_listener_close(listener);

	if (!has_ipv6())
		return;
	open_listener("::1", &listener);
	meet(listener, "::1", AF_INET6, "[::1]");
	rw_net_listener_close(listener);
}

static void test_listen_refused(void **state)
{
	static const struct {
		const char *bind_addr;
		int error;
		const char *part;
	} rows[] = {
		/* 203.0.113.0/24 is for documentation: no host has it */
		{ "203.0.113.1", -EADDRNOTAVAIL, "cannot listen on \"203.0.113.1\"" },
		{ "fe80::1", -EINVAL, "%interface" },
		{ "a..b", -ENOENT, "cannot listen on \"a..b\"" },
		{ "", -ENOENT, "give an address or a name of this host" },
	};
	struct rw_listener *listener, *second;
	struct rw_err err = { 0 };
	char part[40];

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		assert_int_equal(rw_net_listen(rows[i].bind_addr, 0, &listener, &err),
				 rows[i].error);
		assert_error(&err, RW_EXIT_USAGE, rows[i].error, rows[i].part);
	}
	open_listener("127.0.0.1", &listener);
	for (int all = 0; all < 2; all++) {
		assert_int_equal(rw_net_listen(all ? NULL : "127.0.0.1",
					       rw_net_listener_port(listener), &second, &err),
				 -EADDRINUSE);
		snprintf(part, sizeof(part), "TCP port %u is in use",
			 rw_net_listener_port(listener));
		assert_error(&err, RW_EXIT_PEER, -EADDRINUSE, part);
	}
	rw_net_listener_close(listener);
	rw_net_listener_close(NULL);
}

static void test_accept_ends(void **state)
{
	struct rw_listener *listener;
	struct rw_err err = { 0 };
	int64_t start_ms = rw_now_ms();
	struct rw_chan *chan;

	open_listener("127.0.0.1", &listener);
	assert_int_equal(rw_net_accept(listener, WAIT_MS, NULL, &chan, &err), -ETIMEDOUT);
	assert_in_range(rw_now_ms() - start_ms, WAIT_MS, WAIT_MS + 1500);
	assert_error(&err, RW_EXIT_PEER, -ETIMEDOUT, "no client came within 0.12 s");
	stop_in(20);
	assert_int_equal(rw_net_accept(listener, -1, &stop_flag, &chan, &err), -EINTR);
	assert_error(&err, RW_EXIT_RUN, -EINTR, "interrupted while waiting for a client");
	rw_net_listener_close(listener);
}

/* A port that has no listener, for the moment. */
static uint16_t free_port(void)
{
	struct rw_listener *listener;
	uint16_t port;

	open_listener("127.0.0.1", &listener);
	port = rw_net_listener_port(listener);
	rw_net_listener_close(listener);
	return port;
}

static void test_refused(void **state)
{
	int64_t start_ms = rw_now_ms();
	uint16_t port = free_port();
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	char part[80];

	snprintf(part, sizeof(part), "start the server there with: %s -p %u",
		 program_invocation_short_name, port);
	assert_int_equal(rw_net_connect("127.0.0.1", port, LONG_MS, &chan, &err), -ECONNREFUSED);
	assert_in_range(rw_now_ms() - start_ms, RW_NET_REFUSED_MS, RW_NET_REFUSED_MS + 1500);
	assert_non_null(strstr(err.text, "127.0.0.1 refused the connection"));
	assert_error(&err, RW_EXIT_PEER, -ECONNREFUSED, part);
	/* never beyond the caller's deadline */
	start_ms = rw_now_ms();
	assert_int_equal(rw_net_connect("127.0.0.1", port, 100, &chan, &err), -ECONNREFUSED);
	assert_in_range(rw_now_ms() - start_ms, 100, 100 + 700);
}

static void test_server_starts_late(void **state)
{
	uint16_t port = free_port();
	struct rw_listener *listener;
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	pid_t pid;

	pid = fork();
	if (!pid) {
		usleep(200000);
		if (rw_net_listen("127.0.0.1", port, &listener, &err) ||
		    rw_net_accept(listener, LONG_MS, NULL, &chan, &err))
			_exit(1);
		rw_chan_hello(chan, LONG_MS, &err);
		rw_chan_close(chan);
		_exit(0);
	}
	if (rw_net_connect("127.0.0.1", port, LONG_MS, &chan, &err))
		fail_msg("%s", err.text);
	assert_int_equal(rw_chan_hello(chan, LONG_MS, &err), 0);
	rw_chan_close(chan);
	end_child(pid);
}

/* A listener whose queue is full answers as little as a firewall that drops. */
static void test_no_answer(void **state)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fds[4], listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);
	struct rw_err err = { 0 };
	struct rw_chan *chan;
	int64_t start_ms;
	uint16_t port;

	assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	port = ntohs(addr.sin_port);
	for (size_t i = 0; i < RW_ARRAY_SIZE(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&addr, len);
	}
	start_ms = rw_now_ms();
	assert_int_equal(rw_net_connect("127.0.0.1", port, WAIT_MS, &chan, &err), -ETIMEDOUT);
	assert_in_range(rw_now_ms() - start_ms, WAIT_MS, WAIT_MS + 1500);
	assert_error(&err, RW_EXIT_PEER, -ETIMEDOUT, "no answer from 127.0.0.1 within 0.12 s");
	stop_in(30);
	assert_int_equal(rw_net_connect_stop("127.0.0.1", port, -1, &stop_flag, &chan, &err),
			 -EINTR);
	assert_error(&err, RW_EXIT_RUN, -EINTR, "interrupted while connecting to 127.0.0.1");
	for (size_t i = 0; i < RW_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(listener);
}

static void test_unknown_host(void **state)
{
	static const char *const hosts[] = { "", "a..b" };
	struct rw_err err = { 0 };
	struct rw_chan *chan;

	/* none of these can be a name: no resolver is asked over the network */
	for (size_t i = 0; i < RW_ARRAY_SIZE(hosts); i++) {
		assert_int_equal(rw_net_connect(hosts[i], 1, LONG_MS, &chan, &err), -ENOENT);
		assert_error(&err, RW_EXIT_PEER, -ENOENT, "unknown host \"");
	}
}

/* A client that came and went while nobody accepted does not end the server. */
static void test_client_left_early(void **state)
{
	const struct linger now = { .l_onoff = 1 };
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct rw_listener *listener;

	open_listener("127.0.0.1", &listener);
	addr.sin_port = htons(rw_net_listener_port(listener));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd); /* a reset: the connection in the queue has no peer any more */
	meet(listener, "127.0.0.1", AF_INET, "127.0.0.1");
	rw_net_listener_close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen_on_all),
		cmocka_unit_test(test_listen_on_some),
		cmocka_unit_test(test_listen_refused),
		cmocka_unit_test(test_accept_ends),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_server_starts_late),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_unknown_host),
		cmocka_unit_test(test_client_left_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
