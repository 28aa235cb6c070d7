#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base.h"
#include "io/fd.h"
#include "pattern.h"
#include "task.h"

/*
 * A task with nobody behind it: the daemon is a list of what it was asked,
 * the backend the other end of a socket pair that the test holds.
 */

#define SEED  5
#define CLAIM 77

struct fixture {
	struct event_base *base;
	struct workload work;
	struct figures *figures;
	struct exchange_env *exchange;
	struct crew crew;
	struct task task;
	int peer; /* the backend's end, -1 when closed */
	unsigned claims;
	unsigned cancels;
	unsigned releases;
	unsigned breaks;
	unsigned idles;
	unsigned idles_failed;
};

static void
on_claim(void *ctx, struct task *t)
{
	(void)t;
	((struct fixture *)ctx)->claims++;
}

static void
on_cancel(void *ctx, struct task *t)
{
	(void)t;
	((struct fixture *)ctx)->cancels++;
}

static void
on_release(void *ctx, struct task *t, bool is_broken)
{
	struct fixture *x = ctx;

	assert_int_equal(t->claim, CLAIM);
	assert_int_equal(t->exchange.fd, -1);
	if (is_broken)
		x->breaks++;
	else
		x->releases++;
}

static void
on_idle(void *ctx, struct task *t, unsigned failure)
{
	struct fixture *x = ctx;

	assert_int_equal(t->state, TASK_IDLE);
	x->idles++;
	x->idles_failed += failure != 0;
}

static const struct task_ops ops = {
	.claim = on_claim,
	.cancel = on_cancel,
	.release = on_release,
	.on_idle = on_idle,
};

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
begin(struct fixture *x, uint32_t payload, uint64_t hold_us)
{
	memset(x, 0, sizeof(*x));
	x->base = event_base_new();
	x->figures = figures_new(false);
	x->work = (struct workload){
		.payload = payload,
		.hold_us = hold_us,
		.timeout_us = US_PER_S,
		.seed = SEED,
	};
	x->exchange = mem_new(1, sizeof(*x->exchange));
	x->exchange->base = x->base;
	x->exchange->payload = payload;
	x->exchange->on_whole = task_on_whole;
	x->exchange->on_failed = task_on_failed;
	x->crew = (struct crew){
		.work = &x->work,
		.figures = x->figures,
		.ops = &ops,
		.ops_ctx = x,
		.exchange = x->exchange,
	};
	x->peer = -1;
	task_init(&x->task, &x->crew, 3, on_rest);
}

static void
end(struct fixture *x)
{
	task_fini(&x->task);
	fd_close(&x->peer);
	free(x->exchange);
	figures_free(&x->figures);
	event_base_free(x->base);
}

/* Begins a cycle and lends it one end of a pair. */
static void
lend(struct fixture *x)
{
	struct lent lent = { .claim = CLAIM, .slot = 1, .backend = "a:1" };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	lent.fd = pair[0];
	x->peer = pair[1];
	task_begin(&x->task, 0);
	task_on_granted(&x->task, &lent, clock_us());
}

/* Some turns of the loop: enough for whatever is ready, and no more when
 * something stays so. */
static void
turn(struct fixture *x)
{
	for (unsigned i = 0; i < 4; i++)
		assert_true(event_base_loop(
				x->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

/* What the task should have written, as the backend reads it. */
static void
read_payload(struct fixture *x, unsigned char *buf, size_t n)
{
	unsigned char expected[64];

	assert_true(n <= sizeof(expected));
	assert_int_equal(recv(x->peer, buf, n, MSG_DONTWAIT), n);
	pattern_fill(pattern_key(SEED, 3, x->task.cycle), 0, expected, n);
	assert_memory_equal(buf, expected, n);
}

static void
a_whole_echo_ends_the_cycle_in_good_order(void **state)
{
	unsigned char buf[64];
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	assert_int_equal(x.claims, 1);
	assert_int_equal(x.task.state, TASK_ECHOING);
	read_payload(&x, buf, 64);
	assert_int_equal(write(x.peer, buf, 63), 63);
	turn(&x);
	assert_int_equal(x.releases, 0);
	assert_int_equal(write(x.peer, buf + 63, 1), 1);
	turn(&x);
	assert_int_equal(x.releases, 1);
	assert_int_equal(x.breaks, 0);
	assert_int_equal(x.idles, 1);
	assert_int_equal(x.idles_failed, 0);
	assert_int_equal(x.figures->cycles, 1);
	end(&x);
}

static void
two_cycles_write_different_bytes(void **state)
{
	unsigned char first[64], second[64];
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	read_payload(&x, first, 64);
	assert_int_equal(write(x.peer, first, 64), 64);
	turn(&x);
	fd_close(&x.peer);
	lend(&x);
	read_payload(&x, second, 64);
	assert_memory_not_equal(first, second, 64);
	end(&x);
}

static void
fails_with(struct fixture *x, unsigned failure)
{
	assert_int_equal(x->figures->failures[failure], 1);
	assert_int_equal(figures_failures(x->figures), 1);
	assert_int_equal(x->breaks, 1);
	assert_int_equal(x->releases, 0);
	assert_int_equal(x->idles_failed, 1);
	assert_int_equal(x->task.exchange.fd, -1);
	assert_int_equal(x->figures->cycles, 0);
}

static void
one_wrong_byte_is_seen(void **state)
{
	unsigned char buf[64];
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	read_payload(&x, buf, 64);
	buf[63] ^= 1;
	assert_int_equal(write(x.peer, buf, 64), 64);
	turn(&x);
	fails_with(&x, FAILURE_ECHO_WRONG);
	end(&x);
}

static void
a_byte_too_many_is_seen(void **state)
{
	unsigned char buf[65] = { 0 };
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	read_payload(&x, buf, 64);
	assert_int_equal(write(x.peer, buf, 65), 65);
	turn(&x);
	fails_with(&x, FAILURE_ECHO_WRONG);
	end(&x);
}

static void
a_byte_too_many_while_held_is_seen(void **state)
{
	unsigned char buf[65] = { 0 };
	struct fixture x;

	(void)state;
	begin(&x, 64, 3600 * US_PER_S);
	lend(&x);
	read_payload(&x, buf, 64);
	assert_int_equal(write(x.peer, buf, 64), 64);
	turn(&x);
	assert_int_equal(x.task.state, TASK_HOLDING);
	assert_int_equal(write(x.peer, buf, 1), 1);
	turn(&x);
	fails_with(&x, FAILURE_ECHO_WRONG);
	end(&x);
}

static void
a_close_in_the_middle_is_seen(void **state)
{
	unsigned char buf[64];
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	read_payload(&x, buf, 64);
	assert_int_equal(write(x.peer, buf, 10), 10);
	fd_close(&x.peer);
	turn(&x);
	fails_with(&x, FAILURE_IO_CLOSED);
	end(&x);
}

static void
a_close_while_held_is_seen(void **state)
{
	unsigned char buf[64];
	struct fixture x;

	(void)state;
	begin(&x, 64, 3600 * US_PER_S);
	lend(&x);
	read_payload(&x, buf, 64);
	assert_int_equal(write(x.peer, buf, 64), 64);
	turn(&x);
	fd_close(&x.peer);
	turn(&x);
	fails_with(&x, FAILURE_IO_CLOSED);
	end(&x);
}

/* A peer of a Unix socket that leaves what was written unread resets it. */
static void
a_reset_is_seen(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	fd_close(&x.peer);
	turn(&x);
	fails_with(&x, FAILURE_IO_RESET);
	end(&x);
}

static void
a_connection_that_was_dead_at_once_is_seen(void **state)
{
	struct lent lent = { .claim = CLAIM, .slot = 1, .backend = "a:1" };
	struct fixture x;
	int pair[2];

	(void)state;
	begin(&x, 64, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	lent.fd = pair[0];
	task_begin(&x.task, 0);
	task_on_granted(&x.task, &lent, clock_us());
	fails_with(&x, FAILURE_IO_CLOSED);
	end(&x);
}

static void
an_overdue_echo_fails_at_its_deadline_not_before(void **state)
{
	struct fixture x;
	uint64_t granted_us;

	(void)state;
	begin(&x, 64, 0);
	lend(&x);
	granted_us = x.task.granted_us;
	task_check_deadline(&x.task, granted_us + US_PER_S - 1);
	assert_int_equal(x.task.state, TASK_ECHOING);
	task_check_deadline(&x.task, granted_us + US_PER_S);
	fails_with(&x, FAILURE_ECHO_TIMEOUT);
	end(&x);
}

static void
a_refused_claim_fails_the_cycle_without_a_release(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	task_begin(&x.task, 0);
	task_on_refused(&x.task, ERR_ALL_CLAIMS_USED);
	assert_int_equal(x.figures->failures[ERR_ALL_CLAIMS_USED], 1);
	assert_int_equal(x.idles_failed, 1);
	assert_int_equal(x.releases + x.breaks, 0);
	end(&x);
}

/* The payload is far more than the sockets hold: this stalls unless the task
 * reads while it still writes. */
static void
a_megabyte_goes_both_ways_at_once(void **state)
{
	unsigned char buf[4096];
	ssize_t have = 0, sent;
	struct fixture x;

	(void)state;
	begin(&x, 1048576, 0);
	lend(&x);
	for (unsigned turns = 0; turns < 10000 && x.idles == 0; turns++) {
		if (have <= 0)
			have = recv(x.peer, buf, sizeof(buf), MSG_DONTWAIT);
		sent = have > 0 ? send(x.peer, buf, (size_t)have,
				      MSG_DONTWAIT | MSG_NOSIGNAL)
				: 0;
		if (sent > 0) {
			have -= sent;
			memmove(buf, buf + sent, (size_t)have);
		}
		turn(&x);
	}
	assert_int_equal(x.releases, 1);
	assert_int_equal(figures_failures(x.figures), 0);
	end(&x);
}

static void
the_descriptor_stays_blocking(void **state)
{
	struct fixture x;
	int pair[2];
	struct lent lent = { .claim = CLAIM, .slot = 1, .backend = "a:1" };

	(void)state;
	begin(&x, 1048576, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	lent.fd = pair[0];
	x.peer = pair[1];
	task_begin(&x.task, 0);
	task_on_granted(&x.task, &lent, clock_us());
	turn(&x);
	assert_int_equal(fcntl(lent.fd, F_GETFL) & O_NONBLOCK, 0);
	end(&x);
}

static void
the_end_cancels_a_waiting_claim_and_returns_a_late_grant(void **state)
{
	struct lent lent = { .claim = CLAIM, .slot = 1, .backend = "a:1" };
	struct fixture x;
	int pair[2];

	(void)state;
	begin(&x, 64, 0);
	task_begin(&x.task, 0);
	task_cut(&x.task);
	assert_int_equal(x.cancels, 1);
	assert_int_equal(x.task.state, TASK_CLAIMING);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	lent.fd = pair[0];
	x.peer = pair[1];
	task_on_granted(&x.task, &lent, clock_us());
	assert_int_equal(x.releases, 1);
	assert_int_equal(x.figures->cut, 1);
	assert_int_equal(x.figures->granted, 0);
	assert_int_equal(x.idles, 1);
	/* Closed, and nothing was written to it. */
	assert_int_equal(recv(x.peer, pair, 1, MSG_DONTWAIT), 0);
	end(&x);
}

static void
the_end_waits_for_an_echo_but_not_for_a_hold(void **state)
{
	unsigned char buf[64];
	struct fixture x;

	(void)state;
	begin(&x, 64, 3600 * US_PER_S);
	lend(&x);
	read_payload(&x, buf, 64);
	task_cut(&x.task);
	assert_int_equal(x.task.state, TASK_ECHOING);
	assert_int_equal(write(x.peer, buf, 64), 64);
	turn(&x);
	assert_int_equal(x.releases, 1);
	end(&x);

	begin(&x, 64, 3600 * US_PER_S);
	lend(&x);
	read_payload(&x, buf, 64);
	assert_int_equal(write(x.peer, buf, 64), 64);
	turn(&x);
	task_cut(&x.task);
	assert_int_equal(x.releases, 1);
	end(&x);
}

static void
a_task_that_was_cut_can_be_used_again(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 64, 0);
	task_begin(&x.task, 0);
	task_cut(&x.task);
	task_on_refused(&x.task, ERR_CANCELLED);
	assert_int_equal(x.task.state, TASK_IDLE);
	assert_int_equal(x.idles_failed, 0);
	assert_int_equal(x.figures->failures[ERR_CANCELLED], 0);
	x.task.is_cut = false;
	lend(&x);
	assert_int_equal(x.task.state, TASK_ECHOING);
	end(&x);
}

static void
a_fixed_text_is_written_instead_of_the_pattern(void **state)
{
	unsigned char buf[8];
	struct fixture x;

	(void)state;
	begin(&x, 5, 0);
	x.exchange->text = "hello";
	lend(&x);
	assert_int_equal(recv(x.peer, buf, sizeof(buf), MSG_DONTWAIT), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(write(x.peer, "hello", 5), 5);
	turn(&x);
	assert_int_equal(x.releases, 1);
	lend(&x);
	assert_int_equal(write(x.peer, "jello", 5), 5);
	turn(&x);
	assert_int_equal(x.figures->failures[FAILURE_ECHO_WRONG], 1);
	assert_int_equal(x.breaks, 1);
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_echo_ends_the_cycle_in_good_order),
		cmocka_unit_test(two_cycles_write_different_bytes),
		cmocka_unit_test(one_wrong_byte_is_seen),
		cmocka_unit_test(a_byte_too_many_is_seen),
		cmocka_unit_test(a_byte_too_many_while_held_is_seen),
		cmocka_unit_test(a_close_in_the_middle_is_seen),
		cmocka_unit_test(a_close_while_held_is_seen),
		cmocka_unit_test(a_reset_is_seen),
		cmocka_unit_test(a_connection_that_was_dead_at_once_is_seen),
		cmocka_unit_test(
		    an_overdue_echo_fails_at_its_deadline_not_before),
		cmocka_unit_test(
		    a_refused_claim_fails_the_cycle_without_a_release),
		cmocka_unit_test(a_megabyte_goes_both_ways_at_once),
		cmocka_unit_test(the_descriptor_stays_blocking),
		cmocka_unit_test(
		    the_end_cancels_a_waiting_claim_and_returns_a_late_grant),
		cmocka_unit_test(the_end_waits_for_an_echo_but_not_for_a_hold),
		cmocka_unit_test(a_task_that_was_cut_can_be_used_again),
		cmocka_unit_test(
		    a_fixed_text_is_written_instead_of_the_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
