/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --rate_limit_type=PP: the device paces its QPs. */
#include <errno.h>
#include <string.h>

#include "bench/load.h"

/* The share of one QP, in kb/s; what is no bandwidth is reckoned with the largest size. */
static double kbits_of_qp(const struct rw_conf *conf)
{
	double size_bytes = (double)rw_conf_largest_size(conf);

	return rw_conf_limit_bytes_per_s(conf, size_bytes) * 8 / 1e3 / (double)conf->qps;
}

int rw_load_pace(const struct rw_load *load, struct rw_err *err)
{
	const struct ibv_packet_pacing_caps *caps = &load->device->attr.packet_pacing_caps;
	const struct rw_conf *conf = load->conf;
	double kbits = kbits_of_qp(conf);
	struct ibv_qp_rate_limit_attr attr = {
		.rate_limit = (uint32_t)rw_min(kbits, (double)UINT32_MAX),
		.max_burst_sz = (uint32_t)rw_min(conf->burst_size * conf->size_bytes,
						 (uint64_t)UINT32_MAX),
		.typical_pkt_sz = (uint16_t)conf->typical_pkt_size,
	};
	int ret = 0;

	if (!*conf->rate_limit || conf->rate_limit_type != RW_LIMIT_PACED)
		return 0;
	if (!(caps->supported_qpts & 1u << IBV_QPT_RC))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--rate_limit_type=PP: %s cannot pace RC QPs; give SW, or leave it out",
			       rw_device_name(load->device));
	if (kbits < caps->qp_rate_limit_min || kbits > caps->qp_rate_limit_max)
		return rw_fail(err, RW_EXIT_DEVICE, -ERANGE,
			       "--rate_limit: %.0f kb/s for each QP, and %s paces from %u to %u; change it, or give --rate_limit_type=SW",
			       kbits, rw_device_name(load->device), caps->qp_rate_limit_min,
			       caps->qp_rate_limit_max);
	for (uint32_t i = 0; i < load->ep.nr_qps && !ret; i++)
		ret = ibv_modify_qp_rate_limit(load->ep.qps[i].qp, &attr);
	if (ret)
		return rw_fail(err, RW_EXIT_DEVICE, -ret,
			       "%s refuses to pace a QP at %u kb/s: %s; give --rate_limit_type=SW",
			       rw_device_name(load->device), attr.rate_limit, strerror(ret));
	return 0;
}
