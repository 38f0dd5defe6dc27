/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The client's end of ctl/net.h. */
#include "ctl/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/chan.h"
#include "ctl/wait.h"

#define RETRY_EVERY_MS 50

/*
 * A client that knocks on a port of this host from which the kernel also takes
 * client ports can meet itself (TCP's simultaneous open).
 */
static int is_own_echo(int fd)
{
	struct sockaddr_storage local = { 0 }, peer = { 0 };
	socklen_t local_len = sizeof(local), peer_len = sizeof(peer);

	return !getsockname(fd, (struct sockaddr *)&local, &local_len) &&
	       !getpeername(fd, (struct sockaddr *)&peer, &peer_len) && local_len == peer_len &&
	       !memcmp(&local, &peer, local_len);
}

static int wait_connected(int fd, int64_t deadline_ms, const volatile sig_atomic_t *stop)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int ret, error;

	ret = rw_wait(&pfd, 1, deadline_ms, stop);
	if (ret)
		return ret;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return -errno;
	return -error;
}

/* A connected socket, or -errno. */
static int connect_one(const struct addrinfo *ai, int64_t deadline_ms,
		       const volatile sig_atomic_t *stop)
{
	int fd, ret = 0;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen))
		ret = errno == EINPROGRESS ? wait_connected(fd, deadline_ms, stop) : -errno;
	if (!ret && is_own_echo(fd))
		ret = -ECONNREFUSED;
	if (ret)
		goto err_close_fd;
	return fd;

err_close_fd:
	close(fd);
	return ret;
}

/* Of the failures of several addresses the one that tells most is reported. */
static int telling(int error)
{
	switch (error) {
	case -EINTR:
		return 5;
	case -ECONNREFUSED: /* the host is up */
		return 4;
	case -ETIMEDOUT:
		return 3;
	case -EAFNOSUPPORT: /* no IPv6 here: to be expected */
	case -EADDRNOTAVAIL:
		return 1;
	case 0:
		return 0;
	default:
		return 2;
	}
}

/* Try every address once, each with an equal share of the time left. */
static int connect_any(const struct addrinfo *list, int64_t deadline_ms,
		       const volatile sig_atomic_t *stop)
{
	int fd, n = 0, left_ms, worst = 0;

	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
		n++;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next, n--) {
		left_ms = rw_deadline_left(deadline_ms);
		fd = connect_one(ai, left_ms < 0 ? deadline_ms : rw_deadline_in(left_ms / n), stop);
		if (fd >= 0)
			return fd;
		if (telling(fd) > telling(worst))
			worst = fd;
		if (fd == -EINTR)
			break;
	}
	return worst;
}

/* The same until the server is there, if it is only starting. */
static int connect_patiently(const struct addrinfo *list, int64_t deadline_ms,
			     const volatile sig_atomic_t *stop)
{
	int64_t patience_ms = rw_min(rw_deadline_in(RW_NET_REFUSED_MS), deadline_ms);
	int fd, ret;

	for (;;) {
		fd = connect_any(list, deadline_ms, stop);
		if (fd != -ECONNREFUSED || !rw_deadline_left(patience_ms))
			return fd;
		ret = rw_wait(NULL, 0, rw_min(rw_deadline_in(RETRY_EVERY_MS), patience_ms), stop);
		if (ret != -ETIMEDOUT)
			return ret;
	}
}

static int connect_failed(const char *host, uint16_t port, int error, int timeout_ms,
			  struct rw_err *err)
{
	switch (error) {
	case -EINTR:
		return rw_fail(err, RW_EXIT_RUN, error, "interrupted while connecting to %.100s",
			       host);
	case -ECONNREFUSED:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "%.100s refused the connection to TCP port %u: start the server "
			       "there with: %s -p %u",
			       host, port, program_invocation_short_name, port);
	case -ETIMEDOUT:
		if (timeout_ms < 0) /* it was the kernel that lost patience */
			return rw_fail(err, RW_EXIT_PEER, error,
				       "no answer from %.100s: is it up, and does its firewall let "
				       "TCP port %u in?",
				       host, port);
		return rw_fail(err, RW_EXIT_PEER, error,
			       "no answer from %.100s within %g s: is it up, and does its firewall "
			       "let TCP port %u in?",
			       host, timeout_ms / 1000.0, port);
	case -EINVAL:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "cannot connect to %.100s: %s; a link-local address needs its "
			       "%%interface",
			       host, strerror(-error));
	default:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "cannot reach %.100s, TCP port %u: %s; check address, routes and "
			       "firewall",
			       host, port, strerror(-error));
	}
}

static int resolve(const char *host, uint16_t port, struct addrinfo **list_p, struct rw_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	char service[sizeof("65535")];
	int ret;

	snprintf(service, sizeof(service), "%u", port);
	ret = getaddrinfo(host, service, &hints, list_p);
	if (!ret)
		return 0;
	return rw_fail(err, RW_EXIT_PEER, -ENOENT,
		       "unknown host \"%.100s\": %s; check the name, or give the server's address",
		       host, ret == EAI_SYSTEM ? strerror(errno) : gai_strerror(ret));
}

int rw_net_connect_stop(const char *host, uint16_t port, int timeout_ms,
			const volatile sig_atomic_t *stop, struct rw_chan **chan_p,
			struct rw_err *err)
{
	int64_t deadline_ms = rw_deadline_in(timeout_ms);
	struct addrinfo *list;
	int fd, ret;

	ret = resolve(host, port, &list, err);
	if (ret)
		return ret;
	fd = connect_patiently(list, deadline_ms, stop);
	freeaddrinfo(list);
	if (fd < 0)
		return connect_failed(host, port, fd, timeout_ms, err);
	ret = rw_chan_from_fd(fd, chan_p, err);
	if (ret)
		goto err_close_fd;
	return 0;

err_close_fd:
	close(fd);
	return ret;
}

int rw_net_connect(const char *host, uint16_t port, int timeout_ms, struct rw_chan **chan_p,
		   struct rw_err *err)
{
	return rw_net_connect_stop(host, port, timeout_ms, NULL, chan_p, err);
}
