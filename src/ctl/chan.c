/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The life of a channel, its addresses, and raw bytes in and out. */
#include "ctl/chan_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/wait.h"

#define CLOSE_MS 500

static int set_flags(int fd)
{
	int flags;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	flags = fcntl(fd, F_GETFD);
	if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int set_tcp_options(int fd)
{
	/*
	 * TCP_USER_TIMEOUT rules over the number of probes: a probe is sent after
	 * half of RW_CHAN_DEAD_PEER_MS of silence and then every tenth of it; the one
	 * that finds the time over ends the connection.
	 */
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, RW_CHAN_DEAD_PEER_MS / 2000 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, RW_CHAN_DEAD_PEER_MS / 10000 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 5 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, RW_CHAN_DEAD_PEER_MS },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)))
			return -errno;
	return 0;
}

/* An IPv4 client of a dual-stack listener is an IPv4 client. */
static void unmap_v4(struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (addr->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return;
	in.sin_port = in6->sin6_port;
	memcpy(&in.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, &in, sizeof(in));
}

static int set_addresses(struct rw_chan *chan)
{
	socklen_t local_len = sizeof(chan->local), peer_len = sizeof(chan->peer);

	if (getsockname(chan->fd, (struct sockaddr *)&chan->local, &local_len) ||
	    getpeername(chan->fd, (struct sockaddr *)&chan->peer, &peer_len))
		return -errno;
	unmap_v4(&chan->local);
	unmap_v4(&chan->peer);
	return 0;
}

static void set_name(struct rw_chan *chan)
{
	const struct sockaddr *peer = (const struct sockaddr *)&chan->peer;
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE], port[sizeof("65535")];
	socklen_t len = peer->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						   : sizeof(struct sockaddr_in6);

	if ((peer->sa_family != AF_INET && peer->sa_family != AF_INET6) ||
	    getnameinfo(peer, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(chan->name, sizeof(chan->name), "(local)");
		return;
	}
	snprintf(chan->name, sizeof(chan->name), peer->sa_family == AF_INET ? "%s:%s" : "[%s]:%s",
		 host, port);
}

int rw_chan_from_fd(int fd, struct rw_chan **chan_p, struct rw_err *err)
{
	struct rw_chan *chan;
	int ret;

	chan = calloc(1, sizeof(*chan));
	if (!chan)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "no memory for a control connection");
	chan->fd = fd;
	ret = set_addresses(chan);
	if (ret)
		goto err_free_chan;
	ret = set_flags(fd);
	if (ret)
		goto err_free_chan;
	if (chan->local.ss_family == AF_INET || chan->local.ss_family == AF_INET6) {
		ret = set_tcp_options(fd);
		if (ret)
			goto err_free_chan;
	}
	set_name(chan);
	*chan_p = chan;
	return 0;

err_free_chan:
	free(chan);
	return rw_fail(err, RW_EXIT_PEER, ret, "cannot set up the control connection: %s",
		       strerror(-ret));
}

/*
 * close() with unread bytes resets the connection, and a reset may overtake the
 * last message on its way to the peer's reader. So: say that nothing follows, then
 * read until the peer has closed too.
 */
static void linger(struct rw_chan *chan)
{
	int64_t deadline_ms = rw_deadline_in(CLOSE_MS);

	rw_chan_set_stop(chan, NULL);
	if (chan->at_end || shutdown(chan->fd, SHUT_WR))
		return;
	while (rw_deadline_left(deadline_ms) &&
	       rw_chan_read(chan, chan->in, sizeof(chan->in), deadline_ms) > 0)
		;
}

void rw_chan_close(struct rw_chan *chan)
{
	if (!chan)
		return;
	linger(chan);
	close(chan->fd);
	free(chan);
}

void rw_chan_set_stop(struct rw_chan *chan, const volatile sig_atomic_t *stop)
{
	chan->stop = stop;
}

const char *rw_chan_peer(const struct rw_chan *chan)
{
	return chan->name;
}

const char *rw_chan_peer_version(const struct rw_chan *chan)
{
	return chan->peer_version;
}

const struct sockaddr *rw_chan_local_addr(const struct rw_chan *chan)
{
	return (const struct sockaddr *)&chan->local;
}

const struct sockaddr *rw_chan_peer_addr(const struct rw_chan *chan)
{
	return (const struct sockaddr *)&chan->peer;
}

int rw_chan_poll(struct rw_chan *chan)
{
	struct pollfd pfd = { .fd = chan->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/* After a failed transfer: 0 when it is worth trying again, else the -errno to give. */
static int after_failure(struct rw_chan *chan, int error, short events, int64_t deadline_ms)
{
	struct pollfd pfd = { .fd = chan->fd, .events = events };

	switch (error) {
	case EINTR:
		return 0;
	case EAGAIN:
		return rw_wait(&pfd, 1, deadline_ms, chan->stop);
	case ETIMEDOUT: /* the kernel's, not ours: nobody acknowledges any more */
	case EHOSTUNREACH:
	case ENETUNREACH:
		chan->at_end = true;
		return -EHOSTDOWN;
	default:
		chan->at_end = true;
		return -error;
	}
}

ssize_t rw_chan_read(struct rw_chan *chan, void *buf, size_t len, int64_t deadline_ms)
{
	ssize_t n;
	int ret;

	do {
		if (chan->stop && *chan->stop)
			return -EINTR;
		n = recv(chan->fd, buf, len, MSG_DONTWAIT);
		if (!n)
			chan->at_end = true;
		if (n >= 0)
			return n;
		ret = after_failure(chan, errno, POLLIN, deadline_ms);
	} while (!ret);
	return ret;
}

ssize_t rw_chan_write(struct rw_chan *chan, const void *buf, size_t len, int64_t deadline_ms)
{
	ssize_t n;
	int ret;

	do {
		if (chan->stop && *chan->stop)
			return -EINTR;
		n = send(chan->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			return n;
		ret = after_failure(chan, errno, POLLOUT, deadline_ms);
	} while (!ret);
	return ret;
}

int rw_chan_io_failed(struct rw_chan *chan, int error, const char *doing, struct rw_err *err)
{
	switch (error) {
	case -EINTR:
		return rw_fail(err, RW_EXIT_RUN, error, "interrupted while %s the peer %s", doing,
			       chan->name);
	case -EPIPE:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "the peer %s closed the connection while %s it: see its own output "
			       "for the reason",
			       chan->name, doing);
	case -ECONNRESET:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "the peer %s reset the connection while %s it: it was probably "
			       "killed; see its own output",
			       chan->name, doing);
	case -EHOSTDOWN:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "the peer %s is gone or hangs, noticed while %s it: nothing gets "
			       "through to it; check its host and the network",
			       chan->name, doing);
	default:
		return rw_fail(err, RW_EXIT_PEER, error,
			       "the connection to the peer %s failed while %s it: %s", chan->name,
			       doing, strerror(-error));
	}
}
