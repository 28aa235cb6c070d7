#ifndef QORB_CORE_POOL_PRIV_H
#define QORB_CORE_POOL_PRIV_H

/*
 * What the parts of the pool share: pool.c (entry points, time, actions),
 * slot.c (the life of a slot), lend.c (its time with a claim), slot_set.c (a
 * backend's slots, its shelves and its score), claim.c (the claim table and the
 * queue), spread.c (how many slots each backend has), shares.c (how many it
 * should have beside the others). Nothing outside these and their tests
 * includes this.
 *
 * Who may use which connection: under isolation = uid a connection belongs to
 * the user it was first lent to; before that it is fresh and anybody's. So idle
 * connections lie on shelves, one for each (slot set, user) that has any, and a
 * user's shelves form a heap by score; the fresh ones are the shelves of a user
 * of their own, one in each set for good. Under isolation = none everything is
 * fresh for ever.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/heap.h"
#include "core/list.h"
#include "core/pairing.h"
#include "core/pool.h"
#include "core/recent.h"
#include "core/rng.h"

/* Failure window: this many buckets of this length. */
#define WINDOW_BUCKETS	 10
#define WINDOW_BUCKET_US (6 * US_PER_S)

#define USER_HASH_BITS 6

/* claims_per_s is the mean of so many whole seconds. */
#define RATE_SECONDS 4

/* Least time between two rebalances that follow one another to even out. */
#define EVEN_OUT_US (10 * US_PER_MS)

/* What a slot does: finer than its state, which follows from it. */
enum slot_phase {
	PHASE_FREE,    /* no slot: on pool.free_slots */
	PHASE_BACKOFF, /* waits for timer, then RATED or ATTEMPT */
	PHASE_RATED,   /* on pool.rated: waits for connect-rate */
	PHASE_ATTEMPT, /* a connect is out; timer is its bound */
	PHASE_IDLE,    /* on a shelf; timer: next check, end of life */
	PHASE_HEALTH,  /* CHECK_HEALTH is out; timer is its bound */
	PHASE_ACQUIRE, /* CHECK_ACQUIRE is out for a claim; likewise */
	PHASE_RECYCLE, /* CHECK_RECYCLE is out; likewise */
	PHASE_LENT,    /* a claim holds it; timer: lease, leak report */
	PHASE_COUNT,
};

struct rate {
	uint32_t second; /* of the newest bucket */
	uint32_t buckets[RATE_SECONDS + 1];
};

struct user {
	struct user *next; /* in its hash bucket */
	uint32_t uid;
	uint32_t refs;		/* shelves, and claims on any_queue */
	struct pairing shelves; /* all that have idle slots, and others */
	struct list any_queue;	/* claims for any backend, claim.user_link */
};

/* The heap and the choice of a slot touch the first cache line of a shelf. */
struct shelf {
	struct pairing_node place; /* in user.shelves; see shelf_best */
	struct list idle;	   /* slots, the hottest first, slot.link */
	struct slot_set *set;
	struct user *user;  /* counted by refs */
	struct shelf *next; /* in its set's row */
	struct list queue;  /* claims for this backend, user_link */
	uint32_t refs;	    /* slots at home here, claims on queue */
};

enum set_health {
	HEALTH_UNTRIED, /* no connection yet, none failed */
	HEALTH_ONLINE,	/* some connection works */
	HEALTH_OFFLINE, /* none works, the last attempt failed */
};

struct slot_set {
	/* What every claim and release looks at: two cache lines, and those of
	 * the fresh shelf. */
	uint64_t pass;	       /* stride scheduling: shares in order */
	uint64_t stride;       /* 2^32 / share: what a claim adds to pass */
	uint32_t tier;	       /* rank of its priority, 0 first */
	uint32_t busy;	       /* slots in ACQUIRE or LENT */
	uint32_t penalty;      /* failures held against it, of late */
	uint32_t live;	       /* slots with a connection not known dead */
	struct shelf *shelves; /* all of them; fresh is the last */
	bool is_named;	       /* by a source, now */
	bool is_drained;       /* by an operator */
	enum set_health health;
	uint32_t counts[SLOT_STATE_COUNT];
	uint64_t claims;
	struct rate rate;
	struct list slots;			 /* slot.set_link */
	char *name;				 /* owned */
	_Alignas(CACHE_LINE) struct shelf fresh; /* connections that are
						  * nobody's yet */
	/* The rest. */
	uint32_t ramp; /* most slots now: doubles after a return */
	uint64_t id;
	struct addr addr;
	char addr_text[ADDR_TEXT_BYTES];
	struct slot_set *hash_next;
	uint16_t priority, weight;
	uint32_t ttl_s;
	unsigned sources;
	bool is_seen;		  /* by the update that is going on */
	bool is_trial;		  /* untried, with a slot it got in turn */
	uint32_t share;		  /* weight against the tier's mean, 1 = 2^16 */
	uint64_t place_hash;	  /* of name and address, the same everywhere */
	uint64_t rank;		  /* hash of host and backend */
	uint32_t ahead;		  /* places from the host's start on the ring */
	uint16_t ring_part;	  /* ahead as a fraction of the ring, of 2^16 */
	struct list queue;	  /* claims for this backend, claim.pool_link */
	struct list_node starved; /* on pool.starved while queue waits */
	struct pairing_node grow; /* in pool.grow while it may get a slot */
	struct pairing_node plan; /* in a rebalance's heap */
	uint32_t target;	  /* of the last rebalance */
	struct list_node prober;  /* on pool.probers: offline, with a slot */
	struct heap_node probe;	  /* in pool.probes: offline, without a slot */
	uint32_t probe_failures;  /* backoff it had when it lost its slot */
	uint64_t retry_at_us;	  /* likewise */
	/* The failure window: all failures, and those that balance minds. */
	uint32_t failures[WINDOW_BUCKETS], failure_sum;
	uint32_t penalties[WINDOW_BUCKETS];
	uint64_t window_epoch;
	struct list_node failing; /* on pool.failing while failure_sum > 0 */
	const char *last_error;
	uint64_t last_error_at_us;
	uint64_t absent_at_us; /* since when no source names it; 0: one does */
	uint64_t failures_all; /* since it appeared */
	struct histogram *connect; /* owned; NULL until the first connection */
};

/* In the order in which a claim and its release touch it: three cache lines,
 * and one that they leave alone. */
struct slot {
	struct slot_set *set;
	struct shelf *home;    /* whose it is: set.fresh, or a user's */
	struct shelf *shelf;   /* while IDLE: where it lies */
	struct claim *claim;   /* while ACQUIRE or LENT */
	struct list_node link; /* shelf.idle, pool.rated, pool.free_slots */
	enum slot_phase phase;
	uint32_t index, gen;
	struct heap_node timer; /* in pool.timers; see slot_set_timer */

	uint64_t id;
	uint64_t timer_at_us;  /* NEVER when nothing is to happen */
	uint64_t timer_key_us; /* under which timer stands in its heap */
	uint64_t check_at_us;  /* next health check */
	struct slot *heir;     /* slot that is to replace it, or NULL */
	/* What the caller is still to be told, here and at the end, belongs to
	 * the index, not to the slot that has it now. */
	struct list_node todo; /* on pool.todo */
	bool is_close_due, is_revoke_due, is_connect_due, is_check_due;
	bool was_shared; /* lent under isolation = none */
	bool is_dead;	 /* LENT, and the kernel says it is gone */
	bool is_leak_told;
	bool is_worn;	 /* to be closed when it is next unclaimed */
	bool is_yielded; /* connects for claims of other users than it had */

	uint64_t claims;	/* of this connection */
	uint64_t expires_at_us; /* max-lifetime */
	uint64_t idle_since_us;
	uint64_t started_at_us; /* of the attempt, or the check */
	uint64_t connected_at_us;
	struct list_node set_link; /* set.slots */
	uint32_t failures;	   /* attempts that failed in a row */
	uint32_t close_gen;	   /* generation to close or revoke */

	struct slot *elder; /* slot that it is to replace, or NULL */
	uint64_t close_id;  /* id of the slot that had it */
	uint64_t revoke_claim;
	void *revoke_owner;
	bool is_lease_end;
};

enum claim_state {
	CLAIM_WAITING,	 /* on the queues */
	CLAIM_ACQUIRING, /* has a slot whose on-acquire runs */
	CLAIM_HELD,	 /* granted */
	CLAIM_REFUSED,	 /* only its answer is left */
};

struct claim {
	uint64_t id, seq;
	struct pool *pool;
	enum claim_state state;
	uint32_t uid;
	bool is_keyed;
	uint64_t key;
	void *owner;
	struct slot *slot;	    /* ACQUIRING, HELD */
	struct slot_set *set;	    /* it wants only this; NULL: any */
	struct user *user;	    /* WAITING; counted when set is NULL */
	struct shelf *shelf;	    /* WAITING for set */
	struct list_node pool_link; /* pool.any_queue or set.queue */
	struct list_node user_link; /* user.any_queue or shelf.queue */
	struct list_node answer;    /* pool.answers */
	struct pairing_node due;    /* in pool.deadlines */
	uint64_t asked_at_us, granted_at_us;
	uint64_t deadline_us;
	uint64_t lease_us;
	enum error error;
};

/* Each claim that waits needs at most a user and a shelf, as does each slot. */
struct claim_table {
	struct arena claims, users, shelves;
	uint32_t slots; /* of all its pools */
	uint32_t pools;
	struct claim **by_id; /* owned; mask + 1 places, at id & mask */
	uint64_t mask, next;
};

/* Where the host starts on the ring of a tier. */
struct tier_start {
	uint16_t priority;
	uint64_t place_hash; /* the start is the first at or after it */
};

struct codel {
	uint64_t first_above_us; /* when waits will have been long enough */
	uint64_t drop_next_us;
	uint32_t drops;	       /* of this spell of dropping, and how many it */
	uint32_t drops_before; /* began with */
	bool is_dropping;
};

struct pool {
	char *name;
	uint64_t id, host;
	struct policy policy;
	struct observer observer;
	uint64_t heard; /* kinds of events that it wants to hear of now */
	struct rng rng;
	uint64_t now_us;
	uint64_t *ids;
	struct claim_table *claims;
	bool has_acquire, is_paused, is_stopping;

	struct slot_set **sets; /* owned, set_count of set_room */
	size_t set_count, set_room;
	struct slot_set **set_hash; /* by name; hash_mask + 1 heads */
	size_t hash_mask;
	uint32_t named, online;	   /* sets; online ones that are usable */
	struct tier_start *starts; /* owned; start_count, one a tier */
	uint32_t start_count;

	struct slot **slots; /* owned; by index, slot_room */
	uint32_t slot_room;
	struct arena slot_arena;
	struct list free_slots;
	uint32_t counts[SLOT_STATE_COUNT];
	uint32_t total;	      /* slots, the sum of counts */
	uint32_t in_use;      /* ACQUIRE, RECYCLE, LENT */
	uint32_t peak_in_use; /* since the last periodic rebalance */
	uint32_t probing;     /* CONNECTING slots of offline sets */
	uint32_t trials;      /* sets with is_trial */
	uint32_t yielded;     /* slots with is_yielded */
	uint32_t owed; /* slots that move as soon as a claim returns one */

	struct heap timers;   /* slot.timer, at timer_at_us or earlier */
	struct list rated;    /* slots */
	uint64_t rate_tat_us; /* GCRA: theoretical arrival time */
	struct pairing grow;  /* sets that may get one more slot */
	struct list probers;  /* sets */
	struct heap probes;   /* sets, by retry_at_us */
	struct list failing;  /* sets */
	uint64_t window_at_us;
	uint64_t rebalance_at_us, periodic_at_us, rebalanced_at_us;
	bool is_uneven;	      /* the last rebalance left work */
	bool is_subset;	      /* more backends than max-slots */
	bool has_unused_sets; /* some no longer named has no slot left */

	struct user fresh;
	struct user *users[1 << USER_HASH_BITS]; /* by uid */
	struct list any_queue;	  /* claims for any backend, all users */
	uint32_t waiting;	  /* claims in WAITING */
	struct pairing deadlines; /* claims in WAITING or ACQUIRING */
	struct list starved;	  /* sets with claims that wait for them */
	uint64_t seq;
	uint64_t pass; /* the furthest of any set that was the best */
	struct codel codel;
	struct list answers; /* claims to be granted or refused */
	struct list todo;    /* slots with something due */

	uint64_t granted;
	uint64_t refused[ERROR_COUNT];
	uint64_t held;
	uint64_t leaks;
	struct rate rate;
	struct recent wait, hold;
	struct histogram connect;
	uint64_t failures; /* of connections, those of former sets too */
};

/* pool.c */
void pool_tell(struct pool *p, const struct event_record *e);
void pool_tell_listener(struct pool *p, enum event_kind kind,
    const struct claim *c, const struct slot *s, const char *reason);

/* Does anybody listen? Asked before an event is put together: a claim has a
 * dozen of them. */
static inline bool
pool_is_heard(const struct pool *p, enum event_kind kind)
{
	return (p->heard & EVENT_BIT(kind)) != 0;
}

/* An event of a claim, with the slot that serves it when there is one. */
static inline void
pool_tell_claim(struct pool *p, enum event_kind kind, const struct claim *c,
    const struct slot *s, const char *reason)
{
	if (pool_is_heard(p, kind))
		pool_tell_listener(p, kind, c, s, reason);
}

void pool_todo(struct pool *p, struct slot *s);
uint64_t pool_new_id(struct pool *p);
void rate_count(struct rate *r, uint64_t now_us);
double rate_mean(const struct rate *r, uint64_t now_us);

/* May new slots and claims go to it? */
static inline bool
slot_set_is_usable(const struct slot_set *set)
{
	return set->is_named && !set->is_drained;
}

/* Is there no place for this slot set, or for so many slots, any more? */
static inline bool
spread_is_over(const struct pool *p, const struct slot_set *set)
{
	return p->is_stopping || !slot_set_is_usable(set) ||
	       p->total > p->policy.max_slots ||
	       set->slots.count > p->policy.max_count;
}

static inline bool
shelf_is_fresh(const struct shelf *sh)
{
	return sh == &sh->set->fresh;
}

/* slot.c */
struct slot *slot_open(
    struct pool *p, struct slot_set *set, uint32_t failures, uint64_t at_us);
void slot_remove(struct pool *p, struct slot *s);
void slot_set_phase(struct pool *p, struct slot *s, enum slot_phase phase);
void slot_fail(struct pool *p, struct slot *s, const char *reason);
void slot_ready(struct pool *p, struct slot *s);
void slot_replace(struct pool *p, struct slot *s);
void slot_renew(struct pool *p, struct slot *s);
void slot_set_timer(struct pool *p, struct slot *s, uint64_t at_us);
void slot_set_home(struct pool *p, struct slot *s, struct shelf *home);
void slot_start_check(struct pool *p, struct slot *s, enum slot_phase phase);
void slot_recycle(struct pool *p, struct slot *s);
bool slot_begin_heir(struct pool *p, struct slot *s);
void slot_fire_timers(struct pool *p);
void slot_on_connected(struct pool *p, struct slot *s);
void slot_on_policy(struct pool *p, struct slot *s, const struct policy *old);
void slot_on_checked(struct pool *p, struct slot *s, const char *reason);
void slot_on_dirty(struct pool *p, struct slot *s, const char *reason);
void slot_on_dead(struct pool *p, struct slot *s, const char *reason);
void slot_admit_rated(struct pool *p);
void slot_shelve(struct pool *p, struct slot *s);
void slot_unshelve(struct slot *s);
bool slot_has_connection(const struct slot *s);
enum slot_state slot_state(const struct slot *s);

/* lend.c */
void lend_start(struct pool *p, struct slot *s, struct claim *c);
void lend_end(struct pool *p, struct slot *s, enum claim_end how);
void lend_revoke(struct pool *p, struct slot *s, bool is_lease_end);
void lend_withdraw(struct pool *p, struct slot *s);
void lend_set_timer(struct pool *p, struct slot *s);
void lend_on_timer(struct pool *p, struct slot *s);
void lend_on_checked(struct pool *p, struct slot *s, const char *reason);

/* slot_set.c */
struct slot_set *slot_set_find(
    const struct pool *p, const char *name, const struct addr *addr);
void slot_set_update(
    struct pool *p, const struct backend_spec *specs, size_t count);
void slot_set_sweep(struct pool *p);
void slot_set_forget_health(struct pool *p, struct slot_set *set);
void slot_set_go_offline(struct pool *p, struct slot_set *set);
void slot_set_unname_all(struct pool *p);
void slot_set_drain(struct pool *p, struct slot_set *set, bool is_drained);
void slot_set_end_trial(struct pool *p, struct slot_set *set);
void slot_set_withdraw_all(struct pool *p);
struct slot_set *slot_set_best(const struct pool *p);
void slot_set_rekey(struct pool *p, struct slot_set *set);
void slot_set_on_live(struct pool *p, struct slot_set *set, int change);
void slot_set_lead(struct pool *p, const struct slot_set *set);
void slot_set_on_failure(
    struct pool *p, struct slot_set *set, const char *reason);
void slot_set_rotate_windows(struct pool *p);
struct user *user_get(struct pool *p, uint32_t uid);
void user_put(struct pool *p, struct user *u);
struct shelf *shelf_get(struct pool *p, struct slot_set *set, struct user *u);
struct shelf *shelf_find(const struct slot_set *set, const struct user *u);
void shelf_put(struct pool *p, struct shelf *sh);
struct shelf *shelf_best(const struct pool *p, struct user *u);
void shelf_place(const struct pool *p, struct shelf *sh);
bool shelf_is_placed(const struct pool *p, const struct shelf *sh);
bool slot_set_is_better(
    const struct pool *p, const struct slot_set *a, const struct slot_set *b);

/* claim.c */
struct claim *claim_find(const struct claim_table *t, uint64_t id);
void claim_table_add_slots(struct claim_table *t, int64_t slots, int pools);
uint64_t claim_end_us(const struct pool *p, const struct claim *c);
void claim_set_due(struct pool *p, struct claim *c, uint64_t at_us);
struct claim *claim_next_due(const struct pool *p);
uint64_t claim_next_due_us(const struct pool *p);
uint64_t claim_take_id(struct claim_table *t);
struct claim *claim_new(struct claim_table *t, uint64_t id) MUST_CHECK;
void claim_free(struct claim *c);
void claim_detach(struct pool *p, struct claim *c);
void claim_place(struct pool *p, struct claim *c);
void claim_enqueue(struct pool *p, struct claim *c);
void claim_dequeue(struct pool *p, struct claim *c);
void claim_refuse(struct pool *p, struct claim *c, enum error e);
enum error claim_why_not(const struct pool *p, const struct slot_set *set);
struct slot *claim_pick(struct pool *p, struct user *u, struct slot_set *set);
struct slot_set *claim_key_set(const struct pool *p, uint64_t key);
struct claim *claim_next_for(struct pool *p, const struct slot *s);
bool claim_has_others_turn(struct pool *p, const struct slot *s);
void claim_expire(struct pool *p);
void claim_leave_set(struct pool *p, struct slot_set *set, bool is_gone);
void claim_fail_fast(struct pool *p);

/* spread.c */
bool spread_must_fail_fast(const struct pool *p);
bool spread_may_grow(const struct pool *p);
void spread_on_policy(struct pool *p);
void spread_adjust(struct pool *p);
void spread_rebalance(struct pool *p);
void spread_soon(struct pool *p);
void spread_set_changed(struct pool *p, struct slot_set *set);
void spread_offline(struct pool *p, struct slot_set *set);
void spread_track_prober(struct pool *p, struct slot_set *set);
void spread_forget_probe(struct pool *p, const struct slot *s);
void spread_probe_turn(struct pool *p, struct slot *s);
void spread_trim(struct pool *p);
bool spread_takes(struct pool *p, const struct slot_set *set);

/* shares.c */
void shares_weigh(struct pool *p);

#endif
