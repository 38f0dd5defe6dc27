/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Messages of a session: they arrive as sent, and wrong ones are refused by name. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/msg.h"

/* @sent, whose reference it takes, as it comes out of the other side's parser. */
static json_t *travel(json_t *sent)
{
	json_t *come;
	char *text;

	assert_non_null(sent);
	text = json_dumps(sent, JSON_COMPACT);
	assert_non_null(text);
	come = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(come);
	free(text);
	json_decref(sent);
	return come;
}

static const struct rw_msg_port a_port = {
	.is_roce = true,
	.is_iwarp = true,
	.has_grh = true,
	.lid = 0xffff,
	.mtu_bytes = 1024,
	.max_rd_atom = 16,
	.gid_type = 3,
	.gid = { 0xfe, 0x80, [6] = 0x0a, [15] = 0xff },
};
static const struct rw_msg_buffer a_buffer = {
	UINT64_MAX - 4095, 1 << 30, 2, { UINT32_MAX, 7 },
};
static const struct rw_msg_prepare a_prepare = { true, true, 65536, UINT32_MAX };
static const struct rw_corrupt a_corrupt = { UINT64_C(1) << 40, 131071, 65535, 0xab, 0 };

/* Each message can be unpacked by one function of this shape, for the malformed ones. */
static int take_port(const json_t *obj, struct rw_err *err)
{
	struct rw_msg_port port;

	return rw_msg_port_unpack(obj, &port, err);
}

static int take_qps(const json_t *obj, struct rw_err *err)
{
	struct rw_msg_qp qps[2];

	return rw_msg_qps_unpack(obj, qps, 2, err);
}

static int take_buffer(const json_t *obj, struct rw_err *err)
{
	struct rw_msg_buffer buffer = { .nr_rkeys = 2 };

	return rw_msg_buffer_unpack(obj, &buffer, err);
}

static int take_prepare(const json_t *obj, struct rw_err *err)
{
	struct rw_msg_prepare prepare;

	return rw_msg_prepare_unpack(obj, &prepare, err);
}

/* 12 slots: 2 bytes, 4 digits */
static int take_finish(const json_t *obj, struct rw_err *err)
{
	uint8_t done[4] = { 0, 0, 0x5a, 0x5a };
	struct rw_msg_finish finish = { .done = done, .nr_slots = 12 };
	int ret = rw_msg_finish_unpack(obj, &finish, err);

	assert_int_equal(done[2], 0x5a);
	assert_int_equal(done[3], 0x5a);
	return ret;
}

static int take_finished(const json_t *obj, struct rw_err *err)
{
	struct rw_corrupt corrupt;

	return rw_msg_finished_unpack(obj, &corrupt, err);
}

static int take_cm(const json_t *obj, struct rw_err *err)
{
	struct rw_msg_cm cm;

	return rw_msg_cm_unpack(obj, &cm, err);
}

#define PORT	 "\"roce\":true,\"iwarp\":false,\"grh\":true,\"lid\":1,\"mtu\":1024,\"max_rd_atom\":16,"
#define GID	 "\"gid\":\"000102030405060708090a0b0c0d0e0f\""
#define QP	 "{\"qpn\":1,\"psn\":2}"
#define FINISHED "\"corrupt_bytes\":0,\"slot\":0,\"offset\":0,\"expected\":0,\"found\":0"

/* A whole message; each is taken as it stands, and refused without any one of its fields. */
static const struct {
	int (*take)(const json_t *obj, struct rw_err *err);
	const char *text;
} good[] = {
	{ take_port, "{" PORT "\"gid_type\":2," GID "}" },
	{ take_qps, "{\"qps\":[" QP "," QP "]}" },
	{ take_buffer, "{\"addr\":\"0x7f0000000000\",\"rkeys\":[7,8],\"slot_bytes\":4096}" },
	{ take_prepare, "{\"write\":false,\"verify\":true,\"size\":64,\"seed\":1}" },
	{ take_finish, "{\"operations\":9,\"done\":\"ff0f\"}" },
	{ take_finished, "{" FINISHED "}" },
	{ take_cm, "{\"port\":65535,\"token\":\"0xffffffffffffffff\"}" },
};

/* A field of good[@message] is replaced by @value (JSON); @field is what the error names. */
/* clang-format off */
static const struct {
	int message;
	const char *field, *value;
} bad[] = {
	{ 0, "roce", "1" },	      { 0, "roce", "\"true\"" },    { 0, "grh", "null" },
	{ 0, "lid", "65536" },	      { 0, "lid", "-1" },	    { 0, "lid", "1.0" },
	{ 0, "mtu", "0" },	      { 0, "mtu", "255" },	    { 0, "mtu", "8192" },
	{ 0, "mtu", "\"1024\"" },     { 0, "max_rd_atom", "0" },    { 0, "max_rd_atom", "256" },
	{ 0, "gid_type", "4" },	      { 0, "gid_type", "-1" },	    { 0, "gid", "\"\"" },
	{ 0, "gid", "\"000102030405060708090a0b0c0d0e0\"" },
	{ 0, "gid", "\"000102030405060708090a0b0c0d0e\"" },
	{ 0, "gid", "\"000102030405060708090a0b0c0d0e0f00\"" },
	{ 0, "gid", "\"000102030405060708090A0B0C0D0E0F\"" },
	{ 0, "gid", "\"000102030405060708090a0b0c0d0e0g\"" },
	{ 0, "gid", "\"0x0102030405060708090a0b0c0d0e0f\"" },
	{ 0, "gid", "\" 00102030405060708090a0b0c0d0e0f\"" },
	{ 0, "gid", "7" },	      { 0, "gid", "[0]" },	    { 1, "qps", "{}" },
	{ 1, "qps", "\"\"" },	      { 1, "qpn", "[" QP ",{\"psn\":2}]" },
	{ 1, "psn", "[" QP ",{\"qpn\":2}]" },
	{ 1, "qpn", "[" QP ",{\"qpn\":16777216,\"psn\":2}]" },
	{ 1, "psn", "[{\"qpn\":2,\"psn\":16777216}," QP "]" },
	{ 1, "qpn", "[" QP ",{\"qpn\":-1,\"psn\":2}]" },
	{ 1, "qpn", "[" QP ",7]" },   { 1, "qpn", "[" QP ",null]" }, { 1, "qpn", "[[]," QP "]" },
	{ 1, "QPs", "[]" },	      { 1, "QPs", "[" QP "]" },	    { 1, "QPs", "[" QP "," QP "," QP "]" },
	{ 2, "addr", "4096" },	      { 2, "addr", "\"4096\"" },    { 2, "addr", "\"0x\"" },
	{ 2, "addr", "\"0x10000000000000000\"" },		    { 2, "addr", "\"0xg\"" },
	{ 2, "rkeys", "[7,4294967296]" }, { 2, "rkeys", "[-1,8]" }, { 2, "rkeys", "[7,\"1\"]" },
	{ 2, "rkeys", "[]" },	      { 2, "rkeys", "7" },
	{ 2, "slot_bytes", "0" },     { 2, "slot_bytes", "-4096" }, { 2, "slot_bytes", "4096.5" },
	{ 3, "write", "0" },	      { 3, "verify", "\"yes\"" },   { 3, "size", "0" },
	{ 3, "size", "4294967296" },  { 3, "size", "-1" },	    { 3, "seed", "-1" },
	{ 3, "seed", "1e3" },	      { 4, "operations", "-1" },    { 4, "operations", "null" },
	{ 4, "done", "\"ff\"" },      { 4, "done", "\"ff0\"" },	    { 4, "done", "\"ff0f00\"" },
	{ 4, "done", "\"FF0F\"" },    { 4, "done", "\"\"" },	    { 4, "done", "65295" },
	{ 4, "done", "\"ff1f\"" },    { 4, "done", "\"ff80\"" },    { 5, "corrupt_bytes", "-1" },
	{ 5, "slot", "4294967296" },  { 5, "offset", "-1" },	    { 5, "expected", "256" },
	{ 5, "found", "-1" },	      { 5, "found", "\"0\"" },    { 0, "iwarp", "0" },
	{ 6, "port", "0" },	      { 6, "port", "65536" },	    { 6, "port", "\"1\"" },
	{ 6, "token", "1" },	      { 6, "token", "\"1\"" },    { 6, "token", "\"0x10000000000000000\"" },
};
/* clang-format on */

static void refuse(int (*take)(const json_t *obj, struct rw_err *err), const json_t *obj,
		   const char *word)
{
	struct rw_err err = { 0 };

	if (take(obj, &err) != -EPROTO) {
		char *text = json_dumps(obj, JSON_ENCODE_ANY);

		fail_msg("taken: %s", text ? text : "NULL");
	}
	assert_told(&err, RW_EXIT_PEER, -EPROTO, word);
}

static void test_missing_fields(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(good); i++) {
		json_t *whole = json_loads(good[i].text, 0, NULL), *value;
		struct rw_err err = { 0 };
		const char *name;

		assert_non_null(whole);
		if (good[i].take(whole, &err))
			fail_msg("%s", err.text);
		json_object_foreach(whole, name, value)
		{
			json_t *less = json_copy(whole);

			json_object_del(less, name);
			refuse(good[i].take, less, name);
			json_decref(less);
		}
		json_decref(whole);
		refuse(good[i].take, NULL, "is missing");
	}
}

static void test_wrong_fields(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(bad); i++) {
		json_t *obj = json_loads(good[bad[i].message].text, 0, NULL);
		json_t *value = json_loads(bad[i].value, JSON_DECODE_ANY, NULL);

		assert_non_null(value);
		json_object_set_new(obj, bad[i].message == 1 ? "qps" : bad[i].field, value);
		refuse(good[bad[i].message].take, obj, bad[i].field);
		json_decref(obj);
	}
}

/* Between 256 and 4096, but no power of two. */
static void test_bad_mtu(void **state)
{
	json_t *obj = json_loads(good[0].text, 0, NULL);

	for (int mtu = 0; mtu <= 8192; mtu++) {
		struct rw_err err = { 0 };
		bool is_mtu = mtu == 256 || mtu == 512 || mtu == 1024 || mtu == 2048 || mtu == 4096;

		json_object_set_new(obj, "mtu", json_integer(mtu));
		if (is_mtu)
			assert_int_equal(take_port(obj, &err), 0);
		else
			refuse(take_port, obj, mtu < 256 || mtu > 4096 ? "\"mtu\"" : "no MTU");
	}
	json_decref(obj);
}

static void test_port(void **state)
{
	struct rw_msg_port port;
	struct rw_err err = { 0 };
	json_t *obj = travel(rw_msg_port_pack(&a_port));

	memset(&port, 0xee, sizeof(port));
	assert_int_equal(rw_msg_port_unpack(obj, &port, &err), 0);
	assert_int_equal(port.is_roce, true);
	assert_int_equal(port.is_iwarp, true);
	assert_int_equal(port.has_grh, true);
	assert_int_equal(port.lid, a_port.lid);
	assert_int_equal(port.mtu_bytes, a_port.mtu_bytes);
	assert_int_equal(port.max_rd_atom, a_port.max_rd_atom);
	assert_int_equal(port.gid_type, a_port.gid_type);
	assert_memory_equal(port.gid, a_port.gid, 16);
	json_decref(obj);
}

static void test_cm(void **state)
{
	const struct rw_msg_cm sent = { UINT16_MAX, UINT64_MAX - 1 };
	struct rw_err err = { 0 };
	struct rw_msg_cm cm;
	json_t *obj = travel(rw_msg_cm_pack(&sent));

	assert_int_equal(rw_msg_cm_unpack(obj, &cm, &err), 0);
	assert_true(cm.port == sent.port && cm.token == sent.token);
	json_decref(obj);
}

static void test_qps(void **state)
{
	static struct rw_msg_qp sent[RW_MSG_MAX_QPS + 1], come[RW_MSG_MAX_QPS + 1];
	static const uint32_t counts[] = { 1, 4, RW_MSG_MAX_QPS };
	uint64_t random = 3;
	struct rw_err err = { 0 };
	json_t *obj;

	for (uint32_t i = 0; i <= RW_MSG_MAX_QPS; i++) {
		sent[i].qpn = (uint32_t)unit_between(&random, 0, 0xffffff);
		sent[i].psn = (uint32_t)unit_between(&random, 0, 0xffffff);
	}
	sent[0] = (struct rw_msg_qp){ 0xffffff, 0 };
	for (size_t c = 0; c < RW_ARRAY_SIZE(counts); c++) {
		obj = travel(json_pack("{s:o}", "qps", rw_msg_qps_pack(sent, counts[c])));
		memset(come, 0, sizeof(come));
		assert_int_equal(rw_msg_qps_unpack(obj, come, counts[c], &err), 0);
		assert_memory_equal(come, sent, counts[c] * sizeof(*sent));
		assert_int_equal(come[counts[c]].qpn + come[counts[c]].psn, 0);
		json_decref(obj);
	}
	/* more than there may ever be, even if both sides agreed on it */
	obj = travel(json_pack("{s:o}", "qps", rw_msg_qps_pack(sent, RW_MSG_MAX_QPS + 1)));
	assert_int_equal(rw_msg_qps_unpack(obj, come, RW_MSG_MAX_QPS + 1, &err), -EPROTO);
	assert_told(&err, RW_EXIT_PEER, -EPROTO, "1024");
	json_decref(obj);
}

static void test_buffer_prepare_finished(void **state)
{
	struct rw_err err = { 0 };
	struct rw_msg_buffer buffer = { .nr_rkeys = 2 };
	struct rw_msg_prepare prepare;
	struct rw_corrupt corrupt;
	json_t *obj = travel(rw_msg_buffer_pack(&a_buffer));

	assert_int_equal(rw_msg_buffer_unpack(obj, &buffer, &err), 0);
	assert_true(buffer.addr == a_buffer.addr && buffer.slot_bytes == a_buffer.slot_bytes);
	assert_memory_equal(buffer.rkeys, a_buffer.rkeys, 2 * sizeof(buffer.rkeys[0]));
	json_decref(obj);
	obj = travel(rw_msg_prepare_pack(&a_prepare));
	assert_string_equal(json_string_value(json_object_get(obj, "type")), "prepare");
	assert_int_equal(rw_msg_prepare_unpack(obj, &prepare, &err), 0);
	assert_true(prepare.is_write && prepare.verify);
	assert_int_equal(prepare.size_bytes, a_prepare.size_bytes);
	assert_int_equal(prepare.seed, a_prepare.seed);
	json_decref(obj);
	obj = travel(rw_msg_finished_pack(&a_corrupt));
	assert_string_equal(json_string_value(json_object_get(obj, "type")), "finished");
	assert_int_equal(rw_msg_finished_unpack(obj, &corrupt, &err), 0);
	assert_true(corrupt.bytes == a_corrupt.bytes && corrupt.slot == a_corrupt.slot &&
		    corrupt.offset == a_corrupt.offset && corrupt.expected == a_corrupt.expected &&
		    corrupt.found == a_corrupt.found);
	json_decref(obj);
	obj = travel(rw_msg_word("connected"));
	assert_string_equal(json_string_value(json_object_get(obj, "type")), "connected");
	json_decref(obj);
}

/* As many slots as a run can have: the bits arrive one for one. */
static void test_finish(void **state)
{
	static const uint32_t counts[] = { 1, 7, 8, 9, 12, 128, 1 << 17 };
	static uint8_t sent[1 << 14], come[1 << 14];
	uint64_t random = 5;

	for (size_t c = 0; c < RW_ARRAY_SIZE(counts); c++) {
		struct rw_msg_finish finish = { 1000, sent, counts[c] },
				     got = { 0, come, counts[c] };
		struct rw_err err = { 0 };
		json_t *obj;

		memset(sent, 0, sizeof(sent));
		memset(come, 0, sizeof(come));
		for (uint32_t i = 0; i < counts[c]; i++)
			sent[i / 8] |= (uint8_t)(unit_between(&random, 0, 1) << i % 8);
		obj = travel(rw_msg_finish_pack(&finish));
		assert_string_equal(json_string_value(json_object_get(obj, "type")), "finish");
		if (rw_msg_finish_unpack(obj, &got, &err))
			fail_msg("%u slots: %s", counts[c], err.text);
		assert_int_equal(got.operations, 1000);
		assert_memory_equal(come, sent, sizeof(sent));
		json_decref(obj);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_fields),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_bad_mtu),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_cm),
		cmocka_unit_test(test_qps),
		cmocka_unit_test(test_buffer_prepare_finished),
		cmocka_unit_test(test_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
