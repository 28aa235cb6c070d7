#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/base.h"
#include "rate.h"

#define UNTOUCHED 12345

static void
accepts(const char *text, uint32_t wanted)
{
	uint32_t rate = UNTOUCHED;

	if (!rate_parse(text, &rate))
		fail_msg("'%s' was refused", text);
	if (rate != wanted)
		fail_msg("'%s' is %u", text, rate);
}

static void
a_share_is_a_number_from_0_to_1(void **state)
{
	(void)state;
	accepts("0", 0);
	accepts("1", RATE_ALL);
	accepts("0.1", RATE_ALL / 10);
	accepts(".25", RATE_ALL / 4);
	accepts("1.000", RATE_ALL);
	accepts("0.000001", 1);
	accepts("0.0000019", 1);
	accepts("00.5", RATE_ALL / 2);
}

static void
a_share_is_a_percentage_too(void **state)
{
	(void)state;
	accepts("0%", 0);
	accepts("10%", RATE_ALL / 10);
	accepts("100%", RATE_ALL);
	accepts("0.5%", RATE_ALL / 200);
	accepts(".0001%", 1);
	accepts("33.3333333333333333333333%", 333333);
}

static void
more_than_all_is_refused(void **state)
{
	static const char *const bad[] = { "2", "1.000001", "100.0001%", "101%",
		"18446744073709551617", "99999999999999999999999%" };
	uint32_t rate = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(rate_parse(bad[i], &rate));
	assert_int_equal(rate, UNTOUCHED);
}

static void
anything_else_is_refused(void **state)
{
	static const char *const bad[] = { "", ".", "%", ".%", "1.", "1.%",
		"-1", "+1", " 1", "1 ", "10 %", "10%%", "0.1x", "1e-1", "a",
		"1/10", "0,1", "0.1.1" };
	uint32_t rate = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (rate_parse(bad[i], &rate))
			fail_msg("'%s' was taken", bad[i]);
	}
	assert_int_equal(rate, UNTOUCHED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_is_a_number_from_0_to_1),
		cmocka_unit_test(a_share_is_a_percentage_too),
		cmocka_unit_test(more_than_all_is_refused),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
