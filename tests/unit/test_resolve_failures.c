/* What stays known while DNS fails, says nothing or lies; what was saved. */

#include "resolve_rig.h"

/* Servers that fail in every way keep the last good set. */
static void
no_answer_keeps_the_last_good_set(void **state)
{
	static const enum dns_outcome bad[] = { DNS_TIME_OUT, DNS_SERVFAIL,
		DNS_REFUSED, DNS_UNREACHABLE, DNS_GARBAGE, DNS_CUT_SHORT,
		DNS_REFERRAL, DNS_BAD_CODE, DNS_NOT_ASKED };
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		w = make_one(two);
		w->fakes[0].zone = NULL;
		w->fakes[0].outcome = bad[i];
		go_to(w, w->now + 60 * S);
		assert_string_equal(show(w), TWO);
		assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
		assert_false(resolve_is_answered(w->r));
		assert_int_equal(w->last_failed.outcome, bad[i]);
		assert_int_equal(w->published, 2);
		waits_about(w, 10 * S);
		/* It comes back. */
		w->fakes[0].zone = one;
		go_to(w, w->now + 11 * S);
		assert_string_equal(show(w), ONE);
		assert_int_equal(resolve_status(w->r), RESOLVE_OK);
		end_world(w);
	}
}

static void
the_last_good_set_ends_after_stale_for(void **state)
{
	struct world *w = make_one(two);
	uint64_t failed_at = w->now + 60 * S;

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_SERVFAIL;
	go_to(w, failed_at + 3600 * S - 1);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	go_to(w, failed_at + 3600 * S);
	assert_int_equal(count_of(w), 0);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->published, 3);
	end_world(w);
}

static void
a_good_answer_starts_stale_for_anew(void **state)
{
	struct world *w = make_one(two);
	uint64_t failed_at = w->now + 60 * S;

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_SERVFAIL;
	go_to(w, failed_at + 3000 * S);
	w->fakes[0].zone = two;
	go_to(w, w->now + 12 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	w->fakes[0].zone = NULL;
	go_to(w, failed_at + 6000 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_string_equal(show(w), TWO);
	end_world(w);
}

static void
a_stale_for_of_0_keeps_nothing_and_never_keeps_all(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_SERVFAIL;
	w->policy.stale_for_us = NEVER;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now + 100000 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	w->policy.stale_for_us = 0;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(count_of(w), 0);
	end_world(w);
}

static void
without_a_first_answer_it_is_failing_and_goes_on(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	w->fakes[0].outcome = DNS_REFUSED;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->published, 1);
	waits_about(w, 10 * S);
	w->fakes[0].zone = two;
	go_to(w, w->now + 11 * S);
	assert_string_equal(show(w), TWO);
	end_world(w);
}

/* A server that says that there is no such name, then that it has no data. */
static void
empty_answers_in_a_row_empty_the_set(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, w->now + 60 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_true(resolve_is_answered(w->r));
	waits_about(w, 10 * S);
	w->fakes[0].outcome = DNS_NO_DATA;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(count_of(w), 0);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	waits_about(w, 10 * S);
	/* From here on every one is empty, and records are taken at once. */
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	w->fakes[0].zone = two;
	go_to(w, resolve_next_deadline(w->r));
	assert_string_equal(show(w), TWO);
	end_world(w);
}

static void
records_between_empty_answers_start_the_count_anew(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].outcome = DNS_NO_NAME;
	w->fakes[0].zone = NULL;
	go_to(w, resolve_next_deadline(w->r));
	w->fakes[0].zone = two;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	w->fakes[0].zone = NULL;
	go_to(w, resolve_next_deadline(w->r));
	assert_string_equal(show(w), TWO);
	end_world(w);
}

static void
failures_between_empty_answers_do_not_count(void **state)
{
	struct world *w = make_one(two);
	size_t i;

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, resolve_next_deadline(w->r));
	w->fakes[0].outcome = DNS_SERVFAIL;
	for (i = 0; i < 5; i++)
		go_to(w, resolve_next_deadline(w->r));
	assert_string_equal(show(w), TWO);
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(count_of(w), 0);
	end_world(w);
}

static void
with_nothing_known_an_empty_answer_is_believed_at_once(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].outcome = DNS_NO_NAME;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->published, 1);
	assert_int_equal(w->last_failed.outcome, DNS_NO_NAME);
	end_world(w);
}

static void
with_nothing_known_half_an_answer_is_used(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].zone = two;
	w->fakes[0].address_outcome = DNS_SERVFAIL;
	w->fakes[0].bad_name = "echo002.test.com";
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), ONE);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(w->last_done.missing, 2);
	assert_int_equal(w->last_done.outcome, DNS_SERVFAIL);
	assert_int_equal(w->last_done.type, DNS_AAAA);
	/* It does not wait for the TTL of 60 s. */
	waits_about(w, 10 * S);
	end_world(w);
}

static void
targets_that_cannot_be_looked_up_keep_their_addresses(void **state)
{
	static zone_lines moved[] = {
		SERVICE " 60 SRV 0 10 6001 echo001.test.com",
		SERVICE " 60 SRV 7 11 6002 echo002.test.com",
		"echo001.test.com 60 AAAA ::9",
		NULL,
	};
	struct world *w = make_one(two);
	uint64_t at;

	(void)state;
	w->fakes[0].zone = moved;
	w->fakes[0].address_outcome = DNS_TIME_OUT;
	w->fakes[0].bad_name = "echo002.test.com";
	at = w->now + 60 * S;
	go_to(w, at);
	assert_string_equal(show(w),
	    "echo001.test.com:6001 [::9]:6001 0/10 60; "
	    "echo002.test.com:6002 [::2]:6002 7/11 60");
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	/* They too end after stale-for; the others are not touched. */
	go_to(w, at + 3600 * S - 1);
	assert_int_equal(count_of(w), 2);
	go_to(w, at + 3600 * S);
	assert_string_equal(
	    show(w), "echo001.test.com:6001 [::9]:6001 0/10 60");
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static const struct backend_spec saved_specs[] = {
	{ .name = "old.test.com:6001",
	    .addr = { .kind = ADDR_INET, .ip = { 127, 0, 0, 1 }, .port = 6001 },
	    .sources = SOURCE_DNS },
	{ .name = "bad.test.com:0", .addr = { .kind = ADDR_INET } },
	{ .name = "nonsense",
	    .addr = { .kind = ADDR_INET, .ip = { 127, 0, 0, 1 }, .port = 1 } },
};
#define OLD "old.test.com:6001 127.0.0.1:6001 0/0 0"

static struct world *
make_restored(void)
{
	struct world *w = make_world(1, NULL);

	resolve_restore(w->r, saved_specs, ARRAY_LEN(saved_specs));
	return w;
}

static void
what_was_saved_is_used_until_dns_speaks(void **state)
{
	const struct backend_spec *specs;
	struct world *w = make_restored();

	(void)state;
	drain(w);
	assert_int_equal(w->published, 1);
	assert_string_equal(show(w), OLD);
	assert_int_equal(resolve_backends(w->r, &specs), 1);
	assert_int_equal(specs[0].sources, SOURCE_SAVED);
	assert_int_equal(resolve_status(w->r), RESOLVE_SAVED);
	assert_string_equal(resolve_status_name(RESOLVE_SAVED), "saved");
	w->fakes[0].outcome = DNS_SERVFAIL;
	wake(w);
	answer_all(w);
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), OLD);
	assert_int_equal(resolve_status(w->r), RESOLVE_SAVED);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SAVED);
	assert_int_equal(origin_of(w, 0).server, SIZE_MAX);
	w->fakes[0].zone = one;
	go_to(w, w->now + 12 * S);
	assert_string_equal(show(w), ONE);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
the_same_backend_from_dns_is_no_longer_a_saved_one(void **state)
{
	static zone_lines same[] = {
		SERVICE " 0 SRV 0 0 6001 old.test.com",
		"old.test.com 0 A 127.0.0.1",
		NULL,
	};
	const struct backend_spec *specs;
	struct world *w = make_restored();

	(void)state;
	drain(w);
	w->fakes[0].zone = same;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), OLD);
	assert_int_equal(w->published, 2);
	assert_int_equal(resolve_backends(w->r, &specs), 1);
	assert_int_equal(specs[0].sources, SOURCE_DNS);
	end_world(w);
}

static void
what_was_saved_ends_as_what_was_known_does(void **state)
{
	struct world *w = make_restored();

	(void)state;
	w->fakes[0].outcome = DNS_TIME_OUT;
	wake(w);
	answer_all(w);
	go_to(w, w->now + 3599 * S);
	assert_string_equal(show(w), OLD);
	go_to(w, w->now + 2 * S);
	assert_string_equal(show(w), "");
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	end_world(w);
	/* Two empty answers are two empty answers. */
	w = make_restored();
	w->fakes[0].outcome = DNS_NO_NAME;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), OLD);
	go_to(w, w->now + 12 * S);
	assert_string_equal(show(w), "");
	end_world(w);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(no_answer_keeps_the_last_good_set),
	cmocka_unit_test(the_last_good_set_ends_after_stale_for),
	cmocka_unit_test(a_good_answer_starts_stale_for_anew),
	cmocka_unit_test(a_stale_for_of_0_keeps_nothing_and_never_keeps_all),
	cmocka_unit_test(without_a_first_answer_it_is_failing_and_goes_on),
	cmocka_unit_test(empty_answers_in_a_row_empty_the_set),
	cmocka_unit_test(records_between_empty_answers_start_the_count_anew),
	cmocka_unit_test(failures_between_empty_answers_do_not_count),
	cmocka_unit_test(
	    with_nothing_known_an_empty_answer_is_believed_at_once),
	cmocka_unit_test(with_nothing_known_half_an_answer_is_used),
	cmocka_unit_test(targets_that_cannot_be_looked_up_keep_their_addresses),
	cmocka_unit_test(what_was_saved_is_used_until_dns_speaks),
	cmocka_unit_test(the_same_backend_from_dns_is_no_longer_a_saved_one),
	cmocka_unit_test(what_was_saved_ends_as_what_was_known_does),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
