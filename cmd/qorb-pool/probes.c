/* Trace probes; see probes.h. Other systems than Linux rewrite this file's
 * object, so no other file may fire a probe. */

#include "probes.h"

#include <string.h>

#include <qorb_probes.h> /* made from probes/qorb.d */

#include "core/text.h"

/* A tracer cannot read memory that this process has not: a page of a string
 * that nobody has looked at yet reads as empty. */
static inline const char *
touch(const char *s)
{
	if (s == NULL)
		s = "";
	(void)*(const volatile char *)(s + strlen(s));
	return s;
}

#define ADDR	touch(e->addr)
#define POOL	touch(e->pool)
#define REASON	touch(e->reason)
#define SERVICE touch(e->service)
#define SERVER	touch(e->server)

#define FIRE(NAME, ...)                           \
	case EVENT_##NAME:                        \
		if (QORB_##NAME##_ENABLED())      \
			QORB_##NAME(__VA_ARGS__); \
		break

static bool
is_any_watched(void)
{
#define X(name, text, args) | (QORB_##name##_ENABLED() != 0)
	return 0 EVENT_TABLE(X);
#undef X
}

/* The first look is for the usual case: it is all that probes cost that nobody
 * watches. */
uint64_t
probes_watched(void)
{
	if (!is_any_watched())
		return 0;
#define X(name, text, args) \
	| (QORB_##name##_ENABLED() ? EVENT_BIT(EVENT_##name) : 0)
	return 0 EVENT_TABLE(X);
#undef X
}

static void
fire_state_change(const struct event_record *e)
{
	char stats[128];
	struct text json;

	if (!QORB_SLOT_STATE_CHANGE_ENABLED())
		return;
	text_init(&json, stats, sizeof(stats));
	event_add_counts(&json, e->counts);
	QORB_SLOT_STATE_CHANGE(e->id, ADDR, POOL, touch(e->old_state),
	    touch(e->new_state), touch(stats));
}

void
probes_fire(const struct event_record *e)
{
	switch (e->kind) {
		FIRE(CLAIM_START, e->id, POOL);
		FIRE(CLAIM_DONE, e->id, ADDR, POOL, e->slot);
		FIRE(CLAIM_FAILED, e->id, REASON, POOL);
		FIRE(CLAIM_ACQUIRE_FAILED, e->id, ADDR, POOL, e->slot, REASON);
		FIRE(POOL_CLAIM_START, e->id, POOL);
		FIRE(POOL_CLAIM_FAILED, e->id, POOL);
		FIRE(POOL_CLAIM_DONE, e->id, ADDR, POOL, e->slot);
		FIRE(SLOT_SET_CLAIM_START, e->id, ADDR, POOL);
		FIRE(SLOT_SET_CLAIM_DONE, e->id, ADDR, POOL, e->slot);
		FIRE(SLOT_SET_CLAIM_FAILED, e->id, ADDR, POOL, REASON);
		FIRE(HANDLE_CLAIMED, e->id, ADDR, POOL, e->slot);
		FIRE(HANDLE_RETURNED, e->id, ADDR, POOL, e->slot, REASON);
		FIRE(LEASE_ENDED, e->id, ADDR, POOL, e->slot, REASON);
		FIRE(CLAIM_LEAK, e->id, ADDR, POOL, e->slot);
		FIRE(CONNECT_START, e->id, ADDR, POOL);
		FIRE(CONNECT_DONE, e->id, ADDR, POOL);
		FIRE(CONNECT_FAILED, e->id, ADDR, POOL, REASON);
		FIRE(CONNECTION_LOST, e->id, ADDR, POOL, REASON);
		FIRE(HEALTH_CHECK_START, e->id, ADDR, POOL);
		FIRE(HEALTH_CHECK_DONE, e->id, ADDR, POOL);
		FIRE(HEALTH_CHECK_FAILED, e->id, ADDR, POOL, REASON);
		FIRE(RECYCLE_START, e->id, ADDR, POOL);
		FIRE(RECYCLE_DONE, e->id, ADDR, POOL);
		FIRE(RECYCLE_FAILED, e->id, ADDR, POOL, REASON);
	case EVENT_SLOT_STATE_CHANGE:
		fire_state_change(e);
		break;
		FIRE(SLOT_SET_ONLINE, e->id, ADDR, POOL, e->number);
		FIRE(SLOT_SET_OFFLINE, e->id, ADDR, POOL);
		FIRE(BACKEND_ADDED, e->id, ADDR, POOL, REASON);
		FIRE(BACKEND_REMOVED, e->id, ADDR, POOL, REASON);
		FIRE(REBALANCE_START, e->id, POOL);
		FIRE(REBALANCE_DONE, e->id, POOL);
		FIRE(RESOLVE_START, e->id, SERVICE, SERVER);
		FIRE(RESOLVE_DONE, e->id, SERVICE, SERVER, e->number);
		FIRE(RESOLVE_FAILED, e->id, SERVICE, SERVER, REASON);
		FIRE(CLIENT_CONNECTED, e->id, e->number, e->uid);
		FIRE(CLIENT_GONE, e->id, e->number, e->uid);
		FIRE(CLIENT_CLAIM, e->id, POOL, e->number, REASON);
	case EVENT_COUNT:
		break;
	}
}
