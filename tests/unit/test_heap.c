#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/heap.h"
#include "core/rng.h"

#define ITEMS 500

struct item {
	struct heap_node node;
	uint64_t key;
	bool is_in;
};

static void
an_empty_heap_has_no_top_and_never_comes_due(void **state)
{
	struct heap h = { 0 };

	(void)state;
	assert_null(heap_top(&h));
	assert_true(heap_top_key(&h) == NEVER);
	heap_fini(&h);
}

static struct item *
smallest(struct item *items)
{
	struct item *least = NULL;

	for (int i = 0; i < ITEMS; i++) {
		if (items[i].is_in &&
		    (least == NULL || items[i].key < least->key))
			least = &items[i];
	}
	return least;
}

static void
the_top_is_the_smallest_whatever_is_added_moved_and_removed(void **state)
{
	static struct item items[ITEMS];
	struct heap h = { 0 };
	struct rng rng;

	(void)state;
	rng_init(&rng, 1);
	heap_reserve(&h, ITEMS);
	for (int step = 0; step < 20000; step++) {
		struct item *it = &items[rng_below(&rng, ITEMS)];
		struct item *least;

		it->is_in = rng_below(&rng, 3) > 0;
		it->key = rng_below(&rng, 1000);
		if (it->is_in)
			heap_set(&h, &it->node, it->key);
		else
			heap_remove(&h, &it->node);
		assert_int_equal(heap_has(&it->node), it->is_in);
		least = smallest(items);
		assert_true(
		    heap_top_key(&h) == (least == NULL ? NEVER : least->key));
	}
	heap_fini(&h);
}

static void
more_room_keeps_what_is_in(void **state)
{
	struct item items[3] = { { .key = 3 }, { .key = 1 }, { .key = 2 } };
	struct heap h = { 0 };

	(void)state;
	heap_reserve(&h, 1);
	heap_set(&h, &items[0].node, items[0].key);
	heap_reserve(&h, 3);
	heap_set(&h, &items[1].node, items[1].key);
	heap_set(&h, &items[2].node, items[2].key);
	for (uint64_t key = 1; key <= 3; key++) {
		assert_true(heap_top_key(&h) == key);
		heap_remove(&h, heap_top(&h));
	}
	heap_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_heap_has_no_top_and_never_comes_due),
		cmocka_unit_test(
		    the_top_is_the_smallest_whatever_is_added_moved_and_removed),
		cmocka_unit_test(more_room_keeps_what_is_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
