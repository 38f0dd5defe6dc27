/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "ctl/text.h"

#include <stdint.h>
#include <string.h>

/*
 * Length in bytes of the UTF-8 character at @s, 0 when there is none: a stray or
 * missing continuation byte (the final NUL is one too), an overlong form, a
 * surrogate, or a value over 10FFFF.
 */
static size_t utf8_char(const unsigned char *s, uint32_t *c_p)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = s[0];
	size_t len;

	if (c < 0x80) {
		*c_p = c;
		return 1;
	}
	if (c < 0xc0 || c > 0xf7)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	c &= 0x7f >> len;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*c_p = c;
	return len;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || /* C0, DEL, C1 */
	       (c >= 0x200e && c <= 0x200f) ||	      /* marks of direction */
	       (c >= 0x2028 && c <= 0x202e) ||	      /* line ends, embedding, override */
	       (c >= 0x2066 && c <= 0x2069);	      /* isolates */
}

const char *rw_text_clean(char *buf, size_t size, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0, cut = 0, len;
	uint32_t c;

	while (*s) {
		len = utf8_char(s, &c);
		if (used + (len ? len : 1) >= size) {
			memcpy(buf + cut, "...", 4);
			return buf;
		}
		if (!len)
			buf[used++] = '?';
		else if (is_control(c))
			buf[used++] = ' ';
		else
			for (size_t i = 0; i < len; i++)
				buf[used++] = (char)s[i];
		if (used + 4 <= size)
			cut = used; /* the last place where "..." still fits */
		s += len ? len : 1;
	}
	buf[used] = '\0';
	return buf;
}

bool rw_text_is_clean(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;

	for (size_t len; *s; s += len) {
		len = utf8_char(s, &c);
		if (!len || is_control(c))
			return false;
	}
	return true;
}
