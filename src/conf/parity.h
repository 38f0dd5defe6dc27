/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The options of perftest (ib_read_bw, ib_write_bw, ib_read_lat, ib_write_lat and
 * their relatives), and what each is here: one row per option. The parser learns
 * perftest's other names and the refusals from it; --perftest prints it.
 *
 * Source: perftest 26.04 to master 00b55b6, man/perftest.1, usage() and the parser's
 * options in src/perftest_parameters.c; names of perftest 4.5 (Debian 12) beside them.
 */
#ifndef RW_CONF_PARITY_H
#define RW_CONF_PARITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/options.h"

/* Rows that the table may have. */
#define RW_MAX_PARITY 256

enum rw_parity_verdict {
	RW_PARITY_SAME,    /* our option of this name; of an option that we lack: not yet */
	RW_PARITY_RENAMED, /* an option of ours of another name, which this one is taken for */
	RW_PARITY_BETTER,  /* as one of the above, and more; or no option is needed */
	RW_PARITY_NONE,    /* means nothing to READs and WRITEs, or is not measured */
	RW_PARITY_NOT_YET, /* in no row: what rw_parity_verdict() makes of SAME */
	RW_NR_PARITY_VERDICTS,
};

struct rw_parity {
	char letter;      /* perftest's; 0: long form only */
	const char *name; /* perftest's */
	bool has_value;   /* perftest's takes one */
	enum rw_parity_verdict verdict;
	/*
	 * NAME; NAME=VALUE of a flag that stands for that; =VALUE: none, but that value
	 * asks for what is done anyway; NULL: none, or @name
	 */
	const char *ours;
	const char *why;  /* one clause: how, why not, and what to do instead; NULL: nothing to say */
};

extern const struct rw_parity rw_parity[];
extern const uint32_t rw_nr_parity;

/*
 * Our option that @row is taken for, and the value that it stands for (else NULL). NULL:
 * there is none; @value_p then is the only one that is not refused (NULL: all are).
 */
const struct rw_opt *rw_parity_opt(const struct rw_parity *row, const char **value_p);

/* What @row is in this program. */
enum rw_parity_verdict rw_parity_verdict(const struct rw_parity *row);

/*
 * The row of @word as it was typed (--name, --name=VALUE), or, if @letter is not 0,
 * of that letter. NULL: perftest has no such option.
 */
const struct rw_parity *rw_parity_find(const char *word, int letter);

/* Say in @err that perftest's option @row cannot be used, and why. Returns -EINVAL. */
int rw_parity_refuse(const struct rw_parity *row, struct rw_err *err);

/* Print the table as Markdown. */
void rw_parity_print(void);

#endif
