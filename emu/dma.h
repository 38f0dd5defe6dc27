/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Lists of memory pieces, and copying between them and between processes.
 * All payload moves by system call, also inside one process: memory that the
 * application has unmapped then gives an error, not a crash.
 */
#ifndef EMU_DMA_H
#define EMU_DMA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* A list of pieces in the memory of one process. Grows; kept for reuse. */
struct sg {
	struct iovec *v;
	unsigned int num, room;
	uint64_t bytes;
};

/* Forget the pieces, keep the room. */
void sg_reset(struct sg *sg);

/* Cut the list back to @num pieces of @bytes in all. */
void sg_cut(struct sg *sg, unsigned int num, uint64_t bytes);

/* Append; joins what is contiguous. Returns 0 or -ENOMEM. */
int sg_add(struct sg *sg, uint64_t addr, uint64_t len);

void sg_free(struct sg *sg);

/* Where a copy failed. */
enum dma_fault {
	DMA_OK = 0,
	DMA_LOCAL,  /* our own memory is not there */
	DMA_REMOTE, /* the other process's memory is not there */
	DMA_GONE,   /* the other process is not there */
	DMA_DENIED, /* the kernel does not let us: ptrace restrictions */
};

/*
 * Copy min(local->bytes, remote->bytes) bytes from process @pid into our own
 * memory, or (dma_write) the other way. @done_p: bytes that were copied for
 * certain, when it fails. @pid may be our own.
 */
enum dma_fault dma_read(pid_t pid, const struct sg *local, const struct sg *remote,
			uint64_t *done_p);
enum dma_fault dma_write(pid_t pid, const struct sg *local, const struct sg *remote,
			 uint64_t *done_p);

#endif
