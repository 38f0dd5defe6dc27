/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The data that verified runs move: bytes that follow from a seed and a
 * position alone, so that either side can make and check any piece of them.
 */
#ifndef RW_UTIL_PATTERN_H
#define RW_UTIL_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Damage found in a run: how many bytes, and the first of them. */
struct rw_corrupt {
	uint64_t bytes;
	uint64_t slot;   /* which operation context */
	uint64_t offset; /* bytes into the operation */
	uint8_t expected, found;
};

/* Add @more to @sum; the first damage stays the one that is told. */
void rw_corrupt_add(struct rw_corrupt *sum, const struct rw_corrupt *more);

/* The byte at @position. */
uint8_t rw_pattern_byte(uint64_t seed, uint64_t position);

/* Fill @buf with the bytes that begin at @position. */
void rw_pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t position);

/* Fill @buf with bytes of which each is wrong: the complement of the right one. */
void rw_pattern_spoil(void *buf, size_t len, uint64_t seed, uint64_t position);

/*
 * Compare @buf with the bytes that begin at @position. Returns how many are
 * wrong; *first_p is then the index in @buf of the first.
 */
size_t rw_pattern_check(const void *buf, size_t len, uint64_t seed, uint64_t position,
			size_t *first_p);

#endif
