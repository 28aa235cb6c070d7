/* Pairing heap; see pairing.h. */

#include "core/pairing.h"

/* Makes one tree of two; the one with the smaller key is its root. */
static struct pairing_node *
meld(struct pairing_node *a, struct pairing_node *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (pairing_less(b, a)) {
		struct pairing_node *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	b->prev = a;
	if (a->child != NULL)
		a->child->prev = b;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Makes one tree of a row of siblings: in pairs from the left, then the pairs
 * from the right. The pairs are kept in a stack through prev. */
static struct pairing_node *
meld_row(struct pairing_node *first)
{
	struct pairing_node *stack = NULL, *tree = NULL;

	while (first != NULL) {
		struct pairing_node *a = first, *b = a->next, *pair;

		first = b == NULL ? NULL : b->next;
		a->next = a->prev = NULL;
		if (b != NULL)
			b->next = b->prev = NULL;
		pair = meld(a, b);
		pair->prev = stack;
		stack = pair;
	}
	while (stack != NULL) {
		struct pairing_node *below = stack->prev;

		stack->prev = NULL;
		tree = meld(tree, stack);
		stack = below;
	}
	return tree;
}

void
pairing_add(struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo)
{
	ASSERT(!n->is_in);
	n->hi = hi;
	n->lo = lo;
	n->child = n->next = n->prev = NULL;
	n->is_in = true;
	p->root = meld(p->root, n);
}

static void
cut(struct pairing_node *n)
{
	if (n->prev->child == n)
		n->prev->child = n->next;
	else
		n->prev->next = n->next;
	if (n->next != NULL)
		n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

void
pairing_remove(struct pairing *p, struct pairing_node *n)
{
	if (!n->is_in)
		return;
	n->is_in = false;
	if (n == p->root) {
		p->root = meld_row(n->child);
	} else {
		cut(n);
		if (n->child != NULL)
			p->root = meld(p->root, meld_row(n->child));
	}
	n->child = NULL;
}

void
pairing_set(struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo)
{
	if (n->is_in && n->hi == hi && n->lo == lo)
		return;
	pairing_remove(p, n);
	pairing_add(p, n, hi, lo);
}
