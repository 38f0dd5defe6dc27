/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The option table itself, and the help text made from it. */
#include "unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "capture.h"
#include "conf/options.h"
#include "program.h"
#include "util/units.h"

static size_t field_bytes(const struct rw_opt *opt)
{
	if (opt->type == RW_OPT_FLAG)
		return sizeof(bool);
	if (opt->type == RW_OPT_OPTIONAL)
		return sizeof(struct rw_optional);
	return opt->type == RW_OPT_STRING ? opt->max : sizeof(uint64_t);
}

static void test_names_are_unique(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		for (uint32_t j = 0; j < rw_nr_opts; j++) {
			const struct rw_opt *a = &rw_opts[i], *b = &rw_opts[j];

			if (a->alias && !strcmp(a->alias, b->name))
				fail_msg("the alias --%s is a name, too", a->alias);
			if (i == j)
				continue;
			if ((a->letter && a->letter == b->letter) || !strcmp(a->name, b->name))
				fail_msg("--%s and --%s are the same", a->name, b->name);
			if (a->alias && b->alias && !strcmp(a->alias, b->alias))
				fail_msg("the alias --%s stands there twice", a->alias);
		}
}

static void test_rows_are_whole(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		bool has_names = opt->type == RW_OPT_NAME || opt->type == RW_OPT_LIST;

		if (opt->letter && !isalnum((unsigned char)opt->letter))
			fail_msg("--%s has the letter '%c'", opt->name, opt->letter);
		assert_true(strlen(opt->name) > 1);
		assert_true(opt->help && strlen(opt->help) >= 3);
		assert_true(opt->group && *opt->group);
		assert_true(opt->min <= opt->max);
		assert_int_equal(opt->type == RW_OPT_FLAG, !opt->unit);
		/* Of texts some values may be known. */
		if (opt->type != RW_OPT_STRING && opt->type != RW_OPT_OPTIONAL)
			assert_int_equal(has_names, opt->names != NULL);
		if (opt->type == RW_OPT_NUMBER || opt->type == RW_OPT_SIZE)
			assert_true(opt->max < INT64_MAX); /* JSON carries it */
		for (uint64_t n = 0; has_names && n <= opt->max; n++)
			if (opt->type == RW_OPT_NAME)
				assert_non_null(opt->names[n]);
		if (opt->type == RW_OPT_NAME)
			assert_null(opt->names[opt->max + 1]);
	}
}

/* Groups stand together: --help prints each heading once. */
static void test_groups_stand_together(void **state)
{
	for (uint32_t i = 1; i < rw_nr_opts; i++)
		for (uint32_t j = 0; j + 1 < i; j++)
			if (!strcmp(rw_opts[i].group, rw_opts[j].group) &&
			    strcmp(rw_opts[i].group, rw_opts[i - 1].group))
				fail_msg("--%s stands apart from its group", rw_opts[i].name);
}

/* The text option @name fills its field of @bytes. */
static bool is_text(const struct rw_opt *opt)
{
	return opt->type == RW_OPT_STRING || opt->type == RW_OPT_OPTIONAL;
}

static char *text_of(const struct rw_opt *opt, struct rw_conf *conf)
{
	return opt->type == RW_OPT_STRING ? rw_opt_string(opt, conf) :
					    rw_opt_optional(opt, conf)->text;
}

static void check_room(const char *name, size_t bytes)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		if (strcmp(rw_opts[i].name, name))
			continue;
		assert_true(is_text(&rw_opts[i]));
		assert_int_equal(rw_opts[i].max, bytes);
		return;
	}
	fail_msg("no --%s", name);
}

/* No field overlaps another, and each is aligned for its type. */
static void test_fields(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *a = &rw_opts[i];

		assert_true(a->offset + field_bytes(a) <= sizeof(struct rw_conf));
		if (a->type != RW_OPT_FLAG && a->type != RW_OPT_STRING &&
		    a->type != RW_OPT_OPTIONAL)
			assert_int_equal(a->offset % sizeof(uint64_t), 0);
		for (uint32_t j = 0; j < rw_nr_opts; j++) {
			const struct rw_opt *b = &rw_opts[j];

			if (i != j && a->offset < b->offset + field_bytes(b) &&
			    b->offset < a->offset + field_bytes(a))
				fail_msg("--%s and --%s share memory", a->name, b->name);
		}
	}
	check_room("ib-dev", sizeof(((struct rw_conf *)0)->device));
	check_room("bind", sizeof(((struct rw_conf *)0)->bind));
	check_room("json", sizeof(((struct rw_conf *)0)->json));
	check_room("engine", sizeof(((struct rw_conf *)0)->engine));
	check_room("explain", sizeof(((struct rw_optional *)0)->text));
}

/* A default can be typed, or is "auto", or is 0 for "not given". */
static void test_defaults_can_be_typed(void **state)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		struct rw_conf conf, typed;
		struct rw_err err = { 0 };

		rw_conf_init(&conf, &program);
		rw_conf_init(&typed, &program);
		if (opt->type == RW_OPT_OPTIONAL) {
			assert_null(opt->fallback);
			assert_false(rw_opt_optional(opt, &conf)->given);
			continue;
		}
		if (!opt->fallback) {
			assert_in_range(*rw_opt_number(opt, &conf), opt->min, opt->max);
			continue;
		}
		if ((opt->type == RW_OPT_NUMBER || opt->type == RW_OPT_SIZE) &&
		    !strcmp(opt->fallback, "0")) {
			assert_int_equal(*rw_opt_number(opt, &conf), 0);
			continue;
		}
		if (rw_opt_set(opt, &typed, opt->fallback, &err))
			fail_msg("--%s: %s", opt->name, err.text);
		assert_memory_equal(&typed, &conf, sizeof(conf));
		if (rw_opt_has_auto(opt))
			assert_true(*rw_opt_number(opt, &conf) == RW_AUTO);
	}
}

/* A text that fills its field fits; one byte more is refused, not cut. */
static void test_longest_texts(void **state)
{
	char text[2048];

	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		struct rw_err err = { 0 };
		struct rw_conf conf;

		if (!is_text(opt))
			continue;
		rw_conf_init(&conf, &program);
		memset(text, 'x', sizeof(text));
		text[opt->max - 1] = '\0';
		assert_int_equal(rw_opt_set(opt, &conf, text, &err), 0);
		assert_string_equal(text_of(opt, &conf), text);
		text[opt->max - 1] = 'x';
		text[opt->max] = '\0';
		assert_int_equal(rw_opt_set(opt, &conf, text, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, opt->name);
		assert_int_equal(strlen(text_of(opt, &conf)), opt->max - 1);
	}
}

static void test_defaults(void **state)
{
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	assert_int_equal(conf.size_bytes, 65536);
	assert_int_equal(conf.contexts, 128);
	assert_int_equal(conf.iters, 1000);
	assert_int_equal(conf.duration_s, 0);
	assert_int_equal(conf.qps, 1);
	assert_int_equal(conf.tcp_port, 18515);
	assert_int_equal(conf.ib_port, 1);
	assert_int_equal(conf.qp_timeout, 14);
	assert_int_equal(conf.post_list, 1);
	assert_int_equal(conf.cq_mod, 1);
	assert_int_equal(conf.op, RW_VERB_READ);
	assert_int_equal(conf.paths, 1 << RW_PATH_DIRECT | 1 << RW_PATH_MR | 1 << RW_PATH_AUTO);
	assert_int_equal(conf.on_exhaustion, RW_EXHAUSTION_FALLBACK);
	assert_true(conf.gid_index == RW_AUTO && conf.sges == RW_AUTO && conf.mr_pool == RW_AUTO);
	assert_false(conf.verify || conf.all_sizes || conf.keep_serving || conf.report_gbits);
	assert_string_equal(conf.device, "");
	assert_string_equal(conf.json, "");
}

/* The help text, each run of blanks and line ends as one blank. */
static const char *help_words(const struct rw_test *test, char *words, size_t len)
{
	static char text[20000];
	struct capture capture;
	size_t used = 0;

	capture_begin(&capture);
	rw_conf_help(test);
	capture_end(&capture, text, sizeof(text));
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (end - line > 100 || (end > line && end[-1] == ' '))
			fail_msg("%d columns, or a blank at the end: %.*s", (int)(end - line),
				 (int)(end - line), line);
	}
	for (const char *p = text; *p && used + 2 < len; p++)
		if (!isspace((unsigned char)*p))
			words[used++] = *p;
		else if (used && words[used - 1] != ' ')
			words[used++] = ' ';
	words[used] = '\0';
	return words;
}

/* What --help must say of a row: letter, name, unit, then text, names and default. */
static void expected_help(const struct rw_opt *opt, const struct rw_conf *conf, char *buf,
			  size_t len)
{
	char value[64] = "", size[RW_SIZE_TEXT];
	uint64_t number;
	size_t used = 0;

	if (opt->letter)
		used = (size_t)snprintf(buf, len, "-%c, ", opt->letter);
	used += (size_t)snprintf(buf + used, len - used, "--%s%s%s%s%s %s", opt->name,
				 opt->type == RW_OPT_OPTIONAL ? "[" : "", opt->unit ? "=" : "",
				 opt->unit ? opt->unit : "",
				 opt->type == RW_OPT_OPTIONAL ? "]" : "", opt->help);
	for (int i = 0; opt->names && opt->names[i]; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? " " : ": ",
					 opt->names[i]);
	if (opt->type == RW_OPT_NUMBER || opt->type == RW_OPT_SIZE) {
		number = *(const uint64_t *)((const char *)conf + opt->offset);
		if (number == RW_AUTO)
			assert_non_null(strstr(opt->help, "(auto: "));
		else if (number >= opt->min && opt->type == RW_OPT_SIZE)
			snprintf(value, sizeof(value), "%s", rw_format_size(number, size));
		else if (number >= opt->min)
			snprintf(value, sizeof(value), "%" PRIu64, number);
	} else if (opt->type == RW_OPT_NAME || opt->type == RW_OPT_LIST) {
		snprintf(value, sizeof(value), "%s", opt->fallback);
	}
	if (*value)
		used += (size_t)snprintf(buf + used, len - used, "; default %s", value);
	if (opt->alias)
		snprintf(buf + used, len - used, " (also --%s", opt->alias);
}

/* A program's help tells of all its options, and of no other program's. */
static void check_help_of(const char *id)
{
	struct rw_test test = program;
	static char words[20000];
	struct rw_conf conf;

	test.id = id;
	help_words(&test, words, sizeof(words));
	rw_conf_init(&conf, &test);
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		bool own = !rw_opts[i].only || !strcmp(rw_opts[i].only, id);
		char expected[700];

		expected_help(&rw_opts[i], &conf, expected, sizeof(expected));
		if (!!strstr(words, expected) != own)
			fail_msg("--help of %s, --%s: wrong", id, rw_opts[i].name);
	}
}

static void test_help_of_programs(void **state)
{
	check_help_of("bw");
	check_help_of("lat");
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (rw_opts[i].only)
			assert_true(!strcmp(rw_opts[i].only, "bw") ||
				    !strcmp(rw_opts[i].only, "lat"));
}

static void test_help(void **state)
{
	static char words[20000];
	struct rw_conf conf;

	help_words(&program, words, sizeof(words));
	rw_conf_init(&conf, &program);
	assert_non_null(strstr(words, program.program));
	assert_non_null(strstr(words, program.title));
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		char expected[700];

		if (!rw_opt_is_of(&rw_opts[i], &program))
			continue;
		expected_help(&rw_opts[i], &conf, expected, sizeof(expected));
		/* More names may follow one. */
		if (!rw_opts[i].alias)
			strcat(expected, " ");
		if (!strstr(words, expected))
			fail_msg("--help does not say: %s", expected);
		assert_non_null(strstr(words, rw_opts[i].group));
	}
	assert_non_null(strstr(words, "--size=BYTES bytes of one operation; default 64K "));
	assert_non_null(strstr(words, "operations in flight per QP; default 128 "));
	assert_non_null(strstr(words, "128 (also --tx-depth) "));
	assert_non_null(strstr(words, "(also --out_json_file, --out_json) "));
	assert_non_null(strstr(words, "5 data corrupt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_groups_stand_together),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_defaults_can_be_typed),
		cmocka_unit_test(test_longest_texts),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_of_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
