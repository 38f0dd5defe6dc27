/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "conf/share.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/arrival.h"

/* QPs of the threads before thread @index. */
static uint64_t qps_before(const struct rw_conf *conf, uint64_t index)
{
	return conf->qps / conf->threads * index + rw_min(index, conf->qps % conf->threads);
}

/* Whole operations per second: what is lost by rounding down is won by the next. */
static uint64_t rate_before(const struct rw_conf *conf, uint64_t index)
{
	return conf->rate * qps_before(conf, index) / conf->qps;
}

/* So that N schedules of every N-th arrival make the one that was asked for. */
static double lag_ns(const struct rw_conf *conf, uint32_t index)
{
	struct rw_arrival_shape shape;

	if (!conf->rate || rw_arrival_parse(conf->arrival, &shape) ||
	    shape.kind == RW_ARRIVAL_POISSON)
		return 0;
	return (double)index * shape.burst * 1e9 / (double)conf->rate;
}

static void share_limit(const struct rw_conf *conf, struct rw_conf *share)
{
	double limit = strtod(conf->rate_limit, NULL) * (double)share->qps / (double)conf->qps;

	if (*conf->rate_limit && share->qps < conf->qps)
		snprintf(share->rate_limit, sizeof(share->rate_limit), "%.12g", limit);
}

void rw_conf_share(const struct rw_conf *conf, uint32_t index, struct rw_share *share)
{
	share->run = conf;
	share->conf = *conf;
	share->conf.threads = 1;
	share->conf.qps = qps_before(conf, index + 1) - qps_before(conf, index);
	share->conf.rate = rate_before(conf, index + 1) - rate_before(conf, index);
	share_limit(conf, &share->conf);
	/* --seed has 32 bits. */
	share->conf.seed = conf->seed ^ (uint64_t)index << 32;
	share->first_qp = (uint32_t)qps_before(conf, index);
	share->first_slot = (uint32_t)(rw_conf_slots(conf) / conf->qps * share->first_qp);
	share->lag_ns = lag_ns(conf, index);
}

uint64_t rw_share_slot(const struct rw_share *share, uint64_t index)
{
	if (!share->run->mr_per_qp)
		return share->first_slot + index;
	/* The memory of a share is that of its QPs (rw_conf_slot_place): so are the slots. */
	return index / share->conf.qps * share->run->qps + share->first_qp +
	       index % share->conf.qps;
}

int rw_conf_check_shares(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_share last;

	if (conf->threads > conf->qps)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "%" PRIu64 " threads for %" PRIu64
			       " QPs: each needs one of its own; raise --qp or lower --threads",
			       conf->threads, conf->qps);
	if (conf->threads > 1 && conf->teardown)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--teardown makes its connections anew in one thread; leave --threads out, or --teardown");
	/* The last thread has no more QPs than any other. */
	rw_conf_share(conf, (uint32_t)conf->threads - 1, &last);
	if (conf->rate && conf->rate * last.conf.qps < conf->qps)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--rate: %" PRIu64 " operations per second cannot be shared by %" PRIu64
			       " threads; raise it or lower --threads",
			       conf->rate, conf->threads);
	return 0;
}
