/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the mains of all programs have in common. */
#ifndef RW_CMD_MAIN_H
#define RW_CMD_MAIN_H

#include "conf/conf.h"

/* Parse, run as client or server, print the error if there is one; the exit code. */
int rw_main(const struct rw_test *test, int argc, char *argv[]);

#endif
