/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What makes the device run: the application's own polls, and a background
 * thread that ticks for whoever does not poll. One lock, emu.lock, guards all
 * of it; "drive" means one round over all QPs of the process.
 */
#ifndef EMU_ENGINE_H
#define EMU_ENGINE_H

#include "emu/emu.h"

/*
 * Become part of the fabric, at the first open (the lock is held). Not in a
 * constructor: a program may fork before it opens.
 * Returns 0 or -errno after one line on stderr.
 */
int engine_attach(void);

/* Start the background thread, if it is wanted and not there yet. */
void engine_start_tick(void);

/*
 * Called at each poll: everything that was posted before has been executed
 * when it returns, unless another thread is driving just now.
 */
void engine_poll(void);

/* Execute until nothing moves any more; the lock is held. */
void engine_drive(void);

/* Number of drives so far: the clock of adversarial mode. */
uint64_t engine_drives(void);

/* Write an asynchronous event; false if there is no room or no channel. */
bool engine_async_event(struct emu_ctx *ctx, uint64_t element, uint32_t type);

/* Take the port of device @dev down or up, for all processes of the fabric. */
int engine_set_port(uint32_t dev, bool down);

/* Fault injection: no peer answers from now on. */
void engine_freeze(void);
bool engine_frozen(void);

/* Parse the setting "fault" without attaching. Returns 0 or -EINVAL. */
int engine_check_faults(void);

/* In a forked child: nothing of what was inherited is ours. */
void engine_forget(void);

#endif
