/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The extended post API's READ and WRITE on top of ibv_post_send: who posts
 * finds these calls where the provider's are, behind rw_qp.ex.
 */
#include <errno.h>
#include <stdlib.h>

#include "verbs/qp.h"

struct rw_post_list {
	struct ibv_qp_ex ex;
	struct ibv_qp *qp;
	struct ibv_qp_ex *provider; /* the provider's own calls; NULL: it has none */
	struct ibv_send_wr *wrs;
	struct ibv_sge *sges;       /* of WRs through an MR */
	uint32_t len;               /* WRs of the open batch */
};

static struct rw_post_list *list_of(struct ibv_qp_ex *ex)
{
	return rw_container_of(ex, struct rw_post_list, ex);
}

static void list_start(struct ibv_qp_ex *ex)
{
	list_of(ex)->len = 0;
}

static void list_add(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode, uint32_t rkey,
		     uint64_t remote_addr)
{
	struct rw_post_list *list = list_of(ex);
	struct ibv_send_wr *wr = &list->wrs[list->len];

	if (list->len++)
		wr[-1].next = wr;
	*wr = (struct ibv_send_wr){
		.wr_id = ex->wr_id,
		.opcode = opcode,
		.send_flags = ex->wr_flags,
		.wr.rdma = { .remote_addr = remote_addr, .rkey = rkey },
	};
}

static void list_read(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t remote_addr)
{
	list_add(ex, IBV_WR_RDMA_READ, rkey, remote_addr);
}

static void list_write(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t remote_addr)
{
	list_add(ex, IBV_WR_RDMA_WRITE, rkey, remote_addr);
}

/* The segments stay where they are until the batch is posted. */
static void list_set_sge_list(struct ibv_qp_ex *ex, size_t nr_sges, const struct ibv_sge *sges)
{
	struct rw_post_list *list = list_of(ex);

	list->wrs[list->len - 1].sg_list = (struct ibv_sge *)(uintptr_t)sges;
	list->wrs[list->len - 1].num_sge = (int)nr_sges;
}

static void list_set_sge(struct ibv_qp_ex *ex, uint32_t lkey, uint64_t addr, uint32_t length)
{
	struct rw_post_list *list = list_of(ex);
	struct ibv_sge *sge = &list->sges[list->len - 1];

	*sge = (struct ibv_sge){ .addr = addr, .length = length, .lkey = lkey };
	list_set_sge_list(ex, 1, sge);
}

static int list_complete(struct ibv_qp_ex *ex)
{
	struct rw_post_list *list = list_of(ex);
	struct ibv_send_wr *bad;

	return list->len ? ibv_post_send(list->qp, list->wrs, &bad) : 0;
}

void rw_qp_free_list(struct rw_post_list *list)
{
	if (!list)
		return;
	free(list->wrs);
	free(list->sges);
	free(list);
}

static struct rw_post_list *list_create(const struct rw_qp *qp)
{
	struct rw_post_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->qp = qp->qp;
	list->provider = qp->ex;
	list->ex.wr_start = list_start;
	list->ex.wr_rdma_read = list_read;
	list->ex.wr_rdma_write = list_write;
	list->ex.wr_set_sge = list_set_sge;
	list->ex.wr_set_sge_list = list_set_sge_list;
	list->ex.wr_complete = list_complete;
	list->wrs = calloc(qp->max_send_wr, sizeof(*list->wrs));
	list->sges = calloc(qp->max_send_wr, sizeof(*list->sges));
	if (list->wrs && list->sges)
		return list;
	rw_qp_free_list(list);
	return NULL;
}

int rw_qp_post_by_list(struct rw_qp *qp, bool by_list, struct rw_err *err)
{
	struct ibv_qp_ex *provider = qp->list ? qp->list->provider : qp->ex;

	by_list = by_list || !provider;
	if (by_list && !qp->list) {
		qp->list = list_create(qp);
		if (!qp->list)
			return rw_fail(err, RW_EXIT_RUN, -ENOMEM, "out of memory");
	}
	qp->ex = by_list ? &qp->list->ex : provider;
	qp->by_list = by_list;
	return 0;
}
