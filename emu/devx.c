/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Commands in the firmware's own format, which pass through DEVX: capability
 * queries and memory keys for UMR. And doorbell pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rdma/mlx5_user_ioctl_cmds.h>

#include "emu/fault.h"
#include "emu/log.h"
#include "emu/prm.h"
#include "emu/uverbs.h"

/* Answer @out with a status; the kernel then says EREMOTEIO. */
static int refuse(uint8_t *out, size_t len, uint8_t status)
{
	if (len)
		out[0] = status;
	return -EREMOTEIO;
}

/*
 * Fields of the general capabilities, by bit offset: what libmlx5 and tools
 * read of them. Bits that are not here answer 0: "cannot".
 */
static void fill_general_caps(uint8_t *cap)
{
	static const struct {
		uint16_t bit, len;
		uint32_t value;
	} fixed[] = {
		{ 0x09b, 5, 13 },   /* log_max_qp */
		{ 0x0c8, 8, 22 },   /* log_max_cq_sz */
		{ 0x0db, 5, 24 },   /* log_max_cq */
		{ 0x0ea, 6, 18 },   /* log_max_mkey */
		{ 0x1b8, 8, 1 },    /* num_ports */
		{ 0x1c3, 5, 30 },   /* log_max_msg */
		{ 0x1fc, 4, 1 },    /* cqe_version */
		/* Assumption: the device wants a small fence behind a UMR, as
		 * umr_fence 1 says (0 strong, 2 none). */
		{ 0x20a, 2, 1 },    /* umr_fence */
		{ 0x230, 1, 1 },    /* umr_ptr_rlkey */
		{ 0x23f, 1, 1 },    /* rc */
		{ 0x26b, 5, 9 },    /* log_bf_reg_size */
		{ 0x2b0, 16, 512 }, /* max_wqe_sz_rq */
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		prm_set(cap, fixed[i].bit, fixed[i].len, fixed[i].value);
	prm_set(cap, 0x088, 8, 63 - (unsigned int)__builtin_clzll(emu.set.max_qp_wr));
	prm_set(cap, 0x0c0, 8, emu.set.max_sgl_rd); /* max_sgl_for_optimized_performance */
	prm_set(cap, 0x0e8, 1, emu.set.relaxed_ordering); /* relaxed_ordering_write */
	prm_set(cap, 0x0e9, 1, emu.set.relaxed_ordering); /* relaxed_ordering_read */
	prm_set(cap, 0x11a, 6, 63 - (unsigned int)__builtin_clzll(emu.set.max_klms));
	prm_set(cap, 0x14a, 6, 63 - (unsigned int)__builtin_clzll(emu.set.max_qp_rd_atom));
	prm_set(cap, 0x15a, 6, 63 - (unsigned int)__builtin_clzll(emu.set.max_qp_rd_atom));
	prm_set(cap, 0x1b6, 2, emu.set.link == EMU_LINK_ETH); /* port_type */
	prm_set(cap, 0x290, 16, emu.set.max_wqe_size);        /* max_wqe_sz_sq */
}

/* QUERY_HCA_CAP in: opcode 16 bits, 32 bits, op_mod 16 bits; out: 16 | caps. */
static int query_hca_cap(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	unsigned int op_mod;

	if (in_len < 8 || out_len < 16)
		return -EINVAL;
	op_mod = (unsigned int)prm_get(in, 48, 16);
	if (op_mod >> 1 == PRM_CAP_GENERAL && out_len >= 16 + 0x800 / 8)
		fill_general_caps(out + 16);
	/* Other groups of capabilities: all zero, nothing of them is there. */
	return 0;
}

int uv_devx_other(struct uv_cmd *cmd)
{
	struct ib_uverbs_attr *out_attr = uv_attr(cmd, MLX5_IB_ATTR_DEVX_OTHER_CMD_OUT);
	size_t in_len = 0;
	const uint8_t *in = uv_in(cmd, MLX5_IB_ATTR_DEVX_OTHER_CMD_IN, &in_len);
	uint8_t *out;
	unsigned int opcode;

	if (!in || in_len < 8 || !out_attr)
		return -EINVAL;
	out = (uint8_t *)(uintptr_t)out_attr->data;
	memset(out, 0, out_attr->len);
	out_attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	opcode = (unsigned int)prm_get(in, 0, 16);
	if (opcode == PRM_QUERY_HCA_CAP)
		return query_hca_cap(in, in_len, out, out_attr->len);
	emu_say("unknown firmware command 0x%x", opcode);
	return refuse(out, out_attr->len, PRM_STATUS_BAD_OP);
}

static void fill_mkey(struct fab_key *key, const struct mlx5_wqe_mkey_context_seg *mkc, uint32_t dev)
{
	uint32_t flags_pd = be32toh(mkc->flags_pd);

	key->dev = dev;
	key->pdn = flags_pd & 0xffffff;
	key->kind = KEY_INDIRECT;
	key->variant = (uint8_t)be32toh(mkc->qpn_mkey);
	key->access = mkc->access_flags & (uint8_t)~PRM_MKC_MODE_MASK;
	key->invalid = mkc->free & PRM_MKC_FREE ? 1 : 0;
	key->remote_inval = flags_pd & PRM_MKC_EN_RINVAL ? 1 : 0;
	key->layout = LAYOUT_LIST;
	key->start = be64toh(mkc->start_addr);
	key->length = be64toh(mkc->len);
	key->max_entries = be32toh(mkc->translations_octword_size);
	key->num_entries = 0;
	key->uniform = 0;
	key->entries_off = 0;
}

/*
 * CREATE_MKEY, 272 bytes and more:
 *
 *	0        16           80         96                 ...
 *	| header | mkc (64)   | reserved | actual octowords | ...
 */
static int create_mkey(struct uv_cmd *cmd, const uint8_t *in, size_t in_len, uint8_t *out,
		       size_t out_len)
{
	struct mlx5_wqe_mkey_context_seg mkc;
	struct fab_key *key;
	struct emu_mr *mr;
	uint32_t entries, flags_pd, handle, index;
	uint8_t mode;
	int ret;

	if (in_len < PRM_CREATE_MKEY_MKC + sizeof(mkc) || out_len < 16)
		return -EINVAL;
	memcpy(&mkc, in + PRM_CREATE_MKEY_MKC, sizeof(mkc));
	flags_pd = be32toh(mkc.flags_pd);
	entries = be32toh(mkc.translations_octword_size);
	mode = mkc.access_flags & PRM_MKC_MODE_MASK;
	if (mode != PRM_MODE_KLM || flags_pd & PRM_MKC_BSF_EN) {
		emu_say("CREATE_MKEY: only KLM keys without signature, not access mode %u%s",
			mode, flags_pd & PRM_MKC_BSF_EN ? " with signature" : "");
		return refuse(out, out_len, PRM_STATUS_BAD_PARAM);
	}
	if (!entries || entries > emu.set.max_klms) {
		emu_say("CREATE_MKEY: %u entries, the device has up to %llu", entries,
			(unsigned long long)emu.set.max_klms);
		return refuse(out, out_len, PRM_STATUS_BAD_PARAM);
	}
	if (fault_hit(FAULT_MKEY_FAIL))
		return refuse(out, out_len, PRM_STATUS_NO_RESOURCES);
	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return -ENOMEM;
	ret = fab_key_alloc(emu.proc, &index);
	if (ret) {
		free(mr);
		return ret;
	}
	mr->index = index;
	key = fab_key(index);
	fill_mkey(key, &mkc, cmd->ctx->dev);
	ret = fab_heap_alloc((uint64_t)entries * sizeof(struct prm_klm), &key->entries_off);
	fab_key_publish(key);
	if (!ret)
		ret = uv_obj_add(cmd->ctx, OBJ_MKEY, mr, &handle);
	if (ret) {
		fab_key_free(index);
		free(mr);
		return ret;
	}
	prm_set(out, 72, 24, index); /* mkey_index */
	uv_attr(cmd, MLX5_IB_ATTR_DEVX_OBJ_CREATE_HANDLE)->data = handle;
	return 0;
}

int uv_devx_obj_create(struct uv_cmd *cmd)
{
	struct ib_uverbs_attr *out_attr = uv_attr(cmd, MLX5_IB_ATTR_DEVX_OBJ_CREATE_CMD_OUT);
	size_t in_len = 0;
	const uint8_t *in = uv_in(cmd, MLX5_IB_ATTR_DEVX_OBJ_CREATE_CMD_IN, &in_len);
	uint8_t *out;
	unsigned int opcode;

	if (!in || in_len < 8 || !out_attr ||
	    !uv_attr(cmd, MLX5_IB_ATTR_DEVX_OBJ_CREATE_HANDLE))
		return -EINVAL;
	out = (uint8_t *)(uintptr_t)out_attr->data;
	memset(out, 0, out_attr->len);
	out_attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	opcode = (unsigned int)prm_get(in, 0, 16);
	if (opcode == PRM_CREATE_MKEY)
		return create_mkey(cmd, in, in_len, out, out_attr->len);
	emu_say("unknown firmware object, command 0x%x", opcode);
	return refuse(out, out_attr->len, PRM_STATUS_BAD_OP);
}

int uv_uar_alloc(struct uv_cmd *cmd)
{
	struct ib_uverbs_attr *attr = uv_attr(cmd, MLX5_IB_ATTR_UAR_OBJ_ALLOC_HANDLE);
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), page_id, handle;
	uint64_t off;
	void *uar;
	int ret;

	if (!attr)
		return -EINVAL;
	/* The table wants a pointer; there is nothing to remember. */
	uar = malloc(1);
	if (!uar)
		return -ENOMEM;
	ret = uv_obj_add(cmd->ctx, OBJ_UAR, uar, &handle);
	if (ret) {
		free(uar);
		return ret;
	}
	page_id = ++cmd->ctx->next_uar;
	off = (uint64_t)page_id * page;
	attr->data = handle;
	uv_out(cmd, MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_OFFSET, &off, sizeof(off));
	uv_out(cmd, MLX5_IB_ATTR_UAR_OBJ_ALLOC_MMAP_LENGTH, &page, sizeof(page));
	uv_out(cmd, MLX5_IB_ATTR_UAR_OBJ_ALLOC_PAGE_ID, &page_id, sizeof(page_id));
	return 0;
}
