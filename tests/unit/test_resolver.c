#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ares.h>
#include <dirent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/dns.h"
#include "io/fd.h"
#include "io/resolver.h"
#include "wire.h"

#define SERVICE "_echo._tcp.test.com"

/* Longest that anything may take; far more than it needs. */
#define DEADLINE_S 10

/* A name server in the same event loop. */
struct server {
	int fd;
	struct addr addr;
	struct event *event;
	size_t asked;
	char name[256]; /* asked for last, as on the wire */
	bool is_silent;
	unsigned code; /* 0: records */
};

struct world {
	struct event_base *base;
	struct server server;
	struct resolver *r;
	size_t changes;
	size_t started, done, failed;
	size_t answered, unanswered; /* of waiters */
	size_t told;		     /* of dns_query */
	enum dns_outcome outcome;    /* the last told or failed */
	struct dns *dns;
	bool has_to_free;
};

static struct wire wire;

/* The answer to a query of the service, its target or its addresses. */
static void
write_answer(const struct server *s, const uint8_t *query, size_t len)
{
	size_t name_len = strlen((const char *)query + 12) + 1;
	unsigned type = query[12 + name_len + 1];
	bool has_record =
	    s->code == 0 && (type == WIRE_SRV || type == WIRE_AAAA);

	assert_true(len >= 12 + name_len + 4);
	wire.len = 0;
	wire_bytes(&wire, query, 2);
	wire_u16(&wire, WIRE_AUTHORITY | s->code);
	wire_u16(&wire, 1);
	wire_u16(&wire, has_record);
	wire_u32(&wire, 0);
	wire_bytes(&wire, query + 12, name_len + 4);
	if (has_record && type == WIRE_SRV)
		wire_srv(&wire, SERVICE, 60, 6001, "t.test.com");
	if (has_record && type == WIRE_AAAA)
		wire_aaaa(&wire, "t.test.com", 60, 1);
}

static void
on_query(evutil_socket_t fd, short what, void *ctx)
{
	struct server *s = ctx;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t query[4096] = { 0 };
	ssize_t n = recvfrom(fd, query, sizeof(query), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &from_len);

	(void)what;
	assert_true(n > 12);
	s->asked++;
	memcpy(s->name, query + 12, sizeof(s->name) - 1);
	if (s->is_silent)
		return;
	write_answer(s, query, (size_t)n);
	assert_int_equal(sendto(fd, wire.bytes, wire.len, 0,
			     (struct sockaddr *)&from, from_len),
	    wire.len);
}

static void
open_server(struct world *w)
{
	struct server *s = &w->server;
	struct addr any = { .kind = ADDR_INET, .ip = { 127, 0, 0, 1 } };
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&any, &sa);

	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sa, len), 0);
	len = sizeof(sa);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&sa, &len), 0);
	addr_from_sockaddr(&sa, &s->addr);
	s->event = event_new(w->base, s->fd, EV_READ | EV_PERSIST, on_query, s);
	event_add(s->event, NULL);
}

static int
open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->base = event_base_new();
	open_server(w);
	*state = w;
	return 0;
}

static int
close_world(void **state)
{
	struct world *w = *state;

	resolver_free(&w->r);
	dns_free(&w->dns);
	event_free(w->server.event);
	fd_close(&w->server.fd);
	event_base_free(w->base);
	free(w);
	return 0;
}

/* Runs the loop until *count has reached a number. */
static void
run_until(struct world *w, const size_t *count, size_t wanted)
{
	uint64_t end_us = clock_us() + DEADLINE_S * US_PER_S;
	struct timeval tv = { .tv_usec = 20000 };

	while (*count < wanted) {
		assert_true(clock_us() < end_us);
		event_base_loopexit(w->base, &tv);
		event_base_loop(w->base, EVLOOP_ONCE);
	}
}

/* One turn of the loop for all that is ready. */
static void
turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static size_t
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
on_change(void *ctx, struct resolver *r)
{
	struct world *w = ctx;

	assert_ptr_equal(r, w->r);
	w->changes++;
}

static void
on_trace(void *ctx, struct resolver *r, const struct resolver_trace *t)
{
	struct world *w = ctx;
	char server[ADDR_TEXT_BYTES];

	assert_ptr_equal(r, w->r);
	assert_string_equal(t->service, SERVICE);
	assert_string_equal(t->server, addr_text(&w->server.addr, server));
	switch (t->kind) {
	case RESOLVER_START:
		w->started++;
		break;
	case RESOLVER_DONE:
		w->done++;
		assert_int_equal(t->count, 1);
		assert_string_equal(t->reason, "");
		break;
	case RESOLVER_FAILED:
		w->failed++;
		w->outcome = t->outcome;
		assert_true(t->reason[0] != '\0');
		break;
	}
}

static void
resolve_it(struct world *w)
{
	struct resolver_params params = {
		.base = w->base,
		.service = "_Echo._TCP.test.com.",
		.servers = &w->server.addr,
		.server_count = 1,
		.seed = 1,
		.on_change = on_change,
		.on_trace = on_trace,
		.ctx = w,
	};
	const char *why;

	resolve_policy_default(&params.policy);
	w->r = resolver_new(&params, &why);
	assert_non_null(w->r);
}

static void
on_refreshed(void *ctx, struct resolver *r, bool is_answered)
{
	struct world *w = ctx;

	assert_ptr_equal(r, w->r);
	if (is_answered)
		w->answered++;
	else
		w->unanswered++;
}

static void
backends_come_from_the_loop(void **state)
{
	struct world *w = *state;
	const struct backend_spec *specs;
	char addr[ADDR_TEXT_BYTES];

	resolve_it(w);
	assert_string_equal(resolver_service(w->r), SERVICE);
	assert_int_equal(resolver_status(w->r), RESOLVE_STARTING);
	assert_int_equal(resolver_backends(w->r, &specs), 0);
	assert_int_equal(w->changes + w->started, 0);
	run_until(w, &w->changes, 1);
	assert_int_equal(resolver_status(w->r), RESOLVE_OK);
	assert_int_equal(resolver_backends(w->r, &specs), 1);
	assert_string_equal(specs[0].name, "t.test.com:6001");
	assert_string_equal(addr_text(&specs[0].addr, addr), "[::1]:6001");
	assert_int_equal(specs[0].sources, SOURCE_DNS);
	assert_string_equal(resolver_error(w->r), "");
	assert_int_equal(w->started, 1);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->server.asked, 3);
}

static void
a_failure_is_told_and_the_backends_stay(void **state)
{
	struct world *w = *state;
	const struct backend_spec *specs;
	char server[ADDR_TEXT_BYTES];

	resolve_it(w);
	run_until(w, &w->changes, 1);
	w->server.code = 5;
	resolver_refresh(w->r, on_refreshed, w);
	assert_int_equal(w->unanswered, 0);
	run_until(w, &w->unanswered, 1);
	assert_int_equal(w->changes, 2);
	assert_int_equal(resolver_status(w->r), RESOLVE_STALE);
	assert_int_equal(resolver_backends(w->r, &specs), 1);
	assert_int_equal(w->outcome, DNS_REFUSED);
	assert_non_null(
	    strstr(resolver_error(w->r), addr_text(&w->server.addr, server)));
	assert_non_null(strstr(resolver_error(w->r), "REFUSED"));
	w->server.code = 0;
	resolver_refresh(w->r, on_refreshed, w);
	run_until(w, &w->answered, 1);
	assert_int_equal(resolver_status(w->r), RESOLVE_OK);
	assert_string_equal(resolver_error(w->r), "");
}

static void
each_waiter_is_called_once(void **state)
{
	struct world *w = *state;
	size_t other = 0;

	resolve_it(w);
	resolver_refresh(w->r, on_refreshed, w);
	resolver_refresh(w->r, on_refreshed, w);
	resolver_refresh(w->r, NULL, NULL);
	resolver_refresh(w->r, on_refreshed, &other);
	resolver_forget(w->r, &other);
	run_until(w, &w->answered, 2);
	assert_int_equal(w->done, 1);
	/* Asked during a look-up: answered by the next one. */
	w->server.is_silent = true;
	resolver_refresh(w->r, NULL, NULL);
	run_until(w, &w->server.asked, 4);
	resolver_refresh(w->r, on_refreshed, w);
	w->server.is_silent = false;
	run_until(w, &w->answered, 3);
	assert_int_equal(w->done, 3);
	assert_int_equal(other, 0);
}

/* Frees the resolver after so many turns of the loop. */
static void
freed_at_any_time_nothing_is_left(void **state)
{
	struct world *w = *state;
	size_t fds = count_fds();
	size_t changes;
	int turns, i;

	for (turns = 0; turns < 12; turns++) {
		resolve_it(w);
		resolver_refresh(w->r, on_refreshed, w);
		for (i = 0; i < turns; i++)
			turn(w);
		changes = w->changes;
		resolver_free(&w->r);
		assert_null(w->r);
		for (i = 0; i < 5; i++)
			turn(w);
		assert_int_equal(w->changes, changes);
		assert_int_equal(count_fds(), fds);
	}
	assert_true(w->changes > 0);
}

static void
another_time_out_takes_effect_between_look_ups(void **state)
{
	struct world *w = *state;
	struct resolve_policy policy;
	size_t asked;

	resolve_it(w);
	run_until(w, &w->changes, 1);
	resolve_policy_default(&policy);
	policy.query_timeout_us = 450 * US_PER_MS;
	resolver_set_policy(w->r, &policy);
	resolver_refresh(w->r, on_refreshed, w);
	run_until(w, &w->answered, 1);
	w->server.is_silent = true;
	asked = w->server.asked;
	resolver_refresh(w->r, on_refreshed, w);
	run_until(w, &w->unanswered, 1);
	assert_int_equal(w->outcome, DNS_TIME_OUT);
	assert_int_equal(resolver_status(w->r), RESOLVE_STALE);
	/* The pace is another too: it had time to try again. */
	run_until(w, &w->server.asked, asked + 2);
}

static void
what_cannot_be_looked_up_is_refused(void **state)
{
	struct world *w = *state;
	struct addr many[RESOLVE_SERVERS_MAX + 1];
	struct addr unix_addr = { .kind = ADDR_UNIX, .path = "/tmp/x" };
	struct resolver_params params = { .base = w->base,
		.service = "a..b",
		.on_change = on_change,
		.ctx = w };
	const char *why = NULL;
	size_t i;

	resolve_policy_default(&params.policy);
	assert_null(resolver_new(&params, &why));
	assert_non_null(strstr(why, "empty label"));
	params.service = SERVICE;
	params.servers = &unix_addr;
	params.server_count = 1;
	assert_null(resolver_new(&params, &why));
	assert_non_null(strstr(why, "IP address"));
	for (i = 0; i < ARRAY_LEN(many); i++)
		many[i] = w->server.addr;
	params.servers = many;
	params.server_count = ARRAY_LEN(many);
	assert_null(resolver_new(&params, &why));
	assert_non_null(strstr(why, "too many"));
	many[0].port = 0;
	params.server_count = 1;
	assert_null(resolver_new(&params, &why));
	assert_non_null(strstr(why, "port 0"));
}

static void
the_servers_of_the_system_are_found(void **state)
{
	struct world *w = *state;
	struct resolver_params params = { .base = w->base,
		.service = SERVICE,
		.on_change = on_change,
		.ctx = w };
	struct addr servers[RESOLVE_SERVERS_MAX];
	const char *why;
	size_t i, count;

	count = dns_system_servers(servers, ARRAY_LEN(servers));
	assert_true(count <= ARRAY_LEN(servers));
	for (i = 0; i < count; i++)
		assert_true(servers[i].port != 0);
	assert_int_equal(dns_system_servers(servers, 0), 0);
	resolve_policy_default(&params.policy);
	w->r = resolver_new(&params, &why);
	assert_non_null(w->r);
	resolver_free(&w->r);
}

static void
on_told(void *ctx, uint64_t cookie, const struct dns_answer *answer)
{
	struct world *w = ctx;

	assert_true(cookie >= 1000);
	w->told++;
	w->outcome = answer->outcome;
	if (w->has_to_free)
		dns_free(&w->dns);
}

static void
open_dns(struct world *w, uint64_t timeout_us)
{
	struct dns_params params = {
		.base = w->base,
		.server = &w->server.addr,
		.timeout_us = timeout_us,
		.on_answer = on_told,
		.ctx = w,
	};
	const char *why;

	w->dns = dns_new(&params, &why);
	assert_non_null(w->dns);
}

static void
every_query_is_answered_once(void **state)
{
	struct world *w = *state;
	uint64_t i;

	open_dns(w, DEADLINE_S * US_PER_S);
	for (i = 0; i < 64; i++)
		dns_query(
		    w->dns, 1000 + i, DNS_SRV, SERVICE, DEADLINE_S * US_PER_S);
	assert_int_equal(w->told, 0);
	run_until(w, &w->told, 64);
	assert_int_equal(w->outcome, DNS_RECORDS);
	for (i = 0; i < 5; i++)
		turn(w);
	assert_int_equal(w->told, 64);
}

static void
a_name_that_cannot_be_asked_ends_from_the_loop(void **state)
{
	struct world *w = *state;

	open_dns(w, DEADLINE_S * US_PER_S);
	dns_query(w->dns, 1000, DNS_A, "a..b", DEADLINE_S * US_PER_S);
	assert_int_equal(w->told, 0);
	run_until(w, &w->told, 1);
	assert_int_not_equal(w->outcome, DNS_RECORDS);
	assert_int_equal(w->server.asked, 0);
}

/* Newer ones of c-ares take no more bytes than hosts' names have. */
static void
asks_for(struct world *w, const char *name, const char *on_wire)
{
	size_t told = w->told, asked = w->server.asked;

	dns_query(w->dns, 1000, DNS_A, name, DEADLINE_S * US_PER_S);
	run_until(w, &w->told, told + 1);
	if (w->outcome == DNS_NOT_ASKED && ARES_VERSION >= 0x011600) {
		assert_int_equal(w->server.asked, asked);
		return;
	}
	assert_int_equal(w->outcome, DNS_NO_DATA);
	assert_int_equal(w->server.asked, asked + 1);
	assert_string_equal(w->server.name, on_wire);
}

static void
a_name_with_odd_bytes_is_asked_for_and_no_other(void **state)
{
	struct world *w = *state;
	char name[DNS_NAME_BYTES], text[8], on_wire[] = "\1x\1c";
	const char *why;
	int byte;

	open_dns(w, DEADLINE_S * US_PER_S);
	asks_for(w, "_e\\032x.c", "\4_e x\1c");
	asks_for(w, "\\0311\\255\\.\\\\.c", "\5\0371\377.\\\1c");
	for (byte = 1; byte <= 0xFF; byte++) {
		(void)snprintf(text, sizeof(text), "\\%03d.c", byte);
		assert_true(dns_name_normalize(text, name, &why));
		on_wire[1] = (char)byte;
		if (byte >= 'A' && byte <= 'Z')
			on_wire[1] = (char)(byte - 'A' + 'a');
		asks_for(w, name, on_wire);
	}
}

static void
a_name_with_a_zero_byte_is_not_asked_for(void **state)
{
	struct world *w = *state;

	open_dns(w, DEADLINE_S * US_PER_S);
	dns_query(w->dns, 1000, DNS_A, "x\\000y.c", DEADLINE_S * US_PER_S);
	assert_int_equal(w->told, 0);
	run_until(w, &w->told, 1);
	assert_int_equal(w->outcome, DNS_NOT_ASKED);
	assert_int_equal(w->server.asked, 0);
}

static void
a_silent_server_is_tried_again_until_the_time_out(void **state)
{
	struct world *w = *state;

	open_dns(w, 400 * US_PER_MS);
	w->server.is_silent = true;
	dns_query(w->dns, 1000, DNS_A, "a.test.com", 400 * US_PER_MS);
	run_until(w, &w->told, 1);
	assert_int_equal(w->outcome, DNS_TIME_OUT);
	assert_true(w->server.asked >= 2);
}

static void
cancelled_queries_are_not_told_and_others_go_on(void **state)
{
	struct world *w = *state;
	int i;

	open_dns(w, DEADLINE_S * US_PER_S);
	w->server.is_silent = true;
	for (i = 0; i < 5; i++)
		dns_query(
		    w->dns, 1000, DNS_A, "a.test.com", DEADLINE_S * US_PER_S);
	run_until(w, &w->server.asked, 5);
	dns_cancel(w->dns);
	w->server.is_silent = false;
	dns_query(w->dns, 1001, DNS_SRV, SERVICE, DEADLINE_S * US_PER_S);
	dns_query(w->dns, 1002, DNS_A, "a..b", DEADLINE_S * US_PER_S);
	run_until(w, &w->told, 2);
	/* Also when they have ended and were not yet told. */
	dns_query(w->dns, 1003, DNS_A, "a..b", DEADLINE_S * US_PER_S);
	dns_cancel(w->dns);
	for (i = 0; i < 5; i++)
		turn(w);
	assert_int_equal(w->told, 2);
}

static void
it_may_be_freed_by_who_is_told(void **state)
{
	struct world *w = *state;
	size_t fds = count_fds();
	int i;

	open_dns(w, DEADLINE_S * US_PER_S);
	w->has_to_free = true;
	for (i = 0; i < 10; i++)
		dns_query(
		    w->dns, 1000, DNS_SRV, SERVICE, DEADLINE_S * US_PER_S);
	run_until(w, &w->told, 1);
	assert_null(w->dns);
	for (i = 0; i < 5; i++)
		turn(w);
	assert_int_equal(w->told, 1);
	assert_int_equal(count_fds(), fds);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(backends_come_from_the_loop),
		TEST(a_failure_is_told_and_the_backends_stay),
		TEST(each_waiter_is_called_once),
		TEST(freed_at_any_time_nothing_is_left),
		TEST(another_time_out_takes_effect_between_look_ups),
		TEST(what_cannot_be_looked_up_is_refused),
		TEST(the_servers_of_the_system_are_found),
		TEST(every_query_is_answered_once),
		TEST(a_name_that_cannot_be_asked_ends_from_the_loop),
		TEST(a_name_with_odd_bytes_is_asked_for_and_no_other),
		TEST(a_name_with_a_zero_byte_is_not_asked_for),
		TEST(a_silent_server_is_tried_again_until_the_time_out),
		TEST(cancelled_queries_are_not_told_and_others_go_on),
		TEST(it_may_be_freed_by_who_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
