/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the processes of one fabric share: who is there, all queue pairs, all
 * memory keys, and one ring of messages for every queue pair. It is one sparse
 * file in the fabric's directory, mapped by every process at the same layout
 * (offsets, never pointers). Payload is not in it, except small SENDs: it
 * moves from process to process with process_vm_readv and process_vm_writev.
 */
#ifndef EMU_FABRIC_H
#define EMU_FABRIC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	FAB_DEVS = 2,        /* mlx5_0 and mlx5_1 */
	FAB_PROCS = 1024,
	FAB_QPS = 8192,
	FAB_KEYS = 1 << 18,
	FAB_QPN_FIRST = 0x40, /* QP numbers below it are special on real devices */
	FAB_KEY_FIRST = 0x18, /* so that no key is 0 or small by accident */
	FAB_MSGS = 16,        /* messages on their way to one QP; a power of two */
	FAB_EAGER = 1024,     /* payload bytes that travel inside a message */
	FAB_SGES = 64,        /* SGEs that a message can name instead */
};

/* A process. The slot is free while pid is 0. */
struct fab_proc {
	_Atomic int32_t pid;
	_Atomic uint32_t kick;     /* futex: something happened for this process */
	_Atomic uint32_t sleeping; /* its background thread waits on @kick */
	uint32_t reserved;
};

/* The part of a QP that its peer must see. Written by the owner, except @nak. */
struct fab_qp {
	_Atomic uint32_t used;
	_Atomic uint32_t state; /* enum ibv_qp_state */
	_Atomic uint32_t nak;   /* set by the peer: a request was refused here */
	_Atomic uint32_t epoch; /* incremented by each reset and destroy */
	uint32_t proc;
	uint32_t dev;
	uint32_t pdn;
	uint32_t peer_qpn;
	uint32_t access; /* IBV_ACCESS_REMOTE_*, what qp_access_flags allows */
	uint8_t max_dest_rd;
	uint8_t min_rnr_timer;
	uint8_t pkey_index; /* equal in both ends: the table is the same everywhere */
	uint8_t reserved;
	/* own messages that the peer has taken; it says so here, on our side,
	 * because its QP may be gone the moment after */
	_Atomic uint32_t acked;
	/* ring of messages to this QP: the peer produces, the owner consumes */
	_Atomic uint32_t head;
	_Atomic uint32_t tail;
};

enum fab_msg_status {
	MSG_READY, /* may be taken by the receiver */
	MSG_RNR,   /* no receive WQE was there: the sender must send it again */
	MSG_NAK,   /* refused; @syndrome says how */
};

struct fab_sge {
	uint64_t addr;
	uint32_t length;
	uint32_t lkey;
};

/* A SEND, or the part of a WRITE_IMM that needs a receive WQE. */
struct fab_msg {
	_Atomic uint32_t status;
	uint32_t syndrome;
	uint32_t src_qpn;
	uint32_t src_epoch;
	uint32_t seq; /* of the sender's messages */
	uint32_t length;
	uint32_t imm; /* big endian, or the key to invalidate */
	uint8_t opcode;
	uint8_t solicited;
	uint8_t eager; /* the payload is in @data, else in @sge of the sender */
	uint8_t num_sge;
	union {
		uint8_t data[FAB_EAGER];
		struct fab_sge sge[FAB_SGES];
	};
};

enum fab_key_kind { KEY_NONE, KEY_MR, KEY_INDIRECT };
enum fab_layout { LAYOUT_LIST, LAYOUT_REPEAT };

/* A memory key. Guarded by a sequence counter: odd while it is written. */
struct fab_key {
	_Atomic uint32_t seq;
	_Atomic uint32_t proc; /* owner's slot + 1; 0: the entry is free */
	uint32_t dev;
	uint32_t pdn;
	uint8_t kind;
	uint8_t variant; /* low 8 bits of the key */
	uint8_t access;  /* MLX5_WQE_MKEY_CONTEXT_ACCESS_FLAGS_* */
	uint8_t invalid; /* the mkey's "free" bit: no access until the next UMR */
	uint8_t remote_inval;
	uint8_t layout;  /* enum fab_layout */
	uint8_t reserved[2];
	uint64_t start;
	uint64_t length;
	uint64_t va;          /* KEY_MR: address in the owner of @start */
	uint64_t entries_off; /* KEY_INDIRECT: 16-byte entries in the heap */
	uint32_t max_entries;
	uint32_t num_entries;
	uint32_t uniform; /* bytes of every entry when all are alike, else 0 */
	uint32_t next_free;
};

struct fab {
	uint64_t magic;
	uint64_t size;
	pthread_mutex_t lock; /* robust; taken to allocate and to reap */
	uint32_t link;        /* enum emu_link of both ports */
	_Atomic uint32_t port_down[FAB_DEVS];
	_Atomic uint32_t next_pdn;
	uint32_t next_qp;  /* where the search for a free QP starts */
	uint32_t next_key; /* likewise for keys */
	uint32_t qps_used; /* entries of the table that were ever used */
	uint32_t keys_used;
	uint64_t heap_used;
	uint64_t heap_free[32]; /* heads of free lists, by log2 of the size */
	struct fab_proc proc[FAB_PROCS];
	struct fab_qp qp[FAB_QPS];
	struct fab_key key[FAB_KEYS];
};

/*
 * Map the fabric of directory @dir, creating it with @link if nobody has.
 * Returns 0 or -errno after one line on stderr.
 */
int fab_open(const char *dir, uint32_t link);

/* Take a process slot for the calling process. Reaps dead ones first. */
int fab_attach(uint32_t *proc_p);

/* Give back the slot @proc with all its QPs and keys. */
void fab_detach(uint32_t proc);

/* A QP number and its shared part; -ENOMEM when all are in use. */
int fab_qp_alloc(uint32_t proc, uint32_t dev, uint32_t *qpn_p);
void fab_qp_free(uint32_t qpn);

/* The shared part of @qpn, or NULL if there is no such number. */
struct fab_qp *fab_qp(uint32_t qpn);

/* Slot @index (any number: it wraps) of the ring of messages to @qpn. */
struct fab_msg *fab_msg(uint32_t qpn, uint32_t index);

/* A key index, locked for writing until fab_key_publish(); -ENOMEM when full. */
int fab_key_alloc(uint32_t proc, uint32_t *index_p);
void fab_key_free(uint32_t index);
struct fab_key *fab_key(uint32_t index);
void fab_key_write(struct fab_key *key);
void fab_key_publish(struct fab_key *key);

/* Room for @bytes in the shared heap; offset 0 is never given. */
int fab_heap_alloc(uint64_t bytes, uint64_t *off_p);
void fab_heap_free(uint64_t off, uint64_t bytes);
void *fab_heap(uint64_t off);

/* Tell process slot @proc that there is something to do, and wake it. */
void fab_kick(uint32_t proc);

/* Whether the process of slot @proc is still there; reaps nothing. */
bool fab_alive(uint32_t proc);

/* The pid in slot @proc, 0 if the slot is free. */
pid_t fab_pid(uint32_t proc);

/* Forget everything of the fabric after fork(): the child has no slot yet. */
void fab_forget(void);

extern struct fab *fab;

#endif
