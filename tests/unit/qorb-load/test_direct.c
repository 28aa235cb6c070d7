#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base.h"
#include "io/fd.h"
#include "direct.h"

/*
 * Connections made anew, to listeners of the test's own. What would be the
 * driver writes down what it is told.
 */

#define TASKS 4

struct fixture {
	struct event_base *base;
	struct workload work;
	struct addr addrs[2];
	int listeners[2];
	struct direct *direct;
	unsigned granted;
	unsigned refused;
	char backend[ADDR_TEXT_BYTES]; /* of the last grant */
	char code[64];		       /* of the last refusal */
};

static void
on_granted(void *ctx, unsigned task, const struct lent *lent, uint64_t now_us)
{
	struct fixture *x = ctx;

	(void)now_us;
	assert_true(task < TASKS);
	(void)snprintf(x->backend, sizeof(x->backend), "%s", lent->backend);
	x->granted++;
	assert_int_equal(send(lent->fd, "x", 1, MSG_DONTWAIT), 1);
	close(lent->fd);
}

static void
on_refused(void *ctx, unsigned task, const char *code, const char *message)
{
	struct fixture *x = ctx;

	(void)message;
	assert_true(task < TASKS);
	(void)snprintf(x->code, sizeof(x->code), "%s", code);
	x->refused++;
}

static const struct links_ops ops = {
	.on_granted = on_granted,
	.on_refused = on_refused,
};

static void
begin(struct fixture *x)
{
	const char *why;
	struct addr any;

	memset(x, 0, sizeof(*x));
	x->base = event_base_new();
	assert_true(addr_parse("127.0.0.1:0", &any, &why));
	for (unsigned i = 0; i < ARRAY_LEN(x->addrs); i++) {
		x->listeners[i] = fd_listen(&any, 16, &x->addrs[i]);
		assert_true(x->listeners[i] >= 0);
	}
	x->work = (struct workload){
		.tasks = TASKS,
		.direct = x->addrs,
		.direct_count = ARRAY_LEN(x->addrs),
		.timeout_us = 10 * US_PER_S,
	};
	x->direct = direct_new(&x->work, x->base, &ops, x);
}

static void
end(struct fixture *x)
{
	direct_free(&x->direct);
	for (unsigned i = 0; i < ARRAY_LEN(x->addrs); i++)
		fd_close(&x->listeners[i]);
	event_base_free(x->base);
}

/* Turns of the loop until so many answers have come; each waits for one. */
static void
answers(struct fixture *x, unsigned n)
{
	direct_flush(x->direct);
	while (x->granted + x->refused < n)
		assert_int_equal(event_base_loop(x->base, EVLOOP_ONCE), 0);
	assert_int_equal(x->granted + x->refused, n);
}

static void
each_claim_gets_a_connection_of_its_own(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	for (unsigned i = 0; i < TASKS; i++)
		direct_claim(x.direct, i);
	assert_int_equal(x.granted, 0);
	answers(&x, TASKS);
	assert_int_equal(x.granted, TASKS);
	end(&x);
}

static void
addresses_take_turns(void **state)
{
	char first[ADDR_TEXT_BYTES];
	struct fixture x;

	(void)state;
	begin(&x);
	direct_claim(x.direct, 0);
	answers(&x, 1);
	memcpy(first, x.backend, sizeof(first));
	direct_claim(x.direct, 0);
	answers(&x, 2);
	assert_string_not_equal(x.backend, first);
	direct_claim(x.direct, 0);
	answers(&x, 3);
	assert_string_equal(x.backend, first);
	end(&x);
}

static void
nobody_there_is_a_failure_and_the_next_one_works(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fd_close(&x.listeners[1]);
	direct_claim(x.direct, 0);
	answers(&x, 1);
	direct_claim(x.direct, 0);
	answers(&x, 2);
	assert_int_equal(x.granted, 1);
	assert_int_equal(x.refused, 1);
	assert_string_equal(x.code, "connect-failed");
	end(&x);
}

static void
a_cancelled_claim_is_refused_at_once_and_never_granted(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	direct_claim(x.direct, 0);
	direct_cancel(x.direct, 0);
	assert_int_equal(x.refused, 1);
	assert_string_equal(x.code, "cancelled");
	direct_claim(x.direct, 1);
	direct_flush(x.direct);
	direct_cancel(x.direct, 1);
	assert_int_equal(x.refused, 2);
	(void)event_base_loop(x.base, EVLOOP_NONBLOCK);
	assert_int_equal(x.granted, 0);
	direct_claim(x.direct, 0);
	answers(&x, 3);
	assert_int_equal(x.granted, 1);
	end(&x);
}

static void
a_listener_that_does_not_accept_is_a_time_out(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	/* With no room for those that wait, the kernel answers one or two. */
	assert_int_equal(listen(x.listeners[0], 0), 0);
	x.addrs[1] = x.addrs[0];
	x.work.has_wait = true;
	x.work.wait_us = 50000;
	for (unsigned i = 0; i < TASKS; i++)
		direct_claim(x.direct, i);
	answers(&x, TASKS);
	assert_true(x.refused > 0);
	assert_string_equal(x.code, "connect-timeout");
	end(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_claim_gets_a_connection_of_its_own),
		cmocka_unit_test(addresses_take_turns),
		cmocka_unit_test(
		    nobody_there_is_a_failure_and_the_next_one_works),
		cmocka_unit_test(
		    a_cancelled_claim_is_refused_at_once_and_never_granted),
		cmocka_unit_test(a_listener_that_does_not_accept_is_a_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
