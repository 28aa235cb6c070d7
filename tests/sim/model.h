#ifndef QORB_TESTS_MODEL_H
#define QORB_TESTS_MODEL_H

/*
 * What a pool looks like from outside, and what it must never do. A model is
 * fed with what is asked of its pool and what the pool says: nothing in it
 * reads the pool's memory. model.c follows the events of backends and slots,
 * model_claims.c those of claims; judge.c says what must hold between two of
 * them.
 *
 * A claim that asks for a backend by a name that several backends have, while
 * none of them is online, may wait for any of these: its want is unknown, and
 * it is left out where the want matters.
 */

#include "sim.h"

/* What one run sees and says. */
struct watch {
	struct outcome *outcome;
	uint64_t now_us;
	uint64_t hash; /* of all events and actions so far */
	uint64_t step; /* core events so far */
	FILE *trace;
	bool is_late; /* the caller of the core was busy elsewhere */
};

/* Ends the process, with the reason where its parent finds it. */
_Noreturn void watch_fail(struct watch *w, const char *check, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

#define MUST(w, cond, check, ...)                          \
	do {                                               \
		if (!(cond))                               \
			watch_fail(w, check, __VA_ARGS__); \
	} while (0)

static inline void
watch_mix(struct watch *w, uint64_t value)
{
	w->hash = (w->hash ^ value) * 0x9E3779B97F4A7C15ULL;
	w->hash ^= w->hash >> 29;
}

#define WANT_ANY     0 /* 1 + backend: only this one */
#define WANT_UNKNOWN (BACKENDS_MAX + 1)
#define WANTS	     (BACKENDS_MAX + 2)

#define OWNER_NONE  USERS_MAX	    /* nobody had it: anybody may */
#define OWNER_MIXED (USERS_MAX + 1) /* was lent without isolation */
#define OWNERS	    (USERS_MAX + 2)

#define BUCKETS 1024

enum m_health { M_UNTRIED, M_ONLINE, M_OFFLINE };

struct m_set {
	uint64_t id;
	bool is_named, is_drained;
	bool is_doomed;	 /* the update that goes on does not name it */
	bool had_outage; /* may be held back: it returns gradually */
	enum m_health health;
	uint32_t counts[SLOT_STATE_COUNT], slots;
	uint32_t idle[OWNERS]; /* unclaimed, by owner */
	uint32_t live;
	uint32_t health_checks;
	uint64_t turn_mark; /* of probe_clock, at its last attempt */
	uint64_t tried_us;  /* its last attempt, or when it went offline */
	uint32_t passed;    /* attempts of others since it was due */
	uint32_t passed_most;
	uint64_t claims, connects;
};

struct m_slot {
	uint64_t id;
	struct m_slot *next; /* in its bucket */
	struct m_set *set;
	enum slot_state state;
	unsigned owner;
	struct m_claim *claim; /* takes, or has it */
	bool is_attempting, has_connection, is_dead, is_clean;
	bool is_health_check, is_recycle, is_acquired;
	bool has_failed; /* and waits, or is about to */
	uint64_t claims, connected_us, since_us, not_before_us;
	uint32_t failures;
};

enum m_claim_state { M_ASKED, M_WAITING, M_TAKING, M_HELD };

struct m_claim {
	uint64_t id, seq;
	struct m_claim *next;	       /* in its bucket */
	struct m_claim *older, *newer; /* that wait for the same */
	enum m_claim_state state;
	uint32_t uid;
	unsigned want;
	int32_t key; /* -1: none */
	bool is_seeking, is_at_set, is_leak_told;
	uint64_t asked_us, deadline_us, lease_us, granted_us;
	struct m_slot *slot;
};

struct m_queue {
	struct m_claim *oldest, *newest;
	uint32_t count;
};

/* What is asked, before the pool is. */
struct m_request {
	uint32_t uid;
	unsigned want;
	int32_t key;
	uint64_t wait_us, lease_us;
	bool is_table_full;
};

struct model {
	struct watch *watch;
	struct pool *pool;
	struct policy policy;
	/* Under any policy so far. */
	uint64_t policy_at_us;			 /* when it was last changed */
	uint64_t most_backoff_us;		 /* of the policy now */
	uint64_t most_timeout_us, most_check_us; /* of any so far */
	bool has_acquire, is_paused, is_stopping, must_be_quiet;
	bool wants_new_keys; /* keyed claims have lost their backend */
	unsigned sets_known;
	struct m_set sets[BACKENDS_MAX];
	struct m_slot *slots[BUCKETS], *spare_slots;
	struct m_claim *claims[BUCKETS], *spare_claims;
	struct m_queue queues[USERS_MAX][WANTS];
	uint32_t counts[SLOT_STATE_COUNT], total;
	uint32_t waiting, waiting_any, waiting_named, taking, held;
	uint32_t health_checks, probers, named, online;
	uint64_t seq, granted, returned, refused[ERROR_COUNT];
	struct m_request request;
	uint64_t probe_clock, probe_since_us; /* time with a prober */
	bool was_probing;
	uint32_t back_unprobed; /* good connections that came back while
				 * somebody offline waited for room */
	double tokens;
	uint64_t tokens_at_us;
	uint64_t judged; /* calls so far */
};

/* --- model.c */

struct model *model_new(
    struct watch *w, const struct policy *policy, bool has_acquire);
void model_free(struct model **m);
void model_on_event(void *ctx, const struct event_record *e);

/* NULL when there is none; the second ends the run instead. */
struct m_slot *model_slot(struct model *m, uint64_t id);
struct m_slot *model_must_slot(struct model *m, uint64_t id);

/* The backend with this address. */
unsigned model_backend_of(const char *addr);
/* The slot's on-acquire is about to be reported good. */
void model_on_acquired(struct model *m, uint64_t slot);

/* What the slot had or tried has failed: it waits before the next attempt. */
void model_back_off(struct model *m, struct m_slot *s);

void model_set_policy(struct model *m, const struct policy *policy);
void model_drain(struct model *m, struct m_set *set, bool is_drained);

bool m_set_is_usable(const struct m_set *set);
/* Is it offline, and does its cap leave room to try it? */
bool m_set_may_probe(const struct model *m, const struct m_set *set);

/* --- model_claims.c */

/* An event whose object is a claim. */
void model_on_claim_event(struct model *m, const struct event_record *e);

/* NULL when there is none. */
struct m_claim *model_claim(struct model *m, uint64_t id);

/* Until when the claim may wait or be granted. */
uint64_t model_claim_end_us(const struct model *m, const struct m_claim *c);

/* Puts a waiting claim where it now belongs. */
void model_rewant(struct model *m, struct m_claim *c, unsigned want);

/* May the claim have this slot? */
bool model_may_use(
    const struct model *m, const struct m_claim *c, const struct m_slot *s);

/* --- judge.c */

/* Between two events; every figure; at a moment of rest. */
void judge(struct model *m);
void judge_figures(struct model *m, bool has_walks);
void judge_settled(struct model *m);

#endif
