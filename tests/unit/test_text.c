/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The cleaning of foreign text. */
#include "unit.h"

#include <string.h>

#include "ctl/text.h"

static void test_clean_text(void **state)
{
	static const struct {
		const char *text, *clean;
		size_t size;
	} rows[] = {
		{ "", "", 8 },
		{ "1234567", "1234567", 8 },
		{ "12345678", "1234...", 8 },
		{ "123\xe2\x82\xac"
		  "78",
		  "123...", 8 }, /* no half character */
		{ "1\xe2\x82\xac"
		  "567",
		  "1\xe2\x82\xac"
		  "567",
		  8 },
		{ "a\tb\x7f"
		  "c\r\n",
		  "a b c  ", 20 },
		{ "\xc2\x85\xc2\x9b|\xc2\xa0", "  |\xc2\xa0", 20 },
		{ "\xe2\x80\xae|\xe2\x80\xa8|\xe2\x81\xa6|", " | | |", 20 },
		{ "\x80\xff\xc0\xaf|", "????|", 20 },	   /* stray, never, overlong */
		{ "\xe2\x82|\xf0\x9f\x98", "??|???", 20 }, /* cut short */
		{ "\xed\xa0\x80|\xf4\x90\x80\x80", "???|????", 20 },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 20 },
		{ "\xc3", "?", 20 },
	};
	char buf[20];

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		memset(buf, 'x', sizeof(buf));
		assert_string_equal(rw_text_clean(buf, rows[i].size, rows[i].text), rows[i].clean);
		for (size_t j = rows[i].size; j < sizeof(buf); j++)
			assert_int_equal(buf[j], 'x');
		assert_true(rw_text_is_clean(buf));
		assert_int_equal(rw_text_is_clean(rows[i].text),
				 !strcmp(rows[i].text, rows[i].clean) || i == 2 || i == 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
