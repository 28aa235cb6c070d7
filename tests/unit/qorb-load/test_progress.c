#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "progress.h"

/* What is written until the file is closed; freed by the caller. */
struct written {
	FILE *file;
	char *text;
	size_t len;
};

static void
written_open(struct written *w)
{
	w->text = NULL;
	w->file = open_memstream(&w->text, &w->len);
	assert_non_null(w->file);
}

static void
grants(struct figures *f, unsigned count, uint64_t wait_us)
{
	const struct figures_grant g = {
		.backend = "a:1",
		.slot = 1,
		.now_us = wait_us,
	};

	for (unsigned i = 0; i < count; i++)
		figures_on_granted(f, &g);
}

static void
a_line_shows_the_last_second_and_all_errors(void **state)
{
	struct figures *f = figures_new(false);
	struct progress p;
	struct written w;

	(void)state;
	written_open(&w);
	f->begun_us = 1000000;
	progress_init(&p, w.file, false);
	progress_follow(&p, f, "");
	grants(f, 1500, 40);
	progress_show(&p, 2000000);
	grants(f, 5000, 20);
	figures_on_failure(f, FAILURE_IO_RESET);
	figures_on_failure(f, FAILURE_IO_RESET);
	figures_on_failure(f, ERR_ALL_CLAIMS_USED);
	progress_show(&p, 4000000);
	progress_end(&p);
	fclose(w.file);
	assert_string_equal(w.text,
	    "   1s      1,500 claims/s  p50   40us  p99   40us  errors 0\n"
	    "   3s      2,500 claims/s  p50   20us  p99   20us  errors 3 "
	    "(all-claims-used 1, io-reset 2)\n");
	free(w.text);
	figures_free(&f);
}

static void
a_terminals_line_is_rewritten_and_blanked_out(void **state)
{
	struct figures *f = figures_new(false);
	struct progress p;
	struct written w;
	const char *at;

	(void)state;
	written_open(&w);
	progress_init(&p, w.file, true);
	progress_follow(&p, f, "");
	for (unsigned i = 1; i < FAILURE_COUNT; i++)
		figures_on_failure(f, i);
	progress_show(&p, 1000000);
	progress_end(&p);
	fclose(w.file);
	assert_int_equal(w.text[0], '\r');
	assert_null(strchr(w.text, '\n'));
	/* One column of the 80 stays free. */
	at = strchr(w.text + 1, '\r');
	assert_int_equal(at - (w.text + 1), 79);
	assert_int_equal(strspn(at + 1, " "), 79);
	assert_string_equal(at + 1 + 79, "\r");
	free(w.text);
	figures_free(&f);
}

static void
nothing_is_cleared_that_was_never_shown(void **state)
{
	struct figures *f = figures_new(false);
	struct progress p;
	struct written w;

	(void)state;
	written_open(&w);
	progress_init(&p, w.file, true);
	progress_follow(&p, f, "");
	progress_end(&p);
	fclose(w.file);
	assert_int_equal(w.len, 0);
	free(w.text);
	figures_free(&f);
}

static void
runs_one_after_the_other_say_whose_they_are(void **state)
{
	struct figures *one = figures_new(false);
	struct figures *two = figures_new(false);
	struct progress p;
	struct written w;

	(void)state;
	written_open(&w);
	progress_init(&p, w.file, false);
	one->begun_us = 1000000;
	grants(one, 100, 40);
	progress_follow(&p, one, "pool");
	progress_show(&p, 2000000);
	two->begun_us = 4000000;
	grants(two, 50, 20);
	progress_follow(&p, two, "direct");
	progress_show(&p, 4500000);
	progress_end(&p);
	fclose(w.file);
	assert_string_equal(w.text,
	    "pool     1s        100 claims/s  p50   40us  p99   40us"
	    "  errors 0\n"
	    "direct   4s        100 claims/s  p50   20us  p99   20us"
	    "  errors 0\n");
	free(w.text);
	figures_free(&one);
	figures_free(&two);
	progress_end(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_one_after_the_other_say_whose_they_are),
		cmocka_unit_test(a_line_shows_the_last_second_and_all_errors),
		cmocka_unit_test(a_terminals_line_is_rewritten_and_blanked_out),
		cmocka_unit_test(nothing_is_cleared_that_was_never_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
