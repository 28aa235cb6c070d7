#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define T0 (1795388400 * US_PER_S)

static struct model model;

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

static void
add_pool(const char *pool, uint64_t claims, double given)
{
	const struct model_names names = { .pool = pool, .resolver = "ok" };
	const struct pool_figures now = { .claims = claims,
		.claims_per_s = given };

	assert_true(model_add_pool(&model, &names, &now));
}

static void
add_backend(const char *name, const char *addr, uint64_t total, double given)
{
	const struct model_names names = {
		.pool = "p", .backend = name, .addr = addr, .state = "online"
	};
	const struct backend_figures now = { .total = total,
		.claims_per_s = given };

	assert_true(model_add_backend(&model, &names, &now));
}

/* The source's own clock. */
static void
end(uint64_t t_us)
{
	model_end(
	    &model, &(struct model_time){ .t_us = t_us, .clock_us = t_us });
}

static double
rate_of(const char *name)
{
	const struct model_pool *p = model_get_pool(&model, "p");
	const struct model_backend *b = model_get_backend(p, name, "a");

	assert_non_null(b);
	return b->now.claims_per_s;
}

/* A round with one backend b of pool p. */
static void
round_of(uint64_t total, double given, uint64_t t_us)
{
	model_begin(&model);
	add_pool("p", total, given);
	add_backend("b", "a", total, given);
	end(t_us);
	assert_true(model.claims_per_s == rate_of("b"));
}

static void
the_first_round_has_the_rates_that_the_source_gives(void **state)
{
	(void)state;
	round_of(1000, 12.5, T0);
	assert_true(rate_of("b") == 12.5);
	assert_int_equal(model.rounds, 1);
}

static void
later_rates_are_what_the_totals_grew_by_per_second(void **state)
{
	(void)state;
	round_of(1000, 12.5, T0);
	round_of(1050, 99, T0 + US_PER_S / 2);
	assert_true(rate_of("b") == 100);
	round_of(1050, 99, T0 + US_PER_S);
	assert_true(rate_of("b") == 0);
	round_of(1110, 99, T0 + 4 * US_PER_S);
	assert_true(rate_of("b") == 20);
}

static void
a_total_that_fell_began_anew(void **state)
{
	(void)state;
	round_of(1000, 1, T0);
	round_of(10, 7, T0 + US_PER_S);
	assert_true(rate_of("b") == 7);
	round_of(15, 9, T0 + 2 * US_PER_S);
	assert_true(rate_of("b") == 5);
}

static void
a_clock_that_stands_or_goes_back_gives_no_rate(void **state)
{
	(void)state;
	round_of(1000, 1, T0);
	round_of(1100, 3, T0);
	assert_true(rate_of("b") == 3);
	round_of(1200, 4, T0 - US_PER_S);
	assert_true(rate_of("b") == 4);
	round_of(1210, 5, T0);
	assert_true(rate_of("b") == 10);
}

static void
a_rate_is_never_negative_and_always_a_number(void **state)
{
	(void)state;
	round_of(0, -3, T0);
	assert_true(rate_of("b") == 0);
	round_of(0, (double)NAN, T0);
	assert_true(rate_of("b") == 0);
	round_of(UINT64_MAX, 0, T0 + US_PER_S);
	assert_true(rate_of("b") > 0);
}

static void
a_backend_that_comes_in_between_has_its_own_rate_at_first(void **state)
{
	(void)state;
	round_of(1000, 1, T0);
	model_begin(&model);
	add_pool("p", 1700, 0);
	add_backend("b", "a", 1100, 0);
	add_backend("new", "a", 600, 2.5);
	end(T0 + US_PER_S);
	assert_true(rate_of("b") == 100);
	assert_true(rate_of("new") == 2.5);
	assert_true(model.claims_per_s == 700);
}

static void
what_a_round_does_not_name_is_gone(void **state)
{
	const struct model_pool *p;

	(void)state;
	model_begin(&model);
	add_pool("other", 5, 0);
	add_pool("p", 5, 0);
	add_backend("b", "a", 1, 0);
	add_backend("b", "a2", 2, 0);
	add_backend("c", "a", 3, 0);
	end(T0);
	assert_int_equal(model.now.count, 2);

	model_begin(&model);
	add_pool("p", 6, 0);
	add_backend("b", "a2", 4, 0);
	end(T0 + US_PER_S);
	assert_int_equal(model.now.count, 1);
	assert_null(model_get_pool(&model, "other"));
	p = model_get_pool(&model, "p");
	assert_int_equal(p->count, 1);
	assert_null(model_get_backend(p, "b", "a"));
	assert_non_null(model_get_backend(p, "b", "a2"));

	/* Back again: nothing is left of its earlier total. */
	model_begin(&model);
	add_pool("p", 8, 0);
	add_backend("b", "a", 6, 3.5);
	end(T0 + 2 * US_PER_S);
	assert_true(rate_of("b") == 3.5);
	model_begin(&model);
	end(T0 + 3 * US_PER_S);
	assert_int_equal(model.now.count, 0);
	assert_true(model.claims_per_s == 0);
}

static void
names_are_in_order_whatever_order_they_came_in(void **state)
{
	const struct model_pool *p;
	char name[16];

	(void)state;
	for (unsigned r = 0; r < 3; r++) {
		model_begin(&model);
		for (unsigned i = 0; i < 100; i++) {
			/* Another order, and some more, each round. */
			unsigned k = (i * 37 + r * 11) % 100;

			snprintf(name, sizeof(name), "b%03u", k);
			if (k < 60 + 20 * r)
				add_backend(name, "a", 10 * r * k, 0);
		}
		end(T0 + r * US_PER_S);
		p = model_get_pool(&model, "p");
		assert_int_equal(p->count, 60 + 20 * r);
		for (unsigned i = 0; i < p->count; i++) {
			snprintf(name, sizeof(name), "b%03u", i);
			assert_string_equal(p->backends[i].name, name);
			assert_int_equal(p->backends[i].now.total, 10 * r * i);
		}
	}
	assert_true(rate_of("b050") == 500);
}

static void
what_the_source_does_not_say_is_a_dash(void **state)
{
	const struct model_names names = { .pool = "p", .backend = "b" };
	const struct backend_figures none = { 0 };
	const struct model_pool *p;

	(void)state;
	model_begin(&model);
	assert_true(model_add_backend(&model, &names, &none));
	end(T0);
	p = model_get_pool(&model, "p");
	assert_string_equal(p->resolver, "-");
	assert_string_equal(p->backends[0].addr, "-");
	assert_string_equal(p->backends[0].state, "-");
}

static void
there_is_an_end_to_the_pools_that_it_holds(void **state)
{
	const struct pool_figures none = { 0 };
	char name[16];
	struct model_names names = { .pool = name };

	(void)state;
	model_begin(&model);
	for (unsigned i = 0; i < MODEL_POOLS_MAX; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		assert_true(model_add_pool(&model, &names, &none));
	}
	assert_true(model_add_pool(&model, &names, &none));
	names.pool = "more";
	assert_false(model_add_pool(&model, &names, &none));
}

/* A round that is told apart by nothing but when it arrived. */
static void
arrive(uint64_t total, uint64_t clock_us)
{
	model_begin(&model);
	add_backend("b", "a", total, 0);
	model_end(&model,
	    &(struct model_time){ .clock_us = clock_us, .is_arrival = true });
}

static void
rounds_that_arrive_now_and_then_have_rates_per_second(void **state)
{
	(void)state;
	arrive(0, 5);
	assert_true(rate_of("b") == 0);
	arrive(100, 5 + US_PER_S);
	assert_true(rate_of("b") == 100);
	arrive(130, 5 + US_PER_S * 13 / 10);
	assert_true(rate_of("b") == 100);
	arrive(630, 5 + US_PER_S * 63 / 10);
	assert_true(rate_of("b") == 100);
}

static void
rounds_that_arrive_in_a_heap_count_as_one(void **state)
{
	(void)state;
	arrive(0, 5);
	arrive(100, 5 + US_PER_S);
	/* Nothing comes for five seconds, then all at once. */
	for (unsigned i = 2; i <= 6; i++) {
		arrive(100 * i, 5 + 6 * US_PER_S);
		assert_true(rate_of("b") <= 100);
	}
	assert_true(rate_of("b") == 100);
	assert_true(model.claims_per_s == 100);
	arrive(700, 5 + 7 * US_PER_S);
	assert_true(rate_of("b") == 100);
	/* Always too soon: still counted from not long ago. */
	for (unsigned i = 1; i <= 100; i++)
		arrive(700 + i, 5 + 7 * US_PER_S + i * US_PER_S / 100);
	assert_true(rate_of("b") == 100);
	for (unsigned i = 1; i <= 100; i++)
		arrive(800, 5 + 8 * US_PER_S + i * US_PER_S / 100);
	assert_true(rate_of("b") == 0);
}

static void
another_clock_begins_anew(void **state)
{
	(void)state;
	arrive(100, 5 * US_PER_S);
	round_of(200, 3, T0);
	assert_true(rate_of("b") == 3);
	arrive(300, 6 * US_PER_S);
	assert_true(rate_of("b") == 0);
	arrive(310, 7 * US_PER_S);
	assert_true(rate_of("b") == 10);
}

static void
another_source_begins_anew(void **state)
{
	(void)state;
	round_of(1000, 0, T0);
	model_start_anew(&model);
	round_of(999000, 7, T0 + US_PER_S);
	assert_true(rate_of("b") == 7);
	round_of(999010, 7, T0 + 2 * US_PER_S);
	assert_true(rate_of("b") == 10);
}

static void
a_total_that_is_not_given_has_no_rate(void **state)
{
	const struct model_names names = {
		.pool = "p", .backend = "b", .addr = "a"
	};
	const struct backend_figures none = { .lacks_total = true };

	(void)state;
	arrive(1000, 5);
	model_begin(&model);
	assert_true(model_add_backend(&model, &names, &none));
	model_end(&model, &(struct model_time){
			      .clock_us = 2 * US_PER_S, .is_arrival = true });
	assert_true(rate_of("b") == 0);
	arrive(5000, 3 * US_PER_S);
	assert_true(rate_of("b") == 0);
	arrive(5010, 4 * US_PER_S);
	assert_true(rate_of("b") == 10);
}

static void
a_pool_without_claims_has_those_of_its_backends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		model_begin(&model);
		add_backend("b", "a", 10 * i, 0);
		add_backend("c", "a", 20 * i, 0);
		end(T0 + i * US_PER_S);
	}
	assert_true(model_get_pool(&model, "p")->now.is_bare);
	assert_true(model_get_pool(&model, "p")->now.claims_per_s == 30);
	assert_true(model.claims_per_s == 30);
}

static void
a_round_that_is_not_over_is_not_seen(void **state)
{
	(void)state;
	round_of(1000, 5, T0);
	model_begin(&model);
	add_pool("more", 1, 0);
	add_backend("b", "a", 5, 0);
	add_backend("c", "a", 5, 0);
	assert_int_equal(model.now.count, 1);
	assert_int_equal(model_get_pool(&model, "p")->count, 1);
	assert_int_equal(model.now.backends[0].now.total, 1000);
	/* And forgotten when another one begins. */
	round_of(1010, 5, T0 + US_PER_S);
	assert_true(rate_of("b") == 10);
	assert_int_equal(model.now.count, 1);
}

static void
of_two_of_the_same_name_one_counts(void **state)
{
	const struct model_pool *p;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		model_begin(&model);
		for (unsigned k = 0; k < 10; k++) {
			add_backend("c", "a", 10 * i, 0);
			add_backend("b", "a", 10 * i, 0);
		}
		end(T0 + i * US_PER_S);
	}
	p = model_get_pool(&model, "p");
	assert_int_equal(p->count, 2);
	assert_true(rate_of("b") == 10);
	assert_true(rate_of("c") == 10);
}

static void
rates_are_remembered_when_asked(void **state)
{
	const struct model_backend *b;

	(void)state;
	round_of(0, 0, T0);
	assert_null(model.now.backends[0].rates);
	model.keeps_history = true;
	for (unsigned i = 1; i <= 3; i++)
		round_of(i * i, 0, T0 + i * US_PER_S);
	b = &model.now.backends[0];
	assert_int_equal(b->rates->count, 3);
	assert_int_equal(sparkline_value(b->rates, 0), 5 * MODEL_RATE_UNIT);
	assert_int_equal(sparkline_value(b->rates, 2), 1 * MODEL_RATE_UNIT);
	round_of(UINT64_MAX, 0, T0 + 4 * US_PER_S);
	assert_true(sparkline_value(model.now.backends[0].rates, 0) > 0);
}

static void
what_a_pool_has_refused_since_the_last_round(void **state)
{
	const struct model_names names = { .pool = "p" };
	static const uint64_t refused[] = { 5, 5, 8, 2, 3 };
	static const uint64_t newly[] = { 0, 0, 3, 0, 1 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(refused); i++) {
		const struct pool_figures now = { .refused = refused[i] };

		model_begin(&model);
		assert_true(model_add_pool(&model, &names, &now));
		end(T0 + i * US_PER_S);
		assert_int_equal(model.now.pools[0].newly_refused, newly[i]);
	}
}

static void
a_moment_that_is_none_is_0(void **state)
{
	(void)state;
	assert_true(model_time_us(1795388400.5) == T0 + US_PER_S / 2);
	assert_true(model_time_us(0) == 0);
	assert_true(model_time_us(-1) == 0);
	assert_true(model_time_us((double)NAN) == 0);
	assert_true(model_time_us((double)INFINITY) == 0);
	assert_true(model_time_us(1e300) == 0);
}

static void
there_is_an_end_to_the_backends_that_it_holds(void **state)
{
	const struct backend_figures none = { 0 };
	char name[16];
	struct model_names names = { .pool = "p", .backend = name };

	(void)state;
	for (unsigned r = 0; r < 2; r++) {
		model_begin(&model);
		for (unsigned i = 0; i < MODEL_BACKENDS_MAX; i++) {
			snprintf(name, sizeof(name), "b%u", i);
			assert_true(model_add_backend(&model, &names, &none));
		}
		assert_false(model_add_backend(&model, &names, &none));
		end(T0 + r * US_PER_S);
		assert_int_equal(
		    model_get_pool(&model, "p")->count, MODEL_BACKENDS_MAX);
	}
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(the_first_round_has_the_rates_that_the_source_gives),
		PLAY(later_rates_are_what_the_totals_grew_by_per_second),
		PLAY(a_total_that_fell_began_anew),
		PLAY(a_clock_that_stands_or_goes_back_gives_no_rate),
		PLAY(a_rate_is_never_negative_and_always_a_number),
		PLAY(a_backend_that_comes_in_between_has_its_own_rate_at_first),
		PLAY(what_a_round_does_not_name_is_gone),
		PLAY(names_are_in_order_whatever_order_they_came_in),
		PLAY(what_the_source_does_not_say_is_a_dash),
		PLAY(there_is_an_end_to_the_pools_that_it_holds),
		PLAY(rounds_that_arrive_now_and_then_have_rates_per_second),
		PLAY(rounds_that_arrive_in_a_heap_count_as_one),
		PLAY(another_clock_begins_anew),
		PLAY(another_source_begins_anew),
		PLAY(a_total_that_is_not_given_has_no_rate),
		PLAY(a_pool_without_claims_has_those_of_its_backends),
		PLAY(a_round_that_is_not_over_is_not_seen),
		PLAY(of_two_of_the_same_name_one_counts),
		PLAY(rates_are_remembered_when_asked),
		PLAY(what_a_pool_has_refused_since_the_last_round),
		PLAY(a_moment_that_is_none_is_0),
		PLAY(there_is_an_end_to_the_backends_that_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
