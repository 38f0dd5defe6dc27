/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which GID is chosen, on tables as ports have them. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>

#include "verbs/gid.h"

#define V1	    RW_GID_ROCE_V1
#define V2	    RW_GID_ROCE_V2
#define MAX_ENTRIES 16

/* An IPv4 or IPv6 address as a GID. */
static void parse(const char *text, uint8_t raw[16])
{
	memset(raw, 0, 16);
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, raw), 1);
	} else {
		raw[10] = raw[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, text, raw + 12), 1);
	}
}

struct entry {
	enum rw_gid_type type;
	const char *text;
};

/* What a port of mlx5 shows: each address as v1 and as v2. */
static const struct entry mlx5[] = {
	{ V1, "fe80::966d:aeff:fe01:2" },
	{ V2, "fe80::966d:aeff:fe01:2" },
	{ V1, "10.9.0.1" },
	{ V2, "10.9.0.1" },
	{ V1, "10.9.1.1" },
	{ V2, "10.9.1.1" },
	{ V1, "fd00:9::1" },
	{ V2, "fd00:9::1" },
	{ V1, "fd00:a::1" },
	{ V2, "fd00:a::1" },
	{ V1, "10.9.1.7" },
	{ V2, "10.9.1.7" },
	{ V1, "::" },
	{ V2, "::" },
};

static uint32_t build(const struct entry *entries, uint32_t n, struct rw_gid *table)
{
	for (uint32_t i = 0; i < n; i++) {
		table[i] = (struct rw_gid){ .index = i, .type = entries[i].type };
		parse(entries[i].text, table[i].raw);
	}
	return n;
}

/* The entry chosen for @like (NULL allowed). */
static int choose(const struct entry *entries, uint32_t n, const char *like, int type)
{
	struct rw_gid table[MAX_ENTRIES];
	uint8_t raw[16];

	build(entries, n, table);
	if (like)
		parse(like, raw);
	return rw_gid_choose(table, n, like ? raw : NULL, type);
}

#define CHOOSE(entries, like, type) choose(entries, RW_ARRAY_SIZE(entries), like, type)

static void test_by_control_address(void **state)
{
	assert_int_equal(CHOOSE(mlx5, "10.9.0.1", -1), 3);
	assert_int_equal(CHOOSE(mlx5, "10.9.1.1", -1), 5);
	assert_int_equal(CHOOSE(mlx5, "10.9.1.7", -1), 11); /* itself, not only its subnet */
	assert_int_equal(CHOOSE(mlx5, "10.9.1.99", -1), 5);
	assert_int_equal(CHOOSE(mlx5, "192.168.7.7", -1), 3); /* family, lowest index */
	assert_int_equal(CHOOSE(mlx5, "fd00:9::1", -1), 7);
	assert_int_equal(CHOOSE(mlx5, "fd00:a::77", -1), 9);
	assert_int_equal(CHOOSE(mlx5, "2001:db8::1", -1), 7);
	assert_int_equal(CHOOSE(mlx5, "127.0.0.1", -1), 3);
	assert_int_equal(CHOOSE(mlx5, "::1", -1), 7);
	assert_int_equal(CHOOSE(mlx5, "fe80::966d:aeff:fe01:2", -1), 7); /* global first */
	assert_int_equal(CHOOSE(mlx5, NULL, -1), 3);
}

static void test_poor_tables(void **state)
{
	static const struct entry local[] = { { V1, "fe80::1" },
					      { V2, "fe80::1" },
					      { V2, "169.254.3.4" } };
	static const struct entry only_v1[] = { { V1, "fe80::1" },
						{ V1, "10.9.0.1" },
						{ V1, "fd00::1" } };
	static const struct entry zeros[] = { { V1, "::" }, { V2, "::" }, { V2, "10.9.0.1" } };
	static const struct entry nothing[] = { { V1, "::" }, { V2, "::" } };
	static const struct entry mixed[] = { { V1, "10.9.0.1" }, { V2, "fe80::1" } };

	assert_int_equal(CHOOSE(local, "10.9.0.1", -1), 2);
	assert_int_equal(CHOOSE(local, "fd00::1", -1), 1);
	assert_int_equal(CHOOSE(local, NULL, -1), 1);
	assert_int_equal(CHOOSE(only_v1, "10.9.0.1", -1), 1);
	assert_int_equal(CHOOSE(only_v1, "::1", -1), 2);
	assert_int_equal(CHOOSE(zeros, "10.9.0.1", -1), 2);
	assert_int_equal(CHOOSE(zeros, "::1", -1), 2);
	assert_int_equal(CHOOSE(nothing, "10.9.0.1", -1), -ENOENT);
	assert_int_equal(CHOOSE(mixed, "10.9.0.1", -1), 1); /* v2 weighs most */
	assert_int_equal(choose(mlx5, 0, NULL, -1), -ENOENT);
}

static void test_like_a_peer(void **state)
{
	static const struct entry both[] = { { V2, "fe80::1" },
					     { V2, "10.9.0.1" },
					     { V2, "fd00::1" } };

	assert_int_equal(CHOOSE(mlx5, "10.9.1.2", V1), 4);
	assert_int_equal(CHOOSE(mlx5, "10.9.1.2", V2), 5);
	assert_int_equal(CHOOSE(mlx5, "fd00:a::2", V1), 8);
	assert_int_equal(CHOOSE(mlx5, "10.9.1.2", RW_GID_IB), -ENOENT);
	assert_int_equal(CHOOSE(mlx5, NULL, V1), 2);
	/* a link-local peer is reached from a link-local address, whatever else there is */
	assert_int_equal(CHOOSE(both, "fe80::2", V2), 0);
	assert_int_equal(CHOOSE(both, "fd00::2", V2), 2);
	/* another family never reaches it */
	assert_int_equal(choose(both, 1, "10.9.0.2", V2), -ENOENT);
	assert_int_equal(choose(both, 2, "fd00::2", V2), 0);
}

/* Strike out all entries but those that @keep says yes to, unless none would be left. */
static void prefer(bool *in, const struct rw_gid *table, uint32_t n, const uint8_t *like,
		   bool (*keep)(const struct rw_gid *gid, const uint8_t *like))
{
	bool any = false;

	for (uint32_t i = 0; i < n; i++)
		any = any || (in[i] && keep(&table[i], like));
	for (uint32_t i = 0; any && i < n; i++)
		in[i] = in[i] && keep(&table[i], like);
}

static bool is_v2(const struct rw_gid *gid, const uint8_t *like)
{
	return gid->type == V2;
}

static bool is_global(const struct rw_gid *gid, const uint8_t *like)
{
	return !rw_gid_is_link_local(gid->raw);
}

static bool is_family(const struct rw_gid *gid, const uint8_t *like)
{
	return rw_gid_is_ipv4(gid->raw) == rw_gid_is_ipv4(like);
}

static bool is_subnet(const struct rw_gid *gid, const uint8_t *like)
{
	return !memcmp(gid->raw, like, rw_gid_is_ipv4(like) ? 15 : 8);
}

static bool is_itself(const struct rw_gid *gid, const uint8_t *like)
{
	return !memcmp(gid->raw, like, 16);
}

/* The rule of gid.h, one sieve after the other. */
static int sieve(const struct rw_gid *table, uint32_t n, const uint8_t *like)
{
	bool in[MAX_ENTRIES];

	for (uint32_t i = 0; i < n; i++)
		in[i] = !rw_gid_is_zero(table[i].raw);
	prefer(in, table, n, like, is_v2);
	prefer(in, table, n, like, is_global);
	prefer(in, table, n, like, is_family);
	prefer(in, table, n, like, is_subnet);
	prefer(in, table, n, like, is_itself);
	for (uint32_t i = 0; i < n; i++)
		if (in[i])
			return (int)i;
	return -ENOENT;
}

/* The address that a control connection has here; two of them in another place. */
static const char *const controls[] = { "10.9.0.1", "10.9.1.9",	   "192.168.1.1", "127.0.0.1",
					"fd00::1",  "2001:db8::5", "::1",	  "fe80::1" };

static const struct entry client_side[] = {
	{ V1, "fe80::1" },  { V2, "fe80::1" }, { V1, "10.9.0.1" }, { V2, "10.9.0.1" },
	{ V2, "10.9.1.1" }, { V2, "fd00::1" }, { V2, "::" },	   { V2, "169.254.0.1" },
};
static const struct entry server_side[] = {
	{ V1, "fe80::2" },  { V2, "fe80::2" }, { V1, "10.9.1.2" },  { V2, "10.9.1.2" },
	{ V2, "10.9.0.2" }, { V2, "fd00::2" }, { V2, "fd00:1::2" }, { V2, "169.254.0.2" },
};

/* The entries of @entries whose bits are set. */
static uint32_t subset(const struct entry *entries, unsigned int bits, struct rw_gid *table)
{
	struct entry some[8];
	uint32_t n = 0;

	for (uint32_t i = 0; i < 8; i++)
		if (bits >> i & 1)
			some[n++] = entries[i];
	return build(some, n, table);
}

static void test_rule_on_every_subset(void **state)
{
	struct rw_gid table[8];
	uint8_t like[16];

	for (unsigned int bits = 0; bits < 256; bits++)
		for (size_t c = 0; c < RW_ARRAY_SIZE(controls); c++) {
			uint32_t n = subset(client_side, bits, table);

			parse(controls[c], like);
			assert_int_equal(rw_gid_choose(table, n, like, -1), sieve(table, n, like));
		}
}

/* What the server answers to the client's choice: reachable, and the nearest there is. */
static void check_answer(const struct rw_gid *mine, const struct rw_gid *table, uint32_t n)
{
	int at = rw_gid_choose(table, n, mine->raw, (int)mine->type);

	for (uint32_t i = 0; i < n; i++) {
		if (table[i].type != mine->type || !is_family(&table[i], mine->raw))
			continue;
		assert_in_range(at, 0, n - 1);
		if (is_subnet(&table[i], mine->raw))
			assert_true(is_subnet(&table[at], mine->raw));
		if (rw_gid_is_link_local(table[i].raw) == rw_gid_is_link_local(mine->raw))
			assert_int_equal(rw_gid_is_link_local(table[at].raw),
					 rw_gid_is_link_local(mine->raw));
	}
	if (at >= 0) {
		assert_int_equal(table[at].type, mine->type);
		assert_int_equal(rw_gid_is_ipv4(table[at].raw), rw_gid_is_ipv4(mine->raw));
	}
}

/* Every client against every server, whatever address the control connection has. */
static void test_both_sides_agree(void **state)
{
	struct rw_gid mine[8], theirs[8];
	uint8_t like[16];

	for (unsigned int bits = 1; bits < 256; bits++)
		for (size_t c = 0; c < RW_ARRAY_SIZE(controls); c++) {
			uint32_t n = subset(client_side, bits, mine);
			int at;

			parse(controls[c], like);
			at = rw_gid_choose(mine, n, like, -1);
			for (unsigned int other = 0; at >= 0 && other < 256; other++)
				check_answer(&mine[at], theirs, subset(server_side, other, theirs));
		}
}

static void test_predicates(void **state)
{
	static const struct {
		const char *text;
		bool ipv4, local;
	} rows[] = {
		{ "10.0.0.1", true, false },	{ "169.254.1.1", true, true },
		{ "169.253.1.1", true, false }, { "170.254.1.1", true, false },
		{ "fe80::1", false, true },	{ "febf::1", false, true },
		{ "fec0::1", false, false },	{ "fd00::1", false, false },
		{ "::1", false, false },	{ "2001:db8::ffff:1:2", false, false },
	};
	char buf[RW_GID_TEXT];
	uint8_t raw[16];

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		parse(rows[i].text, raw);
		assert_int_equal(rw_gid_is_ipv4(raw), rows[i].ipv4);
		assert_int_equal(rw_gid_is_link_local(raw), rows[i].local);
		assert_false(rw_gid_is_zero(raw));
		assert_string_equal(rw_gid_format(raw, buf), rows[i].text);
	}
	parse("::", raw);
	assert_true(rw_gid_is_zero(raw));
	parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", raw);
	assert_int_equal(strlen(rw_gid_format(raw, buf)), 39);
	assert_string_equal(rw_gid_type_name(V1), "RoCE v1");
	assert_string_equal(rw_gid_type_name(V2), "RoCE v2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_control_address),
		cmocka_unit_test(test_poor_tables),
		cmocka_unit_test(test_like_a_peer),
		cmocka_unit_test(test_rule_on_every_subset),
		cmocka_unit_test(test_both_sides_agree),
		cmocka_unit_test(test_predicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
