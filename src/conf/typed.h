/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Part of rw_conf_parse: what was typed together and cannot be. */
#ifndef RW_CONF_TYPED_H
#define RW_CONF_TYPED_H

#include "conf/conf.h"

/* Returns 0 or -EINVAL with @err told. */
int rw_conf_check_typed(const struct rw_conf *conf, struct rw_err *err);

#endif
