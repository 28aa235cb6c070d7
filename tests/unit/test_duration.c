#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/duration.h"
#include "core/text.h"

#define UNTOUCHED  12345
#define HOUR_US	   (3600 * US_PER_S)
#define CENTURY_US (100 * 365 * 24 * HOUR_US)

static void
accepts(const char *text, uint64_t wanted_us)
{
	uint64_t span_us = UNTOUCHED;

	if (!duration_parse(text, &span_us))
		fail_msg("'%s' was refused", text);
	if (span_us != wanted_us)
		fail_msg("'%s' is %llu us", text, (unsigned long long)span_us);
}

static void
refuses(const char *text)
{
	uint64_t span_us = UNTOUCHED;

	if (duration_parse(text, &span_us))
		fail_msg("'%s' was taken", text);
	assert_int_equal(span_us, UNTOUCHED);
}

static void
each_unit_is_understood(void **state)
{
	(void)state;
	accepts("250us", 250);
	accepts("250ms", 250 * US_PER_MS);
	accepts("5s", 5 * US_PER_S);
	accepts("2m", 120 * US_PER_S);
	accepts("1h", HOUR_US);
}

static void
a_bare_number_is_seconds(void **state)
{
	(void)state;
	accepts("0", 0);
	accepts("3", 3 * US_PER_S);
	accepts("0000000000000000000000000000003", 3 * US_PER_S);
}

static void
fractions_are_exact_to_the_microsecond(void **state)
{
	(void)state;
	accepts("0.5s", 500 * US_PER_MS);
	accepts(".25", 250 * US_PER_MS);
	accepts("0.1", 100 * US_PER_MS);
	accepts("1.000001", US_PER_S + 1);
	accepts("0.1ms", 100);
	accepts("0.0000000005h", 1);
	accepts("0.99999999999999999999999999999999999999s", 999999);
}

static void
what_is_below_a_microsecond_is_dropped(void **state)
{
	(void)state;
	accepts("1.9us", 1);
	accepts("0.9999999", 999999);
	accepts("0.00000009", 0);
}

static void
never_has_no_end(void **state)
{
	(void)state;
	accepts("never", NEVER);
}

static void
a_hundred_years_is_the_longest_span(void **state)
{
	(void)state;
	accepts("876000h", CENTURY_US);
	accepts("3153600000", CENTURY_US);
	accepts("3153600000000000us", CENTURY_US);
	refuses("876000.0000000005h");
	refuses("3153600000000001us");
	refuses("3153600000.000001");
	refuses("18446744073709551616us");
	refuses("99999999999999999999999999h");
}

static void
anything_else_is_refused(void **state)
{
	static const char *const bad[] = { "", ".", "5.", "5.s", ".s", "s",
		"us", "h", "-1", "+1", " 1", "1 ", "1 s", "1d", "1S", "1MS",
		"1min", "1sec", "1h30m", "1.2.3", "0x1", "1e3", "Never",
		"neverr", "1,5", "\xC2\xB5s" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refuses(bad[i]);
}

static void
what_the_protocol_writes_is_read_back(void **state)
{
	static const uint64_t spans[] = { 0, 1, 999, 1000, 1500, 60000000,
		HOUR_US, 90 * US_PER_S, 36 * HOUR_US, CENTURY_US, NEVER };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		char buf[40];
		struct text t;

		text_init(&t, buf, sizeof(buf));
		text_add_duration(&t, spans[i]);
		accepts(buf, spans[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_unit_is_understood),
		cmocka_unit_test(a_bare_number_is_seconds),
		cmocka_unit_test(fractions_are_exact_to_the_microsecond),
		cmocka_unit_test(what_is_below_a_microsecond_is_dropped),
		cmocka_unit_test(never_has_no_end),
		cmocka_unit_test(a_hundred_years_is_the_longest_span),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(what_the_protocol_writes_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
