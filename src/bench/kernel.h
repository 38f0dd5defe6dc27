/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * --engine=kernel: the module rw_bench of both hosts measures (kernel/control.h). The two
 * programs agree on the run, keep the module's halves alive, and report.
 */
#ifndef RW_BENCH_KERNEL_H
#define RW_BENCH_KERNEL_H

#include "bench/client.h"
#include "kernel/control.h"
#include "kernel/row.h"

#define RW_KERNEL_ADDR (RW_GID_TEXT + 20)

/* The client's half. */
struct rw_kernel_client {
	struct rw_kernel module;
	char from[RW_KERNEL_ADDR], addr[RW_KERNEL_ADDR]; /* of the client's device, and the server's */
	bool forces_mr;
	int lock; /* the device's directory in sysfs, under a flock(2); -1: none */
};

/* In place of the session of other engines. Returns 0 or -errno, told in @err. */
int rw_kernel_run_session(struct rw_client *client, struct rw_conf *conf, struct rw_err *err);

/*
 * Leave out of @conf the paths that the API never takes here, or refuse them if they were asked
 * for (rw.c: rdma_rw_io_needs_mr), as are paths by MRs of segments that cannot be one.
 * 0 or -EOPNOTSUPP, told in @err.
 */
int rw_kernel_choose_paths(struct rw_client *client, struct rw_conf *conf, struct rw_err *err);

/* Does @path differ from the others for operations of @size_bytes? */
bool rw_kernel_has_row(const struct rw_client *client, int path, uint64_t size_bytes);

/* What the device's max_sgl_rd is while a row of @path runs; -1: it stays. */
int64_t rw_kernel_max_sgl_rd(const struct rw_client *client, int path);

/* Measure and report a row for each of @paths. 0 or -errno, told in @err. */
int rw_kernel_run_group(struct rw_client *client, uint64_t size_bytes, uint64_t paths,
			uint64_t seed, struct rw_err *err);

/* @row as a result of operations that @path names, laid out as @layout. 0 or -ENOMEM, told. */
int rw_kernel_fill_result(const struct rw_client *client, const struct rw_kernel_row *row,
			  int path, const struct rw_layout *layout, struct rw_result *result,
			  struct rw_err *err);

/* "10.9.0.1", or with an interface behind it if it is link-local. Returns @buf. */
const char *rw_kernel_addr(const uint8_t raw[16], uint32_t scope, char buf[RW_KERNEL_ADDR]);

/* The server's half of one client's session. */
struct rw_kernel_session {
	const struct rw_conf *conf; /* own device options, the client's run */
	struct rw_device *device;
	struct rw_placement *placement;
	struct rw_chan *chan;
	const volatile sig_atomic_t *stop;
	const struct rw_port_addr *peer;
	struct rw_kernel module;
	uint32_t nr_rows;
	uint64_t operations;
};

/*
 * Let the module listen at the address of the device that reaches the client's, and tell
 * the client; then wait for the client's end. 0 or -errno, told in @err; rw_kernel_serve_close
 * is owed in any case.
 */
int rw_kernel_serve_open(struct rw_kernel_session *session, struct rw_err *err);
int rw_kernel_serve(struct rw_kernel_session *session, struct rw_err *err);
void rw_kernel_serve_close(struct rw_kernel_session *session);

#endif
