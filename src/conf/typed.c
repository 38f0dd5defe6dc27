/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What was typed: options that exclude each other, that say more of another one, or that
 * have nowhere to write to. Only where they are typed: a peer's options were checked there.
 */
#include <errno.h>
#include <string.h>

#include "conf/options.h"
#include "conf/typed.h"
#include "util/compiler.h"

static int check_exclusive(const struct rw_conf *conf, struct rw_err *err)
{
	static const char *const pairs[][2] = {
		{ "iters", "duration" },
		{ "iters", "run_infinitely" },
		{ "size", "all" },
		{ "size", "mix_sizes" },
		{ "size", "size_range" },
		{ "all", "size_range" },
		{ "op", "mix" },
		{ "rate", "think_us" },
		{ "rate", "rate_limit" },
		{ "rate", "latency_gap" },
		{ "think_us", "latency_gap" },
		{ "think_us", "rate_limit" },
		{ "cores", "no_pin" },
		{ "mmap", "use_hugepages" },
		{ "perform_warm_up", "no_warm_up" },
		{ "list_engines", "selftest" },
		{ "list_engines", "explain" },
		{ "selftest", "explain" },
		{ "ib-dev", "device_profile" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(pairs); i++)
		if (rw_conf_was_given(conf, pairs[i][0]) && rw_conf_was_given(conf, pairs[i][1]))
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--%s and --%s exclude each other; give one of them",
				       rw_conf_typed_name(conf, pairs[i][0]),
				       rw_conf_typed_name(conf, pairs[i][1]));
	return 0;
}

/* Options that say more of another one. */
static int check_companions(const struct rw_conf *conf, struct rw_err *err)
{
	static const char *const pairs[][2] = {
		{ "arrival", "rate" },
		{ "margin", "duration" },
		{ "vector", "events" },
		{ "rate_units", "rate_limit" },
		{ "rate_limit_type", "rate_limit" },
		{ "burst_size", "rate_limit" },
		{ "typical_pkt_size", "rate_limit" },
		{ "mmap-offset", "mmap" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(pairs); i++)
		if (rw_conf_was_given(conf, pairs[i][0]) && !rw_conf_was_given(conf, pairs[i][1]))
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--%s says more of --%s; give that, too, or leave both out",
				       pairs[i][0], pairs[i][1]);
	return 0;
}

static int check_odp(const struct rw_conf *conf, struct rw_err *err)
{
	const char *text = conf->odp.text;

	if (!*text || !strcmp(text, "explicit") || !strcmp(text, "implicit"))
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--odp: '%s' is unknown; give --odp, --odp=explicit or --odp=implicit", text);
}

/* A text that is one of its option's names: of all builds, whatever this one has. */
static int check_engine(const struct rw_conf *conf, struct rw_err *err)
{
	const struct rw_opt *opt = rw_opts;
	int ret;

	if (!*conf->engine)
		return 0;
	while (strcmp(opt->name, "engine"))
		opt++;
	ret = rw_opt_name_index(opt, conf->engine, err);
	return ret < 0 ? ret : 0;
}

static int check_output(const struct rw_conf *conf, struct rw_err *err)
{
	if (conf->output && (conf->output == RW_OUTPUT_LATENCY) != conf->test->is_latency)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "--output: %s has none of that; give %s",
			       conf->test->program,
			       conf->test->is_latency ? "latency" :
							"bandwidth or message_rate");
	if (conf->output && !strcmp(conf->json, "-"))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--output and --json=- both write to standard output; leave one of them out, or give --json=FILE");
	if (conf->selftest && *conf->json)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--selftest prints its table only; leave --json out");
	return 0;
}

static int check_explain(const struct rw_conf *conf, struct rw_err *err)
{
	if (conf->hold_ns && !conf->explain.given)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--hold_ns is for --explain; a run measures it: leave it out");
	if (conf->hold_ns && !conf->rate && !conf->think_us)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--hold_ns needs a load to say how often the pool is empty; give --rate or --think_us");
	if (rw_conf_was_given(conf, "device_profile") && !conf->explain.given)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--device_profile is for --explain; give that, too, or leave it out");
	if (*conf->explain.text && *conf->json)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--explain=%.200s writes JSON to standard output; leave --json out",
			       conf->explain.text);
	return 0;
}

int rw_conf_check_typed(const struct rw_conf *conf, struct rw_err *err)
{
	int ret = check_exclusive(conf, err);

	if (!ret)
		ret = check_companions(conf, err);
	if (!ret)
		ret = check_odp(conf, err);
	if (!ret)
		ret = check_engine(conf, err);
	if (!ret)
		ret = check_output(conf, err);
	if (!ret)
		ret = check_explain(conf, err);
	if (!ret && !conf->is_server)
		ret = rw_conf_check_kernel(conf, err);
	return ret;
}
