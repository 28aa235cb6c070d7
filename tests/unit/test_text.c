#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/text.h"

#define BYTES 64

/* A text of the given size over memory that tells when it is overrun. */
struct fixture {
	struct text t;
	char buf[BYTES + 1];
};

static void
begin(struct fixture *f, size_t cap)
{
	memset(f->buf, '~', sizeof(f->buf));
	text_init(&f->t, f->buf, cap);
}

static void
ends_as(struct fixture *f, const char *wanted, bool is_cut)
{
	assert_string_equal(f->buf, wanted);
	assert_int_equal(f->t.len, strlen(wanted));
	assert_int_equal(f->t.is_cut, is_cut);
	for (size_t i = f->t.cap; i < sizeof(f->buf); i++)
		assert_int_equal(f->buf[i], '~');
}

static void
pieces_follow_one_another(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, BYTES);
	ends_as(&f, "", false);
	text_add(&f.t, "ab");
	text_add_bytes(&f.t, "cdx", 2);
	text_add_char(&f.t, '-');
	text_add_u64(&f.t, 7);
	text_addf(&f.t, "<%d %s>", -3, "x");
	ends_as(&f, "abcd-7<-3 x>", false);
}

static void
numbers_are_written_in_full(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, BYTES);
	text_add_u64(&f.t, 0);
	text_add_char(&f.t, ' ');
	text_add_u64(&f.t, 10);
	text_add_char(&f.t, ' ');
	text_add_u64(&f.t, UINT64_MAX);
	ends_as(&f, "0 10 18446744073709551615", false);
}

static void
a_text_that_fits_exactly_is_not_cut(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 4);
	text_add(&f.t, "abc");
	ends_as(&f, "abc", false);
	text_add(&f.t, "");
	ends_as(&f, "abc", false);
	text_add_char(&f.t, 'd');
	ends_as(&f, "abc", true);
}

static void
what_does_not_fit_is_left_out_and_so_is_all_that_follows(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 4);
	text_add(&f.t, "ab");
	text_add(&f.t, "cdef");
	ends_as(&f, "abc", true);
	begin(&f, 4);
	text_add(&f.t, "a");
	text_add_u64(&f.t, 12345);
	text_add(&f.t, "b");
	text_addf(&f.t, "%d", 1);
	text_add_value(&f.t, "c");
	text_add_escaped(&f.t, "d", 1);
	ends_as(&f, "a", true);
}

static void
a_format_that_does_not_fit_is_cut(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 6);
	text_addf(&f.t, "%s", "12345");
	ends_as(&f, "12345", false);
	begin(&f, 6);
	text_addf(&f.t, "%s", "123456");
	ends_as(&f, "12345", true);
	begin(&f, 1);
	text_addf(&f.t, "%s", "1");
	ends_as(&f, "", true);
}

static void
a_cut_does_not_split_a_character(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 4);
	text_add(&f.t, "ab\xC3\xA9");
	ends_as(&f, "ab", true);
	begin(&f, 4);
	text_addf(&f.t, "ab%s", "\xC3\xA9");
	ends_as(&f, "ab", true);
	begin(&f, 4);
	text_add(&f.t, "\xF0\x9F\x98\x80");
	ends_as(&f, "", true);
}

static void
a_value_is_encoded_where_the_protocol_says(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, BYTES);
	text_add_value(&f.t, "a b%c=d\n\x01\x7F\xC3\xA9~!");
	ends_as(&f, "a%20b%25c%3Dd%0A%01%7F%C3%A9~!", false);
	begin(&f, BYTES);
	text_add_value(&f.t, "");
	ends_as(&f, "", false);
}

static void
an_encoded_byte_is_written_whole_or_not_at_all(void **state)
{
	struct fixture f;

	(void)state;
	for (size_t cap = 3; cap < 5; cap++) {
		begin(&f, cap);
		text_add_value(&f.t, "a b");
		ends_as(&f, "a", true);
	}
	begin(&f, 6);
	text_add_value(&f.t, "a b");
	ends_as(&f, "a%20b", false);
}

static void
pairs_are_written_with_a_space_in_front(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, BYTES);
	text_add(&f.t, "ok");
	text_add_pair(&f.t, "name", "a b");
	text_add_pair(&f.t, "empty", "");
	text_add_pair_u64(&f.t, "n", 12);
	ends_as(&f, "ok name=a%20b empty= n=12", false);
}

static void
a_duration_has_the_largest_unit_that_divides_it(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1us" },
		{ 1001, "1001us" },
		{ 250000, "250ms" },
		{ 1000000, "1s" },
		{ 90000000, "90s" },
		{ 120000000, "2m" },
		{ 3600000000, "1h" },
		{ 5400000000, "90m" },
		{ NEVER, "never" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;

		begin(&f, BYTES);
		text_add_duration(&f.t, rows[i].us);
		ends_as(&f, rows[i].text, false);
	}
}

static void
utf8_lengths_follow_rfc_3629(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, len;
	} rows[] = {
		{ "a", 1, 1 },
		{ "\0", 1, 1 },
		{ "", 0, 0 },
		{ "\xC2\x80", 2, 2 },
		{ "\xDF\xBF", 2, 2 },
		{ "\xE0\xA0\x80", 3, 3 },
		{ "\xED\x9F\xBF", 3, 3 },
		{ "\xEE\x80\x80", 3, 3 },
		{ "\xF0\x90\x80\x80", 4, 4 },
		{ "\xF4\x8F\xBF\xBF", 4, 4 },
		/* a byte that only goes on */
		{ "\x80", 1, 0 },
		{ "\xBF", 1, 0 },
		/* overlong */
		{ "\xC0\x80", 2, 0 },
		{ "\xC1\xBF", 2, 0 },
		{ "\xE0\x9F\xBF", 3, 0 },
		{ "\xF0\x8F\xBF\xBF", 4, 0 },
		/* surrogates */
		{ "\xED\xA0\x80", 3, 0 },
		{ "\xED\xBF\xBF", 3, 0 },
		/* beyond U+10FFFF */
		{ "\xF4\x90\x80\x80", 4, 0 },
		{ "\xF5\x80\x80\x80", 4, 0 },
		{ "\xFF", 1, 0 },
		/* cut short, by the end and by something else */
		{ "\xC3", 1, 0 },
		{ "\xC3\xA9", 1, 0 },
		{ "\xE2\x82", 2, 0 },
		{ "\xF0\x9F\x98", 3, 0 },
		{ "\xC3\x28", 2, 0 },
		{ "\xE2\x82\x28", 3, 0 },
		{ "\xF0\x9F\x98\x28", 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
		    text_utf8_len(rows[i].bytes, rows[i].n), rows[i].len);
}

static void
what_a_stranger_sent_is_made_harmless(void **state)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "plain text, 100%", "plain text, 100%" },
		{ "gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F" },
		{ "two\r\nlines", "two\\x0D\\x0Alines" },
		{ "\x1B[2J", "\\x1B[2J" },
		{ "\x7F", "\\x7F" },
		{ "\xFF\xC3", "\\xFF\\xC3" },
		{ "\xC2\x9B", "\\xC2\\x9B" },
		{ "\xC2\xA0", "\xC2\xA0" },
		{ "\xE2\x80\xA8", "\\xE2\\x80\\xA8" },
		{ "\xE2\x80\xAE", "\\xE2\\x80\\xAE" },
		{ "\xE2\x81\xA6", "\\xE2\\x81\\xA6" },
		{ "\xE2\x82\xAC", "\xE2\x82\xAC" },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&f, BYTES);
		text_add_escaped(&f.t, rows[i].bytes, strlen(rows[i].bytes));
		ends_as(&f, rows[i].text, false);
	}
	begin(&f, BYTES);
	text_add_escaped(&f.t, "a\0b", 3);
	ends_as(&f, "a\\x00b", false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_follow_one_another),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(a_text_that_fits_exactly_is_not_cut),
		cmocka_unit_test(
		    what_does_not_fit_is_left_out_and_so_is_all_that_follows),
		cmocka_unit_test(a_format_that_does_not_fit_is_cut),
		cmocka_unit_test(a_cut_does_not_split_a_character),
		cmocka_unit_test(a_value_is_encoded_where_the_protocol_says),
		cmocka_unit_test(
		    an_encoded_byte_is_written_whole_or_not_at_all),
		cmocka_unit_test(pairs_are_written_with_a_space_in_front),
		cmocka_unit_test(
		    a_duration_has_the_largest_unit_that_divides_it),
		cmocka_unit_test(utf8_lengths_follow_rfc_3629),
		cmocka_unit_test(what_a_stranger_sent_is_made_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
