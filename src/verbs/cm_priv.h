/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside rdma_cm's half of the room: addresses (cm_addr.c), events (cm_event.c), connections (cm.c). */
#ifndef RW_VERBS_CM_PRIV_H
#define RW_VERBS_CM_PRIV_H

#include "verbs/cm.h"

/*
 * The IP address @raw (a GID; IPv4-mapped for IPv4) with @port for rdma_cm;
 * @scope is the interface of a link-local one.
 */
const struct sockaddr *rw_cm_sockaddr(const uint8_t raw[16], uint16_t port, uint32_t scope,
				      struct sockaddr_storage *storage);

/*
 * An id bound to @raw, an address of @cm's device, and a port of the kernel's
 * choice. Returns 0; -ENODEV (it belongs to another device, or to none) or
 * another -errno, told in @err.
 */
int rw_cm_bind(struct rw_cm *cm, const uint8_t raw[16], uint32_t scope, struct rdma_cm_id **id_p,
	       struct rw_err *err);

/* What the client says of itself with each request, big endian. */
struct rw_cm_hello {
	uint64_t magic;
	uint64_t token;
	uint32_t index; /* of the QP */
	uint32_t zero;
};

/* An event, copied so that it can be acknowledged before anything is done about it. */
struct rw_cm_event {
	enum rdma_cm_event_type type;
	int status;
	struct rdma_cm_id *id;
	struct rw_cm_hello hello;
	bool has_hello;
};

/*
 * The next event of any ID until @deadline_ms (ctl/wait.h); @doing is for the
 * text of an error. Returns 0, -ETIMEDOUT, -EINTR, what the watch says, or another
 * -errno; told in @err.
 */
int rw_cm_wait_event(struct rw_cm *cm, int64_t deadline_ms, const char *doing,
		     struct rw_cm_event *event, struct rw_err *err);

/*
 * Wait for @want, or @also, of @id, for RW_CM_STEP_MS. Whatever befalls other IDs
 * is not looked at. Returns as above, or as rw_cm_fail_event: another event came.
 */
int rw_cm_expect(struct rw_cm *cm, const struct rdma_cm_id *id, enum rdma_cm_event_type want,
		 enum rdma_cm_event_type also, const char *doing, struct rw_cm_event *event,
		 struct rw_err *err);

/* Tell what @event means. Returns -ECONNREFUSED (rejected) or -ECONNRESET. */
int rw_cm_fail_event(const struct rw_cm_event *event, const char *doing, struct rw_err *err);

/* What to do about it. */
const char *rw_cm_hint(enum rdma_cm_event_type type);

#endif
