/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The data of verified runs: each byte known from seed and position alone. */
#include "unit.h"

#include <stdbool.h>

#include "util/pattern.h"

#define LEN    41 /* several words and two pieces of one */
#define MARGIN 9
#define GUARD  0xa5

static const uint64_t positions[] = { 0, 1, 7, 8, 4095, UINT64_C(1) << 32, UINT64_MAX / 2 };

/* Every alignment in memory and in the pattern, every length; nothing beside it is touched. */
static void test_fill(void **state)
{
	uint8_t buf[8 + LEN + MARGIN];

	for (size_t p = 0; p < RW_ARRAY_SIZE(positions); p++)
		for (size_t align = 0; align < 8; align++)
			for (size_t len = 0; len <= LEN; len++) {
				size_t first = 77;

				memset(buf, GUARD, sizeof(buf));
				rw_pattern_fill(buf + align, len, 3, positions[p]);
				for (size_t i = 0; i < sizeof(buf); i++) {
					bool inside = i >= align && i < align + len;
					uint64_t at = positions[p] + i - align;

					assert_int_equal(buf[i],
							 inside ? rw_pattern_byte(3, at) : GUARD);
				}
				assert_int_equal(
					rw_pattern_check(buf + align, len, 3, positions[p], &first),
					0);
				assert_int_equal(first, 77);
			}
}

/* A piece says the same whichever way it was cut. */
static void test_pieces_join(void **state)
{
	uint8_t whole[LEN], cut[LEN];

	rw_pattern_fill(whole, LEN, 1, 5);
	for (size_t at = 0; at <= LEN; at++) {
		rw_pattern_fill(cut, at, 1, 5);
		rw_pattern_fill(cut + at, LEN - at, 1, 5 + at);
		assert_memory_equal(cut, whole, LEN);
	}
}

static void test_each_flip_is_found(void **state)
{
	uint8_t buf[8 + LEN];

	for (size_t align = 0; align < 8; align++)
		for (size_t position = 0; position < 8; position++)
			for (size_t i = 0; i < LEN; i++) {
				uint8_t *data = buf + align;
				size_t first = 77;

				rw_pattern_fill(data, LEN, 9, position);
				data[i] ^= (uint8_t)(1 << i % 8);
				assert_int_equal(rw_pattern_check(data, LEN, 9, position, &first),
						 1);
				assert_int_equal(first, i);
				assert_int_equal(data[i] ^ 1 << i % 8,
						 rw_pattern_byte(9, position + i));
			}
}

static void test_several_flips(void **state)
{
	uint8_t buf[LEN];

	for (size_t i = 0; i + 1 < LEN; i++)
		for (size_t j = i + 1; j < LEN; j++) {
			size_t first = 77;

			rw_pattern_fill(buf, LEN, 2, 100);
			buf[i] ^= 0x80;
			buf[j] ^= 1;
			assert_int_equal(rw_pattern_check(buf, LEN, 2, 100, &first), 2);
			assert_int_equal(first, i);
		}
}

/* What was never written cannot pass: no byte of the spoilt buffer is right. */
static void test_spoil(void **state)
{
	uint8_t buf[8 + LEN + MARGIN];

	for (size_t align = 0; align < 8; align++)
		for (size_t position = 0; position < 8; position++)
			for (size_t len = 1; len <= LEN; len++) {
				size_t first = 77;

				memset(buf, GUARD, sizeof(buf));
				rw_pattern_spoil(buf + align, len, 4, position);
				assert_int_equal(
					rw_pattern_check(buf + align, len, 4, position, &first),
					len);
				assert_int_equal(first, 0);
				for (size_t i = 0; i < sizeof(buf); i++) {
					bool inside = i >= align && i < align + len;
					uint64_t at = position + i - align;

					assert_int_equal(buf[i],
							 inside ? 0xff ^ rw_pattern_byte(4, at)
								: GUARD);
				}
			}
}

/* Data of another operation, another run or another place must not pass. */
static void test_no_two_alike(void **state)
{
	uint8_t buf[4096];
	size_t first;

	rw_pattern_fill(buf, sizeof(buf), 1, 0);
	for (uint64_t seed = 0; seed < 64; seed++)
		for (uint64_t position = 0; position < 64; position++) {
			size_t wrong = rw_pattern_check(buf, sizeof(buf), seed, position, &first);

			if (seed == 1 && position == 0)
				assert_int_equal(wrong, 0);
			else /* chance leaves one byte in 256 equal */
				assert_in_range(wrong, sizeof(buf) * 97 / 100, sizeof(buf));
		}
	/* a page apart: segments that were swapped */
	assert_in_range(rw_pattern_check(buf, sizeof(buf), 1, 4096, &first), sizeof(buf) * 97 / 100,
			sizeof(buf));
}

static void test_corrupt_add(void **state)
{
	const struct rw_corrupt none = { 0 };
	const struct rw_corrupt one = { 3, 4, 5, 6, 7 };
	const struct rw_corrupt two = { 10, 11, 12, 13, 14 };
	struct rw_corrupt sum = { 0 };

	rw_corrupt_add(&sum, &none);
	assert_int_equal(sum.bytes, 0);
	rw_corrupt_add(&sum, &one);
	rw_corrupt_add(&sum, &none);
	rw_corrupt_add(&sum, &two);
	assert_int_equal(sum.bytes, 13);
	assert_int_equal(sum.slot, 4);
	assert_int_equal(sum.offset, 5);
	assert_int_equal(sum.expected, 6);
	assert_int_equal(sum.found, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_pieces_join),
		cmocka_unit_test(test_each_flip_is_found),
		cmocka_unit_test(test_several_flips),
		cmocka_unit_test(test_spoil),
		cmocka_unit_test(test_no_two_alike),
		cmocka_unit_test(test_corrupt_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
