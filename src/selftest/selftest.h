/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * --selftest: what the engines and the direct path rely on, tried on a device.
 * One process, two QPs, no peer; the pieces are those that measure.
 */
#ifndef RW_SELFTEST_SELFTEST_H
#define RW_SELFTEST_SELFTEST_H

#include <signal.h>

#include "conf/conf.h"
#include "verbs/device.h"

/*
 * Try every assumption on @device, print a table of them and how many held.
 * The GID is chosen here (@conf's gid_index). Every wait has an end; @stop ends
 * it early. Returns 0 if all that apply hold, -EIO (RW_EXIT_RUN) if one does
 * not, or -EOPNOTSUPP and what else keeps it from beginning (RW_EXIT_DEVICE);
 * told in @err.
 */
int rw_selftest_run(const struct rw_conf *conf, struct rw_device *device,
		    const volatile sig_atomic_t *stop, struct rw_err *err);

#endif
