/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random numbers that are the same in every run of a seed: xoshiro256** of
 * Blackman and Vigna, seeded by splitmix64, both given to the public domain
 * by their authors (https://prng.di.unimi.it). Not for secrets.
 */
#ifndef RW_UTIL_RANDOM_H
#define RW_UTIL_RANDOM_H

#include <math.h>
#include <stdint.h>

struct rw_random {
	uint64_t s[4];
};

/* The next number of a splitmix64 sequence. */
static inline uint64_t rw_random_split(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Any @seed will do, 0 and neighbours included. */
static inline void rw_random_init(struct rw_random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		random->s[i] = rw_random_split(&seed);
}

static inline uint64_t rw_random_rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* 64 random bits. */
static inline uint64_t rw_random_next(struct rw_random *random)
{
	uint64_t *s = random->s;
	uint64_t result = rw_random_rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rw_random_rotate(s[3], 45);
	return result;
}

/* From 0 to @n - 1, all equally likely; @n is at least 1. */
static inline uint64_t rw_random_below(struct rw_random *random, uint64_t n)
{
	/* 2^64 modulo n: as many numbers would be one too many for their rest */
	uint64_t spare = -n % n;
	uint64_t r;

	do
		r = rw_random_next(random);
	while (r < spare);
	return r % n;
}

/* From 0 to below 1, in steps of 2^-53. */
static inline double rw_random_uniform(struct rw_random *random)
{
	return (double)(rw_random_next(random) >> 11) * 0x1p-53;
}

/* Exponentially distributed with the mean @mean; 0 to about 37 times @mean. */
static inline double rw_random_exponential(struct rw_random *random, double mean)
{
	return -mean * log1p(-rw_random_uniform(random));
}

#endif
