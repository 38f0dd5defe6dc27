/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Faults on purpose, and the random numbers of adversarial mode. The setting
 * "fault" is a comma separated list; each kind counts its own occasions from
 * 1 in every process:
 *
 *	KIND@N     the N-th occasion
 *	KIND@N+    from the N-th on
 *	KIND:RATE  each with this probability (0 to 1), by the seed
 */
#ifndef EMU_FAULT_H
#define EMU_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_REMOTE_ACCESS, /* a READ, WRITE or SEND is refused by the peer */
	FAULT_RETRY,         /* ... is never answered */
	FAULT_LOCAL_PROT,    /* ... fails at the local key */
	FAULT_FLIP,          /* one bit of its payload arrives inverted */
	FAULT_FREEZE,        /* the peer stops to answer, for good */
	FAULT_STALL,         /* the QP does nothing for stall_ms, then goes on */
	FAULT_PORT_DOWN,     /* the port goes down at this operation */
	FAULT_PORT_UP,       /* ... comes up: counted in polls while down */
	FAULT_MKEY_FAIL,     /* creating a memory key fails */
	FAULT_SLOW_REG,      /* a registration takes 10 ms */
	FAULT_KINDS
};

/* Parse the setting. Returns 0, or -EINVAL after one line on stderr. */
int fault_init(const char *text, uint64_t seed);

/* Whether this occasion of @kind is one to fail. Counts it. */
bool fault_hit(enum fault_kind kind);

/* Whether any fault of data operations is asked for at all. */
bool fault_data_armed(void);

/* A random number below @n (0 for n 0), by the seed. */
uint32_t fault_random(uint32_t n);

#endif
