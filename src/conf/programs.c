/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "conf/programs.h"

const struct rw_test rw_bw_test = {
	.program = "ib_rw_bw",
	.title = "bandwidth of RDMA READ and WRITE: direct SGEs beside memory registration",
	.id = "bw",
	.size_bytes = 65536,
	.contexts = 128,
};

const struct rw_test rw_lat_test = {
	.program = "ib_rw_lat",
	.title = "latency of RDMA READ and WRITE: direct SGEs beside memory registration",
	.id = "lat",
	.size_bytes = 4096,
	.contexts = 1,
	.is_latency = true,
};
