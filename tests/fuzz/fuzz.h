/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Between a fuzz target (fuzz_*.c) and fuzz_main.c; libFuzzer needs the first function only. */
#ifndef RW_TESTS_FUZZ_H
#define RW_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Feed the target @size bytes. Always returns 0; a violated rule ends in abort(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs worth mutating, the end marked by bytes NULL. */
struct fuzz_seed {
	const char *bytes;
	size_t size;
};
extern const struct fuzz_seed fuzz_seeds[];

#define FUZZ_SEED(text)                                                                            \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* Like assert(), also with NDEBUG. */
#define FUZZ_CHECK(what)                                                                           \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
