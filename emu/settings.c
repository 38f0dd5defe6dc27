/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/log.h"
#include "emu/settings.h"

#define PREFIX     "RW_EMU_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

enum kind { NUMBER, CHOICE, TEXT };

struct setting {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;         /* TEXT: room, with the final zero */
	uint64_t def, min, max;
	const char *text;    /* CHOICE: words, space separated; TEXT: default */
	const char *help;
};

#define NUM(field, def_, min_, max_, help_)                                                        \
	{ #field, NUMBER, offsetof(struct emu_settings, field), 0, def_, min_, max_, NULL, help_ }
#define WORD(field, words, help_)                                                                  \
	{ #field, CHOICE, offsetof(struct emu_settings, field), 0, 0, 0, 0, words, help_ }
#define STR(field, def_, help_)                                                                    \
	{ #field, TEXT, offsetof(struct emu_settings, field),                                      \
	  sizeof(((struct emu_settings *)0)->field), 0, 0, 0, def_, help_ }

/*
 * Device attributes default to what public dumps of ConnectX-5/6 show.
 * Assumption: max_sgl_rd 3 stands for the whole family.
 */
static const struct setting table[] = {
	WORD(link, "eth ib", "link layer of both ports"),
	NUM(max_sgl_rd, 3, 0, 255, "max_sgl_for_optimized_performance in HCA_CAP"),
	NUM(max_sge, 30, 1, 62, "max_sge of the device"),
	NUM(max_sge_rd, 30, 1, 62, "max_sge_rd of the device"),
	NUM(max_recv_sge, 32, 1, 32, "SGEs of one receive WQE"),
	NUM(max_wqe_size, 1024, 128, 1024, "bytes of the largest send WQE"),
	NUM(max_read_wqe, 512, 64, 1024, "bytes of the largest READ WQE"),
	NUM(max_qp_wr, 8192, 16, 32768, "WRs of one queue, and blocks of a send queue"),
	NUM(max_qp_rd_atom, 16, 1, 128, "outstanding READs of one QP, each way"),
	NUM(max_cqe, 4194303, 15, 4194303, "entries of one CQ"),
	NUM(max_klms, 65536, 4, 262144, "entries of one mkey"),
	NUM(max_msg_size, 1073741824, 4096, 2147483648, "bytes of one message"),
	NUM(mtu, 4096, 256, 4096, "active MTU in bytes: 256, 512, 1024, 2048 or 4096"),
	NUM(port_down, 0, 0, 3, "ports that start down: bit 0 mlx5_0, bit 1 mlx5_1"),
	NUM(device_id, 0x101b, 0x1013, 0x1023, "PCI device id (0x101b is ConnectX-6)"),
	NUM(active_speed, 32, 1, 128, "active_speed as ibv_query_port encodes it"),
	NUM(active_width, 2, 1, 16, "active_width as ibv_query_port encodes it"),
	NUM(numa_node, 0, 0, 1023, "numa_node in sysfs"),
	NUM(pcie_width, 16, 1, 32, "PCIe lanes in sysfs"),
	NUM(tick, 1, 0, 1, "0: no background thread, only polls drive the device"),
	NUM(tick_us, 200, 20, 100000, "period of the background thread while busy"),
	NUM(tick_idle_us, 20000, 20, 1000000, "its longest period while idle"),
	NUM(read_batch, 64, 1, 256, "most consecutive READs copied by one system call"),
	NUM(scatter_cqe, 0, 0, 1, "1: READ data of up to 32 bytes comes inside the CQE"),
	NUM(relaxed_ordering, 1, 0, 1, "0: the firmware has no relaxed ordering"),
	NUM(say_mrs, 0, 0, 1, "1: each registration tells its access flags on stderr"),
	NUM(odp, 0, 0, 1, "paging on demand: registrations touch no page"),
	NUM(nak_kills_responder, 1, 0, 1, "a remote access error also moves the responder to ERR"),
	NUM(adversarial, 0, 0, 1, "1: everything lands as late as the rules allow"),
	NUM(seed, 1, 0, UINT64_MAX, "seed of adversarial mode and of fault rates"),
	NUM(late_wqes, 8, 0, 1024, "adversarial: a READ lands at most so many WQEs late"),
	NUM(late_polls, 4, 0, 1024, "adversarial: completions wait for up to so many polls"),
	NUM(cost_wqe_ns, 0, 0, 1000000000, "cost profile: nanoseconds per WQE"),
	NUM(cost_sge_ns, 0, 0, 1000000000, "cost profile: per SGE"),
	NUM(cost_klm_inline_ns, 0, 0, 1000000000, "cost profile: per KLM inside the WQE"),
	NUM(cost_klm_fetch_ns, 0, 0, 1000000000, "cost profile: per KLM fetched by pointer"),
	NUM(cost_inv_ns, 0, 0, 1000000000, "cost profile: per LOCAL_INV"),
	NUM(cost_byte_ps, 0, 0, 1000000000, "cost profile: picoseconds per payload byte"),
	NUM(cost_latency_ns, 0, 0, 10000000000, "cost profile: a READ, WRITE or SEND completes so much later, the next may begin"),
	NUM(stall_ms, 100, 0, 60000, "how long the fault stall holds a QP up"),
	STR(ipv4, "10.77.0.1", "address of mlx5_0 in the GID table; mlx5_1 has the next"),
	STR(fw_ver, "20.35.1012", "firmware version"),
	STR(pcie_speed, "16.0 GT/s PCIe", "PCIe speed in sysfs"),
	STR(fault, "", "faults, comma separated: KIND@N, KIND@N+ or KIND:RATE"),
};

/* Environment names that are not settings of the device. */
static const char *const reserved[] = { "PROFILE", "DIR", "LIB", "JOB", "PRELOAD", "PEER" };

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

static const struct setting *find(const char *name, size_t len)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (strlen(table[i].name) == len && !strncasecmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static int parse_number(const struct setting *s, const char *text, uint64_t *value_p)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)text[0]) || *end || errno || value < s->min || value > s->max) {
		emu_say("%s must be a number from %llu to %llu, not \"%s\"", s->name,
			(unsigned long long)s->min, (unsigned long long)s->max, text);
		return -EINVAL;
	}
	*value_p = value;
	return 0;
}

static int parse_choice(const struct setting *s, const char *text, uint64_t *value_p)
{
	const char *word = s->text;
	size_t len = strlen(text);

	for (uint64_t i = 0; *word; i++) {
		size_t n = strcspn(word, " ");

		if (n == len && !strncmp(word, text, n)) {
			*value_p = i;
			return 0;
		}
		word += n;
		word += strspn(word, " ");
	}
	emu_say("%s must be one of: %s; not \"%s\"", s->name, s->text, text);
	return -EINVAL;
}

static int assign(struct emu_settings *set, const struct setting *s, const char *text)
{
	char *field = (char *)set + s->offset;

	switch (s->kind) {
	case NUMBER:
		return parse_number(s, text, (uint64_t *)(void *)field);
	case CHOICE:
		return parse_choice(s, text, (uint64_t *)(void *)field);
	case TEXT:
		if (strlen(text) >= s->size) {
			emu_say("%s is longer than %zu characters", s->name, s->size - 1);
			return -EINVAL;
		}
		strcpy(field, text);
		return 0;
	}
	return -EINVAL;
}

static int load_profile(struct emu_settings *set, const char *path)
{
	char line[512];
	unsigned int nr = 0;
	int ret = 0;
	FILE *f = fopen(path, "re");

	if (!f) {
		emu_say("cannot read the profile %s: %s", path, strerror(errno));
		return -EINVAL;
	}
	while (!ret && fgets(line, sizeof(line), f)) {
		char name[64], value[256];
		const struct setting *s;
		char *text = line + strspn(line, " \t");

		nr++;
		if (*text == '#' || *text == '\n' || !*text)
			continue;
		if (sscanf(text, "%63[a-z0-9_] = %255[^\n]", name, value) != 2) {
			emu_say("%s:%u: expected NAME = VALUE", path, nr);
			ret = -EINVAL;
			break;
		}
		s = find(name, strlen(name));
		if (!s) {
			emu_say("%s:%u: unknown setting \"%s\"", path, nr, name);
			ret = -EINVAL;
			break;
		}
		ret = assign(set, s, value);
	}
	fclose(f);
	return ret;
}

static bool is_reserved(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == len && !strncmp(reserved[i], name, len))
			return true;
	return false;
}

static int load_environment(struct emu_settings *set)
{
	for (char **e = environ; e && *e; e++) {
		const struct setting *s;
		const char *name, *eq;

		if (strncmp(*e, PREFIX, PREFIX_LEN))
			continue;
		name = *e + PREFIX_LEN;
		eq = strchr(name, '=');
		if (!eq || is_reserved(name, (size_t)(eq - name)))
			continue;
		s = find(name, (size_t)(eq - name));
		if (!s) {
			emu_say("unknown setting %.*s (rw_emu --settings lists them)",
				(int)(eq - *e), *e);
			return -EINVAL;
		}
		if (assign(set, s, eq + 1))
			return -EINVAL;
	}
	return 0;
}

static int check(struct emu_settings *set)
{
	if (set->mtu & (set->mtu - 1)) {
		emu_say("mtu must be 256, 512, 1024, 2048 or 4096");
		return -EINVAL;
	}
	if (set->max_wqe_size % 64 || set->max_read_wqe > set->max_wqe_size) {
		emu_say("max_wqe_size must be a multiple of 64 and hold max_read_wqe");
		return -EINVAL;
	}
	set->cost_on = set->cost_wqe_ns || set->cost_sge_ns || set->cost_klm_inline_ns ||
		       set->cost_klm_fetch_ns || set->cost_inv_ns || set->cost_byte_ps ||
		       set->cost_latency_ns;
	return 0;
}

int emu_settings_load(struct emu_settings *set)
{
	const char *profile = getenv(PREFIX "PROFILE");

	memset(set, 0, sizeof(*set));
	for (size_t i = 0; i < TABLE_LEN; i++) {
		if (table[i].kind == NUMBER)
			*(uint64_t *)(void *)((char *)set + table[i].offset) = table[i].def;
		else if (table[i].kind == TEXT && assign(set, &table[i], table[i].text))
			return -EINVAL;
	}
	if (profile && load_profile(set, profile))
		return -EINVAL;
	if (load_environment(set))
		return -EINVAL;
	return check(set);
}

void emu_settings_print(void)
{
	for (size_t i = 0; i < TABLE_LEN; i++) {
		const struct setting *s = &table[i];

		if (s->kind == NUMBER)
			printf("%-20s %-16llu %s\n", s->name, (unsigned long long)s->def, s->help);
		else if (s->kind == CHOICE)
			printf("%-20s %-16.*s %s (%s)\n", s->name, (int)strcspn(s->text, " "),
			       s->text, s->help, s->text);
		else
			printf("%-20s %-16s %s\n", s->name, *s->text ? s->text : "-", s->help);
	}
}
