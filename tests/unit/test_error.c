#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/error.h"

static void
every_error_is_found_by_its_code(void **state)
{
	(void)state;
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		enum error e = ERR_NONE;

		assert_true(error_find(error_code((enum error)i), &e));
		assert_int_equal(e, i);
	}
}

static void
every_error_has_a_code_of_the_wire_and_a_meaning(void **state)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyz-";

	(void)state;
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		const char *code = error_code((enum error)i);

		assert_true(strlen(code) > 0);
		assert_int_equal(strspn(code, letters), strlen(code));
		assert_true(strlen(error_text((enum error)i)) > 0);
	}
}

static void
no_error_is_called_none_and_not_found(void **state)
{
	enum error e = ERR_DENIED;

	(void)state;
	assert_string_equal(error_code(ERR_NONE), "none");
	assert_false(error_find("none", &e));
	assert_false(error_find("", &e));
	assert_false(error_find("denied-", &e));
	assert_false(error_find("Denied", &e));
	assert_int_equal(e, ERR_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_is_found_by_its_code),
		cmocka_unit_test(
		    every_error_has_a_code_of_the_wire_and_a_meaning),
		cmocka_unit_test(no_error_is_called_none_and_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
