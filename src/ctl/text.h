/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Text of unknown origin, made fit for a terminal, a log and a JSON string. */
#ifndef RW_CTL_TEXT_H
#define RW_CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copy @text into @buf of @size (at least 8) bytes. The copy is valid UTF-8 and
 * one line: control characters, line separators and characters that reorder
 * the line become blanks, bytes that are not UTF-8 become '?'. What does not fit
 * is cut at a character and ends in "...".
 * Returns @buf.
 */
const char *rw_text_clean(char *buf, size_t size, const char *text);

/* True when rw_text_clean would change nothing in @text but its length. */
bool rw_text_is_clean(const char *text);

#endif
