#include "connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/fd.h"

/* How long a connection that we have shut down may take to end: closing it at
 * once with bytes unread would reset it, and take from the client what was
 * sent before. */
#define LINGER_US (5 * US_PER_S)

enum state {
	READING,   /* nothing is held */
	DELAYED,   /* bytes are held until the timer fires */
	WRITING,   /* bytes are held until the socket takes them */
	LINGERING, /* shut down; what comes is thrown away */
	HANGING,   /* what comes is thrown away */
};

/* What a connection waits for in each state. */
static const struct state_row {
	bool read, write, timer;
} states[] = {
	[READING] = { .read = true },
	[DELAYED] = { .timer = true },
	[WRITING] = { .write = true },
	[LINGERING] = { .read = true, .timer = true },
	[HANGING] = { .read = true },
};

struct connection {
	const struct connection_owner *owner; /* borrowed, outlives us */
	struct connection_link link;	      /* of the owner */
	struct addr peer;
	int fd; /* owned */
	enum state state;
	uint64_t bytes;
	char *held;	      /* owned; bytes to send back, or NULL */
	size_t sent, held_n;  /* of held */
	struct event *reads;  /* owned */
	struct event *writes; /* owned */
	struct event *timer;  /* owned */
};

const char *
connection_end_text(enum connection_end how)
{
	static const char *const texts[] = {
		[END_CLIENT] = "closed by the client",
		[END_LIMIT] = "closed (--close-after)",
		[END_RESET] = "reset by the client",
		[END_LOST] = "connection lost",
		[END_STOPPED] = "server stops",
	};

	return texts[how];
}

static void
end(struct connection *c, enum connection_end how)
{
	c->owner->on_end(c->owner->ctx, c, how);
}

/* After a call on the socket failed. */
static void
end_by_error(struct connection *c, int error)
{
	bool is_reset = error == ECONNRESET || error == EPIPE;

	end(c, is_reset ? END_RESET : END_LOST);
}

static void
wait_for(struct event *ev, bool is_wanted, uint64_t span_us)
{
	struct timeval tv = { .tv_sec = (time_t)(span_us / US_PER_S),
		.tv_usec = (suseconds_t)(span_us % US_PER_S) };

	if (is_wanted)
		event_add(ev, span_us > 0 ? &tv : NULL);
	else
		event_del(ev);
}

/* The only place where the state changes. */
static void
set_state(struct connection *c, enum state state)
{
	const struct state_row *row = &states[state];
	bool is_delay = state == DELAYED;

	c->state = state;
	wait_for(c->reads, row->read, 0);
	wait_for(c->writes, row->write, 0);
	wait_for(
	    c->timer, row->timer, is_delay ? c->owner->delay_us : LINGER_US);
}

/* Everything read has been sent. */
static void
on_answered(struct connection *c)
{
	uint64_t limit = c->owner->close_after;

	free(c->held);
	c->held = NULL;
	if (limit == 0 || c->bytes < limit) {
		set_state(c, READING);
		return;
	}
	if (shutdown(c->fd, SHUT_WR) != 0)
		end_by_error(c, errno);
	else
		set_state(c, LINGERING);
}

/* Keeps bytes until they can be sent. False when memory is short. */
static bool
hold(struct connection *c, const char *bytes, size_t n)
{
	c->held = malloc(n);
	if (c->held == NULL) {
		end(c, END_LOST);
		return false;
	}
	memcpy(c->held, bytes, n);
	c->held_n = n;
	c->sent = 0;
	return true;
}

/* Sends what the socket takes now: how much, or -1 with errno when the client
 * is gone. */
static ssize_t
try_send(struct connection *c, const char *bytes, size_t n)
{
	ssize_t k = send(c->fd, bytes, n, MSG_DONTWAIT);

	if (k < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->bytes += (uint64_t)k;
	return k;
}

/* Sends bytes just read; only what does not go out at once is copied. */
static void
answer(struct connection *c, const char *bytes, size_t n)
{
	ssize_t k = try_send(c, bytes, n);

	if (k < 0)
		end_by_error(c, errno);
	else if ((size_t)k == n)
		on_answered(c);
	else if (hold(c, bytes + k, n - (size_t)k))
		set_state(c, WRITING);
}

static void
send_held(struct connection *c)
{
	ssize_t k = try_send(c, c->held + c->sent, c->held_n - c->sent);

	if (k < 0) {
		end_by_error(c, errno);
		return;
	}
	c->sent += (size_t)k;
	if (c->sent == c->held_n)
		on_answered(c);
	else if (c->state != WRITING)
		set_state(c, WRITING);
}

static void
on_bytes(struct connection *c, size_t n)
{
	const struct connection_owner *o = c->owner;

	if (c->state != READING)
		return;
	if (o->close_after > 0 && n > o->close_after - c->bytes)
		n = (size_t)(o->close_after - c->bytes);
	if (o->delay_us == 0) {
		answer(c, o->scratch, n);
	} else if (hold(c, o->scratch, n)) {
		/* From now on, not from when the loop last woke. */
		event_base_update_cache_time(event_get_base(c->timer));
		set_state(c, DELAYED);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct connection *c = ctx;
	ssize_t n = recv(fd, c->owner->scratch, CONNECTION_BYTES, MSG_DONTWAIT);

	(void)what;
	if (n > 0) {
		on_bytes(c, (size_t)n);
	} else if (n == 0) {
		/* All is answered: nothing is read before that. */
		end(c, c->state == LINGERING ? END_LIMIT : END_CLIENT);
	} else if (errno != EAGAIN && errno != EINTR) {
		end_by_error(c, errno);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	send_held(ctx);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct connection *c = ctx;

	(void)fd;
	(void)what;
	if (c->state == DELAYED)
		send_held(c);
	else
		end(c, END_LIMIT);
}

struct connection *
connection_new(const struct connection_owner *owner, int fd,
    const struct addr *peer, bool is_hung)
{
	struct event_base *base = owner->base;
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		fd_close(&fd);
		return NULL;
	}
	c->owner = owner;
	c->fd = fd;
	c->peer = *peer;
	c->reads = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writes = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->timer = evtimer_new(base, on_timer, c);
	if (c->reads == NULL || c->writes == NULL || c->timer == NULL) {
		connection_free(&c);
		return NULL;
	}
	set_state(c, is_hung ? HANGING : READING);
	return c;
}

static void
drop_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

void
connection_free(struct connection **c)
{
	/* Events first: a closed number may be another's by the next turn. */
	drop_event((*c)->reads);
	drop_event((*c)->writes);
	drop_event((*c)->timer);
	fd_close(&(*c)->fd);
	free((*c)->held);
	free(*c);
	*c = NULL;
}

const struct addr *
connection_peer(const struct connection *c)
{
	return &c->peer;
}

uint64_t
connection_bytes(const struct connection *c)
{
	return c->bytes;
}

struct connection_link *
connection_link(struct connection *c)
{
	return &c->link;
}

struct connection *
connection_of_link(struct connection_link *link)
{
	return CONTAINER_OF(link, struct connection, link);
}
