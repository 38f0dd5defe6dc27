/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The two tables of options -> what getopt_long wants, and back. */
#include "conf/names.h"

#include <string.h>

#define ROW_VALUE(i)    (RW_LONG_NAMES + (int)(i))
#define PARITY_VALUE(i) ROW_VALUE(RW_MAX_OPTS + (i))

static int arg_of(const struct rw_opt *opt)
{
	switch (opt->type) {
	case RW_OPT_FLAG:
		return no_argument;
	case RW_OPT_OPTIONAL:
		return optional_argument;
	default:
		return required_argument;
	}
}

/* Does perftest's @row add a name to @opt, or one that takes @value only? */
static bool adds_name(const struct rw_parity *row, const struct rw_opt *opt, const char *value)
{
	if (!opt)
		return value;
	return strcmp(row->name, opt->name) && (!opt->alias || strcmp(row->name, opt->alias));
}

static char *add_letter(char *letters, char letter, int has_arg)
{
	if (letter)
		*letters++ = letter;
	for (int colons = 0; letter && colons < has_arg; colons++)
		*letters++ = ':';
	return letters;
}

void rw_names_init(struct rw_names *names)
{
	struct option *longs = names->longs;
	char *letters = names->letters;
	const char *value;

	*letters++ = ':';
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];
		int has_arg = arg_of(opt);

		letters = add_letter(letters, opt->letter, has_arg);
		*longs++ = (struct option){ opt->name, has_arg, NULL, ROW_VALUE(i) };
		if (opt->alias)
			*longs++ = (struct option){ opt->alias, has_arg, NULL, ROW_VALUE(i) };
	}
	for (uint32_t i = 0; i < rw_nr_parity; i++) {
		const struct rw_parity *row = &rw_parity[i];
		const struct rw_opt *opt = rw_parity_opt(row, &value);

		if (!adds_name(row, opt, value))
			continue;
		if (!opt || row->letter != opt->letter)
			letters = add_letter(letters, row->letter, row->has_value);
		*longs++ = (struct option){ row->name, row->has_value, NULL, PARITY_VALUE(i) };
	}
	*letters = '\0';
	memset(longs, 0, sizeof(*longs));
}

struct rw_name rw_name_of(int what)
{
	const struct rw_parity *parity = NULL;
	struct rw_name name = { 0 };

	if (what >= PARITY_VALUE(0))
		parity = &rw_parity[what - PARITY_VALUE(0)];
	else if (what >= ROW_VALUE(0))
		name.opt = &rw_opts[what - ROW_VALUE(0)];
	for (uint32_t i = 0; what < ROW_VALUE(0) && i < rw_nr_opts; i++)
		if (rw_opts[i].letter == what)
			name.opt = &rw_opts[i];
	if (!name.opt && !parity)
		parity = rw_parity_find(NULL, what);
	name.theirs = parity;
	if (parity)
		name.opt = rw_parity_opt(parity, &name.value);
	name.typed = parity ? parity->name : name.opt ? name.opt->name : NULL;
	return name;
}
