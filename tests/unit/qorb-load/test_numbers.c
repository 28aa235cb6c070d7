#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/base.h"
#include "numbers.h"

static void
counts_have_groups_of_three(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 81234, "81,234" },
		{ 1002003, "1,002,003" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	char buf[NUMBERS_BYTES];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
		    numbers_count(buf, cases[i].n), cases[i].text);
}

static void
spans_have_three_digits_and_their_unit(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {
		{ 0, "0us" },
		{ 40, "40us" },
		{ 999, "999us" },
		{ 1000, "1.00ms" },
		{ 1234, "1.23ms" },
		{ 1235, "1.24ms" },
		{ 9994, "9.99ms" },
		{ 9995, "10.0ms" },
		{ 12345, "12.3ms" },
		{ 99949, "99.9ms" },
		{ 99950, "100ms" },
		{ 999499, "999ms" },
		{ 999500, "1.00s" },
		{ 1000000, "1.00s" },
		{ 12345678, "12.3s" },
		{ 3600000000, "3600s" },
	};
	char buf[NUMBERS_BYTES];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
		    numbers_span(buf, cases[i].us), cases[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_groups_of_three),
		cmocka_unit_test(spans_have_three_digits_and_their_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
