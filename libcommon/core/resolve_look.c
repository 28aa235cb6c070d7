#include "core/resolve_look.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

/* ':', a port and the NUL. */
#define PORT_BYTES 7

enum address_state {
	ADDRESS_UNWANTED, /* not this family */
	ADDRESS_OPEN,	  /* to be asked, or asked */
	ADDRESS_KNOWN,	  /* there are some */
	ADDRESS_NONE,	  /* there are none */
	ADDRESS_FAILED,
};

/* Families as indices, in the order in which they are asked. */
static const enum dns_type families[] = { DNS_AAAA, DNS_A };

#define FAMILIES ARRAY_LEN(families)

struct look_srv {
	const char *name; /* of the target; borrowed from the target */
	size_t target;
	uint16_t priority;
	uint16_t weight;
	uint16_t port;
	uint32_t ttl_s;
};

struct look_target {
	char *name; /* owned */
	enum address_state states[FAMILIES];
	size_t first_ip; /* its addresses, once they are sorted */
	size_t ip_count;
};

struct look_ip {
	size_t target;
	enum dns_type type;
	uint32_t ttl_s;
	uint8_t ip[16];
};

static uint32_t
min_ttl(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static size_t
family_index(enum dns_type type)
{
	ASSERT(type == DNS_AAAA || type == DNS_A);
	return type == DNS_AAAA ? 0 : 1;
}

static bool
is_wanted(enum dns_type type, enum resolve_family family)
{
	return family == RESOLVE_ANY ||
	       (type == DNS_AAAA) == (family == RESOLVE_INET6);
}

void
look_fini(struct look *look)
{
	size_t i;

	for (i = 0; i < look->target_count; i++)
		free(look->targets[i].name);
	free(look->srvs);
	free(look->targets);
	free(look->ips);
	memset(look, 0, sizeof(*look));
}

void
look_begin(struct look *look)
{
	look_fini(look);
	look->state = LOOK_SRV;
	look->open = 1;
	look->bad_outcome = DNS_RECORDS;
}

bool
look_next(struct look *look, struct look_question *question)
{
	struct look_target *target;
	size_t i;

	if (look->state == LOOK_SRV && !look->is_srv_asked) {
		look->is_srv_asked = true;
		*question = (struct look_question){ .type = DNS_SRV };
		return true;
	}
	if (look->state != LOOK_ADDRESSES)
		return false;
	while (look->next < look->target_count * FAMILIES) {
		i = look->next++;
		target = &look->targets[i / FAMILIES];
		if (target->states[i % FAMILIES] != ADDRESS_OPEN)
			continue;
		question->type = families[i % FAMILIES];
		question->target = i / FAMILIES;
		return true;
	}
	return false;
}

const char *
look_name(
    const struct look *look, const char *service, struct look_question question)
{
	if (question.type == DNS_SRV)
		return service;
	ASSERT(question.target < look->target_count);
	return look->targets[question.target].name;
}

static void
note_bad(
    struct look *look, struct look_question question, enum dns_outcome outcome)
{
	if (look->bad_outcome != DNS_RECORDS)
		return;
	look->bad_outcome = outcome;
	look->bad = question;
}

static void
end_failed(struct look *look, enum dns_outcome outcome)
{
	note_bad(look, (struct look_question){ .type = DNS_SRV }, outcome);
	look->outcome = outcome;
	look->state = LOOK_ENDED;
	look->open = 0;
}

static int
compare_ips(const void *a, const void *b)
{
	const struct look_ip *x = a;
	const struct look_ip *y = b;

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return memcmp(x->ip, y->ip, sizeof(x->ip));
}

/* Sorts the addresses, drops those said twice, and tells each target where its
 * own are. */
static void
sort_ips(struct look *look)
{
	struct look_target *target;
	size_t kept = 0;
	size_t i;

	if (look->ip_count == 0)
		return;
	qsort(look->ips, look->ip_count, sizeof(*look->ips), compare_ips);
	for (i = 0; i < look->ip_count; i++) {
		if (kept > 0 &&
		    compare_ips(&look->ips[kept - 1], &look->ips[i]) == 0)
			continue;
		target = &look->targets[look->ips[i].target];
		if (target->ip_count++ == 0)
			target->first_ip = kept;
		look->ips[kept++] = look->ips[i];
	}
	look->ip_count = kept;
}

/* All questions for addresses are answered. */
static void
end_addresses(struct look *look)
{
	ASSERT(look->state == LOOK_ADDRESSES && look->open == 0);
	sort_ips(look);
	look->state = LOOK_ENDED;
	if (look->ip_count > 0)
		look->outcome = DNS_RECORDS;
	else if (look->missing > 0)
		look->outcome = look->bad_outcome;
	else
		look->outcome = DNS_NO_DATA;
	if (look->outcome != DNS_RECORDS && look->missing == 0)
		note_bad(look, (struct look_question){ .type = families[0] },
		    DNS_NO_DATA);
}

static int
compare_srvs(const void *a, const void *b)
{
	const struct look_srv *x = a;
	const struct look_srv *y = b;
	int by_name = strcmp(x->name, y->name);

	if (by_name != 0)
		return by_name;
	return (x->port > y->port) - (x->port < y->port);
}

/* Of two records with one target and port, the one of lower priority, then of
 * higher weight, comes first and stays. */
static int
compare_srvs_all(const void *a, const void *b)
{
	const struct look_srv *x = a;
	const struct look_srv *y = b;
	int c = compare_srvs(a, b);

	if (c == 0)
		c = (x->priority > y->priority) - (x->priority < y->priority);
	if (c == 0)
		c = (x->weight < y->weight) - (x->weight > y->weight);
	return c;
}

static bool
is_usable(const struct dns_record *rec)
{
	return rec->port != 0 && strcmp(rec->target, ".") != 0 &&
	       strlen(rec->target) + PORT_BYTES <= BACKEND_NAME_BYTES;
}

/* Takes the usable SRV records of owner; the number of records with the target
 * "." is the result. */
static size_t
collect_srvs(struct look *look, const struct dns_answer *answer,
    const char *owner, uint32_t ttl_s)
{
	const struct dns_record *rec;
	size_t dots = 0;
	size_t i;

	look->srvs = mem_new(answer->count, sizeof(*look->srvs));
	for (i = 0; i < answer->count; i++) {
		rec = &answer->records[i];
		if (rec->type != DNS_SRV || rec->is_additional ||
		    strcmp(rec->owner, owner) != 0)
			continue;
		if (strcmp(rec->target, ".") == 0)
			dots++;
		if (!is_usable(rec)) {
			look->left_out++;
			continue;
		}
		look->srvs[look->srv_count++] = (struct look_srv){
			.name = rec->target,
			.priority = rec->priority,
			.weight = rec->weight,
			.port = rec->port,
			.ttl_s = min_ttl(ttl_s, rec->ttl_s),
		};
	}
	return dots;
}

static void
sort_srvs(struct look *look)
{
	size_t kept = 0;
	size_t i;

	qsort(
	    look->srvs, look->srv_count, sizeof(*look->srvs), compare_srvs_all);
	for (i = 0; i < look->srv_count; i++) {
		if (kept > 0 &&
		    compare_srvs(&look->srvs[kept - 1], &look->srvs[i]) == 0)
			continue;
		look->srvs[kept++] = look->srvs[i];
	}
	look->srv_count = kept;
}

/* One target for each name in the sorted records. */
static void
make_targets(struct look *look, enum resolve_family family)
{
	struct look_target *target = NULL;
	struct look_srv *srv;
	size_t i, f;

	look->targets = mem_new(look->srv_count, sizeof(*look->targets));
	for (i = 0; i < look->srv_count; i++) {
		srv = &look->srvs[i];
		if (target == NULL || strcmp(target->name, srv->name) != 0) {
			target = &look->targets[look->target_count++];
			target->name = mem_strdup(srv->name);
			for (f = 0; f < FAMILIES; f++) {
				if (is_wanted(families[f], family))
					target->states[f] = ADDRESS_OPEN;
			}
		}
		srv->target = look->target_count - 1;
		srv->name = target->name;
	}
}

static void
add_ip(struct look *look, size_t target, const struct dns_record *rec,
    uint32_t ttl_s)
{
	size_t cap = look->ip_cap > 0 ? 2 * look->ip_cap : 8;
	struct look_ip *ip;

	if (look->ip_count >= RESOLVE_BACKENDS_MAX) {
		look->left_out++;
		return;
	}
	if (look->ip_count == look->ip_cap) {
		look->ips =
		    mem_grow(look->ips, look->ip_cap, cap, sizeof(*look->ips));
		look->ip_cap = cap;
	}
	ip = &look->ips[look->ip_count++];
	ip->target = target;
	ip->type = rec->type;
	ip->ttl_s = min_ttl(ttl_s, rec->ttl_s);
	memcpy(ip->ip, rec->ip, rec->type == DNS_AAAA ? 16 : 4);
}

static int
compare_target(const void *name, const void *target)
{
	return strcmp(name, ((const struct look_target *)target)->name);
}

/* Addresses of targets that came along with the SRV records. */
static void
use_additional(struct look *look, const struct dns_answer *answer)
{
	const struct dns_record *rec;
	struct look_target *target;
	size_t i, f;

	for (i = 0; i < answer->count; i++) {
		rec = &answer->records[i];
		if (!rec->is_additional ||
		    (rec->type != DNS_AAAA && rec->type != DNS_A))
			continue;
		target = bsearch(rec->owner, look->targets, look->target_count,
		    sizeof(*target), compare_target);
		f = family_index(rec->type);
		if (target == NULL || target->states[f] == ADDRESS_UNWANTED)
			continue;
		add_ip(
		    look, (size_t)(target - look->targets), rec, DNS_TTL_MAX);
		target->states[f] = ADDRESS_KNOWN;
	}
}

static size_t
count_open(const struct look *look)
{
	size_t open = 0;
	size_t i;

	for (i = 0; i < look->target_count * FAMILIES; i++) {
		if (look->targets[i / FAMILIES].states[i % FAMILIES] ==
		    ADDRESS_OPEN)
			open++;
	}
	return open;
}

/* The service has records, but none that names a backend. */
static void
end_without_srv(struct look *look, size_t dots)
{
	if (dots > 0 && look->left_out == dots) {
		look->state = LOOK_ENDED;
		look->outcome = DNS_RECORDS;
		look->is_none = true;
		look->left_out = 0;
		look->open = 0;
		return;
	}
	end_failed(look, look->left_out > 0 ? DNS_UNUSABLE : DNS_NO_DATA);
}

static void
on_srv(struct look *look, const char *service, const struct dns_answer *answer,
    enum resolve_family family)
{
	uint32_t ttl_s = DNS_TTL_MAX;
	const char *owner = dns_answer_follow(answer, service, &ttl_s);
	size_t dots;

	if (owner == NULL) {
		end_failed(look, DNS_GARBAGE);
		return;
	}
	dots = collect_srvs(look, answer, owner, ttl_s);
	if (look->srv_count == 0) {
		end_without_srv(look, dots);
		return;
	}
	sort_srvs(look);
	make_targets(look, family);
	use_additional(look, answer);
	look->state = LOOK_ADDRESSES;
	look->open = count_open(look);
	if (look->open == 0)
		end_addresses(look);
}

/* Takes the addresses at the end of the CNAMEs; how the question ended. */
static enum dns_outcome
take_addresses(struct look *look, struct look_question question,
    const struct dns_answer *answer)
{
	const char *name = look->targets[question.target].name;
	enum dns_outcome outcome = DNS_NO_DATA;
	const struct dns_record *rec;
	uint32_t ttl_s = DNS_TTL_MAX;
	size_t i;

	if (answer->outcome != DNS_RECORDS)
		return answer->outcome;
	name = dns_answer_follow(answer, name, &ttl_s);
	if (name == NULL)
		return DNS_GARBAGE;
	for (i = 0; i < answer->count; i++) {
		rec = &answer->records[i];
		if (rec->type != question.type || rec->is_additional ||
		    strcmp(rec->owner, name) != 0)
			continue;
		add_ip(look, question.target, rec, ttl_s);
		outcome = DNS_RECORDS;
	}
	return outcome;
}

static void
close_question(
    struct look *look, struct look_question question, enum dns_outcome outcome)
{
	enum address_state *state =
	    &look->targets[question.target].states[family_index(question.type)];

	ASSERT(*state == ADDRESS_OPEN && look->open > 0);
	look->open--;
	if (outcome == DNS_RECORDS) {
		*state = ADDRESS_KNOWN;
	} else if (outcome == DNS_NO_DATA || outcome == DNS_NO_NAME) {
		*state = ADDRESS_NONE;
	} else {
		*state = ADDRESS_FAILED;
		look->missing++;
		note_bad(look, question, outcome);
	}
}

void
look_on_answer(struct look *look, const char *service,
    struct look_question question, const struct dns_answer *answer,
    enum resolve_family family)
{
	enum dns_outcome outcome = answer->outcome;

	if (question.type == DNS_SRV) {
		ASSERT(look->state == LOOK_SRV);
		if (outcome == DNS_RECORDS)
			on_srv(look, service, answer, family);
		else
			end_failed(look, outcome);
		return;
	}
	ASSERT(look->state == LOOK_ADDRESSES);
	outcome = take_addresses(look, question, answer);
	close_question(look, question, outcome);
	if (look->open == 0)
		end_addresses(look);
}

void
look_give_up(struct look *look, enum dns_outcome outcome)
{
	struct look_question question;
	size_t i;

	if (look->state == LOOK_SRV)
		end_failed(look, outcome);
	if (look->state != LOOK_ADDRESSES)
		return;
	for (i = 0; i < look->target_count * FAMILIES; i++) {
		question.target = i / FAMILIES;
		question.type = families[i % FAMILIES];
		if (look->targets[question.target].states[i % FAMILIES] ==
		    ADDRESS_OPEN)
			close_question(look, question, outcome);
	}
	end_addresses(look);
}

/* TARGET:PORT into buf (BACKEND_NAME_BYTES), which is_usable made sure of. */
static void
name_backend(const struct look_srv *srv, char *buf)
{
	struct text t;

	text_init(&t, buf, BACKEND_NAME_BYTES);
	text_add(&t, srv->name);
	text_add_char(&t, ':');
	text_add_u64(&t, srv->port);
	ASSERT(!t.is_cut);
}

static struct backend_spec
make_spec(
    const char *name, const struct look_srv *srv, const struct look_ip *ip)
{
	struct backend_spec spec = {
		.name = name,
		.addr.kind = ip->type == DNS_AAAA ? ADDR_INET6 : ADDR_INET,
		.addr.port = srv->port,
		.priority = srv->priority,
		.weight = srv->weight,
		.ttl_s = min_ttl(srv->ttl_s, ip->ttl_s),
		.sources = SOURCE_DNS,
	};

	memcpy(spec.addr.ip, ip->ip, sizeof(ip->ip));
	return spec;
}

size_t
look_add_found(struct look *look, const uint32_t *ttl_s,
    const struct resolve_item *like, struct resolve_set *set)
{
	const struct look_target *target;
	struct resolve_item item = *like;
	char name[BACKEND_NAME_BYTES];
	size_t before = set->count;
	size_t i, k;

	ASSERT(look->state == LOOK_ENDED);
	for (i = 0; i < look->srv_count; i++) {
		target = &look->targets[look->srvs[i].target];
		name_backend(&look->srvs[i], name);
		for (k = 0; k < target->ip_count; k++) {
			item.spec = make_spec(name, &look->srvs[i],
			    &look->ips[target->first_ip + k]);
			if (ttl_s != NULL)
				item.spec.ttl_s = *ttl_s;
			if (!resolve_set_add(set, &item))
				look->left_out++;
		}
	}
	return set->count - before;
}

/* The record that names this backend now, or NULL. */
static const struct look_srv *
find_srv(const struct look *look, const struct backend_spec *spec)
{
	char target[BACKEND_NAME_BYTES];
	struct look_srv key = { .name = target, .port = spec->addr.port };
	const char *colon = strrchr(spec->name, ':');
	size_t len = (size_t)(colon - spec->name);

	ASSERT(colon != NULL && len < sizeof(target));
	memcpy(target, spec->name, len);
	target[len] = '\0';
	return bsearch(
	    &key, look->srvs, look->srv_count, sizeof(key), compare_srvs);
}

void
look_add_kept(const struct look *look, const struct resolve_set *old,
    uint64_t now_us, struct resolve_set *set)
{
	const struct look_srv *srv;
	struct resolve_item item;
	size_t i, f;

	if (look->missing == 0)
		return;
	for (i = 0; i < old->count; i++) {
		item = old->items[i];
		srv = find_srv(look, &item.spec);
		f = item.spec.addr.kind == ADDR_INET6 ? 0 : 1;
		if (srv == NULL ||
		    look->targets[srv->target].states[f] != ADDRESS_FAILED)
			continue;
		item.spec.priority = srv->priority;
		item.spec.weight = srv->weight;
		if (item.stale_since_us == NEVER)
			item.stale_since_us = now_us;
		if (item.rule != RESOLVE_RULE_SAVED)
			item.rule = RESOLVE_RULE_HALF;
		/* A full set leaves out the old ones first. */
		if (!resolve_set_add(set, &item))
			return;
	}
}
