/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a function prints to stdout, as text. Needs unit.h before it. */
#ifndef RW_TESTS_CAPTURE_H
#define RW_TESTS_CAPTURE_H

#include <stdio.h>
#include <unistd.h>

struct capture {
	FILE *file;
	int saved;
};

static inline void capture_begin(struct capture *capture)
{
	capture->file = tmpfile();
	assert_non_null(capture->file);
	fflush(stdout);
	capture->saved = dup(STDOUT_FILENO);
	assert_true(capture->saved >= 0);
	assert_true(dup2(fileno(capture->file), STDOUT_FILENO) >= 0);
}

/* All of it must fit into @buf. Returns @buf. */
static inline char *capture_end(struct capture *capture, char *buf, size_t len)
{
	size_t n;

	fflush(stdout);
	dup2(capture->saved, STDOUT_FILENO);
	close(capture->saved);
	rewind(capture->file);
	n = fread(buf, 1, len, capture->file);
	fclose(capture->file);
	assert_in_range(n, 0, len - 1);
	buf[n] = '\0';
	return buf;
}

#endif
