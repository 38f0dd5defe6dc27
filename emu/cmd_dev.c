/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Commands about the device itself: context, attributes, port, GIDs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5-abi.h>

#include "emu/channel.h"
#include "emu/gid.h"
#include "emu/prm.h"
#include "emu/uverbs.h"

#define MAX_OBJECTS (1 << 24)

uint32_t emu_comp_vectors(void)
{
	return (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

int uv_get_context(struct uv_cmd *cmd)
{
	struct mlx5_ib_alloc_ucontext_resp resp = {
		.qp_tab_size = FAB_QPS,
		.bf_reg_size = 512,
		.tot_bfregs = 0, /* doorbell pages are allocated one by one */
		.cache_line_size = 64,
		.max_sq_desc_sz = (uint16_t)emu.set.max_wqe_size,
		.max_rq_desc_sz = 512,
		.max_send_wqebb = (uint32_t)emu.set.max_qp_wr,
		.max_recv_wr = (uint32_t)emu.set.max_qp_wr,
		/* Not 0: or libmlx5 itself refuses, and nobody says why. */
		.max_srq_recv_wr = (uint32_t)emu.set.max_qp_wr,
		.num_ports = 1,
		.comp_mask = MLX5_IB_ALLOC_UCONTEXT_RESP_MASK_MKEY_UPDATE_TAG |
			     MLX5_IB_ALLOC_UCONTEXT_RESP_MASK_DUMP_FILL_MKEY,
		.dump_fill_mkey = PRM_DUMP_FILL_MKEY,
		.response_length = sizeof(resp),
		.cqe_version = 1,
		.cmds_supp_uhw = MLX5_USER_CMDS_SUPP_UHW_QUERY_DEVICE,
		.eth_min_inline = MLX5_USER_INLINE_MODE_NONE,
		.log_uar_size = 12,
		.num_uars_per_page = 1,
	};
	uint32_t vectors = emu_comp_vectors();
	uint64_t core_support = IB_UVERBS_CORE_SUPPORT_OPTIONAL_MR_ACCESS;

	uv_out(cmd, UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, &vectors, sizeof(vectors));
	uv_out(cmd, UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT, &core_support, sizeof(core_support));
	uv_out(cmd, UVERBS_ATTR_UHW_OUT, &resp, sizeof(resp));
	return 0;
}

static uint64_t firmware_version(void)
{
	unsigned int major = 0, minor = 0, sub = 0;

	sscanf(emu.set.fw_ver, "%u.%u.%u", &major, &minor, &sub);
	return (uint64_t)major << 32 | minor << 16 | sub;
}

static void fill_device(uint32_t dev, struct ib_uverbs_query_device_resp *r)
{
	const struct emu_settings *set = &emu.set;

	r->fw_ver = firmware_version();
	r->node_guid = htobe64(emu_guid(dev));
	r->sys_image_guid = htobe64(emu_guid(0));
	r->max_mr_size = UINT64_MAX;
	r->page_size_cap = 0xfffffffffffff000ULL;
	r->vendor_id = 0x2c9;
	r->vendor_part_id = (uint32_t)set->device_id;
	r->max_qp = FAB_QPS;
	r->max_qp_wr = (uint32_t)set->max_qp_wr;
	r->device_cap_flags = IBV_DEVICE_CHANGE_PHY_PORT | IBV_DEVICE_PORT_ACTIVE_EVENT |
			      IBV_DEVICE_SYS_IMAGE_GUID | IBV_DEVICE_RC_RNR_NAK_GEN |
			      IBV_DEVICE_MEM_MGT_EXTENSIONS;
	r->max_sge = (uint32_t)set->max_sge;
	r->max_sge_rd = (uint32_t)set->max_sge_rd;
	r->max_cq = MAX_OBJECTS;
	r->max_cqe = (uint32_t)set->max_cqe;
	r->max_mr = FAB_KEYS - FAB_KEY_FIRST;
	r->max_pd = MAX_OBJECTS;
	r->max_qp_rd_atom = (uint32_t)set->max_qp_rd_atom;
	r->max_res_rd_atom = (uint32_t)set->max_qp_rd_atom * FAB_QPS;
	r->max_qp_init_rd_atom = (uint32_t)set->max_qp_rd_atom;
	r->atomic_cap = IBV_ATOMIC_NONE;
	r->max_pkeys = 128;
	r->local_ca_ack_delay = 16;
	r->phys_port_cnt = 1;
}

int uv_query_device(struct uv_cmd *cmd, bool extended)
{
	struct ib_uverbs_ex_query_device_resp resp = {
		.response_length = sizeof(resp),
		.timestamp_mask = UINT64_MAX,
		.hca_core_clock = 1000000, /* kHz: a tick of CQE timestamps is 1 ns */
	};
	struct mlx5_ib_query_device_resp uhw = {
		.response_length = sizeof(uhw),
		.flags = MLX5_IB_QUERY_DEV_RESP_FLAGS_CQE_128B_PAD,
	};

	if (emu.set.odp) {
		resp.odp_caps.general_caps = IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT;
		resp.odp_caps.per_transport_caps.rc_odp_caps =
			IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_WRITE;
	}
	fill_device(cmd->ctx->dev, &resp.base);
	if (!extended) {
		uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp.base, sizeof(resp.base));
		return 0;
	}
	uv_out(cmd, UVERBS_ATTR_CORE_OUT, &resp, sizeof(resp));
	uv_out(cmd, UVERBS_ATTR_UHW_OUT, &uhw, sizeof(uhw));
	return 0;
}

static uint8_t mtu_code(uint64_t bytes)
{
	uint8_t code = IBV_MTU_256;

	while ((128ULL << code) < bytes)
		code++;
	return code;
}

int uv_query_port(struct uv_cmd *cmd)
{
	const struct emu_settings *set = &emu.set;
	bool ib = set->link == EMU_LINK_IB;
	uint32_t dev = cmd->ctx->dev;
	struct ib_uverbs_query_port_resp_ex resp = { 0 };
	struct ib_uverbs_query_port_resp *r = &resp.legacy_resp;
	bool down = atomic_load(&fab->port_down[dev]);

	if (uv_in_u64(cmd, UVERBS_ATTR_QUERY_PORT_PORT_NUM, 0) != 1)
		return -EINVAL;
	r->port_cap_flags = ib ? 0x2651e848 : IBV_PORT_CM_SUP | IBV_PORT_IP_BASED_GIDS;
	r->max_msg_sz = (uint32_t)EMU_MIN(set->max_msg_size, UINT32_MAX);
	r->gid_tbl_len = emu_gid_table_len(set);
	r->pkey_tbl_len = EMU_PKEYS;
	r->lid = emu_lid(set, dev);
	r->sm_lid = ib ? 1 : 0;
	r->state = down ? IBV_PORT_DOWN : IBV_PORT_ACTIVE;
	r->max_mtu = IBV_MTU_4096;
	r->active_mtu = mtu_code(set->mtu);
	r->max_vl_num = ib ? 4 : 0;
	r->subnet_timeout = ib ? 18 : 0;
	r->active_width = (uint8_t)set->active_width;
	r->active_speed = (uint8_t)set->active_speed;
	r->phys_state = down ? 3 : 5; /* disabled, link up */
	r->link_layer = ib ? IBV_LINK_LAYER_INFINIBAND : IBV_LINK_LAYER_ETHERNET;
	r->flags = ib ? 0 : IBV_QPF_GRH_REQUIRED;
	uv_out(cmd, UVERBS_ATTR_QUERY_PORT_RESP, &resp, sizeof(resp));
	return 0;
}

/* Type numbers of the kernel's table: IB, RoCE v1, RoCE v2, as in verbs.h. */
static bool gid_entry(uint32_t dev, uint32_t index, struct ib_uverbs_gid_entry *e)
{
	enum ibv_gid_type type;
	union ibv_gid gid;

	memset(e, 0, sizeof(*e));
	if (!emu_gid(&emu.set, dev, index, &gid, &type))
		return false;
	memcpy(e->gid, gid.raw, sizeof(e->gid));
	e->gid_index = index;
	e->port_num = 1;
	e->gid_type = type;
	e->netdev_ifindex = emu.set.link == EMU_LINK_ETH ? 1 : 0;
	return true;
}

int uv_query_gid_table(struct uv_cmd *cmd)
{
	struct ib_uverbs_attr *out = uv_attr(cmd, UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES);
	uint64_t size = uv_in_u64(cmd, UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, 0);
	uint64_t num = 0;

	if (!out || size < sizeof(struct ib_uverbs_gid_entry))
		return -EINVAL;
	for (uint32_t i = 0; i < emu_gid_table_len(&emu.set); i++) {
		struct ib_uverbs_gid_entry e;

		if (!gid_entry(cmd->ctx->dev, i, &e))
			continue;
		if ((num + 1) * size > out->len)
			return -EINVAL;
		memset((char *)(uintptr_t)out->data + num * size, 0, size);
		memcpy((char *)(uintptr_t)out->data + num * size, &e, sizeof(e));
		num++;
	}
	out->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	uv_out(cmd, UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, &num, sizeof(num));
	return 0;
}

int uv_query_gid_entry(struct uv_cmd *cmd)
{
	uint64_t index = uv_in_u64(cmd, UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX, ~0ULL);
	struct ib_uverbs_gid_entry e;

	if (uv_in_u64(cmd, UVERBS_ATTR_QUERY_GID_ENTRY_PORT, 0) != 1 ||
	    index >= emu_gid_table_len(&emu.set))
		return -EINVAL;
	if (!gid_entry(cmd->ctx->dev, (uint32_t)index, &e))
		return -ENODATA;
	uv_out(cmd, UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, &e, sizeof(e));
	return 0;
}

int uv_async_alloc(struct uv_cmd *cmd)
{
	struct ib_uverbs_attr *attr =
		uv_attr(cmd, UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE);
	int ret;

	if (!attr || cmd->ctx->async)
		return -EINVAL;
	ret = channel_create(&cmd->ctx->async);
	if (ret)
		return ret;
	cmd->ctx->async->refs++; /* the context's, beside the application's */
	attr->data_s64 = cmd->ctx->async->read_fd;
	attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	return 0;
}
