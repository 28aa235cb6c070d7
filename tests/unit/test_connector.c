#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/connector.h"

static char why_buf[512];
static struct text why;

static struct connector *
takes(const char *dialogue)
{
	struct connector *c = connector_new("c");

	text_init(&why, why_buf, sizeof(why_buf));
	if (!connector_set(c, CONNECTOR_IS_VALID, dialogue, &why))
		fail_msg("refused: %s", why_buf);
	return c;
}

static void
refuses(const char *dialogue, const char *want)
{
	struct connector *c = connector_new("c");

	text_init(&why, why_buf, sizeof(why_buf));
	if (connector_set(c, CONNECTOR_IS_VALID, dialogue, &why))
		fail_msg("taken: %s", dialogue);
	if (strstr(why_buf, want) == NULL)
		fail_msg("'%s' does not say '%s'", why_buf, want);
	assert_false(c->is_said[CONNECTOR_IS_VALID]);
	assert_null(c->phases[CONNECTOR_IS_VALID].steps);
	connector_drop(&c);
}

static void
start(struct dialogue_run *run, const struct connector *c)
{
	dialogue_start(run, connector_dialogue(c, CONNECTOR_IS_VALID));
}

/* The run wants this, with these bytes. */
static void
wants(const struct dialogue_run *run, enum dialogue_wish wish, const char *text)
{
	const char *bytes = NULL;
	size_t len = 0;

	assert_int_equal(dialogue_next(run, &bytes, &len), wish);
	if (text != NULL) {
		assert_int_equal(len, strlen(text));
		assert_memory_equal(bytes, text, len);
	}
}

/* Feeds text and says how much of it was taken; -1: it has failed. */
static int
feed(struct dialogue_run *run, const char *text)
{
	size_t taken = 0;

	if (!dialogue_received(run, text, strlen(text), &taken))
		return -1;
	return (int)taken;
}

static void
steps_come_one_after_the_other(void **state)
{
	struct connector *c =
	    takes(" send \"ab\"  expect \"cd\"\tdrain send \"e\" ");
	struct dialogue_run run;

	(void)state;
	start(&run, c);
	wants(&run, DIALOGUE_SEND, "ab");
	dialogue_sent(&run, 1);
	wants(&run, DIALOGUE_SEND, "b");
	dialogue_sent(&run, 1);
	wants(&run, DIALOGUE_RECEIVE, "cd");
	assert_int_equal(feed(&run, "c"), 1);
	wants(&run, DIALOGUE_RECEIVE, "d");
	assert_int_equal(feed(&run, "d"), 1);
	wants(&run, DIALOGUE_DRAIN, NULL);
	dialogue_drained(&run);
	wants(&run, DIALOGUE_SEND, "e");
	dialogue_sent(&run, 1);
	wants(&run, DIALOGUE_DONE, NULL);
	connector_drop(&c);
	assert_null(c);
}

static void
what_is_not_expected_fails(void **state)
{
	struct connector *c = takes("expect \"abc\"");
	struct dialogue_run run;

	(void)state;
	start(&run, c);
	assert_int_equal(feed(&run, "ab"), 2);
	assert_int_equal(feed(&run, "d"), -1);
	start(&run, c);
	assert_int_equal(feed(&run, "x"), -1);
	connector_drop(&c);
	c = takes("none");
	start(&run, c);
	wants(&run, DIALOGUE_DONE, NULL);
	assert_int_equal(feed(&run, "x"), -1);
	connector_drop(&c);
}

static void
a_line_is_taken_up_to_its_end_and_no_further(void **state)
{
	struct connector *c = takes("expect-line \"25\" expect \"x\"");
	struct dialogue_run run;

	(void)state;
	start(&run, c);
	wants(&run, DIALOGUE_PEEK, NULL);
	assert_int_equal(feed(&run, "250 ok\r\nxyz"), 8);
	wants(&run, DIALOGUE_RECEIVE, "x");
	start(&run, c);
	assert_int_equal(feed(&run, "2"), 1);
	assert_int_equal(feed(&run, "5"), 1);
	assert_int_equal(feed(&run, "0 more"), 6);
	wants(&run, DIALOGUE_PEEK, NULL);
	assert_int_equal(feed(&run, "\nx"), 1);
	wants(&run, DIALOGUE_RECEIVE, "x");
	connector_drop(&c);
}

static void
a_line_that_begins_otherwise_or_has_no_end_fails(void **state)
{
	struct connector *c = takes("expect-line \"250\"");
	struct dialogue_run run;
	char x[2] = "x";

	(void)state;
	start(&run, c);
	assert_int_equal(feed(&run, "251"), -1);
	start(&run, c);
	assert_int_equal(feed(&run, "25\n"), -1);
	start(&run, c);
	assert_int_equal(feed(&run, "\n250\n"), -1);
	start(&run, c);
	assert_int_equal(feed(&run, "2"), 1);
	assert_int_equal(feed(&run, "60\n"), -1);
	start(&run, c);
	assert_int_equal(feed(&run, "250"), 3);
	for (int i = 3; i < DIALOGUE_LINE_MAX - 1; i++)
		assert_int_equal(feed(&run, x), 1);
	assert_int_equal(feed(&run, x), -1);
	connector_drop(&c);
	c = takes("expect-line \"\"");
	start(&run, c);
	assert_int_equal(feed(&run, "\n"), 1);
	wants(&run, DIALOGUE_DONE, NULL);
	connector_drop(&c);
}

static void
escapes_stand_for_bytes(void **state)
{
	struct connector *c =
	    takes("send \"\\r\\n\\t\\\\\\\"\\x00\\x7f\\xfF \xC3\xA4\"");
	const struct dialogue_step *s = c->phases[CONNECTOR_IS_VALID].steps;

	(void)state;
	assert_int_equal(s->len, 11);
	assert_memory_equal(s->bytes, "\r\n\t\\\"\0\x7F\xFF \xC3\xA4", 11);
	connector_drop(&c);
}

static void
text_that_is_no_dialogue_is_refused_where_it_ends_to_be_one(void **state)
{
	char many[DIALOGUE_STEPS_MAX * 6 + 16] = "";
	char long_text[DIALOGUE_BYTES_MAX + 32] = "send \"";

	(void)state;
	refuses("", "at '': send, expect, expect-line or drain");
	refuses("sent \"x\"", "at 'sent");
	refuses("send x", "at 'x': a string");
	refuses("send", "a string in \" is needed");
	refuses("send \"x", "the string has no end");
	refuses("send \"x\\\"", "the string has no end");
	refuses("send \"\"", "an empty string");
	refuses("expect \"\"", "an empty string");
	refuses("send \"\\y\"", "at '\\y\"': \\r, \\n");
	refuses("send \"\\x1\"", "at '\\x1");
	refuses("send \"\\", "\\xNN is needed here");
	refuses("send \"a\tb\"", "a control byte");
	refuses("expect-line \"a\\nb\"", "a line has no \\n");
	refuses("drain \"x\"", "at '\"x\"': send");
	refuses("send \"x\" none", "at 'none'");
	refuses("exec /bin/true", "at 'exec");
	for (int i = 0; i <= DIALOGUE_STEPS_MAX; i++)
		strcat(many, "drain ");
	refuses(many, "too many steps");
	memset(long_text + 6, 'x', DIALOGUE_BYTES_MAX + 1);
	strcpy(long_text + 6 + DIALOGUE_BYTES_MAX + 1, "\"");
	refuses(long_text, "too many bytes");
}

static void
on_recycle_is_is_valid_where_nothing_else_is_said(void **state)
{
	struct connector *c = takes("send \"x\"");

	(void)state;
	assert_ptr_equal(connector_dialogue(c, CONNECTOR_ON_RECYCLE),
	    connector_dialogue(c, CONNECTOR_IS_VALID));
	assert_null(connector_dialogue(c, CONNECTOR_ON_CONNECT)->steps);
	assert_null(connector_dialogue(c, CONNECTOR_ON_ACQUIRE)->steps);
	assert_true(connector_set(c, CONNECTOR_ON_RECYCLE, "none", &why));
	assert_null(connector_dialogue(c, CONNECTOR_ON_RECYCLE)->steps);
	connector_drop(&c);
}

static void
connectors_are_the_same_when_they_say_the_same(void **state)
{
	struct connector *a = takes("send \"x\" drain");
	struct connector *b = takes(" send  \"\\x78\"  drain");
	struct connector *c = takes("send \"y\" drain");
	struct connector *d = takes("send \"x\"");
	struct connector *e = takes("none");

	(void)state;
	assert_true(connector_same(a, b));
	assert_false(connector_same(a, c));
	assert_false(connector_same(a, d));
	assert_false(connector_same(d, a));
	assert_false(connector_same(a, e));
	assert_true(connector_set(b, CONNECTOR_ON_ACQUIRE, "drain", &why));
	assert_false(connector_same(a, b));
	connector_drop(&a);
	connector_drop(&b);
	connector_drop(&c);
	connector_drop(&d);
	connector_drop(&e);
}

static void
whoever_holds_a_connector_keeps_it(void **state)
{
	struct connector *a = takes("drain"), *b = connector_hold(a);

	(void)state;
	connector_drop(&a);
	assert_string_equal(b->name, "c");
	connector_drop(&b);
}

static void
every_ready_made_one_can_be_had(void **state)
{
	char names[128], *name, *rest = names;

	(void)state;
	assert_null(connector_ready("gopher"));
	strcpy(names, connector_names());
	while ((name = rest) != NULL) {
		struct connector *c;

		rest = strstr(name, ", ");
		if (rest != NULL) {
			*rest = '\0';
			rest += 2;
		}
		c = connector_ready(name);
		if (c == NULL)
			fail_msg("%s is not there", name);
		assert_string_equal(c->name, name);
		connector_drop(&c);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_come_one_after_the_other),
		cmocka_unit_test(what_is_not_expected_fails),
		cmocka_unit_test(a_line_is_taken_up_to_its_end_and_no_further),
		cmocka_unit_test(
		    a_line_that_begins_otherwise_or_has_no_end_fails),
		cmocka_unit_test(escapes_stand_for_bytes),
		cmocka_unit_test(
		    text_that_is_no_dialogue_is_refused_where_it_ends_to_be_one),
		cmocka_unit_test(
		    on_recycle_is_is_valid_where_nothing_else_is_said),
		cmocka_unit_test(
		    connectors_are_the_same_when_they_say_the_same),
		cmocka_unit_test(whoever_holds_a_connector_keeps_it),
		cmocka_unit_test(every_ready_made_one_can_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
