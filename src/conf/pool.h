/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the options say of MR pools: how many, how large, and the load on each. */
#ifndef RW_CONF_POOL_H
#define RW_CONF_POOL_H

#include "conf/conf.h"
#include "stats/loss_predict.h"

/*
 * Pools of a row, as --pool_scope says, and contexts of each: all have as many, but
 * where pools of threads differ by a QP this is of the larger ones.
 */
uint32_t rw_conf_nr_pools(const struct rw_conf *conf);
uint64_t rw_conf_pool_contexts(const struct rw_conf *conf);

/* Have all pools as many contexts, and so the same load? */
bool rw_conf_pools_are_alike(const struct rw_conf *conf);

/*
 * MRs of a pool whose operations take @mrs_per_op at most: as given, or as many
 * as its contexts can need at a time.
 */
uint64_t rw_conf_pool_size(const struct rw_conf *conf, uint32_t mrs_per_op);

/* The load on each pool, as far as the options tell: the times of MRs are 0. */
struct rw_loss_load rw_conf_pool_load(const struct rw_conf *conf);

/* The share that --pool_target wishes, 0 if none; or -EINVAL with @err told. */
int rw_conf_pool_target(const struct rw_conf *conf, double *target_p, struct rw_err *err);

#endif
