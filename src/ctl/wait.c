/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "ctl/wait.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "util/compiler.h"

/* How late *stop may be seen when its signal arrived between the check and poll(). */
#define WAIT_SLICE_MS 50

int64_t rw_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t rw_deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : rw_now_ms() + timeout_ms;
}

int rw_deadline_left(int64_t deadline_ms)
{
	int64_t left_ms;

	if (deadline_ms == INT64_MAX)
		return -1;
	left_ms = deadline_ms - rw_now_ms();
	return left_ms <= 0 ? 0 : (int)rw_min(left_ms, (int64_t)INT_MAX);
}

int rw_wait(struct pollfd *fds, nfds_t n, int64_t deadline_ms, const volatile sig_atomic_t *stop)
{
	int left_ms, slice_ms, ret;

	for (;;) {
		if (stop && *stop)
			return -EINTR;
		left_ms = rw_deadline_left(deadline_ms);
		slice_ms = left_ms;
		if (stop && (left_ms < 0 || left_ms > WAIT_SLICE_MS))
			slice_ms = WAIT_SLICE_MS;
		ret = poll(fds, n, slice_ms);
		if (ret > 0)
			return 0;
		if (ret < 0 && errno != EINTR)
			return -errno;
		if (!left_ms)
			return -ETIMEDOUT;
	}
}
