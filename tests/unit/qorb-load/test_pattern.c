#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/base.h"
#include "pattern.h"

#define BYTES 300

static void
any_piece_is_the_same_as_in_the_whole(void **state)
{
	unsigned char whole[BYTES], piece[BYTES];

	(void)state;
	pattern_fill(99, 0, whole, BYTES);
	for (size_t from = 0; from < 40; from++) {
		for (size_t n = 0; from + n <= 80; n++) {
			memset(piece, 0xAA, sizeof(piece));
			pattern_fill(99, from, piece, n);
			assert_memory_equal(piece, whole + from, n);
			assert_int_equal(piece[n], 0xAA);
		}
	}
}

static void
two_keys_differ_in_every_word(void **state)
{
	unsigned char a[BYTES], b[BYTES];

	(void)state;
	pattern_fill(pattern_key(1, 2, 3), 0, a, BYTES);
	pattern_fill(pattern_key(1, 2, 4), 0, b, BYTES);
	for (size_t i = 0; i + 8 <= BYTES; i += 8)
		assert_memory_not_equal(a + i, b + i, 8);
}

static void
an_echo_out_of_step_differs(void **state)
{
	unsigned char a[BYTES], b[BYTES];

	(void)state;
	pattern_fill(pattern_key(1, 2, 3), 0, a, BYTES);
	for (uint64_t step = 1; step < 64; step++) {
		pattern_fill(pattern_key(1, 2, 3), step, b, BYTES);
		assert_memory_not_equal(a, b, 8);
	}
}

static void
keys_depend_on_seed_task_and_cycle(void **state)
{
	(void)state;
	assert_true(pattern_key(1, 2, 3) == pattern_key(1, 2, 3));
	assert_true(pattern_key(1, 2, 3) != pattern_key(0, 2, 3));
	assert_true(pattern_key(1, 2, 3) != pattern_key(1, 1, 3));
	assert_true(pattern_key(1, 2, 3) != pattern_key(1, 3, 2));
	assert_true(pattern_key(1, 2, 3) != pattern_key(1, 2, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_piece_is_the_same_as_in_the_whole),
		cmocka_unit_test(two_keys_differ_in_every_word),
		cmocka_unit_test(an_echo_out_of_step_differs),
		cmocka_unit_test(keys_depend_on_seed_task_and_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
