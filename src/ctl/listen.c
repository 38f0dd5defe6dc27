/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The server's end of ctl/net.h. */
#include "ctl/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/chan.h"
#include "ctl/wait.h"

#define MAX_SOCKETS 8 /* addresses of a name; more are not listened on */

struct rw_listener {
	struct pollfd pfds[MAX_SOCKETS];
	nfds_t n;
	uint16_t port;
};

/* One listening socket, or -errno. */
static int open_socket(const struct sockaddr *addr, socklen_t len, int v6_only)
{
	const int on = 1;
	int fd, ret;

	fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* a port with connections in TIME_WAIT is free for the next server */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (addr->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only))) ||
	    bind(fd, addr, len) || listen(fd, SOMAXCONN)) {
		ret = -errno;
		goto err_close_fd;
	}
	return fd;

err_close_fd:
	close(fd);
	return ret;
}

/* Take @fd in and learn the port when the kernel chose it. */
static int add_socket(struct rw_listener *listener, int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	listener->pfds[listener->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		return -errno;
	listener->port =
		ntohs(addr.ss_family == AF_INET ? ((struct sockaddr_in *)&addr)->sin_port
						: ((struct sockaddr_in6 *)&addr)->sin6_port);
	return 0;
}

/* One socket for IPv6 and IPv4; on a host without IPv6 one for IPv4. */
static int listen_all(struct rw_listener *listener, uint16_t port)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_ANY) },
	};
	int fd;

	fd = open_socket((struct sockaddr *)&in6, sizeof(in6), 0);
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		fd = open_socket((struct sockaddr *)&in, sizeof(in), 0);
	return fd < 0 ? fd : add_socket(listener, fd);
}

/* All addresses of @list, with one port. Those this host lacks are left out if others are there. */
static int listen_some(struct rw_listener *listener, const struct addrinfo *list, uint16_t port)
{
	int fd, ret, last = -EADDRNOTAVAIL;

	listener->port = port;
	for (const struct addrinfo *ai = list; ai && listener->n < MAX_SOCKETS; ai = ai->ai_next) {
		if (ai->ai_family == AF_INET)
			((struct sockaddr_in *)ai->ai_addr)->sin_port = htons(listener->port);
		else if (ai->ai_family == AF_INET6)
			((struct sockaddr_in6 *)ai->ai_addr)->sin6_port = htons(listener->port);
		else
			continue;
		fd = open_socket(ai->ai_addr, ai->ai_addrlen, 1);
		if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
			last = fd;
			continue;
		}
		if (fd < 0)
			return fd;
		ret = add_socket(listener, fd);
		if (ret)
			return ret;
	}
	return listener->n ? 0 : last;
}

static int listen_failed(const char *bind_addr, uint16_t port, int error, struct rw_err *err)
{
	switch (error) {
	case -EADDRINUSE:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "TCP port %u is in use on this host, perhaps by another server: end "
			       "it, or choose another port with -p on both sides",
			       port);
	case -EACCES:
		return rw_fail(err, RW_EXIT_USAGE, error,
			       "TCP port %u may not be used without privileges: choose one above "
			       "1023 with -p on both sides",
			       port);
	case -EAFNOSUPPORT:
	case -EADDRNOTAVAIL:
	case -EINVAL: /* a link-local address without its interface */
		return rw_fail(err, RW_EXIT_USAGE, error,
			       "cannot listen on \"%.100s\": %s; give an address of this host (ip "
			       "addr shows them), a link-local one with %%interface",
			       bind_addr ? bind_addr : "all addresses", strerror(-error));
	default:
		return rw_fail(err, RW_EXIT_PEER, error, "cannot listen on TCP port %u: %s", port,
			       strerror(-error));
	}
}

static int resolve(const char *bind_addr, struct addrinfo **list_p, struct rw_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	int ret;

	ret = getaddrinfo(bind_addr, NULL, &hints, list_p);
	if (!ret)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -ENOENT,
		       "cannot listen on \"%.100s\": %s; give an address or a name of this host",
		       bind_addr, ret == EAI_SYSTEM ? strerror(errno) : gai_strerror(ret));
}

int rw_net_listen(const char *bind_addr, uint16_t port, struct rw_listener **listener_p,
		  struct rw_err *err)
{
	struct addrinfo *list = NULL;
	struct rw_listener *listener;
	int ret;

	if (bind_addr) {
		ret = resolve(bind_addr, &list, err);
		if (ret)
			return ret;
	}
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		ret = rw_fail(err, RW_EXIT_RUN, -ENOMEM, "no memory for a listening socket");
		goto err_free_list;
	}
	ret = bind_addr ? listen_some(listener, list, port) : listen_all(listener, port);
	if (ret) {
		listen_failed(bind_addr, port, ret, err);
		goto err_close_listener;
	}
	if (list)
		freeaddrinfo(list);
	*listener_p = listener;
	return 0;

err_close_listener:
	rw_net_listener_close(listener);
err_free_list:
	if (list)
		freeaddrinfo(list);
	return ret;
}

void rw_net_listener_close(struct rw_listener *listener)
{
	if (!listener)
		return;
	for (nfds_t i = 0; i < listener->n; i++)
		close(listener->pfds[i].fd);
	free(listener);
}

uint16_t rw_net_listener_port(const struct rw_listener *listener)
{
	return listener->port;
}

/* The next connection of any socket, -EAGAIN when there is none (any more), or -errno. */
static int accept_any(struct rw_listener *listener)
{
	for (nfds_t i = 0; i < listener->n; i++) {
		int fd = accept4(listener->pfds[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			return fd;
		switch (errno) {
		case EBADF:
		case EINVAL:
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			return -errno;
		}
		/* anything else is of a client that went away again, see accept(2) */
	}
	return -EAGAIN;
}

static int accept_failed(int error, int timeout_ms, struct rw_err *err)
{
	switch (error) {
	case -EINTR:
		return rw_fail(err, RW_EXIT_RUN, error, "interrupted while waiting for a client");
	case -ETIMEDOUT:
		return rw_fail(err, RW_EXIT_PEER, error, "no client came within %g s",
			       timeout_ms / 1000.0);
	default:
		return rw_fail(err, RW_EXIT_RUN, error, "cannot accept a client: %s",
			       strerror(-error));
	}
}

int rw_net_accept(struct rw_listener *listener, int timeout_ms, const volatile sig_atomic_t *stop,
		  struct rw_chan **chan_p, struct rw_err *err)
{
	int64_t deadline_ms = rw_deadline_in(timeout_ms);
	struct rw_err ignored;
	int fd, ret;

	for (;;) {
		ret = rw_wait(listener->pfds, listener->n, deadline_ms, stop);
		if (ret)
			return accept_failed(ret, timeout_ms, err);
		fd = accept_any(listener);
		if (fd == -EAGAIN)
			continue;
		if (fd < 0)
			return accept_failed(fd, timeout_ms, err);
		rw_err_clear(&ignored);
		ret = rw_chan_from_fd(fd, chan_p, &ignored);
		if (!ret)
			return 0;
		close(fd);
		if (ret != -ENOTCONN) /* a client that is gone already is none */
			return rw_fail(err, ignored.exit_code, ret, "%s", ignored.text);
	}
}
