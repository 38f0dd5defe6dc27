/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --explain: gives the room explain what only devices and engines know. */
#ifndef RW_BENCH_EXPLAIN_H
#define RW_BENCH_EXPLAIN_H

#include "conf/conf.h"
#include "util/err.h"

/*
 * Tell what a run of @conf would decide, on stdout and as --json says, or answer
 * a file of vectors. Refuses what the run would refuse before it opens anything.
 * Returns 0 or -errno, told in @err.
 */
int rw_bench_explain(const struct rw_conf *conf, struct rw_err *err);

#endif
