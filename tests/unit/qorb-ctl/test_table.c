/* Tables: which rows stand together, fields with tabs, layout for screens. */

#include "../reply_rig.h"

#include "table.h"

static void
add(struct tables *t, const char *line)
{
	struct line_reply r;

	tables_add(t, reply_of(&r, line));
}

/* What is printed for a screen of this width, 0: with tabs. */
static char *
printed(const struct tables *t, size_t width)
{
	char *buf = NULL;
	size_t size;
	FILE *f = open_memstream(&buf, &size);

	assert_non_null(f);
	if (width == 0)
		tables_print_tabs(t, f, NULL, NULL);
	else
		tables_print(t, f, width);
	assert_int_equal(fclose(f), 0);
	return buf;
}

static void
check(struct tables *t, size_t width, const char *want)
{
	char *got = printed(t, width);

	assert_string_equal(got, want);
	free(got);
}

static void
rows_with_the_same_keys_stand_in_one_table(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* pool=a slots=8");
	add(&t, "* pool=b slots=10");
	check(&t, 80, "POOL  SLOTS\na         8\nb        10\n");
	check(&t, 0, "pool\tslots\na\t8\nb\t10\n");
	tables_clear(&t);
}

static void
rows_of_different_shape_stand_in_tables_of_their_own(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* pool=a waiting=1");
	add(&t, "* pool=a backend=x");
	add(&t, "* pool=b waiting=2");
	add(&t, "* pool=b backend=y");
	check(&t, 80,
	    "POOL  WAITING\n"
	    "a           1\n"
	    "b           2\n"
	    "\n"
	    "POOL  BACKEND\n"
	    "a     x\n"
	    "b     y\n");
	check(
	    &t, 0, "pool\twaiting\na\t1\nb\t2\n\npool\tbackend\na\tx\nb\ty\n");
	tables_clear(&t);
}

static void
a_row_that_lacks_keys_has_empty_cells(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* backend=x failures=0");
	add(&t, "* backend=y failures=3 last_error=refused");
	add(&t, "* backend=z failures=0");
	check(&t, 80,
	    "BACKEND  FAILURES  LAST_ERROR\n"
	    "x               0\n"
	    "y               3  refused\n"
	    "z               0\n");
	check(&t, 0,
	    "backend\tfailures\tlast_error\nx\t0\t\ny\t3\trefused\nz\t0\t\n");
	tables_clear(&t);
}

static void
keys_in_another_order_find_their_columns(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* a=1 b=2");
	add(&t, "* b=4 a=3");
	check(&t, 80, "A  B\n1  2\n3  4\n");
	tables_clear(&t);
}

static void
bare_words_and_an_ok_without_words_are_taken(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "ok");
	check(&t, 80, "");
	add(&t, "* end t=1.5");
	check(&t, 80, "END    T\n     1.5\n");
	tables_clear(&t);
	tables_clear(&t);
}

static void
bytes_that_a_terminal_obeys_are_escaped(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* client=%1B[2J%09%0A name=%FF");
	check(&t, 80, "CLIENT           NAME\n\\x1B[2J\\x09\\x0A  \\xFF\n");
	check(&t, 0, "client\tname\n\\x1B[2J\\x09\\x0A\t\\xFF\n");
	tables_clear(&t);
}

static void
characters_of_several_bytes_are_one_column_wide(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* client=%C3%A4%C3%B6 pid=7");
	add(&t, "* client=abcdefgh pid=8");
	check(&t, 80,
	    "CLIENT    PID\n"
	    "\xC3\xA4\xC3\xB6          7\n"
	    "abcdefgh    8\n");
	tables_clear(&t);
}

static void
heads_are_broken_when_the_screen_is_too_narrow(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* pool=a wait_p50_us=12 max-slots=16");
	check(&t, 28,
	    "POOL  WAIT_P50_US  MAX-SLOTS\n"
	    "a              12         16\n");
	check(&t, 27,
	    "      WAIT\n"
	    "       P50    MAX\n"
	    "POOL    US  SLOTS\n"
	    "a       12     16\n");
	tables_clear(&t);
}

static void
cells_of_several_words_are_wrapped_next(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* verb=ping help=answers%20ok%20and%20does%20nothing%20else");
	add(&t, "* verb=help help=lists");
	check(&t, 30,
	    "VERB  HELP\n"
	    "ping  answers ok and does\n"
	    "      nothing else\n"
	    "help  lists\n");
	tables_clear(&t);
}

static void
what_is_still_too_wide_is_continued_below(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* pool=p backend=one state=online claimed=1 total=20");
	add(&t, "* pool=p backend=two state=offline claimed=0 total=3");
	check(&t, 30,
	    "POOL  BACKEND  STATE\n"
	    "p     one      online\n"
	    "p     two      offline\n"
	    "\n"
	    "BACKEND  CLAIMED  TOTAL\n"
	    "one            1     20\n"
	    "two            0      3\n");
	tables_clear(&t);
}

static void
rows_that_need_two_columns_to_be_told_apart_get_them(void **state)
{
	struct tables t = { NULL, NULL };

	(void)state;
	add(&t, "* pool=p backend=one state=online claimed=1");
	add(&t, "* pool=q backend=one state=offline claimed=0");
	check(&t, 24,
	    "POOL  BACKEND  STATE\n"
	    "p     one      online\n"
	    "q     one      offline\n"
	    "\n"
	    "POOL  CLAIMED\n"
	    "p           1\n"
	    "q           0\n");
	add(&t, "* pool=q backend=two state=offline claimed=0");
	check(&t, 24,
	    "POOL  BACKEND  STATE\n"
	    "p     one      online\n"
	    "q     one      offline\n"
	    "q     two      offline\n"
	    "\n"
	    "POOL  BACKEND  CLAIMED\n"
	    "p     one            1\n"
	    "q     one            0\n"
	    "q     two            0\n");
	tables_clear(&t);
}

static void
a_word_wider_than_the_screen_is_not_cut(void **state)
{
	struct tables t = { NULL, NULL };
	char *got;

	(void)state;
	add(&t, "* name=abcdefghijklmnopqrstuvwxyz%20x value=1");
	got = printed(&t, 20);
	assert_non_null(strstr(got, "abcdefghijklmnopqrstuvwxyz\n"));
	assert_non_null(strstr(got, "\n    1\n"));
	free(got);
	tables_clear(&t);
}

static void
many_rows_keep_their_order(void **state)
{
	struct tables t = { NULL, NULL };
	char line[64], *got, *at;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(line, sizeof(line), "* slot=%d", i);
		add(&t, line);
	}
	got = printed(&t, 0);
	at = strchr(got, '\n');
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(strtol(at + 1, &at, 10), i);
		assert_int_equal(*at, '\n');
	}
	free(got);
	tables_clear(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_with_the_same_keys_stand_in_one_table),
		cmocka_unit_test(
		    rows_of_different_shape_stand_in_tables_of_their_own),
		cmocka_unit_test(a_row_that_lacks_keys_has_empty_cells),
		cmocka_unit_test(keys_in_another_order_find_their_columns),
		cmocka_unit_test(bare_words_and_an_ok_without_words_are_taken),
		cmocka_unit_test(bytes_that_a_terminal_obeys_are_escaped),
		cmocka_unit_test(
		    characters_of_several_bytes_are_one_column_wide),
		cmocka_unit_test(
		    heads_are_broken_when_the_screen_is_too_narrow),
		cmocka_unit_test(cells_of_several_words_are_wrapped_next),
		cmocka_unit_test(what_is_still_too_wide_is_continued_below),
		cmocka_unit_test(
		    rows_that_need_two_columns_to_be_told_apart_get_them),
		cmocka_unit_test(a_word_wider_than_the_screen_is_not_cut),
		cmocka_unit_test(many_rows_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
