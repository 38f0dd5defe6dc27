/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A program whose options, configurations and reports the tests look at. */
#ifndef RW_TESTS_UNIT_PROGRAM_H
#define RW_TESTS_UNIT_PROGRAM_H

#include "conf/conf.h"

/* Its options are those of ib_rw_bw. */
static const struct rw_test program = {
	.program = "ib_rw_test",
	.title = "a test of tests",
	.id = "bw",
	.size_bytes = 65536,
	.contexts = 128,
};

#endif
