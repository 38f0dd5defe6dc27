/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What cmocka wants included before itself. */
#ifndef RW_TESTS_UNIT_H
#define RW_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/compiler.h"

#endif
