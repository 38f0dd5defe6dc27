/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "conf/pool.h"

#include <errno.h>
#include <stdlib.h>

uint32_t rw_conf_nr_pools(const struct rw_conf *conf)
{
	switch (conf->pool_scope) {
	case RW_POOL_SCOPE_QP:
		return (uint32_t)conf->qps;
	case RW_POOL_SCOPE_THREAD:
		return (uint32_t)conf->threads;
	default:
		return 1;
	}
}

uint64_t rw_conf_pool_contexts(const struct rw_conf *conf)
{
	return conf->contexts * rw_div_ceil(conf->qps, rw_conf_nr_pools(conf));
}

bool rw_conf_pools_are_alike(const struct rw_conf *conf)
{
	return conf->qps % rw_conf_nr_pools(conf) == 0;
}

uint64_t rw_conf_pool_size(const struct rw_conf *conf, uint32_t mrs_per_op)
{
	return conf->mr_pool == RW_AUTO ? rw_conf_pool_contexts(conf) * mrs_per_op : conf->mr_pool;
}

struct rw_loss_load rw_conf_pool_load(const struct rw_conf *conf)
{
	struct rw_loss_load load = {
		.waits = conf->on_exhaustion == RW_EXHAUSTION_WAIT,
		.rate = (double)conf->rate / rw_conf_nr_pools(conf),
		.sources = (uint32_t)rw_conf_pool_contexts(conf),
		.think_ns = (double)conf->think_us * 1e3,
	};

	rw_arrival_parse(conf->arrival, &load.shape);
	return load;
}

int rw_conf_pool_target(const struct rw_conf *conf, double *target_p, struct rw_err *err)
{
	char *end;
	double target = strtod(conf->pool_target, &end);

	*target_p = 0;
	if (!*conf->pool_target)
		return 0;
	if (*end || !(target > 0 && target < 1))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--pool_target: '%s' is no share; give a number over 0 and below 1, such as 1e-4",
			       conf->pool_target);
	*target_p = target;
	return 0;
}
