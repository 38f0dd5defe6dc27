/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the device says on stderr. Whatever a real device would only answer
 * with silence or with a number (a bad WQE index, an overrun, an unknown
 * command) is told in words here: the emulator's most useful diagnostics.
 */
#ifndef EMU_LOG_H
#define EMU_LOG_H

/* One line on stderr: "rw_emu: ...". Keeps errno. */
void emu_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
