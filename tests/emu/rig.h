/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two connected RC queue pairs in one process, each with its own context on
 * its own device, made by the genuine libibverbs and libmlx5.
 */
#ifndef TESTS_EMU_RIG_H
#define TESTS_EMU_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <infiniband/mlx5dv.h>
#include <infiniband/verbs.h>

#define RIG_BUF  (1 << 20)
#define RIG_ALL                                                                                    \
	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

struct side {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_qp_ex *qpx;
	struct mlx5dv_qp_ex *dvqp;
	uint8_t *buf;
	struct ibv_mr *mr;
};

struct rig {
	struct side a, b; /* a requests, b responds */
};

struct rig_opt {
	uint32_t send_wr, recv_wr, cqes, sges, inline_data;
	uint32_t qp_access;
	uint32_t rd_atomic, dest_rd_atomic;
	uint32_t timeout, retry_cnt, rnr_retry, min_rnr_timer;
	uint32_t cqe_size;
	int channel, sig_all, raw_only, no_buf;
};

extern const struct rig_opt rig_default;

/* Open both sides and connect them; fails the test if anything does not work. */
void rig_open(struct rig *r, const struct rig_opt *opt);
void rig_close(struct rig *r);

/* Pieces of it, for tests that need other arrangements. */
struct ibv_context *rig_device(const char *name);
void side_open(struct side *s, const char *device, const struct rig_opt *opt);
void side_connect(struct side *s, const struct side *to, const struct rig_opt *opt);
void side_connect_qpn(struct side *s, uint32_t qpn, const union ibv_gid *gid,
		      const struct rig_opt *opt);
void side_reset(struct side *s);
void side_close(struct side *s);
enum ibv_qp_state side_state(struct side *s);

/* Fill with a pattern that depends on @seed. */
void fill(uint8_t *p, size_t len, unsigned int seed);

/* Poll until one completion or two seconds; fails the test without one. */
void poll_one(struct ibv_cq *cq, struct ibv_wc *wc);

/* One completion, and it must have this status. */
void expect(struct ibv_cq *cq, uint64_t wr_id, enum ibv_wc_status status);

/* The next asynchronous event, within two seconds, is of this type. */
void expect_async(struct ibv_context *ctx, enum ibv_event_type type);

/* Nothing there, also after the device had time. */
void expect_none(struct ibv_cq *cq);

/* Post with ibv_post_send: READ or WRITE of the two whole buffers' parts. */
int post_rdma(struct side *s, enum ibv_wr_opcode op, uint64_t wr_id, uint32_t lkey, uint64_t laddr,
	      uint32_t len, uint32_t rkey, uint64_t raddr);
int post_recv(struct side *s, uint64_t wr_id, uint64_t off, uint32_t len);

/* UMR with an inline list, by mlx5dv_wr_mr_list. Returns wr_complete's error. */
int umr_list(struct side *s, uint64_t wr_id, struct mlx5dv_mkey *mkey, uint32_t access,
	     const struct ibv_sge *sge, uint16_t num);
int local_inv(struct side *s, uint64_t wr_id, uint32_t key);

/* A raw UMR WQE with its list behind a pointer; @fence: fence mode bits. */
void umr_pointer(struct side *s, uint64_t wr_id, struct mlx5dv_mkey *mkey, uint64_t length,
		 const struct ibv_mr *list_mr, const void *list, uint32_t entries,
		 uint32_t offset);

struct mlx5dv_mkey *mkey_create(struct side *s, uint16_t entries, uint32_t flags);

/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);

#endif
