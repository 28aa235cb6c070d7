/* Priorities and weights of SRV records (RFC 2782): which tier keys and picks
 * go to, and what a weight of 0 is worth. */

#include "pool_rig.h"

struct record {
	uint16_t priority, weight;
};

#define RECORDS_MOST 8

/* Names backends b0, b1, ... with these priorities and weights. */
static void
name_records(struct rig *r, const struct record *records, size_t count)
{
	struct backend_spec specs[RECORDS_MOST];
	char names[RECORDS_MOST][8];

	assert_true(count <= RECORDS_MOST);
	for (size_t i = 0; i < count; i++) {
		specs[i] = rig_spec((int)i, names[i]);
		specs[i].priority = records[i].priority;
		specs[i].weight = records[i].weight;
	}
	pool_on_backends(r->pool, specs, count, r->now_us);
	rig_turn(r);
}

static struct rig *
begin(const struct record *records, size_t count, uint32_t slots)
{
	struct rig *r = rig_new();

	r->policy.max_slots = r->policy.spares_wanted = slots;
	r->policy.max_count = slots;
	rig_start(r);
	name_records(r, records, count);
	rig_pass(r, SEC(2));
	return r;
}

/* Two tiers, neither first by order; the caps are such that all have slots. */
static struct rig *
begin_tiers(void)
{
	static const struct record records[] = { { 20, 1 }, { 10, 1 },
		{ 20, 1 }, { 10, 1 } };
	struct rig *r = begin(records, ARRAY_LEN(records), 16);

	r->policy.max_count = 4;
	rig_set_policy(r);
	rig_pass(r, SEC(2));
	for (int b = 0; b < 4; b++)
		assert_int_equal(rig_slots(r, b), 4);
	return r;
}

#define KEYS 40

/* Which backends the keys belong to, a bit each; pick says the same as claims
 * get. */
static unsigned
key_backends(struct rig *r)
{
	unsigned used = 0;

	for (int k = 0; k < KEYS; k++) {
		char key[8];
		struct claim_request keyed = { .wait_us = 0, .key = key };
		const char *name, *addr;
		uint64_t c;

		snprintf(key, sizeof(key), "k%d", k);
		c = rig_ask(r, &keyed);
		assert_int_equal(
		    pool_pick(r->pool, NULL, key, &name, &addr), ERR_NONE);
		assert_int_equal(
		    rig_conn_of(r, c)->backend, rig_backend_of(name));
		used |= 1u << rig_conn_of(r, c)->backend;
		rig_release(r, c, CLAIM_END_OK);
	}
	return used;
}

static void
go_down(struct rig *r, int backend)
{
	r->moods[backend] = RIG_DOWN;
	rig_lose(r, backend);
	rig_pass(r, SEC(1));
}

static void
come_back(struct rig *r, int backend)
{
	r->moods[backend] = RIG_UP;
	rig_pass(r, SEC(60));
}

static void
keys_go_to_the_lowest_tier_that_has_a_backend_online(void **state)
{
	struct rig *r = begin_tiers();

	(void)state;
	assert_int_equal(key_backends(r), 1 << 1 | 1 << 3);
	go_down(r, 1);
	assert_int_equal(key_backends(r), 1 << 3);
	go_down(r, 3);
	assert_int_equal(key_backends(r), 1 << 0 | 1 << 2);
	come_back(r, 1);
	assert_int_equal(key_backends(r), 1 << 1);
	come_back(r, 3);
	assert_int_equal(key_backends(r), 1 << 1 | 1 << 3);
	rig_end(&r);
}

static void
keys_leave_a_tier_whose_backends_are_drained(void **state)
{
	struct rig *r = begin_tiers();

	(void)state;
	assert_true(pool_on_drain(r->pool, "b1", true, r->now_us));
	assert_true(pool_on_drain(r->pool, "b3", true, r->now_us));
	rig_turn(r);
	assert_int_equal(key_backends(r), 1 << 0 | 1 << 2);
	assert_true(pool_on_drain(r->pool, "b3", false, r->now_us));
	rig_pass(r, SEC(1));
	assert_int_equal(key_backends(r), 1 << 3);
	rig_end(&r);
}

static void
pick_takes_the_lowest_tier_though_it_is_the_busiest(void **state)
{
	struct rig *r = begin_tiers();

	(void)state;
	for (int i = 0; i < 7; i++) {
		const char *name, *addr;
		uint64_t c;

		assert_int_equal(
		    pool_pick(r->pool, NULL, NULL, &name, &addr), ERR_NONE);
		assert_true(strcmp(name, "b1") == 0 || strcmp(name, "b3") == 0);
		c = rig_claim(r);
		assert_int_equal(rig_conn_of(r, c)->backend % 2, 1);
	}
	rig_end(&r);
}

static void
pick_leaves_a_tier_whose_backends_are_all_offline(void **state)
{
	struct rig *r = begin_tiers();
	const char *name, *addr;

	(void)state;
	go_down(r, 1);
	go_down(r, 3);
	assert_int_equal(
	    pool_pick(r->pool, NULL, NULL, &name, &addr), ERR_NONE);
	assert_true(strcmp(name, "b0") == 0 || strcmp(name, "b2") == 0);
	rig_end(&r);
}

static void
backends_that_all_have_weight_0_share_evenly(void **state)
{
	static const struct record records[] = { { 0, 0 }, { 0, 0 }, { 0, 0 },
		{ 0, 0 } };
	struct rig *r = begin(records, ARRAY_LEN(records), 16);
	unsigned had[4] = { 0 };

	(void)state;
	for (int i = 0; i < 400; i++) {
		uint64_t c = rig_claim(r);

		had[rig_conn_of(r, c)->backend]++;
		rig_release(r, c, CLAIM_END_OK);
	}
	for (int b = 0; b < 4; b++) {
		assert_int_equal(rig_slots(r, b), 4);
		assert_in_range(had[b], 95, 105);
	}
	rig_end(&r);
}

static void
weight_0_is_a_very_small_share_and_not_none(void **state)
{
	static const struct record records[] = { { 0, 0 }, { 0, 1 } };
	struct rig *r = begin(records, ARRAY_LEN(records), 130);
	unsigned had = 0;

	(void)state;
	rig_pass(r, SEC(120));
	assert_in_range(rig_slots(r, 0), 1, 6);
	assert_int_equal(r->stats.slots, 130);
	for (int i = 0; i < 2600; i++) {
		uint64_t c = rig_claim(r);

		had += rig_conn_of(r, c)->backend == 0;
		rig_release(r, c, CLAIM_END_OK);
	}
	assert_in_range(had, 20, 120);
	rig_end(&r);
}

static void
a_backend_of_weight_0_carries_all_when_the_others_are_down(void **state)
{
	static const struct record records[] = { { 0, 10 }, { 0, 0 },
		{ 10, 10 } };
	struct rig *r = begin(records, ARRAY_LEN(records), 8);
	uint64_t c;

	(void)state;
	assert_int_equal(rig_slots(r, 0), 8);
	go_down(r, 0);
	assert_int_equal(rig_slots(r, 1), 7);
	assert_int_equal(rig_slots(r, 2), 0);
	c = rig_claim(r);
	assert_int_equal(rig_conn_of(r, c)->backend, 1);
	rig_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    keys_go_to_the_lowest_tier_that_has_a_backend_online),
		cmocka_unit_test(keys_leave_a_tier_whose_backends_are_drained),
		cmocka_unit_test(
		    pick_takes_the_lowest_tier_though_it_is_the_busiest),
		cmocka_unit_test(
		    pick_leaves_a_tier_whose_backends_are_all_offline),
		cmocka_unit_test(backends_that_all_have_weight_0_share_evenly),
		cmocka_unit_test(weight_0_is_a_very_small_share_and_not_none),
		cmocka_unit_test(
		    a_backend_of_weight_0_carries_all_when_the_others_are_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
