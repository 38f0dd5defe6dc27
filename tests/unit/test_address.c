/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Options of the QPs' addresses: what they mean, and what is said of those that do not fit. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"

static const struct rw_test program = {
	.program = "ib_rw_test",
	.title = "a test of tests",
	.id = "bw",
	.size_bytes = 65536,
	.contexts = 128,
};

static int parse(const char *first, const char *second, struct rw_conf *conf, struct rw_err *err)
{
	char *argv[4] = { (char *)"ib_rw_test", (char *)(uintptr_t)first, (char *)"host" };
	int argc = 3;

	if (second) {
		argv[2] = (char *)(uintptr_t)second;
		argv[argc++] = (char *)"host";
	}
	rw_err_clear(err);
	return rw_conf_parse(&program, argc, argv, conf, err);
}

static void test_flow_labels(void **state)
{
	static const struct {
		const char *text;
		int n;
		uint32_t labels[4];
	} lists[] = {
		{ "--flow_label=0", 1, { 0 } },
		{ "--flow_label=7", 1, { 7 } },
		{ "--flow_label=0xfffff", 1, { 0xfffff } },
		{ "--flow_label=1048575,0,010", 3, { 0xfffff, 0, 10 } },
		{ "--flow_label=0xA,11,0x0c,13", 4, { 10, 11, 12, 13 } },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(lists); i++) {
		uint32_t labels[RW_MAX_FLOW_LABELS];
		struct rw_err err = { 0 };
		struct rw_conf conf;

		assert_int_equal(parse(lists[i].text, NULL, &conf, &err), 0);
		assert_int_equal(rw_conf_flow_labels(&conf, labels, &err), lists[i].n);
		assert_memory_equal(labels, lists[i].labels, sizeof(*labels) * (size_t)lists[i].n);
	}
}

static void test_no_flow_label(void **state)
{
	uint32_t labels[RW_MAX_FLOW_LABELS];
	struct rw_err err = { 0 };
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	assert_int_equal(rw_conf_flow_labels(&conf, labels, &err), 0);
}

static void test_most_flow_labels(void **state)
{
	char text[128] = "--flow_label=0";
	struct rw_err err = { 0 };
	struct rw_conf conf;

	for (int i = 1; i < RW_MAX_FLOW_LABELS; i++)
		strcat(text, ",1");
	assert_int_equal(parse(text, NULL, &conf, &err), 0);
	strcat(text, ",1");
	assert_int_equal(parse(text, NULL, &conf, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 32"));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *first, *second, *word;
	} wrong[] = {
		{ "--flow_label=0x100000", NULL, "'0x100000' is no number" },
		{ "--flow_label=1048576", NULL, "0 to 0xfffff" },
		{ "--flow_label=1,,2", NULL, "'' is no number" },
		{ "--flow_label=1,", NULL, "'' is no number" },
		{ "--flow_label=-1", NULL, "'-1' is no number" },
		{ "--flow_label= 1", NULL, "' 1' is no number" },
		{ "--flow_label=0x", NULL, "'0x' is no number" },
		{ "--flow_label=1x", NULL, "'1x' is no number" },
		{ "--flow_label=1111111111111111111111", NULL, "is no number" },
		{ "--tclass=256", NULL, "0 to 255" },
		{ "--dlid=0", NULL, "1 to 49151" },
		{ "-R", "--dlid=1", "--dlid: with -R" },
		{ "-R", "--pkey_index=1", "--pkey_index: with -R" },
		{ "-R", "--hop_limit=1", "--hop_limit: with -R" },
		{ "-R", "--tclass=1", "--tos" },
		{ "--tos=8", NULL, "--tos is an option of rdma_cm's connections; give -R" },
		{ "-R", "--tos=256", "0 to 255" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(wrong); i++) {
		struct rw_err err = { 0 };
		struct rw_conf conf;

		assert_int_equal(parse(wrong[i].first, wrong[i].second, &conf, &err), -EINVAL);
		assert_int_equal(err.exit_code, RW_EXIT_USAGE);
		if (!strstr(err.text, wrong[i].word))
			fail_msg("%s: %s", wrong[i].first, err.text);
	}
}

/* With -R these stay: rdma_cm has no say in them. */
static void test_with_rdma_cm(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse("-R", "--flow_label=1", &conf, &err), 0);
	assert_int_equal(parse("-R", "--sl=1", &conf, &err), 0);
	assert_int_equal(conf.tos, RW_AUTO);
	assert_int_equal(parse("-R", "-T0", &conf, &err), 0);
	assert_int_equal(conf.tos, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow_labels),	cmocka_unit_test(test_no_flow_label),
		cmocka_unit_test(test_most_flow_labels), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_with_rdma_cm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
