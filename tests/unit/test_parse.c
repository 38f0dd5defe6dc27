/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Command lines: what they mean, and what is said of wrong ones. */
#include "unit.h"

#include <errno.h>

#include "program.h"

#define MAX_WORDS     16
#define ARGS(...)     ((const char *const[]){ __VA_ARGS__, NULL })
#define NUMBER(field) offsetof(struct rw_conf, field)

/* @args and, unless it is NULL, the host @host. */
static int parse(const char *const *args, const char *host, struct rw_conf *conf,
		 struct rw_err *err)
{
	char *argv[MAX_WORDS + 3] = { (char *)"ib_rw_test" };
	int argc = 1;

	while (*args && argc <= MAX_WORDS)
		argv[argc++] = (char *)(uintptr_t)*args++;
	if (host)
		argv[argc++] = (char *)(uintptr_t)host;
	rw_err_clear(err);
	return rw_conf_parse(&program, argc, argv, conf, err);
}

/* clang-format off */
static const struct {
	const char *const *args;
	size_t offset;
	uint64_t value;
} numbers[] = {
	{ ARGS("-s", "4096"), NUMBER(size_bytes), 4096 },
	{ ARGS("-s64K"), NUMBER(size_bytes), 65536 },
	{ ARGS("-s", "0x1000"), NUMBER(size_bytes), 4096 },
	{ ARGS("--size=1M"), NUMBER(size_bytes), 1 << 20 },
	{ ARGS("--size", "1g", "--segment=1M"), NUMBER(size_bytes), 1 << 30 },
	{ ARGS("--dura=2"), NUMBER(duration_s), 2 },
	{ ARGS("-s", "1", "-s", "2"), NUMBER(size_bytes), 2 }, /* the last one counts */
	{ ARGS("-t", "7"), NUMBER(contexts), 7 },
	{ ARGS("--contexts=9"), NUMBER(contexts), 9 },
	{ ARGS("--tx-depth=9"), NUMBER(contexts), 9 },
	{ ARGS("--tx-depth", "9"), NUMBER(contexts), 9 },
	{ ARGS("--tx", "9"), NUMBER(contexts), 9 },
	{ ARGS("-n", "1000000000000"), NUMBER(iters), 1000000000000 },
	{ ARGS("-D", "5"), NUMBER(duration_s), 5 },
	{ ARGS("-q4"), NUMBER(qps), 4 },
	{ ARGS("-m", "1024"), NUMBER(mtu_bytes), 1024 },
	{ ARGS("-m", "auto"), NUMBER(mtu_bytes), RW_AUTO },
	{ ARGS("-S", "15"), NUMBER(sl), 15 },
	{ ARGS("-u", "31"), NUMBER(qp_timeout), 31 },
	{ ARGS("-o", "16"), NUMBER(outs), 16 },
	{ ARGS("-l", "8"), NUMBER(post_list), 8 },
	{ ARGS("-Q", "128"), NUMBER(cq_mod), 128 },
	{ ARGS("-i", "2"), NUMBER(ib_port), 2 },
	{ ARGS("-x", "0"), NUMBER(gid_index), 0 },
	{ ARGS("-x3"), NUMBER(gid_index), 3 },
	{ ARGS("-x", "auto"), NUMBER(gid_index), RW_AUTO },
	{ ARGS("-p", "65535"), NUMBER(tcp_port), 65535 },
	{ ARGS("--op=write"), NUMBER(op), RW_VERB_WRITE },
	{ ARGS("--op", "read"), NUMBER(op), RW_VERB_READ },
	{ ARGS("--path=mr"), NUMBER(paths), 1 << RW_PATH_MR },
	{ ARGS("--path=direct"), NUMBER(paths), 1 << RW_PATH_DIRECT },
	{ ARGS("--path=mr,direct"), NUMBER(paths), 1 << RW_PATH_MR | 1 << RW_PATH_DIRECT },
	{ ARGS("--sges=16"), NUMBER(sges), 16 },
	{ ARGS("--segment=8K"), NUMBER(segment_bytes), 8192 },
	{ ARGS("--segment_stride=8K"), NUMBER(stride_bytes), 8192 },
	{ ARGS("--mr_pool=5"), NUMBER(mr_pool), 5 },
	{ ARGS("--mr_pool=auto"), NUMBER(mr_pool), RW_AUTO },
	{ ARGS("--mr_entries=256"), NUMBER(mr_entries), 256 },
	{ ARGS("--on_exhaustion=wait"), NUMBER(on_exhaustion), RW_EXHAUSTION_WAIT },
	{ ARGS("--on_exhaustion=fail"), NUMBER(on_exhaustion), RW_EXHAUSTION_FAIL },
	{ ARGS("--seed=0"), NUMBER(seed), 0 },
	{ ARGS("--seed=4294967295"), NUMBER(seed), UINT32_MAX },
};
/* clang-format on */

static void test_numbers(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(numbers); i++) {
		struct rw_err err = { 0 };
		struct rw_conf conf;
		uint64_t value;

		if (parse(numbers[i].args, "host", &conf, &err))
			fail_msg("%s: %s", numbers[i].args[0], err.text);
		memcpy(&value, (char *)&conf + numbers[i].offset, sizeof(value));
		if (value != numbers[i].value)
			fail_msg("%s gives %llu", numbers[i].args[0], (unsigned long long)value);
	}
}

static void test_flags_and_texts(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("-aNF", "--verify", "--report_gbits", "-d", "mlx5_0",
				    "--json=-", "--engine=reg"),
			       "fe80::1%eth0", &conf, &err),
			 0);
	assert_true(conf.all_sizes && conf.no_peak && conf.force && conf.verify);
	assert_true(conf.report_gbits);
	assert_false(conf.is_server);
	assert_string_equal(conf.device, "mlx5_0");
	assert_string_equal(conf.json, "-");
	assert_string_equal(conf.engine, "reg");
	assert_string_equal(conf.host, "fe80::1%eth0");
}

static void test_server_or_client(void **state)
{
	char long_name[300];
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("-d", "rxe0"), NULL, &conf, &err), 0);
	assert_true(conf.is_server);
	assert_string_equal(conf.host, "");
	assert_int_equal(parse(ARGS("server", "-q", "2"), NULL, &conf, &err), 0);
	assert_false(conf.is_server);
	assert_string_equal(conf.host, "server");
	assert_int_equal(conf.qps, 2);
	assert_int_equal(parse(ARGS("-q", "2", "--"), "-odd", &conf, &err), 0);
	assert_string_equal(conf.host, "-odd");
	memset(long_name, 'h', sizeof(long_name));
	long_name[sizeof(conf.host) - 1] = '\0';
	assert_int_equal(parse(ARGS("-q2"), long_name, &conf, &err), 0);
	assert_string_equal(conf.host, long_name);
	long_name[sizeof(conf.host) - 1] = 'h';
	long_name[sizeof(conf.host)] = '\0';
	assert_int_equal(parse(ARGS("-q2"), long_name, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "host");
}

/* The client's options decide: a server is told which of its own are ignored. */
static void test_ignored_options(void **state)
{
	char text[64], little[8];
	struct rw_err err = { 0 };
	struct rw_conf conf;

	parse(ARGS("-d", "rxe0", "-p", "1", "-F", "--bind=::1", "--keep_serving"), NULL, &conf,
	      &err);
	assert_int_equal(rw_conf_ignored_options(&conf, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	parse(ARGS("--json=x", "--mr_pool=3", "--tx-depth=4", "-x1", "-s", "64K"), NULL, &conf,
	      &err);
	assert_int_equal(rw_conf_ignored_options(&conf, text, sizeof(text)), 4);
	assert_string_equal(text, "--size --contexts --mr_pool --json");
	rw_conf_ignored_options(&conf, little, sizeof(little));
	assert_string_equal(little, "--size ");

	parse(ARGS("--json=x", "--report_gbits", "-d", "rxe0", "-F", "-s", "4K"), "host", &conf,
	      &err);
	assert_int_equal(rw_conf_ignored_options(&conf, text, sizeof(text)), 0);
}

/* A host makes it a client, which neither listens nor serves. */
static void test_server_options(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("--bind=::1", "--keep_serving"), NULL, &conf, &err), 0);
	assert_true(conf.is_server && conf.keep_serving);
	assert_string_equal(conf.bind, "::1");
	assert_int_equal(parse(ARGS("--bind=::1"), "host", &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--bind");
	err = (struct rw_err){ 0 };
	assert_int_equal(parse(ARGS("-s4K", "--keep_serving"), "host", &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--keep_serving");
}

static void test_help_and_version_come_first(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("-h", "a", "b"), "c", &conf, &err), 0);
	assert_true(conf.show_help);
	assert_int_equal(parse(ARGS("--version"), NULL, &conf, &err), 0);
	assert_true(conf.show_version);
}

static void test_all_sizes(void **state)
{
	uint64_t sizes[RW_MAX_SIZES];
	struct rw_err err = { 0 };
	struct rw_conf conf;

	parse(ARGS("-a"), "host", &conf, &err);
	assert_int_equal(rw_conf_sizes(&conf, sizes), 23);
	for (int i = 0; i < 23; i++)
		assert_int_equal(sizes[i], 2 << i);
	parse(ARGS("-s", "100"), "host", &conf, &err);
	assert_int_equal(rw_conf_sizes(&conf, sizes), 1);
	assert_int_equal(sizes[0], 100);
}

/* @what: the option as it is to be named; @advice: what to do. */
/* clang-format off */
static const struct {
	const char *const *args;
	const char *what, *advice;
} refused[] = {
	{ ARGS("--bogus"), "unknown", "--bogus" },
	{ ARGS("--bogus=1"), "unknown", "--help" },
	{ ARGS("--bogus", "-q", "1"), "--bogus", "--help" },
	{ ARGS("-q", "1", "word", "--bogus"), "--bogus", "--help" },
	{ ARGS("-1"), "unknown option -1", "--help" },
	{ ARGS("-az"), "-z, --comm_rdma_cm is perftest's", "the control connection is TCP" },
	{ ARGS("-a1"), "unknown option -1", "--help" },
	{ ARGS("-:"), "unknown option -:", "--help" },
	{ ARGS("--mr=1"), "ambiguous", "--mr" },
	{ ARGS("--ver"), "ambiguous", "--ver" },
	{ ARGS("--verify=1"), "--verify", "takes no value" },
	{ ARGS("--all=yes"), "--all", "takes no value" },
	{ ARGS("-s", "0"), "--size", "1 to 1G" },
	{ ARGS("-s", "2G"), "--size", "1 to 1G" },
	{ ARGS("-s", "99999999999999999999"), "--size", "1 to 1G" },
	{ ARGS("-s", ""), "--size", "whole number" },
	{ ARGS("-s", "-1"), "--size", "whole number" },
	{ ARGS("-s", "4 K"), "--size", "whole number" },
	{ ARGS("-s", "64KB"), "--size", "K, M or G" },
	{ ARGS("-s", "auto"), "--size", "whole number" },
	{ ARGS("-n", "0"), "--iters", "1 to 1000000000000" },
	{ ARGS("-n", "1K"), "--iters", "whole number" },
	{ ARGS("-n", "1.5"), "--iters", "whole number" },
	{ ARGS("-D", "0"), "--duration", "1 to 31536000" },
	{ ARGS("-t", "16385"), "--contexts", "1 to 16384" },
	{ ARGS("-q", "1025"), "--qp", "1 to 1024" },
	{ ARGS("-p", "65536"), "--port", "1 to 65535" },
	{ ARGS("-p", "0"), "--port", "1 to 65535" },
	{ ARGS("-x", "65536"), "--gid-index", "0 to 65535" },
	{ ARGS("-S", "16"), "--sl", "0 to 15" },
	{ ARGS("-m", "1000"), "--mtu", "1024" },
	{ ARGS("-m", "8192"), "--mtu", "256 to 4096" },
	{ ARGS("--op=fetch"), "--op", "read or write" },
	{ ARGS("--op=READ"), "--op", "read or write" },
	{ ARGS("--op="), "--op", "read or write" },
	{ ARGS("--on_exhaustion=drop"), "--on_exhaustion", "fallback, fail or wait" },
	{ ARGS("--path=direct,direct"), "--path", "once" },
	{ ARGS("--path="), "--path", "direct, mr or auto" },
	{ ARGS("--path=,mr"), "--path", "direct, mr or auto" },
	{ ARGS("--path=mr,"), "--path", "direct, mr or auto" },
	{ ARGS("--path=mr,,direct"), "--path", "direct, mr or auto" },
	{ ARGS("--path=direct,umr"), "'umr'", "direct, mr or auto" },
	{ ARGS("--path=direct mr"), "'direct mr'", "direct, mr or auto" },
	{ ARGS("--engine=a-name-that-is-longer-than-any-engine-has"), "--engine", "31 bytes" },
	{ ARGS("--engine=Kernel"), "--engine: 'Kernel'", "give umr, umr_ptr, reg or kernel" },
	{ ARGS("--engine=um", "--path=direct"), "'um' is unknown", "umr, umr_ptr, reg or kernel" },
	{ ARGS("-n", "5", "-D", "5"), "--iters and --duration", "one of them" },
	{ ARGS("-a", "-s", "5"), "--size and --all", "one of them" },
	{ ARGS("a"), "'host' is one word too many", "one host" },
	{ ARGS("--sges=65", "-s64"), "--sges", "raise --size" },
	{ ARGS("--sges=15", "--segment=4K"), "--sges=16", "--segment" },
	{ ARGS("--segment=1", "-s1M"), "--segment", "raise --segment" },
	{ ARGS("--segment_stride=4095"), "--segment_stride", "overlap" },
	{ ARGS("-Q", "129"), "--cq-mod", "--contexts" },
	{ ARGS("-q1024", "-t129"), "--contexts", "--qp" },
};
/* clang-format on */

static void test_refused(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(refused); i++) {
		struct rw_err err = { 0 };
		struct rw_conf conf;

		if (parse(refused[i].args, "host", &conf, &err) != -EINVAL)
			fail_msg("%s %s was taken", refused[i].args[0],
				 refused[i].args[1] ? refused[i].args[1] : "");
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, refused[i].what);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, refused[i].advice);
	}
}

/* What needs no peer: neither client nor server, one of them at a time. */
static void test_local(void **state)
{
	const struct {
		const char *const *args;
		const char *what, *advice;
	} rows[] = {
		{ ARGS("--explain", "vectors.jsonl"), "'vectors.jsonl'", "--explain=FILE" },
		{ ARGS("--list_engines", "host"), "'host'", "needs no peer" },
		{ ARGS("--explain", "--list_engines"), "--list_engines and --explain", "one" },
		{ ARGS("--explain="), "--explain", "FILE" },
		{ ARGS("--device_profile=rxe"), "--device_profile", "--explain" },
		{ ARGS("--explain", "--device_profile=mlx4"), "'mlx4'", "mlx5, rxe, siw or irdma" },
		{ ARGS("--explain", "--device_profile=rxe", "-d", "rxe0"), "--ib-dev", "one of" },
		{ ARGS("--explain=-", "--json=x"), "--explain=-", "--json" },
		{ ARGS("--explain", "-s", "64", "--sges", "65"), "--sges", "--size" },
	};
	struct rw_err err = { 0 };
	struct rw_conf conf;

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse(rows[i].args, NULL, &conf, &err), -EINVAL);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, rows[i].what);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, rows[i].advice);
	}
	assert_int_equal(parse(ARGS("--explain", "-s1M", "--json", "-"), NULL, &conf, &err), 0);
	assert_true(conf.is_local && !conf.is_server && conf.explain.given);
	assert_string_equal(conf.explain.text, "");
	assert_int_equal(conf.device_profile, RW_PROFILE_MLX5);
	assert_int_equal(parse(ARGS("--device_profile=irdma", "--expl"), NULL, &conf, &err), 0);
	assert_int_equal(conf.device_profile, RW_PROFILE_IRDMA);
	assert_int_equal(parse(ARGS("--explain=-"), NULL, &conf, &err), 0);
	assert_string_equal(conf.explain.text, "-");
	assert_int_equal(parse(ARGS("--explain=a", "--explain"), NULL, &conf, &err), 0);
	assert_true(conf.explain.given && !*conf.explain.text);
	assert_int_equal(parse(ARGS("-q2"), NULL, &conf, &err), 0);
	assert_true(conf.is_server && !conf.explain.given);
}

static void test_missing_values(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("host", "-s", "1K", "-s"), NULL, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--size needs a value: BYTES");
	assert_int_equal(parse(ARGS("host", "-as"), NULL, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--size needs a value: BYTES");
	assert_int_equal(parse(ARGS("--path"), NULL, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--path needs a value: LIST");
	assert_int_equal(parse(ARGS("--tx-depth"), NULL, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--tx-depth needs a value: COUNT");
	assert_int_equal(parse(ARGS("--segment_s"), NULL, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--segment_stride needs a value: BYTES");
}

static void test_empty_host(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("-q1"), "", &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "host");
	/* a server's load options do not count, but must be right nevertheless */
	assert_int_equal(parse(ARGS("-q0"), NULL, &conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--qp");
}

/* Nothing is left over from a command line that ended in the middle of a word. */
static void test_starts_over(void **state)
{
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(ARGS("-zq4"), "host", &conf, &err), -EINVAL);
	assert_int_equal(parse(ARGS("-n5"), "host", &conf, &err), 0);
	assert_int_equal(conf.qps, 1);
	assert_int_equal(conf.iters, 5);
}

/* Any words at all: taken, or refused in one line; never a crash. */
static void test_any_words(void **state)
{
	static const char *const words[] = {
		"-s",	   "--size",	 "=",	      "64K",	 "-",	    "--",    "---",
		"",	   "--path",	 "mr",	      "direct,", ",",	    "auto",  "-aN",
		"-sK",	   "\x01\n",	 "--=",	      "--=x",	 "--s",	    "--sge", "host",
		"-\xff",   "\xc3\x28",	 "-W",	      "-W foo",	 "--help=", "-t",    "-t-1",
		"--op",	   "--tx-depth", "%s%n",      "-:",	 "0x",	    "-D9",   "-?",
		"--mtu=0", "-m",	 "--segment", "1",	 "-;",
	};
	uint64_t random = 7;

	for (int i = 0; i < 50000; i++) {
		const char *args[6] = { NULL };
		uint64_t n = unit_between(&random, 1, 5);
		struct rw_err err = { 0 };
		struct rw_conf conf;

		for (uint64_t j = 0; j < n; j++)
			args[j] = words[unit_between(&random, 0, RW_ARRAY_SIZE(words) - 1)];
		if (parse(args, NULL, &conf, &err)) {
			assert_told(&err, RW_EXIT_USAGE, -EINVAL, "");
			assert_true(strlen(err.text) > 10);
		} else {
			assert_int_equal(err.exit_code, RW_EXIT_OK);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_flags_and_texts),
		cmocka_unit_test(test_server_or_client),
		cmocka_unit_test(test_ignored_options),
		cmocka_unit_test(test_server_options),
		cmocka_unit_test(test_help_and_version_come_first),
		cmocka_unit_test(test_all_sizes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_missing_values),
		cmocka_unit_test(test_empty_host),
		cmocka_unit_test(test_starts_over),
		cmocka_unit_test(test_any_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
