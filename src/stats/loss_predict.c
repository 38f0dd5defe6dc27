/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "stats/loss_predict.h"

#include <errno.h>
#include <math.h>

#include "stats/loss.h"

#define MAX_POOL     (UINT32_C(1) << 20)
#define SIM_ATTEMPTS 200000
#define SIM_WARM_UP  20000
#define SIM_SEED     1

static bool is_open(const struct rw_loss_load *load)
{
	return load->rate > 0;
}

static bool is_legal(const struct rw_loss_load *load)
{
	return load->mrs_per_op && load->pool && load->hold_ns > 0 && isfinite(load->hold_ns) &&
	       (is_open(load) || load->sources);
}

static double erlangs(const struct rw_loss_load *load)
{
	return load->rate * load->hold_ns * 1e-9;
}

static double engset_load(const struct rw_loss_load *load)
{
	return load->think_ns > 0 ? load->hold_ns / load->think_ns : INFINITY;
}

static struct rw_loss_time time_of(double mean_ns, const struct rw_hist *hist)
{
	if (hist && hist->count && !rw_hist_saturated(hist))
		return (struct rw_loss_time){ .kind = RW_LOSS_MEASURED, .hist = hist };
	return (struct rw_loss_time){ .kind = RW_LOSS_EXPONENTIAL, .mean_ns = mean_ns };
}

static int simulate(const struct rw_loss_load *load, double *share_p)
{
	const struct rw_loss_sim sim = {
		.pool = load->pool,
		.mrs_per_op = load->mrs_per_op,
		.hold = time_of(load->hold_ns, load->hold),
		.fallback = time_of(load->fallback_ns, load->fallback),
		.think = time_of(load->think_ns, NULL),
		.blocked = load->waits ? RW_LOSS_WAIT : RW_LOSS_FALLBACK,
		.sources = is_open(load) ? 0 : load->sources,
		.shape = load->shape,
		.rate = (uint64_t)(load->rate + 0.5),
		.seed = SIM_SEED,
		.warm_up = SIM_WARM_UP,
		.attempts = SIM_ATTEMPTS,
	};
	struct rw_loss_sim_result result;
	int ret = rw_loss_sim_run(&sim, &result);

	if (!ret)
		*share_p = result.share;
	return ret;
}

int rw_loss_predict(const struct rw_loss_load *load, struct rw_loss_prediction *prediction_p)
{
	struct rw_loss_prediction prediction = { .model = "simulation" };
	int ret = 0;

	if (!is_legal(load))
		return -EINVAL;
	if (is_open(load) && load->shape.kind == RW_ARRIVAL_POISSON && !load->waits) {
		prediction.model = "Erlang B";
		prediction.share = rw_loss_erlang_b(erlangs(load), load->pool / load->mrs_per_op);
	} else if (!is_open(load) && load->think_ns > 0 && !load->fallback_ns && !load->waits) {
		prediction.model = "Engset";
		prediction.share = rw_loss_engset(load->sources, engset_load(load),
						  load->pool / load->mrs_per_op);
	} else {
		ret = simulate(load, &prediction.share);
	}
	if (!ret)
		*prediction_p = prediction;
	return ret;
}

int rw_loss_pool_for(const struct rw_loss_load *load, double target, uint32_t *pool_p)
{
	uint32_t operations;
	int ret;

	if (!is_legal(load) || !(target > 0 && target < 1))
		return -EINVAL;
	if (is_open(load))
		ret = rw_loss_erlang_b_pool(erlangs(load), target, MAX_POOL / load->mrs_per_op,
					    &operations);
	else
		ret = rw_loss_engset_pool(load->sources, engset_load(load), target, &operations);
	if (!ret)
		*pool_p = operations * load->mrs_per_op;
	return ret;
}
