/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/endpoint.h"

#include <errno.h>
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

static int create_cq(struct rw_endpoint *ep, uint32_t nr_cqes, struct rw_err *err)
{
	uint32_t most = (uint32_t)ep->device->attr.orig_attr.max_cqe;

	if (nr_cqes > most)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "%u completions in flight are more than max_cqe %u of %s; lower --contexts or --qp",
			       nr_cqes, most, rw_device_name(ep->device));
	errno = 0;
	ep->cq = ibv_create_cq(ep->device->ctx, (int)nr_cqes, NULL, NULL, 0);
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
	if (ep->pd)
		ibv_dealloc_pd(ep->pd);
	memset(ep, 0, sizeof(*ep));
}
