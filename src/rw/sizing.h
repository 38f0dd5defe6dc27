/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* How large the kernel makes what its R/W API needs. */
#ifndef RW_RW_SIZING_H
#define RW_RW_SIZING_H

#include <stdint.h>

#include "rw/ctx.h"

/*
 * Pages of one MR on a device that can take @max_fast_reg_page_list_len: the
 * kernel uses no more than 256. rdma_rw_fr_page_list_len.
 */
#define RW_SIZING_MAX_MR_ENTRIES 256
uint32_t rw_sizing_mr_entries(uint32_t max_fast_reg_page_list_len);

/*
 * Send WRs for @contexts operations: one each, or three where MRs are possible
 * (LOCAL_INV, registration, READ or WRITE). Saturates at UINT32_MAX. It leaves
 * out what a fallback posts. rdma_rw_max_send_wr.
 */
uint32_t rw_sizing_max_send_wr(const struct rw_attrs *attrs, uint32_t contexts);

/*
 * max_send_wr of a QP that has @base_send_wr of its own and room for @contexts
 * operations, on a device with @max_qp_wr. rdma_rw_init_qp.
 */
uint32_t rw_sizing_qp_send_wr(const struct rw_attrs *attrs, uint32_t base_send_wr,
			      uint32_t contexts, uint32_t max_qp_wr);

/*
 * MRs, or direct READs, that move @max_pages pages. A limit of 0 counts as 1.
 * rdma_rw_mr_factor.
 */
uint32_t rw_sizing_mr_factor(const struct rw_attrs *attrs, uint32_t max_pages);

#endif
