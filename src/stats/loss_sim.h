/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel's pool as a small simulation, for what the formulas of loss.h do
 * not cover: other arrivals, fallbacks that take time, operations that wait.
 *
 * An operation takes its MRs one by one at one instant; if the pool runs out
 * midway, all that it took go back (rdma_rw_init_mr_wrs) and it is blocked: an
 * exhaustion, counted once. The MRs of an operation come back at one instant,
 * and before any attempt at the same instant.
 */
#ifndef RW_STATS_LOSS_SIM_H
#define RW_STATS_LOSS_SIM_H

#include <stdint.h>

#include "stats/arrival.h"
#include "stats/hist.h"
#include "stats/moments.h"

/* How long something takes. */
enum rw_loss_time_kind {
	RW_LOSS_EXPONENTIAL, /* with the mean mean_ns */
	RW_LOSS_FIXED,	     /* always mean_ns */
	RW_LOSS_MEASURED,    /* drawn from hist, evenly within a bucket */
};

struct rw_loss_time {
	enum rw_loss_time_kind kind;
	double mean_ns;		    /* 0 or more; not used with RW_LOSS_MEASURED */
	const struct rw_hist *hist; /* not empty, nothing saturated */
};

enum rw_loss_blocked {
	RW_LOSS_FALLBACK, /* goes without MRs (or is lost: a fallback of no time) */
	RW_LOSS_WAIT,	  /* waits until its MRs are free, first come, first served */
};

struct rw_loss_sim {
	uint32_t pool;
	uint32_t mrs_per_op; /* at least 1 */
	struct rw_loss_time hold;
	enum rw_loss_blocked blocked;
	/* closed loop: so many contexts that think, attempt, hold or fall back, think... */
	uint32_t sources; /* 0: an open loop */
	struct rw_loss_time think;
	struct rw_loss_time fallback;
	/* open loop: the arrivals of rw_arrival_init() with this seed */
	struct rw_arrival_shape shape;
	uint64_t rate;
	uint64_t seed;
	uint64_t warm_up; /* attempts before those that count */
	uint64_t attempts;
};

/* Shares of blocks of attempts: as many as this, or a few less. */
#define RW_LOSS_BLOCKS 32

struct rw_loss_sim_result {
	uint64_t attempts;
	uint64_t exhaustions;
	double share; /* of the attempts */
	/*
	 * The shares of blocks of successive attempts. They are nearly
	 * independent where single attempts are not: rw_ci_mean() of them is
	 * the interval of the share.
	 */
	struct rw_moments blocks;
	double mean_occupancy; /* MRs in use, over time */
	double mean_waiting;   /* operations that wait, over time */
	uint32_t low_water;    /* fewest free MRs, those that went back at once included */
};

/*
 * Deterministic. Takes time in proportion to attempts, and ends: without think
 * and fallback time attempts follow each other at one instant, but are counted.
 * Returns 0; -EINVAL: no attempts, no MRs per operation, a time that is
 * negative or has no or a saturated histogram, or operations that wait for
 * more MRs than there are; -ERANGE: rw_arrival_init() refuses the rate; -ENOMEM.
 */
int rw_loss_sim_run(const struct rw_loss_sim *sim, struct rw_loss_sim_result *result_p);

#endif
