/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the server: what the session with a client (serve.c) and its rows (serve_rows.c) share. */
#ifndef RW_BENCH_SERVE_ROWS_H
#define RW_BENCH_SERVE_ROWS_H

#include "bench/client.h"
#include "bench/lend.h"

/* One client's session. */
struct rw_server {
	struct rw_conf conf; /* own device options, the client's run */
	struct rw_device *device;
	struct rw_placement *placement;
	struct rw_chan *chan;
	const volatile sig_atomic_t *stop;
	struct rw_cm cm;
	struct rw_endpoint ep;
	struct rw_qp_want qp_want; /* of its QPs; without -b */
	uint64_t wr_segs; /* of the client's WRs */
	struct rw_lent lent;
	struct rw_client own; /* with -b: this side's operations */
	struct rw_port_addr addr, peer;
	struct rw_qp_link link;
	uint32_t nr_rows;
	uint64_t operations;
};

/*
 * Serve the rows of a client whose QPs are connected, until its "end"; nr_rows and operations
 * count them. How many there are and how long each takes is the client's matter; it says "alive"
 * meanwhile. One that is gone shows as RW_CHAN_DEAD_PEER_MS says.
 * Returns 0 or -errno, told in @err.
 */
int rw_serve_rows(struct rw_server *server, struct rw_err *err);

#endif
