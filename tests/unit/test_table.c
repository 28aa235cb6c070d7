#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base.h"
#include "tui/table.h"

static const struct table_column columns[] = {
	{ "[LONG TITLE]", "LT", 0, false },
	{ "[B]", "B", 6, false },
	{ "[OTHER]", NULL, 0, true },
};

static void
columns_are_as_wide_as_title_and_cells_need(void **state)
{
	struct table_layout l;

	(void)state;
	table_lay_out(&l, columns, ARRAY_LEN(columns), 80);
	assert_int_equal(l.count, 3);
	assert_false(l.is_short);
	assert_int_equal(l.width[0], 12);
	assert_int_equal(l.width[1], 6);
	assert_int_equal(l.width[2], 7);
	assert_int_equal(l.at[1], 12 + TABLE_GAP);
	assert_int_equal(l.at[2], 12 + 6 + 2 * TABLE_GAP);
}

static void
a_tight_fit_has_smaller_gaps_the_first_ones_first(void **state)
{
	struct table_layout l;

	(void)state;
	table_lay_out(&l, columns, ARRAY_LEN(columns), 26);
	assert_int_equal(l.count, 3);
	assert_int_equal(l.at[1], 13);
	assert_int_equal(l.at[2], 19);
	table_lay_out(&l, columns, ARRAY_LEN(columns), 25);
	assert_false(l.is_short);
	assert_int_equal(l.at[2], 18);
}

static void
short_titles_come_before_columns_are_left_out(void **state)
{
	struct table_layout l;

	(void)state;
	table_lay_out(&l, columns, ARRAY_LEN(columns), 24);
	assert_int_equal(l.count, 3);
	assert_true(l.is_short);
	assert_int_equal(l.width[0], 2);
	assert_int_equal(l.width[2], 7);
	table_lay_out(&l, columns, ARRAY_LEN(columns), 16);
	assert_int_equal(l.count, 2);
	table_lay_out(&l, columns, ARRAY_LEN(columns), 1);
	assert_int_equal(l.count, 0);
}

static void
the_selected_row_is_always_in_sight(void **state)
{
	struct table_view v = { 0 };

	(void)state;
	table_view_fit(&v, 100, 10);
	assert_int_equal(v.first, 0);
	for (unsigned i = 0; i < 9; i++)
		assert_true(table_view_key(&v, SCREEN_KEY_DOWN));
	assert_int_equal(v.first, 0);
	assert_true(table_view_key(&v, SCREEN_KEY_DOWN));
	assert_int_equal(v.selected, 10);
	assert_int_equal(v.first, 1);
	assert_true(table_view_key(&v, SCREEN_KEY_PAGE_DOWN));
	assert_int_equal(v.selected, 20);
	assert_true(table_view_key(&v, SCREEN_KEY_END));
	assert_int_equal(v.selected, 99);
	assert_int_equal(v.first, 90);
	assert_true(table_view_key(&v, SCREEN_KEY_DOWN));
	assert_int_equal(v.selected, 99);
	assert_true(table_view_key(&v, SCREEN_KEY_PAGE_UP));
	assert_int_equal(v.first, 89);
	assert_true(table_view_key(&v, SCREEN_KEY_HOME));
	assert_true(table_view_key(&v, SCREEN_KEY_UP));
	assert_int_equal(v.selected, 0);
	assert_int_equal(v.first, 0);
	assert_false(table_view_key(&v, 'q'));
}

static void
a_window_that_grows_shows_more_rows(void **state)
{
	struct table_view v = { 0 };

	(void)state;
	table_view_fit(&v, 20, 5);
	table_view_select(&v, 19);
	assert_int_equal(v.first, 15);
	table_view_fit(&v, 20, 15);
	assert_int_equal(v.first, 5);
	table_view_fit(&v, 20, 30);
	assert_int_equal(v.first, 0);
	table_view_fit(&v, 20, 3);
	assert_int_equal(v.selected, 19);
	assert_int_equal(v.first, 17);
}

static void
rows_that_go_take_the_selection_along(void **state)
{
	struct table_view v = { 0 };

	(void)state;
	table_view_fit(&v, 5, 3);
	table_view_select(&v, 4);
	table_view_fit(&v, 2, 3);
	assert_int_equal(v.selected, 1);
	assert_int_equal(v.first, 0);
	table_view_fit(&v, 0, 3);
	assert_int_equal(v.selected, 0);
	assert_true(table_view_key(&v, SCREEN_KEY_END));
	assert_int_equal(v.selected, 0);
	table_view_fit(&v, 5, 0);
	assert_true(table_view_key(&v, SCREEN_KEY_PAGE_DOWN));
	assert_int_equal(v.selected, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_title_and_cells_need),
		cmocka_unit_test(
		    a_tight_fit_has_smaller_gaps_the_first_ones_first),
		cmocka_unit_test(short_titles_come_before_columns_are_left_out),
		cmocka_unit_test(the_selected_row_is_always_in_sight),
		cmocka_unit_test(a_window_that_grows_shows_more_rows),
		cmocka_unit_test(rows_that_go_take_the_selection_along),
	};

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
