/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/field.h"
#include "ctl/text.h"
#include "mr/engine.h"
#include "topo/host.h"

int rw_session_open_device(const struct rw_conf *conf, struct rw_device *device,
			   struct rw_err *err)
{
	int ret = rw_device_open(conf->device, (uint8_t)conf->ib_port, device, err);

	if (ret)
		return ret;
	ret = rw_session_check_address(conf, device, err);
	if (ret)
		rw_device_close(device);
	return ret;
}

int rw_session_choose_addr(const struct rw_conf *conf, struct rw_device *device,
			   const uint8_t *like, int type, const struct rw_cm_watch *watch,
			   struct rw_cm *cm, struct rw_err *err)
{
	int index = conf->gid_index == RW_AUTO ? -1 : (int)conf->gid_index;
	int ret = 0;

	/* Our clients ask for it: this one is something else. */
	if (device->is_iwarp && !conf->rdma_cm)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "%s is iWARP, which is connected by rdma_cm only, and the peer does not ask for it (-R)",
			       rw_device_name(device));
	if (!device->is_iwarp)
		ret = rw_device_choose_gid(device, index, like, type, err);
	if (ret || !conf->rdma_cm)
		return ret;
	ret = rw_cm_open(device, (uint32_t)conf->qps, watch, cm, err);
	cm->tos = conf->tos;
	if (!ret)
		ret = rw_cm_choose_addr(cm, device, like, type, err);
	return ret;
}

int rw_session_send(struct rw_chan *chan, json_t *msg, struct rw_err *err)
{
	int ret;

	if (!msg)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	ret = rw_chan_send(chan, msg, RW_HELLO_MS, err);
	json_decref(msg);
	return ret;
}

int rw_session_take(json_t *msg, const char *type, json_t **msg_p, struct rw_err *err)
{
	int ret = rw_msg_expect(msg, type, err);

	if (ret)
		json_decref(msg);
	else
		*msg_p = msg;
	return ret;
}

int rw_session_recv(struct rw_chan *chan, int timeout_ms, const char *type, json_t **msg_p,
		    struct rw_err *err)
{
	json_t *msg;
	int ret = rw_chan_recv(chan, timeout_ms, &msg, err);

	return ret ? ret : rw_session_take(msg, type, msg_p, err);
}

int rw_session_poll(struct rw_chan *chan, json_t **msg_p, struct rw_err *err)
{
	int ret;

	*msg_p = NULL;
	if (!rw_chan_poll(chan))
		return 0;
	ret = rw_chan_recv(chan, 0, msg_p, err);
	if (ret != -ETIMEDOUT)
		return ret;
	/* Part of a message; the rest will come. */
	rw_err_clear(err);
	return 0;
}

void rw_session_port_to_msg(const struct rw_port_addr *addr, struct rw_msg_port *msg)
{
	*msg = (struct rw_msg_port){
		.is_roce = addr->is_roce,
		.is_iwarp = addr->is_iwarp,
		.has_grh = addr->has_grh,
		.lid = addr->lid,
		.mtu_bytes = addr->mtu_bytes,
		.max_rd_atom = addr->max_rd_atom,
		.gid_type = addr->gid.type,
	};
	memcpy(msg->gid, addr->gid.raw, sizeof(msg->gid));
}

void rw_session_port_from_msg(const struct rw_msg_port *msg, struct rw_port_addr *addr)
{
	*addr = (struct rw_port_addr){
		.is_roce = msg->is_roce,
		.is_iwarp = msg->is_iwarp,
		.has_grh = msg->has_grh,
		.lid = (uint16_t)msg->lid,
		.mtu_bytes = msg->mtu_bytes,
		.max_rd_atom = msg->max_rd_atom,
		.gid.type = (enum rw_gid_type)msg->gid_type,
	};
	memcpy(addr->gid.raw, msg->gid, sizeof(msg->gid));
}

json_t *rw_session_qps_pack(const struct rw_endpoint *ep)
{
	struct rw_msg_qp *qps = calloc(ep->nr_qps, sizeof(*qps));
	json_t *list;

	if (!qps)
		return NULL;
	for (uint32_t i = 0; i < ep->nr_qps; i++)
		qps[i] = (struct rw_msg_qp){ ep->qps[i].addr.qpn, ep->qps[i].addr.psn };
	list = rw_msg_qps_pack(qps, ep->nr_qps);
	free(qps);
	return list;
}

json_t *rw_session_qp_pack(const struct rw_qp *qp)
{
	const struct rw_msg_qp msg = { qp->addr.qpn, qp->addr.psn };

	return rw_msg_qps_pack(&msg, 1);
}

static int unpack_remotes(const json_t *msg, struct rw_qp_addr *remote, uint32_t n,
			  struct rw_err *err)
{
	struct rw_msg_qp *qps = calloc(n, sizeof(*qps));
	int ret;

	if (!qps)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	ret = rw_msg_qps_unpack(msg, qps, n, err);
	for (uint32_t i = 0; i < n; i++)
		remote[i] = (struct rw_qp_addr){ qps[i].qpn, qps[i].psn };
	free(qps);
	return ret;
}

static int choose_mtu(const struct rw_conf *conf, const struct rw_port_addr *own,
		      const struct rw_port_addr *peer, uint32_t *mtu_p, struct rw_err *err)
{
	uint32_t most = rw_min(own->mtu_bytes, peer->mtu_bytes);

	if (conf->mtu_bytes != RW_AUTO && conf->mtu_bytes > most)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--mtu: the ports run %u bytes at the most; lower it, or raise the MTU of the link",
			       most);
	*mtu_p = conf->mtu_bytes == RW_AUTO ? most : (uint32_t)conf->mtu_bytes;
	return 0;
}

static int choose_rd_atom(const struct rw_conf *conf, const struct rw_port_addr *own,
			  const struct rw_port_addr *peer, uint8_t *rd_atom_p, struct rw_err *err)
{
	uint32_t most = rw_min(own->max_rd_atom, peer->max_rd_atom);

	if (conf->outs != RW_AUTO && conf->outs > most)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--outs: the devices allow %u outstanding READs at the most", most);
	*rd_atom_p = (uint8_t)(conf->outs == RW_AUTO ? most : conf->outs);
	return 0;
}

static const char *kind_of(const struct rw_port_addr *addr)
{
	return addr->is_iwarp ? "iWARP" : addr->is_roce ? "RoCE" : "InfiniBand";
}

int rw_session_check_kind(const struct rw_port_addr *own, const struct rw_port_addr *peer,
			  struct rw_err *err)
{
	if (own->is_iwarp == peer->is_iwarp && own->is_roce == peer->is_roce)
		return 0;
	return rw_fail(err, RW_EXIT_PEER, -EINVAL,
		       "this side's port is %s and the peer's %s; choose ports of one kind with -d and -i",
		       kind_of(own), kind_of(peer));
}

static int connect_by_cm(struct rw_endpoint *ep, struct rw_cm *cm, const struct rw_port_addr *peer,
			 const struct rw_qp_link *link, struct rw_err *err)
{
	int ret = 0;

	if (cm->listener)
		return rw_cm_accept(cm, ep->qps, 0, ep->nr_qps, link, err);
	for (uint32_t i = 0; i < ep->nr_qps && !ret; i++)
		ret = rw_cm_connect(cm, &ep->qps[i], i, peer, link, err);
	return ret;
}

/* To the QPs that stand in @msg. */
static int connect_direct(struct rw_endpoint *ep, const struct rw_port_addr *peer,
			  const json_t *msg, const struct rw_qp_link *link, struct rw_err *err)
{
	struct rw_qp_addr *remote = calloc(ep->nr_qps, sizeof(*remote));
	int ret;

	if (!remote)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	ret = unpack_remotes(msg, remote, ep->nr_qps, err);
	if (!ret)
		ret = rw_endpoint_connect(ep, peer, remote, link, err);
	free(remote);
	return ret;
}

int rw_session_connect(struct rw_endpoint *ep, struct rw_cm *cm, const struct rw_conf *conf,
		       const struct rw_port_addr *own, const struct rw_port_addr *peer,
		       const json_t *msg, uint8_t access, struct rw_qp_link *link,
		       struct rw_err *err)
{
	int ret = rw_qp_link_init(link, conf, err);

	if (!ret)
		ret = rw_session_check_kind(own, peer, err);
	link->access = access;
	if (!ret && own->has_grh != peer->has_grh)
		ret = rw_fail(err, RW_EXIT_PEER, -EINVAL,
			      "one side uses a GID and the other does not; give -x on both sides or on none");
	if (!ret)
		ret = choose_mtu(conf, own, peer, &link->mtu_bytes, err);
	if (!ret)
		ret = choose_rd_atom(conf, own, peer, &link->rd_atom, err);
	if (!ret)
		ret = cm->channel ? connect_by_cm(ep, cm, peer, link, err) :
				    connect_direct(ep, peer, msg, link, err);
	return ret ? ret : rw_qp_check_link(&ep->qps[0], link, err);
}

int rw_session_connect_qp(struct rw_endpoint *ep, struct rw_cm *cm, uint32_t index,
			  const struct rw_port_addr *peer, const json_t *msg,
			  const struct rw_qp_link *link, struct rw_err *err)
{
	struct rw_qp_addr remote;
	int ret;

	if (cm->channel) {
		rw_cm_drop(cm, index);
		return cm->listener ? rw_cm_accept(cm, ep->qps, index, 1, link, err) :
				      rw_cm_connect(cm, &ep->qps[index], index, peer, link, err);
	}
	ret = unpack_remotes(msg, &remote, 1, err);
	return ret ? ret :
		     rw_qp_connect(ep->device, &ep->qps[index], index, peer, &remote, link, err);
}

json_t *rw_session_facts(const struct rw_device *device, const struct rw_placement *placement,
			 const struct rw_arena *arena)
{
	json_t *host = rw_host_facts(), *of_device = rw_device_facts(device);

	json_object_set_new(host, "placement", rw_placement_json(placement));
	json_object_set_new(of_device, "relaxed_ordering",
			    json_string(rw_engine_relaxed_ordering(device)));
	return json_pack("{s:o, s:o, s:o*}", "host", host, "device", of_device, "memory",
			 arena ? rw_arena_facts(arena) : NULL);
}

/* However deep they are. */
void rw_session_clean_text(json_t *value)
{
	char buf[1024];
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(value) && !rw_text_is_clean(json_string_value(value)))
		json_string_set(value, rw_text_clean(buf, sizeof(buf), json_string_value(value)));
	json_object_foreach(value, key, item)
		rw_session_clean_text(item);
	json_array_foreach(value, i, item)
		rw_session_clean_text(item);
}

int rw_session_check_facts(json_t *facts, struct rw_err *err)
{
	static const char *const texts[] = { "name", "class", "link_layer", "firmware" };
	json_t *device, *host;
	const char *text;
	uint64_t port;
	int ret;

	rw_session_clean_text(facts);
	ret = rw_field_obj(facts, "device", &device, err);
	if (!ret)
		ret = rw_field_obj(facts, "host", &host, err);
	for (size_t i = 0; i < RW_ARRAY_SIZE(texts) && !ret; i++)
		ret = rw_field_str(device, texts[i], 64, &text, err);
	if (!ret)
		ret = rw_field_u64(device, "port", 1, 255, &port, err);
	return ret;
}

const uint8_t *rw_session_control_gid(const struct rw_chan *chan, uint8_t raw[16])
{
	const struct sockaddr *addr = rw_chan_local_addr(chan);

	memset(raw, 0, 16);
	if (addr->sa_family == AF_INET) {
		raw[10] = raw[11] = 0xff;
		memcpy(raw + 12, &((const struct sockaddr_in *)addr)->sin_addr, 4);
		return raw;
	}
	if (addr->sa_family == AF_INET6) {
		memcpy(raw, &((const struct sockaddr_in6 *)addr)->sin6_addr, 16);
		return raw;
	}
	return NULL;
}
