/* Several servers: whom it asks, whom it waits for, whom it believes. */

#include "resolve_rig.h"

static void
no_more_queries_than_allowed_are_in_flight(void **state)
{
	char(*lines)[64] = calloc(50, sizeof(*lines));
	const char **zone = calloc(101, sizeof(*zone));
	struct resolve_policy policy;
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < 50; i++) {
		snprintf(lines[i], sizeof(lines[i]),
		    SERVICE " 60 SRV 0 0 1 t%zu.test.com", i);
		zone[i] = lines[i];
	}
	w = make_one(zone);
	assert_int_equal(w->fakes[0].most, 5);
	assert_int_equal(w->fakes[0].asked, 101);
	end_world(w);
	resolve_policy_default(&policy);
	policy.max_dns_concurrency = 1;
	w = make_world(1, &policy);
	w->fakes[0].zone = zone;
	wake(w);
	answer_all(w);
	assert_int_equal(w->fakes[0].most, 1);
	assert_int_equal(w->fakes[0].asked, 101);
	end_world(w);
	free(zone);
	free(lines);
}

static void
a_dead_server_does_not_delay_a_good_one(void **state)
{
	struct world *w = make_world(2, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	w->fakes[1].zone = two;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->last_done.server, 1);
	/* The other was dropped, and is asked again the next time. */
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->last_failed.outcome, DNS_DROPPED);
	assert_int_equal(w->fakes[0].cancels, 1);
	go_to(w, w->now + 60 * S);
	assert_int_equal(w->fakes[0].srv_asked, 2);
	assert_int_equal(w->started, 4);
	end_world(w);
}

static void
late_answers_do_nothing(void **state)
{
	struct world *w = make_world(2, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	w->fakes[1].zone = two;
	wake(w);
	answer_all(w);
	w->fakes[0].zone = one;
	answer_one(w, 0);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->published, 1);
	/* Nor does one that comes during the next look-up. */
	w->fakes[1].is_silent = true;
	go_to(w, w->now + 60 * S);
	assert_int_equal(w->fakes[0].count, 1);
	w->fakes[1].pending[0].handle.generation--;
	answer_one(w, 1);
	assert_int_equal(w->fakes[1].count, 0);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->done, 1);
	end_world(w);
}

static void
handles_out_of_range_do_nothing(void **state)
{
	struct resolve_handle handles[] = { { 0, 0 }, { 63, 1 }, { 64, 1 },
		{ UINT32_MAX, 1 }, { 0, UINT32_MAX } };
	struct world *w = make_world(1, NULL);
	struct dns_answer answer;
	size_t i;

	(void)state;
	wake(w);
	dns_answer_init(&answer, DNS_NO_NAME);
	for (i = 0; i < ARRAY_LEN(handles); i++)
		resolve_on_answer(w->r, w->now, handles[i], &answer);
	drain(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	end_world(w);
}

static void
one_empty_server_does_not_win_over_one_with_records(void **state)
{
	struct world *w = make_world(3, NULL);

	(void)state;
	w->fakes[0].outcome = DNS_NO_NAME;
	w->fakes[1].outcome = DNS_SERVFAIL;
	w->fakes[2].is_silent = true;
	w->fakes[2].zone = two;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	assert_int_equal(w->failed, 2);
	w->fakes[2].is_silent = false;
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
one_empty_server_counts_when_all_others_fail(void **state)
{
	struct world *w = make_world(2, NULL);
	uint64_t start = w->now;

	(void)state;
	w->fakes[0].outcome = DNS_NO_DATA;
	w->fakes[1].is_silent = true;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	assert_int_equal(resolve_next_deadline(w->r), start + 10 * S);
	go_to(w, start + 10 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->last_failed.outcome, DNS_TIME_OUT);
	assert_int_equal(w->last_failed.server, 1);
	end_world(w);
}

static void
half_an_answer_waits_for_no_other_server_where_nothing_is_known(void **state)
{
	struct world *w = make_world(2, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	w->fakes[1].zone = two;
	w->fakes[1].address_outcome = DNS_SERVFAIL;
	w->fakes[1].bad_name = "echo002.test.com";
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), ONE);
	assert_int_equal(w->last_failed.outcome, DNS_DROPPED);
	/* With something known it does, in vain. */
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(w->done, 1);
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(w->done, 2);
	assert_int_equal(w->last_failed.outcome, DNS_TIME_OUT);
	assert_string_equal(show(w), ONE);
	end_world(w);
}

static void
of_two_halves_the_better_is_used(void **state)
{
	static zone_lines worse[] = {
		SERVICE " 60 SRV 0 10 6001 echo001.test.com",
		SERVICE " 60 SRV 0 10 6002 echo002.test.com",
		"+echo001.test.com 60 AAAA ::7",
		NULL,
	};
	struct world *w = make_one(two);

	(void)state;
	resolve_set_servers(w->r, w->now, 2, all_new);
	w->servers = 2;
	w->done = w->failed = 0;
	w->fakes[0].zone = worse;
	w->fakes[0].address_outcome = DNS_SERVFAIL;
	w->fakes[1].zone = two;
	w->fakes[1].address_outcome = DNS_REFUSED;
	w->fakes[1].bad_name = "echo001.test.com";
	go_to(w, w->now);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->last_done.server, 1);
	assert_int_equal(w->last_done.missing, 2);
	assert_int_equal(w->last_failed.outcome, DNS_SERVFAIL);
	assert_int_equal(w->last_failed.missing, 3);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	end_world(w);
}

static void
other_servers_are_asked_at_once(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	wake(w);
	w->servers = 3;
	w->fakes[2].zone = two;
	resolve_set_servers(w->r, w->now, 3, all_new);
	assert_int_equal(resolve_next_deadline(w->r), w->now);
	w->fakes[0].outcome = w->fakes[1].outcome = DNS_REFUSED;
	go_to(w, w->now);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->last_done.server, 2);
	end_world(w);
}

static zone_lines second[] = {
	SERVICE " 60 SRV 0 10 6002 echo002.test.com",
	"echo002.test.com 60 AAAA ::2",
	NULL,
};
#define SECOND "echo002.test.com:6002 [::2]:6002 0/10 60"

static struct world *
make_merging(zone_lines *a, zone_lines *b)
{
	struct resolve_policy policy;
	struct world *w;

	resolve_policy_default(&policy);
	policy.answers = RESOLVE_MERGE;
	w = make_world(2, &policy);
	w->fakes[0].zone = a;
	w->fakes[1].zone = b;
	wake(w);
	return w;
}

static void
merging_gives_the_union_of_all_servers(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(w->done, 2);
	assert_int_equal(origin_of(w, 0).server, 0);
	assert_int_equal(origin_of(w, 1).server, 1);
	/* Both name it: one backend, with the better priority. */
	w->fakes[1].zone =
	    (zone_lines[]){ SERVICE " 30 SRV 5 1 6001 echo001.test.com",
		    "echo001.test.com 60 AAAA ::1", NULL };
	go_to(w, w->now + 67 * S);
	assert_string_equal(
	    show(w), "echo001.test.com:6001 [::1]:6001 0/10 30");
	end_world(w);
}

static void
merging_waits_for_no_server_before_the_others_count(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	w->fakes[0].is_silent = true;
	answer_all(w);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(resolve_ended(w->r), 0);
	assert_true(w->published > 0);
	go_to(w, w->now + 10 * S);
	assert_int_equal(resolve_ended(w->r), 1);
	assert_string_equal(show(w), SECOND);
	end_world(w);
}

static void
merging_keeps_what_only_a_silent_server_had_named(void **state)
{
	struct world *w = make_merging(one, second);
	uint64_t silent_at;

	(void)state;
	answer_all(w);
	w->fakes[0].is_silent = true;
	go_to(w, w->now + 80 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	silent_at = origin_of(w, 0).absent_since_us;
	assert_true(silent_at <= w->now && silent_at > 0);
	assert_int_equal(origin_of(w, 0).ends_us, silent_at + 3600 * S);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_NAMED);
	assert_true(origin_of(w, 1).absent_since_us == NEVER);
	go_to(w, silent_at + 3599 * S);
	assert_string_equal(show(w), TWO);
	go_to(w, silent_at + 3600 * S);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
merging_drops_at_once_what_its_server_no_longer_names(void **state)
{
	struct world *w = make_merging(two, second);

	(void)state;
	answer_all(w);
	assert_string_equal(show(w), TWO);
	/* The other one is silent, but had never named it. */
	w->fakes[0].zone = second;
	w->fakes[1].is_silent = true;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_ended(w->r), 1);
	end_world(w);
}

static void
what_two_have_named_stays_while_one_of_them_is_silent(void **state)
{
	struct world *w = make_merging(two, two);

	(void)state;
	answer_all(w);
	w->fakes[0].zone = second;
	w->fakes[1].is_silent = true;
	go_to(w, w->now + 80 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_NAMED);
	end_world(w);
}

static void
merging_counts_the_empty_answers_of_each_server(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	w->now += 2 * S;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
merging_an_empty_answer_is_no_word_on_what_a_failing_server_had_named(
    void **state)
{
	struct world *w = make_merging(one, second);
	uint64_t silent_at;

	(void)state;
	answer_all(w);
	w->fakes[0].zone = w->fakes[1].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	w->fakes[1].outcome = DNS_SERVFAIL;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	silent_at = w->now;
	assert_string_equal(show(w), TWO);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_EMPTY);
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	go_to(w, silent_at + 3600 * S);
	assert_string_equal(show(w), "");
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	end_world(w);
}

/* Server 0 is empty for the second time, after servers were set. */
static const char *
empty_again_after(size_t servers, const size_t *before, char *shown)
{
	struct world *w = make_merging(one, second);

	answer_all(w);
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	w->now += 2 * S;
	w->fakes[0].count = w->fakes[1].count = 0;
	resolve_set_servers(w->r, w->now, servers, before);
	wake(w);
	answer_all(w);
	strcpy(shown, show(w));
	end_world(w);
	return shown;
}

static void
a_server_known_again_keeps_its_count_of_empty_answers(void **state)
{
	static const size_t same[] = { 0, 1 };
	char shown[1000];

	(void)state;
	assert_string_equal(empty_again_after(2, same, shown), SECOND);
}

static void
merging_with_all_servers_dead_is_as_it_always_is(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	w->fakes[0].zone = w->fakes[1].zone = NULL;
	w->fakes[0].outcome = w->fakes[1].outcome = DNS_SERVFAIL;
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	w->fakes[0].outcome = w->fakes[1].outcome = DNS_NO_DATA;
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), "");
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	end_world(w);
}

static void
servers_are_known_again_at_another_place(void **state)
{
	static const size_t swapped[] = { 1, 0 };
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	resolve_set_servers(w->r, w->now, 2, swapped);
	assert_int_equal(origin_of(w, 0).server, 1);
	/* The one that had named the first is now the second, and silent. */
	w->fakes[0].zone = second;
	w->fakes[0].count = w->fakes[1].count = 0;
	w->fakes[1].is_silent = true;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	resolve_set_servers(w->r, w->now, 1, all_new);
	assert_int_equal(origin_of(w, 0).server, SIZE_MAX);
	end_world(w);
}

static void
a_backend_says_where_it_comes_from(void **state)
{
	struct world *w = make_one(two);
	struct resolve_origin origin = origin_of(w, 1);
	uint64_t seen_us = w->now;

	(void)state;
	assert_int_equal(origin.rule, RESOLVE_RULE_NAMED);
	assert_int_equal(origin.seen_us, seen_us);
	assert_true(origin.absent_since_us == NEVER);
	assert_true(origin.ends_us == NEVER);
	assert_int_equal(origin.server, 0);
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, resolve_next_deadline(w->r));
	origin = origin_of(w, 0);
	assert_int_equal(origin.rule, RESOLVE_RULE_EMPTY);
	assert_int_equal(origin.seen_us, seen_us);
	assert_int_equal(origin.absent_since_us, w->now);
	assert_int_equal(origin.ends_us, w->now + 3600 * S);
	assert_string_equal(resolve_rule_word(origin.rule), "empty");
	assert_true(strlen(resolve_rule_text(origin.rule)) > 20);
	w->fakes[0].outcome = DNS_REFUSED;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	w->fakes[0].zone = two;
	w->fakes[0].address_outcome = DNS_SERVFAIL;
	w->fakes[0].bad_name = "echo002.test.com";
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_NAMED);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_HALF);
	end_world(w);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(no_more_queries_than_allowed_are_in_flight),
	cmocka_unit_test(a_dead_server_does_not_delay_a_good_one),
	cmocka_unit_test(late_answers_do_nothing),
	cmocka_unit_test(handles_out_of_range_do_nothing),
	cmocka_unit_test(one_empty_server_does_not_win_over_one_with_records),
	cmocka_unit_test(one_empty_server_counts_when_all_others_fail),
	cmocka_unit_test(
	    half_an_answer_waits_for_no_other_server_where_nothing_is_known),
	cmocka_unit_test(of_two_halves_the_better_is_used),
	cmocka_unit_test(other_servers_are_asked_at_once),
	cmocka_unit_test(merging_gives_the_union_of_all_servers),
	cmocka_unit_test(merging_waits_for_no_server_before_the_others_count),
	cmocka_unit_test(merging_keeps_what_only_a_silent_server_had_named),
	cmocka_unit_test(merging_drops_at_once_what_its_server_no_longer_names),
	cmocka_unit_test(what_two_have_named_stays_while_one_of_them_is_silent),
	cmocka_unit_test(merging_counts_the_empty_answers_of_each_server),
	cmocka_unit_test(
	    merging_an_empty_answer_is_no_word_on_what_a_failing_server_had_named),
	cmocka_unit_test(a_server_known_again_keeps_its_count_of_empty_answers),
	cmocka_unit_test(merging_with_all_servers_dead_is_as_it_always_is),
	cmocka_unit_test(servers_are_known_again_at_another_place),
	cmocka_unit_test(a_backend_says_where_it_comes_from),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
