#ifndef QORB_LOAD_PATTERN_H
#define QORB_LOAD_PATTERN_H

/*
 * What is written to a lent connection: a stream of bytes that follows from a
 * key alone, so that neither what was sent nor what is expected back needs
 * memory, whatever the payload. Keys differ from task to task and from cycle
 * to cycle: an echo that belongs to another claim does not match. Below 8 bytes
 * that is left to chance, 1 in 256 for each byte.
 */

#include <stddef.h>
#include <stdint.h>

/* The key of a task's cycle in the run of this seed. */
uint64_t pattern_key(uint64_t seed, uint64_t task, uint64_t cycle);

/* Writes the n bytes at this offset of the key's stream. */
void pattern_fill(uint64_t key, uint64_t offset, unsigned char *buf, size_t n);

#endif
