/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Copies a template from stdin to stdout, with the options of a program in place
 * of the line @OPTIONS@ and its name in place of @PROGRAM@. Runs while rwperf is
 * built and is not installed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/programs.h"
#include "conf/words.h"
#include "util/units.h"

#define MAN_WIDTH 78

/* ---- mdoc */

/*
 * @text as running text: a period or quote at the beginning of a word could come to
 * stand at that of a line, where it would begin a request; dashes are those of options.
 */
static void escape(const char *text, char *buf, size_t len)
{
	size_t used = 0;

	for (const char *p = text; *p && used + 4 < len; p++) {
		if ((*p == '.' || *p == '\'') && (p == text || p[-1] == ' '))
			used += (size_t)snprintf(buf + used, len - used, "\\&%c", *p);
		else if (*p == '-')
			used += (size_t)snprintf(buf + used, len - used, "\\-");
		else if (*p == '\\')
			used += (size_t)snprintf(buf + used, len - used, "\\e");
		else
			buf[used++] = *p;
	}
	buf[used] = '\0';
}

/* As a sentence: --help has clauses. */
static void print_sentence(const char *text)
{
	char sentence[RW_OPT_WORDS + 2], escaped[2 * sizeof(sentence)];

	snprintf(sentence, sizeof(sentence), "%s.", text);
	if (*sentence >= 'a' && *sentence <= 'z')
		*sentence = (char)(*sentence - 'a' + 'A');
	escape(sentence, escaped, sizeof(escaped));
	rw_print_wrapped(escaped, 0, MAN_WIDTH);
}

static void print_range(const struct rw_opt *opt)
{
	char min[RW_SIZE_TEXT], max[RW_SIZE_TEXT];

	if (opt->type == RW_OPT_SIZE)
		printf("From %s to %s.\n", rw_format_size(opt->min, min),
		       rw_format_size(opt->max, max));
	else if (opt->type == RW_OPT_NUMBER)
		printf("From %" PRIu64 " to %" PRIu64 ".\n", opt->min, opt->max);
}

static void mdoc_option(const struct rw_opt *opt, const struct rw_conf *conf)
{
	const char *also[RW_MAX_ALSO];
	uint32_t n = rw_opt_also(opt, also);
	char words[RW_OPT_WORDS];

	printf(".It");
	if (opt->letter)
		printf(" Fl %c ,", opt->letter);
	printf(" Fl \\-%s", opt->name);
	if (opt->type == RW_OPT_OPTIONAL)
		printf(" Ns Oo = Ns Ar %s Oc", opt->unit);
	else if (opt->unit)
		printf(" Ns = Ns Ar %s", opt->unit);
	putchar('\n');
	rw_opt_words(opt, conf, words);
	print_sentence(words);
	print_range(opt);
	for (uint32_t i = 0; i < n; i++)
		printf("%s.Fl \\-%s%s\n", i ? "" : "Also\n", also[i], i + 1 < n ? " ," : " .");
}

static void print_mdoc(const struct rw_test *test)
{
	const char *group = "";
	struct rw_conf conf;

	rw_conf_init(&conf, test);
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		if (!rw_opt_is_of(&rw_opts[i], test))
			continue;
		if (strcmp(group, rw_opts[i].group)) {
			printf("%s.Ss %s\n.Bl -tag -width Ds\n", *group ? ".El\n" : "",
			       rw_opts[i].group);
			group = rw_opts[i].group;
		}
		mdoc_option(&rw_opts[i], &conf);
	}
	printf(".El\n");
}

/* ---- bash: two variables and the patterns of a case (rwperf.bash.in) */

static void bash_names(const struct rw_test *test)
{
	printf("\tnames='");
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const struct rw_opt *opt = &rw_opts[i];

		if (!rw_opt_is_of(opt, test))
			continue;
		if (opt->letter)
			printf("-%c ", opt->letter);
		printf("--%s%s\n", opt->name,
		       opt->unit && opt->type != RW_OPT_OPTIONAL ? "=" : "");
	}
	printf("'\n\talso='");
	for (uint32_t i = 0; i < rw_nr_opts; i++) {
		const char *also[RW_MAX_ALSO];
		uint32_t n = rw_opt_is_of(&rw_opts[i], test) ? rw_opt_also(&rw_opts[i], also) : 0;

		for (uint32_t j = 0; j < n; j++)
			printf("--%s\n", also[j]);
	}
	printf("'\n");
}

/* What may stand after @opt: a list, a name, a file, ... */
static const char *value_kind(const struct rw_opt *opt)
{
	if (opt->type == RW_OPT_LIST)
		return "list";
	if (!strcmp(opt->unit, "DEVICE") || !strcmp(opt->unit, "FILE"))
		return opt->unit;
	return opt->names || rw_opt_has_auto(opt) ? "words" : "other";
}

static void bash_values(const struct rw_opt *opt)
{
	printf("\t");
	if (opt->letter)
		printf("-%c | ", opt->letter);
	printf("--%s) kind=%s", opt->name, value_kind(opt));
	/* "--name value" are two words then. */
	if (opt->type == RW_OPT_OPTIONAL)
		printf(" optional=yes");
	if (opt->names || rw_opt_has_auto(opt)) {
		printf(" values='%s", rw_opt_has_auto(opt) ? "auto" : "");
		for (int i = 0; opt->names && opt->names[i]; i++)
			printf("%s%s", i ? " " : "", opt->names[i]);
		printf("'");
	}
	printf(" ;;\n");
}

static void print_bash(const struct rw_test *test)
{
	bash_names(test);
	printf("\tcase $option in\n");
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (rw_opt_is_of(&rw_opts[i], test) && rw_opts[i].unit)
			bash_values(&rw_opts[i]);
	printf("\tesac\n");
}

/* ---- the template */

static void copy_line(const char *line, const char *program)
{
	static const char mark[] = "@PROGRAM@";
	const char *at;

	while ((at = strstr(line, mark))) {
		printf("%.*s%s", (int)(at - line), line, program);
		line = at + strlen(mark);
	}
	fputs(line, stdout);
}

int main(int argc, char *argv[])
{
	void (*print)(const struct rw_test *test) = NULL;
	const struct rw_test *test = NULL;
	char line[1024];

	if (argc == 3 && !strcmp(argv[1], "mdoc"))
		print = print_mdoc;
	else if (argc == 3 && !strcmp(argv[1], "bash"))
		print = print_bash;
	if (print && !strcmp(argv[2], rw_bw_test.program))
		test = &rw_bw_test;
	else if (print && !strcmp(argv[2], rw_lat_test.program))
		test = &rw_lat_test;
	if (!test) {
		fprintf(stderr, "usage: options mdoc|bash ib_rw_bw|ib_rw_lat <TEMPLATE\n");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "@OPTIONS@\n"))
			print(test);
		else
			copy_line(line, test->program);
	}
	if (ferror(stdin) || fflush(stdout) || ferror(stdout)) {
		perror("options");
		return 1;
	}
	return 0;
}
