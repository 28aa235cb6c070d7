/* What a set of records means: which backends, in which order, what is left
 * out. */

#include "resolve_rig.h"

static void
records_become_backends(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(w->published, 1);
	assert_int_equal(w->started, 1);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->failed, 0);
	assert_int_equal(w->last_done.count, 2);
	assert_int_equal(w->last_done.missing, 0);
	assert_true(resolve_is_answered(w->r));
	assert_int_equal(resolve_ended(w->r), 1);
	end_world(w);
}

static void
each_address_and_each_port_is_a_backend(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 1 6002 Host.Test.COM.",
		SERVICE " 60 SRV 0 1 6001 hOST.test.com",
		"HOST.test.com 30 AAAA ::2",
		"host.test.com 30 AAAA ::1",
		"host.test.com 20 A 127.0.0.1",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w),
	    "host.test.com:6001 [::1]:6001 0/1 30; "
	    "host.test.com:6001 [::2]:6001 0/1 30; "
	    "host.test.com:6001 127.0.0.1:6001 0/1 20; "
	    "host.test.com:6002 [::1]:6002 0/1 30; "
	    "host.test.com:6002 [::2]:6002 0/1 30; "
	    "host.test.com:6002 127.0.0.1:6002 0/1 20");
	/* One target: its addresses are asked for once. */
	assert_int_equal(w->fakes[0].asked, 3);
	end_world(w);
}

static void
the_set_is_sorted_by_priority_weight_and_name(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 20 0 1 a.test.com",
		SERVICE " 60 SRV 10 9 1 c.test.com",
		SERVICE " 60 SRV 10 9 1 b.test.com",
		SERVICE " 60 SRV 10 5 1 z.test.com",
		"a.test.com 60 A 127.0.0.1",
		"b.test.com 60 A 127.0.0.2",
		"c.test.com 60 A 127.0.0.3",
		"z.test.com 60 A 127.0.0.4",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "z.test.com:1 127.0.0.4:1 10/5 60; "
				     "b.test.com:1 127.0.0.2:1 10/9 60; "
				     "c.test.com:1 127.0.0.3:1 10/9 60; "
				     "a.test.com:1 127.0.0.1:1 20/0 60");
	end_world(w);
}

static void
a_record_said_twice_counts_once(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 5 1 1 a.test.com",
		SERVICE " 60 SRV 1 1 1 A.test.com",
		SERVICE " 60 SRV 1 7 1 a.test.com",
		"a.test.com 60 A 127.0.0.1",
		"a.test.com 60 A 127.0.0.1",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "a.test.com:1 127.0.0.1:1 1/7 60");
	end_world(w);
}

static void
addresses_that_came_along_are_used_and_only_the_missing_asked_for(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		SERVICE " 60 SRV 0 0 1 b.test.com",
		"+A.test.com 40 AAAA ::a",
		"+a.test.com 50 A 127.0.0.10",
		"+stranger.test.com 50 A 127.0.0.66",
		"b.test.com 60 AAAA ::b",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w),
	    "a.test.com:1 [::a]:1 0/0 40; a.test.com:1 127.0.0.10:1 0/0 50; "
	    "b.test.com:1 [::b]:1 0/0 60");
	assert_int_equal(w->fakes[0].asked, 3); /* SRV, AAAA and A of b */
	end_world(w);
}

static void
with_all_addresses_along_one_query_is_enough(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"+a.test.com 40 AAAA ::a",
		"+a.test.com 50 A 127.0.0.10",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(count_of(w), 2);
	assert_int_equal(w->fakes[0].asked, 1);
	end_world(w);
}

static void
the_family_decides_what_is_asked_and_used(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		SERVICE " 60 SRV 0 0 1 b.test.com",
		"+a.test.com 60 AAAA ::a",
		"+a.test.com 60 A 127.0.0.1",
		"b.test.com 60 AAAA ::b",
		"b.test.com 60 A 127.0.0.2",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(count_of(w), 4);
	w->fakes[0].asked = 0;
	w->policy.family = RESOLVE_INET6;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_string_equal(show(w),
	    "a.test.com:1 [::a]:1 0/0 60; b.test.com:1 [::b]:1 0/0 60");
	assert_int_equal(w->fakes[0].asked, 2);
	w->policy.family = RESOLVE_INET;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_string_equal(show(w), "a.test.com:1 127.0.0.1:1 0/0 60; "
				     "b.test.com:1 127.0.0.2:1 0/0 60");
	end_world(w);
}

static void
cnames_are_followed_and_lower_the_ttl(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 50 CNAME _echo._tcp.other.com",
		"_echo._tcp.other.com 60 SRV 0 0 1 a.test.com",
		"a.test.com 20 CNAME b.test.com",
		"b.test.com 30 CNAME c.test.com",
		"c.test.com 60 AAAA ::c",
		"d.test.com 60 AAAA ::d",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "a.test.com:1 [::c]:1 0/0 20");
	waits_about(w, 20 * S);
	end_world(w);
}

static void
a_loop_of_cnames_is_no_answer(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 50 CNAME b.test.com",
		"b.test.com 50 CNAME " SERVICE,
		NULL,
	};
	static zone_lines of_target[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"a.test.com 20 CNAME b.test.com",
		"b.test.com 30 CNAME a.test.com",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->last_failed.outcome, DNS_GARBAGE);
	end_world(w);
	w = make_one(of_target);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->last_failed.outcome, DNS_GARBAGE);
	assert_int_equal(w->last_failed.type, DNS_AAAA);
	assert_string_equal(w->failed_name, "a.test.com");
	end_world(w);
}

static void
records_of_another_name_are_not_believed(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"_other._tcp.test.com 60 SRV 0 0 2 b.test.com",
		"a.test.com 60 AAAA ::a",
		"b.test.com 60 AAAA ::b",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "a.test.com:1 [::a]:1 0/0 60");
	end_world(w);
}

static void
a_change_of_records_is_the_new_set(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = one;
	go_to(w, w->now + 60 * S);
	assert_string_equal(show(w), ONE);
	assert_int_equal(w->published, 2);
	/* The same again is no change. */
	go_to(w, w->now + 60 * S);
	assert_int_equal(w->done, 3);
	assert_int_equal(w->published, 2);
	end_world(w);
}

static void
targets_without_any_address_are_an_empty_answer(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		SERVICE " 60 SRV 0 0 1 b.test.com",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->last_failed.outcome, DNS_NO_DATA);
	assert_string_equal(w->failed_name, "a.test.com");
	end_world(w);
}

static void
the_target_dot_empties_the_set_at_once(void **state)
{
	static zone_lines none[] = { SERVICE " 60 SRV 0 0 0 .", NULL };
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = none;
	go_to(w, w->now + 60 * S);
	assert_int_equal(count_of(w), 0);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->last_done.count, 0);
	waits_about(w, 10 * S);
	end_world(w);
}

static void
unusable_records_are_left_out_and_counted(void **state)
{
	char lines[1][640];
	const char *zone[] = {
		SERVICE " 60 SRV 0 0 0 zero.test.com",
		SERVICE " 60 SRV 0 0 7 .",
		lines[0],
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"a.test.com 60 AAAA ::a",
		"zero.test.com 60 AAAA ::2",
		NULL,
	};
	struct world *w;
	char label[4 * 60 + 1];
	size_t i;

	(void)state;
	/* 120 bytes, but more than a backend's name when it is written out. */
	for (i = 0; i < 60; i++)
		memcpy(label + 4 * i, "\\007", 5);
	snprintf(lines[0], sizeof(lines[0]), SERVICE " 60 SRV 0 0 1 %s.%s",
	    label, label);
	w = make_one(zone);
	assert_string_equal(show(w), "a.test.com:1 [::a]:1 0/0 60");
	assert_int_equal(w->last_done.left_out, 3);
	end_world(w);
}

static void
nothing_but_unusable_records_is_no_answer(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 0 zero.test.com",
		"zero.test.com 60 AAAA ::2",
		NULL,
	};
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = zone;
	go_to(w, w->now + 60 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_int_equal(w->last_failed.left_out, 1);
	assert_string_equal(
	    dns_outcome_word(w->last_failed.outcome), "unusable");
	end_world(w);
}

static void
a_set_has_a_limit_and_says_what_it_left_out(void **state)
{
	/* 130 ports of one target with 127 addresses. */
	char(*lines)[64] = calloc(130 + 127, sizeof(*lines));
	const char **zone = calloc(130 + 127 + 1, sizeof(*zone));
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < 130 + 127; i++) {
		if (i < 130)
			snprintf(lines[i], sizeof(lines[i]),
			    SERVICE " 60 SRV 0 0 %zu a.test.com", i + 1);
		else
			snprintf(lines[i], sizeof(lines[i]),
			    "a.test.com 60 A 127.0.0.%zu", i - 130);
		zone[i] = lines[i];
	}
	w = make_one(zone);
	assert_int_equal(count_of(w), RESOLVE_BACKENDS_MAX);
	assert_int_equal(
	    w->last_done.left_out, 130 * 127 - RESOLVE_BACKENDS_MAX);
	assert_int_equal(w->last_done.count, RESOLVE_BACKENDS_MAX);
	end_world(w);
	free(zone);
	free(lines);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(records_become_backends),
	cmocka_unit_test(each_address_and_each_port_is_a_backend),
	cmocka_unit_test(the_set_is_sorted_by_priority_weight_and_name),
	cmocka_unit_test(a_record_said_twice_counts_once),
	cmocka_unit_test(
	    addresses_that_came_along_are_used_and_only_the_missing_asked_for),
	cmocka_unit_test(with_all_addresses_along_one_query_is_enough),
	cmocka_unit_test(the_family_decides_what_is_asked_and_used),
	cmocka_unit_test(cnames_are_followed_and_lower_the_ttl),
	cmocka_unit_test(a_loop_of_cnames_is_no_answer),
	cmocka_unit_test(records_of_another_name_are_not_believed),
	cmocka_unit_test(a_change_of_records_is_the_new_set),
	cmocka_unit_test(targets_without_any_address_are_an_empty_answer),
	cmocka_unit_test(the_target_dot_empties_the_set_at_once),
	cmocka_unit_test(unusable_records_are_left_out_and_counted),
	cmocka_unit_test(nothing_but_unusable_records_is_no_answer),
	cmocka_unit_test(a_set_has_a_limit_and_says_what_it_left_out),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
