/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A run of two rows, for the tests of the reports. */
#ifndef RW_TESTS_UNIT_REPORT_ROWS_H
#define RW_TESTS_UNIT_REPORT_ROWS_H

#include "program.h"
#include "report/report.h"

/* 62.5 MiB/s on average and 125 at the peak. */
static const struct rw_result direct_row = {
	.op = "read",
	.path = "direct",
	.size_bytes = 65536,
	.segment_bytes = 4096,
	.sges = 16,
	.contexts = 128,
	.qps = 2,
	.issued = 1000,
	.operations = 1000,
	.wrs = 3000,
	.doorbells = 500,
	.elapsed_ns = 1000000000,
	.peak_bytes_per_s = 2000.0 * 65536,
};

/* 310 operations got MRs, 90 fell back, 10 were dropped and 10 lost with their connection. */
static const struct rw_result mr_row = {
	.op = "read",
	.path = "mr",
	.engine = "reg",
	.size_bytes = 65536,
	.segment_bytes = 4096,
	.sges = 16,
	.contexts = 128,
	.qps = 2,
	.mr_pool = 8,
	.nr_pools = 2,
	.pool_create_ns = 1250000,
	.issued = 410,
	.operations = 390,
	.wrs = 1000,
	.mr_wanted = 400,
	.exhaustions = 100,
	.fallbacks = 90,
	.failed = 10,
	.mr_operations = 310,
	.first_exhaustion_ns = 2500000,
	.pool_low_water = 1,
	.mrs_in_use = 6.25,
	.mr_hold_ns = 33000,
	.waits = 3,
	.wait_ns = 6000,
	.sq_stalls = 4,
	.sq_stall_ns = 10000,
	.wqe_bytes = 128000,
	.teardowns = 2,
	.teardown_ns = 7000000,
	.torn = 10,
	.elapsed_ns = 500000000,
	.peak_bytes_per_s = 1200.0 * 65536,
};

/* 600 operations of 4 KiB and 200 of 64 KiB: 19456 bytes on average, 4.638671875 MiB/s. */
static const struct rw_result mixed_row = {
	.op = "mix",
	.path = "direct",
	.size_bytes = 65536,
	.segment_bytes = 4096,
	.sges = 16,
	.mix = { { "read", 4096, 600 }, { "write", 65536, 200 } },
	.nr_kinds = 2,
	.contexts = 128,
	.qps = 1,
	.issued = 800,
	.operations = 800,
	.wrs = 800,
	.doorbells = 800,
	.elapsed_ns = 3200000000,
	.peak_bytes_per_s = 8 << 20,
};

#endif
