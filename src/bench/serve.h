/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The server's half of the conversation with one client. */
#ifndef RW_BENCH_SERVE_H
#define RW_BENCH_SERVE_H

#include "bench/session.h"

/*
 * Serve the client at the other end of @chan: test after test, until it closes
 * the connection. @conf brings the device options of this side, the client
 * those of the run. Returns 0 or -errno, told in @err and to the client; what the
 * client itself reports is -EREMOTEIO, told with its address.
 */
int rw_serve_client(const struct rw_conf *conf, struct rw_device *device,
		    struct rw_placement *placement, struct rw_chan *chan,
		    const volatile sig_atomic_t *stop, struct rw_err *err);

#endif
