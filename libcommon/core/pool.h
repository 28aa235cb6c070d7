#ifndef QORB_CORE_POOL_H
#define QORB_CORE_POOL_H

/*
 * The pool of one service: its slot sets (a backend's slots each), its claim
 * queue and its policy. A machine without I/O: events go in by pool_on_*, what
 * is to be done comes out by pool_next_action, and pool_next_deadline says when
 * to call pool_on_time though nothing happened. A turn of the caller is: feed
 * all that happened, carry out actions until there is none (carrying one out
 * may feed events), sleep until the deadline.
 *
 * Every pool_on_* takes now_us, a monotonic clock that never goes back, and
 * reacts at once; nothing waits inside. Memory is taken when the pool is made,
 * when the policy grows and when backends change, never for a claim.
 *
 * A slot is known outside by a slot_ref. Its generation changes with each
 * connect and each check, so an answer that comes late, for a connection that
 * is no more, is recognised and ignored. A claim is known by its id, which is
 * never used twice.
 *
 * The order of claims: claims that can use the same slots are granted in the
 * order in which they were asked (sequence at arrival, kept over a failed
 * on-acquire). See docs/architecture.md for the life of a slot and of a claim.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/base.h"
#include "core/error.h"
#include "core/event.h"
#include "core/histogram.h"
#include "core/policy.h"

struct pool;
struct claim_table;

/* Slot states as every surface names them. */
enum slot_state {
	SLOT_CONNECTING, /* no connection: waits, or tries to get one */
	SLOT_UNCLAIMED,	 /* a warm connection, to be had */
	SLOT_CHECKING,	 /* is being checked: health, acquire, recycle */
	SLOT_CLAIMED,	 /* lent to a client */
	SLOT_STATE_COUNT,
};

const char *slot_state_name(enum slot_state s);

struct slot_ref {
	uint32_t index; /* below pool_slot_room */
	uint32_t gen;
};

enum check_kind {
	CHECK_HEALTH,  /* is-valid, each health-interval */
	CHECK_ACQUIRE, /* on-acquire, when a claim takes the slot */
	CHECK_RECYCLE, /* the clean-return gate and on-recycle */
};

/* How a claim ended. */
enum claim_end {
	CLAIM_END_OK,	  /* released in good order */
	CLAIM_END_BROKEN, /* released as broken */
	CLAIM_END_GONE,	  /* its client went away */
	/* The same, and it was the backend that had closed the connection. */
	CLAIM_END_CLOSED,
	CLAIM_END_GONE_CLOSED,
};

enum action_kind {
	ACTION_CONNECT, /* open a connection to addr for the slot */
	ACTION_CLOSE,	/* close the slot's connection, whatever it does */
	ACTION_CHECK,	/* run a check on the slot's connection */
	ACTION_GRANT,	/* lend the slot's connection to the claim */
	ACTION_REFUSE,	/* answer the claim with error */
	ACTION_REVOKE,	/* shut the claimed connection down for everyone, then
			 * close it: the claim has ended */
};

struct action {
	enum action_kind kind;
	struct slot_ref slot;
	uint64_t slot_id;
	enum check_kind check;
	const char *backend;	 /* its name; borrowed until the next event */
	const struct addr *addr; /* likewise */
	const char *addr_text;	 /* likewise */
	uint64_t claim;		 /* of GRANT, REFUSE, REVOKE */
	void *owner;		 /* the claim's, as pool_on_claim had it */
	enum error error;	 /* of REFUSE */
	bool is_lease_end;	 /* of REVOKE: its lease ended (else by hand) */
};

struct pool_params {
	const char *name;	     /* copied */
	const struct policy *policy; /* copied */
	uint64_t seed;
	uint64_t host;		    /* of pool_host_position */
	bool has_acquire;	    /* the connector has an on-acquire */
	struct claim_table *claims; /* borrowed; may serve several pools */
	uint64_t *ids;		    /* borrowed: last id given to a slot or set
				     * or pool; shared by all pools */
	struct observer observer;   /* on_event may be NULL */
};

struct claim_request {
	uint32_t uid;	     /* of the client, from the kernel */
	uint64_t wait_us;    /* NEVER, 0, or a span; see POOL_WAIT_DEFAULT */
	uint64_t lease_us;   /* a span; 0: the policy's max-hold */
	const char *backend; /* only this backend (its name); or NULL */
	const char *key;     /* the same backend for the same key; or NULL */
	void *owner;	     /* comes back in the claim's actions */
};

/* As wait_us: the policy's claim-timeout. */
#define POOL_WAIT_DEFAULT (UINT64_MAX - 1)

/* The claims of one or more pools. room: most claims waiting and held in all.
 * Outlives its pools. */
struct claim_table *claim_table_new(uint32_t room);
void claim_table_free(struct claim_table **t);
void claim_table_reserve(struct claim_table *t, uint32_t room);
/* How many claims it has now. */
uint32_t claim_table_taken(const struct claim_table *t);

/* The owner of a claim that waits or is held, NULL when no claim has the id. */
void *claim_table_owner(const struct claim_table *t, uint64_t id);

/* Where a host of this name stands among all hosts, as a fraction of 2^64:
 * which of many backends its pools use follows from it. Names that differ only
 * in the number at the end of their first label ("web042", "db-7.example.com")
 * stand evenly apart, whatever numbers are in use; others stand at random. */
uint64_t pool_host_position(const char *identity);

struct pool *pool_new(const struct pool_params *params, uint64_t now_us);

/* Frees a pool; every claim must have ended and every action been taken:
 * pool_on_stop first. */
void pool_free(struct pool **pool);

/* The set of backends becomes exactly this; count may be 0. The order of specs
 * and repeats do not matter. */
void pool_on_backends(struct pool *pool, const struct backend_spec *specs,
    size_t count, uint64_t now_us);

/* Answers to ACTION_CONNECT. reason: a static string, one word for statistics
 * and people ("refused"). */
void pool_on_connected(struct pool *pool, struct slot_ref ref, uint64_t now_us);
void pool_on_connect_failed(struct pool *pool, struct slot_ref ref,
    const char *reason, uint64_t now_us);

/* Answer to ACTION_CHECK: reason NULL when the connection is good. */
void pool_on_checked(struct pool *pool, struct slot_ref ref, const char *reason,
    uint64_t now_us);

/* Answer to a recycle check: the connection is not clean, through the fault of
 * the one who had it, not of its backend. */
void pool_on_dirty(struct pool *pool, struct slot_ref ref, const char *reason,
    uint64_t now_us);

/* The slot's connection died: an unclaimed one (closed, reset, unexpected
 * bytes), or, as the kernel sees it, a claimed one. */
void pool_on_lost(struct pool *pool, struct slot_ref ref, const char *reason,
    uint64_t now_us);

/* Asks for a connection. ERR_NONE: *claim is the id, and one ACTION_GRANT or
 * ACTION_REFUSE will answer it. Else it is refused at once and nothing is
 * kept. */
enum error pool_on_claim(struct pool *pool, const struct claim_request *r,
    uint64_t *claim, uint64_t now_us) MUST_CHECK;

/* Ends a claim that was granted. False when there is none with this id in this
 * pool, or it was not granted. */
bool pool_on_release(
    struct pool *pool, uint64_t claim, enum claim_end how, uint64_t now_us);

/* Ends a claim that waits: no action will answer it. False when there is none
 * that still waits (it may have been granted just now). */
bool pool_on_cancel(struct pool *pool, uint64_t claim, uint64_t now_us);

/* Ends a granted claim against its holder's will (ACTION_REVOKE follows). */
bool pool_on_revoke(struct pool *pool, uint64_t claim, uint64_t now_us);

/* New policy; it has passed policy_check. */
void pool_on_policy(
    struct pool *pool, const struct policy *policy, uint64_t now_us);

/* An operator takes a backend out of use, or back in. False: no such name. */
bool pool_on_drain(
    struct pool *pool, const char *backend, bool is_drained, uint64_t now_us);

/* While paused, claims queue and none is granted. */
void pool_on_pause(struct pool *pool, bool is_paused, uint64_t now_us);

/* No new claim, waiting ones are refused, connections that nobody holds are
 * closed, the others when they come back. pool_is_empty says when all have. */
void pool_on_stop(struct pool *pool, uint64_t now_us);
bool pool_is_empty(const struct pool *pool);

/* The moment that pool_next_deadline named has come. It may be one at which
 * nothing is due after all; then the next one is later. */
void pool_on_time(struct pool *pool, uint64_t now_us);
uint64_t pool_next_deadline(const struct pool *pool);

/* The next thing to do; false when there is none. */
bool pool_next_action(struct pool *pool, struct action *action) MUST_CHECK;

/* One more than the highest slot index there can be; it only grows. */
uint32_t pool_slot_room(const struct pool *pool);

const char *pool_name(const struct pool *pool);
uint64_t pool_id(const struct pool *pool);
const struct policy *pool_policy(const struct pool *pool);

/* What a claim would use now: the backend's name and address (borrowed until
 * the next event). An error says why there is none. */
enum error pool_pick(struct pool *pool, const char *backend, const char *key,
    const char **name, const char **addr_text) MUST_CHECK;

/* Figures, taken at once. */
struct pool_stats {
	uint32_t backends; /* named by the sources */
	uint32_t online;   /* of them, with a working connection */
	uint32_t counts[SLOT_STATE_COUNT];
	uint32_t slots;		 /* their sum */
	uint32_t waiting;	 /* claims */
	uint64_t oldest_wait_us; /* also with on-acquire running; 0: none */
	uint32_t held;		 /* claims granted and not back */
	uint64_t claims;	 /* granted since the pool was made */
	uint64_t refused[ERROR_COUNT];
	uint64_t refused_all;
	uint64_t failures;	/* of connections, since the pool was made */
	uint64_t leaks;		/* claims held for longer than leak-after */
	double claims_per_s;	/* over the last seconds */
	uint64_t next_retry_us; /* until the next attempt, NEVER when none */
	bool is_paused, is_stopping;
};

void pool_stats(
    const struct pool *pool, uint64_t now_us, struct pool_stats *stats);

/* How long claims waited, and were held, since the pool was made; borrowed. */
const struct histogram *pool_wait_histogram(const struct pool *pool);
const struct histogram *pool_hold_histogram(const struct pool *pool);

/* The same of the last 10 to 20 seconds. */
void pool_recent_wait(
    const struct pool *pool, uint64_t now_us, struct histogram *wait);
void pool_recent_hold(
    const struct pool *pool, uint64_t now_us, struct histogram *hold);

/* How long connections took to be made, of backends that are gone too. */
const struct histogram *pool_connect_histogram(const struct pool *pool);

enum backend_state {
	BACKEND_ONLINE,
	BACKEND_OFFLINE,  /* none is, and the last attempt failed */
	BACKEND_UNTRIED,  /* none is, and nothing failed: no slot needs it */
	BACKEND_DRAINING, /* drained, or no longer named with claims out */
};

const char *backend_state_name(enum backend_state s);

struct backend_stats {
	uint64_t set;		 /* its id */
	const char *name;	 /* borrowed until the next event */
	const char *addr_text;	 /* likewise */
	const struct addr *addr; /* likewise */
	uint64_t absent_us;	 /* since no source names it, NEVER: one does */
	enum backend_state state;
	uint32_t counts[SLOT_STATE_COUNT];
	uint32_t failures;     /* in the failure window */
	uint64_t failures_all; /* since it appeared */
	uint64_t claims;       /* granted since it appeared */
	double claims_per_s;
	uint16_t priority, weight;
	uint32_t ttl_s;
	unsigned sources;
	const char *last_error; /* static, NULL when there was none */
	uint64_t last_error_us; /* its age */
	uint64_t next_retry_us; /* until its next attempt, NEVER if none */
	const struct histogram *connect; /* NULL when never connected */
};

/* The backends one after the other, in an order that stays while none comes or
 * goes: *at starts at 0. False at the end. */
bool pool_next_backend(const struct pool *pool, uint64_t now_us, size_t *at,
    struct backend_stats *stats) MUST_CHECK;

struct slot_stats {
	uint64_t id;
	const char *backend, *addr_text;
	enum slot_state state;
	uint64_t age_us;  /* of its connection, 0 when it has none */
	uint64_t idle_us; /* since when it is unclaimed, else 0 */
	uint64_t claims;  /* of its connection */
};

bool pool_next_slot(const struct pool *pool, uint64_t now_us, uint32_t *at,
    struct slot_stats *stats) MUST_CHECK;

struct claim_stats {
	uint64_t id, slot;
	const char *backend, *addr_text;
	uint64_t held_us;
	void *owner;
};

/* Claims held: by slots, in the order of pool_next_slot. */
bool pool_next_claim(const struct pool *pool, uint64_t now_us, uint32_t *at,
    struct claim_stats *stats) MUST_CHECK;

/* Walks everything and asserts what must hold between any two events: for
 * tests. O(everything). */
void pool_check(struct pool *pool);

#endif
