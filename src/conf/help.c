/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --help, made from the option table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/parity.h"
#include "util/units.h"

#define HELP_COLUMN 34
#define HELP_WIDTH  100

/* @text in lines of HELP_WIDTH, each starting at HELP_COLUMN. */
static void print_wrapped(const char *text)
{
	int column = HELP_COLUMN;

	while (*text) {
		int word = (int)strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + word > HELP_WIDTH) {
			printf("\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
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

/* The other names of @opt, most of them perftest's. */
static void print_also(const struct rw_opt *opt)
{
	const char *before = "(also";
	char text[256] = "";
	size_t used = 0;

	if (opt->alias) {
		used = (size_t)snprintf(text, sizeof(text), "(also --%s", opt->alias);
		before = ",";
	}
	for (uint32_t i = 0; i < rw_nr_parity && used < sizeof(text); i++) {
		const char *name = rw_parity[i].name, *value;

		if (rw_parity_opt(&rw_parity[i], &value) != opt || !strcmp(name, opt->name))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s --%s", before, name);
		before = ",";
	}
	if (used) {
		printf("%*s", HELP_COLUMN, "");
		strcat(text, ")");
		print_wrapped(text);
	}
}

static void print_row(const struct rw_opt *opt, const struct rw_conf *conf)
{
	bool optional = opt->type == RW_OPT_OPTIONAL;
	char left[80], names[80], fallback[80], text[512];
	int used = 0;

	used = snprintf(left, sizeof(left), opt->letter ? "  -%c, " : "      ", opt->letter);
	snprintf(left + used, sizeof(left) - (size_t)used, "--%s%s%s%s", opt->name,
		 optional ? "[=" : opt->unit ? "=" : "", opt->unit ? opt->unit : "",
		 optional ? "]" : "");
	printf("%-*s", HELP_COLUMN, left);
	if (strlen(left) >= HELP_COLUMN)
		printf("\n%*s", HELP_COLUMN, "");
	names_text(opt, names, sizeof(names));
	default_text(opt, conf, fallback, sizeof(fallback));
	snprintf(text, sizeof(text), "%s%s%s", opt->help, names, fallback);
	print_wrapped(text);
	print_also(opt);
}

void rw_conf_help(const struct rw_test *test)
{
	const char *group = "";
	struct rw_conf conf;

	rw_conf_init(&conf, test);
	printf("%s: %s\n\n", test->program, test->title);
	printf("  %s [OPTIONS]          the server: waits for a client\n", test->program);
	printf("  %s [OPTIONS] HOST     the client: its load options count for both sides\n",
	       test->program);
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		if (!rw_opt_is_of(&rw_opts[i], test))
			continue;
		if (strcmp(group, rw_opts[i].group)) {
			group = rw_opts[i].group;
			printf("\n%s:\n", group);
		}
		print_row(&rw_opts[i], &conf);
	}
	printf("\nSizes take K, M and G (powers of 1024). Exit codes: 0 fine, 1 the run failed, 2 usage,\n"
	       "3 peer or handshake, 4 the device is missing or cannot do it, 5 data corrupt.\n");
}
