/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the client: what its conversation (client.c) and its rows (rows.c) share. */
#ifndef RW_BENCH_CLIENT_H
#define RW_BENCH_CLIENT_H

#include "bench/both.h"
#include "bench/crew.h"
#include "bench/session.h"
#include "report/report.h"
#include "verbs/counters.h"

struct rw_kernel_client;

/* The line that says how a row goes, and what it said last. */
struct rw_live {
	bool shown;
	uint64_t ticks;
	uint64_t operations, exhaustions;
};

struct rw_client {
	const struct rw_conf *conf;
	const volatile sig_atomic_t *stop;
	struct rw_device device;
	struct rw_placement placement;
	struct rw_both both;
	struct rw_endpoint domain; /* the protection domain of all loads */
	struct rw_chan *chan;
	struct rw_cm cm;
	const char *awaited; /* the answer's type, while the QPs are being connected ... */
	json_t *answer;      /* ... which came early, or NULL */
	struct rw_clock clock;
	struct rw_crew crew;
	uint32_t nr_rows; /* of the present group, in each worker ... */
	/* ... and for how long all have run each together, and the process's CPU time */
	uint64_t elapsed_ns[RW_NR_PATHS], cpu_process_ns[RW_NR_PATHS];
	struct rw_qp_link link;
	struct rw_port_addr own, peer;
	struct rw_port_counters counters;
	struct rw_live live;
	struct rw_report_facts facts;
	json_t *side; /* {"host": ..., "device": ...} */
	struct rw_result *results;
	uint32_t nr_results;
	uint32_t next_result; /* of this round; those behind it are of the last one */
	struct rw_result *filled[RW_NR_PATHS]; /* of the rows above; NULL: nothing was measured */
	uint32_t nr_groups;   /* that were planned */
	int64_t alive_at_ms; /* when the server is to hear next that the row goes on */
	struct rw_kernel_client *kernel; /* engine kernel: the module, which measures; else NULL */
	bool with_table;
	bool with_live; /* somebody looks on */
};

/*
 * Open the crew and the load of each worker in @client's domain. Returns 0 or -errno, told in
 * @err; rw_client_close_crew is owed in any case, before the domain goes.
 */
int rw_client_open_crew(struct rw_client *client, struct rw_err *err);
void rw_client_close_crew(struct rw_client *client);

/*
 * Tell the server of the run, hear of its memory, and connect the QPs of all
 * workers. Returns 0 or -errno, told in @err.
 */
int rw_client_connect(struct rw_client *client, struct rw_err *err);

/* Tell the server of the run, whose WRs have up to @wr_segs segments. 0 or -errno, told in @err. */
int rw_client_send_setup(struct rw_client *client, uint32_t wr_segs, struct rw_err *err);

/*
 * Of "accept", @msg, what does not depend on the engine: the server's port and facts and,
 * with rdma_cm, where that listens. Returns 0 or -EPROTO, told in @err.
 */
int rw_client_take_server(struct rw_client *client, const json_t *msg, struct rw_err *err);

/* What rdma_cm asks while it connects: 0, or why it is to give up; @arg is the client. */
int rw_client_watch_connect(void *arg, struct rw_err *err);

/*
 * In the middle of a row: say now and then that this side lives, and listen. A message of the
 * server, but for those of -b, or the end of the connection is no good news. One poll, never
 * waits. @arg is the client. Returns 0, or why the row is to end, told in @err.
 */
int rw_client_watch(void *arg, struct rw_err *err);

/* Whom the loop of @worker asks: worker 0 listens to the server, the others to each other. */
struct rw_load_watch rw_client_watch_of(struct rw_client *client, struct rw_worker *worker);

/*
 * The session's table: what is known of both sides, the rows, the end. @arena is the
 * memory that the head tells of; NULL: none of this program's. Returns as rw_client_run_rows.
 */
int rw_client_run_table(struct rw_client *client, const struct rw_arena *arena,
			struct rw_err *err);

/*
 * Run and report the rows of the session: each size by each path. An interrupt
 * ends them early and well. Returns 0 or -errno, told in @err.
 */
int rw_client_run_rows(struct rw_client *client, struct rw_err *err);

/*
 * Plan a row for each of @paths, of operations of @size_bytes, with data of @seed.
 * Returns 0 or -errno, told in @err; rw_client_unplan is owed.
 */
int rw_client_plan(struct rw_client *client, uint64_t size_bytes, uint64_t paths, uint64_t seed,
		   struct rw_err *err);
/* Nothing may be in flight: QPs of a failed run go first. */
void rw_client_unplan(struct rw_client *client);

/* What @client's rows have done; @finish->done has room for all slots, and is 0. */
void rw_client_note_done(const struct rw_client *client, struct rw_msg_finish *finish);

/* Lay out the local data of all rows, if they are verified. 0 or -errno, told in @err. */
int rw_client_fill_rows(struct rw_client *client, struct rw_err *err);

/* The peer's memory, of which @msg tells. Returns 0 or -EPROTO, told in @err. */
int rw_client_take_buffer(struct rw_client *client, const json_t *msg, struct rw_err *err);

/* Pace the QPs of all workers, which are connected. 0 or -errno, told in @err. */
int rw_client_pace(struct rw_client *client, struct rw_err *err);

/* Tell the peer now and then that this side lives. 0 or -errno, told in @err. */
int rw_client_say_alive(struct rw_client *client, struct rw_err *err);

/* Both sides make their memory ready for the present group. 0 or -errno, told in @err. */
int rw_client_prepare(struct rw_client *client, struct rw_err *err);

/* Warm-up and measured phase of the present group, as the test wants it. */
int rw_client_measure(struct rw_client *client, struct rw_err *err);

/* Let each row of the group run for --margin; what it counts is in no result. */
int rw_client_run_margin(struct rw_client *client, struct rw_err *err);

/*
 * The workers' watches. Worker 0 says on a terminal how @row goes, and what the
 * others have last noted; @arg is the client. The others do so; @arg is the worker.
 */
void rw_client_progress(void *arg, const struct rw_row *row);
void rw_worker_progress(void *arg, const struct rw_row *row);

/*
 * What row @i of all workers did, together and each. Latencies and damage are
 * @result's from then on. Returns 0 or -ENOMEM, told in @err.
 */
int rw_client_fill_result(struct rw_client *client, uint32_t i, struct rw_result *result,
			  struct rw_err *err);

/*
 * Make row @i of worker 0 that of all: counted, drawn and timed, but for its pools. The
 * others have counted nothing then.
 * Returns 0 or -ENOMEM, told in @err.
 */
int rw_client_merge_rows(struct rw_client *client, uint32_t i, struct rw_err *err);

/* The first worker: its load stands for all where they are alike. */
static inline struct rw_load *rw_client_load(struct rw_client *client)
{
	return &client->crew.workers[0].load;
}

/* The place of the next row's result, empty. */
struct rw_result *rw_client_next_result(struct rw_client *client);

/* Print the rows of the group that are filled. */
void rw_client_report_group(struct rw_client *client);

/* Free what a result holds. */
void rw_client_drop_result(struct rw_result *result);

/*
 * A failure here often only shows that the peer is gone: ask the control
 * connection for the reason, and prefer what it says.
 */
void rw_client_ask_for_reason(struct rw_client *client, struct rw_err *err);

/* 0, or -EIO with the first damage of all rows told in @err. */
int rw_client_check_corrupt(const struct rw_client *client, struct rw_err *err);

#endif
