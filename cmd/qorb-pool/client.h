#ifndef QORB_POOL_CLIENT_H
#define QORB_POOL_CLIENT_H

/*
 * A client of the daemon: its socket, the lines it sends, the replies it is to
 * get, and what it has under way: claims that wait, claims it holds, streams.
 *
 * What waits for an answer, or goes on, stands under its tag in the daemon's
 * table of pending things, so that a tag is found in O(1) and used once.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "core/line.h"
#include "core/list.h"
#include "core/pool.h"
#include "out.h"
#include "peer.h"
#include "users.h"

struct daemon;
struct service;

/* A client that leaves more than its backlog unread is not read from any more,
 * nor one for which too many descriptors wait to be sent. It is closed when it
 * has then read nothing for this time. */
#define CLIENT_SLOW_US (30 * US_PER_S)

/* How often it is tried to send to one that has to read descriptors first,
 * which no event tells: less and less often. */
#define CLIENT_RETRY_US	    (1 * (int)US_PER_MS)
#define CLIENT_RETRY_US_MAX (128 * (int)US_PER_MS)

/* How long a client that was refused may take to read why. */
#define CLIENT_LINGER_US (2 * US_PER_S)

#define CLIENT_NAME_MAX 64

enum pending_kind {
	PENDING_CLAIM,
	PENDING_STREAM,
	PENDING_RESOLVE, /* a look-up that `resolve` waits for */
};

/* Something that goes on under a tag. */
struct pending {
	struct list_node link; /* daemon.pending by hash; unset without a tag */
	struct client *client;
	char tag[LINE_MAX_TAG + 1]; /* "": none */
	enum pending_kind kind;
};

/* A claim, from its line to its end. */
struct ticket {
	struct pending pending;
	struct service *service;
	uint64_t claim;
	bool is_held;
	uint32_t slot;	       /* index, while held */
	struct list_node link; /* client.tickets */
};

/* Rows of statistics again and again, or of events as they happen. */
struct stream {
	struct pending pending;
	struct service *service; /* NULL: all pools */
	bool is_events;
	struct event timer;	     /* of statistics */
	struct list_node subscriber; /* daemon.subscribers, of events */
	uint64_t kinds;		     /* of events that it wants */
	uint64_t lost;		     /* events that found no room */
	struct list_node link;	     /* client.streams */
};

/* A look-up that was asked for and has not ended. */
struct resolve_wait {
	struct pending pending;
	struct service *service;
	struct list_node link; /* client.resolves */
};

struct client {
	struct daemon *daemon; /* borrowed */
	uint64_t id;
	int fd;		   /* owned */
	struct peer peer;  /* owned, its groups */
	struct user *user; /* of daemon.users; NULL: refused, or gone */
	char name[CLIENT_NAME_MAX + 1];
	struct event readable, writable;
	struct event retry; /* sends again though nothing says it can */
	struct line_in in;
	struct out out;
	size_t in_flight, kept; /* of out, as its user and the daemon count
				 * them */
	struct list tickets, streams, resolves;
	struct list_node link;	/* daemon.clients */
	struct list_node dirty; /* daemon.dirty */
	struct list_node gone;	/* daemon.gone, or before daemon.unread */
	bool is_reading;	/* readable is added */
	bool is_closing;	/* only what is queued goes out still */
	bool is_ended;		/* it has shut its side down: likewise */
	bool is_gone;
	bool is_unread; /* what it gets next are descriptors, and it has to read
			 * those that it was sent first */
	bool has_lost;	/* a stream of its has lost events */
	int retry_us;	/* until the next attempt to send */
	uint64_t blocked_at_us; /* since when nothing went out though there is
				 * something; 0 when there is not */
	uint64_t closing_at_us;
};

/* Takes over fd and what peer owns. */
struct client *client_new(
    struct daemon *d, int fd, const struct peer *peer, bool is_refused);

/* Ends everything it has under way; it is freed at the turn's end, or, while
 * descriptors lie with it unread, when it has read them or closed: so long it
 * counts as a client. */
void client_end(struct client *c);
void client_free(struct client *c);

/* Of one that has ended: frees it at the turn's end, if it may now be, or
 * is_end. */
void client_look_at_unread(struct client *c, bool is_end);

/* Counts again what is in flight to it. */
void client_look(struct client *c);

/* Bytes of replies that it may leave unread. */
size_t client_backlog(const struct client *c);

/* Sends what is queued, as far as it goes. */
void client_flush(struct client *c);

/* Once a second: ends clients that are too slow, or were refused. */
void client_sweep(struct client *c);

/* Ends one that does not read; why is for the log. */
void client_end_slow(struct client *c, const char *why);

/* Replies. Errors: message may be NULL. */
void client_ok(struct client *c, const char *tag);
void client_error(
    struct client *c, const char *tag, enum error e, const char *message);

/* An error after which the connection is closed. */
void client_refuse(
    struct client *c, const char *tag, enum error e, const char *message);

/* A line of at most room characters beside the tag: begins with the tag. */
struct text client_line(struct client *c, const char *tag, size_t room);
void client_line_end(struct client *c, struct text *t);

/* Is the tag in use? NULL is not. */
struct pending *client_pending(const struct client *c, const char *tag);
void client_pend(struct client *c, struct pending *p, const char *tag);
void client_unpend(struct client *c, struct pending *p);

/* NULL: there are as many claims as may be; *why (static) says whose. */
struct ticket *client_add_ticket(
    struct client *c, struct service *s, const char *tag, const char **why);
void client_end_ticket(struct ticket *t);
struct ticket *client_held(const struct client *c, uint64_t claim);
/* NULL: likewise, of streams. */
struct stream *client_add_stream(
    struct client *c, struct service *s, const char *tag, const char **why);
void client_end_stream(struct stream *s);
void client_end_resolve(struct resolve_wait *w);

/* Answers all who wait for a look-up of this service (NULL: any) with an error;
 * message may be NULL. */
void client_end_resolves(struct daemon *d, const struct service *s,
    enum error e, const char *message);

/* Ends all streams of this service, which is gone, with an error. */
void client_end_streams(struct daemon *d, const struct service *s);

/* What became of a claim; owner is its ticket. The client's id first. */
uint64_t client_of_claim(const void *owner);
void client_on_grant(const struct action *a, int fd);
void client_on_refuse(void *owner, enum error e);
void client_on_revoke(void *owner);

#endif
