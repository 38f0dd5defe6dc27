/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emu/log.h"

void emu_say(const char *fmt, ...)
{
	static const char head[] = "rw_emu: ";
	char line[512];
	int saved = errno;
	size_t len = sizeof(head) - 1;
	va_list ap;
	int n;

	memcpy(line, head, len);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n > 0)
		len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n : sizeof(line) - len - 2;
	line[len++] = '\n';
	/* One write, so that lines of several processes do not mix; a raw one,
	 * because write() itself is interposed by this library. */
	(void)!syscall(SYS_write, STDERR_FILENO, line, len);
	errno = saved;
}
