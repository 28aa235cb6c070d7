#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/saved.h"

static const struct backend_spec specs[] = {
	{ .name = "a.test:1",
	    .addr = { .kind = ADDR_INET, .ip = { 127, 0, 0, 1 }, .port = 1 },
	    .priority = 65535,
	    .weight = 7,
	    .ttl_s = 2147483647,
	    .sources = SOURCE_DNS },
	{ .name = "b\\032\\.%=x.test:65535",
	    .addr = { .kind = ADDR_INET6, .ip = { [15] = 1 }, .port = 65535 } },
};

static struct saved
make_saved(void)
{
	struct saved saved = { 0 };

	saved_put(&saved, "demo", "_echo._tcp.test", specs, 2);
	saved_put(&saved, "other", "_other._tcp.test", specs, 1);
	return saved;
}

static void
what_is_written_is_read(void **state)
{
	struct saved saved = make_saved(), again = { 0 };
	const struct saved_pool *pool;
	const char *why;
	size_t len;
	char *text = saved_write(&saved, &len);

	(void)state;
	assert_int_equal(strlen(text), len);
	assert_true(saved_read(&again, text, len, &why));
	assert_int_equal(again.count, 2);
	pool = saved_find(&again, "demo", "_echo._tcp.test");
	assert_non_null(pool);
	assert_int_equal(pool->count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(pool->specs[i].name, specs[i].name);
		assert_true(addr_equal(&pool->specs[i].addr, &specs[i].addr));
		assert_int_equal(pool->specs[i].priority, specs[i].priority);
		assert_int_equal(pool->specs[i].weight, specs[i].weight);
		assert_int_equal(pool->specs[i].ttl_s, specs[i].ttl_s);
		assert_int_equal(pool->specs[i].sources, SOURCE_SAVED);
	}
	free(text);
	saved_fini(&saved);
	saved_fini(&again);
}

static void
a_set_of_another_service_is_none(void **state)
{
	struct saved saved = make_saved();

	(void)state;
	assert_null(saved_find(&saved, "demo", "_other._tcp.test"));
	assert_null(saved_find(&saved, "none", "_echo._tcp.test"));
	saved_fini(&saved);
}

static void
a_new_set_is_in_the_place_of_the_old_one(void **state)
{
	struct saved saved = make_saved();

	(void)state;
	saved_put(&saved, "demo", "_new._tcp.test", specs, 1);
	assert_int_equal(saved.count, 2);
	assert_null(saved_find(&saved, "demo", "_echo._tcp.test"));
	assert_int_equal(
	    saved_find(&saved, "demo", "_new._tcp.test")->count, 1);
	saved_put(&saved, "demo", "_new._tcp.test", NULL, 0);
	assert_int_equal(saved.count, 1);
	assert_non_null(saved_find(&saved, "other", "_other._tcp.test"));
	saved_fini(&saved);
}

static void
every_cut_and_every_changed_byte_is_noticed(void **state)
{
	struct saved saved = make_saved(), again = { 0 };
	const char *why = NULL;
	size_t len;
	char *text = saved_write(&saved, &len);
	char *copy = malloc(len + 1);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, text, len + 1);
		copy[i] = '\0';
		assert_false(saved_read(&again, copy, i, &why));
		assert_non_null(why);
		assert_false(saved_read(&again, copy, len, &why));
		copy[i] = (char)(text[i] ^ 1);
		assert_false(saved_read(&again, copy, len, &why));
		assert_int_equal(again.count, 0);
	}
	free(copy);
	free(text);
	saved_fini(&saved);
}

/* A text with the right hash, by way of a service that holds lines. */
static void
refuses_content(const char *lines)
{
	struct saved saved = { 0 }, again = { 0 };
	const char *why;
	size_t len;
	char *text;

	saved_put(&saved, "p", lines, specs, 1);
	text = saved_write(&saved, &len);
	assert_false(saved_read(&again, text, len, &why));
	assert_string_equal(why, "it holds what no daemon writes");
	assert_int_equal(again.count, 0);
	saved_fini(&saved);
	free(text);
}

static void
a_text_with_the_right_hash_is_still_not_trusted(void **state)
{
	(void)state;
	refuses_content("s 1 x");
	refuses_content("");
	refuses_content("s 0\npool q t");
	refuses_content("s 16385\npool q t");
	refuses_content("s 1\nname [::1]:1 0 0\npool q t");
	refuses_content("s 1\nname [::1]:1 0 0 0 0\npool q t");
	refuses_content("s 1\nname ::1 0 0 0\npool q t");
	refuses_content("s 1\nname [::1]:1 65536 0 0\npool q t");
	refuses_content("s 1\nname [::1]:1 0 65536 0\npool q t");
	refuses_content("s 1\nname [::1]:1 0 0 2147483648\npool q t");
	refuses_content("s 1\nname [::1]:1 0 0 0\npool p t");
	refuses_content("s 1\nname [::1]:1 0 0 0\n\npool q t");
	refuses_content("s 2\nname [::1]:1 0 0 0\npool q t");
}

static void
another_version_is_no_state_file(void **state)
{
	const char *text = "qorb-state 2\nend 0000000000000000\n";
	struct saved saved = { 0 };
	const char *why;

	(void)state;
	assert_false(saved_read(&saved, text, strlen(text), &why));
	assert_string_equal(why, "it is no state file of this version");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_set_of_another_service_is_none),
		cmocka_unit_test(a_new_set_is_in_the_place_of_the_old_one),
		cmocka_unit_test(every_cut_and_every_changed_byte_is_noticed),
		cmocka_unit_test(
		    a_text_with_the_right_hash_is_still_not_trusted),
		cmocka_unit_test(another_version_is_no_state_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
