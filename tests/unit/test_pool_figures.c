/* What a pool says of itself: figures of now, rates, the failure window, and
 * what a claim would use. */

#include "pool_rig.h"

#define BUCKET_S 6  /* of the failure window */
#define BUCKETS	 10 /* in it */

static struct rig *
begin(uint32_t slots, int backends)
{
	struct rig *r = rig_new();

	r->policy.max_slots = r->policy.max_count = slots;
	r->policy.spares_wanted = slots;
	r->policy.spread = 0;
	rig_start(r);
	rig_name(r, 0, backends);
	rig_pass(r, SEC(2));
	return r;
}

/* Claims and gives back, so often. */
static void
claim_times(struct rig *r, int count)
{
	while (count-- > 0)
		rig_release(r, rig_claim(r), CLAIM_END_OK);
}

static double
rate_of(struct rig *r, int backend)
{
	struct backend_stats s;

	assert_true(rig_backend(r, backend, &s));
	return s.claims_per_s;
}

/* The pool's rate, and that its backends' add up to it. */
static double
rate(struct rig *r)
{
	rig_turn(r);
	assert_true(rate_of(r, 0) + rate_of(r, 1) == r->stats.claims_per_s);
	return r->stats.claims_per_s;
}

static void
claims_per_s_is_the_mean_of_the_last_four_whole_seconds(void **state)
{
	static const double after[] = { 10, 8, 6, 5, 0, 0 };
	static const int counts[] = { 8, 8, 4, 20 };
	struct rig *r = begin(8, 2);

	(void)state;
	assert_true(r->now_us % US_PER_S == 0);
	assert_true(rate(r) == 0);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		claim_times(r, counts[i]);
		rig_pass(r, SEC(1));
	}
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		assert_true(rate(r) == after[i]);
		rig_pass(r, SEC(1));
	}
	rig_end(&r);
}

static void
claims_per_s_leaves_out_the_second_that_is_not_over(void **state)
{
	struct rig *r = begin(8, 2);

	(void)state;
	claim_times(r, 40);
	assert_true(rate(r) == 0);
	rig_pass(r, SEC(1) - 1);
	assert_true(rate(r) == 0);
	rig_pass(r, 1);
	assert_true(rate(r) == 10);
	claim_times(r, 100);
	assert_true(rate(r) == 10);
	rig_end(&r);
}

static uint64_t
ask_for(struct rig *r, uint64_t wait_us)
{
	struct claim_request request = { .wait_us = wait_us };

	return rig_ask(r, &request);
}

static uint64_t
oldest_wait(struct rig *r)
{
	rig_turn(r);
	return r->stats.oldest_wait_us;
}

/* The last that came is the first whose time runs out, and the first that came
 * waits for ever. */
static void
the_oldest_wait_is_that_of_the_claim_that_came_first(void **state)
{
	struct rig *r = begin(1, 1);
	uint64_t held = rig_claim(r), first, second;

	(void)state;
	assert_int_equal(oldest_wait(r), 0);
	first = ask_for(r, NEVER);
	assert_int_equal(oldest_wait(r), 0);
	rig_pass(r, MS(700));
	second = ask_for(r, SEC(30));
	rig_pass(r, MS(50));
	(void)ask_for(r, MS(100));
	rig_pass(r, 7);
	assert_int_equal(oldest_wait(r), MS(750) + 7);
	rig_pass(r, SEC(1));
	assert_int_equal(oldest_wait(r), MS(1750) + 7);
	rig_release(r, held, CLAIM_END_OK);
	assert_true(rig_has(r, first));
	assert_int_equal(oldest_wait(r), MS(1050) + 7);
	assert_true(pool_on_cancel(r->pool, second, r->now_us));
	assert_int_equal(oldest_wait(r), 0);
	rig_end(&r);
}

static uint64_t
next_retry_of(struct rig *r, int backend)
{
	struct backend_stats s;

	assert_true(rig_backend(r, backend, &s));
	return s.next_retry_us;
}

static void
the_next_retry_is_when_a_backend_in_backoff_is_tried_again(void **state)
{
	struct rig *r = begin(1, 1);

	(void)state;
	r->policy.spread = MS(10);
	rig_set_policy(r);
	assert_true(r->stats.next_retry_us == NEVER);
	r->moods[0] = RIG_DOWN;
	rig_lose(r, 0);
	for (int i = 0; i < 12; i++) {
		unsigned connects = r->connects[0];
		uint64_t wait_us = next_retry_of(r, 0), half_us = wait_us / 2;

		rig_turn(r);
		assert_true(r->stats.next_retry_us == wait_us);
		rig_pass(r, half_us);
		rig_turn(r);
		assert_true(r->stats.next_retry_us == wait_us - half_us);
		assert_true(next_retry_of(r, 0) == wait_us - half_us);
		rig_pass(r, wait_us - half_us - 1);
		assert_int_equal(r->connects[0], connects);
		rig_pass(r, 1);
		assert_int_equal(r->connects[0], connects + 1);
	}
	rig_end(&r);
}

static void
the_next_retry_of_a_pool_is_the_first_of_its_backends(void **state)
{
	struct rig *r = begin(9, 3);

	(void)state;
	r->policy.spares_wanted = 3; /* so that nobody waits for a turn */
	rig_set_policy(r);
	rig_pass(r, SEC(60));
	r->moods[0] = r->moods[1] = RIG_DOWN;
	rig_lose(r, 0);
	rig_pass(r, MS(20) - 1);
	rig_lose(r, 1);
	assert_true(next_retry_of(r, 0) == 1);
	assert_true(next_retry_of(r, 1) == MS(20));
	assert_true(next_retry_of(r, 2) == NEVER);
	assert_true(r->stats.next_retry_us == 1);
	rig_pass(r, 1);
	rig_turn(r);
	assert_true(next_retry_of(r, 0) == MS(40));
	assert_true(next_retry_of(r, 1) == MS(20) - 1);
	assert_true(r->stats.next_retry_us == MS(20) - 1);
	rig_end(&r);
}

static void
nothing_is_to_be_retried_while_an_attempt_is_out(void **state)
{
	struct rig *r = begin(1, 1);

	(void)state;
	r->moods[0] = RIG_STUCK;
	rig_lose(r, 0);
	assert_true(r->stats.next_retry_us == MS(20));
	rig_pass(r, MS(20));
	rig_turn(r);
	assert_true(r->conns[0].is_trying);
	assert_true(r->stats.next_retry_us == NEVER);
	assert_true(next_retry_of(r, 0) == NEVER);
	rig_end(&r);
}

/* One of a backend's connections is lost. */
static void
lose_one(struct rig *r, int backend)
{
	for (uint32_t i = 0; i < pool_slot_room(r->pool); i++) {
		struct rig_conn *c = &r->conns[i];

		if (!c->is_open || c->backend != backend)
			continue;
		pool_on_lost(r->pool, c->ref, "closed", r->now_us);
		rig_turn(r);
		return;
	}
}

/* What the failure window should hold: a second at a time, the failures of each
 * bucket as they come. */
struct window {
	uint32_t buckets[64];
	uint64_t before; /* failures until the second that goes by */
};

static void
window_second(struct window *w, struct rig *r)
{
	uint64_t now = r->now_us / SEC(BUCKET_S), sum = 0;
	struct backend_stats s;

	rig_pass(r, SEC(1) - 1); /* a bucket begins with the next moment */
	assert_true(rig_backend(r, 0, &s));
	w->buckets[now % 64] += (uint32_t)(s.failures_all - w->before);
	w->before = s.failures_all;
	for (uint64_t i = 0; i < BUCKETS; i++)
		sum += w->buckets[(now - i) % 64];
	w->buckets[(now + 1) % 64] = 0;
	assert_int_equal(s.failures, sum);
	r->now_us++;
}

/* So many seconds, in each of which the backend loses so many. */
static void
window_pass(struct window *w, struct rig *r, int seconds, int lost)
{
	for (int i = 0; i < seconds; i++) {
		for (int k = 0; k < lost; k++)
			lose_one(r, 0);
		window_second(w, r);
	}
}

/* Claims of so many, all held at the same time, that the backend has. */
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
a_failure_leaves_the_window_once_and_then_counts_no_more(void **state)
{
	struct rig *r = begin(16, 2);
	struct window w = { .before = 0 };

	(void)state;
	window_pass(&w, r, 1, 3);
	window_pass(&w, r, 30, 0);
	window_pass(&w, r, 200, 1); /* all buckets, and each more than once */
	assert_true(had_of(r, 0, 4) == 0);
	window_pass(&w, r, 70, 0);
	window_pass(&w, r, 1, 2); /* after a rest */
	window_pass(&w, r, 70, 0);
	window_pass(&w, r, 5, 1);
	window_pass(&w, r, 600, 0);
	window_pass(&w, r, 1, 1);
	r->moods[0] = RIG_DOWN; /* offline, and back */
	window_pass(&w, r, 100, 8);
	r->moods[0] = RIG_UP;
	window_pass(&w, r, 200, 0);
	window_pass(&w, r, 1, 1);
	window_pass(&w, r, 70, 0);
	assert_int_equal(rig_slots(r, 0), 8);
	assert_in_range(had_of(r, 0, 8), 3, 5);
	rig_end(&r);
}

static int
picked(struct rig *r, const char *backend, const char *key)
{
	const char *name, *addr;

	assert_int_equal(
	    pool_pick(r->pool, backend, key, &name, &addr), ERR_NONE);
	return rig_backend_of(name);
}

/* What three backends went through: claims that they hold, claims that they
 * gave back, connections that they lost. */
struct past {
	enum balance balance;
	int held[3], returned[3], lost[3];
	int best;
};

static void
live_through(struct rig *r, const struct past *past)
{
	for (int b = 0; b < 3; b++) {
		char name[8];
		struct claim_request only = { .wait_us = POOL_WAIT_DEFAULT,
			.backend = name };

		snprintf(name, sizeof(name), "b%d", b);
		for (int i = 0; i < past->returned[b]; i++)
			rig_release(r, rig_ask(r, &only), CLAIM_END_OK);
		for (int i = 0; i < past->held[b]; i++)
			assert_true(rig_has(r, rig_ask(r, &only)));
		for (int i = 0; i < past->lost[b]; i++)
			lose_one(r, b);
	}
}

static void
pick_names_the_backend_that_the_next_claim_gets(void **state)
{
	static const struct past pasts[] = {
		{ .held = { 1, 2, 3 }, .best = 0 },
		{ .held = { 3, 1, 2 }, .best = 1 },
		{ .held = { 2, 3, 1 }, .best = 2 },
		{ .held = { 1 }, .returned = { 0, 3, 4 }, .best = 1 },
		/* Not those with nothing to do: they have just failed. */
		{ .held = { 0, 2 }, .lost = { 1, 0, 1 }, .best = 1 },
		/* The one that was given least holds most. */
		{ BALANCE_ROUND_ROBIN, .held = { 0, 0, 3 },
		    .returned = { 5, 4, 0 }, .best = 2 },
		{ BALANCE_ROUND_ROBIN, .held = { 4, 5, 6 }, .best = 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pasts); i++) {
		struct rig *r = begin(24, 3);
		uint64_t c;

		r->policy.balance = pasts[i].balance;
		rig_set_policy(r);
		live_through(r, &pasts[i]);
		assert_int_equal(picked(r, NULL, NULL), pasts[i].best);
		assert_int_equal(picked(r, NULL, NULL), pasts[i].best);
		c = rig_claim(r);
		assert_int_equal(rig_conn_of(r, c)->backend, pasts[i].best);
		rig_end(&r);
	}
}

static void
pick_owes_a_backend_that_failed_no_more_than_claims_do(void **state)
{
	struct rig *r = begin(24, 3);

	(void)state;
	lose_one(r, 0);
	rig_pass(r, SEC(1));
	for (int i = 0; i < 60; i++) {
		int backend = picked(r, NULL, NULL);
		uint64_t c = rig_claim(r);

		assert_int_not_equal(rig_conn_of(r, c)->backend, 0);
		assert_int_not_equal(backend, 0);
		rig_release(r, c, CLAIM_END_OK);
	}
	rig_end(&r);
}

static void
pick_takes_nothing(void **state)
{
	struct rig *r = begin(2, 2);
	uint64_t a, b;

	(void)state;
	for (int i = 0; i < 10; i++)
		(void)picked(r, NULL, NULL);
	rig_turn(r);
	assert_int_equal(r->stats.counts[SLOT_UNCLAIMED], 2);
	assert_int_equal(r->stats.claims, 0);
	assert_true(r->stats.oldest_wait_us == 0);
	a = rig_claim(r);
	b = rig_claim(r);
	assert_true(rig_has(r, a) && rig_has(r, b));
	(void)picked(r, NULL, NULL); /* though every connection is lent */
	rig_end(&r);
}

static enum error
why_no_pick(struct rig *r, const char *backend, const char *key)
{
	const char *name, *addr;

	return pool_pick(r->pool, backend, key, &name, &addr);
}

static void
pick_says_why_there_is_nothing_to_pick(void **state)
{
	struct rig *r = begin(4, 2);

	(void)state;
	assert_int_equal(picked(r, "b1", NULL), 1);
	assert_int_equal(why_no_pick(r, "b2", NULL), ERR_NO_SUCH_BACKEND);
	r->moods[1] = RIG_DOWN;
	rig_lose(r, 1);
	assert_int_equal(why_no_pick(r, "b1", NULL), ERR_NO_BACKENDS_ONLINE);
	assert_int_equal(picked(r, NULL, NULL), 0);
	assert_int_equal(picked(r, NULL, "k"), 0);
	/* One that is drained lives on while its last claims are held. */
	assert_true(rig_has(r, rig_claim(r)));
	assert_true(pool_on_drain(r->pool, "b0", true, r->now_us));
	rig_turn(r);
	assert_int_equal(why_no_pick(r, "b0", NULL), ERR_NO_BACKENDS_ONLINE);
	assert_int_equal(why_no_pick(r, NULL, NULL), ERR_NO_BACKENDS_ONLINE);
	assert_int_equal(why_no_pick(r, NULL, "k"), ERR_NO_BACKENDS_ONLINE);
	rig_name(r, 0, 0);
	assert_int_equal(why_no_pick(r, NULL, NULL), ERR_NO_BACKENDS);
	pool_on_stop(r->pool, r->now_us);
	assert_int_equal(why_no_pick(r, NULL, NULL), ERR_TERMINATED);
	rig_end(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    claims_per_s_is_the_mean_of_the_last_four_whole_seconds),
		cmocka_unit_test(
		    claims_per_s_leaves_out_the_second_that_is_not_over),
		cmocka_unit_test(
		    the_oldest_wait_is_that_of_the_claim_that_came_first),
		cmocka_unit_test(
		    the_next_retry_is_when_a_backend_in_backoff_is_tried_again),
		cmocka_unit_test(
		    the_next_retry_of_a_pool_is_the_first_of_its_backends),
		cmocka_unit_test(
		    nothing_is_to_be_retried_while_an_attempt_is_out),
		cmocka_unit_test(
		    a_failure_leaves_the_window_once_and_then_counts_no_more),
		cmocka_unit_test(
		    pick_names_the_backend_that_the_next_claim_gets),
		cmocka_unit_test(
		    pick_owes_a_backend_that_failed_no_more_than_claims_do),
		cmocka_unit_test(pick_takes_nothing),
		cmocka_unit_test(pick_says_why_there_is_nothing_to_pick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
