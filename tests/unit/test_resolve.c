#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void
note(struct world *w, const struct resolve_action *a)
{
	w->trace = hash_mix(w->trace, (uint64_t)a->kind * 131 + a->server);
	w->trace = hash_mix(w->trace, a->handle.generation + a->count);
	w->trace = hash_mix(w->trace, w->now);
	if (a->name != NULL)
		w->trace = hash_mix(w->trace, hash_text(a->name));
}

static void
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
static void
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

static void
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
static bool
belongs(const struct dns_record *rec, const struct pending *p)
{
	if (rec->is_additional)
		return p->type == DNS_SRV;
	return rec->type == DNS_CNAME || rec->type == p->type;
}

static bool
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

static void
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

static enum dns_outcome
address_outcome(const struct fake *f, const struct pending *p)
{
	if (p->type == DNS_SRV)
		return DNS_RECORDS;
	if (f->bad_name != NULL && strcmp(f->bad_name, p->name) != 0)
		return DNS_RECORDS;
	return f->address_outcome;
}

/* Takes the oldest pending query of a server and answers it. */
static void
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
static void
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

static void
wake(struct world *w)
{
	resolve_on_time(w->r, w->now);
	drain(w);
}

/* Time goes to a moment, with all that is due before. */
static void
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

static struct world *
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

static struct world *
make_one(zone_lines *zone)
{
	struct world *w = make_world(1, NULL);

	w->fakes[0].zone = zone;
	wake(w);
	answer_all(w);
	return w;
}

static void
end_world(struct world *w)
{
	resolve_check(w->r);
	resolve_free(&w->r);
	assert_null(w->r);
	free(w);
}

/* The set as text: "NAME ADDR PRIORITY/WEIGHT TTL; ...". */
static const char *
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

static size_t
count_of(struct world *w)
{
	const struct backend_spec *specs;

	return resolve_backends(w->r, &specs);
}

/* How long until it asks again. */
static uint64_t
wait_of(const struct world *w)
{
	return resolve_next_deadline(w->r) - w->now;
}

static void
waits_about(const struct world *w, uint64_t span)
{
	assert_in_range(wait_of(w), span, span + span / 10);
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

static void
records_become_backends(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(w->published, 1);
	assert_int_equal(w->started, 1);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->failed, 0);
	assert_int_equal(w->last_done.count, 2);
	assert_int_equal(w->last_done.missing, 0);
	assert_true(resolve_is_answered(w->r));
	assert_int_equal(resolve_ended(w->r), 1);
	end_world(w);
}

static void
each_address_and_each_port_is_a_backend(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 1 6002 Host.Test.COM.",
		SERVICE " 60 SRV 0 1 6001 hOST.test.com",
		"HOST.test.com 30 AAAA ::2",
		"host.test.com 30 AAAA ::1",
		"host.test.com 20 A 127.0.0.1",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w),
	    "host.test.com:6001 [::1]:6001 0/1 30; "
	    "host.test.com:6001 [::2]:6001 0/1 30; "
	    "host.test.com:6001 127.0.0.1:6001 0/1 20; "
	    "host.test.com:6002 [::1]:6002 0/1 30; "
	    "host.test.com:6002 [::2]:6002 0/1 30; "
	    "host.test.com:6002 127.0.0.1:6002 0/1 20");
	/* One target: its addresses are asked for once. */
	assert_int_equal(w->fakes[0].asked, 3);
	end_world(w);
}

static void
the_set_is_sorted_by_priority_weight_and_name(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 20 0 1 a.test.com",
		SERVICE " 60 SRV 10 9 1 c.test.com",
		SERVICE " 60 SRV 10 9 1 b.test.com",
		SERVICE " 60 SRV 10 5 1 z.test.com",
		"a.test.com 60 A 127.0.0.1",
		"b.test.com 60 A 127.0.0.2",
		"c.test.com 60 A 127.0.0.3",
		"z.test.com 60 A 127.0.0.4",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "z.test.com:1 127.0.0.4:1 10/5 60; "
				     "b.test.com:1 127.0.0.2:1 10/9 60; "
				     "c.test.com:1 127.0.0.3:1 10/9 60; "
				     "a.test.com:1 127.0.0.1:1 20/0 60");
	end_world(w);
}

static void
a_record_said_twice_counts_once(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 5 1 1 a.test.com",
		SERVICE " 60 SRV 1 1 1 A.test.com",
		SERVICE " 60 SRV 1 7 1 a.test.com",
		"a.test.com 60 A 127.0.0.1",
		"a.test.com 60 A 127.0.0.1",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "a.test.com:1 127.0.0.1:1 1/7 60");
	end_world(w);
}

static void
addresses_that_came_along_are_used_and_only_the_missing_asked_for(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		SERVICE " 60 SRV 0 0 1 b.test.com",
		"+A.test.com 40 AAAA ::a",
		"+a.test.com 50 A 127.0.0.10",
		"+stranger.test.com 50 A 127.0.0.66",
		"b.test.com 60 AAAA ::b",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w),
	    "a.test.com:1 [::a]:1 0/0 40; a.test.com:1 127.0.0.10:1 0/0 50; "
	    "b.test.com:1 [::b]:1 0/0 60");
	assert_int_equal(w->fakes[0].asked, 3); /* SRV, AAAA and A of b */
	end_world(w);
}

static void
with_all_addresses_along_one_query_is_enough(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"+a.test.com 40 AAAA ::a",
		"+a.test.com 50 A 127.0.0.10",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(count_of(w), 2);
	assert_int_equal(w->fakes[0].asked, 1);
	end_world(w);
}

static void
the_family_decides_what_is_asked_and_used(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		SERVICE " 60 SRV 0 0 1 b.test.com",
		"+a.test.com 60 AAAA ::a",
		"+a.test.com 60 A 127.0.0.1",
		"b.test.com 60 AAAA ::b",
		"b.test.com 60 A 127.0.0.2",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(count_of(w), 4);
	w->fakes[0].asked = 0;
	w->policy.family = RESOLVE_INET6;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_string_equal(show(w),
	    "a.test.com:1 [::a]:1 0/0 60; b.test.com:1 [::b]:1 0/0 60");
	assert_int_equal(w->fakes[0].asked, 2);
	w->policy.family = RESOLVE_INET;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_string_equal(show(w), "a.test.com:1 127.0.0.1:1 0/0 60; "
				     "b.test.com:1 127.0.0.2:1 0/0 60");
	end_world(w);
}

static void
cnames_are_followed_and_lower_the_ttl(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 50 CNAME _echo._tcp.other.com",
		"_echo._tcp.other.com 60 SRV 0 0 1 a.test.com",
		"a.test.com 20 CNAME b.test.com",
		"b.test.com 30 CNAME c.test.com",
		"c.test.com 60 AAAA ::c",
		"d.test.com 60 AAAA ::d",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "a.test.com:1 [::c]:1 0/0 20");
	waits_about(w, 20 * S);
	end_world(w);
}

static void
a_loop_of_cnames_is_no_answer(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 50 CNAME b.test.com",
		"b.test.com 50 CNAME " SERVICE,
		NULL,
	};
	static zone_lines of_target[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"a.test.com 20 CNAME b.test.com",
		"b.test.com 30 CNAME a.test.com",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->last_failed.outcome, DNS_GARBAGE);
	end_world(w);
	w = make_one(of_target);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->last_failed.outcome, DNS_GARBAGE);
	assert_int_equal(w->last_failed.type, DNS_AAAA);
	assert_string_equal(w->failed_name, "a.test.com");
	end_world(w);
}

static void
records_of_another_name_are_not_believed(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"_other._tcp.test.com 60 SRV 0 0 2 b.test.com",
		"a.test.com 60 AAAA ::a",
		"b.test.com 60 AAAA ::b",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_string_equal(show(w), "a.test.com:1 [::a]:1 0/0 60");
	end_world(w);
}

/* Zone with one TTL for the SRV record and another for the address. */
static void
with_ttls(unsigned srv, unsigned address, struct world **w)
{
	char lines[2][128];
	const char *zone[3] = { lines[0], lines[1], NULL };

	snprintf(lines[0], sizeof(lines[0]), SERVICE " %u SRV 0 0 1 a.test.com",
	    srv);
	snprintf(lines[1], sizeof(lines[1]), "a.test.com %u AAAA ::a", address);
	*w = make_one(zone);
	(*w)->fakes[0].zone = NULL;
	(*w)->fakes[0].outcome = DNS_SERVFAIL;
}

static void
it_asks_again_when_the_smallest_ttl_has_passed(void **state)
{
	struct world *w;

	(void)state;
	with_ttls(60, 20, &w);
	waits_about(w, 20 * S);
	end_world(w);
	with_ttls(30, 60, &w);
	waits_about(w, 30 * S);
	end_world(w);
	with_ttls(1, 60, &w);
	waits_about(w, 1 * S);
	end_world(w);
}

static void
a_ttl_of_0_means_each_min_query_interval(void **state)
{
	struct world *w;

	(void)state;
	with_ttls(0, 60, &w);
	waits_about(w, 1 * S);
	/* ... and not that the records are forgotten. */
	go_to(w, w->now + 5 * S);
	assert_int_equal(count_of(w), 1);
	end_world(w);
}

static void
it_waits_no_longer_than_query_interval(void **state)
{
	struct world *w;

	(void)state;
	with_ttls(60, 60, &w);
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
	with_ttls(2147483647u, 2147483647u, &w);
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
	with_ttls(4294967295u, 4294967295u, &w);
	assert_string_equal(show(w), "a.test.com:1 [::a]:1 0/0 2147483647");
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
}

static void
a_hardcoded_ttl_stands_for_all(void **state)
{
	struct world *w = make_one(one);

	(void)state;
	w->policy.hardcoded_ttl_us = 5 * S;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_string_equal(show(w), "echo001.test.com:6001 [::1]:6001 0/10 5");
	waits_about(w, 5 * S);
	w->policy.hardcoded_ttl_us = 0;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	waits_about(w, 1 * S);
	end_world(w);
}

static void
a_change_of_records_is_the_new_set(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = one;
	go_to(w, w->now + 60 * S);
	assert_string_equal(show(w), ONE);
	assert_int_equal(w->published, 2);
	/* The same again is no change. */
	go_to(w, w->now + 60 * S);
	assert_int_equal(w->done, 3);
	assert_int_equal(w->published, 2);
	end_world(w);
}

/* Servers that fail in every way keep the last good set. */
static void
no_answer_keeps_the_last_good_set(void **state)
{
	static const enum dns_outcome bad[] = { DNS_TIME_OUT, DNS_SERVFAIL,
		DNS_REFUSED, DNS_UNREACHABLE, DNS_GARBAGE, DNS_CUT_SHORT,
		DNS_REFERRAL, DNS_BAD_CODE, DNS_NOT_ASKED };
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		w = make_one(two);
		w->fakes[0].zone = NULL;
		w->fakes[0].outcome = bad[i];
		go_to(w, w->now + 60 * S);
		assert_string_equal(show(w), TWO);
		assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
		assert_false(resolve_is_answered(w->r));
		assert_int_equal(w->last_failed.outcome, bad[i]);
		assert_int_equal(w->published, 2);
		waits_about(w, 10 * S);
		/* It comes back. */
		w->fakes[0].zone = one;
		go_to(w, w->now + 11 * S);
		assert_string_equal(show(w), ONE);
		assert_int_equal(resolve_status(w->r), RESOLVE_OK);
		end_world(w);
	}
}

static void
the_last_good_set_ends_after_stale_for(void **state)
{
	struct world *w = make_one(two);
	uint64_t failed_at = w->now + 60 * S;

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_SERVFAIL;
	go_to(w, failed_at + 3600 * S - 1);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	go_to(w, failed_at + 3600 * S);
	assert_int_equal(count_of(w), 0);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->published, 3);
	end_world(w);
}

static void
a_good_answer_starts_stale_for_anew(void **state)
{
	struct world *w = make_one(two);
	uint64_t failed_at = w->now + 60 * S;

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_SERVFAIL;
	go_to(w, failed_at + 3000 * S);
	w->fakes[0].zone = two;
	go_to(w, w->now + 12 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	w->fakes[0].zone = NULL;
	go_to(w, failed_at + 6000 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_string_equal(show(w), TWO);
	end_world(w);
}

static void
a_stale_for_of_0_keeps_nothing_and_never_keeps_all(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_SERVFAIL;
	w->policy.stale_for_us = NEVER;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now + 100000 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	w->policy.stale_for_us = 0;
	resolve_set_policy(w->r, w->now, &w->policy);
	go_to(w, w->now);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(count_of(w), 0);
	end_world(w);
}

static void
without_a_first_answer_it_is_failing_and_goes_on(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	w->fakes[0].outcome = DNS_REFUSED;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->published, 1);
	waits_about(w, 10 * S);
	w->fakes[0].zone = two;
	go_to(w, w->now + 11 * S);
	assert_string_equal(show(w), TWO);
	end_world(w);
}

/* A server that says that there is no such name, then that it has no data. */
static void
empty_answers_in_a_row_empty_the_set(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, w->now + 60 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_true(resolve_is_answered(w->r));
	waits_about(w, 10 * S);
	w->fakes[0].outcome = DNS_NO_DATA;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(count_of(w), 0);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	waits_about(w, 10 * S);
	/* From here on every one is empty, and records are taken at once. */
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	w->fakes[0].zone = two;
	go_to(w, resolve_next_deadline(w->r));
	assert_string_equal(show(w), TWO);
	end_world(w);
}

static void
records_between_empty_answers_start_the_count_anew(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].outcome = DNS_NO_NAME;
	w->fakes[0].zone = NULL;
	go_to(w, resolve_next_deadline(w->r));
	w->fakes[0].zone = two;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	w->fakes[0].zone = NULL;
	go_to(w, resolve_next_deadline(w->r));
	assert_string_equal(show(w), TWO);
	end_world(w);
}

static void
failures_between_empty_answers_do_not_count(void **state)
{
	struct world *w = make_one(two);
	size_t i;

	(void)state;
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, resolve_next_deadline(w->r));
	w->fakes[0].outcome = DNS_SERVFAIL;
	for (i = 0; i < 5; i++)
		go_to(w, resolve_next_deadline(w->r));
	assert_string_equal(show(w), TWO);
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(count_of(w), 0);
	end_world(w);
}

static void
with_nothing_known_an_empty_answer_is_believed_at_once(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].outcome = DNS_NO_NAME;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->published, 1);
	assert_int_equal(w->last_failed.outcome, DNS_NO_NAME);
	end_world(w);
}

static void
targets_without_any_address_are_an_empty_answer(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 1 a.test.com",
		SERVICE " 60 SRV 0 0 1 b.test.com",
		NULL,
	};
	struct world *w = make_one(zone);

	(void)state;
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->last_failed.outcome, DNS_NO_DATA);
	assert_string_equal(w->failed_name, "a.test.com");
	end_world(w);
}

static void
the_target_dot_empties_the_set_at_once(void **state)
{
	static zone_lines none[] = { SERVICE " 60 SRV 0 0 0 .", NULL };
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = none;
	go_to(w, w->now + 60 * S);
	assert_int_equal(count_of(w), 0);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->last_done.count, 0);
	waits_about(w, 10 * S);
	end_world(w);
}

static void
unusable_records_are_left_out_and_counted(void **state)
{
	char lines[1][640];
	const char *zone[] = {
		SERVICE " 60 SRV 0 0 0 zero.test.com",
		SERVICE " 60 SRV 0 0 7 .",
		lines[0],
		SERVICE " 60 SRV 0 0 1 a.test.com",
		"a.test.com 60 AAAA ::a",
		"zero.test.com 60 AAAA ::2",
		NULL,
	};
	struct world *w;
	char label[4 * 60 + 1];
	size_t i;

	(void)state;
	/* 120 bytes, but more than a backend's name when it is written out. */
	for (i = 0; i < 60; i++)
		memcpy(label + 4 * i, "\\007", 5);
	snprintf(lines[0], sizeof(lines[0]), SERVICE " 60 SRV 0 0 1 %s.%s",
	    label, label);
	w = make_one(zone);
	assert_string_equal(show(w), "a.test.com:1 [::a]:1 0/0 60");
	assert_int_equal(w->last_done.left_out, 3);
	end_world(w);
}

static void
nothing_but_unusable_records_is_no_answer(void **state)
{
	static zone_lines zone[] = {
		SERVICE " 60 SRV 0 0 0 zero.test.com",
		"zero.test.com 60 AAAA ::2",
		NULL,
	};
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = zone;
	go_to(w, w->now + 60 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_int_equal(w->last_failed.left_out, 1);
	end_world(w);
}

static void
a_set_has_a_limit_and_says_what_it_left_out(void **state)
{
	/* 130 ports of one target with 127 addresses. */
	char(*lines)[64] = calloc(130 + 127, sizeof(*lines));
	const char **zone = calloc(130 + 127 + 1, sizeof(*zone));
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < 130 + 127; i++) {
		if (i < 130)
			snprintf(lines[i], sizeof(lines[i]),
			    SERVICE " 60 SRV 0 0 %zu a.test.com", i + 1);
		else
			snprintf(lines[i], sizeof(lines[i]),
			    "a.test.com 60 A 127.0.0.%zu", i - 130);
		zone[i] = lines[i];
	}
	w = make_one(zone);
	assert_int_equal(count_of(w), RESOLVE_BACKENDS_MAX);
	assert_int_equal(
	    w->last_done.left_out, 130 * 127 - RESOLVE_BACKENDS_MAX);
	assert_int_equal(w->last_done.count, RESOLVE_BACKENDS_MAX);
	end_world(w);
	free(zone);
	free(lines);
}

static void
with_nothing_known_half_an_answer_is_used(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].zone = two;
	w->fakes[0].address_outcome = DNS_SERVFAIL;
	w->fakes[0].bad_name = "echo002.test.com";
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), ONE);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(w->last_done.missing, 2);
	assert_int_equal(w->last_done.outcome, DNS_SERVFAIL);
	assert_int_equal(w->last_done.type, DNS_AAAA);
	/* It does not wait for the TTL of 60 s. */
	waits_about(w, 10 * S);
	end_world(w);
}

static void
targets_that_cannot_be_looked_up_keep_their_addresses(void **state)
{
	static zone_lines moved[] = {
		SERVICE " 60 SRV 0 10 6001 echo001.test.com",
		SERVICE " 60 SRV 7 11 6002 echo002.test.com",
		"echo001.test.com 60 AAAA ::9",
		NULL,
	};
	struct world *w = make_one(two);
	uint64_t at;

	(void)state;
	w->fakes[0].zone = moved;
	w->fakes[0].address_outcome = DNS_TIME_OUT;
	w->fakes[0].bad_name = "echo002.test.com";
	at = w->now + 60 * S;
	go_to(w, at);
	assert_string_equal(show(w),
	    "echo001.test.com:6001 [::9]:6001 0/10 60; "
	    "echo002.test.com:6002 [::2]:6002 7/11 60");
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	/* They too end after stale-for; the others are not touched. */
	go_to(w, at + 3600 * S - 1);
	assert_int_equal(count_of(w), 2);
	go_to(w, at + 3600 * S);
	assert_string_equal(
	    show(w), "echo001.test.com:6001 [::9]:6001 0/10 60");
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
no_more_queries_than_allowed_are_in_flight(void **state)
{
	char(*lines)[64] = calloc(50, sizeof(*lines));
	const char **zone = calloc(101, sizeof(*zone));
	struct resolve_policy policy;
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < 50; i++) {
		snprintf(lines[i], sizeof(lines[i]),
		    SERVICE " 60 SRV 0 0 1 t%zu.test.com", i);
		zone[i] = lines[i];
	}
	w = make_one(zone);
	assert_int_equal(w->fakes[0].most, 5);
	assert_int_equal(w->fakes[0].asked, 101);
	end_world(w);
	resolve_policy_default(&policy);
	policy.max_dns_concurrency = 1;
	w = make_world(1, &policy);
	w->fakes[0].zone = zone;
	wake(w);
	answer_all(w);
	assert_int_equal(w->fakes[0].most, 1);
	assert_int_equal(w->fakes[0].asked, 101);
	end_world(w);
	free(zone);
	free(lines);
}

static void
a_dead_server_does_not_delay_a_good_one(void **state)
{
	struct world *w = make_world(2, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	w->fakes[1].zone = two;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->last_done.server, 1);
	/* The other was dropped, and is asked again the next time. */
	assert_int_equal(w->failed, 1);
	assert_int_equal(w->last_failed.outcome, DNS_DROPPED);
	assert_int_equal(w->fakes[0].cancels, 1);
	go_to(w, w->now + 60 * S);
	assert_int_equal(w->fakes[0].srv_asked, 2);
	assert_int_equal(w->started, 4);
	end_world(w);
}

static void
late_answers_do_nothing(void **state)
{
	struct world *w = make_world(2, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	w->fakes[1].zone = two;
	wake(w);
	answer_all(w);
	w->fakes[0].zone = one;
	answer_one(w, 0);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->published, 1);
	/* Nor does one that comes during the next look-up. */
	w->fakes[1].is_silent = true;
	go_to(w, w->now + 60 * S);
	assert_int_equal(w->fakes[0].count, 1);
	w->fakes[1].pending[0].handle.generation--;
	answer_one(w, 1);
	assert_int_equal(w->fakes[1].count, 0);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->done, 1);
	end_world(w);
}

static void
handles_out_of_range_do_nothing(void **state)
{
	struct resolve_handle handles[] = { { 0, 0 }, { 63, 1 }, { 64, 1 },
		{ UINT32_MAX, 1 }, { 0, UINT32_MAX } };
	struct world *w = make_world(1, NULL);
	struct dns_answer answer;
	size_t i;

	(void)state;
	wake(w);
	dns_answer_init(&answer, DNS_NO_NAME);
	for (i = 0; i < ARRAY_LEN(handles); i++)
		resolve_on_answer(w->r, w->now, handles[i], &answer);
	drain(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	end_world(w);
}

static void
one_empty_server_does_not_win_over_one_with_records(void **state)
{
	struct world *w = make_world(3, NULL);

	(void)state;
	w->fakes[0].outcome = DNS_NO_NAME;
	w->fakes[1].outcome = DNS_SERVFAIL;
	w->fakes[2].is_silent = true;
	w->fakes[2].zone = two;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	assert_int_equal(w->failed, 2);
	w->fakes[2].is_silent = false;
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
one_empty_server_counts_when_all_others_fail(void **state)
{
	struct world *w = make_world(2, NULL);
	uint64_t start = w->now;

	(void)state;
	w->fakes[0].outcome = DNS_NO_DATA;
	w->fakes[1].is_silent = true;
	wake(w);
	answer_all(w);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	assert_int_equal(resolve_next_deadline(w->r), start + 10 * S);
	go_to(w, start + 10 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	assert_int_equal(w->last_failed.outcome, DNS_TIME_OUT);
	assert_int_equal(w->last_failed.server, 1);
	end_world(w);
}

static void
a_look_up_takes_no_longer_than_query_timeout(void **state)
{
	struct world *w = make_world(2, NULL);
	uint64_t start = w->now;

	(void)state;
	w->fakes[0].is_silent = w->fakes[1].is_silent = true;
	wake(w);
	go_to(w, start + 10 * S - 1);
	assert_int_equal(resolve_status(w->r), RESOLVE_STARTING);
	go_to(w, start + 10 * S);
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	assert_int_equal(w->failed, 2);
	assert_int_equal(w->fakes[0].cancels + w->fakes[1].cancels, 2);
	end_world(w);
}

static void
what_came_before_the_time_out_is_used(void **state)
{
	struct world *w = make_world(1, NULL);
	uint64_t start = w->now;
	size_t i;

	(void)state;
	w->fakes[0].zone = two;
	w->fakes[0].is_silent = true;
	wake(w);
	/* SRV, AAAA and A of the first target. */
	for (i = 0; i < 3; i++)
		answer_one(w, 0);
	go_to(w, start + 10 * S);
	assert_string_equal(show(w), ONE);
	assert_int_equal(w->last_done.missing, 2);
	assert_int_equal(w->last_done.outcome, DNS_TIME_OUT);
	end_world(w);
}

static void
half_an_answer_waits_for_no_other_server_where_nothing_is_known(void **state)
{
	struct world *w = make_world(2, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	w->fakes[1].zone = two;
	w->fakes[1].address_outcome = DNS_SERVFAIL;
	w->fakes[1].bad_name = "echo002.test.com";
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), ONE);
	assert_int_equal(w->last_failed.outcome, DNS_DROPPED);
	/* With something known it does, in vain. */
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(w->done, 1);
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(w->done, 2);
	assert_int_equal(w->last_failed.outcome, DNS_TIME_OUT);
	assert_string_equal(show(w), ONE);
	end_world(w);
}

static void
of_two_halves_the_better_is_used(void **state)
{
	static zone_lines worse[] = {
		SERVICE " 60 SRV 0 10 6001 echo001.test.com",
		SERVICE " 60 SRV 0 10 6002 echo002.test.com",
		"+echo001.test.com 60 AAAA ::7",
		NULL,
	};
	struct world *w = make_one(two);

	(void)state;
	resolve_set_servers(w->r, w->now, 2, all_new);
	w->servers = 2;
	w->done = w->failed = 0;
	w->fakes[0].zone = worse;
	w->fakes[0].address_outcome = DNS_SERVFAIL;
	w->fakes[1].zone = two;
	w->fakes[1].address_outcome = DNS_REFUSED;
	w->fakes[1].bad_name = "echo001.test.com";
	go_to(w, w->now);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->last_done.server, 1);
	assert_int_equal(w->last_done.missing, 2);
	assert_int_equal(w->last_failed.outcome, DNS_SERVFAIL);
	assert_int_equal(w->last_failed.missing, 3);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	end_world(w);
}

static void
refresh_looks_up_now(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->fakes[0].zone = one;
	w->now += 3 * S;
	assert_int_equal(resolve_refresh(w->r, w->now), 2);
	assert_int_equal(resolve_next_deadline(w->r), w->now);
	go_to(w, w->now);
	assert_int_equal(resolve_ended(w->r), 2);
	assert_string_equal(show(w), ONE);
	end_world(w);
}

static void
refresh_during_a_look_up_looks_up_once_more(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].zone = one;
	w->fakes[0].is_silent = true;
	wake(w);
	assert_int_equal(resolve_refresh(w->r, w->now), 2);
	assert_int_equal(resolve_refresh(w->r, w->now), 2);
	answer_one(w, 0);
	answer_one(w, 0);
	answer_one(w, 0);
	assert_int_equal(resolve_ended(w->r), 1);
	assert_string_equal(show(w), ONE);
	w->fakes[0].is_silent = false;
	w->fakes[0].zone = two;
	go_to(w, w->now);
	assert_int_equal(resolve_ended(w->r), 2);
	assert_string_equal(show(w), TWO);
	/* And then no more. */
	assert_int_equal(wait_of(w), 60 * S);
	end_world(w);
}

static void
a_shorter_interval_counts_at_once(void **state)
{
	struct world *w = make_one(two);

	(void)state;
	w->now += 20 * S;
	w->policy.query_interval_us = 10 * S;
	resolve_set_policy(w->r, w->now, &w->policy);
	assert_true(resolve_next_deadline(w->r) <= w->now);
	w->policy.query_interval_us = 60 * S;
	go_to(w, w->now);
	assert_int_equal(w->done, 2);
	assert_int_equal(wait_of(w), 10 * S);
	end_world(w);
}

static void
other_servers_are_asked_at_once(void **state)
{
	struct world *w = make_world(1, NULL);

	(void)state;
	w->fakes[0].is_silent = true;
	wake(w);
	w->servers = 3;
	w->fakes[2].zone = two;
	resolve_set_servers(w->r, w->now, 3, all_new);
	assert_int_equal(resolve_next_deadline(w->r), w->now);
	w->fakes[0].outcome = w->fakes[1].outcome = DNS_REFUSED;
	go_to(w, w->now);
	assert_string_equal(show(w), TWO);
	assert_int_equal(w->last_done.server, 2);
	end_world(w);
}

static void
server_lists_are_parsed(void **state)
{
	struct addr servers[RESOLVE_SERVERS_MAX];
	char bad[ADDR_TEXT_BYTES], text[ADDR_TEXT_BYTES];
	const char *why;
	size_t count;

	(void)state;
	assert_true(resolve_servers_parse(
	    "[::1]:5353,127.0.0.1,[::2]", servers, &count, bad, &why));
	assert_int_equal(count, 3);
	assert_string_equal(addr_text(&servers[0], text), "[::1]:5353");
	assert_string_equal(addr_text(&servers[1], text), "127.0.0.1:53");
	assert_string_equal(addr_text(&servers[2], text), "[::2]:53");
}

static void
bad_server_lists_say_which_and_why(void **state)
{
	static const char *const bads[][2] = {
		{ "", "" },
		{ "127.0.0.1,", "" },
		{ "::1", "::1" },
		{ "127.0.0.1:53,::1:5311", "::1:5311" },
		{ "127.0.0.1:99999", "127.0.0.1:99999" },
		{ "127.0.0.1:0", "127.0.0.1:0" },
		{ "[::1", "[::1" },
		{ "[::1]x", "[::1]x" },
		{ "ns.test.com:53", "ns.test.com:53" },
		{ "unix:/tmp/x", "unix:/tmp/x" },
		{ " 127.0.0.1", " 127.0.0.1" },
	};
	struct addr servers[RESOLVE_SERVERS_MAX];
	char bad[ADDR_TEXT_BYTES];
	char many[40 * 8 + 1] = "";
	const char *why;
	size_t count, i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bads); i++) {
		why = NULL;
		assert_false(resolve_servers_parse(
		    bads[i][0], servers, &count, bad, &why));
		assert_string_equal(bad, bads[i][1]);
		assert_non_null(why);
	}
	for (i = 0; i < 33; i++)
		strcat(many, i > 0 ? ",1.1.1.1" : "1.1.1.1");
	assert_false(resolve_servers_parse(many, servers, &count, bad, &why));
	memset(many, 'x', sizeof(many) - 1);
	assert_false(resolve_servers_parse(many, servers, &count, bad, &why));
}

static void
names_of_families_and_states_are_words(void **state)
{
	enum resolve_family family = RESOLVE_ANY;

	(void)state;
	assert_true(resolve_family_parse("inet6", &family));
	assert_int_equal(family, RESOLVE_INET6);
	assert_false(resolve_family_parse("ipv6", &family));
	assert_int_equal(family, RESOLVE_INET6);
	assert_string_equal(resolve_family_name(RESOLVE_ANY), "any");
	assert_string_equal(resolve_status_name(RESOLVE_STALE), "stale");
	assert_string_equal(resolve_status_name(RESOLVE_STARTING), "none");
}

static zone_lines second[] = {
	SERVICE " 60 SRV 0 10 6002 echo002.test.com",
	"echo002.test.com 60 AAAA ::2",
	NULL,
};
#define SECOND "echo002.test.com:6002 [::2]:6002 0/10 60"

static struct world *
make_merging(zone_lines *a, zone_lines *b)
{
	struct resolve_policy policy;
	struct world *w;

	resolve_policy_default(&policy);
	policy.answers = RESOLVE_MERGE;
	w = make_world(2, &policy);
	w->fakes[0].zone = a;
	w->fakes[1].zone = b;
	wake(w);
	return w;
}

static struct resolve_origin
origin_of(const struct world *w, size_t i)
{
	struct resolve_origin origin;

	resolve_origin(w->r, i, &origin);
	return origin;
}

static void
merging_gives_the_union_of_all_servers(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(w->done, 2);
	assert_int_equal(origin_of(w, 0).server, 0);
	assert_int_equal(origin_of(w, 1).server, 1);
	/* Both name it: one backend, with the better priority. */
	w->fakes[1].zone =
	    (zone_lines[]){ SERVICE " 30 SRV 5 1 6001 echo001.test.com",
		    "echo001.test.com 60 AAAA ::1", NULL };
	go_to(w, w->now + 67 * S);
	assert_string_equal(
	    show(w), "echo001.test.com:6001 [::1]:6001 0/10 30");
	end_world(w);
}

static void
merging_waits_for_no_server_before_the_others_count(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	w->fakes[0].is_silent = true;
	answer_all(w);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	assert_int_equal(resolve_ended(w->r), 0);
	assert_true(w->published > 0);
	go_to(w, w->now + 10 * S);
	assert_int_equal(resolve_ended(w->r), 1);
	assert_string_equal(show(w), SECOND);
	end_world(w);
}

static void
merging_keeps_what_only_a_silent_server_had_named(void **state)
{
	struct world *w = make_merging(one, second);
	uint64_t silent_at;

	(void)state;
	answer_all(w);
	w->fakes[0].is_silent = true;
	go_to(w, w->now + 80 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	silent_at = origin_of(w, 0).absent_since_us;
	assert_true(silent_at <= w->now && silent_at > 0);
	assert_int_equal(origin_of(w, 0).ends_us, silent_at + 3600 * S);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_NAMED);
	assert_true(origin_of(w, 1).absent_since_us == NEVER);
	go_to(w, silent_at + 3599 * S);
	assert_string_equal(show(w), TWO);
	go_to(w, silent_at + 3600 * S);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
merging_drops_at_once_what_its_server_no_longer_names(void **state)
{
	struct world *w = make_merging(two, second);

	(void)state;
	answer_all(w);
	assert_string_equal(show(w), TWO);
	/* The other one is silent, but had never named it. */
	w->fakes[0].zone = second;
	w->fakes[1].is_silent = true;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_ended(w->r), 1);
	end_world(w);
}

static void
what_two_have_named_stays_while_one_of_them_is_silent(void **state)
{
	struct world *w = make_merging(two, two);

	(void)state;
	answer_all(w);
	w->fakes[0].zone = second;
	w->fakes[1].is_silent = true;
	go_to(w, w->now + 80 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_NAMED);
	end_world(w);
}

static void
merging_counts_the_empty_answers_of_each_server(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	w->now += 2 * S;
	(void)resolve_refresh(w->r, w->now);
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), SECOND);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
merging_with_all_servers_dead_is_as_it_always_is(void **state)
{
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	w->fakes[0].zone = w->fakes[1].zone = NULL;
	w->fakes[0].outcome = w->fakes[1].outcome = DNS_SERVFAIL;
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_STALE);
	w->fakes[0].outcome = w->fakes[1].outcome = DNS_NO_DATA;
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), "");
	assert_int_equal(resolve_status(w->r), RESOLVE_EMPTY);
	end_world(w);
}

static void
servers_are_known_again_at_another_place(void **state)
{
	static const size_t swapped[] = { 1, 0 };
	struct world *w = make_merging(one, second);

	(void)state;
	answer_all(w);
	resolve_set_servers(w->r, w->now, 2, swapped);
	assert_int_equal(origin_of(w, 0).server, 1);
	/* The one that had named the first is now the second, and silent. */
	w->fakes[0].zone = second;
	w->fakes[0].count = w->fakes[1].count = 0;
	w->fakes[1].is_silent = true;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), TWO);
	resolve_set_servers(w->r, w->now, 1, all_new);
	assert_int_equal(origin_of(w, 0).server, SIZE_MAX);
	end_world(w);
}

static const struct backend_spec saved_specs[] = {
	{ .name = "old.test.com:6001",
	    .addr = { .kind = ADDR_INET, .ip = { 127, 0, 0, 1 }, .port = 6001 },
	    .sources = SOURCE_DNS },
	{ .name = "bad.test.com:0", .addr = { .kind = ADDR_INET } },
	{ .name = "nonsense",
	    .addr = { .kind = ADDR_INET, .ip = { 127, 0, 0, 1 }, .port = 1 } },
};
#define OLD "old.test.com:6001 127.0.0.1:6001 0/0 0"

static struct world *
make_restored(void)
{
	struct world *w = make_world(1, NULL);

	resolve_restore(w->r, saved_specs, ARRAY_LEN(saved_specs));
	return w;
}

static void
what_was_saved_is_used_until_dns_speaks(void **state)
{
	const struct backend_spec *specs;
	struct world *w = make_restored();

	(void)state;
	drain(w);
	assert_int_equal(w->published, 1);
	assert_string_equal(show(w), OLD);
	assert_int_equal(resolve_backends(w->r, &specs), 1);
	assert_int_equal(specs[0].sources, SOURCE_SAVED);
	assert_int_equal(resolve_status(w->r), RESOLVE_SAVED);
	assert_string_equal(resolve_status_name(RESOLVE_SAVED), "saved");
	w->fakes[0].outcome = DNS_SERVFAIL;
	wake(w);
	answer_all(w);
	go_to(w, w->now + 100 * S);
	assert_string_equal(show(w), OLD);
	assert_int_equal(resolve_status(w->r), RESOLVE_SAVED);
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SAVED);
	assert_int_equal(origin_of(w, 0).server, SIZE_MAX);
	w->fakes[0].zone = one;
	go_to(w, w->now + 12 * S);
	assert_string_equal(show(w), ONE);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	end_world(w);
}

static void
the_same_backend_from_dns_is_no_longer_a_saved_one(void **state)
{
	static zone_lines same[] = {
		SERVICE " 0 SRV 0 0 6001 old.test.com",
		"old.test.com 0 A 127.0.0.1",
		NULL,
	};
	const struct backend_spec *specs;
	struct world *w = make_restored();

	(void)state;
	drain(w);
	w->fakes[0].zone = same;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), OLD);
	assert_int_equal(w->published, 2);
	assert_int_equal(resolve_backends(w->r, &specs), 1);
	assert_int_equal(specs[0].sources, SOURCE_DNS);
	end_world(w);
}

static void
what_was_saved_ends_as_what_was_known_does(void **state)
{
	struct world *w = make_restored();

	(void)state;
	w->fakes[0].outcome = DNS_TIME_OUT;
	wake(w);
	answer_all(w);
	go_to(w, w->now + 3599 * S);
	assert_string_equal(show(w), OLD);
	go_to(w, w->now + 2 * S);
	assert_string_equal(show(w), "");
	assert_int_equal(resolve_status(w->r), RESOLVE_FAILING);
	end_world(w);
	/* Two empty answers are two empty answers. */
	w = make_restored();
	w->fakes[0].outcome = DNS_NO_NAME;
	wake(w);
	answer_all(w);
	assert_string_equal(show(w), OLD);
	go_to(w, w->now + 12 * S);
	assert_string_equal(show(w), "");
	end_world(w);
}

static void
a_backend_says_where_it_comes_from(void **state)
{
	struct world *w = make_one(two);
	struct resolve_origin origin = origin_of(w, 1);
	uint64_t seen_us = w->now;

	(void)state;
	assert_int_equal(origin.rule, RESOLVE_RULE_NAMED);
	assert_int_equal(origin.seen_us, seen_us);
	assert_true(origin.absent_since_us == NEVER);
	assert_true(origin.ends_us == NEVER);
	assert_int_equal(origin.server, 0);
	w->fakes[0].zone = NULL;
	w->fakes[0].outcome = DNS_NO_NAME;
	go_to(w, resolve_next_deadline(w->r));
	origin = origin_of(w, 0);
	assert_int_equal(origin.rule, RESOLVE_RULE_EMPTY);
	assert_int_equal(origin.seen_us, seen_us);
	assert_int_equal(origin.absent_since_us, w->now);
	assert_int_equal(origin.ends_us, w->now + 3600 * S);
	assert_string_equal(resolve_rule_word(origin.rule), "empty");
	assert_true(strlen(resolve_rule_text(origin.rule)) > 20);
	w->fakes[0].outcome = DNS_REFUSED;
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_SILENT);
	w->fakes[0].zone = two;
	w->fakes[0].address_outcome = DNS_SERVFAIL;
	w->fakes[0].bad_name = "echo002.test.com";
	go_to(w, resolve_next_deadline(w->r));
	assert_int_equal(origin_of(w, 0).rule, RESOLVE_RULE_NAMED);
	assert_int_equal(origin_of(w, 1).rule, RESOLVE_RULE_HALF);
	end_world(w);
}

static void
any_ttl_is_a_time_to_ask_again_and_no_more(void **state)
{
	static const struct {
		const char *ttl;
		uint64_t wait;
	} rows[] = { { "0", S }, { "1", S }, { "60", 60 * S },
		{ "2147483647", 60 * S } };
	char srv[128], aaaa[128];
	const char *zone[] = { srv, aaaa, NULL };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w;

		snprintf(srv, sizeof(srv), SERVICE " %s SRV 0 10 6001 a.test",
		    rows[i].ttl);
		snprintf(aaaa, sizeof(aaaa), "a.test %s AAAA ::1", rows[i].ttl);
		w = make_one(zone);
		assert_in_range(
		    wait_of(w), rows[i].wait, rows[i].wait + rows[i].wait / 10);
		w->fakes[0].zone = NULL;
		w->fakes[0].outcome = DNS_SERVFAIL;
		go_to(w, w->now + 3000 * S);
		assert_int_equal(count_of(w), 1);
		end_world(w);
	}
}

/* One step of a world in which anything goes wrong. */
static void
wreak_havoc(struct world *w, struct rng *rng)
{
	static const char *const *const zones[] = { two, one, NULL };
	struct fake *f = &w->fakes[rng_below(rng, w->servers)];
	uint64_t dice = rng_below(rng, 100);

	if (dice < 20) {
		f->zone = zones[rng_below(rng, ARRAY_LEN(zones))];
	} else if (dice < 30) {
		f->outcome =
		    (enum dns_outcome)rng_below(rng, DNS_OUTCOME_COUNT);
	} else if (dice < 40) {
		f->is_silent = !f->is_silent;
	} else if (dice < 45) {
		f->address_outcome =
		    (enum dns_outcome)rng_below(rng, DNS_OUTCOME_COUNT);
	} else if (dice < 50) {
		(void)resolve_refresh(w->r, w->now);
	} else if (dice < 54) {
		w->policy.family = (enum resolve_family)rng_below(rng, 3);
		w->policy.answers = (enum resolve_answers)rng_below(rng, 2);
		w->policy.stale_for_us = rng_below(rng, 300) * S;
		resolve_set_policy(w->r, w->now, &w->policy);
	} else if (dice < 56) {
		w->servers = 1 + rng_below(rng, SERVERS);
		resolve_set_servers(w->r, w->now, w->servers, all_new);
	} else if (dice < 70 && f->count > 0) {
		answer_one(w, (size_t)(f - w->fakes));
	} else {
		go_to(w, w->now + rng_below(rng, 30 * S));
	}
	if (f->count > PENDING_MAX / 2)
		f->count = 0; /* lost */
	drain(w);
	resolve_check(w->r);
}

static uint64_t
run_havoc(uint64_t seed)
{
	struct world *w = make_world(2, NULL);
	uint64_t started_at, trace;
	struct rng rng;
	size_t i;

	rng_init(&rng, seed);
	for (i = 0; i < 1000; i++)
		wreak_havoc(w, &rng);
	/* Faults end: all is well again after one retry. */
	for (i = 0; i < SERVERS; i++) {
		w->fakes[i].zone = two;
		w->fakes[i].is_silent = false;
		w->fakes[i].address_outcome = DNS_RECORDS;
	}
	w->policy.family = RESOLVE_ANY;
	resolve_set_policy(w->r, w->now, &w->policy);
	started_at = w->now;
	answer_all(w);
	go_to(w, started_at + 61 * S);
	assert_string_equal(show(w), TWO);
	assert_int_equal(resolve_status(w->r), RESOLVE_OK);
	trace = w->trace;
	end_world(w);
	return trace;
}

static void
it_settles_after_any_faults_and_a_seed_repeats_itself(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 0; seed < 50; seed++)
		assert_int_equal(run_havoc(seed), run_havoc(seed));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(records_become_backends),
	cmocka_unit_test(each_address_and_each_port_is_a_backend),
	cmocka_unit_test(the_set_is_sorted_by_priority_weight_and_name),
	cmocka_unit_test(a_record_said_twice_counts_once),
	cmocka_unit_test(
	    addresses_that_came_along_are_used_and_only_the_missing_asked_for),
	cmocka_unit_test(with_all_addresses_along_one_query_is_enough),
	cmocka_unit_test(the_family_decides_what_is_asked_and_used),
	cmocka_unit_test(cnames_are_followed_and_lower_the_ttl),
	cmocka_unit_test(a_loop_of_cnames_is_no_answer),
	cmocka_unit_test(records_of_another_name_are_not_believed),
	cmocka_unit_test(it_asks_again_when_the_smallest_ttl_has_passed),
	cmocka_unit_test(a_ttl_of_0_means_each_min_query_interval),
	cmocka_unit_test(it_waits_no_longer_than_query_interval),
	cmocka_unit_test(a_hardcoded_ttl_stands_for_all),
	cmocka_unit_test(a_change_of_records_is_the_new_set),
	cmocka_unit_test(no_answer_keeps_the_last_good_set),
	cmocka_unit_test(the_last_good_set_ends_after_stale_for),
	cmocka_unit_test(a_good_answer_starts_stale_for_anew),
	cmocka_unit_test(a_stale_for_of_0_keeps_nothing_and_never_keeps_all),
	cmocka_unit_test(without_a_first_answer_it_is_failing_and_goes_on),
	cmocka_unit_test(empty_answers_in_a_row_empty_the_set),
	cmocka_unit_test(records_between_empty_answers_start_the_count_anew),
	cmocka_unit_test(failures_between_empty_answers_do_not_count),
	cmocka_unit_test(
	    with_nothing_known_an_empty_answer_is_believed_at_once),
	cmocka_unit_test(targets_without_any_address_are_an_empty_answer),
	cmocka_unit_test(the_target_dot_empties_the_set_at_once),
	cmocka_unit_test(unusable_records_are_left_out_and_counted),
	cmocka_unit_test(nothing_but_unusable_records_is_no_answer),
	cmocka_unit_test(a_set_has_a_limit_and_says_what_it_left_out),
	cmocka_unit_test(with_nothing_known_half_an_answer_is_used),
	cmocka_unit_test(targets_that_cannot_be_looked_up_keep_their_addresses),
	cmocka_unit_test(no_more_queries_than_allowed_are_in_flight),
	cmocka_unit_test(a_dead_server_does_not_delay_a_good_one),
	cmocka_unit_test(late_answers_do_nothing),
	cmocka_unit_test(handles_out_of_range_do_nothing),
	cmocka_unit_test(one_empty_server_does_not_win_over_one_with_records),
	cmocka_unit_test(one_empty_server_counts_when_all_others_fail),
	cmocka_unit_test(a_look_up_takes_no_longer_than_query_timeout),
	cmocka_unit_test(what_came_before_the_time_out_is_used),
	cmocka_unit_test(
	    half_an_answer_waits_for_no_other_server_where_nothing_is_known),
	cmocka_unit_test(of_two_halves_the_better_is_used),
	cmocka_unit_test(refresh_looks_up_now),
	cmocka_unit_test(refresh_during_a_look_up_looks_up_once_more),
	cmocka_unit_test(a_shorter_interval_counts_at_once),
	cmocka_unit_test(other_servers_are_asked_at_once),
	cmocka_unit_test(server_lists_are_parsed),
	cmocka_unit_test(bad_server_lists_say_which_and_why),
	cmocka_unit_test(names_of_families_and_states_are_words),
	cmocka_unit_test(merging_gives_the_union_of_all_servers),
	cmocka_unit_test(merging_waits_for_no_server_before_the_others_count),
	cmocka_unit_test(merging_keeps_what_only_a_silent_server_had_named),
	cmocka_unit_test(merging_drops_at_once_what_its_server_no_longer_names),
	cmocka_unit_test(what_two_have_named_stays_while_one_of_them_is_silent),
	cmocka_unit_test(merging_counts_the_empty_answers_of_each_server),
	cmocka_unit_test(merging_with_all_servers_dead_is_as_it_always_is),
	cmocka_unit_test(servers_are_known_again_at_another_place),
	cmocka_unit_test(what_was_saved_is_used_until_dns_speaks),
	cmocka_unit_test(the_same_backend_from_dns_is_no_longer_a_saved_one),
	cmocka_unit_test(what_was_saved_ends_as_what_was_known_does),
	cmocka_unit_test(a_backend_says_where_it_comes_from),
	cmocka_unit_test(any_ttl_is_a_time_to_ask_again_and_no_more),
	cmocka_unit_test(it_settles_after_any_faults_and_a_seed_repeats_itself),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
