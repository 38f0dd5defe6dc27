/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The configuration that travels: nothing is lost, nothing wrong is taken. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/options.h"
#include "program.h"

/* A legal value for @opt, the edges of its range often. */
static void set_any(const struct rw_opt *opt, struct rw_conf *conf, uint64_t *random)
{
	uint64_t kind = unit_between(random, 0, 3);

	switch (opt->type) {
	case RW_OPT_FLAG:
		*rw_opt_flag(opt, conf) = kind & 1;
		return;
	case RW_OPT_STRING:
		memset(rw_opt_string(opt, conf), 0, opt->max);
		for (uint64_t n = unit_between(random, 0, opt->max - 1); n-- > 0;)
			rw_opt_string(opt, conf)[n] = (char)unit_between(random, ' ', '~');
		return;
	case RW_OPT_OPTIONAL:
		rw_opt_optional(opt, conf)->given = kind & 1;
		return;
	case RW_OPT_NUMBER:
	case RW_OPT_SIZE:
		if (kind == 3 && rw_opt_has_auto(opt)) {
			*rw_opt_number(opt, conf) = RW_AUTO;
			return;
		}
		/* fall through */
	case RW_OPT_NAME:
	case RW_OPT_LIST:
		*rw_opt_number(opt, conf) = kind == 0	? opt->min
					    : kind == 1 ? opt->max
							: unit_between(random, opt->min, opt->max);
		return;
	}
}

static void set_all(struct rw_conf *conf, enum rw_opt_scope scope, uint64_t *random)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (rw_opts[i].scope == scope)
			set_any(&rw_opts[i], conf, random);
}

/* @conf as it arrives at the other side. */
static json_t *travel(const struct rw_conf *conf)
{
	json_t *sent = rw_conf_to_json(conf, true), *come;
	char *text;

	assert_non_null(sent);
	text = json_dumps(sent, 0);
	assert_non_null(text);
	come = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(come);
	free(text);
	json_decref(sent);
	return come;
}

static void test_round_trip(void **state)
{
	uint64_t random = 11;

	for (int i = 0; i < 2000; i++) {
		struct rw_conf client, server, before, expected;
		struct rw_err err = { 0 };
		json_t *run;

		rw_conf_init(&client, &program);
		rw_conf_init(&server, &program);
		set_all(&client, RW_SCOPE_SIDE, &random);
		set_all(&client, RW_SCOPE_OUTPUT, &random);
		/* what the server has: its own device; -D in place of -n */
		set_all(&server, RW_SCOPE_SIDE, &random);
		set_all(&server, RW_SCOPE_SERVER, &random);
		set_all(&server, RW_SCOPE_OUTPUT, &random);
		server.is_server = true;
		before = expected = server;
		set_all(&client, RW_SCOPE_RUN, &random);
		if (i & 1)
			client.duration_s = 0;
		for (uint32_t j = 0; j < rw_nr_opts; j++) {
			size_t bytes = rw_opts[j].type == RW_OPT_FLAG	  ? sizeof(bool)
				       : rw_opts[j].type == RW_OPT_STRING ? rw_opts[j].max
									  : sizeof(uint64_t);

			if (rw_opts[j].scope == RW_SCOPE_RUN)
				memcpy((char *)&expected + rw_opts[j].offset,
				       (char *)&client + rw_opts[j].offset, bytes);
		}
		run = travel(&client);
		if (rw_conf_from_json(&server, run, &err))
			fail_msg("%s", err.text);
		json_decref(run);
		assert_memory_equal(&server, &expected, sizeof(server));
		assert_string_equal(server.device, before.device);
	}
}

static void test_which_options(void **state)
{
	struct rw_conf conf;
	json_t *run, *all;
	size_t nr_run = 0, nr_all = 0;

	rw_conf_init(&conf, &program);
	run = rw_conf_to_json(&conf, true);
	all = rw_conf_to_json(&conf, false);
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		bool in_run = opt->scope == RW_SCOPE_RUN;
		bool in_report = opt->scope != RW_SCOPE_LOCAL;

		nr_run += in_run;
		nr_all += in_report;
		assert_int_equal(json_object_get(run, opt->name) != NULL, in_run);
		assert_int_equal(json_object_get(all, opt->name) != NULL, in_report);
	}
	assert_int_equal(json_object_size(run), nr_run);
	assert_int_equal(json_object_size(all), nr_all);
	assert_int_equal(json_integer_value(json_object_get(run, "size")), 65536);
	assert_string_equal(json_string_value(json_object_get(run, "sges")), "auto");
	assert_string_equal(json_string_value(json_object_get(run, "op")), "read");
	assert_int_equal(json_array_size(json_object_get(run, "path")), 3);
	assert_null(json_object_get(all, "help"));
	assert_null(json_object_get(run, "ib-dev"));
	json_decref(run);
	json_decref(all);
}

/* @run is refused, told with @word; the server's configuration stays as it was. */
static void refuse(const json_t *run, const char *word)
{
	struct rw_conf server, before;
	struct rw_err err = { 0 };

	rw_conf_init(&server, &program);
	strcpy(server.device, "rxe1");
	before = server;
	if (rw_conf_from_json(&server, run, &err) != -EPROTO)
		fail_msg("taken, with a wrong %s", word);
	assert_told(&err, RW_EXIT_PEER, -EPROTO, word);
	assert_memory_equal(&server, &before, sizeof(server));
}

static json_t *good_run(void)
{
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	return rw_conf_to_json(&conf, true);
}

/* Takes @value, which may be NULL: the field is then missing. */
static void refuse_value(const char *name, json_t *value)
{
	char option[64];
	json_t *run = good_run();

	snprintf(option, sizeof(option), "--%s", name);
	if (value)
		json_object_set_new(run, name, value);
	else
		json_object_del(run, name);
	refuse(run, option);
	json_decref(run);
}

static void test_missing(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (rw_opts[i].scope == RW_SCOPE_RUN)
			refuse_value(rw_opts[i].name, NULL);
}

static void test_wrong_types(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		bool is_number = opt->type == RW_OPT_NUMBER || opt->type == RW_OPT_SIZE;

		if (opt->scope != RW_SCOPE_RUN)
			continue;
		refuse_value(opt->name, json_null());
		refuse_value(opt->name, json_real(1.0));
		refuse_value(opt->name, json_object());
		refuse_value(opt->name, json_array());
		refuse_value(opt->name, json_pack("[i]", 1));
		if (!is_number)
			refuse_value(opt->name, json_integer(1));
		if (opt->type != RW_OPT_FLAG)
			refuse_value(opt->name, json_true());
		if (opt->type != RW_OPT_STRING)
			refuse_value(opt->name, json_string("1"));
		if (is_number && !rw_opt_has_auto(opt))
			refuse_value(opt->name, json_string("auto"));
	}
}

static void test_out_of_range(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		char text[2048];

		if (opt->scope != RW_SCOPE_RUN)
			continue;
		if (opt->type == RW_OPT_NUMBER || opt->type == RW_OPT_SIZE) {
			refuse_value(opt->name, json_integer(-1));
			refuse_value(opt->name, json_integer(INT64_MIN));
			refuse_value(opt->name, json_integer(INT64_MAX));
			refuse_value(opt->name, json_integer((json_int_t)opt->max + 1));
			/* 0 stands for "not given" where that is the default */
			if (opt->min && (!opt->fallback || strcmp(opt->fallback, "0")))
				refuse_value(opt->name, json_integer((json_int_t)opt->min - 1));
		} else if (opt->type == RW_OPT_STRING) {
			memset(text, 'x', sizeof(text));
			text[opt->max] = '\0';
			refuse_value(opt->name, json_string(text));
		}
	}
	refuse_value("duration", json_integer(-1));
	refuse_value("op", json_string("READ"));
	refuse_value("op", json_string(""));
	refuse_value("on_exhaustion", json_string("wai"));
	refuse_value("path", json_pack("[s]", "umr"));
	refuse_value("path", json_pack("[s, s]", "direct", "direct,mr"));
	refuse_value("path", json_pack("[s, n]", "direct"));
	refuse_value("path", json_string("direct"));
}

static void test_unknown(void **state)
{
	json_t *run = good_run();

	json_object_set_new(run, "turbo", json_true());
	refuse(run, "--turbo");
	json_object_del(run, "turbo");
	/* a side option does not travel: the server has its own */
	json_object_set_new(run, "ib-dev", json_string("mlx5_7"));
	refuse(run, "--ib-dev");
	json_object_del(run, "ib-dev");
	json_object_set_new(run, "tw\no\x7f", json_true());
	refuse(run, "--tw o");
	json_decref(run);
}

static void test_no_object(void **state)
{
	json_t *values[] = { json_array(), json_string("x"), json_integer(1), json_null(),
			     json_object() };

	refuse(NULL, "lacks");
	for (size_t i = 0; i < RW_ARRAY_SIZE(values); i++) {
		refuse(values[i], "lacks");
		json_decref(values[i]);
	}
}

/* A file name is bytes; a report of it is still whole and valid. */
static void test_text_that_is_no_utf8(void **state)
{
	struct rw_conf conf;
	json_t *all;

	rw_conf_init(&conf, &program);
	strcpy(conf.json, "/tmp/r\xe9sultat.json");
	all = rw_conf_to_json(&conf, false);
	assert_non_null(all);
	assert_string_equal(json_string_value(json_object_get(all, "json")), "/tmp/r?sultat.json");
	assert_non_null(json_object_get(all, "ib-dev"));
	json_decref(all);
	strcpy(conf.json, "/tmp/r\xc3\xa9sultat.json");
	all = rw_conf_to_json(&conf, false);
	assert_string_equal(json_string_value(json_object_get(all, "json")), conf.json);
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_which_options),
		cmocka_unit_test(test_missing),	     cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_out_of_range), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_no_object),    cmocka_unit_test(test_text_that_is_no_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
