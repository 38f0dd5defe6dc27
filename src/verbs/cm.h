/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * QPs connected by rdma_cm: the only way on iWARP, a choice elsewhere.
 *
 *   server                                client
 *   rw_cm_open, rw_cm_choose_addr         rw_cm_open, rw_cm_choose_addr
 *   rw_cm_listen
 *        address, port and token travel over the control channel -->
 *   rw_cm_accept  (QPs i to i + n - 1)    rw_cm_connect (QP i)
 *   rw_cm_drop    (QP i)                  rw_cm_drop    (QP i)
 *   rw_cm_close                           rw_cm_close
 *
 * The QPs are made by rw_qp_open and stay the caller's: rdma_cm knows them by
 * number (rdma_conn_param.qp_num), and their states are moved here, with what
 * rdma_init_qp_attr says. Any QP can be connected, dropped and connected anew
 * at any time. Close a QP before it is dropped.
 *
 * Who connects proves by the token that it is the client of the control channel;
 * all others are rejected and disturb nothing.
 */
#ifndef RW_VERBS_CM_H
#define RW_VERBS_CM_H

#include <rdma/rdma_cma.h>
#include <signal.h>

#include "verbs/device.h"
#include "verbs/qp.h"

/* Whom a wait asks now and then whether to go on. */
struct rw_cm_watch {
	const volatile sig_atomic_t *stop;           /* NULL: never */
	int (*check)(void *arg, struct rw_err *err); /* non-zero ends the wait */
	void *arg;
};

/* The connection of one QP. */
struct rw_cm_conn {
	struct rdma_cm_id *id; /* NULL: not connected */
	bool established;
};

struct rw_cm {
	const struct rw_device *device;
	struct rw_cm_watch watch;
	struct rdma_event_channel *channel; /* NULL: not open */
	struct rdma_cm_id *listener;        /* of the server */
	uint32_t scope;                     /* the interface, for link-local addresses */
	struct rw_cm_conn *conns;
	uint32_t nr_conns;
	uint64_t tos;   /* of all that is opened from now on; RW_AUTO: rdma_cm's own choice */
	uint64_t token; /* the session's: the server's is told to the client */
	uint16_t port;  /* where the server listens, host byte order */
};

/*
 * A step (resolving, connecting or accepting one QP) takes no longer.
 */
#define RW_CM_STEP_MS 15000

/*
 * Open rdma_cm for up to @nr_qps QPs of @device. Returns 0, -ENODEV (this host
 * has no rdma_cm), -ENOMEM; told in @err.
 */
int rw_cm_open(const struct rw_device *device, uint32_t nr_qps, const struct rw_cm_watch *watch,
	       struct rw_cm *cm, struct rw_err *err);

/*
 * Make sure that rdma_cm uses @device at its address. RoCE: the GID in
 * device->gid, chosen by rw_device_choose_gid. Others: device->gid becomes the
 * IP address of the device's network interface that fits @like best (as in
 * rw_gid_choose: the local address of the control connection with @type -1, the
 * peer's address with @type RW_GID_IP).
 * Returns 0, -ENODEV (rdma_cm has another device there), -ENOENT (no address);
 * told in @err.
 */
int rw_cm_choose_addr(struct rw_cm *cm, struct rw_device *device, const uint8_t *like, int type,
		      struct rw_err *err);

/* Listen at that address; fills @cm->port and token. 0 or -errno, told in @err. */
int rw_cm_listen(struct rw_cm *cm, struct rw_err *err);

/*
 * Server: accept the connections of QPs @first to @first + @n - 1 of @qps, in
 * whichever order they come. Each that comes gives the next one RW_CM_STEP_MS.
 * Returns 0; -ETIMEDOUT, -EINTR, what the watch says, or another -errno; told in @err.
 */
int rw_cm_accept(struct rw_cm *cm, struct rw_qp *qps, uint32_t first, uint32_t n,
		 const struct rw_qp_link *link, struct rw_err *err);

/*
 * Client: connect @qp, the peer's QP @index, to the server at @addr, @cm->port
 * and token. Returns as rw_cm_accept, or -ECONNREFUSED.
 */
int rw_cm_connect(struct rw_cm *cm, struct rw_qp *qp, uint32_t index,
		  const struct rw_port_addr *addr, const struct rw_qp_link *link,
		  struct rw_err *err);

/* Forget the connection of QP @index; the QP is closed already. */
void rw_cm_drop(struct rw_cm *cm, uint32_t index);

/* The QPs are closed already. Not open: nothing happens. */
void rw_cm_close(struct rw_cm *cm);

#endif
