#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/verb.h"

/* What verb_check says of this line, NULL: nothing against it. */
static const char *
said_of(const char *text)
{
	char line[256];
	struct request r;
	const char *what = NULL;
	enum verb v;
	enum error e;

	strcpy(line, text);
	assert_int_equal(
	    request_parse(line, strlen(line), &r, &what), ERR_NONE);
	assert_int_equal(verb_find(r.verb, &v), ERR_NONE);
	e = verb_check(v, &r, &what);
	return e == ERR_NONE ? NULL : error_code(e);
}

static void
every_verb_is_found_by_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < VERB_COUNT; i++) {
		const struct verb_row *row = verb_row((enum verb)i);
		enum verb v;

		assert_int_equal(verb_find(row->name, &v), ERR_NONE);
		assert_int_equal(v, i);
		assert_true(row->words_min <= row->words_max);
		assert_true(strlen(row->help) > 0);
	}
}

static void
an_unknown_verb_is_an_error(void **state)
{
	enum verb v;

	(void)state;
	assert_int_equal(verb_find("fly", &v), ERR_UNKNOWN_VERB);
	assert_int_equal(verb_find("", &v), ERR_UNKNOWN_VERB);
}

static void
arguments_that_fit_are_let_through(void **state)
{
	(void)state;
	assert_null(said_of("claim web wait=1s lease=2s backend=b key=k"));
	assert_null(said_of("#1 watch web every=1s"));
	assert_null(said_of("set web spares-wanted=3 max-slots=9"));
	assert_null(said_of("stats"));
	assert_null(said_of("withdraw web a own addr=127.0.0.1:1"));
}

static void
arguments_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	assert_string_equal(said_of("claim"), "bad-argument");
	assert_string_equal(said_of("claim a b"), "bad-argument");
	assert_string_equal(said_of("claim web colour=red"), "bad-argument");
	assert_string_equal(
	    said_of("claim web wait=1s wait=2s"), "bad-argument");
	assert_string_equal(said_of("ping now"), "bad-argument");
}

static void
a_verb_that_streams_needs_a_tag(void **state)
{
	(void)state;
	assert_string_equal(said_of("watch"), "tag-needed");
	assert_null(said_of("#t watch"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_is_found_by_its_name),
		cmocka_unit_test(an_unknown_verb_is_an_error),
		cmocka_unit_test(arguments_that_fit_are_let_through),
		cmocka_unit_test(arguments_that_do_not_fit_are_refused),
		cmocka_unit_test(a_verb_that_streams_needs_a_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
