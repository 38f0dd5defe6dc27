/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rdma/ib_user_verbs.h>
#include <rdma/mlx5_user_ioctl_cmds.h>

#include "emu/channel.h"
#include "emu/cq.h"
#include "emu/engine.h"
#include "emu/fabric.h"
#include "emu/log.h"
#include "emu/qp.h"
#include "emu/uverbs.h"

/* ---- attributes */

struct ib_uverbs_attr *uv_attr(const struct uv_cmd *cmd, uint16_t id)
{
	for (unsigned int i = 0; i < cmd->hdr->num_attrs; i++)
		if (cmd->hdr->attrs[i].attr_id == id)
			return &cmd->hdr->attrs[i];
	return NULL;
}

const void *uv_in(const struct uv_cmd *cmd, uint16_t id, size_t *len_p)
{
	const struct ib_uverbs_attr *attr = uv_attr(cmd, id);

	if (!attr)
		return NULL;
	*len_p = attr->len;
	return attr->len <= sizeof(attr->data) ? (const void *)&attr->data :
						 (const void *)(uintptr_t)attr->data;
}

uint64_t uv_in_u64(const struct uv_cmd *cmd, uint16_t id, uint64_t def)
{
	const struct ib_uverbs_attr *attr = uv_attr(cmd, id);
	uint64_t value = 0;

	if (!attr)
		return def;
	if (!attr->len || attr->len > sizeof(value)) /* object handle or fd */
		return attr->data;
	memcpy(&value, &attr->data, attr->len);
	return value;
}

void uv_out(const struct uv_cmd *cmd, uint16_t id, const void *data, size_t len)
{
	struct ib_uverbs_attr *attr = uv_attr(cmd, id);
	void *to;

	if (!attr)
		return;
	to = (void *)(uintptr_t)attr->data;
	memcpy(to, data, EMU_MIN(len, attr->len));
	if (attr->len > len)
		memset((char *)to + len, 0, attr->len - len);
	attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
}

int uv_unsupported(const char *what)
{
	emu_say("%s: this device does not do it", what);
	return -EOPNOTSUPP;
}

/* ---- objects */

int uv_obj_add(struct emu_ctx *ctx, enum obj_kind kind, void *ptr, uint32_t *handle_p)
{
	uint32_t h = ctx->first_free;

	while (h < ctx->num_objs && ctx->objs[h].kind)
		h++;
	if (h >= ctx->num_objs) {
		uint32_t room = ctx->num_objs ? 2 * ctx->num_objs : 64;
		struct emu_obj *objs = realloc(ctx->objs, room * sizeof(*objs));

		if (!objs)
			return -ENOMEM;
		memset(objs + ctx->num_objs, 0, (room - ctx->num_objs) * sizeof(*objs));
		ctx->objs = objs;
		ctx->num_objs = room;
	}
	ctx->objs[h] = (struct emu_obj){ kind, ptr };
	ctx->first_free = h + 1;
	*handle_p = h;
	return 0;
}

void *uv_obj(struct emu_ctx *ctx, enum obj_kind kind, uint32_t handle)
{
	if (handle >= ctx->num_objs || ctx->objs[handle].kind != kind)
		return NULL;
	return ctx->objs[handle].ptr;
}

void *uv_obj_take(struct emu_ctx *ctx, enum obj_kind kind, uint32_t handle)
{
	void *ptr = uv_obj(ctx, kind, handle);

	if (!ptr)
		return NULL;
	ctx->objs[handle].kind = OBJ_NONE;
	if (handle < ctx->first_free)
		ctx->first_free = handle;
	return ptr;
}

void uv_obj_destroy(struct emu_ctx *ctx, enum obj_kind kind, void *ptr)
{
	switch (kind) {
	case OBJ_MR:
	case OBJ_MKEY:
		fab_key_free(((struct emu_mr *)ptr)->index);
		free(ptr);
		break;
	case OBJ_CQ:
		cq_destroy(ptr);
		break;
	case OBJ_QP:
		qp_destroy(ptr);
		break;
	case OBJ_PD:
	case OBJ_UAR:
		free(ptr);
		break;
	case OBJ_NONE:
		break;
	}
}

/* ---- open and close */

int uv_open(uint32_t dev)
{
	struct emu_ctx *ctx = calloc(1, sizeof(*ctx));
	int ret;

	if (!ctx)
		return -ENOMEM;
	pthread_mutex_lock(&emu.lock);
	ret = engine_attach();
	if (!ret) {
		ctx->fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
		if (ctx->fd < 0)
			ret = -errno;
	}
	if (!ret) {
		ret = emu_fd_set(ctx->fd, FD_CTX);
		if (ret)
			syscall(SYS_close, ctx->fd);
	}
	if (!ret) {
		ctx->dev = dev;
		ctx->first_free = 1;
		ctx->next = emu.ctxs;
		emu.ctxs = ctx;
	}
	pthread_mutex_unlock(&emu.lock);
	if (ret) {
		free(ctx);
		return ret;
	}
	return ctx->fd;
}

void uv_close(int fd)
{
	/* In the order in which they depend on each other. */
	static const enum obj_kind order[] = { OBJ_QP, OBJ_CQ, OBJ_MKEY, OBJ_MR, OBJ_PD, OBJ_UAR };
	struct emu_ctx **link, *ctx = NULL;

	pthread_mutex_lock(&emu.lock);
	for (link = &emu.ctxs; *link; link = &(*link)->next) {
		if ((*link)->fd != fd)
			continue;
		ctx = *link;
		*link = ctx->next;
		break;
	}
	emu_fd_set(fd, FD_OTHER);
	if (ctx) {
		/* Left alive, they would make the engine read freed memory. */
		for (unsigned int o = 0; o < sizeof(order) / sizeof(order[0]); o++)
			for (uint32_t h = 0; h < ctx->num_objs; h++)
				if (ctx->objs[h].kind == order[o])
					uv_obj_destroy(ctx, order[o],
						       uv_obj_take(ctx, order[o], h));
		channel_put(ctx->async);
		free(ctx->objs);
		free(ctx);
	}
	pthread_mutex_unlock(&emu.lock);
}

static struct emu_ctx *find_ctx(int fd)
{
	for (struct emu_ctx *c = emu.ctxs; c; c = c->next)
		if (c->fd == fd)
			return c;
	return NULL;
}

/* ---- dispatch */

/* Commands of the older interface, wrapped into DEVICE/INVOKE_WRITE. */
static int invoke_write(struct uv_cmd *cmd)
{
	uint32_t write_cmd = (uint32_t)uv_in_u64(cmd, UVERBS_ATTR_WRITE_CMD, ~0ULL);

	/* How libibverbs asks whether this method exists: anything but
	 * EPROTONOSUPPORT and ENOTTY means yes. */
	if (!uv_attr(cmd, UVERBS_ATTR_CORE_IN))
		return -ENOSPC;
	switch (write_cmd) {
	case IB_USER_VERBS_CMD_QUERY_DEVICE:
		return uv_query_device(cmd, false);
	case IB_USER_VERBS_CMD_FLAG_EXTENDED | (uint32_t)IB_USER_VERBS_EX_CMD_QUERY_DEVICE:
		return uv_query_device(cmd, true);
	case IB_USER_VERBS_CMD_ALLOC_PD:
		return uv_alloc_pd(cmd);
	case IB_USER_VERBS_CMD_REG_MR:
		return uv_reg_mr(cmd);
	case IB_USER_VERBS_CMD_REREG_MR:
		return uv_rereg_mr(cmd);
	case IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL:
		return uv_create_channel(cmd);
	case IB_USER_VERBS_CMD_RESIZE_CQ:
		return uv_resize_cq(cmd);
	case IB_USER_VERBS_CMD_QUERY_QP:
		return uv_query_qp(cmd);
	case IB_USER_VERBS_CMD_MODIFY_QP:
	case IB_USER_VERBS_CMD_FLAG_EXTENDED | (uint32_t)IB_USER_VERBS_EX_CMD_MODIFY_QP:
		return uv_modify_qp(cmd);
	case IB_USER_VERBS_CMD_ALLOC_MW:
		return uv_unsupported("memory windows");
	case IB_USER_VERBS_CMD_CREATE_AH:
		return uv_unsupported("address handles (UD)");
	case IB_USER_VERBS_CMD_CREATE_SRQ:
	case IB_USER_VERBS_CMD_CREATE_XSRQ:
		return uv_unsupported("shared receive queues");
	case IB_USER_VERBS_CMD_OPEN_XRCD:
		return uv_unsupported("XRC");
	case IB_USER_VERBS_CMD_ATTACH_MCAST:
		return uv_unsupported("multicast");
	default:
		emu_say("unknown command 0x%x of the write interface", write_cmd);
		return -EOPNOTSUPP;
	}
}

static int destroy(struct uv_cmd *cmd, enum obj_kind kind, uint16_t attr)
{
	void *ptr = uv_obj_take(cmd->ctx, kind, (uint32_t)uv_in_u64(cmd, attr, 0));

	if (!ptr)
		return -ENOENT;
	uv_obj_destroy(cmd->ctx, kind, ptr);
	return 0;
}

static int destroy_mkey(struct uv_cmd *cmd)
{
	return destroy(cmd, OBJ_MKEY, MLX5_IB_ATTR_DEVX_OBJ_DESTROY_HANDLE);
}

static int destroy_uar(struct uv_cmd *cmd)
{
	return destroy(cmd, OBJ_UAR, MLX5_IB_ATTR_UAR_OBJ_DESTROY_HANDLE);
}

static int destroy_mr(struct uv_cmd *cmd)
{
	return destroy(cmd, OBJ_MR, UVERBS_ATTR_DESTROY_MR_HANDLE);
}

static bool mr_uses_pd(const struct emu_ctx *ctx, uint32_t pdn)
{
	for (uint32_t h = 0; h < ctx->num_objs; h++) {
		const struct emu_obj *obj = &ctx->objs[h];

		if (obj->kind == OBJ_MR &&
		    fab_key(((const struct emu_mr *)obj->ptr)->index)->pdn == pdn)
			return true;
	}
	return false;
}

static int destroy_pd(struct uv_cmd *cmd)
{
	struct emu_pd *pd = uv_obj(cmd->ctx, OBJ_PD,
				   (uint32_t)uv_in_u64(cmd, UVERBS_ATTR_DESTROY_PD_HANDLE, 0));

	if (pd && (qp_uses_pd(pd->pdn) || mr_uses_pd(cmd->ctx, pd->pdn)))
		return -EBUSY;
	return destroy(cmd, OBJ_PD, UVERBS_ATTR_DESTROY_PD_HANDLE);
}

static const struct method {
	uint16_t object, method;
	int (*run)(struct uv_cmd *cmd);
} methods[] = {
	{ UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE, invoke_write },
	{ UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, uv_get_context },
	{ UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT, uv_query_port },
	{ UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE, uv_query_gid_table },
	{ UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_ENTRY, uv_query_gid_entry },
	{ UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC, uv_async_alloc },
	{ UVERBS_OBJECT_PD, UVERBS_METHOD_PD_DESTROY, destroy_pd },
	{ UVERBS_OBJECT_MR, UVERBS_METHOD_MR_DESTROY, destroy_mr },
	{ UVERBS_OBJECT_MR, UVERBS_METHOD_QUERY_MR, uv_query_mr },
	{ UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, uv_create_cq },
	{ UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_DESTROY, uv_destroy_cq },
	{ UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, uv_create_qp },
	{ UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY, uv_destroy_qp },
	{ MLX5_IB_OBJECT_DEVX, MLX5_IB_METHOD_DEVX_OTHER, uv_devx_other },
	{ MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_CREATE, uv_devx_obj_create },
	{ MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_DESTROY, destroy_mkey },
	{ MLX5_IB_OBJECT_UAR, MLX5_IB_METHOD_UAR_OBJ_ALLOC, uv_uar_alloc },
	{ MLX5_IB_OBJECT_UAR, MLX5_IB_METHOD_UAR_OBJ_DESTROY, destroy_uar },
};

/* What a program may well try: a word about it instead of a number. */
static const struct refusal {
	uint16_t object;
	const char *what;
} refusals[] = {
	{ UVERBS_OBJECT_SRQ, "shared receive queues" },
	{ UVERBS_OBJECT_AH, "address handles (UD)" },
	{ UVERBS_OBJECT_MW, "memory windows" },
	{ UVERBS_OBJECT_FLOW, "flow steering" },
	{ UVERBS_OBJECT_XRCD, "XRC" },
	{ UVERBS_OBJECT_WQ, "work queues (raw packet)" },
	{ UVERBS_OBJECT_DM, "device memory" },
	{ UVERBS_OBJECT_COUNTERS, "counters" },
	{ MLX5_IB_OBJECT_DEVX_UMEM, "DEVX user memory" },
	{ MLX5_IB_OBJECT_VAR, "VAR objects" },
	{ MLX5_IB_OBJECT_PP, "packet pacing" },
};

static int refuse(const struct ib_uverbs_ioctl_hdr *hdr)
{
	for (unsigned int i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].object == hdr->object_id)
			return uv_unsupported(refusals[i].what);
	emu_say("unknown command: object 0x%x, method 0x%x", hdr->object_id, hdr->method_id);
	/* "This method does not exist": callers then try without it. */
	return -EPROTONOSUPPORT;
}

int uv_ioctl(int fd, struct ib_uverbs_ioctl_hdr *hdr)
{
	struct uv_cmd cmd = { .hdr = hdr };
	int ret = -ENODEV;

	pthread_mutex_lock(&emu.lock);
	cmd.ctx = find_ctx(fd);
	if (cmd.ctx) {
		const struct method *m = NULL;

		for (unsigned int i = 0; i < sizeof(methods) / sizeof(methods[0]) && !m; i++)
			if (methods[i].object == hdr->object_id &&
			    methods[i].method == hdr->method_id)
				m = &methods[i];
		ret = m ? m->run(&cmd) : refuse(hdr);
	}
	pthread_mutex_unlock(&emu.lock);
	return ret;
}
