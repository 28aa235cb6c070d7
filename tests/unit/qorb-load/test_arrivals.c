#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "core/base.h"
#include "arrivals.h"

#define RATE  1000
#define COUNT 100000

static void
even_arrivals_are_one_gap_apart(void **state)
{
	struct arrivals a;

	(void)state;
	arrivals_init(&a, ARRIVALS_EVEN, RATE, 0, 1);
	for (uint64_t i = 1; i <= COUNT; i++)
		assert_int_equal(arrivals_next(&a), i * US_PER_S / RATE);
}

static void
no_arrival_is_before_the_one_before_it(void **state)
{
	struct arrivals a;
	uint64_t last = 0;

	(void)state;
	arrivals_init(&a, ARRIVALS_RANDOM, RATE, 2 * US_PER_S, 7);
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t next = arrivals_next(&a);

		assert_true(next >= last);
		last = next;
	}
}

/* Of an exponential distribution the standard deviation is the mean. */
static void
random_gaps_are_exponential_with_the_rate_as_mean(void **state)
{
	struct arrivals a;
	double last = 0, sum = 0, squares = 0;
	double mean, deviation;

	(void)state;
	arrivals_init(&a, ARRIVALS_RANDOM, RATE, 0, 42);
	for (unsigned i = 0; i < COUNT; i++) {
		double next = (double)arrivals_next(&a);

		sum += next - last;
		squares += (next - last) * (next - last);
		last = next;
	}
	mean = sum / COUNT;
	deviation = sqrt(squares / COUNT - mean * mean);
	assert_true(fabs(mean - 1000) < 20);
	assert_true(fabs(deviation - 1000) < 20);
}

static void
the_same_seed_gives_the_same_arrivals(void **state)
{
	struct arrivals a, b, c;
	unsigned differing = 0;

	(void)state;
	arrivals_init(&a, ARRIVALS_RANDOM, RATE, 0, 5);
	arrivals_init(&b, ARRIVALS_RANDOM, RATE, 0, 5);
	arrivals_init(&c, ARRIVALS_RANDOM, RATE, 0, 6);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t next = arrivals_next(&a);

		assert_int_equal(next, arrivals_next(&b));
		differing += next != arrivals_next(&c);
	}
	assert_true(differing > 900);
}

/* How many of the arrivals come before a moment. */
static unsigned
arrivals_before(struct arrivals *a, uint64_t moment_us)
{
	unsigned n = 0;

	while (arrivals_next(a) <= moment_us)
		n++;
	return n;
}

/* The rate grows from 0 in a straight line: a quarter of the ramp's arrivals
 * come in its first half, and the ramp has half of what the full rate would
 * have brought. */
static void
while_ramping_the_rate_grows_in_a_straight_line(void **state)
{
	static const struct {
		uint64_t until_us;
		unsigned count;
	} expected[] = {
		{ 1 * US_PER_S, 250 },
		{ 2 * US_PER_S, 1000 },
		{ 3 * US_PER_S, 2000 },
		{ 12 * US_PER_S, 11000 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(expected); i++) {
		struct arrivals a;
		unsigned n;

		arrivals_init(&a, ARRIVALS_EVEN, RATE, 2 * US_PER_S, 1);
		n = arrivals_before(&a, expected[i].until_us);
		assert_in_range(
		    n, expected[i].count - 1, expected[i].count + 1);
	}
}

static void
kinds_have_names_and_nothing_else_is_one(void **state)
{
	enum arrivals_kind kind = ARRIVALS_EVEN;

	(void)state;
	assert_true(arrivals_kind_parse("random", &kind));
	assert_int_equal(kind, ARRIVALS_RANDOM);
	assert_true(arrivals_kind_parse("even", &kind));
	assert_int_equal(kind, ARRIVALS_EVEN);
	assert_false(arrivals_kind_parse("Even", &kind));
	assert_false(arrivals_kind_parse("", &kind));
	assert_int_equal(kind, ARRIVALS_EVEN);
	assert_string_equal(arrivals_kind_name(ARRIVALS_RANDOM), "random");
	assert_string_equal(arrivals_kind_name(ARRIVALS_EVEN), "even");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(even_arrivals_are_one_gap_apart),
		cmocka_unit_test(no_arrival_is_before_the_one_before_it),
		cmocka_unit_test(
		    random_gaps_are_exponential_with_the_rate_as_mean),
		cmocka_unit_test(the_same_seed_gives_the_same_arrivals),
		cmocka_unit_test(
		    while_ramping_the_rate_grows_in_a_straight_line),
		cmocka_unit_test(kinds_have_names_and_nothing_else_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
