#ifndef QORB_CORE_HEAP_H
#define QORB_CORE_HEAP_H

/*
 * A binary min-heap of moments (Williams 1964) whose items know their place,
 * so that any of them can be moved or taken out in O(log n). Room is reserved
 * ahead: adding never allocates. Keys stand in the heap's own array, so that
 * sifting touches an item only to tell it its place.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

struct heap_node {
	uint32_t place; /* 1 + index in the array; 0: in no heap */
};

struct heap_entry {
	uint64_t key;
	struct heap_node *node; /* borrowed while it is in the heap */
};

struct heap {
	struct heap_entry *entries; /* owned */
	uint32_t count, room;
};

void heap_fini(struct heap *h);

/* Makes room for that many items in all. */
void heap_reserve(struct heap *h, uint32_t room);

/* Puts an item in under this key, or moves it when it is in already. */
void heap_set(struct heap *h, struct heap_node *n, uint64_t key);

/* Takes an item out; does nothing when it is in no heap. */
void heap_remove(struct heap *h, struct heap_node *n);

/* The item with the smallest key, NULL when empty. */
struct heap_node *heap_top(const struct heap *h);

/* Its key, NEVER when empty. */
uint64_t heap_top_key(const struct heap *h);

static inline bool
heap_has(const struct heap_node *n)
{
	return n->place != 0;
}

#endif
