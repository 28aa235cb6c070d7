#ifndef QORB_CORE_RESOLVE_H
#define QORB_CORE_RESOLVE_H

/*
 * What DNS records mean over time: one service (an SRV name) becomes a set of
 * backends that is kept up to date, and kept alive while DNS is not. Stepped:
 * no I/O, no clock. The caller feeds answers and the time, carries out the
 * actions until there is none, and comes back at the next deadline.
 *
 * A look-up asks every server side by side: SRV, then AAAA and A of each
 * target whose addresses did not come along. The first server to have a whole
 * answer ends the look-up; slow and dead ones are dropped. A look-up lasts at
 * most query-timeout. What it leads to:
 *
 *   records             the set becomes exactly that; asked again when the
 *                       smallest TTL has passed, within min-query-interval and
 *                       query-interval
 *   ... but some of     the rest is used at once when nothing was known,
 *   the addresses could else after all servers have spoken; targets without
 *   not be looked up    an answer keep their last good addresses; asked again
 *                       after query-retry at the latest
 *   target "."          the set is empty at once
 *   no such name or     said by one server while none has records: the set is
 *   data                empty after empty-answers of these in a row; failed
 *                       look-ups between them do not count. Asked again each
 *                       query-retry
 *   anything else       (all servers silent, failing, refusing, talking
 *                       garbage) the last good set stays for stale-for. Asked
 *                       again each query-retry
 *
 * With dns-answers = merge the set is what all servers name together. What one
 * says counts at once, for what it had named and for what is new; a look-up
 * ends when all have spoken. What only a server that fails had named stays for
 * stale-for, what only one with an empty answer had named for empty-answers;
 * so too when none has records.
 *
 * A TTL says when to ask again, never when to forget. Waits grow by a random
 * part of up to a tenth (never beyond query-interval), so that many hosts
 * behind one cache do not all ask when it forgets.
 *
 * A query in flight is known by a handle with a generation: answers to dropped
 * queries, however late, do nothing. Memory is taken when an answer arrives or
 * a setting changes, never else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/base.h"
#include "core/dns_answer.h"

/* Servers asked side by side. */
#define RESOLVE_SERVERS_MAX 32

/* Longest name of a resolver-service, with its NUL. */
#define RESOLVE_NAME_BYTES 256

/* Highest max-dns-concurrency: with more in flight, replies get lost in the
 * receive buffer of one UDP socket. */
#define RESOLVE_CONCURRENCY_MAX 64

/* Backends of one set; what is beyond is left out and counted. */
#define RESOLVE_BACKENDS_MAX 16384

enum resolve_family {
	RESOLVE_ANY,
	RESOLVE_INET6,
	RESOLVE_INET,
};

/* Whose records count when several servers have some. */
enum resolve_answers {
	RESOLVE_FIRST, /* those of the first server to have a whole answer */
	RESOLVE_MERGE, /* those of all */
};

/* "any", "inet6", "inet". */
const char *resolve_family_name(enum resolve_family family);
bool resolve_family_parse(
    const char *text, enum resolve_family *family) MUST_CHECK;

/* Settings, one table: X(KIND, field, "name", default, min, max, "help").
 * SPAN: uint64_t in us; COUNT: uint32_t; FAMILY: enum resolve_family; ANSWERS:
 * enum resolve_answers. */
#define RESOLVE_POLICY_TABLE(X)                                               \
	X(SPAN, min_query_interval_us, "min-query-interval", US_PER_S,        \
	    10 * US_PER_MS, 86400 * US_PER_S,                                 \
	    "shortest time between two look-ups, whatever the TTL")           \
	X(SPAN, query_interval_us, "query-interval", 60 * US_PER_S,           \
	    10 * US_PER_MS, 7 * 86400 * US_PER_S,                             \
	    "longest time between two look-ups, whatever the TTL")            \
	X(SPAN, query_retry_us, "query-retry", 10 * US_PER_S, 10 * US_PER_MS, \
	    86400 * US_PER_S,                                                 \
	    "wait after an empty answer or a failed look-up")                 \
	X(SPAN, query_timeout_us, "query-timeout", 10 * US_PER_S,             \
	    10 * US_PER_MS, 600 * US_PER_S, "longest time of one look-up")    \
	X(SPAN, stale_for_us, "stale-for", 3600 * US_PER_S, 0, NEVER,         \
	    "how long the last good records stay while look-ups fail")        \
	X(SPAN, hardcoded_ttl_us, "hardcoded-ttl", NEVER, 0, NEVER,           \
	    "time to live for all records; never: each one's own")            \
	X(COUNT, empty_answers, "empty-answers", 2, 1, 1000,                  \
	    "empty answers in a row before the backends are dropped")         \
	X(COUNT, max_dns_concurrency, "max-dns-concurrency", 5, 1,            \
	    RESOLVE_CONCURRENCY_MAX, "queries at a time to each server")      \
	X(FAMILY, family, "family", RESOLVE_ANY, RESOLVE_ANY, RESOLVE_INET,   \
	    "address families to use: any, inet6 or inet")                    \
	X(ANSWERS, answers, "dns-answers", RESOLVE_FIRST, RESOLVE_FIRST,      \
	    RESOLVE_MERGE,                                                    \
	    "records of the first server that has some, or of all")

struct resolve_policy {
	uint64_t min_query_interval_us;
	uint64_t query_interval_us;
	uint64_t query_retry_us;
	uint64_t query_timeout_us;
	uint64_t stale_for_us;
	uint64_t hardcoded_ttl_us; /* NEVER: the records' own */
	uint32_t empty_answers;
	uint32_t max_dns_concurrency;
	enum resolve_family family;
	enum resolve_answers answers;

	/* SRV name in normal form under which further name servers are found,
	 * "" for none. Of no meaning here: who owns the servers reads it. */
	char resolver_service[RESOLVE_NAME_BYTES];
};

void resolve_policy_default(struct resolve_policy *policy);

/* Parses ADDR[,ADDR...], each IP:PORT or an IP alone (port 53), IPv6 always in
 * brackets. servers has room for RESOLVE_SERVERS_MAX. False when one is no
 * server's address; *why (static) then says why, and bad (ADDR_TEXT_BYTES)
 * holds as much of it as fits. */
bool resolve_servers_parse(const char *text, struct addr *servers,
    size_t *count, char *bad, const char **why) MUST_CHECK;

enum resolve_status {
	RESOLVE_STARTING, /* no look-up has ended yet */
	RESOLVE_OK,	  /* the set is what DNS says */
	RESOLVE_STALE,	  /* the last good set: DNS does not confirm it now */
	RESOLVE_FAILING,  /* look-ups fail, and nothing is (or remains) known */
	RESOLVE_EMPTY,	  /* DNS says that there are no backends */
	RESOLVE_SAVED,	  /* what was restored: DNS has not spoken of it yet */
};

/* As `stats` has it: "ok", "stale", "failing", "saved", and "none" for both
 * empty and starting. */
const char *resolve_status_name(enum resolve_status status);

/* X(NAME, "word", "meaning"): why a backend is in the set. */
#define RESOLVE_RULE_TABLE(X)                                            \
	X(NAMED, "named", "the last look-up names it")                   \
	X(SILENT, "silent",                                              \
	    "who named it gives no answer: it stays for stale-for")      \
	X(EMPTY, "empty",                                                \
	    "the last answers were empty, but fewer than empty-answers " \
	    "in a row")                                                  \
	X(HALF, "half",                                                  \
	    "its target is named, its address could not be looked up: "  \
	    "it stays for stale-for")                                    \
	X(SAVED, "saved", "it was saved: DNS has not spoken of it yet")

enum resolve_rule {
#define X(name, word, text) RESOLVE_RULE_##name,
	RESOLVE_RULE_TABLE(X)
#undef X
};

/* Static strings: the word, and what it means. */
const char *resolve_rule_word(enum resolve_rule rule);
const char *resolve_rule_text(enum resolve_rule rule);

/* Where a backend of the set comes from. */
struct resolve_origin {
	enum resolve_rule rule;
	uint64_t seen_us;	  /* when an answer last named it; 0: none */
	uint64_t absent_since_us; /* since when none does; NEVER: it is there */
	uint64_t ends_us; /* when stale-for ends for it, NEVER: it does not */
	size_t server;	  /* of those that named it, the first; SIZE_MAX: none
			   * that is still asked */
};

/* A query in flight. Zeroed, it is none. */
struct resolve_handle {
	uint32_t index;
	uint32_t generation;
};

enum resolve_action_kind {
	/* Ask `server` for `name` and `type`; give its end to
	 * resolve_on_answer with `handle`, at the latest after timeout_us. */
	RESOLVE_QUERY,
	/* Nothing that `server` was asked is needed any more. */
	RESOLVE_CANCEL,
	/* The set of backends or the status has changed. */
	RESOLVE_PUBLISH,
	/* For the trace. Each look-up started at a server is done or failed
	 * later: done where its answer is used, failed at all others. */
	RESOLVE_STARTED,
	RESOLVE_DONE,
	RESOLVE_FAILED,
};

struct resolve_action {
	enum resolve_action_kind kind;
	size_t server;	 /* all but PUBLISH */
	uint64_t lookup; /* trace: number of the look-up, from 1 */

	struct resolve_handle handle; /* QUERY */
	uint64_t timeout_us;	      /* QUERY */

	/* QUERY: what to ask. FAILED, and DONE with missing > 0: the query
	 * that went wrong first. Borrowed until the next call that is not
	 * const. */
	enum dns_type type;
	const char *name;

	enum dns_outcome outcome; /* DONE: RECORDS, or that of what is
				   * missing; FAILED: why */
	size_t count;		  /* DONE: backends in the answer */
	size_t missing;		  /* DONE: queries for addresses that failed */
	size_t left_out; /* DONE: backends that cannot be used: port 0, a name
			  * too long, over RESOLVE_BACKENDS_MAX */
};

struct resolve;

/* service: an SRV name in normal form (dns_name_normalize), copied. The first
 * look-up is due at once: call resolve_on_time. server_count: 1 to
 * RESOLVE_SERVERS_MAX. */
struct resolve *resolve_new(const char *service, size_t server_count,
    const struct resolve_policy *policy, uint64_t seed) MUST_CHECK;

void resolve_free(struct resolve **r);

/* Takes effect at once: a shorter interval may make a look-up due now, another
 * family starts one. A look-up that is under way keeps its time-out. */
void resolve_set_policy(
    struct resolve *r, uint64_t now_us, const struct resolve_policy *policy);

/* Other servers from now on; starts a look-up. One that was under way is
 * dropped without another word: its handles are void. before: for each server
 * the place it had among those of until now, SIZE_MAX when it was none of
 * them; one that was keeps its count of empty answers. */
void resolve_set_servers(struct resolve *r, uint64_t now_us,
    size_t server_count, const size_t *before);

/* Backends that were known in an earlier life, for as long as DNS has not
 * spoken: their status is RESOLVE_SAVED, their source SOURCE_SAVED. Before the
 * first look-up; what is no use as a backend of DNS is left out. */
void resolve_restore(
    struct resolve *r, const struct backend_spec *specs, size_t count);

/* Look up now, or once more after the look-up that is under way, so that what
 * was true at this moment is seen. Returns the number of the look-up that
 * answers: wait until resolve_ended is at least that. */
uint64_t resolve_refresh(struct resolve *r, uint64_t now_us);

/* Look-ups that have ended. */
uint64_t resolve_ended(const struct resolve *r);

/* Did the last of them bring an answer, be it an empty one? */
bool resolve_is_answered(const struct resolve *r);

/* A query has ended. The answer is copied where it is kept. */
void resolve_on_answer(struct resolve *r, uint64_t now_us,
    struct resolve_handle handle, const struct dns_answer *answer);

/* The deadline has come (harmless when it has not). */
void resolve_on_time(struct resolve *r, uint64_t now_us);

/* The next thing to do; false when there is none. */
bool resolve_next_action(struct resolve *r, uint64_t now_us,
    struct resolve_action *action) MUST_CHECK;

/* When to call resolve_on_time. */
uint64_t resolve_next_deadline(const struct resolve *r);

/* The set, sorted by priority, weight, name, address; borrowed until the next
 * call that is not const. Changes only where a PUBLISH follows. */
size_t resolve_backends(
    const struct resolve *r, const struct backend_spec **specs);

/* Of the i-th of resolve_backends. */
void resolve_origin(
    const struct resolve *r, size_t i, struct resolve_origin *origin);

enum resolve_status resolve_status(const struct resolve *r);

/* Order of resolve_backends. */
int resolve_spec_compare(
    const struct backend_spec *a, const struct backend_spec *b);

/* Walks all invariants. */
void resolve_check(const struct resolve *r);

#endif
