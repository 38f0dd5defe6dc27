/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "conf/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/parity.h"
#include "util/units.h"

void rw_print_wrapped(const char *text, int indent, int width)
{
	int column = indent;

	while (*text) {
		int word = (int)strcspn(text, " ");

		if (column > indent && column + 1 + word > width) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", word, text);
		column += word;
		text += word;
		text += *text == ' ';
	}
	putchar('\n');
}

static void default_text(const struct rw_opt *opt, const struct rw_conf *conf, char *buf,
			 size_t len)
{
	char size[RW_SIZE_TEXT];
	uint64_t value;

	buf[0] = '\0';
	if (opt->type == RW_OPT_FLAG || opt->type == RW_OPT_STRING || opt->type == RW_OPT_OPTIONAL)
		return;
	if (opt->fallback && strcmp(opt->fallback, "0")) {
		if (strcmp(opt->fallback, "auto"))
			snprintf(buf, len, "; default %s", opt->fallback);
		return;
	}
	value = *rw_opt_number(opt, (struct rw_conf *)(uintptr_t)conf);
	if (value >= opt->min)
		snprintf(buf, len, "; default %s",
			 opt->type == RW_OPT_SIZE ? rw_format_size(value, size) :
						    (snprintf(size, sizeof(size), "%" PRIu64, value),
						     size));
}

static void names_text(const struct rw_opt *opt, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; opt->names && opt->names[i] && used < len; i++)
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? " " : ": ",
					 opt->names[i]);
}

void rw_opt_words(const struct rw_opt *opt, const struct rw_conf *conf, char words[RW_OPT_WORDS])
{
	char names[80], fallback[80];

	names_text(opt, names, sizeof(names));
	default_text(opt, conf, fallback, sizeof(fallback));
	snprintf(words, RW_OPT_WORDS, "%s%s%s", opt->help, names, fallback);
}

uint32_t rw_opt_also(const struct rw_opt *opt, const char *names[RW_MAX_ALSO])
{
	const char *value;
	uint32_t n = 0;

	if (opt->alias)
		names[n++] = opt->alias;
	for (uint32_t i = 0; i < rw_nr_parity && n < RW_MAX_ALSO; i++)
		if (rw_parity_opt(&rw_parity[i], &value) == opt &&
		    strcmp(rw_parity[i].name, opt->name))
			names[n++] = rw_parity[i].name;
	return n;
}
