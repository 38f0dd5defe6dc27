// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "load.h"

void rwb_ctx_spoil(struct rwb_ctx *ctx)
{
	unsigned int i;

	for (i = 0; i < ctx->sges; i++)
		memset(sg_virt(&ctx->sg[i]), 0xa5, ctx->sg[i].length);
}

static void fill(struct rwb_ctx *ctx, const struct rwb_conf *conf)
{
	u64 position = (u64)ctx->index * conf->size;
	unsigned int i;

	for (i = 0; i < ctx->sges; position += ctx->sg[i++].length)
		rwb_pattern_fill(sg_virt(&ctx->sg[i]), ctx->sg[i].length, conf->seed, position);
}

u64 rwb_ctx_check(struct rwb_ctx *ctx, const struct rwb_conf *conf)
{
	u64 position = (u64)ctx->index * conf->size, wrong = 0;
	unsigned int i;

	for (i = 0; i < ctx->sges; position += ctx->sg[i++].length)
		wrong += rwb_pattern_check(sg_virt(&ctx->sg[i]), ctx->sg[i].length, conf->seed,
					   position);
	return wrong;
}

int rwb_ctx_count(const struct rwb_ctx *ctx, u64 destroyed_ns, u64 destroy_ns)
{
	struct rwb_conn *conn = ctx->load->conn;
	struct rwb_path *path;
	int err;

	if (ctx->rw.type >= RWB_PATHS) {
		conn->stats.unknown_path++;
		return 0;
	}
	path = &conn->stats.paths[ctx->rw.type];
	err = rwb_path_prepare(path, ctx->load->open);
	if (err)
		return err;
	path->operations++;
	path->wrs += ctx->wrs;
	path->bytes += conn->run->conf.size;
	path->init_ns += ctx->init_ns;
	path->post_ns += ctx->post_ns;
	path->destroy_ns += destroy_ns;
	path->hold_ns += destroyed_ns - ctx->init_at_ns;
	if (!ctx->load->open) {
		rwb_hist_record(path->hist, ctx->end_ns - ctx->begin_ns);
		return 0;
	}
	rwb_hist_record(path->hist, ctx->end_ns - ctx->due_ns);
	rwb_hist_record(path->service, ctx->end_ns - ctx->began_ns);
	path->queued_ns += ctx->began_ns - ctx->due_ns;
	return 0;
}

bool rwb_load_forces_mr(struct rwb_conn *conn)
{
	struct rwb_ctx *ctx = &conn->load->ctxs[0];
	struct rdma_rw_ctx rw = {};
	bool forced;
	int ret;

	/* A WRITE takes an MR under force_mr only. It is prepared, never posted. */
	ret = rdma_rw_ctx_init(&rw, conn->id->qp, conn->id->port_num, ctx->sg, 1, 0, ctx->addr,
			       ctx->rkey, DMA_TO_DEVICE);
	if (ret < 0)
		return ret == -EAGAIN;
	forced = rw.type == RWB_PATH_MR;
	rdma_rw_ctx_destroy(&rw, conn->id->qp, conn->id->port_num, ctx->sg, 1, DMA_TO_DEVICE);
	return forced;
}

void rwb_load_place(struct rwb_conn *conn, u32 context, u64 addr, u32 rkey)
{
	conn->load->ctxs[context].addr = addr;
	conn->load->ctxs[context].rkey = rkey;
}

const unsigned long *rwb_load_written(struct rwb_conn *conn)
{
	return conn->load->written;
}

void rwb_load_lose_verdict(struct rwb_conn *conn)
{
	conn->stats.unverified += conn->load->unverified;
	conn->load->unverified = 0;
}

void rwb_load_limit(struct rwb_conn *conn, u64 operations)
{
	conn->load->share = operations;
}

int rwb_load_open(struct rwb_conn *conn)
{
	const struct rwb_conf *conf = &conn->run->conf;
	struct rwb_load *load;
	u32 i;

	load = kzalloc(sizeof(*load), GFP_KERNEL);
	if (!load)
		return -ENOMEM;
	conn->load = load;
	load->conn = conn;
	INIT_LIST_HEAD(&load->ready);
	INIT_LIST_HEAD(&load->parked);
	init_llist_head(&load->done);
	load->ctxs = kvcalloc(conf->contexts, sizeof(*load->ctxs), GFP_KERNEL | __GFP_RETRY_MAYFAIL);
	if (!load->ctxs)
		return -ENOMEM;
	for (i = 0; i < conf->contexts; i++) {
		struct rwb_ctx *ctx = &load->ctxs[i];

		ctx->load = load;
		ctx->index = i;
		ctx->cqe.done = rwb_ctx_completed;
		ctx->sg = rwb_sg_alloc(conf->size, conf->segment, &ctx->sges);
		if (!ctx->sg)
			return -ENOMEM;
		fill(ctx, conf);
		list_add_tail(&ctx->list, &load->ready);
		cond_resched();
	}
	return 0;
}

void rwb_load_close(struct rwb_conn *conn)
{
	struct rwb_load *load = conn->load;
	u32 i;

	if (!load)
		return;
	for (i = 0; load->ctxs && i < conn->run->conf.contexts; i++)
		rwb_sg_free(load->ctxs[i].sg, load->ctxs[i].sges);
	kvfree(load->ctxs);
	kfree(load);
	conn->load = NULL;
}
