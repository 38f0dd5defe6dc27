/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "rw/policy.h"

#include "util/compiler.h"

bool rw_policy_can_use_mr(const struct rw_attrs *attrs)
{
	switch (attrs->policy) {
	case RW_POLICY_DIRECT:
		return false;
	case RW_POLICY_MR:
		return true;
	case RW_POLICY_AUTO:
		break;
	}
	return attrs->iwarp || attrs->max_sgl_rd;
}

enum rw_reason rw_policy_reason(const struct rw_attrs *attrs, enum rw_op op, uint32_t nr_entries)
{
	switch (attrs->policy) {
	case RW_POLICY_DIRECT:
		return RW_REASON_DIRECT;
	case RW_POLICY_MR:
		return RW_REASON_FORCE_MR;
	case RW_POLICY_AUTO:
		break;
	}
	/* A WRITE reads local memory: no device needs that registered. */
	if (op != RW_OP_READ)
		return RW_REASON_WRITE;
	if (attrs->iwarp)
		return RW_REASON_IWARP_READ;
	if (!attrs->max_sgl_rd)
		return RW_REASON_NO_THRESHOLD;
	return nr_entries > attrs->max_sgl_rd ? RW_REASON_ABOVE : RW_REASON_WITHIN;
}

bool rw_policy_wants_mr(const struct rw_attrs *attrs, enum rw_op op, uint32_t nr_entries)
{
	switch (rw_policy_reason(attrs, op, nr_entries)) {
	case RW_REASON_FORCE_MR:
	case RW_REASON_IWARP_READ:
	case RW_REASON_ABOVE:
		return true;
	default:
		return false;
	}
}

bool rw_policy_has_fallback(const struct rw_attrs *attrs)
{
	return attrs->policy == RW_POLICY_AUTO && !attrs->iwarp && !attrs->no_fallback;
}

uint32_t rw_policy_max_sge(const struct rw_attrs *attrs, enum rw_op op)
{
	if (op == RW_OP_WRITE)
		return attrs->max_send_sge;
	return rw_min(attrs->max_send_sge, attrs->max_sge_rd);
}
