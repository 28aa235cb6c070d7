#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "answer.h"

/* Feeds text in pieces of n bytes; the bytes that belong to the answer. */
static size_t
feed(struct answer *a, const char *text, size_t n)
{
	size_t len = strlen(text);
	size_t used = 0;

	for (size_t at = 0; at < len; at += n) {
		size_t piece = len - at < n ? len - at : n;
		size_t got = answer_feed(a, text + at, piece);

		used += got;
		assert_true(got == piece || a->is_done);
	}
	return used;
}

static size_t
until(const char *string, const char *text, size_t n)
{
	struct answer a;
	size_t used;

	assert_true(answer_init_string(&a, string));
	used = feed(&a, text, n);
	return a.is_done ? used : SIZE_MAX;
}

static size_t
count(enum answer_kind kind, uint64_t n, const char *text, size_t piece)
{
	struct answer a;
	size_t used;

	answer_init_count(&a, kind, n);
	used = feed(&a, text, piece);
	return a.is_done ? used : SIZE_MAX;
}

static void
an_answer_of_bytes_ends_after_them(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 8; piece++) {
		assert_int_equal(count(ANSWER_BYTES, 5, "hello", piece), 5);
		assert_int_equal(count(ANSWER_BYTES, 3, "hello", piece), 3);
		assert_true(count(ANSWER_BYTES, 6, "hello", piece) == SIZE_MAX);
	}
	assert_true(count(ANSWER_BYTES, UINT64_MAX, "a", 1) == SIZE_MAX);
}

static void
an_answer_of_lines_ends_with_the_last_one(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 8; piece++) {
		assert_int_equal(count(ANSWER_LINES, 1, "a\nb\nc", piece), 2);
		assert_int_equal(count(ANSWER_LINES, 2, "a\nb\nc", piece), 4);
		assert_int_equal(count(ANSWER_LINES, 2, "\n\n\n", piece), 2);
		assert_true(
		    count(ANSWER_LINES, 3, "a\nb\nc", piece) == SIZE_MAX);
	}
}

static void
an_answer_until_a_string_ends_with_its_first_occurrence(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 9; piece++) {
		assert_int_equal(until("END", "aENDbEND", piece), 4);
		assert_int_equal(
		    until("\r\n.\r\n", "a\r\n\r\n.\r\nb", piece), 8);
		/* The match starts inside of one that failed. */
		assert_int_equal(until("aab", "aaab", piece), 4);
		assert_int_equal(until("ababc", "abababc", piece), 7);
		assert_int_equal(until("aaba", "aabaaba", piece), 4);
		assert_true(until("END", "EN", piece) == SIZE_MAX);
		assert_true(until("END", "ENENE", piece) == SIZE_MAX);
	}
	assert_int_equal(until("\xff", "a\xff", 1), 2);
}

static void
a_string_must_be_there_and_not_too_long(void **state)
{
	char longest[ANSWER_STRING_MAX + 2];
	struct answer a;

	(void)state;
	assert_false(answer_init_string(&a, ""));
	memset(longest, 'a', sizeof(longest));
	longest[ANSWER_STRING_MAX + 1] = '\0';
	assert_false(answer_init_string(&a, longest));
	longest[ANSWER_STRING_MAX] = '\0';
	assert_true(answer_init_string(&a, longest));
	assert_int_equal(feed(&a, longest, 7), ANSWER_STRING_MAX);
	assert_true(a.is_done);
}

static void
nothing_after_the_end_belongs_to_the_answer(void **state)
{
	struct answer a;

	(void)state;
	answer_init_count(&a, ANSWER_LINES, 1);
	assert_int_equal(answer_feed(&a, "a\nb", 3), 2);
	assert_int_equal(answer_feed(&a, "c\n", 2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_of_bytes_ends_after_them),
		cmocka_unit_test(an_answer_of_lines_ends_with_the_last_one),
		cmocka_unit_test(
		    an_answer_until_a_string_ends_with_its_first_occurrence),
		cmocka_unit_test(a_string_must_be_there_and_not_too_long),
		cmocka_unit_test(nothing_after_the_end_belongs_to_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
