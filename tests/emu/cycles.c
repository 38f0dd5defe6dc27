/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A fixed amount of work in one process, to count instructions of: READs, and
 * cycles of UMR, READ through the key, LOCAL_INV. Prints cycles per second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rig.h"

/* "idle": what 8 connected QPs cost that nobody uses, in percent of a core. */
static int idle(void)
{
	struct rusage a, b;
	struct rig r[4];
	double us;

	for (int i = 0; i < 4; i++)
		rig_open(&r[i], &rig_default);
	sleep(1); /* to calm down */
	getrusage(RUSAGE_SELF, &a);
	sleep(3);
	getrusage(RUSAGE_SELF, &b);
	us = (double)(b.ru_utime.tv_sec - a.ru_utime.tv_sec + b.ru_stime.tv_sec -
		      a.ru_stime.tv_sec) * 1e6 +
	     (double)(b.ru_utime.tv_usec - a.ru_utime.tv_usec + b.ru_stime.tv_usec -
		      a.ru_stime.tv_usec);
	printf("%.2f\n", us / 3e6 * 100);
	for (int i = 0; i < 4; i++)
		rig_close(&r[i]);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int cycles = argc > 1 ? (unsigned int)atoi(argv[1]) : 2000;
	struct rig_opt opt = rig_default;
	struct mlx5dv_mkey *mkey;
	struct ibv_sge sge[16];
	struct ibv_wc wc;
	struct rig r;
	uint64_t start;

	if (argc > 1 && !strcmp(argv[1], "idle"))
		return idle();
	opt.inline_data = 256;
	rig_open(&r, &opt);
	mkey = mkey_create(&r.a, 16, 0);
	for (unsigned int i = 0; i < 16; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)r.a.buf + i * 8192, 4096, r.a.mr->lkey };
	start = now_ms();
	for (unsigned int n = 0; n < cycles; n++) {
		umr_list(&r.a, 1, mkey, IBV_ACCESS_LOCAL_WRITE, sge, 16);
		post_rdma(&r.a, IBV_WR_RDMA_READ, 2, mkey->lkey, 0, 65536, r.b.mr->rkey,
			  (uintptr_t)r.b.buf);
		local_inv(&r.a, 3, mkey->lkey);
		for (int i = 0; i < 3; i++) {
			while (!ibv_poll_cq(r.a.cq, 1, &wc))
				;
			if (wc.status)
				return 1;
		}
	}
	start = now_ms() - start;
	printf("%.0f\n", cycles * 1000.0 / (double)(start ? start : 1));
	mlx5dv_destroy_mkey(mkey);
	rig_close(&r);
	return 0;
}
