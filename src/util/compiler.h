/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Small helpers around the compiler; nothing here has state. */
#ifndef RW_UTIL_COMPILER_H
#define RW_UTIL_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define RW_PRINTF(fmt, args)   __attribute__((format(printf, fmt, args)))
#define RW_ARRAY_SIZE(a)       (sizeof(a) / sizeof((a)[0]))
#define rw_likely(x)           __builtin_expect(!!(x), 1)
#define rw_unlikely(x)         __builtin_expect(!!(x), 0)
#define rw_always_inline       inline __attribute__((always_inline))
#define rw_min(a, b)           ((a) < (b) ? (a) : (b))
#define rw_max(a, b)           ((a) > (b) ? (a) : (b))
#define rw_div_ceil(n, d)      (((n) + (d) - 1) / (d))
#define rw_round_up(n, unit)   (rw_div_ceil((uint64_t)(n), unit) * (unit))
#define rw_container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

#endif
