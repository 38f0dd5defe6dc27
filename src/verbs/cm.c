/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/cm.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>

#include "ctl/wait.h"
#include "verbs/cm_priv.h"

#define RESOLVE_MS  5000 /* the kernel's own deadline, before ours: it knows the reason */
#define MAGIC	    UINT64_C(0x7277706572660a01) /* "rwperf\n", version 1 */

/*
 * rdma_ucm hands out attribute bits that are the kernel's own, and that
 * ibv_modify_qp refuses (21 to 24; librdmacm masks them off as well).
 */
#define KERNEL_ATTR_BITS 0x1e00000

int rw_cm_open(const struct rw_device *device, uint32_t nr_qps, const struct rw_cm_watch *watch,
	       struct rw_cm *cm, struct rw_err *err)
{
	struct rw_cm opened = { .device = device, .nr_conns = nr_qps, .tos = RW_AUTO };
	int ret;

	if (watch)
		opened.watch = *watch;
	errno = 0;
	opened.channel = rdma_create_event_channel();
	if (!opened.channel)
		return rw_fail(err, RW_EXIT_DEVICE, -ENODEV,
			       "there is no rdma_cm for %s on this host (/dev/infiniband/rdma_cm: %s); load it with modprobe rdma_ucm%s",
			       rw_device_name(device), strerror(errno ? errno : ENODEV),
			       device->is_iwarp ? "" : ", or leave -R out");
	opened.conns = calloc(nr_qps, sizeof(*opened.conns));
	if (!opened.conns) {
		ret = rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
		goto err_close;
	}
	if (fcntl(opened.channel->fd, F_SETFL, O_NONBLOCK)) {
		ret = rw_fail(err, RW_EXIT_RUN, -errno, "cannot set up rdma_cm: %s",
			      strerror(errno));
		goto err_close;
	}
	*cm = opened;
	return 0;

err_close:
	rw_cm_close(&opened);
	return ret;
}

int rw_cm_listen(struct rw_cm *cm, struct rw_err *err)
{
	char text[RW_GID_TEXT];
	int ret;

	if (getrandom(&cm->token, sizeof(cm->token), 0) != sizeof(cm->token))
		return rw_fail(err, RW_EXIT_RUN, -errno, "cannot get random bytes: %s",
			       strerror(errno));
	ret = rw_cm_bind(cm, cm->device->gid.raw, cm->scope, &cm->listener, err);
	if (ret)
		return ret;
	/* Strangers may come as well: there is room for them behind the client's. */
	if (rdma_listen(cm->listener, (int)cm->nr_conns + 16))
		return rw_fail(err, RW_EXIT_DEVICE, -errno, "rdma_cm cannot listen at %s: %s",
			       rw_gid_format(cm->device->gid.raw, text), strerror(errno));
	cm->port = ntohs(rdma_get_src_port(cm->listener));
	return 0;
}

/* What rdma_cm does not know better than we: see rw_qp_connect. */
static void adjust(struct ibv_qp_attr *attr, int mask, uint32_t index,
		   const struct rw_qp_link *link, const struct rdma_conn_param *param)
{
	attr->qp_access_flags = link->access;
	if (mask & IBV_QP_PATH_MTU)
		attr->path_mtu = rw_min(attr->path_mtu, rw_mtu_of_bytes(link->mtu_bytes));
	/* On InfiniBand the subnet manager chooses, unless a level was asked for. */
	if (mask & IBV_QP_AV && link->sl)
		attr->ah_attr.sl = link->sl;
	if (mask & IBV_QP_AV && link->static_rate)
		attr->ah_attr.static_rate = link->static_rate;
	if (mask & IBV_QP_AV && attr->ah_attr.is_global && link->nr_flow_labels)
		attr->ah_attr.grh.flow_label = rw_qp_flow_label(link, index);
	if (mask & IBV_QP_TIMEOUT)
		attr->timeout = link->timeout;
	if (mask & IBV_QP_RETRY_CNT)
		attr->retry_cnt = link->retry_count;
	if (mask & IBV_QP_RNR_RETRY)
		attr->rnr_retry = link->rnr_retry;
	/* The kernel's is 0, the longest there is (cm_init_qp_rtr_attr). */
	if (mask & IBV_QP_MIN_RNR_TIMER)
		attr->min_rnr_timer = link->min_rnr_timer;
	attr->max_dest_rd_atomic = param->responder_resources;
	attr->max_rd_atomic = param->initiator_depth;
}

static int move_qp(struct rdma_cm_id *id, struct rw_qp *qp, uint32_t index,
		   enum ibv_qp_state state, const struct rw_qp_link *link,
		   const struct rdma_conn_param *param, struct rw_err *err)
{
	struct ibv_qp_attr attr = { .qp_state = state };
	int mask, ret;

	if (rdma_init_qp_attr(id, &attr, &mask))
		return rw_fail(err, RW_EXIT_RUN, -errno,
			       "rdma_cm has no attributes for QP 0x%x: %s", qp->addr.qpn,
			       strerror(errno));
	mask &= ~KERNEL_ATTR_BITS;
	adjust(&attr, mask, index, link, param);
	/* iWARP: the rest is done by the kernel's connection manager. */
	ret = mask ? ibv_modify_qp(qp->qp, &attr, mask) : 0;
	if (ret)
		return rw_fail(err, RW_EXIT_RUN, -ret,
			       "cannot bring QP 0x%x to state %d as rdma_cm wants it: %s",
			       qp->addr.qpn, state, strerror(ret));
	return 0;
}

static int move_to_rts(struct rdma_cm_id *id, struct rw_qp *qp, uint32_t index,
		       const struct rw_qp_link *link, const struct rdma_conn_param *param,
		       struct rw_err *err)
{
	int ret = move_qp(id, qp, index, IBV_QPS_RTR, link, param, err);

	return ret ? ret : move_qp(id, qp, index, IBV_QPS_RTS, link, param, err);
}

/* READs go from the client to the server; the other way there are none, but with -b. */
static struct rdma_conn_param conn_param(const struct rw_qp *qp, const struct rw_qp_link *link,
					 bool initiator)
{
	return (struct rdma_conn_param){
		.initiator_depth = initiator || link->both_ways ? link->rd_atom : 1,
		.responder_resources = initiator && !link->both_ways ? 1 : link->rd_atom,
		.retry_count = link->retry_count,
		.rnr_retry_count = link->rnr_retry,
		.qp_num = qp->addr.qpn,
	};
}

/* Is it the client, asking for a QP that waits for it? */
static bool is_welcome(const struct rw_cm *cm, const struct rw_cm_event *event, uint32_t first,
		       uint32_t n)
{
	uint32_t index = be32toh(event->hello.index);

	return event->has_hello && be64toh(event->hello.magic) == MAGIC &&
	       be64toh(event->hello.token) == cm->token && index >= first && index - first < n &&
	       !cm->conns[index].id;
}

static int accept_request(struct rw_cm *cm, const struct rw_cm_event *event, struct rw_qp *qps,
			  const struct rw_qp_link *link, struct rw_err *err)
{
	uint32_t index = be32toh(event->hello.index);
	struct rw_qp *qp = &qps[index];
	struct rdma_conn_param param = conn_param(qp, link, false);
	int ret;

	cm->conns[index] = (struct rw_cm_conn){ .id = event->id };
	ret = move_qp(event->id, qp, index, IBV_QPS_INIT, link, &param, err);
	if (!ret)
		ret = move_to_rts(event->id, qp, index, link, &param, err);
	if (!ret && rdma_accept(event->id, &param))
		ret = rw_fail(err, RW_EXIT_RUN, -errno, "rdma_cm cannot accept QP 0x%x: %s",
			      qp->addr.qpn, strerror(errno));
	return ret;
}

static struct rw_cm_conn *find_conn(struct rw_cm *cm, const struct rdma_cm_id *id, uint32_t first,
				    uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		if (cm->conns[i].id == id)
			return &cm->conns[i];
	return NULL;
}

int rw_cm_accept(struct rw_cm *cm, struct rw_qp *qps, uint32_t first, uint32_t n,
		 const struct rw_qp_link *link, struct rw_err *err)
{
	static const char doing[] = "waiting for the client's QPs";
	int64_t deadline_ms = rw_deadline_in(RW_CM_STEP_MS);
	uint32_t left = n;

	while (left) {
		struct rw_cm_conn *conn;
		struct rw_cm_event event;
		int ret = rw_cm_wait_event(cm, deadline_ms, doing, &event, err);

		if (ret)
			return ret;
		if (event.type == RDMA_CM_EVENT_CONNECT_REQUEST) {
			if (!is_welcome(cm, &event, first, n)) {
				rdma_reject(event.id, NULL, 0);
				rdma_destroy_id(event.id);
				continue;
			}
			ret = accept_request(cm, &event, qps, link, err);
			if (ret)
				return ret;
			continue;
		}
		conn = find_conn(cm, event.id, first, n);
		if (!conn)
			continue;
		if (event.type != RDMA_CM_EVENT_ESTABLISHED)
			return rw_cm_fail_event(&event, doing, err);
		left -= !conn->established;
		conn->established = true;
		deadline_ms = rw_deadline_in(RW_CM_STEP_MS);
	}
	return 0;
}

static int resolve(struct rw_cm *cm, struct rdma_cm_id *id, const struct rw_port_addr *addr,
		   struct rw_err *err)
{
	struct sockaddr_storage storage;
	char text[RW_GID_TEXT], doing[RW_GID_TEXT + 32];
	struct rw_cm_event event;
	int ret;

	rw_gid_format(addr->gid.raw, text);
	rw_cm_sockaddr(addr->gid.raw, cm->port, cm->scope, &storage);
	snprintf(doing, sizeof(doing), "resolving %s", text);
	if (rdma_resolve_addr(id, NULL, (struct sockaddr *)&storage, RESOLVE_MS))
		return rw_fail(err, RW_EXIT_PEER, -errno, "rdma_cm cannot resolve %s: %s; %s", text,
			       strerror(errno), rw_cm_hint(RDMA_CM_EVENT_ADDR_ERROR));
	ret = rw_cm_expect(cm, id, RDMA_CM_EVENT_ADDR_RESOLVED, RDMA_CM_EVENT_ADDR_RESOLVED, doing,
		     &event, err);
	if (ret)
		return ret;
	snprintf(doing, sizeof(doing), "looking for a route to %s", text);
	if (rdma_resolve_route(id, RESOLVE_MS))
		return rw_fail(err, RW_EXIT_PEER, -errno, "rdma_cm finds no route to %s: %s; %s",
			       text, strerror(errno), rw_cm_hint(RDMA_CM_EVENT_ROUTE_ERROR));
	return rw_cm_expect(cm, id, RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_ROUTE_RESOLVED, doing,
		      &event, err);
}

/* iWARP is connected at once; others answer, and the QP is ours to bring up. */
static int finish_connect(struct rw_cm *cm, struct rdma_cm_id *id, struct rw_qp *qp,
			  uint32_t index, const struct rw_qp_link *link, const struct rdma_conn_param *param,
			  const char *doing, struct rw_err *err)
{
	struct rw_cm_event event;
	int ret = rw_cm_expect(cm, id, RDMA_CM_EVENT_ESTABLISHED, RDMA_CM_EVENT_CONNECT_RESPONSE, doing,
			 &event, err);

	if (ret || event.type == RDMA_CM_EVENT_ESTABLISHED)
		return ret;
	ret = move_to_rts(id, qp, index, link, param, err);
	if (!ret && rdma_establish(id))
		ret = rw_fail(err, RW_EXIT_RUN, -errno, "rdma_cm cannot establish QP 0x%x: %s",
			      qp->addr.qpn, strerror(errno));
	return ret;
}

static void on_alarm(int signum)
{
	/* Its coming is all that is wanted: it ends the system call. */
}

/*
 * rdma_connect only asks, and an event answers; but siw opens its TCP connection
 * within it (siw_connect, kernel_bindconnect), which nothing but a signal ends early.
 */
static int connect_bounded(struct rw_cm *cm, struct rdma_cm_id *id, struct rdma_conn_param *param,
			   const char *doing, struct rw_err *err)
{
	/* Again and again: the first may come just before the call. */
	const struct itimerval timer = { { 0, 100000 }, { RW_CM_STEP_MS / 1000, 0 } };
	const struct itimerval none = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	int ret;

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &timer, NULL);
	ret = rdma_connect(id, param) ? -errno : 0;
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &before, NULL);
	if (!ret)
		return 0;
	if (ret == -EINTR && cm->watch.stop && *cm->watch.stop)
		return rw_fail(err, RW_EXIT_RUN, ret, "interrupted");
	if (ret == -EINTR)
		ret = -ETIMEDOUT;
	return rw_fail(err, RW_EXIT_PEER, ret, "rdma_cm: %s while %s; %s", strerror(-ret), doing,
		       rw_cm_hint(RDMA_CM_EVENT_UNREACHABLE));
}

int rw_cm_connect(struct rw_cm *cm, struct rw_qp *qp, uint32_t index,
		  const struct rw_port_addr *addr, const struct rw_qp_link *link,
		  struct rw_err *err)
{
	const struct rw_cm_hello hello = { htobe64(MAGIC), htobe64(cm->token), htobe32(index), 0 };
	struct rdma_conn_param param = conn_param(qp, link, true);
	char text[RW_GID_TEXT], doing[RW_GID_TEXT + 64];
	struct rdma_cm_id *id;
	int ret = rw_cm_bind(cm, cm->device->gid.raw, cm->scope, &id, err);

	if (ret)
		return ret;
	cm->conns[index] = (struct rw_cm_conn){ .id = id };
	ret = resolve(cm, id, addr, err);
	if (!ret)
		ret = move_qp(id, qp, index, IBV_QPS_INIT, link, &param, err);
	if (ret)
		return ret;
	snprintf(doing, sizeof(doing), "connecting QP %u to %s, port %u", index,
		 rw_gid_format(addr->gid.raw, text), cm->port);
	param.private_data = &hello;
	param.private_data_len = sizeof(hello);
	ret = connect_bounded(cm, id, &param, doing, err);
	if (!ret)
		ret = finish_connect(cm, id, qp, index, link, &param, doing, err);
	cm->conns[index].established = !ret;
	return ret;
}

void rw_cm_drop(struct rw_cm *cm, uint32_t index)
{
	if (cm->conns[index].id)
		rdma_destroy_id(cm->conns[index].id);
	cm->conns[index] = (struct rw_cm_conn){ 0 };
}

void rw_cm_close(struct rw_cm *cm)
{
	if (!cm->channel)
		return;
	for (uint32_t i = 0; cm->conns && i < cm->nr_conns; i++)
		rw_cm_drop(cm, i);
	free(cm->conns);
	if (cm->listener)
		rdma_destroy_id(cm->listener);
	rdma_destroy_event_channel(cm->channel);
	memset(cm, 0, sizeof(*cm));
}
