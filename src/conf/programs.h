/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The programs of this package, for their mains and for what is told of them. */
#ifndef RW_CONF_PROGRAMS_H
#define RW_CONF_PROGRAMS_H

#include "conf/conf.h"

extern const struct rw_test rw_bw_test;
extern const struct rw_test rw_lat_test;

#endif
