/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ib_rw_bw: bandwidth of RDMA READ and WRITE over scattered memory. */
#include "cmd/main.h"

static const struct rw_test bw_test = {
	.program = "ib_rw_bw",
	.title = "bandwidth of RDMA READ and WRITE: direct SGEs beside memory registration",
	.id = "bw",
	.size_bytes = 65536,
	.contexts = 128,
};

int main(int argc, char *argv[])
{
	return rw_main(&bw_test, argc, argv);
}
