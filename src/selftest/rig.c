/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "selftest/rig.h"
#include "verbs/access.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The chains of what is in flight at once, and a CQE for each WR that may fail. */
#define SEND_WRS 64u

static uint32_t max_sge(const struct rw_selftest *t, const struct rw_rig_want *want)
{
	uint32_t most = rw_device_max_sge(t->device, t->op == RW_OP_READ);

	return want->max_sge ? rw_min(want->max_sge, most) : most;
}

/* As the load's QPs, see bench/open.c. */
static int open_initiator(struct rw_rig *rig, const struct rw_rig_want *want, struct rw_err *err)
{
	const struct rw_engine *engine = rig->t->engine;
	uint32_t entries = want->qp_entries ? want->qp_entries : want->mr_entries;
	struct rw_qp_want qp = {
		.send_ops = rig->t->op == RW_OP_WRITE ? IBV_QP_EX_WITH_RDMA_WRITE
						      : IBV_QP_EX_WITH_RDMA_READ,
		.max_send_wr = SEND_WRS,
		.min_send_wr = SEND_WRS,
		.max_send_sge = max_sge(rig->t, want),
	};
	int ret;

	if (engine && engine->qp_ops) {
		qp.ops = engine->qp_ops;
		qp.send_ops |= engine->send_ops;
		if (engine->inline_bytes)
			qp.max_inline_bytes = engine->inline_bytes(entries);
	}
	ret = rw_endpoint_add_qps(&rig->local.ep, 1, SEND_WRS, &qp, err);
	if (ret)
		return ret;
	rig->qp = &rig->local.ep.qps[0];
	if (engine && engine->granted_entries && engine->granted_entries(rig->qp) < entries)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "%u inline bytes were granted: lists of %u, not of %u",
			       rig->qp->max_inline_bytes, engine->granted_entries(rig->qp),
			       entries);
	return 0;
}

static int open_target(struct rw_rig *rig, struct rw_err *err)
{
	struct rw_qp_want qp = { .max_send_wr = 1, .min_send_wr = 1, .max_send_sge = 1 };

	return rw_endpoint_add_qps(&rig->remote.ep, 1, 1, &qp, err);
}

/* The target's half of a connection by rdma_cm: both halves wait for each other. */
struct acceptor {
	struct rw_rig *rig;
	const struct rw_qp_link *link;
	struct rw_err err;
	int ret;
};

static void *accept_qp(void *arg)
{
	struct acceptor *a = arg;

	a->ret = rw_cm_accept(&a->rig->server, a->rig->remote.ep.qps, 0, 1, a->link, &a->err);
	return NULL;
}

static int go_on(void *arg, struct rw_err *err)
{
	return 0;
}

static int open_cm(struct rw_rig *rig, struct rw_err *err)
{
	const struct rw_cm_watch watch = { .stop = rig->t->stop, .check = go_on };
	int ret = rw_cm_open(rig->t->device, 1, &watch, &rig->server, err);

	if (!ret)
		ret = rw_cm_open(rig->t->device, 1, &watch, &rig->client, err);
	if (!ret)
		ret = rw_cm_choose_addr(&rig->server, rig->t->device, NULL, -1, err);
	if (!ret)
		ret = rw_cm_choose_addr(&rig->client, rig->t->device, rig->t->device->gid.raw, -1,
					err);
	if (!ret)
		ret = rw_cm_listen(&rig->server, err);
	rig->client.port = rig->server.port;
	rig->client.token = rig->server.token;
	return ret;
}

/* iWARP has no other way. */
static int connect_by_cm(struct rw_rig *rig, const struct rw_qp_link *target_link,
			 const struct rw_qp_link *link, struct rw_err *err)
{
	struct acceptor acceptor = { .rig = rig, .link = target_link };
	struct rw_port_addr addr;
	pthread_t thread;
	int ret = open_cm(rig, err);

	if (ret)
		return ret;
	rw_port_addr_get(rig->t->device, RW_TARGET, &addr);
	if (pthread_create(&thread, NULL, accept_qp, &acceptor))
		return rw_fail(err, RW_EXIT_RUN, -EAGAIN, "cannot start a thread");
	ret = rw_cm_connect(&rig->client, rig->qp, 0, &addr, link, err);
	pthread_join(thread, NULL);
	if (!ret && acceptor.ret)
		ret = rw_fail(err, RW_EXIT_RUN, acceptor.ret, "%s", acceptor.err.text);
	return ret;
}

static int connect_qps(struct rw_rig *rig, struct rw_err *err)
{
	struct rw_port_addr initiator, target;
	struct rw_qp_link link, own;
	int ret = rw_qp_link_init(&link, rig->t->conf, err);

	if (ret)
		return ret;
	rw_port_addr_get(rig->t->device, RW_INITIATOR, &initiator);
	rw_port_addr_get(rig->t->device, RW_TARGET, &target);
	link.mtu_bytes = initiator.mtu_bytes;
	link.rd_atom = (uint8_t)rw_min(initiator.max_rd_atom, target.max_rd_atom);
	link.access = rig->t->op == RW_OP_WRITE ? IBV_ACCESS_REMOTE_WRITE : IBV_ACCESS_REMOTE_READ;
	own = link;
	own.access = 0;
	if (rig->t->device->is_iwarp)
		return connect_by_cm(rig, &link, &own, err);
	ret = rw_endpoint_connect(&rig->remote.ep, &initiator, &rig->qp->addr, &link, err);
	if (!ret)
		ret = rw_endpoint_connect(&rig->local.ep, &target, &rig->remote.ep.qps[0].addr,
					  &own, err);
	return ret;
}

static int open_side(struct rw_rig *rig, struct rw_rig_side *side, uint64_t bytes, int access,
		     struct rw_err *err)
{
	struct rw_arena_want want = {
		.bytes = bytes + 2 * RW_PAGE_BYTES, /* the guards */
		.numa_node = rig->t->device->numa_node,
		.access = access | rw_access_optional(rig->t->conf),
	};
	int ret = rw_endpoint_open(rig->t->device, &side->ep, err);

	if (!ret)
		ret = rw_arena_open(side->ep.pd, &want, &side->arena, err);
	if (ret)
		return ret;
	side->expected = malloc(side->arena.bytes);
	if (!side->expected)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	return 0;
}

static int open_pool(struct rw_rig *rig, const struct rw_rig_want *want, struct rw_err *err)
{
	const struct rw_engine *engine = rig->t->engine;
	int ret = 0;

	rig->mrs = calloc(want->nr_mrs, sizeof(*rig->mrs));
	if (!rig->mrs)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	if (engine->open_mrs)
		ret = engine->open_mrs(rig->local.ep.pd, rig->mrs, want->nr_mrs, want->mr_entries,
				       &rig->mrs_state, err);
	if (!ret) {
		rw_mr_pool_init(&rig->pool, rig->mrs, want->nr_mrs);
	} else {
		free(rig->mrs);
		rig->mrs = NULL;
	}
	return ret;
}

static void fill_attrs(struct rw_rig *rig, const struct rw_rig_want *want)
{
	rig->attrs = (struct rw_attrs){
		.policy = rig->t->engine ? RW_POLICY_MR : RW_POLICY_DIRECT,
		.iwarp = rig->t->device->is_iwarp,
		.page_size = RW_PAGE_BYTES,
		.max_send_sge = max_sge(rig->t, want),
		.max_sge_rd = max_sge(rig->t, want),
		.mr_entries = RW_MAX_SEGMENTS,
	};
	if (!rig->t->engine)
		return;
	rig->t->engine->fill_attrs(&rig->attrs);
	rig->attrs.mr_entries = want->mr_entries;
}

int rw_rig_open(struct rw_rig *rig, struct rw_selftest *t, const struct rw_rig_want *want,
		struct rw_err *err)
{
	int remote = t->op == RW_OP_WRITE ? IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE
					  : IBV_ACCESS_REMOTE_READ;
	int ret;

	memset(rig, 0, sizeof(*rig));
	rig->t = t;
	fill_attrs(rig, want);
	ret = open_side(rig, &rig->local, want->bytes, IBV_ACCESS_LOCAL_WRITE, err);
	if (!ret)
		ret = open_side(rig, &rig->remote, want->bytes, remote, err);
	if (!ret)
		ret = open_initiator(rig, want, err);
	if (!ret)
		ret = open_target(rig, err);
	if (!ret)
		ret = connect_qps(rig, err);
	if (!ret && t->engine)
		ret = open_pool(rig, want, err);
	return ret;
}

static void close_qps(struct rw_endpoint *ep)
{
	while (ep->nr_qps)
		rw_qp_close(&ep->qps[--ep->nr_qps]);
}

static void close_side(struct rw_rig_side *side)
{
	if (side->arena.nr_mrs)
		rw_arena_close(&side->arena);
	free(side->expected);
	rw_endpoint_close(&side->ep);
}

void rw_rig_close(struct rw_rig *rig)
{
	/* QPs first: after a failure they may still hold operations on the memory. */
	close_qps(&rig->local.ep);
	close_qps(&rig->remote.ep);
	rw_cm_close(&rig->client);
	rw_cm_close(&rig->server);
	if (rig->mrs && rig->t->engine->close_mrs)
		rig->t->engine->close_mrs(rig->mrs, rig->pool.size, rig->mrs_state);
	free(rig->mrs);
	close_side(&rig->local);
	close_side(&rig->remote);
}
