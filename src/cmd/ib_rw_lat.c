/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ib_rw_lat: latency of RDMA READ and WRITE over scattered memory. */
#include "cmd/main.h"
#include "conf/programs.h"

int main(int argc, char *argv[])
{
	return rw_main(&rw_lat_test, argc, argv);
}
