/* Which events a browser gets, and how many. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/event.h"
#include "feed.h"

static struct blob *
event(void)
{
	return blob_new(strdup("event"), 5, NULL);
}

static void
add(struct feed *f, struct blob *b, unsigned count, uint64_t now_us)
{
	while (count-- > 0)
		feed_add(f, b, now_us);
}

/* Takes one, which must be this text; "" when there must be none. */
static void
next_is(struct feed *f, const char *want)
{
	struct blob *b = feed_next(f);

	if (*want == '\0') {
		assert_null(b);
		return;
	}
	assert_non_null(b);
	assert_int_equal(b->len, strlen(want));
	assert_memory_equal(b->bytes, want, b->len);
	blob_drop(&b);
}

static void
all_that_are_asked_for_are_events_that_there_are(void **state)
{
	const char *at = strchr(feed_kinds, '=');
	unsigned count = 0;

	(void)state;
	while (at != NULL) {
		size_t len = strcspn(++at, ",");
		enum event_kind kind;

		if (!event_find(at, len, &kind))
			fail_msg("'%.*s' is none", (int)len, at);
		assert_int_not_equal(kind, EVENT_CLAIM_DONE);
		count++;
		at = strchr(at, ',');
	}
	assert_int_equal(count, 13);
}

static void
events_come_out_in_order(void **state)
{
	struct blob *a = blob_new(strdup("a"), 1, NULL), *b = event();
	struct feed f;

	(void)state;
	feed_init(&f);
	assert_false(feed_has(&f));
	next_is(&f, "");
	feed_add(&f, a, US_PER_S);
	feed_add(&f, b, US_PER_S);
	blob_drop(&a);
	blob_drop(&b);
	assert_true(feed_has(&f));
	next_is(&f, "a");
	next_is(&f, "event");
	next_is(&f, "");
	feed_fini(&f);
}

static void
beyond_so_many_a_second_they_are_counted(void **state)
{
	struct blob *b = event();
	struct feed f;

	(void)state;
	feed_init(&f);
	add(&f, b, FEED_PER_S + 5, 10 * US_PER_S);
	for (int i = 0; i < FEED_PER_S; i++)
		next_is(&f, "event");
	next_is(&f, "");
	/* In the same second nothing is told yet. */
	feed_on_time(&f, 11 * US_PER_S - 1);
	assert_false(feed_has(&f));
	feed_on_time(&f, 11 * US_PER_S);
	next_is(&f, "{\"event\":\"lost\",\"count\":5}");
	next_is(&f, "");
	feed_on_time(&f, 12 * US_PER_S);
	next_is(&f, "");
	blob_drop(&b);
	feed_fini(&f);
}

static void
the_next_one_after_a_loss_comes_behind_the_word_of_it(void **state)
{
	struct blob *b = event();
	struct feed f;

	(void)state;
	feed_init(&f);
	add(&f, b, FEED_PER_S + 1, 10 * US_PER_S);
	feed_lose(&f, 2);
	for (int i = 0; i < FEED_PER_S; i++)
		next_is(&f, "event");
	feed_add(&f, b, 11 * US_PER_S);
	next_is(&f, "{\"event\":\"lost\",\"count\":3}");
	next_is(&f, "event");
	next_is(&f, "");
	blob_drop(&b);
	feed_fini(&f);
}

static void
a_reader_that_takes_nothing_holds_so_many_and_no_more(void **state)
{
	struct blob *b = event();
	struct feed f;
	unsigned count = 0;

	(void)state;
	feed_init(&f);
	for (uint64_t s = 1; s <= 100; s++) {
		add(&f, b, FEED_PER_S, s * US_PER_S);
		feed_on_time(&f, (s + 1) * US_PER_S);
	}
	assert_true(b->refs <= FEED_ROOM + 1);
	while (feed_has(&f)) {
		struct blob *one = feed_next(&f);

		blob_drop(&one);
		count++;
	}
	assert_int_equal(count, FEED_ROOM);
	feed_on_time(&f, 200 * US_PER_S);
	assert_true(feed_has(&f)); /* what was lost since then */
	feed_fini(&f);
	assert_int_equal(b->refs, 1);
	blob_drop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    all_that_are_asked_for_are_events_that_there_are),
		cmocka_unit_test(events_come_out_in_order),
		cmocka_unit_test(beyond_so_many_a_second_they_are_counted),
		cmocka_unit_test(
		    the_next_one_after_a_loss_comes_behind_the_word_of_it),
		cmocka_unit_test(
		    a_reader_that_takes_nothing_holds_so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
