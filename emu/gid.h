/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Who the two devices are: GUIDs, GID tables, LIDs, P_Key tables. */
#ifndef EMU_GID_H
#define EMU_GID_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>

#include "emu/settings.h"

enum {
	GID_TABLE_LEN_ETH = 255,
	GID_TABLE_LEN_IB = 8,
	EMU_PKEYS = 2, /* entries of a port's P_Key table; they are in sysfs */
};

/* Node GUID of device @dev, host order. */
uint64_t emu_guid(unsigned int dev);

/* LID of the port (InfiniBand; 0 on Ethernet). */
uint16_t emu_lid(const struct emu_settings *set, unsigned int dev);

/* Length of the GID table of a port. */
unsigned int emu_gid_table_len(const struct emu_settings *set);

/*
 * Entry @index of the GID table of device @dev. Ethernet, in the order of a
 * real port with one IPv4 address: 0 link-local RoCE v1, 1 link-local v2,
 * 2 IPv4-mapped v1, 3 IPv4-mapped v2. InfiniBand: 0 only.
 * Returns false, and a zero GID, if the entry is empty.
 */
bool emu_gid(const struct emu_settings *set, unsigned int dev, unsigned int index,
	     union ibv_gid *gid, enum ibv_gid_type *type_p);

/* Whether device @dev answers to @gid. */
bool emu_gid_owned(const struct emu_settings *set, unsigned int dev, const union ibv_gid *gid);

#endif
