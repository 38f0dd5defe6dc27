/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How QPs are connected: as the configuration says, and as the device tells. */
#include <errno.h>
#include <string.h>

#include "verbs/qp.h"

/*
 * The fastest static rate that keeps --rate_limit, which all QPs share. IBA 9.11: a port injects
 * the packets of such an address no faster. 0, or -EINVAL, told in @err.
 */
static int choose_static_rate(const struct rw_conf *conf, uint8_t *rate_p, struct rw_err *err)
{
	double size_bytes = (double)rw_conf_largest_size(conf);
	double most = rw_conf_limit_bytes_per_s(conf, size_bytes) * 8 / 1e6 / (double)conf->qps;
	int best = 0;

	*rate_p = 0;
	if (!*conf->rate_limit || conf->rate_limit_type != RW_LIMIT_STATIC)
		return 0;
	for (int rate = IBV_RATE_2_5_GBPS; rate <= UINT8_MAX; rate++) {
		int mbps = ibv_rate_to_mbps((enum ibv_rate)rate);

		if (mbps <= most && mbps > best) {
			best = mbps;
			*rate_p = (uint8_t)rate;
		}
	}
	if (best)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--rate_limit: %.0f Mb/s for each QP, and the slowest static rate is 2500; raise it, lower --qp, or give --rate_limit_type=SW",
		       most);
}

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
	n = choose_static_rate(conf, &link->static_rate, err);
	if (n)
		return n;
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

/* What libibverbs and the kernel have of the address and the timers of @qp. false: nothing. */
static bool query(const struct rw_qp *qp, struct ibv_qp_attr *attr)
{
	const int mask = IBV_QP_AV | IBV_QP_PKEY_INDEX | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			 IBV_QP_RNR_RETRY | IBV_QP_MIN_RNR_TIMER | IBV_QP_MAX_QP_RD_ATOMIC |
			 IBV_QP_MAX_DEST_RD_ATOMIC;
	struct ibv_qp_init_attr init = { 0 };

	memset(attr, 0, sizeof(*attr));
	return qp->qp->context->device->transport_type != IBV_TRANSPORT_IWARP &&
	       !ibv_query_qp(qp->qp, attr, mask, &init);
}

int rw_qp_check_link(const struct rw_qp *qp, const struct rw_qp_link *link, struct rw_err *err)
{
	struct ibv_qp_attr attr;

	if (!link->static_rate || !query(qp, &attr) ||
	    attr.ah_attr.static_rate == link->static_rate)
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
		       "--rate_limit_type=HW: %s does not take a static rate of %d Mb/s; give SW",
		       ibv_get_device_name(qp->qp->context->device),
		       ibv_rate_to_mbps(link->static_rate));
}

json_t *rw_qp_facts(const struct rw_qp *qp)
{
	struct ibv_qp_attr attr;
	const struct ibv_ah_attr *ah = &attr.ah_attr;
	json_t *facts;

	if (!query(qp, &attr))
		return json_null();
	facts = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "sl", ah->sl,
			  "dlid", ah->dlid, "pkey_index", attr.pkey_index, "timeout", attr.timeout,
			  "retry_count", attr.retry_cnt, "rnr_retry", attr.rnr_retry,
			  "min_rnr_timer", attr.min_rnr_timer, "static_rate_mbps",
			  ah->static_rate ? ibv_rate_to_mbps(ah->static_rate) : 0, "max_rd_atomic",
			  attr.max_rd_atomic, "max_dest_rd_atomic", attr.max_dest_rd_atomic, "grh",
			  ah->is_global != 0);
	if (!facts || !ah->is_global)
		return facts;
	json_object_set_new(facts, "tclass", json_integer(ah->grh.traffic_class));
	json_object_set_new(facts, "hop_limit", json_integer(ah->grh.hop_limit));
	json_object_set_new(facts, "flow_label", json_integer(ah->grh.flow_label));
	return facts;
}
