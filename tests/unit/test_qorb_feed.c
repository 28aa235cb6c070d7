/*
 * The feeder against a daemon that the test itself plays: what it tells, and
 * how it gets on with one that does not know all it says.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/qorb_feed.h"

#define FIRST  "#feed advertise p a 127.0.0.1:1 priority=0 weight=0\n"
#define SECOND "#feed advertise p a 127.0.0.2:1 priority=0 weight=0\n"
#define GONE   "#gone withdraw p a own addr=127.0.0.2:1\n"

static const struct qorb_feed_backend both[] = {
	{ "a", "127.0.0.1:1", 0, 0 },
	{ "a", "127.0.0.2:1", 0, 0 },
};

struct world {
	struct qorb_feed *feed;
	char dir[32];
	char path[64];
	int listener;
	int daemon; /* the test's end of the connection */
	unsigned fed;
	unsigned troubles;
};

static void
on_fed(void *ctx)
{
	((struct world *)ctx)->fed++;
}

static void
on_trouble(void *ctx, const char *code, const char *text)
{
	(void)code;
	(void)text;
	((struct world *)ctx)->troubles++;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct qorb_feed_params params = { .path = w->path,
		.pool = "p",
		.on_fed = on_fed,
		.on_trouble = on_trouble,
		.ctx = w };

	strcpy(w->dir, "/tmp/qorb-feed.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/sock", w->dir);
	strcpy(sa.sun_path, w->path);
	w->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
	    bind(w->listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(w->listener, 4), 0);
	w->daemon = -1;
	w->feed = qorb_feed_new(&params);
	assert_non_null(w->feed);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	qorb_feed_free(&w->feed);
	close(w->daemon);
	close(w->listener);
	unlink(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* Its connection, which is due at once. */
static void
take_connection(struct world *w)
{
	assert_int_equal(qorb_feed_wait_ms(w->feed), 0);
	qorb_feed_on_time(w->feed);
	w->daemon = accept(w->listener, NULL, NULL);
	assert_true(w->daemon >= 0);
}

static void
hears(struct world *w, const char *want)
{
	char buf[1000];
	ssize_t n = recv(w->daemon, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, want);
}

static void
say(struct world *w, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(w->daemon, text, len, 0), (ssize_t)len);
	qorb_feed_on_ready(w->feed, true, false);
}

static void
feed_both(struct world *w)
{
	assert_true(qorb_feed_set(w->feed, both, 2));
	take_connection(w);
	hears(w, FIRST SECOND);
	say(w, "#feed ok\n#feed ok\n");
	assert_int_equal(w->fed, 1);
}

static void
an_address_that_goes_is_withdrawn_alone(void **state)
{
	struct world *w = *state;
	int fd;

	feed_both(w);
	fd = qorb_feed_fd(w->feed);
	assert_true(qorb_feed_set(w->feed, both, 1));
	hears(w, GONE FIRST);
	say(w, "#gone ok\n#feed ok\n");
	assert_int_equal(w->fed, 2);
	assert_int_equal(qorb_feed_fd(w->feed), fd);
	assert_int_equal(w->troubles, 0);
}

static void
a_name_may_hold_what_parts_words_and_keys(void **state)
{
	struct world *w = *state;
	const struct qorb_feed_backend odd = { "we ird=%", "unix:/a=b", 1, 2 };

	assert_true(qorb_feed_set(w->feed, &odd, 1));
	take_connection(w);
	hears(w, "#feed advertise p we%20ird%3D%25 unix:/a%3Db priority=1 "
		 "weight=2\n");
	say(w, "#feed ok\n");
	assert_true(qorb_feed_set(w->feed, NULL, 0));
	hears(w, "#feed policy p\n#gone withdraw p we%20ird%3D%25 own "
		 "addr=unix:/a%3Db\n");
	assert_int_equal(w->troubles, 0);
}

static void
what_is_withdrawn_already_is_no_trouble(void **state)
{
	struct world *w = *state;

	feed_both(w);
	assert_true(qorb_feed_set(w->feed, both, 1));
	hears(w, GONE FIRST);
	say(w, "#gone error no-such-backend a: it is not there\n#feed ok\n");
	assert_int_equal(w->fed, 2);
	assert_int_equal(w->troubles, 0);
}

static void
a_daemon_that_withdraws_whole_names_alone_gets_a_new_connection(void **state)
{
	struct world *w = *state;
	char byte;
	int former;

	feed_both(w);
	assert_true(qorb_feed_set(w->feed, both, 1));
	hears(w, GONE FIRST);
	say(w, "#gone error bad-argument own: no\n#feed ok\n");
	assert_int_equal(w->fed, 1);
	/* All that there is comes before what there was ends. */
	former = w->daemon;
	take_connection(w);
	hears(w, FIRST);
	assert_int_equal(recv(former, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	say(w, "#feed ok\n");
	assert_int_equal(recv(former, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(w->fed, 2);
	assert_int_equal(w->troubles, 0);
	close(former);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    an_address_that_goes_is_withdrawn_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_name_may_hold_what_parts_words_and_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_withdrawn_already_is_no_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_daemon_that_withdraws_whole_names_alone_gets_a_new_connection,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
