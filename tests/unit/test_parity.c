/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perftest's options: the table beside ours, and what is made of each when it is typed. */
#include "unit.h"

#include <errno.h>

#include "conf/names.h"
#include "program.h"

static const struct rw_test lat = {
	.program = "ib_rw_lat",
	.title = "a test of tests",
	.id = "lat",
	.size_bytes = 4096,
	.contexts = 1,
	.is_latency = true,
};

static const struct rw_opt *opt_of(const struct rw_parity *row)
{
	const char *value;

	return rw_parity_opt(row, &value);
}

static const struct rw_parity *row_named(const char *name)
{
	char word[80];

	snprintf(word, sizeof(word), "--%s", name);
	return rw_parity_find(word, 0);
}

static void test_names_are_unique(void **state)
{
	for (uint32_t i = 0; i < rw_nr_parity; i++)
		for (uint32_t j = 0; j < i; j++) {
			const struct rw_parity *a = &rw_parity[i], *b = &rw_parity[j];

			if (!strcmp(a->name, b->name) || (a->letter && a->letter == b->letter))
				fail_msg("--%s and --%s are the same", a->name, b->name);
		}
}

/* What a row says of an option of ours is true of it. */
static void test_rows_fit_our_options(void **state)
{
	for (uint32_t i = 0; i < rw_nr_parity; i++) {
		const struct rw_parity *row = &rw_parity[i];
		const char *value;
		const struct rw_opt *opt = rw_parity_opt(row, &value);

		if (!opt && value) {
			if (!row->has_value)
				fail_msg("--%s is taken with a value, and has none", row->name);
			continue;
		}
		if ((row->ours || row->verdict == RW_PARITY_RENAMED) && !opt)
			fail_msg("--%s: we have no --%s", row->name, row->ours);
		if (row->verdict == RW_PARITY_SAME && row->ours)
			fail_msg("--%s is the same, and --%s is another", row->name, row->ours);
		if (row->verdict == RW_PARITY_NONE && row->ours)
			fail_msg("--%s does not apply, and is --%s", row->name, row->ours);
		if (!opt) {
			if (row->verdict != RW_PARITY_SAME && !row->why)
				fail_msg("--%s is refused for no reason", row->name);
			continue;
		}
		/* Whatever may have a value may be given without. */
		if (opt->type != RW_OPT_OPTIONAL &&
		    row->has_value == (opt->type == RW_OPT_FLAG || value))
			fail_msg("--%s takes %s, --%s does not", row->name,
				 row->has_value ? "a value" : "none", opt->name);
		if (!strcmp(row->name, opt->name) && row->letter != opt->letter)
			fail_msg("--%s is -%c here and -%c in perftest", row->name, opt->letter,
				 row->letter);
	}
}

/* No name or letter of ours means something else in perftest. */
static void test_our_names_mean_the_same(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		const struct rw_parity *row = row_named(opt->name);

		if (row && opt_of(row) != opt)
			fail_msg("--%s is there now: say so in its row of the parity table", opt->name);
		if (!opt->letter)
			continue;
		row = rw_parity_find(NULL, opt->letter);
		if (!row || opt_of(row) != opt)
			fail_msg("-%c is not --%s in perftest", opt->letter, opt->name);
	}
}

/* @words are at most three. */
static int parse(const struct rw_test *test, const char *const *words, struct rw_conf *conf,
		 struct rw_err *err)
{
	char *argv[6] = { (char *)"ib_rw" };
	int argc = 1;

	while (*words && argc < 4)
		argv[argc++] = (char *)(uintptr_t)*words++;
	argv[argc++] = (char *)"host";
	rw_err_clear(err);
	return rw_conf_parse(test, argc, argv, conf, err);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* What is not there is refused by its own line, by name and by letter, and never taken for another. */
static void test_refusals(void **state)
{
	uint32_t refused = 0;

	for (uint32_t i = 0; i < rw_nr_parity; i++) {
		const struct rw_parity *row = &rw_parity[i];
		struct rw_err err = { 0 };
		struct rw_conf conf;
		char name[80], shown[84];

		if (opt_of(row))
			continue;
		refused++;
		snprintf(shown, sizeof(shown), "--%s is perftest's", row->name);
		snprintf(name, sizeof(name), "--%s%s", row->name, row->has_value ? "=1" : "");
		assert_int_equal(parse(&program, ARGS(name), &conf, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, shown);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, row->why ? row->why : "not there yet");
		if (!row->letter)
			continue;
		snprintf(name, sizeof(name), "-F%c", row->letter);
		assert_int_equal(parse(&lat, ARGS(name, "1"), &conf, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, shown);
	}
	assert_true(refused > 80);
}

/* clang-format off */
static const struct {
	const char *perftest[4], *ours[4];
	const struct rw_test *test;
} renamed[] = {
	{ { "-t", "7" }, { "--contexts=7" }, &program },
	{ { "--tx-depth=7" }, { "--contexts", "7" }, &program },
	{ { "--pin_cores", "0-3,8" }, { "--cores=0-3,8" }, &program },
	{ { "--disable_numa" }, { "--no_pin" }, &program },
	{ { "--data_validation" }, { "--verify" }, &program },
	{ { "--out_json_file=x" }, { "--json=x" }, &program },
	{ { "--out_json" }, { "--json=perftest_out.json" }, &program },
	{ { "--out_json", "--out_json_file=x" }, { "--json=x" }, &program },
	{ { "--out_json_file=x", "--out_json" }, { "--json=x" }, &program },
	{ { "--report-histogrm" }, { "-H" }, &lat },
};
/* clang-format on */

static void test_other_names(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(renamed); i++) {
		struct rw_conf theirs, ours;
		struct rw_err err = { 0 };

		if (parse(renamed[i].test, renamed[i].perftest, &theirs, &err))
			fail_msg("%s: %s", renamed[i].perftest[0], err.text);
		assert_int_equal(parse(renamed[i].test, renamed[i].ours, &ours, &err), 0);
		if (memcmp(&theirs, &ours, sizeof(ours)))
			fail_msg("%s is not %s", renamed[i].perftest[0], renamed[i].ours[0]);
	}
}

/* What asks for what is done anyway changes nothing; every other value is refused. */
static void test_connection(void **state)
{
	static const char *const others[] = { "UC", "UD", "XRC", "DC", "SRD", "rc", "RCX", "R", "" };
	struct rw_conf given, plain;
	struct rw_err err = { 0 };

	assert_int_equal(parse(&program, ARGS("-F"), &plain, &err), 0);
	assert_int_equal(parse(&program, ARGS("-c", "RC", "-F"), &given, &err), 0);
	assert_memory_equal(&given, &plain, sizeof(plain));
	assert_int_equal(parse(&program, ARGS("-FcRC"), &given, &err), 0);
	assert_memory_equal(&given, &plain, sizeof(plain));
	assert_int_equal(parse(&lat, ARGS("-F"), &plain, &err), 0);
	assert_int_equal(parse(&lat, ARGS("--connection=RC", "-F"), &given, &err), 0);
	assert_memory_equal(&given, &plain, sizeof(plain));
	assert_int_equal(parse(&lat, ARGS("--connection", "RC", "-F"), &given, &err), 0);
	assert_memory_equal(&given, &plain, sizeof(plain));
	for (size_t i = 0; i < RW_ARRAY_SIZE(others); i++) {
		assert_int_equal(parse(&program, ARGS("-c", others[i]), &given, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, "-c, --connection is perftest's and does not apply here: all QPs are RC");
		assert_int_equal(parse(&program, ARGS("--connection", others[i]), &given, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, "-c, --connection is perftest's");
	}
}

/* At the end of a server's command line there is no host to be taken for the value. */
static void test_connection_without_value(void **state)
{
	static const char *const words[] = { "-c", "--connection" };
	struct rw_conf conf;

	for (size_t i = 0; i < RW_ARRAY_SIZE(words); i++) {
		char *server[] = { (char *)"ib_rw_bw", (char *)(uintptr_t)words[i], NULL };
		struct rw_err err = { 0 };

		assert_int_equal(rw_conf_parse(&program, 2, server, &conf, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, "-c, --connection is perftest's");
	}
}

/* Words about a name of perftest's are about that name. */
static void test_wrong_use(void **state)
{
	struct rw_conf conf;
	struct rw_err err = { 0 };
	char *server[] = { (char *)"ib_rw_bw", (char *)"--source_ip=::1", NULL };

	assert_int_equal(parse(&program, ARGS("--out_json=x"), &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--out_json takes no value");
	assert_int_equal(parse(&program, ARGS("--report-histogrm"), &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "option of ib_rw_lat");
	assert_int_equal(parse(&program, ARGS("--tx-depth=x"), &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "is not a number");
	assert_int_equal(parse(&program, ARGS("--use_cud=0"), &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "unknown");
	/* a server's address has two names in perftest, and is for a server */
	assert_int_equal(rw_conf_parse(&program, 2, server, &conf, &err), 0);
	assert_string_equal(conf.bind, "::1");
	assert_int_equal(parse(&program, ARGS("-j", "::1"), &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--bind is for a server");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_rows_fit_our_options),
		cmocka_unit_test(test_our_names_mean_the_same),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_connection_without_value),
		cmocka_unit_test(test_wrong_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
