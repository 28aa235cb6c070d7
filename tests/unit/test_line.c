#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/base.h"
#include "core/line.h"
#include "core/text.h"

#define CAP (2 * (LINE_MAX_BYTES + 2))

static struct line_in
reader(void)
{
	struct line_in in;

	line_in_init(&in, CAP);
	return in;
}

/* Hands n bytes to the reader, as a read would. */
static void
feed_bytes(struct line_in *in, const char *bytes, size_t n)
{
	size_t room;
	char *space = line_in_space(in, &room);

	assert_true(room >= n);
	memcpy(space, bytes, n);
	line_in_added(in, n);
}

static void
feed(struct line_in *in, const char *text)
{
	feed_bytes(in, text, strlen(text));
}

static void
gives(struct line_in *in, const char *wanted)
{
	char *line;
	size_t len;

	assert_int_equal(line_in_next(in, &line, &len), LINE_OK);
	assert_string_equal(line, wanted);
	assert_int_equal(len, strlen(wanted));
}

static void
gives_none(struct line_in *in)
{
	char *line;
	size_t len, room;

	assert_int_equal(line_in_next(in, &line, &len), LINE_NONE);
	line_in_space(in, &room);
	assert_true(room >= 1);
}

static void
gives_too_long(struct line_in *in)
{
	char *line;
	size_t len, room;

	assert_int_equal(line_in_next(in, &line, &len), LINE_TOO_LONG);
	assert_true(in->is_long);
	line_in_space(in, &room);
	assert_int_equal(room, 0);
	assert_int_equal(line_in_next(in, &line, &len), LINE_TOO_LONG);
}

static void
lines_come_out_in_order_and_then_none(void **state)
{
	struct line_in in = reader();

	(void)state;
	gives_none(&in);
	feed(&in, "one\ntwo\n\nfour\nfi");
	gives(&in, "one");
	gives(&in, "two");
	gives(&in, "");
	gives(&in, "four");
	gives_none(&in);
	feed(&in, "ve\n");
	gives(&in, "five");
	gives_none(&in);
	line_in_fini(&in);
}

static void
one_carriage_return_before_the_end_is_dropped(void **state)
{
	struct line_in in = reader();

	(void)state;
	feed(&in, "a\r\n\r\nb\r\r\nc\rd\n");
	gives(&in, "a");
	gives(&in, "");
	gives(&in, "b\r");
	gives(&in, "c\rd");
	line_in_fini(&in);
}

static void
a_carriage_return_and_its_line_feed_may_come_apart(void **state)
{
	struct line_in in = reader();

	(void)state;
	feed(&in, "a\r");
	gives_none(&in);
	feed(&in, "\n");
	gives(&in, "a");
	line_in_fini(&in);
}

static void
a_nul_inside_a_line_shows_in_its_length(void **state)
{
	struct line_in in = reader();
	char *line;
	size_t len;

	(void)state;
	feed_bytes(&in, "a\0b\n", 4);
	assert_int_equal(line_in_next(&in, &line, &len), LINE_OK);
	assert_int_equal(len, 3);
	assert_memory_equal(line, "a\0b", 4);
	line_in_fini(&in);
}

static void
lines_split_at_every_byte_are_the_same_lines(void **state)
{
	static const char text[] = "first line\r\n\nsecond\n";
	size_t n = sizeof(text) - 1;

	(void)state;
	for (size_t at = 0; at <= n; at++) {
		struct line_in in = reader();
		char all[64];
		struct text got;
		char *line;
		size_t len;

		text_init(&got, all, sizeof(all));
		feed_bytes(&in, text, at);
		while (line_in_next(&in, &line, &len) == LINE_OK)
			text_addf(&got, "<%s>", line);
		feed_bytes(&in, text + at, n - at);
		while (line_in_next(&in, &line, &len) == LINE_OK)
			text_addf(&got, "<%s>", line);
		assert_string_equal(all, "<first line><><second>");
		line_in_fini(&in);
	}
}

static void
lines_that_come_byte_by_byte_are_the_same_lines(void **state)
{
	struct line_in in = reader();

	(void)state;
	for (int round = 0; round < 10000; round++) {
		feed(&in, "a");
		gives_none(&in);
		feed(&in, "b");
		gives_none(&in);
		feed(&in, "\n");
		gives(&in, "ab");
	}
	line_in_fini(&in);
}

/* A line of n bytes with this end, in parts of at most `part` bytes, after a
 * short line that is taken first. */
static void
feed_long(struct line_in *in, size_t n, const char *end, size_t part)
{
	char bytes[LINE_MAX_BYTES + 8];
	size_t total = n + strlen(end);

	assert_true(total < sizeof(bytes));
	memset(bytes, 'x', n);
	memcpy(bytes + n, end, strlen(end) + 1);
	feed(in, "short\n");
	gives(in, "short");
	for (size_t at = 0; at < total; at += part) {
		size_t k = total - at < part ? total - at : part;

		if (at > 0)
			gives_none(in);
		feed_bytes(in, bytes + at, k);
	}
}

static void
a_line_of_4096_bytes_is_read(void **state)
{
	static const char *const ends[] = { "\n", "\r\n" };

	(void)state;
	for (size_t part = 1; part < CAP; part = part * 3 + 1) {
		for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
			struct line_in in = reader();
			char *line;
			size_t len;

			feed_long(&in, LINE_MAX_BYTES, ends[i], part);
			assert_int_equal(
			    line_in_next(&in, &line, &len), LINE_OK);
			assert_int_equal(len, LINE_MAX_BYTES);
			assert_int_equal(strlen(line), LINE_MAX_BYTES);
			feed(&in, "next\n");
			gives(&in, "next");
			line_in_fini(&in);
		}
	}
}

static void
a_line_of_4097_bytes_is_too_long_whatever_its_end(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n", "\r" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct line_in in = reader();

		feed_long(&in, LINE_MAX_BYTES + 1, ends[i], CAP);
		gives_too_long(&in);
		line_in_fini(&in);
	}
}

static void
a_carriage_return_too_many_is_too_long(void **state)
{
	struct line_in in = reader();

	(void)state;
	feed_long(&in, LINE_MAX_BYTES, "\r", CAP);
	gives_none(&in);
	feed(&in, "x");
	gives_too_long(&in);
	line_in_fini(&in);
}

static void
lines_before_one_that_is_too_long_still_come_out(void **state)
{
	struct line_in in = reader();
	char bytes[LINE_MAX_BYTES + 1];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	feed(&in, "one\ntwo\n");
	feed_bytes(&in, bytes, sizeof(bytes));
	gives(&in, "one");
	gives(&in, "two");
	gives_too_long(&in);
	line_in_fini(&in);
}

static void
a_full_buffer_of_lines_is_given_out_and_has_room_again(void **state)
{
	struct line_in in = reader();
	size_t room, lines = 0;
	char *line;
	size_t len;

	(void)state;
	for (line_in_space(&in, &room); room >= 3; line_in_space(&in, &room))
		feed(&in, "ab\n");
	while (line_in_next(&in, &line, &len) == LINE_OK)
		lines++;
	assert_int_equal(lines, CAP / 3);
	line_in_space(&in, &room);
	assert_int_equal(room, CAP);
	line_in_fini(&in);
}

/* A request in memory of its own, exactly as long as it is, so that a
 * sanitizer sees a byte too far. */
struct parsed {
	char *line;
	struct request r;
	const char *what;
	enum error error;
};

static struct parsed
parse_bytes(const char *bytes, size_t n)
{
	struct parsed p = { .line = test_malloc(n + 1) };

	memcpy(p.line, bytes, n);
	p.line[n] = '\0';
	p.error = request_parse(p.line, n, &p.r, &p.what);
	return p;
}

static struct parsed
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static struct parsed
parse_well(const char *text)
{
	struct parsed p = parse(text);

	if (p.error != ERR_NONE)
		fail_msg("'%s': %s", text, p.what);
	return p;
}

static void
refuses_bytes(const char *bytes, size_t n, enum error e, const char *what)
{
	struct parsed p = parse_bytes(bytes, n);

	if (p.error != e || strstr(p.what, what) == NULL)
		fail_msg("'%s': %s %s", bytes, error_code(p.error), p.what);
	test_free(p.line);
}

static void
refuses(const char *text, const char *what)
{
	refuses_bytes(text, strlen(text), ERR_BAD_SYNTAX, what);
}

static void
is_arg(const struct line_arg *arg, const char *key, const char *value)
{
	if (key == NULL)
		assert_null(arg->key);
	else
		assert_string_equal(arg->key, key);
	assert_string_equal(arg->value, value);
}

static void
a_request_is_tag_verb_and_arguments(void **state)
{
	struct parsed p = parse_well("#a.B_9- claim demo wait=250ms key=");

	(void)state;
	assert_string_equal(p.r.tag, "a.B_9-");
	assert_string_equal(p.r.verb, "claim");
	assert_int_equal(p.r.argc, 3);
	is_arg(&p.r.args[0], NULL, "demo");
	is_arg(&p.r.args[1], "wait", "250ms");
	is_arg(&p.r.args[2], "key", "");
	assert_string_equal(request_get(&p.r, "wait"), "250ms");
	assert_string_equal(request_get(&p.r, "key"), "");
	assert_null(request_get(&p.r, "demo"));
	assert_null(request_get(&p.r, "wai"));
	test_free(p.line);
}

static void
a_verb_alone_is_a_request(void **state)
{
	struct parsed p = parse_well("ping");

	(void)state;
	assert_null(p.r.tag);
	assert_string_equal(p.r.verb, "ping");
	assert_int_equal(p.r.argc, 0);
	test_free(p.line);
}

static void
several_spaces_count_as_one(void **state)
{
	struct parsed p = parse_well("   #t    claim   demo     a=b   ");

	(void)state;
	assert_string_equal(p.r.tag, "t");
	assert_string_equal(p.r.verb, "claim");
	assert_int_equal(p.r.argc, 2);
	is_arg(&p.r.args[0], NULL, "demo");
	is_arg(&p.r.args[1], "a", "b");
	test_free(p.line);
}

static void
the_first_of_two_equal_keys_is_found(void **state)
{
	struct parsed p = parse_well("set demo a=1 a=2");

	(void)state;
	assert_string_equal(request_get(&p.r, "a"), "1");
	assert_int_equal(p.r.argc, 3);
	test_free(p.line);
}

static void
values_and_bare_words_are_decoded(void **state)
{
	struct parsed p = parse_well("v k=a%20b%25%3D%3d%0a%7F%C3%A9%ff x%3Dy "
				     "%20 gr\xC3\xBC\xC3\x9F #x");

	(void)state;
	assert_int_equal(p.r.argc, 5);
	is_arg(&p.r.args[0], "k", "a b%==\n\x7F\xC3\xA9\xFF");
	is_arg(&p.r.args[1], NULL, "x=y");
	is_arg(&p.r.args[2], NULL, " ");
	is_arg(&p.r.args[3], NULL, "gr\xC3\xBC\xC3\x9F");
	is_arg(&p.r.args[4], NULL, "#x");
	test_free(p.line);
}

static void
a_line_without_a_verb_is_refused(void **state)
{
	struct parsed p = parse("#t");

	(void)state;
	assert_int_equal(p.error, ERR_BAD_SYNTAX);
	assert_string_equal(p.r.tag, "t");
	test_free(p.line);
	refuses("", "no verb");
	refuses("    ", "no verb");
	refuses("#t   ", "no verb");
}

static void
the_word_that_is_wrong_is_counted(void **state)
{
	static const struct {
		const char *line;
		unsigned word;
	} rows[] = { { "", 1 }, { "#a/b ping", 1 }, { "#t", 2 }, { "p\x01", 1 },
		{ "#t ping  a=%zz b", 3 }, { "ping", 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct parsed p = parse(rows[i].line);

		assert_int_equal(p.r.wrong_word, rows[i].word);
		test_free(p.line);
	}
}

static void
a_line_that_is_too_long_still_has_its_tag(void **state)
{
	static const struct {
		const char *start, *tag;
	} rows[] = { { "#t claim", "t" }, { "#t", NULL }, { "claim #t ", NULL },
		{ "#a/b ", NULL },
		{ "#12345678901234567890123456789012 x",
		    "12345678901234567890123456789012" },
		{ "#123456789012345678901234567890123 x", NULL } };
	char bytes[LINE_MAX_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct line_in in = reader();
		const char *tag;

		memset(bytes, 'x', sizeof(bytes));
		memcpy(bytes, rows[i].start, strlen(rows[i].start));
		feed_bytes(&in, bytes, sizeof(bytes));
		gives_too_long(&in);
		tag = line_in_tag(&in);
		if (rows[i].tag == NULL)
			assert_null(tag);
		else
			assert_string_equal(tag, rows[i].tag);
		line_in_fini(&in);
	}
}

static void
a_bad_tag_is_refused(void **state)
{
	static const char *const bad[] = { "# ping", "#", "#a#b ping",
		"#a/b ping", "#\xC3\xA9 ping", "#%41 ping", "#a=b ping",
		"#123456789012345678901234567890123 ping" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct parsed p = parse(bad[i]);

		assert_int_equal(p.error, ERR_BAD_SYNTAX);
		assert_non_null(strstr(p.what, "tag"));
		assert_null(p.r.tag);
		test_free(p.line);
	}
}

static void
a_tag_of_32_characters_is_read(void **state)
{
	const char *tag = "12345678901234567890123456789012";
	struct parsed p = parse_well("#12345678901234567890123456789012 ping");

	(void)state;
	assert_string_equal(p.r.tag, tag);
	assert_true(line_is_tag(tag));
	assert_true(line_is_tag("a"));
	assert_false(line_is_tag("123456789012345678901234567890123"));
	assert_false(line_is_tag(""));
	assert_false(line_is_tag("a b"));
	test_free(p.line);
}

static void
the_tag_of_a_refused_request_is_known(void **state)
{
	struct parsed p = parse("#t claim a%");

	(void)state;
	assert_int_equal(p.error, ERR_BAD_SYNTAX);
	assert_string_equal(p.r.tag, "t");
	test_free(p.line);
}

static void
control_bytes_are_refused(void **state)
{
	(void)state;
	refuses("ping\t", "control byte");
	refuses("\x01", "control byte");
	refuses("claim a\x1F", "control byte");
	refuses("claim k=\x7F", "control byte");
	refuses("claim a\rb", "control byte");
	refuses("#t\x02 ping", "control byte");
	refuses_bytes("a\0b", 3, ERR_BAD_SYNTAX, "NUL");
	refuses_bytes("a b\0", 4, ERR_BAD_SYNTAX, "NUL");
	refuses_bytes("a \0", 3, ERR_BAD_SYNTAX, "NUL");
	refuses_bytes("\0", 1, ERR_BAD_SYNTAX, "NUL");
}

static void
what_is_not_utf8_is_refused(void **state)
{
	static const char *const bad[] = { "\x80", /* goes on from nothing */
		"\xC0\x80",			   /* overlong NUL */
		"\xC1\xBF",			   /* overlong */
		"\xE0\x9F\xBF",			   /* overlong */
		"\xF0\x8F\xBF\xBF",		   /* overlong */
		"\xED\xA0\x80",			   /* surrogate */
		"\xED\xBF\xBF",			   /* surrogate */
		"\xF4\x90\x80\x80",		   /* beyond U+10FFFF */
		"\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char line[32];

		strcpy(line, bad[i]);
		refuses(line, "UTF-8");
		strcpy(line, "v ");
		refuses(strcat(line, bad[i]), "UTF-8");
		strcpy(line, "v k=");
		refuses(strcat(line, bad[i]), "UTF-8");
		refuses(strcat(line, " x"), "UTF-8");
	}
}

static void
bad_percent_signs_are_refused(void **state)
{
	(void)state;
	refuses("v %", "hexadecimal");
	refuses("v k=%", "hexadecimal");
	refuses("v %4", "hexadecimal");
	refuses("v %4 1", "hexadecimal");
	refuses("v %G0", "hexadecimal");
	refuses("v %0g", "hexadecimal");
	refuses("v %%41", "hexadecimal");
	refuses("v %+1", "hexadecimal");
	refuses("v %00", "NUL");
	refuses("v k=a%00b", "NUL");
}

static void
bad_equal_signs_are_refused(void **state)
{
	(void)state;
	refuses("v =", "without a key");
	refuses("v =x", "without a key");
	refuses("v a=b=c", "second '='");
	refuses("v a==", "second '='");
	refuses("v %41=b", "'%' in a key");
	refuses("v a%3D=b", "'%' in a key");
}

static void
sixty_four_arguments_are_read_and_one_more_is_not(void **state)
{
	char line[LINE_MAX_BYTES];
	struct parsed p;
	struct text t;

	(void)state;
	text_init(&t, line, sizeof(line));
	text_add(&t, "set");
	for (int i = 0; i < LINE_MAX_ARGS; i++)
		text_addf(&t, " k%d=%d", i, i);
	text_add(&t, "  ");
	p = parse_well(line);
	assert_int_equal(p.r.argc, LINE_MAX_ARGS);
	is_arg(&p.r.args[63], "k63", "63");
	test_free(p.line);
	text_add(&t, "x");
	refuses_bytes(line, t.len, ERR_BAD_ARGUMENT, "64");
}

/* A reply in memory of its own. */
static bool
reply(const char *text, struct reply *r, char *line)
{
	strcpy(line, text);
	return reply_parse(line, strlen(text), r);
}

static void
a_row_has_arguments(void **state)
{
	char line[128];
	struct reply r;

	(void)state;
	assert_true(reply("#t * pool=a%20b end t=1.5", &r, line));
	assert_int_equal(r.kind, REPLY_ROW);
	assert_string_equal(r.tag, "t");
	assert_int_equal(r.argc, 3);
	is_arg(&r.args[0], "pool", "a b");
	is_arg(&r.args[1], NULL, "end");
	assert_string_equal(reply_get(&r, "t"), "1.5");
	assert_null(reply_get(&r, "end"));
	assert_null(r.code);
	assert_null(r.message);
	assert_true(reply("*", &r, line));
	assert_int_equal(r.argc, 0);
	assert_null(r.tag);
}

static void
an_ok_may_have_arguments(void **state)
{
	char line[128];
	struct reply r;

	(void)state;
	assert_true(reply("ok", &r, line));
	assert_int_equal(r.kind, REPLY_OK);
	assert_null(r.tag);
	assert_int_equal(r.argc, 0);
	assert_true(reply("#1 ok claim=7 addr=[::1]:80", &r, line));
	assert_string_equal(reply_get(&r, "addr"), "[::1]:80");
}

static void
the_message_of_an_error_is_free_text(void **state)
{
	char line[128];
	struct reply r;

	(void)state;
	assert_true(
	    reply("#t error bad-value a=b is 50%,  \xC3\xA9!", &r, line));
	assert_int_equal(r.kind, REPLY_ERROR);
	assert_string_equal(r.tag, "t");
	assert_string_equal(r.code, "bad-value");
	assert_string_equal(r.message, "a=b is 50%,  \xC3\xA9!");
	assert_int_equal(r.argc, 0);
	assert_true(reply("error denied", &r, line));
	assert_string_equal(r.code, "denied");
	assert_string_equal(r.message, "");
	assert_true(reply("error of-the-future x", &r, line));
}

static void
what_is_no_reply_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "#t", "ping", "OK", "okay",
		"**", "*x=1", "error", "error ", "# ok", "#a/ ok", "ok a%",
		"ok a=b=c", "* \xFF", "ok\t", "error x \xFF", "error x \x01",
		"error x\xC0\x80" };
	char line[128];
	struct reply r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (reply(bad[i], &r, line))
			fail_msg("'%s' was taken", bad[i]);
	}
	memcpy(line, "error x a\0b", 12);
	assert_false(reply_parse(line, 11, &r));
}

static void
a_reply_of_65_arguments_is_refused(void **state)
{
	char line[512], copy[512];
	struct reply r;
	struct text t;

	(void)state;
	text_init(&t, line, sizeof(line));
	text_add(&t, "*");
	for (int i = 0; i < LINE_MAX_ARGS; i++)
		text_add(&t, " a=1");
	assert_true(reply(line, &r, copy));
	assert_int_equal(r.argc, LINE_MAX_ARGS);
	text_add(&t, " a=1");
	assert_false(reply(line, &r, copy));
}

static void
what_is_encoded_is_read_back(void **state)
{
	char all[256], line[LINE_MAX_BYTES];
	struct request r;
	const char *what;
	struct text t;

	(void)state;
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	text_init(&t, line, sizeof(line));
	text_add(&t, "v");
	text_add_pair(&t, "k", all);
	text_add_char(&t, ' ');
	text_add_value(&t, all);
	assert_int_equal(request_parse(line, t.len, &r, &what), ERR_NONE);
	assert_int_equal(r.argc, 2);
	is_arg(&r.args[0], "k", all);
	is_arg(&r.args[1], NULL, all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_in_order_and_then_none),
		cmocka_unit_test(one_carriage_return_before_the_end_is_dropped),
		cmocka_unit_test(
		    a_carriage_return_and_its_line_feed_may_come_apart),
		cmocka_unit_test(a_nul_inside_a_line_shows_in_its_length),
		cmocka_unit_test(lines_split_at_every_byte_are_the_same_lines),
		cmocka_unit_test(
		    lines_that_come_byte_by_byte_are_the_same_lines),
		cmocka_unit_test(a_line_of_4096_bytes_is_read),
		cmocka_unit_test(
		    a_line_of_4097_bytes_is_too_long_whatever_its_end),
		cmocka_unit_test(a_carriage_return_too_many_is_too_long),
		cmocka_unit_test(
		    lines_before_one_that_is_too_long_still_come_out),
		cmocka_unit_test(
		    a_full_buffer_of_lines_is_given_out_and_has_room_again),
		cmocka_unit_test(a_request_is_tag_verb_and_arguments),
		cmocka_unit_test(a_verb_alone_is_a_request),
		cmocka_unit_test(several_spaces_count_as_one),
		cmocka_unit_test(the_first_of_two_equal_keys_is_found),
		cmocka_unit_test(values_and_bare_words_are_decoded),
		cmocka_unit_test(a_line_without_a_verb_is_refused),
		cmocka_unit_test(a_bad_tag_is_refused),
		cmocka_unit_test(the_word_that_is_wrong_is_counted),
		cmocka_unit_test(a_line_that_is_too_long_still_has_its_tag),
		cmocka_unit_test(a_tag_of_32_characters_is_read),
		cmocka_unit_test(the_tag_of_a_refused_request_is_known),
		cmocka_unit_test(control_bytes_are_refused),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(bad_percent_signs_are_refused),
		cmocka_unit_test(bad_equal_signs_are_refused),
		cmocka_unit_test(
		    sixty_four_arguments_are_read_and_one_more_is_not),
		cmocka_unit_test(a_row_has_arguments),
		cmocka_unit_test(an_ok_may_have_arguments),
		cmocka_unit_test(the_message_of_an_error_is_free_text),
		cmocka_unit_test(what_is_no_reply_is_refused),
		cmocka_unit_test(a_reply_of_65_arguments_is_refused),
		cmocka_unit_test(what_is_encoded_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
