// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/slab.h>

#include "msg.h"

static void received(struct ib_cq *cq, struct ib_wc *wc)
{
	struct rwb_conn *conn = container_of(wc->wr_cqe, struct rwb_conn, rx.cqe);

	if (wc->status == IB_WC_SUCCESS && wc->byte_len == sizeof(struct rwb_msg))
		rwb_conn_tell(conn, RWB_SEEN_MSG);
	else
		rwb_conn_tell(conn, RWB_SEEN_GONE);
}

static void sent(struct ib_cq *cq, struct ib_wc *wc)
{
	struct rwb_conn *conn = container_of(wc->wr_cqe, struct rwb_conn, tx.cqe);

	rwb_conn_tell(conn, wc->status == IB_WC_SUCCESS ? RWB_SEEN_SENT : RWB_SEEN_GONE);
}

static int open_buf(struct rwb_conn *conn, struct rwb_buf *buf,
		    void (*done)(struct ib_cq *cq, struct ib_wc *wc),
		    enum dma_data_direction dir)
{
	buf->cqe.done = done;
	buf->msg = kzalloc(sizeof(*buf->msg), GFP_KERNEL);
	if (!buf->msg)
		return -ENOMEM;
	buf->dma = ib_dma_map_single(conn->id->device, buf->msg, sizeof(*buf->msg), dir);
	if (ib_dma_mapping_error(conn->id->device, buf->dma))
		return -EIO;
	buf->mapped = true;
	return 0;
}

int rwb_msg_open(struct rwb_conn *conn)
{
	int err = open_buf(conn, &conn->tx, sent, DMA_TO_DEVICE);

	return err ? err : open_buf(conn, &conn->rx, received, DMA_FROM_DEVICE);
}

static void close_buf(struct rwb_conn *conn, struct rwb_buf *buf, enum dma_data_direction dir)
{
	if (buf->mapped)
		ib_dma_unmap_single(conn->id->device, buf->dma, sizeof(*buf->msg), dir);
	buf->mapped = false;
	kfree(buf->msg);
	buf->msg = NULL;
}

void rwb_msg_close(struct rwb_conn *conn)
{
	close_buf(conn, &conn->tx, DMA_TO_DEVICE);
	close_buf(conn, &conn->rx, DMA_FROM_DEVICE);
}

int rwb_msg_expect(struct rwb_conn *conn)
{
	struct ib_sge sge = {
		.addr = conn->rx.dma,
		.length = sizeof(struct rwb_msg),
		.lkey = conn->pd->local_dma_lkey,
	};
	struct ib_recv_wr wr = { .wr_cqe = &conn->rx.cqe, .sg_list = &sge, .num_sge = 1 };

	ib_dma_sync_single_for_device(conn->id->device, conn->rx.dma, sizeof(struct rwb_msg),
				      DMA_FROM_DEVICE);
	return ib_post_recv(conn->id->qp, &wr, NULL);
}

int rwb_msg_send(struct rwb_conn *conn, enum rwb_kind kind, struct ib_send_wr *before,
		 struct ib_send_wr *before_last)
{
	struct ib_sge sge = {
		.addr = conn->tx.dma,
		.length = sizeof(struct rwb_msg),
		.lkey = conn->pd->local_dma_lkey,
	};
	struct ib_send_wr wr = {
		.wr_cqe = &conn->tx.cqe,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
	};

	conn->tx.msg->magic = cpu_to_le32(RWB_MAGIC);
	conn->tx.msg->kind = cpu_to_le32(kind);
	ib_dma_sync_single_for_device(conn->id->device, conn->tx.dma, sizeof(struct rwb_msg),
				      DMA_TO_DEVICE);
	if (before_last)
		before_last->next = &wr;
	return ib_post_send(conn->id->qp, before ? before : &wr, NULL);
}

int rwb_msg_probe(struct rwb_conn *conn)
{
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_cqe = &conn->tx.cqe,
			.opcode = IB_WR_RDMA_WRITE,
			.send_flags = IB_SEND_SIGNALED,
		},
	};
	int err = ib_post_send(conn->id->qp, &wr.wr, NULL);

	return err ? err : rwb_conn_wait(conn, RWB_SEEN_SENT, conn->run->conf.deadline_ms);
}

int rwb_msg_wait(struct rwb_conn *conn, enum rwb_kind kind, unsigned int ms)
{
	int err = rwb_conn_wait(conn, RWB_SEEN_MSG, ms);

	if (err)
		return err;
	ib_dma_sync_single_for_cpu(conn->id->device, conn->rx.dma, sizeof(struct rwb_msg),
				   DMA_FROM_DEVICE);
	if (le32_to_cpu(conn->rx.msg->magic) != RWB_MAGIC ||
	    le32_to_cpu(conn->rx.msg->kind) != kind)
		return -EPROTO;
	return 0;
}
