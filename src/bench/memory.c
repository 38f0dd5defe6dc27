/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bench/memory.h"

#include <errno.h>

#include "verbs/access.h"

/* Either side needs what its operations do (ibv_query_device_ex(3), odp_caps). */
static int want_odp(const struct rw_conf *conf, const struct rw_device *device,
		    struct rw_arena_want *want, struct rw_err *err)
{
	const struct ibv_odp_caps *caps = &device->attr.odp_caps;
	uint32_t ops = (rw_conf_has_op(conf, RW_VERB_READ) ? IBV_ODP_SUPPORT_READ : 0) |
		       (rw_conf_has_op(conf, RW_VERB_WRITE) ? IBV_ODP_SUPPORT_WRITE : 0);

	want->access |= IBV_ACCESS_ON_DEMAND;
	want->all_addresses = conf->odp.text[0] == 'i';
	if (!(caps->general_caps & IBV_ODP_SUPPORT) ||
	    (caps->per_transport_caps.rc_odp_caps & ops) != ops)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--odp: %s has no paging on demand for these operations (odp_caps of ibv_devinfo -v); leave it out",
			       rw_device_name(device));
	if (!want->all_addresses)
		return 0;
	if (!(caps->general_caps & IBV_ODP_SUPPORT_IMPLICIT))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--odp=implicit: %s has explicit MRs on demand only; give --odp",
			       rw_device_name(device));
	if (!conf->mr_per_qp)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--odp=implicit: one MR has all addresses, and --mr_per_qp asks for several; leave one of them out");
}

int rw_bench_want_memory(const struct rw_conf *conf, const struct rw_device *device,
			 uint64_t slot_bytes, int memory_node, int access,
			 struct rw_arena_want *want, struct rw_err *err)
{
	*want = (struct rw_arena_want){
		.bytes = slot_bytes * rw_conf_slots(conf),
		.mr_bytes = slot_bytes * rw_conf_mr_slots(conf),
		.numa_node = memory_node,
		.pages = conf->use_hugepages ? RW_PAGES_HUGE : RW_PAGES_ANY,
		.access = access | rw_access_optional(conf),
		.file = conf->mmap_file,
		.file_offset = conf->mmap_offset,
	};
	return conf->odp.given ? want_odp(conf, device, want, err) : 0;
}
