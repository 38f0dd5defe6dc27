/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emu/channel.h"

#define MAX_EVENT 16

int channel_create(struct emu_channel **ch_p)
{
	struct emu_channel *ch = calloc(1, sizeof(*ch));
	char path[64];
	int fds[2];

	if (!ch)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC)) {
		free(ch);
		return -errno;
	}
	ch->read_fd = fds[0];
	ch->write_fd = fds[1];
	ch->refs = 1;
	fcntl(ch->write_fd, F_SETFL, O_NONBLOCK);
	/* A description of its own: the application may set or clear
	 * O_NONBLOCK on the one it got, and close it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ch->read_fd);
	ch->drain_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC,
				    0);
	if (ch->drain_fd < 0) {
		int ret = -errno;

		syscall(SYS_close, fds[0]);
		syscall(SYS_close, fds[1]);
		free(ch);
		return ret;
	}
	emu_fd_set(ch->read_fd, FD_CHANNEL);
	ch->next = emu.channels;
	emu.channels = ch;
	*ch_p = ch;
	return 0;
}

struct emu_channel *channel_get(int fd)
{
	for (struct emu_channel *c = emu.channels; c; c = c->next) {
		if (c->read_fd == fd) {
			c->refs++;
			return c;
		}
	}
	return NULL;
}

void channel_put(struct emu_channel *ch)
{
	if (!ch || --ch->refs)
		return;
	for (struct emu_channel **link = &emu.channels; *link; link = &(*link)->next) {
		if (*link == ch) {
			*link = ch->next;
			break;
		}
	}
	syscall(SYS_close, ch->write_fd);
	syscall(SYS_close, ch->drain_fd);
	free(ch);
}

void channel_close(int fd)
{
	struct emu_channel *ch;

	pthread_mutex_lock(&emu.lock);
	emu_fd_set(fd, FD_OTHER);
	ch = channel_get(fd);
	if (ch) {
		ch->read_fd = -1;
		ch->refs--;
		channel_put(ch);
	}
	pthread_mutex_unlock(&emu.lock);
}

bool channel_write(struct emu_channel *ch, const void *event, size_t len)
{
	return syscall(SYS_write, ch->write_fd, event, len) == (long)len;
}

unsigned int channel_drain(struct emu_channel *ch, uint64_t element, size_t len)
{
	char kept[65536];
	unsigned int dropped = 0;
	size_t used = 0;

	for (;;) {
		char event[MAX_EVENT];
		uint64_t first;

		if (used + len > sizeof(kept) ||
		    syscall(SYS_read, ch->drain_fd, event, len) != (long)len)
			break;
		memcpy(&first, event, sizeof(first));
		if (first == element) {
			dropped++;
			continue;
		}
		memcpy(kept + used, event, len);
		used += len;
	}
	for (size_t off = 0; off < used; off += len)
		channel_write(ch, kept + off, len);
	return dropped;
}
