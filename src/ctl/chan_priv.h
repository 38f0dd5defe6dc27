/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What chan.c, hello.c and frame.c share. Nobody else includes it. */
#ifndef RW_CTL_CHAN_PRIV_H
#define RW_CTL_CHAN_PRIV_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/chan.h"

#define RW_FRAME_HEADER 4

struct rw_chan {
	int fd;
	const volatile sig_atomic_t *stop; /* may be NULL */
	bool refused;			   /* the hello failed: no frames to this peer */
	bool peer_failed;		   /* the peer sent its error: it knows of no other */
	bool at_end;			   /* nothing more comes: end of stream, or reset */
	struct sockaddr_storage local, peer;
	char name[INET6_ADDRSTRLEN + IF_NAMESIZE + sizeof("[]:65535")];
	char peer_version[RW_CHAN_MAX_VERSION + 1];
	size_t in_len;		 /* bytes of the present frame in @in */
	size_t out_off, out_len; /* what is to be sent of @out */
	unsigned char in[RW_FRAME_HEADER + RW_CHAN_MAX_FRAME];
	unsigned char out[RW_FRAME_HEADER + RW_CHAN_MAX_FRAME];
};

/*
 * One read or write of 1..@len bytes, waiting for the first under @deadline_ms and
 * chan->stop. Returns the number of bytes; 0 at the end of the stream (read only);
 * -ETIMEDOUT (only ever the deadline), -EINTR, -EHOSTDOWN (the kernel gave the peer up)
 * or another -errno.
 */
ssize_t rw_chan_read(struct rw_chan *chan, void *buf, size_t len, int64_t deadline_ms);
ssize_t rw_chan_write(struct rw_chan *chan, const void *buf, size_t len, int64_t deadline_ms);

/* Tell in @err what -errno @error of those two means, while @doing ("sending a message to" the peer). */
int rw_chan_io_failed(struct rw_chan *chan, int error, const char *doing, struct rw_err *err);

#endif
