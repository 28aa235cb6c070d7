#include "io/dns.h"

#include <stdlib.h>
#include <string.h>

#include <sys/types.h>
#include <sys/queue.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <event2/event.h>

#include "io/dns_parse.h"

/* First try's wait; each further try waits twice as long. A short time-out
 * still has room for PACE tries at its start. */
#define FIRST_WAIT_MS 500
#define PACE	      8

/* Enough to fill any time-out that a policy allows. */
#define TRIES_MAX 20

/* What fits into an unfragmented packet everywhere (DNS flag day 2020). */
#define EDNS_BYTES 1232

#define DNS_PORT 53

/*
 * A query lives until both hands have let go of it: c-ares, which calls back
 * once for each, and we, who need it until its end is told or dropped. That
 * order is open, since c-ares cannot drop one query alone.
 */
struct query {
	TAILQ_ENTRY(query) link; /* in dns->waiting or dns->ended, while ours */
	struct dns *dns;	 /* NULL once we let go */
	bool is_with_ares;
	uint64_t cookie;
	struct event *timer; /* owned; NULL once ended */
	struct dns_answer answer;
};

TAILQ_HEAD(query_list, query);

struct sock {
	LIST_ENTRY(sock) link;
	int fd; /* borrowed from c-ares */
	struct event *event;
};

struct dns {
	struct event_base *base;
	ares_channel channel;
	struct event *timer; /* c-ares' own */
	struct event *tell;  /* gives out what has ended */
	LIST_HEAD(, sock) socks;
	struct query_list waiting;
	struct query_list ended;
	bool is_telling;
	bool is_dead; /* freed while telling */
	void (*on_answer)(
	    void *ctx, uint64_t cookie, const struct dns_answer *answer);
	void *ctx;
};

static struct timeval
to_timeval(uint64_t span_us)
{
	return (struct timeval){
		.tv_sec = (time_t)(span_us / US_PER_S),
		.tv_usec = (suseconds_t)(span_us % US_PER_S),
	};
}

/* Allocations of the event loop fail only when memory does. */
static struct event *
must_event(struct event *event)
{
	ASSERT(event != NULL);
	return event;
}

/* c-ares says when it wants to be called though no socket is ready. */
static void
set_timer(struct dns *d)
{
	struct timeval tv;

	if (ares_timeout(d->channel, NULL, &tv) != NULL)
		evtimer_add(d->timer, &tv);
	else
		evtimer_del(d->timer);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct dns *d = ctx;

	(void)fd;
	(void)what;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(d);
}

static void
on_sock(evutil_socket_t fd, short what, void *ctx)
{
	struct dns *d = ctx;

	ares_process_fd(d->channel, (what & EV_READ) ? fd : ARES_SOCKET_BAD,
	    (what & EV_WRITE) ? fd : ARES_SOCKET_BAD);
	set_timer(d);
}

static struct sock *
find_sock(struct dns *d, int fd)
{
	struct sock *s;

	LIST_FOREACH(s, &d->socks, link)
	{
		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static void
drop_sock(struct sock *s)
{
	LIST_REMOVE(s, link);
	event_free(s->event);
	free(s);
}

/* c-ares opens, watches and closes its sockets. */
static void
on_sock_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = ctx;
	struct sock *s = find_sock(d, fd);
	short what = EV_PERSIST;

	if (s != NULL)
		drop_sock(s);
	if (!readable && !writable)
		return;
	what |= readable ? EV_READ : 0;
	what |= writable ? EV_WRITE : 0;
	s = mem_new(1, sizeof(*s));
	s->fd = fd;
	s->event = must_event(event_new(d->base, fd, what, on_sock, d));
	LIST_INSERT_HEAD(&d->socks, s, link);
	if (event_add(s->event, NULL) != 0)
		assert_failed(__FILE__, __LINE__, "event_add");
}

static void
free_if_let_go(struct query *q)
{
	if (q->dns == NULL && !q->is_with_ares)
		free(q);
}

/* Our hand: the query is in no list any more. */
static void
let_go(struct query *q)
{
	if (q->timer != NULL)
		event_free(q->timer);
	q->timer = NULL;
	q->dns = NULL;
	dns_answer_fini(&q->answer);
	free_if_let_go(q);
}

static void
let_go_all(struct query_list *list)
{
	struct query *q;

	while ((q = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, q, link);
		let_go(q);
	}
}

/* The answer stands in the query: tell it in a turn of its own. */
static void
end_query(struct query *q)
{
	struct dns *d = q->dns;

	event_free(q->timer);
	q->timer = NULL;
	TAILQ_REMOVE(&d->waiting, q, link);
	TAILQ_INSERT_TAIL(&d->ended, q, link);
	event_active(d->tell, EV_TIMEOUT, 0);
}

/* c-ares may hold tries of queries that nobody waits for. From the loop alone:
 * not from a callback of c-ares. */
static void
cancel_if_unused(struct dns *d)
{
	if (!TAILQ_EMPTY(&d->waiting))
		return;
	ares_cancel(d->channel);
	set_timer(d);
}

static void
on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct query *q = ctx;
	struct dns *d = q->dns;

	(void)fd;
	(void)what;
	q->answer.outcome = DNS_TIME_OUT;
	end_query(q);
	cancel_if_unused(d);
}

/* What c-ares says about a query that brought no answer. */
static enum dns_outcome
outcome_of_status(int status)
{
	switch (status) {
	case ARES_ENODATA:
		return DNS_NO_DATA;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	case ARES_ETIMEOUT:
		return DNS_TIME_OUT;
	case ARES_ESERVFAIL:
		return DNS_SERVFAIL;
	case ARES_EREFUSED:
		return DNS_REFUSED;
	case ARES_ECONNREFUSED:
		return DNS_UNREACHABLE;
	case ARES_EBADRESP:
		return DNS_GARBAGE;
	case ARES_EFORMERR:
	case ARES_ENOTIMP:
		return DNS_BAD_CODE;
	default:
		return DNS_NOT_ASKED;
	}
}

/* c-ares' hand. False when nobody waits for the answer. */
static bool
take_from_ares(struct query *q)
{
	q->is_with_ares = false;
	if (q->dns == NULL) {
		free_if_let_go(q);
		return false;
	}
	return q->timer != NULL; /* else its time was over */
}

#if DNS_PARSE_RECORDS

static void
on_ares(void *ctx, ares_status_t status, size_t timeouts,
    const ares_dns_record_t *record)
{
	struct query *q = ctx;

	(void)timeouts;
	if (!take_from_ares(q))
		return;
	if (record != NULL)
		dns_parse_record(record, &q->answer);
	else
		q->answer.outcome = outcome_of_status((int)status);
	end_query(q);
}

#else

static void
on_ares(void *ctx, int status, int timeouts, unsigned char *bytes, int len)
{
	struct query *q = ctx;

	(void)timeouts;
	if (!take_from_ares(q))
		return;
	if (bytes != NULL && len > 0)
		dns_parse(bytes, (size_t)len, &q->answer);
	else
		q->answer.outcome = outcome_of_status(status);
	end_query(q);
}

#endif

static int
wire_type(enum dns_type type)
{
	switch (type) {
	case DNS_SRV:
		return ns_t_srv;
	case DNS_AAAA:
		return ns_t_aaaa;
	case DNS_A:
		return ns_t_a;
	case DNS_CNAME:
	default:
		return ns_t_cname;
	}
}

/* A name as every c-ares reads it: \DDD becomes the byte itself, since c-ares
 * before 1.22 takes the digits for bytes of the name. Later ones refuse most
 * bytes, however they are written, which is no harm: nothing else is asked for.
 * False for a byte that no string can hold. */
static bool
write_raw(const char *name, char *raw)
{
	const char *s = name;
	unsigned byte;

	while (*s != '\0') {
		if (s[0] != '\\') {
			*raw++ = *s++;
		} else if (s[1] >= '0' && s[1] <= '9') {
			byte = (unsigned)(s[1] - '0') * 100 +
			       (unsigned)(s[2] - '0') * 10 +
			       (unsigned)(s[3] - '0');
			if (byte == 0)
				return false;
			*raw++ = (char)byte;
			s += 4;
		} else {
			*raw++ = *s++;
			*raw++ = *s++;
		}
	}
	*raw = '\0';
	return true;
}

/* The name is a normal one. on_ares may run before this returns. */
static void
ask(struct query *q, enum dns_type type, const char *name)
{
	ares_channel channel = q->dns->channel;
	char raw[DNS_NAME_BYTES];

	if (!write_raw(name, raw)) {
		q->is_with_ares = false;
		end_query(q);
		return;
	}
#if DNS_PARSE_RECORDS
	ares_query_dnsrec(channel, raw, ARES_CLASS_IN,
	    (ares_dns_rec_type_t)wire_type(type), on_ares, q, NULL);
#else
	ares_query(channel, raw, ns_c_in, wire_type(type), on_ares, q);
#endif
}

void
dns_query(struct dns *d, uint64_t cookie, enum dns_type type, const char *name,
    uint64_t timeout_us)
{
	struct query *q = mem_new(1, sizeof(*q));
	struct timeval tv = to_timeval(timeout_us);

	q->dns = d;
	q->cookie = cookie;
	q->is_with_ares = true;
	dns_answer_init(&q->answer, DNS_NOT_ASKED);
	q->timer = must_event(evtimer_new(d->base, on_deadline, q));
	evtimer_add(q->timer, &tv);
	TAILQ_INSERT_TAIL(&d->waiting, q, link);
	ask(q, type, name);
	set_timer(d);
}

void
dns_cancel(struct dns *d)
{
	let_go_all(&d->waiting);
	let_go_all(&d->ended);
	cancel_if_unused(d);
}

/* Tells what had ended when it began: an answer may lead to a query that ends
 * at once, which must not keep the loop here. */
static void
on_tell(evutil_socket_t fd, short what, void *ctx)
{
	struct dns *d = ctx;
	struct dns_answer answer;
	struct query *q;
	uint64_t cookie;
	size_t left = 0;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(q, &d->ended, link)
	left++;
	d->is_telling = true;
	while (
	    left-- > 0 && !d->is_dead && (q = TAILQ_FIRST(&d->ended)) != NULL) {
		TAILQ_REMOVE(&d->ended, q, link);
		cookie = q->cookie;
		answer = q->answer;
		dns_answer_init(&q->answer, DNS_RECORDS);
		let_go(q);
		d->on_answer(d->ctx, cookie, &answer);
		dns_answer_fini(&answer);
	}
	d->is_telling = false;
	if (d->is_dead) {
		free(d);
		return;
	}
	if (!TAILQ_EMPTY(&d->ended))
		event_active(d->tell, EV_TIMEOUT, 0);
}

/* How often to try, so that the tries last about as long as the time-out: what
 * c-ares holds on to after that is of no use. */
static void
set_pace(struct ares_options *options, uint64_t timeout_us)
{
	uint64_t timeout_ms = timeout_us / US_PER_MS + 1;
	uint64_t wait_ms = timeout_ms / PACE + 1;
	int tries = 1;

	if (wait_ms > FIRST_WAIT_MS)
		wait_ms = FIRST_WAIT_MS;
	while (tries < TRIES_MAX && wait_ms * ((1u << tries) - 1) < timeout_ms)
		tries++;
	options->timeout = (int)wait_ms;
	options->tries = tries;
}

static bool
open_channel(struct dns *d, const struct dns_params *params)
{
	struct ares_options options = {
		/* Against a list of servers of its own, c-ares has to look at
		 * the code to go on to the next. */
		.flags = ARES_FLAG_EDNS |
			 (params->server != NULL ? ARES_FLAG_NOCHECKRESP : 0),
		.ednspsz = EDNS_BYTES,
		.sock_state_cb = on_sock_state,
		.sock_state_cb_data = d,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS |
		   ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;

#ifdef ARES_OPT_QUERY_CACHE
	/* It would hand out TTLs as they were when it was asked. */
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	set_pace(&options, params->timeout_us);
	return ares_init_options(&d->channel, &options, mask) == ARES_SUCCESS;
}

/* Addresses that are no name server's. */
static const char *
why_not_server(const struct addr *addr)
{
	if (addr->kind != ADDR_INET && addr->kind != ADDR_INET6)
		return "a name server is given as an IP address and a port";
	if (addr->port == 0)
		return "a name server has no port 0";
	return NULL;
}

struct dns *
dns_new(const struct dns_params *params, const char **why)
{
	struct dns *d;
	char text[ADDR_TEXT_BYTES];

	if (params->server != NULL) {
		*why = why_not_server(params->server);
		if (*why != NULL)
			return NULL;
	}
	*why = "the DNS library cannot start";
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return NULL;
	d = mem_new(1, sizeof(*d));
	d->base = params->base;
	d->on_answer = params->on_answer;
	d->ctx = params->ctx;
	LIST_INIT(&d->socks);
	TAILQ_INIT(&d->waiting);
	TAILQ_INIT(&d->ended);
	if (!open_channel(d, params)) {
		ares_library_cleanup();
		free(d);
		return NULL;
	}
	d->timer = must_event(evtimer_new(d->base, on_timer, d));
	d->tell = must_event(event_new(d->base, -1, 0, on_tell, d));
	if (params->server != NULL &&
	    ares_set_servers_ports_csv(
		d->channel, addr_text(params->server, text)) != ARES_SUCCESS) {
		*why = "the DNS library does not take this address";
		dns_free(&d);
	}
	return d;
}

void
dns_free(struct dns **dp)
{
	struct dns *d = *dp;

	if (d == NULL)
		return;
	*dp = NULL;
	let_go_all(&d->waiting);
	let_go_all(&d->ended);
	ares_destroy(d->channel);
	ares_library_cleanup();
	ASSERT(LIST_EMPTY(&d->socks));
	event_free(d->timer);
	event_free(d->tell);
	if (d->is_telling)
		d->is_dead = true;
	else
		free(d);
}

#if ARES_VERSION >= 0x011800

/* One address of a list as c-ares prints it; false for forms that a struct
 * addr cannot hold (a scope, a URI). */
static bool
next_server(const char **list, struct addr *server)
{
	char text[ADDR_TEXT_BYTES];
	size_t len = strcspn(*list, ",");
	const char *why;

	if (len >= sizeof(text))
		return false;
	memcpy(text, *list, len);
	text[len] = '\0';
	*list += len + ((*list)[len] == ',' ? 1 : 0);
	return addr_parse(text, server, &why) && why_not_server(server) == NULL;
}

static size_t
read_servers(ares_channel channel, struct addr *servers, size_t max)
{
	char *csv = ares_get_servers_csv(channel);
	const char *rest = csv;
	size_t count = 0;

	while (rest != NULL && *rest != '\0' && count < max) {
		if (!next_server(&rest, &servers[count++])) {
			count = 0;
			break;
		}
	}
	ares_free_string(csv);
	return count;
}

#else

/* A link-local address needs a scope, which is not to be had here. */
static bool
is_link_local(const struct addr *addr)
{
	return addr->kind == ADDR_INET6 && addr->ip[0] == 0xFE &&
	       (addr->ip[1] & 0xC0) == 0x80;
}

static size_t
read_servers(ares_channel channel, struct addr *servers, size_t max)
{
	struct ares_addr_port_node *list = NULL;
	struct ares_addr_port_node *node;
	size_t count = 0;

	if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS)
		return 0;
	for (node = list; node != NULL && count < max; node = node->next) {
		struct addr a = {
			.kind =
			    node->family == AF_INET6 ? ADDR_INET6 : ADDR_INET,
			.port = DNS_PORT,
		};

		if (node->udp_port > 0)
			a.port = (uint16_t)node->udp_port;
		memcpy(a.ip, &node->addr, a.kind == ADDR_INET6 ? 16 : 4);
		if (is_link_local(&a)) {
			count = 0;
			break;
		}
		servers[count++] = a;
	}
	ares_free_data(list);
	return count;
}

#endif

size_t
dns_system_servers(struct addr *servers, size_t max)
{
	struct ares_options options = { 0 };
	ares_channel channel;
	size_t count = 0;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return 0;
	if (ares_init_options(&channel, &options, 0) == ARES_SUCCESS) {
		count = read_servers(channel, servers, max);
		ares_destroy(channel);
	}
	ares_library_cleanup();
	return count;
}
