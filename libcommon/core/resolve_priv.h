#ifndef QORB_CORE_RESOLVE_PRIV_H
#define QORB_CORE_RESOLVE_PRIV_H

/*
 * What the two halves of the resolver share: resolve.c, which lives look-ups
 * (when they begin and end, what is asked, what is told), and resolve_take.c,
 * which knows what their answers make of the set. Not for others.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/resolve.h"
#include "core/resolve_look.h"
#include "core/resolve_set.h"
#include "core/rng.h"

struct slot {
	uint32_t generation; /* of the query in flight; 0: free */
	struct look_question question;
};

struct server {
	struct look look;
	struct slot slots[RESOLVE_CONCURRENCY_MAX];
	size_t in_flight;

	/* Actions that wait to be fetched. */
	bool has_cancel;
	bool has_started;
	bool has_ended;

	/* What has_ended tells. */
	enum dns_outcome outcome;
	size_t found;

	uint32_t empty_run; /* its empty answers in a row */
};

/* How the last look-up ended, which decides when the next one is due. */
enum verdict {
	VERDICT_NONE,	 /* there was none */
	VERDICT_WHOLE,	 /* records, nothing missing: when the TTL says */
	VERDICT_PARTIAL, /* records: TTL, but no later than a retry */
	VERDICT_EMPTY,	 /* retry */
	VERDICT_FAILED,	 /* retry */
};

struct resolve {
	char *service; /* owned */
	struct resolve_policy policy;
	struct rng rng;

	size_t server_count;
	struct server *servers; /* owned */
	uint32_t generation;	/* the last one given out */

	struct resolve_set set;
	enum resolve_status status;
	bool has_publish;

	bool is_looking;
	bool is_wanted_again; /* once more after the one under way */
	uint64_t started;     /* look-ups */
	uint64_t ended;
	uint64_t end_us;      /* is_looking: when its time is over */
	uint64_t last_end_us; /* of the last one that ended */
	uint64_t next_us;     /* not is_looking: when the next one is due */
	enum verdict verdict;
	uint64_t expiry_us; /* when something in the set has been stale for
			     * too long; NEVER: nothing is stale */
	uint32_t ttl_s;	    /* smallest of the last good answer */
	uint32_t empty_run; /* empty answers in a row */
};
/* Did its part of the look-up end with records? */
bool resolve_take_is_answer(const struct server *s);

/* The answer to use: one with the least missing. NULL when there is none. */
struct server *resolve_take_best(struct resolve *r);

/* Others have yet to speak, but those that have may be used at once. */
void resolve_take_so_far(struct resolve *r, uint64_t now_us);

/* All that will speak have spoken: verdict, set and status follow. best: what
 * resolve_take_best has. */
void resolve_take_end(struct resolve *r, struct server *best, uint64_t now_us);

/* found becomes the set, and is the set's from now on. */
void resolve_take_set(struct resolve *r, struct resolve_set *found);

/* Status and expiry follow from the set and the verdict. */
void resolve_take_settle(struct resolve *r);

/* What has been stale for too long goes. */
void resolve_take_expired(struct resolve *r, uint64_t now_us);

#endif
