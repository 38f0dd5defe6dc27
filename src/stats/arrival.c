/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/arrival.h"

#include <errno.h>
#include <string.h>

#include "stats/clock.h"
#include "util/units.h"

int rw_arrival_parse(const char *text, struct rw_arrival_shape *shape_p)
{
	static const char burst[] = "burst:";
	uint64_t n;
	int ret;

	if (!strcmp(text, "poisson") || !strcmp(text, "fixed")) {
		shape_p->kind = *text == 'p' ? RW_ARRIVAL_POISSON : RW_ARRIVAL_FIXED;
		shape_p->burst = 1;
		return 0;
	}
	if (strncmp(text, burst, strlen(burst)) != 0)
		return -EINVAL;
	ret = rw_parse_u64(text + strlen(burst), 0, &n);
	if (ret)
		return ret;
	if (n < 1 || n > RW_ARRIVAL_MAX_BURST)
		return -ERANGE;
	shape_p->kind = RW_ARRIVAL_BURST;
	shape_p->burst = (uint32_t)n;
	return 0;
}

int rw_arrival_init(struct rw_arrival *arrival, const struct rw_arrival_shape *shape, uint64_t rate,
		    uint64_t seed)
{
	if (rate < 1 || rate > RW_ARRIVAL_MAX_RATE || shape->burst < 1)
		return -ERANGE;
	*arrival = (struct rw_arrival){
		.shape = *shape,
		.rate = rate,
		.gap_ns = shape->burst * RW_NS_PER_S / rate,
		.gap_rest = shape->burst * RW_NS_PER_S % rate,
		.left = shape->burst,
		.mean_ns = (double)RW_NS_PER_S / (double)rate,
	};
	rw_random_init(&arrival->random, seed);
	if (shape->kind == RW_ARRIVAL_POISSON)
		rw_arrival_poisson_gap(arrival);
	return 0;
}

int rw_arrival_init_slow(struct rw_arrival *arrival, uint64_t burst, uint64_t per_100s)
{
	if (per_100s < 1 || per_100s > 100 * RW_ARRIVAL_MAX_RATE || burst < 1 ||
	    burst > RW_ARRIVAL_MAX_BURST)
		return -ERANGE;
	*arrival = (struct rw_arrival){
		.shape = { RW_ARRIVAL_BURST, (uint32_t)burst },
		.rate = per_100s,
		.gap_ns = burst * 100 * RW_NS_PER_S / per_100s,
		.gap_rest = burst * 100 * RW_NS_PER_S % per_100s,
		.left = (uint32_t)burst,
		.mean_ns = 100.0 * (double)RW_NS_PER_S / (double)per_100s,
	};
	return 0;
}
