/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How QPs are connected: as the configuration says, and as the device tells. */
#include <string.h>

#include "verbs/qp.h"

int rw_qp_link_init(struct rw_qp_link *link, const struct rw_conf *conf, struct rw_err *err)
{
	int n;

	*link = (struct rw_qp_link){
		.both_ways = conf->bidirectional,
		.sl = (uint8_t)conf->sl,
		.timeout = (uint8_t)conf->qp_timeout,
		.retry_count = (uint8_t)conf->retry_count,
		.rnr_retry = (uint8_t)conf->rnr_retry,
		.min_rnr_timer = (uint8_t)conf->min_rnr_timer,
		.pkey_index = (uint16_t)conf->pkey_index,
		.dlid = (uint16_t)conf->dlid,
		.tclass = (uint8_t)conf->tclass,
		.hop_limit = (uint8_t)conf->hop_limit,
	};
	n = rw_conf_flow_labels(conf, link->flow_labels, err);
	if (n < 0)
		return n;
	link->nr_flow_labels = (uint32_t)n;
	return 0;
}

uint32_t rw_qp_flow_label(const struct rw_qp_link *link, uint32_t index)
{
	return link->nr_flow_labels ? link->flow_labels[index % link->nr_flow_labels] : 0;
}

json_t *rw_qp_facts(const struct rw_qp *qp)
{
	const int mask = IBV_QP_AV | IBV_QP_PKEY_INDEX | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			 IBV_QP_RNR_RETRY | IBV_QP_MIN_RNR_TIMER | IBV_QP_MAX_QP_RD_ATOMIC |
			 IBV_QP_MAX_DEST_RD_ATOMIC;
	struct ibv_qp_attr attr = { 0 };
	struct ibv_qp_init_attr init = { 0 };
	const struct ibv_global_route *grh = &attr.ah_attr.grh;
	json_t *facts;

	if (qp->qp->context->device->transport_type == IBV_TRANSPORT_IWARP ||
	    ibv_query_qp(qp->qp, &attr, mask, &init))
		return json_null();
	facts = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "sl", attr.ah_attr.sl, "dlid",
			  attr.ah_attr.dlid, "pkey_index", attr.pkey_index, "timeout", attr.timeout,
			  "retry_count", attr.retry_cnt, "rnr_retry", attr.rnr_retry,
			  "min_rnr_timer", attr.min_rnr_timer, "max_rd_atomic", attr.max_rd_atomic,
			  "max_dest_rd_atomic", attr.max_dest_rd_atomic, "grh", attr.ah_attr.is_global != 0);
	if (!facts || !attr.ah_attr.is_global)
		return facts;
	json_object_set_new(facts, "tclass", json_integer(grh->traffic_class));
	json_object_set_new(facts, "hop_limit", json_integer(grh->hop_limit));
	json_object_set_new(facts, "flow_label", json_integer(grh->flow_label));
	return facts;
}
