/* Binary min-heap of moments; see heap.h. */

#include "core/heap.h"

#include <stdlib.h>

void
heap_fini(struct heap *h)
{
	free(h->entries);
	h->entries = NULL;
	h->count = h->room = 0;
}

void
heap_reserve(struct heap *h, uint32_t room)
{
	if (room <= h->room)
		return;
	h->entries = mem_grow(h->entries, h->room, room, sizeof(h->entries[0]));
	h->room = room;
}

static void
place(struct heap *h, uint32_t i, struct heap_entry e)
{
	h->entries[i] = e;
	e.node->place = i + 1;
}

static void
sift_up(struct heap *h, uint32_t i, struct heap_entry e)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 2;

		if (h->entries[parent].key <= e.key)
			break;
		place(h, i, h->entries[parent]);
		i = parent;
	}
	place(h, i, e);
}

static void
sift_down(struct heap *h, uint32_t i, struct heap_entry e)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
		    h->entries[child + 1].key < h->entries[child].key)
			child++;
		if (e.key <= h->entries[child].key)
			break;
		place(h, i, h->entries[child]);
		i = child;
	}
	place(h, i, e);
}

static void
settle(struct heap *h, uint32_t i, struct heap_entry e)
{
	if (i > 0 && e.key < h->entries[(i - 1) / 2].key)
		sift_up(h, i, e);
	else
		sift_down(h, i, e);
}

void
heap_set(struct heap *h, struct heap_node *n, uint64_t key)
{
	struct heap_entry e = { key, n };

	if (n->place != 0) {
		if (h->entries[n->place - 1].key != key)
			settle(h, n->place - 1, e);
		return;
	}
	ASSERT(h->count < h->room);
	h->count++;
	sift_up(h, h->count - 1, e);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
	uint32_t i;

	if (n->place == 0)
		return;
	i = n->place - 1;
	n->place = 0;
	h->count--;
	if (i < h->count)
		settle(h, i, h->entries[h->count]);
}

struct heap_node *
heap_top(const struct heap *h)
{
	return h->count == 0 ? NULL : h->entries[0].node;
}

uint64_t
heap_top_key(const struct heap *h)
{
	return h->count == 0 ? NEVER : h->entries[0].key;
}
