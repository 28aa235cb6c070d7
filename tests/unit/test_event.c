#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/event.h"

static void
every_event_has_a_name_of_its_own_and_arguments(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		const char *name = event_name((enum event_kind)i);

		assert_true(strlen(name) > 0);
		assert_true(strlen(event_args((enum event_kind)i)) > 0);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    name, event_name((enum event_kind)k));
	}
}

static void
what_starts_has_an_end_that_is_named_alike(void **state)
{
	static const char *const ends[] = { "-done", "-failed" };

	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		const char *name = event_name((enum event_kind)i);
		const char *dash = strrchr(name, '-');
		size_t stem = (size_t)(dash - name);
		int found = 0;

		if (strcmp(dash, "-start") != 0)
			continue;
		for (int k = 0; k < EVENT_COUNT; k++) {
			const char *other = event_name((enum event_kind)k);

			found += strncmp(other, name, stem) == 0 &&
				 (strcmp(other + stem, ends[0]) == 0 ||
				     strcmp(other + stem, ends[1]) == 0);
		}
		assert_in_range(found, 1, 2);
	}
}

static void
an_event_is_found_by_its_whole_name(void **state)
{
	enum event_kind kind;

	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		const char *name = event_name((enum event_kind)i);

		assert_true(event_find(name, strlen(name), &kind));
		assert_int_equal(kind, i);
		assert_false(event_find(name, strlen(name) - 1, &kind));
	}
	assert_false(event_find("", 0, &kind));
	assert_false(event_find("lost", 4, &kind));
	assert_true(event_find("claim-done,", 10, &kind));
	assert_int_equal(kind, EVENT_CLAIM_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_event_has_a_name_of_its_own_and_arguments),
		cmocka_unit_test(what_starts_has_an_end_that_is_named_alike),
		cmocka_unit_test(an_event_is_found_by_its_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
