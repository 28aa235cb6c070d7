#ifndef QORB_POOL_DAEMON_H
#define QORB_POOL_DAEMON_H

/*
 * The daemon: its pools, its clients, and the turns of its loop. A turn is:
 * wait, read what is ready and feed it to the pools, carry out what they ask,
 * send each client what is for it, close what nothing refers to any more.
 *
 * Owners: the daemon owns services and clients; a service owns its pool and
 * connections; a client owns its tickets. What goes away inside a turn rests
 * until its end, since somebody up the stack may still look at it.
 *
 * What the time is is asked of the clock where something happens, and kept
 * nowhere: a time of the turn would be that of its beginning, and what wakes
 * the loop happens up to a second after that. The question costs some ten
 * nanoseconds, which a claim pays twice.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/list.h"
#include "core/pool.h"
#include "io/fd.h"
#include "listener.h"
#include "settings.h"

struct event;
struct event_base;
struct client;
struct service;
struct state_files;
struct web;

/* Clients that are being told that there is no room for them. More than these
 * are closed without a word. */
#define REFUSED_MAX 64

/* How long held claims have to come back when nobody says. */
#define GRACE_US (5 * US_PER_S)

struct daemon {
	struct event_base *base;	 /* owned */
	const struct settings *settings; /* borrowed; the command line */
	struct config *config;		 /* owned; what is in force */
	struct listener listener;
	struct service **services; /* owned; service_count of them */
	size_t service_count;
	struct list leaving; /* service.leaving: gone but for held claims */
	struct state_files *states; /* owned; of all pools */
	struct web *web;	    /* owned */
	struct claim_table *claims; /* owned; of all pools */
	struct arena tickets;
	struct list clients;	 /* client.link */
	uint32_t served;	 /* of them, those that are not refused */
	struct list users;	 /* user.link */
	struct list dirty;	 /* clients with something to send */
	struct list subscribers; /* streams of events */
	struct list gone;	 /* clients to free at the turn's end */
	struct list unread;	 /* clients that have ended, but descriptors lie
				  * with them unread: client.gone */
	uint64_t in_flight; /* descriptors sent to clients, all of them, and
			     * not known to be read */
	uint64_t kept; /* descriptors that wait to be sent to clients, owned by
			* their queues */
	uint64_t blamed_at_us;	   /* when one was ended for that, last */
	struct list pending[1024]; /* what goes on under a tag, by hash */
	uint64_t ids;		   /* last id given to a slot or pool */
	uint64_t client_ids;
	uint64_t watched; /* kinds of events that tracers watch; likewise */
	bool is_watched_known; /* since the turn began */
	int *closing;	       /* owned; descriptors to close at its end */
	size_t closing_count, closing_room;
	struct event *signals[3]; /* owned */
	struct event *sweep;	  /* owned; once a second */
	struct event *stop_timer; /* owned; goes off at stop_at_us */
	uint64_t fd_limit;	  /* descriptors that this process may have */
	bool is_stopping;
	uint64_t stop_at_us; /* when held claims have had their time */
	int status;	     /* to exit with */
};

/* NULL: why says what is wrong. Listens when it returns. Takes over config,
 * which is what settings say. */
struct daemon *daemon_new(
    const struct settings *settings, struct config *config, struct text *why);
void daemon_free(struct daemon **d);

/* Runs until it is stopped; the exit status. */
int daemon_run(struct daemon *d);

/* Begins the end; a later call can only bring it nearer. */
void daemon_stop(struct daemon *d, uint64_t grace_us);

/* Makes room for the claims of all pools, one of which is to have this policy.
 */
void daemon_reserve_claims(struct daemon *d, const struct service *changed,
    const struct policy *policy);

/* A pool that is gone: refuses what waits, and is freed, when no claim of it is
 * held any more, at the end of that turn. The caller takes it out of services.
 */
void daemon_let_go(struct daemon *d, struct service *s);

/* A new configuration is in force: what it says of the daemon itself. */
void daemon_apply(struct daemon *d);

struct service *daemon_service(const struct daemon *d, const char *name);

/* The kernel takes no more descriptors, since clients leave too many unread:
 * ends the one that leaves most, which, as its connections are shut down, may
 * notice and close. */
void daemon_free_in_flight(struct daemon *d);

/* Closes a descriptor at the end of the turn. */
void daemon_close_later(struct daemon *d, int fd);

/* A client connected; takes over fd. */
void daemon_accept(void *ctx, int fd);

#endif
