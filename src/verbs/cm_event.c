/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Events of rdma_cm: waiting for them under a deadline, and what they mean in words. */
#include <errno.h>
#include <string.h>

#include "ctl/wait.h"
#include "verbs/cm_priv.h"

#define WATCH_MS 100

static void copy_event(const struct rdma_cm_event *event, struct rw_cm_event *copy)
{
	const struct rdma_conn_param *param = &event->param.conn;

	*copy = (struct rw_cm_event){ event->event, event->status, event->id };
	/* InfiniBand pads the data: longer is fine. */
	if (event->event != RDMA_CM_EVENT_CONNECT_REQUEST || !param->private_data ||
	    param->private_data_len < sizeof(copy->hello))
		return;
	memcpy(&copy->hello, param->private_data, sizeof(copy->hello));
	copy->has_hello = true;
}

/* Before each wait, and before each event: a flood of them must not hold the session up. */
static int look_around(struct rw_cm *cm, int64_t deadline_ms, const char *doing,
		       struct rw_err *err)
{
	if (cm->watch.stop && *cm->watch.stop)
		return rw_fail(err, RW_EXIT_RUN, -EINTR, "interrupted");
	if (rw_deadline_left(deadline_ms) == 0)
		return rw_fail(err, RW_EXIT_PEER, -ETIMEDOUT,
			       "rdma_cm: not done within %d s while %s; %s", RW_CM_STEP_MS / 1000,
			       doing, rw_cm_hint(RDMA_CM_EVENT_UNREACHABLE));
	return cm->watch.check ? cm->watch.check(cm->watch.arg, err) : 0;
}

int rw_cm_wait_event(struct rw_cm *cm, int64_t deadline_ms, const char *doing,
		     struct rw_cm_event *copy, struct rw_err *err)
{
	struct pollfd fd = { .fd = cm->channel->fd, .events = POLLIN };
	struct rdma_cm_event *event;
	int ret;

	for (;;) {
		ret = look_around(cm, deadline_ms, doing, err);
		if (ret)
			return ret;
		if (!rdma_get_cm_event(cm->channel, &event))
			break;
		if (errno != EAGAIN && errno != EINTR)
			return rw_fail(err, RW_EXIT_RUN, -errno, "rdma_cm: no event: %s",
				       strerror(errno));
		rw_wait(&fd, 1, rw_min(deadline_ms, rw_deadline_in(WATCH_MS)), cm->watch.stop);
	}
	copy_event(event, copy);
	rdma_ack_cm_event(event);
	return 0;
}

/* Why, in words: InfiniBand's CM rejects with a reason of its own (IBA, 12.6.7.2). */
static const char *reason_of(const struct rw_cm_event *event)
{
	static const char *const reasons[] = {
		[1] = "no QP",
		[3] = "no resources",
		[4] = "timeout",
		[8] = "nobody listens at the port",
		[10] = "stale connection",
		[26] = "invalid path MTU",
		[27] = "too few responder resources",
		[28] = "refused by the peer's program",
	};

	if (event->status < 0)
		return strerror(-event->status);
	if (event->status < (int)RW_ARRAY_SIZE(reasons) && reasons[event->status])
		return reasons[event->status];
	return event->status ? "see the InfiniBand specification" : "no reason given";
}

const char *rw_cm_hint(enum rdma_cm_event_type type)
{
	switch (type) {
	case RDMA_CM_EVENT_ADDR_ERROR:
	case RDMA_CM_EVENT_ROUTE_ERROR:
		return "has the interface of the device a route to it? choose the device with -d, or the GID with -x on each side";
	case RDMA_CM_EVENT_REJECTED:
		return "is the server still there, and do its routes let rdma_cm arrive at the device it was given (-d)?";
	default:
		return "is the peer alive, and does the network let rdma_cm through?";
	}
}

int rw_cm_fail_event(const struct rw_cm_event *event, const char *doing, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_PEER,
		       event->type == RDMA_CM_EVENT_REJECTED ? -ECONNREFUSED : -ECONNRESET,
		       "rdma_cm: %s while %s: %s (status %d); %s", rdma_event_str(event->type), doing,
		       reason_of(event), event->status, rw_cm_hint(event->type));
}

int rw_cm_expect(struct rw_cm *cm, const struct rdma_cm_id *id, enum rdma_cm_event_type want,
		  enum rdma_cm_event_type also, const char *doing, struct rw_cm_event *event,
		  struct rw_err *err)
{
	int64_t deadline_ms = rw_deadline_in(RW_CM_STEP_MS);

	do {
		int ret = rw_cm_wait_event(cm, deadline_ms, doing, event, err);

		if (ret)
			return ret;
	} while (event->id != id);
	if (event->type == want || event->type == also)
		return 0;
	return rw_cm_fail_event(event, doing, err);
}
