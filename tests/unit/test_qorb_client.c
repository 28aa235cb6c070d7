/*
 * The client library against a daemon that the test itself plays at the other
 * end of a socket pair. Our own tags are _q1, _q2, ... in the order of calls,
 * so the daemon's answers can be written before they are asked for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/qorb_client.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Descriptors that the small process of the loss tests may have. */
#define FEW 48

struct world {
	struct qorb_client *client;
	int daemon; /* the test's end */
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	w->client = qorb_client_adopt(pair[0]);
	assert_non_null(w->client);
	assert_true(qorb_client_is_up(w->client));
	w->daemon = pair[1];
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	qorb_client_free(&w->client);
	assert_null(w->client);
	if (w->daemon >= 0)
		close(w->daemon);
	free(w);
	return 0;
}

/* The daemon says text, with n descriptors, which it then closes. */
static void
say_fds(struct world *w, const char *text, int *fds, size_t n)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text,
		.iov_len = strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(w->daemon, &m, 0), (ssize_t)strlen(text));
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void
say(struct world *w, const char *text)
{
	say_fds(w, text, NULL, 0);
}

/* Reads all there is now. */
static bool
pump(struct world *w)
{
	struct pollfd p = { .fd = qorb_client_fd(w->client), .events = POLLIN };

	while (poll(&p, 1, 0) == 1) {
		if (!qorb_client_on_readable(w->client))
			return false;
	}
	return true;
}

/* What the daemon hears next, up to n - 1 bytes. */
static const char *
hear(struct world *w, char *buf, size_t n)
{
	ssize_t got = recv(w->daemon, buf, n - 1, MSG_DONTWAIT);

	buf[got < 0 ? 0 : got] = '\0';
	return buf;
}

/* A descriptor with an identity of its own: the writing end of a pipe whose
 * reading end tells when the last copy is closed. */
struct thing {
	int fd;
	int watch;
	ino_t inode;
};

static struct thing
new_thing(void)
{
	struct thing t;
	struct stat st;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[1], &st), 0);
	t.fd = ends[1];
	t.watch = ends[0];
	t.inode = st.st_ino;
	return t;
}

static bool
is_thing(int fd, const struct thing *t)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == t->inode;
}

static bool
is_closed_everywhere(const struct thing *t)
{
	struct pollfd p = { .fd = t->watch, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

static struct qorb_reply
next(struct world *w)
{
	struct qorb_reply reply;

	if (!qorb_client_next(w->client, &reply))
		fail_msg("no reply: %s", qorb_client_error(w->client));
	return reply;
}

static void
expect_thing(struct world *w, const char *claim, struct thing *t)
{
	struct qorb_reply reply = next(w);

	assert_int_equal(reply.kind, QORB_OK);
	assert_string_equal(qorb_reply_get(&reply, "claim"), claim);
	assert_true(is_thing(reply.fd, t));
	assert_int_equal(fcntl(reply.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(reply.fd);
	assert_true(is_closed_everywhere(t));
	close(t->watch);
}

static void
expect_lost(struct world *w, const char *claim)
{
	struct qorb_reply reply = next(w);

	assert_int_equal(reply.kind, QORB_OK);
	assert_string_equal(qorb_reply_get(&reply, "claim"), claim);
	assert_int_equal(reply.fd, -1);
}

static void
expect_nothing(struct world *w)
{
	struct qorb_reply reply;

	assert_false(qorb_client_next(w->client, &reply));
}

/*
 * Descriptors.
 */

static void
a_descriptor_finds_its_line_between_rows_and_errors(void **state)
{
	struct world *w = *state;
	struct thing t[2] = { new_thing(), new_thing() };
	struct qorb_reply reply;

	say(w, "#w * pool=demo claims=1\n#w ok\n");
	say_fds(
	    w, "#a ok claim=7 slot=1 backend=b:1 addr=[::1]:1\n", &t[0].fd, 1);
	say(w, "#b error all-claims-used every slot is claimed\n");
	say(w, "ok protocol=1 server=x\n");
	say_fds(
	    w, "#c ok claim=8 slot=2 backend=b:1 addr=[::1]:1\n", &t[1].fd, 1);
	assert_true(pump(w));

	reply = next(w);
	assert_int_equal(reply.kind, QORB_ROW);
	assert_string_equal(reply.tag, "w");
	assert_string_equal(qorb_reply_get(&reply, "pool"), "demo");
	assert_int_equal(reply.fd, -1);
	assert_int_equal(next(w).kind, QORB_OK);
	expect_thing(w, "7", &t[0]);
	reply = next(w);
	assert_int_equal(reply.kind, QORB_ERROR);
	assert_string_equal(reply.code, "all-claims-used");
	assert_string_equal(reply.message, "every slot is claimed");
	assert_int_equal(reply.fd, -1);
	reply = next(w);
	assert_null(reply.tag);
	assert_int_equal(reply.fd, -1);
	expect_thing(w, "8", &t[1]);
	expect_nothing(w);
}

static void
sixty_four_descriptors_of_one_message_stay_in_order(void **state)
{
	struct world *w = *state;
	struct thing t[64];
	int fds[64];
	char text[64 * 64] = "";
	char id[8];

	for (size_t i = 0; i < 64; i++) {
		size_t used = strlen(text);

		t[i] = new_thing();
		fds[i] = t[i].fd;
		snprintf(text + used, sizeof(text) - used,
		    "#t ok claim=%zu slot=1 backend=b addr=[::1]:1\n%s", i,
		    i % 8 == 0 ? "ok\n" : "");
	}
	say_fds(w, text, fds, 64);
	assert_true(pump(w));
	for (size_t i = 0; i < 64; i++) {
		snprintf(id, sizeof(id), "%zu", i);
		expect_thing(w, id, &t[i]);
		if (i % 8 == 0)
			assert_int_equal(next(w).fd, -1);
	}
	expect_nothing(w);
}

static void
a_reply_in_single_bytes_is_still_one_reply(void **state)
{
	struct world *w = *state;
	struct thing t = new_thing();
	const char *text =
	    "k ok claim=1 slot=2 backend=a%20b addr=[::1]:1\r\n#x ok\n";
	char byte[2] = "";

	say_fds(w, "#", &t.fd, 1);
	for (; *text != '\0'; text++) {
		assert_true(pump(w));
		if (strcmp(text, "\n#x ok\n") == 0)
			expect_nothing(w);
		byte[0] = *text;
		say(w, byte);
		if (*text == '\n' && text[1] != '\0') {
			assert_true(pump(w));
			expect_thing(w, "1", &t);
		}
	}
	assert_true(pump(w));
	assert_string_equal(next(w).tag, "x");
}

static void
a_grant_is_read_whole(void **state)
{
	struct world *w = *state;
	struct thing t = new_thing();
	struct qorb_grant grant;
	struct qorb_reply reply;

	say_fds(w,
	    "#a ok claim=18446744073709551615 slot=2 backend=h%3D.test:6001 "
	    "addr=[2001:db8::1]:6001\n",
	    &t.fd, 1);
	assert_true(pump(w));
	reply = next(w);
	assert_true(qorb_reply_grant(&reply, &grant));
	assert_true(grant.claim == UINT64_MAX);
	assert_int_equal(grant.slot, 2);
	assert_string_equal(grant.backend, "h=.test:6001");
	assert_string_equal(grant.addr, "[2001:db8::1]:6001");
	assert_true(is_thing(grant.fd, &t));
	close(grant.fd);
	close(t.watch);

	say(w, "#a ok\n");
	assert_true(pump(w));
	reply = next(w);
	assert_false(qorb_reply_grant(&reply, &grant));
}

static void
descriptors_that_nobody_took_are_closed_with_the_client(void **state)
{
	struct world *w = *state;
	struct thing t[3] = { new_thing(), new_thing(), new_thing() };
	const struct qorb_request ping = { .verb = "ping", .timeout_ms = -1 };

	/* One put aside by a call, one not yet looked at, one without a line.
	 */
	say_fds(w, "#a ok claim=1 slot=1 backend=b addr=c\n", &t[0].fd, 1);
	say(w, "#_q1 ok\n");
	assert_true(qorb_call(w->client, &ping));
	say_fds(w, "#b ok claim=2 slot=1 backend=b addr=c\n", &t[1].fd, 1);
	say_fds(w, "#c ok cl", &t[2].fd, 1);
	assert_true(pump(w));
	qorb_client_free(&w->client);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_true(is_closed_everywhere(&t[i]));
		close(t[i].watch);
	}
}

static void
a_claim_without_a_descriptor_is_a_broken_daemon(void **state)
{
	struct world *w = *state;

	say(w, "#a ok claim=4 slot=1 backend=b addr=c\n");
	assert_true(pump(w));
	expect_nothing(w);
	assert_false(qorb_client_is_up(w->client));
	assert_non_null(
	    strstr(qorb_client_error(w->client), "without a descriptor"));
}

static void
descriptors_without_end_are_a_broken_daemon(void **state)
{
	struct world *w = *state;
	struct rlimit limit;
	int fds[64];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 10000)
		skip();
	if (limit.rlim_cur < 10000)
		limit.rlim_cur = 10000;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (size_t n = 0; n < 9000 && qorb_client_is_up(w->client); n += 64) {
		for (size_t i = 0; i < 64; i++) {
			fds[i] = open("/dev/null", O_RDONLY);
			assert_true(fds[i] >= 0);
		}
		say_fds(w, "x", fds, 64);
		(void)pump(w);
	}
	assert_false(qorb_client_is_up(w->client));
	assert_non_null(strstr(qorb_client_error(w->client), "no answer"));
}

/*
 * Descriptors that the kernel had to drop.
 */

/* Leaves this process room for n descriptors more; returns how many it took
 * to fill the rest, in fill[]. */
static size_t
fill_up(int *fill, size_t n, struct rlimit *before)
{
	struct rlimit few;
	size_t count = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
	few = *before;
	few.rlim_cur = FEW;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (count < FEW && (fill[count] = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	assert_int_equal(errno, EMFILE);
	assert_true(count >= n);
	for (size_t i = 0; i < n; i++)
		close(fill[--count]);
	return count;
}

static void
make_room(int *fill, size_t count, const struct rlimit *before)
{
	while (count > 0)
		close(fill[--count]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}

static void
a_dropped_descriptor_costs_its_own_claim_and_no_other(void **state)
{
	struct world *w = *state;
	struct thing t[6];
	int fds[6];
	struct rlimit before;
	int fill[FEW];
	size_t filled;
	char buf[256];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		t[i] = new_thing();
		fds[i] = t[i].fd;
	}
	say_fds(w, "#0 ok claim=10 slot=1 backend=b addr=c\n", fds, 1);
	/* Room for the first of three. */
	assert_true(pump(w));
	say_fds(w,
	    "#1 ok claim=11 slot=1 backend=b addr=c\n"
	    "#2 ok claim=12 slot=1 backend=b addr=c\n"
	    "#3 ok claim=13 slot=1 backend=b addr=c\n",
	    fds + 1, 3);
	filled = fill_up(fill, 1, &before);
	assert_true(pump(w));
	make_room(fill, filled, &before);
	/* The next batches find their own lines again, though they come
	 * together with lines that have none. */
	say(w, "#w * row=1\n");
	say_fds(w, "#4 ok claim=14 slot=1 backend=b addr=c\n", fds + 4, 1);
	say(w, "#w * row=2\n");
	say_fds(w, "#5 ok claim=15 slot=1 backend=b addr=c\n", fds + 5, 1);
	assert_true(pump(w));

	expect_thing(w, "10", &t[0]);
	expect_thing(w, "11", &t[1]);
	expect_lost(w, "12");
	expect_lost(w, "13");
	assert_int_equal(next(w).kind, QORB_ROW);
	expect_thing(w, "14", &t[4]);
	assert_int_equal(next(w).kind, QORB_ROW);
	expect_thing(w, "15", &t[5]);
	expect_nothing(w);
	assert_string_equal(hear(w, buf, sizeof(buf)),
	    "#_q0 release 12 broken\n#_q0 release 13 broken\n");
	assert_true(is_closed_everywhere(&t[2]));
	assert_true(is_closed_everywhere(&t[3]));
	/* The answers to these releases are for nobody. */
	say(w, "#_q0 ok\n#_q0 error no-such-claim gone\n");
	assert_true(pump(w));
	expect_nothing(w);
	close(t[2].watch);
	close(t[3].watch);
}

static void
losses_one_after_another_do_not_mix_up_what_remains(void **state)
{
	struct world *w = *state;
	struct thing t[3];
	struct rlimit before;
	int fill[FEW];
	size_t filled;

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		t[i] = new_thing();
	say_fds(w, "#0 ok claim=1 slot=1 backend=b addr=c\n", &t[0].fd, 1);
	say_fds(w, "#1 ok claim=2 slot=1 backend=b addr=c\n#x", &t[1].fd, 1);
	filled = fill_up(fill, 0, &before);
	assert_true(pump(w));
	make_room(fill, filled, &before);
	say(w, " ok\n");
	say_fds(w, "#2 ok claim=3 slot=1 backend=b addr=c\n", &t[2].fd, 1);
	assert_true(pump(w));
	expect_lost(w, "1");
	expect_lost(w, "2");
	assert_string_equal(next(w).tag, "x");
	expect_thing(w, "3", &t[2]);
	expect_nothing(w);
	close(t[0].watch);
	close(t[1].watch);
}

static void
a_line_after_its_dropped_descriptor_does_not_take_the_next_one(void **state)
{
	struct world *w = *state;
	struct thing t[3] = { new_thing(), new_thing(), new_thing() };
	int fds[2] = { t[0].fd, t[1].fd };
	struct rlimit before;
	int fill[FEW];
	size_t filled;

	/* Both descriptors come with the first line of the two. */
	say_fds(w, "#0 ok claim=1 slot=1 backend=b addr=c\n", fds, 2);
	filled = fill_up(fill, 0, &before);
	assert_true(pump(w));
	make_room(fill, filled, &before);
	say(w, "#1 ok claim=2 slot=1 backend=b addr=c\n");
	say_fds(w, "#2 ok claim=3 slot=1 backend=b addr=c\n", &t[2].fd, 1);
	assert_true(pump(w));
	expect_lost(w, "1");
	expect_lost(w, "2");
	expect_thing(w, "3", &t[2]);
	close(t[0].watch);
	close(t[1].watch);
}

static void
descriptors_that_cannot_be_told_apart_end_the_connection(void **state)
{
	struct world *w = *state;
	struct thing t[2] = { new_thing(), new_thing() };
	struct rlimit before;
	int fill[FEW];
	size_t filled;

	/* The second batch begins before the lines of the first have ended. */
	say_fds(w, "#0 ok claim=1 slot=1 backend=b", &t[0].fd, 1);
	filled = fill_up(fill, 0, &before);
	assert_true(pump(w));
	make_room(fill, filled, &before);
	say_fds(
	    w, " addr=c\n#1 ok claim=2 slot=1 backend=b addr=c\n", &t[1].fd, 1);
	assert_false(pump(w));
	assert_non_null(strstr(qorb_client_error(w->client), "told apart"));
	assert_true(is_closed_everywhere(&t[1]));
	close(t[0].watch);
	close(t[1].watch);
}

static void
a_blocking_claim_says_that_its_descriptor_was_dropped(void **state)
{
	struct world *w = *state;
	struct thing t = new_thing();
	struct qorb_grant grant;
	struct rlimit before;
	int fill[FEW];
	size_t filled;
	char buf[128];

	say_fds(w, "#_q1 ok claim=5 slot=1 backend=b addr=c\n", &t.fd, 1);
	filled = fill_up(fill, 0, &before);
	assert_false(qorb_claim(w->client, "p", NULL, &grant, -1));
	make_room(fill, filled, &before);
	assert_null(qorb_client_code(w->client));
	assert_string_equal(qorb_client_error(w->client),
	    "this process may not open more descriptors");
	assert_true(qorb_client_is_up(w->client));
	assert_string_equal(
	    hear(w, buf, sizeof(buf)), "#_q1 claim p\n#_q0 release 5 broken\n");
	close(t.watch);
}

/*
 * Requests.
 */

static void
requests_are_encoded_and_bad_ones_refused(void **state)
{
	struct world *w = *state;
	const char *words[] = { "de mo", "key=a b=c%\n\xc3\xa4", "x=" };
	const char *empty[] = { "" };
	const char *key[] = { "a b=c" };
	char longest[4097];
	const char *too_long[] = { longest };
	char buf[256];

	assert_true(qorb_client_send(w->client, "t.1", "claim", words, 3));
	assert_string_equal(hear(w, buf, sizeof(buf)),
	    "#t.1 claim de%20mo key=a%20b%3Dc%25%0A%C3%A4 x=\n");
	assert_true(qorb_client_send(w->client, NULL, "ping", NULL, 0));
	assert_string_equal(hear(w, buf, sizeof(buf)), "ping\n");

	assert_false(qorb_client_send(w->client, "a b", "ping", NULL, 0));
	assert_non_null(strstr(qorb_client_error(w->client), "a tag is"));
	assert_false(qorb_client_send(w->client, "", "ping", NULL, 0));
	assert_false(qorb_client_send(w->client, "_q7", "ping", NULL, 0));
	assert_false(qorb_client_send(w->client, NULL, "", NULL, 0));
	assert_false(qorb_client_send(w->client, NULL, "claim", empty, 1));
	assert_false(qorb_client_send(w->client, NULL, "claim", key, 1));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(qorb_client_send(w->client, NULL, "p", too_long, 1));
	assert_non_null(strstr(qorb_client_error(w->client), "4096"));
	assert_string_equal(hear(w, buf, sizeof(buf)), "");
	assert_true(qorb_client_is_up(w->client));
	/* The longest line there is. */
	longest[4096 - 2] = '\0';
	assert_true(qorb_client_send(w->client, NULL, "p", too_long, 1));
}

static void
a_bare_word_may_hold_the_sign_between_key_and_value(void **state)
{
	struct world *w = *state;
	const struct qorb_arg args[] = { { NULL, "d" }, { NULL, "a=b %:1" },
		{ "addr", "x=y" }, { "z", "" } };
	const struct qorb_arg bad[] = { { "a=b", "c" }, { "", "c" },
		{ "a b", "c" }, { NULL, "" } };
	char buf[256];

	assert_true(qorb_client_send_args(w->client, "t", "drain", args, 4));
	assert_string_equal(hear(w, buf, sizeof(buf)),
	    "#t drain d a%3Db%20%25:1 addr=x%3Dy z=\n");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(
		    qorb_client_send_args(w->client, NULL, "p", &bad[i], 1));
	assert_false(qorb_client_send_args(w->client, "_q7", "p", args, 1));
	assert_string_equal(hear(w, buf, sizeof(buf)), "");
	assert_true(qorb_client_is_up(w->client));
}

static void
a_cork_makes_one_write_of_many_requests(void **state)
{
	struct world *w = *state;
	char buf[256];

	qorb_client_cork(w->client, true);
	assert_true(qorb_client_send(w->client, "a", "ping", NULL, 0));
	assert_true(qorb_release(w->client, 5, false));
	assert_string_equal(hear(w, buf, sizeof(buf)), "");
	assert_true(qorb_client_wants_write(w->client));
	assert_int_equal(qorb_client_queued(w->client), 23);
	qorb_client_cork(w->client, false);
	assert_string_equal(
	    hear(w, buf, sizeof(buf)), "#a ping\n#_q0 release 5\n");
	assert_false(qorb_client_wants_write(w->client));
}

static void
what_a_slow_daemon_does_not_take_waits_in_order(void **state)
{
	struct world *w = *state;
	char tag[16], expected[32], buf[4096];
	size_t sent = 0, heard = 0, have = 0;

	while (qorb_client_queued(w->client) < 300000) {
		snprintf(tag, sizeof(tag), "%zu", sent++);
		assert_true(qorb_client_send(w->client, tag, "ping", NULL, 0));
	}
	while (heard < sent) {
		ssize_t n = recv(
		    w->daemon, buf + have, sizeof(buf) - have, MSG_DONTWAIT);
		char *line = buf, *end;

		assert_true(n > 0);
		have += (size_t)n;
		while ((end = memchr(
			    line, '\n', have - (size_t)(line - buf))) != NULL) {
			*end = '\0';
			snprintf(
			    expected, sizeof(expected), "#%zu ping", heard++);
			assert_string_equal(line, expected);
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		assert_true(qorb_client_on_writable(w->client));
	}
	assert_int_equal(qorb_client_queued(w->client), 0);
}

static void
a_daemon_that_never_reads_does_not_fill_our_memory(void **state)
{
	struct world *w = *state;
	char long_word[4000];
	const char *words[] = { long_word };
	size_t sent = 0;

	memset(long_word, 'a', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	while (sent < 10000 && qorb_client_send(w->client, NULL, "p", words, 1))
		sent++;
	assert_true(sent > 4000 && sent < 10000);
	assert_true(qorb_client_queued(w->client) <= 16u << 20);
	assert_non_null(strstr(qorb_client_error(w->client), "16 MiB"));
	assert_true(qorb_client_is_up(w->client));
}

/*
 * Daemons that break.
 */

static void
a_line_that_is_no_reply_ends_the_connection(void **state)
{
	struct world *w = *state;

	say(w, "ok\nHTTP/1.1 400 Bad\tRequest\nok\n");
	assert_true(pump(w));
	assert_int_equal(next(w).kind, QORB_OK);
	expect_nothing(w);
	assert_false(qorb_client_is_up(w->client));
	assert_string_equal(qorb_client_error(w->client),
	    "what answers is no qorb-pool, it says "
	    "\"HTTP/1.1 400 Bad\\x09Request\"");
	assert_false(qorb_client_send(w->client, NULL, "ping", NULL, 0));
	assert_false(qorb_client_on_readable(w->client));
}

static void
an_endless_line_ends_the_connection(void **state)
{
	struct world *w = *state;
	char text[4101];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	say(w, text);
	assert_true(pump(w));
	expect_nothing(w);
	assert_false(qorb_client_is_up(w->client));
	assert_non_null(strstr(qorb_client_error(w->client), "4096"));
}

static void
what_was_said_before_the_end_is_still_heard(void **state)
{
	struct world *w = *state;
	struct thing t = new_thing();

	say_fds(w, "#a ok claim=1 slot=1 backend=b addr=c\n#b o", &t.fd, 1);
	close(w->daemon);
	w->daemon = -1;
	assert_false(pump(w));
	assert_false(qorb_client_is_up(w->client));
	assert_string_equal(
	    qorb_client_error(w->client), "the daemon closed the connection");
	expect_thing(w, "1", &t);
	expect_nothing(w);
}

static void
a_daemon_that_refuses_us_is_quoted_also_when_writing_fails(void **state)
{
	struct world *w = *state;
	const struct qorb_request ping = { .verb = "ping", .timeout_ms = -1 };

	say(w, "error too-many-clients 8 clients are connected\n");
	close(w->daemon);
	w->daemon = -1;
	assert_false(qorb_call(w->client, &ping));
	assert_false(qorb_client_is_up(w->client));
	assert_string_equal(qorb_client_code(w->client), "too-many-clients");
	assert_string_equal(qorb_client_error(w->client),
	    "the daemon closed the connection: 8 clients are connected");
	assert_string_equal(next(w).code, "too-many-clients");
	assert_false(qorb_call(w->client, &ping));
}

static void
a_stranger_is_quoted_also_when_an_earlier_write_failed(void **state)
{
	struct world *w = *state;
	struct qorb_grant grant;

	say(w, "220 mail.test ESMTP\n");
	close(w->daemon);
	w->daemon = -1;
	assert_false(qorb_client_send(w->client, NULL, "hello", NULL, 0));
	assert_false(qorb_claim(w->client, "demo", NULL, &grant, -1));
	assert_string_equal(qorb_client_error(w->client),
	    "what answers is no qorb-pool, it says \"220 mail.test ESMTP\"");
}

static void
a_socket_that_is_not_there_is_said_with_its_path(void **state)
{
	struct qorb_client *client;
	char longest[200];

	(void)state;
	client = qorb_client_new("/nonexistent/pool.sock");
	assert_false(qorb_client_is_up(client));
	assert_int_equal(qorb_client_fd(client), -1);
	assert_string_equal(qorb_client_error(client),
	    "cannot connect to /nonexistent/pool.sock: No such file or "
	    "directory; is qorb-pool running there?");
	assert_false(qorb_client_send(client, NULL, "ping", NULL, 0));
	assert_false(qorb_claim(client, "p", NULL, NULL, -1));
	qorb_client_free(&client);

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	client = qorb_client_new(longest);
	assert_false(qorb_client_is_up(client));
	assert_non_null(strstr(qorb_client_error(client), "at most 103"));
	qorb_client_free(&client);

	setenv("QORB_SOCKET", "/nonexistent/env.sock", 1);
	client = qorb_client_new(NULL);
	assert_string_equal(qorb_client_path(client), "/nonexistent/env.sock");
	qorb_client_free(&client);
	setenv("QORB_SOCKET", longest, 1);
	client = qorb_client_new(NULL);
	assert_non_null(strstr(qorb_client_error(client), "environment"));
	qorb_client_free(&client);
	unsetenv("QORB_SOCKET");
}

static void
a_path_with_a_daemon_behind_it_connects(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/test_qorb_client.XXXXXX";
	struct qorb_client *client;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	char buf[64];
	ssize_t n;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", folder);
	assert_int_equal(bind(listener, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 1), 0);
	client = qorb_client_new(sa.sun_path);
	assert_true(qorb_client_is_up(client));
	assert_string_equal(qorb_client_error(client), "");
	assert_int_equal(fcntl(qorb_client_fd(client), F_GETFD), FD_CLOEXEC);
	fd = accept(listener, NULL, NULL);
	assert_true(qorb_client_send(client, NULL, "ping", NULL, 0));
	n = recv(fd, buf, sizeof(buf), 0);
	assert_int_equal(n, 5);
	qorb_client_free(&client);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 0);
	close(fd);
	close(listener);
	unlink(sa.sun_path);
	rmdir(folder);
}

/*
 * Blocking calls.
 */

static void
count_rows(void *ctx, const struct qorb_reply *reply)
{
	unsigned *counts = ctx;
	uint64_t n;

	if (reply->kind == QORB_ROW) {
		assert_int_equal(counts[1], 0);
		assert_true(qorb_reply_number(reply, "n", &n));
		assert_int_equal(n, counts[0]);
		counts[0]++;
		return;
	}
	assert_int_equal(reply->kind, QORB_OK);
	assert_string_equal(qorb_reply_get(reply, "backends"), "3");
	counts[1]++;
}

static void
a_call_gets_its_rows_and_its_ok(void **state)
{
	struct world *w = *state;
	unsigned counts[2] = { 0, 0 };
	const char *words[] = { "demo" };
	const struct qorb_request request = { .verb = "resolve",
		.words = words,
		.count = 1,
		.timeout_ms = -1,
		.each = count_rows,
		.ctx = counts };
	char buf[64];

	say(w, "#_q1 * n=0\n#_q1 * n=1\n#_q1 ok backends=3\n#z ok\n");
	assert_true(qorb_call(w->client, &request));
	assert_int_equal(counts[0], 2);
	assert_int_equal(counts[1], 1);
	assert_string_equal(hear(w, buf, sizeof(buf)), "#_q1 resolve demo\n");
	assert_string_equal(next(w).tag, "z");
	expect_nothing(w);
}

static void
an_error_reply_gives_its_code_and_message(void **state)
{
	struct world *w = *state;
	const struct qorb_request request = { .verb = "x", .timeout_ms = -1 };

	say(w, "#_q1 error unknown-verb no verb is called x\n");
	assert_false(qorb_call(w->client, &request));
	assert_string_equal(qorb_client_code(w->client), "unknown-verb");
	assert_string_equal(
	    qorb_client_error(w->client), "no verb is called x");
	assert_true(qorb_client_is_up(w->client));
	say(w, "#_q2 error bare\n");
	assert_false(qorb_call(w->client, &request));
	assert_string_equal(qorb_client_error(w->client), "bare");
	say(w, "#_q3 ok\n");
	assert_true(qorb_call(w->client, &request));
	assert_null(qorb_client_code(w->client));
	assert_string_equal(qorb_client_error(w->client), "");
}

static void
replies_to_others_wait_while_a_call_runs(void **state)
{
	struct world *w = *state;
	struct thing t[3] = { new_thing(), new_thing(), new_thing() };
	struct qorb_grant grant;
	struct qorb_reply reply;

	say_fds(w, "#a ok claim=1 slot=1 backend=b addr=c\n", &t[0].fd, 1);
	say(w, "#w * event=x text=a%20b\n");
	say_fds(w, "#_q1 ok claim=2 slot=9 backend=b:1 addr=[::1]:1\n",
	    &t[1].fd, 1);
	say_fds(w, "#c ok claim=3 slot=1 backend=b addr=c\n", &t[2].fd, 1);
	assert_true(qorb_claim(w->client, "p", NULL, &grant, -1));
	assert_int_equal(grant.claim, 2);
	assert_true(is_thing(grant.fd, &t[1]));
	close(grant.fd);

	assert_true(pump(w));
	expect_thing(w, "1", &t[0]);
	reply = next(w);
	assert_string_equal(reply.tag, "w");
	assert_string_equal(qorb_reply_get(&reply, "text"), "a b");
	expect_thing(w, "3", &t[2]);
	expect_nothing(w);
	close(t[1].watch);
}

static void
a_claim_asks_for_all_it_is_told(void **state)
{
	struct world *w = *state;
	const struct qorb_claim_options options = {
		.wait = "250ms", .lease = "2s", .backend = "b:1", .key = "a=b"
	};
	struct qorb_grant grant;
	char buf[128];

	say(w, "#_q1 error no-backends-online none is connected\n");
	assert_false(qorb_claim(w->client, "demo", &options, &grant, -1));
	assert_string_equal(qorb_client_code(w->client), "no-backends-online");
	assert_string_equal(hear(w, buf, sizeof(buf)),
	    "#_q1 claim demo wait=250ms lease=2s backend=b:1 key=a%3Db\n");
}

static void
a_claim_that_comes_too_late_goes_back(void **state)
{
	struct world *w = *state;
	struct thing t = new_thing();
	struct qorb_grant grant;
	char buf[128];

	assert_false(qorb_claim(w->client, "demo", NULL, &grant, 1));
	assert_null(qorb_client_code(w->client));
	assert_string_equal(qorb_client_error(w->client),
	    "no answer from the daemon within 1 ms");
	assert_string_equal(
	    hear(w, buf, sizeof(buf)), "#_q1 claim demo\n#_q0 cancel _q1\n");
	/* It was granted before the cancel arrived. */
	say_fds(w, "#_q1 ok claim=2 slot=1 backend=b addr=c\n", &t.fd, 1);
	say(w, "#_q0 error no-such-tag gone\n");
	assert_true(pump(w));
	expect_nothing(w);
	assert_true(is_closed_everywhere(&t));
	assert_string_equal(hear(w, buf, sizeof(buf)), "#_q0 release 2\n");
	close(t.watch);
}

static void
a_call_to_a_dying_daemon_ends(void **state)
{
	struct world *w = *state;
	const struct qorb_request request = { .verb = "x", .timeout_ms = -1 };

	say(w, "#_q1 * n=0\n");
	assert_int_equal(shutdown(w->daemon, SHUT_WR), 0);
	assert_false(qorb_call(w->client, &request));
	assert_false(qorb_client_is_up(w->client));
	assert_null(qorb_client_code(w->client));
	assert_string_equal(
	    qorb_client_error(w->client), "the daemon closed the connection");
}

static void
a_call_goes_out_though_the_daemon_is_slow_and_the_cork_is_in(void **state)
{
	struct world *w = *state;
	const struct qorb_request request = { .verb = "x", .timeout_ms = -1 };
	char buf[128];

	qorb_client_cork(w->client, true);
	say(w, "#_q1 ok\n");
	assert_true(qorb_call(w->client, &request));
	assert_string_equal(hear(w, buf, sizeof(buf)), "#_q1 x\n");
}

static void
replies_that_nobody_takes_do_not_fill_our_memory(void **state)
{
	struct world *w = *state;
	const struct qorb_request request = { .verb = "x", .timeout_ms = 0 };
	char text[4001];
	size_t said = 0;

	memcpy(text, "* a=", 4);
	memset(text + 4, 'a', sizeof(text) - 6);
	memcpy(text + sizeof(text) - 2, "\n", 2);
	while (said < 6000 && qorb_client_is_up(w->client)) {
		say(w, text);
		said++;
		assert_false(qorb_call(w->client, &request));
		while (
		    recv(w->daemon, (char[4096]){ 0 }, 4096, MSG_DONTWAIT) > 0)
			;
	}
	assert_true(said > 4000 && said < 6000);
	assert_non_null(strstr(qorb_client_error(w->client), "16 MiB"));
}

static void
thousands_of_rows_come_through(void **state)
{
	struct world *w = *state;
	char text[64];
	struct qorb_reply reply;
	uint64_t n;

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "#w * n=%u state=online\n", i);
		say(w, text);
		if (i % 100 != 99)
			continue;
		assert_true(pump(w));
		for (unsigned k = i - 99; k <= i; k++) {
			reply = next(w);
			assert_true(qorb_reply_number(&reply, "n", &n));
			assert_int_equal(n, k);
		}
		expect_nothing(w);
	}
}

#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLAY(a_descriptor_finds_its_line_between_rows_and_errors),
		PLAY(sixty_four_descriptors_of_one_message_stay_in_order),
		PLAY(a_reply_in_single_bytes_is_still_one_reply),
		PLAY(a_grant_is_read_whole),
		PLAY(descriptors_that_nobody_took_are_closed_with_the_client),
		PLAY(a_claim_without_a_descriptor_is_a_broken_daemon),
		PLAY(descriptors_without_end_are_a_broken_daemon),
		PLAY(a_dropped_descriptor_costs_its_own_claim_and_no_other),
		PLAY(losses_one_after_another_do_not_mix_up_what_remains),
		PLAY(
		    a_line_after_its_dropped_descriptor_does_not_take_the_next_one),
		PLAY(descriptors_that_cannot_be_told_apart_end_the_connection),
		PLAY(a_blocking_claim_says_that_its_descriptor_was_dropped),
		PLAY(requests_are_encoded_and_bad_ones_refused),
		PLAY(a_bare_word_may_hold_the_sign_between_key_and_value),
		PLAY(a_cork_makes_one_write_of_many_requests),
		PLAY(what_a_slow_daemon_does_not_take_waits_in_order),
		PLAY(a_daemon_that_never_reads_does_not_fill_our_memory),
		PLAY(a_line_that_is_no_reply_ends_the_connection),
		PLAY(an_endless_line_ends_the_connection),
		PLAY(what_was_said_before_the_end_is_still_heard),
		PLAY(
		    a_daemon_that_refuses_us_is_quoted_also_when_writing_fails),
		PLAY(a_stranger_is_quoted_also_when_an_earlier_write_failed),
		cmocka_unit_test(
		    a_socket_that_is_not_there_is_said_with_its_path),
		cmocka_unit_test(a_path_with_a_daemon_behind_it_connects),
		PLAY(a_call_gets_its_rows_and_its_ok),
		PLAY(an_error_reply_gives_its_code_and_message),
		PLAY(replies_to_others_wait_while_a_call_runs),
		PLAY(a_claim_asks_for_all_it_is_told),
		PLAY(a_claim_that_comes_too_late_goes_back),
		PLAY(a_call_to_a_dying_daemon_ends),
		PLAY(
		    a_call_goes_out_though_the_daemon_is_slow_and_the_cork_is_in),
		PLAY(replies_that_nobody_takes_do_not_fill_our_memory),
		PLAY(thousands_of_rows_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
