#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/columns.h"

#define CROSS "\xe2\x9c\x97" /* one column */
#define HAN   "\xe6\xbc\xa2" /* two columns */
#define ACUTE "e\xcc\x81"    /* a letter and its accent: one column */
#define CSI   "\xc2\x9b"     /* a C1 control */

static char out_buf[64];

static unsigned
fit(const char *text, unsigned columns)
{
	struct text out;

	text_init(&out, out_buf, sizeof(out_buf));
	return columns_fit(&out, text, columns);
}

static void
widths_are_columns_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(columns_width(""), 0);
	assert_int_equal(columns_width("abc"), 3);
	assert_int_equal(columns_width(CROSS), 1);
	assert_int_equal(columns_width(HAN HAN), 4);
	assert_int_equal(columns_width(ACUTE), 1);
}

static void
text_is_cut_between_characters(void **state)
{
	(void)state;
	assert_int_equal(fit("abcdef", 4), 4);
	assert_string_equal(out_buf, "abcd");
	assert_int_equal(fit("a" HAN "b", 2), 1);
	assert_string_equal(out_buf, "a");
	assert_int_equal(fit("a" HAN "b", 3), 3);
	assert_string_equal(out_buf, "a" HAN);
	assert_int_equal(fit("abc", 0), 0);
	assert_string_equal(out_buf, "");
}

static void
an_accent_stays_with_its_letter(void **state)
{
	(void)state;
	assert_int_equal(fit(ACUTE "x", 1), 1);
	assert_string_equal(out_buf, ACUTE);
}

static void
what_a_terminal_would_obey_is_a_question_mark(void **state)
{
	(void)state;
	assert_int_equal(fit("a\033[2Jb\n", 80), 7);
	assert_string_equal(out_buf, "a?[2Jb?");
	assert_int_equal(fit(CSI "x", 80), 2);
	assert_string_equal(out_buf, "?x");
}

static void
bytes_that_are_no_character_are_question_marks(void **state)
{
	(void)state;
	assert_int_equal(fit("a\xff\xe2\x9c", 80), 4);
	assert_string_equal(out_buf, "a???");
	assert_int_equal(columns_width("\xff\xe2\x9c"), 3);
}

static void
a_small_buffer_cuts_too(void **state)
{
	struct text out;
	char small[4];

	(void)state;
	text_init(&out, small, sizeof(small));
	assert_int_equal(columns_fit(&out, "ab" CROSS, 80), 2);
	assert_string_equal(small, "ab");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_are_columns_not_bytes),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(an_accent_stays_with_its_letter),
		cmocka_unit_test(what_a_terminal_would_obey_is_a_question_mark),
		cmocka_unit_test(
		    bytes_that_are_no_character_are_question_marks),
		cmocka_unit_test(a_small_buffer_cuts_too),
	};

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
