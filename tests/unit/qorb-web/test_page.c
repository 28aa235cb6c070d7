/* The page and its policy. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "page.h"

static bool
holds(const struct blob *b, const char *text)
{
	return memmem(b->bytes, b->len, text, strlen(text)) != NULL;
}

static void
the_document_is_whole_and_has_its_nonce(void **state)
{
	struct blob *b = page_document("ABC+/123");

	(void)state;
	assert_true(b->len > 100);
	assert_memory_equal(b->bytes, "<!DOCTYPE html>", 15);
	assert_memory_equal(b->bytes + b->len - 8, "</html>\n", 8);
	assert_true(holds(b, "nonce=\"ABC+/123\""));
	assert_false(holds(b, "@NONCE@"));
	assert_false(holds(b, "@include"));
	blob_drop(&b);
	assert_null(b);
}

/* What its policy forbids would not work. */
static void
the_document_needs_nothing_from_elsewhere(void **state)
{
	static const char *const forbidden[] = { " style=\"",
		" onclick=", " onload=", "rel=\"stylesheet", "src=\"http",
		"href=\"http", "javascript:", "<base", "<iframe", "@import" };
	struct blob *b = page_document("N");

	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		if (holds(b, forbidden[i]))
			fail_msg("it has '%s'", forbidden[i]);
	}
	blob_drop(&b);
}

static void
nonces_differ_and_are_of_base64(void **state)
{
	char a[PAGE_NONCE_BYTES], b[PAGE_NONCE_BYTES];

	(void)state;
	assert_true(page_nonce(a));
	assert_true(page_nonce(b));
	assert_int_equal(strlen(a), PAGE_NONCE_BYTES - 1);
	assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789+/"),
	    strlen(a));
	assert_string_not_equal(a, b);
}

static void
the_policy_has_room_for_any_host(void **state)
{
	char policy[PAGE_POLICY_BYTES], host[300];

	(void)state;
	memset(host, 'h', 255);
	memcpy(host + 255, ":65535", 7);
	(void)page_policy(policy, "AAAAAAAAAAAAAAAAAAAAAAAA", host);
	assert_non_null(strstr(policy, "frame-ancestors 'none'"));
	(void)page_policy(policy, "N", "[::1]:80");
	assert_string_equal(policy,
	    "default-src 'none'; connect-src 'self'; style-src 'nonce-N'; "
	    "script-src 'nonce-N'; img-src data:; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_is_whole_and_has_its_nonce),
		cmocka_unit_test(the_document_needs_nothing_from_elsewhere),
		cmocka_unit_test(nonces_differ_and_are_of_base64),
		cmocka_unit_test(the_policy_has_room_for_any_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
