/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The two sides of a session, and what they share. */
#ifndef RW_BENCH_SESSION_H
#define RW_BENCH_SESSION_H

#include <signal.h>

#include "conf/conf.h"
#include "ctl/chan.h"
#include "ctl/msg.h"
#include "topo/placement.h"
#include "verbs/arena.h"
#include "verbs/cm.h"
#include "verbs/endpoint.h"

/* Deadlines: a peer that is silent for longer ends the session. */
#define RW_HELLO_MS 10000 /* the connection, the hello, the first message */
#define RW_STEP_MS  30000 /* a step that allocates, registers or verifies memory; a row's client */
#define RW_ALIVE_MS 5000  /* so often a client says in the middle of a row that it lives */

/*
 * Run the client of @conf against its server and report. @command_line is
 * told in reports. Returns 0 or -errno, told in @err; what was measured until
 * then has been reported.
 */
int rw_client_run(const struct rw_conf *conf, const char *command_line,
		  const volatile sig_atomic_t *stop, struct rw_err *err);

/*
 * Serve one client, or with keep_serving one after the other until @stop.
 * Returns 0 or -errno, told in @err.
 */
int rw_server_run(const struct rw_conf *conf, const volatile sig_atomic_t *stop,
		  struct rw_err *err);

/*
 * Bend @conf to what @device can do at all; each change is told in @notes, an array of
 * texts. iWARP connects by rdma_cm only, so -R is implied; its READs need their sink in an
 * MR with remote write access (kernel, rw.c: rdma_rw_io_needs_mr), so path direct is left
 * out of the default list, and an empty pool has no fallback: the operation is dropped,
 * -EAGAIN as in the kernel. Engine kernel connects by rdma_cm, too, and pins nothing.
 * Returns 0, or -EOPNOTSUPP (RW_EXIT_DEVICE: path direct was asked for), told in @err.
 */
int rw_session_adapt(struct rw_conf *conf, const struct rw_device *device, json_t *notes,
		     struct rw_err *err);

/*
 * Would a client of engine kernel on @device refuse a path of @conf (rw_session_adapt and
 * ib_core.force_mr decide)? What this host cannot tell it does not refuse: without the
 * module, or if this is not root, it is what the kernel makes of force_mr. Returns 0, of other
 * engines too, or -EOPNOTSUPP (RW_EXIT_DEVICE), told in @err.
 */
int rw_session_check_kernel(const struct rw_conf *conf, const struct rw_device *device,
			    struct rw_err *err);

/*
 * Choose the address of @device for the data: @like and @type as in
 * rw_device_choose_gid. With rdma_cm it is opened as @cm for it; rw_cm_close is
 * then owed, whatever is returned. 0 or -errno, told in @err.
 */
int rw_session_choose_addr(const struct rw_conf *conf, struct rw_device *device,
			   const uint8_t *like, int type, const struct rw_cm_watch *watch,
			   struct rw_cm *cm, struct rw_err *err);

/* Are the two ports of one kind? 0, or -EINVAL with @err told (RW_EXIT_PEER). */
int rw_session_check_kind(const struct rw_port_addr *own, const struct rw_port_addr *peer,
			  struct rw_err *err);

/*
 * Can QPs of @device have the addresses that @conf's options ask for? Of a server's
 * options only those count that are its own. Returns 0, or -EINVAL or -EOPNOTSUPP,
 * told in @err.
 */
int rw_session_check_address(const struct rw_conf *conf, const struct rw_device *device,
			     struct rw_err *err);

/* Open the device of @conf and check the address that is asked for; the GID is chosen later. */
int rw_session_open_device(const struct rw_conf *conf, struct rw_device *device,
			   struct rw_err *err);

/* Send @msg and drop it (NULL: out of memory). Returns 0 or -errno, told in @err. */
int rw_session_send(struct rw_chan *chan, json_t *msg, struct rw_err *err);

/*
 * Receive a message of @type; the caller drops it. @timeout_ms as in
 * rw_chan_recv. Returns 0 or -errno, told in @err.
 */
int rw_session_recv(struct rw_chan *chan, int timeout_ms, const char *type, json_t **msg_p,
		    struct rw_err *err);

/*
 * Receive a message that is there already; the caller drops it. *@msg_p is NULL if there is
 * none, or but a part of one. None costs one system call; never waits. Returns 0 or -errno,
 * told in @err.
 */
int rw_session_poll(struct rw_chan *chan, json_t **msg_p, struct rw_err *err);

/* What rw_session_recv() says of @msg, which was received already; it is the caller's no more
 * if it fails. */
int rw_session_take(json_t *msg, const char *type, json_t **msg_p, struct rw_err *err);

/* Between verbs structures and what travels. */
void rw_session_port_to_msg(const struct rw_port_addr *addr, struct rw_msg_port *msg);
void rw_session_port_from_msg(const struct rw_msg_port *msg, struct rw_port_addr *addr);
json_t *rw_session_qps_pack(const struct rw_endpoint *ep);
json_t *rw_session_qp_pack(const struct rw_qp *qp);

/*
 * Connect the QPs of @ep to the peer's, which stand in @msg, or by @cm if it is
 * open. The MTU and the outstanding READs are the most that both ports and @conf allow.
 */
int rw_session_connect(struct rw_endpoint *ep, struct rw_cm *cm, const struct rw_conf *conf,
		       const struct rw_port_addr *own, const struct rw_port_addr *peer,
		       const json_t *msg, uint8_t access, struct rw_qp_link *link,
		       struct rw_err *err);

/* Connect QP @index, made anew, as @link says: by @cm if it is open, or to the one QP in @msg. */
int rw_session_connect_qp(struct rw_endpoint *ep, struct rw_cm *cm, uint32_t index,
			  const struct rw_port_addr *peer, const json_t *msg, const struct rw_qp_link *link, struct rw_err *err);

/*
 * Pin the calling thread, which measures, and choose the node of its memory as
 * @conf says for @device; warn of what spoils figures. Returns 0 or -errno, told
 * in @err.
 */
int rw_session_place(const struct rw_conf *conf, const struct rw_device *device,
		     struct rw_placement *placement, struct rw_err *err);

/*
 * Look where @arena lies and warn as rw_placement_check does. @has_windows: its
 * pages will be registered as windows, too.
 */
void rw_session_check_memory(struct rw_placement *placement, const struct rw_device *device,
			     const struct rw_arena *arena, bool has_windows);

/* The same for another thread's @arena, beside that. */
void rw_session_check_more_memory(struct rw_placement *placement, const struct rw_device *device,
				  const struct rw_arena *arena, bool has_windows);

/* What a report says of this side: {"host": {"placement": ..., ...}, "device": ..., "memory": ...}; @arena may be NULL. */
json_t *rw_session_facts(const struct rw_device *device, const struct rw_placement *placement,
			 const struct rw_arena *arena);

/* Make all texts of what the peer sent fit for a terminal. */
void rw_session_clean_text(json_t *value);

/*
 * Check the peer's facts: those that are printed must be there and of their
 * type, and all text is made fit for a terminal. 0 or -EPROTO, told in @err.
 */
int rw_session_check_facts(json_t *facts, struct rw_err *err);

/*
 * The local address of the control connection as a GID, for rw_gid_choose.
 * Returns @raw, or NULL: no IP address.
 */
const uint8_t *rw_session_control_gid(const struct rw_chan *chan, uint8_t raw[16]);

#endif
