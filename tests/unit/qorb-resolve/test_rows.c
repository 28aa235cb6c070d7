#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

static struct backend_spec
spec(const char *name, const char *addr, uint16_t priority, uint32_t ttl_s)
{
	struct backend_spec s = {
		.name = name, .priority = priority, .weight = 7, .ttl_s = ttl_s
	};
	const char *why;

	assert_true(addr_parse(addr, &s.addr, &why));
	return s;
}

/* What is printed for the way from old to new, or for new alone. */
static char *
print(const struct backend_spec *old, size_t old_count,
    const struct backend_spec *new, size_t new_count, bool is_json)
{
	struct rows before = { 0 }, now = { 0 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	rows_init(&now, new, new_count);
	if (old == NULL) {
		rows_print(&now, is_json, out);
	} else {
		rows_init(&before, old, old_count);
		rows_print_changes(&before, &now, 0, is_json, out);
	}
	rows_fini(&before);
	rows_fini(&now);
	fclose(out);
	return text;
}

static void
prints(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	free(text);
}

static void
a_row_says_name_address_priority_weight_and_ttl(void **state)
{
	struct backend_spec specs[] = {
		spec("a.test:1", "[::1]:1", 0, 60),
		spec("b.test:2", "127.0.0.1:2", 65535, 2147483647),
	};

	(void)state;
	prints(print(NULL, 0, specs, 2, false),
	    "a.test:1 [::1]:1 priority=0 weight=7 ttl=60\n"
	    "b.test:2 127.0.0.1:2 priority=65535 weight=7 "
	    "ttl=2147483647\n");
	prints(print(NULL, 0, specs, 0, false), "");
}

static void
json_escapes_quotes_and_backslashes(void **state)
{
	struct backend_spec specs[] = {
		spec("a\\032\\\".test:1", "[::1]:1", 3, 60),
	};

	(void)state;
	prints(print(NULL, 0, specs, 1, true),
	    "{\"name\":\"a\\\\032\\\\\\\".test:1\",\"addr\":\"[::1]:1\","
	    "\"priority\":3,\"weight\":7,\"ttl\":60}\n");
}

static void
changes_are_gone_new_and_different_ones(void **state)
{
	struct backend_spec old[] = {
		spec("a:1", "[::1]:1", 0, 60),
		spec("a:1", "[::2]:1", 0, 60),
		spec("b:1", "127.0.0.1:1", 0, 60),
		spec("c:1", "127.0.0.1:1", 0, 60),
	};
	struct backend_spec new[] = {
		spec("d:1", "127.0.0.9:1", 0, 60),
		spec("a:1", "[::1]:1", 0, 9),
		spec("b:1", "127.0.0.1:1", 5, 60),
		spec("c:1", "127.0.0.2:1", 5, 60),
	};

	(void)state;
	prints(print(old, 4, new, 4, false),
	    "- a:1 [::2]:1 priority=0 weight=7 ttl=60\n"
	    "- c:1 127.0.0.1:1 priority=0 weight=7 ttl=60\n"
	    "+ d:1 127.0.0.9:1 priority=0 weight=7 ttl=60\n"
	    "~ b:1 127.0.0.1:1 priority=5 weight=7 ttl=60\n"
	    "+ c:1 127.0.0.2:1 priority=5 weight=7 ttl=60\n");
	prints(print(old, 4, old, 4, false), "");
	prints(print(old, 1, old, 0, true),
	    "{\"change\":\"removed\",\"name\":\"a:1\",\"addr\":\"[::1]:1\","
	    "\"priority\":0,\"weight\":7,\"ttl\":60}\n");
	prints(print(old, 0, old, 1, true),
	    "{\"change\":\"added\",\"name\":\"a:1\",\"addr\":\"[::1]:1\","
	    "\"priority\":0,\"weight\":7,\"ttl\":60}\n");
}

/* A set with origins that the same server named. */
static void
explained(struct rows *rows, const struct backend_spec *specs, size_t count,
    uint64_t seen_us)
{
	rows_init(rows, specs, count);
	rows_explain(rows);
	for (size_t i = 0; i < count; i++)
		rows->origins[i] = (struct row_origin){ .rule = "named",
			.why = "it is",
			.seen_us = seen_us,
			.server = "[::1]:53" };
}

/* What is printed when all of a set is gone at 9 s. */
static char *
print_end(struct rows *old, bool is_json)
{
	struct rows none = { 0 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	rows_print_changes(old, &none, 9000000, is_json, out);
	fclose(out);
	return text;
}

static void
what_is_gone_has_no_rule_and_was_last_seen_when_it_was(void **state)
{
	struct backend_spec specs[] = {
		spec("a:1", "[::1]:1", 0, 60),
		spec("b:1", "[::1]:1", 0, 60),
	};
	struct rows old, later;

	(void)state;
	explained(&old, specs, 2, 1000000);
	explained(&later, &specs[1], 1, 5000000);
	rows_see(&old, &later);
	old.origins[0].absent_us = 2000000;
	prints(print_end(&old, false),
	    "- a:1 [::1]:1 priority=0 weight=7 ttl=60 source=dns "
	    "server=[::1]:53 seen=1.000000 absent=2.000000 rule=-\n"
	    "- b:1 [::1]:1 priority=0 weight=7 ttl=60 source=dns "
	    "server=[::1]:53 seen=5.000000 absent=9.000000 rule=-\n");
	rows_fini(&later);
	rows_fini(&old);
	explained(&old, specs, 1, 1000000);
	prints(print_end(&old, true),
	    "{\"change\":\"removed\",\"name\":\"a:1\",\"addr\":\"[::1]:1\","
	    "\"priority\":0,\"weight\":7,\"ttl\":60,\"source\":\"dns\","
	    "\"server\":\"[::1]:53\",\"seen\":1.000000,"
	    "\"absent\":9.000000}\n");
	rows_fini(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_row_says_name_address_priority_weight_and_ttl),
		cmocka_unit_test(json_escapes_quotes_and_backslashes),
		cmocka_unit_test(changes_are_gone_new_and_different_ones),
		cmocka_unit_test(
		    what_is_gone_has_no_rule_and_was_last_seen_when_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
