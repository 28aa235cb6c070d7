#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/arena.h"

#define ITEMS 100

static void
items_are_zeroed_apart_and_aligned(void **state)
{
	struct arena a;
	unsigned char *items[ITEMS];

	(void)state;
	arena_init(&a, 13);
	arena_reserve(&a, 40);
	arena_reserve(&a, ITEMS);
	for (int i = 0; i < ITEMS; i++) {
		items[i] = arena_take(&a);
		assert_non_null(items[i]);
		assert_int_equal((uintptr_t)items[i] % 8, 0);
		for (int k = 0; k < 13; k++)
			assert_int_equal(items[i][k], 0);
		memset(items[i], i + 1, 13);
	}
	for (int i = 0; i < ITEMS; i++) {
		for (int k = 0; k < 13; k++)
			assert_int_equal(items[i][k], i + 1);
	}
	arena_fini(&a);
}

static void
no_more_is_out_than_was_reserved(void **state)
{
	struct arena a;
	void *one;

	(void)state;
	arena_init(&a, 8);
	assert_null(arena_take(&a));
	arena_reserve(&a, 2);
	one = arena_take(&a);
	assert_non_null(arena_take(&a));
	assert_null(arena_take(&a));
	arena_put(&a, one);
	assert_int_equal(a.taken, 1);
	assert_ptr_equal(arena_take(&a), one);
	assert_null(arena_take(&a));
	arena_fini(&a);
}

static void
an_item_that_comes_again_is_zeroed_again(void **state)
{
	struct arena a;
	unsigned char *item;

	(void)state;
	arena_init(&a, 24);
	arena_reserve(&a, 1);
	item = arena_take(&a);
	memset(item, 0xff, 24);
	arena_put(&a, item);
	item = arena_take(&a);
	for (int i = 0; i < 24; i++)
		assert_int_equal(item[i], 0);
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_zeroed_apart_and_aligned),
		cmocka_unit_test(no_more_is_out_than_was_reserved),
		cmocka_unit_test(an_item_that_comes_again_is_zeroed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
