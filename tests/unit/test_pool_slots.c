#include "pool_rig.h"

static struct rig *
begin(uint32_t slots)
{
	struct rig *r = rig_new();

	r->policy.max_slots = r->policy.max_count = slots;
	r->policy.spares_wanted = slots;
	r->policy.spread = 0;
	return r;
}

static void
a_failed_connect_waits_twice_as_long_each_time_up_to_the_most(void **state)
{
	struct rig *r = begin(1);
	uint64_t waits[] = { 20, 40, 80, 160, 320, 500, 500 };
	uint64_t last;

	(void)state;
	r->policy.max_connection_backoff = MS(500);
	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		assert_int_equal(r->connects[0], i + 1);
		last = r->connect_at_us[0];
		rig_pass(r, MS(waits[i]) - 1);
		assert_int_equal(r->connects[0], i + 1);
		rig_pass(r, 1);
		assert_int_equal(r->connects[0], i + 2);
		assert_true(r->connect_at_us[0] - last == MS(waits[i]));
	}
	rig_end(&r);
}

static void
spread_adds_a_random_part_to_each_wait(void **state)
{
	struct rig *r = begin(1);
	uint64_t least = UINT64_MAX, most = 0, last;

	(void)state;
	r->policy.spread = MS(10);
	r->policy.min_connection_backoff = MS(100);
	r->policy.max_connection_backoff = MS(100);
	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	for (int i = 0; i < 200; i++) {
		uint64_t wait;

		last = r->connect_at_us[0];
		while (r->connect_at_us[0] == last)
			rig_pass(r, MS(1));
		wait = r->connect_at_us[0] - last;
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	assert_true(least >= MS(100) && least < MS(101));
	assert_true(most <= MS(110) && most > MS(109));
	rig_end(&r);
}

static void
an_attempt_without_answer_ends_with_connect_timeout(void **state)
{
	struct rig *r = begin(1);

	(void)state;
	r->moods[0] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(3) - 1);
	assert_int_equal(r->events[EVENT_CONNECT_FAILED], 0);
	rig_pass(r, 1);
	assert_int_equal(r->events[EVENT_CONNECT_FAILED], 1);
	assert_false(r->conns[0].is_trying);
	rig_end(&r);
}

static void
a_backend_that_accepts_and_closes_at_once_is_backed_off(void **state)
{
	struct rig *r = begin(1);

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	for (int i = 0; i < 10000; i++) {
		rig_lose(r, 0);
		rig_pass(r, MS(1));
	}
	/* 20 ms, 40 ms, ... 5.12 s: ten attempts in ten seconds. */
	assert_in_range(r->connects[0], 8, 11);
	rig_end(&r);
}

static void
a_connection_that_lived_for_min_uptime_ends_the_row_of_failures(void **state)
{
	struct rig *r = begin(1);
	unsigned connects;

	(void)state;
	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	r->moods[0] = RIG_UP;
	rig_pass(r, SEC(5));
	assert_int_equal(r->open, 1);
	connects = r->connects[0];
	r->moods[0] = RIG_DOWN;
	rig_lose(r, 0);
	rig_pass(r, MS(20) - 1);
	assert_int_equal(r->connects[0], connects);
	rig_pass(r, 1);
	assert_int_equal(r->connects[0], connects + 1);
	rig_end(&r);
}

static void
an_idle_connection_that_dies_is_noticed_at_once(void **state)
{
	struct rig *r = begin(2);
	struct backend_stats s;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	pool_on_lost(r->pool, r->conns[0].ref, "reset", r->now_us);
	rig_turn(r);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 1);
	assert_int_equal(r->events[EVENT_CONNECTION_LOST], 1);
	assert_true(rig_backend(r, 0, &s));
	assert_int_equal(s.failures, 1);
	assert_string_equal(s.last_error, "reset");
	assert_int_equal(s.state, BACKEND_ONLINE);
	rig_end(&r);
}

static void
an_answer_for_a_connection_that_is_no_more_is_ignored(void **state)
{
	struct rig *r = begin(1);
	struct slot_ref old;

	(void)state;
	r->moods[0] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 1);
	old = r->conns[0].ref;
	rig_pass(r, SEC(3) + MS(20)); /* it tries again */
	assert_true(r->conns[0].ref.gen != old.gen);
	pool_on_connected(r->pool, old, r->now_us);
	pool_on_checked(r->pool, old, NULL, r->now_us);
	pool_on_lost(r->pool, old, "late", r->now_us);
	rig_turn(r);
	assert_int_equal(r->events[EVENT_CONNECT_DONE], 0);
	assert_int_equal(r->stats.counts[SLOT_CONNECTING], 1);
	pool_on_connected(r->pool,
	    (struct slot_ref){ pool_slot_room(r->pool), 1 }, r->now_us);
	rig_end(&r);
}

static void
idle_connections_are_checked_each_health_interval_plus_spread(void **state)
{
	struct rig *r = begin(1);

	(void)state;
	r->policy.spread = MS(10);
	r->policy.health_interval = SEC(1);
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(1) - 1);
	assert_int_equal(r->health_checks, 0);
	rig_pass(r, MS(11));
	assert_int_equal(r->health_checks, 1);
	rig_pass(r, SEC(100));
	assert_in_range(r->health_checks, 98, 101);
	rig_end(&r);
}

static void
checks_of_many_connections_fall_all_over_spread(void **state)
{
	struct rig *r = begin(100);

	(void)state;
	r->policy.spread = SEC(1);
	r->policy.health_interval = SEC(10);
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(10) - 1);
	assert_int_equal(r->health_checks, 0);
	for (int i = 0; i < 10; i++) {
		unsigned before = r->health_checks;

		rig_pass(r, MS(100));
		assert_in_range(r->health_checks - before, 1, 30);
	}
	rig_pass(r, 1);
	assert_int_equal(r->health_checks, 100);
	rig_pass(r, SEC(20)); /* the second round, and some of the third */
	assert_in_range(r->health_checks, 200, 300);
	rig_end(&r);
}

static void
a_failed_health_check_takes_the_connection_out(void **state)
{
	struct rig *r = begin(1);

	(void)state;
	r->policy.health_interval = SEC(1);
	r->checks[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(1));
	assert_int_equal(r->events[EVENT_HEALTH_CHECK_FAILED], 1);
	assert_int_equal(r->stats.online, 0);
	assert_int_equal(r->open, 0);
	rig_end(&r);
}

static void
a_check_without_answer_ends_with_health_check_timeout(void **state)
{
	struct rig *r = begin(1);

	(void)state;
	r->policy.health_interval = SEC(1);
	r->checks[0] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(4) - 1);
	assert_int_equal(r->stats.counts[SLOT_CHECKING], 1);
	rig_pass(r, 1);
	assert_int_equal(r->stats.counts[SLOT_CHECKING], 0);
	assert_int_equal(r->events[EVENT_HEALTH_CHECK_FAILED], 1);
	rig_end(&r);
}

static void
a_released_connection_is_had_again_only_after_its_check(void **state)
{
	struct rig *r = begin(1);
	uint64_t c, next;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(1));
	c = rig_claim(r);
	next = rig_claim(r);
	r->checks[0] = RIG_STUCK;
	rig_release(r, c, CLAIM_END_OK);
	assert_true(rig_waits(r, next));
	assert_int_equal(r->stats.counts[SLOT_CHECKING], 1);
	pool_on_checked(r->pool, r->conns[0].ref, NULL, r->now_us);
	rig_turn(r);
	assert_true(rig_has(r, next));
	r->checks[0] = RIG_UP;
	rig_end(&r);
}

static void
a_connection_that_comes_back_dirty_is_made_anew_at_once(void **state)
{
	struct rig *r = begin(1);
	unsigned connects;
	uint64_t c;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(1));
	c = rig_claim(r);
	connects = r->all_connects;
	r->checks[0] = RIG_STUCK;
	rig_release(r, c, CLAIM_END_OK);
	r->checks[0] = RIG_UP;
	pool_on_dirty(r->pool, r->conns[0].ref, "bytes left", r->now_us);
	rig_turn(r);
	assert_int_equal(r->all_connects, connects + 1);
	assert_int_equal(r->stats.online, 1);
	rig_end(&r);
}

/* Breaks a connection of that age, whose attempts had failed six times in a row
 * before it, and says how long the next one waits when it fails too. */
static uint64_t
wait_after_a_break_at(uint64_t age_us)
{
	struct rig *r = begin(1);
	uint64_t wait_us;
	unsigned connects;

	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(20 + 40 + 80 + 160 + 320));
	assert_int_equal(r->connects[0], 6);
	r->moods[0] = RIG_UP;
	rig_pass(r, MS(640));
	assert_int_equal(r->open, 1);
	rig_pass(r, age_us);
	connects = r->connects[0];
	r->moods[0] = RIG_DOWN;
	rig_release(r, rig_claim(r), CLAIM_END_BROKEN);
	assert_int_equal(r->connects[0], connects + 1); /* at once, however */
	wait_us = r->stats.next_retry_us;
	rig_end(&r);
	return wait_us;
}

static void
a_young_connection_that_is_broken_does_not_end_the_row_of_failures(void **state)
{
	(void)state;
	assert_int_equal(wait_after_a_break_at(0), MS(1280));
	assert_int_equal(wait_after_a_break_at(SEC(1) - 1), MS(1280));
	assert_int_equal(wait_after_a_break_at(SEC(1)), MS(20));
}

static void
a_claimed_connection_that_dies_is_no_proof_of_life(void **state)
{
	struct rig *r = begin(1);
	uint64_t c;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	c = rig_claim(r);
	assert_int_equal(r->stats.online, 1);
	pool_on_lost(r->pool, rig_conn_of(r, c)->ref, "reset", r->now_us);
	rig_turn(r);
	assert_int_equal(r->stats.online, 0);
	assert_true(rig_has(r, c));
	rig_release(r, c, CLAIM_END_OK);
	rig_pass(r, MS(100));
	assert_int_equal(r->stats.online, 1);
	rig_end(&r);
}

static void
max_lifetime_retires_within_ten_percent_replacement_first(void **state)
{
	struct rig *r = begin(4);
	uint64_t first;

	(void)state;
	r->policy.spares_wanted = 1;
	r->policy.health_interval = NEVER;
	r->policy.max_lifetime = SEC(10);
	rig_start(r);
	rig_name(r, 0, 1);
	first = r->now_us;
	while (r->all_connects == 1) {
		rig_pass(r, MS(1));
		assert_true(r->open > 0);
	}
	assert_in_range(r->now_us - first, SEC(9), SEC(11) + MS(1));
	rig_pass(r, SEC(1000));
	assert_int_equal(r->open, 1);
	assert_int_equal(r->most_open, 2);
	assert_in_range(r->all_connects, 95, 108);
	rig_end(&r);
}

/* Connections made at that moment that are still open. */
static unsigned
open_since(const struct rig *r, uint64_t made_us)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < pool_slot_room(r->pool); i++)
		n += r->conns[i].is_open && r->conns[i].opened_us == made_us;
	return n;
}

static void
connections_made_at_one_moment_do_not_all_end_at_one(void **state)
{
	struct rig *r = begin(200);
	uint64_t made_us = r->now_us;
	unsigned left, early = 0, late = 0;

	(void)state;
	r->policy.spares_wanted = 100;
	r->policy.health_interval = NEVER;
	r->policy.max_lifetime = SEC(100);
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(90) - 1);
	left = open_since(r, made_us);
	assert_int_equal(left, 100);
	for (int i = 0; i < 20; i++) {
		rig_pass(r, SEC(1));
		assert_in_range(left - open_since(r, made_us), 0, 20);
		left = open_since(r, made_us);
		if (i == 2)
			early = 100 - left;
		if (i == 16)
			late = left;
	}
	assert_true(early > 0 && late > 0);
	rig_pass(r, 1);
	assert_int_equal(open_since(r, made_us), 0);
	assert_int_equal(r->open, 100);
	rig_end(&r);
}

static void
max_claims_per_connection_retires_replacement_first(void **state)
{
	struct rig *r = begin(4);
	uint64_t opened = 0, used = 0;

	(void)state;
	r->policy.spares_wanted = 1;
	r->policy.max_claims_per_connection = 3;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 30; i++) {
		uint64_t c = rig_claim(r);
		struct rig_conn *conn = rig_conn_of(r, c);

		used = conn->slot == opened ? used + 1 : 1;
		opened = conn->slot;
		assert_true(used <= 3);
		rig_release(r, c, CLAIM_END_OK);
		assert_true(r->open > 0);
	}
	assert_in_range(r->all_connects, 10, 14);
	rig_end(&r);
}

static void
at_the_cap_a_retired_connection_is_replaced_without_a_wait(void **state)
{
	struct rig *r = begin(1);

	(void)state;
	r->policy.max_claims_per_connection = 1;
	rig_start(r);
	rig_name(r, 0, 1);
	for (int i = 0; i < 50; i++) {
		uint64_t c = rig_claim(r);

		assert_true(rig_has(r, c));
		rig_release(r, c, CLAIM_END_OK);
	}
	assert_int_equal(r->all_connects, 51);
	assert_int_equal(r->most_open, 1);
	rig_end(&r);
}

static void
connect_rate_bounds_how_fast_new_connections_start(void **state)
{
	struct rig *r = begin(1000);

	(void)state;
	r->policy.connect_rate = 100;
	rig_start(r);
	rig_name(r, 0, 1);
	assert_in_range(r->all_connects, 10, 11); /* a tenth of a second's */
	rig_pass(r, SEC(1));
	assert_in_range(r->all_connects, 109, 112);
	rig_pass(r, SEC(4));
	assert_in_range(r->all_connects, 509, 512);
	rig_end(&r);
}

static void
never_works_for_every_policy_that_allows_it(void **state)
{
	struct rig *r = begin(2);
	uint64_t held, waiting;

	(void)state;
	for (size_t i = 0; i < policy_row_count; i++) {
		char buf[256];
		struct text why;

		text_init(&why, buf, sizeof(buf));
		if (policy_rows[i].kind == POLICY_SPAN_OR_NEVER ||
		    policy_rows[i].kind == POLICY_COUNT_OR_NEVER)
			assert_true(policy_set(
			    &r->policy, &policy_rows[i], "never", &why));
	}
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(1));
	held = rig_claim(r);
	(void)rig_claim(r);
	waiting = rig_claim(r);
	rig_pass(r, SEC(86400) * 3650);
	assert_true(rig_has(r, held));
	assert_true(rig_waits(r, waiting));
	assert_int_equal(r->health_checks, 0);
	assert_int_equal(r->all_connects, 2);
	assert_int_equal(r->events[EVENT_CLAIM_LEAK], 0);
	rig_release(r, held, CLAIM_END_OK);
	assert_true(rig_has(r, waiting));
	rig_end(&r);
}

static void
stopping_with_a_thousand_backends_in_backoff_is_immediate(void **state)
{
	struct rig *r = begin(1000);

	(void)state;
	rig_set_moods(r, RIG_DOWN);
	rig_start(r);
	rig_name(r, 0, 1000);
	rig_pass(r, SEC(20));
	assert_int_equal(r->stats.counts[SLOT_CONNECTING], 1000);
	pool_on_stop(r->pool, r->now_us);
	rig_turn(r);
	assert_true(pool_is_empty(r->pool));
	assert_true(pool_next_deadline(r->pool) == NEVER);
	rig_end(&r);
}

static void
stopping_waits_for_what_is_lent_and_for_nothing_else(void **state)
{
	struct rig *r = begin(2);
	struct claim_request request = { .wait_us = POOL_WAIT_DEFAULT };
	uint64_t held, waiting;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	held = rig_claim(r);
	(void)rig_claim(r);
	waiting = rig_claim(r);
	pool_on_stop(r->pool, r->now_us);
	rig_turn(r);
	assert_int_equal(r->claims[waiting].error, ERR_TERMINATED);
	assert_int_equal(rig_ask(r, &request), 0);
	assert_int_equal(r->claims[0].error, ERR_TERMINATED);
	assert_false(pool_is_empty(r->pool));
	rig_release(r, held, CLAIM_END_OK);
	assert_int_equal(r->stats.slots, 1);
	rig_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_failed_connect_waits_twice_as_long_each_time_up_to_the_most),
		cmocka_unit_test(spread_adds_a_random_part_to_each_wait),
		cmocka_unit_test(
		    an_attempt_without_answer_ends_with_connect_timeout),
		cmocka_unit_test(
		    a_backend_that_accepts_and_closes_at_once_is_backed_off),
		cmocka_unit_test(
		    a_connection_that_lived_for_min_uptime_ends_the_row_of_failures),
		cmocka_unit_test(
		    an_idle_connection_that_dies_is_noticed_at_once),
		cmocka_unit_test(
		    an_answer_for_a_connection_that_is_no_more_is_ignored),
		cmocka_unit_test(
		    idle_connections_are_checked_each_health_interval_plus_spread),
		cmocka_unit_test(
		    checks_of_many_connections_fall_all_over_spread),
		cmocka_unit_test(
		    a_failed_health_check_takes_the_connection_out),
		cmocka_unit_test(
		    a_check_without_answer_ends_with_health_check_timeout),
		cmocka_unit_test(
		    a_released_connection_is_had_again_only_after_its_check),
		cmocka_unit_test(
		    a_connection_that_comes_back_dirty_is_made_anew_at_once),
		cmocka_unit_test(
		    a_young_connection_that_is_broken_does_not_end_the_row_of_failures),
		cmocka_unit_test(
		    a_claimed_connection_that_dies_is_no_proof_of_life),
		cmocka_unit_test(
		    max_lifetime_retires_within_ten_percent_replacement_first),
		cmocka_unit_test(
		    connections_made_at_one_moment_do_not_all_end_at_one),
		cmocka_unit_test(
		    max_claims_per_connection_retires_replacement_first),
		cmocka_unit_test(
		    at_the_cap_a_retired_connection_is_replaced_without_a_wait),
		cmocka_unit_test(
		    connect_rate_bounds_how_fast_new_connections_start),
		cmocka_unit_test(never_works_for_every_policy_that_allows_it),
		cmocka_unit_test(
		    stopping_with_a_thousand_backends_in_backoff_is_immediate),
		cmocka_unit_test(
		    stopping_waits_for_what_is_lent_and_for_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
