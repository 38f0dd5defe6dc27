/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Answers to vectors: the form is that of tests/vectors/README.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/explain.h"
#include "rw/vector.h"

static int answer(const char *line, size_t length, json_t **answer_p, struct rw_err *err)
{
	json_error_t error;
	json_t *vector = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	int ret;

	if (!vector)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "no JSON: %s", error.text);
	ret = rw_vector_answer(vector, answer_p, err);
	json_decref(vector);
	if (ret == -ENOMEM)
		return rw_fail(err, RW_EXIT_RUN, ret, "out of memory");
	return ret;
}

/* Returns 0, 1: the line is no vector, which is told, or -errno in @err. */
static int answer_line(const char *line, size_t length, const char *name, unsigned long number,
		       struct rw_err *err)
{
	struct rw_err why = { 0 };
	json_t *json = NULL;
	int ret = answer(line, length, &json, &why);
	int failed;

	if (ret && why.exit_code != RW_EXIT_USAGE)
		return rw_fail(err, why.exit_code, ret, "%s:%lu: %s", name, number, why.text);
	if (ret)
		rw_warn("%s:%lu: %s", name, number, why.text);
	errno = 0;
	failed = json ? json_dumpf(json, stdout, JSON_COMPACT) : fputs("null", stdout) == EOF;
	json_decref(json);
	if (failed || putchar('\n') == EOF)
		return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot write to standard output: %s",
			       strerror(errno ? errno : EIO));
	return ret != 0;
}

static int answer_all(FILE *file, const char *name, struct rw_err *err)
{
	unsigned long number = 0, wrong = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	int ret = 0;

	while (ret >= 0 && (length = getline(&line, &size, file)) >= 0) {
		number++;
		if (line[strspn(line, " \t\r\n")] == '\0' && strlen(line) == (size_t)length)
			continue;
		ret = answer_line(line, (size_t)length, name, number, err);
		wrong += ret > 0;
	}
	if (ret >= 0 && ferror(file))
		ret = rw_fail(err, RW_EXIT_RUN, -EIO, "cannot read %s: %s", name, strerror(errno));
	free(line);
	if (ret < 0)
		return ret;
	if (!wrong)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "%s: %lu of %lu lines are no vectors; their form is described in tests/vectors/README.md",
		       name, wrong, number);
}

int rw_explain_vectors(const char *path, struct rw_err *err)
{
	FILE *file;
	int ret;

	if (!strcmp(path, "-"))
		return answer_all(stdin, "standard input", err);
	file = fopen(path, "re");
	if (!file)
		return rw_fail(err, RW_EXIT_USAGE, -errno, "cannot read %s: %s; give --explain=FILE a file of vectors",
			       path, strerror(errno));
	ret = answer_all(file, path, err);
	fclose(file);
	return ret;
}
