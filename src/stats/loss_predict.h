/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How often a pool is empty, by the model that fits the load, and how large a
 * pool would have to be.
 */
#ifndef RW_STATS_LOSS_PREDICT_H
#define RW_STATS_LOSS_PREDICT_H

#include "stats/loss_sim.h"

/* The load on one pool. */
struct rw_loss_load {
	uint32_t pool;
	uint32_t mrs_per_op;
	double hold_ns;     /* mean, from taking the MRs to giving them back */
	double fallback_ns; /* mean of an operation that went without; 0: it is dropped */
	/* Their distributions as they were measured; NULL or empty: exponential. */
	const struct rw_hist *hold, *fallback;
	bool waits;         /* an operation waits for its MRs */
	/* open loop: operations per second; closed loop: 0, and: */
	double rate;
	struct rw_arrival_shape shape;
	uint32_t sources;
	double think_ns;    /* mean, exponential */
};

struct rw_loss_prediction {
	const char *model; /* "Erlang B", "Engset" or "simulation" */
	double share;      /* of operations that find the pool empty */
};

/*
 * Erlang B for Poisson arrivals that do not wait (with k MRs per operation the
 * pool counts as pool / k: they come and go together); Engset for contexts that
 * think, and think again at once when there is no MR; else the simulation.
 * Returns 0 or -EINVAL: there is no hold time, no MR, or no load.
 */
int rw_loss_predict(const struct rw_loss_load *load, struct rw_loss_prediction *prediction_p);

/*
 * The smallest pool that keeps the share at or below @target (over 0, below 1):
 * by Erlang B for an open loop, by Engset for a closed one, so as if a fallback
 * took no time. Returns 0, -EINVAL as above, or -ERANGE: none up to 2^20 does.
 */
int rw_loss_pool_for(const struct rw_loss_load *load, double target, uint32_t *pool_p);

#endif
