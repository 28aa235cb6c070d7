/* Which backends are online, offline or untried, what counts as a failure of
 * theirs, and what claims make of it. */

#include "pool_rig.h"

static enum backend_state
state_of(struct rig *r, int backend)
{
	struct backend_stats s;

	assert_true(rig_backend(r, backend, &s));
	return s.state;
}

static uint64_t
failures_of(struct rig *r, int backend)
{
	struct backend_stats s;

	assert_true(rig_backend(r, backend, &s));
	return s.failures_all;
}

static void
a_backend_that_needs_no_slot_is_untried_not_offline(void **state)
{
	struct rig *r = rig_new();
	unsigned untried = 0;

	(void)state;
	r->policy.max_slots = 2;
	r->moods[3] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 3);
	rig_pass(r, SEC(1));
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(state_of(r, i), BACKEND_OFFLINE);
		untried += state_of(r, i) == BACKEND_UNTRIED;
	}
	assert_int_equal(untried, 1);
	assert_int_equal(r->stats.online, 2);
	rig_name(r, 3, 1);
	rig_pass(r, SEC(1));
	assert_int_equal(state_of(r, 3), BACKEND_OFFLINE);
	rig_end(&r);
}

/* In a pool that keeps no spares nothing is connected while nobody claims: pick
 * says what a claim would connect to. */
static void
pick_names_an_untried_backend_where_nothing_is_connected(void **state)
{
	struct rig *r = rig_new();
	const char *name, *addr;

	(void)state;
	r->policy.spares_wanted = 0;
	rig_start(r);
	assert_int_equal(
	    pool_pick(r->pool, NULL, NULL, &name, &addr), ERR_NO_BACKENDS);
	rig_name(r, 0, 1);
	assert_int_equal(r->stats.slots, 0);
	assert_int_equal(
	    pool_pick(r->pool, NULL, NULL, &name, &addr), ERR_NONE);
	assert_string_equal(name, "b0");
	r->moods[0] = RIG_DOWN;
	rig_claim(r);
	assert_int_equal(pool_pick(r->pool, NULL, NULL, &name, &addr),
	    ERR_NO_BACKENDS_ONLINE);
	rig_end(&r);
}

/* Where pick has the choice it names one that is connected. */
static void
pick_prefers_what_is_connected(void **state)
{
	struct rig *r = rig_new();
	const char *name, *addr;

	(void)state;
	r->policy.max_slots = 1;
	rig_start(r);
	rig_name(r, 0, 20);
	rig_pass(r, SEC(1));
	assert_int_equal(r->stats.online, 1);
	assert_int_equal(
	    pool_pick(r->pool, NULL, NULL, &name, &addr), ERR_NONE);
	assert_int_equal(state_of(r, rig_backend_of(name)), BACKEND_ONLINE);
	rig_end(&r);
}

static void
what_is_known_dead_keeps_no_backend_online(void **state)
{
	struct rig *r = rig_new();
	uint64_t dead, other;

	(void)state;
	r->policy.spares_wanted = 0;
	r->policy.max_slots = 2;
	r->policy.rebalance_interval = SEC(1);
	rig_start(r);
	rig_name(r, 0, 1);
	dead = rig_claim(r);
	other = rig_claim(r);
	pool_on_lost(r->pool, rig_conn_of(r, dead)->ref, "closed", r->now_us);
	rig_turn(r);
	assert_int_equal(state_of(r, 0), BACKEND_ONLINE);
	rig_release(r, other, CLAIM_END_OK);
	rig_pass(r, SEC(5)); /* nobody needs it: it is closed */
	assert_int_equal(r->stats.slots, 1);
	assert_int_equal(state_of(r, 0), BACKEND_UNTRIED);
	assert_int_equal(r->stats.online, 0);
	rig_end(&r);
}

static void
a_drained_backend_with_a_claim_out_does_not_make_others_wait(void **state)
{
	struct rig *r = rig_new();
	uint64_t held;

	(void)state;
	r->policy.when_offline = WHEN_OFFLINE_FAIL;
	r->moods[1] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(1));
	held = rig_claim(r);
	assert_int_equal(rig_conn_of(r, held)->backend, 0);
	assert_int_equal(r->stats.online, 1);
	assert_true(pool_on_drain(r->pool, "b0", true, r->now_us));
	rig_turn(r);
	assert_int_equal(r->stats.online, 0);
	assert_int_equal(rig_claim(r), 0);
	assert_int_equal(r->claims[0].error, ERR_NO_BACKENDS_ONLINE);
	assert_true(pool_on_drain(r->pool, "b0", false, r->now_us));
	rig_turn(r);
	assert_int_equal(r->stats.online, 1);
	rig_end(&r);
}

static void
draining_during_on_acquire_is_no_failure(void **state)
{
	struct rig *r = rig_new();
	uint64_t claim;

	(void)state;
	r->has_acquire = true;
	r->checks[0] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 1);
	claim = rig_claim(r);
	assert_int_equal(r->events[EVENT_SLOT_SET_CLAIM_START], 1);
	assert_true(pool_on_drain(r->pool, "b0", true, r->now_us));
	rig_turn(r);
	assert_int_equal(failures_of(r, 0), 0);
	assert_int_equal(r->events[EVENT_CLAIM_ACQUIRE_FAILED], 0);
	assert_true(rig_waits(r, claim));
	assert_true(pool_on_drain(r->pool, "b0", false, r->now_us));
	r->checks[0] = RIG_UP;
	rig_turn(r);
	assert_true(rig_has(r, claim));
	rig_end(&r);
}

/* What the backend closes in good order is none. */
static void
a_recycle_that_hangs_is_a_failure(void **state)
{
	struct rig *r = rig_new();
	uint64_t claim;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(5));
	r->checks[0] = RIG_DOWN;
	claim = rig_claim(r);
	rig_release(r, claim, CLAIM_END_OK);
	assert_int_equal(r->events[EVENT_RECYCLE_FAILED], 1);
	assert_int_equal(failures_of(r, 0), 0);
	r->checks[0] = RIG_STUCK;
	claim = rig_claim(r);
	rig_release(r, claim, CLAIM_END_OK);
	rig_pass(r, r->policy.health_check_timeout);
	assert_int_equal(r->events[EVENT_RECYCLE_FAILED], 2);
	assert_int_equal(failures_of(r, 0), 1);
	rig_end(&r);
}

/* min << failures would pass 2^64 long before the backoffs end. */
static void
a_backoff_never_shrinks_however_often_it_doubles(void **state)
{
	struct rig *r = rig_new();
	uint64_t last, gap = 0;

	(void)state;
	r->policy.spread = 0;
	r->policy.min_connection_backoff = 1 << 25;
	r->policy.max_connection_backoff = 86400ULL * 30 * US_PER_S;
	r->policy.rebalance_interval = 86400ULL * 366 * US_PER_S;
	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	last = r->connect_at_us[0];
	for (unsigned count = 1; count < 80; count++) {
		while (r->connects[0] == count)
			rig_pass(r, pool_next_deadline(r->pool) - r->now_us);
		assert_int_equal(r->connects[0], count + 1);
		assert_true(r->connect_at_us[0] - last >= gap);
		gap = r->connect_at_us[0] - last;
		last = r->connect_at_us[0];
	}
	assert_int_equal(gap, r->policy.max_connection_backoff);
	rig_end(&r);
}

static struct rig *
host(uint64_t position, int backends)
{
	struct rig *r = rig_new();

	r->host = position;
	r->policy.subset = true;
	rig_start(r);
	rig_name(r, 0, backends);
	rig_pass(r, SEC(1));
	return r;
}

/* Of 40 backends each of two hosts is connected to 16 others. */
static void
a_key_goes_to_the_same_backend_from_every_host(void **state)
{
	struct rig *a = host(0, 40), *b = host(1ULL << 63, 40);
	unsigned seen[40] = { 0 }, used = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		char key[16];
		struct claim_request q = { .key = key, .wait_us = SEC(1) };
		uint64_t at_a, at_b;

		snprintf(key, sizeof(key), "k%d", i);
		at_a = rig_ask(a, &q);
		at_b = rig_ask(b, &q);
		assert_true(rig_has(a, at_a) && rig_has(b, at_b));
		assert_int_equal(rig_conn_of(a, at_a)->backend,
		    rig_conn_of(b, at_b)->backend);
		seen[rig_conn_of(a, at_a)->backend]++;
		rig_release(a, at_a, CLAIM_END_OK);
		rig_release(b, at_b, CLAIM_END_OK);
	}
	for (int i = 0; i < 40; i++)
		used += seen[i] > 0;
	assert_true(used > 30);
	rig_end(&a);
	rig_end(&b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_backend_that_needs_no_slot_is_untried_not_offline),
	cmocka_unit_test(
	    pick_names_an_untried_backend_where_nothing_is_connected),
	cmocka_unit_test(pick_prefers_what_is_connected),
	cmocka_unit_test(what_is_known_dead_keeps_no_backend_online),
	cmocka_unit_test(
	    a_drained_backend_with_a_claim_out_does_not_make_others_wait),
	cmocka_unit_test(draining_during_on_acquire_is_no_failure),
	cmocka_unit_test(a_recycle_that_hangs_is_a_failure),
	cmocka_unit_test(a_backoff_never_shrinks_however_often_it_doubles),
	cmocka_unit_test(a_key_goes_to_the_same_backend_from_every_host),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
