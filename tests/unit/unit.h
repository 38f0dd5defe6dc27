/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What cmocka wants included before itself. */
#ifndef RW_TESTS_UNIT_H
#define RW_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/compiler.h"
#include "util/err.h"

/* splitmix64: the same numbers in every run. */
static inline uint64_t unit_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From @min to @max, both included. */
static inline uint64_t unit_between(uint64_t *state, uint64_t min, uint64_t max)
{
	uint64_t span = max - min + 1;

	return min + (span ? unit_random(state) % span : unit_random(state));
}

/* @err tells of this kind of fault in one line that holds @word. */
#define assert_told(err, code, number, word)                                                       \
	do {                                                                                       \
		if (!strstr((err)->text, (word)) || strpbrk((err)->text, "\n\r"))                  \
			fail_msg("'%s' is no line with '%s'", (err)->text, (word));                \
		assert_int_equal((err)->exit_code, (code));                                        \
		assert_int_equal((err)->error, (number));                                          \
	} while (0)

#endif
