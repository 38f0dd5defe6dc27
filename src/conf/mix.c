/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --mix and --size=4K:50,64K:40: which kinds of operations a run has, and how often each. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "util/units.h"

#define MAX_WEIGHT 1000000
#define MAX_SIZE   (UINT64_C(1) << 30) /* as of --size without weights */

/* NAME:WEIGHT */
struct part {
	char name[24];
	uint64_t weight;
};

/* The part at *text_p, which is then behind it and the comma. */
static int take_part(const char *option, const char **text_p, struct part *part,
		     struct rw_err *err)
{
	const char *text = *text_p;
	size_t len = strcspn(text, ","), name = strcspn(text, ":,");
	char weight[16] = "";

	*part = (struct part){ .weight = 0 };
	if (name && name < len && name < sizeof(part->name) && len - name - 1 < sizeof(weight)) {
		memcpy(part->name, text, name);
		memcpy(weight, text + name + 1, len - name - 1);
	}
	if (rw_parse_u64(weight, false, &part->weight) || !part->weight ||
	    part->weight > MAX_WEIGHT)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s: '%.*s' is no part of a mix; give a list such as %s, with weights from 1 to %d",
			       option, (int)len, text,
			       strcmp(option, "mix") ? "4K:50,64K:40,1M:10" : "read:70,write:30",
			       MAX_WEIGHT);
	/* Behind the last comma something must stand: it stays, as an empty part. */
	*text_p = text[len] && text[len + 1] ? text + len + 1 : text + len;
	return 0;
}

static int told_twice(const char *option, const char *name, struct rw_err *err)
{
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--%s: %s stands there twice; name each once", option, name);
}

/* One operation alone is a percentage, and the other has the rest. */
static int give_rest(uint64_t weights[2], struct rw_err *err)
{
	enum rw_verb op = weights[RW_VERB_READ] ? RW_VERB_READ : RW_VERB_WRITE;

	if (weights[!op])
		return 0;
	if (weights[op] > 100)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--mix: %" PRIu64
			       " is no percentage; give up to 100, or both weights, such as read:70,write:30",
			       weights[op]);
	weights[!op] = 100 - weights[op];
	return 0;
}

/* The weights of both operations: of --mix, or 1 and 0. */
static int parse_ops(const struct rw_conf *conf, uint64_t weights[2], struct rw_err *err)
{
	const char *text = conf->mix;
	struct part part;
	int ret;

	weights[RW_VERB_READ] = weights[RW_VERB_WRITE] = 0;
	if (!*text) {
		weights[conf->op] = 1;
		return 0;
	}
	do {
		uint64_t op = RW_VERB_READ;

		ret = take_part("mix", &text, &part, err);
		if (ret)
			return ret;
		while (op <= RW_VERB_WRITE && strcmp(part.name, rw_conf_op_name(op)))
			op++;
		if (op > RW_VERB_WRITE)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--mix: '%s' is unknown; give read or write", part.name);
		if (weights[op])
			return told_twice("mix", part.name, err);
		weights[op] = part.weight;
	} while (*text);
	return give_rest(weights, err);
}

static int take_size(const char *name, uint64_t *bytes_p, struct rw_err *err)
{
	if (rw_parse_u64(name, true, bytes_p) || !*bytes_p || *bytes_p > MAX_SIZE)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--size: '%s' in a mix is no size; give 1 to 1G bytes, such as 4K:50,64K:40",
			       name);
	return 0;
}

/* Sizes and their weights, as kinds without an operation. Returns how many. */
static int parse_sizes(const struct rw_conf *conf, struct rw_kind kinds[RW_MAX_MIX],
		       struct rw_err *err)
{
	const char *text = conf->mix_sizes;
	struct part part;
	int n = 0, ret;

	if (!*text) {
		kinds[0] = (struct rw_kind){ .size_bytes = conf->size_bytes, .weight = 1 };
		return 1;
	}
	do {
		if (n == RW_MAX_MIX)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--size: a mix has at most %d sizes; shorten the list",
				       RW_MAX_MIX);
		ret = take_part("size", &text, &part, err);
		if (!ret)
			ret = take_size(part.name, &kinds[n].size_bytes, err);
		if (ret)
			return ret;
		for (int i = 0; i < n; i++)
			if (kinds[i].size_bytes == kinds[n].size_bytes)
				return told_twice("size", part.name, err);
		kinds[n++].weight = part.weight;
	} while (*text);
	return n;
}

int rw_conf_mix(const struct rw_conf *conf, struct rw_kind kinds[RW_MAX_MIX], struct rw_err *err)
{
	struct rw_kind sizes[RW_MAX_MIX];
	uint64_t weights[2];
	int nr_sizes, n = 0, ret;

	if (!rw_conf_is_mixed(conf))
		return 0;
	ret = parse_ops(conf, weights, err);
	if (ret)
		return ret;
	nr_sizes = parse_sizes(conf, sizes, err);
	if (nr_sizes < 0)
		return nr_sizes;
	if (weights[0] && weights[1] && nr_sizes * 2 > RW_MAX_MIX)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "%d sizes of READ and WRITE are more than %d kinds of operations; shorten the list of --size",
			       nr_sizes, RW_MAX_MIX);
	for (int op = RW_VERB_READ; op <= RW_VERB_WRITE; op++)
		for (int i = 0; i < nr_sizes && weights[op]; i++)
			kinds[n++] = (struct rw_kind){ (enum rw_verb)op, sizes[i].size_bytes,
						       weights[op] * sizes[i].weight };
	return n;
}

uint32_t rw_conf_kinds(const struct rw_conf *conf, struct rw_kind kinds[RW_MAX_KINDS])
{
	struct rw_err checked = { 0 };
	uint64_t sizes[RW_MAX_SIZES];
	int mixed = rw_conf_mix(conf, kinds, &checked);
	uint32_t n;

	if (mixed > 0)
		return (uint32_t)mixed;
	n = rw_conf_sizes(conf, sizes);
	for (uint32_t i = 0; i < n; i++)
		kinds[i] = (struct rw_kind){ (enum rw_verb)conf->op, sizes[i], 1 };
	return n;
}

bool rw_conf_is_mixed(const struct rw_conf *conf)
{
	return *conf->mix || *conf->mix_sizes;
}

bool rw_conf_has_op(const struct rw_conf *conf, enum rw_verb op)
{
	struct rw_err checked = { 0 };
	uint64_t weights[2];

	return !parse_ops(conf, weights, &checked) && weights[op];
}
