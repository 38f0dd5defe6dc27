/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What --explain says of each rule, at its edges, for each profile. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "capture.h"
#include "explain/explain.h"
#include "program.h"

/* Not the formula of a device: it only has to arrive. */
static uint32_t count_bytes(const void *arg, const struct rw_wr *wr)
{
	return *(const uint32_t *)arg * (wr->op == RW_WR_REG ? 3 : 1);
}

static const uint32_t block = 64;

static const enum rw_policy policies[RW_NR_PATHS] = {
	[RW_PATH_DIRECT] = RW_POLICY_DIRECT,
	[RW_PATH_MR] = RW_POLICY_MR,
	[RW_PATH_AUTO] = RW_POLICY_AUTO,
};

/* Profile @profile with an engine like umr_ptr, and --sges as large as one MR. */
static void make(struct rw_explain *explain, struct rw_conf *conf, enum rw_device_profile profile)
{
	const struct rw_limits *limits = rw_limits_profile(profile);

	rw_conf_init(conf, &program);
	*explain = (struct rw_explain){
		.conf = conf,
		.limits = *limits,
		.engine = { "test", 65532, limits->is_mlx5 ? count_bytes : NULL, &block },
		.iommu.mode = RW_IOMMU_PASSTHROUGH,
		.marker_wrs = 1,
	};
	for (int path = 0; path < RW_NR_PATHS; path++)
		explain->attrs[path] = (struct rw_attrs){
			.policy = policies[path],
			.iwarp = limits->iwarp,
			.page_size = RW_PAGE_BYTES,
			.max_sgl_rd = limits->limits[RW_LIMIT_MAX_SGL_RD].value,
			.max_send_sge = limits->limits[RW_LIMIT_MAX_SEND_SGE].value,
			.max_sge_rd = limits->limits[RW_LIMIT_MAX_SGE_RD].value,
			.mr_entries = 256,
			.zero_based = true,
			.invalidate = true,
			.reg_wqes = 1,
		};
}

/* One row of @sges pages, which has to be one. */
static void plan(struct rw_explain *explain, struct rw_conf *conf, uint64_t sges,
		 enum rw_conf_path path, struct rw_explain_row *row)
{
	const struct rw_kind kind = { (enum rw_verb)conf->op, sges * RW_PAGE_BYTES, 1 };
	struct rw_err err = { 0 };

	conf->sges = sges;
	explain->attrs[path].no_fallback = conf->on_exhaustion != RW_EXHAUSTION_FALLBACK;
	if (rw_explain_row(explain, &kind, path, row, &err))
		fail_msg("%s", err.text);
}

/* clang-format off */
static const struct {
	enum rw_device_profile profile;
	enum rw_verb verb;
	enum rw_conf_path path;
	uint32_t sges;
	const char *reason;
	const char *words;
	uint32_t mrs;
	uint32_t wrs;
	uint32_t fallback_wrs;
} decisions[] = {
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_AUTO, 3, "within_threshold", "READ of 3 entries <= max_sgl_rd 3", 0, 1, 0 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_AUTO, 4, "above_threshold", "READ of 4 entries > max_sgl_rd 3: the kernel wants MRs (rdma_rw_io_needs_mr)", 1, 3, 1 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_AUTO, 30, "above_threshold", "30 entries", 1, 3, 1 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_AUTO, 31, "above_threshold", "31 entries", 1, 3, 2 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_AUTO, 256, "above_threshold", "256 entries", 1, 3, 9 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_AUTO, 257, "above_threshold", "257 entries", 2, 6, 9 },
	{ RW_PROFILE_MLX5, RW_VERB_WRITE, RW_PATH_AUTO, 256, "write", "a WRITE never needs an MR unless force_mr", 0, 9, 0 },
	{ RW_PROFILE_MLX5, RW_VERB_WRITE, RW_PATH_MR, 256, "force_mr", "ib_core.force_mr", 1, 3, 9 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_MR, 1, "force_mr", "ib_core.force_mr", 1, 3, 1 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_DIRECT, 30, "path_direct", "never an MR", 0, 1, 0 },
	{ RW_PROFILE_MLX5, RW_VERB_READ, RW_PATH_DIRECT, 31, "path_direct", "never an MR", 0, 2, 0 },
	{ RW_PROFILE_RXE, RW_VERB_READ, RW_PATH_AUTO, 256, "no_threshold", "max_sgl_rd 0, and not iWARP", 0, 8, 0 },
	{ RW_PROFILE_RXE, RW_VERB_READ, RW_PATH_DIRECT, 32, "path_direct", "never", 0, 1, 0 },
	{ RW_PROFILE_RXE, RW_VERB_READ, RW_PATH_DIRECT, 33, "path_direct", "never", 0, 2, 0 },
	{ RW_PROFILE_SIW, RW_VERB_READ, RW_PATH_AUTO, 1, "iwarp_read", "iWARP: a READ sink must be in an MR", 1, 2, 1 },
	{ RW_PROFILE_SIW, RW_VERB_READ, RW_PATH_AUTO, 257, "iwarp_read", "iWARP", 2, 4, 257 },
	{ RW_PROFILE_SIW, RW_VERB_WRITE, RW_PATH_AUTO, 7, "write", "a WRITE never needs an MR", 0, 2, 0 },
	{ RW_PROFILE_IRDMA, RW_VERB_READ, RW_PATH_AUTO, 256, "no_threshold", "max_sgl_rd 0", 0, 20, 0 },
	{ RW_PROFILE_IRDMA, RW_VERB_READ, RW_PATH_AUTO, 13, "no_threshold", "max_sgl_rd 0", 0, 1, 0 },
};
/* clang-format on */

static void test_decisions(void **state)
{
	for (size_t i = 0; i < RW_ARRAY_SIZE(decisions); i++) {
		char text[RW_EXPLAIN_TEXT];
		struct rw_explain explain;
		struct rw_explain_row row;
		struct rw_conf conf;

		make(&explain, &conf, decisions[i].profile);
		conf.op = decisions[i].verb;
		plan(&explain, &conf, decisions[i].sges, decisions[i].path, &row);
		assert_string_equal(rw_explain_reason_name(row.reason), decisions[i].reason);
		if (!strstr(rw_explain_reason_text(&row, text), decisions[i].words))
			fail_msg("'%s' lacks '%s'", text, decisions[i].words);
		assert_int_equal(row.nr_mrs, decisions[i].mrs);
		assert_int_equal(row.wants_mr, decisions[i].mrs > 0);
		assert_int_equal(row.chain.nr_wrs, decisions[i].wrs);
		assert_int_equal(row.fallback.nr_wrs, decisions[i].fallback_wrs);
		assert_int_equal(row.exhausted, row.wants_mr ? RW_EXHAUSTED_FALLBACK :
							       RW_EXHAUSTED_NEVER);
		rw_explain_row_release(&row);
	}
}

static void test_limits_in_words(void **state)
{
	static const struct {
		enum rw_device_profile profile;
		enum rw_verb verb;
		const char *words;
	} rows[] = {
		{ RW_PROFILE_MLX5, RW_VERB_READ, "30 at most in a direct READ, by max_send_sge and max_sge_rd" },
		{ RW_PROFILE_MLX5, RW_VERB_WRITE, "30 at most in a direct WRITE, by max_send_sge" },
		{ RW_PROFILE_SIW, RW_VERB_READ, "1 at most in a direct READ, by max_sge_rd" },
		{ RW_PROFILE_SIW, RW_VERB_WRITE, "6 at most in a direct WRITE, by max_send_sge" },
		{ RW_PROFILE_IRDMA, RW_VERB_READ, "13 at most" },
		{ RW_PROFILE_RXE, RW_VERB_READ, "32 at most" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		char text[RW_EXPLAIN_TEXT];
		struct rw_explain explain;
		struct rw_explain_row row;
		struct rw_conf conf;

		make(&explain, &conf, rows[i].profile);
		conf.op = rows[i].verb;
		plan(&explain, &conf, 40, RW_PATH_DIRECT, &row);
		if (strncmp(rw_explain_sge_text(&row, text), rows[i].words, strlen(rows[i].words)))
			fail_msg("'%s' is not '%s'", text, rows[i].words);
		rw_explain_row_release(&row);
	}
}

static void test_mr_entries(void **state)
{
	static const struct {
		uint64_t asked; /* --mr_entries */
		uint32_t most;  /* of the engine */
		uint32_t entries;
		uint32_t sges;
		uint32_t mrs;
		const char *words;
	} rows[] = {
		{ RW_AUTO, 52, 52, 52, 1, "the most of engine test" },
		{ RW_AUTO, 52, 52, 53, 2, "the most of engine test" },
		{ RW_AUTO, 65532, 256, 512, 2, "as the kernel's at most" },
		{ RW_AUTO, 65532, 16, 16, 1, "all of the largest operation" },
		{ 64, 65532, 64, 64, 1, "by --mr_entries" },
		{ 64, 65532, 64, 65, 2, "by --mr_entries" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		char text[RW_EXPLAIN_TEXT];
		struct rw_explain explain;
		struct rw_explain_row row;
		struct rw_conf conf;

		make(&explain, &conf, RW_PROFILE_MLX5);
		conf.mr_entries = rows[i].asked;
		explain.engine.max_entries = rows[i].most;
		explain.attrs[RW_PATH_AUTO].mr_entries = rows[i].entries;
		plan(&explain, &conf, rows[i].sges, RW_PATH_AUTO, &row);
		assert_int_equal(row.nr_mrs, rows[i].mrs);
		assert_int_equal(row.chain.nr_wrs, 3 * rows[i].mrs);
		if (!strstr(rw_explain_entries_text(&explain, &row, text), rows[i].words))
			fail_msg("'%s' lacks '%s'", text, rows[i].words);
		rw_explain_row_release(&row);
	}
}

/* The kernel's fallback and the loop's are told apart. */
static void test_exhaustion(void **state)
{
	static const struct {
		enum rw_device_profile profile;
		enum rw_conf_path path;
		enum rw_on_exhaustion policy;
		enum rw_explain_exhausted exhausted;
		bool kernel_falls_back;
		const char *words;
	} rows[] = {
		{ RW_PROFILE_MLX5, RW_PATH_AUTO, RW_EXHAUSTION_FALLBACK, RW_EXHAUSTED_FALLBACK, true, "posted directly in 2 WRs; the kernel posts it directly since commit 00da250c21b0" },
		{ RW_PROFILE_MLX5, RW_PATH_AUTO, RW_EXHAUSTION_FAIL, RW_EXHAUSTED_FAIL, true, "dropped and counted; the kernel posts" },
		{ RW_PROFILE_MLX5, RW_PATH_AUTO, RW_EXHAUSTION_WAIT, RW_EXHAUSTED_WAIT, true, "waits" },
		{ RW_PROFILE_MLX5, RW_PATH_MR, RW_EXHAUSTION_FALLBACK, RW_EXHAUSTED_FALLBACK, false, "final under force_mr" },
		{ RW_PROFILE_MLX5, RW_PATH_MR, RW_EXHAUSTION_WAIT, RW_EXHAUSTED_WAIT, false, "final under force_mr" },
		{ RW_PROFILE_SIW, RW_PATH_AUTO, RW_EXHAUSTION_FALLBACK, RW_EXHAUSTED_FALLBACK, false, "final on iWARP" },
		{ RW_PROFILE_SIW, RW_PATH_AUTO, RW_EXHAUSTION_FAIL, RW_EXHAUSTED_FAIL, false, "final on iWARP" },
		{ RW_PROFILE_RXE, RW_PATH_AUTO, RW_EXHAUSTION_FAIL, RW_EXHAUSTED_NEVER, false, "cannot happen" },
		{ RW_PROFILE_MLX5, RW_PATH_DIRECT, RW_EXHAUSTION_WAIT, RW_EXHAUSTED_NEVER, false, "cannot happen" },
	};

	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		char text[RW_EXPLAIN_TEXT];
		struct rw_explain explain;
		struct rw_explain_row row;
		struct rw_conf conf;

		make(&explain, &conf, rows[i].profile);
		conf.on_exhaustion = rows[i].policy;
		plan(&explain, &conf, 31, rows[i].path, &row);
		assert_int_equal(row.exhausted, rows[i].exhausted);
		assert_int_equal(row.kernel_falls_back, rows[i].kernel_falls_back);
		assert_int_equal(row.fallback.nr_lines > 0,
				 row.exhausted == RW_EXHAUSTED_FALLBACK);
		if (!strstr(rw_explain_exhausted_text(&explain, &row, text), rows[i].words))
			fail_msg("'%s' lacks '%s'", text, rows[i].words);
		rw_explain_row_release(&row);
	}
}

/* 1 MiB READ on mlx5: FACTS that the suite exists for. */
static void test_budget(void **state)
{
	struct rw_explain explain;
	struct rw_explain_row row;
	struct rw_conf conf;

	make(&explain, &conf, RW_PROFILE_MLX5);
	conf.mr_pool = 64;
	conf.qps = 2;
	plan(&explain, &conf, 256, RW_PATH_AUTO, &row);
	assert_int_equal(row.first_wrs, 2);
	assert_int_equal(row.chain.nr_reads, 1);
	assert_int_equal(row.fallback.nr_reads, 9);
	assert_int_equal(row.chain.wqe_bytes, 5 * 64);
	assert_int_equal(row.budget.longest, 9);
	assert_int_equal(row.budget.sq_full, 9 * 128 + 1);
	assert_int_equal(row.budget.kernel_per_context, 3);
	assert_int_equal(row.budget.sq_kernel, 384);
	assert_int_equal(row.budget.fits_kernel, 42);
	assert_int_equal(row.budget.cqes, 2 * 128);
	assert_int_equal(row.budget.cqes_error, 2 * (9 * 128 + 1));
	assert_int_equal(row.budget.mrs_needed, 128);
	assert_int_equal(row.budget.mr_pool, 64);
	assert_int_equal(row.budget.mr_factor, 1);
	assert_int_equal(row.budget.kernel_entries, 256);
	assert_int_equal(row.budget.rd_atom, 16);
	assert_int_equal(row.budget.buffer_bytes, UINT64_C(2) * 128 * (2 * 256 - 1) * 4096);
	assert_int_equal(row.budget.sq_bytes, 128 * 9 * 64);
	rw_explain_row_release(&row);

	/* One pool of both QPs; a send queue as the kernel's. */
	conf.pool_scope = RW_POOL_SCOPE_THREAD;
	conf.mr_pool = RW_AUTO;
	conf.sq = RW_SQ_KERNEL;
	plan(&explain, &conf, 256, RW_PATH_AUTO, &row);
	assert_int_equal(row.budget.mrs_needed, 256);
	assert_int_equal(row.budget.mr_pool, 256);
	assert_int_equal(row.budget.sq_run, 384 + 1);
	assert_int_equal(row.budget.cqes_error, 2 * (384 + 1));
	rw_explain_row_release(&row);
	conf.sq = RW_SQ_FULL;

	/* Limits cut: the queue at max_qp_wr, READs at --outs. */
	conf.contexts = 4096;
	conf.outs = 4;
	plan(&explain, &conf, 256, RW_PATH_AUTO, &row);
	assert_int_equal(row.budget.sq_full, 8192);
	assert_int_equal(row.budget.sq_kernel, 8192);
	assert_int_equal(row.budget.rd_atom, 4);
	rw_explain_row_release(&row);
	conf.outs = 17;
	plan(&explain, &conf, 257, RW_PATH_AUTO, &row);
	assert_int_equal(row.budget.rd_atom, 16);
	assert_int_equal(row.budget.mr_factor, 2);
	rw_explain_row_release(&row);

	/* The kernel has no path direct: it reckons with its rule. */
	plan(&explain, &conf, 256, RW_PATH_DIRECT, &row);
	assert_int_equal(row.budget.kernel_per_context, 3);
	assert_int_equal(row.budget.mr_pool, 0);
	rw_explain_row_release(&row);
	make(&explain, &conf, RW_PROFILE_IRDMA);
	plan(&explain, &conf, 256, RW_PATH_DIRECT, &row);
	assert_int_equal(row.budget.kernel_per_context, 1);
	assert_int_equal(row.budget.mr_factor, 20);
	assert_int_equal(row.budget.rd_atom, 0);
	rw_explain_row_release(&row);
}

static void test_chain_lines(void **state)
{
	struct rw_explain explain;
	struct rw_explain_row row;
	struct rw_conf conf;

	/* lazy: the key of the last use dies first; MRs in the operation's order */
	make(&explain, &conf, RW_PROFILE_MLX5);
	plan(&explain, &conf, 300, RW_PATH_AUTO, &row);
	assert_int_equal(row.chain.nr_lines, 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(row.chain.wrs[i].mr, i / 3);
		assert_true(row.chain.wrs[i].through_mr && row.chain.wrs[i].is_posted);
		assert_int_equal(row.chain.wrs[i].signaled, i == 5);
	}
	assert_int_equal(row.chain.wrs[0].op, RW_WR_LOCAL_INV);
	assert_int_equal(row.chain.wrs[1].op, RW_WR_REG);
	assert_int_equal(row.chain.wrs[1].nr_segs, 256);
	assert_int_equal(row.chain.wrs[4].nr_segs, 44);
	assert_int_equal(row.chain.wrs[5].length, 44 * 4096);
	assert_int_equal(row.chain.wrs[5].nr_sge, 1);
	rw_explain_row_release(&row);

	/* fenced: its own key dies at once */
	explain.attrs[RW_PATH_AUTO].fenced_inval = true;
	plan(&explain, &conf, 256, RW_PATH_AUTO, &row);
	assert_int_equal(row.chain.nr_lines, 3);
	assert_int_equal(row.first_wrs, 3);
	assert_int_equal(row.chain.wrs[2].op, RW_WR_LOCAL_INV);
	assert_true(row.chain.wrs[2].fence && row.chain.wrs[2].signaled);
	rw_explain_row_release(&row);

	/* a registration by system call is a line, but no WR */
	explain.attrs[RW_PATH_AUTO].fenced_inval = false;
	explain.attrs[RW_PATH_AUTO].invalidate = false;
	explain.attrs[RW_PATH_AUTO].reg_wqes = 0;
	plan(&explain, &conf, 256, RW_PATH_AUTO, &row);
	assert_int_equal(row.chain.nr_lines, 2);
	assert_int_equal(row.chain.nr_wrs, 1);
	assert_int_equal(row.first_wrs, 1);
	assert_false(row.chain.wrs[0].is_posted);
	assert_int_equal(row.chain.wqe_bytes, 64);
	rw_explain_row_release(&row);
}

static void test_iommu_words(void **state)
{
	static const struct {
		struct rw_iommu iommu;
		const char *words;
	} rows[] = {
		{ { .mode = RW_IOMMU_NONE }, "nothing coalesces" },
		{ { .mode = RW_IOMMU_PASSTHROUGH, .type = "identity" }, "256 entries" },
		{ { .mode = RW_IOMMU_TRANSLATED, .type = "DMA-FQ" }, "(DMA-FQ): the kernel may coalesce" },
		{ { .mode = RW_IOMMU_MIXED, .groups = 9, .passthrough = 7, .translated = 2 }, "of 9 groups 7 are passthrough and 2 translated" },
		{ { .mode = RW_IOMMU_UNKNOWN, .type = "unmanaged" }, "not known, type unmanaged" },
	};
	char text[RW_EXPLAIN_TEXT];
	struct rw_explain explain;
	struct rw_conf conf;

	make(&explain, &conf, RW_PROFILE_MLX5);
	for (size_t i = 0; i < RW_ARRAY_SIZE(rows); i++) {
		explain.iommu = rows[i].iommu;
		explain.has_device = i & 1;
		if (!strstr(rw_explain_iommu_text(&explain, text), rows[i].words))
			fail_msg("'%s' lacks '%s'", text, rows[i].words);
		assert_int_equal(!strncmp(text, "mlx5:", 5), explain.has_device);
	}
}

static const char golden[] =
	"\n READ of 124K bytes in 31 segments of 4096 bytes, path auto, engine test\n"
	"   Decision      : MR: READ of 31 entries > max_sgl_rd 3: the kernel wants MRs (rdma_rw_io_needs_mr)\n"
	"   MRs taken     : 1: 256 entries an MR, as the kernel's at most (rdma_rw_fr_page_list_len)\n"
	"   SGEs          : 30 at most in a direct READ, by max_send_sge and max_sge_rd\n"
	"   Chain         : 3 WRs, 1 outstanding READ, 320 WQE bytes (2 WRs while its MRs are new)\n"
	"     WR        op                 SGEs  bytes      WQE bytes signaled fence  key\n"
	"     1         LOCAL_INV          -     -          64        no       no     MR 0: its key so far, dies\n"
	"     2         REG_MR             -     126976     192       no       no     MR 0: its key, made valid\n"
	"     3         RDMA_READ          1     126976     64        yes      no     MR 0: under its key\n"
	"   If pool empty : posted directly in 2 WRs; the kernel posts it directly since commit 00da250c21b0\n"
	"   Fallback      : 2 WRs, 2 outstanding READs, 128 WQE bytes\n"
	"     WR        op                 SGEs  bytes      WQE bytes signaled fence  key\n"
	"     1         RDMA_READ          30    122880     64        no       no     of the buffer\n"
	"     2         RDMA_READ          1     4096       64        yes      no     of the buffer\n"
	"   Send queue    : 385 WRs hold the longest chain (3) of every context\n"
	"                   the kernel makes 384 WRs, 3 a context: 128 such operations fill it\n"
	"   CQ entries    : 128 for operations in flight, 385 when all WRs fail (all QPs)\n"
	"   READ slots    : 1, or 2 in a fallback, of the 16 of a QP (max_qp_rd_atom)\n"
	"   Kernel's pool : mr_factor 1 for this size, MRs of up to 256 pages (rdma_rw_mr_factor)\n"
	"   Pool          : 64 MRs in the pool, 128 needed: it runs empty\n"
	"   Memory        : 30.5 MiB of buffers, 40.0 KiB of WQEs a QP\n";

static void test_printed(void **state)
{
	struct capture capture;
	struct rw_explain explain;
	struct rw_explain_row row;
	struct rw_conf conf;
	char text[8192];

	make(&explain, &conf, RW_PROFILE_MLX5);
	conf.mr_pool = 64;
	plan(&explain, &conf, 31, RW_PATH_AUTO, &row);
	capture_begin(&capture);
	rw_explain_print_row(&explain, &row);
	assert_string_equal(capture_end(&capture, text, sizeof(text)), golden);
	rw_explain_row_release(&row);

	/* A fallback of 10 WRs, of 9 WRs, and 3 contexts of 3. */
	conf.sq = RW_SQ_KERNEL;
	conf.contexts = 3;
	plan(&explain, &conf, 271, RW_PATH_AUTO, &row);
	capture_begin(&capture);
	rw_explain_print_row(&explain, &row);
	assert_non_null(strstr(capture_end(&capture, text, sizeof(text)), "does not fit"));
	rw_explain_row_release(&row);
	plan(&explain, &conf, 270, RW_PATH_AUTO, &row);
	capture_begin(&capture);
	rw_explain_print_row(&explain, &row);
	assert_null(strstr(capture_end(&capture, text, sizeof(text)), "does not fit"));
	rw_explain_row_release(&row);

	/* WRs that are alike share a line. */
	plan(&explain, &conf, 256, RW_PATH_DIRECT, &row);
	capture_begin(&capture);
	rw_explain_print_row(&explain, &row);
	capture_end(&capture, text, sizeof(text));
	assert_non_null(strstr(text, "     1-8       RDMA_READ          30 "));
	assert_non_null(strstr(text, "     9         RDMA_READ          16 "));
	rw_explain_row_release(&row);
}

/* What cannot be planned is refused, not told. */
static void test_refused(void **state)
{
	const struct rw_kind kind = { RW_VERB_READ, 4096, 1 };
	struct rw_err err = { 0 };
	struct rw_explain explain;
	struct rw_explain_row row;
	struct rw_conf conf;

	make(&explain, &conf, RW_PROFILE_MLX5);
	explain.attrs[RW_PATH_AUTO].max_send_sge = 0;
	assert_int_equal(rw_explain_row(&explain, &kind, RW_PATH_AUTO, &row, &err), -EINVAL);
	assert_told(&err, RW_EXIT_RUN, -EINVAL, "cannot plan");
	rw_err_clear(&err);
	conf.sges = 5000;
	assert_int_equal(rw_explain_row(&explain, &kind, RW_PATH_AUTO, &row, &err), -EINVAL);
	assert_told(&err, RW_EXIT_USAGE, -EINVAL, "--sges");
}

static void test_json(void **state)
{
	struct rw_explain explain;
	struct rw_explain_row row;
	struct rw_conf conf;
	const char *reason;
	json_int_t threshold, wrs, fallback, sges, atom;
	json_t *head, *json;

	make(&explain, &conf, RW_PROFILE_MLX5);
	plan(&explain, &conf, 256, RW_PATH_AUTO, &row);
	head = rw_explain_head_json(&explain);
	json = rw_explain_row_json(&explain, &row);
	assert_int_equal(json_unpack(head, "{s:{s:{s:I}}, s:{s:s}, s:[]}", "limits", "max_sgl_rd",
				     "value", &threshold, "iommu", "mode", &reason, "rows"),
			 0);
	assert_int_equal(threshold, 3);
	assert_string_equal(reason, "passthrough");
	assert_int_equal(json_unpack(json, "{s:{s:s}, s:{s:I}, s:{s:I, s:[{s:I}]}, s:{s:I}}",
				     "reason", "id", &reason, "chain", "nr_wrs", &wrs, "fallback",
				     "nr_wrs", &fallback, "wrs", "sges", &sges, "budgets",
				     "max_rd_atom", &atom),
			 0);
	assert_string_equal(reason, "above_threshold");
	assert_int_equal(wrs, 3);
	assert_int_equal(fallback, 9);
	assert_int_equal(sges, 30);
	assert_int_equal(atom, 16);
	json_decref(head);
	json_decref(json);
	rw_explain_row_release(&row);
}

/* 4 Erlang on 20 MRs, two at a time: B(10, 4) = 0.0053. */
static void test_loss(void **state)
{
	const struct rw_kind kind = { RW_VERB_READ, 2 << 20, 1 };
	struct rw_explain_row row;
	struct rw_explain explain;
	struct rw_err err = { 0 };
	struct rw_conf conf;

	make(&explain, &conf, RW_PROFILE_MLX5);
	conf.sges = 512;
	conf.size_bytes = 2 << 20;
	conf.rate = 2000;
	conf.hold_ns = 2000000;
	conf.mr_pool = 20;
	strcpy(conf.pool_target, "1e-3");
	assert_int_equal(rw_explain_row(&explain, &kind, RW_PATH_MR, &row, &err), 0);
	assert_int_equal(row.nr_mrs, 2);
	assert_string_equal(row.loss.prediction.model, "Erlang B");
	assert_true(row.loss.erlangs > 3.99 && row.loss.erlangs < 4.01);
	assert_true(row.loss.prediction.share > 0.00525 && row.loss.prediction.share < 0.00535);
	assert_int_equal(row.loss.pool_wanted, 24); /* B(12, 4) = 0.00064, B(11, 4) = 0.0019 */
	rw_explain_row_release(&row);
	/* on two QPs each pool has half of the load */
	conf.qps = 2;
	assert_int_equal(rw_explain_row(&explain, &kind, RW_PATH_MR, &row, &err), 0);
	assert_true(row.loss.erlangs > 1.99 && row.loss.erlangs < 2.01);
	rw_explain_row_release(&row);
	/* in a mix the kinds share rate and pool */
	strcpy(conf.mix, "read:70");
	assert_int_equal(rw_explain_row(&explain, &kind, RW_PATH_MR, &row, &err), 0);
	assert_null(row.loss.prediction.model);
	rw_explain_row_release(&row);
	*conf.mix = '\0';
	/* a path that takes no MR has no pool to run empty */
	assert_int_equal(rw_explain_row(&explain, &kind, RW_PATH_DIRECT, &row, &err), 0);
	assert_null(row.loss.prediction.model);
	rw_explain_row_release(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_limits_in_words),
		cmocka_unit_test(test_mr_entries),
		cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_chain_lines),
		cmocka_unit_test(test_iommu_words),
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
