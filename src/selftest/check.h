/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Inside the self-test: one assumption, and what its function is given. */
#ifndef RW_SELFTEST_CHECK_H
#define RW_SELFTEST_CHECK_H

#include <signal.h>

#include "conf/conf.h"
#include "mr/engine.h"
#include "verbs/device.h"

struct rw_selftest {
	const struct rw_conf *conf;
	struct rw_device *device;
	const volatile sig_atomic_t *stop;
	const struct rw_engine *engine; /* of the row; NULL: the direct path */
	enum rw_op op;			/* of the row */
	uint64_t seed;			/* of the data; no two operations have the same */
	char at[64];			/* at which step the row is, "segments 3: " */
	char found[128];		/* what a row that holds has seen */
};

/* To what a row applies: the direct path, or each engine that works this way. */
enum rw_check_kind {
	RW_CHECK_DIRECT,
	RW_CHECK_ENGINE,  /* any */
	RW_CHECK_KEYS,	  /* registers by a WQE: has keys of its own, and LOCAL_INV */
	RW_CHECK_INLINE,  /* ... with the list in the WQE */
	RW_CHECK_POINTER, /* ... with the list behind a pointer */
	RW_CHECK_PAGES,	  /* segments mapped side by side */
};

struct rw_check {
	enum rw_check_kind kind;
	enum rw_op op;
	const char *name;
	const char *expected;
	/* 0 and @t->found: it holds; -errno, told in @err: it does not. */
	int (*run)(struct rw_selftest *t, struct rw_err *err);
};

extern const struct rw_check rw_checks[];
extern const uint32_t rw_nr_checks;

/* Rows with data that must arrive: check_data.c */
int rw_check_counts(struct rw_selftest *t, struct rw_err *err);
int rw_check_uneven(struct rw_selftest *t, struct rw_err *err);
int rw_check_small(struct rw_selftest *t, struct rw_err *err);
int rw_check_several(struct rw_selftest *t, struct rw_err *err);

/* Rows about a key's life: check_key.c */
int rw_check_reuse(struct rw_selftest *t, struct rw_err *err);
int rw_check_replace(struct rw_selftest *t, struct rw_err *err);
int rw_check_batch(struct rw_selftest *t, struct rw_err *err);
int rw_check_dead_key(struct rw_selftest *t, struct rw_err *err);
int rw_check_low_bits(struct rw_selftest *t, struct rw_err *err);
int rw_check_beyond(struct rw_selftest *t, struct rw_err *err);

/* Rows of one more than a limit: check_limit.c */
int rw_check_sge_limit(struct rw_selftest *t, struct rw_err *err);
int rw_check_inline_limit(struct rw_selftest *t, struct rw_err *err);
int rw_check_list_limit(struct rw_selftest *t, struct rw_err *err);
int rw_check_page_limit(struct rw_selftest *t, struct rw_err *err);

#endif
