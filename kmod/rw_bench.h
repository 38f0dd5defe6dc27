/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * rw_bench: READs and WRITEs through the kernel's own R/W API, measured.
 *
 *	main	module, debugfs		conf	what a user has asked for, checked
 *	run	begin, end, remove	report	a run as JSON
 *	cm	connection (rdma_cm)	msg	the two sides' conversation
 *	client	a QP's life		load	its operations, one after the other
 *	contexts their memory		schedule, arrival	when they are due
 *	server	a client's memory	memory	pages, and the data in them
 *	sgl	max_sgl_rd of a device	stats	counters, histogram
 *	plan	what the API would do, without doing it
 *
 * A run has one piece of work (a work item) for each QP, which alone touches the
 * QP's contexts and counters; completion handlers only hand contexts back to it.
 */
#ifndef RW_BENCH_H
#define RW_BENCH_H

#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>
#include <rdma/rw.h>

#include "compat.h"
#include "conf.h"
#include "stats.h"

struct rwb_conn;
struct rwb_sgl;

/* Anything an rdma_cm_id's context points to. */
struct rwb_run {
	struct list_head list;
	struct rwb_conf conf;
	const void *owner; /* the open file that the run goes with, or NULL */
	struct net *net;
	struct dentry *file;
	struct workqueue_struct *wq; /* a work item for each QP */
	wait_queue_head_t wait;
	struct mutex lock; /* what follows */
	bool stop;
	unsigned long stop_jiffies; /* when that was */
	int err;
	char why[128]; /* of the first error */
	struct list_head conns;
	unsigned int working; /* work items that have not ended */

	/* server */
	struct rdma_cm_id *listener;
	u16 port; /* where it listens */
	u64 served, refused, corrupt_bytes;

	/* client */
	unsigned int arrived; /* conns that are ready to begin */
	u64 begin_ns, end_ns; /* 0: not yet */
};

struct rwb_msg;

struct rwb_buf {
	struct ib_cqe cqe;
	struct rwb_msg *msg;
	u64 dma;
	bool mapped;
};

/* Bits of rwb_conn.seen. */
enum {
	RWB_SEEN_ADDR,
	RWB_SEEN_ROUTE,
	RWB_SEEN_ESTABLISHED,
	RWB_SEEN_GONE,
	RWB_SEEN_MSG, /* conn->rx holds a message */
	RWB_SEEN_SENT, /* conn->tx is free again */
};

struct rwb_conn {
	struct rwb_run *run;
	struct list_head list;
	struct work_struct work;
	unsigned int index;
	wait_queue_head_t wait;
	unsigned long seen;
	int gone; /* why, -errno */
	struct rdma_cm_id *id;
	struct rwb_sgl *sgl;
	struct ib_pd *pd;
	struct ib_cq *cq;
	u32 sq_size; /* WRs that operations can have */
	u32 pool; /* MRs, as soon as there is a QP */
	bool connecting; /* the QP may hold work */
	struct rwb_buf tx, rx;

	struct rwb_memory *memory; /* server */
	struct rwb_load *load; /* client */
	struct rwb_stats stats;
	char device[IB_DEVICE_NAME_MAX];
	int sgl_found, sgl_used;
	bool iwarp, force_mr;
};

/* ---- run.c */
/* Make and begin a run. *@why_p says what is wrong on an error. */
int rwb_run_create(const struct rwb_conf *conf, const void *owner, const char **why_p);
int rwb_run_remove(const char *name);
/* All runs that go with @owner. */
void rwb_run_remove_owned(const void *owner);
void rwb_run_remove_all(void);
void rwb_run_stop(struct rwb_run *run);
/* In jiffies: how long to wait for a silent peer. All waits behind a stop have 2 s together. */
unsigned long rwb_run_patience(struct rwb_run *run);
/* The first error of a run ends it. */
__printf(3, 4) int rwb_run_fail(struct rwb_run *run, int err, const char *fmt, ...);
bool rwb_run_ended(struct rwb_run *run);
struct rwb_conn *rwb_conn_new(struct rwb_run *run);
void rwb_conn_free(struct rwb_conn *conn);

/* ---- report.c */
void rwb_report(struct seq_file *file, struct rwb_run *run);

/* ---- cm.c */
int rwb_conn_connect(struct rwb_conn *conn);
int rwb_conn_accept(struct rwb_conn *conn, struct rdma_cm_event *event);
/* Also of a half made connection. Nothing is in flight afterwards. */
void rwb_conn_close(struct rwb_conn *conn);
/* End what is in flight: its completions have been handled when it returns. */
void rwb_conn_drain(struct rwb_conn *conn);
int rwb_cm_handler(struct rdma_cm_id *id, struct rdma_cm_event *event);
/* Wait for a bit of seen, and take it. -errno if the connection or the run ends. */
int rwb_conn_wait(struct rwb_conn *conn, int bit, unsigned int ms);
/* Until @condition, or as long as the run has patience, also behind a stop. 0: in vain. */
#define rwb_conn_await(conn, condition)							\
	(wait_event_timeout((conn)->wait, (condition) || READ_ONCE((conn)->run->stop),	\
			    rwb_run_patience((conn)->run)) &&				\
	 wait_event_timeout((conn)->wait, condition, rwb_run_patience((conn)->run)))
void rwb_conn_tell(struct rwb_conn *conn, int bit);
static inline bool rwb_conn_lost(struct rwb_conn *conn)
{
	return test_bit(RWB_SEEN_GONE, &conn->seen);
}

/* ---- client.c, server.c */
void rwb_client_work(struct work_struct *work);
void rwb_server_work(struct work_struct *work);
int rwb_server_listen(struct rwb_run *run, const char **why_p);
void rwb_server_close(struct rwb_run *run);

/* ---- load.c */
int rwb_load_open(struct rwb_conn *conn);
void rwb_load_close(struct rwb_conn *conn);
/* Where the server keeps a context's data. */
void rwb_load_place(struct rwb_conn *conn, u32 context, u64 addr, u32 rkey);
/* Whether the API makes MRs of everything: asked of it. */
bool rwb_load_forces_mr(struct rwb_conn *conn);
/* 0 done, -EAGAIN the connection has to be made again, else an error. */
int rwb_load_run(struct rwb_conn *conn);
/* Begin @operations, at most. */
#define RWB_NO_LIMIT U64_MAX
void rwb_load_limit(struct rwb_conn *conn, u64 operations);
/* No more of them come, whether or not all have begun. */
void rwb_load_end(struct rwb_conn *conn);
const unsigned long *rwb_load_written(struct rwb_conn *conn);
/* The server will not verify what has been written since the connection was made. */
void rwb_load_lose_verdict(struct rwb_conn *conn);

/* ---- sgl.c */
int rwb_sgl_get(struct ib_device *device, int wanted, struct rwb_sgl **sgl_p);
int rwb_sgl_found(const struct rwb_sgl *sgl);
void rwb_sgl_put(struct rwb_sgl *sgl);

/* ---- plan.c */
int rwb_plan(char *text, char *answer, size_t size);

#endif
