#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/pairing.h"
#include "core/rng.h"

#define ITEMS 300

static const struct pairing_node *
smallest(const struct pairing_node *items)
{
	const struct pairing_node *least = NULL;

	for (int i = 0; i < ITEMS; i++) {
		if (pairing_has(&items[i]) &&
		    (least == NULL || pairing_less(&items[i], least)))
			least = &items[i];
	}
	return least;
}

static void
the_root_is_the_smallest_whatever_is_added_moved_and_removed(void **state)
{
	static struct pairing_node items[ITEMS];
	struct pairing p = { 0 };
	struct rng rng;

	(void)state;
	rng_init(&rng, 2);
	for (int step = 0; step < 30000; step++) {
		struct pairing_node *n = &items[rng_below(&rng, ITEMS)];
		const struct pairing_node *least;

		if (rng_below(&rng, 3) > 0)
			pairing_set(
			    &p, n, rng_below(&rng, 20), rng_below(&rng, 20));
		else
			pairing_remove(&p, n);
		least = smallest(items);
		assert_true((pairing_min(&p) == NULL) == (least == NULL));
		if (least == NULL)
			continue;
		assert_false(pairing_less(least, pairing_min(&p)));
		assert_false(pairing_less(pairing_min(&p), least));
	}
}

/* A lottery with keys that mostly grow goes through the run, the tree and the
 * moves between them. */
static void
the_least_comes_out_whether_keys_grow_or_fall(void **state)
{
	static struct pairing_node items[ITEMS];
	struct pairing p = { 0 };
	struct rng rng;
	uint64_t clock = 0;

	(void)state;
	rng_init(&rng, 3);
	for (int step = 0; step < 60000; step++) {
		struct pairing_node *n = &items[rng_below(&rng, ITEMS)];
		struct pairing_node *least = pairing_min(&p);

		assert_true((least == NULL) == (smallest(items) == NULL));
		assert_true(
		    least == NULL || !pairing_less(smallest(items), least));
		clock += rng_below(&rng, 3);
		switch (rng_below(&rng, 8)) {
		case 0:
			pairing_remove(&p, n);
			break;
		case 1:
			pairing_set(&p, n, 0, clock / 2);
			break;
		case 2:
			pairing_set(&p, n, 0, clock - rng_below(&rng, 9) % 3);
			break;
		default:
			if (least != NULL)
				pairing_set(&p, least, 0, clock + 100);
		}
	}
}

static void
who_takes_turns_never_needs_the_tree(void **state)
{
	static struct pairing_node items[ITEMS];
	struct pairing p = { 0 };

	(void)state;
	for (uint64_t i = 0; i < ITEMS; i++)
		pairing_add(&p, &items[i], 0, i);
	for (uint64_t i = 0; i < 5 * ITEMS; i++) {
		struct pairing_node *n = pairing_min(&p);

		assert_ptr_equal(n, &items[i % ITEMS]);
		pairing_set(&p, n, 0, ITEMS + i);
	}
	assert_null(p.root);
	for (int i = 0; i < ITEMS; i++)
		pairing_remove(&p, &items[i]);
	assert_null(pairing_min(&p));
}

static void
the_second_number_decides_between_equal_first_ones(void **state)
{
	struct pairing_node a = { 0 }, b = { 0 };
	struct pairing p = { 0 };

	(void)state;
	pairing_add(&p, &a, 1, 2);
	pairing_add(&p, &b, 1, 1);
	assert_ptr_equal(pairing_min(&p), &b);
	pairing_set(&p, &b, 1, 3);
	assert_ptr_equal(pairing_min(&p), &a);
	pairing_remove(&p, &a);
	assert_ptr_equal(pairing_min(&p), &b);
	pairing_remove(&p, &a);
	pairing_remove(&p, &b);
	assert_null(pairing_min(&p));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_root_is_the_smallest_whatever_is_added_moved_and_removed),
		cmocka_unit_test(the_least_comes_out_whether_keys_grow_or_fall),
		cmocka_unit_test(who_takes_turns_never_needs_the_tree),
		cmocka_unit_test(
		    the_second_number_decides_between_equal_first_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
