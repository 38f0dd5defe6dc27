/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What of the QPs' addresses a port can have. */
#include <errno.h>
#include <inttypes.h>

#include "bench/session.h"

/* The first of @names that stood on the command line, or NULL. */
static const char *first_given(const struct rw_conf *conf, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rw_conf_was_given(conf, names[i]))
			return names[i];
	return NULL;
}

/* Each side's own. */
static int check_own(const struct rw_conf *conf, const struct rw_device *device,
		     struct rw_err *err)
{
	const char *name = rw_device_name(device);

	bool is_ethernet = device->port_attr.link_layer == IBV_LINK_LAYER_ETHERNET;

	if (conf->force_link != RW_LINK_ANY &&
	    is_ethernet != (conf->force_link == RW_LINK_ETHERNET))
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--force-link: port %u of %s is %s; give another with -d and -i",
			       device->port, name, is_ethernet ? "Ethernet" : "InfiniBand");
	if (device->is_iwarp && (conf->dlid || conf->pkey_index))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--%s: %s is iWARP, whose QPs have IP addresses only; leave it out",
			       conf->dlid ? "dlid" : "pkey_index", name);
	if (device->is_iwarp && conf->gid_index != RW_AUTO && conf->gid_index)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--gid-index: %s is iWARP, which has GID 0 only; leave it out", name);
	if (conf->dlid && rw_device_is_roce(device))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--dlid: port %u of %s is RoCE, which has no LIDs; choose a GID with -x",
			       device->port, name);
	if (conf->pkey_index && conf->pkey_index >= device->port_attr.pkey_tbl_len)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--pkey_index: port %u of %s has %u P_Keys; give 0 to %u", device->port,
			       name, device->port_attr.pkey_tbl_len,
			       device->port_attr.pkey_tbl_len - 1u);
	return 0;
}

/* The client's, for both sides. */
static int check_run(const struct rw_conf *conf, const struct rw_device *device,
		     struct rw_err *err)
{
	static const char *const of_grh[] = { "tclass", "flow_label", "hop_limit" };
	static const char *const of_ib[] = {
		"sl",	  "mtu",	"qp-timeout", "retry_count", "rnr_retry",
		"tclass", "flow_label", "hop_limit",  "min_rnr_timer",
	};
	const char *given = first_given(conf, of_ib, RW_ARRAY_SIZE(of_ib));

	if (given && device->is_iwarp)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--%s: %s is iWARP, whose QPs are connected by TCP and have no such thing; leave it out",
			       given, rw_device_name(device));
	if (device->is_iwarp && *conf->rate_limit && conf->rate_limit_type == RW_LIMIT_STATIC)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--rate_limit_type=HW: %s is iWARP, whose QPs have no address with a static rate; give SW",
			       rw_device_name(device));
	if (device->class == RW_DEVICE_SIW && conf->tos != RW_AUTO)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--tos: %s is Soft-iWARP, which does not pass it on to its TCP connections; leave it out",
			       rw_device_name(device));
	given = first_given(conf, of_grh, RW_ARRAY_SIZE(of_grh));
	if (rw_device_is_roce(device) && rw_conf_was_given(conf, "hop_limit"))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--hop_limit: on RoCE the kernel takes it from the IP route, whatever a program says; set it there: ip route change ... hoplimit %" PRIu64,
			       conf->hop_limit);
	if (given && !rw_device_is_roce(device) && conf->gid_index == RW_AUTO && !conf->rdma_cm)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "--%s goes into the GRH, and on InfiniBand there is none without a GID; give -x on both sides",
			       given);
	return 0;
}

int rw_session_check_address(const struct rw_conf *conf, const struct rw_device *device,
			     struct rw_err *err)
{
	int ret = check_own(conf, device, err);

	return ret || conf->is_server ? ret : check_run(conf, device, err);
}
