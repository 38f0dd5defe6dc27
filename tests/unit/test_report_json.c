/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The JSON report: perftest's names and ours, their types, and no nan. */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "report_rows.h"

static struct rw_result rows[2];

static int make_rows(void **state)
{
	rows[0] = direct_row;
	rows[0].interrupted = true;
	rows[1] = mr_row;
	rows[1].verified = true;
	rows[1].corrupt = (struct rw_corrupt){ 2, 5, 70, 0xaa, 0x55 };
	return 0;
}

/* The report as a program reads it. */
static json_t *read_report(const struct rw_conf *conf, const struct rw_report_facts *facts,
			   const struct rw_result *results, uint32_t n,
			   const struct rw_err *failure)
{
	json_t *report = rw_report_json(conf, facts, results, n, failure), *read;
	char *text;

	assert_non_null(report);
	text = json_dumps(report, JSON_INDENT(2));
	assert_non_null(text);
	read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(read);
	free(text);
	json_decref(report);
	return read;
}

static json_t *read_rows(const struct rw_result *results, uint32_t n)
{
	static const struct rw_report_facts facts = { .command_line = "ib_rw_test host" };
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	return read_report(&conf, &facts, results, n, NULL);
}

static json_t *row_of(const json_t *report, size_t i)
{
	json_t *row = json_array_get(json_object_get(report, "results"), i);

	assert_true(json_is_object(row));
	return row;
}

static void assert_integer(const json_t *row, const char *key, json_int_t expected)
{
	const json_t *value = json_object_get(row, key);

	if (!json_is_integer(value) || json_integer_value(value) != expected)
		fail_msg("%s is %lld", key, (long long)json_integer_value(value));
}

static void assert_real(const json_t *row, const char *key, double expected)
{
	const json_t *value = json_object_get(row, key);

	if (!json_is_real(value) || fabs(json_real_value(value) - expected) > expected * 1e-9)
		fail_msg("%s is %g", key, json_real_value(value));
}

static void assert_text(const json_t *obj, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(obj, key));

	if (!text || strcmp(text, expected))
		fail_msg("%s is %s", key, text ? text : "no string");
}

static void test_row_keys(void **state)
{
	json_t *report = read_rows(rows, 2), *row = row_of(report, 0);

	assert_integer(row, "MsgSize", 65536);
	assert_integer(row, "n_iterations", 1000);
	assert_real(row, "BW_peak", 125);
	assert_real(row, "BW_average", 62.5);
	assert_real(row, "MsgRate", 0.001);
	assert_real(row, "wrs_per_operation", 3);
	assert_text(row, "op", "read");
	assert_text(row, "path", "direct");
	assert_true(json_is_null(json_object_get(row, "engine")));
	assert_true(json_is_null(json_object_get(row, "mr_pool")));
	assert_true(json_is_null(json_object_get(row, "first_corrupt_byte")));
	assert_true(json_is_false(json_object_get(row, "verified")));
	assert_true(json_is_true(json_object_get(row, "interrupted")));
	row = row_of(report, 1);
	assert_text(row, "path", "mr");
	assert_text(row, "engine", "reg");
	assert_true(json_is_true(json_object_get(row, "verified")));
	assert_true(json_is_false(json_object_get(row, "interrupted")));
	json_decref(report);
}

static void test_counts(void **state)
{
	json_t *report = read_rows(rows, 2), *row = row_of(report, 1), *corrupt;

	assert_integer(row, "sges", 16);
	assert_integer(row, "segment_bytes", 4096);
	assert_integer(row, "contexts", 128);
	assert_integer(row, "qps", 2);
	assert_integer(row, "mr_pool", 8);
	assert_integer(row, "operations_issued", 410);
	assert_integer(row, "n_iterations", 390);
	assert_integer(row, "wrs", 1000);
	assert_integer(row, "mr_wanted", 400);
	assert_integer(row, "exhaustions", 100);
	assert_integer(row, "fallbacks", 90);
	assert_integer(row, "failed", 10);
	assert_integer(row, "mr_operations", 310);
	assert_integer(row, "teardowns", 2);
	assert_integer(row, "operations_torn", 10);
	assert_integer(row, "waits", 3);
	assert_integer(row, "sq_stalls", 4);
	assert_integer(row, "elapsed_ns", 500000000);
	assert_integer(row, "corrupt_bytes", 2);
	assert_integer(row_of(report, 0), "doorbells", 500);
	corrupt = json_object_get(row, "first_corrupt_byte");
	assert_integer(corrupt, "context", 5);
	assert_integer(corrupt, "offset", 70);
	assert_integer(corrupt, "expected", 0xaa);
	assert_integer(corrupt, "found", 0x55);
	json_decref(report);
}

static void test_pool_figures(void **state)
{
	json_t *report = read_rows(rows, 2), *row = row_of(report, 1);

	assert_real(row, "wqe_bytes_per_operation", 320);
	assert_real(row, "exhaustion_share", 0.25);
	assert_real(row, "exhaustions_per_s", 200);
	assert_real(row, "first_exhaustion_ns", 2500000);
	assert_real(row, "pool_low_water", 1);
	assert_real(row, "pool_mean_in_use", 6.25);
	assert_real(row, "mr_hold_mean_ns", 33000);
	assert_real(row, "pools", 2);
	assert_real(row, "pool_create_ns", 1250000);
	assert_real(row, "wait_ns", 6000);
	assert_real(row, "sq_stall_ns", 10000);
	assert_real(row, "teardown_ns", 7000000);
	/* what a row without MRs, or without exhaustion, does not have */
	row = row_of(report, 0);
	assert_true(json_is_null(json_object_get(row, "wqe_bytes_per_operation")));
	assert_true(json_is_null(json_object_get(row, "exhaustion_share")));
	assert_true(json_is_null(json_object_get(row, "first_exhaustion_ns")));
	assert_true(json_is_null(json_object_get(row, "pool_low_water")));
	assert_true(json_is_null(json_object_get(row, "mr_hold_mean_ns")));
	json_decref(report);
}

static void test_ratios(void **state)
{
	struct rw_result odd[4] = { rows[0], rows[1], rows[0], rows[1] };
	json_t *report = read_rows(rows, 2), *list = json_object_get(report, "ratios");

	assert_int_equal(json_array_size(list), 1);
	assert_integer(json_array_get(list, 0), "MsgSize", 65536);
	assert_real(json_array_get(list, 0), "mr_over_direct", 0.78);
	json_decref(report);
	/* of four rows only the last two can be compared */
	odd[0].size_bytes = 4096;
	odd[3].operations = 400;
	report = read_rows(odd, 4);
	list = json_object_get(report, "ratios");
	assert_int_equal(json_array_size(list), 1);
	assert_real(json_array_get(list, 0), "mr_over_direct", 0.8);
	json_decref(report);
}

static void test_top_level(void **state)
{
	struct rw_report_facts facts = { .command_line = "ib_rw_test -s 64K host",
					 .caveat = "says nothing of hardware" };
	struct rw_conf conf;
	json_t *report, *info;

	rw_conf_init(&conf, &program);
	facts.device = json_pack("{s:s}", "name", "rxe0");
	conf.report_gbits = conf.no_peak = true;
	report = read_report(&conf, &facts, rows, 2, NULL);
	info = json_object_get(report, "test_info");
	assert_integer(report, "schema_version", 1);
	assert_text(info, "program", "ib_rw_test");
	assert_text(info, "command_line", "ib_rw_test -s 64K host");
	assert_text(info, "caveat", "says nothing of hardware");
	assert_text(info, "bandwidth_unit", "Gb/sec");
	assert_text(json_object_get(info, "device"), "name", "rxe0");
	assert_true(json_is_null(json_object_get(info, "peer")));
	assert_integer(json_object_get(info, "configuration"), "size", 65536);
	assert_true(json_is_null(json_object_get(report, "error")));
	assert_real(row_of(report, 0), "BW_average", 0.524288);
	assert_true(json_is_null(json_object_get(row_of(report, 0), "BW_peak")));
	json_decref(report);
	assert_int_equal(facts.device->refcount, 1); /* only borrowed */
	json_decref(facts.device);
}

static void test_failure(void **state)
{
	static const struct rw_report_facts facts = { .command_line = "x" };
	struct rw_err failure = { 0 };
	struct rw_conf conf;
	json_t *report;

	rw_conf_init(&conf, &program);
	report = read_report(&conf, &facts, rows, 1, &failure);
	assert_true(json_is_null(json_object_get(report, "error")));
	json_decref(report);
	rw_fail(&failure, RW_EXIT_PEER, -EPROTO, "the peer is gone");
	report = read_report(&conf, &facts, rows, 1, &failure);
	assert_integer(json_object_get(report, "error"), "exit_code", 3);
	assert_text(json_object_get(report, "error"), "text", "the peer is gone");
	assert_int_equal(json_array_size(json_object_get(report, "results")), 1);
	json_decref(report);
	report = read_report(&conf, &facts, NULL, 0, &failure);
	assert_int_equal(json_array_size(json_object_get(report, "results")), 0);
	json_decref(report);
}

/* Words that came in as bytes: the report says them as well as JSON can. */
static void test_text_that_is_no_utf8(void **state)
{
	static const struct rw_report_facts facts = { .command_line = "ib_rw_test --json=\xff" };
	struct rw_err failure = { 0 };
	struct rw_conf conf;
	json_t *report;

	rw_conf_init(&conf, &program);
	strcpy(conf.json, "\xff");
	rw_fail(&failure, RW_EXIT_RUN, -EIO, "cannot write \xe9");
	report = read_report(&conf, &facts, rows, 1, &failure);
	assert_text(json_object_get(report, "error"), "text", "cannot write ?");
	assert_text(json_object_get(report, "test_info"), "command_line", "ib_rw_test --json=?");
	assert_true(json_is_object(
		json_object_get(json_object_get(report, "test_info"), "configuration")));
	json_decref(report);
}

static void test_mix(void **state)
{
	struct rw_result results[] = { mixed_row, direct_row };
	json_t *report = read_rows(results, RW_ARRAY_SIZE(results));
	json_t *mix = json_object_get(row_of(report, 0), "mix");
	json_t *writes = json_array_get(mix, 1);

	assert_int_equal(json_array_size(mix), 2);
	assert_text(writes, "op", "write");
	assert_int_equal(json_integer_value(json_object_get(writes, "size")), 65536);
	assert_int_equal(json_integer_value(json_object_get(writes, "operations")), 200);
	assert_real(writes, "share", 0.25);
	assert_real(row_of(report, 0), "BW_average", 4.638671875);
	assert_int_equal(json_integer_value(json_object_get(row_of(report, 0), "MsgSize")), 19456);
	assert_true(json_is_null(json_object_get(row_of(report, 1), "mix")));
	json_decref(report);
}

/* JSON knows no nan: what cannot be said is null, what is nothing is 0. */
static void test_nothing_measured(void **state)
{
	struct rw_result results[] = {
		{ .op = "read", .path = "direct", .size_bytes = 64, .operations = 5 },
		{ .op = "read", .path = "mr", .size_bytes = 64, .operations = 5 },
		{ .op = "read", .path = "direct" },
		{ .op = "read", .path = "mr", .peak_bytes_per_s = INFINITY, .size_bytes = 64 },
		{ .op = "read", .path = "mr", .peak_bytes_per_s = NAN },
	};
	json_t *report = read_rows(results, RW_ARRAY_SIZE(results));

	assert_int_equal(json_array_size(json_object_get(report, "ratios")), 0);
	assert_real(row_of(report, 2), "BW_average", 0);
	assert_real(row_of(report, 2), "MsgRate", 0);
	assert_real(row_of(report, 2), "wrs_per_operation", 0);
	assert_true(json_is_null(json_object_get(row_of(report, 3), "BW_peak")));
	assert_true(json_is_null(json_object_get(row_of(report, 4), "BW_peak")));
	json_decref(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_keys),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_pool_figures),
		cmocka_unit_test(test_ratios),
		cmocka_unit_test(test_top_level),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_text_that_is_no_utf8),
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_nothing_measured),
	};

	return cmocka_run_group_tests(tests, make_rows, NULL);
}
