/* Messages as JSON. */

#include "picture_rig.h"

#include "message.h"

static void
check(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void
a_message_has_pools_and_sets(void **state)
{
	struct picture *p = example();

	(void)state;
	check(message_stats(p, "/run/s", "a"),
	    "{\"version\":1,\"t\":1795388400.000123,"
	    "\"server\":\"qorb-pool/1.2.3\",\"source\":\"/run/s\","
	    "\"claims\":12,\"pools\":{\"a\":{\"service\":\"_x._tcp.test\","
	    "\"claims\":12,\"claims_per_s\":2.5,\"waiting\":3,\"refused\":4,"
	    "\"refusals\":{\"overloaded\":3},\"slots\":9,\"backends\":3,"
	    "\"online\":2,\"resolver\":\"ok\",\"wait_p50_us\":5,"
	    "\"wait_p99_us\":6,\"hold_p50_us\":7,\"hold_p99_us\":8}},"
	    "\"sets\":{\"w\":{\"connecting_slots\":0,\"unclaimed_slots\":0,"
	    "\"checking_slots\":0,\"claimed_slots\":1,\"total_claims\":0,"
	    "\"pool\":\"a\",\"name\":\"w\",\"addr\":\"[::1]:3\","
	    "\"state\":\"draining\",\"failures\":0,\"claims_per_s\":0.0,"
	    "\"connect_p50_us\":0},"
	    "\"x [::1]:1\":{\"connecting_slots\":1,\"unclaimed_slots\":0,"
	    "\"checking_slots\":0,\"claimed_slots\":0,\"total_claims\":20,"
	    "\"pool\":\"a\",\"name\":\"x\",\"addr\":\"[::1]:1\","
	    "\"state\":\"offline\",\"failures\":0,\"claims_per_s\":0.0,"
	    "\"connect_p50_us\":0},"
	    "\"x [::1]:2\":{\"connecting_slots\":1,\"unclaimed_slots\":2,"
	    "\"checking_slots\":3,\"claimed_slots\":4,\"total_claims\":5,"
	    "\"pool\":\"a\",\"name\":\"x\",\"addr\":\"[::1]:2\","
	    "\"state\":\"online\",\"failures\":6,\"claims_per_s\":0.5,"
	    "\"connect_p50_us\":7}}}");
	picture_free(&p);
}

static void
with_several_pools_keys_begin_with_theirs(void **state)
{
	struct picture *p = example();
	char *m = message_stats(p, "s", NULL);

	(void)state;
	assert_non_null(strstr(m, "\"claims\":42,\"pools\":{\"a\":{"));
	assert_non_null(strstr(m, "},\"b\":{\"service\":\"static\","));
	assert_non_null(strstr(m, "\"sets\":{\"a/w\":{"));
	assert_non_null(strstr(m, ",\"a/x [::1]:2\":{"));
	free(m);
	picture_free(&p);
}

static void
a_name_that_looks_like_a_key_hides_no_other(void **state)
{
	static const char *const keys[] = { "{\"\\\\xFF\":{",
		",\"\\\\xFF [::1]:4\":{", ",\"x [::1]:1\":{",
		",\"x [::1]:2\":{", ",\"x [::1]:1 [::1]:3\":{" };
	struct picture *p = picture_new("q");
	char *m;

	(void)state;
	POOL_ROW(p, "pool=a");
	STATS_ROW(p, "pool=a backend=x addr=[::1]:1");
	STATS_ROW(p, "pool=a backend=x addr=[::1]:2");
	STATS_ROW(p, "pool=a backend=x%20[::1]:1 addr=[::1]:3");
	STATS_ROW(p, "pool=a backend=%FF addr=[::1]:4");
	STATS_ROW(p, "pool=a backend=%5CxFF addr=[::1]:5");
	picture_end(p, 1);
	m = message_stats(p, "s", "a");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_non_null(strstr(m, keys[i]));
	free(m);
	picture_free(&p);
}

static void
a_daemon_without_pools_and_an_unknown_pool_have_messages(void **state)
{
	struct picture *p = picture_new("q");

	(void)state;
	picture_end(p, 5000000);
	check(message_stats(p, "s", NULL),
	    "{\"version\":1,\"t\":5.0,\"server\":\"q\",\"source\":\"s\","
	    "\"claims\":0,\"pools\":{},\"sets\":{}}");
	check(message_stats(p, "s", "x"),
	    "{\"version\":1,"
	    "\"error\":\"no-such-pool: no pool has this name\"}");
	picture_free(&p);
}

static void
strange_names_and_large_numbers_are_written_so_that_they_can_be_read(
    void **state)
{
	struct picture *p = picture_new("q");
	char *m;

	(void)state;
	POOL_ROW(p, "pool=a service=%C3%A4%22%5C%0A");
	STATS_ROW(p, "pool=a claims=18446744073709551615");
	STATS_ROW(p, "pool=a backend=%FF%01 addr=%E2%80%AE");
	picture_end(p, 1);
	m = message_stats(p, "s", NULL);
	assert_non_null(strstr(m, "\"service\":\"\xC3\xA4\\\"\\\\\\n\""));
	assert_non_null(strstr(m, "\"claims\":9223372036854775807,"));
	assert_non_null(strstr(m, "\"sets\":{\"\\\\xFF\\\\x01\":{"));
	free(m);
	picture_free(&p);
}

static void
an_error_is_a_line(void **state)
{
	(void)state;
	check(message_error("/run/s: \"no\" \xFF"),
	    "{\"version\":1,\"error\":\"/run/s: \\\"no\\\" \\\\xFF\"}");
}

static void
event(const char *row, const char *want)
{
	struct line_reply r;

	check(message_event(reply_of(&r, row)), want);
}

static void
an_event_is_its_arguments_numbers_as_numbers(void **state)
{
	(void)state;
	event("* t=1795388400.000123 event=connect-failed pool=7 slot=12 "
	      "addr=[::1]:6001 reason=refused",
	    "{\"t\":1795388400.000123,\"event\":\"connect-failed\","
	    "\"pool\":\"7\",\"slot\":12,\"addr\":\"[::1]:6001\","
	    "\"reason\":\"refused\"}");
	event("* event=backend-added set=1 name=5 has-unclaimed=0",
	    "{\"event\":\"backend-added\",\"set\":1,\"name\":\"5\","
	    "\"has-unclaimed\":0}");
	event("* event=slot-state-change slot=1 old=claimed new=checking "
	      "stats={\"connecting\":0,\"unclaimed\":4}",
	    "{\"event\":\"slot-state-change\",\"slot\":1,\"old\":\"claimed\","
	    "\"new\":\"checking\",\"stats\":{\"connecting\":0,"
	    "\"unclaimed\":4}}");
}

static void
what_only_looks_like_a_number_is_a_text(void **state)
{
	(void)state;
	event("* a=007 b=1. c=.5 d=-1 e=1e5 f= g=1.5 h=0 stats=nothing "
	      "i=9999999999999999999999",
	    "{\"a\":\"007\",\"b\":\"1.\",\"c\":\".5\",\"d\":\"-1\","
	    "\"e\":\"1e5\",\"f\":\"\",\"g\":1.5,\"h\":0,"
	    "\"stats\":\"nothing\",\"i\":\"9999999999999999999999\"}");
}

static void
what_was_lost_is_an_event(void **state)
{
	(void)state;
	check(message_lost(17), "{\"event\":\"lost\",\"count\":17}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_pools_and_sets),
		cmocka_unit_test(with_several_pools_keys_begin_with_theirs),
		cmocka_unit_test(a_name_that_looks_like_a_key_hides_no_other),
		cmocka_unit_test(
		    a_daemon_without_pools_and_an_unknown_pool_have_messages),
		cmocka_unit_test(
		    strange_names_and_large_numbers_are_written_so_that_they_can_be_read),
		cmocka_unit_test(an_error_is_a_line),
		cmocka_unit_test(an_event_is_its_arguments_numbers_as_numbers),
		cmocka_unit_test(what_only_looks_like_a_number_is_a_text),
		cmocka_unit_test(what_was_lost_is_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
