/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The sysfs tree through which libibverbs and tools find the devices. */
#ifndef EMU_SYSFS_H
#define EMU_SYSFS_H

#include <stdint.h>

#include "emu/settings.h"

/*
 * Build @dir/sys: aside first, then renamed, so that whoever looks sees all
 * of it or nothing. Does nothing when it is there already.
 * Returns 0 or -errno after one line on stderr.
 */
int emu_sysfs_build(const char *dir, const struct emu_settings *set);

/* Write the port's state files anew after it went down or came up. */
void emu_sysfs_port_state(const char *dir, unsigned int dev, uint32_t down);

#endif
