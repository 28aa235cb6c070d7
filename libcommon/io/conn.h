#ifndef QORB_IO_CONN_H
#define QORB_IO_CONN_H

/*
 * A pooled connection: one socket to a backend, from connect to close. It
 * carries out what the pool's core asks for and translates what happens to the
 * socket into the core's events; it decides nothing.
 *
 *	connecting -> idle <-> checking
 *	               idle  -> lent -> checking (recycle)
 *	any -> closed
 *
 * While lent the descriptor is out of the event loop: a client holds a
 * duplicate and its bytes are not ours. Sockets are left in blocking mode, as
 * clients get them; every send and receive here says MSG_DONTWAIT instead,
 * since the mode is shared with whoever holds a duplicate.
 *
 * A conn belongs to a slot index for ever and is used again and again. Its
 * descriptor is owned by it; conn_close shuts the connection down for every
 * holder.
 */

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "core/connector.h"
#include "core/list.h"
#include "core/policy.h"
#include "core/pool.h"
#include "io/conn_options.h"

struct conn;

/* What became of it; reasons are static words for statistics and people. ok is
 * only for conn_on_checked (reason NULL). Called from the loop, and from
 * conn_connect and conn_check when the outcome is known at once. */
struct conn_owner {
	void (*connected)(void *ctx, struct conn *c);
	void (*connect_failed)(void *ctx, struct conn *c, const char *reason);
	void (*checked)(void *ctx, struct conn *c, const char *reason);
	void (*dirty)(void *ctx, struct conn *c, const char *reason);
	void (*lost)(void *ctx, struct conn *c, const char *reason);
	struct event_base *base;
	struct list *unwatched; /* conns that conn_watch_idle is to watch */
	void *ctx;
};

enum conn_state {
	CONN_CLOSED,
	CONN_CONNECTING,
	CONN_IDLE,
	CONN_CHECKING,
	CONN_LENT,
};

struct conn {
	const struct conn_owner *owner; /* borrowed, outlives it */
	enum conn_state state;
	struct slot_ref ref; /* the core's name for what goes on */
	int fd;		     /* owned, -1 when closed */
	bool is_tcp;
	struct conn_options options;
	bool is_touched;    /* options may be as the last holder left them */
	uint64_t holder;    /* that had it last */
	struct event event; /* on fd while not lent */
	bool is_watching;
	struct list_node unwatched; /* owner.unwatched */
	struct dialogue_run run;
	bool is_greeting; /* connected, and on-connect runs */
	size_t drained;	  /* bytes thrown away in the dialogue */
	int gate_tries;	  /* looks at unsent bytes of a returned one */
};

void conn_init(struct conn *c, const struct conn_owner *owner);

/* Starts to connect and runs on-connect; the answer comes through the owner,
 * perhaps at once. The connector must last while the connection does. */
void conn_connect(struct conn *c, struct slot_ref ref, const struct addr *addr,
    const struct policy *policy, const struct connector *connector);

/* Runs a dialogue, for a returned connection after the clean-return gate: no
 * byte waits in either direction, nothing is half-closed. */
void conn_check(struct conn *c, struct slot_ref ref, enum check_kind kind,
    const struct connector *connector);

/* As the kernel sees a lent connection, whose bytes are not ours to look at: a
 * static word for why it is dead, NULL while it is not known to be. */
const char *conn_why_dead(const struct conn *c);

/* At the end of a turn: watches those that lie idle since. */
void conn_watch_idle(struct list *unwatched);

/* Takes it out of the loop for a client, whom a number stands for that nobody
 * else has; its fd may then be sent. */
void conn_lend(struct conn *c, struct slot_ref ref, uint64_t holder);

/* As the kernel sees a lent connection: has the backend closed its side? */
bool conn_is_closed_by_backend(const struct conn *c);

/* Shuts it down for everyone who holds it. The descriptor itself is handed back
 * for the caller to close when nothing can refer to it any more (a message that
 * is still to be sent); -1 when there was none. */
int conn_close(struct conn *c) MUST_CHECK;

#endif
