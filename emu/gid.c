/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "emu/gid.h"

/* 02: a locally administered address, no vendor's. */
#define GUID_BASE 0x0272770003000100ULL

uint64_t emu_guid(unsigned int dev)
{
	return GUID_BASE + dev;
}

uint16_t emu_lid(const struct emu_settings *set, unsigned int dev)
{
	return set->link == EMU_LINK_IB ? (uint16_t)(dev + 1) : 0;
}

unsigned int emu_gid_table_len(const struct emu_settings *set)
{
	return set->link == EMU_LINK_IB ? GID_TABLE_LEN_IB : GID_TABLE_LEN_ETH;
}

static void link_local(unsigned int dev, union ibv_gid *gid)
{
	gid->global.subnet_prefix = htobe64(0xfe80000000000000ULL);
	gid->global.interface_id = htobe64(emu_guid(dev));
}

static void ipv4_mapped(const struct emu_settings *set, unsigned int dev, union ibv_gid *gid)
{
	struct in_addr addr = { .s_addr = 0 };
	uint32_t host;

	/* A bad address was refused when the tree was built. */
	inet_pton(AF_INET, set->ipv4, &addr);
	host = htonl(ntohl(addr.s_addr) + dev);
	memset(gid, 0, sizeof(*gid));
	gid->raw[10] = gid->raw[11] = 0xff;
	memcpy(gid->raw + 12, &host, 4);
}

bool emu_gid(const struct emu_settings *set, unsigned int dev, unsigned int index,
	     union ibv_gid *gid, enum ibv_gid_type *type_p)
{
	memset(gid, 0, sizeof(*gid));
	if (set->link == EMU_LINK_IB) {
		*type_p = IBV_GID_TYPE_IB;
		if (index)
			return false;
		link_local(dev, gid);
		return true;
	}
	*type_p = index & 1 ? IBV_GID_TYPE_ROCE_V2 : IBV_GID_TYPE_ROCE_V1;
	if (index > 3)
		return false;
	if (index < 2)
		link_local(dev, gid);
	else
		ipv4_mapped(set, dev, gid);
	return true;
}

bool emu_gid_owned(const struct emu_settings *set, unsigned int dev, const union ibv_gid *gid)
{
	for (unsigned int i = 0; i < 4; i++) {
		enum ibv_gid_type type;
		union ibv_gid own;

		if (emu_gid(set, dev, i, &own, &type) && !memcmp(&own, gid, sizeof(own)))
			return true;
	}
	return false;
}
