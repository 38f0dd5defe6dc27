/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

int rw_endpoint_open(const struct rw_device *device, struct rw_endpoint *ep, struct rw_err *err)
{
	memset(ep, 0, sizeof(*ep));
	ep->device = device;
	errno = 0;
	ep->pd = ibv_alloc_pd(device->ctx);
	if (!ep->pd)
		return rw_fail(err, RW_EXIT_DEVICE, errno ? -errno : -ENOMEM,
			       "%s cannot allocate a protection domain: %s",
			       rw_device_name(device), strerror(errno ? errno : ENOMEM));
	return 0;
}

void rw_endpoint_open_in(const struct rw_endpoint *domain, struct rw_endpoint *ep)
{
	memset(ep, 0, sizeof(*ep));
	ep->device = domain->device;
	ep->pd = domain->pd;
	ep->shares_pd = true;
}

int rw_endpoint_use_events(struct rw_endpoint *ep, uint32_t vector, struct rw_err *err)
{
	uint32_t vectors = (uint32_t)ep->device->ctx->num_comp_vectors;
	int flags;

	if (vector >= vectors)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--vector: %s has %u completion vectors, from 0 on; lower it",
			       rw_device_name(ep->device), vectors);
	errno = 0;
	ep->channel = ibv_create_comp_channel(ep->device->ctx);
	if (!ep->channel)
		return rw_fail(err, RW_EXIT_DEVICE, errno ? -errno : -ENOMEM,
			       "%s cannot create a completion channel: %s; leave --events out",
			       rw_device_name(ep->device), strerror(errno ? errno : ENOMEM));
	/* Nobody waits for an event that another one took. */
	flags = fcntl(ep->channel->fd, F_GETFL);
	if (flags < 0 || fcntl(ep->channel->fd, F_SETFL, flags | O_NONBLOCK))
		return rw_fail(err, RW_EXIT_RUN, -errno,
			       "cannot make a completion channel non-blocking: %s",
			       strerror(errno));
	ep->comp_vector = vector;
	return 0;
}

int rw_endpoint_arm(struct rw_endpoint *ep, struct rw_err *err)
{
	int ret = ep->armed ? 0 : ibv_req_notify_cq(ep->cq, 0);

	if (ret)
		return rw_fail(err, RW_EXIT_RUN, -ret, "cannot ask for completion events: %s",
			       strerror(ret));
	ep->armed = true;
	return 0;
}

int rw_endpoint_sleep(struct rw_endpoint *ep, uint64_t ns, struct rw_err *err)
{
	const struct timespec most = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
	struct pollfd fd = { .fd = ep->channel->fd, .events = POLLIN };
	struct ibv_cq *cq;
	void *context;
	int n = ppoll(&fd, 1, &most, NULL);

	if (!n || (n < 0 && errno == EINTR))
		return 0;
	if (n > 0 && !ibv_get_cq_event(ep->channel, &cq, &context)) {
		ibv_ack_cq_events(cq, 1);
		ep->armed = false;
		return 0;
	}
	if (errno == EAGAIN)
		return 0;
	return rw_fail(err, RW_EXIT_RUN, -errno, "cannot wait for completion events: %s",
		       strerror(errno));
}

static int create_cq(struct rw_endpoint *ep, uint32_t nr_cqes, struct rw_err *err)
{
	uint32_t most = (uint32_t)ep->device->attr.orig_attr.max_cqe;

	if (nr_cqes > most)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "%u completions in flight are more than max_cqe %u of %s; lower --contexts or --qp",
			       nr_cqes, most, rw_device_name(ep->device));
	errno = 0;
	ep->cq = ibv_create_cq(ep->device->ctx, (int)nr_cqes, NULL, ep->channel,
			       (int)ep->comp_vector);
	if (!ep->cq)
		return rw_fail(err, RW_EXIT_DEVICE, errno ? -errno : -ENOMEM,
			       "%s cannot create a CQ of %u entries: %s; lower --contexts or --qp",
			       rw_device_name(ep->device), nr_cqes,
			       strerror(errno ? errno : ENOMEM));
	return 0;
}

int rw_endpoint_add_qps(struct rw_endpoint *ep, uint32_t nr_qps, uint32_t nr_cqes,
			struct rw_qp_want *want, struct rw_err *err)
{
	int ret = create_cq(ep, nr_cqes, err);

	if (ret)
		return ret;
	ep->qps = calloc(nr_qps, sizeof(*ep->qps));
	if (!ep->qps)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	want->pd = ep->pd;
	want->cq = ep->cq;
	for (; ep->nr_qps < nr_qps; ep->nr_qps++) {
		ret = rw_qp_open(ep->device, want, &ep->qps[ep->nr_qps], err);
		if (ret)
			return ret;
	}
	return 0;
}

int rw_endpoint_connect(struct rw_endpoint *ep, const struct rw_port_addr *port,
			const struct rw_qp_addr *remote, const struct rw_qp_link *link,
			struct rw_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < ep->nr_qps; i++)
		ret = rw_qp_connect(ep->device, &ep->qps[i], i, port, &remote[i], link, err);
	return ret;
}

void rw_endpoint_close(struct rw_endpoint *ep)
{
	while (ep->nr_qps)
		rw_qp_close(&ep->qps[--ep->nr_qps]);
	free(ep->qps);
	if (ep->cq)
		ibv_destroy_cq(ep->cq);
	if (ep->channel)
		ibv_destroy_comp_channel(ep->channel);
	if (ep->pd && !ep->shares_pd)
		ibv_dealloc_pd(ep->pd);
	memset(ep, 0, sizeof(*ep));
}
