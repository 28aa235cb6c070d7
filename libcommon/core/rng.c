#include "core/rng.h"

/* splitmix64's step, 2^64 over the golden ratio. */
#define GAMMA 0x9E3779B97F4A7C15ULL

#define FNV_BASIS 0xCBF29CE484222325ULL
#define FNV_PRIME 0x00000100000001B3ULL

static uint64_t
rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

/* splitmix64's finaliser: every bit of x reaches every bit of the result. */
static uint64_t
finalise(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
	return x ^ (x >> 31);
}

void
rng_init(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		seed += GAMMA;
		rng->s[i] = finalise(seed);
	}
}

uint64_t
rng_next(struct rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t
rng_below(struct rng *rng, uint64_t n)
{
	uint64_t mask, x;

	if (n <= 1)
		return 0;
	/* Numbers with no more bits than n - 1 has, until one is below n: fewer
	 * than two tries on average, and no division. */
	mask = UINT64_MAX >> __builtin_clzll(n - 1);
	do {
		x = rng_next(rng) & mask;
	} while (x >= n);
	return x;
}

uint64_t
hash_text(const char *text)
{
	uint64_t h = FNV_BASIS;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * FNV_PRIME;
	return finalise(h);
}

uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	return finalise(finalise(a + GAMMA) + b);
}
