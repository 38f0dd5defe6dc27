// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "conf.h"
#include "memory.h"

#define CONTEXT_BYTES 512
#define MR_BYTES 4096
#define MR_SEGMENTS 256

static const char *const roles[] = { "server", "client", NULL };
static const char *const ops[] = { "read", "write", NULL };
static const char *const arrivals[] = { "poisson", "fixed", NULL };
static const char *const policies[] = { "drop", "wait", "teardown", NULL };

#define FIELD(member) .offset = offsetof(struct rwb_conf, member)

/* One row a key. Without names: a number from min to max. */
static const struct row {
	const char *key;
	size_t offset;
	s64 preset, min, max;
	const char *const *names;
} rows[] = {
	{ "role", FIELD(role), -1, .names = roles },
	{ "op", FIELD(op), RWB_READ, .names = ops },
	{ "on_exhaustion", FIELD(policy), RWB_DROP, .names = policies },
	{ "port", FIELD(port), 18515, 0, 65535 },
	{ "size", FIELD(size), 65536, 1, RWB_MAX_SIZE },
	{ "segment", FIELD(segment), 4096, 1, 1 << 20 },
	{ "contexts", FIELD(contexts), 128, 1, RWB_MAX_CONTEXTS },
	{ "max_rdma_ctxs", FIELD(pool), 0, 0, 65536 },
	{ "qps", FIELD(qps), 1, 1, 64 },
	{ "count", FIELD(count), 0, 0, S64_MAX },
	{ "warm_up", FIELD(warm_up), 0, 0, 1 << 20 },
	{ "duration_ms", FIELD(duration_ms), 0, 0, 1000LL * 86400 * 7 },
	{ "rate", FIELD(rate), 0, 0, 20000000 },
	{ "arrival", FIELD(arrival), RWB_POISSON, .names = arrivals },
	{ "max_sgl_rd", FIELD(max_sgl_rd), RWB_SGL_AS_FOUND, RWB_SGL_AS_FOUND, 65536 },
	{ "max_sge", FIELD(max_sge), 32, 1, 256 },
	{ "verify", FIELD(verify), 0, 0, 1 },
	{ "seed", FIELD(seed), 1, 0, S64_MAX },
	{ "timeout", FIELD(timeout), 14, 1, 31 },
	{ "deadline_ms", FIELD(deadline_ms), 10000, 100, 600000 },
	{ "memory_mb", FIELD(memory_mb), 64, 1, 65536 },
	{ "clients", FIELD(clients), 64, 1, RWB_MAX_CONNS },
	{ "while_open", FIELD(while_open), 0, 0, 1 },
};

static s64 *field(struct rwb_conf *conf, const struct row *row)
{
	return (s64 *)((char *)conf + row->offset);
}

const char *rwb_op_name(s64 op)
{
	return ops[op];
}

const char *rwb_policy_name(s64 policy)
{
	return policies[policy];
}

static int set_number(struct rwb_conf *conf, const struct row *row, const char *value)
{
	s64 number;

	if (row->names) {
		int i = match_string(row->names, -1, value);

		if (i < 0)
			return -EINVAL;
		*field(conf, row) = i;
		return 0;
	}
	if (kstrtos64(value, 10, &number) || number < row->min || number > row->max)
		return -EINVAL;
	*field(conf, row) = number;
	return 0;
}

/* What the value of this key can be. */
static const char *range_of(struct rwb_conf *conf, const struct row *row)
{
	const char *const *name;
	size_t n;

	if (!row->names) {
		scnprintf(conf->why, sizeof(conf->why), "%s: a number from %lld to %lld", row->key,
			  row->min, row->max);
		return conf->why;
	}
	n = scnprintf(conf->why, sizeof(conf->why), "%s: one of", row->key);
	for (name = row->names; *name; name++)
		n += scnprintf(conf->why + n, sizeof(conf->why) - n, " %s", *name);
	return conf->why;
}

/* A run's name becomes a file's, and stands in JSON. */
static bool is_name(const char *text)
{
	if (!*text || *text == '.' || strlen(text) > RWB_NAME_MAX)
		return false;
	for (; *text; text++)
		if (!(isascii(*text) && isalnum(*text)) && !strchr("-_.", *text))
			return false;
	return true;
}

static int set(struct rwb_conf *conf, const char *key, const char *value, const char **why_p)
{
	size_t i;

	if (!strcmp(key, "name")) {
		*why_p = "name: up to 31 letters, digits, '-', '_' or '.', that does not begin with '.'";
		if (!is_name(value))
			return -EINVAL;
		strscpy(conf->name, value, sizeof(conf->name));
		return 0;
	}
	if (!strcmp(key, "addr")) {
		*why_p = "addr: an IPv4 or IPv6 address";
		return strscpy(conf->addr, value, sizeof(conf->addr)) <= 0 ? -EINVAL : 0;
	}
	if (!strcmp(key, "from")) {
		*why_p = "from: an IPv4 or IPv6 address of this host";
		return strscpy(conf->from, value, sizeof(conf->from)) <= 0 ? -EINVAL : 0;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(key, rows[i].key))
			continue;
		*why_p = range_of(conf, &rows[i]);
		return set_number(conf, &rows[i], value);
	}
	*why_p = "a key is unknown: see kmod/README.md";
	return -EINVAL;
}

/*
 * What a client takes: data, the books of contexts and segments, and MRs, each with a
 * list of up to 256 pages (rw.c: rdma_rw_fr_page_list_len) and its driver's books.
 */
static u64 wanted_bytes(const struct rwb_conf *conf)
{
	u64 segments = rwb_conf_segments(conf);
	u64 context = rwb_sg_bytes(conf->size, conf->segment) + CONTEXT_BYTES +
		      segments * sizeof(struct scatterlist);
	u64 pool = conf->pool;

	if (conf->pool == RWB_POOL_AUTO)
		pool = conf->contexts * DIV_ROUND_UP_ULL(segments, MR_SEGMENTS);
	return (context * conf->contexts + pool * MR_BYTES) * conf->qps;
}

static int check(struct rwb_conf *conf, const char **why_p)
{
	char port[8];

	*why_p = "role is missing: server or client";
	if (conf->role < 0)
		return -EINVAL;
	*why_p = "name is missing";
	if (!conf->name[0])
		return -EINVAL;
	*why_p = "addr: an IPv4 or IPv6 address";
	snprintf(port, sizeof(port), "%d", (int)conf->port);
	if (!conf->addr[0] || inet_pton_with_scope(current->nsproxy->net_ns, AF_UNSPEC, conf->addr,
						   port, &conf->sockaddr))
		return -EINVAL;
	*why_p = "from: an IPv4 or IPv6 address of this host, as addr";
	if (conf->from[0] && inet_pton_with_scope(current->nsproxy->net_ns,
						  conf->sockaddr.ss_family, conf->from, "0",
						  &conf->source))
		return -EINVAL;
	if (conf->role == RWB_SERVER)
		return 0;
	*why_p = "count or duration_ms is missing: the run would not end";
	if (!conf->count && !conf->duration_ms)
		return -EINVAL;
	*why_p = "size, segment, contexts, max_rdma_ctxs and qps together want more than 1 GiB; segments take 1, 2, 4 ... whole pages";
	if (wanted_bytes(conf) > SZ_1G)
		return -EINVAL;
	return 0;
}

int rwb_conf_parse(struct rwb_conf *conf, char *text, const char **why_p)
{
	char *word;
	size_t i;
	int err;

	memset(conf, 0, sizeof(*conf));
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		*field(conf, &rows[i]) = rows[i].preset;
	conf->pool = RWB_POOL_AUTO;
	while ((word = strsep(&text, " \t\n"))) {
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		*why_p = "not of the form key=value";
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		err = set(conf, word, value, why_p);
		if (err)
			return err;
	}
	return check(conf, why_p);
}
