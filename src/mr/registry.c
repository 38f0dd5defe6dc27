/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mr/engine.h"

/* Best first. */
static const struct rw_engine *const engines[] = {
	&rw_engine_reg,
};

static const char *engine_names(char *buf, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < RW_ARRAY_SIZE(engines) && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? ", " : "",
					 engines[i]->name);
	return buf;
}

int rw_engine_choose(const char *name, const struct rw_device *device,
		     const struct rw_layout *layout, const struct rw_engine **engine_p,
		     struct rw_err *err)
{
	struct rw_err last = { 0 };
	char names[128];

	for (size_t i = 0; i < RW_ARRAY_SIZE(engines); i++) {
		if (*name && strcmp(engines[i]->name, name))
			continue;
		rw_err_clear(&last);
		if (!engines[i]->check(device, layout, &last)) {
			*engine_p = engines[i];
			return 0;
		}
	}
	if (last.exit_code)
		return rw_fail(err, last.exit_code, last.error, "%s", last.text);
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "--engine: '%s' is unknown; give one of: %s",
		       name, engine_names(names, sizeof(names)));
}
