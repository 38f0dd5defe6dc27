/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An opened RDMA device and the port that a run uses. */
#ifndef RW_VERBS_DEVICE_H
#define RW_VERBS_DEVICE_H

#include <infiniband/verbs.h>
#include <jansson.h>
#include <stdbool.h>

#include "util/err.h"
#include "verbs/gid.h"

/* What stands behind a device decides what its figures can show. */
enum rw_device_class {
	RW_DEVICE_HARDWARE,
	RW_DEVICE_EMULATED, /* a software model under the vendor's provider */
	RW_DEVICE_RXE,
	RW_DEVICE_SIW,
};

struct rw_device {
	const char *profile; /* not NULL: no device, but limits in @attr under this name ... */
	bool like_mlx5;      /* ... which are those of a device of libmlx5; ctx is NULL */
	struct ibv_context *ctx;
	struct ibv_device_attr_ex attr;
	struct ibv_port_attr port_attr;
	enum rw_device_class class;
	uint8_t port;
	int numa_node; /* -1: unknown */
	bool is_iwarp; /* no GIDs and LIDs, connected by rdma_cm only, READs into MRs only */
	bool has_grh;  /* the address below is used */
	struct rw_gid gid;
};

/*
 * Open the device @name (empty: the first whose port @port is active) and
 * check that @port is active. Returns 0, -ENODEV, -ENETDOWN, -EINVAL, or what
 * the open failed with; told in @err (RW_EXIT_DEVICE).
 */
int rw_device_open(const char *name, uint8_t port, struct rw_device *device, struct rw_err *err);
void rw_device_close(struct rw_device *device);

const char *rw_device_name(const struct rw_device *device);
bool rw_device_is_roce(const struct rw_device *device);
const char *rw_device_class_name(enum rw_device_class class);

/* What this class of device cannot show; NULL for hardware. */
const char *rw_device_caveat(enum rw_device_class class);

/*
 * Choose the GID. @index: -1, or the entry to use. @like (NULL allowed) is the
 * address to match and @type the type to match (-1: any), as in rw_gid_choose.
 * On InfiniBand without an index no GRH is used.
 * Returns 0, -ENOENT (no such entry, no usable one); told in @err.
 */
int rw_device_choose_gid(struct rw_device *device, int index, const uint8_t *like, int type,
			 struct rw_err *err);

/*
 * SGEs of one WR, at least 1: the device's max_sge, and for READs (@read) its
 * max_sge_rd, too (rw.c of the kernel, rdma_rw_init_map_wrs).
 */
uint32_t rw_device_max_sge(const struct rw_device *device, bool read);

/* Bytes of a path MTU. */
uint32_t rw_device_mtu_bytes(const struct rw_device *device);

/* What a report says of the device. NULL: out of memory. */
json_t *rw_device_facts(const struct rw_device *device);

#endif
