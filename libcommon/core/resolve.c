/* The life of look-ups: when they begin and end, what is asked and told; see
 * resolve.h. */

#include "core/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "core/resolve_priv.h"

/* A wait grows by up to this part of it. */
#define SPREAD 10

static void
fini_servers(struct resolve *r)
{
	size_t i;

	for (i = 0; i < r->server_count; i++)
		look_fini(&r->servers[i].look);
	free(r->servers);
	r->servers = NULL;
	r->server_count = 0;
}

static void
init_servers(struct resolve *r, size_t server_count)
{
	ASSERT(server_count > 0 && server_count <= RESOLVE_SERVERS_MAX);
	r->servers = mem_new(server_count, sizeof(*r->servers));
	r->server_count = server_count;
}

struct resolve *
resolve_new(const char *service, size_t server_count,
    const struct resolve_policy *policy, uint64_t seed)
{
	struct resolve *r = mem_new(1, sizeof(*r));

	r->service = mem_strdup(service);
	r->policy = *policy;
	rng_init(&r->rng, seed);
	init_servers(r, server_count);
	r->end_us = NEVER;
	r->expiry_us = NEVER;
	return r;
}

void
resolve_free(struct resolve **rp)
{
	struct resolve *r = *rp;

	if (r == NULL)
		return;
	*rp = NULL;
	fini_servers(r);
	resolve_set_fini(&r->set);
	free(r->service);
	free(r);
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How long to wait after the last look-up. min-query-interval wins over all
 * that contradicts it. */
static uint64_t
draw_wait(struct resolve *r)
{
	const struct resolve_policy *p = &r->policy;
	uint64_t ttl_us = r->ttl_s * US_PER_S;
	uint64_t wait = p->query_retry_us;
	uint64_t longest = NEVER;

	if (p->hardcoded_ttl_us != NEVER)
		ttl_us = p->hardcoded_ttl_us;
	if (r->verdict == VERDICT_WHOLE) {
		wait = ttl_us;
		longest = p->query_interval_us;
	} else if (r->verdict == VERDICT_PARTIAL) {
		wait = min_u64(ttl_us, p->query_retry_us);
		longest = p->query_interval_us;
	}
	wait = max_u64(min_u64(wait, longest), p->min_query_interval_us);
	longest = max_u64(longest, wait);
	return min_u64(wait + rng_below(&r->rng, wait / SPREAD + 1), longest);
}

static void
plan_next(struct resolve *r)
{
	r->next_us = time_after(r->last_end_us, draw_wait(r));
}

/* The end of a server's part, to be told. */
static void
tell_ended(struct server *s, enum dns_outcome outcome, size_t found)
{
	s->has_ended = true;
	s->outcome = outcome;
	s->found = found;
}

/* Answers to what is in flight count no more. */
static void
drop_queries(struct server *s)
{
	size_t i;

	if (s->in_flight == 0)
		return;
	for (i = 0; i < RESOLVE_CONCURRENCY_MAX; i++)
		s->slots[i].generation = 0;
	s->in_flight = 0;
	s->has_cancel = true;
}

/* What is still under way is given up for this reason. */
static void
end_looks(struct resolve *r, enum dns_outcome reason)
{
	struct server *s;
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		s = &r->servers[i];
		drop_queries(s);
		if (s->look.state == LOOK_ENDED)
			continue;
		if (reason == DNS_DROPPED) {
			tell_ended(s, DNS_DROPPED, 0);
			look_fini(&s->look);
			continue;
		}
		look_give_up(&s->look, reason);
		if (s->look.outcome != DNS_RECORDS)
			tell_ended(s, s->look.outcome, 0);
	}
}

/* Servers with records are told of when it is known whose are used. Another's
 * can only be records with something missing. */
static void
tell_answers(struct resolve *r, const struct server *best)
{
	bool is_merge = r->policy.answers == RESOLVE_MERGE;
	struct server *s;
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		s = &r->servers[i];
		if (s == best || (is_merge && resolve_take_is_answer(s)))
			tell_ended(s, DNS_RECORDS, s->found);
		else if (resolve_take_is_answer(s))
			tell_ended(s, s->look.bad_outcome, 0);
	}
}

static void
end_lookup(struct resolve *r, uint64_t now_us, enum dns_outcome reason)
{
	struct server *best;

	end_looks(r, reason);
	best = resolve_take_best(r);
	resolve_take_end(r, best, now_us);
	if (best != NULL)
		tell_answers(r, best);
	r->is_looking = false;
	r->end_us = NEVER;
	r->ended = r->started;
	r->last_end_us = now_us;
	plan_next(r);
	if (r->is_wanted_again)
		r->next_us = now_us;
	r->is_wanted_again = false;
}

/* Ends the look-up when its result cannot get better by waiting: a whole
 * answer is there, or half of one where nothing was known, or all servers have
 * spoken. */
static void
judge(struct resolve *r, uint64_t now_us)
{
	struct server *best = resolve_take_best(r);
	bool is_done = true;
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		if (r->servers[i].look.state != LOOK_ENDED)
			is_done = false;
	}
	if (r->policy.answers == RESOLVE_MERGE) {
		if (!is_done && best != NULL)
			resolve_take_so_far(r, now_us);
	} else if (best != NULL &&
		   (best->look.missing == 0 || r->set.count == 0)) {
		is_done = true;
	}
	if (is_done)
		end_lookup(r, now_us, DNS_DROPPED);
}

static void
begin_lookup(struct resolve *r, uint64_t now_us)
{
	struct server *s;
	size_t i;

	r->is_looking = true;
	r->started++;
	r->end_us = time_after(now_us, r->policy.query_timeout_us);
	for (i = 0; i < r->server_count; i++) {
		s = &r->servers[i];
		look_begin(&s->look);
		s->has_started = true;
		s->found = 0;
	}
}

/* A server's actions about the last look-up are still to be fetched. */
static bool
has_untold(const struct resolve *r)
{
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		if (r->servers[i].has_ended || r->servers[i].has_cancel)
			return true;
	}
	return false;
}

void
resolve_on_time(struct resolve *r, uint64_t now_us)
{
	if (now_us >= r->expiry_us)
		resolve_take_expired(r, now_us);
	if (r->is_looking && now_us >= r->end_us)
		end_lookup(r, now_us, DNS_TIME_OUT);
	if (!r->is_looking && now_us >= r->next_us && !has_untold(r))
		begin_lookup(r, now_us);
}

void
resolve_set_policy(
    struct resolve *r, uint64_t now_us, const struct resolve_policy *policy)
{
	bool is_other = policy->family != r->policy.family ||
			policy->answers != r->policy.answers ||
			policy->hardcoded_ttl_us != r->policy.hardcoded_ttl_us;

	r->policy = *policy;
	if (r->verdict != VERDICT_NONE)
		resolve_take_settle(r);
	if (is_other)
		(void)resolve_refresh(r, now_us);
	else if (!r->is_looking && r->verdict != VERDICT_NONE)
		r->next_us = min_u64(
		    r->next_us, time_after(r->last_end_us, draw_wait(r)));
}

/* Servers have other places now, in the memory of who named what too. */
static void
move_servers(struct resolve *r, size_t server_count, const size_t *before)
{
	struct resolve_item *item;
	uint32_t servers;
	size_t i, k;

	for (i = 0; i < r->set.count; i++) {
		item = &r->set.items[i];
		if (item->servers == RESOLVE_ALL_SERVERS)
			continue;
		servers = 0;
		for (k = 0; k < server_count; k++) {
			if (before[k] < RESOLVE_SERVERS_MAX)
				servers |= (item->servers >> before[k] & 1)
					   << k;
		}
		item->servers = servers;
	}
}

/* Servers in the place of the others; those that were among them go on where
 * they were in the count of empty answers. */
static void
replace_servers(struct resolve *r, size_t server_count, const size_t *before)
{
	uint32_t runs[RESOLVE_SERVERS_MAX] = { 0 };
	size_t k;

	for (k = 0; k < server_count; k++) {
		if (before[k] < r->server_count)
			runs[k] = r->servers[before[k]].empty_run;
	}
	fini_servers(r);
	init_servers(r, server_count);
	for (k = 0; k < server_count; k++)
		r->servers[k].empty_run = runs[k];
}

void
resolve_set_servers(struct resolve *r, uint64_t now_us, size_t server_count,
    const size_t *before)
{
	ASSERT(server_count <= RESOLVE_SERVERS_MAX);
	move_servers(r, server_count, before);
	replace_servers(r, server_count, before);
	r->is_looking = false;
	r->is_wanted_again = false;
	r->end_us = NEVER;
	r->next_us = now_us;
}

void
resolve_restore(
    struct resolve *r, const struct backend_spec *specs, size_t count)
{
	struct resolve_item item = {
		.stale_since_us = NEVER,
		.servers = RESOLVE_ALL_SERVERS,
		.rule = RESOLVE_RULE_SAVED,
	};
	struct resolve_set set = { 0 };
	size_t i;

	ASSERT(r->started == 0 && r->set.count == 0);
	for (i = 0; i < count; i++) {
		item.spec = specs[i];
		item.spec.sources = SOURCE_SAVED;
		if (item.spec.addr.kind == ADDR_UNIX ||
		    item.spec.addr.port == 0 ||
		    strlen(item.spec.name) >= BACKEND_NAME_BYTES ||
		    strrchr(item.spec.name, ':') == NULL)
			continue;
		if (!resolve_set_add(&set, &item))
			break;
	}
	resolve_set_unite(&set);
	resolve_take_set(r, &set);
	if (r->set.count > 0)
		resolve_take_settle(r);
}

uint64_t
resolve_refresh(struct resolve *r, uint64_t now_us)
{
	if (r->is_looking)
		r->is_wanted_again = true;
	else
		r->next_us = min_u64(r->next_us, now_us);
	return r->started + 1;
}

uint64_t
resolve_ended(const struct resolve *r)
{
	return r->ended;
}

bool
resolve_is_answered(const struct resolve *r)
{
	return r->verdict != VERDICT_NONE && r->verdict != VERDICT_FAILED;
}

/* The query of this handle, and its server; NULL when it was dropped. */
static struct slot *
find_slot(
    struct resolve *r, struct resolve_handle handle, struct server **server)
{
	size_t i = handle.index / RESOLVE_CONCURRENCY_MAX;
	struct slot *slot;

	if (handle.generation == 0 || i >= r->server_count)
		return NULL;
	slot = &r->servers[i].slots[handle.index % RESOLVE_CONCURRENCY_MAX];
	if (slot->generation != handle.generation)
		return NULL;
	*server = &r->servers[i];
	return slot;
}

void
resolve_on_answer(struct resolve *r, uint64_t now_us,
    struct resolve_handle handle, const struct dns_answer *answer)
{
	struct server *s;
	struct slot *slot = find_slot(r, handle, &s);

	if (slot == NULL)
		return;
	ASSERT(r->is_looking && s->in_flight > 0);
	slot->generation = 0;
	s->in_flight--;
	look_on_answer(
	    &s->look, r->service, slot->question, answer, r->policy.family);
	if (s->look.state != LOOK_ENDED)
		return;
	if (s->look.outcome != DNS_RECORDS)
		tell_ended(s, s->look.outcome, 0);
	judge(r, now_us);
}

static bool
next_query(
    struct resolve *r, size_t i, uint64_t now_us, struct resolve_action *action)
{
	struct server *s = &r->servers[i];
	struct look_question question;
	size_t k = 0;

	if (!r->is_looking || s->in_flight >= r->policy.max_dns_concurrency ||
	    s->in_flight >= RESOLVE_CONCURRENCY_MAX ||
	    !look_next(&s->look, &question))
		return false;
	while (s->slots[k].generation != 0)
		k++;
	ASSERT(k < RESOLVE_CONCURRENCY_MAX);
	if (++r->generation == 0)
		r->generation++;
	s->slots[k].generation = r->generation;
	s->slots[k].question = question;
	s->in_flight++;
	action->kind = RESOLVE_QUERY;
	action->handle.index = (uint32_t)(i * RESOLVE_CONCURRENCY_MAX + k);
	action->handle.generation = r->generation;
	action->timeout_us = r->end_us > now_us ? r->end_us - now_us : 0;
	action->type = question.type;
	action->name = look_name(&s->look, r->service, question);
	return true;
}

/* The end of a server's part of the look-up. */
static void
fill_ended(const struct resolve *r, const struct server *s,
    struct resolve_action *action)
{
	action->kind = RESOLVE_FAILED;
	action->outcome = s->outcome;
	action->name = r->service;
	if (s->outcome == DNS_DROPPED)
		return;
	action->left_out = s->look.left_out;
	action->missing = s->look.missing;
	if (s->look.bad_outcome != DNS_RECORDS) {
		action->type = s->look.bad.type;
		action->name = look_name(&s->look, r->service, s->look.bad);
	}
	if (s->outcome != DNS_RECORDS)
		return;
	action->kind = RESOLVE_DONE;
	action->outcome = s->look.bad_outcome;
	action->count = s->found;
}

static bool
next_of_server(
    struct resolve *r, size_t i, uint64_t now_us, struct resolve_action *action)
{
	struct server *s = &r->servers[i];

	action->server = i;
	action->lookup = r->started;
	if (s->has_cancel) {
		s->has_cancel = false;
		action->kind = RESOLVE_CANCEL;
		return true;
	}
	if (s->has_started) {
		s->has_started = false;
		action->kind = RESOLVE_STARTED;
		return true;
	}
	if (s->has_ended) {
		s->has_ended = false;
		fill_ended(r, s, action);
		return true;
	}
	return next_query(r, i, now_us, action);
}

bool
resolve_next_action(
    struct resolve *r, uint64_t now_us, struct resolve_action *action)
{
	size_t i;

	memset(action, 0, sizeof(*action));
	for (i = 0; i < r->server_count; i++) {
		if (next_of_server(r, i, now_us, action))
			return true;
	}
	if (!r->has_publish)
		return false;
	r->has_publish = false;
	action->server = 0;
	action->lookup = 0;
	action->kind = RESOLVE_PUBLISH;
	return true;
}

uint64_t
resolve_next_deadline(const struct resolve *r)
{
	return min_u64(r->expiry_us, r->is_looking ? r->end_us : r->next_us);
}

size_t
resolve_backends(const struct resolve *r, const struct backend_spec **specs)
{
	*specs = r->set.specs;
	return r->set.count;
}

void
resolve_origin(const struct resolve *r, size_t i, struct resolve_origin *origin)
{
	const struct resolve_item *item;
	size_t k = 0;

	ASSERT(i < r->set.count);
	item = &r->set.items[i];
	origin->rule = item->rule;
	origin->seen_us = item->seen_us;
	origin->absent_since_us = item->stale_since_us;
	origin->ends_us =
	    time_after(item->stale_since_us, r->policy.stale_for_us);
	origin->server = SIZE_MAX;
	if (item->servers == RESOLVE_ALL_SERVERS)
		return;
	while (k < r->server_count && (item->servers >> k & 1) == 0)
		k++;
	if (k < r->server_count)
		origin->server = k;
}

enum resolve_status
resolve_status(const struct resolve *r)
{
	return r->status;
}

static void
check_server(const struct resolve *r, const struct server *s)
{
	size_t used = 0;
	size_t i;

	for (i = 0; i < RESOLVE_CONCURRENCY_MAX; i++) {
		if (s->slots[i].generation != 0)
			used++;
	}
	ASSERT(used == s->in_flight);
	ASSERT(used <= RESOLVE_CONCURRENCY_MAX);
	if (!r->is_looking)
		ASSERT(used == 0);
	if (s->look.state == LOOK_ENDED || s->look.state == LOOK_IDLE)
		ASSERT(used == 0);
	else
		ASSERT(r->is_looking && s->look.open > 0);
}

void
resolve_check(const struct resolve *r)
{
	const struct resolve_set *set = &r->set;
	size_t i;

	for (i = 0; i < r->server_count; i++)
		check_server(r, &r->servers[i]);
	ASSERT(set->count <= RESOLVE_BACKENDS_MAX);
	for (i = 0; i < set->count; i++) {
		ASSERT(set->specs[i].addr.port != 0);
		ASSERT(strlen(set->specs[i].name) < BACKEND_NAME_BYTES);
		ASSERT(i == 0 || resolve_spec_compare(
				     &set->specs[i - 1], &set->specs[i]) < 0);
	}
	ASSERT(r->ended <= r->started);
	ASSERT(r->is_looking == (r->end_us != NEVER));
	ASSERT((r->status == RESOLVE_OK || r->status == RESOLVE_STALE ||
		   r->status == RESOLVE_SAVED) == (set->count > 0));
	ASSERT(resolve_set_has_saved(set) == (r->status == RESOLVE_SAVED));
	if (r->status != RESOLVE_SAVED)
		ASSERT(
		    resolve_set_has_stale(set) == (r->status == RESOLVE_STALE));
}
