/* How claims fall on the backends, by the pool alone. */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"

#define BACKENDS_MOST 12
#define CLAIMS_MOST   256
#define ROUNDS	      20000
#define LAG_MOST      20 /* claims that one is owed after a while */

struct held {
	uint64_t claim;
	struct slot_ref slot;
	uint32_t backend;
};

struct world {
	struct pool *pool;
	struct claim_table *claims;
	uint64_t ids, now_us;
	uint32_t backends, weights; /* the sum of them */
	struct backend_spec specs[BACKENDS_MOST];
	char names[BACKENDS_MOST][8];
	struct held held[CLAIMS_MOST]; /* a ring */
	uint32_t held_at, held_count;
	uint32_t granted[BACKENDS_MOST], granted_all;
	uint32_t gens[CLAIMS_MOST]; /* of the last action of each slot */
};

static const uint16_t even[BACKENDS_MOST] = { 1, 1, 1, 1, 1, 1, 1, 1 };
static const uint16_t uneven[BACKENDS_MOST] = { 1, 3, 7, 1, 3, 7 };

static void
keep(struct world *w, const struct action *a)
{
	struct held *h = &w->held[(w->held_at + w->held_count++) % CLAIMS_MOST];

	h->claim = a->claim;
	h->slot = a->slot;
	h->backend = (uint32_t)strtoul(a->backend + 1, NULL, 10);
	w->granted[h->backend]++;
	w->granted_all++;
}

static void
carry_out(struct world *w)
{
	struct action a;

	while (pool_next_action(w->pool, &a)) {
		assert_int_not_equal(a.kind, ACTION_REFUSE);
		w->gens[a.slot.index] = a.slot.gen;
		if (a.kind == ACTION_CONNECT)
			pool_on_connected(w->pool, a.slot, w->now_us);
		else if (a.kind == ACTION_CHECK)
			pool_on_checked(w->pool, a.slot, NULL, w->now_us);
		else if (a.kind == ACTION_GRANT)
			keep(w, &a);
	}
}

static void
pass_time(struct world *w, uint64_t span_us)
{
	uint64_t until = w->now_us + span_us;

	while (pool_next_deadline(w->pool) <= until) {
		if (pool_next_deadline(w->pool) > w->now_us)
			w->now_us = pool_next_deadline(w->pool);
		pool_on_time(w->pool, w->now_us);
		carry_out(w);
	}
	w->now_us = until;
}

/* As many backends as there are weights other than 0. */
static void
begin(struct world *w, const uint16_t *weights, uint32_t slots,
    enum balance balance)
{
	struct policy policy;

	memset(w, 0, sizeof(*w));
	policy_init(&policy);
	policy.max_slots = policy.spares_wanted = slots;
	policy.balance = balance;
	w->now_us = US_PER_S;
	w->claims = claim_table_new(CLAIMS_MOST);
	w->pool = pool_new(&(struct pool_params){ .name = "p",
			       .policy = &policy,
			       .seed = 1,
			       .claims = w->claims,
			       .ids = &w->ids },
	    w->now_us);
	for (uint32_t i = 0; i < BACKENDS_MOST && weights[i] > 0; i++) {
		(void)snprintf(
		    w->names[i], sizeof(w->names[i]), "b%u", (unsigned)i);
		w->specs[i].name = w->names[i];
		w->specs[i].addr.kind = ADDR_INET;
		w->specs[i].addr.port = (uint16_t)(i + 1);
		w->specs[i].weight = weights[i];
		w->specs[i].sources = SOURCE_STATIC;
		w->weights += weights[i];
		w->backends++;
	}
	pool_on_backends(w->pool, w->specs, w->backends, w->now_us);
	carry_out(w);
	pass_time(w, US_PER_S);
}

static void
ask(struct world *w)
{
	const struct claim_request r = { .uid = 1, .wait_us = NEVER };
	uint64_t id;

	assert_int_equal(pool_on_claim(w->pool, &r, &id, w->now_us), ERR_NONE);
	carry_out(w);
}

static struct held
oldest(struct world *w)
{
	struct held h = w->held[w->held_at];

	assert_true(w->held_count > 0);
	w->held_at = (w->held_at + 1) % CLAIMS_MOST;
	w->held_count--;
	return h;
}

static void
give_back(struct world *w)
{
	assert_true(
	    pool_on_release(w->pool, oldest(w).claim, CLAIM_END_OK, w->now_us));
	carry_out(w);
}

static void
end(struct world *w)
{
	pool_check(w->pool);
	pool_on_stop(w->pool, w->now_us);
	while (w->held_count > 0)
		give_back(w);
	carry_out(w);
	pool_free(&w->pool);
	claim_table_free(&w->claims);
}

/* Claims that are all held for as long, so many at a time; some may wait. */
static void
trade(struct world *w, uint32_t at_a_time)
{
	for (uint32_t i = 0; i < at_a_time; i++)
		ask(w);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		w->now_us += 100;
		give_back(w);
		ask(w);
	}
}

static void
assert_follows_weights(const struct world *w)
{
	for (uint32_t i = 0; i < w->backends; i++) {
		double due =
		    (double)w->granted_all * w->specs[i].weight / w->weights;

		if (w->granted[i] < 0.95 * due || w->granted[i] > 1.05 * due)
			fail_msg("backend %u: %u claims, due are %.0f",
			    (unsigned)i, (unsigned)w->granted[i], due);
	}
}

/* From one claim at a time to a queue that is never empty. */
static void
assert_is_fair(const uint16_t *weights, uint32_t slots)
{
	static const uint32_t loads[] = { 1, 2, 3, 5, 8, 12, 16, 24, 44, 60 };

	for (int b = BALANCE_LEAST_CLAIMED; b <= BALANCE_ROUND_ROBIN; b++) {
		for (size_t k = 0; k < ARRAY_LEN(loads); k++) {
			struct world w;

			begin(&w, weights, slots, (enum balance)b);
			trade(&w, loads[k]);
			assert_follows_weights(&w);
			while (w.held_count > 0)
				give_back(&w);
			end(&w);
		}
	}
}

static void
equal_backends_get_as_many_claims_at_any_load(void **state)
{
	(void)state;
	assert_is_fair(even, 40);
}

static void
backends_get_claims_by_their_weights_at_any_load(void **state)
{
	(void)state;
	assert_is_fair(uneven, 44);
}

static void
a_backend_that_keeps_its_claims_is_spared(void **state)
{
	struct world w;
	struct held spared[8];
	uint32_t kept = 0;

	(void)state;
	begin(&w, even, 64, BALANCE_LEAST_CLAIMED);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		w.now_us += 100;
		ask(&w);
		if (w.held[w.held_at].backend == 0) {
			assert_true(kept < ARRAY_LEN(spared));
			spared[kept++] = oldest(&w);
		} else {
			give_back(&w);
		}
	}
	assert_in_range(kept, 1, 3);
	for (uint32_t i = 1; i < w.backends; i++)
		assert_in_range(
		    w.granted[i], w.granted_all / 8, w.granted_all / 6);
	while (kept > 0)
		assert_true(pool_on_release(
		    w.pool, spared[--kept].claim, CLAIM_END_OK, w.now_us));
	carry_out(&w);
	end(&w);
}

/* The backend's unclaimed connections are lost; they come back at once. */
static void
lose_all_of(struct world *w, uint32_t backend)
{
	struct slot_stats s;
	uint32_t at = 0;

	while (pool_next_slot(w->pool, w->now_us, &at, &s)) {
		if (s.backend[1] - '0' == (int)backend)
			pool_on_lost(w->pool,
			    (struct slot_ref){ at - 1, w->gens[at - 1] },
			    "closed", w->now_us);
	}
	carry_out(w);
	pass_time(w, US_PER_S);
}

static void
a_backend_that_fails_is_avoided_and_not_flooded_after(void **state)
{
	struct world w;
	uint32_t before;

	(void)state;
	begin(&w, even, 16, BALANCE_LEAST_CLAIMED);
	pass_time(&w, 5 * US_PER_S);
	trade(&w, 1);
	lose_all_of(&w, 0);
	before = w.granted[0];
	for (uint32_t i = 0; i < 1000; i++) {
		give_back(&w);
		ask(&w);
	}
	assert_int_equal(w.granted[0], before);
	pass_time(&w, 70 * US_PER_S);
	for (uint32_t i = 0; i < 1000; i++) {
		give_back(&w);
		ask(&w);
	}
	assert_in_range(
	    w.granted[0] - before, 1000 / 8 - 1, 1000 / 8 + LAG_MOST);
	give_back(&w);
	end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_backends_get_as_many_claims_at_any_load),
		cmocka_unit_test(
		    backends_get_claims_by_their_weights_at_any_load),
		cmocka_unit_test(a_backend_that_keeps_its_claims_is_spared),
		cmocka_unit_test(
		    a_backend_that_fails_is_avoided_and_not_flooded_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
