#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "message.h"

static struct model model;
static char why[512];

static int
setup(void **state)
{
	(void)state;
	model_init(&model);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	model_fini(&model);
	return 0;
}

static enum message_kind
arrive_bytes(const char *bytes, size_t len, uint64_t clock_us)
{
	const struct message message = { .bytes = bytes,
		.len = len,
		.clock_us = clock_us,
		.wall_us = clock_us + 7 };
	struct text t;

	text_init(&t, why, sizeof(why));
	return message_read(&message, &model, &t);
}

static enum message_kind
arrive(const char *text, uint64_t clock_us)
{
	return arrive_bytes(text, strlen(text), clock_us);
}

static void
is_round(const char *text, uint64_t clock_us)
{
	enum message_kind kind = arrive(text, clock_us);

	if (kind != MESSAGE_ROUND)
		fail_msg("%s", why);
}

/* The message makes no round, and nothing of what was there goes away. */
static void
is_odd(const char *text, const char *word)
{
	uint64_t rounds = model.rounds;
	size_t count = model.now.backend_count;

	assert_int_equal(arrive(text, 99), MESSAGE_ODD);
	assert_non_null(strstr(why, word));
	assert_int_equal(model.rounds, rounds);
	assert_int_equal(model.now.backend_count, count);
}

static const struct model_backend *
get(const char *pool, const char *name, const char *addr)
{
	const struct model_pool *p = model_get_pool(&model, pool);
	const struct model_backend *b;

	assert_non_null(p);
	b = model_get_backend(p, name, addr);
	assert_non_null(b);
	return b;
}

#define MINIMAL(total)                                                    \
	"{\"claims\":" total ",\"sets\":{\"b\":{\"connecting_slots\":1,"  \
	"\"unclaimed_slots\":2,\"checking_slots\":3,\"claimed_slots\":4," \
	"\"total_claims\":" total "}}}"

static void
the_minimal_message_is_a_pool_without_a_name(void **state)
{
	const struct model_backend *b;

	(void)state;
	is_round(MINIMAL("1000"), 5);
	assert_int_equal(model.now.count, 1);
	assert_true(model.now.pools[0].now.is_bare);
	assert_int_equal(model.time.t_us, 12);
	b = get("-", "b", "-");
	assert_int_equal(b->now.connecting, 1);
	assert_int_equal(b->now.unclaimed, 2);
	assert_int_equal(b->now.checking, 3);
	assert_int_equal(b->now.claimed, 4);
	assert_int_equal(b->now.total, 1000);
	assert_string_equal(b->state, "-");
	assert_true(b->now.claims_per_s == 0);
	is_round(MINIMAL("1100"), 5 + 2 * US_PER_S);
	assert_true(get("-", "b", "-")->now.claims_per_s == 50);
	assert_true(model.claims_per_s == 50);
}

static void
our_own_message_has_a_clock_pools_and_states(void **state)
{
	static const char text[] =
	    "{\"version\":1,\"t\":1795388400.5,\"server\":\"qorb-pool/0.1.0\","
	    "\"source\":\"/s\",\"claims\":30,\"pools\":{"
	    "\"demo\":{\"service\":\"_e._tcp.x\",\"claims\":20,"
	    "\"claims_per_s\":12.5,\"waiting\":1,\"refused\":3,"
	    "\"refusals\":{\"all-claims-used\":3},\"slots\":16,\"backends\":1,"
	    "\"online\":1,\"resolver\":\"ok\",\"wait_p50_us\":12,"
	    "\"wait_p99_us\":340,\"hold_p50_us\":90,\"hold_p99_us\":800},"
	    "\"other\":{\"claims\":10}},"
	    "\"sets\":{\"demo/e:6001\":{\"connecting_slots\":0,"
	    "\"unclaimed_slots\":3,\"checking_slots\":0,\"claimed_slots\":2,"
	    "\"total_claims\":4711,\"pool\":\"demo\",\"name\":\"e:6001\","
	    "\"addr\":\"[::1]:6001\",\"state\":\"offline\",\"failures\":9,"
	    "\"claims_per_s\":4.2,\"connect_p50_us\":120}}}";
	const struct model_pool *p;
	const struct model_backend *b;

	(void)state;
	is_round(text, 5);
	assert_false(model.time.is_arrival);
	assert_true(model.time.t_us == 1795388400500000);
	assert_int_equal(model.now.count, 2);
	p = model_get_pool(&model, "demo");
	assert_string_equal(p->resolver, "ok");
	assert_false(p->now.is_bare);
	assert_int_equal(p->now.waiting, 1);
	assert_int_equal(p->now.refused, 3);
	assert_int_equal(p->now.wait_p99_us, 340);
	assert_int_equal(p->now.hold_p99_us, 800);
	assert_true(p->now.claims_per_s == 12.5);
	b = get("demo", "e:6001", "[::1]:6001");
	assert_string_equal(b->state, "offline");
	assert_int_equal(b->now.failures, 9);
	assert_int_equal(b->now.connect_p50_us, 120);
	assert_true(b->now.claims_per_s == 4.2);
}

static void
backends_that_vanish_and_return_with_less_have_no_rate_at_first(void **state)
{
	(void)state;
	is_round(MINIMAL("5000"), US_PER_S);
	is_round("{\"claims\":5000,\"sets\":{}}", 2 * US_PER_S);
	is_round(MINIMAL("10"), 3 * US_PER_S);
	assert_true(get("-", "b", "-")->now.claims_per_s == 0);
	assert_true(model.claims_per_s == 0);
	is_round(MINIMAL("15"), 4 * US_PER_S);
	assert_true(get("-", "b", "-")->now.claims_per_s == 5);
	assert_true(model.claims_per_s == 5);
}

static void
what_is_no_count_is_not_given(void **state)
{
	static const char *const odd[] = { "-1", "\"12\"", "null", "[]", "true",
		"{}", "1e300", "-0.5", "99999999999999999999999",
		"18446744073709551615" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		char text[256];
		const struct model_backend *b;
		struct text t;

		text_init(&t, text, sizeof(text));
		text_addf(&t,
		    "{\"claims\":%s,\"sets\":{\"b\":{\"total_claims\":%s,"
		    "\"claimed_slots\":%s,\"unclaimed_slots\":7}}}",
		    odd[i], odd[i], odd[i]);
		is_round(text, i * US_PER_S);
		b = get("-", "b", "-");
		assert_true(b->now.lacks_total);
		assert_int_equal(b->now.claimed, 0);
		assert_int_equal(b->now.unclaimed, 7);
		assert_true(model.claims_per_s == 0);
	}
	is_round(MINIMAL("1000"), 100 * US_PER_S);
	assert_true(model.claims_per_s == 0);
	is_round(MINIMAL("1010.75"), 101 * US_PER_S);
	assert_true(model.claims_per_s == 10);
}

static void
sets_that_are_none_and_fields_that_nobody_knows_are_passed_over(void **state)
{
	(void)state;
	is_round("{\"sets\":{\"a\":5,\"b\":{},\"c\":[],\"d\":null},"
		 "\"pools\":{\"p\":7},\"new\":{\"sets\":{}},\"t\":\"x\"}",
	    5);
	assert_int_equal(model.now.backend_count, 1);
	assert_true(get("-", "b", "-")->now.lacks_total);
	assert_true(model.time.is_arrival);
}

static void
a_nul_in_a_text_ends_it_and_harms_nothing(void **state)
{
	(void)state;
	is_round("{\"sets\":{\"b\":{\"claimed_slots\":3,\"foo\":\"\\u0000\"}},"
		 "\"bar\":\"\\u0000\",\"n\":99999999999999999999999}",
	    5);
	assert_int_equal(get("-", "b", "-")->now.claimed, 3);
	is_round("{\"sets\":{\"k\":{\"name\":\"b\\u0000x\","
		 "\"pool\":\"p\\u0000\",\"addr\":\"a\\u0000b\","
		 "\"state\":\"\\u0000\",\"claimed_slots\":4}}}",
	    6);
	assert_int_equal(get("p", "b", "a")->now.claimed, 4);
}

static void
a_time_that_is_none_is_not_used(void **state)
{
	(void)state;
	is_round("{\"t\":-5,\"sets\":{}}", 5);
	assert_int_equal(model.time.t_us, 12);
	is_round("{\"t\":1e200,\"sets\":{}}", 6);
	assert_int_equal(model.time.t_us, 13);
}

static void
a_broken_message_leaves_everything_as_it_was(void **state)
{
	(void)state;
	is_round(MINIMAL("1000"), 5);
	is_odd("", "no JSON");
	is_odd("{\"claims\":5,\"sets\":{\"b\":", "no JSON");
	is_odd("{\"sets\":{}} {}", "no JSON");
	is_odd("{\"sets\":{\"\xff\":{}}}", "no JSON");
	is_odd("{\"sets\":{\"x\\u0000y\":{}}}", "no JSON");
	is_odd("{\"claims\":1e999,\"sets\":{}}", "no JSON");
	is_odd("[1,2]", "no JSON object");
	is_odd("5", "no JSON");
	is_odd("{\"claims\":5}", "\"sets\"");
	is_odd("{\"claims\":5,\"sets\":[]}", "\"sets\"");
	assert_int_equal(get("-", "b", "-")->now.total, 1000);
	assert_int_equal(arrive_bytes("{\"sets\":{}}\0", 12, 99), MESSAGE_ODD);
}

static void
deep_nesting_is_no_message(void **state)
{
	char *text = mem_new(200001, 1);

	(void)state;
	memset(text, '[', 200000);
	is_odd(text, "no JSON");
	free(text);
}

static void
more_than_a_model_holds_is_no_message(void **state)
{
	size_t size = 32UL * (MODEL_BACKENDS_MAX + 1);
	struct text t;

	(void)state;
	text_init(&t, mem_new(size, 1), size);
	text_add(&t, "{\"sets\":{\"0\":{}");
	for (unsigned i = 1; i <= MODEL_BACKENDS_MAX; i++)
		text_addf(&t, ",\"%u\":{}", i);
	text_add(&t, "}}");
	assert_false(t.is_cut);
	is_odd(t.buf, "more pools or backends");
	free(t.buf);
}

static void
a_server_may_say_why_it_has_no_figures(void **state)
{
	(void)state;
	assert_int_equal(arrive("{\"version\":1,\"error\":\"/s: refused\"}", 5),
	    MESSAGE_ERROR);
	assert_string_equal(why, "/s: refused");
}

static void
without_a_model_it_is_only_looked_at(void **state)
{
	const struct message good = { .bytes = "{\"sets\":{}}", .len = 11 };
	const struct message bad = { .bytes = "{", .len = 1 };
	struct text t;

	(void)state;
	text_init(&t, why, sizeof(why));
	assert_int_equal(message_read(&good, NULL, &t), MESSAGE_ROUND);
	assert_int_equal(message_read(&bad, NULL, &t), MESSAGE_ODD);
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(the_minimal_message_is_a_pool_without_a_name),
		PLAY(our_own_message_has_a_clock_pools_and_states),
		PLAY(
		    backends_that_vanish_and_return_with_less_have_no_rate_at_first),
		PLAY(what_is_no_count_is_not_given),
		PLAY(
		    sets_that_are_none_and_fields_that_nobody_knows_are_passed_over),
		PLAY(a_nul_in_a_text_ends_it_and_harms_nothing),
		PLAY(a_time_that_is_none_is_not_used),
		PLAY(a_broken_message_leaves_everything_as_it_was),
		PLAY(deep_nesting_is_no_message),
		PLAY(more_than_a_model_holds_is_no_message),
		PLAY(a_server_may_say_why_it_has_no_figures),
		PLAY(without_a_model_it_is_only_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
