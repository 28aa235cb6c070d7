/* Whom qorb-web answers, and what may be asked of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules.h"

static void
addresses_and_localhost_are_hosts(void **state)
{
	static const char *const good[] = { "127.0.0.1", "127.0.0.1:42069",
		"192.0.2.255:0", "[::1]", "[::1]:80", "[2001:db8::1]:65535",
		"[::ffff:127.0.0.1]", "localhost", "LOCALHOST:8080" };
	struct rules r = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_null(rules_host(&r, good[i]));
}

static void
other_names_are_not(void **state)
{
	static const char *const bad[] = { "", ":", ":80", "example.com",
		"localhost.example.com", "localhost.", "127.0.0.1.example.com",
		"127.1", "2130706433", "0x7f.1",
		"127.0.0.1:", "127.0.0.1:80:80", "127.0.0.1:65536",
		"127.0.0.1:x", "::1", "[::1", "[::1]x", "[::1]80",
		"[localhost]", "[127.0.0.1]", "[]", "127.0.0.1@a", " 127.0.0.1",
		"127.0.0.1 ", "[::1%lo]" };
	char long_one[400];
	struct rules r = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (rules_host(&r, bad[i]) == NULL)
			fail_msg("'%s' is taken", bad[i]);
	}
	assert_non_null(rules_host(&r, NULL));
	memset(long_one, 'a', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	assert_non_null(rules_host(&r, long_one));
}

static void
names_that_were_given_are_hosts_with_any_port(void **state)
{
	struct rules r = { 0 };

	(void)state;
	assert_true(rules_add(&r, "pool1.example.com"));
	assert_true(rules_add(&r, "other"));
	assert_null(rules_host(&r, "pool1.example.com"));
	assert_null(rules_host(&r, "Pool1.Example.COM:443"));
	assert_null(rules_host(&r, "other:1"));
	assert_non_null(rules_host(&r, "pool2.example.com"));
	assert_non_null(rules_host(&r, "[other]"));
	assert_non_null(rules_host(&r, "pool1.example.com.evil.example"));
}

static void
what_is_no_name_and_one_too_many_are_refused(void **state)
{
	static const char *const bad[] = { "", "a:80", "[::1]", ":", "[a" };
	struct rules r = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(rules_add(&r, bad[i]));
	for (int i = 0; i < RULES_NAMES_MAX; i++)
		assert_true(rules_add(&r, "name"));
	assert_false(rules_add(&r, "name"));
}

static void
an_origin_is_the_host_or_none(void **state)
{
	(void)state;
	assert_null(rules_origin(NULL, "localhost:80"));
	assert_null(rules_origin(NULL, NULL));
	assert_null(rules_origin("http://localhost:80", "localhost:80"));
	assert_null(rules_origin("HTTPS://LocalHost:80", "localhost:80"));
	assert_null(rules_origin("http://[::1]:80", "[::1]:80"));
	assert_non_null(rules_origin("http://localhost:81", "localhost:80"));
	assert_non_null(rules_origin("http://localhost", "localhost:80"));
	assert_non_null(rules_origin("http://localhost:80/", "localhost:80"));
	assert_non_null(rules_origin("http://a.localhost:80", "localhost:80"));
	assert_non_null(rules_origin("ws://localhost:80", "localhost:80"));
	assert_non_null(rules_origin("localhost:80", "localhost:80"));
	assert_non_null(rules_origin("null", "localhost:80"));
	assert_non_null(rules_origin("", "localhost:80"));
	assert_non_null(rules_origin("http://x", NULL));
}

/* update_secs=TEXT, in microseconds; 0: refused. */
static uint64_t
interval(const char *text)
{
	char pair[256];
	struct query q;

	query_init(&q);
	(void)snprintf(pair, sizeof(pair), "update_secs=%s", text);
	return query_take(&q, pair) == NULL ? q.every_us : 0;
}

static void
an_interval_is_clamped_or_refused(void **state)
{
	static const char *const bad[] = { "", "x", "1x", "1e3", "0x1", ".",
		"-", "--1", "+1", "1.2.3", "1,5", " 1", "1 ", "inf", "nan" };

	(void)state;
	assert_int_equal(interval("1"), 1000000);
	assert_int_equal(interval("0.5"), 500000);
	assert_int_equal(interval(".25"), 250000);
	assert_int_equal(interval("2."), 2000000);
	assert_int_equal(interval("0"), QUERY_LEAST_US);
	assert_int_equal(interval("-5"), QUERY_LEAST_US);
	assert_int_equal(interval("-99999999999999999999"), QUERY_LEAST_US);
	assert_int_equal(interval("0.0999999"), QUERY_LEAST_US);
	assert_int_equal(interval("3600"), QUERY_MOST_US);
	assert_int_equal(interval("3600.1"), QUERY_MOST_US);
	assert_int_equal(
	    interval("99999999999999999999999999999999"), QUERY_MOST_US);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (interval(bad[i]) != 0)
			fail_msg("'%s' is taken", bad[i]);
	}
}

static void
a_query_without_anything_is_each_second_for_all(void **state)
{
	struct query q;

	(void)state;
	query_init(&q);
	assert_int_equal(q.every_us, US_PER_S);
	assert_string_equal(q.pool, "");
	assert_null(query_take(&q, ""));
	assert_null(query_take(&q, "other=1"));
	assert_null(query_take(&q, "pool"));
	assert_null(query_take(&q, "update_secs"));
	assert_int_equal(q.every_us, US_PER_S);
	assert_string_equal(q.pool, "");
}

static void
a_pool_has_the_name_of_one(void **state)
{
	char pair[100] = "pool=";
	struct query q;

	(void)state;
	query_init(&q);
	assert_null(query_take(&q, "pool=demo"));
	assert_string_equal(q.pool, "demo");
	assert_non_null(query_take(&q, "pool="));
	memset(pair + 5, 'a', QUERY_POOL_MAX);
	assert_null(query_take(&q, pair));
	assert_int_equal(strlen(q.pool), QUERY_POOL_MAX);
	pair[5 + QUERY_POOL_MAX] = 'a';
	assert_non_null(query_take(&q, pair));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_localhost_are_hosts),
		cmocka_unit_test(other_names_are_not),
		cmocka_unit_test(names_that_were_given_are_hosts_with_any_port),
		cmocka_unit_test(what_is_no_name_and_one_too_many_are_refused),
		cmocka_unit_test(an_origin_is_the_host_or_none),
		cmocka_unit_test(an_interval_is_clamped_or_refused),
		cmocka_unit_test(
		    a_query_without_anything_is_each_second_for_all),
		cmocka_unit_test(a_pool_has_the_name_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
