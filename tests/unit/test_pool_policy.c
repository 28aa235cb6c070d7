/* A policy that changes under a running pool: what exists follows. */

#include "pool_rig.h"

/* A pool whose connections to two backends have been there for a while. */
static struct rig *
running(void)
{
	struct rig *r = rig_new();

	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(5));
	return r;
}

static void
a_shorter_health_interval_reaches_idle_connections(void **state)
{
	struct rig *r = rig_new();
	uint32_t idle;

	(void)state;
	r->policy.health_interval = NEVER;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(5));
	idle = r->stats.counts[SLOT_UNCLAIMED];
	r->policy.health_interval = SEC(3600);
	rig_set_policy(r);
	r->policy.health_interval = SEC(1);
	rig_set_policy(r);
	rig_pass(r, SEC(1) + r->policy.spread);
	assert_int_equal(r->health_checks, idle);
	/* A longer one puts no check off that is planned. */
	r->policy.health_interval = SEC(3600);
	rig_set_policy(r);
	rig_pass(r, SEC(1) + r->policy.spread);
	assert_int_equal(r->health_checks, 2 * idle);
	rig_pass(r, SEC(600));
	assert_int_equal(r->health_checks, 2 * idle);
	rig_end(&r);
}

static void
a_new_lifetime_counts_from_when_it_was_connected(void **state)
{
	struct rig *r = running();
	unsigned before = r->all_connects;
	uint32_t idle = r->stats.counts[SLOT_UNCLAIMED];

	(void)state;
	r->policy.max_lifetime = SEC(20); /* of which 5 have passed */
	rig_set_policy(r);
	rig_pass(r, SEC(12));
	assert_int_equal(r->all_connects, before);
	rig_pass(r, SEC(6));
	assert_int_equal(r->all_connects, before + idle);
	r->policy.max_lifetime = NEVER;
	rig_set_policy(r);
	rig_pass(r, SEC(600));
	assert_int_equal(r->all_connects, before + idle);
	rig_end(&r);
}

static void
a_leak_is_told_of_a_claim_that_is_already_held(void **state)
{
	struct rig *r = running();
	uint64_t claim = rig_claim(r);

	(void)state;
	rig_pass(r, SEC(2));
	r->policy.leak_after = SEC(3);
	rig_set_policy(r);
	rig_pass(r, MS(900));
	assert_int_equal(r->events[EVENT_CLAIM_LEAK], 0);
	rig_pass(r, MS(200));
	assert_int_equal(r->events[EVENT_CLAIM_LEAK], 1);
	assert_int_equal(r->stats.leaks, 1);
	rig_release(r, claim, CLAIM_END_OK);
	assert_int_equal(r->stats.leaks, 1);
	rig_end(&r);
}

/* Starts a pool that backs off for an hour, and shortens that to a second. */
static struct rig *
backing_off(uint32_t max_slots)
{
	struct rig *r = rig_new();

	r->policy.max_slots = max_slots;
	r->policy.min_connection_backoff = SEC(3600);
	r->policy.max_connection_backoff = SEC(3600);
	rig_set_moods(r, RIG_DOWN);
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(5));
	rig_set_moods(r, RIG_UP);
	r->policy.min_connection_backoff = MS(20);
	r->policy.max_connection_backoff = SEC(1);
	rig_set_policy(r);
	return r;
}

static void
a_shorter_backoff_ends_the_one_that_is_waited_out(void **state)
{
	struct rig *r = backing_off(16);

	(void)state;
	assert_int_equal(r->stats.online, 0);
	rig_pass(r, SEC(1) + r->policy.spread);
	assert_int_equal(r->stats.online, 2);
	rig_end(&r);
}

/* With one slot only one of the two has it. */
static void
a_shorter_backoff_ends_that_of_a_backend_that_waits_for_its_turn(void **state)
{
	struct rig *r = backing_off(1);

	(void)state;
	r->moods[0] = RIG_DOWN;
	rig_pass(r, 3 * SEC(1));
	assert_int_equal(r->stats.online, 1);
	assert_int_equal(rig_slots(r, 1), 1);
	rig_end(&r);
}

static void
shorter_timeouts_count_for_what_is_under_way(void **state)
{
	struct rig *r = rig_new();
	uint64_t claim;

	(void)state;
	r->has_acquire = true;
	r->policy.connect_timeout = SEC(600);
	r->policy.health_check_timeout = SEC(600);
	r->moods[1] = RIG_STUCK;
	r->checks[0] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 2);
	claim = rig_claim(r);
	rig_pass(r, SEC(5));
	assert_int_equal(r->events[EVENT_CONNECT_FAILED], 0);
	assert_int_equal(r->events[EVENT_CLAIM_ACQUIRE_FAILED], 0);
	r->policy.connect_timeout = SEC(6);
	r->policy.health_check_timeout = SEC(7);
	rig_set_policy(r);
	rig_pass(r, MS(1100));
	assert_true(r->events[EVENT_CONNECT_FAILED] > 0);
	assert_int_equal(r->events[EVENT_CLAIM_ACQUIRE_FAILED], 0);
	rig_pass(r, SEC(1));
	assert_true(r->events[EVENT_CLAIM_ACQUIRE_FAILED] > 0);
	assert_true(pool_on_cancel(r->pool, claim, r->now_us));
	rig_end(&r);
}

/* Claims that wait under a long queue's policy are still there under one with a
 * short queue and many slots: all of them have their place. */
static void
a_queue_longer_than_it_may_be_now_leaves_room_for_all(void **state)
{
	struct rig *r = rig_new();
	struct claim_request down = { .backend = "b1", .wait_us = NEVER };
	unsigned users = 0;

	(void)state;
	r->has_acquire = true;
	r->policy.isolation = ISOLATION_UID;
	r->policy.max_slots = r->policy.max_count = 2;
	r->policy.max_waiting = 1000;
	r->moods[1] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(1));
	for (; users < 1000; users++) {
		down.uid = users;
		assert_true(rig_waits(r, rig_ask(r, &down)));
	}
	assert_int_equal(rig_ask(r, &down), 0);
	r->policy.max_slots = r->policy.max_count = 1500;
	r->policy.spares_wanted = 1500;
	r->policy.max_waiting = 0;
	rig_set_policy(r);
	rig_pass(r, SEC(2));
	r->checks[0] = RIG_STUCK;
	for (; users < 2000; users++)
		assert_true(rig_waits(r, rig_claim_as(r, users)));
	r->checks[0] = RIG_UP;
	rig_pass(r, SEC(10));
	rig_end(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_shorter_health_interval_reaches_idle_connections),
	cmocka_unit_test(a_new_lifetime_counts_from_when_it_was_connected),
	cmocka_unit_test(a_leak_is_told_of_a_claim_that_is_already_held),
	cmocka_unit_test(a_shorter_backoff_ends_the_one_that_is_waited_out),
	cmocka_unit_test(
	    a_shorter_backoff_ends_that_of_a_backend_that_waits_for_its_turn),
	cmocka_unit_test(shorter_timeouts_count_for_what_is_under_way),
	cmocka_unit_test(a_queue_longer_than_it_may_be_now_leaves_room_for_all),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
