/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Two samples of blocks against each other: rw_ci_bootstrap() of ci.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/ci.h"
#include "util/random.h"

#define MIN_RESAMPLES 100

/* A sample in order, and how often each value was drawn. */
struct urn {
	double *values;
	uint32_t *drawn;
	size_t n;
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void urn_close(struct urn *urn)
{
	free(urn->values);
	free(urn->drawn);
}

static int urn_open(struct urn *urn, const struct rw_ci_sample *sample)
{
	urn->n = sample->n;
	urn->values = malloc(sample->n * sizeof(*urn->values));
	urn->drawn = malloc(sample->n * sizeof(*urn->drawn));
	if (!urn->values || !urn->drawn) {
		urn_close(urn);
		return -ENOMEM;
	}
	memcpy(urn->values, sample->values, sample->n * sizeof(*urn->values));
	qsort(urn->values, urn->n, sizeof(*urn->values), compare_doubles);
	for (size_t i = 0; i < urn->n; i++)
		urn->drawn[i] = 1;
	return 0;
}

static void urn_draw(struct urn *urn, struct rw_random *random)
{
	memset(urn->drawn, 0, urn->n * sizeof(*urn->drawn));
	for (size_t i = 0; i < urn->n; i++)
		urn->drawn[rw_random_below(random, urn->n)]++;
}

/* The value at @rank, from 0, among those drawn. */
static double urn_ranked(const struct urn *urn, size_t rank)
{
	size_t i = 0;

	while (rank >= urn->drawn[i])
		rank -= urn->drawn[i++];
	return urn->values[i];
}

static double urn_statistic(const struct urn *urn, enum rw_ci_statistic statistic)
{
	double sum = 0;

	if (statistic == RW_CI_MEDIAN)
		return (urn_ranked(urn, (urn->n - 1) / 2) + urn_ranked(urn, urn->n / 2)) / 2;
	for (size_t i = 0; i < urn->n; i++)
		sum += urn->values[i] * urn->drawn[i];
	return sum / (double)urn->n;
}

static double contrast(const struct rw_ci_compare *how, const struct urn *a, const struct urn *b)
{
	double left = urn_statistic(a, how->statistic);
	double right = urn_statistic(b, how->statistic);

	return how->contrast == RW_CI_RATIO ? right / left : right - left;
}

static int check(const struct rw_ci_compare *how, const struct rw_ci_sample *a,
		 const struct rw_ci_sample *b)
{
	if (how->resamples < MIN_RESAMPLES)
		return -EINVAL;
	if (a->n < 2 || b->n < 2)
		return -ENODATA;
	for (size_t i = 0; how->contrast == RW_CI_RATIO && i < a->n; i++)
		if (!(a->values[i] > 0))
			return -EDOM;
	return 0;
}

int rw_ci_bootstrap(const struct rw_ci_compare *how, const struct rw_ci_sample *a,
		    const struct rw_ci_sample *b, struct rw_ci_contrast_result *result_p)
{
	struct rw_random random;
	struct urn left, right;
	double *contrasts;
	size_t cut;
	int ret = check(how, a, b);

	if (ret)
		return ret;
	ret = urn_open(&left, a);
	if (ret)
		return ret;
	ret = urn_open(&right, b);
	if (ret)
		goto err_left;
	contrasts = malloc(how->resamples * sizeof(*contrasts));
	if (!contrasts) {
		ret = -ENOMEM;
		goto err_right;
	}
	result_p->estimate = contrast(how, &left, &right);
	rw_random_init(&random, how->seed);
	for (uint32_t i = 0; i < how->resamples; i++) {
		urn_draw(&left, &random);
		urn_draw(&right, &random);
		contrasts[i] = contrast(how, &left, &right);
	}
	qsort(contrasts, how->resamples, sizeof(*contrasts), compare_doubles);
	/* as many are left out below as above */
	cut = (size_t)((1 - how->confidence) / 2 * how->resamples);
	result_p->ci.low = contrasts[cut];
	result_p->ci.high = contrasts[how->resamples - 1 - cut];
	free(contrasts);
err_right:
	urn_close(&right);
err_left:
	urn_close(&left);
	return ret;
}
