#ifndef QORB_CORE_EVENT_H
#define QORB_CORE_EVENT_H

/*
 * Everything that happens, one table: the trace probes, the rows of the verb
 * `events` and the simulator's trace are this list. A row names its arguments
 * in order; the first joins the events of one thing, the second, where there is
 * a backend, is its address as text.
 *
 * A struct event_record is what the core hands to its observer: plain values,
 * borrowed strings that last for the call. Nothing is formatted for it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base.h"

/* X(NAME, "name", "arguments in order") */
#define EVENT_TABLE(X)                                                         \
	X(CLAIM_START, "claim-start", "claim pool")                            \
	X(CLAIM_DONE, "claim-done", "claim addr pool slot")                    \
	X(CLAIM_FAILED, "claim-failed", "claim reason pool")                   \
	X(CLAIM_ACQUIRE_FAILED, "claim-acquire-failed",                        \
	    "claim addr pool slot reason")                                     \
	X(POOL_CLAIM_START, "pool-claim-start", "claim pool")                  \
	X(POOL_CLAIM_FAILED, "pool-claim-failed", "claim pool")                \
	X(POOL_CLAIM_DONE, "pool-claim-done", "claim addr pool slot")          \
	X(SLOT_SET_CLAIM_START, "slot-set-claim-start", "claim addr pool")     \
	X(SLOT_SET_CLAIM_DONE, "slot-set-claim-done", "claim addr pool slot")  \
	X(SLOT_SET_CLAIM_FAILED, "slot-set-claim-failed",                      \
	    "claim addr pool reason")                                          \
	X(HANDLE_CLAIMED, "handle-claimed", "claim addr pool slot")            \
	X(HANDLE_RETURNED, "handle-returned", "claim addr pool slot how")      \
	X(LEASE_ENDED, "lease-ended", "claim addr pool slot how")              \
	X(CLAIM_LEAK, "claim-leak", "claim addr pool slot")                    \
	X(CONNECT_START, "connect-start", "slot addr pool")                    \
	X(CONNECT_DONE, "connect-done", "slot addr pool")                      \
	X(CONNECT_FAILED, "connect-failed", "slot addr pool reason")           \
	X(CONNECTION_LOST, "connection-lost", "slot addr pool reason")         \
	X(HEALTH_CHECK_START, "health-check-start", "slot addr pool")          \
	X(HEALTH_CHECK_DONE, "health-check-done", "slot addr pool")            \
	X(HEALTH_CHECK_FAILED, "health-check-failed", "slot addr pool reason") \
	X(RECYCLE_START, "recycle-start", "slot addr pool")                    \
	X(RECYCLE_DONE, "recycle-done", "slot addr pool")                      \
	X(RECYCLE_FAILED, "recycle-failed", "slot addr pool reason")           \
	X(SLOT_STATE_CHANGE, "slot-state-change",                              \
	    "slot addr pool old new stats")                                    \
	X(SLOT_SET_ONLINE, "slot-set-online", "set addr pool has-unclaimed")   \
	X(SLOT_SET_OFFLINE, "slot-set-offline", "set addr pool")               \
	X(BACKEND_ADDED, "backend-added", "set addr pool name")                \
	X(BACKEND_REMOVED, "backend-removed", "set addr pool name")            \
	X(REBALANCE_START, "rebalance-start", "pool-id pool")                  \
	X(REBALANCE_DONE, "rebalance-done", "pool-id pool")                    \
	X(RESOLVE_START, "resolve-start", "resolve-id service server")         \
	X(RESOLVE_DONE, "resolve-done", "resolve-id service server count")     \
	X(RESOLVE_FAILED, "resolve-failed",                                    \
	    "resolve-id service server reason")                                \
	X(CLIENT_CONNECTED, "client-connected", "client pid uid")              \
	X(CLIENT_GONE, "client-gone", "client pid uid")                        \
	X(CLIENT_CLAIM, "client-claim", "claim pool pid program")

enum event_kind {
#define X(name, text, args) EVENT_##name,
	EVENT_TABLE(X)
#undef X
	    EVENT_COUNT,
};

/* A kind as a set of kinds. */
#define EVENT_BIT(kind) (UINT64_C(1) << (kind))
#define EVENT_ALL	UINT64_MAX

/* Fields that a kind does not name are zero. */
struct event_record {
	enum event_kind kind;
	uint64_t id;	    /* first argument */
	const char *addr;   /* of the backend, as text */
	const char *pool;   /* its name */
	uint64_t slot;	    /* slot id, where it is not the first argument */
	const char *reason; /* reason, how, name, or program */
	const char *old_state, *new_state;
	const struct slot_set_counts *counts; /* of the set, for "stats" */
	uint64_t number;		      /* has-unclaimed, count, pid */
	uint64_t uid;
	const char *service, *server; /* of a look-up */
};

/* Statistics of a slot set at the moment of a state change. */
struct slot_set_counts {
	uint32_t connecting, unclaimed, checking, claimed;
};

/* Told of each event as it happens, from the middle of the core's work: it may
 * record or format it and must not call the pool. */
struct observer {
	void (*on_event)(void *ctx, const struct event_record *e);
	void *ctx;
	/* The kinds that it wants to hear of until it is asked again, which is
	 * at each entry into the core; NULL: all. No record is put together
	 * for others. */
	uint64_t (*wanted)(void *ctx);
};

struct text;

/* The counts as a JSON object. */
void event_add_counts(struct text *t, const struct slot_set_counts *n);

const char *event_name(enum event_kind kind);

/* The kind of this name, which has len bytes; false when there is none. */
bool event_find(const char *name, size_t len, enum event_kind *kind) MUST_CHECK;
const char *event_args(enum event_kind kind);

#endif
