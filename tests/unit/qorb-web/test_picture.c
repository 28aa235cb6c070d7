/* Pictures from rows, also from such as nobody would write. */

#include "picture_rig.h"

static void
a_picture_has_what_the_rows_say(void **state)
{
	struct picture *p = example();
	const struct picture_pool *a = picture_pool(p, "a");
	const struct picture_pool *b = picture_pool(p, "b");

	(void)state;
	assert_int_equal(p->pool_count, 2);
	assert_string_equal(p->server, "qorb-pool/1.2.3");
	assert_int_equal(p->t_us, UINT64_C(1795388400000123));
	assert_string_equal(a->service, "_x._tcp.test");
	assert_string_equal(a->resolver, "ok");
	assert_int_equal(a->backends, 3);
	assert_int_equal(a->online, 2);
	assert_int_equal(a->claims, 12);
	assert_true(a->claims_per_s == 2.5);
	assert_int_equal(a->waiting, 3);
	assert_int_equal(a->refused, 4);
	assert_int_equal(a->slots, 9);
	assert_int_equal(a->hold_p99_us, 8);
	assert_int_equal(a->max_slots, 16);
	assert_int_equal(a->max_waiting, 4096);
	assert_int_equal(a->failures, 17);
	assert_int_equal(a->refusal_count, 2);
	assert_string_equal(a->refusals[0].code, "overloaded");
	assert_int_equal(a->refusals[0].count, 3);
	assert_int_equal(b->set_count, 0);
	assert_int_equal(b->claims, 30);
	assert_null(picture_pool(p, "c"));
	picture_free(&p);
	assert_null(p);
}

static void
backends_are_ordered_and_those_of_one_name_marked(void **state)
{
	struct picture *p = example();
	const struct picture_backend *s = p->pools[0].sets;

	(void)state;
	assert_int_equal(p->pools[0].set_count, 3);
	assert_string_equal(s[0].name, "w");
	assert_false(s[0].is_ambiguous);
	assert_string_equal(s[1].addr, "[::1]:1");
	assert_true(s[1].is_ambiguous);
	assert_string_equal(s[2].addr, "[::1]:2");
	assert_true(s[2].is_ambiguous);
	for (int i = 0; i < PICTURE_STATES; i++)
		assert_int_equal(s[2].counts[i], i + 1);
	assert_int_equal(s[2].claims, 5);
	assert_int_equal(s[2].connects, 21);
	assert_int_equal(s[2].failures_all, 22);
	assert_int_equal(s[1].connects, 23);
	assert_int_equal(s[0].connects, 0);
	picture_free(&p);
}

static void
a_histogram_is_its_bounds_in_order(void **state)
{
	struct picture *p = example();
	const struct picture_histogram *h = &p->pools[0].wait;

	(void)state;
	assert_int_equal(h->count, 12);
	assert_int_equal(h->sum_us, 1500250);
	assert_int_equal(h->bucket_count, 2);
	assert_int_equal(h->buckets[0].bound_us, 10);
	assert_int_equal(h->buckets[0].count, 4);
	assert_int_equal(h->buckets[1].bound_us, 1000000);
	assert_int_equal(h->buckets[1].count, 11);
	METRICS_ROW(p,
	    "pool=a name=hold count=3 le_5us=1 le_us=1 le_xus=1 "
	    "le_5us=2 le_4us=2 le_9us=-1 le_10us=2 le_10=3 xle_20us=3 "
	    "le_99999999999999999999us=3 le_111111111111111111111111us=3");
	h = &p->pools[0].hold;
	assert_int_equal(h->count, 3);
	assert_int_equal(h->bucket_count, 2);
	assert_int_equal(h->buckets[1].bound_us, 10);
	picture_free(&p);
}

static void
more_bounds_than_there_is_room_for_are_left_out(void **state)
{
	char line[LINE_MAX_BYTES] = "* pool=a name=connect count=1";
	struct picture *p = example();
	struct line_reply r;

	(void)state;
	for (unsigned i = 1; i <= 60; i++)
		(void)snprintf(line + strlen(line), sizeof(line) - strlen(line),
		    " le_%uus=1", i);
	picture_add_metrics(p, reply_of(&r, line));
	assert_int_equal(p->pools[0].connect.bucket_count, 60);
	picture_free(&p);
}

static void
what_is_not_known_is_left_out_and_what_is_missing_is_zero(void **state)
{
	struct picture *p = picture_new("");

	(void)state;
	POOL_ROW(p, "other=row");
	POOL_ROW(p, "pool=a backends=x online=-1");
	POOL_ROW(p, "pool=a backends=7");
	STATS_ROW(p, "pool=late claims=5");
	STATS_ROW(p, "pool=late backend=b addr=c");
	STATS_ROW(p, "claims=5");
	STATS_ROW(p, "pool=a claims=99999999999999999999 claims_per_s=nan");
	STATS_ROW(p, "pool=a backend=b");
	METRICS_ROW(p, "pool=late name=failures value=1");
	METRICS_ROW(p, "pool=a value=1");
	METRICS_ROW(p, "pool=a name=new value=1");
	METRICS_ROW(p, "pool=a name=backend backend=b connects=1");
	METRICS_ROW(p, "pool=a name=backend backend=nobody addr=c connects=1");
	picture_end(p, 1);
	assert_int_equal(p->pool_count, 1);
	assert_int_equal(p->pools[0].backends, 0);
	assert_int_equal(p->pools[0].online, 0);
	assert_int_equal(p->pools[0].claims, 0);
	assert_true(p->pools[0].claims_per_s == 0);
	assert_string_equal(p->pools[0].resolver, "");
	assert_int_equal(p->pools[0].set_count, 1);
	assert_string_equal(p->pools[0].sets[0].addr, "");
	assert_int_equal(p->pools[0].sets[0].connects, 0);
	picture_free(&p);
}

static void
rates_that_are_no_numbers_are_zero(void **state)
{
	struct picture *p = picture_new("");

	(void)state;
	POOL_ROW(p, "pool=a");
	STATS_ROW(p, "pool=a claims_per_s=inf");
	assert_true(p->pools[0].claims_per_s == 0);
	STATS_ROW(p, "pool=a claims_per_s=-1e999");
	assert_true(p->pools[0].claims_per_s == 0);
	STATS_ROW(p, "pool=a claims_per_s=12.5");
	assert_true(p->pools[0].claims_per_s == 12.5);
	picture_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_has_what_the_rows_say),
		cmocka_unit_test(
		    backends_are_ordered_and_those_of_one_name_marked),
		cmocka_unit_test(a_histogram_is_its_bounds_in_order),
		cmocka_unit_test(
		    more_bounds_than_there_is_room_for_are_left_out),
		cmocka_unit_test(
		    what_is_not_known_is_left_out_and_what_is_missing_is_zero),
		cmocka_unit_test(rates_that_are_no_numbers_are_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
