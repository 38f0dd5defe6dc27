/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a report says of the device. */
#include <dlfcn.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/sysfs.h"
#include "verbs/device.h"

/* The rdma-core that runs is told by the name of its library: libibverbs.so.1.14.44.0 */
static json_t *libibverbs_file(void)
{
	char path[PATH_MAX];
	Dl_info info;
	void *symbol;

	*(void **)&symbol = dlsym(RTLD_DEFAULT, "ibv_open_device");
	if (!symbol || !dladdr(symbol, &info) || !realpath(info.dli_fname, path))
		return json_null();
	return rw_json_text(basename(path));
}

static void add_sysfs(json_t *obj, const char *key, const struct rw_device *device,
		      const char *file)
{
	char text[128];

	if (!rw_sysfs_ib(rw_device_name(device), file, text, sizeof(text)) && *text)
		json_object_set_new(obj, key, rw_json_text(text));
}

static void add_gid(json_t *obj, const struct rw_device *device)
{
	char text[RW_GID_TEXT];

	if (!device->has_grh)
		return;
	if (device->gid.type == RW_GID_IP) {
		json_object_set_new(obj, "address",
				    json_string(rw_gid_format(device->gid.raw, text)));
		return;
	}
	json_object_set_new(obj, "gid_index", json_integer(device->gid.index));
	json_object_set_new(obj, "gid", json_string(rw_gid_format(device->gid.raw, text)));
	json_object_set_new(obj, "gid_type", json_string(rw_gid_type_name(device->gid.type)));
}

static void add_limits(json_t *obj, const struct ibv_device_attr *attr)
{
	json_object_set_new(obj, "max_sge", json_integer(attr->max_sge));
	json_object_set_new(obj, "max_sge_rd", json_integer(attr->max_sge_rd));
	json_object_set_new(obj, "max_qp_wr", json_integer(attr->max_qp_wr));
	json_object_set_new(obj, "max_qp_rd_atom", json_integer(attr->max_qp_rd_atom));
	json_object_set_new(obj, "max_qp_init_rd_atom", json_integer(attr->max_qp_init_rd_atom));
}

json_t *rw_device_facts(const struct rw_device *device)
{
	const struct ibv_device_attr *attr = &device->attr.orig_attr;
	const char *caveat = rw_device_caveat(device->class);
	json_t *obj = json_object();
	char text[32];

	if (!obj)
		return NULL;
	json_object_set_new(obj, "name", rw_json_text(rw_device_name(device)));
	json_object_set_new(obj, "class", json_string(rw_device_class_name(device->class)));
	json_object_set_new(obj, "caveat", caveat ? json_string(caveat) : json_null());
	json_object_set_new(obj, "port", json_integer(device->port));
	json_object_set_new(obj, "link_layer",
			    json_string(device->is_iwarp	      ? "iWARP" :
					rw_device_is_roce(device) ? "Ethernet" :
								    "InfiniBand"));
	json_object_set_new(obj, "active_mtu", json_integer(rw_device_mtu_bytes(device)));
	json_object_set_new(obj, "firmware", rw_json_text(attr->fw_ver));
	snprintf(text, sizeof(text), "0x%06x", attr->vendor_id);
	json_object_set_new(obj, "vendor_id", json_string(text));
	json_object_set_new(obj, "vendor_part_id", json_integer(attr->vendor_part_id));
	json_object_set_new(obj, "numa_node", json_integer(device->numa_node));
	json_object_set_new(obj, "libibverbs", libibverbs_file());
	add_gid(obj, device);
	add_limits(obj, attr);
	snprintf(text, sizeof(text), "ports/%u/rate", device->port);
	add_sysfs(obj, "rate", device, text);
	add_sysfs(obj, "board_id", device, "board_id");
	add_sysfs(obj, "pcie_speed", device, "device/current_link_speed");
	add_sysfs(obj, "pcie_width", device, "device/current_link_width");
	/* "identity" is passthrough: the mode in which nothing coalesces. */
	add_sysfs(obj, "iommu_group_type", device, "device/iommu_group/type");
	return obj;
}
