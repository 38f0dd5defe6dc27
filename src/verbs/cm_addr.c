/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * rdma_cm finds the device by an IP address. Here it is the other way round:
 * the device is given, and an address is sought that leads to it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "verbs/cm_priv.h"

#define MAX_ADDRS 64

struct candidates {
	struct rw_gid table[MAX_ADDRS];
	uint32_t scopes[MAX_ADDRS];
	uint32_t n;
};

const struct sockaddr *rw_cm_sockaddr(const uint8_t raw[16], uint16_t port, uint32_t scope,
				      struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof(*storage));
	if (rw_gid_is_ipv4(raw)) {
		struct sockaddr_in *in = (struct sockaddr_in *)storage;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, raw + 12, 4);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, raw, 16);
		in6->sin6_scope_id = rw_gid_is_link_local(raw) ? scope : 0;
	}
	return (const struct sockaddr *)storage;
}

static int set_tos(const struct rw_cm *cm, struct rdma_cm_id *id, struct rw_err *err)
{
	uint8_t tos = (uint8_t)cm->tos;

	if (cm->tos == RW_AUTO ||
	    !rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_TOS, &tos, sizeof(tos)))
		return 0;
	return rw_fail(err, RW_EXIT_DEVICE, -errno, "--tos: rdma_cm does not take %u: %s", tos,
		       strerror(errno));
}

int rw_cm_bind(struct rw_cm *cm, const uint8_t raw[16], uint32_t scope, struct rdma_cm_id **id_p,
	       struct rw_err *err)
{
	const struct rw_device *device = cm->device;
	struct sockaddr_storage storage;
	char text[RW_GID_TEXT];
	struct rdma_cm_id *id;
	const char *found;
	int ret;

	if (rdma_create_id(cm->channel, &id, NULL, RDMA_PS_TCP))
		return rw_fail(err, RW_EXIT_DEVICE, -errno, "rdma_cm cannot make an ID: %s",
			       strerror(errno));
	ret = set_tos(cm, id, err);
	if (ret)
		goto err_destroy;
	rw_cm_sockaddr(raw, 0, scope, &storage);
	if (rdma_bind_addr(id, (struct sockaddr *)&storage)) {
		ret = rw_fail(err, RW_EXIT_DEVICE, -errno,
			      "rdma_cm finds no device at %s, the address of %s: %s; is it still an address of its network interface?",
			      rw_gid_format(raw, text), rw_device_name(device), strerror(errno));
		goto err_destroy;
	}
	found = id->verbs ? ibv_get_device_name(id->verbs->device) : "no device";
	if (strcmp(found, rw_device_name(device)) || id->port_num != device->port) {
		ret = rw_fail(err, RW_EXIT_DEVICE, -ENODEV,
			      "at %s rdma_cm takes %s port %u, not %s port %u; give it with -d and -i, or give %s an address of its own",
			      rw_gid_format(raw, text), found, id->port_num,
			      rw_device_name(device), device->port, rw_device_name(device));
		goto err_destroy;
	}
	*id_p = id;
	return 0;

err_destroy:
	rdma_destroy_id(id);
	return ret;
}

/* The address of @ifa as a GID. Returns false: neither IPv4 nor IPv6. */
static bool to_gid(const struct ifaddrs *ifa, struct rw_gid *gid, uint32_t *scope)
{
	memset(gid, 0, sizeof(*gid));
	gid->type = RW_GID_IP;
	*scope = if_nametoindex(ifa->ifa_name);
	if (!ifa->ifa_addr)
		return false;
	if (ifa->ifa_addr->sa_family == AF_INET) {
		gid->raw[10] = gid->raw[11] = 0xff;
		memcpy(gid->raw + 12, &((const struct sockaddr_in *)ifa->ifa_addr)->sin_addr, 4);
		return true;
	}
	if (ifa->ifa_addr->sa_family != AF_INET6)
		return false;
	memcpy(gid->raw, &((const struct sockaddr_in6 *)ifa->ifa_addr)->sin6_addr, 16);
	return true;
}

static bool leads_to_device(struct rw_cm *cm, const struct rw_gid *gid, uint32_t scope)
{
	struct rw_err ignored = { 0 };
	struct rdma_cm_id *id;

	if (rw_cm_bind(cm, gid->raw, scope, &id, &ignored))
		return false;
	rdma_destroy_id(id);
	return true;
}

/* The addresses of this host: those of the device, or the one that is device->gid. */
static int find_candidates(struct rw_cm *cm, const struct rw_gid *only, struct candidates *found,
			   struct rw_err *err)
{
	struct ifaddrs *list;

	found->n = 0;
	if (getifaddrs(&list))
		return rw_fail(err, RW_EXIT_RUN, -errno, "cannot list the addresses of this host: %s",
			       strerror(errno));
	for (const struct ifaddrs *ifa = list; ifa && found->n < MAX_ADDRS; ifa = ifa->ifa_next) {
		struct rw_gid *gid = &found->table[found->n];
		uint32_t *scope = &found->scopes[found->n];

		if (ifa->ifa_flags & IFF_LOOPBACK || !to_gid(ifa, gid, scope))
			continue;
		if (only ? !memcmp(gid->raw, only->raw, sizeof(gid->raw)) :
			   leads_to_device(cm, gid, *scope))
			found->n++;
	}
	freeifaddrs(list);
	return 0;
}

/* RoCE: the GID is chosen, and is an IP address of this host or it will not do. */
static int check_gid(struct rw_cm *cm, const struct rw_device *device, struct rw_err *err)
{
	struct candidates found;
	struct rdma_cm_id *id;
	int ret = find_candidates(cm, &device->gid, &found, err);

	if (ret)
		return ret;
	cm->scope = found.n ? found.scopes[0] : 0;
	ret = rw_cm_bind(cm, device->gid.raw, cm->scope, &id, err);
	if (!ret)
		rdma_destroy_id(id);
	return ret;
}

int rw_cm_choose_addr(struct rw_cm *cm, struct rw_device *device, const uint8_t *like, int type,
		      struct rw_err *err)
{
	struct candidates found;
	char text[RW_GID_TEXT];
	int ret, at;

	if (rw_device_is_roce(device))
		return check_gid(cm, device, err);
	ret = find_candidates(cm, NULL, &found, err);
	if (ret)
		return ret;
	at = rw_gid_choose(found.table, found.n, like, type);
	if (at < 0 && like && type >= 0 && found.n)
		return rw_fail(err, RW_EXIT_DEVICE, -ENOENT,
			       "%s has no address that reaches the peer's %s; give its network interface an %s address",
			       rw_device_name(device), rw_gid_format(like, text),
			       rw_gid_is_ipv4(like) ? "IPv4" : "IPv6");
	if (at < 0)
		return rw_fail(err, RW_EXIT_DEVICE, -ENOENT,
			       "rdma_cm finds %s at no address of this host; give its network interface an IP address",
			       rw_device_name(device));
	device->gid = found.table[at];
	device->has_grh = true;
	cm->scope = found.scopes[at];
	return 0;
}
