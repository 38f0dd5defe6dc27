/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "util/err.h"
#include "util/units.h"

static void test_good_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{ "0", 0 },
		{ "00012", 12 },
		{ "4096", 4096 },
		{ "0x10", 16 },
		{ "4k", 4096 },
		{ "4K", 4096 },
		{ "1M", 1 << 20 },
		{ "3G", UINT64_C(3) << 30 },
		{ "18446744073709551615", UINT64_MAX },
		{ "17179869183G", UINT64_C(17179869183) << 30 },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		uint64_t value = 1;

		assert_int_equal(rw_parse_u64(rows[i].text, 1, &value), 0);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_bad_numbers(void **state)
{
	static const struct {
		const char *text;
		int suffixes;
		int ret;
	} rows[] = {
		{ "", 1, -EINVAL },       { " 1", 1, -EINVAL },     { "+1", 1, -EINVAL },
		{ "-1", 1, -EINVAL },     { "1 ", 1, -EINVAL },     { "1KB", 1, -EINVAL },
		{ "1T", 1, -EINVAL },     { "1.5K", 1, -EINVAL },   { "K", 1, -EINVAL },
		{ "0x", 1, -EINVAL },     { "0x-1", 1, -EINVAL },   { "1K", 0, -EINVAL },
		{ "nan", 1, -EINVAL },    { "1e3", 1, -EINVAL },    { "18446744073709551616", 1, -ERANGE },
		{ "17179869184G", 1, -ERANGE },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		uint64_t value = 77;

		assert_int_equal(rw_parse_u64(rows[i].text, rows[i].suffixes, &value), rows[i].ret);
		assert_int_equal(value, 77);
	}
}

static void test_format_size(void **state)
{
	char buf[RW_SIZE_TEXT];

	assert_string_equal(rw_format_size(0, buf), "0");
	assert_string_equal(rw_format_size(1000, buf), "1000");
	assert_string_equal(rw_format_size(4096, buf), "4K");
	assert_string_equal(rw_format_size(4097, buf), "4097");
	assert_string_equal(rw_format_size(3 << 20, buf), "3M");
	assert_string_equal(rw_format_size(UINT64_C(5) << 30, buf), "5G");
}

static void test_first_detector_wins(void **state)
{
	struct rw_err err = { 0 };

	assert_int_equal(rw_fail(&err, RW_EXIT_DEVICE, -ENODEV, "no %s\nhere", "device"), -ENODEV);
	assert_int_equal(rw_fail(&err, RW_EXIT_RUN, -EIO, "later"), -EIO);
	assert_int_equal(err.exit_code, RW_EXIT_DEVICE);
	assert_int_equal(err.error, -ENODEV);
	assert_string_equal(err.text, "no device here");
	rw_err_clear(&err);
	assert_int_equal(err.exit_code, RW_EXIT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_numbers),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_format_size),
		cmocka_unit_test(test_first_detector_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
