/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/sysfs.h"

#define MAX_GIDS 1024

/* Vendor IDs of the kernel's software devices: rxe_param.h, siw.h. */
#define VENDOR_RXE 0xffffff
#define VENDOR_SIW 0x626d74

/* "rxe0 (PORT_ACTIVE), mlx5_0 (PORT_DOWN)" for the text of an error. */
static void list_devices(struct ibv_device **list, int n, uint8_t port, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < n && used < len; i++) {
		struct ibv_context *ctx = ibv_open_device(list[i]);
		struct ibv_port_attr attr;
		const char *state = "cannot be opened";

		if (ctx)
			state = ibv_query_port(ctx, port, &attr) ? "no such port" :
								   ibv_port_state_str(attr.state);
		used += (size_t)snprintf(buf + used, len - used, "%s%s (%s)", i ? ", " : "",
					 ibv_get_device_name(list[i]), state);
		if (ctx)
			ibv_close_device(ctx);
	}
}

static bool is_port_active(struct ibv_device *dev, uint8_t port)
{
	struct ibv_context *ctx = ibv_open_device(dev);
	struct ibv_port_attr attr;
	bool active;

	if (!ctx)
		return false;
	active = !ibv_query_port(ctx, port, &attr) && attr.state == IBV_PORT_ACTIVE;
	ibv_close_device(ctx);
	return active;
}

static struct ibv_device *find_device(struct ibv_device **list, int n, const char *name,
				      uint8_t port)
{
	for (int i = 0; i < n; i++)
		if (*name ? !strcmp(ibv_get_device_name(list[i]), name) :
			    is_port_active(list[i], port))
			return list[i];
	return NULL;
}

/*
 * Why a device cannot be opened. libibverbs looks for it in a second place when
 * the first fails, and leaves the errno of that.
 */
static int open_failed(struct ibv_device *dev, int error, struct rw_err *err)
{
	char path[96];

	snprintf(path, sizeof(path), "/dev/infiniband/%s", dev->dev_name);
	if (access(path, R_OK | W_OK))
		error = errno;
	return rw_fail(err, RW_EXIT_DEVICE, error ? -error : -EIO,
		       "cannot open %s: %s; are you allowed to use %s?", ibv_get_device_name(dev),
		       strerror(error ? error : EIO), path);
}

static int open_context(const char *name, uint8_t port, struct ibv_context **ctx_p,
			struct rw_err *err)
{
	char present[256];
	struct ibv_device **list, *dev;
	int n = 0, ret = 0;

	list = ibv_get_device_list(&n);
	if (!list || n == 0) {
		ret = rw_fail(err, RW_EXIT_DEVICE, -ENODEV,
			      "no RDMA device on this host; load its driver (mlx5_ib), or add a software one: rdma link add rxe0 type rxe netdev eth0");
		goto out;
	}
	dev = find_device(list, n, name, port);
	if (!dev) {
		list_devices(list, n, port, present, sizeof(present));
		if (*name)
			ret = rw_fail(err, RW_EXIT_DEVICE, -ENODEV,
				      "no RDMA device '%s'; give one of these with -d: %s", name,
				      present);
		else
			ret = rw_fail(err, RW_EXIT_DEVICE, -ENETDOWN,
				      "no device has port %u active; bring a link up, of: %s", port,
				      present);
		goto out;
	}
	errno = 0;
	*ctx_p = ibv_open_device(dev);
	if (!*ctx_p)
		ret = open_failed(dev, errno, err);
out:
	if (list)
		ibv_free_device_list(list);
	return ret;
}

static enum rw_device_class class_of(const struct rw_device *device)
{
	char board[64];

	switch (device->attr.orig_attr.vendor_id) {
	case VENDOR_RXE:
		return RW_DEVICE_RXE;
	case VENDOR_SIW:
		return RW_DEVICE_SIW;
	}
	/* The emulated ConnectX names itself in its board ID. */
	if (!rw_sysfs_ib(rw_device_name(device), "board_id", board, sizeof(board)) &&
	    !strncmp(board, "RWEMU", 5))
		return RW_DEVICE_EMULATED;
	return RW_DEVICE_HARDWARE;
}

static int query_port(struct rw_device *device, struct rw_err *err)
{
	const char *name = rw_device_name(device);
	int max = device->attr.orig_attr.phys_port_cnt;

	if (device->port > max)
		return rw_fail(err, RW_EXIT_DEVICE, -EINVAL,
			       "%s has no port %u; give -i 1 to %d", name, device->port, max);
	if (ibv_query_port(device->ctx, device->port, &device->port_attr))
		return rw_fail(err, RW_EXIT_DEVICE, -errno, "cannot query port %u of %s: %s",
			       device->port, name, strerror(errno));
	if (device->port_attr.state != IBV_PORT_ACTIVE)
		return rw_fail(err, RW_EXIT_DEVICE, -ENETDOWN,
			       "port %u of %s is %s; bring its link up or give another with -d and -i",
			       device->port, name, ibv_port_state_str(device->port_attr.state));
	return 0;
}

int rw_device_open(const char *name, uint8_t port, struct rw_device *device, struct rw_err *err)
{
	struct rw_device opened = { .port = port, .numa_node = -1 };
	char text[32];
	int ret;

	ret = open_context(name, port, &opened.ctx, err);
	if (ret)
		return ret;
	ret = ibv_query_device_ex(opened.ctx, NULL, &opened.attr);
	if (ret) {
		ret = rw_fail(err, RW_EXIT_DEVICE, -ret, "cannot query %s: %s",
			      rw_device_name(&opened), strerror(ret));
		goto err_close;
	}
	ret = query_port(&opened, err);
	if (ret)
		goto err_close;
	opened.class = class_of(&opened);
	opened.is_iwarp = opened.ctx->device->transport_type == IBV_TRANSPORT_IWARP;
	if (!rw_sysfs_ib(rw_device_name(&opened), "device/numa_node", text, sizeof(text)))
		opened.numa_node = atoi(text);
	*device = opened;
	return 0;

err_close:
	ibv_close_device(opened.ctx);
	return ret;
}

void rw_device_close(struct rw_device *device)
{
	ibv_close_device(device->ctx);
}

const char *rw_device_name(const struct rw_device *device)
{
	return device->profile ? device->profile : ibv_get_device_name(device->ctx->device);
}

bool rw_device_is_roce(const struct rw_device *device)
{
	return device->port_attr.link_layer == IBV_LINK_LAYER_ETHERNET && !device->is_iwarp;
}

const char *rw_device_class_name(enum rw_device_class class)
{
	static const char *const names[] = { "hardware", "emulated", "rxe", "siw" };

	return names[class];
}

const char *rw_device_caveat(enum rw_device_class class)
{
	static const char *const texts[] = {
		[RW_DEVICE_HARDWARE] = NULL,
		[RW_DEVICE_EMULATED] =
			"emulated device: these figures say nothing about hardware",
		[RW_DEVICE_RXE] =
			"Soft-RoCE, a software device: these figures say nothing about hardware",
		[RW_DEVICE_SIW] =
			"Soft-iWARP, a software device: these figures say nothing about hardware",
	};

	return texts[class];
}

uint32_t rw_device_max_sge(const struct rw_device *device, bool read)
{
	const struct ibv_device_attr *attr = &device->attr.orig_attr;
	int most = rw_max(attr->max_sge, 1);

	if (read && attr->max_sge_rd > 0)
		most = rw_min(most, attr->max_sge_rd);
	return (uint32_t)most;
}

uint32_t rw_device_mtu_bytes(const struct rw_device *device)
{
	return 128u << device->port_attr.active_mtu;
}

static enum rw_gid_type gid_type(uint32_t verbs_type)
{
	switch (verbs_type) {
	case IBV_GID_TYPE_ROCE_V1:
		return RW_GID_ROCE_V1;
	case IBV_GID_TYPE_ROCE_V2:
		return RW_GID_ROCE_V2;
	default:
		return RW_GID_IB;
	}
}

/* Number of entries of @port, or -errno with @err told. */
static int read_gid_table(const struct rw_device *device, struct rw_gid *table, struct rw_err *err)
{
	struct ibv_gid_entry *entries = calloc(MAX_GIDS, sizeof(*entries));
	ssize_t n;
	int used = 0;

	if (!entries)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	n = ibv_query_gid_table(device->ctx, entries, MAX_GIDS, 0);
	if (n < 0) {
		free(entries);
		return rw_fail(err, RW_EXIT_DEVICE, (int)n, "cannot read the GIDs of %s: %s",
			       rw_device_name(device), strerror((int)-n));
	}
	for (ssize_t i = 0; i < n; i++) {
		if (entries[i].port_num != device->port)
			continue;
		table[used].index = entries[i].gid_index;
		table[used].type = gid_type(entries[i].gid_type);
		memcpy(table[used].raw, entries[i].gid.raw, sizeof(table[used].raw));
		used++;
	}
	free(entries);
	return used;
}

/* "0 to 3", or the list when there are holes, of the indexes that can be given. */
static void list_indexes(const struct rw_gid *table, int n, char *buf, size_t len)
{
	size_t used = 0;

	snprintf(buf, len, "none");
	for (int i = 0; i < n && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%u", i ? " " : "",
					 table[i].index);
}

static int find_index(const struct rw_gid *table, int n, int index)
{
	for (int i = 0; i < n; i++)
		if ((int)table[i].index == index)
			return i;
	return -ENOENT;
}

int rw_device_choose_gid(struct rw_device *device, int index, const uint8_t *like, int type,
			 struct rw_err *err)
{
	const char *name = rw_device_name(device);
	struct rw_gid *table;
	char indexes[128], gid[RW_GID_TEXT];
	int n, at, ret = 0;

	device->has_grh = rw_device_is_roce(device) || index >= 0;
	if (!device->has_grh)
		return 0;
	table = calloc(MAX_GIDS, sizeof(*table));
	if (!table)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	n = read_gid_table(device, table, err);
	if (n < 0) {
		ret = n;
		goto out;
	}
	list_indexes(table, n, indexes, sizeof(indexes));
	at = index >= 0 ? find_index(table, n, index) :
			  rw_gid_choose(table, (uint32_t)n, like, type);
	if (at < 0 && index >= 0)
		ret = rw_fail(err, RW_EXIT_DEVICE, -ENOENT,
			      "port %u of %s has no GID with index %d; give one of these with -x: %s",
			      device->port, name, index, indexes);
	else if (at < 0 && like && type >= 0)
		ret = rw_fail(err, RW_EXIT_DEVICE, -ENOENT,
			      "port %u of %s has no %s GID that reaches the peer's %s; give its network interface an %s address, or choose another GID on the peer with -x",
			      device->port, name, rw_gid_type_name(type), rw_gid_format(like, gid),
			      rw_gid_is_ipv4(like) ? "IPv4" : "IPv6");
	else if (at < 0)
		ret = rw_fail(err, RW_EXIT_DEVICE, -ENOENT,
			      "port %u of %s has no usable GID; give its network interface an IP address",
			      device->port, name);
	else
		device->gid = table[at];
out:
	free(table);
	return ret;
}
