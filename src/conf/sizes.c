/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --size_range and --all: the message sizes of a run. */
#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "util/units.h"

#define MAX_SIZE (UINT64_C(1) << 30) /* as of --size */

/* From each size to the next: times @factor, plus @step. */
struct range {
	uint64_t from, to;
	uint64_t factor, step;
};

const char *rw_conf_size_range(const struct rw_conf *conf)
{
	if (conf->all_sizes)
		return "2:8M";
	return *conf->size_range ? conf->size_range : NULL;
}

/* The part of @text up to the next colon, which *text_p is then behind. */
static int take_size(const char **text_p, uint64_t *size_p)
{
	size_t len = strcspn(*text_p, ":");
	char part[32] = "";

	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, *text_p, len);
	*text_p += len + ((*text_p)[len] == ':');
	if (rw_parse_u64(part, true, size_p) || !*size_p || *size_p > MAX_SIZE)
		return -EINVAL;
	return 0;
}

static int parse_range(const char *text, struct range *range)
{
	*range = (struct range){ .factor = 2 };
	if (!strchr(text, ':') || text[strlen(text) - 1] == ':')
		return -EINVAL;
	if (take_size(&text, &range->from) || take_size(&text, &range->to) ||
	    range->to < range->from)
		return -EINVAL;
	if (!*text)
		return 0;
	if (*text == '+') {
		range->factor = 1;
		return rw_parse_u64(text + 1, true, &range->step) || !range->step ? -EINVAL : 0;
	}
	return rw_parse_u64(text, false, &range->factor) || range->factor < 2 ? -EINVAL : 0;
}

/* The first @most sizes of @range. Returns how many it has, @most + 1 for more. */
static uint32_t list_sizes(const struct range *range, uint64_t *sizes, uint32_t most)
{
	uint64_t size = range->from;
	uint32_t n = 0;

	while (n < most) {
		sizes[n++] = size;
		if (range->step > range->to - size || size > range->to / range->factor)
			return n;
		size = size * range->factor + range->step;
	}
	return most + 1;
}

int rw_conf_check_size_range(const struct rw_conf *conf, struct rw_err *err)
{
	const char *text = rw_conf_size_range(conf);
	uint64_t sizes[RW_MAX_SIZES];
	struct range range;

	if (!text)
		return 0;
	if (parse_range(text, &range))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--size_range: '%s' is no range of sizes; give FROM:TO, FROM:TO:FACTOR or FROM:TO:+STEP, such as 4K:1M:4, from 1 byte to 1G",
			       text);
	if (list_sizes(&range, sizes, RW_MAX_SIZES) > RW_MAX_SIZES)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--size_range: '%s' has more than %d sizes; give a longer step or a larger factor",
			       text, RW_MAX_SIZES);
	return 0;
}

uint32_t rw_conf_sizes(const struct rw_conf *conf, uint64_t sizes[RW_MAX_SIZES])
{
	const char *text = rw_conf_size_range(conf);
	struct range range;

	if (text && !parse_range(text, &range))
		return list_sizes(&range, sizes, RW_MAX_SIZES);
	sizes[0] = conf->size_bytes;
	return 1;
}

uint64_t rw_conf_largest_size(const struct rw_conf *conf)
{
	uint64_t sizes[RW_MAX_SIZES];

	return sizes[rw_conf_sizes(conf, sizes) - 1];
}
