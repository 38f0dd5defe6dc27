/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A fuzz target as a plain program, for machines without libFuzzer and for "make check":
 *
 *   fuzz_X [-n ROUNDS] [-s SEED] [-w DIRECTORY] [FILE...]
 *
 * Runs the files, or without any the target's own inputs and ROUNDS mutations
 * of them. The same SEED gives the same inputs, so a failure comes again under
 * a debugger. -w writes the target's inputs to DIRECTORY, a corpus to begin with.
 */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

#include "util/units.h"

#define MAX_INPUT  (1 << 20)
#define MAX_MUTANT 4096
#define ROUNDS	   20000

struct mutant {
	size_t size;
	uint8_t bytes[MAX_MUTANT];
};

static uint64_t next_random(uint64_t *rng) /* xorshift64* */
{
	*rng ^= *rng >> 12;
	*rng ^= *rng << 25;
	*rng ^= *rng >> 27;
	return *rng * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static size_t below(uint64_t *rng, size_t n)
{
	return n ? next_random(rng) % n : 0;
}

static size_t nr_seeds(void)
{
	size_t n = 0;

	while (fuzz_seeds[n].bytes)
		n++;
	return n;
}

/* Put @n bytes in at @at, as far as there is room. */
static void insert(struct mutant *m, size_t at, const void *bytes, size_t n)
{
	if (n > MAX_MUTANT - m->size)
		n = MAX_MUTANT - m->size;
	memmove(m->bytes + at + n, m->bytes + at, m->size - at);
	memcpy(m->bytes + at, bytes, n);
	m->size += n;
}

static void mutate(struct mutant *m, uint64_t *rng)
{
	/* what parsers of JSON and of lengths trip over */
	static const struct fuzz_seed words[] = {
		FUZZ_SEED("\0"),	 FUZZ_SEED("\0\0\0\0"), FUZZ_SEED("\xff\xff\xff\xff"),
		FUZZ_SEED("\0\4\0\0"),	 FUZZ_SEED("\0\4\0\1"), FUZZ_SEED("\x7f\xff\xff\xff"),
		FUZZ_SEED("\""),	 FUZZ_SEED("\\"),	FUZZ_SEED("\\u0000"),
		FUZZ_SEED("\\ud800"),	 FUZZ_SEED("\xc3"),	FUZZ_SEED("\xed\xa0\x80"),
		FUZZ_SEED("{"),		 FUZZ_SEED("}"),	FUZZ_SEED("[[[[[[[["),
		FUZZ_SEED("{\"a\":"),	 FUZZ_SEED(","),	FUZZ_SEED(":"),
		FUZZ_SEED("1e999"),	 FUZZ_SEED("-0.0"),	FUZZ_SEED("9223372036854775808"),
		FUZZ_SEED("null"),	 FUZZ_SEED("\"0x"),	FUZZ_SEED("\"type\":\"error\""),
		FUZZ_SEED("\\u001b[2J"), FUZZ_SEED("\\u202e"),	FUZZ_SEED("rwperf\r\n"),
	};
	const struct fuzz_seed *word = &words[below(rng, sizeof(words) / sizeof(words[0]))];
	const struct fuzz_seed *seed = &fuzz_seeds[below(rng, nr_seeds())];
	size_t at = below(rng, m->size), n = below(rng, m->size - at) + 1;

	switch (m->size ? below(rng, 8) : 4) {
	case 0:
		m->bytes[at] ^= (uint8_t)(1 << below(rng, 8));
		break;
	case 1:
		m->bytes[at] = (uint8_t)next_random(rng);
		break;
	case 2: /* take out */
		memmove(m->bytes + at, m->bytes + at + n, m->size - at - n);
		m->size -= n;
		break;
	case 3: /* cut off */
		m->size = at;
		break;
	case 4:
		insert(m, at, word->bytes, word->size);
		break;
	case 5: /* overwrite */
		if (word->size <= m->size - at)
			memcpy(m->bytes + at, word->bytes, word->size);
		break;
	case 6: { /* repeat */
		struct mutant copy = *m;

		insert(m, at, copy.bytes + at, n);
		break;
	}
	case 7: /* go on as another */
		m->size = at;
		insert(m, at, seed->bytes, seed->size);
		break;
	}
}

static void run_mutants(uint64_t rounds, uint64_t seed)
{
	uint64_t rng = seed * 2 + 1; /* never 0 */
	struct mutant m;
	size_t n = nr_seeds();

	for (size_t i = 0; i < n; i++)
		LLVMFuzzerTestOneInput((const uint8_t *)fuzz_seeds[i].bytes, fuzz_seeds[i].size);
	for (uint64_t i = 0; i < rounds; i++) {
		m.size = fuzz_seeds[i % n].size;
		memcpy(m.bytes, fuzz_seeds[i % n].bytes, m.size);
		for (size_t k = below(&rng, 6) + 1; k; k--)
			mutate(&m, &rng);
		LLVMFuzzerTestOneInput(m.bytes, m.size);
	}
	printf("ok 1 - %zu inputs and %llu mutations of them, seed %llu\n", n,
	       (unsigned long long)rounds, (unsigned long long)seed);
}

static int run_file(const char *path)
{
	uint8_t *bytes;
	size_t size;
	FILE *file;

	file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return 1;
	}
	bytes = malloc(MAX_INPUT);
	FUZZ_CHECK(bytes);
	size = fread(bytes, 1, MAX_INPUT, file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

static int write_seeds(const char *dir)
{
	char path[4096];
	FILE *file;

	for (size_t i = 0; fuzz_seeds[i].bytes; i++) {
		snprintf(path, sizeof(path), "%s/seed-%02zu", dir, i);
		file = fopen(path, "wb");
		if (!file) {
			perror(path);
			return 1;
		}
		fwrite(fuzz_seeds[i].bytes, 1, fuzz_seeds[i].size, file);
		if (fclose(file)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t rounds = ROUNDS, seed = 1;
	int opt, failed = 0;

	while ((opt = getopt(argc, argv, "n:s:w:")) != -1) {
		if (opt == 'w')
			return write_seeds(optarg);
		if (opt == '?' || rw_parse_u64(optarg, 0, opt == 'n' ? &rounds : &seed)) {
			fprintf(stderr, "usage: %s [-n ROUNDS] [-s SEED] [-w DIR] [FILE...]\n",
				argv[0]);
			return 2;
		}
	}
	printf("1..1\n");
	if (optind == argc) {
		run_mutants(rounds, seed);
		return 0;
	}
	for (int i = optind; i < argc; i++)
		failed |= run_file(argv[i]);
	printf("%sok 1 - %d files\n", failed ? "not " : "", argc - optind);
	return failed;
}
