// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Connections: rdma_cm ids, and the verbs objects of each. */
#include <linux/sched.h>

#include "msg.h"

#define OWN_WRS 8 /* messages, and what ib_drain_qp posts */
#define OWN_CQES 4 /* of receives, and what ib_drain_qp posts */

void rwb_conn_tell(struct rwb_conn *conn, int bit)
{
	set_bit(bit, &conn->seen);
	wake_up_all(&conn->wait);
}

static void gone(struct rwb_conn *conn, int err)
{
	if (!conn->gone)
		conn->gone = err;
	rwb_conn_tell(conn, RWB_SEEN_GONE);
}

int rwb_cm_handler(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct rwb_conn *conn = id->context;

	switch (event->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		rwb_conn_tell(conn, RWB_SEEN_ADDR);
		break;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		rwb_conn_tell(conn, RWB_SEEN_ROUTE);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		rwb_conn_tell(conn, RWB_SEEN_ESTABLISHED);
		break;
	case RDMA_CM_EVENT_ADDR_ERROR:
	case RDMA_CM_EVENT_ROUTE_ERROR:
		gone(conn, -EHOSTUNREACH);
		break;
	case RDMA_CM_EVENT_REJECTED:
		gone(conn, -ECONNREFUSED);
		break;
	case RDMA_CM_EVENT_UNREACHABLE:
	case RDMA_CM_EVENT_CONNECT_ERROR:
		gone(conn, -EHOSTUNREACH);
		break;
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		gone(conn, -ENODEV);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
	case RDMA_CM_EVENT_ADDR_CHANGE:
		gone(conn, -ECONNRESET);
		break;
	default:
		break;
	}
	return 0;
}

int rwb_conn_wait(struct rwb_conn *conn, int bit, unsigned int ms)
{
	long left = wait_event_timeout(conn->wait,
				       test_bit(bit, &conn->seen) || rwb_conn_lost(conn) ||
				       READ_ONCE(conn->run->stop), msecs_to_jiffies(ms));

	/* What has come counts, even if the connection has ended since. */
	if (test_and_clear_bit(bit, &conn->seen))
		return 0;
	if (READ_ONCE(conn->run->stop))
		return -ECANCELED;
	if (rwb_conn_lost(conn))
		return conn->gone ? conn->gone : -ECONNRESET;
	return left ? -EINVAL : -ETIMEDOUT;
}

static void qp_event(struct ib_event *event, void *context)
{
}

/* WRs of all contexts at once if each of them goes direct. */
static u32 direct_wrs(const struct rwb_conn *conn, const struct ib_device *device, u32 sge)
{
	const struct rwb_conf *conf = &conn->run->conf;

	if (conf->role == RWB_SERVER)
		return RWB_MAX_PIECES;
	if (conf->op == RWB_READ)
		sge = min_t(u32, sge, device->attrs.max_sge_rd);
	return (u32)conf->contexts * DIV_ROUND_UP(rwb_conf_segments(conf), max(sge, 1u));
}

/* MRs of the QP. As many as all contexts need are what a ULP asks for, by the same function. */
static u32 pool_of(const struct rwb_conn *conn, struct ib_device *device)
{
	const struct rwb_conf *conf = &conn->run->conf;

	if (conf->role == RWB_SERVER)
		return 0;
	if (conf->pool != RWB_POOL_AUTO)
		return conf->pool;
	return conf->contexts * rdma_rw_mr_factor(device, conn->id->port_num,
						  rwb_conf_segments(conf));
}

static int open_qp(struct rwb_conn *conn)
{
	struct ib_device *device = conn->id->device;
	const struct rwb_conf *conf = &conn->run->conf;
	u32 most = device->attrs.max_qp_wr;
	u32 sge = min_t(u32, conf->max_sge, device->attrs.max_send_sge);
	u32 pool = conn->pool = pool_of(conn, device);
	struct ib_qp_init_attr attr = {
		.event_handler = qp_event,
		.qp_type = IB_QPT_RC,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.cap = {
			.max_send_wr = min(OWN_WRS + direct_wrs(conn, device, sge), most),
			.max_recv_wr = 2,
			.max_send_sge = sge,
			.max_recv_sge = 1,
			.max_rdma_ctxs = pool,
		},
	};
	/* If everything fails, everything completes: 3 WRs for each MR. */
	u32 cqes = min(attr.cap.max_send_wr + 3 * pool, most) + OWN_CQES;
	int err;

	conn->pd = ib_alloc_pd(device, 0);
	if (IS_ERR(conn->pd)) {
		err = PTR_ERR(conn->pd);
		conn->pd = NULL;
		return err;
	}
	conn->cq = ib_alloc_cq(device, conn, min_t(u32, cqes, device->attrs.max_cqe),
			       conn->index % max(device->num_comp_vectors, 1),
			       IB_POLL_WORKQUEUE);
	if (IS_ERR(conn->cq)) {
		err = PTR_ERR(conn->cq);
		conn->cq = NULL;
		return err;
	}
	if (conn->cq->cqe <= OWN_WRS + OWN_CQES)
		return -ENOSPC;
	attr.send_cq = conn->cq;
	attr.recv_cq = conn->cq;
	err = rdma_create_qp(conn->id, conn->pd, &attr);
	if (err)
		return err;
	/*
	 * The send queue may be longer than a CQ can be. A completion that finds no room is
	 * lost, and what waits for it waits for ever.
	 */
	conn->sq_size = min_t(u32, attr.cap.max_send_wr, conn->cq->cqe - OWN_CQES) - OWN_WRS;
	strscpy(conn->device, dev_name(&device->dev), sizeof(conn->device));
	conn->iwarp = rdma_protocol_iwarp(device, conn->id->port_num);
	err = rwb_msg_open(conn);
	return err ? err : rwb_msg_expect(conn);
}

int rwb_conn_connect(struct rwb_conn *conn)
{
	struct rwb_run *run = conn->run;
	const struct rwb_conf *conf = &run->conf;
	struct rdma_conn_param param = { .retry_count = 7, .rnr_retry_count = 7 };
	struct rdma_cm_id *id;
	int err;

	conn->seen = 0;
	conn->gone = 0;
	id = rdma_create_id(run->net, rwb_cm_handler, conn, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id))
		return PTR_ERR(id);
	conn->id = id;
	err = rdma_resolve_addr(id, conf->from[0] ? (struct sockaddr *)&run->conf.source : NULL,
				(struct sockaddr *)&run->conf.sockaddr,
				conf->deadline_ms);
	if (!err)
		err = rwb_conn_wait(conn, RWB_SEEN_ADDR, conf->deadline_ms);
	if (err)
		return err;
	rdma_set_ack_timeout(id, conf->timeout);
	err = rdma_resolve_route(id, conf->deadline_ms);
	if (!err)
		err = rwb_conn_wait(conn, RWB_SEEN_ROUTE, conf->deadline_ms);
	if (err)
		return err;
	/* Before the QP: rdma_create_qp decides by it what pool it makes. */
	err = rwb_sgl_get(id->device, conf->max_sgl_rd, &conn->sgl);
	if (err)
		return err;
	conn->sgl_found = rwb_sgl_found(conn->sgl);
	conn->sgl_used = id->device->attrs.max_sgl_rd;
	err = open_qp(conn);
	if (err)
		return err;
	param.initiator_depth = min_t(u32, id->device->attrs.max_qp_init_rd_atom, U8_MAX);
	param.responder_resources = 1;
	conn->connecting = true;
	err = rdma_connect(id, &param);
	return err ? err : rwb_conn_wait(conn, RWB_SEEN_ESTABLISHED, conf->deadline_ms);
}

int rwb_conn_accept(struct rwb_conn *conn, struct rdma_cm_event *event)
{
	struct ib_device *device = conn->id->device;
	struct rdma_conn_param param = { .rnr_retry_count = 7 };
	int err = open_qp(conn);

	if (err)
		return err;
	param.responder_resources = min_t(u32, event->param.conn.initiator_depth,
					  device->attrs.max_qp_rd_atom);
	param.initiator_depth = min_t(u32, event->param.conn.responder_resources,
				      device->attrs.max_qp_init_rd_atom);
	conn->connecting = true;
	return rdma_accept(conn->id, &param);
}

void rwb_conn_drain(struct rwb_conn *conn)
{
	if (!conn->connecting)
		return;
	conn->connecting = false;
	rdma_disconnect(conn->id);
	ib_drain_qp(conn->id->qp);
}

void rwb_conn_close(struct rwb_conn *conn)
{
	if (!conn->id)
		return;
	rwb_conn_drain(conn);
	if (conn->id->qp)
		rdma_destroy_qp(conn->id);
	if (conn->cq)
		ib_free_cq(conn->cq);
	conn->cq = NULL;
	rwb_msg_close(conn);
	rwb_memory_close(conn->memory);
	conn->memory = NULL;
	if (conn->pd)
		ib_dealloc_pd(conn->pd);
	conn->pd = NULL;
	rwb_sgl_put(conn->sgl);
	conn->sgl = NULL;
	rdma_destroy_id(conn->id);
	conn->id = NULL;
}
