#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "url.h"

static struct url url;
static const char *why;

static void
is(const char *text, const char *host, unsigned port, const char *target)
{
	if (!url_parse(&url, text, &why))
		fail_msg("%s: %s", text, why);
	assert_string_equal(url.host, host);
	assert_int_equal(url.port, port);
	assert_string_equal(url.target, target);
}

static void
is_not(const char *text, const char *word)
{
	assert_false(url_parse(&url, text, &why));
	if (strstr(why, word) == NULL)
		fail_msg("%s: %s", text, why);
}

static void
what_is_not_said_is_the_usual(void **state)
{
	(void)state;
	is("ws://localhost", "localhost", 80, "/qtop/stats");
	is("WS://localhost:42069", "localhost", 42069, "/qtop/stats");
	is("ws://h:1/", "h", 1, "/qtop/stats");
	is("ws://h:1?update_secs=2", "h", 1, "/qtop/stats?update_secs=2");
	is("ws://h:1/?a", "h", 1, "/?a");
	is("ws://h:1/x/y?a=b", "h", 1, "/x/y?a=b");
	is("ws://127.0.0.1:65535/x", "127.0.0.1", 65535, "/x");
	is("ws://h2", "h2", 80, "/qtop/stats");
}

static void
an_ipv6_address_stands_in_brackets(void **state)
{
	(void)state;
	is("ws://[::1]:6001/x", "::1", 6001, "/x");
	assert_true(url.is_ipv6);
	is("ws://[2001:db8::7]", "2001:db8::7", 80, "/qtop/stats");
	is_not("ws://::1", "[ ]");
	is_not("ws://2001:db8::7/", "[ ]");
	is_not("ws://[::1", "[ ]");
	is_not("ws://::1]:5", "[ ]");
	is_not("ws://[]:5", "[ ]");
	is_not("ws://[h]:5", "[ ]");
}

static void
what_is_no_such_url_is_refused(void **state)
{
	char text[2 * URL_BYTES] = "ws://h/";

	(void)state;
	is_not("http://h/", "only ws://");
	is_not("wss://h/", "only ws://");
	is_not("ws:/h", "only ws://");
	is_not("ws://", "HOST:PORT");
	is_not("ws:///x", "HOST:PORT");
	is_not("ws://:80", "HOST:PORT");
	is_not("ws://h:", "HOST:PORT");
	is_not("ws://h:0", "HOST:PORT");
	is_not("ws://h:65536", "HOST:PORT");
	is_not("ws://h:123456789", "HOST:PORT");
	is_not("ws://h:+1", "HOST:PORT");
	is_not("ws://u:p@h/", "passwords");
	is_not("ws://h/x#y", "#");
	is_not("ws://h/x y", "character");
	is_not("ws://h/x\r\nHost: y", "character");
	is_not("ws://h/\xc3\xa4", "character");
	memset(text + 7, 'a', URL_BYTES);
	is_not(text, "too long");
	memset(text + 5, 'a', URL_HOST_BYTES);
	text[5 + URL_HOST_BYTES] = '\0';
	is_not(text, "HOST:PORT");
}

static void
a_query_gets_what_it_does_not_have(void **state)
{
	(void)state;
	is("ws://h/x", "h", 80, "/x");
	assert_true(url_add(&url, "update_secs", "0.500000"));
	assert_string_equal(url.target, "/x?update_secs=0.500000");
	assert_true(url_add(&url, "pool", "a b&c=%"));
	assert_string_equal(
	    url.target, "/x?update_secs=0.500000&pool=a%20b%26c%3D%25");
	assert_true(url_add(&url, "pool", "d"));
	assert_true(url_add(&url, "update_secs", "7"));
	assert_string_equal(
	    url.target, "/x?update_secs=0.500000&pool=a%20b%26c%3D%25");
	is("ws://h/pool=x?apool=1&poolb", "h", 80, "/pool=x?apool=1&poolb");
	assert_true(url_add(&url, "pool", "d"));
	assert_string_equal(url.target, "/pool=x?apool=1&poolb&pool=d");
}

static void
a_query_has_an_end(void **state)
{
	char value[URL_BYTES] = "";

	(void)state;
	is("ws://h/x", "h", 80, "/x");
	memset(value, 'a', sizeof(value) - 1);
	assert_false(url_add(&url, "pool", value));
}

static void
for_people_it_has_no_query(void **state)
{
	char buf[128];
	struct text t;

	(void)state;
	is("ws://[::1]:6001?a=b", "::1", 6001, "/qtop/stats?a=b");
	text_init(&t, buf, sizeof(buf));
	url_add_text(&url, &t);
	assert_string_equal(buf, "ws://[::1]:6001/qtop/stats");
	text_init(&t, buf, sizeof(buf));
	url_add_authority(&url, &t);
	assert_string_equal(buf, "[::1]:6001");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_is_the_usual),
		cmocka_unit_test(an_ipv6_address_stands_in_brackets),
		cmocka_unit_test(what_is_no_such_url_is_refused),
		cmocka_unit_test(a_query_gets_what_it_does_not_have),
		cmocka_unit_test(a_query_has_an_end),
		cmocka_unit_test(for_people_it_has_no_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
