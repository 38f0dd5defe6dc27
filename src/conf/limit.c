/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --rate_limit: a bandwidth, or a number of operations, that is not to be exceeded. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "conf/conf.h"

#define MIB             1048576.0
#define BYTES_PER_GBIT  (1e9 / 8)
#define MAX_PER_S       20e6 /* operations, as of --rate: beyond it there is no limit to speak of */
#define MIN_PER_S       0.1

/* As typed; 0: none. */
static double limit_of(const struct rw_conf *conf)
{
	return *conf->rate_limit ? strtod(conf->rate_limit, NULL) : 0;
}

double rw_conf_limit_bytes_per_s(const struct rw_conf *conf, double bytes)
{
	switch (conf->rate_units) {
	case RW_RATE_MIB:
		return limit_of(conf) * MIB;
	case RW_RATE_GBIT:
		return limit_of(conf) * BYTES_PER_GBIT;
	default:
		return limit_of(conf) * bytes;
	}
}

double rw_conf_limit_per_s(const struct rw_conf *conf, double bytes)
{
	return fmin(rw_conf_limit_bytes_per_s(conf, bytes) / bytes, MAX_PER_S);
}

double rw_conf_row_limit_per_s(const struct rw_conf *conf, uint64_t size_bytes)
{
	struct rw_kind kinds[RW_MAX_MIX];
	struct rw_err checked = { 0 };
	double bytes = 0, weights = 0;
	int n = rw_conf_mix(conf, kinds, &checked);

	for (int i = 0; i < n; i++) {
		bytes += (double)kinds[i].weight * (double)kinds[i].size_bytes;
		weights += (double)kinds[i].weight;
	}
	return rw_conf_limit_per_s(conf, n > 0 ? bytes / weights : (double)size_bytes);
}

int rw_conf_check_limit(const struct rw_conf *conf, struct rw_err *err)
{
	char *end;
	double limit = strtod(conf->rate_limit, &end);

	if (!*conf->rate_limit)
		return 0;
	if (*end || !(limit > 0) || !isfinite(limit))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--rate_limit: '%s' is no rate; give a number above 0, in Gb/s or as --rate_units says",
			       conf->rate_limit);
	if (conf->typical_pkt_size && conf->rate_limit_type != RW_LIMIT_PACED)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--typical_pkt_size is for a device that paces; give --rate_limit_type=PP, too, or leave it out");
	if (conf->teardown && conf->rate_limit_type == RW_LIMIT_PACED)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--teardown makes QPs anew, which --rate_limit_type=PP does not pace again; give SW");
	if (rw_conf_row_limit_per_s(conf, rw_conf_largest_size(conf)) < MIN_PER_S)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--rate_limit: '%s' is less than an operation in %.0f s; raise it or lower --size",
			       conf->rate_limit, 1 / MIN_PER_S);
	return 0;
}
