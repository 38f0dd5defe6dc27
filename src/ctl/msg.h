/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The messages of a session, in the order in which they travel:
 *
 *   client                          server
 *   setup    run, port,       -->
 *            segments of a WR
 *                             <--   accept    port, QPs, buffer, facts, (cm)
 *   connect  QPs              -->
 *            (QPs by rdma_cm  -->)                        if run says rdma_cm
 *                             <--   connected
 *   prepare  operation, size  -->                          for each row
 *                             <--   prepared
 *   reconnect  index, QP      -->                          after a teardown, any
 *                             <--   reconnected  QP        number of times
 *   alive                     -->                          now and then while a row runs
 *   finish   what was done    -->
 *                             <--   finished  what was found
 *   end                       -->                          then another setup, or close
 *
 * Where the server issues operations, too (-b), "accept" has the segments of its WRs,
 * "connect" the client's buffer, "prepare" the path, and "finished" what "finish" has,
 * the figures of the server's row and the row as its report would have it. Between
 * "prepared" and "finish" both sides go through the same phases:
 *
 *   alive, stop               -->                          at any time in a phase; stop:
 *                             <--   alive                  the user ended the run
 *   ran      whether that is  -->                          a phase is over on this side:
 *            the end of it    <--   ran                    the next begins when both are
 *
 * With --engine=kernel the QPs are those of the module rw_bench, in which the rest is agreed:
 *
 *   setup    run, port        -->
 *                             <--   accept    port, facts, cm: where its server listens
 *   alive                     -->                          as above
 *   finish   operations       -->                          after each row
 *   end                       -->                          then close
 *
 * Pure: addresses are plain numbers here. What comes from the peer is checked
 * field by field; errors are told with RW_EXIT_PEER and -EPROTO.
 */
#ifndef RW_CTL_MSG_H
#define RW_CTL_MSG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/pattern.h"

#define RW_MSG_MAX_QPS 1024

/* A port: where it is and what it can do. */
struct rw_msg_port {
	bool is_roce;
	bool is_iwarp;
	bool has_grh;
	uint32_t lid;
	uint32_t mtu_bytes;
	uint32_t max_rd_atom;
	uint32_t gid_type; /* enum rw_gid_type */
	uint8_t gid[16];
};

/* Where the server's rdma_cm listens, at the address of its port, and for whom. */
struct rw_msg_cm {
	uint16_t port;
	uint64_t token; /* random: what the client shows with each QP */
};

struct rw_msg_qp {
	uint32_t qpn;
	uint32_t psn;
};

/* The server's memory: slots one behind the other from addr on (rw_conf_slot_place). */
struct rw_msg_buffer {
	uint64_t addr;
	uint64_t slot_bytes;
	uint32_t nr_rkeys; /* 1, or one for each QP */
	uint32_t rkeys[RW_MSG_MAX_QPS];
};

struct rw_msg_prepare {
	bool is_write;
	bool verify;
	uint64_t size_bytes;
	uint64_t seed;
};

/* The client: what was done. The server: what it found in its memory. */
struct rw_msg_finish {
	uint64_t operations;
	uint8_t *done; /* one bit for each slot, set if an operation on it ended well */
	uint32_t nr_slots;
};

json_t *rw_msg_port_pack(const struct rw_msg_port *port);
int rw_msg_port_unpack(const json_t *obj, struct rw_msg_port *port, struct rw_err *err);

json_t *rw_msg_cm_pack(const struct rw_msg_cm *cm);
int rw_msg_cm_unpack(const json_t *obj, struct rw_msg_cm *cm, struct rw_err *err);

json_t *rw_msg_qps_pack(const struct rw_msg_qp *qps, uint32_t n);
/* Exactly @n QPs must be there. */
int rw_msg_qps_unpack(const json_t *obj, struct rw_msg_qp *qps, uint32_t n, struct rw_err *err);

json_t *rw_msg_buffer_pack(const struct rw_msg_buffer *buffer);
/* @buffer->nr_rkeys is the caller's; exactly as many must be there. */
int rw_msg_buffer_unpack(const json_t *obj, struct rw_msg_buffer *buffer, struct rw_err *err);

json_t *rw_msg_prepare_pack(const struct rw_msg_prepare *prepare);
int rw_msg_prepare_unpack(const json_t *obj, struct rw_msg_prepare *prepare, struct rw_err *err);

json_t *rw_msg_finish_pack(const struct rw_msg_finish *finish);
/* @finish->done and nr_slots are the caller's; as many bits must have come. */
int rw_msg_finish_unpack(const json_t *obj, struct rw_msg_finish *finish, struct rw_err *err);

json_t *rw_msg_finished_pack(const struct rw_corrupt *corrupt);
int rw_msg_finished_unpack(const json_t *obj, struct rw_corrupt *corrupt, struct rw_err *err);

/* A message of one word: "connected", "prepared", "alive", "end". */
json_t *rw_msg_word(const char *type);

#endif
