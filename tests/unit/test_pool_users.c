/* Users whose connections are their own, and what they owe each other. */

#include "pool_rig.h"

#define SLOTS 4

/* A user who asks for a connection at once when one comes back: twice as many
 * claims as slots, each held for hold_us. */
struct hog {
	uint32_t uid;
	uint64_t claims[2 * SLOTS];
	unsigned served;
};

static void
hog_turn(struct rig *r, struct hog *h)
{
	for (int i = 0; i < 2 * SLOTS; i++) {
		uint64_t *claim = &h->claims[i];

		if (rig_has(r, *claim) && r->now_us > /* held a moment */
					      r->claims[*claim].answered_us) {
			rig_release(r, *claim, CLAIM_END_OK);
			h->served++;
			*claim = 0;
		}
		if (*claim == 0)
			*claim = rig_claim_as(r, h->uid);
	}
}

static struct rig *
isolated(void)
{
	struct rig *r = rig_new();

	r->policy.isolation = ISOLATION_UID;
	r->policy.max_slots = SLOTS;
	rig_start(r);
	rig_name(r, 0, 2);
	rig_pass(r, SEC(1));
	return r;
}

static void
a_user_who_is_never_done_does_not_lock_out_another(void **state)
{
	struct rig *r = isolated();
	struct hog hog = { .uid = 1 };
	uint64_t claim, since_us;

	(void)state;
	for (int i = 0; i < 10; i++) {
		hog_turn(r, &hog);
		rig_pass(r, MS(5));
	}
	claim = rig_claim_as(r, 2);
	since_us = r->now_us;
	while (rig_waits(r, claim) && r->now_us - since_us < SEC(1)) {
		hog_turn(r, &hog);
		rig_pass(r, MS(5));
	}
	assert_true(rig_has(r, claim));
	assert_in_range(r->now_us - since_us, 0, MS(120));
	rig_end(&r);
}

/* Two who both want all of it: each gets about half, and most claims find a
 * connection that was there. */
static void
two_users_take_turns_and_connect_seldom(void **state)
{
	struct rig *r = isolated();
	struct hog a = { .uid = 1 }, b = { .uid = 2 };
	unsigned connects = r->all_connects;

	(void)state;
	for (int i = 0; i < 400; i++) {
		hog_turn(r, &a);
		hog_turn(r, &b);
		rig_pass(r, MS(5));
	}
	connects = r->all_connects - connects;
	assert_true(a.served > 500 && b.served > 500);
	assert_in_range(a.served * 100 / (a.served + b.served), 35, 65);
	assert_true(connects < (a.served + b.served) / 10);
	rig_end(&r);
}

/* A claim that only waits for one backend is owed a turn there too. */
static void
a_claim_by_name_is_not_locked_out_either(void **state)
{
	struct rig *r = isolated();
	struct hog hog = { .uid = 1 };
	struct claim_request named = {
		.uid = 2, .backend = "b1", .wait_us = SEC(10)
	};
	uint64_t claim, since_us;

	(void)state;
	r->policy.max_count = SLOTS / 2;
	rig_set_policy(r);
	for (int i = 0; i < 30; i++) {
		hog_turn(r, &hog);
		rig_pass(r, MS(5));
	}
	claim = rig_ask(r, &named);
	since_us = r->now_us;
	while (rig_waits(r, claim) && r->now_us - since_us < SEC(1)) {
		hog_turn(r, &hog);
		rig_pass(r, MS(5));
	}
	assert_true(rig_has(r, claim));
	assert_int_equal(rig_conn_of(r, claim)->backend, 1);
	rig_end(&r);
}

/* While the one that was given up cannot be made anew, no others are: a backend
 * that takes no new connections keeps those it has. */
static void
one_that_waits_costs_one_connection_at_most(void **state)
{
	struct rig *r = isolated();
	struct hog hog = { .uid = 1 };
	uint64_t claim;

	(void)state;
	for (int i = 0; i < 30; i++) {
		hog_turn(r, &hog);
		rig_pass(r, MS(5));
	}
	rig_set_moods(r, RIG_DOWN);
	claim = rig_claim_as(r, 2);
	for (int i = 0; i < 200; i++) {
		hog_turn(r, &hog);
		rig_pass(r, MS(5));
	}
	assert_true(rig_waits(r, claim));
	assert_int_equal(r->open, SLOTS - 1);
	rig_set_moods(r, RIG_UP);
	rig_pass(r, SEC(31));
	assert_true(rig_has(r, claim));
	rig_end(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_user_who_is_never_done_does_not_lock_out_another),
	cmocka_unit_test(two_users_take_turns_and_connect_seldom),
	cmocka_unit_test(a_claim_by_name_is_not_locked_out_either),
	cmocka_unit_test(one_that_waits_costs_one_connection_at_most),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
