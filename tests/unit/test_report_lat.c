/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Reports of latencies of rows with no operation, with one and with some: never nan or inf. */
#include "unit.h"

#include "capture.h"

#include <math.h>

#include "report_rows.h"

static const struct rw_test lat_program = {
	.program = "ib_rw_lat",
	.title = "a test of latencies",
	.id = "lat",
	.size_bytes = 4096,
	.contexts = 1,
	.is_latency = true,
};

static const struct rw_test bw_program = { .program = "ib_rw_bw", .title = "another", .id = "bw" };

static const struct rw_clock clock_of_test = { .ns_per_tick = 0.3 };

/* A direct row and one with MRs, of @n operations each. */
static void make_rows(struct rw_result rows[2], uint32_t n, uint64_t rate)
{
	rows[0] = direct_row;
	rows[1] = mr_row;
	for (uint32_t i = 0; i < 2; i++) {
		struct rw_latency *latency = rw_latency_new(&clock_of_test, rate, n);

		assert_non_null(latency);
		for (uint64_t k = 0; k < n; k++) {
			const struct rw_op_times times = {
				.due = 0, .begun = 10 + k, .posting = 30 + k, .posted = 40 + 2 * k,
				.polling = 60, .completed = 27771 + k, .path = i,
			};

			rw_latency_record(latency, &times);
			rw_latency_end_block(latency);
		}
		rw_latency_finish(latency);
		rows[i].latency = latency;
		rows[i].issued = rows[i].operations = n;
		rows[i].rate = rate;
		if (n)
			continue;
		rows[i].wrs = rows[i].mr_wanted = rows[i].exhaustions = rows[i].elapsed_ns = 0;
		rows[i].mr_operations = rows[i].fallbacks = rows[i].failed = 0;
	}
}

static void free_rows(struct rw_result rows[2])
{
	for (int i = 0; i < 2; i++)
		rw_latency_free(rows[i].latency);
}

static void make_conf(struct rw_conf *conf, uint64_t rate, bool cycles)
{
	rw_conf_init(conf, &lat_program);
	conf->rate = rate;
	conf->cycles = cycles;
	conf->histogram = conf->unsorted = true;
}

/* Of no operation there is no latency: no figure that looks as if it had been measured. */
static void assert_no_numbers(const json_t *row, bool has_rate)
{
	static const char *const keys[] = {
		"t_min", "t_max", "t_typical", "t_avg", "t_stdev", "percentile_99",
		"percentile_99.9", "percentiles_ns", "split_mean_ns",
	};
	const json_t *loop = json_object_get(row, "open_loop");

	for (size_t i = 0; i < RW_ARRAY_SIZE(keys); i++)
		assert_true(json_is_null(json_object_get(row, keys[i])));
	if (!has_rate)
		return;
	assert_true(json_is_null(json_object_get(loop, "queued_mean_ns")));
	assert_true(json_is_null(json_object_get(loop, "service_ns")));
	assert_true(json_is_number(json_object_get(loop, "begun_per_s")));
}

/* Each figure is a number; null stands where none is, and of these there are few. */
static void assert_numbers(const json_t *row, bool has_rate)
{
	static const char *const keys[] = {
		"t_min", "t_max", "t_typical", "t_avg", "t_stdev", "percentile_99",
		"percentile_99.9",
	};
	static const char *const objects[] = { "percentiles_ns", "split_mean_ns", "open_loop" };
	const char *key;
	json_t *value;

	for (size_t i = 0; i < RW_ARRAY_SIZE(keys); i++)
		assert_true(json_is_real(json_object_get(row, keys[i])));
	for (size_t i = 0; i < RW_ARRAY_SIZE(objects) - !has_rate; i++) {
		assert_true(json_is_object(json_object_get(row, objects[i])));
		json_object_foreach(json_object_get(row, objects[i]), key, value)
			if (!json_is_number(value) && !json_is_boolean(value) &&
			    strcmp(key, "service_ns") != 0)
				fail_msg("%s in %s is none", key, objects[i]);
	}
}

static void check_json(const struct rw_conf *conf, const struct rw_result rows[2], uint32_t n)
{
	static const struct rw_report_facts facts = { .command_line = "ib_rw_lat host" };
	json_t *report = rw_report_json(conf, &facts, rows, 2, NULL);

	/* An object with one nan would not be there at all: jansson takes none. */
	for (size_t i = 0; i < 2; i++) {
		const json_t *row = json_array_get(json_object_get(report, "results"), i);

		if (n)
			assert_numbers(row, conf->rate);
		else
			assert_no_numbers(row, conf->rate);
		assert_int_equal(json_array_size(json_object_get(row, "samples_ns")), n);
	}
	json_decref(report);
}

static void check_table(const struct rw_conf *conf, const struct rw_result rows[2], uint32_t n)
{
	static char text[16384];
	struct capture capture;

	capture_begin(&capture);
	rw_table_columns(conf);
	for (int i = 0; i < 2; i++)
		rw_table_row(conf, &rows[i]);
	rw_table_ratio(conf, &rows[1], &rows[0]);
	capture_end(&capture, text, sizeof(text));
	for (const char *p = text; *p; p++)
		if (!strncmp(p, "nan", 3) || !strncmp(p, "inf", 3))
			fail_msg("'%.40s' in the table", p > text + 20 ? p - 20 : p);
	/* Of both tables: the columns of the one, the note of the other, the note of a queue. */
	assert_int_equal(!strstr(text, " 0          -              -            -"),
			 n || !conf->test->is_latency);
	assert_int_equal(!!strstr(text, "# latency"), n && !conf->test->is_latency);
	assert_int_equal(!!strstr(text, "service time"), n && conf->rate);
}

/* Is the queue told to grow, and in words that fit the counts beside them? */
static void test_overrun(void **state)
{
	static const struct {
		uint64_t issued, unserved, queue_max;
		const char *words; /* NULL: none of a queue that grew */
	} loads[] = {
		{ 1000, 0, 40, NULL },
		{ 970, 0, 40, NULL },  /* a Poisson count varies by 32 */
		{ 960, 10, 40, NULL },
		{ 880, 0, 10, NULL },  /* nothing waited */
		{ 880, 0, 200, "all operations were begun, but late; the latencies" },
		{ 880, 120, 120, "120 operations were due and never begun; the latencies" },
	};
	static char text[16384];
	struct capture capture;
	struct rw_result rows[2];
	struct rw_conf conf;

	make_rows(rows, 10, 1000);
	make_conf(&conf, 1000, false);
	for (size_t i = 0; i < RW_ARRAY_SIZE(loads); i++) {
		rows[0].elapsed_ns = 1000000000;
		rows[0].issued = loads[i].issued;
		rows[0].unserved = loads[i].unserved;
		rows[0].queue_max = loads[i].queue_max;
		assert_int_equal(rw_result_is_overrun(&rows[0]), loads[i].words != NULL);
		capture_begin(&capture);
		rw_table_row(&conf, &rows[0]);
		capture_end(&capture, text, sizeof(text));
		assert_int_equal(strstr(text, "growing queue") != NULL, loads[i].words != NULL);
		if (loads[i].words && !strstr(text, loads[i].words))
			fail_msg("'%s' is not in %s", loads[i].words, text);
	}
	free_rows(rows);
}

static void test_no_nan(void **state)
{
	static const uint32_t counts[] = { 0, 1, 2, 100 };
	static const uint64_t loads[] = { 0, 1000 };

	for (size_t i = 0; i < RW_ARRAY_SIZE(counts) * RW_ARRAY_SIZE(loads) * 2; i++) {
		uint32_t n = counts[i / 4];
		uint64_t rate = loads[i / 2 % 2];
		struct rw_result rows[2];
		struct rw_conf conf;

		make_rows(rows, n, rate);
		make_conf(&conf, rate, i % 2);
		check_json(&conf, rows, n);
		check_table(&conf, rows, n);
		conf.test = &bw_program;
		check_table(&conf, rows, n);
		free_rows(rows);
	}
}

/* One operation of 8322.3 ns: its percentiles are what it is, not what a bucket holds. */
static void test_extremes(void **state)
{
	static const struct rw_report_facts facts = { .command_line = "ib_rw_lat host" };
	struct rw_result rows[2];
	struct rw_conf conf;
	json_t *report, *row;

	make_rows(rows, 1, 0);
	make_conf(&conf, 0, false);
	report = rw_report_json(&conf, &facts, rows, 2, NULL);
	row = json_array_get(json_object_get(report, "results"), 0);
	assert_true(fabs(json_real_value(json_object_get(row, "t_avg")) - 8.3223) < 1e-9);
	assert_true(json_equal(json_object_get(row, "t_max"), json_object_get(row, "t_min")));
	assert_true(json_equal(json_object_get(row, "t_max"), json_object_get(row, "t_typical")));
	assert_true(json_equal(json_object_get(row, "t_max"),
			       json_object_get(row, "percentile_99.9")));
	assert_true(json_real_value(json_object_get(row, "t_stdev")) == 0);
	json_decref(report);
	free_rows(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_nan),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
