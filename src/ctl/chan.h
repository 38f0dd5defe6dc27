/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The control channel: one TCP connection between the two sides.
 *
 *   once, from each side      then any number of frames, from either side
 *   +----------------+ 8      +-----------------------+ 4
 *   | "rwperf\r\n"   |        | length N, big endian  |   2 <= N <= RW_CHAN_MAX_FRAME
 *   +----------------+ 2      +-----------------------+ N
 *   | protocol (BE)  |        | one JSON object,      |
 *   +----------------+ 2      | UTF-8, not terminated |
 *   | length M (BE)  |        +-----------------------+
 *   +----------------+ M
 *   | package version|  printable ASCII, 1 <= M <= RW_CHAN_MAX_VERSION
 *   +----------------+
 *
 * The hello keeps this layout in all protocol versions: it is what lets two
 * versions tell each other apart. The "\r\n" in the magic catches a middlebox
 * that converts line ends, as PNG's does.
 *
 * The peer is not trusted: what it says never sizes memory, and nothing waits
 * for it without a deadline. A channel belongs to one thread at a time.
 *
 * timeout_ms below is the time for the whole call, however many pieces the
 * peer sends; 0: only what is possible at once; -1: for ever.
 */
#ifndef RW_CTL_CHAN_H
#define RW_CTL_CHAN_H

#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>

#include "util/err.h"

#define RW_CHAN_PROTOCOL    3
#define RW_CHAN_MAX_FRAME   (256 * 1024) /* bytes of JSON, both directions */
#define RW_CHAN_MAX_VERSION 31		 /* bytes of the package version */

/*
 * A peer whose host or link vanished without a word is noticed after this time,
 * at most a second later: by unanswered keepalives when nothing is being sent, by
 * TCP_USER_TIMEOUT when something is. rw_chan_poll then says 1 and rw_chan_recv
 * -EHOSTDOWN. The same befalls a peer that lives but reads nothing for so long while
 * its buffers are full.
 */
#define RW_CHAN_DEAD_PEER_MS 10000

struct rw_chan;

/*
 * A channel on connected stream socket @fd, which is the channel's from then on
 * (on failure it stays the caller's). rw_net_accept, rw_net_connect and tests
 * use it.
 * Returns 0, -ENOTCONN (the peer is gone already), -ENOMEM or another -errno.
 */
int rw_chan_from_fd(int fd, struct rw_chan **chan_p, struct rw_err *err);

/*
 * Close. Waits up to half a second for the peer to close as well, so that
 * what was sent last is not lost in a reset. NULL is fine.
 */
void rw_chan_close(struct rw_chan *chan);

/*
 * From now on waiting calls on @chan end with -EINTR within 100 ms once *@stop is
 * non-zero (a signal handler sets it). NULL takes it away again, for example to
 * exchange results after an interrupt: an interrupted rw_chan_recv or rw_chan_send
 * leaves the channel usable. rw_chan_send_error and rw_chan_close do not look at it,
 * they have short deadlines of their own.
 */
void rw_chan_set_stop(struct rw_chan *chan, const volatile sig_atomic_t *stop);

/*
 * Exchange hellos; the first thing both sides do. After a failure the channel
 * is only good for rw_chan_close.
 * Returns 0; -EPROTO (the peer speaks something else, the text asks whether it is
 * perftest); -EPROTONOSUPPORT (another protocol version, the text names both
 * versions); -ETIMEDOUT, -EINTR, -EPIPE, -ECONNRESET, -EHOSTDOWN as in rw_chan_recv.
 */
int rw_chan_hello(struct rw_chan *chan, int timeout_ms, struct rw_err *err);

/* The peer's package version; "" before rw_chan_hello succeeded. */
const char *rw_chan_peer_version(const struct rw_chan *chan);

/*
 * Send @msg (borrowed), an object.
 * Returns 0; -ETIMEDOUT (the peer does not read), -EINTR: when a part of the message
 * is out already, its rest goes before the next one, else it is dropped;
 * -EPIPE, -ECONNRESET (the peer is gone), -EHOSTDOWN (see RW_CHAN_DEAD_PEER_MS), -EREMOTEIO
 * (it is gone and had told why); -EMSGSIZE, -EINVAL (@msg is too long or no object).
 */
int rw_chan_send(struct rw_chan *chan, json_t *msg, int timeout_ms, struct rw_err *err);

/*
 * Receive the next message, an object; the caller drops the reference. What was
 * received of a message before -ETIMEDOUT or -EINTR is kept for the next call.
 * Returns 0; -ETIMEDOUT, -EINTR; -EPIPE (the peer closed the connection), -ECONNRESET (it
 * was reset), -EHOSTDOWN (see RW_CHAN_DEAD_PEER_MS); -EPROTO (not a frame with a JSON
 * object); -EREMOTEIO (the peer sent {"type": "error", "exit_code": N, "text": "..."}: @err
 * takes its exit code, RW_EXIT_PEER when it sent none of ours, and its text, cleaned).
 */
int rw_chan_recv(struct rw_chan *chan, int timeout_ms, json_t **msg_p, struct rw_err *err);

/*
 * Is there something for rw_chan_recv, be it a message (perhaps not yet all of it), the end
 * of the connection or its failure? One system call, never waits. Returns 1 or 0.
 */
int rw_chan_poll(struct rw_chan *chan);

/*
 * Tell the peer about @err before closing. Best effort, at most half a second; says
 * nothing when @err holds no error, or when the peer already reported one itself or
 * does not speak our protocol.
 */
void rw_chan_send_error(struct rw_chan *chan, const struct rw_err *err);

/* The peer in numbers: "192.0.2.1:18515" or "[2001:db8::1]:18515". */
const char *rw_chan_peer(const struct rw_chan *chan);

/*
 * The two ends. IPv4-mapped IPv6 addresses are given as AF_INET. Neither AF_INET nor
 * AF_INET6: a socket pair of a test.
 */
const struct sockaddr *rw_chan_local_addr(const struct rw_chan *chan);
const struct sockaddr *rw_chan_peer_addr(const struct rw_chan *chan);

#endif
