/* Rounds: bodies are made once, shared, and counted while somebody has them. */

#include "picture_rig.h"

#include "round.h"

static struct round
round_of(const struct picture *p, struct blob_sum *sum)
{
	return (struct round){
		.picture = p, .source = "/run/s", .max_backends = 10, .sum = sum
	};
}

static bool
holds(const struct blob *b, const char *part)
{
	char *text = mem_new(b->len + 1, 1);
	bool is_there;

	memcpy(text, b->bytes, b->len);
	is_there = strstr(text, part) != NULL;
	free(text);
	return is_there;
}

static void
a_body_is_made_once(void **state)
{
	struct picture *p = example();
	struct blob_sum sum = { 0 };
	struct round r = round_of(p, &sum);
	char name[] = "a";
	struct blob *all = round_body(&r, ROUND_STATS, NULL);
	struct blob *a = round_body(&r, ROUND_STATS, "a");
	struct blob *metrics = round_body(&r, ROUND_METRICS, NULL);

	(void)state;
	assert_true(holds(all, "\"a/w\""));
	assert_true(holds(a, "\"w\""));
	assert_true(holds(metrics, "qorb_up 1"));
	assert_ptr_equal(round_body(&r, ROUND_STATS, NULL), all);
	assert_ptr_equal(round_body(&r, ROUND_STATS, name), a);
	assert_ptr_equal(round_body(&r, ROUND_METRICS, NULL), metrics);
	assert_ptr_not_equal(round_body(&r, ROUND_STATS, "b"), a);
	assert_int_equal(sum.count, 4);
	round_fini(&r);
	picture_free(&p);
}

static void
pools_that_are_not_there_are_one(void **state)
{
	struct picture *p = example();
	struct blob_sum sum = { 0 };
	struct round r = round_of(p, &sum);
	struct blob *none = round_body(&r, ROUND_STATS, "nosuch");

	(void)state;
	assert_true(holds(none, "no-such-pool"));
	assert_ptr_equal(round_body(&r, ROUND_STATS, "nor this"), none);
	round_fini(&r);
	picture_free(&p);
}

static void
without_a_picture_it_says_why_not(void **state)
{
	struct blob_sum sum = { 0 };
	struct round r = round_of(NULL, &sum);
	struct blob *why;

	(void)state;
	r.why = "gone";
	why = round_body(&r, ROUND_STATS, "a");
	assert_true(holds(why, "{\"version\":1,\"error\":\"gone\"}"));
	assert_ptr_equal(round_body(&r, ROUND_STATS, NULL), why);
	assert_true(holds(round_body(&r, ROUND_METRICS, NULL), "qorb_up 0"));
	round_fini(&r);
}

static void
bytes_count_as_long_as_somebody_has_them(void **state)
{
	struct picture *p = example();
	struct blob_sum sum = { 0 };
	struct round r = round_of(p, &sum);
	struct blob *held = blob_hold(round_body(&r, ROUND_STATS, "a"));
	struct blob *later;

	(void)state;
	(void)round_body(&r, ROUND_STATS, "b");
	assert_true(sum.bytes > held->len);
	round_fini(&r);
	assert_int_equal(sum.bytes, held->len);
	r = round_of(p, &sum);
	later = blob_hold(round_body(&r, ROUND_STATS, "a"));
	round_fini(&r);
	assert_true(later->serial > held->serial);
	blob_drop(&held);
	assert_int_equal(sum.bytes, later->len);
	blob_drop(&later);
	assert_int_equal(sum.bytes, 0);
	picture_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_made_once),
		cmocka_unit_test(pools_that_are_not_there_are_one),
		cmocka_unit_test(without_a_picture_it_says_why_not),
		cmocka_unit_test(bytes_count_as_long_as_somebody_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
