#ifndef QORB_TESTS_RESOLVE_RIG_H
#define QORB_TESTS_RESOLVE_RIG_H

/*
 * A resolver's core on a bench: time that the test moves, and name servers that
 * answer from a zone, fail or fall silent as the test says.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "core/resolve.h"
#include "core/rng.h"
#include "core/text.h"

#define SERVICE	    "_echo._tcp.test.com"
#define SERVERS	    4
#define PENDING_MAX 256
#define S	    US_PER_S

/* A zone is lines of a small language, ended by NULL:
 *	"OWNER TTL SRV PRIORITY WEIGHT PORT TARGET"
 *	"OWNER TTL AAAA|A ADDRESS"    "OWNER TTL CNAME TARGET"
 * with a '+' in front of OWNER for the additional section of SRV answers. */
typedef const char *const zone_lines;

struct pending {
	struct resolve_handle handle;
	enum dns_type type;
	char name[DNS_NAME_BYTES];
};

/* A name server: with a zone it answers from it, without one it says outcome;
 * a silent one says nothing. */
struct fake {
	zone_lines *zone;
	enum dns_outcome outcome;
	enum dns_outcome address_outcome; /* of AAAA and A, unless RECORDS */
	const char *bad_name;		  /* address_outcome for it alone */
	bool is_silent;
	struct pending pending[PENDING_MAX];
	size_t count;
	size_t most; /* in flight at once */
	size_t srv_asked;
	size_t asked;
	size_t cancels;
};

struct world {
	struct resolve *r;
	struct resolve_policy policy;
	uint64_t now;
	size_t servers;
	struct fake fakes[SERVERS];
	size_t published;
	size_t started, done, failed;
	struct resolve_action last_done, last_failed;
	char failed_name[DNS_NAME_BYTES];
	char shown[65536];
	uint64_t trace; /* hash of all actions */
};

static inline void
note(struct world *w, const struct resolve_action *a)
{
	w->trace = hash_mix(w->trace, (uint64_t)a->kind * 131 + a->server);
	w->trace = hash_mix(w->trace, a->handle.generation + a->count);
	w->trace = hash_mix(w->trace, w->now);
	if (a->name != NULL)
		w->trace = hash_mix(w->trace, hash_text(a->name));
}

static inline void
put_query(struct world *w, const struct resolve_action *a)
{
	struct fake *f = &w->fakes[a->server];
	struct pending *p = &f->pending[f->count++];

	assert_true(f->count <= PENDING_MAX);
	assert_true(a->timeout_us <= w->policy.query_timeout_us);
	p->handle = a->handle;
	p->type = a->type;
	strcpy(p->name, a->name);
	f->asked++;
	if (a->type == DNS_SRV)
		f->srv_asked++;
	if (f->count > f->most)
		f->most = f->count;
}

/* Carries out what the core wants. Cancelled queries stay pending: their
 * answers come late. */
static inline void
drain(struct world *w)
{
	struct resolve_action a;

	while (resolve_next_action(w->r, w->now, &a)) {
		note(w, &a);
		switch (a.kind) {
		case RESOLVE_QUERY:
			put_query(w, &a);
			break;
		case RESOLVE_CANCEL:
			w->fakes[a.server].cancels++;
			break;
		case RESOLVE_PUBLISH:
			w->published++;
			break;
		case RESOLVE_STARTED:
			w->started++;
			break;
		case RESOLVE_DONE:
			w->done++;
			w->last_done = a;
			break;
		case RESOLVE_FAILED:
			w->failed++;
			w->last_failed = a;
			strcpy(w->failed_name, a.name);
			break;
		}
		resolve_check(w->r);
	}
}

static inline void
fill_record(const char *line, struct dns_record *rec, char *owner, char *target)
{
	unsigned ttl, priority, weight, port;
	char type[8], data[512];

	rec->is_additional = line[0] == '+';
	line += rec->is_additional;
	assert_int_equal(
	    sscanf(line, "%500s %u %7s %500[^\n]", owner, &ttl, type, data), 4);
	rec->owner = owner;
	rec->ttl_s = ttl;
	if (strcmp(type, "SRV") == 0) {
		rec->type = DNS_SRV;
		assert_int_equal(sscanf(data, "%u %u %u %500s", &priority,
				     &weight, &port, target),
		    4);
		rec->priority = (uint16_t)priority;
		rec->weight = (uint16_t)weight;
		rec->port = (uint16_t)port;
		rec->target = target;
	} else if (strcmp(type, "CNAME") == 0) {
		rec->type = DNS_CNAME;
		strcpy(target, data);
		rec->target = target;
	} else if (strcmp(type, "AAAA") == 0) {
		rec->type = DNS_AAAA;
		assert_int_equal(inet_pton(AF_INET6, data, rec->ip), 1);
	} else {
		rec->type = DNS_A;
		assert_int_equal(inet_pton(AF_INET, data, rec->ip), 1);
	}
}

/* Does a record belong into the answer to this question? CNAMEs are thrown in
 * always, as are the records they may lead to. */
static inline bool
belongs(const struct dns_record *rec, const struct pending *p)
{
	if (rec->is_additional)
		return p->type == DNS_SRV;
	return rec->type == DNS_CNAME || rec->type == p->type;
}

static inline bool
is_known(const struct dns_answer *answer, const char *name)
{
	uint32_t ttl;
	size_t i;

	for (i = 0; i < answer->count; i++) {
		if (strcmp(answer->records[i].owner, name) == 0)
			return true;
	}
	return dns_answer_follow(answer, name, &ttl) == NULL;
}

static inline void
look_into_zone(
    const struct fake *f, const struct pending *p, struct dns_answer *answer)
{
	char owner[512], target[512];
	size_t i;

	dns_answer_init(answer, DNS_RECORDS);
	for (i = 0; f->zone[i] != NULL; i++) {
		struct dns_record rec = { 0 };

		fill_record(f->zone[i], &rec, owner, target);
		if (belongs(&rec, p))
			assert_true(dns_answer_add(answer, &rec));
	}
	if (!is_known(answer, p->name))
		answer->outcome = DNS_NO_NAME;
}

static inline enum dns_outcome
address_outcome(const struct fake *f, const struct pending *p)
{
	if (p->type == DNS_SRV)
		return DNS_RECORDS;
	if (f->bad_name != NULL && strcmp(f->bad_name, p->name) != 0)
		return DNS_RECORDS;
	return f->address_outcome;
}

/* Takes the oldest pending query of a server and answers it. */
static inline void
answer_one(struct world *w, size_t server)
{
	struct fake *f = &w->fakes[server];
	struct pending p = f->pending[0];
	struct dns_answer answer;
	enum dns_outcome outcome = address_outcome(f, &p);

	assert_true(f->count > 0);
	memmove(f->pending, f->pending + 1, --f->count * sizeof(p));
	if (f->zone == NULL)
		dns_answer_init(&answer, f->outcome);
	else if (outcome != DNS_RECORDS)
		dns_answer_init(&answer, outcome);
	else
		look_into_zone(f, &p, &answer);
	resolve_on_answer(w->r, w->now, p.handle, &answer);
	dns_answer_fini(&answer);
	drain(w);
}

/* All servers that speak say all they have to say. */
static inline void
answer_all(struct world *w)
{
	bool is_busy = true;
	size_t i;

	while (is_busy) {
		is_busy = false;
		for (i = 0; i < w->servers; i++) {
			if (w->fakes[i].is_silent || w->fakes[i].count == 0)
				continue;
			answer_one(w, i);
			is_busy = true;
		}
	}
}

static inline void
wake(struct world *w)
{
	resolve_on_time(w->r, w->now);
	drain(w);
}

/* Time goes to a moment, with all that is due before. */
static inline void
go_to(struct world *w, uint64_t moment)
{
	uint64_t at;

	while ((at = resolve_next_deadline(w->r)) <= moment) {
		if (at > w->now)
			w->now = at;
		wake(w);
		answer_all(w);
	}
	w->now = moment;
}

static inline struct world *
make_world(size_t servers, const struct resolve_policy *policy)
{
	struct world *w = calloc(1, sizeof(*w));

	resolve_policy_default(&w->policy);
	if (policy != NULL)
		w->policy = *policy;
	w->now = 1000 * S;
	w->servers = servers;
	w->r = resolve_new(SERVICE, servers, &w->policy, 7);
	return w;
}

static inline struct world *
make_one(zone_lines *zone)
{
	struct world *w = make_world(1, NULL);

	w->fakes[0].zone = zone;
	wake(w);
	answer_all(w);
	return w;
}

static inline void
end_world(struct world *w)
{
	resolve_check(w->r);
	resolve_free(&w->r);
	assert_null(w->r);
	free(w);
}

/* The set as text: "NAME ADDR PRIORITY/WEIGHT TTL; ...". */
static inline const char *
show(struct world *w)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(w->r, &specs);
	char addr[ADDR_TEXT_BYTES];
	struct text t;
	size_t i;

	text_init(&t, w->shown, sizeof(w->shown));
	for (i = 0; i < count; i++)
		text_addf(&t, "%s%s %s %u/%u %u", i > 0 ? "; " : "",
		    specs[i].name, addr_text(&specs[i].addr, addr),
		    specs[i].priority, specs[i].weight, specs[i].ttl_s);
	return w->shown;
}

static inline size_t
count_of(struct world *w)
{
	const struct backend_spec *specs;

	return resolve_backends(w->r, &specs);
}

/* How long until it asks again. */
static inline uint64_t
wait_of(const struct world *w)
{
	return resolve_next_deadline(w->r) - w->now;
}

static inline void
waits_about(const struct world *w, uint64_t span)
{
	assert_in_range(wait_of(w), span, span + span / 10);
}

static inline struct resolve_origin
origin_of(const struct world *w, size_t i)
{
	struct resolve_origin origin;

	resolve_origin(w->r, i, &origin);
	return origin;
}

/* For resolve_set_servers: none of them was there before. */
static const size_t all_new[SERVERS] = { SIZE_MAX, SIZE_MAX, SIZE_MAX,
	SIZE_MAX };

static zone_lines two[] = {
	SERVICE " 60 SRV 0 10 6001 echo001.test.com",
	SERVICE " 60 SRV 0 10 6002 echo002.test.com",
	"echo001.test.com 60 AAAA ::1",
	"echo002.test.com 60 AAAA ::2",
	NULL,
};
#define TWO                                          \
	"echo001.test.com:6001 [::1]:6001 0/10 60; " \
	"echo002.test.com:6002 [::2]:6002 0/10 60"

static zone_lines one[] = {
	SERVICE " 60 SRV 0 10 6001 echo001.test.com",
	"echo001.test.com 60 AAAA ::1",
	NULL,
};
#define ONE "echo001.test.com:6001 [::1]:6001 0/10 60"

#endif
