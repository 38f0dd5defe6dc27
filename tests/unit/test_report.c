/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The table to the byte, the JSON report key by key. */
#include "unit.h"

#include <string.h>

#include "capture.h"
#include "report_rows.h"

/* As in perftest's sources. */
#define PERFTEST_HEAD                                                                              \
	" #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]"
#define PERFTEST_HEAD_G                                                                            \
	" #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]"
#define PERFTEST_ROW " %-7lu    %-10lu       %-7.2lf            %-7.2lf\t\t   %-7.6lf"
#define PERFTEST_ROW_SMALL " %-7lu    %lu           %-7.6lf            %-7.6lf            %-7.6lf"

static const char *row_text(const struct rw_conf *conf, const struct rw_result *row, char *buf,
			    size_t len)
{
	struct capture capture;

	capture_begin(&capture);
	rw_table_row(conf, row);
	return capture_end(&capture, buf, len);
}

static const char *columns_text(const struct rw_conf *conf, char *buf, size_t len)
{
	struct capture capture;

	capture_begin(&capture);
	rw_table_columns(conf);
	return capture_end(&capture, buf, len);
}

/* Each word of @words stands in @text, in this order. */
static void assert_words(const char *text, const char *words)
{
	char copy[256], *save = NULL;

	strcpy(copy, words);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		text = strstr(text, word);
		if (!text)
			fail_msg("no %s", word);
		text += strlen(word);
	}
}

static void assert_starts(const char *text, const char *start)
{
	if (strncmp(text, start, strlen(start)))
		fail_msg("'%s' does not start with '%s'", text, start);
}

static void test_columns(void **state)
{
	struct rw_conf conf;
	char text[1200];

	rw_conf_init(&conf, &program);
	columns_text(&conf, text, sizeof(text));
	assert_starts(text, PERFTEST_HEAD " ");
	assert_words(text + strlen(PERFTEST_HEAD),
		     "path engine sges contexts pool exhaustions fallbacks failed WRs/op WQE B/op");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	conf.report_gbits = true;
	assert_starts(columns_text(&conf, text, sizeof(text)), PERFTEST_HEAD_G " ");
}

/* One line, and below it nothing but comments. */
static void assert_one_row(const char *text)
{
	for (const char *end = strchr(text, '\n'); end[1]; end = strchr(end + 1, '\n'))
		assert_starts(end + 1, " # ");
}

static void test_row(void **state)
{
	char text[1200], perftest[200];
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	row_text(&conf, &direct_row, text, sizeof(text));
	assert_starts(text,
		      " 65536      1000             125.00             62.50  \t\t   0.001000 ");
	snprintf(perftest, sizeof(perftest), PERFTEST_ROW, 65536UL, 1000UL, 125.0, 62.5, 0.001);
	assert_starts(text, perftest);
	assert_words(text + strlen(perftest), "direct - 16 128 - 0 0 0 3.00 -");
	assert_one_row(text);

	row_text(&conf, &mr_row, text, sizeof(text));
	snprintf(perftest, sizeof(perftest), PERFTEST_ROW, 65536UL, 390UL, 75.0, 48.75,
		 0.00078);
	assert_starts(text, perftest);
	assert_words(text + strlen(perftest), "mr reg 16 128 8 100 90 10 2.50 320\n");

	/* decimal: 65536 bytes * 8 bits * 1000 per second = 0.524288 Gb/s */
	conf.report_gbits = true;
	row_text(&conf, &direct_row, text, sizeof(text));
	snprintf(perftest, sizeof(perftest), PERFTEST_ROW, 65536UL, 1000UL, 1.048576, 0.524288,
		 0.001);
	assert_starts(text, perftest);
}

/* -N's is 0 as with perftest; the kernel's module knows none, and its column stays. */
static void test_no_peak(void **state)
{
	struct rw_result row = direct_row;
	char text[1200];
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	row.peak_bytes_per_s = 0;
	row_text(&conf, &row, text, sizeof(text));
	assert_words(text, "65536 1000 0.00 62.50 0.001000 direct - 16");
	row.kernel = json_object();
	row_text(&conf, &row, text, sizeof(text));
	assert_words(text, "65536 1000 - 62.50 0.001000 direct - 16");
	assert_starts(text,
		      " 65536      1000             -                  62.50  \t\t   0.001000 ");
	json_decref(row.kernel);
}

/* perftest has more decimals when the average is below 0.1 Gb/s; never in MiB/s. */
static void test_small_row(void **state)
{
	/* 64 bytes * 8 bits * N per second: 0.1 Gb/s is N = 195312.5 */
	const struct {
		uint64_t operations;
		bool small;
	} rates[] = { { 195313, false }, { 195312, true }, { 1, true } };
	struct rw_result row = direct_row;
	char text[1200], perftest[200];
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	row.size_bytes = 64;
	row.peak_bytes_per_s = 200000.0 * (double)row.size_bytes;
	for (size_t i = 0; i < RW_ARRAY_SIZE(rates); i++) {
		unsigned long n = row.operations = rates[i].operations;
		double average = (double)n * 64 * 8 / 1e9;

		conf.report_gbits = true;
		row_text(&conf, &row, text, sizeof(text));
		if (rates[i].small)
			snprintf(perftest, sizeof(perftest), PERFTEST_ROW_SMALL " ", 64UL, n,
				 0.1024, average, (double)n / 1e6);
		else
			snprintf(perftest, sizeof(perftest), PERFTEST_ROW " ", 64UL, n, 0.1024,
				 average, (double)n / 1e6);
		assert_starts(text, perftest);
		assert_words(text + strlen(perftest), "direct - 16 128 - 0 0 0");

		conf.report_gbits = false;
		row_text(&conf, &row, text, sizeof(text));
		snprintf(perftest, sizeof(perftest), PERFTEST_ROW " ", 64UL, n,
			 200000 * 64 / 1048576.0, (double)n * 64 / 1048576.0, (double)n / 1e6);
		assert_starts(text, perftest);
	}
}

/* Wider than their columns: numbers push, they are not cut. */
/* The bandwidth is of the bytes that were moved, not of operations of one size. */
static void test_mixed_row(void **state)
{
	char text[1200], perftest[200];
	struct rw_result row = mixed_row;
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	row_text(&conf, &row, text, sizeof(text));
	snprintf(perftest, sizeof(perftest), PERFTEST_ROW, 19456UL, 800UL, 8.0,
		 4.638671875, 0.00025);
	assert_starts(text, perftest);
	assert_words(text,
		     "# mix: read 4096 bytes 600 (75.0 %), write 65536 bytes 200 (25.0 %)\n");
	assert_one_row(text);
	row.operations = row.mix[0].operations = row.mix[1].operations = 0;
	row_text(&conf, &row, text, sizeof(text));
	assert_words(text, "# mix: read 4096 bytes 0 (0.0 %), write 65536 bytes 0 (0.0 %)\n");
}

static void test_wide_row(void **state)
{
	struct rw_result row = direct_row;
	char text[1200], perftest[200];
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	row.size_bytes = 1 << 30;
	row.peak_bytes_per_s = 2000.0 * (double)row.size_bytes;
	row.operations = 123456789012;
	row.elapsed_ns = UINT64_C(123456789012) * 1000000;
	row_text(&conf, &row, text, sizeof(text));
	snprintf(perftest, sizeof(perftest), PERFTEST_ROW, 1073741824UL, 123456789012UL, 2048000.0,
		 1024000.0, 0.001);
	assert_starts(text, perftest);
}

static void test_notes_below_a_row(void **state)
{
	struct rw_result row = direct_row;
	struct rw_conf conf;
	char text[1200];

	rw_conf_init(&conf, &program);
	row.interrupted = true;
	row.corrupt.bytes = 17;
	row_text(&conf, &row, text, sizeof(text));
	assert_words(text, "CORRUPT: 17");
	assert_words(text, "interrupted");
	/* notes are comments: the row stays one line that scripts can find */
	assert_words(text, "\n #");
	row_text(&conf, &direct_row, text, sizeof(text));
	assert_null(strstr(text, "CORRUPT"));
	assert_null(strstr(text, "interrupted"));
	assert_one_row(text);
}

static void test_host_lines(void **state)
{
	struct rw_result row = direct_row;
	struct rw_conf conf;
	char text[1200];

	rw_conf_init(&conf, &program);
	row.cpu_thread_ns = 2500000;
	row.cpu_process_ns = 3e6;
	row.nr_intervals = 3;
	row.interval_ns = 500000000;
	row.rates.min_operations = 900;
	row.rates.max_operations = 1100;
	row.counters = json_pack("{s:i, s:n}", "hw_counters/a", 7, "counters/b");
	row_text(&conf, &row, text, sizeof(text));
	json_decref(row.counters);
	assert_words(text, "CPU: 2.500 us 3.000 us");
	assert_words(text, "500 ms: 900 to 1100");
	assert_words(text, "# hw_counters/a: +7\n");
	assert_words(text, "# counters/b: not known");
}

static void test_pool_lines(void **state)
{
	struct rw_result row = mr_row;
	struct rw_conf conf;
	char text[1200];

	rw_conf_init(&conf, &program);
	row_text(&conf, &row, text, sizeof(text));
	assert_words(text, "\n # mr: 400 25 200/s 2.500 8 6.2 1 33.0 1.25 \n");
	assert_words(text, "# 3 waits 2.0 \n");
	assert_words(text, "# 2 teardowns 3.500 10 \n");
	assert_words(text, "# 4 SQ stalls 2.5");
	/* what did not happen is not told */
	row.exhaustions = row.waits = row.teardowns = row.sq_stalls = 0;
	row_text(&conf, &row, text, sizeof(text));
	assert_words(text, "# mr: 400 8 6.2");
	assert_null(strstr(text, "empty"));
	assert_null(strstr(text, "waits"));
	assert_null(strstr(text, "teardowns"));
	assert_null(strstr(text, "stalls"));
}

static void test_ratio_line(void **state)
{
	const struct rw_conf conf = { .test = &program };
	struct rw_result mr = mr_row;
	struct capture capture;
	char text[300];

	capture_begin(&capture);
	rw_table_ratio(&conf, &mr, &direct_row);
	capture_end(&capture, text, sizeof(text));
	assert_words(text, "# MR / 65536 16 0.780 23.1 fell 10 dropped");
	mr.fallbacks = mr.failed = 0;
	mr.path = "auto";
	capture_begin(&capture);
	rw_table_ratio(&conf, &mr, &direct_row);
	capture_end(&capture, text, sizeof(text));
	assert_words(text, "# auto / 0.780");
	assert_null(strstr(text, "fell"));
	assert_null(strstr(text, "dropped"));
}

static void test_pairs(void **state)
{
	const struct rw_result *direct = NULL;
	struct rw_result rows[4] = { direct_row, mr_row, direct_row, mr_row };

	assert_false(rw_result_pair(rows, 0, &direct));
	assert_true(rw_result_pair(rows, 1, &direct));
	assert_ptr_equal(direct, &rows[0]);
	assert_false(rw_result_pair(rows, 2, &direct));
	assert_true(rw_result_pair(rows, 3, &direct));
	assert_ptr_equal(direct, &rows[2]);
	/* another size is no measure; nor is a row without operations, or without time */
	rows[1].size_bytes = 4096;
	assert_false(rw_result_pair(rows, 1, &direct));
	rows[3].operations = 0;
	assert_false(rw_result_pair(rows, 3, &direct));
	rows[3] = mr_row;
	rows[2].operations = 0;
	rows[1] = mr_row;
	rows[1].size_bytes = 1;
	assert_false(rw_result_pair(rows, 3, &direct));
	rows[2] = direct_row;
	rows[2].elapsed_ns = 0;
	assert_false(rw_result_pair(rows, 3, &direct));
	rows[2] = direct_row;
	rows[3].elapsed_ns = 0;
	assert_false(rw_result_pair(rows, 3, &direct));
	/* MR paths alone have nothing beside them */
	rows[0] = rows[1] = mr_row;
	assert_false(rw_result_pair(rows, 1, &direct));
}

/* Most engines count WRs as they are posted, the kernel's module as operations complete. */
static void test_wrs_of_lost_operations(void **state)
{
	struct rw_result row = { .issued = 10, .operations = 4, .torn = 5, .failed = 1 };

	row.wrs = 18;
	assert_true(rw_result_wrs_per_op(&row) == 2);
	row.wrs = 8;
	row.kernel = json_object();
	assert_true(rw_result_wrs_per_op(&row) == 2);
	json_decref(row.kernel);
}

static void test_nothing_measured(void **state)
{
	const struct rw_result empty = { .op = "read", .path = "direct", .size_bytes = 64 };
	const struct rw_result untimed = { .op = "read", .path = "mr", .operations = 3, .wrs = 3 };
	struct rw_conf conf;
	char text[1200];

	rw_conf_init(&conf, &program);
	assert_true(rw_result_ops_per_s(&empty) == 0 && rw_result_bytes_per_s(&empty) == 0);
	assert_true(rw_result_wrs_per_op(&empty) == 0 && rw_result_ops_per_s(&untimed) == 0);
	row_text(&conf, &empty, text, sizeof(text));
	assert_starts(text,
		      " 64         0                0.00               0.00   \t\t   0.000000");
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	row_text(&conf, &untimed, text, sizeof(text));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
}

static void test_head_without_facts(void **state)
{
	static const struct rw_report_facts none = { .command_line = "x" };
	struct capture capture;
	struct rw_conf conf;
	char text[2000];

	rw_conf_init(&conf, &program);
	conf.op = RW_VERB_WRITE;
	capture_begin(&capture);
	rw_table_head(&conf, &none);
	rw_table_end(&none);
	capture_end(&capture, text, sizeof(text));
	assert_words(text, "RDMA_Write BW Test");
	assert_null(strstr(text, "(null)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),		 cmocka_unit_test(test_row),
		cmocka_unit_test(test_no_peak),
		cmocka_unit_test(test_small_row),
		cmocka_unit_test(test_mixed_row),
		cmocka_unit_test(test_wide_row),	 cmocka_unit_test(test_notes_below_a_row),
		cmocka_unit_test(test_host_lines),
		cmocka_unit_test(test_pool_lines),
		cmocka_unit_test(test_ratio_line),	 cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_wrs_of_lost_operations),
		cmocka_unit_test(test_nothing_measured), cmocka_unit_test(test_head_without_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
