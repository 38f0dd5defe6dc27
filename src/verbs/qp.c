/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/qp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct ibv_qp *create_qp(const struct rw_device *device, const struct rw_qp_want *want,
				uint32_t send_wr, uint64_t send_ops,
				struct ibv_qp_init_attr_ex *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->qp_type = IBV_QPT_RC;
	attr->send_cq = want->cq;
	attr->recv_cq = want->cq;
	attr->pd = want->pd;
	attr->cap.max_send_wr = send_wr;
	attr->cap.max_send_sge = want->max_send_sge;
	/* Nothing is ever received, but libsiw cannot map an empty receive queue. */
	attr->cap.max_recv_wr = device->is_iwarp;
	attr->cap.max_recv_sge = device->is_iwarp;
	attr->comp_mask = IBV_QP_INIT_ATTR_PD;
	if (send_ops) {
		attr->comp_mask |= IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
		attr->send_ops_flags = send_ops;
	}
	attr->cap.max_inline_data = want->max_inline_bytes;
	errno = 0;
	if (want->ops)
		return want->ops->create(device->ctx, attr, want->create_flags);
	if (want->create)
		return want->create(device->ctx, attr, want->create_flags);
	return ibv_create_qp_ex(device->ctx, attr);
}

int rw_qp_open(const struct rw_device *device, const struct rw_qp_want *want, struct rw_qp *qp,
	       struct rw_err *err)
{
	struct ibv_qp_init_attr_ex attr;
	uint32_t send_wr = want->max_send_wr;
	uint64_t send_ops = want->send_ops;
	int ret;

	/* The ring's limit in bytes cannot be asked for: try, and ask for less. */
	while (!(qp->qp = create_qp(device, want, send_wr, send_ops, &attr))) {
		ret = errno ? -errno : -EIO;
		if (ret == -EOPNOTSUPP && send_ops && !want->ops) {
			/* The provider has no extended post API (siw). */
			send_ops = 0;
			continue;
		}
		if (send_wr == want->min_send_wr || (ret != -ENOMEM && ret != -EINVAL))
			return rw_fail(err, RW_EXIT_DEVICE, ret,
				       "%s cannot create a QP of %u WRs with %u SGEs: %s; its max_qp_wr is %d and max_sge %d; lower --sges or --contexts",
				       rw_device_name(device), send_wr, want->max_send_sge,
				       strerror(-ret), device->attr.orig_attr.max_qp_wr,
				       device->attr.orig_attr.max_sge);
		send_wr = rw_max(send_wr / 2, want->min_send_wr);
	}
	qp->ex = send_ops ? ibv_qp_to_qp_ex(qp->qp) : NULL;
	/* Providers may grant more than they keep room for: count on what was asked. */
	qp->max_send_wr = send_wr;
	qp->max_send_sge = want->max_send_sge;
	qp->max_inline_bytes = attr.cap.max_inline_data;
	qp->ops = want->ops;
	qp->dv = want->ops ? want->ops->dv(qp->ex) : NULL;
	qp->addr.qpn = qp->qp->qp_num;
	qp->addr.psn = (uint32_t)random() & 0xffffff;
	ret = want->send_ops ? rw_qp_post_by_list(qp, !qp->ex, err) : 0;
	if (ret)
		rw_qp_close(qp);
	return ret;
}

bool rw_qp_needs_list(const struct rw_device *device, bool uneven)
{
	return device->class == RW_DEVICE_RXE && uneven;
}

void rw_qp_close(struct rw_qp *qp)
{
	rw_qp_free_list(qp->list);
	if (qp->qp)
		ibv_destroy_qp(qp->qp);
	memset(qp, 0, sizeof(*qp));
}

int rw_qp_renew(const struct rw_device *device, const struct rw_qp_want *want, struct rw_qp *qp,
		struct rw_err *err)
{
	bool by_list = qp->by_list;
	int ret;

	rw_qp_close(qp);
	ret = rw_qp_open(device, want, qp, err);
	return ret ? ret : rw_qp_post_by_list(qp, by_list, err);
}

enum ibv_mtu rw_mtu_of_bytes(uint32_t bytes)
{
	return (enum ibv_mtu)(__builtin_ctz(bytes) - 7);
}

static void fill_ah(const struct rw_device *device, uint32_t index,
		    const struct rw_port_addr *remote, const struct rw_qp_link *link,
		    struct ibv_ah_attr *ah)
{
	ah->port_num = device->port;
	ah->sl = link->sl;
	ah->static_rate = link->static_rate;
	ah->dlid = link->dlid ? link->dlid : remote->lid;
	if (!device->has_grh)
		return;
	ah->is_global = 1;
	memcpy(ah->grh.dgid.raw, remote->gid.raw, sizeof(ah->grh.dgid.raw));
	ah->grh.sgid_index = (uint8_t)device->gid.index;
	ah->grh.hop_limit = link->hop_limit;
	ah->grh.traffic_class = link->tclass;
	ah->grh.flow_label = rw_qp_flow_label(link, index);
}

static int modify(struct rw_qp *qp, struct ibv_qp_attr *attr, int mask, const char *state,
		  struct rw_err *err)
{
	int ret = ibv_modify_qp(qp->qp, attr, mask);

	if (!ret)
		return 0;
	return rw_fail(err, RW_EXIT_RUN, -ret,
		       "cannot bring QP 0x%x to %s: %s%s", qp->addr.qpn, state, strerror(ret),
		       attr->qp_state == IBV_QPS_RTR ?
			       "; can the two GIDs reach each other? choose them with -x on each side" :
			       "");
}

int rw_qp_connect(const struct rw_device *device, struct rw_qp *qp, uint32_t index,
		  const struct rw_port_addr *remote_port, const struct rw_qp_addr *remote,
		  const struct rw_qp_link *link, struct rw_err *err)
{
	struct ibv_qp_attr init = {
		.qp_state = IBV_QPS_INIT,
		.port_num = device->port,
		.pkey_index = link->pkey_index,
		.qp_access_flags = link->access,
	};
	struct ibv_qp_attr rtr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = rw_mtu_of_bytes(link->mtu_bytes),
		.dest_qp_num = remote->qpn,
		.rq_psn = remote->psn,
		.max_dest_rd_atomic = link->rd_atom,
		.min_rnr_timer = link->min_rnr_timer,
	};
	struct ibv_qp_attr rts = {
		.qp_state = IBV_QPS_RTS,
		.sq_psn = qp->addr.psn,
		.timeout = link->timeout,
		.retry_cnt = link->retry_count,
		.rnr_retry = link->rnr_retry,
		.max_rd_atomic = link->rd_atom,
	};
	int ret;

	fill_ah(device, index, remote_port, link, &rtr.ah_attr);
	ret = modify(qp, &init,
		     IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS, "INIT",
		     err);
	if (!ret)
		ret = modify(qp, &rtr,
			     IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				     IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
				     IBV_QP_MIN_RNR_TIMER,
			     "RTR", err);
	if (!ret)
		ret = modify(qp, &rts,
			     IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				     IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC,
			     "RTS", err);
	return ret;
}

void rw_port_addr_get(const struct rw_device *device, enum rw_role role, struct rw_port_addr *addr)
{
	const struct ibv_device_attr *attr = &device->attr.orig_attr;
	int rd_atom = role == RW_INITIATOR ? attr->max_qp_init_rd_atom : attr->max_qp_rd_atom;

	if (role == RW_BOTH_ROLES)
		rd_atom = rw_min(rd_atom, attr->max_qp_init_rd_atom);
	memset(addr, 0, sizeof(*addr));
	addr->is_roce = rw_device_is_roce(device);
	addr->is_iwarp = device->is_iwarp;
	addr->has_grh = device->has_grh;
	addr->lid = device->port_attr.lid;
	addr->mtu_bytes = rw_device_mtu_bytes(device);
	/* The attributes are 8 bits wide in ibv_qp_attr. */
	addr->max_rd_atom = (uint32_t)rw_min(rw_max(rd_atom, 1), 255);
	addr->gid = device->gid;
}

static const char *hint_of(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_RETRY_EXC_ERR:
		return "the peer is gone or cannot be reached; check it, the path MTU (-m), the P_Keys (--pkey_index), the timeout (-u) and --retry_count";
	case IBV_WC_RNR_RETRY_EXC_ERR:
		return "the peer was never ready: is its memory on demand (ODP)? raise --rnr_retry or --min_rnr_timer";
	case IBV_WC_REM_ACCESS_ERR:
		return "the peer's key or address was refused";
	case IBV_WC_REM_OP_ERR:
	case IBV_WC_REM_INV_REQ_ERR:
		return "the peer could not carry the request out";
	case IBV_WC_LOC_PROT_ERR:
		return "a local key does not cover its segment";
	case IBV_WC_LOC_LEN_ERR:
	case IBV_WC_LOC_QP_OP_ERR:
		return "the request does not fit the QP";
	default:
		return "see the vendor's documentation of the error";
	}
}

int rw_wc_fail(const struct ibv_wc *wc, const char *what, struct rw_err *err)
{
	enum rw_exit code =
		wc->status == IBV_WC_RETRY_EXC_ERR ? RW_EXIT_PEER : RW_EXIT_RUN;

	return rw_fail(err, code, -EIO, "%s on QP 0x%x failed: %s (status %d, vendor error 0x%x); %s",
		       what, wc->qp_num, ibv_wc_status_str(wc->status), wc->status, wc->vendor_err,
		       hint_of(wc->status));
}
