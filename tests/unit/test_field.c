/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Fields of messages: every accessor against every type, and its range. */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ctl/field.h"

#define PREFIX "message from the peer: field "

/* One value of each JSON type, by the name of the field that has it. */
static const char *const all_types[][2] = {
	{ "obj", "an object" },	  { "array", "an array" },     { "str", "a string" },
	{ "int", "an integer" },  { "real", "a real number" }, { "true", "a boolean" },
	{ "false", "a boolean" }, { "null", "null" },
};

static json_t *parse(const char *text)
{
	json_t *obj = json_loads(text, 0, NULL);

	assert_non_null(obj);
	return obj;
}

static json_t *one_of_each(void)
{
	return parse("{\"obj\": {}, \"array\": [], \"str\": \"s\", \"int\": 5, \"real\": 5.5,"
		     " \"true\": true, \"false\": false, \"null\": null}");
}

static void expect_text(struct rw_err *err, const char *text)
{
	assert_string_equal(err->text, text);
	assert_int_equal(err->exit_code, RW_EXIT_PEER);
	assert_int_equal(err->error, -EPROTO);
	rw_err_clear(err);
}

enum kind {
	U64,
	HEX64,
	DOUBLE,
	BOOL,
	STR,
	ENUM,
	OBJ,
	ARRAY,
	NR_KINDS
};

/* Read field @name as a @kind, see that a failure leaves the result alone. */
static int get(enum kind kind, const json_t *obj, const char *name, struct rw_err *err)
{
	static const char *const names[] = { "r", "s" };
	const char *str = "untouched";
	uint64_t u = 4711;
	double d = 4711;
	json_t *v = NULL;
	bool yes = false;
	int i = 4711, ret = 0;

	switch (kind) {
	case U64:
		ret = rw_field_u64(obj, name, 0, UINT64_MAX, &u, err);
		assert_true(!ret == (u != 4711));
		break;
	case HEX64:
		ret = rw_field_hex64(obj, name, &u, err);
		assert_true(!ret == (u != 4711));
		break;
	case DOUBLE:
		ret = rw_field_double(obj, name, -INFINITY, INFINITY, &d, err);
		assert_true(!ret == (d != 4711));
		break;
	case BOOL:
		ret = rw_field_bool(obj, name, &yes, err);
		assert_true(!(ret && yes));
		break;
	case STR:
		ret = rw_field_str(obj, name, 100, &str, err);
		assert_true(!ret == !!strcmp(str, "untouched"));
		break;
	case ENUM:
		ret = rw_field_enum(obj, name, names, 2, &i, err);
		assert_true(!ret == (i != 4711));
		break;
	case OBJ:
		ret = rw_field_obj(obj, name, &v, err);
		assert_true(!ret == !!v);
		break;
	case ARRAY:
		ret = rw_field_array(obj, name, 10, &v, err);
		assert_true(!ret == !!v);
		break;
	case NR_KINDS:
		fail();
	}
	return ret;
}

/* Every accessor against every type: right ones pass, others are named, as is a missing field. */
static void test_types(void **state)
{
	static const struct {
		const char *takes; /* names of fields, each after a blank */
		const char *wants;
	} rows[NR_KINDS] = {
		[U64] = { " int", "an integer" },	[HEX64] = { "", "a string like \"0x1f\"" },
		[DOUBLE] = { " int real", "a number" }, [BOOL] = { " true false", "true or false" },
		[STR] = { " str", "a string" },		[ENUM] = { " str", "a string" },
		[OBJ] = { " obj", "an object" },	[ARRAY] = { " array", "an array" },
	};
	json_t *obj = one_of_each(), *not_obj = json_array();
	struct rw_err err = { 0 };
	char text[200];

	for (int kind = 0; kind < NR_KINDS; kind++) {
		for (size_t i = 0; i < RW_ARRAY_SIZE(all_types); i++) {
			const char *name = all_types[i][0];

			if (kind == HEX64 && !strcmp(name, "str"))
				continue; /* its digits have a test of their own */
			snprintf(text, sizeof(text), " %s", name);
			if (strstr(rows[kind].takes, text)) {
				assert_int_equal(get(kind, obj, name, &err), 0);
				continue;
			}
			assert_int_equal(get(kind, obj, name, &err), -EPROTO);
			snprintf(text, sizeof(text), PREFIX "\"%s\" is %s, must be %s", name,
				 all_types[i][1], rows[kind].wants);
			expect_text(&err, text);
		}
		assert_int_equal(get(kind, obj, "none", &err), -EPROTO);
		expect_text(&err, PREFIX "\"none\" is missing");
		assert_int_equal(get(kind, not_obj, "none", &err), -EPROTO);
		expect_text(&err, PREFIX "\"none\" is missing");
		assert_int_equal(get(kind, NULL, "none", &err), -EPROTO);
		rw_err_clear(&err);
	}
	json_decref(obj);
	json_decref(not_obj);
}

static void test_u64(void **state)
{
	static const struct {
		const char *json;
		uint64_t min, max;
		const char *text; /* NULL: accepted */
	} rows[] = {
		{ "{\"n\": 1}", 1, 65536, NULL },
		{ "{\"n\": 65536}", 1, 65536, NULL },
		{ "{\"n\": 9223372036854775807}", 0, UINT64_MAX, NULL },
		{ "{\"n\": 0}", 1, 65536, "is 0, must be 1..65536" },
		{ "{\"n\": 65537}", 1, 65536, "is 65537, must be 1..65536" },
		{ "{\"n\": -1}", 0, UINT64_MAX, "is -1, must be 0..18446744073709551615" },
		{ "{\"n\": -9223372036854775808}", 0, 5, "is -9223372036854775808, must be 0..5" },
		{ "{\"n\": 1.0}", 1, 5, "is a real number, must be an integer" },
		{ "{\"n\": 1e0}", 1, 5, "is a real number, must be an integer" },
		{ "{\"n\": \"1\"}", 1, 5, "is a string, must be an integer" },
	};
	struct rw_err err = { 0 };
	char text[200];

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		json_t *obj = parse(rows[i].json);
		uint64_t v = 4711;
		int ret = rw_field_u64(obj, "n", rows[i].min, rows[i].max, &v, &err);

		assert_int_equal(ret, rows[i].text ? -EPROTO : 0);
		if (rows[i].text) {
			snprintf(text, sizeof(text), PREFIX "\"n\" %s", rows[i].text);
			expect_text(&err, text);
			assert_int_equal(v, 4711);
		} else {
			assert_int_equal(v, json_integer_value(json_object_get(obj, "n")));
		}
		json_decref(obj);
	}
}

static void test_hex64(void **state)
{
	static const uint64_t good[] = { 0, 1, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX };
	static const char *const bad[] = {
		"",
		"0x",
		"0",
		"12",
		"x1",
		"0X1",
		"0x 1",
		" 0x1",
		"0x1 ",
		"0x-1",
		"0x+1",
		"-0x1",
		"0xg",
		"0x1g",
		"0x0x1",
		"0x10000000000000000",
		"0x00000000000000001",
		"0x1\n",
	};
	struct rw_err err = { 0 };
	json_t *obj;
	uint64_t v;

	for (size_t i = 0; i < RW_ARRAY_SIZE(good); i++) {
		obj = json_pack("{s:o}", "a", rw_json_hex64(good[i]));
		v = 4711;
		assert_int_equal(rw_field_hex64(obj, "a", &v, &err), 0);
		assert_int_equal(v, good[i]);
		json_decref(obj);
	}
	obj = json_pack("{s:s}", "a", "0x00fFaB0000000001");
	assert_int_equal(rw_field_hex64(obj, "a", &v, &err), 0);
	assert_int_equal(v, 0xffab0000000001);
	json_decref(obj);
	for (size_t i = 0; i < RW_ARRAY_SIZE(bad); i++) {
		obj = json_pack("{s:s}", "a", bad[i]);
		v = 4711;
		assert_int_equal(rw_field_hex64(obj, "a", &v, &err), -EPROTO);
		assert_int_equal(v, 4711);
		assert_non_null(strstr(err.text, "must be 0x and 1 to 16 hexadecimal digits"));
		rw_err_clear(&err);
		json_decref(obj);
	}
}

static void test_double(void **state)
{
	json_t *obj = parse("{\"a\": 0.5, \"b\": 3, \"c\": -0.1, \"d\": 1e308}");
	struct rw_err err = { 0 };
	double v = 0;

	assert_int_equal(rw_field_double(obj, "a", 0.5, 0.5, &v, &err), 0);
	assert_true(v == 0.5);
	assert_int_equal(rw_field_double(obj, "b", 0, 3, &v, &err), 0);
	assert_true(v == 3);
	assert_int_equal(rw_field_double(obj, "c", 0, 1, &v, &err), -EPROTO);
	expect_text(&err, PREFIX "\"c\" is -0.1, must be 0..1");
	assert_int_equal(rw_field_double(obj, "d", 0, 1e9, &v, &err), -EPROTO);
	expect_text(&err, PREFIX "\"d\" is 1e+308, must be 0..1e+09");
	assert_true(v == 3);
	json_decref(obj);
}

static void test_str_and_enum(void **state)
{
	static const char *const ops[] = { "read", "write" };
	json_t *obj =
		parse("{\"empty\": \"\", \"name\": \"mlx5_0 \\u00e9\", \"esc\": \"a\\u001bb\","
		      " \"c1\": \"\\u0085\", \"op\": \"write\", \"pre\": \"writ\","
		      " \"long\": \"0123456789012345678901234567890123456789more\"}");
	struct rw_err err = { 0 };
	const char *s = NULL;
	int v = 4711;

	assert_int_equal(rw_field_str(obj, "empty", 0, &s, &err), 0);
	assert_string_equal(s, "");
	assert_int_equal(rw_field_str(obj, "name", 9, &s, &err), 0);
	assert_string_equal(s, "mlx5_0 \xc3\xa9");
	assert_int_equal(rw_field_str(obj, "name", 8, &s, &err), -EPROTO);
	expect_text(&err, PREFIX "\"name\" is a string of 9 bytes, must be at most 8");
	assert_int_equal(rw_field_str(obj, "esc", 9, &s, &err), -EPROTO);
	expect_text(&err, PREFIX "\"esc\" holds control characters");
	assert_int_equal(rw_field_str(obj, "c1", 9, &s, &err), -EPROTO);
	rw_err_clear(&err);
	assert_int_equal(rw_field_enum(obj, "op", ops, 2, &v, &err), 0);
	assert_int_equal(v, 1);
	assert_int_equal(rw_field_enum(obj, "pre", ops, 2, &v, &err), -EPROTO);
	expect_text(&err, PREFIX "\"pre\" is \"writ\", must be one of: read, write");
	assert_int_equal(rw_field_enum(obj, "empty", ops, 2, &v, &err), -EPROTO);
	rw_err_clear(&err);
	assert_int_equal(rw_field_enum(obj, "long", ops, 2, &v, &err), -EPROTO);
	expect_text(&err, PREFIX "\"long\" is \"0123456789012345678901234567890123456...\", "
				 "must be one of: read, write");
	assert_int_equal(v, 1);
	json_decref(obj);
}

static void test_array(void **state)
{
	json_t *obj = parse("{\"a\": [1, 2, 3]}"), *v = NULL;
	struct rw_err err = { 0 };

	assert_int_equal(rw_field_array(obj, "a", 3, &v, &err), 0);
	assert_int_equal(json_array_size(v), 3);
	assert_int_equal(rw_field_array(obj, "a", 2, &v, &err), -EPROTO);
	expect_text(&err, PREFIX "\"a\" has 3 items, must have at most 2");
	json_decref(obj);
}

static void test_only(void **state)
{
	static const char *const allowed[] = { "type", "n" };
	json_t *good = parse("{\"type\": \"x\", \"n\": 1}"), *some = parse("{\"n\": 1}");
	json_t *more = parse("{\"type\": \"x\", \"n\": 1, \"nn\": 1}"), *array = parse("[1]");
	json_t *evil = parse("{\"\\u001b[2J\": 1}"), *empty = parse("{\"\": 1}");
	struct rw_err err = { 0 };

	assert_int_equal(rw_fields_only(good, allowed, 2, &err), 0);
	assert_int_equal(rw_fields_only(some, allowed, 2, &err), 0);
	assert_int_equal(rw_fields_only(good, allowed, 1, &err), -EPROTO);
	rw_err_clear(&err);
	assert_int_equal(rw_fields_only(more, allowed, 2, &err), -EPROTO);
	expect_text(&err, PREFIX "\"nn\" is unknown here: run the same version on both sides");
	assert_int_equal(rw_fields_only(evil, allowed, 2, &err), -EPROTO);
	expect_text(&err, PREFIX "\" [2J\" is unknown here: run the same version on both sides");
	assert_int_equal(rw_fields_only(empty, allowed, 2, &err), -EPROTO);
	rw_err_clear(&err);
	assert_int_equal(rw_fields_only(array, allowed, 2, &err), -EPROTO);
	expect_text(&err, "message from the peer: not an object");
	json_decref(good);
	json_decref(some);
	json_decref(more);
	json_decref(evil);
	json_decref(empty);
	json_decref(array);
}

static void test_expect(void **state)
{
	json_t *msg = parse("{\"type\": \"conf\"}"), *number = parse("{\"type\": 1}");
	json_t *none = parse("{}");
	struct rw_err err = { 0 };

	assert_int_equal(rw_msg_expect(msg, "conf", &err), 0);
	assert_int_equal(rw_msg_expect(msg, "con", &err), -EPROTO);
	expect_text(&err, "the peer sent \"conf\" where \"con\" was expected: run the same version "
			  "on both sides");
	assert_int_equal(rw_msg_expect(number, "conf", &err), -EPROTO);
	expect_text(&err, PREFIX "\"type\" is an integer, must be a string");
	assert_int_equal(rw_msg_expect(none, "conf", &err), -EPROTO);
	expect_text(&err, PREFIX "\"type\" is missing");
	json_decref(msg);
	json_decref(number);
	json_decref(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_hex64),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_str_and_enum),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_expect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
