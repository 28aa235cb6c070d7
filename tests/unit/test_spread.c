/* Which backends a host uses when there are more than it has slots. */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"

#define BACKENDS 40
#define SLOTS	 4

struct host {
	struct pool *pool;
	struct claim_table *claims;
	uint64_t ids, now_us;
	struct backend_spec specs[BACKENDS];
	char names[BACKENDS][16];
};

static void
carry_out(struct host *h)
{
	struct action a;

	while (pool_next_action(h->pool, &a)) {
		if (a.kind == ACTION_CONNECT)
			pool_on_connected(h->pool, a.slot, h->now_us);
	}
}

/* Names all backends but one (NULL: all), and lets a second go by. */
static void
name_all_but(struct host *h, const uint32_t *gone)
{
	struct backend_spec some[BACKENDS];
	uint64_t until = h->now_us + US_PER_S;
	size_t n = 0;

	for (uint32_t i = 0; i < BACKENDS; i++) {
		if (gone == NULL || *gone != i)
			some[n++] = h->specs[i];
	}
	pool_on_backends(h->pool, some, n, h->now_us);
	carry_out(h);
	while (pool_next_deadline(h->pool) <= until) {
		if (pool_next_deadline(h->pool) > h->now_us)
			h->now_us = pool_next_deadline(h->pool);
		pool_on_time(h->pool, h->now_us);
		carry_out(h);
	}
	pool_check(h->pool);
}

static void
start(struct host *h, uint64_t position, uint32_t slots)
{
	struct policy policy;

	memset(h, 0, sizeof(*h));
	policy_init(&policy);
	policy.max_slots = policy.spares_wanted = slots;
	h->now_us = US_PER_S;
	h->claims = claim_table_new(slots);
	h->pool = pool_new(&(struct pool_params){ .name = "p",
			       .policy = &policy,
			       .host = position,
			       .claims = h->claims,
			       .ids = &h->ids },
	    h->now_us);
	for (uint32_t i = 0; i < BACKENDS; i++) {
		(void)snprintf(
		    h->names[i], sizeof(h->names[i]), "b%u", (unsigned)i);
		h->specs[i].name = h->names[i];
		h->specs[i].addr.kind = ADDR_INET;
		h->specs[i].addr.port = (uint16_t)(1 + i);
		h->specs[i].weight = 1;
		h->specs[i].sources = SOURCE_STATIC;
	}
	name_all_but(h, NULL);
}

static void
stop(struct host *h)
{
	pool_on_stop(h->pool, h->now_us);
	carry_out(h);
	pool_free(&h->pool);
	claim_table_free(&h->claims);
}

/* Which backends have slots, a bit each; and how many slots there are. */
static uint64_t
used(const struct host *h, uint32_t *slots)
{
	struct slot_stats s;
	uint64_t set = 0;
	uint32_t at = 0;

	*slots = 0;
	while (pool_next_slot(h->pool, h->now_us, &at, &s)) {
		set |= 1ULL << strtoul(s.backend + 1, NULL, 10);
		++*slots;
	}
	return set;
}

static uint32_t
count_bits(uint64_t set)
{
	return (uint32_t)__builtin_popcountll(set);
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
numbered_hosts_stand_evenly_apart(void **state)
{
	enum { HOSTS = 200 };
	static const unsigned firsts[] = { 0, 1, 77, 1000, 123456 };
	uint64_t at[HOSTS + 1];
	char name[64];

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(firsts); k++) {
		uint64_t widest = 0;

		for (unsigned i = 0; i < HOSTS; i++) {
			(void)snprintf(name, sizeof(name),
			    "web%03u.example.com", firsts[k] + i);
			at[i] = pool_host_position(name);
		}
		qsort(at, HOSTS, sizeof(at[0]), compare_u64);
		at[HOSTS] = at[0];
		for (unsigned i = 0; i < HOSTS; i++) {
			if (at[i + 1] - at[i] > widest)
				widest = at[i + 1] - at[i];
		}
		/* At random the widest gap would be about ln 200 = 5 means. */
		assert_true(widest < 3 * (UINT64_MAX / HOSTS));
	}
}

static void
the_number_is_that_at_the_end_of_the_first_label(void **state)
{
	uint64_t step = pool_host_position("a2") - pool_host_position("a1");

	(void)state;
	assert_int_equal(
	    pool_host_position("web7.x"), pool_host_position("web007.x"));
	assert_int_equal(pool_host_position("db-9.eu.example.com") -
			     pool_host_position("db-8.eu.example.com"),
	    step);
	assert_int_equal(
	    pool_host_position("43") - pool_host_position("42"), step);
	assert_int_not_equal(
	    pool_host_position("w.x2") - pool_host_position("w.x1"), step);
	assert_int_not_equal(
	    pool_host_position("w2x") - pool_host_position("w1x"), step);
}

static void
names_that_differ_elsewhere_stand_elsewhere(void **state)
{
	static const char *const names[] = { "", ".", "a", "b", "a.b", "a1",
		"b1", "a1.x", "a1.y", "1", "a-1", "ab1", "ba1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(pool_host_position(names[i]),
			    pool_host_position(names[k]));
	}
}

static void
a_number_of_any_length_will_do(void **state)
{
	char name[64]; /* a label's longest */

	(void)state;
	memset(name, '9', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_not_equal(
	    pool_host_position(name), pool_host_position(name + 1));
}

static void
each_backend_is_used_by_as_many_hosts_as_another(void **state)
{
	uint32_t load[BACKENDS] = { 0 }, slots;
	struct host h;

	(void)state;
	for (uint64_t i = 0; i < BACKENDS; i++) {
		uint64_t set;

		start(&h, UINT64_MAX / BACKENDS * i + UINT64_MAX / 100, SLOTS);
		set = used(&h, &slots);
		assert_int_equal(slots, SLOTS);
		assert_int_equal(count_bits(set), SLOTS);
		for (uint32_t b = 0; b < BACKENDS; b++)
			load[b] += set >> b & 1;
		stop(&h);
	}
	for (uint32_t b = 0; b < BACKENDS; b++)
		assert_int_equal(load[b], SLOTS);
}

static void
a_backend_that_a_host_does_not_use_goes_without_a_move(void **state)
{
	uint32_t slots;
	struct host h;

	(void)state;
	for (uint64_t position = 0; position < 64; position++) {
		uint64_t before;

		start(&h, position << 58, SLOTS);
		before = used(&h, &slots);
		for (uint32_t b = 0; b < BACKENDS; b++) {
			if (before >> b & 1)
				continue;
			name_all_but(&h, &b);
			assert_int_equal(used(&h, &slots), before);
		}
		stop(&h);
	}
}

static void
a_backend_in_use_that_goes_moves_one_and_gets_it_back(void **state)
{
	uint32_t slots;
	struct host h;

	(void)state;
	for (uint64_t position = 0; position < 64; position += 7) {
		uint64_t before, without;

		start(&h, position << 58, SLOTS);
		before = used(&h, &slots);
		for (uint32_t b = 0; b < BACKENDS; b++) {
			if (!(before >> b & 1))
				continue;
			name_all_but(&h, &b);
			without = used(&h, &slots);
			assert_int_equal(slots, SLOTS);
			assert_int_equal(
			    count_bits(without & before), SLOTS - 1);
			name_all_but(&h, NULL);
			assert_int_equal(used(&h, &slots), before);
		}
		stop(&h);
	}
}

static void
with_as_many_slots_as_backends_all_are_used_alike(void **state)
{
	uint32_t slots;
	struct host h;

	(void)state;
	start(&h, 12345, BACKENDS);
	assert_int_equal(used(&h, &slots), (1ULL << BACKENDS) - 1);
	assert_int_equal(slots, BACKENDS);
	stop(&h);
}

/* Slots of the backends whose number is odd, and of the others, over hosts. */
static void
weights_hold_over_the_hosts(void **state)
{
	uint32_t odd = 0, even = 0, slots;
	struct host h;

	(void)state;
	for (uint64_t i = 0; i < 200; i++) {
		struct slot_stats s;
		uint32_t at = 0;

		start(&h, 0x9E3779B97F4A7C15ULL * i, SLOTS);
		for (uint32_t b = 1; b < BACKENDS; b += 2)
			h.specs[b].weight = 3;
		name_all_but(&h, NULL);
		(void)used(&h, &slots);
		assert_int_equal(slots, SLOTS);
		while (pool_next_slot(h.pool, h.now_us, &at, &s)) {
			if (strtoul(s.backend + 1, NULL, 10) % 2 == 1)
				odd++;
			else
				even++;
		}
		stop(&h);
	}
	assert_in_range(odd * 100 / even, 270, 330);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbered_hosts_stand_evenly_apart),
		cmocka_unit_test(
		    the_number_is_that_at_the_end_of_the_first_label),
		cmocka_unit_test(names_that_differ_elsewhere_stand_elsewhere),
		cmocka_unit_test(a_number_of_any_length_will_do),
		cmocka_unit_test(
		    each_backend_is_used_by_as_many_hosts_as_another),
		cmocka_unit_test(
		    a_backend_that_a_host_does_not_use_goes_without_a_move),
		cmocka_unit_test(
		    a_backend_in_use_that_goes_moves_one_and_gets_it_back),
		cmocka_unit_test(
		    with_as_many_slots_as_backends_all_are_used_alike),
		cmocka_unit_test(weights_hold_over_the_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
