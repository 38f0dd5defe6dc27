/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "util/pattern.h"

#include <string.h>

#include "util/compiler.h"

/* splitmix64 of a counter: every 8-byte word on its own. */
static uint64_t pattern_word(uint64_t seed, uint64_t word)
{
	uint64_t z = seed * UINT64_C(0xd1342543de82ef95) + word * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void rw_corrupt_add(struct rw_corrupt *sum, const struct rw_corrupt *more)
{
	uint64_t bytes = sum->bytes + more->bytes;

	if (!sum->bytes)
		*sum = *more;
	sum->bytes = bytes;
}

uint8_t rw_pattern_byte(uint64_t seed, uint64_t position)
{
	uint64_t word = pattern_word(seed, position / 8);
	uint8_t bytes[8];

	memcpy(bytes, &word, sizeof(bytes));
	return bytes[position % 8];
}

/*
 * The next piece of up to 8 bytes at @position that lies in one word: its bytes
 * in @piece, its length returned.
 */
static size_t next_piece(uint64_t seed, uint64_t position, size_t len, uint8_t piece[8])
{
	uint64_t word = pattern_word(seed, position / 8);
	size_t skip = position % 8;
	size_t n = rw_min(8 - skip, len);
	uint8_t bytes[8];

	memcpy(bytes, &word, sizeof(bytes));
	memcpy(piece, bytes + skip, n);
	return n;
}

static void fill(uint8_t *buf, size_t len, uint64_t seed, uint64_t position, uint8_t flip)
{
	uint8_t piece[8];

	while (len) {
		size_t n = next_piece(seed, position, len, piece);

		for (size_t i = 0; i < n; i++)
			buf[i] = piece[i] ^ flip;
		buf += n;
		position += n;
		len -= n;
	}
}

void rw_pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t position)
{
	fill(buf, len, seed, position, 0);
}

void rw_pattern_spoil(void *buf, size_t len, uint64_t seed, uint64_t position)
{
	fill(buf, len, seed, position, 0xff);
}

size_t rw_pattern_check(const void *buf, size_t len, uint64_t seed, uint64_t position,
			size_t *first_p)
{
	const uint8_t *bytes = buf;
	size_t done = 0, wrong = 0;
	uint8_t piece[8];

	while (done < len) {
		size_t n = next_piece(seed, position + done, len - done, piece);

		if (rw_unlikely(memcmp(bytes + done, piece, n))) {
			for (size_t i = 0; i < n; i++)
				if (bytes[done + i] != piece[i] && wrong++ == 0)
					*first_p = done + i;
		}
		done += n;
	}
	return wrong;
}
