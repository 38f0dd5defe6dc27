/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The server of -b: an initiator, too (both.h). */
#ifndef RW_BENCH_SERVE_BOTH_H
#define RW_BENCH_SERVE_BOTH_H

#include "bench/client.h"

/*
 * Open what works on the client's memory: a crew, and its loads in the domain of @ep.
 * Their QPs stand in @ep from then on, but are theirs. @lent is what the client works on;
 * of @own, conf, chan and placement are filled. Returns 0 or -errno, told in @err;
 * rw_serve_both_close is owed.
 */
int rw_serve_both_open(struct rw_client *own, struct rw_endpoint *ep, struct rw_lent *lent,
		       const volatile sig_atomic_t *stop, struct rw_err *err);
void rw_serve_both_close(struct rw_client *own, struct rw_endpoint *ep);

/* The row that "prepare" asks for, from there to its last phase. 0 or -errno, told in @err. */
int rw_serve_both_run(struct rw_client *own, const json_t *prepare, struct rw_err *err);

/*
 * Add what the row did to @finished, and the damage that its READs found to @corrupt. Returns
 * 0 or -ENOMEM, told in @err.
 */
int rw_serve_both_report(struct rw_client *own, json_t **finished_p, struct rw_corrupt *corrupt,
			 struct rw_err *err);

#endif
