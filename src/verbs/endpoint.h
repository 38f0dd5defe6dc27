/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One side's verbs objects: protection domain, CQ and QPs on a device. */
#ifndef RW_VERBS_ENDPOINT_H
#define RW_VERBS_ENDPOINT_H

#include "verbs/qp.h"

struct rw_endpoint {
	const struct rw_device *device;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct rw_qp *qps;
	uint32_t nr_qps;
};

/* Open the protection domain. Returns 0 or -errno, told in @err. */
int rw_endpoint_open(const struct rw_device *device, struct rw_endpoint *ep, struct rw_err *err);

/*
 * Add the CQ of @nr_cqes and @nr_qps QPs; @want's pd and cq are filled here.
 * Returns 0 or -errno, told in @err with the limit's name.
 */
int rw_endpoint_add_qps(struct rw_endpoint *ep, uint32_t nr_qps, uint32_t nr_cqes,
			struct rw_qp_want *want, struct rw_err *err);

/* Connect QP i to remote[i]. Returns 0 or -errno, told in @err. */
int rw_endpoint_connect(struct rw_endpoint *ep, const struct rw_port_addr *port,
			const struct rw_qp_addr *remote, const struct rw_qp_link *link,
			struct rw_err *err);

/* Close all that is open. Memory registered with the domain must be gone. */
void rw_endpoint_close(struct rw_endpoint *ep);

#endif
