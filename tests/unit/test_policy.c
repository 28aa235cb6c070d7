#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/policy.h"

static char said[POLICY_VALUE_BYTES + 256];

static bool
takes(struct policy *p, const char *name, const char *value)
{
	struct text why;

	text_init(&why, said, sizeof(said));
	return policy_set(p, policy_find(name), value, &why);
}

static const char *
value_of(const struct policy *p, const char *name)
{
	struct text t;

	text_init(&t, said, sizeof(said));
	policy_add_value(&t, p, policy_find(name));
	return said;
}

static void
the_defaults_are_those_of_the_table(void **state)
{
	static const char *const rows[][2] = {
		{ "spares-wanted", "8" },
		{ "max-slots", "16" },
		{ "max-count", "16" },
		{ "rebalance-interval", "1m" },
		{ "claim-timeout", "30s" },
		{ "max-waiting", "4096" },
		{ "codel-target", "never" },
		{ "codel-interval", "100ms" },
		{ "when-offline", "wait" },
		{ "connect-timeout", "3s" },
		{ "connect-rate", "1000" },
		{ "min-uptime", "1s" },
		{ "min-connection-backoff", "20ms" },
		{ "max-connection-backoff", "30s" },
		{ "spread", "20ms" },
		{ "health-interval", "30s" },
		{ "health-check-timeout", "3s" },
		{ "max-lifetime", "never" },
		{ "max-claims-per-connection", "never" },
		{ "leak-after", "5m" },
		{ "max-hold", "never" },
		{ "tcp-keepalive", "30s,10s,3" },
		{ "tcp-user-timeout", "1m" },
		{ "tcp-nodelay", "on" },
		{ "isolation", "uid" },
		{ "balance", "least-claimed" },
		{ "subset", "on" },
	};
	struct policy p;

	(void)state;
	policy_init(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(value_of(&p, rows[i][0]), rows[i][1]);
	assert_true(policy_check(&p, &(struct text){ said, 64, 0, false }));
}

static void
every_value_is_read_back_as_it_was_written(void **state)
{
	struct policy p, q;
	char copy[sizeof(said)];

	(void)state;
	policy_init(&p);
	for (size_t i = 0; i < policy_row_count; i++) {
		const char *name = policy_rows[i].name;

		if (policy_rows[i].kind == POLICY_NAME ||
		    policy_rows[i].kind == POLICY_PATH)
			continue; /* theirs may be empty */
		snprintf(copy, sizeof(copy), "%s", value_of(&p, name));
		q = p;
		assert_true(takes(&q, name, copy));
		assert_string_equal(value_of(&q, name), copy);
	}
}

static void
counts_and_spans_are_taken_up_to_their_bounds_and_not_beyond(void **state)
{
	struct policy p;

	(void)state;
	policy_init(&p);
	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];
		const char *unit = "";
		char value[64];

		if (row->kind == POLICY_SPAN ||
		    row->kind == POLICY_SPAN_OR_NEVER)
			unit = "us";
		else if (row->kind != POLICY_COUNT &&
			 row->kind != POLICY_COUNT_OR_NEVER)
			continue;
		snprintf(value, sizeof(value), "%llu%s",
		    (unsigned long long)row->min, unit);
		assert_true(takes(&p, row->name, value));
		snprintf(value, sizeof(value), "%llu%s",
		    (unsigned long long)row->max, unit);
		assert_true(takes(&p, row->name, value));
		snprintf(value, sizeof(value), "%llu%s",
		    (unsigned long long)row->max + 1, unit);
		assert_false(takes(&p, row->name, value));
		assert_true(strlen(said) > 0);
		if (row->min == 0)
			continue;
		snprintf(value, sizeof(value), "%llu%s",
		    (unsigned long long)row->min - 1, unit);
		assert_false(takes(&p, row->name, value));
	}
}

static void
never_is_taken_just_where_a_setting_may_be_off(void **state)
{
	struct policy p;

	(void)state;
	policy_init(&p);
	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];

		if (row->kind == POLICY_NAME || row->kind == POLICY_PATH)
			continue;
		assert_int_equal(takes(&p, row->name, "never"),
		    row->kind == POLICY_COUNT_OR_NEVER ||
			row->kind == POLICY_SPAN_OR_NEVER ||
			row->kind == POLICY_KEEPALIVE);
	}
}

static void
what_is_no_value_leaves_the_policy_alone_and_says_why(void **state)
{
	static const char *const bad[][2] = {
		{ "max-slots", "" },
		{ "max-slots", "-1" },
		{ "max-slots", "4.5" },
		{ "max-slots", "many" },
		{ "claim-timeout", "5 s" },
		{ "balance", "fair" },
		{ "balance", "least" },
		{ "tcp-keepalive", "30s" },
		{ "tcp-keepalive", "30s,10s" },
		{ "tcp-keepalive", "30s,10s,0" },
		{ "tcp-keepalive", "30s,10s,3,4" },
		{ "tcp-keepalive", "1ms,10s,3" },
	};
	struct policy p, before;

	(void)state;
	policy_init(&p);
	before = p;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (takes(&p, bad[i][0], bad[i][1]))
			fail_msg("%s=%s is taken", bad[i][0], bad[i][1]);
		assert_true(strlen(said) > 0);
		assert_memory_equal(&p, &before, sizeof(p));
	}
}

static void
a_least_backoff_above_the_longest_is_not_usable(void **state)
{
	struct policy p;
	struct text why;

	(void)state;
	policy_init(&p);
	assert_true(takes(&p, "min-connection-backoff", "1m"));
	text_init(&why, said, sizeof(said));
	assert_false(policy_check(&p, &why));
	assert_true(why.len > 0);
}

static void
an_unknown_name_is_not_found(void **state)
{
	(void)state;
	assert_null(policy_find("speed"));
	assert_null(policy_find(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_those_of_the_table),
		cmocka_unit_test(every_value_is_read_back_as_it_was_written),
		cmocka_unit_test(
		    counts_and_spans_are_taken_up_to_their_bounds_and_not_beyond),
		cmocka_unit_test(
		    never_is_taken_just_where_a_setting_may_be_off),
		cmocka_unit_test(
		    what_is_no_value_leaves_the_policy_alone_and_says_why),
		cmocka_unit_test(
		    a_least_backoff_above_the_longest_is_not_usable),
		cmocka_unit_test(an_unknown_name_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
