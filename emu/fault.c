/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/fault.h"
#include "emu/log.h"

static const char *const names[FAULT_KINDS] = {
	[FAULT_REMOTE_ACCESS] = "remote_access",
	[FAULT_RETRY] = "retry",
	[FAULT_LOCAL_PROT] = "local_prot",
	[FAULT_FLIP] = "flip",
	[FAULT_FREEZE] = "freeze",
	[FAULT_STALL] = "stall",
	[FAULT_PORT_DOWN] = "port_down",
	[FAULT_PORT_UP] = "port_up",
	[FAULT_MKEY_FAIL] = "mkey_fail",
	[FAULT_SLOW_REG] = "slow_reg",
};

struct fault {
	uint64_t count;
	uint64_t first; /* 0: not by number */
	bool onwards;
	double rate;
};

static struct fault faults[FAULT_KINDS];
static uint64_t state = 1;

/* splitmix64: tiny, and the same everywhere. */
static uint64_t next_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t fault_random(uint32_t n)
{
	return n ? (uint32_t)(next_random() % n) : 0;
}

static int parse_one(const char *item)
{
	size_t len = strcspn(item, "@:");
	struct fault *f = NULL;
	const char *value = item + len + 1;
	char *end;

	for (unsigned int i = 0; i < FAULT_KINDS; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], item, len))
			f = &faults[i];
	if (!f || !item[len])
		goto bad;
	errno = 0;
	if (item[len] == '@') {
		f->first = strtoull(value, &end, 10);
		f->onwards = *end == '+';
		if (f->onwards)
			end++;
		if (!f->first)
			goto bad;
	} else {
		f->rate = strtod(value, &end);
		if (!(f->rate >= 0 && f->rate <= 1))
			goto bad;
	}
	if (end == value || *end || errno)
		goto bad;
	return 0;
bad:
	emu_say("fault: \"%s\" is not KIND@N, KIND@N+ or KIND:RATE", item);
	return -EINVAL;
}

int fault_init(const char *text, uint64_t seed)
{
	char copy[256], *save = NULL;

	state = seed;
	memset(faults, 0, sizeof(faults));
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save))
		if (parse_one(item))
			return -EINVAL;
	return 0;
}

bool fault_hit(enum fault_kind kind)
{
	struct fault *f = &faults[kind];

	if (!f->first && f->rate == 0)
		return false;
	f->count++;
	if (f->first)
		return f->onwards ? f->count >= f->first : f->count == f->first;
	return (double)(next_random() >> 11) * 0x1p-53 < f->rate;
}

bool fault_data_armed(void)
{
	for (unsigned int i = FAULT_REMOTE_ACCESS; i <= FAULT_PORT_DOWN; i++)
		if (faults[i].first || faults[i].rate > 0)
			return true;
	return false;
}
