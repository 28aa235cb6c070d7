#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/histogram.h"
#include "core/rng.h"

#define VALUES 20000

static const unsigned quantiles[] = { 1, 100, 2500, 5000, 7500, 9000, 9900,
	9990, 9999 };

/* A value read back is not below the true one, nor over it by 1/64. */
static void
is_close(uint64_t read, uint64_t value)
{
	if (read < value || (read - value) * 64 > value)
		fail_msg("%llu reads as %llu", (unsigned long long)value,
		    (unsigned long long)read);
}

static void
one_value_and_a_longer_one_read_back(uint64_t us)
{
	struct histogram h;

	histogram_clear(&h);
	histogram_record(&h, us);
	histogram_record(&h, HISTOGRAM_MAX_US);
	is_close(histogram_quantile(&h, 5000), us);
}

static void
no_value_is_more_than_a_64th_off(void **state)
{
	(void)state;
	for (uint64_t us = 0; us < 5000; us++)
		one_value_and_a_longer_one_read_back(us);
	for (uint64_t p = 4096; p < HISTOGRAM_MAX_US; p *= 2) {
		for (uint64_t step = 0; step < 64; step++) {
			uint64_t edge = p + p / 64 * step;

			if (edge >= HISTOGRAM_MAX_US)
				break;
			one_value_and_a_longer_one_read_back(edge - 1);
			one_value_and_a_longer_one_read_back(edge);
			one_value_and_a_longer_one_read_back(edge + 1);
		}
	}
	one_value_and_a_longer_one_read_back(HISTOGRAM_MAX_US - 1);
}

static void
small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t us = 0; us < 128; us++) {
		struct histogram h;

		histogram_clear(&h);
		histogram_record(&h, us);
		histogram_record(&h, 1000);
		assert_int_equal(histogram_quantile(&h, 5000), us);
	}
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Evenly over the powers of two, as spans in the field lie. */
static uint64_t
random_span(struct rng *rng)
{
	return rng_next(rng) >> (33 + rng_below(rng, 31));
}

static void
quantiles_agree_with_a_sorted_array(void **state)
{
	uint64_t *values = mem_new(VALUES, sizeof(*values));
	struct histogram h;
	struct rng rng;
	uint64_t sum = 0;

	(void)state;
	rng_init(&rng, 3);
	histogram_clear(&h);
	for (int i = 0; i < VALUES; i++) {
		values[i] = random_span(&rng);
		sum += values[i];
		histogram_record(&h, values[i]);
	}
	qsort(values, VALUES, sizeof(*values), compare);
	for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
		uint64_t rank = (VALUES * quantiles[i] + 9999) / 10000;

		is_close(
		    histogram_quantile(&h, quantiles[i]), values[rank - 1]);
	}
	assert_int_equal(histogram_quantile(&h, 0), values[0]);
	assert_int_equal(histogram_quantile(&h, 10000), values[VALUES - 1]);
	assert_int_equal(h.count, VALUES);
	assert_int_equal(h.sum_us, sum);
	free(values);
}

static void
minimum_and_maximum_are_exact(void **state)
{
	struct histogram h;

	(void)state;
	histogram_clear(&h);
	histogram_record(&h, 123456789);
	histogram_record(&h, 123457);
	histogram_record(&h, 987654321);
	assert_int_equal(h.min_us, 123457);
	assert_int_equal(h.max_us, 987654321);
	assert_int_equal(histogram_quantile(&h, 0), 123457);
	assert_int_equal(histogram_quantile(&h, 10000), 987654321);
	assert_int_equal(histogram_quantile(&h, 20000), 987654321);
}

static void
no_quantile_is_above_the_maximum(void **state)
{
	struct histogram h;

	(void)state;
	histogram_clear(&h);
	histogram_record(&h, 1000001);
	for (unsigned p = 0; p <= 10000; p += 100)
		assert_int_equal(histogram_quantile(&h, p), 1000001);
}

static void
more_than_an_hour_counts_as_an_hour(void **state)
{
	struct histogram h;

	(void)state;
	histogram_clear(&h);
	histogram_record(&h, HISTOGRAM_MAX_US + 1);
	histogram_record(&h, UINT64_MAX);
	assert_int_equal(h.count, 2);
	assert_int_equal(h.min_us, HISTOGRAM_MAX_US);
	assert_int_equal(h.max_us, HISTOGRAM_MAX_US);
	assert_int_equal(h.sum_us, 2 * HISTOGRAM_MAX_US);
	assert_int_equal(histogram_quantile(&h, 5000), HISTOGRAM_MAX_US);
}

static void
an_empty_one_reads_as_zero(void **state)
{
	struct histogram h;

	(void)state;
	memset(&h, 0xFF, sizeof(h));
	histogram_clear(&h);
	assert_int_equal(h.count, 0);
	for (unsigned p = 0; p <= 10000; p += 500)
		assert_int_equal(histogram_quantile(&h, p), 0);
}

static void
the_sum_of_two_is_as_if_recorded_in_one(void **state)
{
	struct histogram parts[2], sum, one;
	struct rng rng;

	(void)state;
	rng_init(&rng, 5);
	histogram_clear(&parts[0]);
	histogram_clear(&parts[1]);
	histogram_clear(&sum);
	histogram_clear(&one);
	for (int i = 0; i < VALUES; i++) {
		uint64_t us = random_span(&rng);

		histogram_record(&parts[i % 2], us);
		histogram_record(&one, us);
	}
	histogram_add(&sum, &parts[0]);
	assert_memory_equal(&sum, &parts[0], sizeof(sum));
	histogram_add(&sum, &parts[1]);
	assert_memory_equal(&sum, &one, sizeof(sum));
}

static void
the_minimum_of_a_sum_is_that_of_its_parts(void **state)
{
	struct histogram a, b;

	(void)state;
	histogram_clear(&a);
	histogram_clear(&b);
	histogram_record(&b, 700);
	histogram_add(&a, &b);
	assert_int_equal(a.min_us, 700);
	histogram_clear(&b);
	histogram_record(&b, 300);
	histogram_add(&a, &b);
	assert_int_equal(a.min_us, 300);
	assert_int_equal(a.max_us, 700);
}

static void
adding_an_empty_one_changes_nothing(void **state)
{
	struct histogram h, before, empty;

	(void)state;
	histogram_clear(&empty);
	histogram_clear(&h);
	histogram_record(&h, 5000);
	before = h;
	histogram_add(&h, &empty);
	assert_memory_equal(&h, &before, sizeof(h));
}

static void
what_was_recorded_since_is_told_apart(void **state)
{
	struct histogram all, before, since;

	(void)state;
	histogram_clear(&all);
	histogram_record(&all, 7);
	histogram_record(&all, 90000);
	before = all;
	histogram_record(&all, 1000);
	histogram_record(&all, 2000);
	histogram_since(&since, &all, &before);
	assert_int_equal(since.count, 2);
	assert_int_equal(since.sum_us, 3000);
	assert_in_range(since.min_us, 1000 - 1000 / 64, 1000);
	is_close(since.max_us, 2000);
	is_close(histogram_quantile(&since, 5000), 1000);
	histogram_since(&since, &all, &all);
	assert_int_equal(histogram_quantile(&since, 9900), 0);
	histogram_clear(&before);
	histogram_since(&since, &all, &before);
	assert_int_equal(since.max_us, 90000);
}

static void
a_value_of_nothing_is_a_value(void **state)
{
	struct histogram all, before, since;

	(void)state;
	histogram_clear(&all);
	before = all;
	histogram_record(&all, 0);
	histogram_record(&all, 0);
	histogram_record(&all, 5);
	histogram_since(&since, &all, &before);
	assert_int_equal(since.min_us, 0);
	assert_int_equal(since.max_us, 5);
}

static void
counts_grow_with_their_bounds_and_have_what_is_not_above(void **state)
{
	static const uint64_t bounds[] = { 0, 10, 25, 250, 250000, 60000000 };
	static const uint64_t want[] = { 1, 3, 3, 4, 5, 6 };
	uint64_t counts[ARRAY_LEN(bounds)];
	struct histogram h;

	(void)state;
	histogram_clear(&h);
	histogram_cumulate(&h, bounds, ARRAY_LEN(bounds), counts);
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
		assert_int_equal(counts[i], 0);
	histogram_record(&h, 0);
	histogram_record(&h, 1);
	histogram_record(&h, 10);
	histogram_record(&h, 250);
	histogram_record(&h, 250000);
	histogram_record(&h, 59000000);
	histogram_record(&h, 62000000);
	histogram_cumulate(&h, bounds, ARRAY_LEN(bounds), counts);
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
		assert_int_equal(counts[i], want[i]);
	assert_int_equal(h.count, 7);
}

static void
a_bound_takes_at_most_a_64th_of_what_is_above_it(void **state)
{
	(void)state;
	for (uint64_t bound = 1; bound < HISTOGRAM_MAX_US / 2; bound *= 3) {
		uint64_t above = bound + bound / 64 + 1, count;
		struct histogram h;

		histogram_clear(&h);
		histogram_record(&h, above);
		histogram_cumulate(&h, &bound, 1, &count);
		assert_int_equal(count, 0);
		histogram_record(&h, bound);
		histogram_cumulate(&h, &bound, 1, &count);
		assert_int_equal(count, 1);
	}
}

static void
a_bound_above_the_longest_span_counts_all(void **state)
{
	static const uint64_t bounds[] = { HISTOGRAM_MAX_US, UINT64_MAX };
	uint64_t counts[2];
	struct histogram h;

	(void)state;
	histogram_clear(&h);
	histogram_record(&h, 5);
	histogram_record(&h, UINT64_MAX);
	histogram_cumulate(&h, bounds, 2, counts);
	assert_int_equal(counts[0], 2);
	assert_int_equal(counts[1], 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_value_is_more_than_a_64th_off),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(quantiles_agree_with_a_sorted_array),
		cmocka_unit_test(minimum_and_maximum_are_exact),
		cmocka_unit_test(no_quantile_is_above_the_maximum),
		cmocka_unit_test(more_than_an_hour_counts_as_an_hour),
		cmocka_unit_test(an_empty_one_reads_as_zero),
		cmocka_unit_test(the_sum_of_two_is_as_if_recorded_in_one),
		cmocka_unit_test(the_minimum_of_a_sum_is_that_of_its_parts),
		cmocka_unit_test(adding_an_empty_one_changes_nothing),
		cmocka_unit_test(what_was_recorded_since_is_told_apart),
		cmocka_unit_test(a_value_of_nothing_is_a_value),
		cmocka_unit_test(
		    counts_grow_with_their_bounds_and_have_what_is_not_above),
		cmocka_unit_test(
		    a_bound_takes_at_most_a_64th_of_what_is_above_it),
		cmocka_unit_test(a_bound_above_the_longest_span_counts_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
