/* Views: JSON, events, rounds of a stream. */

#include "../reply_rig.h"

#include <time.h>

#include "json.h"
#include "view.h"

struct shown {
	struct view view;
	char *buf;
	size_t size;
};

static void
begin(struct shown *s, enum view_kind kind, bool is_stream)
{
	memset(s, 0, sizeof(*s));
	s->view =
	    (struct view){ .kind = kind, .width = 80, .is_stream = is_stream };
	s->view.out = open_memstream(&s->buf, &s->size);
	assert_non_null(s->view.out);
}

static void
show(struct shown *s, const char *line)
{
	struct line_reply r;

	view_reply(&s->view, reply_of(&r, line));
}

static void
check(struct shown *s, const char *want)
{
	view_end(&s->view);
	assert_int_equal(fclose(s->view.out), 0);
	assert_string_equal(s->buf, want);
	free(s->buf);
}

static void
numbers_are_numbers_in_json_and_names_are_not(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_JSON, false);
	show(&s, "* pool=1 slots=8 rate=0.5 t=1795388400.000123 ttl=007");
	show(&s, "* value=16 default=30s name=5 a=-3 b=- c=1. d=.5 e= f=0");
	show(&s, "* big=18446744073709551615 g=1e5");
	check(&s, "{\"pool\":\"1\",\"slots\":8,\"rate\":0.5,"
		  "\"t\":1795388400.000123,\"ttl\":\"007\"}\n"
		  "{\"value\":16,\"default\":\"30s\",\"name\":\"5\",\"a\":-3,"
		  "\"b\":\"-\",\"c\":\"1.\",\"d\":\".5\",\"e\":\"\",\"f\":0}\n"
		  "{\"big\":18446744073709551615,\"g\":\"1e5\"}\n");
}

static void
strings_of_json_hold_any_text(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_JSON, false);
	show(&s, "* client=a\"b\\%0A%C3%A4 server=%FFx");
	check(&s, "{\"client\":\"a\\\"b\\\\\\n\xC3\xA4\","
		  "\"server\":\"\\\\xFFx\"}\n");
}

static void
bare_words_are_true_and_counts_an_object_in_json(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_JSON, true);
	show(&s, "ok");
	show(&s, "* end t=5.000001");
	show(&s, "* stats={\"claimed\":1} old=a");
	show(&s, "* stats={broken");
	show(&s, "ok backends=3");
	check(&s, "{\"end\":true,\"t\":5.000001}\n"
		  "{\"stats\":{\"claimed\":1},\"old\":\"a\"}\n"
		  "{\"stats\":\"{broken\"}\n"
		  "{\"backends\":3}\n");
}

static void
events_are_a_line_each_for_people(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_SCREEN, true);
	show(&s, "ok");
	show(&s, "* t=3661.000123 event=connect-done pool=demo slot=7 x=a%20b");
	show(&s, "* event=lost count=12");
	show(&s, "* t=3662.5 event=client-gone%1B client=%09");
	check(&s, "01:01:01.000123  connect-done         demo  slot=7 x=a b\n"
		  "                 lost                   count=12\n"
		  "01:01:02.5  client-gone\\x1B        client=\\x09\n");
}

static void
events_are_four_fields_for_scripts(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_TABS, true);
	show(&s, "* t=3661.000123 event=connect-done pool=demo slot=7 x=a%20b");
	show(&s, "* event=lost count=12");
	show(&s, "* t=1.5 event=nothing pool=demo");
	check(&s, "t\tevent\tpool\targuments\n"
		  "3661.000123\tconnect-done\tdemo\tslot=7 x=a%20b\n"
		  "\tlost\t\tcount=12\n"
		  "1.5\tnothing\tdemo\t\n");
}

static void
a_round_is_shown_at_its_end_with_its_time(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_SCREEN, true);
	show(&s, "* pool=a slots=8");
	show(&s, "* end t=60.25");
	show(&s, "* pool=a slots=9");
	show(&s, "* end t=61.25");
	check(&s, "00:01:00.25\nPOOL  SLOTS\na         8\n"
		  "\n"
		  "00:01:01.25\nPOOL  SLOTS\na         9\n");
	begin(&s, VIEW_TABS, true);
	show(&s, "* pool=a slots=8");
	show(&s, "* end t=60.25");
	show(&s, "* pool=a slots=9");
	show(&s, "* end t=61.25");
	check(
	    &s, "t\tpool\tslots\n60.25\ta\t8\n\nt\tpool\tslots\n61.25\ta\t9\n");
}

static void
an_answer_that_is_no_stream_is_a_table(void **state)
{
	struct shown s;

	(void)state;
	begin(&s, VIEW_SCREEN, false);
	show(&s, "* t=5 event=x");
	show(&s, "ok");
	check(&s, "T  EVENT\n5  x\n");
}

static void
only_a_time_is_shown_as_one(void **state)
{
	char buf[32];

	(void)state;
	assert_true(view_clock("0.5", buf, sizeof(buf)));
	assert_string_equal(buf, "00:00:00.5");
	assert_true(view_clock("86399", buf, sizeof(buf)));
	assert_string_equal(buf, "23:59:59");
	assert_true(view_clock("1.123456789", buf, sizeof(buf)));
	assert_string_equal(buf, "00:00:01.123456");
	assert_false(view_clock("", buf, sizeof(buf)));
	assert_false(view_clock("soon", buf, sizeof(buf)));
	assert_false(view_clock("5s", buf, sizeof(buf)));
	assert_false(view_clock("9999999999999999999999", buf, sizeof(buf)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_numbers_in_json_and_names_are_not),
		cmocka_unit_test(strings_of_json_hold_any_text),
		cmocka_unit_test(
		    bare_words_are_true_and_counts_an_object_in_json),
		cmocka_unit_test(events_are_a_line_each_for_people),
		cmocka_unit_test(events_are_four_fields_for_scripts),
		cmocka_unit_test(a_round_is_shown_at_its_end_with_its_time),
		cmocka_unit_test(an_answer_that_is_no_stream_is_a_table),
		cmocka_unit_test(only_a_time_is_shown_as_one),
	};

	(void)setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
