/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/sizing.h"

#include "rw/policy.h"
#include "util/compiler.h"

uint32_t rw_sizing_mr_entries(uint32_t max_fast_reg_page_list_len)
{
	return rw_min(max_fast_reg_page_list_len, RW_SIZING_MAX_MR_ENTRIES);
}

uint32_t rw_sizing_max_send_wr(const struct rw_attrs *attrs, uint32_t contexts)
{
	uint64_t factor = rw_policy_can_use_mr(attrs) ? 3 : 1;

	return (uint32_t)rw_min(factor * contexts, UINT32_MAX);
}

uint32_t rw_sizing_qp_send_wr(const struct rw_attrs *attrs, uint32_t base_send_wr,
			      uint32_t contexts, uint32_t max_qp_wr)
{
	uint64_t wanted = (uint64_t)base_send_wr + rw_sizing_max_send_wr(attrs, contexts);

	return (uint32_t)rw_min(wanted, max_qp_wr);
}

uint32_t rw_sizing_mr_factor(const struct rw_attrs *attrs, uint32_t max_pages)
{
	uint32_t pages = rw_policy_can_use_mr(attrs) ? attrs->mr_entries : attrs->max_sge_rd;

	pages = rw_max(pages, 1U);
	return max_pages / pages + !!(max_pages % pages);
}
