/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Lists of operations and sizes with their weights: what they mean, and what is said of wrong ones. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "program.h"

#define K UINT64_C(1024)

/* What --mix and --size are given; NULL: not given. */
struct given {
	const char *mix, *size, *third;
};

static int parse(const struct given *given, struct rw_conf *conf, struct rw_err *err)
{
	char *argv[6] = { (char *)"ib_rw_test" };
	char mix[128], size[600];
	int argc = 1;

	if (given->mix) {
		snprintf(mix, sizeof(mix), "--mix=%s", given->mix);
		argv[argc++] = mix;
	}
	if (given->size) {
		snprintf(size, sizeof(size), "-s%s", given->size);
		argv[argc++] = size;
	}
	if (given->third)
		argv[argc++] = (char *)(uintptr_t)given->third;
	argv[argc++] = (char *)"host";
	rw_err_clear(err);
	return rw_conf_parse(&program, argc, argv, conf, err);
}

/* clang-format off */
static const struct {
	struct given given;
	uint64_t size_bytes; /* that the run is sized for */
	int n;
	struct rw_kind kinds[RW_MAX_MIX];
} mixes[] = {
	{ { NULL, NULL, NULL }, 65536, 0, { { 0 } } },
	{ { NULL, "4K", NULL }, 4096, 0, { { 0 } } },
	{ { "read:70", NULL, NULL }, 65536, 2,
	  { { RW_VERB_READ, 65536, 70 }, { RW_VERB_WRITE, 65536, 30 } } },
	{ { "write:70", "1M", NULL }, 1024 * K, 2,
	  { { RW_VERB_READ, 1024 * K, 30 }, { RW_VERB_WRITE, 1024 * K, 70 } } },
	{ { "write:1,read:2", NULL, NULL }, 65536, 2,
	  { { RW_VERB_READ, 65536, 2 }, { RW_VERB_WRITE, 65536, 1 } } },
	{ { "read:500,write:500", NULL, NULL }, 65536, 2,
	  { { RW_VERB_READ, 65536, 500 }, { RW_VERB_WRITE, 65536, 500 } } },
	{ { "read:100", NULL, NULL }, 65536, 1, { { RW_VERB_READ, 65536, 100 } } },
	{ { "write:100", NULL, NULL }, 65536, 1, { { RW_VERB_WRITE, 65536, 100 } } },
	{ { NULL, "1M:10,4K:50,64K:40", NULL }, 1024 * K, 3,
	  { { RW_VERB_READ, 1024 * K, 10 }, { RW_VERB_READ, 4 * K, 50 },
	    { RW_VERB_READ, 64 * K, 40 } } },
	{ { NULL, "512:1,0x1000:7", "--op=write" }, 4 * K, 2,
	  { { RW_VERB_WRITE, 512, 1 }, { RW_VERB_WRITE, 4 * K, 7 } } },
	{ { NULL, "8:1000000", NULL }, 8, 1, { { RW_VERB_READ, 8, 1000000 } } },
	{ { "read:75", "4K:1,8K:2", NULL }, 8 * K, 4,
	  { { RW_VERB_READ, 4 * K, 75 }, { RW_VERB_READ, 8 * K, 150 },
	    { RW_VERB_WRITE, 4 * K, 25 }, { RW_VERB_WRITE, 8 * K, 50 } } },
	{ { "read:70", NULL, "--mix_sizes=8K:2,4K:3" }, 8 * K, 4,
	  { { RW_VERB_READ, 8 * K, 140 }, { RW_VERB_READ, 4 * K, 210 },
	    { RW_VERB_WRITE, 8 * K, 60 }, { RW_VERB_WRITE, 4 * K, 90 } } },
};

#define SIXTEEN "1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,12:1,13:1,14:1,15:1,16:1"

static const struct {
	struct given given;
	const char *what, *advice;
} refused[] = {
	{ { "read", NULL, NULL }, "--mix: 'read'", "read:70,write:30" },
	{ { "read:", NULL, NULL }, "--mix: 'read:'", "read:70,write:30" },
	{ { ":70", NULL, NULL }, "--mix: ':70'", "read:70,write:30" },
	{ { "read:70,", NULL, NULL }, "--mix: ''", "read:70,write:30" },
	{ { ",read:70", NULL, NULL }, "--mix: ''", "read:70,write:30" },
	{ { "read:0", NULL, NULL }, "--mix: 'read:0'", "1 to 1000000" },
	{ { "read:1,write:0", NULL, NULL }, "--mix: 'write:0'", "1 to 1000000" },
	{ { "read:-1", NULL, NULL }, "--mix: 'read:-1'", "1 to 1000000" },
	{ { "read:1.5", NULL, NULL }, "--mix: 'read:1.5'", "1 to 1000000" },
	{ { "read:1K,write:1", NULL, NULL }, "--mix: 'read:1K'", "1 to 1000000" },
	{ { "read:1000001,write:1", NULL, NULL }, "'read:1000001'", "1 to 1000000" },
	{ { "read:99999999999999999999", NULL, NULL }, "--mix", "1 to 1000000" },
	{ { "read:70:30", NULL, NULL }, "--mix: 'read:70:30'", "read:70,write:30" },
	{ { "read:101", NULL, NULL }, "101 is no percentage", "both weights" },
	{ { "READ:70", NULL, NULL }, "'READ' is unknown", "read or write" },
	{ { "rea:70", NULL, NULL }, "'rea' is unknown", "read or write" },
	{ { "atomic:70", NULL, NULL }, "'atomic' is unknown", "read or write" },
	{ { "read:1,read:2", NULL, NULL }, "read stands there twice", "once" },
	{ { "read:70", NULL, "--op=read" }, "--op and --mix", "one of them" },
	{ { "read:70", NULL, "--all" }, "--all and a mix", "one of them" },
	{ { "read:70", NULL, "--verify" }, "--verify", "leave" },
	{ { "read:70", NULL, "--invalidate=fenced" }, "--invalidate=fenced", "lazy or never" },
	{ { NULL, "4K:50", "--verify" }, "--verify", "leave" },
	{ { NULL, "4K:50", "--all" }, "--all and a mix", "one of them" },
	{ { NULL, "4K:50", "--size=4K" }, "--size and --size with weights", "one of them" },
	{ { NULL, "4K:50", "--engine=kernel" }, "--size with weights does not go", "leave" },
	{ { NULL, "4K", "--mix_sizes=4K:50" }, "--size and --mix_sizes", "one of them" },
	{ { NULL, "4K:0", NULL }, "--size: '4K:0'", "4K:50,64K:40" },
	{ { NULL, "4K:1,64K", NULL }, "--size: '64K'", "4K:50,64K:40" },
	{ { NULL, ":1", NULL }, "--size: ':1'", "4K:50,64K:40" },
	{ { NULL, "0:1", NULL }, "'0' in a mix is no size", "1 to 1G" },
	{ { NULL, "4KB:1", NULL }, "'4KB' in a mix is no size", "1 to 1G" },
	{ { NULL, "1G:1,1073741825:1", NULL }, "'1073741825' in a mix", "1 to 1G" },
	{ { NULL, "4K:1,4096:1", NULL }, "4096 stands there twice", "once" },
	{ { NULL, SIXTEEN ",17:1", NULL }, "at most 16 sizes", "shorten" },
	{ { "read:70", SIXTEEN, NULL }, "16 sizes of READ and WRITE", "shorten" },
	{ { NULL, "64K:1,4:1", "--sges=16" }, "--sges", "raise --size" },
};
/* clang-format on */

static void test_mixes(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(mixes); i++) {
		struct rw_kind kinds[RW_MAX_KINDS];
		bool has[2] = { false, false };
		struct rw_err err = { 0 };
		struct rw_conf conf;

		if (parse(&mixes[i].given, &conf, &err))
			fail_msg("mix %zu: %s", i, err.text);
		assert_int_equal(rw_conf_is_mixed(&conf), mixes[i].n > 0);
		assert_int_equal(rw_conf_mix(&conf, kinds, &err), mixes[i].n);
		assert_int_equal(conf.size_bytes, mixes[i].size_bytes);
		for (int k = 0; k < mixes[i].n; k++) {
			assert_int_equal(kinds[k].op, mixes[i].kinds[k].op);
			assert_int_equal(kinds[k].size_bytes, mixes[i].kinds[k].size_bytes);
			assert_int_equal(kinds[k].weight, mixes[i].kinds[k].weight);
			has[kinds[k].op] = true;
		}
		if (!mixes[i].n)
			has[conf.op] = true;
		assert_int_equal(rw_conf_has_op(&conf, RW_VERB_READ), has[RW_VERB_READ]);
		assert_int_equal(rw_conf_has_op(&conf, RW_VERB_WRITE), has[RW_VERB_WRITE]);
		assert_int_equal(rw_conf_kinds(&conf, kinds), mixes[i].n ? mixes[i].n : 1);
	}
}

static void test_sixteen(void **state)
{
	const struct given given = { "write:100", SIXTEEN, NULL };
	struct rw_kind kinds[RW_MAX_MIX];
	struct rw_err err = { 0 };
	struct rw_conf conf;

	assert_int_equal(parse(&given, &conf, &err), 0);
	assert_int_equal(rw_conf_mix(&conf, kinds, &err), 16);
	for (uint64_t k = 0; k < 16; k++)
		assert_int_equal(kinds[k].size_bytes, k + 1);
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(refused); i++) {
		struct rw_err err = { 0 };
		struct rw_conf conf;

		if (parse(&refused[i].given, &conf, &err) != -EINVAL)
			fail_msg("mix %zu was taken", i);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, refused[i].what);
		assert_told(&err, RW_EXIT_USAGE, -EINVAL, refused[i].advice);
	}
}

/* The server has the same kinds; what a peer sends is checked as what is typed. */
static void test_travels(void **state)
{
	const struct given given = { "read:75", "4K:1,8K:2", NULL };
	struct rw_kind sent[RW_MAX_MIX], taken[RW_MAX_MIX];
	struct rw_conf client, server;
	struct rw_err err = { 0 };
	json_t *run;

	assert_int_equal(parse(&given, &client, &err), 0);
	run = rw_conf_to_json(&client, true);
	rw_conf_init(&server, &program);
	assert_int_equal(rw_conf_from_json(&server, run, &err), 0);
	assert_int_equal(rw_conf_check(&server, &err), 0);
	assert_int_equal(rw_conf_mix(&client, sent, &err), 4);
	assert_int_equal(rw_conf_mix(&server, taken, &err), 4);
	for (int k = 0; k < 4; k++) {
		assert_int_equal(taken[k].op, sent[k].op);
		assert_int_equal(taken[k].size_bytes, sent[k].size_bytes);
		assert_int_equal(taken[k].weight, sent[k].weight);
	}
	assert_int_equal(server.size_bytes, 8 * K);
	json_object_set_new(run, "mix", json_string("read:75\n,"));
	assert_int_equal(rw_conf_from_json(&server, run, &err), 0);
	assert_int_equal(rw_conf_check(&server, &err), -EINVAL);
	json_decref(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixes),
		cmocka_unit_test(test_sixteen),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_travels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
