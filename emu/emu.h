/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The device as one process sees it: its open contexts, their objects, and
 * the one lock that guards them and the engine.
 */
#ifndef EMU_EMU_H
#define EMU_EMU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <infiniband/verbs.h>

#include "emu/fabric.h"
#include "emu/settings.h"

#define EMU_MIN(a, b) ((a) < (b) ? (a) : (b))
#define EMU_MAX(a, b) ((a) > (b) ? (a) : (b))

struct emu_ctx;

/* An event channel: a pipe whose reading end the application holds. */
struct emu_channel {
	int read_fd;     /* given to the application; -1 once that closed it */
	int drain_fd;    /* the same pipe, not blocking, for our own use */
	int write_fd;
	unsigned int refs;
	struct emu_channel *next;
};

struct emu_pd {
	uint32_t pdn;
};

struct emu_mr {
	uint32_t index; /* of its key */
};

struct emu_cq {
	struct emu_ctx *ctx;
	uint32_t cqn;
	uint64_t user_handle; /* struct ibv_cq * of the application */
	uint8_t *buf;
	uint32_t log_cqes;
	uint32_t cqe_size;
	_Atomic uint32_t *dbrec; /* [0] consumer index, [1] arm; big endian */
	uint32_t pi;
	uint32_t arm_seen;   /* the arm word that was answered last */
	uint32_t armed_at;   /* producer index when it was armed */
	uint32_t solicited;  /* producer index after the last solicited CQE */
	bool timestamps;
	bool ignore_overrun;
	bool overrun;
	struct emu_channel *channel;
	uint32_t comp_events;  /* written to the channel and not drained */
	uint32_t async_events;
	uint32_t hold;       /* adversarial: polls for which nothing comes */
	int (*poll_cq)(struct ibv_cq *cq, int num, struct ibv_wc *wc);
	int (*start_poll)(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr);
	struct emu_cq *next;
};

struct emu_qp; /* qp.h */

enum obj_kind { OBJ_NONE, OBJ_PD, OBJ_MR, OBJ_MKEY, OBJ_CQ, OBJ_QP, OBJ_UAR };

struct emu_obj {
	enum obj_kind kind;
	void *ptr;
};

/* One open of the character device. */
struct emu_ctx {
	int fd;
	uint32_t dev;
	struct emu_channel *async;
	struct emu_obj *objs; /* by handle; handle 0 is never used */
	uint32_t num_objs;
	uint32_t first_free;
	uint32_t next_uar;
	struct emu_ctx *next;
};

struct emu {
	struct emu_settings set;
	char dir[256]; /* of the fabric; empty: the library does nothing */
	bool attached;
	pid_t pid;     /* of the process that attached */
	uint32_t proc; /* own slot in the fabric */
	pthread_mutex_t lock;
	struct emu_ctx *ctxs;
	struct emu_channel *channels;
	struct emu_cq *cqs;
	struct emu_qp **qps;
	uint32_t num_qps, room_qps;
	uint32_t port_seen[FAB_DEVS]; /* port_down as last told to contexts */
};

extern struct emu emu;

/* Nanoseconds of the monotonic clock. */
uint64_t emu_now(void);

/* What a descriptor is to this library; no lock is needed. */
enum emu_fd_kind { FD_OTHER, FD_CTX, FD_CHANNEL };
enum emu_fd_kind emu_fd_kind(int fd);

/* Say what @fd is. Returns -EMFILE if the number is too high to be known. */
int emu_fd_set(int fd, enum emu_fd_kind kind);

#endif
