/* What is said in words, and worlds in which anything goes wrong. */

#include "resolve_rig.h"

static void
server_lists_are_parsed(void **state)
{
	struct addr servers[RESOLVE_SERVERS_MAX];
	char bad[ADDR_TEXT_BYTES], text[ADDR_TEXT_BYTES];
	const char *why;
	size_t count;

	(void)state;
	assert_true(resolve_servers_parse(
	    "[::1]:5353,127.0.0.1,[::2]", servers, &count, bad, &why));
	assert_int_equal(count, 3);
	assert_string_equal(addr_text(&servers[0], text), "[::1]:5353");
	assert_string_equal(addr_text(&servers[1], text), "127.0.0.1:53");
	assert_string_equal(addr_text(&servers[2], text), "[::2]:53");
}

static void
bad_server_lists_say_which_and_why(void **state)
{
	static const char *const bads[][2] = {
		{ "", "" },
		{ "127.0.0.1,", "" },
		{ "::1", "::1" },
		{ "127.0.0.1:53,::1:5311", "::1:5311" },
		{ "127.0.0.1:99999", "127.0.0.1:99999" },
		{ "127.0.0.1:0", "127.0.0.1:0" },
		{ "[::1", "[::1" },
		{ "[::1]x", "[::1]x" },
		{ "ns.test.com:53", "ns.test.com:53" },
		{ "unix:/tmp/x", "unix:/tmp/x" },
		{ " 127.0.0.1", " 127.0.0.1" },
	};
	struct addr servers[RESOLVE_SERVERS_MAX];
	char bad[ADDR_TEXT_BYTES];
	char many[40 * 8 + 1] = "";
	const char *why;
	size_t count, i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bads); i++) {
		why = NULL;
		assert_false(resolve_servers_parse(
		    bads[i][0], servers, &count, bad, &why));
		assert_string_equal(bad, bads[i][1]);
		assert_non_null(why);
	}
	for (i = 0; i < 33; i++)
		strcat(many, i > 0 ? ",1.1.1.1" : "1.1.1.1");
	assert_false(resolve_servers_parse(many, servers, &count, bad, &why));
	memset(many, 'x', sizeof(many) - 1);
	assert_false(resolve_servers_parse(many, servers, &count, bad, &why));
}

static void
names_of_families_and_states_are_words(void **state)
{
	enum resolve_family family = RESOLVE_ANY;

	(void)state;
	assert_true(resolve_family_parse("inet6", &family));
	assert_int_equal(family, RESOLVE_INET6);
	assert_false(resolve_family_parse("ipv6", &family));
	assert_int_equal(family, RESOLVE_INET6);
	assert_string_equal(resolve_family_name(RESOLVE_ANY), "any");
	assert_string_equal(resolve_status_name(RESOLVE_STALE), "stale");
	assert_string_equal(resolve_status_name(RESOLVE_STARTING), "none");
}

/* One step of a world in which anything goes wrong. */
static void
wreak_havoc(struct world *w, struct rng *rng)
{
	static const char *const *const zones[] = { two, one, NULL };
	struct fake *f = &w->fakes[rng_below(rng, w->servers)];
	uint64_t dice = rng_below(rng, 100);

	if (dice < 20) {
		f->zone = zones[rng_below(rng, ARRAY_LEN(zones))];
	} else if (dice < 30) {
		f->outcome =
		    (enum dns_outcome)rng_below(rng, DNS_OUTCOME_COUNT);
	} else if (dice < 40) {
		f->is_silent = !f->is_silent;
	} else if (dice < 45) {
		f->address_outcome =
		    (enum dns_outcome)rng_below(rng, DNS_OUTCOME_COUNT);
	} else if (dice < 50) {
		(void)resolve_refresh(w->r, w->now);
	} else if (dice < 54) {
		w->policy.family = (enum resolve_family)rng_below(rng, 3);
		w->policy.answers = (enum resolve_answers)rng_below(rng, 2);
		w->policy.stale_for_us = rng_below(rng, 300) * S;
		resolve_set_policy(w->r, w->now, &w->policy);
	} else if (dice < 56) {
		w->servers = 1 + rng_below(rng, SERVERS);
		resolve_set_servers(w->r, w->now, w->servers, all_new);
	} else if (dice < 70 && f->count > 0) {
		answer_one(w, (size_t)(f - w->fakes));
	} else {
		go_to(w, w->now + rng_below(rng, 30 * S));
	}
	if (f->count > PENDING_MAX / 2)
		f->count = 0; /* lost */
	drain(w);
	resolve_check(w->r);
}

static uint64_t
run_havoc(uint64_t seed)
{
	struct world *w = make_world(2, NULL);
	uint64_t started_at, trace;
	struct rng rng;
	size_t i;

	rng_init(&rng, seed);
	for (i = 0; i < 1000; i++)
		wreak_havoc(w, &rng);
	/* Faults end: all is well again after one retry. */
	for (i = 0; i < SERVERS; i++) {
		w->fakes[i].zone = two;
		w->fakes[i].is_silent = false;
		w->fakes[i].address_outcome = DNS_RECORDS;
	}
	w->policy.family = RESOLVE_ANY;
	resolve_set_policy(w->r, w->now, &w->policy);
	started_at = w->now;
	answer_all(w);
	go_to(w, started_at + 61 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	trace = w->trace;
	end_world(w);
	return trace;
}

static void
it_settles_after_any_faults_and_a_seed_repeats_itself(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 0; seed < 50; seed++)
		assert_int_equal(run_havoc(seed), run_havoc(seed));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(server_lists_are_parsed),
	cmocka_unit_test(bad_server_lists_say_which_and_why),
	cmocka_unit_test(names_of_families_and_states_are_words),
	cmocka_unit_test(it_settles_after_any_faults_and_a_seed_repeats_itself),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
