/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/loss_sim.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "stats/loss_time.h"
#include "util/compiler.h"

/* In this order at one instant: what comes back can be taken at once. */
enum event_kind {
	RELEASE, /* an operation's MRs come back */
	RETURN,	 /* a fallback is done */
	ATTEMPT,
};

struct event {
	double ns;
	enum event_kind kind;
};

struct state {
	const struct rw_loss_sim *sim;
	struct rw_loss_draw hold, think, fallback;
	struct rw_arrival arrival;
	struct rw_random random;
	struct event *heap; /* the next event first; one per context at most */
	uint64_t nr_events;
	double now_ns;
	uint32_t nr_free;
	uint64_t waiting;
	uint64_t attempts; /* those of the warm-up included */
	/* since the warm-up */
	double start_ns;
	double held, waited; /* integrals over time */
	uint64_t exhaustions;
	uint32_t low_water;
	uint64_t block_attempts, block_exhaustions;
	struct rw_moments blocks;
};

static bool is_before(const struct event *a, const struct event *b)
{
	return a->ns < b->ns || (a->ns == b->ns && a->kind < b->kind);
}

static void push(struct state *s, enum event_kind kind, double ns)
{
	const struct event event = { ns, kind };
	uint64_t i = s->nr_events++;

	for (; i > 0 && is_before(&event, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = event;
}

static struct event pop(struct state *s)
{
	struct event first = s->heap[0], last = s->heap[--s->nr_events];
	uint64_t i = 0, child;

	while ((child = 2 * i + 1) < s->nr_events) {
		if (child + 1 < s->nr_events && is_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!is_before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return first;
}

/* All MRs of an operation, or none. */
static bool take(struct state *s)
{
	uint32_t taken = 0;

	for (; taken < s->sim->mrs_per_op && s->nr_free; taken++)
		s->nr_free--;
	s->low_water = rw_min(s->low_water, s->nr_free);
	if (taken == s->sim->mrs_per_op)
		return true;
	s->nr_free += taken;
	return false;
}

static void hold(struct state *s)
{
	push(s, RELEASE, s->now_ns + rw_loss_draw_ns(&s->hold, &s->random));
}

/* Where the next attempt of a closed loop's context comes from. */
static void think(struct state *s)
{
	if (s->sim->sources)
		push(s, ATTEMPT, s->now_ns + rw_loss_draw_ns(&s->think, &s->random));
}

static void arrive(struct state *s)
{
	if (!s->sim->sources)
		push(s, ATTEMPT, (double)rw_arrival_next(&s->arrival));
}

static void block(struct state *s)
{
	if (s->sim->blocked == RW_LOSS_WAIT)
		s->waiting++;
	else if (s->sim->sources)
		push(s, RETURN, s->now_ns + rw_loss_draw_ns(&s->fallback, &s->random));
}

static void end_warm_up(struct state *s)
{
	s->start_ns = s->now_ns;
	s->held = s->waited = 0;
	s->exhaustions = 0;
	s->low_water = s->nr_free;
	s->block_attempts = s->block_exhaustions = 0;
	s->blocks = (struct rw_moments){ 0 };
}

static void attempt(struct state *s)
{
	bool exhausted;

	if (s->attempts == s->sim->warm_up)
		end_warm_up(s);
	s->attempts++;
	arrive(s);
	exhausted = !take(s);
	if (exhausted)
		block(s);
	else
		hold(s);
	s->exhaustions += exhausted;
	s->block_exhaustions += exhausted;
	if (++s->block_attempts < rw_div_ceil(s->sim->attempts, RW_LOSS_BLOCKS))
		return;
	rw_moments_add(&s->blocks, (double)s->block_exhaustions / (double)s->block_attempts);
	s->block_attempts = s->block_exhaustions = 0;
}

static void release(struct state *s)
{
	s->nr_free += s->sim->mrs_per_op;
	think(s);
	for (; s->waiting && take(s); s->waiting--)
		hold(s);
}

static void run(struct state *s)
{
	uint64_t end = s->sim->warm_up + s->sim->attempts;

	for (uint32_t i = 0; i < s->sim->sources; i++)
		think(s);
	arrive(s);
	while (s->attempts < end) {
		struct event event = pop(s);
		double passed_ns = event.ns - s->now_ns;

		s->held += passed_ns * (s->sim->pool - s->nr_free);
		s->waited += passed_ns * (double)s->waiting;
		s->now_ns = event.ns;
		if (event.kind == RELEASE)
			release(s);
		else if (event.kind == RETURN)
			think(s);
		else
			attempt(s);
	}
}

static void tell(const struct state *s, struct rw_loss_sim_result *result_p)
{
	double elapsed_ns = s->now_ns - s->start_ns;

	*result_p = (struct rw_loss_sim_result){
		.attempts = s->sim->attempts,
		.exhaustions = s->exhaustions,
		.share = (double)s->exhaustions / (double)s->sim->attempts,
		.blocks = s->blocks,
		.mean_occupancy = elapsed_ns > 0 ? s->held / elapsed_ns : 0,
		.mean_waiting = elapsed_ns > 0 ? s->waited / elapsed_ns : 0,
		.low_water = s->low_water,
	};
}

/* No more events than this are ever to come at once. */
static uint64_t max_events(const struct rw_loss_sim *sim)
{
	if (sim->sources)
		return sim->sources;
	return rw_min(sim->pool / sim->mrs_per_op, sim->warm_up + sim->attempts) + 1;
}

static int open_state(struct state *s)
{
	const struct rw_loss_sim *sim = s->sim;
	int ret;

	if (!sim->attempts || !sim->mrs_per_op)
		return -EINVAL;
	if (sim->blocked == RW_LOSS_WAIT && sim->mrs_per_op > sim->pool)
		return -EINVAL;
	ret = rw_loss_draw_open(&s->hold, &sim->hold);
	if (!ret && sim->sources)
		ret = rw_loss_draw_open(&s->think, &sim->think);
	if (!ret && sim->sources)
		ret = rw_loss_draw_open(&s->fallback, &sim->fallback);
	if (!ret && !sim->sources)
		ret = rw_arrival_init(&s->arrival, &sim->shape, sim->rate, sim->seed);
	if (ret)
		return ret;
	s->heap = malloc(max_events(sim) * sizeof(*s->heap));
	if (!s->heap)
		return -ENOMEM;
	/* another sequence than that of the arrivals */
	rw_random_init(&s->random, ~sim->seed);
	s->nr_free = sim->pool;
	s->low_water = sim->pool;
	return 0;
}

int rw_loss_sim_run(const struct rw_loss_sim *sim, struct rw_loss_sim_result *result_p)
{
	struct state s = { .sim = sim };
	int ret = open_state(&s);

	if (!ret) {
		run(&s);
		tell(&s, result_p);
	}
	free(s.heap);
	rw_loss_draw_close(&s.hold);
	rw_loss_draw_close(&s.think);
	rw_loss_draw_close(&s.fallback);
	return ret;
}
