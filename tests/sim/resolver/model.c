/*
 * What the set of backends must be, from the answers given alone; see sim.h.
 * Written from what the resolver promises, over small arrays, without a thought
 * for speed.
 */

#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SAVED_BY UINT32_MAX

static uint32_t
min_ttl(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint64_t
min_us(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
max_us(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* --- sets ------------------------------------------------------------------
 */

static struct item *
find(struct items *items, const struct item *like)
{
	for (unsigned i = 0; i < items->count; i++) {
		struct item *it = &items->items[i];

		if (strcmp(it->name, like->name) == 0 &&
		    addr_equal(&it->spec.addr, &like->spec.addr))
			return it;
	}
	return NULL;
}

/* The worse, the less it counts beside another of its name and address. */
static unsigned
doubt(const struct item *it)
{
	return (it->since_us != NEVER ? 2 : 0) +
	       (it->rule == RESOLVE_RULE_SAVED ? 1 : 0);
}

static bool
is_better(const struct item *a, const struct item *b)
{
	if (doubt(a) != doubt(b))
		return doubt(a) < doubt(b);
	if (a->spec.priority != b->spec.priority)
		return a->spec.priority < b->spec.priority;
	return a->spec.weight > b->spec.weight;
}

/* Adds one, or makes one of it and what is there. */
static void
unite(struct items *items, const struct item *it)
{
	struct item *old = find(items, it);
	struct item merged;

	if (old == NULL) {
		ASSERT(items->count < ITEMS_MAX);
		items->items[items->count++] = *it;
		return;
	}
	merged = is_better(it, old) ? *it : *old;
	merged.servers = it->servers | old->servers;
	if (doubt(it) == doubt(old))
		merged.spec.ttl_s = min_ttl(it->spec.ttl_s, old->spec.ttl_s);
	*old = merged;
}

static int
compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	struct backend_spec s = x->spec, t = y->spec;

	s.name = x->name;
	t.name = y->name;
	return resolve_spec_compare(&s, &t);
}

void
items_sort(struct items *items)
{
	if (items->count > 0)
		qsort(items->items, items->count, sizeof(items->items[0]),
		    compare);
	for (unsigned i = 0; i < items->count; i++)
		items->items[i].spec.name = items->items[i].name;
}

static void
remove_at(struct items *items, unsigned i)
{
	items->items[i] = items->items[--items->count];
}

/* --- what a server said ----------------------------------------------------
 */

static bool
is_wanted(unsigned family, const struct resolve_policy *policy)
{
	return policy->family == RESOLVE_ANY ||
	       (policy->family == RESOLVE_INET6) == (family == V6);
}

/* Of the records with one target and port, is this the one that counts? */
static bool
is_chosen(const struct zone *z, unsigned at)
{
	const struct zone_srv *s = &z->srvs[at];

	for (unsigned i = 0; i < z->srv_count; i++) {
		const struct zone_srv *o = &z->srvs[i];

		if (o->target == s->target && o->port == s->port &&
		    o->priority < s->priority)
			return false;
	}
	return s->port != 0;
}

static struct item
make_item(const struct zone *z, const struct zone_srv *srv,
    const struct zone_target *t, unsigned family, unsigned i)
{
	struct item it = { .since_us = NEVER, .rule = RESOLVE_RULE_NAMED };
	char target[NAME_BYTES];

	zone_target_name(srv->target, target);
	(void)snprintf(it.name, sizeof(it.name), "%.20s:%u", target, srv->port);
	it.spec.addr = zone_addr(family, t->ips[family][i], srv->port);
	it.spec.priority = srv->priority;
	it.spec.weight = srv->weight;
	it.spec.ttl_s = min_ttl(srv->ttl_s, t->ttl_s[family]);
	if (z->has_cname)
		it.spec.ttl_s = min_ttl(it.spec.ttl_s, z->cname_ttl_s);
	it.spec.sources = SOURCE_DNS;
	return it;
}

static void
hardcode(struct item *it, const struct resolve_policy *policy)
{
	if (policy->hardcoded_ttl_us != NEVER)
		it->spec.ttl_s = (uint32_t)(policy->hardcoded_ttl_us / S);
}

/* What a server in good order would say in the end. */
void
model_truth(const struct zone *z, const struct resolve_policy *policy,
    struct items *items)
{
	items->count = 0;
	for (unsigned i = 0; i < z->srv_count; i++) {
		const struct zone_target *t = &z->targets[z->srvs[i].target];

		for (unsigned f = 0; f < FAMILIES; f++) {
			if (!is_chosen(z, i) || !is_wanted(f, policy))
				continue;
			for (unsigned k = 0; k < t->ip_count[f]; k++) {
				struct item it =
				    make_item(z, &z->srvs[i], t, f, k);

				unite(items, &it);
			}
		}
	}
	items_sort(items);
}

static bool
has_answer(const struct part *p)
{
	return p->state == PART_ENDED && p->outcome == DNS_RECORDS;
}

static bool
is_empty(const struct part *p)
{
	return p->state == PART_ENDED &&
	       (p->outcome == DNS_NO_NAME || p->outcome == DNS_NO_DATA);
}

/* Adds what a server named, and remembers the smallest TTL. */
static void
add_found(
    struct model *m, unsigned server, uint64_t now_us, struct items *items)
{
	const struct part *p = &m->parts[server];

	for (unsigned i = 0; i < p->zone.srv_count; i++) {
		const struct zone_srv *srv = &p->zone.srvs[i];
		const struct zone_target *t = &p->found[srv->target];

		if (!is_chosen(&p->zone, i))
			continue;
		for (unsigned f = 0; f < FAMILIES; f++) {
			for (unsigned k = 0; k < t->ip_count[f]; k++) {
				struct item it =
				    make_item(&p->zone, srv, t, f, k);

				hardcode(&it, &m->policy);
				it.seen_us = now_us;
				it.servers = UINT32_C(1) << server;
				m->ttl_s = min_ttl(m->ttl_s, it.spec.ttl_s);
				unite(items, &it);
			}
		}
	}
}

static const struct zone_srv *
srv_of(const struct part *p, const struct item *it)
{
	char target[NAME_BYTES];
	size_t len;

	for (unsigned i = 0; i < p->zone.srv_count; i++) {
		zone_target_name(p->zone.srvs[i].target, target);
		len = strlen(target);
		if (is_chosen(&p->zone, i) &&
		    strncmp(it->name, target, len) == 0 &&
		    it->name[len] == ':' &&
		    it->spec.addr.port == p->zone.srvs[i].port)
			return &p->zone.srvs[i];
	}
	return NULL;
}

/* Adds what is kept because a server named its target but could not say where
 * it is. */
static void
add_half(
    const struct model *m, unsigned server, uint64_t now_us, struct items *to)
{
	const struct part *p = &m->parts[server];

	for (unsigned i = 0; i < m->set.count; i++) {
		struct item it = m->set.items[i];
		const struct zone_srv *srv = srv_of(p, &it);
		unsigned f = it.spec.addr.kind == ADDR_INET6 ? V6 : V4;

		if (srv == NULL || p->targets[srv->target][f] != TARGET_FAILED)
			continue;
		it.spec.priority = srv->priority;
		it.spec.weight = srv->weight;
		it.since_us = min_us(it.since_us, now_us);
		if (it.rule != RESOLVE_RULE_SAVED)
			it.rule = RESOLVE_RULE_HALF;
		unite(to, &it);
	}
}

/* --- what that makes of the set --------------------------------------------
 */

uint64_t
model_expiry(const struct model *m)
{
	uint64_t first = NEVER;

	for (unsigned i = 0; i < m->set.count; i++)
		first = min_us(first, time_after(m->set.items[i].since_us,
					  m->policy.stale_for_us));
	return first;
}

static void
settle(struct model *m)
{
	bool has_saved = false, has_stale = false;

	for (unsigned i = 0; i < m->set.count; i++) {
		has_saved |= m->set.items[i].rule == RESOLVE_RULE_SAVED;
		has_stale |= m->set.items[i].since_us != NEVER;
	}
	if (has_saved)
		m->status = RESOLVE_SAVED;
	else if (has_stale)
		m->status = RESOLVE_STALE;
	else if (m->set.count > 0)
		m->status = RESOLVE_OK;
	else
		m->status =
		    m->verdict == EMPTY ? RESOLVE_EMPTY : RESOLVE_FAILING;
}

static void
expire(struct model *m, uint64_t now_us)
{
	for (unsigned i = 0; i < m->set.count;) {
		if (time_after(m->set.items[i].since_us,
			m->policy.stale_for_us) <= now_us)
			remove_at(&m->set, i);
		else
			i++;
	}
	settle(m);
}

static void
keep(struct model *m, uint64_t now_us, enum resolve_rule rule)
{
	for (unsigned i = 0; i < m->set.count; i++) {
		struct item *it = &m->set.items[i];

		it->since_us = min_us(it->since_us, now_us);
		if (it->rule != RESOLVE_RULE_SAVED)
			it->rule = rule;
	}
	expire(m, now_us);
}

/* A server that has not said anything, or not often enough that there is
 * nothing, does not take away what it had named. */
static bool
is_undecided(const struct model *m, const struct part *p)
{
	if (has_answer(p))
		return false;
	return !is_empty(p) || p->empty_run < m->policy.empty_answers;
}

static void
merge(struct model *m, uint64_t now_us, bool is_end)
{
	struct items found = { 0 };
	uint32_t open = 0, silent = 0;

	m->ttl_s = DNS_TTL_MAX;
	for (unsigned i = 0; i < m->servers; i++) {
		if (is_undecided(m, &m->parts[i]))
			open |= UINT32_C(1) << i;
		if (!is_empty(&m->parts[i]))
			silent |= UINT32_C(1) << i;
		if (!has_answer(&m->parts[i]) || m->parts[i].is_dot)
			continue;
		add_found(m, i, now_us, &found);
		add_half(m, i, now_us, &found);
	}
	for (unsigned i = 0; i < m->set.count; i++) {
		struct item it = m->set.items[i];

		if ((it.servers & open) == 0)
			continue;
		if (it.servers != SAVED_BY)
			it.servers &= open;
		if (is_end) {
			it.since_us = min_us(it.since_us, now_us);
			if (it.rule != RESOLVE_RULE_SAVED)
				it.rule = (it.servers & silent) != 0
					      ? RESOLVE_RULE_SILENT
					      : RESOLVE_RULE_EMPTY;
		}
		unite(&found, &it);
	}
	if (is_end || found.count > 0)
		m->set = found;
}

static int
best_answer(const struct model *m)
{
	int best = -1;

	for (unsigned i = 0; i < m->servers; i++) {
		if (has_answer(&m->parts[i]) &&
		    (best < 0 || m->parts[i].missing < m->parts[best].missing))
			best = (int)i;
	}
	return best;
}

static void
take_first(struct model *m, unsigned server, uint64_t now_us)
{
	struct part *p = &m->parts[server];
	struct items found = { 0 };

	if (p->is_dot) {
		m->verdict = EMPTY;
		m->set.count = 0;
		return;
	}
	m->verdict = p->missing > 0 ? PARTIAL : WHOLE;
	m->ttl_s = DNS_TTL_MAX;
	add_found(m, server, now_us, &found);
	add_half(m, server, now_us, &found);
	m->set = found;
}

static void
take_all(struct model *m, uint64_t now_us)
{
	m->verdict = WHOLE;
	for (unsigned i = 0; i < m->servers; i++) {
		if (!has_answer(&m->parts[i]) || m->parts[i].missing > 0)
			m->verdict = PARTIAL;
	}
	merge(m, now_us, true);
	if (m->set.count == 0)
		m->verdict = EMPTY;
}

/* How soon, and how late, the next look-up may begin. */
static void
plan(struct model *m, uint64_t *least, uint64_t *most)
{
	const struct resolve_policy *p = &m->policy;
	uint64_t ttl_us =
	    p->hardcoded_ttl_us != NEVER ? p->hardcoded_ttl_us : m->ttl_s * S;
	uint64_t wait, longest = NEVER;

	if (m->verdict == WHOLE || m->verdict == PARTIAL) {
		longest = p->query_interval_us;
		wait = m->verdict == WHOLE ? ttl_us
					   : min_us(ttl_us, p->query_retry_us);
	} else {
		wait = p->query_retry_us;
	}
	wait = max_us(min_us(wait, longest), p->min_query_interval_us);
	*least = time_after(m->last_end_us, wait);
	*most = time_after(
	    m->last_end_us, min_us(wait + wait / 10, max_us(longest, wait)));
}

static void
end_lookup(struct model *m, uint64_t now_us)
{
	int best = best_answer(m);
	bool has_empty = false;

	for (unsigned i = 0; i < m->servers; i++) {
		struct part *p = &m->parts[i];

		has_empty |= is_empty(p);
		if (has_answer(p))
			p->empty_run = 0;
		else if (is_empty(p) && p->empty_run < m->policy.empty_answers)
			p->empty_run++;
	}
	m->is_looking = false;
	m->ended = m->started;
	m->last_end_us = now_us;
	if (best >= 0) {
		m->empty_run = 0;
		if (m->policy.answers == RESOLVE_MERGE)
			take_all(m, now_us);
		else
			take_first(m, (unsigned)best, now_us);
		settle(m);
	} else if (has_empty) {
		m->verdict = EMPTY;
		if (m->empty_run < m->policy.empty_answers)
			m->empty_run++;
		if (m->empty_run < m->policy.empty_answers)
			keep(m, now_us, RESOLVE_RULE_EMPTY);
		else if (m->policy.answers == RESOLVE_MERGE)
			merge(m, now_us, true);
		else
			m->set.count = 0;
		expire(m, now_us);
	} else {
		m->verdict = FAILED;
		keep(m, now_us, RESOLVE_RULE_SILENT);
	}
	plan(m, &m->next_least_us, &m->next_most_us);
	if (m->is_wanted_again)
		m->next_least_us = m->next_most_us = now_us;
	m->is_wanted_again = false;
}

/* A server has said all: is that the end of the look-up? */
static void
judge(struct model *m, uint64_t now_us)
{
	bool have_all = true;
	int best = best_answer(m);

	for (unsigned i = 0; i < m->servers; i++)
		have_all &= m->parts[i].state == PART_ENDED;
	if (m->policy.answers == RESOLVE_MERGE) {
		if (!have_all && best >= 0) {
			merge(m, now_us, false);
			if (m->set.count > 0)
				settle(m);
		}
	} else if (best >= 0 &&
		   (m->parts[best].missing == 0 || m->set.count == 0)) {
		have_all = true;
	}
	if (have_all)
		end_lookup(m, now_us);
}

/* --- a server's part -------------------------------------------------------
 */

static void
end_part(struct part *p, enum dns_outcome outcome)
{
	p->state = PART_ENDED;
	p->outcome = outcome;
}

static unsigned
count_ips(const struct part *p)
{
	unsigned count = 0;

	for (unsigned i = 0; i < TARGETS; i++) {
		for (unsigned f = 0; f < FAMILIES; f++)
			count += p->found[i].ip_count[f];
	}
	return count;
}

static bool
is_open(enum target_state state)
{
	return state == TARGET_OPEN || state == TARGET_ASKED;
}

static void
end_if_all_is_said(struct part *p)
{
	for (unsigned i = 0; i < TARGETS; i++) {
		for (unsigned f = 0; f < FAMILIES; f++) {
			if (is_open(p->targets[i][f]))
				return;
		}
	}
	if (count_ips(p) > 0)
		end_part(p, DNS_RECORDS);
	else
		end_part(p, p->missing > 0 ? DNS_SERVFAIL : DNS_NO_DATA);
}

static void
take_ips(struct part *p, unsigned target, unsigned family,
    const struct zone_target *t, bool is_asked)
{
	struct zone_target *found = &p->found[target];

	found->ip_count[family] = t->ip_count[family];
	memcpy(found->ips[family], t->ips[family], sizeof(t->ips[family]));
	found->ttl_s[family] = t->ttl_s[family];
	if (is_asked && t->has_cname)
		found->ttl_s[family] =
		    min_ttl(t->ttl_s[family], t->cname_ttl_s);
	p->targets[target][family] = TARGET_KNOWN;
}

static void
on_srv(struct model *m, struct part *p, const struct reply *reply)
{
	const struct zone *z = &reply->zone;
	unsigned usable = 0;

	if (reply->outcome != DNS_RECORDS) {
		end_part(p, reply->outcome);
		return;
	}
	p->zone = *z;
	p->state = PART_ADDRESSES;
	for (unsigned i = 0; i < z->srv_count; i++) {
		const struct zone_srv *srv = &z->srvs[i];

		if (srv->port == 0)
			continue;
		usable++;
		for (unsigned f = 0; f < FAMILIES; f++) {
			if (!is_wanted(f, &m->policy))
				continue;
			p->targets[srv->target][f] = TARGET_OPEN;
			if (reply->comes_along[srv->target][f])
				take_ips(p, srv->target, f,
				    &z->targets[srv->target], false);
		}
	}
	if (usable > 0) {
		end_if_all_is_said(p);
		return;
	}
	p->is_dot = z->has_dot && z->srv_count == 0;
	end_part(p, p->is_dot ? DNS_RECORDS : DNS_GARBAGE);
}

static void
on_address(struct part *p, struct question q, const struct reply *reply)
{
	unsigned f = q.type == DNS_AAAA ? V6 : V4;
	enum target_state *state = &p->targets[q.target][f];

	if (reply->outcome == DNS_RECORDS) {
		take_ips(p, q.target, f, &reply->zone.targets[q.target], true);
	} else if (reply->outcome == DNS_NO_NAME ||
		   reply->outcome == DNS_NO_DATA) {
		*state = TARGET_NONE;
	} else {
		*state = TARGET_FAILED;
		p->missing++;
	}
	end_if_all_is_said(p);
}

void
model_on_reply(struct model *m, uint64_t now_us, unsigned server,
    struct question q, const struct reply *reply)
{
	struct part *p = &m->parts[server];

	p->in_flight--;
	if (q.type == DNS_SRV)
		on_srv(m, p, reply);
	else
		on_address(p, q, reply);
	if (p->state == PART_ENDED)
		judge(m, now_us);
}

/* The time of a look-up is over. */
static void
give_up(struct part *p)
{
	if (p->state == PART_SRV)
		end_part(p, DNS_TIME_OUT);
	if (p->state != PART_ADDRESSES)
		return;
	for (unsigned i = 0; i < TARGETS; i++) {
		for (unsigned f = 0; f < FAMILIES; f++) {
			if (!is_open(p->targets[i][f]))
				continue;
			p->targets[i][f] = TARGET_FAILED;
			p->missing++;
		}
	}
	end_if_all_is_said(p);
}

/* --- events ----------------------------------------------------------------
 */

void
model_init(
    struct model *m, unsigned servers, const struct resolve_policy *policy)
{
	memset(m, 0, sizeof(*m));
	m->policy = *policy;
	m->servers = servers;
}

void
model_restore(struct model *m, const struct backend_spec *specs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct item it = { .spec = specs[i],
			.since_us = NEVER,
			.servers = SAVED_BY,
			.rule = RESOLVE_RULE_SAVED };

		(void)snprintf(it.name, sizeof(it.name), "%s", specs[i].name);
		it.spec.sources = SOURCE_SAVED;
		unite(&m->set, &it);
	}
	if (count > 0)
		settle(m);
}

void
model_begin(struct model *m, uint64_t now_us)
{
	m->is_looking = true;
	m->started++;
	m->end_us = time_after(now_us, m->policy.query_timeout_us);
	for (unsigned i = 0; i < m->servers; i++) {
		unsigned run = m->parts[i].empty_run;

		memset(&m->parts[i], 0, sizeof(m->parts[i]));
		m->parts[i].state = PART_SRV;
		m->parts[i].empty_run = run;
	}
}

void
model_on_time(struct model *m, uint64_t now_us)
{
	if (now_us >= model_expiry(m))
		expire(m, now_us);
	if (!m->is_looking || now_us < m->end_us)
		return;
	for (unsigned i = 0; i < m->servers; i++)
		give_up(&m->parts[i]);
	end_lookup(m, now_us);
}

void
model_refresh(struct model *m, uint64_t now_us)
{
	if (m->is_looking) {
		m->is_wanted_again = true;
		return;
	}
	m->next_least_us = min_us(m->next_least_us, now_us);
	m->next_most_us = min_us(m->next_most_us, now_us);
}

void
model_set_policy(
    struct model *m, uint64_t now_us, const struct resolve_policy *policy)
{
	bool is_other = policy->family != m->policy.family ||
			policy->answers != m->policy.answers ||
			policy->hardcoded_ttl_us != m->policy.hardcoded_ttl_us;
	uint64_t least, most;

	m->policy = *policy;
	if (m->verdict != NOTHING)
		settle(m);
	if (is_other) {
		model_refresh(m, now_us);
	} else if (!m->is_looking && m->verdict != NOTHING) {
		plan(m, &least, &most);
		m->next_least_us = min_us(m->next_least_us, least);
		m->next_most_us = min_us(m->next_most_us, most);
	}
}

void
model_set_servers(
    struct model *m, uint64_t now_us, unsigned servers, const size_t *before)
{
	unsigned runs[ARRAY_LEN(m->parts)] = { 0 };

	for (unsigned i = 0; i < m->set.count; i++) {
		struct item *it = &m->set.items[i];
		uint32_t moved = 0;

		for (unsigned k = 0; k < servers; k++) {
			if (before[k] != SIZE_MAX &&
			    (it->servers >> before[k] & 1) != 0)
				moved |= UINT32_C(1) << k;
		}
		if (it->servers != SAVED_BY)
			it->servers = moved;
	}
	for (unsigned k = 0; k < servers; k++) {
		if (before[k] < m->servers)
			runs[k] = m->parts[before[k]].empty_run;
	}
	memset(m->parts, 0, sizeof(m->parts));
	m->servers = servers;
	for (unsigned k = 0; k < servers; k++)
		m->parts[k].empty_run = runs[k];
	m->is_looking = m->is_wanted_again = false;
	m->next_least_us = m->next_most_us = now_us;
}
