#ifndef QORB_TESTS_SIM_RESOLVER_H
#define QORB_TESTS_SIM_RESOLVER_H

/*
 * The simulator of the resolver core: a world of virtual time with name servers
 * that misbehave, zones that change, name servers that are found and lost,
 * clients that advertise, restarts from a saved state; and a model of what the
 * core promised.
 *
 *	zone.c   what zones hold, and what a server makes of a question
 *	model.c  what the set must be after each event, from the questions asked
 *	         and the answers given alone
 *	looker.c a resolver under test with its model and its queries in flight
 *	feeder.c static backends and advertisers, and the union of all sources
 *	world.c  lives a seed: time, servers, what goes wrong
 *	main.c   many seeds, reports, options
 *
 * After every event the whole set with all that is known of each backend, the
 * status, the number of look-ups, and the deadline are compared with the
 * model's; each action is checked as it comes out; a few rules are judged a
 * second time without the model (judge in looker.c). After each time of trouble
 * all servers are good for so long that everything must have settled.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base.h"
#include "core/dns_answer.h"
#include "core/resolve.h"
#include "core/rng.h"

#define S US_PER_S

#define TARGETS	    6
#define SRVS_MAX    8
#define IPS_MAX	    3
#define SERVERS	    6 /* that there are; SERVERS_GIVEN of them always asked */
#define GIVEN_MAX   3
#define ITEMS_MAX   256
#define QUERIES_MAX 4096
#define NAME_BYTES  32

/* IPv6 and IPv4, in the order in which addresses are asked for. */
enum { V6, V4, FAMILIES };

struct zone_srv {
	uint8_t target;
	uint16_t port; /* 0: of no use */
	uint16_t priority, weight;
	uint32_t ttl_s;
};

struct zone_target {
	uint8_t ip_count[FAMILIES];
	uint8_t ips[FAMILIES][IPS_MAX]; /* the last byte of each */
	uint32_t ttl_s[FAMILIES];
	bool has_cname;
	uint32_t cname_ttl_s;
};

/* All that there is to know of one service. */
struct zone {
	uint8_t srv_count;
	struct zone_srv srvs[SRVS_MAX];
	bool has_dot;
	bool has_cname;
	uint32_t cname_ttl_s;
	struct zone_target targets[TARGETS];
};

struct question {
	enum dns_type type;
	unsigned target;
};

/* What the answer to a question will be. */
struct reply {
	enum dns_outcome outcome;
	struct zone zone;		     /* RECORDS: as it was then */
	bool comes_along[TARGETS][FAMILIES]; /* RECORDS of SRV */
};

/* How a name server is. */
enum mode {
	MODE_OK,
	MODE_SLOW,
	MODE_SILENT,
	MODE_TIME_OUT, /* the time-out is told */
	MODE_FAIL,     /* SERVFAIL, REFUSED, garbage ... */
	MODE_NO_NAME,
	MODE_NO_DATA,
	MODE_HALF,	/* fails for some targets */
	MODE_HALF_NAME, /* has never heard of some targets */
	MODE_FLAKY,	/* any of these */
	MODE_COUNT,
};

/* zone.c */
void zone_draw(struct zone *z, struct rng *rng);
void zone_change(struct zone *z, struct rng *rng);
void zone_target_name(unsigned target, char *name);
struct addr zone_addr(unsigned family, uint8_t last, uint16_t port);
void reply_draw(struct reply *r, struct question q, enum mode mode,
    const struct zone *zone, struct rng *rng);
void reply_fill(const struct reply *r, struct question q, const char *service,
    struct dns_answer *answer);

/* --- the model -------------------------------------------------------------
 */

struct item {
	char name[NAME_BYTES];
	struct backend_spec spec; /* its name is the one above */
	uint64_t since_us;	  /* unconfirmed since; NEVER */
	uint64_t seen_us;
	uint32_t servers;
	enum resolve_rule rule;
};

struct items {
	unsigned count;
	struct item items[ITEMS_MAX];
};

void items_sort(struct items *items);

enum part_state { PART_IDLE, PART_SRV, PART_ADDRESSES, PART_ENDED };

enum target_state {
	TARGET_UNWANTED,
	TARGET_OPEN,
	TARGET_ASKED,
	TARGET_KNOWN,
	TARGET_NONE,
	TARGET_FAILED,
};

/* One server's part of a look-up. */
struct part {
	enum part_state state;
	enum dns_outcome outcome; /* ENDED */
	bool is_dot;
	bool is_srv_asked;
	unsigned missing, in_flight;
	struct zone zone; /* what it said; only the usable SRV records */
	enum target_state targets[TARGETS][FAMILIES];
	struct zone_target found[TARGETS];
	unsigned empty_run;
	bool is_start_told, is_end_told;
};

enum verdict { NOTHING, WHOLE, PARTIAL, EMPTY, FAILED };

struct model {
	struct resolve_policy policy;
	unsigned servers;
	struct part parts[SERVERS];
	struct items set;
	enum resolve_status status;
	enum verdict verdict;
	unsigned empty_run;
	uint32_t ttl_s;
	bool is_looking, is_wanted_again;
	uint64_t started, ended;
	uint64_t end_us, last_end_us;
	uint64_t next_least_us, next_most_us;
};

void model_init(
    struct model *m, unsigned servers, const struct resolve_policy *policy);
void model_restore(
    struct model *m, const struct backend_spec *specs, size_t count);
void model_on_time(struct model *m, uint64_t now_us);
void model_begin(struct model *m, uint64_t now_us);
void model_on_reply(struct model *m, uint64_t now_us, unsigned server,
    struct question q, const struct reply *reply);
void model_refresh(struct model *m, uint64_t now_us);
void model_set_policy(
    struct model *m, uint64_t now_us, const struct resolve_policy *policy);
void model_set_servers(
    struct model *m, uint64_t now_us, unsigned servers, const size_t *before);
uint64_t model_expiry(const struct model *m);

/* What a service in good order is: all that a zone names. */
void model_truth(const struct zone *z, const struct resolve_policy *policy,
    struct items *items);

/* --- a resolver under test -------------------------------------------------
 */

struct world;

struct query {
	struct resolve_handle handle;
	struct question q;
	unsigned server; /* its place, as long as it is live */
	bool is_live;	 /* else nobody waits for it any more */
	uint64_t at_us;	 /* when its answer comes; NEVER */
	struct reply reply;
};

struct looker {
	struct world *world;
	const char *word; /* in the trace */
	const char *service;
	unsigned zone; /* which one of a server's zones */
	struct resolve *r;
	struct model m;
	unsigned ids[SERVERS]; /* of its servers, by their place */
	struct query *queries; /* owned */
	unsigned query_count;
	bool has_published; /* since it was looked at */

	/* For judging without the model. */
	struct items published;
	enum resolve_status published_status;
	bool is_forced; /* the next look-up may be early */
	bool saw_records, saw_empty;
	unsigned empties; /* look-ups in a row */
	uint64_t judged_ended;
	uint64_t last_end_us;
};

void looker_open(struct looker *l, struct world *w, const char *word,
    const char *service, unsigned zone, const unsigned *ids, unsigned count,
    const struct resolve_policy *policy);
void looker_close(struct looker *l);
void looker_restore(
    struct looker *l, const struct backend_spec *specs, size_t count);
uint64_t looker_next(const struct looker *l);
void looker_step(struct looker *l);
void looker_refresh(struct looker *l);
void looker_set_policy(struct looker *l, const struct resolve_policy *policy);
void looker_set_servers(struct looker *l, const unsigned *ids, unsigned count);
void looker_settled(struct looker *l, const struct zone *truth);

/* --- all sources -----------------------------------------------------------
 */

struct feeder;

struct feeder *feeder_new(struct world *w);
void feeder_free(struct feeder **f);
uint64_t feeder_next(const struct feeder *f);
void feeder_on_time(struct feeder *f);
void feeder_act(struct feeder *f); /* something drawn */
void feeder_check(
    struct feeder *f, const struct backend_spec *dns, size_t count);

/* --- the world -------------------------------------------------------------
 */

struct server {
	enum mode mode;
	uint64_t delay_us;    /* at most, of an answer */
	struct zone zones[2]; /* of the service, of the name servers */
};

struct world {
	uint64_t seed, now_us, steps, hash;
	struct rng rng;
	FILE *trace; /* or NULL */
	struct server servers[SERVERS];
	struct looker service, finder;
	struct feeder *feeder; /* owned */
	unsigned given;
	bool has_moved;
	uint64_t ended_seen;
	char *saved; /* owned text, or NULL */
	size_t saved_len;
	struct resolve_policy policy;
	uint64_t next_op_us, phase_end_us;
	bool is_calm;
	uint64_t queries, answers;
};

/* Lives a seed for so many steps; the hash of its trace. */
uint64_t world_run(uint64_t seed, uint64_t steps, FILE *trace);

/* A line of the trace. */
void note(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A promise is broken: says so, and ends the process. */
_Noreturn void broken(const struct world *w, const char *check, const char *fmt,
    ...) PRINTF_LIKE(3, 4);

/* main.c: words of how it is to be said. */
void report(const struct world *w, const char *check, const char *text);

#endif
