/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * rw_vectors FILE...: hold the planner against recorded cases, one JSON object
 * a line ("-": standard input). Ends with "N passed, N failed" on a line.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rw/vector.h"
#include "util/err.h"

#define PATH_TEXT 128

struct tally {
	unsigned long passed;
	unsigned long failed;
};

/* One step down to the first difference; what does not fit the text is cut. */
static void add_path(char path[PATH_TEXT], const char *step)
{
	size_t length = strlen(path);

	snprintf(path + length, PATH_TEXT - length, "%s", step);
}

static bool find_difference(const json_t *want, const json_t *got, char path[PATH_TEXT],
			    const json_t **want_p, const json_t **got_p);

static bool find_in_object(const json_t *want, const json_t *got, char path[PATH_TEXT],
			   const json_t **want_p, const json_t **got_p)
{
	const size_t length = strlen(path);
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)want, key, value)
	{
		add_path(path, ".");
		add_path(path, key);
		if (find_difference(value, json_object_get(got, key), path, want_p, got_p))
			return true;
		path[length] = '\0';
	}
	json_object_foreach((json_t *)got, key, value)
	{
		if (json_object_get(want, key))
			continue;
		add_path(path, ".");
		add_path(path, key);
		return find_difference(NULL, value, path, want_p, got_p);
	}
	return false;
}

static bool find_in_array(const json_t *want, const json_t *got, char path[PATH_TEXT],
			  const json_t **want_p, const json_t **got_p)
{
	const size_t length = strlen(path);
	const size_t nr_want = json_array_size(want);
	const size_t nr_got = json_array_size(got);

	for (size_t i = 0; i < nr_want || i < nr_got; i++) {
		char step[32];

		snprintf(step, sizeof(step), "[%zu]", i);
		add_path(path, step);
		if (find_difference(json_array_get(want, i), json_array_get(got, i), path, want_p,
				    got_p))
			return true;
		path[length] = '\0';
	}
	return false;
}

/* Returns true and the place if @want and @got differ; NULL: not there. */
static bool find_difference(const json_t *want, const json_t *got, char path[PATH_TEXT],
			    const json_t **want_p, const json_t **got_p)
{
	if (json_is_object(want) && json_is_object(got))
		return find_in_object(want, got, path, want_p, got_p);
	if (json_is_array(want) && json_is_array(got))
		return find_in_array(want, got, path, want_p, got_p);
	if (json_equal(want, got))
		return false;
	*want_p = want;
	*got_p = got;
	return true;
}

static void print_json(const char *label, const json_t *json)
{
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	printf(" %s %.200s", label, text ? text : "nothing");
	free(text);
}

/* What the planner's answer has to be; a new reference, or NULL: malformed. */
static json_t *get_expected(const json_t *vector)
{
	const char *kind = json_string_value(json_object_get(vector, "kind"));
	json_t *expect = json_object_get(vector, "expect");

	if (kind && !strcmp(kind, "seq"))
		return json_pack("{s:O, s:O}", "steps", json_object_get(vector, "steps"),
				 "pool_end", json_object_get(vector, "pool_end"));
	return json_is_object(expect) ? json_incref(expect) : NULL;
}

/* Prints why a case fails, behind its name. */
static bool check_vector(const json_t *vector, const char *name)
{
	const json_t *want_part = NULL, *got_part = NULL;
	struct rw_err err = { 0 };
	char path[PATH_TEXT] = "";
	json_t *answer = NULL;
	json_t *expected;
	bool good = false;
	int ret;

	ret = rw_vector_answer(vector, &answer, &err);
	if (ret) {
		printf("%s: malformed: %s\n", name,
		       err.exit_code == RW_EXIT_OK ? strerror(-ret) : err.text);
		return false;
	}
	expected = get_expected(vector);
	if (!expected) {
		printf("%s: malformed: it expects nothing\n", name);
	} else if (find_difference(expected, answer, path, &want_part, &got_part)) {
		printf("%s: at %s:", name, path);
		print_json("expected", want_part);
		print_json("but planned", got_part);
		printf("\n");
	} else {
		good = true;
	}
	json_decref(expected);
	json_decref(answer);
	return good;
}

static bool check_line(const char *line, size_t length, const char *place)
{
	json_error_t error;
	json_t *vector = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	char name[600];
	const char *kind;
	bool good;

	if (!vector) {
		printf("%s: malformed: %s\n", place, error.text);
		return false;
	}
	kind = json_string_value(json_object_get(vector, "kind"));
	snprintf(name, sizeof(name), "%s: %.16s %lld", place, kind ? kind : "?",
		 (long long)json_integer_value(json_object_get(vector, "id")));
	good = check_vector(vector, name);
	json_decref(vector);
	return good;
}

static void check_stream(FILE *file, const char *file_name, struct tally *tally)
{
	unsigned long number = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, file)) >= 0) {
		char place[512];

		number++;
		if (length == 1 && *line == '\n')
			continue;
		snprintf(place, sizeof(place), "%s:%lu", file_name, number);
		if (check_line(line, (size_t)length, place))
			tally->passed++;
		else
			tally->failed++;
	}
	if (ferror(file)) {
		printf("%s: %s\n", file_name, strerror(errno));
		tally->failed++;
	}
	free(line);
}

static void check_file(const char *name, struct tally *tally)
{
	FILE *file;

	if (!strcmp(name, "-")) {
		check_stream(stdin, "standard input", tally);
		return;
	}
	file = fopen(name, "re");
	if (!file) {
		printf("%s: %s\n", name, strerror(errno));
		tally->failed++;
		return;
	}
	check_stream(file, name, tally);
	fclose(file);
}

int main(int argc, char **argv)
{
	struct tally tally = { 0 };

	if (argc < 2) {
		fprintf(stderr, "usage: rw_vectors FILE...   (-: standard input)\n");
		return RW_EXIT_USAGE;
	}
	for (int i = 1; i < argc; i++)
		check_file(argv[i], &tally);
	printf("%lu passed, %lu failed\n", tally.passed, tally.failed);
	return tally.passed && !tally.failed ? RW_EXIT_OK : RW_EXIT_RUN;
}
