/* Items of one size from memory reserved ahead; see arena.h. */

#include "core/arena.h"

#include <stdlib.h>
#include <string.h>

struct arena_chunk {
	struct arena_chunk *older;
	uint32_t count, used; /* items in it, and ever taken from it */
	char *items;	      /* in memory */
	void *memory;	      /* owned */
};

void
arena_init(struct arena *a, size_t item_size)
{
	size_t unit = item_size < CACHE_LINE ? 8 : CACHE_LINE;

	memset(a, 0, sizeof(*a));
	a->item_size = (item_size + unit - 1) / unit * unit;
}

void
arena_fini(struct arena *a)
{
	while (a->chunks != NULL) {
		struct arena_chunk *c = a->chunks;

		a->chunks = c->older;
		free(c->memory);
		free(c);
	}
	a->free = NULL;
	a->reserved = a->taken = 0;
}

void
arena_reserve(struct arena *a, uint32_t items)
{
	struct arena_chunk *c;
	size_t off;

	if (items <= a->reserved)
		return;
	c = mem_new(1, sizeof(*c));
	c->count = items - a->reserved;
	/* One more than asked for leaves room to begin with a line. */
	c->memory = mem_new((size_t)c->count + 1, a->item_size);
	off = (uintptr_t)c->memory % CACHE_LINE;
	c->items = (char *)c->memory;
	if (a->item_size % CACHE_LINE == 0 && off > 0)
		c->items += CACHE_LINE - off;
	c->older = a->chunks;
	a->chunks = c;
	a->reserved = items;
}

/* An item that was never out; its memory is still zero. */
static void *
take_new(struct arena *a)
{
	struct arena_chunk *c;

	for (c = a->chunks; c != NULL; c = c->older) {
		if (c->used < c->count)
			return c->items + a->item_size * c->used++;
	}
	return NULL;
}

void *
arena_take(struct arena *a)
{
	void *item = a->free;

	if (item != NULL) {
		memcpy(&a->free, item, sizeof(a->free));
		memset(item, 0, a->item_size);
	} else {
		item = take_new(a);
	}
	if (item != NULL)
		a->taken++;
	return item;
}

void
arena_put(struct arena *a, void *item)
{
	ASSERT(a->taken > 0);
	memcpy(item, &a->free, sizeof(a->free));
	a->free = item;
	a->taken--;
}
