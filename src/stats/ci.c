/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/ci.h"

#include <math.h>

#include "util/compiler.h"

#define PI 3.14159265358979323846

/*
 * From here on Student's quantile comes from the expansion at the normal one,
 * whose error is of the fourth order in 1 / degrees.
 */
#define MANY_DEGREES 1000

double rw_ci_normal_quantile(double p)
{
	double low = -40, high = 40;

	/* halving, until nothing lies between: not fast, and nothing to tune */
	if (p > 0.5)
		return -rw_ci_normal_quantile(1 - p);
	for (;;) {
		double middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			return middle;
		if (erfc(-middle / sqrt(2)) / 2 < p)
			low = middle;
		else
			high = middle;
	}
}

/*
 * Probability beyond |tan(angle) * sqrt(degrees)|, both tails: the finite sums
 * of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 (odd)
 * and 26.7.4 (even).
 */
static double student_tails(double angle, uint64_t degrees)
{
	double square = cos(angle) * cos(angle);
	double term = degrees % 2 ? cos(angle) : 1;
	double sum = 0;

	for (uint64_t i = degrees % 2; i < degrees - 1; i += 2) {
		sum += term;
		term *= square * (double)(i + 1) / (double)(i + 2);
	}
	sum *= sin(angle);
	return degrees % 2 ? 1 - 2 / PI * (angle + sum) : 1 - sum;
}

/* The same source's 26.7.5. */
static double student_expansion(double z, double n)
{
	double z2 = z * z;

	return z + z * (z2 + 1) / (4 * n) + z * ((5 * z2 + 16) * z2 + 3) / (96 * n * n) +
	       z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n);
}

double rw_ci_student_quantile(double p, uint64_t degrees)
{
	double low = 0, high = PI / 2;

	if (p < 0.5)
		return -rw_ci_student_quantile(1 - p, degrees);
	if (degrees >= MANY_DEGREES)
		return student_expansion(rw_ci_normal_quantile(p), (double)degrees);
	for (;;) {
		double middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			return tan(middle) * sqrt((double)degrees);
		if (student_tails(middle, degrees) > 2 * (1 - p))
			low = middle;
		else
			high = middle;
	}
}

static struct rw_ci wilson(double share, double trials, double z)
{
	double scale = 1 + z * z / trials;
	double centre = (share + z * z / (2 * trials)) / scale;
	double half =
		z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / scale;

	/* both ends meet 0 and 1 exactly, which rounding would miss */
	return (struct rw_ci){
		.low = share > 0 ? rw_max(centre - half, 0) : 0,
		.high = share < 1 ? rw_min(centre + half, 1) : 1,
	};
}

struct rw_ci rw_ci_share(uint64_t successes, uint64_t n, double confidence)
{
	if (!n)
		return (struct rw_ci){ 0, 1 };
	return wilson((double)successes / (double)n, (double)n,
		      rw_ci_normal_quantile(0.5 + confidence / 2));
}

bool rw_ci_share_of_blocks(uint64_t successes, uint64_t n, const struct rw_moments *blocks,
			   double confidence, struct rw_ci *ci_p)
{
	double share, independent, effect = 1;

	if (!n || blocks->count < 2)
		return false;
	share = (double)successes / (double)n;
	independent = share * (1 - share) / (double)n;
	if (independent > 0)
		effect = blocks->m2 / (double)(blocks->count - 1) / (double)blocks->count /
			 independent;
	*ci_p = wilson(share, (double)n / rw_max(effect, 1),
		       rw_ci_student_quantile(0.5 + confidence / 2, blocks->count - 1));
	return true;
}

bool rw_ci_mean(const struct rw_moments *moments, double confidence, struct rw_ci *ci_p)
{
	double half;

	if (moments->count < 2)
		return false;
	half = rw_ci_student_quantile(0.5 + confidence / 2, moments->count - 1) *
	       rw_moments_stdev(moments) / sqrt((double)moments->count);
	ci_p->low = moments->mean - half;
	ci_p->high = moments->mean + half;
	return true;
}
