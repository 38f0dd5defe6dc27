/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "report/result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* An interval of a median of fewer values promises what it cannot keep. */
#define MIN_BLOCKS 5

static double per(double amount, uint64_t n)
{
	return n ? amount / (double)n : 0;
}

double rw_result_ops_per_s(const struct rw_result *result)
{
	return per((double)result->operations * 1e9, result->elapsed_ns);
}

double rw_result_begun_per_s(const struct rw_result *result)
{
	return per((double)result->issued * 1e9, result->elapsed_ns);
}

double rw_result_queued_ns(const struct rw_result *result)
{
	return per(result->latency->queued_ns, result->latency->moments.count);
}

/* In all. */
static double moved_bytes(const struct rw_result *result)
{
	double bytes = 0;

	if (!result->nr_kinds)
		return (double)result->operations * (double)result->size_bytes;
	for (uint32_t k = 0; k < result->nr_kinds; k++)
		bytes += (double)result->mix[k].operations * (double)result->mix[k].size_bytes;
	return bytes;
}

uint64_t rw_result_msg_bytes(const struct rw_result *result)
{
	if (!result->nr_kinds)
		return result->size_bytes;
	return (uint64_t)(per(moved_bytes(result), result->operations) + 0.5);
}

double rw_result_bytes_per_s(const struct rw_result *result)
{
	return per(moved_bytes(result) * 1e9, result->elapsed_ns);
}

double rw_result_sum_ops_per_s(const struct rw_result *result)
{
	return rw_result_ops_per_s(result) + result->peer.ops_per_s;
}

double rw_result_sum_bytes_per_s(const struct rw_result *result)
{
	return rw_result_bytes_per_s(result) + result->peer.bytes_per_s;
}

double rw_result_sum_peak_bytes_per_s(const struct rw_result *result)
{
	return result->peak_bytes_per_s + result->peer.peak_bytes_per_s;
}

double rw_result_cpu_percent(const struct rw_result *result)
{
	return per(100 * result->cpu_process_ns, result->elapsed_ns);
}

const char *rw_result_size_text(const struct rw_result *result, char buf[RW_RESULT_TEXT])
{
	if (result->nr_kinds)
		snprintf(buf, RW_RESULT_TEXT, "of the mix, %" PRIu64 " bytes on average",
			 rw_result_msg_bytes(result));
	else
		snprintf(buf, RW_RESULT_TEXT, "at %" PRIu64 " bytes in %u segments",
			 result->size_bytes, result->sges);
	return buf;
}

/* Operations whose WRs were counted: as they are posted, by the module as they complete. */
static uint64_t counted_operations(const struct rw_result *result)
{
	return result->kernel ? result->operations : result->issued - result->failed;
}

double rw_result_wrs_per_op(const struct rw_result *result)
{
	return per((double)result->wrs, counted_operations(result));
}

double rw_result_wqe_bytes_per_op(const struct rw_result *result)
{
	return per((double)result->wqe_bytes, counted_operations(result));
}

double rw_result_exhaustion_share(const struct rw_result *result)
{
	return per((double)result->exhaustions, result->mr_wanted);
}

double rw_result_exhaustions_per_s(const struct rw_result *result)
{
	return per((double)result->exhaustions * 1e9, result->elapsed_ns);
}

static bool is_direct(const struct rw_result *result)
{
	return !strcmp(result->path, "direct");
}

static bool is_measured(const struct rw_result *result)
{
	return rw_result_ops_per_s(result) > 0;
}

bool rw_result_pair(const struct rw_result *results, uint32_t i,
		    const struct rw_result **direct_p)
{
	if (is_direct(&results[i]) || !is_measured(&results[i]))
		return false;
	while (i-- > 0) {
		if (results[i].size_bytes != results[i + 1].size_bytes)
			return false;
		if (is_direct(&results[i]) && is_measured(&results[i])) {
			*direct_p = &results[i];
			return true;
		}
	}
	return false;
}

bool rw_result_is_surprise(const struct rw_result *result)
{
	const struct rw_ci *ci = &result->share_ci;
	double off = fabs(result->share_predicted - rw_result_exhaustion_share(result));

	/* A row begins with all MRs free: so many more find one. */
	if (off * (double)result->mr_wanted <= (double)(result->mr_pool * result->nr_pools) + 0.5)
		return false;
	return result->share_model && ci->low <= ci->high &&
	       (result->share_predicted < ci->low || result->share_predicted > ci->high);
}

bool rw_result_is_overrun(const struct rw_result *result)
{
	double due = (double)result->rate * (double)result->elapsed_ns / 1e9;
	/* Who serves a number of operations to the end is late instead. */
	double behind = result->unserved ? (double)result->unserved : due - (double)result->issued;

	return result->rate && behind > rw_max(0.02 * due, 3 * sqrt(due)) &&
	       (double)result->queue_max >
		       0.02 * (double)(result->issued + result->unserved);
}

bool rw_result_reached_limit(const struct rw_result *result)
{
	return rw_result_ops_per_s(result) >= 0.98 * result->limit_per_s;
}

bool rw_result_keeps_limit(const struct rw_result *result)
{
	return rw_result_ops_per_s(result) <= 1.02 * result->limit_per_s;
}

int rw_result_contrast(const struct rw_result *row, const struct rw_result *direct,
		       enum rw_ci_contrast contrast, struct rw_ci_contrast_result *result_p)
{
	const struct rw_ci_compare how = {
		.statistic = RW_CI_MEDIAN,
		.contrast = contrast,
		.confidence = 0.95,
		.resamples = 2000,
		.seed = 1,
	};
	const struct rw_ci_sample a = { direct->latency->blocks.means,
					direct->latency->blocks.n };
	const struct rw_ci_sample b = { row->latency->blocks.means, row->latency->blocks.n };

	if (rw_min(a.n, b.n) < MIN_BLOCKS)
		return -ENODATA;
	return rw_ci_bootstrap(&how, &a, &b, result_p);
}
