#ifndef QORB_CORE_RNG_H
#define QORB_CORE_RNG_H

/*
 * A small seeded generator (xoshiro256** seeded by splitmix64, Blackman and
 * Vigna 2018) and a string hash for placing things: same seed, same numbers,
 * on every machine. Not for secrets.
 */

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);

/* A number from 0 to n - 1, evenly (no modulo bias); 0 for n = 0. */
uint64_t rng_below(struct rng *rng, uint64_t n);

/* A well mixed 64-bit hash of a string (splitmix64's finaliser over FNV-1a):
 * stable over versions and machines, as rendezvous hashing needs it. */
uint64_t hash_text(const char *text);

/* Mixes two hashes into one; not symmetric. */
uint64_t hash_mix(uint64_t a, uint64_t b);

#endif
