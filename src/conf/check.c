/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Checks that need more than one option; both sides run them on a run. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/pool.h"
#include "conf/share.h"
#include "rw/layout.h"
#include "stats/arrival.h"

/* All segments, queues and arenas are sized by this product. */
#define MAX_OPERATIONS (UINT64_C(1) << 17)

/* What --report-unsorted prints one by one. */
#define MAX_SAMPLES 10000000

static int check_mtu(uint64_t mtu, struct rw_err *err)
{
	if (mtu == RW_AUTO || !(mtu & (mtu - 1)))
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--mtu: %" PRIu64 " is no MTU; give 256, 512, 1024, 2048 or 4096", mtu);
}

int rw_conf_percentiles(const struct rw_conf *conf,
			struct rw_percentile percentiles[RW_MAX_PERCENTILES], struct rw_err *err)
{
	const char *text = conf->percentiles;
	int n = 0;

	for (;; text++) {
		struct rw_percentile *one = &percentiles[n];
		size_t len = strcspn(text, ",");
		char *end;

		if (n == RW_MAX_PERCENTILES)
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--percentiles: more than %d; shorten the list",
				       RW_MAX_PERCENTILES);
		if (len && len < sizeof(one->text) && strspn(text, "0123456789.") == len) {
			memcpy(one->text, text, len);
			one->text[len] = '\0';
			one->percent = strtod(one->text, &end);
			n += !*end && one->percent <= 100;
		}
		if (!n || one != &percentiles[n - 1])
			return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
				       "--percentiles: '%.*s' is no number from 0 to 100; give a list such as 50,99,99.9",
				       (int)len, text);
		text += len;
		if (!*text)
			return n;
	}
}

static int check_latency(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_percentile percentiles[RW_MAX_PERCENTILES];
	int ret = rw_conf_percentiles(conf, percentiles, err);

	if (ret < 0)
		return ret;
	if (conf->unsorted && (conf->duration_s || conf->iters * conf->qps > MAX_SAMPLES))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--report-unsorted keeps each sample: give -n, and at most %d operations",
			       MAX_SAMPLES);
	return 0;
}

static int check_arrival(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_arrival_shape shape;

	if (!rw_arrival_parse(conf->arrival, &shape))
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--arrival: '%s' is unknown; give poisson, fixed or burst:N with N from 1 to %" PRIu64,
		       conf->arrival, RW_ARRIVAL_MAX_BURST);
}

static int check_mix(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_kind kinds[RW_MAX_MIX];
	int n = rw_conf_mix(conf, kinds, err);

	if (n <= 0)
		return n;
	if (rw_conf_size_range(conf))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--%s and a mix exclude each other; give one of them",
			       conf->all_sizes ? "all" : "size_range");
	if (conf->verify)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--verify: in a mix, operations overwrite what others have moved; leave --verify or the mix out");
	return 0;
}

static int check_memory(const struct rw_conf *conf, struct rw_err *err)
{
	if (!conf->use_null_mr || !conf->verify)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--verify: through a null MR no data move into or out of the client's memory; leave --verify or --use-null-mr out");
}

/* What one side alone can have. */
static int check_bidirectional(const struct rw_conf *conf, struct rw_err *err)
{
	const char *what = conf->threads > 1 ? "--threads" : conf->teardown ? "--teardown" :
			   *conf->mmap_file ? "--mmap" : NULL;

	if (!conf->bidirectional && conf->report_both)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--report-both: there is one direction only; give --bidirectional, too");
	if (!conf->bidirectional || !what)
		return 0;
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
		       "--bidirectional: %s; leave %s out",
		       conf->threads > 1 ? "each side measures in one thread" :
		       conf->teardown ? "a connection that is torn down has operations of the other side, too" :
					"each side has two memories, and a file is one", what);
}

static int check_layouts(const struct rw_conf *conf, struct rw_err *err)
{
	struct rw_kind kinds[RW_MAX_KINDS];
	uint32_t n = rw_conf_kinds(conf, kinds);
	struct rw_layout layout;
	int ret = 0;

	for (uint32_t i = 0; i < n && !ret; i++)
		ret = rw_layout_init(&layout, kinds[i].size_bytes, conf->sges,
				     conf->segment_bytes, conf->stride_bytes, err);
	return ret;
}

int rw_conf_check(const struct rw_conf *conf, struct rw_err *err)
{
	double target;
	int ret = check_mtu(conf->mtu_bytes, err);

	if (!ret)
		ret = rw_conf_check_size_range(conf, err);
	if (!ret)
		ret = rw_conf_check_address(conf, err);
	if (!ret)
		ret = check_mix(conf, err);
	if (ret)
		return ret;
	if (conf->test->is_latency)
		ret = check_latency(conf, err);
	if (!ret)
		ret = check_arrival(conf, err);
	if (!ret)
		ret = rw_conf_check_limit(conf, err);
	if (!ret)
		ret = rw_conf_pool_target(conf, &target, err);
	if (ret)
		return ret;
	if (rw_conf_slots(conf) > MAX_OPERATIONS)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "%" PRIu64 " contexts on %" PRIu64
			       " QPs are more than %" PRIu64
			       " operations in flight; lower --contexts or --qp",
			       conf->contexts, conf->qps, MAX_OPERATIONS);
	if (conf->invalidate == RW_INVALIDATE_FENCED && rw_conf_has_op(conf, RW_VERB_WRITE))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--invalidate=fenced: a fence waits for READs only, and a WRITE may be sent again after its key died; give lazy or never");
	if (conf->teardown && conf->on_exhaustion != RW_EXHAUSTION_FAIL)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--teardown is what follows when an operation fails; give --on_exhaustion=fail, too");
	if (conf->teardown && conf->pool_scope != RW_POOL_SCOPE_QP)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--teardown: the pool goes with its QP, and --pool_scope shares it; leave one of them out");
	if (conf->margin_s && conf->duration_s <= 2 * conf->margin_s)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--margin: %" PRIu64 " s at both ends leave nothing of -D %" PRIu64
			       " s; lower it or raise --duration",
			       conf->margin_s, conf->duration_s);
	if (conf->inline_bytes && !rw_conf_has_op(conf, RW_VERB_WRITE))
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--inline_size: a READ brings data and has none to send in its WQE; give --op=write, or leave it out");
	if (conf->cq_mod > conf->contexts)
		return rw_fail(err, RW_EXIT_USAGE, -EINVAL,
			       "--cq-mod %" PRIu64 " is more than the %" PRIu64
			       " operations in flight per QP; lower it or raise --contexts",
			       conf->cq_mod, conf->contexts);
	ret = check_memory(conf, err);
	if (!ret)
		ret = check_bidirectional(conf, err);
	if (!ret)
		ret = rw_conf_check_shares(conf, err);
	return ret ? ret : check_layouts(conf, err);
}
