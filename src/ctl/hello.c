/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The first words on a channel: is this rwperf, and one we can talk to? */
#include "ctl/chan_priv.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "ctl/wait.h"

#define HELLO_MAGIC	"rwperf\r\n"
#define HELLO_MAGIC_LEN 8
#define HELLO_FIXED	(HELLO_MAGIC_LEN + 2 + 2)

_Static_assert(sizeof(PACKAGE_VERSION) - 1 <= RW_CHAN_MAX_VERSION, "the hello has no room for it");

static void put_be16(unsigned char *p, unsigned int v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static unsigned int get_be16(const unsigned char *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static int hello_failed(struct rw_chan *chan, int error, int timeout_ms, struct rw_err *err)
{
	if (error == -ETIMEDOUT)
		return rw_fail(err, RW_EXIT_PEER, error,
			       "%s did not answer the hello within %g s: it may be busy with "
			       "another client, hang, or be no rwperf",
			       chan->name, timeout_ms / 1000.0);
	if (error == -EPIPE || error == -ECONNRESET)
		return rw_fail(err, RW_EXIT_PEER, error,
			       "%s closed the connection before the hello was over: is it "
			       "rwperf, or did it serve its one client and end (--keep_serving)? "
			       "see its own output",
			       chan->name);
	return rw_chan_io_failed(chan, error, "exchanging the hello with", err);
}

static int not_rwperf(struct rw_chan *chan, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_PEER, -EPROTO,
		       "%s does not speak rwperf's protocol (is it perftest, or another "
		       "service?): run rwperf on both sides, and check the port",
		       chan->name);
}

static int send_hello(struct rw_chan *chan, int64_t deadline_ms)
{
	const size_t len = strlen(PACKAGE_VERSION);
	unsigned char hello[HELLO_FIXED + RW_CHAN_MAX_VERSION];
	ssize_t n;

	memcpy(hello, HELLO_MAGIC, HELLO_MAGIC_LEN);
	put_be16(hello + HELLO_MAGIC_LEN, RW_CHAN_PROTOCOL);
	put_be16(hello + HELLO_MAGIC_LEN + 2, (unsigned int)len);
	memcpy(hello + HELLO_FIXED, PACKAGE_VERSION, len);
	for (size_t off = 0; off < HELLO_FIXED + len; off += (size_t)n) {
		n = rw_chan_write(chan, hello + off, HELLO_FIXED + len - off, deadline_ms);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

/*
 * Read the fixed part. A stranger is recognised by its first wrong byte: it may
 * well say less than twelve and then wait for us.
 */
static int recv_fixed(struct rw_chan *chan, unsigned char *hello, int timeout_ms,
		      int64_t deadline_ms, struct rw_err *err)
{
	ssize_t n;

	for (size_t have = 0; have < HELLO_FIXED; have += (size_t)n) {
		n = rw_chan_read(chan, hello + have, HELLO_FIXED - have, deadline_ms);
		if (n <= 0)
			return hello_failed(chan, n ? (int)n : -EPIPE, timeout_ms, err);
		if (memcmp(hello, HELLO_MAGIC, rw_min(have + (size_t)n, (size_t)HELLO_MAGIC_LEN)))
			return not_rwperf(chan, err);
	}
	return 0;
}

/* Read the package version, which may only be printable ASCII without blanks. */
static int recv_version(struct rw_chan *chan, size_t len, char *version, int timeout_ms,
			int64_t deadline_ms, struct rw_err *err)
{
	ssize_t n;

	if (!len || len > RW_CHAN_MAX_VERSION)
		return not_rwperf(chan, err);
	for (size_t have = 0; have < len; have += (size_t)n) {
		n = rw_chan_read(chan, version + have, len - have, deadline_ms);
		if (n <= 0)
			return hello_failed(chan, n ? (int)n : -EPIPE, timeout_ms, err);
	}
	for (size_t i = 0; i < len; i++)
		if (version[i] <= ' ' || version[i] > '~')
			return not_rwperf(chan, err);
	version[len] = '\0';
	return 0;
}

int rw_chan_hello(struct rw_chan *chan, int timeout_ms, struct rw_err *err)
{
	int64_t deadline_ms = rw_deadline_in(timeout_ms);
	char version[RW_CHAN_MAX_VERSION + 1];
	unsigned char hello[HELLO_FIXED];
	unsigned int protocol;
	int ret;

	chan->refused = true;
	/*
	 * Sending can fail because the peer has said its hello and left (a version
	 * that it does not know): what it said tells more than that it left.
	 */
	ret = send_hello(chan, deadline_ms);
	if (ret && ret != -EPIPE && ret != -ECONNRESET)
		return hello_failed(chan, ret, timeout_ms, err);
	ret = recv_fixed(chan, hello, timeout_ms, deadline_ms, err);
	if (ret)
		return ret;
	protocol = get_be16(hello + HELLO_MAGIC_LEN);
	ret = recv_version(chan, get_be16(hello + HELLO_MAGIC_LEN + 2), version, timeout_ms,
			   deadline_ms, err);
	if (ret)
		return ret;
	if (protocol != RW_CHAN_PROTOCOL)
		return rw_fail(err, RW_EXIT_PEER, -EPROTONOSUPPORT,
			       "%s runs rwperf %s (protocol %u), this is rwperf %s (protocol %u): "
			       "install the same version on both sides",
			       chan->name, version, protocol, PACKAGE_VERSION, RW_CHAN_PROTOCOL);
	memcpy(chan->peer_version, version, sizeof(version));
	chan->refused = false;
	return 0;
}
