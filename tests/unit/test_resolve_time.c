/* When it asks: TTLs, intervals, time-outs, and when it is told to. */

#include "resolve_rig.h"

/* Zone with one TTL for the SRV record and another for the address. */
static void
with_ttls(unsigned srv, unsigned address, struct world **w)
{
	char lines[2][128];
	const char *zone[3] = { lines[0], lines[1], NULL };

	snprintf(lines[0], sizeof(lines[0]), SERVICE " %u SRV 0 0 1 a.test.com",
	    srv);
	snprintf(lines[1], sizeof(lines[1]), "a.test.com %u AAAA ::a", address);
	*w = make_one(zone);
	(*w)->fakes[0].zone = NULL;
	(*w)->fakes[0].outcome = DNS_SERVFAIL;
}

static void
it_asks_again_when_the_smallest_ttl_has_passed(void **state)
{
	struct world *w;

	(void)state;
	with_ttls(60, 20, &w);
	waits_about(w, 20 * S);
	end_world(w);
	with_ttls(30, 60, &w);
	waits_about(w, 30 * S);
	end_world(w);
	with_ttls(1, 60, &w);
	waits_about(w, 1 * S);
	end_world(w);
}

static void
a_ttl_of_0_means_each_min_query_interval(void **state)
{
	struct world *w;

	(void)state;
	with_ttls(0, 60, &w);
	waits_about(w, 1 * S);
	/* ... and not that the records are forgotten. */
	go_to(w, w->now + 5 * S);
	assert_int_equal(count_of(w), 1);
	end_world(w);
}

static void
it_waits_no_longer_than_query_interval(void **state)
{
	struct world *w;

	(void)state;
	with_ttls(60, 60, &w);
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
	with_ttls(2147483647u, 2147483647u, &w);
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
	with_ttls(4294967295u, 4294967295u, &w);
	assert_string_equal(show(w), "a.test.com:1 [::a]:1 0/0 2147483647");
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
}

static void
a_hardcoded_ttl_stands_for_all(void **state)
{
	struct world *w = make_one(one);

	(void)state;
	w->policy.hardcoded_ttl_us = 5 * S;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_string_equal(show(w), "echo001.test.com:6001 [::1]:6001 0/10 5");
	waits_about(w, 5 * S);
	w->policy.hardcoded_ttl_us = 0;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	waits_about(w, 1 * S);
	end_world(w);
}

static void
any_ttl_is_a_time_to_ask_again_and_no_more(void **state)
{
	static const struct {
		const char *ttl;
		uint64_t wait;
	} rows[] = { { "0", S }, { "1", S }, { "60", 60 * S },
		{ "2147483647", 60 * S } };
	char srv[128], aaaa[128];
	const char *zone[] = { srv, aaaa, NULL };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w;

		snprintf(srv, sizeof(srv), SERVICE " %s SRV 0 10 6001 a.test",
		    rows[i].ttl);
		snprintf(aaaa, sizeof(aaaa), "a.test %s AAAA ::1", rows[i].ttl);
		w = make_one(zone);
		assert_in_range(
		    wait_of(w), rows[i].wait, rows[i].wait + rows[i].wait / 10);
		w->fakes[0].zone = NULL;
		w->fakes[0].outcome = DNS_SERVFAIL;
		go_to(w, w->now + 3000 * S);
		assert_int_equal(count_of(w), 1);
		end_world(w);
	}
}

static void
a_look_up_takes_no_longer_than_query_timeout(void **state)
{
	struct world *w = make_world(2, NULL);
	uint64_t start = w->now;

	(void)state;
	w->fakes[0].is_silent = w->fakes[1].is_silent = true;
	wake(w);
	go_to(w, start + 10 * S - 1);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	go_to(w, start + 10 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->failed, 2);
	assert_int_equal(w->fakes[0].cancels + w->fakes[1].cancels, 2);
	end_world(w);
}

static void
what_came_before_the_time_out_is_used(void **state)
{
	struct world *w = make_world(1, NULL);
	uint64_t start = w->now;
	size_t i;

	(void)state;
	w->fakes[0].zone = two;
	w->fakes[0].is_silent = true;
	wake(w);
	/* SRV, AAAA and A of the first target. */
	for (i = 0; i < 3; i++)
		answer_one(w, 0);
	go_to(w, start + 10 * S);
	assert_string_equal(show(w), ONE);
	assert_int_equal(w->last_done.missing, 2);
	assert_int_equal(w->last_done.outcome, DNS_TIME_OUT);
	end_world(w);
}

static void
refresh_looks_up_now(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = one;
	w->now += 3 * S;
	assert_int_equal(resolve_refresh(w->r, w->now), 2);
	assert_int_equal(resolve_next_deadline(w->r), w->now);
	go_to(w, w->now);
	assert_int_equal(resolve_ended(w->r), 2);
	assert_string_equal(show(w), ONE);
	end_world(w);
}

static void
refresh_during_a_look_up_looks_up_once_more(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].zone = one;
	w->fakes[0].is_silent = true;
	wake(w);
	assert_int_equal(resolve_refresh(w->r, w->now), 2);
	assert_int_equal(resolve_refresh(w->r, w->now), 2);
	answer_one(w, 0);
	answer_one(w, 0);
	answer_one(w, 0);
	assert_int_equal(resolve_ended(w->r), 1);
	assert_string_equal(show(w), ONE);
	w->fakes[0].is_silent = false;
	w->fakes[0].zone = two;
	go_to(w, w->now);
	assert_int_equal(resolve_ended(w->r), 2);
	assert_string_equal(show(w), TWO);
	/* And then no more. */
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
}

static void
a_shorter_interval_counts_at_once(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->now += 20 * S;
	w->policy.query_interval_us = 10 * S;
	resolve_set_policy(w->r, w->now, &w->policy);
	assert_true(resolve_next_deadline(w->r) <= w->now);
	w->policy.query_interval_us = 60 * S;
	go_to(w, w->now);
	assert_int_equal(w->done, 2);
	assert_int_equal(wait_of(w), 10 * S);
	end_world(w);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(it_asks_again_when_the_smallest_ttl_has_passed),
	cmocka_unit_test(a_ttl_of_0_means_each_min_query_interval),
	cmocka_unit_test(it_waits_no_longer_than_query_interval),
	cmocka_unit_test(a_hardcoded_ttl_stands_for_all),
	cmocka_unit_test(any_ttl_is_a_time_to_ask_again_and_no_more),
	cmocka_unit_test(a_look_up_takes_no_longer_than_query_timeout),
	cmocka_unit_test(what_came_before_the_time_out_is_used),
	cmocka_unit_test(refresh_looks_up_now),
	cmocka_unit_test(refresh_during_a_look_up_looks_up_once_more),
	cmocka_unit_test(a_shorter_interval_counts_at_once),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
