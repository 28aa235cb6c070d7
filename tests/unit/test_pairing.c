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
		if (items[i].is_in &&
		    (least == NULL || pairing_less(&items[i], least)))
			least = &items[i];
	}
	return least;
}

static void
the_root_is_the_smallest_whatever_is_added_moved_and_removed(void **state)
{
	static struct pairing_node items[ITEMS];
	struct pairing p = { NULL };
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
		assert_true((p.root == NULL) == (least == NULL));
		if (least == NULL)
			continue;
		assert_false(pairing_less(least, p.root));
		assert_false(pairing_less(p.root, least));
	}
}

static void
the_second_number_decides_between_equal_first_ones(void **state)
{
	struct pairing_node a = { 0 }, b = { 0 };
	struct pairing p = { NULL };

	(void)state;
	pairing_add(&p, &a, 1, 2);
	pairing_add(&p, &b, 1, 1);
	assert_ptr_equal(p.root, &b);
	pairing_set(&p, &b, 1, 3);
	assert_ptr_equal(p.root, &a);
	pairing_remove(&p, &a);
	assert_ptr_equal(p.root, &b);
	pairing_remove(&p, &a);
	pairing_remove(&p, &b);
	assert_null(p.root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_root_is_the_smallest_whatever_is_added_moved_and_removed),
		cmocka_unit_test(
		    the_second_number_decides_between_equal_first_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
