#ifndef QORB_CORE_PAIRING_H
#define QORB_CORE_PAIRING_H

/*
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): a min-heap that
 * lives wholly in its items, so that there can be any number of heaps and none
 * of them ever needs memory. Adding is O(1), taking out O(log n) amortised.
 * Keys are two numbers, compared one after the other.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

struct pairing_node {
	uint64_t hi, lo;	    /* the key; set by pairing_add */
	struct pairing_node *child; /* first child */
	struct pairing_node *next;  /* next sibling */
	struct pairing_node *prev;  /* previous sibling, or parent */
	bool is_in;
};

struct pairing {
	struct pairing_node *root; /* NULL when empty */
};

void pairing_add(
    struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo);

/* Takes an item out; does nothing when it is not in. */
void pairing_remove(struct pairing *p, struct pairing_node *n);

/* Adds it, or moves it to its new key when it is in already. */
void pairing_set(
    struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo);

static inline bool
pairing_less(const struct pairing_node *a, const struct pairing_node *b)
{
	return a->hi != b->hi ? a->hi < b->hi : a->lo < b->lo;
}

#endif
