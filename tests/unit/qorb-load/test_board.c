#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/base.h"
#include "board.h"

#define STEP BOARD_HOLD_STEP_US

struct fixture {
	struct figures *figures;
	struct board board;
	char buf[512];
	struct text out;
};

static void
begin(struct fixture *x, unsigned tasks)
{
	memset(x, 0, sizeof(*x));
	x->figures = figures_new(false);
	board_init(&x->board, "demo", x->figures);
	for (unsigned i = 0; i < tasks; i++)
		board_add(&x->board, US_PER_S);
}

static void
end(struct fixture *x)
{
	board_fini(&x->board);
	figures_free(&x->figures);
}

static struct text *
fresh(struct fixture *x)
{
	text_init(&x->out, x->buf, sizeof(x->buf));
	return &x->out;
}

static const char *
cell(struct fixture *x, size_t task, unsigned column)
{
	board_add_cell(&x->board, task, column, fresh(x));
	return x->buf;
}

static void
a_new_task_is_selected_and_has_done_nothing(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 3);
	assert_int_equal(x.board.view.selected, 2);
	assert_string_equal(cell(&x, 2, BOARD_INDEX), "2");
	assert_string_equal(cell(&x, 2, BOARD_CLAIMED), "no");
	assert_string_equal(cell(&x, 2, BOARD_DURATION), "1000");
	assert_string_equal(cell(&x, 2, BOARD_SUCCESSES), "0");
	assert_string_equal(cell(&x, 2, BOARD_SERVER_FAILURES), "0");
	assert_string_equal(cell(&x, 2, BOARD_CLAIM_FAILURES), "0");
	end(&x);
}

static void
outcomes_count_in_their_columns(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 2);
	board_on_outcome(&x.board, 1, 0);
	board_on_outcome(&x.board, 1, 0);
	board_on_outcome(&x.board, 1, FAILURE_IO_CLOSED);
	for (unsigned i = 0; i < 3; i++)
		board_on_outcome(&x.board, 1, ERR_ALL_CLAIMS_USED);
	assert_string_equal(cell(&x, 1, BOARD_SUCCESSES), "2");
	assert_string_equal(cell(&x, 1, BOARD_SERVER_FAILURES), "1");
	assert_string_equal(cell(&x, 1, BOARD_CLAIM_FAILURES), "3");
	assert_string_equal(cell(&x, 0, BOARD_SUCCESSES), "0");
	assert_int_equal(
	    board_cell_style(&x.board, 1, BOARD_CLAIM_FAILURES), SCREEN_BAD);
	assert_int_equal(
	    board_cell_style(&x.board, 0, BOARD_CLAIM_FAILURES), SCREEN_PLAIN);
	end(&x);
}

static void
a_task_that_has_a_connection_is_claimed(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 1);
	x.board.tasks[0].state = TASK_CLAIMING;
	assert_string_equal(cell(&x, 0, BOARD_CLAIMED), "no");
	x.board.tasks[0].state = TASK_ECHOING;
	assert_string_equal(cell(&x, 0, BOARD_CLAIMED), "yes");
	x.board.tasks[0].state = TASK_HOLDING;
	assert_string_equal(cell(&x, 0, BOARD_CLAIMED), "yes");
	assert_int_equal(
	    board_cell_style(&x.board, 0, BOARD_CLAIMED), SCREEN_GOOD);
	end(&x);
}

static void
the_claim_duration_has_a_floor_and_a_ceiling(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 2);
	table_view_select(&x.board.view, 0);
	board_change_hold(&x.board, 1);
	assert_int_equal(x.board.tasks[0].hold_us, 11 * STEP);
	for (unsigned i = 0; i < 20; i++)
		board_change_hold(&x.board, -1);
	assert_int_equal(x.board.tasks[0].hold_us, STEP);
	assert_int_equal(x.board.tasks[1].hold_us, 10 * STEP);
	x.board.tasks[0].hold_us = BOARD_HOLD_MAX_US;
	board_change_hold(&x.board, 1);
	assert_int_equal(x.board.tasks[0].hold_us, BOARD_HOLD_MAX_US);
	board_add(&x.board, 0);
	assert_int_equal(x.board.tasks[2].hold_us, STEP);
	end(&x);
}

static void
with_no_task_there_is_nothing_to_change(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0);
	board_change_hold(&x.board, 1);
	board_add_selected(&x.board, fresh(&x));
	assert_string_equal(x.buf, "No task yet: TAB adds one");
	board_add_failure(&x.board, fresh(&x));
	assert_string_equal(x.buf, "");
	end(&x);
}

static void
a_task_at_a_removed_ones_place_starts_from_nothing(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 2);
	board_on_outcome(&x.board, 1, 0);
	board_remove(&x.board);
	assert_int_equal(x.board.view.selected, 0);
	board_add(&x.board, STEP);
	assert_string_equal(cell(&x, 1, BOARD_SUCCESSES), "0");
	end(&x);
}

static void
the_selected_task_says_who_served_it_and_what_went_wrong(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 1);
	board_add_selected(&x.board, fresh(&x));
	assert_string_equal(x.buf, "Task 0 rests; no claim granted yet");
	board_add_failure(&x.board, fresh(&x));
	assert_string_equal(x.buf, "Task 0 has had no failure");
	board_on_granted(&x.board, 0, "one\033:6001", 1234);
	board_on_outcome(&x.board, 0, FAILURE_IO_RESET);
	board_on_outcome(&x.board, 0, 0);
	board_add_selected(&x.board, fresh(&x));
	assert_string_equal(
	    x.buf, "Task 0 rests; last claim waited 1.23ms, on one\\x1B:6001");
	board_add_failure(&x.board, fresh(&x));
	assert_string_equal(x.buf,
	    "Task 0's last failure: io-reset, the lent connection was reset");
	end(&x);
}

static void
the_title_says_whether_the_daemon_is_there(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 1);
	board_on_up(&x.board, "");
	board_add_title(&x.board, fresh(&x));
	assert_string_equal(x.buf, " QORB-LOAD - demo - 1 task - connected");
	board_on_up(&x.board, "qorb-pool/1");
	board_on_down(&x.board, "gone");
	board_on_down(&x.board, "still gone");
	board_add(&x.board, STEP);
	board_add_title(&x.board, fresh(&x));
	assert_string_equal(x.buf,
	    " QORB-LOAD - demo - 2 tasks - DAEMON GONE, retrying: still gone");
	board_on_up(&x.board, "qorb-pool/1");
	board_add_title(&x.board, fresh(&x));
	assert_string_equal(x.buf, " QORB-LOAD - demo - 2 tasks - connected to "
				   "qorb-pool/1, lost 1 time");
	end(&x);
}

static void
the_footer_has_the_last_seconds_and_all_errors(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 1);
	board_add_errors(&x.board, fresh(&x));
	assert_string_equal(x.buf, "      0 errors");
	x.figures->granted = 1000;
	board_on_second(&x.board);
	x.figures->granted = 3000;
	board_on_second(&x.board);
	board_add_rate(&x.board, fresh(&x), 80, false);
	assert_string_equal(x.buf, "  2,000 claims/s =@");
	board_add_rate(&x.board, fresh(&x), 18, false);
	assert_string_equal(x.buf, "  2,000 claims/s @");
	x.figures->failures[ERR_ALL_CLAIMS_USED] = 1000;
	x.figures->failures[FAILURE_IO_CLOSED] = 1;
	board_add_errors(&x.board, fresh(&x));
	assert_string_equal(
	    x.buf, "  1,001 errors: all-claims-used 1,000, io-closed 1");
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_task_is_selected_and_has_done_nothing),
		cmocka_unit_test(outcomes_count_in_their_columns),
		cmocka_unit_test(a_task_that_has_a_connection_is_claimed),
		cmocka_unit_test(the_claim_duration_has_a_floor_and_a_ceiling),
		cmocka_unit_test(with_no_task_there_is_nothing_to_change),
		cmocka_unit_test(
		    a_task_at_a_removed_ones_place_starts_from_nothing),
		cmocka_unit_test(
		    the_selected_task_says_who_served_it_and_what_went_wrong),
		cmocka_unit_test(the_title_says_whether_the_daemon_is_there),
		cmocka_unit_test(
		    the_footer_has_the_last_seconds_and_all_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
