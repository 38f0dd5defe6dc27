/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * With -b both sides are initiators: the server has a struct rw_client of its own, with a
 * crew, loads and rows like the client's, on whose memory they work (serve_both.c). Both go
 * through the same phases, each at its pace, and meet when a phase ends:
 *
 *   client   prepare --> warm-up --+-- margin --+-- measured --+-- margin --+--> finish
 *   server   prepare --> warm-up --+-- margin --+-- measured --+-- margin --+--> finished
 *                                  "ran" goes both ways at each +
 */
#ifndef RW_BENCH_BOTH_H
#define RW_BENCH_BOTH_H

#include <signal.h>

#include "bench/lend.h"

struct rw_client;

struct rw_both {
	bool peer_ran;  /* its part of the phase is over */
	bool is_over;   /* the user ended the run, as both sides know since they last met */
	bool told_stop; /* the client: it has told so in the middle of a phase */
	volatile sig_atomic_t stop; /* the server: the client's user did */
	const volatile sig_atomic_t *interrupted; /* the server: its own did; else NULL */
	int64_t heard_by_ms;  /* the peer is to be heard of again */
	struct rw_lent *lent; /* what the peer's operations work on */
	struct rw_lent own;   /* the client's */
};

/*
 * Without -b all below do nothing. What returns an int: 0 or -errno, told in @err.
 */

/* What the peer may do with this side's memory. */
uint8_t rw_both_access(const struct rw_conf *conf);

/* The client: lend memory to the server, whose "accept" is @msg; what is to be told of it. */
int rw_both_lend(struct rw_client *client, const json_t *msg, struct rw_err *err);
json_t *rw_both_pack_buffer(const struct rw_client *client);
void rw_both_close(struct rw_client *client);

/* Lay out the data of a row in what is lent. */
int rw_both_prepare(struct rw_client *client, const struct rw_msg_prepare *prepare,
		    struct rw_err *err);

/* The server: the client prepares the row anew. */
int rw_both_await_prepare(struct rw_client *client, struct rw_err *err);

/*
 * Receive a message of @type between two phases; the caller drops it. What the peer said before it
 * knew that the phase was over is passed by.
 */
int rw_both_recv(struct rw_client *client, const char *type, json_t **msg_p, struct rw_err *err);

/* In a phase: the peer has said nothing, or @msg. */
int rw_both_watch(struct rw_client *client, struct rw_err *err);
int rw_both_hear(struct rw_client *client, const json_t *msg, struct rw_err *err);

/* This side's phase is over: wait until the peer's is, too. */
int rw_both_meet(struct rw_client *client, struct rw_err *err);

/* Is nothing more to be begun? */
bool rw_both_is_over(const struct rw_client *client);

/* The client: what the server did, which "finished" tells, goes to the row's result. */
int rw_both_take_row(struct rw_client *client, const json_t *msg, struct rw_err *err);

#endif
