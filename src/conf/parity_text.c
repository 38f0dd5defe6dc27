/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* perftest's options: which is meant, why it is refused, and the table as Markdown. */
#include "conf/parity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_WIDTH 100

static const struct rw_opt *opt_named(const char *name, size_t len)
{
	for (uint32_t i = 0; i < rw_nr_opts; i++)
		if (strlen(rw_opts[i].name) == len && !memcmp(rw_opts[i].name, name, len))
			return &rw_opts[i];
	return NULL;
}

const struct rw_opt *rw_parity_opt(const struct rw_parity *row, const char **value_p)
{
	const char *ours = row->ours;
	size_t len;

	*value_p = NULL;
	if (row->verdict == RW_PARITY_SAME)
		ours = row->name;
	if (!ours)
		return NULL;
	len = strcspn(ours, "=");
	if (ours[len])
		*value_p = ours + len + 1;
	return opt_named(ours, len);
}

enum rw_parity_verdict rw_parity_verdict(const struct rw_parity *row)
{
	const char *value;

	if (row->verdict == RW_PARITY_SAME && !rw_parity_opt(row, &value))
		return RW_PARITY_NOT_YET;
	return row->verdict;
}

const struct rw_parity *rw_parity_find(const char *word, int letter)
{
	size_t len;

	for (uint32_t i = 0; letter && i < rw_nr_parity; i++)
		if (rw_parity[i].letter == letter)
			return &rw_parity[i];
	if (letter || strncmp(word, "--", 2))
		return NULL;
	word += 2;
	len = strcspn(word, "=");
	for (uint32_t i = 0; i < rw_nr_parity; i++)
		if (strlen(rw_parity[i].name) == len && !memcmp(rw_parity[i].name, word, len))
			return &rw_parity[i];
	return NULL;
}

int rw_parity_refuse(const struct rw_parity *row, struct rw_err *err)
{
	static const char *const how[RW_NR_PARITY_VERDICTS] = {
		[RW_PARITY_BETTER] = "is perftest's and not needed here",
		[RW_PARITY_NONE] = "is perftest's and does not apply here",
		[RW_PARITY_NOT_YET] = "is perftest's and not there yet",
	};
	enum rw_parity_verdict verdict = rw_parity_verdict(row);
	char letter[8] = "";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	return rw_fail(err, RW_EXIT_USAGE, -EINVAL, "%s--%s %s%s%s", letter, row->name,
		       how[verdict] ? how[verdict] : "is perftest's",
		       row->why ? ": " : "; leave it out", row->why ? row->why : "");
}

/* `-t --tx-depth=` */
static int name_text(const struct rw_parity *row, char *buf, size_t len)
{
	char letter[8] = "";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c ", row->letter);
	return snprintf(buf, len, "`%s--%s%s`", letter, row->name, row->has_value ? "=" : "");
}

/* Does its verdict say all of @row? */
static bool is_plain(const struct rw_parity *row)
{
	return row->verdict == RW_PARITY_SAME && !row->why;
}

/* "@title: " and the names of all plain rows of @verdict; nothing if there are none. */
static void print_plain(const char *title, enum rw_parity_verdict verdict)
{
	const char *before = title;
	int column = 0;

	for (uint32_t i = 0; i < rw_nr_parity; i++) {
		char name[80];
		int len;

		if (!is_plain(&rw_parity[i]) || rw_parity_verdict(&rw_parity[i]) != verdict)
			continue;
		len = name_text(&rw_parity[i], name, sizeof(name));
		column += printf("%s", before);
		if (column + 1 + len + 1 > TEXT_WIDTH)
			column = printf("\n%s", name) - 1;
		else
			column += printf(" %s", name);
		before = ",";
	}
	if (column)
		puts(".\n");
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Is of @a and @b the same to be said? Then they share a line of the table. */
static bool share_line(const struct rw_parity *a, const struct rw_parity *b)
{
	return rw_parity_verdict(a) == rw_parity_verdict(b) && same_text(a->ours, b->ours) &&
	       same_text(a->why, b->why);
}

static bool is_told(uint32_t row)
{
	for (uint32_t i = 0; i < row; i++)
		if (share_line(&rw_parity[i], &rw_parity[row]))
			return true;
	return is_plain(&rw_parity[row]);
}

static void print_line(uint32_t first)
{
	static const char *const verdicts[RW_NR_PARITY_VERDICTS] = {
		[RW_PARITY_SAME] = "same",
		[RW_PARITY_RENAMED] = "same, by another name",
		[RW_PARITY_BETTER] = "better",
		[RW_PARITY_NONE] = "not applicable",
		[RW_PARITY_NOT_YET] = "not yet",
	};
	const struct rw_parity *row = &rw_parity[first];
	const char *separator = "| ";

	for (uint32_t i = first; i < rw_nr_parity; i++) {
		char name[80];

		if (!share_line(row, &rw_parity[i]))
			continue;
		name_text(&rw_parity[i], name, sizeof(name));
		printf("%s%s", separator, name);
		separator = ", ";
	}
	printf(" | %s", verdicts[rw_parity_verdict(row)]);
	if (row->ours)
		printf(*row->ours == '=' ? ", but for `%s`" : ": `--%s`",
		       row->ours + (*row->ours == '='));
	printf(" | %s |\n", row->why ? row->why : "");
}

void rw_parity_print(void)
{
	print_plain("The same letter, name and meaning:", RW_PARITY_SAME);
	print_plain("Not there yet:", RW_PARITY_NOT_YET);
	puts("| perftest | here | |\n|---|---|---|");
	for (uint32_t i = 0; i < rw_nr_parity; i++)
		if (!is_told(i))
			print_line(i);
}
