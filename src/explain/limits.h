/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The limits of a device that the rules read, and who says so. */
#ifndef RW_EXPLAIN_LIMITS_H
#define RW_EXPLAIN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

enum rw_limit_id {
	RW_LIMIT_MAX_SGL_RD,     /* entries above which the kernel wants MRs for a READ; 0: never */
	RW_LIMIT_MAX_SEND_SGE,   /* SGEs of one WR */
	RW_LIMIT_MAX_SGE_RD,     /* SGEs of one READ WR */
	RW_LIMIT_FAST_REG_PAGES, /* max_fast_reg_page_list_len: pages of one kernel MR */
	RW_LIMIT_MAX_QP_WR,      /* WRs of a send queue */
	RW_LIMIT_MAX_QP_RD_ATOM, /* READs of a QP under way at once */
	RW_NR_LIMITS,
};

struct rw_limit {
	uint32_t value;
	const char *source; /* NULL: not known, @value says nothing */
};

struct rw_limits {
	const char *name; /* the profile or the device */
	bool is_profile;
	bool is_mlx5;
	bool iwarp;
	struct rw_limit limits[RW_NR_LIMITS];
};

/* As the kernel names them: max_sgl_rd, ... */
const char *rw_limit_name(enum rw_limit_id id);

/* What is known of such devices without having one. */
const struct rw_limits *rw_limits_profile(enum rw_device_profile profile);

#endif
