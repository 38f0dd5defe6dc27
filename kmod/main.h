/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef RWB_MAIN_H
#define RWB_MAIN_H

#include "rw_bench.h"

/* Make the file of a run: read for its report, written "stop" to end it. */
struct dentry *rwb_run_file(struct rwb_run *run);

#endif
