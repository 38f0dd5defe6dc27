/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Numbers and sizes as people type and read them. */
#ifndef RW_UTIL_UNITS_H
#define RW_UTIL_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parse a whole unsigned number: decimal, or hexadecimal after 0x. With
 * @suffixes, one of K, M, G (powers of 1024, either case) may follow.
 * Nothing else may: no sign, no space, no fraction.
 * Returns 0, -EINVAL (not a number) or -ERANGE (over 64 bits).
 */
int rw_parse_u64(const char *text, int suffixes, uint64_t *value_p);

/*
 * Write @bytes with the largest of K, M, G that divides it exactly, else as a
 * plain number. Returns @buf, which must hold at least RW_SIZE_TEXT bytes.
 */
#define RW_SIZE_TEXT 24
const char *rw_format_size(uint64_t bytes, char buf[RW_SIZE_TEXT]);

#endif
