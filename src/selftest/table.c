/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The assumptions, one row each. */
#include "selftest/check.h"
#include "util/compiler.h"

#define ARRIVES "every byte right, none beside"

/* clang-format off */
const struct rw_check rw_checks[] = {
	{ RW_CHECK_DIRECT, RW_OP_READ, "READ of 1 SGE to the limit",
	  ARRIVES, rw_check_counts },
	{ RW_CHECK_DIRECT, RW_OP_WRITE, "WRITE of 1 SGE to the limit",
	  ARRIVES, rw_check_counts },
	{ RW_CHECK_DIRECT, RW_OP_READ, "READ, unaligned SGEs of odd lengths",
	  ARRIVES, rw_check_uneven },
	{ RW_CHECK_DIRECT, RW_OP_WRITE, "WRITE, unaligned SGEs of odd lengths",
	  ARRIVES, rw_check_uneven },
	{ RW_CHECK_DIRECT, RW_OP_READ, "READ of 1 to 64 bytes",
	  ARRIVES, rw_check_small },
	{ RW_CHECK_DIRECT, RW_OP_READ, "READ by several WRs",
	  ARRIVES, rw_check_several },
	{ RW_CHECK_DIRECT, RW_OP_WRITE, "WRITE by several WRs",
	  ARRIVES, rw_check_several },
	{ RW_CHECK_DIRECT, RW_OP_READ, "READ of one SGE more than the limit",
	  "posting fails, the batch is dropped", rw_check_sge_limit },
	{ RW_CHECK_DIRECT, RW_OP_WRITE, "WRITE of one SGE more than the limit",
	  "posting fails, the batch is dropped", rw_check_sge_limit },

	{ RW_CHECK_ENGINE, RW_OP_READ, "READ through an MR, 1 segment to the limit",
	  ARRIVES, rw_check_counts },
	{ RW_CHECK_ENGINE, RW_OP_WRITE, "WRITE through an MR, 1 segment to the limit",
	  ARRIVES, rw_check_counts },
	{ RW_CHECK_ENGINE, RW_OP_READ, "READ, segments with gaps, odd lengths",
	  ARRIVES, rw_check_uneven },
	{ RW_CHECK_ENGINE, RW_OP_WRITE, "WRITE, segments with gaps, odd lengths",
	  ARRIVES, rw_check_uneven },
	{ RW_CHECK_ENGINE, RW_OP_READ, "READ of 1 to 64 bytes through an MR",
	  ARRIVES, rw_check_small },
	{ RW_CHECK_ENGINE, RW_OP_READ, "READ by several MRs",
	  ARRIVES, rw_check_several },
	{ RW_CHECK_ENGINE, RW_OP_WRITE, "WRITE by several MRs",
	  ARRIVES, rw_check_several },
	{ RW_CHECK_INLINE, RW_OP_READ, "one segment more than the QP was granted",
	  "ENOMEM, the batch is dropped", rw_check_inline_limit },
	{ RW_CHECK_POINTER, RW_OP_READ, "a longer list than the mkey was made for",
	  "the UMR completes with an error", rw_check_list_limit },
	{ RW_CHECK_PAGES, RW_OP_READ, "parts of pages; more than 65536 segments",
	  "refused before posting", rw_check_page_limit },
	{ RW_CHECK_ENGINE, RW_OP_READ, "READ, one MR registered again and again",
	  ARRIVES, rw_check_reuse },
	{ RW_CHECK_ENGINE, RW_OP_WRITE, "WRITE, one MR registered again and again",
	  ARRIVES, rw_check_reuse },
	{ RW_CHECK_KEYS, RW_OP_READ, "READ, MR registered again, no LOCAL_INV",
	  ARRIVES, rw_check_replace },
	{ RW_CHECK_KEYS, RW_OP_WRITE, "WRITE, MR registered again, no LOCAL_INV",
	  ARRIVES, rw_check_replace },
	{ RW_CHECK_KEYS, RW_OP_READ, "UMR, READ, fenced LOCAL_INV, ... in a batch",
	  ARRIVES, rw_check_batch },
	{ RW_CHECK_ENGINE, RW_OP_READ, "READ through an invalidated key",
	  "local protection error, no byte moved", rw_check_dead_key },
	{ RW_CHECK_ENGINE, RW_OP_READ, "READ of one byte more than the MR has",
	  "local protection error, none beside", rw_check_beyond },
	{ RW_CHECK_KEYS, RW_OP_READ, "low 8 bits of an mkey are 0, others no key",
	  "local protection error, no byte moved", rw_check_low_bits },
};
/* clang-format on */

const uint32_t rw_nr_checks = RW_ARRAY_SIZE(rw_checks);
