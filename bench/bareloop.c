/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ib_rw_bw with a bare loop in place of src/bench/run.c: the yardstick of
 * bench/instructions. The linker takes this rw_row_run instead of the
 * library's, and everything around it stays: options, server, QPs, pool. The
 * loop posts and polls the same WRs through the same library calls, one
 * doorbell for each operation and a CQE for each, and does nothing else: no
 * planner, no lists, no counters, no clock, no watch.
 *
 * It knows READs on one QP, direct or through one MR of engine umr, with one
 * LOCAL_INV before each registration of a live key (--invalidate=lazy).
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/row.h"
#include "mr/mlx5.h"

#define POLL_BATCH 32 /* as load.c */
#define INLINE     static inline __attribute__((always_inline))

/* One operation: what the calls are given. */
struct bare_op {
	struct ibv_sge *sges;
	size_t nr_sges;
	uint64_t remote_addr;
	struct mlx5dv_mkey *mkey; /* NULL: direct */
	uint32_t length;
	bool live; /* the key is from an earlier operation */
};

struct bare {
	struct ibv_qp_ex *ex;
	struct mlx5dv_qp_ex *dv;
	uint32_t rkey;
	struct bare_op *ops;
};

typedef int post_fn(const struct bare *bare, const struct bare_op *op, bool live);

INLINE int post_sge(const struct bare *bare, const struct bare_op *op, bool live)
{
	ibv_wr_start(bare->ex);
	bare->ex->wr_id = (uintptr_t)op;
	bare->ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_read(bare->ex, bare->rkey, op->remote_addr);
	ibv_wr_set_sge(bare->ex, op->sges->lkey, op->sges->addr, op->sges->length);
	return ibv_wr_complete(bare->ex);
}

INLINE int post_sge_list(const struct bare *bare, const struct bare_op *op, bool live)
{
	ibv_wr_start(bare->ex);
	bare->ex->wr_id = (uintptr_t)op;
	bare->ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_read(bare->ex, bare->rkey, op->remote_addr);
	ibv_wr_set_sge_list(bare->ex, op->nr_sges, op->sges);
	return ibv_wr_complete(bare->ex);
}

INLINE int post_mr(const struct bare *bare, const struct bare_op *op, bool live)
{
	ibv_wr_start(bare->ex);
	bare->ex->wr_id = (uintptr_t)op;
	bare->ex->wr_flags = 0;
	if (live)
		ibv_wr_local_inv(bare->ex, op->mkey->lkey);
	bare->ex->wr_flags = IBV_SEND_INLINE;
	mlx5dv_wr_mr_list(bare->dv, op->mkey, IBV_ACCESS_LOCAL_WRITE, (uint16_t)op->nr_sges,
			  op->sges);
	bare->ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_read(bare->ex, bare->rkey, op->remote_addr);
	ibv_wr_set_sge(bare->ex, op->mkey->lkey, 0, op->length);
	return ibv_wr_complete(bare->ex);
}

/*
 * As many operations as there are contexts begin; each completion begins
 * another. Compiled once for each @post.
 */
INLINE int run(const struct rw_load *load, const struct bare *bare, post_fn *post, uint64_t limit,
	       struct rw_err *err)
{
	uint64_t posted = rw_min((uint64_t)load->nr_slots, limit);
	struct ibv_wc wc[POLL_BATCH];
	int ret = 0, n;

	for (uint64_t i = 0; i < posted; i++)
		ret |= post(bare, &bare->ops[i], bare->ops[i].live);
	for (uint64_t done = 0; done < limit; done += (uint64_t)n) {
		n = ibv_poll_cq(load->ep.cq, POLL_BATCH, wc);
		if (n < 0 || ret)
			return rw_fail(err, RW_EXIT_RUN, -EIO, "cannot post or poll: %d", ret);
		for (int i = 0; i < n; i++) {
			const struct bare_op *op = (void *)(uintptr_t)wc[i].wr_id;

			if (wc[i].status != IBV_WC_SUCCESS)
				return rw_wc_fail(&wc[i], "READ", err);
			if (posted == limit)
				continue;
			posted++;
			ret |= post(bare, op, true);
		}
	}
	return 0;
}

/* Operation i uses MR i, as long as the pool has one for each. */
static void fill(struct rw_row *row, struct bare *bare)
{
	for (uint32_t i = 0; i < row->load->nr_slots; i++) {
		const struct rw_msg_buffer *remote = &row->load->remote;
		struct rw_slot *slot = &row->slots[i];
		struct rw_mr *mr = row->uses_mrs ? &row->pools[0].mrs[i] : NULL;

		bare->ops[i] = (struct bare_op){
			.sges = (struct ibv_sge *)slot->kinds->segs,
			.nr_sges = row->layout.nr_segs,
			.remote_addr = remote->addr + i * remote->slot_bytes,
			.mkey = mr ? mr->priv : NULL,
			.length = (uint32_t)row->layout.size_bytes,
			.live = mr && mr->need_inval,
		};
		if (mr)
			mr->need_inval = true;
		slot->done = true;
	}
}

static bool is_known(const struct rw_row *row)
{
	const struct rw_load *load = row->load;
	const struct rw_conf *conf = load->conf;

	if (conf->op != RW_VERB_READ || conf->qps != 1 || conf->duration_s || conf->verify ||
	    conf->post_list != 1 || row->cq_mod != 1)
		return false;
	if (!row->uses_mrs)
		return row->slots[0].ctx.nr_direct_wrs == 1;
	return load->engine == &rw_engine_umr && row->mrs_per_op == 1 &&
	       row->pools[0].pool.size >= load->nr_slots &&
	       conf->invalidate == RW_INVALIDATE_LAZY;
}

int rw_row_run(struct rw_row *row, const struct rw_row_limit *limit, struct rw_err *err)
{
	const struct rw_load *load = row->load;
	struct bare bare = { .ex = load->ep.qps[0].ex, .rkey = load->remote.rkeys[0] };
	uint64_t start_ns = rw_clock_raw_ns();
	int ret;

	if (!is_known(row))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "the bare loop knows -n READs on one QP only, direct or by engine umr, of one WR or MR each");
	bare.dv = row->uses_mrs ? mlx5dv_qp_ex_from_ibv_qp_ex(bare.ex) : NULL;
	bare.ops = calloc(load->nr_slots, sizeof(*bare.ops));
	if (!bare.ops)
		return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	fill(row, &bare);
	if (row->uses_mrs)
		ret = run(load, &bare, post_mr, limit->operations, err);
	else if (row->layout.nr_segs == 1)
		ret = run(load, &bare, post_sge, limit->operations, err);
	else
		ret = run(load, &bare, post_sge_list, limit->operations, err);
	free(bare.ops);
	row->count.issued += limit->operations;
	row->count.operations += limit->operations;
	row->count.elapsed_ns += rw_clock_raw_ns() - start_ns;
	return ret;
}
