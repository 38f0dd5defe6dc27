/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One side's verbs objects: protection domain, CQ and QPs on a device. */
#ifndef RW_VERBS_ENDPOINT_H
#define RW_VERBS_ENDPOINT_H

#include "verbs/qp.h"

struct rw_endpoint {
	const struct rw_device *device;
	struct ibv_pd *pd;
	bool shares_pd; /* which is another endpoint's */
	struct ibv_comp_channel *channel; /* that tells of completions; NULL: none does */
	uint32_t comp_vector;
	bool armed; /* the CQ is to tell of its next completion, or has told */
	struct ibv_cq *cq;
	struct rw_qp *qps;
	uint32_t nr_qps;
};

/* Open the protection domain. Returns 0 or -errno, told in @err. */
int rw_endpoint_open(const struct rw_device *device, struct rw_endpoint *ep, struct rw_err *err);

/* An endpoint in the domain of @domain, which outlives it. */
void rw_endpoint_open_in(const struct rw_endpoint *domain, struct rw_endpoint *ep);

/*
 * Add the CQ of @nr_cqes and @nr_qps QPs; @want's pd and cq are filled here.
 * Returns 0 or -errno, told in @err with the limit's name.
 */
int rw_endpoint_add_qps(struct rw_endpoint *ep, uint32_t nr_qps, uint32_t nr_cqes,
			struct rw_qp_want *want, struct rw_err *err);

/*
 * Have the CQ, which is not there yet, tell of completions by the interrupt of
 * @vector. Returns 0, or -EINVAL (no such vector) or -errno, told in @err.
 */
int rw_endpoint_use_events(struct rw_endpoint *ep, uint32_t vector, struct rw_err *err);

/*
 * Ask to be told of the next completion. Those that came before are to be
 * polled after it. Returns 0 or -errno, told in @err.
 */
int rw_endpoint_arm(struct rw_endpoint *ep, struct rw_err *err);

/*
 * Sleep until there is news of a completion, a signal comes, or for @ns. Returns 0
 * in all these cases, else -errno, told in @err.
 */
int rw_endpoint_sleep(struct rw_endpoint *ep, uint64_t ns, struct rw_err *err);

/* Connect QP i to remote[i]. Returns 0 or -errno, told in @err. */
int rw_endpoint_connect(struct rw_endpoint *ep, const struct rw_port_addr *port,
			const struct rw_qp_addr *remote, const struct rw_qp_link *link,
			struct rw_err *err);

/* Close all that is open. Memory registered with the domain must be gone. */
void rw_endpoint_close(struct rw_endpoint *ep);

#endif
