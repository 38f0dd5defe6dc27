/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Durations of a simulation, made ready to be drawn. Used by loss_sim.c only. */
#ifndef RW_STATS_LOSS_TIME_H
#define RW_STATS_LOSS_TIME_H

#include <stdint.h>

#include "stats/loss_sim.h"

struct rw_loss_draw {
	const struct rw_loss_time *time;
	struct rw_hist_bucket *buckets; /* count: with all of those before it */
	uint32_t nr_buckets;
};

/* Returns 0, -EINVAL (see rw_loss_sim_run) or -ENOMEM. */
int rw_loss_draw_open(struct rw_loss_draw *draw, const struct rw_loss_time *time);
void rw_loss_draw_close(struct rw_loss_draw *draw);

/* A duration in nanoseconds. */
double rw_loss_draw_ns(const struct rw_loss_draw *draw, struct rw_random *random);

#endif
