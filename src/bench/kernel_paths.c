/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Engine kernel: which paths there are, and what the device's max_sgl_rd is for each. */
#include <errno.h>
#include <stdio.h>

#include "bench/kernel.h"
#include "rw/layout.h"

static void note(struct rw_client *client, const char *text)
{
	json_array_append_new(client->facts.notes, json_string(text));
}

static int leave_out(struct rw_client *client, struct rw_conf *conf, int path, const char *why,
		     struct rw_err *err)
{
	const uint64_t bit = UINT64_C(1) << path;
	char text[256];

	if (!(conf->paths & bit))
		return 0;
	if (rw_conf_was_given(conf, "path"))
		return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
			       "--engine=kernel: there is no path %s: %s; leave it out of --path",
			       rw_conf_path_name((uint64_t)path), why);
	conf->paths &= ~bit;
	snprintf(text, sizeof(text), "path %s is left out: %s", rw_conf_path_name((uint64_t)path),
		 why);
	note(client, text);
	return 0;
}

/* Does the API decide by max_sgl_rd (rw.c: rdma_rw_io_needs_mr)? */
static bool has_threshold(const struct rw_client *client)
{
	return client->conf->op == RW_VERB_READ && !client->device.is_iwarp &&
	       !client->kernel->forces_mr;
}

/* ... and more than one segment is wanted for it to do so. */
static bool is_single(const struct rw_conf *conf, uint64_t size_bytes)
{
	struct rw_err ignored = { 0 };
	struct rw_layout layout;

	return !rw_layout_init(&layout, size_bytes, conf->sges, conf->segment_bytes, RW_AUTO,
			       &ignored) &&
	       layout.nr_segs == 1;
}

static int leave_out_paths(struct rw_client *client, struct rw_conf *conf, struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);

	if (client->kernel->forces_mr)
		return leave_out(client, conf, RW_PATH_DIRECT,
				 "ib_core.force_mr=1 lets every operation take an MR", err);
	if (conf->op == RW_VERB_WRITE)
		return leave_out(client, conf, RW_PATH_MR,
				 "a WRITE takes an MR with ib_core.force_mr=1 only", err);
	if (!has_threshold(client))
		return 0;
	if (is_single(conf, sizes[n - 1]))
		return leave_out(client, conf, RW_PATH_MR,
				 "the kernel takes an MR for a READ of more than max_sgl_rd "
				 "segments, which are 2 at least",
				 err);
	if (conf->paths & 1 << RW_PATH_MR && is_single(conf, sizes[0]))
		note(client, "path mr has no rows of a single segment: the kernel takes MRs for "
			     "more than one");
	if (conf->paths != 1 << RW_PATH_AUTO || conf->max_sgl_rd != RW_AUTO)
		note(client, "path direct sets the device's max_sgl_rd to 0, mr to 1, auto as "
			     "--max_sgl_rd or not at all: for all its users, while a row runs");
	return 0;
}

int64_t rw_kernel_max_sgl_rd(const struct rw_client *client, int path)
{
	if (!has_threshold(client))
		return -1;
	if (path == RW_PATH_AUTO)
		return client->conf->max_sgl_rd == RW_AUTO ? -1 : (int64_t)client->conf->max_sgl_rd;
	return path == RW_PATH_MR;
}

/* Will the API take an MR, as far as that is known? Of a max_sgl_rd that stays it is not. */
static bool wants_mr(const struct rw_client *client, int path, uint32_t nr_segs)
{
	if (path == RW_PATH_DIRECT)
		return false;
	if (!has_threshold(client))
		return client->kernel->forces_mr || client->conf->op == RW_VERB_READ;
	return rw_kernel_max_sgl_rd(client, path) > 0 &&
	       nr_segs > rw_kernel_max_sgl_rd(client, path);
}

/* An MR that the kernel cannot make is told before the first row, not in the middle of all. */
static int check_pages(const struct rw_client *client, const struct rw_conf *conf,
		       struct rw_err *err)
{
	uint64_t sizes[RW_MAX_SIZES];
	uint32_t n = rw_conf_sizes(conf, sizes);
	struct rw_layout layout;

	for (int path = 0; path < RW_NR_PATHS; path++) {
		for (uint32_t i = 0; i < n && conf->paths >> path & 1; i++) {
			int ret = rw_conf_kernel_layout(conf, sizes[i], &layout, err);

			if (ret)
				return ret;
			if (wants_mr(client, path, layout.nr_segs) &&
			    !rw_layout_is_whole_pages(&layout))
				return rw_fail(err, RW_EXIT_DEVICE, -EOPNOTSUPP,
					       "--engine=kernel: path %s takes MRs, and segments of %u bytes are not whole pages of %u, of which one is made; choose multiples with --segment, or leave the path out of --path",
					       rw_conf_path_name((uint64_t)path), layout.seg_bytes,
					       RW_PAGE_BYTES);
		}
	}
	return 0;
}

int rw_kernel_choose_paths(struct rw_client *client, struct rw_conf *conf, struct rw_err *err)
{
	int ret = leave_out_paths(client, conf, err);

	return ret ? ret : check_pages(client, conf, err);
}

bool rw_kernel_has_row(const struct rw_client *client, int path, uint64_t size_bytes)
{
	return path != RW_PATH_MR || !has_threshold(client) || !is_single(client->conf, size_bytes);
}
