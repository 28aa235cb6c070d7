/* What the answers of a look-up make of the set; see resolve_priv.h. */

#include "core/resolve_priv.h"

static void
set_status(struct resolve *r, enum resolve_status status)
{
	if (r->status == status)
		return;
	r->status = status;
	r->has_publish = true;
}

/* TTL for all records as the policy has it; false: each its own. */
static bool
hardcoded_ttl(const struct resolve *r, uint32_t *ttl_s)
{
	uint64_t s = r->policy.hardcoded_ttl_us / US_PER_S;

	if (r->policy.hardcoded_ttl_us == NEVER)
		return false;
	*ttl_s = s > DNS_TTL_MAX ? DNS_TTL_MAX : (uint32_t)s;
	return true;
}

static uint32_t
bit_of(const struct resolve *r, const struct server *s)
{
	return UINT32_C(1) << (s - r->servers);
}

/* Adds what a server's answer says, and what is kept because it says only half
 * of it. */
static void
add_answer(struct resolve *r, struct server *s, uint64_t now_us,
    struct resolve_set *found)
{
	struct resolve_item like = {
		.stale_since_us = NEVER,
		.seen_us = now_us,
		.servers = bit_of(r, s),
		.rule = RESOLVE_RULE_NAMED,
	};
	size_t i = found->count;
	uint32_t ttl_s;

	s->found = look_add_found(
	    &s->look, hardcoded_ttl(r, &ttl_s) ? &ttl_s : NULL, &like, found);
	for (; i < found->count; i++) {
		if (found->items[i].spec.ttl_s < r->ttl_s)
			r->ttl_s = found->items[i].spec.ttl_s;
	}
	look_add_kept(&s->look, &r->set, now_us, found);
}

void
resolve_take_set(struct resolve *r, struct resolve_set *found)
{
	resolve_set_seal(found);
	if (!resolve_set_equal(found, &r->set))
		r->has_publish = true;
	resolve_set_fini(&r->set);
	r->set = *found;
}

/* Puts the backends of an answer in the place of the set. */
static void
take_set(struct resolve *r, struct server *s, uint64_t now_us)
{
	struct resolve_set found = { 0 };

	r->ttl_s = DNS_TTL_MAX;
	add_answer(r, s, now_us, &found);
	resolve_take_set(r, &found);
}

static void
empty_set(struct resolve *r)
{
	if (r->set.count > 0)
		r->has_publish = true;
	resolve_set_fini(&r->set);
}

void
resolve_take_settle(struct resolve *r)
{
	r->expiry_us = resolve_set_next_expiry(&r->set, r->policy.stale_for_us);
	if (resolve_set_has_saved(&r->set))
		set_status(r, RESOLVE_SAVED);
	else if (resolve_set_has_stale(&r->set))
		set_status(r, RESOLVE_STALE);
	else if (r->set.count > 0)
		set_status(r, RESOLVE_OK);
	else if (r->verdict == VERDICT_EMPTY)
		set_status(r, RESOLVE_EMPTY);
	else
		set_status(r, RESOLVE_FAILING);
}

void
resolve_take_expired(struct resolve *r, uint64_t now_us)
{
	if (resolve_set_expire(&r->set, now_us, r->policy.stale_for_us) > 0)
		r->has_publish = true;
	resolve_take_settle(r);
}

/* The set stays without DNS behind it, as long as it may. */
static void
keep_set(struct resolve *r, uint64_t now_us, enum resolve_rule rule)
{
	resolve_set_mark_stale(&r->set, now_us, rule);
	resolve_take_expired(r, now_us);
}

static void
use_answer(struct resolve *r, struct server *s, uint64_t now_us)
{
	r->empty_run = 0;
	if (s->look.is_none) {
		r->verdict = VERDICT_EMPTY;
		empty_set(r);
	} else {
		r->verdict =
		    s->look.missing > 0 ? VERDICT_PARTIAL : VERDICT_WHOLE;
		take_set(r, s, now_us);
	}
	resolve_take_settle(r);
}

bool
resolve_take_is_answer(const struct server *s)
{
	return s->look.state == LOOK_ENDED && s->look.outcome == DNS_RECORDS;
}

static bool
is_empty_answer(const struct server *s)
{
	return s->look.state == LOOK_ENDED &&
	       (s->look.outcome == DNS_NO_NAME ||
		   s->look.outcome == DNS_NO_DATA);
}

/* Counts empty answers of each server; failed look-ups do not. */
static void
count_empty(struct resolve *r)
{
	struct server *s;
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		s = &r->servers[i];
		if (resolve_take_is_answer(s))
			s->empty_run = 0;
		else if (is_empty_answer(s) &&
			 s->empty_run < r->policy.empty_answers)
			s->empty_run++;
	}
}

/* Whether what this server had named stays though its answer does not name it:
 * it has none, or has not been empty often enough. */
static bool
is_undecided(const struct resolve *r, const struct server *s)
{
	if (resolve_take_is_answer(s))
		return false;
	return !is_empty_answer(s) || s->empty_run < r->policy.empty_answers;
}

/* Adds those of the set that undecided servers had named; at the end of a
 * look-up they have not been confirmed. */
static void
add_undecided(
    struct resolve *r, uint64_t now_us, bool is_end, struct resolve_set *found)
{
	struct resolve_item item;
	uint32_t open = 0, silent = 0;
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		if (is_undecided(r, &r->servers[i]))
			open |= bit_of(r, &r->servers[i]);
		if (!is_empty_answer(&r->servers[i]))
			silent |= bit_of(r, &r->servers[i]);
	}
	for (i = 0; i < r->set.count; i++) {
		item = r->set.items[i];
		if ((item.servers & open) == 0)
			continue;
		if (item.servers != RESOLVE_ALL_SERVERS)
			item.servers &= open;
		if (is_end && item.stale_since_us == NEVER)
			item.stale_since_us = now_us;
		if (is_end && item.rule != RESOLVE_RULE_SAVED)
			item.rule = (item.servers & silent) != 0
					? RESOLVE_RULE_SILENT
					: RESOLVE_RULE_EMPTY;
		/* A full set leaves out the old ones first. */
		if (!resolve_set_add(found, &item))
			return;
	}
}

/* The set becomes what all servers say together, as far as they have spoken. */
static void
merge_set(struct resolve *r, uint64_t now_us, bool is_end)
{
	struct resolve_set found = { 0 };
	struct server *s;
	size_t i;

	r->ttl_s = DNS_TTL_MAX;
	for (i = 0; i < r->server_count; i++) {
		s = &r->servers[i];
		if (resolve_take_is_answer(s) && !s->look.is_none)
			add_answer(r, s, now_us, &found);
	}
	add_undecided(r, now_us, is_end, &found);
	resolve_set_unite(&found);
	if (is_end || found.count > 0)
		resolve_take_set(r, &found);
}

/* All that servers have said is used: it is whole when all have said all. */
static void
use_answers(struct resolve *r, uint64_t now_us)
{
	size_t i;

	r->empty_run = 0;
	r->verdict = VERDICT_WHOLE;
	for (i = 0; i < r->server_count; i++) {
		if (!resolve_take_is_answer(&r->servers[i]) ||
		    r->servers[i].look.missing > 0)
			r->verdict = VERDICT_PARTIAL;
	}
	merge_set(r, now_us, true);
	if (r->set.count == 0)
		r->verdict = VERDICT_EMPTY;
	resolve_take_settle(r);
}

/* One at least says that there is nothing, and none has records. Merging, that
 * is no word on what others had named, however often it is said. */
static void
use_empty(struct resolve *r, uint64_t now_us)
{
	r->verdict = VERDICT_EMPTY;
	if (r->empty_run < r->policy.empty_answers)
		r->empty_run++;
	if (r->empty_run < r->policy.empty_answers) {
		keep_set(r, now_us, RESOLVE_RULE_EMPTY);
		return;
	}
	if (r->policy.answers == RESOLVE_MERGE)
		merge_set(r, now_us, true);
	else
		empty_set(r);
	resolve_take_expired(r, now_us);
}

struct server *
resolve_take_best(struct resolve *r)
{
	struct server *best = NULL;
	struct server *s;
	size_t i;

	for (i = 0; i < r->server_count; i++) {
		s = &r->servers[i];
		if (resolve_take_is_answer(s) &&
		    (best == NULL || s->look.missing < best->look.missing))
			best = s;
	}
	return best;
}

/* Merging, others have yet to speak: a good server is not kept waiting. */
void
resolve_take_so_far(struct resolve *r, uint64_t now_us)
{
	merge_set(r, now_us, false);
	if (r->set.count > 0)
		resolve_take_settle(r);
}

void
resolve_take_end(struct resolve *r, struct server *best, uint64_t now_us)
{
	bool has_empty = false;
	size_t i;

	for (i = 0; i < r->server_count; i++)
		has_empty = has_empty || is_empty_answer(&r->servers[i]);
	count_empty(r);
	if (best != NULL && r->policy.answers == RESOLVE_MERGE) {
		use_answers(r, now_us);
	} else if (best != NULL) {
		use_answer(r, best, now_us);
	} else if (has_empty) {
		use_empty(r, now_us);
	} else {
		r->verdict = VERDICT_FAILED;
		keep_set(r, now_us, RESOLVE_RULE_SILENT);
	}
}
