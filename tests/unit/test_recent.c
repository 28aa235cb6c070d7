#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/recent.h"

static uint64_t
last_count(const struct recent *r, uint64_t now_us)
{
	struct histogram last;

	recent_last(r, now_us, &last);
	return last.count;
}

static void
it_tells_of_this_period_and_the_one_before(void **state)
{
	static struct recent r;
	const uint64_t start = 1000 * RECENT_US;

	(void)state;
	recent_record(&r, 100, start);
	recent_record(&r, 100, start + RECENT_US - 1);
	assert_int_equal(last_count(&r, start + RECENT_US - 1), 2);
	recent_record(&r, 200, start + RECENT_US);
	assert_int_equal(last_count(&r, start + RECENT_US), 3);
	recent_record(&r, 300, start + 2 * RECENT_US);
	assert_int_equal(last_count(&r, start + 2 * RECENT_US), 2);
	assert_int_equal(r.all.count, 4);
}

static void
what_is_old_is_forgotten_though_nothing_new_comes(void **state)
{
	static struct recent r;
	const uint64_t start = 5 * RECENT_US;

	(void)state;
	recent_record(&r, 100, start);
	recent_record(&r, 100, start + RECENT_US);
	assert_int_equal(last_count(&r, start + 2 * RECENT_US - 1), 2);
	assert_int_equal(last_count(&r, start + 2 * RECENT_US), 1);
	assert_int_equal(last_count(&r, start + 3 * RECENT_US - 1), 1);
	assert_int_equal(last_count(&r, start + 3 * RECENT_US), 0);
}

static void
after_a_pause_only_what_is_new_counts(void **state)
{
	static struct recent r;

	(void)state;
	assert_int_equal(last_count(&r, 12345), 0);
	recent_record(&r, 7000, 3);
	recent_record(&r, 10, 100 * RECENT_US + 5);
	assert_int_equal(last_count(&r, 100 * RECENT_US + 6), 1);
	recent_record(&r, 20, 101 * RECENT_US + 5);
	assert_int_equal(last_count(&r, 101 * RECENT_US + 6), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tells_of_this_period_and_the_one_before),
		cmocka_unit_test(
		    what_is_old_is_forgotten_though_nothing_new_comes),
		cmocka_unit_test(after_a_pause_only_what_is_new_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
