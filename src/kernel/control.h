/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * rw_bench.ko (kmod/): its runs, made and read through debugfs. What was made goes with
 * the control file, which the kernel closes however the program ends.
 */
#ifndef RW_KERNEL_CONTROL_H
#define RW_KERNEL_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

#include "util/err.h"

#define RW_KERNEL_NAME 32

struct rw_kernel {
	int control;               /* the open control file */
	char name[RW_KERNEL_NAME]; /* of the one run at a time */
	bool made;
};

/*
 * Open the module's control file. Returns 0, or -errno with what is missing and how to
 * get it told in @err (RW_EXIT_DEVICE); then nothing is open.
 */
int rw_kernel_open(struct rw_kernel *kernel, struct rw_err *err);

/* Nothing stays: the kernel ends the run if there is one, and this waits for it. */
void rw_kernel_close(struct rw_kernel *kernel);

/*
 * Make the run of these keys and values (kmod/README.md), without its name. Returns 0, or
 * -errno with the module's own words told in @err.
 */
int rw_kernel_create(struct rw_kernel *kernel, struct rw_err *err, const char *fmt, ...)
	RW_PRINTF(3, 4);

/* What the run has come to: its document. 0 or -errno, told in @err. */
int rw_kernel_read(const struct rw_kernel *kernel, json_t **doc_p, struct rw_err *err);

/* Let the run begin nothing more. It ends soon; its document says when it has. */
void rw_kernel_stop(const struct rw_kernel *kernel);

/* The run and its document are gone. */
void rw_kernel_remove(struct rw_kernel *kernel);

/*
 * Does the API take an MR for a WRITE of the device at @addr? It does so under
 * ib_core.force_mr only. 0 or -errno, told in @err.
 */
int rw_kernel_forces_mr(const char *addr, bool *forces_p, struct rw_err *err);

#endif
