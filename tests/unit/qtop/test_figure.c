#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/text.h"
#include "figure.h"

static char buf[64];

static const char *
count(uint64_t n, unsigned width)
{
	struct text t;

	text_init(&t, buf, sizeof(buf));
	figure_add_count(&t, n, width);
	return buf;
}

static const char *
rate(double per_s, unsigned width)
{
	struct text t;

	text_init(&t, buf, sizeof(buf));
	figure_add_rate(&t, per_s, width);
	return buf;
}

static const char *
span(uint64_t us)
{
	struct text t;

	text_init(&t, buf, sizeof(buf));
	figure_add_span(&t, us);
	return buf;
}

static void
a_count_too_long_for_its_place_is_shortened_not_cut(void **state)
{
	(void)state;
	assert_string_equal(count(0, 6), "0");
	assert_string_equal(count(999999, 6), "999999");
	assert_string_equal(count(1000000, 6), "1.0M");
	assert_string_equal(count(1234567, 6), "1.2M");
	assert_string_equal(count(UINT64_MAX, 6), "18.4E");
	assert_string_equal(count(UINT64_MAX, 5), "18.4E");
	assert_string_equal(count(999999999, 6), "999.9M");
	assert_string_equal(count(999999999, 9), "999999999");
}

static void
a_rate_has_a_digit_after_the_point_where_there_is_room(void **state)
{
	(void)state;
	assert_string_equal(rate(0, 6), "0.0");
	assert_string_equal(rate(9999.94, 6), "9999.9");
	assert_string_equal(rate(10000, 6), "10000");
	assert_string_equal(rate(1e300, 6), "18.0E");
}

static void
a_span_has_the_unit_that_fits(void **state)
{
	(void)state;
	assert_string_equal(span(0), "0us");
	assert_string_equal(span(999), "999us");
	assert_string_equal(span(1500), "1.5ms");
	assert_string_equal(span(12345678), "12.3s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_count_too_long_for_its_place_is_shortened_not_cut),
		cmocka_unit_test(
		    a_rate_has_a_digit_after_the_point_where_there_is_room),
		cmocka_unit_test(a_span_has_the_unit_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
