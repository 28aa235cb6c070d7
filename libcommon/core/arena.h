#ifndef QORB_CORE_ARENA_H
#define QORB_CORE_ARENA_H

/*
 * Items of one size whose memory is reserved ahead, in chunks that never move:
 * taking and putting back are O(1) and never allocate. Memory that was never
 * taken is never touched. Items of a cache line and more begin with one.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

struct arena_chunk;

struct arena {
	size_t item_size;	    /* a multiple of 8, or of a cache line */
	struct arena_chunk *chunks; /* owned; the newest first */
	void *free;		    /* items put back, linked through */
	uint32_t reserved;	    /* items in all chunks */
	uint32_t taken;		    /* items out now */
};

void arena_init(struct arena *a, size_t item_size);
void arena_fini(struct arena *a);

/* Reserves so many items in all. */
void arena_reserve(struct arena *a, uint32_t items);

/* A zeroed item, NULL when all that were reserved are out. */
void *arena_take(struct arena *a);

void arena_put(struct arena *a, void *item);

#endif
