// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A QP whose operations come by a schedule, whether or not others have ended. */
#include <linux/math64.h>
#include <linux/sched.h>

#include "load.h"

#define SLACK_NS 100000 /* timers of a worker come up to 50 us late */
#define DRAWS 1024 /* arrivals counted at a time: completions do not wait for more */
#define LAST_DRAWS (1 << 20) /* ... and when all is over */

static u64 since_begin(const struct rwb_load *load)
{
	return ktime_get_ns() - load->conn->run->begin_ns;
}

static u64 arrivals_end(const struct rwb_load *load)
{
	u64 ms = load->conn->run->conf.duration_ms;

	return ms ? ms * NSEC_PER_MSEC : U64_MAX;
}

/* Does another operation come, and when? */
static bool next_arrival(const struct rwb_load *load, const struct rwb_arrivals *arrivals,
			 u64 *due_p)
{
	*due_p = rwb_arrivals_due(arrivals);
	return *due_p < arrivals_end(load) && arrivals->n < load->share;
}

/*
 * Of those that are due at @now, up to @draws; the next pass goes on from there, for
 * the schedule may be faster than this loop. More of them than began are a queue.
 */
static void see_arrivals(struct rwb_load *load, u64 now, u32 draws)
{
	struct rwb_stats *stats = &load->conn->stats;
	u64 due;

	while (draws-- && next_arrival(load, &load->due, &due) && due <= now) {
		rwb_arrivals_take(&load->due);
		cond_resched();
	}
	stats->queue_max = max(stats->queue_max, load->due.n - load->begun.n);
}

void rwb_schedule_open(struct rwb_load *load)
{
	const struct rwb_conf *conf = &load->conn->run->conf;

	load->open = true;
	rwb_arrivals_init(&load->begun, conf->arrival == RWB_POISSON, conf->rate, conf->qps,
			  load->conn->index, conf->seed);
	load->due = load->begun;
}

void rwb_schedule_see(struct rwb_load *load)
{
	see_arrivals(load, since_begin(load), DRAWS);
}

void rwb_schedule_close(struct rwb_load *load)
{
	struct rwb_stats *stats = &load->conn->stats;
	u64 now = min(since_begin(load), arrivals_end(load)), most_ns;

	see_arrivals(load, now, LAST_DRAWS);
	rwb_arrivals_skip(&load->due, now, load->share);
	stats->unserved = load->due.n - load->begun.n;
	stats->queue_max = max(stats->queue_max, stats->unserved);
	stats->unserved_ns = stats->unserved * now - (load->due.sum_ns - load->begun.sum_ns);
	/* That of all QPs fits into what JSON can say. */
	most_ns = div64_u64(S64_MAX, load->conn->run->conf.qps);
	if (stats->unserved && now > div64_u64(most_ns, stats->unserved))
		stats->unserved_ns = most_ns;
}

void rwb_schedule_take(struct rwb_ctx *ctx)
{
	struct rwb_load *load = ctx->load;

	ctx->due_ns = load->conn->run->begin_ns + rwb_arrivals_due(&load->begun);
	rwb_arrivals_take(&load->begun);
}

bool rwb_schedule_awaits(const struct rwb_load *load, u64 *due_p)
{
	if (!load->open || list_empty(&load->ready))
		return false;
	if (next_arrival(load, &load->begun, due_p))
		return true;
	/* None comes any more, but the run lasts as long as it was asked to. */
	*due_p = arrivals_end(load);
	return load->conn->run->conf.duration_ms && load->begun.n < load->share &&
	       !load->in_flight && since_begin(load) < *due_p;
}

void rwb_schedule_wait(struct rwb_load *load, u64 due)
{
	struct rwb_conn *conn = load->conn;
	const struct rwb_run *run = conn->run;
	u64 now = since_begin(load), most = run->conf.deadline_ms * NSEC_PER_MSEC;

	if (due > now + SLACK_NS)
		wait_event_hrtimeout(conn->wait, !llist_empty(&load->done) || rwb_conn_lost(conn) ||
				     READ_ONCE(run->stop),
				     ns_to_ktime(min(due - now - SLACK_NS, most)));
	else
		while (since_begin(load) < due && llist_empty(&load->done))
			cond_resched();
}
