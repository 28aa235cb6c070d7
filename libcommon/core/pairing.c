/* Pairing heap; see pairing.h. */

#include "core/pairing.h"

/* A key that is lower than the last ones of the run, but not than so many,
 * finds its place there. */
#define RUN_STEPS 4

/* The child of an item in the run. */
static struct pairing_node in_run;

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

static void
set_root(struct pairing *p, struct pairing_node *n)
{
	p->root = n;
	if (n != NULL)
		n->prev = n;
}

/* Puts an item into the run behind `before`, or at its start. */
static void
run_insert(
    struct pairing *p, struct pairing_node *n, struct pairing_node *before)
{
	struct pairing_node *after = before == NULL ? p->first : before->next;

	n->child = &in_run;
	n->next = after;
	n->prev = before == NULL ? n : before;
	if (before == NULL)
		p->first = n;
	else
		before->next = n;
	if (after == NULL)
		p->last = n;
	else
		after->prev = n;
}

static void
run_remove(struct pairing *p, struct pairing_node *n)
{
	struct pairing_node *before = n == p->first ? NULL : n->prev;

	if (before == NULL)
		p->first = n->next;
	else
		before->next = n->next;
	if (n->next == NULL)
		p->last = before;
	else
		n->next->prev = before == NULL ? n->next : before;
	n->child = n->next = n->prev = NULL;
}

/* Is there a place near the end of the run for an item? Then *before is the one
 * behind which it goes, NULL for the start. */
static bool
run_has_place(const struct pairing *p, const struct pairing_node *n,
    struct pairing_node **before)
{
	struct pairing_node *at = p->last;

	for (int i = 0; at != NULL && pairing_less(n, at); i++) {
		if (i == RUN_STEPS)
			return false;
		at = at == p->first ? NULL : at->prev;
	}
	*before = at;
	return true;
}

void
pairing_add(struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo)
{
	struct pairing_node *before;

	ASSERT(!pairing_has(n));
	n->hi = hi;
	n->lo = lo;
	if (run_has_place(p, n, &before)) {
		run_insert(p, n, before);
		return;
	}
	n->child = n->next = NULL;
	set_root(p, meld(p->root, n));
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
	if (!pairing_has(n))
		return;
	if (n->child == &in_run) {
		run_remove(p, n);
	} else if (n == p->root) {
		set_root(p, meld_row(n->child));
		n->child = n->prev = NULL;
	} else {
		cut(n);
		if (n->child != NULL)
			set_root(p, meld(p->root, meld_row(n->child)));
		n->child = NULL;
	}
}

/* Does an item of the run stand where another key would put it? */
static bool
run_keeps(const struct pairing *p, const struct pairing_node *n,
    const struct pairing_node *key)
{
	return n->child == &in_run &&
	       (n == p->first || !pairing_less(key, n->prev)) &&
	       (n == p->last || !pairing_less(n->next, key));
}

void
pairing_set(struct pairing *p, struct pairing_node *n, uint64_t hi, uint64_t lo)
{
	const struct pairing_node key = { .hi = hi, .lo = lo };

	if (pairing_has(n) &&
	    ((n->hi == hi && n->lo == lo) || run_keeps(p, n, &key))) {
		n->hi = hi;
		n->lo = lo;
		return;
	}
	pairing_remove(p, n);
	pairing_add(p, n, hi, lo);
}
