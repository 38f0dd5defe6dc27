/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The option table: one row per option. The parser, --help, the JSON echo and
 * the configuration that travels to the server are all made from it.
 */
#ifndef RW_CONF_OPTIONS_H
#define RW_CONF_OPTIONS_H

#include <string.h>

#include "conf/conf.h"

enum rw_opt_type {
	RW_OPT_FLAG,   /* bool */
	RW_OPT_NUMBER, /* uint64_t, decimal or 0x */
	RW_OPT_SIZE,   /* uint64_t bytes, K M G allowed */
	RW_OPT_NAME,   /* uint64_t, index into names */
	RW_OPT_LIST,   /* uint64_t, one bit for each of names; comma-separated */
	RW_OPT_STRING, /* char[] of max bytes, terminator included */
	RW_OPT_OPTIONAL, /* struct rw_optional: a flag that may have a text: --name[=TEXT] */
};

enum rw_opt_scope {
	RW_SCOPE_SIDE,   /* each side has its own */
	RW_SCOPE_SERVER, /* only a server reads it; refused on a client */
	RW_SCOPE_OUTPUT, /* only the client, which reports, reads it */
	RW_SCOPE_RUN,    /* describes the run: the client's travels */
	RW_SCOPE_LOCAL,  /* asks for something else than a run; in no report */
};

struct rw_opt {
	char letter; /* 0: long form only */
	const char *name;
	const char *alias; /* a second long name, or NULL */
	enum rw_opt_type type;
	enum rw_opt_scope scope;
	const char *group;
	size_t offset; /* in struct rw_conf */
	uint64_t min, max;
	const char *fallback; /* the default as one would type it; "auto": RW_AUTO; NULL: the test's */
	const char *unit;     /* what stands after the name in --help; DEVICE and FILE are completed */
	const char *const *names; /* of a NAME or LIST: all values; of a text: those it is known for */
	const char *help;
	const char *only; /* the id of the one test that has it; NULL: all have */
};

extern const struct rw_opt rw_opts[];
extern const uint32_t rw_nr_opts;

/* Has @test this option? */
static inline bool rw_opt_is_of(const struct rw_opt *opt, const struct rw_test *test)
{
	return !opt->only || !strcmp(opt->only, test->id);
}

/*
 * Set the field of @opt in @conf from what a person typed. Returns 0 or
 * -EINVAL with @err told; the text shows the option as it is typed.
 */
int rw_opt_set(const struct rw_opt *opt, struct rw_conf *conf, const char *text,
	       struct rw_err *err);

/* Which of the names of @opt @text is, from 0 on, or -EINVAL with @err told. */
int rw_opt_name_index(const struct rw_opt *opt, const char *text, struct rw_err *err);

/* Has @opt a value "auto" (RW_AUTO)? */
bool rw_opt_has_auto(const struct rw_opt *opt);

static inline uint64_t *rw_opt_number(const struct rw_opt *opt, struct rw_conf *conf)
{
	return (uint64_t *)((char *)conf + opt->offset);
}

static inline bool *rw_opt_flag(const struct rw_opt *opt, struct rw_conf *conf)
{
	return (bool *)((char *)conf + opt->offset);
}

static inline struct rw_optional *rw_opt_optional(const struct rw_opt *opt, struct rw_conf *conf)
{
	return (struct rw_optional *)((char *)conf + opt->offset);
}

static inline char *rw_opt_string(const struct rw_opt *opt, struct rw_conf *conf)
{
	return (char *)conf + opt->offset;
}

#endif
