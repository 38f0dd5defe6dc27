/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* struct rw_conf <-> JSON, row by row of the option table. */
#include <errno.h>
#include <string.h>

#include "conf/options.h"
#include "util/json.h"

static json_t *list_to_json(const struct rw_opt *opt, uint64_t bits)
{
	json_t *list = json_array();

	for (int i = 0; list && opt->names[i]; i++)
		if (bits >> i & 1)
			json_array_append_new(list, json_string(opt->names[i]));
	return list;
}

static json_t *value_to_json(const struct rw_opt *opt, struct rw_conf *conf)
{
	switch (opt->type) {
	case RW_OPT_FLAG:
		return json_boolean(*rw_opt_flag(opt, conf));
	case RW_OPT_NUMBER:
	case RW_OPT_SIZE:
		if (*rw_opt_number(opt, conf) == RW_AUTO)
			return json_string("auto");
		return json_integer((json_int_t)*rw_opt_number(opt, conf));
	case RW_OPT_NAME:
		return json_string(opt->names[*rw_opt_number(opt, conf)]);
	case RW_OPT_LIST:
		return list_to_json(opt, *rw_opt_number(opt, conf));
	case RW_OPT_STRING:
		return rw_json_text(rw_opt_string(opt, conf));
	case RW_OPT_OPTIONAL:
		if (*rw_opt_optional(opt, conf)->text)
			return rw_json_text(rw_opt_optional(opt, conf)->text);
		return json_boolean(rw_opt_optional(opt, conf)->given);
	}
	return NULL;
}

json_t *rw_conf_to_json(const struct rw_conf *conf, bool run_only)
{
	struct rw_conf copy = *conf;
	json_t *obj = json_object();

	for (uint32_t i = 0; obj && i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];

		if (run_only ? opt->scope != RW_SCOPE_RUN : opt->scope == RW_SCOPE_LOCAL)
			continue;
		if (json_object_set_new(obj, opt->name, value_to_json(opt, &copy))) {
			json_decref(obj);
			return NULL;
		}
	}
	return obj;
}

static int list_from_json(const struct rw_opt *opt, uint64_t *field, const json_t *value)
{
	uint64_t bits = 0;
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return -EPROTO;
	json_array_foreach(value, i, item)
	{
		int bit = 0;

		if (!json_is_string(item))
			return -EPROTO;
		while (opt->names[bit] && strcmp(opt->names[bit], json_string_value(item)))
			bit++;
		if (!opt->names[bit])
			return -EPROTO;
		bits |= UINT64_C(1) << bit;
	}
	*field = bits;
	return bits ? 0 : -EPROTO;
}

static int number_from_json(const struct rw_opt *opt, struct rw_conf *conf, const json_t *value)
{
	uint64_t number;
	bool is_default;

	if (rw_opt_has_auto(opt) && json_is_string(value) &&
	    !strcmp(json_string_value(value), "auto")) {
		*rw_opt_number(opt, conf) = RW_AUTO;
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EPROTO;
	number = (uint64_t)json_integer_value(value);
	is_default = !number && opt->fallback && !strcmp(opt->fallback, "0");
	if (!is_default && (number < opt->min || number > opt->max))
		return -EPROTO;
	*rw_opt_number(opt, conf) = number;
	return 0;
}

static int value_from_json(const struct rw_opt *opt, struct rw_conf *conf, const json_t *value)
{
	struct rw_err ignored = { 0 };

	switch (opt->type) {
	case RW_OPT_FLAG:
		if (!json_is_boolean(value))
			return -EPROTO;
		*rw_opt_flag(opt, conf) = json_is_true(value);
		return 0;
	case RW_OPT_NUMBER:
	case RW_OPT_SIZE:
		return number_from_json(opt, conf, value);
	case RW_OPT_LIST:
		return list_from_json(opt, rw_opt_number(opt, conf), value);
	case RW_OPT_NAME:
	case RW_OPT_STRING:
		if (!json_is_string(value))
			return -EPROTO;
		return rw_opt_set(opt, conf, json_string_value(value), &ignored);
	case RW_OPT_OPTIONAL: /* no run has one */
		break;
	}
	return -EPROTO;
}

/* The first field of @run that is no option of a run, or NULL. */
static const char *unknown_field(const json_t *run)
{
	const char *name;
	json_t *value;

	/* jansson iterates over what is not const only; nothing is changed */
	json_object_foreach((json_t *)(uintptr_t)run, name, value)
	{
		uint32_t i = 0;

		while (i < rw_nr_opts &&
		       (rw_opts[i].scope != RW_SCOPE_RUN || strcmp(rw_opts[i].name, name)))
			i++;
		if (i == rw_nr_opts)
			return name;
	}
	return NULL;
}

int rw_conf_from_json(struct rw_conf *conf, const json_t *run, struct rw_err *err)
{
	struct rw_conf taken = *conf;
	const char *unknown;

	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		const json_t *value;

		if (opt->scope != RW_SCOPE_RUN)
			continue;
		value = json_object_get(run, opt->name);
		if (!value)
			return rw_fail(err, RW_EXIT_PEER, -EPROTO,
				       "the peer's configuration lacks --%s: is it another build of rwperf?",
				       opt->name);
		if (value_from_json(opt, &taken, value))
			return rw_fail(err, RW_EXIT_PEER, -EPROTO,
				       "the peer's configuration has a wrong value for --%s: is it another build of rwperf?",
				       opt->name);
	}
	unknown = unknown_field(run);
	if (unknown)
		return rw_fail(err, RW_EXIT_PEER, -EPROTO,
			       "the peer's configuration has --%.40s, which is unknown here: is it another build of rwperf?",
			       unknown);
	*conf = taken;
	return 0;
}
