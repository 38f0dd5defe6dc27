/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* One line on a terminal that says how a long row goes. */
#ifndef RW_REPORT_LIVE_H
#define RW_REPORT_LIVE_H

#include <stdbool.h>
#include <stdint.h>

/* What the line says; figures of the last interval. */
struct rw_live_figures {
	const char *path;
	uint64_t size_bytes; /* 0: a mix */
	double ops_per_s;
	double exhaustions_per_s;
	double p99_ns;       /* below 0: not timed */
	double seconds_left; /* below 0: not known */
};

/* Is standard error a terminal? Without one nothing is printed. */
bool rw_live_is_wanted(void);

void rw_live_show(const struct rw_live_figures *figures);

/* Wipe the line, before anything else is printed. */
void rw_live_clear(void);

#endif
