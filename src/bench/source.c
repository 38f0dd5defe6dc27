/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/source.h"

#include <errno.h>
#include <stdlib.h>

#define DRAWS      256      /* arrivals counted at a time ... */
#define LAST_DRAWS 20000000 /* ... and when the time is over */

/* A limit that the device keeps needs no schedule. */
static bool is_limited(const struct rw_conf *conf)
{
	return *conf->rate_limit && conf->rate_limit_type == RW_LIMIT_SOFTWARE;
}

bool rw_source_is_wanted(const struct rw_conf *conf)
{
	return conf->rate || conf->think_us || conf->latency_gap_us || is_limited(conf);
}

static int init_arrivals(const struct rw_conf *conf, uint64_t size_bytes,
			 struct rw_source *source)
{
	struct rw_arrival_shape shape;
	int ret;

	if (is_limited(conf))
		return rw_arrival_init_slow(
			&source->next, conf->burst_size,
			(uint64_t)(100 * rw_conf_row_limit_per_s(conf, size_bytes) + 0.5));
	ret = rw_arrival_parse(conf->arrival, &shape);
	if (!ret)
		ret = rw_arrival_init(&source->next, &shape, conf->rate, conf->seed);
	return ret;
}

int rw_source_new(const struct rw_conf *conf, uint64_t size_bytes, const struct rw_clock *clock,
		  struct rw_source **source_p, struct rw_err *err)
{
	struct rw_source *source = calloc(1, sizeof(*source));
	int ret = 0;

	if (!source)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	source->clock = clock;
	source->is_open = conf->rate || is_limited(conf);
	source->think_ticks = (double)rw_clock_ticks_of_ns(clock, (double)conf->think_us * 1e3);
	source->gap_ticks = rw_clock_ticks_of_ns(clock, (double)conf->latency_gap_us * 1e3);
	rw_random_init(&source->random, conf->seed);
	if (source->is_open)
		ret = init_arrivals(conf, size_bytes, source);
	if (ret) {
		free(source);
		return rw_fail(err, RW_EXIT_USAGE, ret, "--arrival, --rate or --rate_limit: no schedule can be made of it");
	}
	*source_p = source;
	return 0;
}

static uint64_t draw(struct rw_source *source, struct rw_arrival *arrival)
{
	return source->start_ticks +
	       rw_clock_ticks_of_ns(source->clock, (double)rw_arrival_next(arrival));
}

void rw_source_start(struct rw_source *source, uint64_t now, uint64_t most)
{
	source->start_ticks = now + source->lag_ticks;
	source->most = most;
	source->arrived = source->begun = source->queue_max = 0;
	source->unserved_ticks = 0;
	source->idle = 0;
	source->last_ticks = now;
	if (!source->is_open)
		return;
	/* What was due and not begun at the end of the last phase is forgotten. */
	source->next.due_ns = 0;
	source->last = source->next;
	source->next_ticks = draw(source, &source->next);
	source->last_ticks = draw(source, &source->last);
}

static void note_queue(struct rw_source *source, uint32_t waiting)
{
	source->queue_max = rw_max(source->queue_max, source->arrived - source->begun + waiting);
}

static void count_arrivals(struct rw_source *source, uint64_t now, uint32_t draws)
{
	while (draws-- && source->last_ticks <= now && source->arrived < source->most) {
		source->arrived++;
		source->last_ticks = draw(source, &source->last);
	}
	/* Those that began were there, however far the count of arrivals is behind. */
	source->arrived = rw_max(source->arrived, source->begun);
}

void rw_source_advance(struct rw_source *source, uint64_t now, uint32_t waiting)
{
	if (!source->is_open)
		return;
	/* Not so many at once that completions have to wait for them. */
	count_arrivals(source, now, DRAWS);
	note_queue(source, waiting);
}

uint64_t rw_source_finish(struct rw_source *source, uint64_t now, uint32_t waiting)
{
	uint64_t unserved;
	double behind_ns;

	if (!source->is_open)
		return 0;
	count_arrivals(source, now, LAST_DRAWS);
	if (source->last_ticks <= now && source->arrived < source->most) {
		/* Too many to draw them all: as many as the rate says. */
		behind_ns = rw_clock_ns(source->clock, now - source->last_ticks);
		source->arrived += (uint64_t)(behind_ns / source->last.mean_ns);
		source->arrived = rw_min(source->arrived, source->most);
	}
	note_queue(source, waiting);
	unserved = source->arrived - source->begun;
	/* They arrived evenly since the oldest of them. */
	if (unserved)
		source->unserved_ticks =
			(double)unserved * (double)(now - source->next_ticks) / 2;
	return unserved;
}

/*
 * Contexts think for exponential times, which have no memory: the first of
 * @idle to be ready comes after the mean divided by their number, whenever one
 * asks. So it is drawn anew when their number has changed: from now, or, when
 * one was taken, from when that one was ready, however late the loop was.
 */
static bool take_thinker(struct rw_source *source, uint64_t now, uint32_t idle)
{
	if (idle != source->idle && !(source->idle && source->next_ticks <= now)) {
		uint64_t from = source->idle ? now : source->last_ticks;

		source->idle = idle;
		source->next_ticks =
			from + (uint64_t)rw_random_exponential(&source->random,
							       source->think_ticks / idle);
	}
	if (now < source->next_ticks)
		return false;
	source->last_ticks = source->next_ticks;
	source->idle = 0;
	return true;
}

bool rw_source_take(struct rw_source *source, uint64_t now, uint32_t idle, uint64_t *due_p)
{
	if (source->gap_ticks)
		source->next_ticks = *due_p + source->gap_ticks;
	*due_p = source->next_ticks;
	if (source->gap_ticks)
		return now >= source->next_ticks;
	if (!source->is_open)
		return take_thinker(source, now, idle);
	if (source->next_ticks > now)
		return false;
	source->begun++;
	source->next_ticks = draw(source, &source->next);
	return true;
}
