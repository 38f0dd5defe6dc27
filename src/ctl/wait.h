/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Deadlines, and waiting for sockets under them. A deadline is an absolute
 * time: steps that together make up one action share it, so that a peer
 * cannot stretch the action by being slow in every step.
 */
#ifndef RW_CTL_WAIT_H
#define RW_CTL_WAIT_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. */
int64_t rw_now_ms(void);

/* The deadline @timeout_ms from now; negative: never. */
int64_t rw_deadline_in(int timeout_ms);

/* Milliseconds until @deadline_ms as poll() takes them: -1 for never, 0 when it has passed. */
int rw_deadline_left(int64_t deadline_ms);

/*
 * Wait until one of the @n @fds has an event (0 fds: just sleep).
 * @stop: may be NULL; else its becoming non-zero ends the wait within 50 ms,
 * also when the signal came just before the wait began.
 * Returns 0, -ETIMEDOUT (the deadline passed), -EINTR (*stop), or what poll() says.
 */
int rw_wait(struct pollfd *fds, nfds_t n, int64_t deadline_ms, const volatile sig_atomic_t *stop);

#endif
