#ifndef QORB_CORE_LIST_H
#define QORB_CORE_LIST_H

/*
 * Doubly linked lists through nodes inside the items, with their length. A
 * zeroed node is on no list. The list never owns its items.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base.h"

struct list_node {
	struct list_node *prev, *next; /* both NULL: on no list */
};

struct list {
	struct list_node head; /* ring through the items */
	uint32_t count;
};

static inline void
list_init(struct list *l)
{
	l->head.prev = l->head.next = &l->head;
	l->count = 0;
}

static inline bool
list_has(const struct list_node *n)
{
	return n->next != NULL;
}

static inline void
list_insert_before(struct list *l, struct list_node *at, struct list_node *n)
{
	n->next = at;
	n->prev = at->prev;
	at->prev->next = n;
	at->prev = n;
	l->count++;
}

static inline void
list_push_front(struct list *l, struct list_node *n)
{
	list_insert_before(l, l->head.next, n);
}

static inline void
list_push_back(struct list *l, struct list_node *n)
{
	list_insert_before(l, &l->head, n);
}

static inline void
list_remove(struct list *l, struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
	l->count--;
}

/* First and last node, NULL when the list is empty. */
static inline struct list_node *
list_first(const struct list *l)
{
	return l->count == 0 ? NULL : l->head.next;
}

static inline struct list_node *
list_last(const struct list *l)
{
	return l->count == 0 ? NULL : l->head.prev;
}

/* The node after n, NULL at the end. */
static inline struct list_node *
list_after(const struct list *l, const struct list_node *n)
{
	return n->next == &l->head ? NULL : n->next;
}

#endif
