/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The generator against published outputs, and its distributions. */
#include "unit.h"

#include <math.h>

#include "util/random.h"

#define DRAWS 1000000

/* The numbers are those of the reference implementations. */
static void test_reference(void **state)
{
	static const uint64_t split[] = {
		UINT64_C(6457827717110365317),	UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423),	UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	static const uint64_t xoshiro[] = {
		11520,
		0,
		1509978240,
		UINT64_C(1215971899390074240),
		UINT64_C(1216172134540287360),
		UINT64_C(607988272756665600),
		UINT64_C(16172922978634559625),
		UINT64_C(8476171486693032832),
		UINT64_C(10595114339597558777),
		UINT64_C(2904607092377533576),
	};
	struct rw_random random = { { 1, 2, 3, 4 } };
	uint64_t seed = 1234567;

	for (size_t i = 0; i < RW_ARRAY_SIZE(split); i++)
		assert_int_equal(rw_random_split(&seed), split[i]);
	for (size_t i = 0; i < RW_ARRAY_SIZE(xoshiro); i++)
		assert_int_equal(rw_random_next(&random), xoshiro[i]);
	rw_random_init(&random, 1234567);
	assert_memory_equal(random.s, split, sizeof(random.s));
}

static void test_seeds(void **state)
{
	struct rw_random a, b, c;
	int equal = 0;

	rw_random_init(&a, 0);
	rw_random_init(&b, 0);
	rw_random_init(&c, 1);
	for (int i = 0; i < 1000; i++) {
		uint64_t value = rw_random_next(&a);

		assert_int_equal(value, rw_random_next(&b));
		equal += value == rw_random_next(&c);
	}
	assert_int_equal(equal, 0);
}

/* Each rest as often as the others, within 5 standard deviations. */
static void test_below(void **state)
{
	struct rw_random random;
	unsigned int counts[7] = { 0 };
	uint64_t odd = 0;

	rw_random_init(&random, 5);
	for (int i = 0; i < DRAWS; i++)
		counts[rw_random_below(&random, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_true(fabs(counts[i] - DRAWS / 7.0) < 5 * sqrt(DRAWS / 7.0));
	assert_int_equal(rw_random_below(&random, 1), 0);
	/* where a plain remainder makes the lower half twice as likely */
	for (int i = 0; i < DRAWS; i++)
		odd += rw_random_below(&random, UINT64_C(3) << 62) < UINT64_C(3) << 61;
	assert_true(fabs((double)odd - DRAWS / 2.0) < 5 * sqrt(DRAWS / 4.0));
}

static void test_uniform(void **state)
{
	struct rw_random random;
	double sum = 0;

	rw_random_init(&random, 6);
	for (int i = 0; i < DRAWS; i++) {
		double u = rw_random_uniform(&random);

		assert_true(u >= 0 && u < 1);
		sum += u;
	}
	assert_true(fabs(sum / DRAWS - 0.5) < 5 / sqrt(12.0 * DRAWS));
	/* the ends: no bits, all bits */
	random = (struct rw_random){ { 1, 0, 0, 0 } };
	assert_true(rw_random_uniform(&random) == 0);
	/* the inverse of * 5, rotate, * 9 gives the state of which all bits come */
	random = (struct rw_random){ { 1, 0, 0, 0 } };
	random.s[1] = UINT64_C(0x8e38e38e38e38e39) * UINT64_MAX;
	random.s[1] = rw_random_rotate(random.s[1], 64 - 7) * UINT64_C(0xcccccccccccccccd);
	assert_true(rw_random_uniform(&random) == 1 - 0x1p-53);
}

/* Mean, deviation and three points of the distribution function. */
static void test_exponential(void **state)
{
	static const double points[] = { 0.1, 1, 3 };
	unsigned int below[RW_ARRAY_SIZE(points)] = { 0 };
	struct rw_random random;
	double sum = 0, squares = 0;

	rw_random_init(&random, 7);
	for (int i = 0; i < DRAWS; i++) {
		double x = rw_random_exponential(&random, 250) / 250;

		assert_true(x >= 0 && x < 37);
		sum += x;
		squares += x * x;
		for (size_t p = 0; p < RW_ARRAY_SIZE(points); p++)
			below[p] += x < points[p];
	}
	assert_true(fabs(sum / DRAWS - 1) < 5 / sqrt(DRAWS));
	assert_true(fabs(squares / DRAWS - 2) < 5 * sqrt(20.0 / DRAWS));
	for (size_t p = 0; p < RW_ARRAY_SIZE(points); p++) {
		double share = 1 - exp(-points[p]);

		assert_true(fabs(below[p] - share * DRAWS) < 5 * sqrt(DRAWS * share * (1 - share)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),   cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_below),	    cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_exponential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
