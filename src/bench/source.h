/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * When operations begin, if not at once: a schedule of arrivals that does not
 * ask whether the loop keeps up (open loop), or contexts that think between
 * two operations (closed loop). Arrivals that are due and find no free context
 * queue, without bound and without memory: the schedule is drawn twice, once
 * for what begins next and once for what is due.
 */
#ifndef RW_BENCH_SOURCE_H
#define RW_BENCH_SOURCE_H

#include "conf/conf.h"
#include "stats/arrival.h"
#include "stats/clock.h"
#include "util/err.h"
#include "util/random.h"

struct rw_source {
	const struct rw_clock *clock;
	bool is_open;
	uint64_t lag_ticks;   /* the schedule begins so much after its phase */
	uint64_t start_ticks;
	uint64_t next_ticks; /* when the next operation is to begin */
	uint64_t last_ticks; /* open loop: when the first that is not due will be; else the last one taken */

	/* open loop */
	struct rw_arrival next; /* that begins next ... */
	struct rw_arrival last; /* ... and that is not due yet */
	uint64_t most;          /* arrivals of the phase */
	uint64_t arrived, begun;
	uint64_t queue_max;
	double unserved_ticks;  /* that those waited in all that never began */

	/* contexts that think */
	struct rw_random random;
	double think_ticks;
	uint32_t idle;      /* contexts, when next_ticks was drawn */

	uint64_t gap_ticks; /* contexts that pause, each for as long; 0: they do not */
};

/* Does @conf want a source at all? */
bool rw_source_is_wanted(const struct rw_conf *conf);

/* A new one for a row of operations of @size_bytes. Returns 0, -EINVAL or -ENOMEM, told in @err. */
int rw_source_new(const struct rw_conf *conf, uint64_t size_bytes, const struct rw_clock *clock,
		  struct rw_source **source_p, struct rw_err *err);

/* Are its operations the arrivals of a Poisson process? */
static inline bool rw_source_is_poisson(const struct rw_source *source)
{
	return source && source->is_open && source->next.shape.kind == RW_ARRIVAL_POISSON;
}

/* A phase of at most @most operations begins at @now; the schedule goes on from there. */
void rw_source_start(struct rw_source *source, uint64_t now, uint64_t most);

/*
 * Count the arrivals up to @now. Those that have a context, but wait for their MRs
 * or for room in the SQ (@waiting), are in the queue, too.
 */
void rw_source_advance(struct rw_source *source, uint64_t now, uint32_t waiting);

/*
 * The time is over: count all arrivals up to @now, as above. Returns how many of them
 * have not begun: of an open loop, else 0.
 */
uint64_t rw_source_finish(struct rw_source *source, uint64_t now, uint32_t waiting);

/*
 * May an operation begin at @now, with @idle contexts free, the first of them
 * since *due_p? If so it is taken, and *due_p is when it was to begin.
 */
bool rw_source_take(struct rw_source *source, uint64_t now, uint32_t idle, uint64_t *due_p);

#endif
