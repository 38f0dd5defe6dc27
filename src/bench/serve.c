/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bench/kernel.h"
#include "bench/serve_both.h"
#include "bench/serve_rows.h"
#include "ctl/field.h"
#include "mr/engine.h"
#include "util/units.h"

static int take_setup(struct rw_server *server, const json_t *msg, struct rw_err *err)
{
	const char *ids[] = { server->conf.test->id };
	struct rw_err ignored = { 0 };
	struct rw_msg_port port;
	json_t *run, *obj;
	int id;
	const char *test;
	int ret = rw_field_str(msg, "test", 16, &test, err);

	if (ret)
		return ret;
	ret = rw_field_enum(msg, "test", ids, RW_ARRAY_SIZE(ids), &id, &ignored);
	if (ret)
		return rw_fail(err, RW_EXIT_PEER, ret,
			       "this server is %s; run the same program on both sides",
			       server->conf.test->program);
	ret = rw_field_obj(msg, "run", &run, err);
	if (!ret)
		ret = rw_conf_from_json(&server->conf, run, err);
	if (!ret) {
		ret = rw_conf_check(&server->conf, err);
		/* Our clients check it themselves: this one is something else. */
		if (ret)
			err->exit_code = RW_EXIT_PEER;
	}
	if (!ret)
		ret = rw_field_u64(msg, "wr_segs", 1, RW_MAX_SEGMENTS, &server->wr_segs, err);
	if (!ret)
		ret = rw_field_obj(msg, "port", &obj, err);
	if (!ret)
		ret = rw_msg_port_unpack(obj, &port, err);
	if (!ret)
		rw_session_port_from_msg(&port, &server->peer);
	return ret;
}

/* While rdma_cm waits for the client, it has nothing to say but what went wrong. */
static int watch_client(void *arg, struct rw_err *err)
{
	struct rw_server *server = arg;
	json_t *msg;
	int ret = rw_session_poll(server->chan, &msg, err);

	if (ret || !msg)
		return ret;
	json_decref(msg);
	return rw_fail(err, RW_EXIT_PEER, -EPROTO,
		       "message from the peer: it is to connect its QPs first");
}

static enum rw_role role_of(const struct rw_server *server)
{
	return server->conf.bidirectional ? RW_BOTH_ROLES : RW_TARGET;
}

/* An address that reaches the client's: of its kind, its family, its subnet. */
static int choose_addr(struct rw_server *server, struct rw_err *err)
{
	const struct rw_cm_watch watch = { server->stop, watch_client, server };
	const struct rw_port_addr *peer = &server->peer;
	int ret;

	rw_port_addr_get(server->device, role_of(server), &server->addr);
	ret = rw_session_check_kind(&server->addr, peer, err);
	if (!ret)
		ret = rw_session_choose_addr(&server->conf, server->device,
					     peer->has_grh ? peer->gid.raw : NULL,
					     peer->has_grh ? (int)peer->gid.type : -1, &watch,
					     &server->cm, err);
	if (!ret && server->conf.rdma_cm)
		ret = rw_cm_listen(&server->cm, err);
	return ret;
}

static int open_memory(struct rw_server *server, struct rw_err *err)
{
	int ret = rw_lent_open(&server->lent, &server->conf, (uint32_t)server->wr_segs,
			       &server->ep, server->placement->place.memory_node, err);

	if (!ret)
		rw_session_check_memory(server->placement, server->device, &server->lent.arena,
					false);
	return ret;
}

/* It never posts; the smallest QP will do. */
static int want_qp(struct rw_server *server, struct rw_err *err)
{
	struct rw_qp_want *want = &server->qp_want;

	*want = (struct rw_qp_want){
		.pd = server->ep.pd,
		.cq = server->ep.cq,
		.max_send_wr = 1,
		.min_send_wr = 1,
		.max_send_sge = 1,
	};
	return server->conf.use_ooo ? rw_engine_want_ooo(server->device, want, err) : 0;
}

static int open_qps(struct rw_server *server, struct rw_err *err)
{
	int ret;

	if (server->conf.bidirectional) {
		server->own = (struct rw_client){
			.conf = &server->conf,
			.placement = *server->placement,
			.chan = server->chan,
		};
		return rw_serve_both_open(&server->own, &server->ep, &server->lent, server->stop,
					  err);
	}
	ret = want_qp(server, err);
	return ret ? ret : rw_endpoint_add_qps(&server->ep, (uint32_t)server->conf.qps, 1,
					       &server->qp_want, err);
}

/* Of WRs that reach the client's memory; without -b there are none. */
static uint32_t own_wr_segs(struct rw_server *server)
{
	return server->conf.bidirectional ? rw_client_load(&server->own)->wr_segs : 1;
}

static int send_accept(struct rw_server *server, struct rw_err *err)
{
	struct rw_msg_buffer buffer;
	struct rw_msg_cm cm = { server->cm.port, server->cm.token };
	struct rw_msg_port port;

	rw_port_addr_get(server->device, role_of(server), &server->addr);
	rw_session_port_to_msg(&server->addr, &port);
	rw_lent_to_msg(&server->lent, &buffer);
	return rw_session_send(server->chan,
			       json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o*}", "type", "accept",
					 "wr_segs", (json_int_t)own_wr_segs(server), "port", rw_msg_port_pack(&port), "qps",
					 rw_session_qps_pack(&server->ep), "buffer",
					 rw_msg_buffer_pack(&buffer), "facts",
					 rw_session_facts(server->device, server->placement,
							  &server->lent.arena), "cm",
					 server->conf.rdma_cm ? rw_msg_cm_pack(&cm) : NULL),
			       err);
}

static int connect_qps(struct rw_server *server, struct rw_err *err)
{
	json_t *msg;
	int ret = rw_session_recv(server->chan, RW_STEP_MS, "connect", &msg, err);

	if (ret)
		return ret;
	if (server->conf.bidirectional)
		ret = rw_client_take_buffer(&server->own, msg, err);
	if (!ret)
		ret = rw_session_connect(&server->ep, &server->cm, &server->conf, &server->addr,
				 &server->peer, msg, rw_lent_access(&server->conf), &server->link,
				 err);
	json_decref(msg);
	if (!ret && server->conf.bidirectional)
		ret = rw_client_pace(&server->own, err);
	if (!ret)
		ret = rw_session_send(server->chan,
				      json_pack("{s:s, s:o}", "type", "connected", "qp",
						rw_qp_facts(&server->ep.qps[0])),
				      err);
	return ret;
}

/* Print whom and what is served. */
static void announce(const struct rw_server *server)
{
	const struct rw_conf *conf = &server->conf;
	char gid[RW_GID_TEXT], size[RW_SIZE_TEXT];

	printf("client %s: RDMA %s%s, %s bytes, %" PRIu64 " QPs of %" PRIu64 " contexts",
	       rw_chan_peer(server->chan), *conf->mix ? conf->mix : rw_conf_op_name(conf->op),
	       conf->bidirectional ? " both ways" : "",
	       *conf->mix_sizes ? conf->mix_sizes :
	       rw_conf_size_range(conf) ? rw_conf_size_range(conf) :
					  rw_format_size(conf->size_bytes, size),
	       conf->qps, conf->contexts);
	if (server->addr.has_grh && server->addr.gid.type == RW_GID_IP)
		printf(", address %s", rw_gid_format(server->addr.gid.raw, gid));
	else if (server->addr.has_grh)
		printf(", GID %u %s (%s)", server->addr.gid.index,
		       rw_gid_format(server->addr.gid.raw, gid),
		       rw_gid_type_name(server->addr.gid.type));
	printf("\n");
	fflush(stdout);
}

/* The module serves; this side tells where, and keeps it for as long as the client is there. */
static int serve_kernel(struct rw_server *server, struct rw_err *err)
{
	struct rw_kernel_session session = {
		.conf = &server->conf,
		.device = server->device,
		.placement = server->placement,
		.chan = server->chan,
		.stop = server->stop,
		.peer = &server->peer,
	};
	int ret = rw_kernel_serve_open(&session, err);

	if (!ret) {
		rw_port_addr_get(server->device, RW_TARGET, &server->addr);
		announce(server);
		ret = rw_kernel_serve(&session, err);
	}
	rw_kernel_serve_close(&session);
	server->nr_rows += session.nr_rows;
	server->operations += session.operations;
	return ret;
}

static int serve_test(struct rw_server *server, const json_t *setup, struct rw_err *err)
{
	int ret = take_setup(server, setup, err);

	if (!ret && rw_conf_uses_kernel(&server->conf))
		return serve_kernel(server, err);
	if (!ret)
		ret = choose_addr(server, err);
	if (!ret)
		ret = rw_endpoint_open(server->device, &server->ep, err);
	if (ret)
		goto err_cm;
	ret = open_memory(server, err);
	if (ret)
		goto err_endpoint;
	ret = open_qps(server, err);
	if (!ret)
		ret = send_accept(server, err);
	if (!ret)
		ret = connect_qps(server, err);
	if (!ret) {
		announce(server);
		ret = rw_serve_rows(server, err);
	}
	/* No QP may reach the memory when it goes. */
	if (server->conf.bidirectional)
		rw_serve_both_close(&server->own, &server->ep);
	while (server->ep.nr_qps)
		rw_qp_close(&server->ep.qps[--server->ep.nr_qps]);
	rw_lent_close(&server->lent);
err_endpoint:
	rw_endpoint_close(&server->ep);
err_cm:
	rw_cm_close(&server->cm);
	return ret;
}

/* Which client's word it is, for who reads what a server of many said. */
static int name_client(const struct rw_chan *chan, int ret, struct rw_err *err)
{
	const struct rw_err told = *err;

	rw_err_clear(err);
	return rw_fail(err, told.exit_code, ret, "client %s: %s", rw_chan_peer(chan), told.text);
}

int rw_serve_client(const struct rw_conf *conf, struct rw_device *device,
		    struct rw_placement *placement, struct rw_chan *chan,
		    const volatile sig_atomic_t *stop, struct rw_err *err)
{
	struct rw_server server = {
		.conf = *conf,
		.device = device,
		.placement = placement,
		.chan = chan,
		.stop = stop,
	};
	int ret = rw_chan_hello(chan, RW_HELLO_MS, err);
	bool first = true;

	while (!ret) {
		json_t *msg;

		ret = rw_session_recv(chan, first ? RW_HELLO_MS : RW_STEP_MS, "setup", &msg, err);
		if (ret == -EPIPE && !first) {
			rw_err_clear(err);
			ret = 0;
			break;
		}
		if (ret)
			break;
		ret = serve_test(&server, msg, err);
		json_decref(msg);
		first = false;
	}
	if (ret == -EREMOTEIO)
		ret = name_client(chan, ret, err);
	else if (ret)
		rw_chan_send_error(chan, err);
	else
		printf("client %s: %u rows, %" PRIu64 " operations\n", rw_chan_peer(chan),
		       server.nr_rows, server.operations);
	fflush(stdout);
	return ret;
}
