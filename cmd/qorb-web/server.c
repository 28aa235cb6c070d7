/* The server and its connections; see server.h. */

#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "http.h"
#include "io/fd.h"
#include "io/log.h"
#include "live.h"

/* Descriptors beside those of clients. */
#define FDS_BESIDE 32

/* Of a request; browsers send along the cookies of all ports of a host. */
#define HEADER_BYTES 16384

/* A request is to come within this time, and the next one. */
#define REQUEST_S 5

/* How exactly clients are told again that there is nothing. */
#define REPEAT_STEP_US (100 * US_PER_MS)

#define ARG_BYTES  256
#define HOST_BYTES 300

void
conn_reset(struct conn *c)
{
	blob_drop(&c->out);
	blob_drop(&c->next);
	feed_fini(&c->feed);
	free(c->nonce);
	c->nonce = NULL;
	c->path = NULL;
	c->has_body = false;
	server_set_kind(c, CONN_REST);
}

/* Asks the daemon for as much as somebody looks at. */
static void
adjust_source(struct server *s)
{
	struct list_node *n = list_first(&s->conns);
	uint64_t every = NEVER;

	for (; n != NULL && s->counts[CONN_STATS] > 0;
	     n = list_after(&s->conns, n)) {
		const struct conn *c = CONTAINER_OF(n, struct conn, link);

		if (c->kind == CONN_STATS && c->query.every_us < every)
			every = c->query.every_us;
	}
	s->every_us = every;
	source_every(s->source, every);
	source_events(s->source, s->counts[CONN_EVENTS] > 0);
}

void
server_set_kind(struct conn *c, enum conn_kind kind)
{
	struct server *s = c->server;
	enum conn_kind old = c->kind;

	if (kind == old)
		return;
	s->counts[old]--;
	s->counts[kind]++;
	c->kind = kind;
	if (!s->is_over && (old == CONN_STATS || old == CONN_EVENTS ||
			       kind == CONN_STATS || kind == CONN_EVENTS))
		adjust_source(s);
}

const char *
server_header(const struct conn *c, int token, char *buf, int cap)
{
	buf[0] = '\0';
	if (lws_hdr_total_length(c->wsi, (enum lws_token_indexes)token) <= 0)
		return NULL;
	if (lws_hdr_copy(c->wsi, buf, cap, (enum lws_token_indexes)token) < 0)
		buf[0] = '\0';
	return buf;
}

static const char *
read_query(struct conn *c)
{
	char arg[ARG_BYTES];
	const char *why = NULL;
	int len;

	query_init(&c->query);
	for (int i = 0; why == NULL; i++) {
		len = lws_hdr_copy_fragment(
		    c->wsi, arg, sizeof(arg), WSI_TOKEN_HTTP_URI_ARGS, i);
		if (len < 0)
			return lws_hdr_fragment_length(
				   c->wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0
				   ? "an argument is too long"
				   : NULL;
		why = query_take(&c->query, arg);
	}
	return why;
}

const char *
server_check(struct conn *c, unsigned *status)
{
	char host_buf[HOST_BYTES], origin_buf[HOST_BYTES + 16];
	const char *host =
	    server_header(c, WSI_TOKEN_HOST, host_buf, sizeof(host_buf));
	const char *origin =
	    server_header(c, WSI_TOKEN_ORIGIN, origin_buf, sizeof(origin_buf));
	const char *why = rules_host(&c->server->options->rules, host);

	*status = 403;
	if (why == NULL)
		why = rules_origin(origin, host);
	if (why == NULL) {
		*status = 400;
		why = read_query(c);
	}
	return why;
}

static void
add_conn(struct server *s, struct lws *wsi)
{
	struct conn *c = mem_new(1, sizeof(*c));

	c->server = s;
	c->wsi = wsi;
	c->is_excess = s->conns.count >= s->options->max_clients;
	list_push_back(&s->conns, &c->link);
	s->counts[CONN_REST]++;
	lws_set_opaque_user_data(wsi, c);
}

static void
end_conn(struct conn *c)
{
	lws_set_opaque_user_data(c->wsi, NULL);
	list_remove(&c->server->conns, &c->link);
	conn_reset(c);
	c->server->counts[CONN_REST]--;
	free(c);
}

/* A WebSocket is asked for; it is refused as a request is. */
static int
on_upgrade(struct conn *c)
{
	char path[ARG_BYTES];
	unsigned status = 0;
	const char *why;

	/* Also with another method than GET, and then there is none. */
	(void)server_header(c, WSI_TOKEN_GET_URI, path, sizeof(path));
	why = live_check(c, path, &status);
	if (why == NULL)
		return 0;
	(void)lws_return_http_status(c->wsi, status, why);
	return 1;
}

/* The library would speak HTTP/2, on connections inside of this one that we
 * know nothing of; and where a WebSocket offers subprotocols that it does not
 * know, it would end it without a word. */
static int
on_asking_to_upgrade(struct conn *c, const char *to)
{
	if (strcasecmp(to, "websocket") != 0) {
		(void)lws_return_http_status(
		    c->wsi, 505, "HTTP/1.1 and WebSockets are served");
		return 1;
	}
	if (lws_hdr_total_length(c->wsi, WSI_TOKEN_PROTOCOL) > 0) {
		(void)lws_return_http_status(c->wsi, 400,
		    "WebSockets have no subprotocol here; offer none");
		return 1;
	}
	return 0;
}

/* May this one come in at all? */
static int
on_network(const struct server *s)
{
	return s->conns.count >= s->options->max_clients + SERVER_EXCESS;
}

static int
on_writeable(struct conn *c)
{
	return c->kind == CONN_HTTP ? http_on_writeable(c)
				    : live_on_writeable(c);
}

static int
on_conn(struct conn *c, enum lws_callback_reasons reason, void *in)
{
	switch ((int)reason) {
	case LWS_CALLBACK_WSI_DESTROY:
		end_conn(c);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_asking_to_upgrade(c, in);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return on_upgrade(c);
	case LWS_CALLBACK_ESTABLISHED:
		server_set_kind(c, c->upgrade);
		live_begin(c);
		return 0;
	case LWS_CALLBACK_HTTP:
		return http_on_request(c, in);
	case LWS_CALLBACK_HTTP_WRITEABLE:
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writeable(c);
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_CLOSED_HTTP:
		conn_reset(c);
		return 0;
	default:
		return 0;
	}
}

static int
on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
    size_t len)
{
	struct server *s = lws_context_user(lws_get_context(wsi));
	struct conn *c = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)len;
	switch ((int)reason) {
	case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
		return on_network(s);
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		add_conn(s, wsi);
		return 0;
	default:
		/* The rest is of connections that we know. */
		return c == NULL ? 0 : on_conn(c, reason, in);
	}
}

/* --- what the daemon says ------------------------------------------------ */

/* Calls one for each connection; it may change anything but the list. */
static void
each_conn(struct server *s, void (*what)(struct conn *c, void *arg), void *arg)
{
	struct list_node *n = list_first(&s->conns);

	for (; n != NULL; n = list_after(&s->conns, n))
		what(CONTAINER_OF(n, struct conn, link), arg);
}

static struct round
round_of(struct server *s)
{
	return (struct round){ .source = s->options->socket,
		.max_backends = s->options->max_backends,
		.sum = &s->held,
		.now_us = clock_us(),
		.every_us = s->every_us };
}

static void
tell_round(struct conn *c, void *round)
{
	struct round *r = round;

	if (c->kind == CONN_STATS)
		live_on_round(c, r);
	else if (r->picture != NULL)
		http_on_picture(c, r);
	else
		http_on_down(c, r);
}

/* The oldest body that a client keeps alive; UINT64_MAX: none. */
static uint64_t
serial_of(const struct conn *c)
{
	const struct blob *b = c->out != NULL ? c->out : c->next;

	return b == NULL || b->serial == 0 ? UINT64_MAX : b->serial;
}

static void
find_oldest(struct conn *c, void *arg)
{
	uint64_t *serial = arg;

	if (serial_of(c) < *serial)
		*serial = serial_of(c);
}

static void
close_if_at(struct conn *c, void *serial)
{
	if (serial_of(c) != *(const uint64_t *)serial)
		return;
	conn_reset(c);
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* Readers that are slow may each keep a round of its own: those that are
 * furthest behind go, but nobody who has the newest, however much that is. */
static void
limit_held(struct server *s, uint64_t newest)
{
	while (s->held.bytes > SERVER_HELD_MAX) {
		uint64_t serial = UINT64_MAX;

		each_conn(s, find_oldest, &serial);
		if (serial >= newest)
			return;
		log_write(LOG_WARN, NULL, NULL,
		    "readers that are too slow hold %zu MiB; those that are "
		    "furthest behind are closed",
		    s->held.bytes >> 20);
		each_conn(s, close_if_at, &serial);
	}
}

static void
on_picture(void *ctx, const struct picture *p, bool is_tick)
{
	struct server *s = ctx;
	struct round r = round_of(s);
	uint64_t newest = s->held.count + 1;

	r.picture = p;
	r.is_tick = is_tick;
	s->is_down = false;
	each_conn(s, tell_round, &r);
	round_fini(&r);
	limit_held(s, newest);
}

static void
tell_down(
    struct server *s, void (*tell)(struct conn *c, void *round), bool is_news)
{
	const char *why = source_error(s->source);
	struct round r = round_of(s);

	r.why = why == NULL ? "" : why;
	r.is_news = is_news;
	each_conn(s, tell, &r);
	round_fini(&r);
}

static void
tell_again(struct conn *c, void *round)
{
	if (c->kind == CONN_STATS && c->is_told)
		live_on_round(c, round);
}

/* While there are no figures, and somebody looks. */
static void
on_repeat(lws_sorted_usec_list_t *sul)
{
	struct server *s = CONTAINER_OF(sul, struct server, repeat);

	if (!s->is_down || s->counts[CONN_STATS] == 0)
		return;
	/* None: it answers, but not with figures yet. */
	if (source_error(s->source) != NULL)
		tell_down(s, tell_again, false);
	lws_sul_schedule(
	    s->context, 0, sul, on_repeat, (lws_usec_t)REPEAT_STEP_US);
}

static void
on_down(void *ctx, bool is_news)
{
	struct server *s = ctx;

	if (s->is_over)
		return;
	s->is_down = true;
	tell_down(s, tell_round, is_news);
	lws_sul_schedule(
	    s->context, 0, &s->repeat, on_repeat, (lws_usec_t)REPEAT_STEP_US);
}

static void
tell_pong(struct conn *c, void *arg)
{
	(void)arg;
	http_on_pong(c);
}

static void
on_pong(void *ctx)
{
	each_conn(ctx, tell_pong, NULL);
}

struct event_told {
	const struct qorb_reply *row;
	struct blob *message;
	uint64_t now_us;
};

static void
tell_event(struct conn *c, void *arg)
{
	struct event_told *e = arg;

	if (c->kind == CONN_EVENTS)
		live_on_event(c, e->row, &e->message, e->now_us);
}

static void
on_event(void *ctx, const struct qorb_reply *row)
{
	struct event_told e = { .row = row, .now_us = clock_us() };

	each_conn(ctx, tell_event, &e);
	blob_drop(&e.message);
}

static void
tell_time(struct conn *c, void *arg)
{
	if (c->kind == CONN_EVENTS)
		live_on_sweep(c, *(const uint64_t *)arg);
}

static void
on_sweep(lws_sorted_usec_list_t *sul)
{
	struct server *s = CONTAINER_OF(sul, struct server, sweep);
	uint64_t now_us = clock_us();

	each_conn(s, tell_time, &now_us);
	lws_sul_schedule(s->context, 0, sul, on_sweep, (lws_usec_t)US_PER_S);
}

/* --- beginning and end --------------------------------------------------- */

static void
emit(int level, const char *line)
{
	(void)level;
	log_write(LOG_WARN, NULL, NULL, "libwebsockets: %.*s",
	    (int)strcspn(line, "\n"), line);
}

/* The library only waits when it cannot have the address, and does not say so:
 * so it is tried first. */
static bool
try_address(const struct server *s, struct addr *bound, struct text *why)
{
	char buf[ADDR_TEXT_BYTES];
	int fd = fd_listen(&s->options->listen, 1, bound);

	if (fd < 0) {
		text_addf(why, "cannot listen on %s: %s",
		    addr_text(&s->options->listen, buf), strerror(errno));
		if (errno == EADDRINUSE)
			text_add(why, "; --listen names another one");
		return false;
	}
	fd_close(&fd);
	return true;
}

static struct lws_vhost *
listen_on(struct server *s, const struct addr *at)
{
	const struct server_options *o = s->options;
	char ip[INET6_ADDRSTRLEN];
	struct lws_context_creation_info info = { .vhost_name = "http",
		.port = at->port,
		.protocols = s->protocols,
		.server_string = "qorb-web",
		.timeout_secs = REQUEST_S,
		.timeout_secs_ah_idle = REQUEST_S,
		.keepalive_timeout = REQUEST_S,
		.retry_and_idle_policy = &s->liveness,
		.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
			   LWS_SERVER_OPTION_VALIDATE_UTF8 };

	/* With IPv6 in its mind, the library takes any IPv4 address to mean all
	 * there are, and without it any IPv6 address. */
	if (at->kind == ADDR_INET)
		info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	(void)inet_ntop(
	    at->kind == ADDR_INET ? AF_INET : AF_INET6, at->ip, ip, sizeof(ip));
	info.iface = ip;
	s->protocols[0] = (struct lws_protocols){ .name = "http",
		.callback = on_http,
		.tx_packet_size = SERVER_PIECE + 16 };
	s->liveness =
	    (lws_retry_bo_t){ .secs_since_valid_ping =
				  (uint16_t)(o->timeout_us / 2 / US_PER_S),
		    .secs_since_valid_hangup =
			(uint16_t)(o->timeout_us / US_PER_S) };
	return lws_create_vhost(s->context, &info);
}

static bool
begin(struct server *s, struct addr *bound, struct text *why)
{
	struct lws_context_creation_info info = { .user = s,
		.port = CONTEXT_PORT_NO_LISTEN,
		.fd_limit_per_thread =
		    s->options->max_clients + SERVER_EXCESS + FDS_BESIDE,
		.max_http_header_data = HEADER_BYTES,
		.gid = -1,
		.uid = -1,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS };
	char buf[ADDR_TEXT_BYTES];

	lws_set_log_level(LLL_ERR, emit);
	s->context = lws_create_context(&info);
	if (s->context == NULL || !source_begin(s->source, s->context)) {
		text_add(why, "cannot start libwebsockets");
		return false;
	}
	if (listen_on(s, bound) == NULL) {
		text_addf(why, "cannot listen on %s", addr_text(bound, buf));
		return false;
	}
	on_sweep(&s->sweep);
	return true;
}

struct server *
server_new(
    const struct server_options *options, struct addr *bound, struct text *why)
{
	struct server *s = mem_new(1, sizeof(*s));
	const struct source_hooks hooks = { .on_picture = on_picture,
		.on_pong = on_pong,
		.on_event = on_event,
		.on_down = on_down,
		.ctx = s };

	s->options = options;
	s->every_us = NEVER;
	list_init(&s->conns);
	s->piece = mem_new(LWS_PRE + SERVER_PIECE, 1);
	s->source = source_new(options->socket, feed_kinds, &hooks);
	if (!try_address(s, bound, why) || !begin(s, bound, why))
		server_free(&s);
	return s;
}

void
server_free(struct server **server)
{
	struct server *s = *server;

	*server = NULL;
	if (s == NULL)
		return;
	s->is_over = true;
	source_end(s->source);
	if (s->context != NULL)
		lws_context_destroy(s->context);
	source_free(&s->source);
	free(s->piece);
	free(s);
}

void
server_run(struct server *s, const volatile sig_atomic_t *is_told_to_end)
{
	while (*is_told_to_end == 0 && lws_service(s->context, 0) >= 0)
		continue;
}

void
server_wake(struct server *s)
{
	lws_cancel_service(s->context);
}
