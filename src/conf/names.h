/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The names of options as getopt_long wants them: ours, and perftest's for ours. */
#ifndef RW_CONF_NAMES_H
#define RW_CONF_NAMES_H

#include <getopt.h>

#include "conf/options.h"
#include "conf/parity.h"

/* getopt's values of long names begin here, above every letter. */
#define RW_LONG_NAMES 256

struct rw_names {
	char letters[1 + 3 * (RW_MAX_OPTS + RW_MAX_PARITY) + 1];
	struct option longs[2 * RW_MAX_OPTS + RW_MAX_PARITY + 1];
};

/* What was typed: our option, as it or perftest calls it. */
struct rw_name {
	const struct rw_opt *opt; /* NULL: we have none */
	const char *typed;        /* the long name; NULL: neither we nor perftest have one */
	const char *value;        /* as rw_parity_opt() says; NULL: nothing */
	const struct rw_parity *theirs; /* perftest's row, if it is perftest's name; else NULL */
};

/* A missing argument is told from an unknown option (the ':' of getopt). */
void rw_names_init(struct rw_names *names);

/* What getopt's @what is: a letter, or a value of the long names. */
struct rw_name rw_name_of(int what);

#endif
