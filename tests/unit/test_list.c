#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/list.h"

struct item {
	int n;
	struct list_node link;
};

static int
number_of(const struct list_node *node)
{
	return CONTAINER_OF(node, struct item, link)->n;
}

/* The numbers in a list as the digits of one number. */
static int
digits(const struct list *l)
{
	int sum = 0;

	for (struct list_node *n = list_first(l); n != NULL;
	     n = list_after(l, n))
		sum = sum * 10 + number_of(n);
	return sum;
}

static void
a_list_keeps_the_order_in_which_items_were_put(void **state)
{
	struct item items[4] = { { .n = 1 }, { .n = 2 }, { .n = 3 },
		{ .n = 4 } };
	struct list l;

	(void)state;
	list_init(&l);
	list_push_back(&l, &items[1].link);
	list_push_back(&l, &items[3].link);
	list_push_front(&l, &items[0].link);
	list_insert_before(&l, &items[3].link, &items[2].link);
	assert_int_equal(digits(&l), 1234);
	assert_int_equal(l.count, 4);
	assert_int_equal(number_of(list_last(&l)), 4);
}

static void
an_item_taken_out_is_on_no_list(void **state)
{
	struct item items[3] = { { .n = 1 }, { .n = 2 }, { .n = 3 } };
	struct list l;

	(void)state;
	list_init(&l);
	for (int i = 0; i < 3; i++)
		list_push_back(&l, &items[i].link);
	assert_true(list_has(&items[1].link));
	list_remove(&l, &items[1].link);
	assert_false(list_has(&items[1].link));
	assert_int_equal(digits(&l), 13);
	list_remove(&l, &items[0].link);
	list_remove(&l, &items[2].link);
	assert_int_equal(l.count, 0);
	assert_null(list_first(&l));
	assert_null(list_last(&l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_list_keeps_the_order_in_which_items_were_put),
		cmocka_unit_test(an_item_taken_out_is_on_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
