/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What each measuring thread has of a run (--threads). */
#ifndef RW_CONF_SHARE_H
#define RW_CONF_SHARE_H

#include "conf/conf.h"

#define RW_MAX_THREADS 256

struct rw_share {
	const struct rw_conf *run; /* of all threads */
	struct rw_conf conf;       /* the run with this thread's QPs, rate and seed, as if it were alone */
	uint32_t first_qp;         /* of the run's */
	uint32_t first_slot;       /* of rw_conf_slots() */
	double lag_ns;             /* arrivals that are not random begin so much later */
};

/*
 * The share of thread @index. QPs are dealt out, the first threads have one more
 * where they do not come out even; the rate is as the QPs, so that all QPs have
 * the same load, and all shares together are the run, exactly. Poisson arrivals
 * stay Poisson arrivals; others begin one after the other. A thread's random
 * numbers are its own, the data of verified rows are the run's.
 */
void rw_conf_share(const struct rw_conf *conf, uint32_t index, struct rw_share *share);

/* Slot @index of a share, which is a run of its own, among those of the run. */
uint64_t rw_share_slot(const struct rw_share *share, uint64_t index);

/* Can the run be shared as it wants? Returns 0 or -EINVAL with @err told. */
int rw_conf_check_shares(const struct rw_conf *conf, struct rw_err *err);

#endif
