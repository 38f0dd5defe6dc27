/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The closed loop of one phase: issue, poll, look around, until nothing is in flight. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>

#include "bench/aside.h"

/* How often the watch is asked, and how long nothing may complete. */
#define WATCH_NS   (50 * 1000 * 1000)
#define SILENCE_NS (UINT64_C(30) * RW_NS_PER_S)
#define SETTLE_NS  (UINT64_C(1000) * RW_NS_PER_S)

#define SHARE_BLOCK 16 /* operations that wanted MRs */

/* The state of one phase that only the loop needs. */
struct phase {
	uint64_t limit;       /* operations to issue */
	uint64_t end_ticks;   /* UINT64_MAX: no end */
	uint64_t least_ticks; /* a rate limit: as long as its operations are to take */
	uint64_t watch_every;
	uint64_t last_ticks;  /* of the last completion */
	uint64_t silence;
	uint64_t settle_at, settle_every;
	uint64_t window_ops;  /* peak: over as many operations, or a few more */
	uint64_t window_end;  /* ... of which the last will be this one */
	uint64_t window_start_ticks, window_start_bytes;
	uint64_t block_end;   /* of latencies: the last operation of a block */
	uint64_t interval_end; /* of the series, in ticks, or a little less */
	double peak_bytes_per_tick, least_bytes_per_tick; /* windows; 0: none was whole */
	uint64_t cpu_thread_ns; /* at its start */
};

static void note_window(struct rw_row *row, struct phase *phase, uint64_t now)
{
	uint64_t ticks = now - phase->window_start_ticks;
	uint64_t bytes;
	double rate;

	if (row->count.operations < phase->window_end)
		return;
	bytes = rw_row_bytes(row);
	if (ticks) {
		rate = (double)(bytes - phase->window_start_bytes) / (double)ticks;
		phase->peak_bytes_per_tick = rw_max(phase->peak_bytes_per_tick, rate);
		if (!(phase->least_bytes_per_tick > 0) || rate < phase->least_bytes_per_tick)
			phase->least_bytes_per_tick = rate;
	}
	phase->window_start_ticks = now;
	phase->window_start_bytes = bytes;
	phase->window_end = row->count.operations + phase->window_ops;
}

/* What the policy wants is the same for all operations of a kind: mixes count it. */
static void count_wanted(struct rw_row *row)
{
	if (row->all_want_mrs)
		row->count.mr_wanted = row->count.issued;
}

/* After so many operations that wanted MRs a block of them ends. */
static void note_share(struct rw_row *row)
{
	const struct rw_counters *count = &row->count;
	uint64_t wanted;

	if (!row->uses_mrs)
		return;
	count_wanted(row);
	wanted = count->mr_wanted - row->share_wanted;
	if (wanted < SHARE_BLOCK)
		return;
	rw_blocks_add(&row->shares, (double)(count->exhaustions - row->share_exhausted), wanted);
	row->share_wanted = count->mr_wanted;
	row->share_exhausted = count->exhaustions;
}

/* Operations belong to the interval in which they were polled: those since the last one's end. */
static void fill_interval(struct rw_row *row)
{
	struct rw_row_series *s = row->series;
	const struct rw_counters *count = &row->count;

	if (row->latency)
		rw_latency_settle(row->latency);
	s->series.open.operations += count->operations - s->operations;
	s->series.open.bytes += rw_row_bytes(row) - s->bytes;
	s->series.open.exhaustions += count->exhaustions - s->exhaustions;
	s->operations = count->operations;
	s->bytes = rw_row_bytes(row);
	s->exhaustions = count->exhaustions;
}

static uint64_t interval_end(const struct rw_row *row)
{
	return row->start_ticks +
	       rw_clock_ticks_of_ns(&row->load->clock, (double)row->series->series.end_ns);
}

static void note_interval(struct rw_row *row, struct phase *phase, uint64_t now)
{
	uint64_t now_ns;

	if (now < phase->interval_end)
		return;
	now_ns = (uint64_t)rw_clock_ns(&row->load->clock, now - row->start_ticks);
	if (now_ns <= row->series->series.end_ns)
		return;
	fill_interval(row);
	rw_series_advance(&row->series->series, now_ns);
	phase->interval_end = interval_end(row);
}

/*
 * After so many operations a block of latencies ends, whose mean will be one
 * value. Rows that take turns have such blocks by themselves (measure.c).
 */
static void note_block(struct rw_row *row, struct phase *phase)
{
	if (row->count.operations < phase->block_end)
		return;
	rw_latency_end_block(row->latency);
	phase->block_end = row->count.operations + RW_LATENCY_BLOCK;
}

/* Nothing more is begun. What was to begin by now and has not is told. */
static void end_phase(struct rw_row *row, struct phase *phase, uint64_t now)
{
	if (phase->limit && row->source)
		row->count.unserved += rw_source_finish(row->source, now, row->nr_blocked);
	phase->limit = phase->least_ticks = 0;
}

/* Everything that is looked at now and then. Returns 0 or -errno. */
static int look_around(struct rw_row *row, struct phase *phase, uint64_t now,
		       struct rw_err *err)
{
	if (row->source)
		rw_source_advance(row->source, now, row->nr_blocked);
	if (*row->load->watch.stop || now >= phase->end_ticks)
		end_phase(row, phase, now);
	/* Phases may be shorter than that: the time to ask is the session's. */
	if (now < row->load->watch_ticks)
		return 0;
	row->load->watch_ticks = now + phase->watch_every;
	row->load->watch.progress(row->load->watch.arg, row);
	if (now >= phase->settle_at) {
		rw_row_settle_times(row);
		phase->settle_at = now + phase->settle_every;
	}
	if (!rw_row_in_flight(row) && !row->nr_blocked)
		phase->last_ticks = now;
	if (now - phase->last_ticks > phase->silence)
		return rw_fail(err, RW_EXIT_PEER, -ETIMEDOUT,
			       "no completion for %" PRIu64
			       " s with %" PRIu64 " operations in flight; is the link up and the peer alive?",
			       SILENCE_NS / RW_NS_PER_S, rw_row_in_flight(row));
	return row->load->watch.check(row->load->watch.arg, err);
}

static void start_phase(struct rw_row *row, const struct rw_row_limit *limit,
			struct phase *phase)
{
	const struct rw_clock *clock = &row->load->clock;
	uint64_t now;

	now = rw_clock_ticks(clock);
	row->start_ticks = now - rw_clock_ticks_of_ns(clock, (double)row->count.elapsed_ns);
	*phase = (struct phase){
		.limit = row->count.issued + limit->operations,
		.end_ticks = limit->ns ? now + rw_clock_ticks_of_ns(clock, (double)limit->ns) :
					 UINT64_MAX,
		.watch_every = rw_clock_ticks_of_ns(clock, WATCH_NS),
		.last_ticks = now,
		.silence = rw_clock_ticks_of_ns(clock, SILENCE_NS),
		.settle_at = now,
		.settle_every = rw_clock_ticks_of_ns(clock, SETTLE_NS),
		.window_ops = row->load->nr_slots,
		.window_end = UINT64_MAX,
		.block_end = UINT64_MAX,
		.interval_end = interval_end(row),
		.window_start_ticks = now,
		.window_start_bytes = rw_row_bytes(row),
	};
	phase->cpu_thread_ns = rw_clock_cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	if (row->source)
		rw_source_start(row->source, now, limit->operations);
	if (row->source && row->limit_per_s > 0 && limit->operations != UINT64_MAX)
		phase->least_ticks =
			now + rw_clock_ticks_of_ns(clock, (double)limit->operations * 1e9 /
								  row->limit_per_s);
	if (*row->load->watch.stop)
		phase->limit = 0;
	else if (limit->operations == UINT64_MAX)
		phase->limit = UINT64_MAX;
	if (!row->load->conf->no_peak)
		phase->window_end = row->count.operations + phase->window_ops;
	if (row->latency && !rw_conf_takes_turns(row->load->conf))
		phase->block_end = row->count.operations + RW_LATENCY_BLOCK;
}

static void finish_phase(struct rw_row *row, const struct phase *phase)
{
	struct rw_counters *count = &row->count;
	double peak, least, average, tick_ns = rw_clock_ns(&row->load->clock, 1);

	row->ended_ns = rw_clock_raw_ns();
	count->elapsed_ns += row->ended_ns - row->began_ns;
	count->cpu_thread_ns += rw_clock_cpu_ns(CLOCK_THREAD_CPUTIME_ID) - phase->cpu_thread_ns;
	fill_interval(row);
	count_wanted(row);
	if (row->source) {
		count->queue_max = rw_max(count->queue_max, row->source->queue_max);
		count->unserved_ticks += row->source->unserved_ticks;
	}
	if (row->load->conf->no_peak || !count->elapsed_ns)
		return;
	/* What comes after the last whole window can lift the average above all windows, or lower it. */
	average = (double)rw_row_bytes(row) / (double)count->elapsed_ns;
	peak = phase->peak_bytes_per_tick / tick_ns;
	count->peak_bytes_per_ns = rw_max(count->peak_bytes_per_ns, rw_max(peak, average));
	least = phase->least_bytes_per_tick / tick_ns;
	least = least > 0 ? rw_min(least, average) : average;
	count->least_bytes_per_ns = count->least_bytes_per_ns > 0 ?
					    rw_min(count->least_bytes_per_ns, least) :
					    least;
}

/*
 * Nothing more is to be begun: is all else over, too? A burst is not before the next
 * one might begin: else the last would be above the limit.
 */
static bool is_over(const struct rw_row *row, const struct phase *phase)
{
	return !rw_row_in_flight(row) && !row->nr_blocked &&
	       (!phase->least_ticks || rw_row_ticks(row) >= phase->least_ticks);
}

/* When the loop is to look around at the latest, though no completion came. */
static uint64_t wake_ticks(const struct rw_row *row, const struct phase *phase, uint64_t now)
{
	uint64_t wake = now + phase->watch_every;

	if (phase->end_ticks > now)
		wake = rw_min(wake, phase->end_ticks);
	if (phase->least_ticks > now)
		wake = rw_min(wake, phase->least_ticks);
	if (row->source && row->ready.head && row->count.issued < phase->limit)
		wake = rw_min(wake, row->source->next_ticks);
	return wake;
}

/* A poll found nothing: sleep until it is worth another one. As rw_row_poll. */
static int await_event(struct rw_row *row, const struct phase *phase, struct rw_err *err)
{
	const struct rw_clock *clock = &row->load->clock;
	uint64_t now, wake;
	int ret = rw_endpoint_arm(&row->load->ep, err);

	/* What came before the arming is told by nobody. */
	if (!ret)
		ret = rw_row_poll(row, err);
	if (ret)
		return ret;
	now = rw_clock_ticks(clock);
	/* Another thread's MRs come without an event. */
	if (row->shared && (row->nr_blocked || row->dropped.head))
		return 0;
	wake = wake_ticks(row, phase, now);
	if (wake <= now)
		return 0;
	return rw_endpoint_sleep(&row->load->ep, (uint64_t)rw_clock_ns(clock, wake - now), err);
}

int rw_row_run(struct rw_row *row, const struct rw_row_limit *limit, struct rw_err *err)
{
	struct phase phase;
	uint64_t now;
	int ret, n;

	row->began_ns = rw_clock_raw_ns();
	start_phase(row, limit, &phase);
	for (;;) {
		ret = rw_row_issue(row, phase.limit, err);
		if (!ret && rw_unlikely(row->dying))
			ret = rw_row_teardown(row, err);
		if (!ret && row->count.issued >= phase.limit) {
			ret = rw_row_flush_unsignaled(row, err);
			if (!ret && is_over(row, &phase))
				break;
		}
		if (ret)
			return ret;
		n = rw_row_poll(row, err);
		if (!n && row->load->ep.channel)
			n = await_event(row, &phase, err);
		if (n < 0)
			return n;
		if (n) {
			phase.last_ticks = now = row->now;
			note_window(row, &phase, now);
			note_share(row);
			note_block(row, &phase);
			note_interval(row, &phase, now);
		} else {
			if (row->load->yields)
				sched_yield();
			now = rw_clock_ticks(&row->load->clock);
		}
		ret = look_around(row, &phase, now, err);
		if (ret)
			return ret;
	}
	rw_row_scatter(row);
	finish_phase(row, &phase);
	return 0;
}
