#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "failure.h"

static void
every_failure_is_found_by_its_code(void **state)
{
	(void)state;
	for (unsigned i = 1; i < FAILURE_COUNT; i++) {
		assert_int_equal(failure_of_code(failure_code(i)), i);
		assert_true(failure_text(i)[0] != '\0');
	}
}

static void
the_protocols_errors_keep_their_numbers(void **state)
{
	(void)state;
	assert_int_equal(
	    failure_of_code("all-claims-used"), ERR_ALL_CLAIMS_USED);
	assert_int_equal(failure_of_code("echo-wrong"), FAILURE_ECHO_WRONG);
}

static void
a_code_not_known_is_one_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(failure_of_code("from-the-future"), FAILURE_UNKNOWN);
	assert_int_equal(failure_of_code(""), FAILURE_UNKNOWN);
}

static void
only_what_would_never_change_is_final(void **state)
{
	(void)state;
	assert_true(failure_is_final(ERR_NO_SUCH_POOL));
	assert_true(failure_is_final(ERR_DENIED));
	assert_true(failure_is_final(ERR_BAD_VALUE));
	assert_false(failure_is_final(ERR_ALL_CLAIMS_USED));
	assert_false(failure_is_final(ERR_NO_BACKENDS));
	assert_false(failure_is_final(ERR_TOO_MANY_CLAIMS));
	assert_false(failure_is_final(FAILURE_IO_RESET));
	assert_false(failure_is_final(FAILURE_UNKNOWN));
}

static void
servers_fail_on_a_connection_claims_without(void **state)
{
	(void)state;
	assert_true(failure_is_server(FAILURE_IO_CLOSED));
	assert_true(failure_is_server(FAILURE_ECHO_TIMEOUT));
	assert_false(failure_is_server(FAILURE_FD_LOST));
	assert_false(failure_is_server(FAILURE_DAEMON_LOST));
	assert_false(failure_is_server(ERR_ALL_CLAIMS_USED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failure_is_found_by_its_code),
		cmocka_unit_test(the_protocols_errors_keep_their_numbers),
		cmocka_unit_test(a_code_not_known_is_one_of_its_own),
		cmocka_unit_test(only_what_would_never_change_is_final),
		cmocka_unit_test(servers_fail_on_a_connection_claims_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
