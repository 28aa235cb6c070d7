#include "server.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "connection.h"
#include "core/rng.h"
#include "core/text.h"
#include "io/fd.h"
#include "io/log.h"
#include "io/options.h"
#include "rate.h"

/* Room in the kernel's queue of new connections; it caps this itself. */
#define BACKLOG 4096

/* Connections accepted before those that are there get their turn again. */
#define ACCEPTS_A_TURN 64

/* A pause in accepting ends when a client goes, and after this time, since
 * the shortage may be of the whole machine. */
#define PAUSE_US (100 * US_PER_MS)

/* X(field, "name in the report") */
#define COUNT_TABLE(X)                                                        \
	X(connections, "connections") /* accepted in all */                   \
	X(open, "open")		      /* now, hung ones too */                \
	X(failed, "failed")	      /* dropped for --fail-rate */           \
	X(hung, "hung")		      /* never answered for --hang-rate */    \
	X(lost, "lost")		      /* ended by an error */                 \
	X(pauses, "pauses")	      /* accepting stopped for lack of fds */ \
	X(bytes, "bytes")	      /* sent back */

struct counts {
#define X(field, name) uint64_t field;
	COUNT_TABLE(X)
#undef X
};

struct server {
	struct server_settings settings;
	struct connection_owner owner; /* what connections know of us */
	struct addr addr;
	int fd;			    /* owned, listening */
	struct event *accepts;	    /* owned */
	struct event *resume;	    /* owned, a timer; pending in a pause */
	struct connection_link all; /* ring of the open connections */
	struct counts counts;
	struct rng rng;
	char scratch[CONNECTION_BYTES];
};

static void
say_end(const struct server *s, const struct addr *peer, uint64_t bytes,
    const char *why)
{
	char text[ADDR_TEXT_BYTES];

	if (!s->settings.is_quiet)
		program_warn("%s: %llu bytes echoed, %s", addr_text(peer, text),
		    (unsigned long long)bytes, why);
}

static void
accept_again(struct server *s)
{
	event_del(s->resume);
	event_add(s->accepts, NULL);
}

static void
pause_accepting(struct server *s, int error)
{
	struct timeval tv = { .tv_usec = (suseconds_t)PAUSE_US };

	s->counts.pauses++;
	log_write(LOG_WARN, NULL, NULL,
	    "accepting pauses with %llu connections open: %s",
	    (unsigned long long)s->counts.open, strerror(error));
	event_del(s->accepts);
	event_add(s->resume, &tv);
}

static void
on_resume(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	accept_again(ctx);
}

static void
on_end(void *ctx, struct connection *c, enum connection_end how)
{
	struct connection_link *link = connection_link(c);
	struct server *s = ctx;

	say_end(s, connection_peer(c), connection_bytes(c),
	    connection_end_text(how));
	s->counts.lost += how == END_RESET || how == END_LOST;
	s->counts.bytes += connection_bytes(c);
	s->counts.open--;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	connection_free(&c);
	if (evtimer_pending(s->resume, NULL))
		accept_again(s);
}

static void
serve(struct server *s, int fd, const struct addr *peer, bool is_hung)
{
	struct connection *c = connection_new(&s->owner, fd, peer, is_hung);
	struct connection_link *link;

	if (c == NULL) {
		s->counts.lost++;
		say_end(s, peer, 0, connection_end_text(END_LOST));
		return;
	}
	link = connection_link(c);
	link->next = s->all.next;
	link->prev = &s->all;
	link->next->prev = link;
	s->all.next = link;
	s->counts.open++;
	s->counts.hung += is_hung;
}

static void
on_client(struct server *s, int fd, const struct addr *peer)
{
	/* Both are drawn each time, so that the fate of the n-th connection
	 * hangs on the seed alone. */
	bool fails = rng_below(&s->rng, RATE_ALL) < s->settings.fail_rate;
	bool hangs = rng_below(&s->rng, RATE_ALL) < s->settings.hang_rate;
	int on = 1;

	s->counts.connections++;
	if (fails) {
		s->counts.failed++;
		say_end(s, peer, 0, "dropped (--fail-rate)");
		fd_close(&fd);
		return;
	}
	/* Only speed hangs on it. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	serve(s, fd, peer, hangs);
}

/* Whether accept failed for want of something that will be there again. */
static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	       error == ENOMEM;
}

static void
on_accept(evutil_socket_t fd, short what, void *ctx)
{
	struct server *s = ctx;

	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct addr peer;
		int client = fd_accept(fd, &peer);

		if (client < 0) {
			/* Else the client is gone already, or there is none. */
			if (is_shortage(errno))
				pause_accepting(s, errno);
			return;
		}
		on_client(s, client, &peer);
	}
}

static void
server_init(struct server *s, struct event_base *base,
    const struct server_settings *settings)
{
	s->settings = *settings;
	s->fd = -1;
	s->all.next = s->all.prev = &s->all;
	rng_init(&s->rng, settings->seed);
	s->owner = (struct connection_owner){
		.base = base,
		.scratch = s->scratch,
		.delay_us = settings->delay_us,
		.close_after = settings->close_after,
		.on_end = on_end,
		.ctx = s,
	};
}

struct server *
server_new(struct event_base *base, const struct server_settings *settings)
{
	struct server *s = mem_new(1, sizeof(*s));

	server_init(s, base, settings);
	s->fd = fd_listen(&settings->addr, BACKLOG, &s->addr);
	if (s->fd < 0) {
		free(s);
		return NULL;
	}
	s->accepts = event_new(base, s->fd, EV_READ | EV_PERSIST, on_accept, s);
	s->resume = evtimer_new(base, on_resume, s);
	ASSERT(s->accepts != NULL && s->resume != NULL);
	event_add(s->accepts, NULL);
	return s;
}

void
server_stop(struct server *s)
{
	event_del(s->accepts);
	event_del(s->resume);
	while (s->all.next != &s->all)
		on_end(s, connection_of_link(s->all.next), END_STOPPED);
}

void
server_free(struct server **s)
{
	server_stop(*s);
	event_free((*s)->accepts);
	event_free((*s)->resume);
	fd_close(&(*s)->fd);
	free(*s);
	*s = NULL;
}

const struct addr *
server_addr(const struct server *s)
{
	return &s->addr;
}

/* The counts with what open connections have sent so far. */
static struct counts
counts_now(const struct server *s)
{
	struct counts counts = s->counts;
	struct connection_link *l;

	for (l = s->all.next; l != &s->all; l = l->next)
		counts.bytes += connection_bytes(connection_of_link(l));
	return counts;
}

void
server_report(const struct server *s)
{
	struct counts counts = counts_now(s);
	char line[256];
	struct text t;

	text_init(&t, line, sizeof(line));
#define X(field, name)                                         \
	text_addf(&t, "%s%s=%llu", t.len > 0 ? " " : "", name, \
	    (unsigned long long)counts.field);
	COUNT_TABLE(X)
#undef X
	program_warn("%s", line);
}
