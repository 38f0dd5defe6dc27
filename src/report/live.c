/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "report/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

bool rw_live_is_wanted(void)
{
	return isatty(STDERR_FILENO) == 1;
}

void rw_live_show(const struct rw_live_figures *f)
{
	char size[32] = "a mix";

	if (f->size_bytes)
		snprintf(size, sizeof(size), "%" PRIu64 " bytes", f->size_bytes);
	fprintf(stderr, "\r %s, %s: %.6g ops/s, %.4g exhaustions/s", f->path, size, f->ops_per_s,
		f->exhaustions_per_s);
	if (f->p99_ns >= 0)
		fprintf(stderr, ", p99 %.2f usec", f->p99_ns / 1e3);
	if (f->seconds_left >= 0)
		fprintf(stderr, ", %.0f s left", f->seconds_left);
	fprintf(stderr, "\033[K");
	fflush(stderr);
}

void rw_live_clear(void)
{
	fprintf(stderr, "\r\033[K");
	fflush(stderr);
}
