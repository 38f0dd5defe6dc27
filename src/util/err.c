/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int rw_fail(struct rw_err *err, enum rw_exit exit_code, int error, const char *fmt, ...)
{
	va_list ap;

	if (err->exit_code != RW_EXIT_OK)
		return error;
	err->exit_code = exit_code;
	err->error = error;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	/* What a peer or a device said may hold anything: keep it one line. */
	for (char *p = err->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return error;
}

void rw_err_clear(struct rw_err *err)
{
	memset(err, 0, sizeof(*err));
}

void rw_warn(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}
