/*
 * CoDel over the queue of claims, as RFC 8289 has it: waits that have been
 * above the target for an interval drop claims, the next one each interval /
 * sqrt(n); how far that had come is remembered for a while. One connection
 * serves all claims, and each service takes a moment.
 */

#include "pool_rig.h"

#define TARGET	 MS(5)
#define INTERVAL MS(100)
#define SERVICE	 MS(2)
#define LONG	 20 /* claims that wait for far longer than the target */

struct queue {
	struct rig *r;
	uint64_t first; /* claim that may still wait */
	uint64_t last;
	unsigned drops;
	uint64_t drop_us[RIG_CLAIMS]; /* when each was */
};

static struct queue *
begin(void)
{
	struct queue *q = mem_new(1, sizeof(*q));

	q->r = rig_new();
	q->r->policy.max_slots = q->r->policy.spares_wanted = 1;
	q->r->policy.health_interval = NEVER;
	q->r->policy.codel_target = TARGET;
	q->r->policy.codel_interval = INTERVAL;
	rig_start(q->r);
	rig_name(q->r, 0, 1);
	rig_pass(q->r, SEC(2));
	q->first = q->last = rig_claim(q->r); /* the connection is busy */
	assert_true(rig_has(q->r, q->first));
	return q;
}

static void
end(struct queue **queue)
{
	struct queue *q = *queue;

	*queue = NULL;
	rig_end(&q->r);
	free(q);
}

/* The claim that has the connection gives it back: it goes to the next. */
static void
serve(struct queue *q)
{
	rig_pass(q->r, SERVICE);
	rig_release(q->r, q->r->conns[0].claim, CLAIM_END_OK);
	while (q->drops < q->r->stats.refused[ERR_OVERLOADED])
		q->drop_us[q->drops++] = q->r->now_us;
}

static void
fill(struct queue *q)
{
	while (q->r->stats.waiting < LONG)
		q->last = rig_claim(q->r);
}

/* So many wait that the next one served has waited for long. */
static void
begin_congestion(struct queue *q)
{
	fill(q);
	rig_pass(q->r, TARGET);
}

/* Serves claims for so long while many wait. */
static void
congest(struct queue *q, uint64_t span_us)
{
	uint64_t until_us = q->r->now_us + span_us;

	while (q->r->now_us < until_us) {
		serve(q);
		fill(q);
	}
}

/* Congests until the next drop; how long that took. */
static uint64_t
next_drop(struct queue *q)
{
	uint64_t from_us = q->r->now_us;
	unsigned drops = q->drops;

	while (q->drops == drops) {
		congest(q, SERVICE);
		assert_true(q->r->now_us - from_us <= 6 * INTERVAL);
	}
	return q->r->now_us - from_us;
}

/* All that wait give up. */
static void
give_up(struct queue *q)
{
	for (uint64_t id = q->first; id <= q->last; id++)
		(void)pool_on_cancel(q->r->pool, id, q->r->now_us);
	q->first = q->last;
	rig_turn(q->r);
	assert_int_equal(q->r->stats.waiting, 0);
}

/* Serves claims for so long that wait shortly. */
static void
relax(struct queue *q, uint64_t span_us)
{
	uint64_t until_us = q->r->now_us + span_us;
	unsigned drops = q->drops;

	give_up(q);
	while (q->r->now_us < until_us) {
		q->last = rig_claim(q->r);
		serve(q);
	}
	assert_int_equal(q->drops, drops);
}

#define FAST 16

/* Congests until a drop follows the other after a quarter of the interval; ends
 * with one. */
static void
drop_fast(struct queue *q)
{
	begin_congestion(q);
	while (q->drops < FAST)
		(void)next_drop(q);
}

/* The first two drops of a new congestion: the first after an interval, the
 * second how much later? */
static uint64_t
second_drop(struct queue *q)
{
	begin_congestion(q);
	assert_in_range(next_drop(q), INTERVAL, INTERVAL + 2 * SERVICE);
	return next_drop(q);
}

static void
drops_begin_after_an_interval_and_come_faster(void **state)
{
	struct queue *q = begin();
	uint64_t begin_us;

	(void)state;
	begin_congestion(q);
	begin_us = q->r->now_us;
	congest(q, SEC(1));
	assert_in_range(
	    q->drop_us[0] - begin_us, INTERVAL, INTERVAL + 2 * SERVICE);
	assert_in_range(
	    q->drop_us[1] - q->drop_us[0], INTERVAL, INTERVAL + SERVICE);
	for (unsigned i = 9; i < q->drops; i++)
		assert_true(
		    q->drop_us[i] - q->drop_us[i - 1] <= INTERVAL / 3 + 2000);
	assert_in_range(q->drops, 20, 36);
	end(&q);
}

static void
a_congestion_that_returns_at_once_is_met_with_the_drops_it_had(void **state)
{
	struct queue *q = begin();

	(void)state;
	drop_fast(q);
	relax(q, SERVICE);
	assert_in_range(second_drop(q), SERVICE, INTERVAL / 2);
	end(&q);
}

static void
a_congestion_that_returns_within_16_intervals_is_met_likewise(void **state)
{
	struct queue *q = begin();

	(void)state;
	drop_fast(q);
	relax(q, 10 * INTERVAL);
	assert_in_range(second_drop(q), SERVICE, INTERVAL / 2);
	end(&q);
}

/* The next drop of the first congestion would have been later than the whole
 * interval of the second. */
static void
a_shorter_interval_does_not_make_it_forget(void **state)
{
	struct queue *q = begin();

	(void)state;
	q->r->policy.codel_interval = 5 * INTERVAL;
	rig_set_policy(q->r);
	drop_fast(q);
	q->r->policy.codel_interval = INTERVAL;
	rig_set_policy(q->r);
	relax(q, SERVICE);
	assert_in_range(second_drop(q), SERVICE, INTERVAL / 2);
	end(&q);
}

static void
a_congestion_that_returns_later_begins_anew(void **state)
{
	struct queue *q = begin();

	(void)state;
	drop_fast(q);
	relax(q, 17 * INTERVAL);
	assert_in_range(second_drop(q), INTERVAL, INTERVAL + SERVICE);
	end(&q);
}

static void
a_short_wait_ends_the_interval_that_long_ones_began(void **state)
{
	struct queue *q = begin();

	(void)state;
	for (int i = 0; i < 5; i++) {
		begin_congestion(q);
		congest(q, INTERVAL - MS(10));
		relax(q, SERVICE);
	}
	assert_int_equal(q->drops, 0);
	end(&q);
}

static void
a_queue_that_was_served_to_its_end_begins_a_new_interval(void **state)
{
	struct queue *q = begin();

	(void)state;
	for (int i = 0; i < 5; i++) {
		begin_congestion(q);
		congest(q, INTERVAL - LONG * SERVICE - MS(5));
		while (q->r->stats.waiting > 0)
			serve(q);
	}
	assert_int_equal(q->drops, 0);
	end(&q);
}

static void
a_queue_whose_claims_all_gave_up_begins_a_new_interval(void **state)
{
	struct queue *q = begin();

	(void)state;
	for (int i = 0; i < 5; i++) {
		begin_congestion(q);
		congest(q, INTERVAL - MS(10));
		give_up(q);
		rig_release(q->r, q->r->conns[0].claim, CLAIM_END_OK);
		rig_pass(q->r, 5 * INTERVAL);
		q->last = rig_claim(q->r);
	}
	assert_int_equal(q->drops, 0);
	end(&q);
}

static void
the_last_claim_that_waits_is_not_dropped(void **state)
{
	struct queue *q = begin();

	(void)state;
	drop_fast(q);
	give_up(q);
	for (int i = 0; i < 100; i++) {
		q->last = rig_claim(q->r);
		rig_pass(q->r, 10 * TARGET);
		serve(q);
		assert_true(rig_has(q->r, q->last));
	}
	assert_int_equal(q->drops, FAST);
	end(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_begin_after_an_interval_and_come_faster),
		cmocka_unit_test(
		    a_congestion_that_returns_at_once_is_met_with_the_drops_it_had),
		cmocka_unit_test(
		    a_congestion_that_returns_within_16_intervals_is_met_likewise),
		cmocka_unit_test(a_shorter_interval_does_not_make_it_forget),
		cmocka_unit_test(a_congestion_that_returns_later_begins_anew),
		cmocka_unit_test(
		    a_short_wait_ends_the_interval_that_long_ones_began),
		cmocka_unit_test(
		    a_queue_that_was_served_to_its_end_begins_a_new_interval),
		cmocka_unit_test(
		    a_queue_whose_claims_all_gave_up_begins_a_new_interval),
		cmocka_unit_test(the_last_claim_that_waits_is_not_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
