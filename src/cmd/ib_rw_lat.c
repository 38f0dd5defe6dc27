/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ib_rw_lat: latency of RDMA READ and WRITE over scattered memory. */
#include "cmd/main.h"

static const struct rw_test lat_test = {
	.program = "ib_rw_lat",
	.title = "latency of RDMA READ and WRITE: direct SGEs beside memory registration",
	.id = "lat",
	.size_bytes = 4096,
	.contexts = 1,
	.is_latency = true,
};

int main(int argc, char *argv[])
{
	return rw_main(&lat_test, argc, argv);
}
