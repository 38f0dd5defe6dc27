/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Results on paper: a table for people and scripts, JSON for programs. */
#ifndef RW_REPORT_REPORT_H
#define RW_REPORT_REPORT_H

#include <jansson.h>

#include "conf/conf.h"
#include "report/result.h"
#include "util/err.h"

/* What stands around the rows. The objects are borrowed. */
struct rw_report_facts {
	const char *command_line;
	json_t *host;
	json_t *device;
	json_t *memory;     /* kind, bytes, pages, MRs */
	json_t *peer;       /* {"host": ..., "device": ..., "memory": ...}, or NULL */
	json_t *connection; /* MTU, outstanding READs, granted queues */
	json_t *notes;      /* an array of texts: what was changed or left out, and why; or NULL */
	const char *caveat; /* what the device cannot show, or NULL */
};

/* The table, piece by piece, on stdout; each piece is flushed. */
void rw_table_head(const struct rw_conf *conf, const struct rw_report_facts *facts);
void rw_table_columns(const struct rw_conf *conf);
void rw_table_row(const struct rw_conf *conf, const struct rw_result *result);
void rw_table_ratio(const struct rw_conf *conf, const struct rw_result *row,
		    const struct rw_result *direct);
/* One number and nothing else, as --output says. */
void rw_table_number(const struct rw_conf *conf, const struct rw_result *result);

void rw_table_end(const struct rw_report_facts *facts);

/*
 * The whole report as one JSON object. @failure: the run ended early with it,
 * or NULL. NULL: out of memory.
 */
json_t *rw_report_json(const struct rw_conf *conf, const struct rw_report_facts *facts,
		       const struct rw_result *results, uint32_t n,
		       const struct rw_err *failure);

/* One row of it. */
json_t *rw_report_row(const struct rw_conf *conf, const struct rw_result *result);

/* Can --json FILE be written? Asked before the run. 0 or -errno, told in @err. */
int rw_report_check_file(const char *path, struct rw_err *err);

/*
 * Write @report to @path ("-": stdout): aside, synced and renamed, so that the
 * file is the old or the new one and never a part. Devices and pipes are
 * written to as they are; a named pipe's reader may come up to 10 s late. Returns 0 or -errno, told in @err.
 */
int rw_report_write(const char *path, const json_t *report, struct rw_err *err);

#endif
