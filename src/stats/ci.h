/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Confidence intervals. @confidence is the probability, for example 0.95: over
 * 0 and below 1.
 */
#ifndef RW_STATS_CI_H
#define RW_STATS_CI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/moments.h"

struct rw_ci {
	double low;
	double high;
};

/*
 * The share of @successes in @n independent trials: Wilson's score interval
 * (Wilson 1927; recommended over the textbook's one by Brown, Cai and DasGupta
 * 2001). Always within 0 and 1; low is 0 for no success, high is 1 for n, and
 * without trials it is everything. Trials that depend on each other (operations
 * that find a pool full tend to follow each other) make it too narrow: then
 * use rw_ci_share_of_blocks().
 */
struct rw_ci rw_ci_share(uint64_t successes, uint64_t n, double confidence);

/*
 * The share of @successes in @n trials that depend on their neighbours: Wilson's
 * interval, of as many independent trials as would scatter like the shares of
 * successive blocks of them, in @blocks (the design effect, Kish 1965; never
 * below 1), with Student's quantile since blocks may be few. It holds the share, and
 * is of use where the mean's is not: close to 0 and 1. Without any success, or
 * with nothing else, trials pass for independent.
 * Returns false, and leaves *@ci_p alone, for no trial or fewer than two blocks.
 */
bool rw_ci_share_of_blocks(uint64_t successes, uint64_t n, const struct rw_moments *blocks,
			   double confidence, struct rw_ci *ci_p);

/*
 * The mean of what @moments were drawn from, by Student's distribution (which
 * is the normal one for many values). Returns false, and leaves *@ci_p alone,
 * for fewer than two values: they tell nothing.
 */
bool rw_ci_mean(const struct rw_moments *moments, double confidence, struct rw_ci *ci_p);

/* The standard normal distribution's quantile; @p over 0 and below 1. */
double rw_ci_normal_quantile(double p);

/* That of Student's distribution with @degrees (at least 1) of freedom. */
double rw_ci_student_quantile(double p, uint64_t degrees);

enum rw_ci_statistic {
	RW_CI_MEAN,
	RW_CI_MEDIAN
};
enum rw_ci_contrast {
	RW_CI_DIFFERENCE,
	RW_CI_RATIO
};

/* One figure per block of a run. */
struct rw_ci_sample {
	const double *values;
	size_t n;
};

/*
 * How to compare two samples: b - a, or b / a, of their means or medians (the
 * median of an even number is the mean of the middle two).
 */
struct rw_ci_compare {
	enum rw_ci_statistic statistic;
	enum rw_ci_contrast contrast;
	double confidence;
	uint32_t resamples; /* at least 100; 2000 is usual */
	uint64_t seed;	    /* the same seed gives the same interval */
};

struct rw_ci_contrast_result {
	double estimate; /* of the samples as they are */
	struct rw_ci ci;
};

/*
 * Bootstrap percentile interval (Efron 1979): both samples are drawn anew with
 * replacement, independently of each other. Coverage is below @confidence for
 * very few blocks; ten or more of each are wanted.
 * Returns 0; -ENODATA: fewer than two values in a sample; -EDOM: a ratio, and
 * not all values of @a are positive; -EINVAL: too few resamples; -ENOMEM.
 */
int rw_ci_bootstrap(const struct rw_ci_compare *how, const struct rw_ci_sample *a,
		    const struct rw_ci_sample *b, struct rw_ci_contrast_result *result_p);

/*
 * Does the interval of a contrast hold the value that stands for "equal"? Then
 * no difference was found, which is not to say that there is none.
 */
static inline bool rw_ci_no_difference(const struct rw_ci *ci, enum rw_ci_contrast contrast)
{
	double equal = contrast == RW_CI_RATIO ? 1 : 0;

	return ci->low <= equal && equal <= ci->high;
}

#endif
