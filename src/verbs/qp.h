/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Reliable connected QPs and what two sides must know to connect them. */
#ifndef RW_VERBS_QP_H
#define RW_VERBS_QP_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "util/err.h"
#include "verbs/device.h"

/* The address of a port, as the other side needs it. */
struct rw_port_addr {
	bool is_roce;
	bool is_iwarp;
	bool has_grh;
	uint16_t lid;
	uint32_t mtu_bytes;   /* active */
	uint32_t max_rd_atom; /* READs that it can have outstanding (initiator) or serve (target) */
	struct rw_gid gid;
};

/* The address of a QP. */
struct rw_qp_addr {
	uint32_t qpn;
	uint32_t psn;
};

struct rw_qp;
struct rw_post_list;
struct rw_wr;

/*
 * What an engine adds to a QP: its own way to create one, room for inline
 * lists, and the WQE of a registration.
 */
struct rw_qp_ops {
	struct ibv_qp *(*create)(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				 uint32_t create_flags);
	/* What the calls of the engine's own post to; found once. */
	void *(*dv)(struct ibv_qp_ex *ex);
	/* Add the registration @wr to the open batch; qp->ex->wr_id is set. */
	void (*post_reg)(struct rw_qp *qp, const struct rw_wr *wr);
	/* The same for a READ or WRITE through an MR; NULL: the extended API's. */
	void (*post_io)(struct rw_qp *qp, const struct rw_wr *wr);
};

struct rw_qp_want {
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	uint64_t send_ops;     /* ibv_qp_create_send_ops_flags; 0: a QP that only answers */
	uint32_t max_send_wr;  /* wished */
	uint32_t min_send_wr;  /* fewer are of no use */
	uint32_t max_send_sge;
	uint32_t max_inline_bytes;
	const struct rw_qp_ops *ops; /* NULL: no registrations are posted */
	/* Who creates a QP without ops, and flags for who does; NULL, 0: ibv_create_qp_ex. */
	struct ibv_qp *(*create)(struct ibv_context *ctx, struct ibv_qp_init_attr_ex *attr,
				 uint32_t create_flags);
	uint32_t create_flags; /* enum mlx5dv_qp_create_flags */
};

struct rw_qp {
	struct ibv_qp *qp;
	struct ibv_qp_ex *ex; /* what posts: the provider's calls, or the list's; NULL: only answers */
	struct rw_post_list *list; /* NULL: never needed, see rw_qp_post_by_list */
	bool by_list;
	uint32_t max_send_wr; /* granted */
	uint32_t max_send_sge;
	uint32_t max_inline_bytes; /* granted */
	const struct rw_qp_ops *ops;
	void *dv;             /* of ops */
	struct rw_qp_addr addr;
};

/* How QPs are connected. */
struct rw_qp_link {
	bool both_ways;      /* either side is an initiator */
	uint8_t access;      /* what the peer may do: ibv_access_flags */
	uint8_t sl;
	uint8_t static_rate; /* enum ibv_rate; 0: the port's */
	uint8_t timeout;
	uint8_t retry_count;
	uint8_t rnr_retry;
	uint8_t min_rnr_timer;
	uint32_t mtu_bytes;
	uint8_t rd_atom;     /* outstanding READs, as initiator and as target */
	uint16_t pkey_index;
	uint16_t dlid;       /* 0: the peer's */
	/* of the GRH, where there is one */
	uint8_t tclass;
	uint8_t hop_limit;
	uint32_t nr_flow_labels; /* 0: the label is 0 */
	uint32_t flow_labels[RW_MAX_FLOW_LABELS]; /* of QP i: i % nr_flow_labels */
};

/*
 * Create a QP. When the device does not grant @want->max_send_wr, fewer are
 * asked for, down to min_send_wr; what was granted stands in @qp.
 * Returns 0 or -errno, told in @err with the limit's name.
 */
int rw_qp_open(const struct rw_device *device, const struct rw_qp_want *want, struct rw_qp *qp,
	       struct rw_err *err);
void rw_qp_close(struct rw_qp *qp);

/*
 * Destroy @qp and create it again, unconnected, posting as before. Returns 0,
 * or -errno, told in @err; rw_qp_close is owed all the same.
 */
int rw_qp_renew(const struct rw_device *device, const struct rw_qp_want *want, struct rw_qp *qp,
		struct rw_err *err);

/*
 * Bring @qp, the @index-th of its session, from RESET to RTS, connected to
 * @remote at @remote_port. Returns 0 or -errno, told in @err.
 */
int rw_qp_connect(const struct rw_device *device, struct rw_qp *qp, uint32_t index,
		  const struct rw_port_addr *remote_port, const struct rw_qp_addr *remote,
		  const struct rw_qp_link *link, struct rw_err *err);

/*
 * What @conf says of a link. Access, MTU and outstanding READs, which are agreed on
 * with the peer, are 0. Returns 0 or -EINVAL, told in @err.
 */
int rw_qp_link_init(struct rw_qp_link *link, const struct rw_conf *conf, struct rw_err *err);

/*
 * Did @qp, which is connected, take the static rate of @link? Soft-RoCE drops it.
 * Returns 0 or -EOPNOTSUPP, told in @err.
 */
int rw_qp_check_link(const struct rw_qp *qp, const struct rw_qp_link *link, struct rw_err *err);

/* The flow label of the @index-th QP. */
uint32_t rw_qp_flow_label(const struct rw_qp_link *link, uint32_t index);

/*
 * The address and the timers that @qp has, as the device tells them (ibv_query_qp):
 * {"sl", "dlid", "pkey_index", "timeout", ...}, and with a GRH its fields. null: the
 * device does not tell, or is iWARP, which has none of it. NULL: out of memory.
 */
json_t *rw_qp_facts(const struct rw_qp *qp);

/*
 * Is the extended API of @device broken for WRs whose SGEs are of different
 * lengths (@uneven)? librxe before rdma-core 64 takes the length of a WR for that
 * of its first SGE times their number (linux-rdma/rdma-core pull request 1744).
 */
bool rw_qp_needs_list(const struct rw_device *device, bool uneven);

/*
 * From now on post @qp's batches with ibv_post_send (@by_list), or with the
 * extended API again: see rw_qp_needs_list. A QP without the extended API
 * (libsiw) is always posted to by list. No batch may be open.
 * Returns 0 or -ENOMEM, told in @err.
 */
int rw_qp_post_by_list(struct rw_qp *qp, bool by_list, struct rw_err *err);

/* For rw_qp_close only. NULL is none. */
void rw_qp_free_list(struct rw_post_list *list);

/* @bytes: a power of two of 256 to 4096. */
enum ibv_mtu rw_mtu_of_bytes(uint32_t bytes);

/* Which limits of READs count: what the QPs of a side do. */
enum rw_role {
	RW_TARGET,
	RW_INITIATOR,
	RW_BOTH_ROLES,
};

/* The address of @device's port, for QPs of @role. */
void rw_port_addr_get(const struct rw_device *device, enum rw_role role,
		      struct rw_port_addr *addr);

/* Tell what a failed completion means and what to do: fills @err, returns -EIO. */
int rw_wc_fail(const struct ibv_wc *wc, const char *what, struct rw_err *err);

#endif
