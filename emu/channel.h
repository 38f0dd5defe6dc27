/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Event channels: pipes that carry completion and asynchronous events. */
#ifndef EMU_CHANNEL_H
#define EMU_CHANNEL_H

#include "emu/emu.h"

/* A new channel with one reference. Returns 0 or -errno. */
int channel_create(struct emu_channel **ch_p);

/* The channel whose reading end is @fd, with a new reference; NULL if none. */
struct emu_channel *channel_get(int fd);

/* Drop a reference (of NULL: nothing). The reading end is the application's. */
void channel_put(struct emu_channel *ch);

/* The application closes the reading end @fd: its reference goes. */
void channel_close(int fd);

/* Write one event. Returns false if the channel is full. */
bool channel_write(struct emu_channel *ch, const void *event, size_t len);

/*
 * Take unread events of @element (their first 8 bytes) out of the channel.
 * Returns how many. The library waits at destroy for all events that were
 * read to be acknowledged, and would wait forever for those never read.
 */
unsigned int channel_drain(struct emu_channel *ch, uint64_t element, size_t len);

#endif
