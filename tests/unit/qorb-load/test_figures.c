#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base.h"
#include "figures.h"

static void
grant_on(
    struct figures *f, const char *backend, uint64_t slot, uint64_t connection)
{
	const struct figures_grant g = {
		.backend = backend,
		.slot = slot,
		.connection = connection,
		.planned_us = 1000,
		.asked_us = 1200,
		.now_us = 1250,
	};

	figures_on_granted(f, &g);
}

static void
grant(struct figures *f, const char *backend, uint64_t slot)
{
	grant_on(f, backend, slot, 1);
}

static void
in_the_open_model_latency_counts_from_the_plan(void **state)
{
	struct figures *f = figures_new(true);

	(void)state;
	grant(f, "a:1", 1);
	figures_on_cycle(f, 1000, 1200, 1260);
	assert_int_equal(f->spans.wait.max_us, 250);
	assert_int_equal(f->spans.cycle.max_us, 260);
	assert_int_equal(f->raw.wait.max_us, 50);
	assert_int_equal(f->raw.cycle.max_us, 60);
	assert_int_equal(f->lately.max_us, 250);
	figures_free(&f);
	assert_null(f);
}

static void
in_the_closed_model_there_is_but_one_latency(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	grant(f, "a:1", 1);
	figures_on_cycle(f, 1000, 1200, 1260);
	assert_int_equal(f->spans.wait.count, 1);
	assert_int_equal(f->spans.cycle.count, 1);
	assert_int_equal(f->raw.wait.count, 0);
	assert_int_equal(f->raw.cycle.count, 0);
	figures_free(&f);
}

static void
backends_are_told_apart_however_many(void **state)
{
	struct figures *f = figures_new(false);
	char name[32];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "b%u.test:6001", i);
			grant(f, name, i);
		}
	}
	assert_int_equal(f->backend_count, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(f->backends[i].claims, 2);
	figures_free(&f);
}

static void
too_many_backends_share_one_name(void **state)
{
	struct figures *f = figures_new(false);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < FIGURES_BACKENDS_MAX + 9; i++) {
		snprintf(name, sizeof(name), "b%u.test:6001", i);
		grant(f, name, 1);
	}
	grant(f, "b0.test:6001", 1);
	assert_int_equal(f->backend_count, FIGURES_BACKENDS_MAX);
	figures_sort_backends(f);
	grant(f, "one more", 1);
	assert_string_equal(f->backends[0].name, "(others)");
	assert_int_equal(f->backends[0].claims, 11);
	assert_string_equal(f->backends[1].name, "b0.test:6001");
	figures_free(&f);
}

static void
slots_are_counted_once(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		grant(f, "a:1", i % 1000 * 1024);
	assert_int_equal(f->slot_count, 1000);
	assert_false(f->has_more_slots);
	figures_free(&f);
}

static void
a_slot_has_one_connection_after_the_other(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	assert_true(figures_claims_each(f) == 0);
	for (uint64_t i = 0; i < 12000; i++)
		grant_on(f, "a:1", i % 1000, 1 + i / 3000);
	assert_int_equal(f->slot_count, 1000);
	assert_int_equal(f->connections, 4000);
	assert_true(figures_claims_each(f) == 3);
	figures_free(&f);
}

static void
what_is_of_no_pool_has_no_slot(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	grant_on(f, "a:1", 0, 0);
	assert_int_equal(f->granted, 1);
	assert_int_equal(f->slot_count, 0);
	assert_int_equal(f->connections, 0);
	figures_free(&f);
}

/* The pool keeps its connections between two runs. */
static void
runs_that_follow_share_a_connection(void **state)
{
	struct figures *all = figures_new(false);

	(void)state;
	for (uint64_t run = 0; run < 3; run++) {
		struct figures *f = figures_new(false);

		grant_on(f, "a:1", 7, 10 + run);
		grant_on(f, "a:1", 7, 10 + run);
		grant_on(f, "a:1", 7, 11 + run);
		grant_on(f, "a:1", 8, 20 + run);
		figures_add(all, f);
		figures_free(&f);
	}
	/* 10 to 13, and 20 to 22. */
	assert_int_equal(all->connections, 7);
	assert_int_equal(all->slot_count, 2);
	assert_int_equal(all->connection_claims, 12);
	figures_free(&all);
}

static void
slots_beyond_the_limit_are_only_noted(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	for (unsigned i = 0; i < FIGURES_SLOTS_MAX; i++)
		grant(f, "a:1", i);
	assert_false(f->has_more_slots);
	grant(f, "a:1", FIGURES_SLOTS_MAX);
	assert_true(f->has_more_slots);
	assert_int_equal(f->slot_count, FIGURES_SLOTS_MAX);
	/* What is told of the others is right. */
	grant(f, "a:1", FIGURES_SLOTS_MAX + 1);
	for (unsigned i = 0; i < FIGURES_SLOTS_MAX; i++)
		grant_on(f, "a:1", i, 2);
	assert_int_equal(f->connections, 2 * FIGURES_SLOTS_MAX);
	assert_true(figures_claims_each(f) == 1);
	figures_free(&f);
}

static void
backends_sort_by_claims_then_name(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	grant(f, "c:1", 1);
	grant(f, "b:1", 1);
	grant(f, "a:1", 1);
	grant(f, "c:1", 1);
	figures_sort_backends(f);
	assert_string_equal(f->backends[0].name, "c:1");
	assert_string_equal(f->backends[1].name, "a:1");
	assert_string_equal(f->backends[2].name, "b:1");
	grant(f, "b:1", 1);
	assert_int_equal(f->backend_count, 3);
	assert_int_equal(f->backends[2].claims, 2);
	figures_free(&f);
}

static void
after_the_end_only_failures_count(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	f->begun_us = 500;
	figures_end(f, 2000500, &(struct cost){ .cpu_us = 100000 });
	grant(f, "a:1", 1);
	figures_on_cycle(f, 1, 1, 2);
	figures_on_failure(f, FAILURE_ECHO_WRONG);
	assert_int_equal(f->granted, 0);
	assert_int_equal(f->cycles, 0);
	assert_int_equal(f->cut, 1);
	assert_int_equal(f->spans.cycle.count, 0);
	assert_int_equal(figures_failures(f), 1);
	assert_int_equal(f->elapsed_us, 2000000);
	figures_free(&f);
}

static void
rates_and_shares_are_of_the_time_until_the_end(void **state)
{
	struct figures *f = figures_new(false);

	(void)state;
	assert_true(figures_rate(f, 5) == 0);
	assert_true(figures_cpu_share(f) == 0);
	assert_true(figures_failure_share(f) == 0);
	for (unsigned i = 0; i < 3; i++)
		figures_on_cycle(f, 1, 1, 2);
	figures_on_failure(f, ERR_OVERLOADED);
	assert_true(figures_delayed_share(f) == 0);
	figures_end(f, 2 * US_PER_S,
	    &(struct cost){ .cpu_us = US_PER_S / 2, .delayed_us = US_PER_S });
	assert_true(figures_rate(f, 3) == 1.5);
	assert_true(figures_cpu_share(f) == 0.25);
	assert_true(figures_delayed_share(f) == 0.5);
	assert_true(figures_cycle_cpu_us(f) == (double)US_PER_S / 6);
	assert_true(figures_failure_share(f) == 25);
	figures_free(&f);
}

static void
add_run(struct figures *all, unsigned i)
{
	struct figures *f = figures_new(true);
	struct figures_grant g = {
		.backend = i == 1 ? "a:1" : "b:1",
		.slot = i,
		.connection = 1,
		.asked_us = 50,
		.now_us = 100 * i,
	};

	f->begun_us = 1000;
	f->asked = 3;
	f->planned = 4;
	figures_on_granted(f, &g);
	g.backend = "c:1";
	g.slot = 9;
	figures_on_granted(f, &g);
	figures_on_cycle(f, 0, 50, 200 * i);
	figures_on_failure(f, FAILURE_IO_RESET);
	figures_end(f, 1000 + US_PER_S * i,
	    &(struct cost){ .cpu_us = 10, .delayed_us = 20 });
	figures_on_cycle(f, 0, 50, 200);
	figures_add(all, f);
	figures_free(&f);
}

static void
the_figures_of_several_runs_add_up(void **state)
{
	struct figures *all = figures_new(true);

	(void)state;
	add_run(all, 1);
	add_run(all, 2);
	assert_true(all->is_ended);
	assert_int_equal(all->asked, 6);
	assert_int_equal(all->planned, 8);
	assert_int_equal(all->granted, 4);
	assert_int_equal(all->cycles, 2);
	assert_int_equal(all->cut, 2);
	assert_int_equal(all->failures[FAILURE_IO_RESET], 2);
	assert_int_equal(all->elapsed_us, 3 * US_PER_S);
	assert_int_equal(all->cost.cpu_us, 20);
	assert_int_equal(all->cost.delayed_us, 40);
	assert_int_equal(all->spans.wait.count, 4);
	assert_int_equal(all->spans.wait.max_us, 200);
	assert_int_equal(all->spans.cycle.max_us, 400);
	assert_int_equal(all->raw.wait.max_us, 150);
	assert_int_equal(all->raw.cycle.count, 2);
	assert_int_equal(all->slot_count, 3);
	figures_sort_backends(all);
	assert_int_equal(all->backend_count, 3);
	assert_string_equal(all->backends[0].name, "c:1");
	assert_int_equal(all->backends[0].claims, 2);
	figures_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    in_the_open_model_latency_counts_from_the_plan),
		cmocka_unit_test(in_the_closed_model_there_is_but_one_latency),
		cmocka_unit_test(backends_are_told_apart_however_many),
		cmocka_unit_test(too_many_backends_share_one_name),
		cmocka_unit_test(slots_are_counted_once),
		cmocka_unit_test(a_slot_has_one_connection_after_the_other),
		cmocka_unit_test(what_is_of_no_pool_has_no_slot),
		cmocka_unit_test(runs_that_follow_share_a_connection),
		cmocka_unit_test(slots_beyond_the_limit_are_only_noted),
		cmocka_unit_test(backends_sort_by_claims_then_name),
		cmocka_unit_test(after_the_end_only_failures_count),
		cmocka_unit_test(
		    rates_and_shares_are_of_the_time_until_the_end),
		cmocka_unit_test(the_figures_of_several_runs_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
