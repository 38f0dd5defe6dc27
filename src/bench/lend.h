/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The memory that a server lends to its client, and the data of verified rows in it. */
#ifndef RW_BENCH_LEND_H
#define RW_BENCH_LEND_H

#include "conf/conf.h"
#include "ctl/msg.h"
#include "rw/remote.h"
#include "verbs/arena.h"
#include "verbs/endpoint.h"

struct rw_lent {
	const struct rw_conf *conf;
	struct rw_arena arena;
	uint64_t slot_bytes;
	uint32_t nr_slots;
	uint32_t wr_segs; /* of the client's WRs */
	struct rw_msg_prepare row; /* the last that was prepared ... */
	struct rw_remote remote;   /* ... and where the bytes of its operations lie */
};

/* What the client's operations need, and no more: flags of ibv_access_flags. */
uint8_t rw_lent_access(const struct rw_conf *conf);

/*
 * Memory for each operation of the client's run @conf, whose WRs have up to @wr_segs segments
 * where this memory is scattered, on NUMA node @memory_node (-1:
 * anywhere), registered for @ep. Returns 0 or -errno, told in @err.
 */
int rw_lent_open(struct rw_lent *lent, const struct rw_conf *conf, uint32_t wr_segs,
		 const struct rw_endpoint *ep, int memory_node, struct rw_err *err);

/* No QP may reach it any more. */
void rw_lent_close(struct rw_lent *lent);

/* What the client has to know of it. */
void rw_lent_to_msg(const struct rw_lent *lent, struct rw_msg_buffer *buffer);

/* Lay out the data of a row, if it is verified. Returns 0 or -EPROTO, told in @err. */
int rw_lent_prepare(struct rw_lent *lent, const struct rw_msg_prepare *row, struct rw_err *err);

/*
 * The row is over. The peer's "finish", @msg, tells how many operations there were and on which
 * slots. Verified WRITEs are checked here, where the data are: what is wrong is added to @corrupt.
 * Returns 0, -EPROTO or -ENOMEM, told in @err.
 */
int rw_lent_check(const struct rw_lent *lent, const json_t *msg, uint64_t *operations_p,
		  struct rw_corrupt *corrupt, struct rw_err *err);

#endif
