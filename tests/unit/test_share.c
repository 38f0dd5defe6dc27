/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The shares of the threads are the run. */
#include "program.h"
#include "unit.h"

#include <errno.h>
#include <math.h>

#include "conf/pool.h"
#include "conf/share.h"
#include "stats/arrival.h"

static struct rw_conf make(uint64_t qps, uint64_t threads)
{
	struct rw_conf conf;

	rw_conf_init(&conf, &program);
	conf.contexts = 4;
	conf.qps = qps;
	conf.threads = threads;
	return conf;
}

static void check_shares(const struct rw_conf *conf)
{
	uint64_t qps = 0, rate = 0, slots = 0, least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < conf->threads; i++) {
		struct rw_share share;

		rw_conf_share(conf, i, &share);
		assert_int_equal(share.first_qp, qps);
		assert_int_equal(share.first_slot, slots);
		assert_ptr_equal(share.run, conf);
		assert_int_equal(share.conf.threads, 1);
		assert_int_equal(share.conf.contexts, conf->contexts);
		/* the first ones have one more, never one less */
		assert_true(share.conf.qps >= 1 && share.conf.qps <= least);
		least = share.conf.qps;
		most = rw_max(most, share.conf.qps);
		/* a QP of one thread has the load of a QP of another */
		assert_true(fabs((double)share.conf.rate -
				 (double)conf->rate * (double)share.conf.qps /
					 (double)conf->qps) <= 1);
		assert_true(!conf->rate || share.conf.rate);
		qps += share.conf.qps;
		rate += share.conf.rate;
		slots += rw_conf_slots(&share.conf);
	}
	assert_true(most - least <= 1);
	assert_int_equal(qps, conf->qps);
	assert_int_equal(rate, conf->rate);
	assert_int_equal(slots, rw_conf_slots(conf));
}

static void test_sums(void **state)
{
	struct rw_err err = { 0 };

	for (uint64_t qps = 1; qps <= 40; qps++)
		for (uint64_t threads = 1; threads <= qps; threads++)
			for (uint64_t rate = 0; rate < 3; rate++) {
				struct rw_conf conf = make(qps, threads);

				conf.rate = rate * (39 + 977 * (rate - 1));
				if (conf.rate && conf.rate / qps == 0)
					continue;
				assert_int_equal(rw_conf_check_shares(&conf, &err), 0);
				check_shares(&conf);
			}
}

/* One thread is the run as it always was. */
static void test_one(void **state)
{
	struct rw_conf conf = make(7, 1);
	struct rw_share share;

	conf.rate = 1000;
	conf.seed = 5;
	rw_conf_share(&conf, 0, &share);
	assert_memory_equal(&share.conf, &conf, sizeof(conf));
	assert_true(share.lag_ns == 0);
}

/* The schedules of all threads, laid on each other, are the one that was asked for. */
static void test_fixed(void **state)
{
	static const char *const shapes[] = { "fixed", "burst:5" };

	for (size_t s = 0; s < RW_ARRAY_SIZE(shapes); s++) {
		struct rw_conf conf = make(4, 4);
		struct rw_arrival_shape shape;
		struct rw_arrival whole, parts[4];
		double lag_ns[4];

		strcpy(conf.arrival, shapes[s]);
		conf.rate = 4000;
		assert_int_equal(rw_arrival_parse(conf.arrival, &shape), 0);
		assert_int_equal(rw_arrival_init(&whole, &shape, conf.rate, 1), 0);
		for (uint32_t i = 0; i < 4; i++) {
			struct rw_share share;

			rw_conf_share(&conf, i, &share);
			lag_ns[i] = share.lag_ns;
			rw_arrival_init(&parts[i], &shape, share.conf.rate, share.conf.seed);
		}
		for (uint32_t i = 0; i < 400; i++) {
			uint32_t part = i / shape.burst % 4;
			double due = lag_ns[part] + (double)rw_arrival_next(&parts[part]);

			assert_true(fabs(due - (double)rw_arrival_next(&whole)) < 2);
		}
	}
}

static void test_random(void **state)
{
	struct rw_conf conf = make(8, 8);

	conf.rate = 1000;
	for (uint32_t i = 0; i < 8; i++)
		for (uint32_t k = 0; k < i; k++) {
			struct rw_share a, b;

			rw_conf_share(&conf, i, &a);
			rw_conf_share(&conf, k, &b);
			assert_int_not_equal(a.conf.seed, b.conf.seed);
			/* another run's threads draw other numbers, too */
			conf.seed++;
			rw_conf_share(&conf, k, &b);
			assert_int_not_equal(a.conf.seed, b.conf.seed);
			conf.seed--;
			assert_true(a.lag_ns == 0);
		}
}

static void test_refusals(void **state)
{
	struct rw_conf conf = make(2, 3);
	struct rw_err err = { 0 };

	assert_int_equal(rw_conf_check_shares(&conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--qp");
	conf = make(100, 2);
	conf.rate = 1;
	rw_err_clear(&err);
	assert_int_equal(rw_conf_check_shares(&conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--rate");
	conf.rate = 2;
	rw_err_clear(&err);
	assert_int_equal(rw_conf_check_shares(&conf, &err), 0);
	conf.pool_scope = RW_POOL_SCOPE_PROCESS;
	assert_int_equal(rw_conf_check_shares(&conf, &err), 0);
	assert_int_equal(rw_conf_nr_pools(&conf), 1);
	conf.threads = 2;
	conf.pool_scope = RW_POOL_SCOPE_QP;
	conf.teardown = true;
	assert_int_equal(rw_conf_check_shares(&conf, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--teardown");
}

static void test_pools(void **state)
{
	struct rw_conf conf = make(5, 2);

	assert_int_equal(rw_conf_nr_pools(&conf), 5);
	assert_int_equal(rw_conf_pool_contexts(&conf), 4);
	conf.pool_scope = RW_POOL_SCOPE_THREAD;
	assert_int_equal(rw_conf_nr_pools(&conf), 2);
	/* of the larger one */
	assert_int_equal(rw_conf_pool_contexts(&conf), 12);
}

/* Where the memory of each QP is an MR of its own, too, no two threads have a slot in common. */
static void test_slots(void **state)
{
	for (int mr_per_qp = 0; mr_per_qp < 2; mr_per_qp++) {
		struct rw_conf conf = make(5, 3);
		uint8_t seen[20] = { 0 };

		conf.mr_per_qp = mr_per_qp;
		for (uint32_t t = 0; t < 3; t++) {
			struct rw_share share;

			rw_conf_share(&conf, t, &share);
			for (uint32_t i = 0; i < rw_conf_slots(&share.conf); i++) {
				uint64_t slot = rw_share_slot(&share, i);

				assert_true(slot < 20 && !seen[slot]++);
				/* it is where the server has it */
				assert_int_equal(rw_conf_slot_place(&conf, slot),
						 share.first_slot +
							 rw_conf_slot_place(&share.conf, i));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
