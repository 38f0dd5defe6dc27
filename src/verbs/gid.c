/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "verbs/gid.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

bool rw_gid_is_ipv4(const uint8_t raw[16])
{
	return !memcmp(raw, v4_prefix, sizeof(v4_prefix));
}

/* fe80::/10, and 169.254.0.0/16 for IPv4. */
bool rw_gid_is_link_local(const uint8_t raw[16])
{
	if (rw_gid_is_ipv4(raw))
		return raw[12] == 169 && raw[13] == 254;
	return raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80;
}

bool rw_gid_is_zero(const uint8_t raw[16])
{
	static const uint8_t zero[16];

	return !memcmp(raw, zero, sizeof(zero));
}

static bool same_subnet(const uint8_t a[16], const uint8_t b[16])
{
	if (rw_gid_is_ipv4(a) != rw_gid_is_ipv4(b))
		return false;
	return !memcmp(a, b, rw_gid_is_ipv4(a) ? 15 : 8);
}

/* A peer is reached from a GID of its own type and family only. */
static bool can_reach(const struct rw_gid *gid, const uint8_t *like, int type)
{
	if (type < 0)
		return true;
	return (int)gid->type == type &&
	       (!like || rw_gid_is_ipv4(gid->raw) == rw_gid_is_ipv4(like));
}

/* Higher is better; the criteria in falling weight. */
static int score(const struct rw_gid *gid, const uint8_t *like, int type)
{
	/* From link-local to global there may be no way back. */
	bool want_local = type >= 0 && like && rw_gid_is_link_local(like);
	int value = 0;

	value += gid->type == RW_GID_ROCE_V2 ? 16 : 0;
	value += rw_gid_is_link_local(gid->raw) == want_local ? 8 : 0;
	if (like) {
		value += rw_gid_is_ipv4(gid->raw) == rw_gid_is_ipv4(like) ? 4 : 0;
		value += same_subnet(gid->raw, like) ? 2 : 0;
		value += memcmp(gid->raw, like, 16) ? 0 : 1;
	}
	return value;
}

int rw_gid_choose(const struct rw_gid *table, uint32_t n, const uint8_t *like, int type)
{
	int best = -ENOENT;
	int best_score = -1;

	for (uint32_t i = 0; i < n; i++) {
		int value = score(&table[i], like, type);

		if (rw_gid_is_zero(table[i].raw) || !can_reach(&table[i], like, type))
			continue;
		if (value > best_score) {
			best_score = value;
			best = (int)i;
		}
	}
	return best;
}

const char *rw_gid_format(const uint8_t raw[16], char buf[RW_GID_TEXT])
{
	if (rw_gid_is_ipv4(raw))
		inet_ntop(AF_INET, raw + 12, buf, RW_GID_TEXT);
	else
		inet_ntop(AF_INET6, raw, buf, RW_GID_TEXT);
	return buf;
}

const char *rw_gid_type_name(enum rw_gid_type type)
{
	static const char *const names[] = { "IB", "RoCE v1", "RoCE v2", "IP" };

	return names[type];
}
