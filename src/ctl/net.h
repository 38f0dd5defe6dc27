/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How the two sides find each other: TCP over IPv4 and IPv6. What comes out is
 * a struct rw_chan (ctl/chan.h) on which neither side has said anything yet.
 */
#ifndef RW_CTL_NET_H
#define RW_CTL_NET_H

#include <signal.h>
#include <stdint.h>

#include "util/err.h"

struct rw_chan;
struct rw_listener;

/*
 * How long a client goes on knocking where nobody listens: the server may just
 * be starting. Never longer than the caller's own deadline.
 */
#define RW_NET_REFUSED_MS 1000

/*
 * Listen on TCP @port; 0 lets the kernel choose (see rw_net_listener_port).
 * @bind_addr: an address or a name of this host, all addresses of the name are
 * listened on, and "::" means IPv6 only. NULL: all addresses, IPv4 and IPv6.
 * Returns 0; -EADDRINUSE (RW_EXIT_PEER: another server has the port),
 * -EADDRNOTAVAIL, -ENOENT, -EACCES ... (RW_EXIT_USAGE: @bind_addr or @port cannot be
 * had here); another -errno.
 */
int rw_net_listen(const char *bind_addr, uint16_t port, struct rw_listener **listener_p,
		  struct rw_err *err);

/* NULL is fine. Connections that were accepted live on. */
void rw_net_listener_close(struct rw_listener *listener);

/* The port that is listened on, in host byte order. */
uint16_t rw_net_listener_port(const struct rw_listener *listener);

/*
 * Wait for the next client. A client that goes away before it could be accepted
 * is no error, the wait goes on.
 * @timeout_ms: -1 for ever. @stop: may be NULL.
 * Returns 0; -EINTR within 100 ms after *@stop became non-zero; -ETIMEDOUT;
 * another -errno (out of memory or descriptors).
 */
int rw_net_accept(struct rw_listener *listener, int timeout_ms, const volatile sig_atomic_t *stop,
		  struct rw_chan **chan_p, struct rw_err *err);

/*
 * Connect to the server at @host (a name, IPv4, IPv6, with %interface for a
 * link-local address), TCP @port. All addresses of a name are tried, each with its
 * share of the time left, so that a dead one does not starve the next. Refused
 * connections are tried again for RW_NET_REFUSED_MS.
 * @timeout_ms: for all of it, -1 for ever; looking up the name is the
 * resolver's and has its timeouts.
 * Returns 0; -ENOENT (unknown host), -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH,
 * -ENETUNREACH or another -errno, all RW_EXIT_PEER.
 */
int rw_net_connect(const char *host, uint16_t port, int timeout_ms, struct rw_chan **chan_p,
		   struct rw_err *err);

/* The same, ending with -EINTR within 100 ms after *@stop became non-zero (NULL: never). */
int rw_net_connect_stop(const char *host, uint16_t port, int timeout_ms,
			const volatile sig_atomic_t *stop, struct rw_chan **chan_p,
			struct rw_err *err);

#endif
