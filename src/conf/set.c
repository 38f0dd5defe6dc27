/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a person typed -> the field of an option. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/options.h"
#include "util/units.h"

static int name_index(const char *const *names, const char *text, size_t len)
{
	for (int i = 0; names[i]; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], text, len))
			return i;
	return -1;
}

/* "a, b or c" */
static const char *name_choices(const char *const *names, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; names[i] && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s",
					 i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
	return buf;
}

static int set_number(const struct rw_opt *opt, uint64_t *field, const char *text,
		      struct rw_err *err)
{
	bool is_size = opt->type == RW_OPT_SIZE;
	char min[RW_SIZE_TEXT], max[RW_SIZE_TEXT];
	uint64_t value;
	int ret;

	if (rw_opt_has_auto(opt) && !strcmp(text, "auto")) {
		*field = RW_AUTO;
		return 0;
	}
	ret = rw_parse_u64(text, is_size, &value);
	if (ret == -EINVAL)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s: '%s' is not a number; give a whole number%s", opt->name, text,
			       is_size ? " of bytes, with K, M or G after it if you like" : "");
	if (ret || value < opt->min || value > opt->max) {
		if (!is_size)
			snprintf(min, sizeof(min), "%" PRIu64, opt->min);
		if (!is_size)
			snprintf(max, sizeof(max), "%" PRIu64, opt->max);
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s: %s is out of range; give %s to %s", opt->name, text,
			       is_size ? rw_format_size(opt->min, min) : min,
			       is_size ? rw_format_size(opt->max, max) : max);
	}
	*field = value;
	return 0;
}

int rw_opt_name_index(const struct rw_opt *opt, const char *text, struct rw_err *err)
{
	int i = name_index(opt->names, text, strlen(text));
	char choices[128];

	if (i >= 0)
		return i;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "--%s: '%s' is unknown; give %s", opt->name,
		       text, name_choices(opt->names, choices, sizeof(choices)));
}

static int set_name(const struct rw_opt *opt, uint64_t *field, const char *text,
		    struct rw_err *err)
{
	int i = rw_opt_name_index(opt, text, err);

	if (i < 0)
		return i;
	*field = (uint64_t)i;
	return 0;
}

static int set_list(const struct rw_opt *opt, uint64_t *field, const char *text,
		    struct rw_err *err)
{
	char choices[128];
	uint64_t bits = 0;

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		int i = name_index(opt->names, p, len);

		if (i < 0)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--%s: '%.*s' is unknown; give a list of %s", opt->name,
				       (int)len, p,
				       name_choices(opt->names, choices, sizeof(choices)));
		if (bits & UINT64_C(1) << i)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--%s: %s stands there twice; name each once", opt->name,
				       opt->names[i]);
		bits |= UINT64_C(1) << i;
		p += len;
		if (!*p)
			break;
	}
	*field = bits;
	return 0;
}

static int set_text(const struct rw_opt *opt, char *field, const char *text, struct rw_err *err)
{
	if (strlen(text) >= opt->max)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s: the text is longer than %" PRIu64 " bytes; shorten it",
			       opt->name, opt->max - 1);
	/* To its end, so that equal configurations are equal bytes. */
	strncpy(field, text, opt->max);
	return 0;
}

int rw_opt_set(const struct rw_opt *opt, struct rw_conf *conf, const char *text,
	       struct rw_err *err)
{
	switch (opt->type) {
	case RW_OPT_FLAG:
		*rw_opt_flag(opt, conf) = strcmp(text, "0") != 0;
		return 0;
	case RW_OPT_NUMBER:
	case RW_OPT_SIZE:
		return set_number(opt, rw_opt_number(opt, conf), text, err);
	case RW_OPT_NAME:
		return set_name(opt, rw_opt_number(opt, conf), text, err);
	case RW_OPT_LIST:
		return set_list(opt, rw_opt_number(opt, conf), text, err);
	case RW_OPT_STRING:
		return set_text(opt, rw_opt_string(opt, conf), text, err);
	case RW_OPT_OPTIONAL:
		rw_opt_optional(opt, conf)->given = true;
		return set_text(opt, rw_opt_optional(opt, conf)->text, text, err);
	}
	return -EINVAL;
}
