/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* JSON of what is not always JSON. */
#ifndef RW_UTIL_JSON_H
#define RW_UTIL_JSON_H

#include <jansson.h>

/*
 * @text as a JSON string. File names and what peers and devices say may be no
 * UTF-8, which JSON cannot hold: each byte that is not ASCII is then a '?'.
 * NULL: out of memory.
 */
json_t *rw_json_text(const char *text);

#endif
