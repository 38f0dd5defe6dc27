/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which GID of a port to use. Pure: works on any table, no device needed. */
#ifndef RW_VERBS_GID_H
#define RW_VERBS_GID_H

#include <stdbool.h>
#include <stdint.h>

enum rw_gid_type {
	RW_GID_IB,
	RW_GID_ROCE_V1,
	RW_GID_ROCE_V2,
	RW_GID_IP, /* no entry of a table: an address of the device's network interface, for rdma_cm */
};

/* One entry of a port's GID table. IPv4 addresses are ::ffff:a.b.c.d. */
struct rw_gid {
	uint32_t index;
	enum rw_gid_type type;
	uint8_t raw[16];
};

/*
 * The best entry for a RoCE connection: RoCE v2 before v1, global before
 * link-local, then the address family of @like, then its subnet (24 bits of
 * an IPv4 address, 64 of an IPv6 address), then @like itself, then the lowest
 * index.
 *  - @type < 0: @like is the local address of the control connection; NULL: no
 *    preference.
 *  - @type >= 0: @like is the GID that the peer chose and @type its type; only
 *    entries of both its type and its family count, link-local ones first if
 *    it is link-local.
 * Returns the position in @table, or -ENOENT: no usable entry.
 */
int rw_gid_choose(const struct rw_gid *table, uint32_t n, const uint8_t *like, int type);

bool rw_gid_is_ipv4(const uint8_t raw[16]);
bool rw_gid_is_link_local(const uint8_t raw[16]);
bool rw_gid_is_zero(const uint8_t raw[16]);

/* "10.9.0.1" or "fe80::1". Returns @buf of at least RW_GID_TEXT bytes. */
#define RW_GID_TEXT 46
const char *rw_gid_format(const uint8_t raw[16], char buf[RW_GID_TEXT]);

/* "IB", "RoCE v1", "RoCE v2", "IP" */
const char *rw_gid_type_name(enum rw_gid_type type);

#endif
