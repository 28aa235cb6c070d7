#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/base.h"
#include "compare.h"

static const struct addr direct[2];

static struct compare
begin(const struct workload *work)
{
	struct compare c;

	compare_init(&c, work, direct, ARRAY_LEN(direct));
	return c;
}

static unsigned
turns(uint64_t duration_us, uint64_t claims)
{
	const struct workload work = {
		.tasks = 8,
		.duration_us = duration_us,
		.claims = claims,
	};

	return begin(&work).turns;
}

static void
turns_are_ten_unless_they_would_be_too_short(void **state)
{
	(void)state;
	assert_int_equal(turns(5 * US_PER_S, UINT64_MAX), 10);
	assert_int_equal(turns(3600 * US_PER_S, UINT64_MAX), 10);
	assert_int_equal(turns(350 * US_PER_MS, UINT64_MAX), 3);
	assert_int_equal(turns(1, UINT64_MAX), 1);
	assert_int_equal(turns(NEVER, 80), 10);
	assert_int_equal(turns(NEVER, 79), 9);
	assert_int_equal(turns(NEVER, 1), 1);
	assert_int_equal(turns(5 * US_PER_S, 40), 5);
}

static void
one_stretch_of_time_is_one_turn(void **state)
{
	const struct replay replay = { 0 };
	struct workload work = {
		.tasks = 8,
		.claims = UINT64_MAX,
		.duration_us = 5 * US_PER_S,
		.ramp_us = 1,
	};

	(void)state;
	assert_int_equal(begin(&work).turns, 1);
	work.ramp_us = 0;
	work.replay = &replay;
	assert_int_equal(begin(&work).turns, 1);
}

static void
the_turns_together_are_the_whole(void **state)
{
	const struct workload work = {
		.tasks = 1,
		.claims = 107,
		.duration_us = 1000007,
	};
	struct compare c = begin(&work);

	(void)state;
	for (unsigned side = 0; side < COMPARE_SIDES; side++) {
		uint64_t claims = 0, us = 0;

		for (unsigned i = 0; i < c.turns; i++) {
			struct workload w =
			    compare_turn(&c, (enum compare_side)side, i);

			claims += w.claims;
			us += w.duration_us;
			assert_in_range(w.claims, 10, 11);
		}
		assert_int_equal(claims, work.claims);
		assert_int_equal(us, work.duration_us);
	}
}

static void
no_bound_stays_none(void **state)
{
	const struct workload work = {
		.tasks = 1,
		.claims = UINT64_MAX,
		.duration_us = NEVER,
	};
	struct compare c = begin(&work);
	struct workload w = compare_turn(&c, COMPARE_POOL, 3);

	(void)state;
	assert_true(w.claims == UINT64_MAX && w.duration_us == NEVER);
}

static void
both_sides_draw_from_the_same_seed_and_no_two_turns_do(void **state)
{
	const struct workload work = {
		.tasks = 1,
		.claims = UINT64_MAX,
		.duration_us = US_PER_S,
		.seed = 7,
	};
	struct compare c = begin(&work);

	(void)state;
	for (unsigned i = 0; i < c.turns; i++) {
		struct workload a = compare_turn(&c, COMPARE_POOL, i);
		struct workload b = compare_turn(&c, COMPARE_DIRECT, i);

		assert_int_equal(a.seed, b.seed);
		assert_null(a.direct);
		assert_ptr_equal(b.direct, direct);
		assert_int_equal(b.direct_count, 2);
		if (i == 0)
			assert_int_equal(a.seed, 7);
		else
			assert_int_not_equal(a.seed, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_are_ten_unless_they_would_be_too_short),
		cmocka_unit_test(one_stretch_of_time_is_one_turn),
		cmocka_unit_test(the_turns_together_are_the_whole),
		cmocka_unit_test(no_bound_stays_none),
		cmocka_unit_test(
		    both_sides_draw_from_the_same_seed_and_no_two_turns_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
