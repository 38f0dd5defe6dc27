// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <rdma/ib_cm.h>

#include "msg.h"

/* Register and tell: the SEND stands behind the registrations in the send queue. */
static int send_memory(struct rwb_conn *conn, int status)
{
	struct rwb_memory *memory = conn->memory;
	struct rwb_msg *msg = conn->tx.msg;
	u32 i, n = status ? 0 : memory->pieces;

	ib_dma_sync_single_for_cpu(conn->id->device, conn->tx.dma, sizeof(*msg), DMA_TO_DEVICE);
	memset(msg, 0, sizeof(*msg));
	msg->memory.status = cpu_to_le32(-status);
	msg->memory.pieces = cpu_to_le32(n);
	msg->memory.stride = cpu_to_le32(n ? memory->slot_pages * PAGE_SIZE : 0);
	for (i = 0; i < n; i++) {
		struct rwb_piece *piece = &memory->piece[i];

		msg->memory.piece[i].addr = cpu_to_le64(piece->mr->iova);
		msg->memory.piece[i].rkey = cpu_to_le32(piece->mr->rkey);
		msg->memory.piece[i].slots = cpu_to_le32(piece->slots);
		piece->reg.wr.next = i + 1 < n ? &memory->piece[i + 1].reg.wr : NULL;
	}
	return rwb_msg_send(conn, RWB_MEMORY, n ? &memory->piece[0].reg.wr : NULL,
			    n ? &memory->piece[n - 1].reg.wr : NULL);
}

static int hello(struct rwb_conn *conn)
{
	const struct rwb_conf *conf = &conn->run->conf;
	const struct rwb_msg *msg = conn->rx.msg;
	int err, status;

	err = rwb_msg_wait(conn, RWB_HELLO, conf->deadline_ms);
	if (err)
		return err;
	status = rwb_memory_open(conn->pd, le32_to_cpu(msg->hello.op),
				 le32_to_cpu(msg->hello.slots),
				 le32_to_cpu(msg->hello.slot_bytes),
				 le64_to_cpu(msg->hello.seed), (u64)conf->memory_mb << 20,
				 &conn->memory);
	err = rwb_msg_expect(conn);
	if (!err)
		err = send_memory(conn, status);
	if (!err)
		err = rwb_conn_wait(conn, RWB_SEEN_SENT, conf->deadline_ms);
	return err ? err : status;
}

static int verdict(struct rwb_conn *conn)
{
	struct rwb_run *run = conn->run;
	unsigned long written[BITS_TO_LONGS(RWB_MAX_CONTEXTS)] = {};
	struct rwb_msg *msg = conn->tx.msg;
	u64 corrupt = 0;
	u32 i;
	int err;

	/* As long as it likes, if it is there. */
	do
		err = rwb_msg_wait(conn, RWB_DONE, run->conf.deadline_ms);
	while (err == -ETIMEDOUT && !rwb_msg_probe(conn));
	if (err)
		return err;
	for (i = 0; i < conn->memory->slots; i++)
		if (le64_to_cpu(conn->rx.msg->done.written[i / 64]) >> (i % 64) & 1)
			__set_bit(i, written);
	if (conn->memory->op == RWB_WRITE)
		corrupt = rwb_memory_check(conn->memory, written);
	mutex_lock(&run->lock);
	run->served++;
	run->corrupt_bytes += corrupt;
	mutex_unlock(&run->lock);
	ib_dma_sync_single_for_cpu(conn->id->device, conn->tx.dma, sizeof(*msg), DMA_TO_DEVICE);
	memset(msg, 0, sizeof(*msg));
	msg->verdict.corrupt_bytes = cpu_to_le64(corrupt);
	err = rwb_msg_send(conn, RWB_VERDICT, NULL, NULL);
	/* The client takes it and goes. */
	return err ? err : rwb_conn_wait(conn, RWB_SEEN_GONE, run->conf.deadline_ms);
}

void rwb_server_work(struct work_struct *work)
{
	struct rwb_conn *conn = container_of(work, struct rwb_conn, work);
	int err = rwb_conn_wait(conn, RWB_SEEN_ESTABLISHED, conn->run->conf.deadline_ms);

	if (!err)
		err = hello(conn);
	if (!err)
		verdict(conn);
	rwb_conn_close(conn);
	rwb_conn_free(conn);
}

/* A new id with the listener's handler: the id is ours if we return 0. */
static int connect_request(struct rwb_run *run, struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct rwb_conn *conn;
	int err;

	conn = rwb_conn_new(run);
	if (!conn) {
		mutex_lock(&run->lock);
		run->refused++;
		mutex_unlock(&run->lock);
		rdma_reject(id, NULL, 0, IB_CM_REJ_CONSUMER_DEFINED);
		return -EBUSY;
	}
	conn->id = id;
	id->context = conn;
	id->event_handler = rwb_cm_handler;
	INIT_WORK(&conn->work, rwb_server_work);
	err = rwb_conn_accept(conn, event);
	if (err) {
		/* The work closes what there is, the id with it. */
		rdma_reject(id, NULL, 0, IB_CM_REJ_CONSUMER_DEFINED);
		rwb_conn_tell(conn, RWB_SEEN_GONE);
	}
	queue_work(run->wq, &conn->work);
	return 0;
}

static int listener_handler(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct rwb_run *run = id->context;

	switch (event->event) {
	case RDMA_CM_EVENT_CONNECT_REQUEST:
		return connect_request(run, id, event);
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		/* Who takes it, destroys it: the core if we do not return 0. */
		if (!xchg(&run->listener, NULL))
			return 0;
		rwb_run_fail(run, -ENODEV, "the device is gone");
		return -ENODEV;
	default:
		return 0;
	}
}

int rwb_server_listen(struct rwb_run *run, const char **why_p)
{
	struct rdma_cm_id *id;
	int err;

	*why_p = "cannot make an rdma_cm id";
	id = rdma_create_id(run->net, listener_handler, run, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id))
		return PTR_ERR(id);
	*why_p = "cannot listen: is the address one of this host's RDMA devices, the port free?";
	err = rdma_bind_addr(id, (struct sockaddr *)&run->conf.sockaddr);
	if (!err) {
		run->listener = id;
		/* Soft-iWARP drops who finds no room, and damages its own books with it. */
		err = rdma_listen(id, run->conf.clients);
		run->port = ntohs(((struct sockaddr_in *)&id->route.addr.src_addr)->sin_port);
	}
	if (err && (!run->listener || xchg(&run->listener, NULL)))
		rdma_destroy_id(id);
	return err;
}

void rwb_server_close(struct rwb_run *run)
{
	struct rdma_cm_id *id = xchg(&run->listener, NULL);

	if (id)
		rdma_destroy_id(id);
}
