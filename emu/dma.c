/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emu/dma.h"

#define MAX_IOV   1024        /* pieces of one system call, per side */
#define MAX_BYTES (1ULL << 30) /* of one system call: it stops at 2 GiB anyway */

void sg_reset(struct sg *sg)
{
	sg->num = 0;
	sg->bytes = 0;
}

void sg_cut(struct sg *sg, unsigned int num, uint64_t bytes)
{
	uint64_t extra = 0;

	/* sg_add() may have lengthened the last piece that stays. */
	for (unsigned int i = 0; i < num; i++)
		extra += sg->v[i].iov_len;
	if (num && extra > bytes)
		sg->v[num - 1].iov_len -= extra - bytes;
	sg->num = num;
	sg->bytes = bytes;
}

int sg_add(struct sg *sg, uint64_t addr, uint64_t len)
{
	struct iovec *last = sg->num ? &sg->v[sg->num - 1] : NULL;

	if (!len)
		return 0;
	sg->bytes += len;
	if (last && (uintptr_t)last->iov_base + last->iov_len == addr) {
		last->iov_len += len;
		return 0;
	}
	if (sg->num == sg->room) {
		unsigned int room = sg->room ? 2 * sg->room : 64;
		struct iovec *v = realloc(sg->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		sg->v = v;
		sg->room = room;
	}
	sg->v[sg->num].iov_base = (void *)(uintptr_t)addr;
	sg->v[sg->num++].iov_len = len;
	return 0;
}

void sg_free(struct sg *sg)
{
	free(sg->v);
	memset(sg, 0, sizeof(*sg));
}

/* A place in a list. */
struct cursor {
	const struct sg *sg;
	unsigned int i;
	uint64_t off; /* into piece i */
};

/* Up to MAX_IOV pieces of at most @max bytes from @c on; returns the bytes. */
static uint64_t window(const struct cursor *c, uint64_t max, struct iovec *v, unsigned int *num_p)
{
	uint64_t bytes = 0, off = c->off;
	unsigned int n = 0;

	for (unsigned int i = c->i; i < c->sg->num && n < MAX_IOV && bytes < max; i++) {
		uint64_t len = c->sg->v[i].iov_len - off;

		if (len > max - bytes)
			len = max - bytes;
		v[n].iov_base = (char *)c->sg->v[i].iov_base + off;
		v[n++].iov_len = len;
		bytes += len;
		off = 0;
	}
	*num_p = n;
	return bytes;
}

static void advance(struct cursor *c, uint64_t bytes)
{
	while (bytes) {
		uint64_t len = c->sg->v[c->i].iov_len - c->off;

		if (bytes < len) {
			c->off += bytes;
			return;
		}
		bytes -= len;
		c->i++;
		c->off = 0;
	}
}

/*
 * EFAULT does not say which side: a read of one byte from the first remote
 * piece into our own stack does.
 */
static enum dma_fault which_side(pid_t pid, const struct iovec *remote)
{
	char byte;
	struct iovec to = { &byte, 1 };
	struct iovec from = { remote->iov_base, 1 };

	if (syscall(SYS_process_vm_readv, pid, &to, 1UL, &from, 1UL, 0UL) != 1)
		return DMA_REMOTE;
	from.iov_base = (char *)remote->iov_base + remote->iov_len - 1;
	if (syscall(SYS_process_vm_readv, pid, &to, 1UL, &from, 1UL, 0UL) != 1)
		return DMA_REMOTE;
	return DMA_LOCAL;
}

static enum dma_fault classify(pid_t pid, const struct iovec *remote)
{
	switch (errno) {
	case ESRCH:
		return DMA_GONE;
	case EPERM:
		return DMA_DENIED;
	default:
		return which_side(pid, remote);
	}
}

static enum dma_fault copy(long call, pid_t pid, const struct sg *local, const struct sg *remote,
			   uint64_t *done_p)
{
	struct cursor l = { .sg = local }, r = { .sg = remote };
	uint64_t left = local->bytes < remote->bytes ? local->bytes : remote->bytes;
	struct iovec lv[MAX_IOV], rv[MAX_IOV];

	*done_p = 0;
	while (left) {
		unsigned int ln, rn;
		uint64_t bytes = window(&l, left < MAX_BYTES ? left : MAX_BYTES, lv, &ln);
		long n;

		bytes = window(&r, bytes, rv, &rn);
		bytes = window(&l, bytes, lv, &ln);
		n = syscall(call, pid, lv, (unsigned long)ln, rv, (unsigned long)rn, 0UL);
		if (n <= 0)
			return classify(pid, rv);
		*done_p += (uint64_t)n;
		left -= (uint64_t)n;
		/* A short count: the next round fails at the bad piece. */
		advance(&l, (uint64_t)n);
		advance(&r, (uint64_t)n);
	}
	return DMA_OK;
}

/* One piece on each side, as most transfers have: no lists to build. */
static bool copy_simple(long call, pid_t pid, const struct sg *local, const struct sg *remote)
{
	if (local->num > MAX_IOV || remote->num > MAX_IOV || local->bytes != remote->bytes ||
	    local->bytes > MAX_BYTES)
		return false;
	return syscall(call, pid, local->v, (unsigned long)local->num, remote->v,
		       (unsigned long)remote->num, 0UL) == (long)local->bytes;
}

enum dma_fault dma_read(pid_t pid, const struct sg *local, const struct sg *remote,
			uint64_t *done_p)
{
	*done_p = local->bytes;
	if (copy_simple(SYS_process_vm_readv, pid, local, remote))
		return DMA_OK;
	return copy(SYS_process_vm_readv, pid, local, remote, done_p);
}

enum dma_fault dma_write(pid_t pid, const struct sg *local, const struct sg *remote,
			 uint64_t *done_p)
{
	*done_p = local->bytes;
	if (pid == getpid()) {
		enum dma_fault fault;

		/* Reading "from ourselves" is the same, and memory checkers
		 * then see which bytes become defined. */
		fault = dma_read(pid, remote, local, done_p);
		if (fault == DMA_LOCAL)
			return DMA_REMOTE;
		return fault == DMA_REMOTE ? DMA_LOCAL : fault;
	}
	if (copy_simple(SYS_process_vm_writev, pid, local, remote))
		return DMA_OK;
	return copy(SYS_process_vm_writev, pid, local, remote, done_p);
}
