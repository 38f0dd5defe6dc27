/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "util/json.h"

#include <stdlib.h>
#include <string.h>

json_t *rw_json_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	value = json_string(copy);
	free(copy);
	return value;
}
