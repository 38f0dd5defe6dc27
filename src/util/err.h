/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One error, told once. Whoever detects a fault first fills the caller's
 * struct rw_err with one line that says what is wrong and what to do; all
 * functions above it only pass the negative errno on. The main prints the
 * line, the control channel tells it to the peer.
 */
#ifndef RW_UTIL_ERR_H
#define RW_UTIL_ERR_H

#include "util/compiler.h"

/* Exit codes of the programs: part of the interface, see --help. */
enum rw_exit {
	RW_EXIT_OK = 0,
	RW_EXIT_RUN = 1,     /* the run failed */
	RW_EXIT_USAGE = 2,   /* an option or a combination of options is wrong */
	RW_EXIT_PEER = 3,    /* the peer, or the handshake with it */
	RW_EXIT_DEVICE = 4,  /* the device is missing or cannot do it */
	RW_EXIT_CORRUPT = 5, /* data arrived damaged */
};

struct rw_err {
	enum rw_exit exit_code; /* RW_EXIT_OK: nothing was reported */
	int error;              /* negative errno */
	char text[480];         /* one line, no newline */
};

/*
 * Fill @err unless it already tells of an earlier fault (the first detector
 * wins). @error is a negative errno.
 * Returns @error, so that a detector can "return rw_fail(err, ...)".
 */
int rw_fail(struct rw_err *err, enum rw_exit exit_code, int error, const char *fmt, ...)
	RW_PRINTF(4, 5);

/* Forget what @err tells, so that the next fault can be told. */
void rw_err_clear(struct rw_err *err);

/* A line on stderr with the program's name before it. */
void rw_warn(const char *fmt, ...) RW_PRINTF(1, 2);

#endif
