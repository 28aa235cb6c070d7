#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdbool.h>

#include "core/base.h"
#include "core/rng.h"

static void
seeding_is_splitmix64(void **state)
{
	static const uint64_t of_zero[] = { 0xE220A8397B1DCDAF,
		0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC };
	static const uint64_t of_other[] = { 1985237415132408290U,
		2979275885539914483U, 13511426838097143398U,
		8488337342461049707U };
	struct rng rng;

	(void)state;
	rng_init(&rng, 0);
	assert_memory_equal(rng.s, of_zero, sizeof(of_zero));
	rng_init(&rng, 1477776061723855037U);
	assert_memory_equal(rng.s, of_other, sizeof(of_other));
}

static void
numbers_are_those_of_xoshiro256_starstar(void **state)
{
	static const uint64_t wanted[] = { 11520, 0, 1509978240,
		1215971899390074240U, 1216172134540287360U, 607988272756665600U,
		16172922978634559625U, 8476171486693032832U,
		10595114339597558777U, 2904607092377533576U };
	struct rng rng = { .s = { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_true(rng_next(&rng) == wanted[i]);
}

static void
the_same_seed_gives_the_same_numbers(void **state)
{
	struct rng a, b, c;
	int differ = 0;

	(void)state;
	rng_init(&a, 7);
	rng_init(&b, 7);
	rng_init(&c, 8);
	for (int i = 0; i < 100; i++) {
		uint64_t x = rng_next(&a);

		assert_true(x == rng_next(&b));
		differ += x != rng_next(&c);
	}
	assert_int_equal(differ, 100);
}

static void
below_stays_below_and_reaches_every_number(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 1);
	for (uint64_t n = 1; n <= 70; n++) {
		uint64_t hits[70] = { 0 };

		for (uint64_t i = 0; i < 100 * n; i++) {
			uint64_t x = rng_below(&rng, n);

			assert_true(x < n);
			hits[x]++;
		}
		for (uint64_t x = 0; x < n; x++)
			assert_in_range(hits[x], 50, 200);
	}
}

static void
below_has_no_edge_at_none_one_and_all(void **state)
{
	struct rng rng, same;
	bool is_high = false;

	(void)state;
	rng_init(&rng, 1);
	same = rng;
	assert_int_equal(rng_below(&rng, 0), 0);
	assert_int_equal(rng_below(&rng, 1), 0);
	assert_memory_equal(&rng, &same, sizeof(rng));
	for (int i = 0; i < 100; i++)
		is_high |= rng_below(&rng, UINT64_MAX) > UINT64_MAX / 2;
	assert_true(is_high);
}

/* Worked out with another program: a new version must place things as the old
 * one did. */
static void
hashes_are_the_same_on_every_machine(void **state)
{
	(void)state;
	assert_true(hash_text("") == 0xF52A15E9A9B5E89B);
	assert_true(hash_text("a") == 0x02C0BDBF481420F8);
	assert_true(hash_text("foobar") == 0x404DA9E3B74078C2);
	assert_true(hash_mix(1, 2) == 0x081A5C1377856B73);
	assert_true(hash_mix(2, 1) == 0xF2826F98653E9E57);
	assert_true(hash_mix(0, 0) == 0x48218226FF3CD4BF);
}

static void
bytes_over_127_hash_as_unsigned(void **state)
{
	(void)state;
	assert_true(hash_text("\xE9") == 0x5AD2F93FC008067D);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeding_is_splitmix64),
		cmocka_unit_test(numbers_are_those_of_xoshiro256_starstar),
		cmocka_unit_test(the_same_seed_gives_the_same_numbers),
		cmocka_unit_test(below_stays_below_and_reaches_every_number),
		cmocka_unit_test(below_has_no_edge_at_none_one_and_all),
		cmocka_unit_test(hashes_are_the_same_on_every_machine),
		cmocka_unit_test(bytes_over_127_hash_as_unsigned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
