#include "pattern.h"

#include <string.h>

#include "core/rng.h"

#define WORD sizeof(uint64_t)

/* Odd, so that its multiples do not repeat; 2^64 over the golden ratio. */
#define STEP 0x9e3779b97f4a7c15ULL

uint64_t
pattern_key(uint64_t seed, uint64_t task, uint64_t cycle)
{
	return hash_mix(hash_mix(seed, task), cycle);
}

/* Word i of two streams differs for any two keys, and so do any two words of
 * one stream: an echo of other data, or shifted, never matches in 8 bytes.
 */
static void
pattern_word(uint64_t key, uint64_t index, unsigned char *bytes)
{
	uint64_t word = key ^ (index * STEP);

	memcpy(bytes, &word, WORD);
}

/* The part of a word from byte skip on; how many bytes that is. */
static size_t
pattern_part(uint64_t key, uint64_t offset, unsigned char *buf, size_t n)
{
	unsigned char bytes[WORD];
	size_t skip = offset % WORD;
	size_t part = WORD - skip < n ? WORD - skip : n;

	pattern_word(key, offset / WORD, bytes);
	memcpy(buf, bytes + skip, part);
	return part;
}

void
pattern_fill(uint64_t key, uint64_t offset, unsigned char *buf, size_t n)
{
	size_t done = 0;

	if (offset % WORD != 0)
		done = pattern_part(key, offset, buf, n);
	for (; n - done >= WORD; done += WORD)
		pattern_word(key, (offset + done) / WORD, buf + done);
	if (done < n)
		(void)pattern_part(key, offset + done, buf + done, n - done);
}
