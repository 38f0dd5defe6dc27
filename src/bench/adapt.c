/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a device forbids is taken out of the configuration, or refused. */
#include <errno.h>
#include <stdio.h>

#include "bench/session.h"

static void note(json_t *notes, const char *text)
{
	json_array_append_new(notes, json_string(text));
}

/* Leave all but path direct out of the default list, or refuse what was asked for. */
static int keep_direct(struct rw_conf *conf, const struct rw_device *device, const char *option,
		       const char *why, json_t *notes, struct rw_err *err)
{
	const uint64_t direct = UINT64_C(1) << RW_PATH_DIRECT;
	char text[256];

	if (device->is_iwarp && rw_conf_has_op(conf, RW_VERB_READ))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "%s: %s, and %s is iWARP, whose READs have no other path; give --op=write, or leave it out",
			       option, why, rw_device_name(device));
	if (conf->paths == direct)
		return 0;
	if (rw_conf_was_given(conf, "path"))
		return rw_fail(err, RW_EXIT_USAGE, -EOPNOTSUPP, "%s: %s; give --path=direct",
			       option, why);
	conf->paths = direct;
	snprintf(text, sizeof(text), "paths mr and auto are left out by %s: %s", option, why);
	note(notes, text);
	return 0;
}

static int adapt_memory(struct rw_conf *conf, const struct rw_device *device, json_t *notes,
			struct rw_err *err)
{
	int ret = 0;

	if (conf->odp.given)
		ret = keep_direct(conf, device, "--odp",
				  "that an MR of a list may point to memory on demand no device has proved",
				  notes, err);
	if (ret || !conf->use_null_mr)
		return ret;
	return keep_direct(conf, device, "--use-null-mr",
			   "an MR is a list of real memory, and a null MR has none", notes, err);
}

int rw_session_adapt(struct rw_conf *conf, const struct rw_device *device, json_t *notes,
		     struct rw_err *err)
{
	int ret = adapt_memory(conf, device, notes, err);
	bool in_kernel = rw_conf_uses_kernel(conf);

	/* The kernel's work items run where they like, and tell of no windows. */
	if (in_kernel)
		conf->rdma_cm = conf->no_pin = conf->no_peak = true;
	if (ret || !device->is_iwarp)
		return ret;
	if (!conf->rdma_cm)
		note(notes, "iWARP is connected by rdma_cm only: -R is implied");
	conf->rdma_cm = true;
	if (conf->teardown && device->class == RW_DEVICE_SIW && !in_kernel)
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--teardown: %s is Soft-iWARP, which does not give back what is posted to a QP in the error state; leave it out",
			       rw_device_name(device));
	if (!rw_conf_has_op(conf, RW_VERB_READ))
		return 0;
	if (conf->paths & 1 << RW_PATH_DIRECT && rw_conf_was_given(conf, "path"))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "%s is iWARP: a READ needs its local memory in an MR with remote write access, so there is no path direct; leave it out of --path, or give --op=write",
			       rw_device_name(device));
	if (conf->paths & 1 << RW_PATH_DIRECT)
		note(notes, "path direct is left out: an iWARP READ needs its local memory in an MR with remote write access");
	conf->paths &= ~(UINT64_C(1) << RW_PATH_DIRECT);
	if (conf->on_exhaustion != RW_EXHAUSTION_FALLBACK)
		return 0;
	conf->on_exhaustion = RW_EXHAUSTION_FAIL;
	if (conf->mr_pool != RW_AUTO || rw_conf_was_given(conf, "on_exhaustion"))
		note(notes, "an iWARP READ has no direct path to fall back to: one that finds the pool empty is dropped (-EAGAIN, as in the kernel)");
	return 0;
}
