#include "pool_rig.h"

/* One backend that is up, so many slots, all connected. */
static struct rig *
one_backend(uint32_t slots)
{
	struct rig *r = rig_new();

	r->policy.max_slots = r->policy.max_count = slots;
	r->policy.spares_wanted = slots;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(100));
	return r;
}

static void
a_claim_takes_an_idle_connection_at_once(void **state)
{
	struct rig *r = one_backend(2);
	uint64_t c = rig_claim(r);

	(void)state;
	assert_true(rig_has(r, c));
	assert_int_equal(r->stats.held, 1);
	rig_end(&r);
}

static void
claims_are_granted_in_the_order_in_which_they_were_asked(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t first = rig_claim(r), waiting[5], now = first;

	(void)state;
	for (int i = 0; i < 5; i++)
		waiting[i] = rig_claim(r);
	for (int i = 0; i < 5; i++) {
		assert_true(rig_waits(r, waiting[i]));
		rig_release(r, now, CLAIM_END_OK);
		now = waiting[i];
		assert_true(rig_has(r, now));
	}
	rig_end(&r);
}

static void
nobody_barges_past_the_queue(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t held = rig_claim(r), waiting = rig_claim(r), late;

	(void)state;
	/* The slot is free again before its actions are carried out, and
	 * somebody asks just then. */
	r->conns[r->claims[held].index].claim = 0;
	assert_true(pool_on_release(r->pool, held, CLAIM_END_OK, r->now_us));
	late = rig_claim(r);
	assert_true(rig_has(r, waiting));
	assert_true(rig_waits(r, late));
	rig_end(&r);
}

static void
a_claim_for_one_backend_does_not_block_the_others(void **state)
{
	struct rig *r = rig_new();
	struct claim_request only = { .wait_us = POOL_WAIT_DEFAULT,
		.backend = "b1" };
	uint64_t waiting, other;

	(void)state;
	r->moods[1] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, MS(100));
	waiting = rig_ask(r, &only);
	other = rig_claim(r);
	assert_true(rig_waits(r, waiting));
	assert_true(rig_has(r, other));
	assert_int_equal(rig_conn_of(r, other)->backend, 0);
	rig_end(&r);
}

static void
a_claim_waits_until_its_deadline_and_says_why_it_failed(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t held = rig_claim(r), waiting = rig_claim(r);

	(void)state;
	rig_pass(r, SEC(30) - 1);
	assert_true(rig_waits(r, waiting));
	rig_pass(r, 1);
	assert_int_equal(r->claims[waiting].answer, RIG_REFUSED);
	assert_int_equal(r->claims[waiting].error, ERR_ALL_CLAIMS_USED);
	assert_true(rig_has(r, held));
	rig_end(&r);
}

static void
a_claim_that_will_not_wait_fails_at_once(void **state)
{
	struct rig *r = one_backend(1);
	struct claim_request impatient = { .wait_us = 0 };
	uint64_t held = rig_ask(r, &impatient);

	(void)state;
	assert_true(rig_has(r, held));
	assert_int_equal(rig_ask(r, &impatient), 0);
	assert_int_equal(r->claims[0].error, ERR_ALL_CLAIMS_USED);
	rig_end(&r);
}

static void
without_backends_a_claim_says_so(void **state)
{
	struct rig *r = rig_new();
	struct claim_request impatient = { .wait_us = 0 };

	(void)state;
	rig_start(r);
	assert_int_equal(rig_ask(r, &impatient), 0);
	assert_int_equal(r->claims[0].error, ERR_NO_BACKENDS);
	r->moods[0] = RIG_DOWN;
	rig_name(r, 0, 1);
	assert_int_equal(rig_ask(r, &impatient), 0);
	assert_int_equal(r->claims[0].error, ERR_NO_BACKENDS_ONLINE);
	rig_end(&r);
}

static void
a_claim_for_an_unknown_backend_is_refused(void **state)
{
	struct rig *r = one_backend(1);
	struct claim_request only = { .wait_us = POOL_WAIT_DEFAULT,
		.backend = "b9" };

	(void)state;
	assert_int_equal(rig_ask(r, &only), 0);
	assert_int_equal(r->claims[0].error, ERR_NO_SUCH_BACKEND);
	rig_end(&r);
}

static void
an_abandoned_claim_costs_nothing_when_its_turn_comes(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t held = rig_claim(r), gone = rig_claim(r), next = rig_claim(r);
	unsigned connects = r->all_connects;

	(void)state;
	assert_true(pool_on_cancel(r->pool, gone, r->now_us));
	assert_false(pool_on_cancel(r->pool, gone, r->now_us));
	rig_release(r, held, CLAIM_END_OK);
	assert_true(rig_has(r, next));
	assert_int_equal(r->claims[gone].answer, RIG_NONE);
	assert_int_equal(r->stats.refused[ERR_CANCELLED], 1);
	assert_int_equal(r->all_connects, connects);
	rig_end(&r);
}

static void
a_granted_claim_cannot_be_cancelled_nor_released_twice(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t c = rig_claim(r);

	(void)state;
	assert_false(pool_on_cancel(r->pool, c, r->now_us));
	rig_release(r, c, CLAIM_END_OK);
	assert_false(pool_on_release(r->pool, c, CLAIM_END_OK, r->now_us));
	assert_false(pool_on_revoke(r->pool, c, r->now_us));
	rig_end(&r);
}

static void
the_queue_has_a_longest_length(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->policy.max_waiting = 3;
	rig_start(r);
	for (int i = 0; i < 3; i++)
		assert_true(rig_waits(r, rig_claim(r)));
	assert_int_equal(rig_claim(r), 0);
	assert_int_equal(r->claims[0].error, ERR_OVERLOADED);
	rig_end(&r);
}

static void
waiting_claims_count_as_demand(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->policy.spares_wanted = 0;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(100));
	assert_int_equal(r->stats.slots, 0);
	for (int i = 0; i < 5; i++)
		assert_true(rig_has(r, rig_claim(r)));
	assert_int_equal(r->stats.slots, 5);
	rig_end(&r);
}

static void
while_paused_claims_wait_and_their_time_runs_on(void **state)
{
	struct rig *r = one_backend(2);
	uint64_t a, b;

	(void)state;
	pool_on_pause(r->pool, true, r->now_us);
	a = rig_claim(r);
	rig_pass(r, SEC(29));
	b = rig_claim(r);
	assert_true(rig_waits(r, a) && rig_waits(r, b));
	rig_pass(r, SEC(1));
	assert_int_equal(r->claims[a].answer, RIG_REFUSED);
	assert_true(rig_waits(r, b));
	pool_on_pause(r->pool, false, r->now_us);
	rig_turn(r);
	assert_true(rig_has(r, b));
	rig_end(&r);
}

static void
a_pause_during_on_acquire_grants_nothing(void **state)
{
	struct rig *r = rig_new();
	struct rig_conn *conn = NULL;
	uint64_t c;

	(void)state;
	r->has_acquire = true;
	r->policy.max_slots = r->policy.spares_wanted = 1;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(1));
	r->checks[0] = RIG_STUCK;
	c = rig_claim(r);
	conn = &r->conns[0];
	assert_true(conn->is_checking);
	pool_on_pause(r->pool, true, r->now_us);
	pool_on_checked(r->pool, conn->ref, NULL, r->now_us);
	rig_turn(r);
	assert_true(rig_waits(r, c));
	assert_int_equal(r->stats.waiting, 1);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 1);
	r->checks[0] = RIG_UP;
	pool_on_pause(r->pool, false, r->now_us);
	rig_turn(r);
	assert_true(rig_has(r, c));
	rig_end(&r);
}

/* All that run; reason: why they failed, or NULL. */
static void
answer_checks(struct rig *r, const char *reason)
{
	for (uint32_t i = 0; i < pool_slot_room(r->pool); i++) {
		if (r->conns[i].is_checking)
			pool_on_checked(
			    r->pool, r->conns[i].ref, reason, r->now_us);
	}
	rig_turn(r);
}

static void
a_failed_on_acquire_keeps_the_place_of_its_claim(void **state)
{
	struct rig *r = rig_new();
	uint64_t held, first, second;

	(void)state;
	r->has_acquire = true;
	r->policy.max_slots = r->policy.spares_wanted = 2;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(100));
	held = rig_claim(r);
	r->checks[0] = RIG_STUCK;
	first = rig_claim(r);
	second = rig_claim(r);
	assert_int_equal(r->stats.counts[SLOT_CHECKING], 1);
	answer_checks(r, "bad");
	assert_true(rig_waits(r, first) && rig_waits(r, second));
	r->checks[0] = RIG_UP;
	rig_release(r, held, CLAIM_END_OK);
	assert_true(rig_has(r, first));
	assert_true(rig_waits(r, second));
	rig_end(&r);
}

static void
a_claim_for_one_backend_and_one_for_any_go_by_their_age(void **state)
{
	struct claim_request only = { .wait_us = POOL_WAIT_DEFAULT,
		.backend = "b0" };

	(void)state;
	for (int is_any_first = 0; is_any_first < 2; is_any_first++) {
		struct rig *r = one_backend(1);
		uint64_t held = rig_claim(r), ids[2];

		for (int i = 0; i < 2; i++)
			ids[i] = i != is_any_first ? rig_claim(r)
						   : rig_ask(r, &only);
		rig_release(r, held, CLAIM_END_OK);
		assert_true(rig_has(r, ids[0]));
		assert_true(rig_waits(r, ids[1]));
		rig_end(&r);
	}
}

static void
a_keyed_claim_leaves_a_backend_that_its_on_acquire_found_dead(void **state)
{
	struct rig *r = rig_new();
	struct claim_request keyed = { .wait_us = POOL_WAIT_DEFAULT,
		.key = "k" };
	uint64_t c;
	int home;

	(void)state;
	r->has_acquire = true;
	r->policy.max_slots = r->policy.spares_wanted = 2;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, MS(100));
	c = rig_ask(r, &keyed);
	home = rig_conn_of(r, c)->backend;
	rig_release(r, c, CLAIM_END_OK);
	r->moods[home] = r->checks[home] = RIG_DOWN;
	c = rig_ask(r, &keyed);
	assert_true(rig_has(r, c));
	assert_int_equal(rig_conn_of(r, c)->backend, 1 - home);
	rig_end(&r);
}

static void
a_key_gives_the_same_backend_while_it_is_usable(void **state)
{
	struct rig *r = rig_new();
	unsigned used = 0;

	(void)state;
	r->policy.max_slots = r->policy.spares_wanted = 16;
	rig_start(r);
	rig_name(r, 0, 8);
	rig_pass(r, MS(100));
	for (int k = 0; k < 40; k++) {
		char key[8];
		struct claim_request keyed = { .wait_us = POOL_WAIT_DEFAULT,
			.key = key };
		uint64_t a, b;

		snprintf(key, sizeof(key), "k%d", k);
		a = rig_ask(r, &keyed);
		used |= 1u << rig_conn_of(r, a)->backend;
		b = rig_ask(r, &keyed);
		assert_int_equal(
		    rig_conn_of(r, a)->backend, rig_conn_of(r, b)->backend);
		rig_release(r, a, CLAIM_END_OK);
		rig_release(r, b, CLAIM_END_OK);
	}
	assert_int_equal(used, 0xff);
	rig_end(&r);
}

static void
fail_fast_refuses_while_every_backend_is_known_to_be_down(void **state)
{
	struct rig *r = rig_new();
	uint64_t early;

	(void)state;
	r->policy.when_offline = WHEN_OFFLINE_FAIL;
	r->policy.max_slots = 4;
	r->moods[0] = r->moods[1] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 2);
	early = rig_claim(r); /* nothing is known yet */
	assert_true(rig_waits(r, early));
	rig_pass(r, SEC(3)); /* connect-timeout */
	assert_int_equal(r->claims[early].answer, RIG_REFUSED);
	assert_int_equal(r->claims[early].error, ERR_NO_BACKENDS_ONLINE);
	assert_int_equal(rig_claim(r), 0);
	assert_int_equal(r->claims[0].error, ERR_NO_BACKENDS_ONLINE);
	rig_end(&r);
}

static void
codel_drops_claims_whose_waits_stay_long(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t held, ids[200];
	unsigned dropped = 0;

	(void)state;
	r->policy.codel_target = MS(5);
	r->policy.codel_interval = MS(100);
	rig_set_policy(r);
	held = rig_claim(r);
	for (int i = 0; i < 200; i++)
		ids[i] = rig_claim(r);
	for (int i = 0; i < 100 && r->stats.waiting > 1; i++) {
		rig_pass(r, MS(10));
		rig_release(r, held, CLAIM_END_OK);
		for (int k = 0; k < 200; k++) {
			if (rig_has(r, ids[k]) &&
			    rig_conn_of(r, ids[k])->claim == ids[k])
				held = ids[k];
		}
	}
	for (int i = 0; i < 200; i++)
		dropped += r->claims[ids[i]].error == ERR_OVERLOADED;
	/* None in the first interval, then faster and faster. */
	assert_true(dropped >= 10);
	assert_true(rig_has(r, ids[0]) || r->claims[ids[0]].order > 0);
	rig_end(&r);
}

static void
codel_leaves_short_waits_alone(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t held = rig_claim(r);

	(void)state;
	r->policy.codel_target = MS(5);
	rig_set_policy(r);
	for (int i = 0; i < 200; i++) {
		uint64_t next = rig_claim(r);

		rig_pass(r, MS(4));
		rig_release(r, held, CLAIM_END_OK);
		assert_true(rig_has(r, next));
		held = next;
	}
	rig_end(&r);
}

static void
a_lease_ends_the_claim_and_its_connection(void **state)
{
	struct rig *r = one_backend(1);
	struct claim_request leased = { .wait_us = POOL_WAIT_DEFAULT,
		.lease_us = MS(50) };
	uint64_t c = rig_ask(r, &leased), next = rig_claim(r);
	unsigned connects = r->all_connects;

	(void)state;
	rig_pass(r, MS(50) - 1);
	assert_true(rig_has(r, c));
	rig_pass(r, 1);
	assert_int_equal(r->claims[c].answer, RIG_REVOKED);
	assert_true(r->claims[c].is_lease_end);
	assert_int_equal(r->all_connects, connects + 1);
	assert_true(rig_has(r, next));
	assert_false(pool_on_release(r->pool, c, CLAIM_END_OK, r->now_us));
	rig_end(&r);
}

static void
max_hold_is_the_lease_of_claims_that_ask_for_none(void **state)
{
	struct rig *r = rig_new();
	struct claim_request longer = { .wait_us = POOL_WAIT_DEFAULT,
		.lease_us = SEC(5) };
	uint64_t a, b;

	(void)state;
	r->policy.max_hold = MS(200);
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(1));
	a = rig_claim(r);
	b = rig_ask(r, &longer);
	rig_pass(r, MS(200));
	assert_int_equal(r->claims[a].answer, RIG_REVOKED);
	assert_true(rig_has(r, b));
	rig_end(&r);
}

static void
an_operator_can_revoke_a_claim(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t c = rig_claim(r), waiting = rig_claim(r);

	(void)state;
	assert_false(pool_on_revoke(r->pool, waiting, r->now_us));
	assert_true(pool_on_revoke(r->pool, c, r->now_us));
	rig_turn(r);
	assert_int_equal(r->claims[c].answer, RIG_REVOKED);
	assert_false(r->claims[c].is_lease_end);
	assert_true(rig_has(r, waiting));
	rig_end(&r);
}

static void
a_claim_held_long_is_reported_once_and_not_taken(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t c = rig_claim(r);

	(void)state;
	rig_pass(r, SEC(300) - 1);
	assert_int_equal(r->events[EVENT_CLAIM_LEAK], 0);
	rig_pass(r, SEC(600));
	assert_int_equal(r->events[EVENT_CLAIM_LEAK], 1);
	assert_true(rig_has(r, c));
	rig_end(&r);
}

static void
a_connection_of_one_user_is_never_lent_to_another(void **state)
{
	struct rig *r = rig_new();
	uint64_t a, b;
	uint64_t slot, opened;
	unsigned connects;

	(void)state;
	r->policy.isolation = ISOLATION_UID;
	r->policy.max_slots = r->policy.spares_wanted = 1;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	a = rig_claim_as(r, 1);
	slot = rig_conn_of(r, a)->slot;
	opened = rig_conn_of(r, a)->opened_us;
	rig_release(r, a, CLAIM_END_OK);
	a = rig_claim_as(r, 1);
	assert_true(rig_conn_of(r, a)->opened_us == opened);
	rig_release(r, a, CLAIM_END_OK);
	connects = r->all_connects;
	b = rig_claim_as(r, 2);
	assert_true(rig_has(r, b));
	assert_int_equal(r->all_connects, connects + 1);
	assert_true(rig_conn_of(r, b)->slot != slot ||
		    rig_conn_of(r, b)->opened_us > opened);
	rig_end(&r);
}

static void
without_isolation_a_connection_serves_everybody(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t a = rig_claim_as(r, 1);
	unsigned connects = r->all_connects;

	(void)state;
	rig_release(r, a, CLAIM_END_OK);
	assert_true(rig_has(r, rig_claim_as(r, 2)));
	assert_int_equal(r->all_connects, connects);
	rig_end(&r);
}

static void
isolation_switched_on_closes_what_was_shared(void **state)
{
	struct rig *r = one_backend(1);
	uint64_t a = rig_claim_as(r, 1);
	unsigned connects = r->all_connects;

	(void)state;
	rig_release(r, a, CLAIM_END_OK);
	r->policy.isolation = ISOLATION_UID;
	rig_set_policy(r);
	assert_int_equal(r->all_connects, connects + 1);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 1);
	rig_end(&r);
}

static void
a_client_that_keeps_its_claim_delays_nobody_else(void **state)
{
	struct rig *r = one_backend(2);
	uint64_t stuck = rig_claim(r);

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t c = rig_claim(r);

		assert_true(rig_has(r, c));
		rig_release(r, c, CLAIM_END_OK);
	}
	assert_true(rig_has(r, stuck));
	rig_end(&r);
}

static void
clients_that_break_their_connections_slow_down_nobody(void **state)
{
	struct rig *r = one_backend(1);

	(void)state;
	for (int i = 0; i < 20; i++) {
		uint64_t c = rig_claim(r);

		assert_true(rig_has(r, c));
		rig_release(
		    r, c, i % 2 == 0 ? CLAIM_END_BROKEN : CLAIM_END_GONE);
	}
	assert_int_equal(r->stats.online, 1);
	rig_end(&r);
}

static void
claims_by_name_move_with_an_address_that_is_swapped(void **state)
{
	struct rig *r = rig_new();
	struct claim_request only = { .wait_us = POOL_WAIT_DEFAULT,
		.backend = "b0" };
	struct backend_spec s;
	char name[8];
	uint64_t c;

	(void)state;
	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(100));
	c = rig_ask(r, &only);
	assert_true(rig_waits(r, c));
	r->moods[0] = RIG_UP;
	s = rig_spec(0, name);
	s.addr.ip[3] = 99;
	pool_on_backends(r->pool, &s, 1, r->now_us);
	rig_turn(r);
	rig_pass(r, MS(10));
	assert_true(rig_has(r, c));
	rig_end(&r);
}

static void
a_named_backend_that_is_removed_refuses_those_that_wait_for_it(void **state)
{
	struct rig *r = rig_new();
	struct claim_request only = { .wait_us = POOL_WAIT_DEFAULT,
		.backend = "b0" };
	uint64_t c;

	(void)state;
	r->moods[0] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 2);
	c = rig_ask(r, &only);
	rig_name(r, 1, 1);
	assert_int_equal(r->claims[c].answer, RIG_REFUSED);
	assert_int_equal(r->claims[c].error, ERR_NO_SUCH_BACKEND);
	rig_end(&r);
}

static void
two_pools_share_a_claim_table_and_its_room(void **state)
{
	struct rig *r = one_backend(1), *other = rig_new();
	struct claim_request request = { .wait_us = POOL_WAIT_DEFAULT };
	struct pool_params params = { .name = "q",
		.policy = &r->policy,
		.claims = r->table,
		.ids = &r->ids };
	struct pool *q = pool_new(&params, r->now_us);
	struct action a;
	uint64_t mine = rig_claim(r), theirs;

	(void)state;
	assert_int_equal(
	    pool_on_claim(q, &request, &theirs, r->now_us), ERR_NONE);
	assert_true(mine != theirs);
	assert_false(pool_on_release(q, mine, CLAIM_END_OK, r->now_us));
	assert_false(pool_on_cancel(r->pool, theirs, r->now_us));
	assert_true(pool_on_cancel(q, theirs, r->now_us));
	pool_on_stop(q, r->now_us);
	while (pool_next_action(q, &a))
		assert_int_equal(a.kind, ACTION_CLOSE);
	pool_free(&q);
	free(other);
	rig_end(&r);
}

/* However many connections there are whose on-acquire never ends. */
static void
a_claim_that_would_not_wait_has_the_time_of_one_on_acquire(void **state)
{
	struct claim_request at_once = { .wait_us = 0 };
	struct rig *r = rig_new();
	uint64_t claim;

	(void)state;
	r->has_acquire = true;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, MS(100));
	r->checks[0] = RIG_STUCK;
	claim = rig_ask(r, &at_once);
	rig_pass(r, r->policy.health_check_timeout / 2);
	/* One that fails sooner leaves the rest of it to the next. */
	answer_checks(r, "bad");
	assert_true(rig_waits(r, claim));
	rig_pass(r, r->policy.health_check_timeout / 2);
	assert_int_equal(r->claims[claim].answer, RIG_REFUSED);
	rig_end(&r);
}

/* It has a connection, and that is all it asked for: on-acquire has its time.
 */
static void
a_claim_that_would_not_wait_is_bounded_by_its_on_acquire(void **state)
{
	struct claim_request at_once = { .wait_us = 0 };
	struct rig *r = rig_new();
	uint64_t claim;

	(void)state;
	r->has_acquire = true;
	rig_start(r);
	rig_name(r, 0, 1);
	r->checks[0] = RIG_STUCK;
	claim = rig_ask(r, &at_once);
	rig_pass(r, MS(100));
	assert_true(rig_waits(r, claim));
	answer_checks(r, NULL);
	assert_true(rig_has(r, claim));
	/* Where all fail it is told so, and does not wait. */
	r->checks[0] = RIG_DOWN;
	claim = rig_ask(r, &at_once);
	assert_int_equal(r->claims[claim].answer, RIG_REFUSED);
	rig_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_takes_an_idle_connection_at_once),
		cmocka_unit_test(
		    claims_are_granted_in_the_order_in_which_they_were_asked),
		cmocka_unit_test(nobody_barges_past_the_queue),
		cmocka_unit_test(
		    a_claim_for_one_backend_does_not_block_the_others),
		cmocka_unit_test(
		    a_claim_waits_until_its_deadline_and_says_why_it_failed),
		cmocka_unit_test(a_claim_that_will_not_wait_fails_at_once),
		cmocka_unit_test(without_backends_a_claim_says_so),
		cmocka_unit_test(a_claim_for_an_unknown_backend_is_refused),
		cmocka_unit_test(
		    an_abandoned_claim_costs_nothing_when_its_turn_comes),
		cmocka_unit_test(
		    a_granted_claim_cannot_be_cancelled_nor_released_twice),
		cmocka_unit_test(the_queue_has_a_longest_length),
		cmocka_unit_test(waiting_claims_count_as_demand),
		cmocka_unit_test(
		    while_paused_claims_wait_and_their_time_runs_on),
		cmocka_unit_test(a_pause_during_on_acquire_grants_nothing),
		cmocka_unit_test(
		    a_failed_on_acquire_keeps_the_place_of_its_claim),
		cmocka_unit_test(
		    a_claim_for_one_backend_and_one_for_any_go_by_their_age),
		cmocka_unit_test(
		    a_keyed_claim_leaves_a_backend_that_its_on_acquire_found_dead),
		cmocka_unit_test(
		    a_key_gives_the_same_backend_while_it_is_usable),
		cmocka_unit_test(
		    fail_fast_refuses_while_every_backend_is_known_to_be_down),
		cmocka_unit_test(codel_drops_claims_whose_waits_stay_long),
		cmocka_unit_test(codel_leaves_short_waits_alone),
		cmocka_unit_test(a_lease_ends_the_claim_and_its_connection),
		cmocka_unit_test(
		    max_hold_is_the_lease_of_claims_that_ask_for_none),
		cmocka_unit_test(an_operator_can_revoke_a_claim),
		cmocka_unit_test(
		    a_claim_held_long_is_reported_once_and_not_taken),
		cmocka_unit_test(
		    a_connection_of_one_user_is_never_lent_to_another),
		cmocka_unit_test(
		    without_isolation_a_connection_serves_everybody),
		cmocka_unit_test(isolation_switched_on_closes_what_was_shared),
		cmocka_unit_test(
		    a_client_that_keeps_its_claim_delays_nobody_else),
		cmocka_unit_test(
		    clients_that_break_their_connections_slow_down_nobody),
		cmocka_unit_test(
		    claims_by_name_move_with_an_address_that_is_swapped),
		cmocka_unit_test(
		    a_named_backend_that_is_removed_refuses_those_that_wait_for_it),
		cmocka_unit_test(two_pools_share_a_claim_table_and_its_room),
		cmocka_unit_test(
		    a_claim_that_would_not_wait_is_bounded_by_its_on_acquire),
		cmocka_unit_test(
		    a_claim_that_would_not_wait_has_the_time_of_one_on_acquire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
