// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "arrival.h"

#define LOG_BITS 24
#define LN2 11629080ULL /* ln 2 * 2^24 */

/* splitmix64 */
static u64 next_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* log2(x) * 2^24 of x > 0: the bits of its fraction by squaring. */
static u64 log2_of(u32 x)
{
	u32 whole = fls(x) - 1;
	u64 m = (u64)x << (31 - whole); /* from 1 to 2, times 2^31 */
	u64 log = whole;
	int i;

	for (i = 0; i < LOG_BITS; i++) {
		m = m * m >> 31;
		log <<= 1;
		if (m >> 32) {
			m >>= 1;
			log |= 1;
		}
	}
	return log;
}

/* An exponential number of mean 1, times 2^24: -ln of a uniform one above 0. */
static u64 exponential(u64 *state)
{
	u32 uniform = next_random(state) >> 32;

	if (!uniform)
		uniform = 1;
	return ((32ULL << LOG_BITS) - log2_of(uniform)) * LN2 >> LOG_BITS;
}

static void advance(struct rwb_arrivals *arrivals)
{
	if (arrivals->poisson)
		arrivals->at += mul_u64_u64_shr(arrivals->mean, exponential(&arrivals->state),
						LOG_BITS);
	else
		arrivals->at += arrivals->mean;
}

void rwb_arrivals_init(struct rwb_arrivals *arrivals, bool poisson, u64 rate, u32 qps, u32 index,
		       u64 seed)
{
	u64 second = (u64)NSEC_PER_SEC << RWB_ARRIVAL_SHIFT;

	*arrivals = (struct rwb_arrivals){
		.state = seed * 0xd1342543de82ef95ULL + index,
		.mean = div64_u64(second * qps, rate),
		.poisson = poisson,
	};
	/* Of a fixed schedule the QPs take turns. */
	if (poisson)
		advance(arrivals);
	else
		arrivals->at = div64_u64(second * index, rate);
}

void rwb_arrivals_take(struct rwb_arrivals *arrivals)
{
	arrivals->n++;
	arrivals->sum_ns += rwb_arrivals_due(arrivals);
	advance(arrivals);
}

void rwb_arrivals_skip(struct rwb_arrivals *arrivals, u64 now, u64 most)
{
	u64 due = rwb_arrivals_due(arrivals), n;

	if (due >= now || arrivals->n >= most)
		return;
	n = div64_u64((now - due) << RWB_ARRIVAL_SHIFT, arrivals->mean);
	n = min(n, most - arrivals->n);
	arrivals->n += n;
	/* Evenly from the first of them on. */
	arrivals->sum_ns += n * due + mul_u64_u64_shr(n * arrivals->mean, n, RWB_ARRIVAL_SHIFT + 1);
	arrivals->at += n * arrivals->mean;
}
