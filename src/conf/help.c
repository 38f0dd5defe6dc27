/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* --help, made from the option table. */
#include <stdio.h>
#include <string.h>

#include "conf/words.h"

#define HELP_COLUMN 34
#define HELP_WIDTH  100

/* The other names of @opt, most of them perftest's. */
static void print_also(const struct rw_opt *opt)
{
	const char *names[RW_MAX_ALSO];
	uint32_t n = rw_opt_also(opt, names);
	char text[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < n && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s --%s%s",
					 i ? "," : "(also", names[i], i + 1 < n ? "" : ")");
	if (n) {
		printf("%*s", HELP_COLUMN, "");
		rw_print_wrapped(text, HELP_COLUMN, HELP_WIDTH);
	}
}

static void print_row(const struct rw_opt *opt, const struct rw_conf *conf)
{
	bool optional = opt->type == RW_OPT_OPTIONAL;
	char left[80], words[RW_OPT_WORDS];
	int used = 0;

	used = snprintf(left, sizeof(left), opt->letter ? "  -%c, " : "      ", opt->letter);
	snprintf(left + used, sizeof(left) - (size_t)used, "--%s%s%s%s", opt->name,
		 optional ? "[=" : opt->unit ? "=" : "", opt->unit ? opt->unit : "",
		 optional ? "]" : "");
	printf("%-*s", HELP_COLUMN, left);
	if (strlen(left) >= HELP_COLUMN)
		printf("\n%*s", HELP_COLUMN, "");
	rw_opt_words(opt, conf, words);
	rw_print_wrapped(words, HELP_COLUMN, HELP_WIDTH);
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
