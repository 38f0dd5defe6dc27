/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>

#include "bench/kernel.h"
#include "ctl/field.h"

#define MIB	  (UINT64_C(1) << 20)
/* Connections that are torn down and not yet closed: with 64 QPs as many as a server can have. */
#define LINGERING 448

static int choose_addr(struct rw_kernel_session *session, char addr[RW_KERNEL_ADDR],
		       struct rw_err *err)
{
	const struct rw_port_addr *peer = session->peer;
	const struct rw_cm_watch no_watch = { 0 };
	struct rw_port_addr own;
	struct rw_cm cm = { 0 };
	int ret;

	rw_port_addr_get(session->device, RW_TARGET, &own);
	ret = rw_session_check_kind(&own, peer, err);
	if (!ret)
		ret = rw_session_choose_addr(session->conf, session->device,
					     peer->has_grh ? peer->gid.raw : NULL,
					     peer->has_grh ? (int)peer->gid.type : -1, &no_watch, &cm,
					     err);
	if (!ret)
		rw_kernel_addr(session->device->gid.raw, cm.scope, addr);
	rw_cm_close(&cm);
	return ret;
}

/* Memory of a connection: a slot of whole pages for each context. */
static uint64_t memory_mib(const struct rw_conf *conf)
{
	uint64_t slot_bytes = rw_round_up(rw_conf_largest_size(conf), RW_PAGE_BYTES);

	return rw_div_ceil(slot_bytes * conf->contexts, MIB);
}

static int send_accept(struct rw_kernel_session *session, uint16_t cm_port, struct rw_err *err)
{
	const struct rw_msg_cm cm = { cm_port, 0 };
	struct rw_port_addr own;
	struct rw_msg_port port;

	rw_port_addr_get(session->device, RW_TARGET, &own);
	rw_session_port_to_msg(&own, &port);
	return rw_session_send(session->chan,
			       json_pack("{s:s, s:o, s:o, s:o}", "type", "accept", "port",
					 rw_msg_port_pack(&port), "facts",
					 rw_session_facts(session->device, session->placement, NULL),
					 "cm", rw_msg_cm_pack(&cm)),
			       err);
}

int rw_kernel_serve_open(struct rw_kernel_session *session, struct rw_err *err)
{
	char addr[RW_KERNEL_ADDR];
	json_t *doc = NULL;
	int ret = rw_kernel_open(&session->module, err);

	if (!ret)
		ret = choose_addr(session, addr, err);
	/* A QP that comes again after a teardown may meet its predecessors: on a busy host they linger. */
	if (!ret)
		ret = rw_kernel_create(&session->module, err,
				       "role=server addr=%s port=0 memory_mb=%" PRIu64
				       " clients=%" PRIu64,
				       addr, memory_mib(session->conf),
				       session->conf->qps + LINGERING);
	if (!ret)
		ret = rw_kernel_read(&session->module, &doc, err);
	if (!ret)
		ret = send_accept(session,
				  (uint16_t)json_integer_value(json_object_get(doc, "port")), err);
	json_decref(doc);
	return ret;
}

static int take_row(struct rw_kernel_session *session, const json_t *msg, struct rw_err *err)
{
	uint64_t operations;
	int ret = rw_field_u64(msg, "operations", 0, INT64_MAX, &operations, err);

	if (ret)
		return ret;
	session->nr_rows++;
	session->operations += operations;
	return 0;
}

int rw_kernel_serve(struct rw_kernel_session *session, struct rw_err *err)
{
	static const char *const types[] = { "alive", "finish", "end" };
	enum { ALIVE, FINISH, END };

	for (;;) {
		int type = END;
		json_t *msg;
		int ret = rw_chan_recv(session->chan, RW_STEP_MS, &msg, err);

		if (ret)
			return ret;
		ret = rw_field_enum(msg, "type", types, RW_ARRAY_SIZE(types), &type, err);
		if (!ret && type == FINISH)
			ret = take_row(session, msg, err);
		json_decref(msg);
		if (ret || type == END)
			return ret;
	}
}

void rw_kernel_serve_close(struct rw_kernel_session *session)
{
	rw_kernel_close(&session->module);
}
