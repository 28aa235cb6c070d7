/* A client of the daemon; see client.h. */

#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <event2/event.h>

#include "core/rng.h"
#include "daemon.h"
#include "events.h"
#include "io/fd.h"
#include "io/log.h"
#include "service.h"
#include "verbs.h"

#define IN_BYTES ((size_t)32 * 1024)

/* Room for what a line holds beside names and text: words, numbers, tag. */
#define LINE_ROOM 256

/* A tag with what stands around it, and the end of the line. */
#define TAG_ROOM (LINE_MAX_TAG + 3)

/* A byte of a message may become as many. */
#define ESCAPED_BYTES 4

/* Descriptors that one client may have in flight, and have waiting to be sent:
 * so many, and no more than this share of what the kernel allows the daemon. */
#define IN_FLIGHT_MAX ((size_t)256)
#define FDS_WAIT_MAX  ((size_t)64)
#define FDS_SHARE     16

static void on_readable(evutil_socket_t fd, short what, void *ctx);
static void on_writable(evutil_socket_t fd, short what, void *ctx);

/* A client that is refused counts for nobody, so that one user who keeps on
 * trying cannot keep others out. */
struct client *
client_new(struct daemon *d, int fd, const struct peer *peer, bool is_refused)
{
	struct client *c = mem_new(1, sizeof(*c));

	c->daemon = d;
	c->id = ++d->client_ids;
	c->fd = fd;
	c->peer = *peer;
	if (!is_refused) {
		c->user = users_add_client(&d->users, peer->uid);
		d->served++;
	}
	line_in_init(&c->in, IN_BYTES);
	out_init(&c->out);
	c->retry_us = CLIENT_RETRY_US;
	list_init(&c->tickets);
	list_init(&c->streams);
	list_init(&c->resolves);
	(void)event_assign(
	    &c->readable, d->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	(void)event_assign(&c->writable, d->base, fd, EV_WRITE, on_writable, c);
	(void)evtimer_assign(&c->retry, d->base, on_writable, c);
	(void)event_add(&c->readable, NULL);
	c->is_reading = true;
	list_push_back(&d->clients, &c->link);
	events_client(c, EVENT_CLIENT_CONNECTED);
	return c;
}

void
client_free(struct client *c)
{
	line_in_fini(&c->in);
	out_fini(&c->out);
	peer_fini(&c->peer);
	fd_close(&c->fd);
	free(c);
}

size_t
client_backlog(const struct client *c)
{
	return c->daemon->config->limits.backlog;
}

static void
set_reading(struct client *c, bool on)
{
	on = on && !c->is_ended;
	if (on == c->is_reading)
		return;
	c->is_reading = on;
	if (on)
		(void)event_add(&c->readable, NULL);
	else
		(void)event_del(&c->readable);
}

/* A claim whose client goes: one that waits is cancelled, one that is held ends
 * as gone, since nobody knows what was done with the connection. */
static void
abandon_ticket(struct ticket *t)
{
	uint64_t now = clock_us();

	if (t->is_held)
		service_release(t->service, t->claim, t->slot, CLAIM_END_GONE);
	else
		(void)pool_on_cancel(t->service->pool, t->claim, now);
	client_end_ticket(t);
}

/* What the pool has decided about a claim but not yet had carried out comes
 * first: an action must find its ticket. */
static void
abandon_tickets(struct client *c)
{
	struct list_node *n;

	while ((n = list_first(&c->tickets)) != NULL) {
		struct ticket *t = CONTAINER_OF(n, struct ticket, link);

		service_settle(t->service);
		if (list_first(&c->tickets) == n)
			abandon_ticket(t);
	}
}

static void
end_streams(struct client *c)
{
	struct list_node *n;

	while ((n = list_first(&c->streams)) != NULL)
		client_end_stream(CONTAINER_OF(n, struct stream, link));
}

/* What it holds of the descriptors that there are, as others have to know it.
 */
static void
account(struct client *c)
{
	struct daemon *d = c->daemon;

	if (c->user != NULL)
		c->user->in_flight += c->out.in_flight - c->in_flight;
	d->in_flight += c->out.in_flight - c->in_flight;
	d->kept += c->out.kept - c->kept;
	c->in_flight = c->out.in_flight;
	c->kept = c->out.kept;
}

void
client_look(struct client *c)
{
	if (c->in_flight == 0)
		return;
	out_look(&c->out, c->fd);
	account(c);
}

/* Nothing refers to it any more, and it takes no room in anybody's limits. */
static void
let_go(struct client *c)
{
	c->out.in_flight = 0;
	account(c);
	if (c->user != NULL)
		c->daemon->served--;
	users_drop_client(&c->daemon->users, &c->user);
	list_push_back(&c->daemon->gone, &c->gone);
}

void
client_look_at_unread(struct client *c, bool is_end)
{
	client_look(c);
	if (c->in_flight > 0 && !is_end)
		return;
	list_remove(&c->daemon->unread, &c->gone);
	let_go(c);
}

void
client_end(struct client *c)
{
	struct list_node *n;

	if (c->is_gone)
		return;
	c->is_gone = true;
	set_reading(c, false);
	(void)event_del(&c->writable);
	(void)event_del(&c->retry);
	abandon_tickets(c);
	end_streams(c);
	while ((n = list_first(&c->resolves)) != NULL)
		client_end_resolve(CONTAINER_OF(n, struct resolve_wait, link));
	for (size_t i = 0; i < c->daemon->service_count; i++)
		service_forget_client(c->daemon->services[i], c);
	events_client(c, EVENT_CLIENT_GONE);
	if (list_has(&c->dirty))
		list_remove(&c->daemon->dirty, &c->dirty);
	list_remove(&c->daemon->clients, &c->link);
	out_clear(&c->out);
	client_look(c);
	if (c->in_flight == 0) {
		let_go(c);
		return;
	}
	(void)shutdown(c->fd, SHUT_RDWR);
	list_push_back(&c->daemon->unread, &c->gone);
}

static void
mark_dirty(struct client *c)
{
	if (!list_has(&c->dirty) && !c->is_gone)
		list_push_back(&c->daemon->dirty, &c->dirty);
}

static size_t
share(const struct client *c, size_t most)
{
	uint64_t part = c->daemon->fd_limit / FDS_SHARE;

	return part < 1 ? 1 : part < most ? (size_t)part : most;
}

/* How many descriptors the client may have in flight. When it or others have
 * many, one at a time: so that however many clients do not read, the kernel
 * takes another one for each that does. */
static size_t
in_flight_max(const struct client *c)
{
	const struct daemon *d = c->daemon;
	bool is_much =
	    d->in_flight >= d->fd_limit / 2 ||
	    (c->user != NULL && c->user->in_flight >= d->fd_limit / 4);

	return is_much ? 1 : share(c, IN_FLIGHT_MAX);
}

/* How many may wait to be sent before nothing more is read from it; likewise,
 * since they are duplicates, of which this process may have only so many. */
static size_t
fds_wait_max(const struct client *c)
{
	const struct daemon *d = c->daemon;

	return d->kept >= d->fd_limit / 4 ? 1 : share(c, FDS_WAIT_MAX);
}

static enum out_result
send_queued(struct client *c)
{
	size_t gone = c->out.gone;
	enum out_result r = out_flush(&c->out, c->fd, in_flight_max(c));

	account(c);
	c->is_unread = r == OUT_UNREAD;
	if (c->out.gone != gone || r == OUT_EMPTY) {
		c->blocked_at_us = 0;
		c->retry_us = CLIENT_RETRY_US;
	}
	return r;
}

/* A queue that is full is sent first, before it has to grow. What that leads to
 * is client_flush's, which finds it again. */
static void
make_room(struct client *c, size_t room)
{
	if (!out_has_room(&c->out, room + TAG_ROOM) && !c->is_gone)
		(void)send_queued(c);
}

static struct text
begin_line(struct client *c, const char *tag, size_t room)
{
	struct text t = out_begin(&c->out, room + TAG_ROOM);

	if (tag != NULL && tag[0] != '\0') {
		text_add_char(&t, '#');
		text_add(&t, tag);
		text_add_char(&t, ' ');
	}
	return t;
}

struct text
client_line(struct client *c, const char *tag, size_t room)
{
	make_room(c, room);
	return begin_line(c, tag, room);
}

void
client_line_end(struct client *c, struct text *t)
{
	text_add_char(t, '\n');
	out_end(&c->out, t);
	mark_dirty(c);
}

void
client_ok(struct client *c, const char *tag)
{
	struct text t = client_line(c, tag, 8);

	text_add(&t, "ok");
	client_line_end(c, &t);
}

void
client_error(
    struct client *c, const char *tag, enum error e, const char *message)
{
	struct text t;

	if (message == NULL)
		message = error_text(e);
	t = client_line(c, tag, ESCAPED_BYTES * strlen(message) + LINE_ROOM);
	text_add(&t, "error ");
	text_add(&t, error_code(e));
	text_add_char(&t, ' ');
	/* It is free text, in which there may be what a peer sent. */
	text_add_escaped(&t, message, strlen(message));
	client_line_end(c, &t);
}

void
client_refuse(
    struct client *c, const char *tag, enum error e, const char *message)
{
	client_error(c, tag, e, message);
	c->is_closing = true;
	c->closing_at_us = clock_us();
}

static struct list *
pending_head(const struct client *c, const char *tag)
{
	struct daemon *d = c->daemon;

	return &d->pending[hash_mix(c->id, hash_text(tag)) %
			   ARRAY_LEN(d->pending)];
}

struct pending *
client_pending(const struct client *c, const char *tag)
{
	struct list *l;
	struct list_node *n;

	if (tag == NULL)
		return NULL;
	l = pending_head(c, tag);
	for (n = list_first(l); n != NULL; n = list_after(l, n)) {
		struct pending *p = CONTAINER_OF(n, struct pending, link);

		if (p->client == c && strcmp(p->tag, tag) == 0)
			return p;
	}
	return NULL;
}

void
client_pend(struct client *c, struct pending *p, const char *tag)
{
	p->client = c;
	if (tag == NULL)
		return;
	memcpy(p->tag, tag, strlen(tag) + 1);
	list_push_back(pending_head(c, tag), &p->link);
}

void
client_unpend(struct client *c, struct pending *p)
{
	if (list_has(&p->link))
		list_remove(pending_head(c, p->tag), &p->link);
}

struct ticket *
client_add_ticket(
    struct client *c, struct service *s, const char *tag, const char **why)
{
	const struct config_limits *most = &c->daemon->config->limits;
	struct ticket *t = NULL;

	if (c->tickets.count >= most->max_claims_per_client)
		*why = "this connection has as many claims as it may "
		       "(max-claims-per-client), waiting and held";
	else if (c->user->claims >= most->max_claims_per_user)
		*why = "this user has as many claims as they may "
		       "(max-claims-per-user), waiting and held";
	else if ((t = arena_take(&c->daemon->tickets)) == NULL)
		*why = "all pools together have as many claims as they may";
	if (t == NULL)
		return NULL;
	c->user->claims++;
	t->service = s;
	client_pend(c, &t->pending, tag);
	list_push_back(&c->tickets, &t->link);
	return t;
}

void
client_end_ticket(struct ticket *t)
{
	struct client *c = t->pending.client;

	client_unpend(c, &t->pending);
	list_remove(&c->tickets, &t->link);
	c->user->claims--;
	arena_put(&c->daemon->tickets, t);
}

/* The ticket of a claim that this client holds, NULL when it holds none. */
struct ticket *
client_held(const struct client *c, uint64_t claim)
{
	struct ticket *t = claim_table_owner(c->daemon->claims, claim);

	return t != NULL && t->pending.client == c && t->is_held ? t : NULL;
}

struct stream *
client_add_stream(
    struct client *c, struct service *s, const char *tag, const char **why)
{
	const struct config_limits *most = &c->daemon->config->limits;
	struct stream *stream;

	if (c->streams.count >= most->max_streams_per_client) {
		*why = "this connection has as many streams as it may "
		       "(max-streams-per-client)";
		return NULL;
	}
	if (c->user->streams >= most->max_streams_per_user) {
		*why = "this user has as many streams as they may "
		       "(max-streams-per-user)";
		return NULL;
	}
	c->user->streams++;
	stream = mem_new(1, sizeof(*stream));
	stream->pending.kind = PENDING_STREAM;
	stream->service = s;
	client_pend(c, &stream->pending, tag);
	list_push_back(&c->streams, &stream->link);
	return stream;
}

void
client_end_stream(struct stream *s)
{
	struct client *c = s->pending.client;

	client_unpend(c, &s->pending);
	if (s->is_events)
		list_remove(&c->daemon->subscribers, &s->subscriber);
	else
		(void)event_del(&s->timer);
	list_remove(&c->streams, &s->link);
	c->user->streams--;
	free(s);
}

void
client_end_resolve(struct resolve_wait *w)
{
	struct client *c = w->pending.client;

	service_forget_resolve(w->service, w);
	client_unpend(c, &w->pending);
	list_remove(&c->resolves, &w->link);
	free(w);
}

static void
end_resolves_of(struct client *c, const struct service *s, enum error e,
    const char *message)
{
	struct list_node *n = list_first(&c->resolves);

	while (n != NULL) {
		struct resolve_wait *w =
		    CONTAINER_OF(n, struct resolve_wait, link);

		n = list_after(&c->resolves, n);
		if (s != NULL && w->service != s)
			continue;
		client_error(c, w->pending.tag, e, message);
		client_end_resolve(w);
	}
}

void
client_end_resolves(struct daemon *d, const struct service *s, enum error e,
    const char *message)
{
	struct list_node *n = list_first(&d->clients);

	for (; n != NULL; n = list_after(&d->clients, n))
		end_resolves_of(
		    CONTAINER_OF(n, struct client, link), s, e, message);
}

static void
end_streams_of(struct client *c, const struct service *s)
{
	struct list_node *n = list_first(&c->streams);

	while (n != NULL) {
		struct stream *stream = CONTAINER_OF(n, struct stream, link);

		n = list_after(&c->streams, n);
		if (stream->service != s)
			continue;
		client_error(c, stream->pending.tag, ERR_TERMINATED,
		    "the configuration has no such pool any more");
		client_end_stream(stream);
	}
}

void
client_end_streams(struct daemon *d, const struct service *s)
{
	struct list_node *n = list_first(&d->clients);

	for (; n != NULL; n = list_after(&d->clients, n))
		end_streams_of(CONTAINER_OF(n, struct client, link), s);
}

uint64_t
client_of_claim(const void *owner)
{
	const struct ticket *t = owner;

	return t->pending.client->id;
}

void
client_on_grant(const struct action *a, int fd)
{
	struct ticket *ticket = a->owner;
	struct client *c = ticket->pending.client;
	size_t room = LINE_ROOM + 3 * strlen(a->backend) + 3 * ADDR_TEXT_BYTES;
	struct text t;

	ticket->is_held = true;
	ticket->slot = a->slot.index;
	client_unpend(c, &ticket->pending);
	/* Between a descriptor and its line nothing can be sent. */
	make_room(c, room);
	out_attach(&c->out, fd);
	t = begin_line(c, ticket->pending.tag, room);
	text_add(&t, "ok claim=");
	text_add_u64(&t, a->claim);
	text_add_pair_u64(&t, "slot", a->slot_id);
	text_add_pair(&t, "backend", a->backend);
	text_add_pair(&t, "addr", a->addr_text);
	client_line_end(c, &t);
}

void
client_on_refuse(void *owner, enum error e)
{
	struct ticket *t = owner;

	client_error(t->pending.client, t->pending.tag, e, NULL);
	client_end_ticket(t);
}

void
client_on_revoke(void *owner)
{
	client_end_ticket(owner);
}

static void
serve_line(struct client *c, char *line, size_t len)
{
	struct request r;
	const char *what = "";
	enum error e = request_parse(line, len, &r, &what);
	char buf[128];
	struct text why;

	if (e == ERR_NONE) {
		verbs_run(c, &r);
		return;
	}
	text_init(&why, buf, sizeof(buf));
	text_addf(&why, "word %u: %s", r.wrong_word, what);
	client_error(c, r.tag, e, buf);
}

/* Does it leave too much unread for more to be read from it? */
static bool
is_full(const struct client *c)
{
	return out_pending(&c->out) > client_backlog(c) ||
	       c->out.fd_count >= fds_wait_max(c);
}

/* All whole lines, unless the client leaves too much unread. */
static void
serve_lines(struct client *c)
{
	char *line;
	size_t len;

	while (!c->is_closing && !c->is_gone && !is_full(c)) {
		switch (line_in_next(&c->in, &line, &len)) {
		case LINE_OK:
			serve_line(c, line, len);
			break;
		case LINE_TOO_LONG:
			client_refuse(c, line_in_tag(&c->in), ERR_LINE_TOO_LONG,
			    "a line is longer than 4096 bytes; closing");
			break;
		case LINE_NONE:
			return;
		}
	}
}

/* Claims that wait: one that the pool has just decided about gets its answer
 * still. */
static void
cancel_claims(struct client *c)
{
	struct list_node *n = list_first(&c->tickets);

	while (n != NULL) {
		struct ticket *t = CONTAINER_OF(n, struct ticket, link);

		n = list_after(&c->tickets, n);
		if (t->is_held ||
		    !pool_on_cancel(t->service->pool, t->claim, clock_us()))
			continue;
		client_error(c, t->pending.tag, ERR_CANCELLED, NULL);
		client_end_ticket(t);
	}
}

/* Carries out what it said before it shut its side down. Answers that are there
 * still go out, but none is waited for: nobody may be there to read it. */
static void
finish(struct client *c)
{
	serve_lines(c);
	end_streams(c);
	end_resolves_of(c, NULL, ERR_CANCELLED, NULL);
	cancel_claims(c);
	mark_dirty(c);
}

/* One read a turn. What a client that is being closed still sends is thrown
 * away, so that the kernel delivers the reason before the end. */
static void
on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct client *c = ctx;
	char waste[4096], *at = waste;
	size_t room = sizeof(waste);
	ssize_t n;

	(void)what;
	if (!c->is_closing)
		at = line_in_space(&c->in, &room);
	n = recv(fd, at, room, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		client_end(c);
		return;
	}
	if (n == 0) {
		c->is_ended = true;
		set_reading(c, false);
		finish(c);
		return;
	}
	if (c->is_closing)
		return;
	line_in_added(&c->in, (size_t)n);
	serve_lines(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct client *c = ctx;

	(void)fd;
	(void)what;
	mark_dirty(c);
}

/* Again in a moment, and later each time. */
static void
retry_soon(struct client *c)
{
	struct timeval soon = { 0, c->retry_us };

	(void)event_add(&c->retry, &soon);
	if (c->retry_us < CLIENT_RETRY_US_MAX)
		c->retry_us *= 2;
}

/* Waits for room; or, where descriptors in flight are in the way, which no
 * event tells, for a moment. */
static void
wait_to_send(struct client *c, enum out_result r)
{
	if (!out_keep(&c->out)) {
		log_write(LOG_WARN, NULL, NULL,
		    "client %llu is closed: no descriptor is free to keep "
		    "its connections for it",
		    (unsigned long long)c->id);
		client_end(c);
		return;
	}
	account(c);
	if (c->blocked_at_us == 0)
		c->blocked_at_us = clock_us();
	if (r == OUT_BLOCKED)
		(void)event_add(&c->writable, NULL);
	else
		retry_soon(c);
	set_reading(c, c->is_closing || !is_full(c));
}

/* All is sent: what had no room can be said, and what was left unserved is
 * served. One that has shut its side down and has nothing more to get, ends. */
static void
on_empty(struct client *c)
{
	if (c->is_closing)
		(void)shutdown(c->fd, SHUT_WR);
	set_reading(c, true);
	if (c->has_lost)
		events_tell_lost(c);
	if (c->is_ended)
		finish(c);
	else
		serve_lines(c);
	if (c->is_ended && out_pending(&c->out) == 0)
		client_end(c);
}

void
client_flush(struct client *c)
{
	enum out_result r = send_queued(c);

	switch (r) {
	case OUT_EMPTY:
		on_empty(c);
		break;
	case OUT_NO_FDS:
		daemon_free_in_flight(c->daemon);
		if (!c->is_gone)
			wait_to_send(c, r);
		break;
	case OUT_BLOCKED:
	case OUT_UNREAD:
		wait_to_send(c, r);
		break;
	case OUT_BROKEN:
		client_end(c);
		break;
	}
}

static bool
is_slow(const struct client *c)
{
	return c->blocked_at_us != 0 &&
	       (is_full(c) || c->is_unread || c->is_ended) &&
	       clock_us() - c->blocked_at_us > CLIENT_SLOW_US;
}

void
client_end_slow(struct client *c, const char *why)
{
	log_write(LOG_WARN, NULL, NULL, "client %llu (pid %ld) is closed: %s",
	    (unsigned long long)c->id, (long)c->peer.pid, why);
	client_end(c);
}

void
client_sweep(struct client *c)
{
	char why[64];

	client_look(c);
	if (c->is_closing && clock_us() - c->closing_at_us > CLIENT_LINGER_US) {
		client_end(c);
	} else if (!c->is_closing && is_slow(c)) {
		(void)snprintf(why, sizeof(why),
		    "it left replies unread for %llu s",
		    (unsigned long long)(CLIENT_SLOW_US / US_PER_S));
		client_end_slow(c, why);
	}
}
