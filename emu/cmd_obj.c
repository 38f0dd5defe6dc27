/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Protection domains, memory regions, completion channels and queues. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5-abi.h>

#include "emu/channel.h"
#include "emu/cq.h"
#include "emu/engine.h"
#include "emu/fault.h"
#include "emu/log.h"
#include "emu/mkey.h"
#include "emu/prm.h"
#include "emu/qp.h"
#include "emu/uverbs.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

int uv_alloc_pd(struct uv_cmd *cmd)
{
	struct ib_uverbs_alloc_pd_resp resp = { 0 };
	struct mlx5_ib_alloc_pd_resp uhw;
	struct emu_pd *pd = calloc(1, sizeof(*pd));
	int ret;

	if (!pd)
		return -ENOMEM;
	pd->pdn = atomic_fetch_add(&fab->next_pdn, 1) & 0xffffff;
	ret = uv_obj_add(cmd->ctx, OBJ_PD, pd, &resp.pd_handle);
	if (ret) {
		free(pd);
		return ret;
	}
	uhw.pdn = pd->pdn;
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	uv_out(cmd, UVERBS_ATTR_UHW_OUT, &uhw, sizeof(uhw));
	return 0;
}

/* ---- memory regions */

/*
 * What pinning would find: the pages are there, and may be written if the key
 * is to be. Kernels before 5.14 do not know these advices: then the check is
 * left to the access.
 */
static int touch_pages(uint64_t start, uint64_t length, bool write)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = start & ~(page - 1);
	uint64_t end = (start + length + page - 1) & ~(page - 1);

	if (!length)
		return 0;
	if (end < first)
		return -EFAULT;
	if (!madvise((void *)(uintptr_t)first, end - first,
		     write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return 0;
	if (errno == ENOMEM || errno == EFAULT)
		return -EFAULT;
	/* EINVAL is said by old kernels, and of memory that is read-only: a
	 * page of our own stack tells which. */
	if (errno == EINVAL) {
		char probe;

		if (!madvise((void *)((uintptr_t)&probe & ~(page - 1)), page,
			     MADV_POPULATE_READ))
			return -EFAULT;
	}
	return 0;
}

static uint8_t key_access(uint32_t access)
{
	uint8_t rights = KEY_LOCAL_READ;

	if (access & IBV_ACCESS_LOCAL_WRITE)
		rights |= KEY_LOCAL_WRITE;
	if (access & IBV_ACCESS_REMOTE_READ)
		rights |= KEY_REMOTE_READ;
	if (access & IBV_ACCESS_REMOTE_WRITE)
		rights |= KEY_REMOTE_WRITE;
	return rights;
}

static int check_access(uint32_t access)
{
	const uint32_t remote_write = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC;

	if (access & remote_write && !(access & IBV_ACCESS_LOCAL_WRITE))
		return -EINVAL;
	if (access & IBV_ACCESS_ON_DEMAND && !emu.set.odp)
		return uv_unsupported("on demand paging");
	return 0;
}

static void fill_key(struct fab_key *key, const struct ib_uverbs_reg_mr *req)
{
	key->start = req->hca_va;
	key->length = req->length;
	key->va = req->start;
	key->access = key_access(req->access_flags);
}

int uv_reg_mr(struct uv_cmd *cmd)
{
	struct ib_uverbs_reg_mr_resp resp = { 0 };
	struct ib_uverbs_reg_mr req;
	const struct emu_pd *pd;
	struct fab_key *key;
	struct emu_mr *mr;
	size_t len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_CORE_IN, &len);
	int ret;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, in, sizeof(req));
	pd = uv_obj(cmd->ctx, OBJ_PD, req.pd_handle);
	if (!pd)
		return -ENOENT;
	ret = check_access(req.access_flags);
	if (!ret && !(req.access_flags & IBV_ACCESS_ON_DEMAND))
		ret = touch_pages(req.start, req.length, req.access_flags & IBV_ACCESS_LOCAL_WRITE);
	if (ret)
		return ret;
	if (fault_hit(FAULT_MKEY_FAIL))
		return -ENOMEM;
	if (fault_hit(FAULT_SLOW_REG))
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	if (emu.set.say_mrs)
		emu_say("MR of %llu bytes, access 0x%x", (unsigned long long)req.length,
			req.access_flags);
	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return -ENOMEM;
	ret = fab_key_alloc(emu.proc, &mr->index);
	if (ret)
		goto err_free;
	key = fab_key(mr->index);
	key->dev = cmd->ctx->dev;
	key->pdn = pd->pdn;
	key->kind = KEY_MR;
	/* As the kernel does: another low byte at each use of an index. */
	key->variant++;
	key->invalid = 0;
	key->remote_inval = 0;
	fill_key(key, &req);
	resp.lkey = resp.rkey = mr->index << 8 | key->variant;
	fab_key_publish(key);
	ret = uv_obj_add(cmd->ctx, OBJ_MR, mr, &resp.mr_handle);
	if (ret)
		goto err_key;
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	return 0;
err_key:
	fab_key_free(mr->index);
err_free:
	free(mr);
	return ret;
}

int uv_rereg_mr(struct uv_cmd *cmd)
{
	struct ib_uverbs_rereg_mr_resp resp;
	struct ib_uverbs_rereg_mr req;
	struct fab_key *key;
	struct emu_mr *mr;
	size_t len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_CORE_IN, &len);
	int ret;

	if (len < sizeof(req))
		return -EINVAL;
	memcpy(&req, in, sizeof(req));
	mr = uv_obj(cmd->ctx, OBJ_MR, req.mr_handle);
	if (!mr)
		return -ENOENT;
	if (req.flags & IBV_REREG_MR_CHANGE_ACCESS) {
		ret = check_access(req.access_flags);
		if (ret)
			return ret;
	}
	key = fab_key(mr->index);
	if (req.flags & IBV_REREG_MR_CHANGE_TRANSLATION) {
		ret = touch_pages(req.start, req.length, key->access & KEY_LOCAL_WRITE);
		if (ret)
			return ret;
	}
	fab_key_write(key);
	if (req.flags & IBV_REREG_MR_CHANGE_TRANSLATION) {
		key->start = req.hca_va;
		key->length = req.length;
		key->va = req.start;
	}
	if (req.flags & IBV_REREG_MR_CHANGE_ACCESS)
		key->access = key_access(req.access_flags);
	if (req.flags & IBV_REREG_MR_CHANGE_PD) {
		const struct emu_pd *pd = uv_obj(cmd->ctx, OBJ_PD, req.pd_handle);

		if (pd)
			key->pdn = pd->pdn;
	}
	/* The key's name stays, as it does where the change is made by UMR. */
	resp.lkey = resp.rkey = mr->index << 8 | key->variant;
	fab_key_publish(key);
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	return 0;
}

int uv_query_mr(struct uv_cmd *cmd)
{
	const struct emu_mr *mr = uv_obj(
		cmd->ctx, OBJ_MR, (uint32_t)uv_in_u64(cmd, UVERBS_ATTR_QUERY_MR_HANDLE, 0));
	const struct fab_key *key;
	uint32_t lkey;

	if (!mr)
		return -ENOENT;
	key = fab_key(mr->index);
	lkey = mr->index << 8 | key->variant;
	uv_out(cmd, UVERBS_ATTR_QUERY_MR_RESP_LKEY, &lkey, sizeof(lkey));
	uv_out(cmd, UVERBS_ATTR_QUERY_MR_RESP_RKEY, &lkey, sizeof(lkey));
	uv_out(cmd, UVERBS_ATTR_QUERY_MR_RESP_LENGTH, &key->length, sizeof(key->length));
	return 0;
}

/* ---- completion channels and queues */

int uv_create_channel(struct uv_cmd *cmd)
{
	struct ib_uverbs_create_comp_channel_resp resp;
	struct emu_channel *ch;
	int ret = channel_create(&ch);

	if (ret)
		return ret;
	resp.fd = (uint32_t)ch->read_fd;
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	return 0;
}

static uint32_t log2_of(uint32_t n)
{
	uint32_t log = 0;

	while (1U << log < n)
		log++;
	return log;
}

int uv_create_cq(struct uv_cmd *cmd)
{
	uint32_t cqes = (uint32_t)uv_in_u64(cmd, UVERBS_ATTR_CREATE_CQ_CQE, 0), resp_cqe, handle;
	uint64_t flags = uv_in_u64(cmd, UVERBS_ATTR_CREATE_CQ_FLAGS, 0);
	int channel_fd = (int)uv_in_u64(cmd, UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL, ~0ULL);
	struct mlx5_ib_create_cq_resp uhw = { 0 };
	struct ib_uverbs_attr *attr = uv_attr(cmd, UVERBS_ATTR_CREATE_CQ_HANDLE);
	struct mlx5_ib_create_cq req;
	struct emu_cq *cq;
	size_t len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_UHW_IN, &len);
	int ret;

	if (!attr || len < sizeof(req))
		return -EINVAL;
	memcpy(&req, in, sizeof(req));
	if (!cqes || cqes > emu.set.max_cqe || (req.cqe_size != 64 && req.cqe_size != 128))
		return -EINVAL;
	if (uv_in_u64(cmd, UVERBS_ATTR_CREATE_CQ_COMP_VECTOR, 0) >= emu_comp_vectors())
		return -EINVAL;
	if (req.cqe_comp_en)
		return uv_unsupported("CQE compression");
	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return -ENOMEM;
	cq->ctx = cmd->ctx;
	cq->user_handle = uv_in_u64(cmd, UVERBS_ATTR_CREATE_CQ_USER_HANDLE, 0);
	cq->buf = (uint8_t *)(uintptr_t)req.buf_addr;
	cq->dbrec = (void *)(uintptr_t)req.db_addr;
	cq->cqe_size = req.cqe_size;
	cq->log_cqes = log2_of(cqes + 1);
	cq->timestamps = flags & IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION;
	cq->ignore_overrun = flags & IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN;
	if (channel_fd >= 0) {
		cq->channel = channel_get(channel_fd);
		if (!cq->channel) {
			free(cq);
			return -EBADF;
		}
	}
	ret = uv_obj_add(cmd->ctx, OBJ_CQ, cq, &handle);
	if (ret) {
		channel_put(cq->channel);
		free(cq);
		return ret;
	}
	cq->cqn = handle | 0x400;
	cq->next = emu.cqs;
	emu.cqs = cq;
	cq_start(cq);
	engine_start_tick();
	attr->data = handle;
	resp_cqe = (1U << cq->log_cqes) - 1;
	uhw.cqn = cq->cqn;
	uv_out(cmd, UVERBS_ATTR_CREATE_CQ_RESP_CQE, &resp_cqe, sizeof(resp_cqe));
	uv_out(cmd, UVERBS_ATTR_UHW_OUT, &uhw, sizeof(uhw));
	return 0;
}

static bool cq_in_use(const struct emu_cq *cq)
{
	for (uint32_t i = 0; i < emu.num_qps; i++)
		if (emu.qps[i]->send_cq == cq || emu.qps[i]->recv_cq == cq)
			return true;
	return false;
}

int uv_destroy_cq(struct uv_cmd *cmd)
{
	uint32_t handle = (uint32_t)uv_in_u64(cmd, UVERBS_ATTR_DESTROY_CQ_HANDLE, 0);
	struct emu_cq *cq = uv_obj(cmd->ctx, OBJ_CQ, handle);
	struct ib_uverbs_destroy_cq_resp resp;

	if (!cq)
		return -ENOENT;
	if (cq_in_use(cq))
		return -EBUSY;
	uv_obj_take(cmd->ctx, OBJ_CQ, handle);
	if (cq->channel)
		cq->comp_events -= channel_drain(cq->channel, cq->user_handle,
						 sizeof(struct ib_uverbs_comp_event_desc));
	if (cmd->ctx->async)
		cq->async_events -= channel_drain(cmd->ctx->async, cq->user_handle,
						  sizeof(struct ib_uverbs_async_event_desc));
	resp.comp_events_reported = cq->comp_events;
	resp.async_events_reported = cq->async_events;
	uv_out(cmd, UVERBS_ATTR_DESTROY_CQ_RESP, &resp, sizeof(resp));
	cq_destroy(cq);
	return 0;
}

int uv_resize_cq(struct uv_cmd *cmd)
{
	struct ib_uverbs_resize_cq_resp resp = { 0 };
	struct ib_uverbs_resize_cq req;
	struct mlx5_ib_resize_cq uhw;
	struct emu_cq *cq;
	size_t len = 0, uhw_len = 0;
	const void *in = uv_in(cmd, UVERBS_ATTR_CORE_IN, &len);
	const void *uhw_in = uv_in(cmd, UVERBS_ATTR_UHW_IN, &uhw_len);
	int ret;

	if (len < sizeof(req) || uhw_len < sizeof(uhw))
		return -EINVAL;
	memcpy(&req, in, sizeof(req));
	memcpy(&uhw, uhw_in, sizeof(uhw));
	cq = uv_obj(cmd->ctx, OBJ_CQ, req.cq_handle);
	if (!cq)
		return -ENOENT;
	if (!req.cqe || req.cqe > emu.set.max_cqe)
		return -EINVAL;
	ret = cq_resize(cq, (uint8_t *)(uintptr_t)uhw.buf_addr, log2_of(req.cqe + 1));
	if (ret)
		return ret;
	resp.cqe = (1U << cq->log_cqes) - 1;
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	return 0;
}
