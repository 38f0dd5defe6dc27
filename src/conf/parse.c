/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* argv -> struct rw_conf. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "conf/names.h"
#include "conf/typed.h"

#define INFINITE_ROW_S 5 /* as perftest's */

/* What stands for the value of @opt when it has none. */
static const char *bare_value(const struct rw_opt *opt)
{
	return opt->type == RW_OPT_OPTIONAL ? "" : "1";
}

static bool is_text(const struct rw_opt *opt)
{
	return opt->type == RW_OPT_STRING || opt->type == RW_OPT_OPTIONAL;
}

/* --size with weights is --mix_sizes: the row of the latter. */
static const struct rw_opt *opt_of_mix(const struct rw_opt *opt, const char *text)
{
	if (strcmp(opt->name, "size") || !text || !strchr(text, ':'))
		return opt;
	while (strcmp(opt->name, "mix_sizes"))
		opt++;
	return opt;
}

/* getopt_long said '?' or ':' about argv[optind - 1], or about one letter in it. */
static int bad_option(const struct rw_conf *conf, int what, char *const argv[],
		      struct rw_err *err)
{
	const char *program = conf->test->program;
	struct rw_name name = { 0 };
	const struct rw_parity *parity;

	if (optopt)
		name = rw_name_of(optopt);
	if (what == ':' && name.opt)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "--%s needs a value: %s", name.typed,
			       name.opt->unit);
	if (name.opt && optopt >= RW_LONG_NAMES)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "--%s takes no value", name.typed);
	parity = name.theirs ? name.theirs : rw_parity_find(argv[optind - 1], optopt);
	if (parity)
		return rw_parity_refuse(parity, err);
	if (optopt)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "unknown option -%c; '%s --help' lists all", optopt, program);
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "unknown or ambiguous option %s; '%s --help' lists all", argv[optind - 1],
		       program);
}

void rw_conf_init(struct rw_conf *conf, const struct rw_test *test)
{
	struct rw_err err = { 0 };

	memset(conf, 0, sizeof(*conf));
	conf->test = test;
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];

		if (!opt->fallback)
			continue;
		/* A default may lie outside what can be typed (-D 0: not given). */
		if (!strcmp(opt->fallback, "0") && opt->type == RW_OPT_NUMBER)
			*rw_opt_number(opt, conf) = 0;
		else
			rw_opt_set(opt, conf, opt->fallback, &err);
	}
	conf->size_bytes = test->size_bytes;
	conf->contexts = test->contexts;
}

bool rw_conf_was_given(const struct rw_conf *conf, const char *name)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (!strcmp(rw_opts[i].name, name))
			return conf->given[i];
	return false;
}

const char *rw_conf_typed_name(const struct rw_conf *conf, const char *name)
{
	return conf->mixes_by_size && !strcmp(name, "mix_sizes") ? "size with weights" : name;
}

/* Does this side read @opt? */
static bool is_read(const struct rw_conf *conf, const struct rw_opt *opt)
{
	switch (opt->scope) {
	case RW_SCOPE_SIDE:
	case RW_SCOPE_LOCAL:
		return true;
	case RW_SCOPE_SERVER:
		return conf->is_server;
	case RW_SCOPE_OUTPUT:
	case RW_SCOPE_RUN:
		return !conf->is_server;
	}
	return true;
}

/* Who asks a client to serve wanted something else than he will get. */
static int check_server_options(const struct rw_conf *conf, struct rw_err *err)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (conf->given[i] && rw_opts[i].scope == RW_SCOPE_SERVER)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--%s is for a server, and the host '%s' makes this a client; leave one of them out",
				       rw_opts[i].name, conf->host);
	return 0;
}

/* What reads one size only takes the largest. */
static int take_mix(struct rw_conf *conf, struct rw_err *err)
{
	struct rw_kind kinds[RW_MAX_MIX];
	int n = rw_conf_mix(conf, kinds, err);

	for (int i = 0; i < n; i++)
		conf->size_bytes = i ? rw_max(conf->size_bytes, kinds[i].size_bytes) :
				       kinds[i].size_bytes;
	return n < 0 ? n : 0;
}

static int take_host(struct rw_conf *conf, int argc, char *const argv[], struct rw_err *err)
{
	if (argc - optind > 1)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "'%s' is one word too many; a client takes one host, a server none",
			       argv[optind + 1]);
	conf->is_local = conf->list_engines || conf->selftest || conf->explain.given;
	conf->is_server = optind == argc && !conf->is_local;
	if (optind == argc)
		return 0;
	if (conf->is_local)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "'%s' is one word too many; this needs no peer%s", argv[optind],
			       conf->explain.given ? " (a file is given as --explain=FILE)" : "");
	if (!*argv[optind] || strlen(argv[optind]) >= sizeof(conf->host))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "the host must have 1 to %zu characters", sizeof(conf->host) - 1);
	strcpy(conf->host, argv[optind]);
	return check_server_options(conf, err);
}

/* What getopt's @what asks for, with @text behind it or NULL. */
static int take_option(struct rw_conf *conf, int what, const char *text, struct rw_err *err)
{
	struct rw_name name = rw_name_of(what);
	const struct rw_opt *opt;

	if (!name.opt)
		return strcmp(text, name.value) ? rw_parity_refuse(name.theirs, err) : 0;
	opt = opt_of_mix(name.opt, text);
	if (!rw_opt_is_of(opt, conf->test))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s is an option of ib_rw_%s, not of %s; leave it out", opt->name,
			       opt->only, conf->test->program);
	/* An unset variable of a script must not mean the default. */
	if (is_text(opt) && text && !*text)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s: the value is empty; give %s or leave the option out",
			       opt->name, opt->unit);
	/* What a name of perftest's stands for yields to what was typed. */
	if (name.value && conf->given[opt - rw_opts])
		return 0;
	conf->given[opt - rw_opts] = true;
	if (!strcmp(opt->name, "mix_sizes"))
		conf->mixes_by_size = opt != name.opt;
	return rw_opt_set(opt, conf, text ? text : name.value ? name.value : bare_value(opt), err);
}

int rw_conf_parse(const struct rw_test *test, int argc, char *const argv[], struct rw_conf *conf,
		  struct rw_err *err)
{
	struct rw_names names;
	int what, ret;

	rw_conf_init(conf, test);
	rw_names_init(&names);
	optind = 0; /* glibc: start over */
	opterr = 0;
	while ((what = getopt_long(argc, argv, names.letters, names.longs, NULL)) != -1) {
		if (what == '?' || what == ':')
			return bad_option(conf, what, argv, err);
		ret = take_option(conf, what, optarg, err);
		if (ret)
			return ret;
	}
	if (conf->show_help || conf->show_version || conf->show_parity)
		return 0;
	if (conf->run_infinitely && !conf->duration_s)
		conf->duration_s = INFINITE_ROW_S;
	ret = take_host(conf, argc, argv, err);
	if (!ret)
		ret = rw_conf_check_typed(conf, err);
	if (!ret && !conf->is_server)
		ret = take_mix(conf, err);
	if (!ret && !conf->is_server)
		ret = rw_conf_check(conf, err);
	return ret;
}

int rw_conf_ignored_options(const struct rw_conf *conf, char *buf, size_t len)
{
	size_t used = 0;
	int count = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < rw_nr_opts && used < len; i++) {
		if (is_read(conf, &rw_opts[i]) || !(conf->given[i]))
			continue;
		used += (size_t)snprintf(buf + used, len - used, "%s--%s", count ? " " : "",
					 rw_conf_typed_name(conf, rw_opts[i].name));
		count++;
	}
	return count;
}

uint64_t rw_conf_measured_ns(const struct rw_conf *conf)
{
	return (conf->duration_s - 2 * conf->margin_s) * 1000000000;
}

bool rw_conf_is_timed(const struct rw_conf *conf)
{
	return conf->test->is_latency || conf->rate || conf->think_us;
}

bool rw_conf_takes_turns(const struct rw_conf *conf)
{
	return conf->test->is_latency && !conf->rate && !conf->think_us;
}

uint64_t rw_conf_slots(const struct rw_conf *conf)
{
	uint64_t rows = rw_conf_takes_turns(conf) ? (uint64_t)__builtin_popcountll(conf->paths) : 1;

	return conf->contexts * conf->qps * rows;
}

uint64_t rw_conf_mr_slots(const struct rw_conf *conf)
{
	return rw_conf_slots(conf) / (conf->mr_per_qp ? conf->qps : 1);
}

/* Slots are dealt to QPs in turn. */
uint64_t rw_conf_slot_place(const struct rw_conf *conf, uint64_t index)
{
	if (!conf->mr_per_qp)
		return index;
	return index % conf->qps * rw_conf_mr_slots(conf) + index / conf->qps;
}
