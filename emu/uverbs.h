/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The uverbs character device: opening and closing a context, the ioctl that
 * carries every command, and the objects each context owns.
 */
#ifndef EMU_UVERBS_H
#define EMU_UVERBS_H

#include <stdint.h>

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "emu/emu.h"

/* One command on its way: the attributes as the library laid them out. */
struct uv_cmd {
	struct emu_ctx *ctx;
	struct ib_uverbs_ioctl_hdr *hdr;
};

/* Open device @dev. Returns a file descriptor, or -errno. */
int uv_open(uint32_t dev);

/* Close context @fd and destroy whatever objects it still owns. */
void uv_close(int fd);

/* RDMA_VERBS_IOCTL on context @fd. Returns 0 or -errno. */
int uv_ioctl(int fd, struct ib_uverbs_ioctl_hdr *hdr);

/* ---- access to attributes */

/* The attribute @id, or NULL when the command does not have it. */
struct ib_uverbs_attr *uv_attr(const struct uv_cmd *cmd, uint16_t id);

/* Where the bytes of an input are: inline if 8 or fewer. NULL if absent. */
const void *uv_in(const struct uv_cmd *cmd, uint16_t id, size_t *len_p);

/* A number of 1, 2, 4 or 8 bytes, or a constant; @def if absent. */
uint64_t uv_in_u64(const struct uv_cmd *cmd, uint16_t id, uint64_t def);

/* Copy @len bytes out, cut to the room the caller gave; the rest is zeroed. */
void uv_out(const struct uv_cmd *cmd, uint16_t id, const void *data, size_t len);

/* ---- objects of a context */

/* Give @ptr a handle (in *@handle_p); -ENOMEM. */
int uv_obj_add(struct emu_ctx *ctx, enum obj_kind kind, void *ptr, uint32_t *handle_p);

/* The object of @kind with @handle, or NULL. */
void *uv_obj(struct emu_ctx *ctx, enum obj_kind kind, uint32_t handle);

/* Take it out of the table; the object itself is the caller's. */
void *uv_obj_take(struct emu_ctx *ctx, enum obj_kind kind, uint32_t handle);

/* Say once per command that the device does not do it; -EOPNOTSUPP. */
int uv_unsupported(const char *what);

/* ---- the commands, by file */

/* cmd_dev.c: the device itself */
int uv_get_context(struct uv_cmd *cmd);
int uv_query_port(struct uv_cmd *cmd);
int uv_query_gid_table(struct uv_cmd *cmd);
int uv_query_gid_entry(struct uv_cmd *cmd);
int uv_async_alloc(struct uv_cmd *cmd);
int uv_query_device(struct uv_cmd *cmd, bool extended);

/* Completion vectors of the device: one per processor. */
uint32_t emu_comp_vectors(void);

/* cmd_obj.c: protection domains, memory regions, completion queues */
int uv_alloc_pd(struct uv_cmd *cmd);
int uv_reg_mr(struct uv_cmd *cmd);
int uv_rereg_mr(struct uv_cmd *cmd);
int uv_query_mr(struct uv_cmd *cmd);
int uv_create_channel(struct uv_cmd *cmd);
int uv_create_cq(struct uv_cmd *cmd);
int uv_destroy_cq(struct uv_cmd *cmd);
int uv_resize_cq(struct uv_cmd *cmd);

/* cmd_qp.c */
int uv_create_qp(struct uv_cmd *cmd);
int uv_destroy_qp(struct uv_cmd *cmd);
int uv_modify_qp(struct uv_cmd *cmd);
int uv_query_qp(struct uv_cmd *cmd);

/* devx.c: commands in the firmware's own format, and doorbell pages */
int uv_devx_other(struct uv_cmd *cmd);
int uv_devx_obj_create(struct uv_cmd *cmd);
int uv_uar_alloc(struct uv_cmd *cmd);

/* Destroy an object that was taken out of the table. */
void uv_obj_destroy(struct emu_ctx *ctx, enum obj_kind kind, void *ptr);

#endif
