/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "util/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int suffix_shift(int c)
{
	switch (toupper(c)) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	}
	return -1;
}

int rw_parse_u64(const char *text, int suffixes, uint64_t *value_p)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	unsigned long long value;
	char *end;
	int shift;

	/* strtoull would take blanks, signs and a bare "0x". */
	if (base == 16 ? !isxdigit((unsigned char)text[2]) : !isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end && suffixes) {
		shift = suffix_shift((unsigned char)*end++);
		if (shift < 0)
			return -EINVAL;
		if (value > UINT64_MAX >> shift)
			return -ERANGE;
		value <<= shift;
	}
	if (*end)
		return -EINVAL;
	*value_p = value;
	return 0;
}

const char *rw_format_size(uint64_t bytes, char buf[RW_SIZE_TEXT])
{
	static const char units[] = { 'G', 'M', 'K' };

	for (int i = 0; i < 3; i++) {
		int shift = 30 - 10 * i;

		if (bytes && !(bytes & ((UINT64_C(1) << shift) - 1))) {
			snprintf(buf, RW_SIZE_TEXT, "%" PRIu64 "%c", bytes >> shift, units[i]);
			return buf;
		}
	}
	snprintf(buf, RW_SIZE_TEXT, "%" PRIu64, bytes);
	return buf;
}
