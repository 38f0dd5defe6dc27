/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is told of an option, in --help as in the man page. */
#ifndef RW_CONF_WORDS_H
#define RW_CONF_WORDS_H

#include "conf/options.h"

/* Room for all that is told of an option; a longer text is cut. */
#define RW_OPT_WORDS 640

/* What @opt does, its values if they have names, and its default in @conf (rw_conf_init). */
void rw_opt_words(const struct rw_opt *opt, const struct rw_conf *conf, char words[RW_OPT_WORDS]);

/*
 * The other long names of @opt, most of them perftest's. Returns how many, at
 * most RW_MAX_ALSO.
 */
#define RW_MAX_ALSO 8
uint32_t rw_opt_also(const struct rw_opt *opt, const char *names[RW_MAX_ALSO]);

/* Print @text in lines of @width columns; all but the first begin with @indent blanks. */
void rw_print_wrapped(const char *text, int indent, int width);

#endif
