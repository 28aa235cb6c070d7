#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tui/columns.h"
#include "tui/screen.h"
#include "view.h"

static struct model model;
static struct view view;
static uint64_t now_s;
static char buf[2048];
static struct text out;

static int
setup(void **state)
{
	(void)state;
	now_s = 1795388400;
	model_init(&model);
	model_begin(&model);
	view_init(&view, &model, "/run/s");
	table_view_fit(&view.table, 0, 5);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	view_fini(&view);
	model_fini(&model);
	return 0;
}

static struct text *
fresh(void)
{
	text_init(&out, buf, sizeof(buf));
	return &out;
}

static void
add_pool(const char *pool, const struct pool_figures *now)
{
	const struct model_names names = { .pool = pool, .resolver = "ok" };

	assert_true(model_add_pool(&model, &names, now));
}

static void
add(const char *pool, const char *name, const char *state, double rate)
{
	const struct model_names names = {
		.pool = pool, .backend = name, .addr = name, .state = state
	};
	const struct backend_figures now = { .claims_per_s = rate,
		.failures = strlen(state) };

	assert_true(model_add_backend(&model, &names, &now));
}

static void
end(void)
{
	const struct model_time time = { .t_us = now_s * US_PER_S,
		.clock_us = now_s * US_PER_S };

	now_s++;
	/* Rates are those that are given. */
	model_start_anew(&model);
	model_end(&model, &time);
	view_on_round(&view);
}

/* a to e, claimed from more and more but for d; c is offline. */
static void
five(void)
{
	add("p", "e", "online", 50);
	add("p", "a", "online", 10);
	add("p", "d", "online", 10);
	add("p", "c", "offline", 30);
	add("p", "b", "online", 20);
	end();
}

static void
keys(const char *text)
{
	for (; *text != '\0'; text++)
		view_on_key(&view, (unsigned char)*text);
}

/* The first letters of what stands in the rows. */
static const char *
order(void)
{
	static char names[64];
	size_t i;

	for (i = 0; i < view.count && i + 1 < sizeof(names); i++)
		names[i] = view.rows[i].backend->name[0];
	names[i] = '\0';
	return names;
}

static char
selected(void)
{
	return view.rows[view.table.selected].backend->name[0];
}

static const char *
cell(size_t row, enum column column)
{
	view_add_cell(&view, row, column, fresh());
	return buf;
}

static const char *
title(void)
{
	view_add_title(&view, fresh());
	return buf;
}

static const char *
summary(void)
{
	view_add_summary(&view, fresh());
	return buf;
}

/* ---- Order ---- */

static void
the_busiest_come_first_and_equal_ones_by_name(void **state)
{
	(void)state;
	five();
	assert_string_equal(order(), "ecbad");
	assert_string_equal(summary(), "5 backends by CLAIMS/s, falling");
}

static void
s_goes_from_column_to_column_and_r_turns_the_order(void **state)
{
	(void)state;
	five();
	keys("r");
	assert_string_equal(order(), "adbce");
	assert_string_equal(summary(), "5 backends by CLAIMS/s, rising");
	keys("sssss");
	assert_string_equal(summary(), "5 backends by TOTAL, falling");
	assert_string_equal(order(), "abcde");
	keys("s");
	assert_string_equal(summary(), "5 backends by STATE, rising");
	assert_string_equal(order(), "cabde");
	keys("r");
	assert_string_equal(order(), "abdec");
	keys("s");
	assert_string_equal(summary(), "5 backends by FAILURES, falling");
	assert_string_equal(order(), "cabde");
	keys("s");
	assert_string_equal(summary(), "5 backends by ADDRESS, rising");
	keys("r");
	assert_string_equal(order(), "edcba");
	keys("s");
	assert_string_equal(summary(), "5 backends by NAME, rising");
	keys("r");
	assert_string_equal(order(), "edcba");
	keys("s");
	assert_string_equal(summary(), "5 backends by CLAIMS/s, falling");
}

static void
every_column_but_the_history_can_be_sorted_by(void **state)
{
	(void)state;
	five();
	for (unsigned i = 0; i < 2 * COLUMN_HISTORY; i++) {
		keys("sr");
		assert_int_equal(view.count, 5);
	}
	assert_int_equal(view.sort, COLUMN_RATE);
}

/* ---- Selection ---- */

static void
the_selected_backend_stays_selected_wherever_it_goes(void **state)
{
	(void)state;
	five();
	view_on_key(&view, SCREEN_KEY_DOWN);
	assert_int_equal(selected(), 'c');
	keys("r");
	assert_int_equal(selected(), 'c');
	add("p", "c", "online", 1);
	add("p", "a", "online", 10);
	add("p", "d", "online", 9);
	end();
	assert_string_equal(order(), "cda");
	assert_int_equal(selected(), 'c');
	/* It goes, others come, it returns. */
	add("p", "a", "online", 1);
	add("p", "b", "online", 2);
	end();
	five();
	assert_int_equal(selected(), 'c');
	view_on_key(&view, SCREEN_KEY_END);
	assert_int_equal(selected(), 'e');
}

static void
the_first_line_stays_the_first(void **state)
{
	(void)state;
	five();
	assert_int_equal(selected(), 'e');
	keys("r");
	assert_int_equal(selected(), 'a');
	view_on_key(&view, SCREEN_KEY_DOWN);
	view_on_key(&view, SCREEN_KEY_HOME);
	keys("r");
	assert_int_equal(selected(), 'e');
}

static void
names_that_stand_in_several_pools_are_not_mixed_up(void **state)
{
	(void)state;
	add("q", "a", "online", 5);
	add("p", "a", "online", 6);
	end();
	view_on_key(&view, SCREEN_KEY_DOWN);
	assert_string_equal(cell(view.table.selected, COLUMN_NAME), "q/a");
	keys("r");
	assert_string_equal(cell(view.table.selected, COLUMN_NAME), "q/a");
	assert_int_equal(view.table.selected, 0);
}

/* ---- Filter ---- */

static void
a_filter_is_typed_kept_and_taken_away(void **state)
{
	(void)state;
	five();
	keys("/OFF");
	assert_string_equal(order(), "c");
	view_add_prompt(&view, fresh());
	assert_non_null(strstr(buf, "filter: OFF_"));
	view_on_key(&view, SCREEN_KEY_ENTER);
	assert_string_equal(
	    summary(), "1 of 5 backends by CLAIMS/s, falling, filter OFF");
	/* Keys are commands again. */
	keys("r");
	assert_string_equal(
	    summary(), "1 of 5 backends by CLAIMS/s, rising, filter OFF");
	five();
	assert_string_equal(order(), "c");
	view_on_key(&view, SCREEN_KEY_ESCAPE);
	assert_int_equal(view.count, 5);
}

static void
a_filter_can_be_edited(void **state)
{
	(void)state;
	five();
	keys("/offx");
	assert_int_equal(view.count, 0);
	assert_int_equal(view.table.selected, 0);
	view_on_key(&view, SCREEN_KEY_BACKSPACE);
	assert_int_equal(view.count, 1);
	keys("\x15");
	assert_int_equal(view.count, 5);
	assert_true(view.is_editing);
	view_on_key(&view, SCREEN_KEY_BACKSPACE);
	keys("q");
	assert_false(view.is_over);
	view_on_key(&view, SCREEN_KEY_ESCAPE);
	assert_string_equal(view.filter, "");
	assert_int_equal(view.count, 5);
}

static void
a_filter_takes_characters_whole_and_has_an_end(void **state)
{
	static const unsigned chars[] = { 0xE4, 0x20AC, 0x1F600 };
	size_t len;

	(void)state;
	five();
	keys("/");
	for (unsigned i = 0; i < 100; i++)
		view_on_key(&view, chars[i % ARRAY_LEN(chars)]);
	len = strlen(view.filter);
	assert_in_range(len, VIEW_FILTER_BYTES - 4, VIEW_FILTER_BYTES - 1);
	for (size_t i = 0; i < len;) {
		size_t n = text_utf8_len(view.filter + i, len - i);

		assert_true(n > 0);
		i += n;
	}
	view_on_key(&view, SCREEN_KEY_OTHER);
	assert_int_equal(strlen(view.filter), len);
	view_on_key(&view, SCREEN_KEY_BACKSPACE);
	view_on_key(&view, SCREEN_KEY_BACKSPACE);
	assert_true(strlen(view.filter) < len - 3);
}

static void
arrows_move_while_a_filter_is_typed(void **state)
{
	(void)state;
	five();
	keys("/");
	view_on_key(&view, SCREEN_KEY_DOWN);
	assert_int_equal(selected(), 'c');
	assert_true(view.is_editing);
}

/* ---- Pools ---- */

static void
p_shows_one_pool_after_another_and_all_again(void **state)
{
	(void)state;
	add("q", "a", "online", 5);
	add("p", "b", "online", 6);
	end();
	assert_string_equal(cell(0, COLUMN_NAME), "p/b");
	assert_int_equal(view_pools(&view), 2);
	keys("p");
	assert_string_equal(order(), "b");
	assert_string_equal(cell(0, COLUMN_NAME), "b");
	assert_string_equal(
	    summary(), "1 backend of pool p by CLAIMS/s, falling");
	assert_string_equal(title(), " QTOP - /run/s - 6 claims/s");
	keys("p");
	assert_string_equal(order(), "a");
	view_add_pool_cell(&view, 0, VIEW_POOL, fresh());
	assert_string_equal(buf, "q");
	keys("p");
	assert_string_equal(order(), "ba");
	assert_string_equal(title(), " QTOP - /run/s - 11 claims/s");
}

static void
a_pool_that_goes_and_returns_is_still_the_chosen_one(void **state)
{
	(void)state;
	add("q", "a", "online", 5);
	add("p", "b", "online", 6);
	end();
	keys("pp");
	add("p", "b", "online", 6);
	add("r", "c", "online", 6);
	end();
	assert_int_equal(view.count, 0);
	assert_int_equal(view_pools(&view), 0);
	assert_string_equal(
	    summary(), "0 backends of pool q by CLAIMS/s, falling");
	add("q", "a", "online", 5);
	end();
	assert_string_equal(order(), "a");
	five();
	keys("p");
	assert_int_equal(view.count, 5);
	keys("p");
	assert_null(view.pool);
}

static void
a_pool_has_its_queue_waits_and_errors(void **state)
{
	static const char *const want[VIEW_POOL_COLUMNS] = { "p", "5.0", "2",
		"12us", "3.4ms", "90us", "1.2s", "1.0M", "ok", "1/2", "16" };
	struct pool_figures now = { .claims_per_s = 5,
		.waiting = 2,
		.wait_p50_us = 12,
		.wait_p99_us = 3400,
		.hold_p50_us = 90,
		.hold_p99_us = 1200000,
		.refused = 1000000,
		.slots = 16 };

	(void)state;
	add_pool("p", &now);
	add("p", "a", "online", 1);
	add("p", "b", "offline", 1);
	end();
	for (unsigned i = 0; i < VIEW_POOL_COLUMNS; i++) {
		view_add_pool_cell(&view, 0, i, fresh());
		assert_string_equal(buf, want[i]);
	}
	assert_int_equal(
	    view_pool_cell_style(&view, 0, VIEW_POOL_WAITING), SCREEN_STRONG);
	assert_int_equal(
	    view_pool_cell_style(&view, 0, VIEW_POOL_REFUSED), SCREEN_PLAIN);
	assert_int_equal(
	    view_pool_cell_style(&view, 0, VIEW_POOL_ONLINE), SCREEN_PLAIN);
}

static void
what_was_refused_just_now_stands_out(void **state)
{
	const struct model_time time = { .clock_us = 1 };

	(void)state;
	add_pool("p", &(struct pool_figures){ .refused = 3 });
	model_end(&model, &time);
	add_pool("p", &(struct pool_figures){ .refused = 4 });
	model_end(&model, &time);
	view_on_round(&view);
	assert_int_equal(
	    view_pool_cell_style(&view, 0, VIEW_POOL_REFUSED), SCREEN_BAD);
}

static void
what_another_server_does_not_say_is_a_dash(void **state)
{
	(void)state;
	five();
	for (unsigned i = VIEW_POOL_WAITING; i < VIEW_POOL_COLUMNS; i++) {
		view_add_pool_cell(&view, 0, i, fresh());
		assert_string_equal(buf, "-");
	}
}

/* ---- Cells ---- */

static void
a_cell_has_its_figure(void **state)
{
	const struct model_names names = { .pool = "p",
		.backend = "evil\033[2J",
		.addr = "[::1]:1",
		.state = "draining" };
	const struct backend_figures now = { .connecting = 1,
		.unclaimed = 2,
		.claimed = 3,
		.checking = 4,
		.total = 123456,
		.failures = 5,
		.claims_per_s = 7.25 };
	static const char *const want[COLUMN_HISTORY] = { "evil\\x1B[2J", "7.2",
		"1", "2", "3", "4", "123456", "draining", "5", "[::1]:1" };
	struct table_column columns[COLUMNS];

	(void)state;
	assert_true(model_add_backend(&model, &names, &now));
	end();
	(void)view_lay_out(&view, columns, 80);
	for (unsigned i = 0; i < COLUMN_HISTORY; i++)
		assert_string_equal(cell(0, i), want[i]);
	assert_string_equal(cell(0, COLUMN_HISTORY), "");
	assert_int_equal(
	    view_cell_style(&view, 0, COLUMN_FAILURES), SCREEN_BAD);
	assert_int_equal(
	    view_cell_style(&view, 0, COLUMN_STATE), SCREEN_STRONG);
}

static void
what_is_offline_stands_out(void **state)
{
	(void)state;
	five();
	assert_int_equal(view_cell_style(&view, 1, COLUMN_STATE), SCREEN_BAD);
	assert_int_equal(view_cell_style(&view, 1, COLUMN_NAME), SCREEN_BAD);
	assert_int_equal(view_cell_style(&view, 0, COLUMN_STATE), SCREEN_GOOD);
	assert_int_equal(view_cell_style(&view, 0, COLUMN_NAME), SCREEN_PLAIN);
}

/* ---- Layout ---- */

static void
the_first_seven_columns_are_always_there_from_80_on(void **state)
{
	static const struct {
		unsigned width;
		unsigned count;
	} want[] = { { 76, 7 }, { 80, 8 }, { 90, 9 }, { 100, 10 }, { 110, 11 },
		{ 300, 11 } };
	struct table_column columns[COLUMNS];
	struct table_layout layout;

	(void)state;
	add("p", "echo001.te:1", "online", 1);
	end();
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		unsigned n = view_lay_out(&view, columns, want[i].width);

		assert_int_equal(n, want[i].count);
		table_lay_out(&layout, columns, n, want[i].width);
		assert_int_equal(layout.count, n);
		assert_false(layout.is_short);
		/* A gap everywhere, and nothing over the edge. */
		for (unsigned k = 1; k < n; k++)
			assert_true(layout.at[k] >
				    layout.at[k - 1] + layout.width[k - 1]);
		assert_true(
		    layout.at[n - 1] + layout.width[n - 1] <= want[i].width);
	}
}

static void
a_long_name_is_cut_in_its_middle_before_a_figure_goes(void **state)
{
	struct table_column columns[COLUMNS];

	(void)state;
	add("p", "a-name-that-is-very-long.and-a-domain.example.org:65535",
	    "online", 1);
	end();
	assert_int_equal(view_lay_out(&view, columns, 80), 7);
	assert_int_equal(columns[COLUMN_NAME].width, 23);
	assert_string_equal(cell(0, COLUMN_NAME), "a-name-that~e.org:65535");
	assert_true(view_lay_out(&view, columns, 300) == COLUMNS);
	assert_int_equal(columns[COLUMN_NAME].width, 48);
}

static void
any_width_has_a_layout(void **state)
{
	struct table_column columns[COLUMNS];
	struct table_column pools[VIEW_POOL_COLUMNS];
	struct table_layout layout;

	(void)state;
	five();
	for (unsigned width = 0; width < 320; width++) {
		unsigned n = view_lay_out(&view, columns, width);

		table_lay_out(&layout, columns, n, width);
		n = view_lay_out_pools(&view, pools, width);
		table_lay_out(&layout, pools, n, width);
		assert_true(width < 20 || layout.count == n);
	}
	view_fini(&view);
	view_init(&view, &model, "s");
	(void)view_lay_out(&view, columns, 80);
}

/* ---- Title and lines ---- */

static void
the_title_says_how_the_source_is(void **state)
{
	(void)state;
	assert_string_equal(title(), " QTOP - /run/s - waiting for figures");
	five();
	assert_string_equal(title(), " QTOP - /run/s - 120 claims/s");
	keys(" ");
	assert_string_equal(title(), " QTOP - /run/s - 120 claims/s - PAUSED");
	keys(" ");
	view_on_trouble(&view, SOURCE_ODD, "no \033 JSON");
	assert_string_equal(title(),
	    " QTOP - /run/s - 120 claims/s - NOT UNDERSTOOD: no \\x1B JSON");
	assert_int_equal(view_cell_style(&view, 1, COLUMN_RATE), SCREEN_PLAIN);
	view_on_trouble(&view, SOURCE_EMPTY, "/s: refused");
	assert_string_equal(
	    title(), " QTOP - /run/s - NO FIGURES: /s: refused");
	assert_int_equal(view_cell_style(&view, 1, COLUMN_RATE), SCREEN_DIM);
	assert_int_equal(
	    view_pool_cell_style(&view, 0, VIEW_POOL_RATE), SCREEN_DIM);
	view_on_trouble(&view, SOURCE_LOST, "gone");
	assert_string_equal(
	    title(), " QTOP - /run/s - LOST, trying again: gone");
	view_add_selected(&view, fresh());
	assert_string_equal(buf, "gone");
	assert_int_equal(view_cell_style(&view, 1, COLUMN_STATE), SCREEN_DIM);
	view_on_up(&view);
	assert_string_equal(title(), " QTOP - /run/s - waiting for figures");
	five();
	assert_string_equal(title(), " QTOP - /run/s - 120 claims/s");
}

static void
order_filter_pool_and_selection_outlive_a_loss(void **state)
{
	(void)state;
	add("q", "a", "online", 5);
	five();
	keys("pr/o");
	view_on_key(&view, SCREEN_KEY_ENTER);
	view_on_key(&view, SCREEN_KEY_DOWN);
	view_on_key(&view, SCREEN_KEY_DOWN);
	assert_int_equal(selected(), 'b');
	view_on_trouble(&view, SOURCE_LOST, "gone");
	view_on_up(&view);
	end(); /* nothing is known yet */
	add("q", "a", "online", 5);
	five();
	assert_int_equal(selected(), 'b');
	assert_string_equal(summary(),
	    "5 of 5 backends of pool p by CLAIMS/s, rising, filter o");
}

static void
the_selected_backend_is_said_in_full(void **state)
{
	(void)state;
	view_add_selected(&view, fresh());
	assert_string_equal(buf, "");
	five();
	view_add_selected(&view, fresh());
	assert_string_equal(buf, "e  e  online  failures 6");
}

static void
help_goes_away_with_any_key(void **state)
{
	(void)state;
	five();
	keys("?");
	assert_true(view.is_helping);
	keys("s");
	assert_false(view.is_helping);
	assert_int_equal(view.sort, COLUMN_RATE);
	keys("?q");
	assert_true(view.is_over);
}

static void
the_user_leaves_with_q_and_with_the_terminal(void **state)
{
	(void)state;
	keys("xyz\t");
	assert_false(view.is_over);
	keys("q");
	assert_true(view.is_over);
	view.is_over = false;
	keys("/");
	view_on_key(&view, SCREEN_KEY_CLOSED);
	assert_true(view.is_over);
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(the_busiest_come_first_and_equal_ones_by_name),
		PLAY(s_goes_from_column_to_column_and_r_turns_the_order),
		PLAY(every_column_but_the_history_can_be_sorted_by),
		PLAY(the_selected_backend_stays_selected_wherever_it_goes),
		PLAY(the_first_line_stays_the_first),
		PLAY(names_that_stand_in_several_pools_are_not_mixed_up),
		PLAY(a_filter_is_typed_kept_and_taken_away),
		PLAY(a_filter_can_be_edited),
		PLAY(a_filter_takes_characters_whole_and_has_an_end),
		PLAY(arrows_move_while_a_filter_is_typed),
		PLAY(p_shows_one_pool_after_another_and_all_again),
		PLAY(a_pool_that_goes_and_returns_is_still_the_chosen_one),
		PLAY(a_pool_has_its_queue_waits_and_errors),
		PLAY(what_was_refused_just_now_stands_out),
		PLAY(what_another_server_does_not_say_is_a_dash),
		PLAY(a_cell_has_its_figure),
		PLAY(what_is_offline_stands_out),
		PLAY(the_first_seven_columns_are_always_there_from_80_on),
		PLAY(a_long_name_is_cut_in_its_middle_before_a_figure_goes),
		PLAY(any_width_has_a_layout),
		PLAY(the_title_says_how_the_source_is),
		PLAY(order_filter_pool_and_selection_outlive_a_loss),
		PLAY(the_selected_backend_is_said_in_full),
		PLAY(help_goes_away_with_any_key),
		PLAY(the_user_leaves_with_q_and_with_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
