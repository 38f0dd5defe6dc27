// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A QP of a client: connect, load, connect again if it is torn down, ask for the verdict. */
#include <net/net_namespace.h>

#include "msg.h"

#define RECONNECT_MS 10 /* until the next try */

static int hello(struct rwb_conn *conn)
{
	const struct rwb_conf *conf = &conn->run->conf;
	struct rwb_msg *msg = conn->tx.msg;
	int err;

	memset(msg, 0, sizeof(*msg));
	msg->hello.op = cpu_to_le32(conf->op);
	msg->hello.slots = cpu_to_le32(conf->contexts);
	msg->hello.slot_bytes = cpu_to_le32(conf->size);
	msg->hello.seed = cpu_to_le64(conf->seed);
	err = rwb_msg_send(conn, RWB_HELLO, NULL, NULL);
	if (!err)
		err = rwb_conn_wait(conn, RWB_SEEN_SENT, conf->deadline_ms);
	return err;
}

/* What the server says is believed as far as addresses go, no further. */
static int take_memory(struct rwb_conn *conn)
{
	const struct rwb_conf *conf = &conn->run->conf;
	const struct rwb_msg *msg = conn->rx.msg;
	u32 i, slot, context = 0, pieces;
	int err = rwb_msg_wait(conn, RWB_MEMORY, conf->deadline_ms);

	if (err)
		return err;
	if (le32_to_cpu(msg->memory.status) == E2BIG)
		return -E2BIG;
	if (msg->memory.status)
		return -EREMOTEIO;
	pieces = le32_to_cpu(msg->memory.pieces);
	if (pieces > RWB_MAX_PIECES)
		return -EPROTO;
	for (i = 0; i < pieces; i++) {
		u32 slots = le32_to_cpu(msg->memory.piece[i].slots);

		for (slot = 0; slot < slots && context < conf->contexts; slot++)
			rwb_load_place(conn, context++,
				       le64_to_cpu(msg->memory.piece[i].addr) +
					       (u64)slot * le32_to_cpu(msg->memory.stride),
				       le32_to_cpu(msg->memory.piece[i].rkey));
	}
	return context == conf->contexts ? 0 : -EPROTO;
}

static int connect(struct rwb_conn *conn)
{
	int err = rwb_conn_connect(conn);

	if (!err)
		err = hello(conn);
	if (!err)
		err = take_memory(conn);
	if (!err)
		conn->force_mr = rwb_load_forces_mr(conn);
	return err;
}

static const char *connect_error(const struct rwb_conn *conn, int err)
{
	/* That driver's sockets are of the namespace of the thread that asks: here a kernel's. */
	if (err == -ETIMEDOUT && !net_eq(conn->run->net, &init_net))
		return "the server does not answer; if this is Soft-iWARP: it connects from the first network namespace only";
	switch (err) {
	case -EBUSY:
		return "another run on this device has another max_sgl_rd";
	case -ECONNREFUSED:
		return "no server listens there, or it has no room; is rw_bench loaded and a server made?";
	case -E2BIG:
		return "an operation lies in one of up to 64 MRs of the server's device: take a smaller size, or fewer contexts";
	case -EREMOTEIO:
		return "the server has no such memory: raise its memory_mb, or take fewer contexts or a smaller size";
	case -ETIMEDOUT:
		return "the server does not answer";
	case -EPROTO:
		return "the server speaks another language: is it the same rw_bench?";
	case -ENOMEM:
		return "out of memory";
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EADDRNOTAVAIL:
	case -ENODEV:
		return "no RDMA device of this host has a way there: are addr and from right, and the links up?";
	case -ECONNRESET:
		return "the server has ended the connection: is it rw_bench, and of this version?";
	default:
		return "cannot connect: errno says why";
	}
}

/* All begin together. The last one of them starts the clock. */
static int arrive(struct rwb_conn *conn)
{
	struct rwb_run *run = conn->run;

	mutex_lock(&run->lock);
	if (++run->arrived == run->conf.qps)
		WRITE_ONCE(run->begin_ns, ktime_get_ns());
	mutex_unlock(&run->lock);
	wake_up_all(&run->wait);
	if (!wait_event_timeout(run->wait, READ_ONCE(run->begin_ns) || READ_ONCE(run->stop),
				msecs_to_jiffies(3 * run->conf.deadline_ms)))
		return rwb_run_fail(run, -ETIMEDOUT, "not all QPs could be connected in time");
	return READ_ONCE(run->stop) ? -ECANCELED : 0;
}

/* Also of a run that was stopped, as long as its patience lasts. */
static int finish(struct rwb_conn *conn)
{
	struct rwb_run *run = conn->run;
	struct rwb_msg *msg = conn->tx.msg;
	const unsigned long *written = rwb_load_written(conn);
	unsigned int i;
	int err;

	ib_dma_sync_single_for_cpu(conn->id->device, conn->tx.dma, sizeof(*msg), DMA_TO_DEVICE);
	memset(msg, 0, sizeof(*msg));
	if (run->conf.verify)
		for (i = 0; i < run->conf.contexts; i++)
			if (test_bit(i, written))
				msg->done.written[i / 64] |= cpu_to_le64(1ULL << (i % 64));
	err = rwb_msg_expect(conn);
	if (!err)
		err = rwb_msg_send(conn, RWB_DONE, NULL, NULL);
	if (!err && !rwb_conn_await(conn, test_bit(RWB_SEEN_MSG, &conn->seen) ||
				    rwb_conn_lost(conn)))
		err = -ETIMEDOUT;
	if (!err)
		err = rwb_msg_wait(conn, RWB_VERDICT, 0);
	if (err)
		return rwb_run_fail(run, err, "the server does not say what it found");
	conn->stats.corrupt_bytes += le64_to_cpu(conn->rx.msg->verdict.corrupt_bytes);
	return 0;
}

static bool is_passing(int err)
{
	return err == -EHOSTUNREACH || err == -EADDRNOTAVAIL || err == -EADDRINUSE;
}

static int reconnect(struct rwb_conn *conn)
{
	u64 began = ktime_get_ns();
	u64 deadline_ns = conn->run->conf.deadline_ms * NSEC_PER_MSEC;
	/* The run goes on: nobody else gets the device's max_sgl_rd meanwhile. */
	struct rwb_sgl *held = conn->sgl;
	int err;

	/* The server forgets its memory with the connection. */
	rwb_load_lose_verdict(conn);
	conn->sgl = NULL;
	/* As ULPs do: that there is no way may be over in a moment, or TCP be done with a port. */
	do {
		rwb_conn_close(conn);
		err = connect(conn);
	} while (is_passing(err) && ktime_get_ns() - began < deadline_ns &&
		 !wait_event_timeout(conn->wait, READ_ONCE(conn->run->stop),
				     msecs_to_jiffies(RECONNECT_MS)));
	rwb_sgl_put(held);
	conn->stats.reconnects++;
	conn->stats.reconnect_ns += ktime_get_ns() - began;
	return err;
}

/* Up to @operations; connections that are torn down come again. */
static int run_load(struct rwb_conn *conn, u64 operations)
{
	int err;

	rwb_load_limit(conn, operations);
	do {
		err = rwb_load_run(conn);
		conn->stats.end_ns = ktime_get_ns();
		if (err != -EAGAIN)
			break;
		err = reconnect(conn);
		if (err)
			rwb_run_fail(conn->run, err, "after a teardown: %s",
				     connect_error(conn, err));
	} while (!err);
	rwb_load_end(conn);
	return err;
}

/* What it counts is forgotten; what it damages is not. */
static int warm_up(struct rwb_conn *conn)
{
	struct rwb_run *run = conn->run;
	u64 corrupt;
	int err = run_load(conn, run->conf.warm_up);

	rwb_load_lose_verdict(conn);
	mutex_lock(&run->lock);
	corrupt = conn->stats.corrupt_bytes;
	rwb_stats_free(&conn->stats);
	rwb_stats_init(&conn->stats);
	conn->stats.corrupt_bytes = corrupt;
	mutex_unlock(&run->lock);
	return err;
}

static u64 share(const struct rwb_conn *conn)
{
	const struct rwb_conf *conf = &conn->run->conf;

	if (!conf->count)
		return RWB_NO_LIMIT;
	return conf->count / conf->qps + (conn->index < conf->count % conf->qps);
}

void rwb_client_work(struct work_struct *work)
{
	struct rwb_conn *conn = container_of(work, struct rwb_conn, work);
	struct rwb_run *run = conn->run;
	int err = rwb_load_open(conn);

	if (err) {
		rwb_run_fail(run, err, "out of memory for the contexts");
	} else {
		err = connect(conn);
		if (err)
			rwb_run_fail(run, err, "%s", connect_error(conn, err));
	}
	if (!err && run->conf.warm_up)
		err = warm_up(conn);
	if (!err)
		err = arrive(conn);
	if (!err)
		err = run_load(conn, share(conn));
	if (!err)
		err = finish(conn);
	if (err && conn->load)
		rwb_load_lose_verdict(conn);
	/* Contexts know their device as long as the connection is open. */
	rwb_conn_close(conn);
	rwb_load_close(conn);

	/* It stays in the run's list for its counters: rwb_run_remove frees it. */
	mutex_lock(&run->lock);
	run->end_ns = max(run->end_ns, conn->stats.end_ns);
	run->working--;
	mutex_unlock(&run->lock);
	wake_up_all(&run->wait);
}
