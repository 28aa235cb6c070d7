#include "pool_rig.h"

static struct rig *
begin(uint32_t slots, uint32_t spares)
{
	struct rig *r = rig_new();

	r->policy.max_slots = r->policy.max_count = slots;
	r->policy.spares_wanted = spares;
	return r;
}

static void
sixteen_slots_over_three_backends_are_never_eighteen(void **state)
{
	struct rig *r = begin(16, 16);
	uint64_t ids[20];

	(void)state;
	rig_start(r);
	rig_name(r, 0, 3);
	rig_pass(r, SEC(200));
	assert_int_equal(r->stats.slots, 16);
	for (int b = 0; b < 3; b++)
		assert_in_range(rig_slots(r, b), 5, 6);
	for (int i = 0; i < 20; i++)
		ids[i] = rig_claim(r);
	rig_lose(r, 0);
	rig_pass(r, SEC(10));
	for (int i = 0; i < 16; i++)
		rig_release(r, ids[i], CLAIM_END_BROKEN);
	rig_pass(r, SEC(100));
	assert_true(r->most_slots <= 16 && r->most_open <= 16);
	rig_end(&r);
}

static void
a_hundred_offline_backends_do_not_starve_the_one_that_works(void **state)
{
	struct rig *r = begin(16, 16);
	unsigned connects;
	uint64_t ids[16];

	(void)state;
	rig_set_moods(r, RIG_DOWN);
	r->moods[50] = RIG_UP;
	rig_start(r);
	rig_name(r, 0, 101);
	rig_pass(r, SEC(200));
	assert_true(rig_slots(r, 50) >= 15);
	connects = r->connects[50];
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 15; i++) {
			ids[i] = rig_claim(r);
			assert_true(rig_has(r, ids[i]));
		}
		rig_pass(r, SEC(20));
		for (int i = 0; i < 15; i++)
			rig_release(r, ids[i], CLAIM_END_OK);
	}
	/* Nor does probing make it reconnect. */
	assert_int_equal(r->connects[50], connects);
	assert_true(r->most_slots <= 16);
	rig_end(&r);
}

static void
more_offline_backends_than_room_take_turns(void **state)
{
	struct rig *r = begin(4, 4);
	unsigned least = UINT32_MAX, most = 0;

	(void)state;
	rig_set_moods(r, RIG_DOWN);
	r->moods[0] = RIG_UP;
	r->policy.max_connection_backoff = SEC(1);
	rig_start(r);
	rig_name(r, 0, 21);
	rig_pass(r, SEC(300));
	for (int b = 1; b < 21; b++) {
		unsigned n = r->connects[b];

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	assert_true(least > 10);
	assert_true(most <= 2 * least);
	rig_end(&r);
}

static void
an_offline_backend_has_one_slot_and_gets_its_share_back(void **state)
{
	struct rig *r = begin(16, 16);

	(void)state;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	r->moods[1] = RIG_DOWN;
	rig_lose(r, 1);
	rig_pass(r, SEC(5));
	assert_int_equal(rig_slots(r, 1), 1);
	assert_int_equal(rig_slots(r, 0), 15);
	r->moods[1] = RIG_UP;
	rig_pass(r, SEC(100));
	assert_int_equal(rig_slots(r, 1), 8);
	assert_int_equal(rig_slots(r, 0), 8);
	assert_true(r->most_slots <= 16);
	rig_end(&r);
}

static void
a_backend_returns_in_full_beside_dead_connections_of_it(void **state)
{
	struct rig *r = begin(8, 8);
	uint64_t a, b;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	a = rig_claim(r);
	b = rig_claim(r);
	rig_lose(r, 0);
	assert_int_equal(r->stats.online, 0);
	rig_pass(r, SEC(100));
	assert_true(rig_has(r, a) && rig_has(r, b));
	assert_int_equal(r->stats.slots, 8);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 6);
	rig_end(&r);
}

static void
a_backend_full_of_dead_claims_gets_no_slot_above_its_cap(void **state)
{
	struct rig *r = begin(8, 8);
	uint64_t c;

	(void)state;
	r->policy.max_count = 1;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	c = rig_claim(r);
	rig_lose(r, 0);
	rig_pass(r, SEC(100));
	assert_int_equal(r->stats.slots, 1);
	rig_release(r, c, CLAIM_END_OK);
	rig_pass(r, SEC(1));
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 1);
	rig_end(&r);
}

static void
an_offline_backend_is_tried_again_after_a_smaller_cap(void **state)
{
	struct rig *r = begin(4, 4);

	(void)state;
	r->moods[1] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	r->policy.max_slots = 2;
	rig_set_policy(r);
	r->moods[1] = RIG_UP;
	rig_pass(r, SEC(100));
	assert_int_equal(r->stats.online, 2);
	rig_end(&r);
}

static void
an_offline_backend_is_tried_again_after_a_drain(void **state)
{
	struct rig *r = begin(4, 4);

	(void)state;
	r->moods[1] = RIG_DOWN;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	assert_true(pool_on_drain(r->pool, "b1", true, r->now_us));
	rig_pass(r, SEC(2));
	assert_int_equal(rig_slots(r, 1), 0);
	r->moods[1] = RIG_UP;
	assert_true(pool_on_drain(r->pool, "b1", false, r->now_us));
	rig_pass(r, SEC(100));
	assert_int_equal(r->stats.online, 2);
	rig_end(&r);
}

/* More clients than slots, so that nothing is ever idle: each keeps what it has
 * for a moment, gives it back and asks again. */
#define CLIENTS 24

struct crowd {
	uint64_t claims[CLIENTS];
	int next;
};

static void
crowd_rush(struct crowd *c, struct rig *r, int turns)
{
	for (int i = 0; i < turns; i++) {
		uint64_t *claim = &c->claims[c->next++ % CLIENTS];

		if (rig_has(r, *claim))
			rig_release(r, *claim, CLAIM_END_OK);
		if (!rig_waits(r, *claim))
			*claim = rig_claim(r);
		rig_pass(r, MS(5));
	}
}

static void
a_backend_that_returns_gets_its_share_though_nothing_is_idle(void **state)
{
	struct rig *r = begin(8, 2);
	struct crowd crowd = { .next = 0 };

	(void)state;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	crowd_rush(&crowd, r, 100);
	r->moods[1] = RIG_DOWN;
	rig_lose(r, 1);
	crowd_rush(&crowd, r, 200);
	assert_int_equal(rig_slots(r, 0), 7);
	r->moods[1] = RIG_UP;
	crowd_rush(&crowd, r, 1000);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 0);
	assert_int_equal(rig_slots(r, 0), 4);
	assert_int_equal(rig_slots(r, 1), 4);
	assert_true(r->most_slots <= 8 && r->most_open <= 8);
	rig_end(&r);
}

static void
a_new_backend_gets_its_share_though_nothing_is_idle(void **state)
{
	struct rig *r = begin(8, 2);
	struct crowd crowd = { .next = 0 };
	unsigned connects;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	crowd_rush(&crowd, r, 100);
	rig_name(r, 0, 2);
	crowd_rush(&crowd, r, 200);
	assert_int_equal(rig_slots(r, 0), 4);
	assert_int_equal(rig_slots(r, 1), 4);
	connects = r->all_connects;
	crowd_rush(&crowd, r, 500);
	assert_int_equal(r->all_connects, connects);
	rig_end(&r);
}

static void
new_backends_that_are_down_take_one_slot_of_a_busy_pool(void **state)
{
	struct rig *r = begin(8, 2);
	struct crowd crowd = { .next = 0 };

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	crowd_rush(&crowd, r, 100);
	rig_set_moods(r, RIG_STUCK);
	rig_name(r, 0, 30);
	for (int i = 0; i < 100; i++) {
		crowd_rush(&crowd, r, 10);
		assert_in_range(rig_slots(r, 0), 7, 8);
	}
	rig_end(&r);
}

static void
a_backend_not_yet_tried_costs_no_connection_in_its_place(void **state)
{
	struct rig *r = begin(4, 4);
	unsigned connects;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 3; i++)
		assert_true(rig_has(r, rig_claim(r)));
	rig_name(r, 0, 3);
	rig_pass(r, SEC(10));
	connects = r->all_connects;
	assert_int_equal(rig_slots(r, 0), 3);
	rig_pass(r, SEC(1000));
	assert_int_equal(r->all_connects, connects);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 1);
	rig_end(&r);
}

/* One attempt at a backend that is stuck is answered: it has connected. How
 * many were answered. */
static unsigned
answer_one(struct rig *r, int backend)
{
	for (uint32_t i = 0; i < pool_slot_room(r->pool); i++) {
		struct rig_conn *c = &r->conns[i];

		if (!c->is_trying || c->backend != backend)
			continue;
		c->is_trying = false;
		c->is_open = true;
		c->opened_us = r->now_us;
		r->open++;
		pool_on_connected(r->pool, c->ref, r->now_us);
		rig_turn(r);
		return 1;
	}
	return 0;
}

static void
a_rebalance_opens_before_it_closes_where_there_is_room(void **state)
{
	struct rig *r = begin(16, 8);
	unsigned answered = 0;

	(void)state;
	r->moods[1] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	rig_name(r, 0, 2);
	for (int i = 0; i < 20; i++) {
		rig_pass(r, SEC(1)); /* long enough for all that is due */
		assert_in_range(r->open, 8, 12);
		answered += answer_one(r, 1);
		assert_in_range(r->open, 8, 12);
	}
	assert_int_equal(answered, 4);
	assert_int_equal(rig_slots(r, 0), 4);
	assert_int_equal(rig_slots(r, 1), 4);
	assert_int_equal(r->connects[0], 8);
	rig_end(&r);
}

static void
a_rebalance_closes_before_it_opens_where_there_is_no_room(void **state)
{
	struct rig *r = begin(8, 8);

	(void)state;
	r->moods[1] = RIG_STUCK;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	rig_name(r, 0, 2);
	for (int i = 0; i < 20; i++) {
		rig_pass(r, SEC(1));
		(void)answer_one(r, 1);
		assert_in_range(r->open, 4, 8);
	}
	assert_int_equal(rig_slots(r, 0), 4);
	assert_int_equal(rig_slots(r, 1), 4);
	assert_int_equal(r->most_slots, 8);
	rig_end(&r);
}

static void
spares_are_kept_between_rebalances(void **state)
{
	struct rig *r = begin(16, 4);

	(void)state;
	r->policy.rebalance_interval = SEC(3600);
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(1));
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 4);
	for (int i = 0; i < 6; i++)
		assert_true(rig_has(r, rig_claim(r)));
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 4);
	assert_int_equal(r->stats.slots, 10);
	rig_end(&r);
}

static void
a_pool_shrinks_only_at_a_rebalance_and_not_below_its_peak(void **state)
{
	struct rig *r = begin(16, 2);
	uint64_t ids[10];

	(void)state;
	r->policy.rebalance_interval = SEC(60);
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(65));
	for (int i = 0; i < 10; i++)
		ids[i] = rig_claim(r);
	for (int i = 0; i < 10; i++)
		rig_release(r, ids[i], CLAIM_END_OK);
	assert_int_equal(r->stats.slots, 12);
	rig_pass(r, SEC(50));
	assert_int_equal(r->stats.slots, 12);
	rig_pass(r, SEC(10)); /* one rebalance: ten were in use before it */
	assert_int_equal(r->stats.slots, 10);
	rig_pass(r, SEC(60));
	assert_int_equal(r->stats.slots, 2);
	rig_end(&r);
}

static void
shrinking_closes_cold_connections_not_the_hot_ones(void **state)
{
	struct rig *r = begin(16, 1);
	uint64_t ids[8];
	uint64_t hot = 0;

	(void)state;
	r->policy.health_interval = NEVER;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(1));
	for (int i = 0; i < 8; i++)
		ids[i] = rig_claim(r);
	for (int i = 0; i < 8; i++)
		rig_release(r, ids[i], CLAIM_END_OK);
	for (int i = 0; i < 200; i++) {
		uint64_t c = rig_claim(r);

		assert_true(hot == 0 || rig_conn_of(r, c)->slot == hot);
		hot = rig_conn_of(r, c)->slot;
		rig_release(r, c, CLAIM_END_OK);
		rig_pass(r, SEC(1));
	}
	assert_in_range(r->stats.slots, 1, 2);
	rig_end(&r);
}

static void
a_smaller_cap_is_reached_as_claims_come_back(void **state)
{
	struct rig *r = begin(8, 8);
	uint64_t ids[8];
	unsigned connects;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 8; i++)
		ids[i] = rig_claim(r);
	connects = r->all_connects;
	r->policy.max_slots = 3;
	rig_set_policy(r);
	assert_int_equal(r->stats.slots, 8);
	for (int i = 0; i < 8; i++) {
		rig_release(r, ids[i], i % 2 ? CLAIM_END_OK : CLAIM_END_BROKEN);
		assert_int_equal(r->stats.slots, i < 5 ? 7 - i : 3);
		assert_true(i >= 5 || r->all_connects == connects);
	}
	rig_end(&r);
}

static void
a_check_that_fails_above_a_smaller_cap_opens_nothing(void **state)
{
	struct rig *r = begin(2, 2);
	uint64_t a, b;
	unsigned connects;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	a = rig_claim(r);
	b = rig_claim(r);
	r->checks[0] = RIG_STUCK;
	rig_release(r, a, CLAIM_END_OK);
	r->policy.max_slots = 1;
	rig_set_policy(r);
	connects = r->all_connects;
	rig_pass(r, SEC(3)); /* the check's bound */
	assert_int_equal(r->all_connects, connects);
	assert_int_equal(r->stats.slots, 1);
	assert_true(rig_has(r, b));
	r->checks[0] = RIG_UP;
	rig_end(&r);
}

static void
a_removed_backend_counts_until_its_claims_return(void **state)
{
	struct rig *r = begin(4, 4);
	uint64_t ids[4];

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 4; i++)
		ids[i] = rig_claim(r);
	rig_name(r, 1, 1);
	rig_pass(r, SEC(10));
	assert_int_equal(r->stats.slots, 4);
	assert_int_equal(rig_slots(r, 1), 0);
	rig_release(r, ids[0], CLAIM_END_OK);
	rig_pass(r, SEC(1));
	assert_int_equal(rig_slots(r, 0), 3);
	assert_int_equal(rig_slots(r, 1), 1);
	assert_int_equal(r->most_slots, 4);
	rig_end(&r);
}

static void
a_backend_that_goes_and_comes_does_not_count_double(void **state)
{
	struct rig *r = begin(4, 2);
	struct backend_stats s;
	uint64_t a, b;
	size_t at = 0;
	unsigned sets = 0;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	a = rig_claim(r);
	b = rig_claim(r);
	rig_name(r, 0, 0);
	assert_int_equal(r->stats.backends, 0);
	assert_int_equal(r->stats.slots, 2);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	while (pool_next_backend(r->pool, r->now_us, &at, &s))
		sets++;
	assert_int_equal(sets, 1);
	assert_int_equal(r->stats.backends, 1);
	assert_int_equal(r->stats.slots, 4);
	assert_true(rig_has(r, a) && rig_has(r, b));
	rig_end(&r);
}

static void
a_removed_backend_gets_no_new_claim(void **state)
{
	struct rig *r = begin(8, 8);

	(void)state;
	r->has_acquire = true;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	rig_name(r, 1, 1);
	for (int i = 0; i < 8; i++) {
		uint64_t c = rig_claim(r);

		rig_pass(r, MS(100));
		assert_int_equal(rig_conn_of(r, c)->backend, 1);
	}
	rig_end(&r);
}

static void
a_drained_backend_gets_no_new_claim_and_keeps_its_old_ones(void **state)
{
	struct rig *r = begin(8, 8);
	struct backend_stats s;
	uint64_t held[8], c;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 8; i++)
		held[i] = rig_claim(r);
	assert_false(pool_on_drain(r->pool, "b7", true, r->now_us));
	assert_true(pool_on_drain(r->pool, "b0", true, r->now_us));
	rig_turn(r);
	assert_true(rig_backend(r, 0, &s));
	assert_int_equal(s.state, BACKEND_DRAINING);
	for (int i = 0; i < 8; i++) {
		rig_release(r, held[i], CLAIM_END_OK);
		rig_pass(r, MS(10));
		c = rig_claim(r);
		if (rig_has(r, c))
			assert_int_equal(rig_conn_of(r, c)->backend, 1);
	}
	assert_int_equal(rig_slots(r, 0), 0);
	rig_end(&r);
}

static void
an_address_swapped_under_one_name_is_another_backend(void **state)
{
	struct rig *r = begin(4, 4);
	struct backend_spec s;
	struct backend_stats b;
	char name[8];

	(void)state;
	rig_start(r);
	rig_name(r, 0, 1);
	rig_pass(r, SEC(2));
	s = rig_spec(0, name);
	s.addr.ip[3] = 42;
	pool_on_backends(r->pool, &s, 1, r->now_us);
	rig_turn(r);
	rig_pass(r, SEC(2));
	assert_true(rig_backend(r, 0, &b));
	assert_string_equal(b.addr_text, "10.0.0.42:7000");
	assert_int_equal(r->stats.slots, 4);
	assert_int_equal(r->stats.backends, 1);
	rig_end(&r);
}

/* Names b0 and b1 with these priorities and weights. */
static void
name_two(struct rig *r, uint16_t p0, uint16_t w0, uint16_t p1, uint16_t w1)
{
	struct backend_spec s[2];
	char names[2][8];

	for (int i = 0; i < 2; i++)
		s[i] = rig_spec(i, names[i]);
	s[0].priority = p0;
	s[0].weight = w0;
	s[1].priority = p1;
	s[1].weight = w1;
	pool_on_backends(r->pool, s, 2, r->now_us);
	rig_turn(r);
}

static void
slots_go_in_proportion_to_weight(void **state)
{
	struct rig *r = begin(16, 16);

	(void)state;
	rig_start(r);
	name_two(r, 0, 3, 0, 1);
	rig_pass(r, SEC(200));
	assert_int_equal(rig_slots(r, 0), 12);
	assert_int_equal(rig_slots(r, 1), 4);
	rig_end(&r);
}

static void
the_lowest_priority_is_used_first_and_the_next_when_it_is_down(void **state)
{
	struct rig *r = begin(8, 8);
	uint64_t c;

	(void)state;
	rig_start(r);
	name_two(r, 10, 1, 20, 1);
	rig_pass(r, SEC(200));
	assert_int_equal(rig_slots(r, 0), 8);
	assert_int_equal(rig_slots(r, 1), 0);
	r->moods[0] = RIG_DOWN;
	rig_lose(r, 0);
	rig_pass(r, SEC(5));
	assert_int_equal(rig_slots(r, 0), 1);
	assert_int_equal(rig_slots(r, 1), 7);
	c = rig_claim(r);
	assert_int_equal(rig_conn_of(r, c)->backend, 1);
	rig_release(r, c, CLAIM_END_OK);
	r->moods[0] = RIG_UP;
	rig_pass(r, SEC(300));
	assert_int_equal(rig_slots(r, 0), 8);
	assert_int_equal(rig_slots(r, 1), 0);
	rig_end(&r);
}

static void
a_busy_backend_is_not_scored_as_a_failing_one(void **state)
{
	struct rig *r = begin(8, 8);
	struct backend_stats s;
	uint64_t ids[8];

	(void)state;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 8; i++)
			ids[i] = rig_claim(r);
		(void)pool_on_cancel(r->pool, rig_claim(r), r->now_us);
		for (int i = 0; i < 8; i++)
			rig_release(r, ids[i], CLAIM_END_OK);
	}
	for (int b = 0; b < 2; b++) {
		assert_true(rig_backend(r, b, &s));
		assert_int_equal(s.failures, 0);
		assert_int_equal(s.claims, 200);
	}
	rig_end(&r);
}

static void
recent_failures_count_against_a_backend_and_are_forgotten(void **state)
{
	struct rig *r = begin(8, 8);
	struct backend_stats s;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 5; i++) {
		rig_lose(r, 0);
		rig_pass(r, SEC(2));
	}
	assert_true(rig_backend(r, 0, &s));
	assert_true(s.failures > 0);
	for (int i = 0; i < 10; i++) {
		uint64_t c = rig_claim(r);

		assert_int_equal(rig_conn_of(r, c)->backend, 1);
		rig_release(r, c, CLAIM_END_OK);
	}
	rig_pass(r, SEC(70));
	assert_true(rig_backend(r, 0, &s));
	assert_int_equal(s.failures, 0);
	rig_end(&r);
}

/* Claims that are held at the same time, of so many, that a backend has. */
static int
had_of(struct rig *r, int backend, int count)
{
	uint64_t claims[64];
	int had = 0;

	for (int i = 0; i < count; i++) {
		claims[i] = rig_claim(r);
		had += rig_conn_of(r, claims[i])->backend == backend;
	}
	for (int i = 0; i < count; i++)
		rig_release(r, claims[i], CLAIM_END_OK);
	return had;
}

static void
a_backend_that_was_started_anew_is_used_at_once(void **state)
{
	struct rig *r = begin(24, 24);
	struct backend_stats s;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 3);
	rig_pass(r, SEC(2));
	r->moods[0] = RIG_DOWN;
	rig_lose(r, 0);
	rig_pass(r, SEC(5));
	r->moods[0] = RIG_UP;
	rig_pass(r, SEC(15));
	assert_true(rig_backend(r, 0, &s));
	assert_true(s.failures > 10 && s.counts[SLOT_UNCLAIMED] == 8);
	assert_in_range(had_of(r, 0, 9), 1, 3);
	rig_end(&r);
}

static void
a_backend_that_comes_and_goes_is_used_less(void **state)
{
	struct rig *r = begin(24, 24);
	struct backend_stats s;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 3);
	rig_pass(r, SEC(2));
	for (int i = 0; i < 5; i++) {
		r->moods[0] = RIG_DOWN;
		rig_lose(r, 0);
		rig_pass(r, SEC(1));
		r->moods[0] = RIG_UP;
		rig_pass(r, SEC(6));
	}
	assert_true(rig_backend(r, 0, &s));
	assert_int_equal(s.state, BACKEND_ONLINE);
	assert_int_equal(had_of(r, 0, 9), 0);
	rig_end(&r);
}

static void
each_host_uses_its_own_backends_when_there_are_more_than_slots(void **state)
{
	struct rig *r = begin(4, 4);
	struct backend_stats s;
	size_t at = 0;
	unsigned used = 0, most = 0;

	(void)state;
	rig_start(r);
	rig_name(r, 0, 40);
	rig_pass(r, SEC(200));
	while (pool_next_backend(r->pool, r->now_us, &at, &s)) {
		used += s.counts[SLOT_UNCLAIMED] > 0;
		most = s.counts[SLOT_UNCLAIMED] > most
			   ? s.counts[SLOT_UNCLAIMED]
			   : most;
	}
	assert_int_equal(r->stats.slots, 4);
	assert_int_equal(used, 4);
	assert_int_equal(most, 1);
	rig_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    sixteen_slots_over_three_backends_are_never_eighteen),
		cmocka_unit_test(
		    a_hundred_offline_backends_do_not_starve_the_one_that_works),
		cmocka_unit_test(more_offline_backends_than_room_take_turns),
		cmocka_unit_test(
		    an_offline_backend_has_one_slot_and_gets_its_share_back),
		cmocka_unit_test(
		    a_backend_returns_in_full_beside_dead_connections_of_it),
		cmocka_unit_test(
		    a_backend_full_of_dead_claims_gets_no_slot_above_its_cap),
		cmocka_unit_test(
		    an_offline_backend_is_tried_again_after_a_smaller_cap),
		cmocka_unit_test(
		    an_offline_backend_is_tried_again_after_a_drain),
		cmocka_unit_test(
		    a_backend_not_yet_tried_costs_no_connection_in_its_place),
		cmocka_unit_test(
		    a_backend_that_returns_gets_its_share_though_nothing_is_idle),
		cmocka_unit_test(
		    a_new_backend_gets_its_share_though_nothing_is_idle),
		cmocka_unit_test(
		    new_backends_that_are_down_take_one_slot_of_a_busy_pool),
		cmocka_unit_test(
		    a_rebalance_opens_before_it_closes_where_there_is_room),
		cmocka_unit_test(
		    a_rebalance_closes_before_it_opens_where_there_is_no_room),
		cmocka_unit_test(spares_are_kept_between_rebalances),
		cmocka_unit_test(
		    a_pool_shrinks_only_at_a_rebalance_and_not_below_its_peak),
		cmocka_unit_test(
		    shrinking_closes_cold_connections_not_the_hot_ones),
		cmocka_unit_test(a_smaller_cap_is_reached_as_claims_come_back),
		cmocka_unit_test(
		    a_check_that_fails_above_a_smaller_cap_opens_nothing),
		cmocka_unit_test(
		    a_removed_backend_counts_until_its_claims_return),
		cmocka_unit_test(
		    a_backend_that_goes_and_comes_does_not_count_double),
		cmocka_unit_test(a_removed_backend_gets_no_new_claim),
		cmocka_unit_test(
		    a_drained_backend_gets_no_new_claim_and_keeps_its_old_ones),
		cmocka_unit_test(
		    an_address_swapped_under_one_name_is_another_backend),
		cmocka_unit_test(slots_go_in_proportion_to_weight),
		cmocka_unit_test(
		    the_lowest_priority_is_used_first_and_the_next_when_it_is_down),
		cmocka_unit_test(a_busy_backend_is_not_scored_as_a_failing_one),
		cmocka_unit_test(
		    recent_failures_count_against_a_backend_and_are_forgotten),
		cmocka_unit_test(
		    a_backend_that_was_started_anew_is_used_at_once),
		cmocka_unit_test(a_backend_that_comes_and_goes_is_used_less),
		cmocka_unit_test(
		    each_host_uses_its_own_backends_when_there_are_more_than_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
