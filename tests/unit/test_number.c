#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/number.h"

#define UNTOUCHED 12345

static void
accepts(const char *text, uint64_t min, uint64_t max, uint64_t wanted)
{
	uint64_t n = UNTOUCHED;

	assert_true(number_parse(text, min, max, &n));
	assert_true(n == wanted);
}

static void
refuses(const char *text, uint64_t min, uint64_t max)
{
	uint64_t n = UNTOUCHED;

	assert_false(number_parse(text, min, max, &n));
	assert_int_equal(n, UNTOUCHED);
}

static void
digits_are_a_number(void **state)
{
	(void)state;
	accepts("0", 0, UINT64_MAX, 0);
	accepts("42", 0, UINT64_MAX, 42);
	accepts("007", 0, UINT64_MAX, 7);
	accepts("18446744073709551615", 0, UINT64_MAX, UINT64_MAX);
}

static void
the_bounds_themselves_are_allowed(void **state)
{
	(void)state;
	accepts("5", 5, 9, 5);
	accepts("9", 5, 9, 9);
	refuses("4", 5, 9);
	refuses("10", 5, 9);
}

static void
what_is_too_large_for_64_bits_is_refused(void **state)
{
	(void)state;
	refuses("18446744073709551616", 0, UINT64_MAX);
	refuses("18446744073709551620", 0, UINT64_MAX);
	refuses("99999999999999999999999999", 0, UINT64_MAX);
}

static void
anything_but_digits_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", " 1", "1 ", "-1", "+1",
		"1.0", "0x10", "1e3", "a", "1a", "1\n", "/", ":", "\xFF" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refuses(bad[i], 0, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_a_number),
		cmocka_unit_test(the_bounds_themselves_are_allowed),
		cmocka_unit_test(what_is_too_large_for_64_bits_is_refused),
		cmocka_unit_test(anything_but_digits_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
