#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tui/sparkline.h"

static char out_buf[4 * SPARKLINE_VALUES];

static const char *
drawn(const struct sparkline *s, unsigned columns, bool is_utf8)
{
	struct text out;

	text_init(&out, out_buf, sizeof(out_buf));
	sparkline_add(s, &out, columns, is_utf8);
	return out_buf;
}

static void
no_value_is_no_bar(void **state)
{
	struct sparkline s = { 0 };

	(void)state;
	assert_string_equal(drawn(&s, 10, false), "");
}

static void
the_highest_bar_is_full_and_the_latest_is_last(void **state)
{
	struct sparkline s = { 0 };

	(void)state;
	for (uint64_t i = 0; i <= 8; i++)
		sparkline_push(&s, i * 100);
	assert_string_equal(drawn(&s, 20, false), " .:-=+*#@");
	sparkline_push(&s, 0);
	assert_string_equal(drawn(&s, 3, false), "#@ ");
	assert_int_equal(sparkline_value(&s, 1), 800);
}

static void
only_what_is_in_sight_sets_the_height(void **state)
{
	struct sparkline s = { 0 };

	(void)state;
	sparkline_push(&s, 1000000);
	sparkline_push(&s, 4);
	sparkline_push(&s, 8);
	assert_string_equal(drawn(&s, 2, false), "=@");
}

static void
a_little_is_not_nothing(void **state)
{
	struct sparkline s = { 0 };

	(void)state;
	sparkline_push(&s, UINT64_MAX);
	sparkline_push(&s, 1);
	sparkline_push(&s, 0);
	assert_string_equal(drawn(&s, 9, false), "@. ");
}

static void
old_values_make_room(void **state)
{
	struct sparkline s = { 0 };

	(void)state;
	for (uint64_t i = 0; i < SPARKLINE_VALUES + 10; i++)
		sparkline_push(&s, i);
	assert_int_equal(strlen(drawn(&s, 1000, false)), SPARKLINE_VALUES);
	assert_int_equal(sparkline_value(&s, SPARKLINE_VALUES - 1), 10);
}

static void
blocks_are_drawn_for_utf8(void **state)
{
	struct sparkline s = { 0 };

	(void)state;
	sparkline_push(&s, 1);
	sparkline_push(&s, 8);
	assert_string_equal(drawn(&s, 9, true), "\xe2\x96\x81\xe2\x96\x88");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_value_is_no_bar),
		cmocka_unit_test(
		    the_highest_bar_is_full_and_the_latest_is_last),
		cmocka_unit_test(only_what_is_in_sight_sets_the_height),
		cmocka_unit_test(a_little_is_not_nothing),
		cmocka_unit_test(old_values_make_room),
		cmocka_unit_test(blocks_are_drawn_for_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
