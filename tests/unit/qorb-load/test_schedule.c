#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/base.h"
#include "schedule.h"

#define BEGUN 5000000
#define COUNT 1000

static const struct workload even = {
	.rate = 1000,
	.arrivals = ARRIVALS_EVEN,
	.claims = UINT64_MAX,
};

static struct workload
random_work(uint64_t seed, uint64_t key_space)
{
	return (struct workload){
		.rate = 1000,
		.claims = UINT64_MAX,
		.seed = seed,
		.key_space = key_space,
	};
}

/* How many of the first arrivals of two workloads are due at once, and how
 * many name the same key. */
static void
compare(const struct workload *a, const struct workload *b, unsigned *moments,
    unsigned *keys)
{
	struct schedule x, y;

	*moments = *keys = 0;
	schedule_init(&x, a, NULL);
	schedule_init(&y, b, NULL);
	schedule_begin(&x, BEGUN);
	schedule_begin(&y, BEGUN);
	for (unsigned i = 0; i < COUNT; i++) {
		*moments += x.due_us == y.due_us;
		*keys += x.due_key == y.due_key;
		schedule_next(&x);
		schedule_next(&y);
	}
}

static void
the_same_seed_gives_the_same_arrivals(void **state)
{
	const struct workload one = random_work(1, 1000000);
	const struct workload two = random_work(2, 1000000);
	unsigned moments, keys;

	(void)state;
	compare(&one, &one, &moments, &keys);
	assert_int_equal(moments, COUNT);
	assert_int_equal(keys, COUNT);
	compare(&one, &two, &moments, &keys);
	assert_true(moments < COUNT / 10);
	assert_true(keys < COUNT / 10);
}

static void
keys_do_not_shift_moments(void **state)
{
	const struct workload with = random_work(1, 1000000);
	const struct workload without = random_work(1, 0);
	unsigned moments, keys;

	(void)state;
	compare(&with, &without, &moments, &keys);
	assert_int_equal(moments, COUNT);
	assert_int_equal(keys, 0);
}

static void
moments_count_from_the_begin_of_the_run(void **state)
{
	struct schedule s;

	(void)state;
	schedule_init(&s, &even, NULL);
	schedule_begin(&s, BEGUN);
	assert_int_equal(s.due_us, BEGUN + 1000);
	assert_int_equal(s.due_key, REPLAY_NO_KEY);
	schedule_next(&s);
	assert_int_equal(s.due_us, BEGUN + 2000);
}

static void
a_closed_run_has_keys_and_nothing_due(void **state)
{
	const struct workload closed = { .key_space = 3, .seed = 1 };
	const struct workload keyless = { .seed = 1 };
	unsigned seen = 0;
	struct schedule s;

	(void)state;
	schedule_init(&s, &closed, NULL);
	schedule_begin(&s, BEGUN);
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t key = schedule_key(&s);

		assert_in_range(key, 0, 2);
		seen |= 1u << key;
	}
	assert_int_equal(seen, 7);
	schedule_init(&s, &keyless, NULL);
	assert_int_equal(schedule_key(&s), REPLAY_NO_KEY);
}

/* What is written to a file by this many skips of what is due. */
static uint64_t
skip_recorded(const struct workload *work, uint64_t until_us, uint64_t most,
    char *text, size_t size)
{
	FILE *file = tmpfile();
	struct schedule s;
	uint64_t n;
	size_t read;

	assert_non_null(file);
	schedule_init(&s, work, file);
	schedule_begin(&s, BEGUN);
	n = schedule_skip(&s, until_us, most);
	rewind(file);
	read = fread(text, 1, size - 1, file);
	text[read] = '\0';
	fclose(file);
	return n;
}

static void
what_is_skipped_is_counted_and_recorded(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(
	    skip_recorded(&even, BEGUN + 3500, 100, text, sizeof(text)), 3);
	assert_string_equal(text, "1000 -\n2000 -\n3000 -\n");
	assert_int_equal(
	    skip_recorded(&even, BEGUN + 3500, 2, text, sizeof(text)), 2);
	assert_string_equal(text, "1000 -\n2000 -\n");
	assert_int_equal(skip_recorded(&even, BEGUN, 9, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void
a_file_of_arrivals_is_followed_to_its_end(void **state)
{
	struct replay_arrival arrivals[] = { { 10, 7 }, { 10, REPLAY_NO_KEY } };
	const struct replay replay = { arrivals, ARRAY_LEN(arrivals) };
	const struct workload work = { .replay = &replay, .seed = 1 };
	struct schedule s;

	(void)state;
	schedule_init(&s, &work, NULL);
	schedule_begin(&s, BEGUN);
	assert_int_equal(s.due_us, BEGUN + 10);
	assert_int_equal(s.due_key, 7);
	schedule_next(&s);
	assert_int_equal(s.due_us, BEGUN + 10);
	assert_int_equal(s.due_key, REPLAY_NO_KEY);
	schedule_next(&s);
	assert_true(s.due_us == NEVER);
	assert_int_equal(schedule_skip(&s, NEVER - 1, 5), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_arrivals),
		cmocka_unit_test(keys_do_not_shift_moments),
		cmocka_unit_test(moments_count_from_the_begin_of_the_run),
		cmocka_unit_test(a_closed_run_has_keys_and_nothing_due),
		cmocka_unit_test(what_is_skipped_is_counted_and_recorded),
		cmocka_unit_test(a_file_of_arrivals_is_followed_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
