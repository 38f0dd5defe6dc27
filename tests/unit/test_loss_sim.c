/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The simulation against the formulas where they apply, against the balance
 * equations of its Markov chain where they do not, and, event by event,
 * against a naive twin.
 */
#include "unit.h"

#include <errno.h>
#include <math.h>

#include "stats/ci.h"
#include "stats/loss.h"
#include "stats/loss_sim.h"
#include "stats/loss_time.h"

#define ATTEMPTS 300000
#define RATE	 UINT64_C(1000000)

/* All runs are seeded: this fails never or always. */
#define CONFIDENCE 0.9999

static struct rw_hist hist;

/* Hold times of two kinds, far apart; each in a bucket of its own width of 1 ns. */
static void fill_hist(void)
{
	rw_hist_init(&hist);
	for (int i = 0; i < 900; i++)
		rw_hist_record(&hist, 333 + i % 2 * 2);
	for (int i = 0; i < 100; i++)
		rw_hist_record(&hist, 1990 + i % 2 * 4);
	for (int i = 0; i < 10; i++)
		rw_hist_record(&hist, 200);
}

static double hist_mean(void)
{
	struct rw_hist_bucket bucket;
	uint32_t cursor = 0;
	double sum = 0;

	while (rw_hist_next(&hist, &cursor, &bucket)) {
		assert_int_equal(bucket.low, bucket.high);
		sum += (double)bucket.low * (double)bucket.count;
	}
	return sum / (double)hist.count;
}

static struct rw_loss_sim open_loop(uint32_t pool, double erlangs)
{
	return (struct rw_loss_sim){
		.pool = pool,
		.mrs_per_op = 1,
		.hold = { RW_LOSS_EXPONENTIAL, erlangs * 1e9 / RATE, NULL },
		.shape = { RW_ARRIVAL_POISSON, 1 },
		.rate = RATE,
		.seed = 7,
		.warm_up = ATTEMPTS / 10,
		.attempts = ATTEMPTS,
	};
}

static struct rw_loss_sim closed_loop(uint32_t sources, double load, uint32_t pool)
{
	return (struct rw_loss_sim){
		.pool = pool,
		.mrs_per_op = 1,
		.sources = sources,
		.hold = { RW_LOSS_EXPONENTIAL, 500, NULL },
		.think = { RW_LOSS_EXPONENTIAL, 500 / load, NULL },
		.fallback = { RW_LOSS_FIXED, 0, NULL },
		.seed = 7,
		.warm_up = ATTEMPTS / 10,
		.attempts = ATTEMPTS,
	};
}

/* The interval of the share holds @truth, and is narrow enough to mean something. */
static struct rw_loss_sim_result check(const struct rw_loss_sim *sim, double truth)
{
	struct rw_loss_sim_result result;
	struct rw_ci ci;

	assert_int_equal(rw_loss_sim_run(sim, &result), 0);
	assert_int_equal(result.attempts, sim->attempts);
	assert_true(fabs(result.share * (double)sim->attempts - (double)result.exhaustions) < 0.5);
	assert_int_equal(result.blocks.count, RW_LOSS_BLOCKS);
	assert_true(fabs(result.blocks.mean - result.share) < 1e-9);
	assert_true(rw_ci_mean(&result.blocks, CONFIDENCE, &ci));
	if (truth < ci.low - 1e-12 || truth > ci.high + 1e-12)
		fail_msg("pool %u: %.6f to %.6f does not hold %.6f", sim->pool, ci.low, ci.high,
			 truth);
	if (ci.high - ci.low > 0.003 + truth / 4)
		fail_msg("pool %u: %.6f to %.6f is too wide to tell", sim->pool, ci.low, ci.high);
	/* a blocked operation has just taken the last one */
	if (result.exhaustions)
		assert_int_equal(result.low_water, 0);
	return result;
}

static const struct {
	uint32_t pool;
	double erlangs;
} cells[] = {
	{ 1, 0.1 }, { 1, 3 }, { 2, 1 }, { 4, 2 }, { 8, 6 }, { 8, 16 }, { 16, 10 }, { 32, 24 },
};

/* Erlang B, whatever the distribution of the hold time. */
static void test_erlang_b(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(cells); i++) {
		double share = rw_loss_erlang_b(cells[i].erlangs, cells[i].pool);
		struct rw_loss_sim sim = open_loop(cells[i].pool, cells[i].erlangs);
		struct rw_loss_sim_result result = check(&sim, share);
		double carried = cells[i].erlangs * (1 - share);

		assert_true(fabs(result.mean_occupancy / carried - 1) < 0.02);
		assert_true(result.mean_waiting == 0);
		sim.hold.kind = RW_LOSS_FIXED;
		check(&sim, share);
	}
}

static void test_erlang_b_measured_times(void **state)
{
	double erlangs;

	fill_hist();
	for (uint32_t pool = 1; pool <= 6; pool++) {
		struct rw_loss_sim sim = open_loop(pool, 0);

		sim.hold = (struct rw_loss_time){ RW_LOSS_MEASURED, 0, &hist };
		sim.rate = 6 * RATE;
		erlangs = hist_mean() * 6 * RATE / 1e9;
		check(&sim, rw_loss_erlang_b(erlangs, pool));
	}
}

/* As many servers as whole operations find room. */
static void test_several_mrs(void **state)
{
	for (uint32_t k = 2; k <= 5; k++)
		for (uint32_t pool = k; pool <= 4 * k; pool += 1 + pool % 2) {
			double share = rw_loss_erlang_b(2.5, pool / k);
			struct rw_loss_sim sim = open_loop(pool, 2.5);
			struct rw_loss_sim_result result;

			sim.mrs_per_op = k;
			result = check(&sim, share);
			assert_true(fabs(result.mean_occupancy / (k * 2.5 * (1 - share)) - 1) <
				    0.02);
		}
}

/* Engset's call congestion, not its time congestion, for any hold and think time. */
static void test_engset(void **state)
{
	static const struct {
		uint32_t sources, pool;
		double load;
	} rows[] = {
		{ 2, 1, 1 },	{ 4, 3, 1.0 / 3 }, { 4, 2, 2 },
		{ 10, 5, 0.5 }, { 32, 16, 0.9 },   { 8, 8, 5 },
	};

	fill_hist();
	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		struct rw_loss_sim sim = closed_loop(rows[i].sources, rows[i].load, rows[i].pool);
		double share = rw_loss_engset(rows[i].sources, rows[i].load, rows[i].pool);

		check(&sim, share);
		sim.hold.kind = RW_LOSS_FIXED;
		check(&sim, share);
		sim.hold = (struct rw_loss_time){ RW_LOSS_MEASURED, 0, &hist };
		sim.think.mean_ns = hist_mean() / rows[i].load;
		check(&sim, share);
	}
}

/*
 * The Markov chain of a closed loop whose fallbacks take time: j operations
 * hold MRs, l fall back, the rest thinks; all times exponential. Its balance
 * is found by iteration; the share is that of attempts made in a full state.
 */
#define SOURCES 6

static double chain_share(double hold, double think, double fallback, uint32_t servers,
			  double *mean_held_p)
{
	double p[SOURCES + 1][SOURCES + 1] = { 0 }, blocked = 0, all = 0, held = 0, total = 0;

	p[0][0] = 1;
	for (int round = 0; round < 20000; round++) {
		double next[SOURCES + 1][SOURCES + 1] = { 0 };
		/* a step that is short against everything */
		double step = 0.9 / (SOURCES * (1 / hold + 1 / think + 1 / fallback));

		for (uint32_t j = 0; j <= servers; j++)
			for (uint32_t l = 0; j + l <= SOURCES; l++) {
				double ask = step * (SOURCES - j - l) / think;
				double done = step * j / hold, back = step * l / fallback;

				next[j][l] += p[j][l] * (1 - ask - done - back);
				if (ask > 0 && j < servers)
					next[j + 1][l] += p[j][l] * ask;
				else if (ask > 0)
					next[j][l + 1] += p[j][l] * ask;
				if (j)
					next[j - 1][l] += p[j][l] * done;
				if (l)
					next[j][l - 1] += p[j][l] * back;
			}
		memcpy(p, next, sizeof(p));
	}
	for (uint32_t j = 0; j <= servers; j++)
		for (uint32_t l = 0; j + l <= SOURCES; l++) {
			double ask = p[j][l] * (SOURCES - j - l);

			all += ask;
			blocked += j == servers ? ask : 0;
			held += p[j][l] * j;
			total += p[j][l];
		}
	assert_true(fabs(total - 1) < 1e-9);
	*mean_held_p = held;
	return blocked / all;
}

static void test_fallback_time(void **state)
{
	static const double fallbacks[] = { 100, 500, 3000 };

	for (size_t f = 0; f < RW_ARRAY_SIZE(fallbacks); f++)
		for (uint32_t k = 1; k <= 3; k++) {
			struct rw_loss_sim sim = closed_loop(SOURCES, 1.5, 3 * k - (k > 1));
			double held;
			double share =
				chain_share(500, 500 / 1.5, fallbacks[f], sim.pool / k, &held);
			struct rw_loss_sim_result result;

			sim.mrs_per_op = k;
			sim.fallback =
				(struct rw_loss_time){ RW_LOSS_EXPONENTIAL, fallbacks[f], NULL };
			result = check(&sim, share);
			assert_true(fabs(result.mean_occupancy / (held * k) - 1) < 0.02);
		}
}

/* Erlang C: the share that has to wait, and how many do. */
static void test_wait(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(cells); i++) {
		double rho = cells[i].erlangs / cells[i].pool;
		double share = rw_loss_erlang_b(cells[i].erlangs, cells[i].pool);
		struct rw_loss_sim sim = open_loop(2 * cells[i].pool, cells[i].erlangs);
		struct rw_loss_sim_result result;

		if (rho > 0.7)
			continue;
		sim.mrs_per_op = 2;
		sim.blocked = RW_LOSS_WAIT;
		share /= 1 - rho * (1 - share);
		result = check(&sim, share);
		assert_true(fabs(result.mean_waiting - share * rho / (1 - rho)) <
			    0.01 + 0.1 * result.mean_waiting);
		assert_true(fabs(result.mean_occupancy / (2 * cells[i].erlangs) - 1) < 0.02);
	}
}

/* Contexts that wait, and think no more meanwhile: the machine repair model. */
static void test_wait_closed(void **state)
{
	const uint32_t n = 10, m = 4;
	struct rw_loss_sim sim = closed_loop(n, 0.8, m);
	double p = 1, all = 0, blocked = 0;

	/* as an arrival sees it: states of one context less */
	for (uint32_t j = 0; j < n; j++) {
		all += p;
		blocked += j >= m ? p : 0;
		p *= 0.8 * (n - 1 - j) / rw_min(j + 1, m);
	}
	sim.blocked = RW_LOSS_WAIT;
	check(&sim, blocked / all);
}

/* The same rules, without a heap, with the MRs themselves. */
static void check_twin(const struct rw_loss_sim *sim)
{
	uint32_t stack[64], owner[64], top = sim->pool, low = top;
	uint64_t ends[64], exhaustions = 0, last = 0;
	struct rw_loss_sim_result got;
	struct rw_arrival arrival;
	double held = 0;

	for (uint32_t i = 0; i < sim->pool; i++)
		stack[i] = i;
	memset(owner, 0, sizeof(owner));
	assert_int_equal(rw_arrival_init(&arrival, &sim->shape, sim->rate, sim->seed), 0);
	for (uint64_t n = 1; n <= sim->attempts; n++) {
		uint64_t now = rw_arrival_next(&arrival);
		uint32_t mine[64], taken = 0;

		for (uint32_t i = 0; i < sim->pool; i++) {
			if (!owner[i])
				continue;
			held += (double)(rw_min(now, ends[i]) - rw_min(last, ends[i]));
			if (ends[i] > now)
				continue;
			owner[i] = 0;
			stack[top++] = i;
		}
		while (taken < sim->mrs_per_op && top > 0)
			mine[taken++] = stack[--top];
		low = rw_min(low, top);
		if (taken < sim->mrs_per_op) {
			exhaustions++;
			while (taken > 0)
				stack[top++] = mine[--taken];
		}
		for (uint32_t i = 0; i < taken; i++) {
			assert_int_equal(owner[mine[i]], 0);
			owner[mine[i]] = 1;
			ends[mine[i]] = now + (uint64_t)sim->hold.mean_ns;
		}
		last = now;
	}
	assert_int_equal(rw_loss_sim_run(sim, &got), 0);
	assert_int_equal(got.exhaustions, exhaustions);
	assert_int_equal(got.low_water, low);
	if (sim->attempts > sim->shape.burst) {
		struct rw_arrival first;
		uint64_t start;

		assert_int_equal(rw_arrival_init(&first, &sim->shape, sim->rate, sim->seed), 0);
		start = rw_arrival_next(&first);
		assert_true(fabs(got.mean_occupancy * (double)(last - start) - held) <
			    1e-9 * held + 1e-3);
	}
}

static void test_twin(void **state)
{
	static const struct rw_arrival_shape shapes[] = {
		{ RW_ARRIVAL_POISSON, 1 },
		{ RW_ARRIVAL_FIXED, 1 },
		{ RW_ARRIVAL_BURST, 5 },
		{ RW_ARRIVAL_BURST, 40 },
	};
	/* equal, just below, just above, and multiples of the fixed gap */
	static const double holds[] = { 0, 1, 999, 1000, 1001, 5000, 7321, 20000 };

	for (size_t s = 0; s < RW_ARRAY_SIZE(shapes); s++)
		for (size_t h = 0; h < RW_ARRAY_SIZE(holds); h++)
			for (uint32_t pool = 0; pool <= 21; pool += 3)
				for (uint32_t k = 1; k <= 4; k++) {
					struct rw_loss_sim sim = open_loop(pool, 0);

					sim.mrs_per_op = k;
					sim.hold.kind = RW_LOSS_FIXED;
					sim.hold.mean_ns = holds[h];
					sim.shape = shapes[s];
					sim.warm_up = 0;
					sim.attempts = 500;
					sim.seed = pool;
					check_twin(&sim);
				}
}

/* A pool that never runs out: its low water is where the operations left it. */
static void test_low_water(void **state)
{
	struct rw_loss_sim sim = closed_loop(4, 100, 17);
	struct rw_loss_sim_result result;

	sim.mrs_per_op = 4;
	assert_int_equal(rw_loss_sim_run(&sim, &result), 0);
	assert_int_equal(result.exhaustions, 0);
	assert_int_equal(result.low_water, 1);
}

static void test_seeds(void **state)
{
	struct rw_loss_sim sim = open_loop(4, 2);
	struct rw_loss_sim_result a, b;

	assert_int_equal(rw_loss_sim_run(&sim, &a), 0);
	assert_int_equal(rw_loss_sim_run(&sim, &b), 0);
	assert_int_equal(a.exhaustions, b.exhaustions);
	assert_true(a.mean_occupancy == b.mean_occupancy && a.blocks.m2 == b.blocks.m2);
	sim.seed++;
	assert_int_equal(rw_loss_sim_run(&sim, &b), 0);
	assert_int_not_equal(a.exhaustions, b.exhaustions);
}

/* What begins in an empty system is left out, and nothing else. */
static void test_warm_up(void **state)
{
	struct rw_loss_sim sim = open_loop(10, 0), rest = sim;
	struct rw_loss_sim_result result;

	sim.hold = (struct rw_loss_time){ RW_LOSS_FIXED, 1e15, NULL };
	sim.attempts = 1;
	for (sim.warm_up = 0; sim.warm_up < 20; sim.warm_up++) {
		assert_int_equal(rw_loss_sim_run(&sim, &result), 0);
		assert_int_equal(result.exhaustions, sim.warm_up >= 10);
		assert_int_equal(result.low_water, sim.warm_up >= 10 ? 0 : 9 - sim.warm_up);
	}
	rest.hold = sim.hold;
	rest.warm_up = 10;
	assert_int_equal(rw_loss_sim_run(&rest, &result), 0);
	assert_true(result.share == 1);
	assert_true(fabs(result.mean_occupancy - 10) < 1e-9);
}

/* Nothing takes any time: it ends all the same. */
static void test_no_time(void **state)
{
	struct rw_loss_sim sim = closed_loop(4, 1, 2);
	struct rw_loss_sim_result result;

	sim.hold.mean_ns = sim.think.mean_ns = 0;
	assert_int_equal(rw_loss_sim_run(&sim, &result), 0);
	assert_true(result.mean_occupancy == 0 && result.mean_waiting == 0);
	sim.hold.mean_ns = 500;
	assert_int_equal(rw_loss_sim_run(&sim, &result), 0);
	assert_true(result.share > 0.99 && result.mean_occupancy == 0);
}

static void test_refusals(void **state)
{
	const struct rw_loss_sim good = closed_loop(4, 1, 2);
	struct rw_loss_sim bad[9];
	struct rw_loss_sim_result result = { .attempts = 77 };
	static struct rw_hist saturated;

	for (size_t i = 0; i < RW_ARRAY_SIZE(bad); i++)
		bad[i] = good;
	rw_hist_init(&saturated);
	bad[0].attempts = 0;
	bad[1].mrs_per_op = 0;
	bad[2].hold.mean_ns = -1;
	bad[3].think.mean_ns = NAN;
	bad[4].fallback.mean_ns = INFINITY;
	bad[5].blocked = RW_LOSS_WAIT;
	bad[5].mrs_per_op = 3;
	bad[6].hold = (struct rw_loss_time){ RW_LOSS_MEASURED, 5, NULL };
	bad[7].think = (struct rw_loss_time){ RW_LOSS_MEASURED, 5, &saturated };
	bad[8].sources = 0; /* open, without a rate */
	for (size_t i = 0; i < RW_ARRAY_SIZE(bad); i++)
		assert_int_equal(rw_loss_sim_run(&bad[i], &result), i == 8 ? -ERANGE : -EINVAL);
	rw_hist_record(&saturated, RW_HIST_LIMIT);
	assert_int_equal(rw_loss_sim_run(&bad[7], &result), -EINVAL);
	assert_int_equal(result.attempts, 77);
}

/* Draws lie where the values do, as often, and evenly within a wide bucket. */
static void test_measured_draws(void **state)
{
	const uint64_t n = 400000;
	const struct rw_loss_time time = { RW_LOSS_MEASURED, 0, &hist };
	struct rw_loss_draw draw;
	struct rw_random random;
	uint64_t small = 0, wide = 0;
	double wide_sum = 0;

	rw_hist_init(&hist);
	rw_hist_record(&hist, 7);
	rw_hist_record(&hist, 7);
	/* in one bucket: 2^30 to 2^30 + 2^20 - 1; then the maximum, in another */
	rw_hist_record(&hist, (UINT64_C(1) << 30) + 5);
	rw_hist_record(&hist, (UINT64_C(1) << 31) + 2);
	assert_int_equal(rw_loss_draw_open(&draw, &time), 0);
	rw_random_init(&random, 3);
	for (uint64_t i = 0; i < n; i++) {
		double ns = rw_loss_draw_ns(&draw, &random);

		if (ns < 0x1p29) {
			assert_true(ns == 7);
			small++;
		} else if (ns < 0x1p31) {
			assert_true(ns >= 0x1p30 && ns < 0x1p30 + 0x1p20);
			wide++;
			wide_sum += ns - 0x1p30;
		} else {
			assert_true(ns >= 0x1p31 && ns <= 0x1p31 + 2);
		}
	}
	assert_true(fabs((double)small - n / 2.0) < 5 * sqrt(n / 4.0));
	assert_true(fabs((double)wide - n / 4.0) < 5 * sqrt(n * 3.0 / 16));
	assert_true(fabs(wide_sum / (double)wide - 0x1p19) < 5 * 0x1p20 / sqrt(12.0 * n / 4));
	rw_loss_draw_close(&draw);
}

/* Each of many buckets is found, as often as it was filled. */
static void test_measured_shares(void **state)
{
	enum {
		KINDS = 53,
		N = 500000
	};
	const struct rw_loss_time time = { RW_LOSS_MEASURED, 0, &hist };
	unsigned int drawn[KINDS] = { 0 };
	struct rw_loss_draw draw;
	struct rw_random random;

	rw_hist_init(&hist);
	for (int i = 0; i < KINDS; i++)
		for (int times = 0; times <= i % 7; times++)
			rw_hist_record(&hist, (uint64_t)i);
	assert_int_equal(rw_loss_draw_open(&draw, &time), 0);
	rw_random_init(&random, 4);
	for (int i = 0; i < N; i++) {
		double ns = rw_loss_draw_ns(&draw, &random);

		assert_true(ns >= 0 && ns < KINDS);
		drawn[(int)ns]++;
	}
	for (int i = 0; i < KINDS; i++) {
		double share = (i % 7 + 1) / (double)hist.count;

		assert_true(fabs(drawn[i] - share * N) < 5 * sqrt(share * N));
	}
	rw_loss_draw_close(&draw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_erlang_b),
		cmocka_unit_test(test_erlang_b_measured_times),
		cmocka_unit_test(test_several_mrs),
		cmocka_unit_test(test_engset),
		cmocka_unit_test(test_fallback_time),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_closed),
		cmocka_unit_test(test_twin),
		cmocka_unit_test(test_low_water),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_warm_up),
		cmocka_unit_test(test_no_time),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_measured_draws),
		cmocka_unit_test(test_measured_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
