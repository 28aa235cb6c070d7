#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/addr.h"

static struct addr
parse(const char *text)
{
	struct addr a;
	const char *why;

	if (!addr_parse(text, &a, &why))
		fail_msg("'%s' was refused: %s", text, why);
	return a;
}

static void
refuses(const char *text, const char *part_of_why)
{
	struct addr a = { .kind = ADDR_UNIX, .path = "/untouched" };
	const char *why = NULL;

	if (addr_parse(text, &a, &why))
		fail_msg("'%s' was taken", text);
	if (strstr(why, part_of_why) == NULL)
		fail_msg("'%s' was refused because %s", text, why);
	assert_string_equal(a.path, "/untouched");
}

static void
prints_as(const char *text, const char *wanted)
{
	struct addr a = parse(text);
	struct addr again = parse(wanted);
	char buf[ADDR_TEXT_BYTES];

	assert_string_equal(addr_text(&a, buf), wanted);
	assert_true(addr_equal(&a, &again));
}

static void
an_ipv4_address_is_four_bytes_and_a_port(void **state)
{
	struct addr a = parse("192.0.2.7:6001");

	(void)state;
	assert_int_equal(a.kind, ADDR_INET);
	assert_int_equal(a.port, 6001);
	assert_memory_equal(a.ip, "\xC0\x00\x02\x07", 4);
}

static void
an_ipv6_address_is_sixteen_bytes_and_a_port(void **state)
{
	struct addr a = parse("[2001:db8::1]:6001");

	(void)state;
	assert_int_equal(a.kind, ADDR_INET6);
	assert_int_equal(a.port, 6001);
	assert_memory_equal(
	    a.ip, "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
}

static void
a_unix_address_is_a_path(void **state)
{
	struct addr a = parse("unix:/run/a b:c");

	(void)state;
	assert_int_equal(a.kind, ADDR_UNIX);
	assert_int_equal(a.port, 0);
	assert_string_equal(a.path, "/run/a b:c");
}

static void
text_forms_are_canonical(void **state)
{
	(void)state;
	prints_as("192.0.2.7:6001", "192.0.2.7:6001");
	prints_as("0.0.0.0:0", "0.0.0.0:0");
	prints_as("127.0.0.1:065", "127.0.0.1:65");
	prints_as("255.255.255.255:65535", "255.255.255.255:65535");
	prints_as("[::]:0", "[::]:0");
	prints_as("[0:0:0:0:0:0:0:1]:1", "[::1]:1");
	prints_as("[2001:DB8::0:1]:80", "[2001:db8::1]:80");
	prints_as("[2001:db8:0:1:1:1:1:1]:80", "[2001:db8:0:1:1:1:1:1]:80");
	prints_as("[2001:0:0:1:0:0:0:1]:80", "[2001:0:0:1::1]:80");
	prints_as("[2001:db8:0:0:1:0:0:1]:80", "[2001:db8::1:0:0:1]:80");
	prints_as("[::ffff:192.0.2.7]:80", "[::ffff:192.0.2.7]:80");
	prints_as("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	prints_as("unix:/run/qorb.sock", "unix:/run/qorb.sock");
}

static void
a_bad_port_is_refused(void **state)
{
	(void)state;
	refuses("[::1]:99999", "0 to 65535");
	refuses("[::1]:65536", "0 to 65535");
	refuses("127.0.0.1:65536", "0 to 65535");
	refuses("127.0.0.1:4294967376", "0 to 65535");
	refuses("127.0.0.1:http", "0 to 65535");
	refuses("127.0.0.1:-1", "0 to 65535");
	refuses("127.0.0.1:+1", "0 to 65535");
	refuses("127.0.0.1:80/", "0 to 65535");
	refuses("[::1]:80:80", "0 to 65535");
}

static void
port_0_is_refused_where_it_has_to_be_known(void **state)
{
	struct addr a = { .kind = ADDR_NONE };
	const char *why;

	(void)state;
	assert_true(addr_parse_fixed("127.0.0.1:1", &a, &why));
	assert_int_equal(a.port, 1);
	assert_true(addr_parse_fixed("unix:/x", &a, &why));
	assert_false(addr_parse_fixed("127.0.0.1:0", &a, &why));
	assert_non_null(strstr(why, "1 to 65535"));
	assert_false(addr_parse_fixed("[::1]:0", &a, &why));
	assert_non_null(strstr(why, "1 to 65535"));
	assert_false(addr_parse_fixed("[::1]:65536", &a, &why));
	assert_non_null(strstr(why, "1 to 65535"));
	assert_int_equal(a.kind, ADDR_UNIX);
}

static void
a_missing_port_is_refused(void **state)
{
	(void)state;
	refuses("[::1]", "port is missing");
	refuses("[::1]:", "port is missing");
	refuses("[::1]5311", "port is missing");
	refuses("127.0.0.1", "port is missing");
	refuses("127.0.0.1:", "port is missing");
	refuses("5311", "port is missing");
}

static void
ipv6_without_brackets_is_refused(void **state)
{
	(void)state;
	refuses("::1:5311", "brackets");
	refuses("::1", "brackets");
	refuses("2001:db8::1:80", "brackets");
	refuses("[::1:80", "']'");
	refuses("[", "']'");
}

static void
what_is_no_ip_address_is_refused(void **state)
{
	(void)state;
	refuses("", "empty");
	refuses("localhost:80", "not an IP address");
	refuses(":80", "not an IP address");
	refuses("127.0.0.1.1:80", "not an IP address");
	refuses("127.1:80", "not an IP address");
	refuses("256.0.0.1:80", "not an IP address");
	refuses("01.2.3.4:80", "not an IP address");
	refuses("0x7f.0.0.1:80", "not an IP address");
	refuses("11111111111111111111111111111111111111111111111111:80",
	    "not an IP address");
	refuses("[]:80", "not an IPv6 address");
	refuses("[127.0.0.1]:80", "not an IPv6 address");
	refuses("[::1::2]:80", "not an IPv6 address");
	refuses("[12345::]:80", "not an IPv6 address");
	refuses("[1:2:3:4:5:6:7:8:9]:80", "not an IPv6 address");
	refuses("[0000000000000000000000000000000000000000000000::]:80",
	    "not an IPv6 address");
}

static void
an_ip_address_alone_is_known_as_one(void **state)
{
	(void)state;
	assert_true(addr_is_ip("127.0.0.1"));
	assert_true(addr_is_ip("::1"));
	assert_false(addr_is_ip(""));
	assert_false(addr_is_ip("[::1]"));
	assert_false(addr_is_ip("127.0.0.1:80"));
	assert_false(addr_is_ip("127.0.0.1."));
	assert_false(addr_is_ip("1.2.3"));
}

static void
scopes_and_blanks_are_refused(void **state)
{
	(void)state;
	refuses("[fe80::1%eth0]:80", "scope");
	refuses("[fe80::1%1]:80", "scope");
	refuses(" [::1]:80", "blank");
	refuses("[::1]:80 ", "blank");
	refuses("[::1 ]:80", "blank");
	refuses("127.0.0.1: 80", "blank");
	refuses("127.0.0.1:80\n", "blank");
	refuses("\t127.0.0.1:80", "blank");
}

static void
a_unix_path_is_absolute_and_fits_a_socket_address(void **state)
{
	char text[5 + ADDR_PATH_BYTES + 1] = "unix:/";
	char buf[ADDR_TEXT_BYTES];
	struct addr a;

	(void)state;
	refuses("unix:", "'/'");
	refuses("unix:run/sock", "'/'");
	refuses("unix:@abstract", "'/'");
	memset(text + 6, 'x', ADDR_PATH_BYTES - 2);
	a = parse(text);
	assert_string_equal(addr_text(&a, buf), text);
	text[5 + ADDR_PATH_BYTES - 1] = 'x';
	refuses(text, "103 bytes");
}

static void
addresses_differ_in_kind_bytes_port_and_path(void **state)
{
	static const char *const all[] = { "127.0.0.1:1", "127.0.0.1:2",
		"127.0.0.2:1", "[::1]:1", "[::1]:2", "[::2]:1", "unix:/a",
		"unix:/b", "[::ffff:127.0.0.1]:1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t j = 0; j < ARRAY_LEN(all); j++) {
			struct addr a = parse(all[i]), b = parse(all[j]);

			assert_int_equal(addr_equal(&a, &b), i == j);
		}
	}
}

static void
bytes_beyond_an_ipv4_address_do_not_matter(void **state)
{
	struct addr a = parse("127.0.0.1:1"), b = a;

	(void)state;
	b.ip[4] = 9;
	assert_true(addr_equal(&a, &b));
}

static void
no_address_prints_as_a_dash(void **state)
{
	struct addr none = { .kind = ADDR_NONE }, a = parse("[::]:0");
	char buf[ADDR_TEXT_BYTES];

	(void)state;
	assert_string_equal(addr_text(&none, buf), "-");
	assert_true(addr_equal(&none, &none));
	assert_false(addr_equal(&none, &a));
}

static void
addresses_are_sorted_ipv6_first_then_by_bytes_and_port(void **state)
{
	static const char *const sorted[] = { "[::1]:2", "[::2]:1",
		"10.0.0.1:6001", "10.0.0.1:6002", "10.0.0.2:1", "200.0.0.1:1",
		"unix:/a", "unix:/b" };
	struct addr a, b;
	int c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		for (size_t k = 0; k < ARRAY_LEN(sorted); k++) {
			a = parse(sorted[i]);
			b = parse(sorted[k]);
			c = addr_compare(&a, &b);
			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_address_is_four_bytes_and_a_port),
		cmocka_unit_test(an_ipv6_address_is_sixteen_bytes_and_a_port),
		cmocka_unit_test(a_unix_address_is_a_path),
		cmocka_unit_test(text_forms_are_canonical),
		cmocka_unit_test(a_bad_port_is_refused),
		cmocka_unit_test(port_0_is_refused_where_it_has_to_be_known),
		cmocka_unit_test(a_missing_port_is_refused),
		cmocka_unit_test(ipv6_without_brackets_is_refused),
		cmocka_unit_test(what_is_no_ip_address_is_refused),
		cmocka_unit_test(an_ip_address_alone_is_known_as_one),
		cmocka_unit_test(scopes_and_blanks_are_refused),
		cmocka_unit_test(
		    a_unix_path_is_absolute_and_fits_a_socket_address),
		cmocka_unit_test(addresses_differ_in_kind_bytes_port_and_path),
		cmocka_unit_test(bytes_beyond_an_ipv4_address_do_not_matter),
		cmocka_unit_test(no_address_prints_as_a_dash),
		cmocka_unit_test(
		    addresses_are_sorted_ipv6_first_then_by_bytes_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
