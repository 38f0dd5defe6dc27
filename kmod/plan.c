// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What rdma_rw_ctx_init of this kernel and this device does with a list of
 * segments, asked of it without posting anything:
 *
 *	addr=10.9.0.1 op=read max_sgl_rd=3 max_sge=30 pool=01 offset=0 sg=0:4096,8192:4096
 *
 * pool: an MR for each digit, head of the list first, 1: it needs invalidation.
 * sg: first byte and length of each segment, bytes into a block of up to 4 MiB.
 */
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "rw_bench.h"

#define MAX_SEGMENTS 1024
#define MAX_POOL 256
#define BLOCK_BYTES (4U << 20)

struct question {
	struct rwb_conf conf; /* addr, op, max_sgl_rd, max_sge */
	char pool[MAX_POOL + 1];
	u32 offset, n, bytes;
	u32 end; /* of the block that is needed */
	struct { u32 at, len; } seg[MAX_SEGMENTS];
};

static int ignore(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	return 0;
}

static int parse_segments(struct question *q, char *text)
{
	char *word;

	while ((word = strsep(&text, ","))) {
		char *at = strsep(&word, ":");
		u32 first, len;

		if (q->n == MAX_SEGMENTS || !word || kstrtou32(at, 10, &first) ||
		    kstrtou32(word, 10, &len) || !len || first >= BLOCK_BYTES ||
		    len > BLOCK_BYTES - first)
			return -EINVAL;
		q->seg[q->n].at = first;
		q->seg[q->n++].len = len;
		q->bytes += len;
		q->end = max(q->end, first + len);
		if (q->bytes > BLOCK_BYTES)
			return -EINVAL;
	}
	return 0;
}

/* Our own keys; the others are a run's, which rwb_conf_parse knows. */
static int parse(struct question *q, char *text)
{
	char conf[160] = "role=client name=plan count=1 ";
	const char *why;
	char *word;

	while ((word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		if (!strncmp(word, "sg=", 3)) {
			if (q->n || parse_segments(q, word + 3))
				return -EINVAL;
		} else if (!strncmp(word, "pool=", 5)) {
			if (strspn(word + 5, "01") != strlen(word + 5) ||
			    strscpy(q->pool, word + 5, sizeof(q->pool)) < 0)
				return -EINVAL;
		} else if (!strncmp(word, "offset=", 7)) {
			if (kstrtou32(word + 7, 10, &q->offset))
				return -EINVAL;
		} else if (strlcat(conf, word, sizeof(conf)) >= sizeof(conf) ||
			   strlcat(conf, " ", sizeof(conf)) >= sizeof(conf)) {
			return -EINVAL;
		}
	}
	/* rdma_rw_ctx_init walks the list up to the offset: it must lie in it. */
	if (!q->n || q->offset >= q->bytes)
		return -EINVAL;
	return rwb_conf_parse(&q->conf, conf, &why);
}

static int ask(const struct question *q, struct rdma_cm_id *id, struct scatterlist *sg, void *block,
	       char *answer, size_t size)
{
	static const char *const types[] = { "single_wr", "multi_wr", "mr" };
	enum dma_data_direction dir = q->conf.op == RWB_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	const char *flag = q->pool;
	struct rdma_rw_ctx rw = {};
	struct ib_mr *mr;
	int ret;
	u32 i;

	list_for_each_entry(mr, &id->qp->rdma_mrs, qp_entry)
		if (*flag)
			mr->need_inval = *flag++ == '1';
	sg_init_table(sg, q->n);
	for (i = 0; i < q->n; i++)
		sg_set_buf(&sg[i], block + q->seg[i].at, q->seg[i].len);
	ret = rdma_rw_ctx_init(&rw, id->qp, id->port_num, sg, q->n, q->offset, 0x10000, 1, dir);
	if (ret < 0) {
		snprintf(answer, size, "{\"ret\":%d,\"mrs_used\":%d}\n", ret, id->qp->mrs_used);
		return 0;
	}
	snprintf(answer, size, "{\"ret\":%d,\"type\":\"%s\",\"nr_ops\":%u,\"mrs_used\":%d}\n", ret,
		 rw.type < ARRAY_SIZE(types) ? types[rw.type] : "unknown", rw.nr_ops,
		 id->qp->mrs_used);
	rdma_rw_ctx_destroy(&rw, id->qp, id->port_num, sg, q->n, dir);
	return 0;
}

static int with_qp(const struct question *q, struct rdma_cm_id *id, struct scatterlist *sg,
		   void *block, char *answer, size_t size)
{
	struct ib_qp_init_attr attr = {
		.qp_type = IB_QPT_RC,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.cap = {
			.max_send_wr = 1,
			.max_recv_wr = 1,
			.max_send_sge = min_t(u32, q->conf.max_sge, id->device->attrs.max_send_sge),
			.max_recv_sge = 1,
			.max_rdma_ctxs = strlen(q->pool),
		},
	};
	struct ib_pd *pd = ib_alloc_pd(id->device, 0);
	int err;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	attr.send_cq = ib_alloc_cq(id->device, NULL, 16, 0, IB_POLL_DIRECT);
	if (IS_ERR(attr.send_cq)) {
		err = PTR_ERR(attr.send_cq);
		goto err_pd;
	}
	attr.recv_cq = attr.send_cq;
	err = rdma_create_qp(id, pd, &attr);
	if (err)
		goto err_cq;
	err = ask(q, id, sg, block, answer, size);
	rdma_destroy_qp(id);
err_cq:
	ib_free_cq(attr.send_cq);
err_pd:
	ib_dealloc_pd(pd);
	return err;
}

static int on_device(struct question *q, char *answer, size_t size)
{
	struct scatterlist *sg = kvmalloc_array(q->n, sizeof(*sg), GFP_KERNEL);
	void *block = (void *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_COMP,
					       get_order(q->end));
	struct rdma_cm_id *id;
	struct rwb_sgl *sgl;
	int err = -ENOMEM;

	if (!sg || !block)
		goto out;
	id = rdma_create_id(current->nsproxy->net_ns, ignore, NULL, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id)) {
		err = PTR_ERR(id);
		goto out;
	}
	/* Any free port will do. */
	((struct sockaddr_in *)&q->conf.sockaddr)->sin_port = 0;
	err = rdma_bind_addr(id, (struct sockaddr *)&q->conf.sockaddr);
	if (!err && !id->device)
		err = -ENODEV;
	if (!err)
		err = rwb_sgl_get(id->device, q->conf.max_sgl_rd, &sgl);
	if (!err) {
		err = with_qp(q, id, sg, block, answer, size);
		rwb_sgl_put(sgl);
	}
	rdma_destroy_id(id);
out:
	free_pages((unsigned long)block, get_order(q->end));
	kvfree(sg);
	return err;
}

int rwb_plan(char *text, char *answer, size_t size)
{
	struct question *q = kvzalloc(sizeof(*q), GFP_KERNEL);
	int err;

	if (!q)
		return -ENOMEM;
	err = parse(q, text);
	if (!err)
		err = on_device(q, answer, size);
	kvfree(q);
	return err;
}
