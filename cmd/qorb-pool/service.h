#ifndef QORB_POOL_SERVICE_H
#define QORB_POOL_SERVICE_H

/*
 * A pool with the world around it: its connections, its sources, its timer, its
 * log. Carries out what the core asks for.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/pool.h"
#include "core/resolve.h"
#include "core/sources.h"
#include "io/conn.h"

struct client;
struct daemon;
struct event;
struct config_pool;
struct resolver;
struct state_file;

struct service {
	struct daemon *daemon;		  /* borrowed */
	const struct config_pool *config; /* borrowed; NULL: leaving */
	struct connector *connector;	  /* held */
	struct pool *pool;		  /* owned */
	struct conn **conns;		  /* owned; by slot index */
	uint32_t conn_count;
	struct conn_owner owner;
	struct list unwatched; /* conns that became idle in this turn */
	struct sources sources;
	uint64_t refresh_at_us;	   /* when a large set may change again */
	uint64_t resolved_at_us;   /* last answer of the resolver */
	uint64_t advertised_at_us; /* last `advertise` that was taken */
	struct resolver *resolver; /* owned; NULL: static backends */
	struct resolver *former;   /* owned; names backends until resolver, in
				    * its place, has spoken; or NULL */
	struct resolver *next;	   /* owned; prepared, not in use yet */
	struct state_file *state;  /* owned: put back; NULL: none is wanted */
	enum resolve_status told_status; /* the last one that was logged */
	char *source;			 /* owned; as people see it */
	struct event *timer;		 /* owned */
	uint64_t armed_at_us;		 /* when it goes off, NEVER: unset */
	struct list_node leaving;	 /* daemon.leaving, once it is gone */
};

/* NULL: why says what is wrong. */
struct service *service_new(
    struct daemon *d, const struct config_pool *config, struct text *why);

/* The pool must be empty: service_stop, and all claims back. */
void service_free(struct service **s);

/* Makes ready what service_reconfigure needs and may fail. */
bool service_prepare(struct service *s, const struct config_pool *config,
    struct text *why) MUST_CHECK;
void service_unprepare(struct service *s);

/* Becomes what was prepared; true when that is a change. */
bool service_reconfigure(struct service *s, const struct config_pool *config);

/* Carries out everything the pool asks for. */
void service_settle(struct service *s);

/* Sets the timer, and watches the connections that lie idle. */
void service_end_turn(struct service *s);

/* Hands the pool what the sources say, when that has changed. */
void service_refresh(struct service *s);

void service_set_policy(struct service *s, const struct policy *policy);

/* The client goes, and with it what it advertised. */
void service_forget_client(struct service *s, const struct client *c);

/* Nobody waits any more for a look-up under this pointer. */
void service_forget_resolve(struct service *s, const void *waiter);

/* A claim that was granted with this slot index ends. */
void service_release(
    struct service *s, uint64_t claim, uint32_t slot, enum claim_end how);

/* Looks at lent connections as the kernel sees them, once a second: one that is
 * dead is no proof that its backend lives. */
void service_look_at_lent(struct service *s);

/* No new claims; connections that nobody holds are closed. */
void service_stop(struct service *s);

/* Ends all claims that are still held. */
void service_abandon(struct service *s);

/* "ok", "stale", ...; "none" for static backends. */
const char *service_resolver_status(const struct service *s);

#endif
