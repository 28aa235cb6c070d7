#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "replay.h"

#define HEAD "# qorb-load arrivals 1\n"

static char why_buf[128];

/* Reads this text as a file. */
static bool
read_text(struct replay *r, const char *text)
{
	FILE *file = tmpfile();
	struct text why;
	bool is_read;

	assert_non_null(file);
	fputs(text, file);
	rewind(file);
	text_init(&why, why_buf, sizeof(why_buf));
	is_read = replay_read(r, file, &why);
	fclose(file);
	return is_read;
}

static void
refused(const char *text, const char *why)
{
	struct replay r;

	assert_false(read_text(&r, text));
	assert_string_equal(why_buf, why);
	assert_null(r.arrivals);
}

static void
what_is_written_is_read_again(void **state)
{
	struct replay r;
	struct text why;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	replay_write_head(file);
	for (uint64_t i = 0; i < 3000; i++)
		replay_write(file, i / 2, i % 3 == 0 ? REPLAY_NO_KEY : i);
	rewind(file);
	text_init(&why, why_buf, sizeof(why_buf));
	assert_true(replay_read(&r, file, &why));
	fclose(file);
	assert_int_equal(r.count, 3000);
	for (uint64_t i = 0; i < r.count; i++) {
		assert_int_equal(r.arrivals[i].at_us, i / 2);
		assert_true(
		    r.arrivals[i].key == (i % 3 == 0 ? REPLAY_NO_KEY : i));
	}
	replay_fini(&r);
	assert_null(r.arrivals);
}

static void
other_files_are_refused(void **state)
{
	(void)state;
	refused("", "no file of arrivals (see --record)");
	refused("1 -\n", "no file of arrivals (see --record)");
	refused(HEAD, "has no arrivals");
}

static void
a_bad_line_is_named(void **state)
{
	(void)state;
	refused(HEAD "1 -\n7\n",
	    "line 3 needs a time in microseconds and a key or -");
	refused(
	    HEAD "x -\n", "line 2 does not begin with a time in microseconds");
	refused(
	    HEAD "-1 -\n", "line 2 does not begin with a time in microseconds");
	refused(HEAD "1 k\n", "line 2 its key is neither a number nor -");
	refused(HEAD "1 18446744073709551615\n",
	    "line 2 its key is neither a number nor -");
	refused(HEAD "5 -\n5 1\n4 -\n", "line 4 is before the line above it");
	refused(HEAD "5 -\n6 -", "line 3 too long, or cut short");
	refused(HEAD "1 1111111111111111111111111111111111111111111111111111111"
		     "111111111111111111111111111111111111111111111\n",
	    "line 2 too long, or cut short");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(a_bad_line_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
