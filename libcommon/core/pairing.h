#ifndef QORB_CORE_PAIRING_H
#define QORB_CORE_PAIRING_H

/*
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): a min-heap that
 * lives wholly in its items, so that there can be any number of heaps and none
 * of them ever needs memory. Adding is O(1), taking out O(log n) amortised.
 * Keys are two numbers, compared one after the other.
 *
 * Beside the tree there is a run, a list in the order of the keys, for items
 * that come with a key as high as the highest, or nearly: taking those out is
 * O(1), and touches no other items than their neighbours. Who takes the least
 * and puts it back behind all others, as taking turns does, never needs the
 * tree.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

struct pairing_node {
	uint64_t hi, lo;	    /* the key; set by pairing_add */
	struct pairing_node *child; /* first child, or a mark: in the run */
	struct pairing_node *next;  /* next sibling, or next in the run */
	struct pairing_node *prev;  /* previous sibling, or parent, or previous
				     * in the run; of the root, and of the
				     * first of the run, itself; NULL when it
				     * is in no heap */
};

/* A zeroed one is empty. */
struct pairing {
	struct pairing_node *root;	   /* of the tree, or NULL */
	struct pairing_node *first, *last; /* of the run, or NULL */
};

void pairing_add(
    struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo);

/* Takes an item out; does nothing when it is not in. */
void pairing_remove(struct pairing *p, struct pairing_node *n);

/* Adds it, or moves it to its new key when it is in already. */
void pairing_set(
    struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo);

static inline bool
pairing_has(const struct pairing_node *n)
{
	return n->prev != NULL;
}

static inline bool
pairing_less(const struct pairing_node *a, const struct pairing_node *b)
{
	return a->hi != b->hi ? a->hi < b->hi : a->lo < b->lo;
}

/* The item with the least key, NULL when empty. */
static inline struct pairing_node *
pairing_min(const struct pairing *p)
{
	if (p->root == NULL)
		return p->first;
	if (p->first == NULL)
		return p->root;
	return pairing_less(p->root, p->first) ? p->root : p->first;
}

#endif
