/*
 * How many slots each backend has. Between rebalances the pool only grows, one
 * slot at a time, each going where the share is least filled; a rebalance works
 * out exact shares and moves what is idle. Offline backends have one probing
 * slot each while there is room, and take turns when there is not.
 *
 * Shares (shares.c) are given out by the Webster/Sainte-Lague method: the next
 * slot goes to the backend with the least (slots + 1/2) / weight, which is
 * exact for every total and moves nothing when the total grows by one. With
 * more backends than slots the 1/2 is replaced by how far round their ring a
 * backend is, from where this host starts.
 */

#include <stdlib.h>

#include "core/pool_priv.h"

#define KEY_BITS 44
#define KEY_MOST ((1ULL << KEY_BITS) - 1)

/* Most slots for the set now. A backend that returns is held back by what works
 * of it: connections that are lent and dead neither help nor hinder it. */
static uint32_t
cap(const struct pool *p, const struct slot_set *set)
{
	uint32_t dead =
	    set->slots.count - set->counts[SLOT_CONNECTING] - set->live;

	if (set->ramp >= p->policy.max_count ||
	    set->ramp + dead >= p->policy.max_count)
		return p->policy.max_count;
	return set->ramp + dead;
}

/* The key under which a set with so many slots asks for its next one. */
static uint64_t
next_key(const struct pool *p, const struct slot_set *set, uint32_t slots)
{
	uint64_t part = p->is_subset ? set->ring_part : 1ULL << 15;
	uint64_t key = ((((uint64_t)slots << 16) | part) << 20) / set->share;

	if (key > KEY_MOST)
		key = KEY_MOST;
	return (uint64_t)set->tier << KEY_BITS | key;
}

/* Decides between equal keys: on a ring its order, else a hash that differs
 * from host to host, so that not all of them give the same backends one more.
 */
static uint64_t
tie_key(const struct pool *p, const struct slot_set *set)
{
	return p->is_subset ? set->ahead : set->rank;
}

/* An offline set waits in pool.probes for a slot to probe with while it has
 * none and may have one: those that are lent count against its cap too. */
static void
track_probe(struct pool *p, struct slot_set *set)
{
	if (!slot_set_is_usable(set) || set->slots.count >= p->policy.max_count)
		heap_remove(&p->probes, &set->probe);
	else if (set->health == HEALTH_OFFLINE &&
		 set->counts[SLOT_CONNECTING] == 0 && !heap_has(&set->probe))
		heap_set(&p->probes, &set->probe, set->retry_at_us);
}

/* Something about the set changed that says whether it may have another slot,
 * and how urgently. */
void
spread_set_changed(struct pool *p, struct slot_set *set)
{
	track_probe(p, set);
	if (slot_set_is_usable(set) && set->health != HEALTH_OFFLINE &&
	    set->slots.count < cap(p, set))
		pairing_set(&p->grow, &set->grow,
		    next_key(p, set, set->slots.count), tie_key(p, set));
	else
		pairing_remove(&p->grow, &set->grow);
}

/* Keeps pool.probers: the offline sets that have a slot to probe with. */
void
spread_track_prober(struct pool *p, struct slot_set *set)
{
	bool is_prober =
	    set->health == HEALTH_OFFLINE && set->counts[SLOT_CONNECTING] > 0;

	if (is_prober == list_has(&set->prober))
		return;
	if (is_prober)
		list_push_back(&p->probers, &set->prober);
	else
		list_remove(&p->probers, &set->prober);
}

static struct slot *
connecting_slot(const struct slot_set *set, const struct slot *but)
{
	struct list_node *n = list_first(&set->slots);

	for (; n != NULL; n = list_after(&set->slots, n)) {
		struct slot *s = CONTAINER_OF(n, struct slot, set_link);

		if (s != but && slot_state(s) == SLOT_CONNECTING)
			return s;
	}
	return NULL;
}

/* A slot goes: if it was probing, its set remembers how far its backoff was. */
void
spread_forget_probe(struct pool *p, const struct slot *s)
{
	struct slot_set *set = s->set;

	if (set->health != HEALTH_OFFLINE || slot_state(s) != SLOT_CONNECTING)
		return;
	set->probe_failures = s->failures;
	set->retry_at_us = p->now_us;
	if (s->phase == PHASE_BACKOFF && s->timer_at_us != NEVER)
		set->retry_at_us = s->timer_at_us;
}

static void
begin_probe(struct pool *p)
{
	struct slot_set *set =
	    CONTAINER_OF(heap_top(&p->probes), struct slot_set, probe);

	if (set->health == HEALTH_UNTRIED) {
		set->is_trial = true;
		p->trials++;
	}
	(void)slot_open(p, set, set->probe_failures, set->retry_at_us);
}

/* Takes a slot from an offline set for one that works. The last prober of a
 * pool stays, so that somebody can return. */
static bool
shed_probe(struct pool *p)
{
	uint32_t keep = p->policy.max_slots > 1 ? 1 : 0;
	struct slot_set *set;

	if (p->probers.count <= keep)
		return false;
	set = CONTAINER_OF(list_first(&p->probers), struct slot_set, prober);
	slot_remove(p, connecting_slot(set, NULL));
	return true;
}

/* A probe failed: when others wait for a turn and there is no room, it is
 * theirs. */
void
spread_probe_turn(struct pool *p, struct slot *s)
{
	if (p->probes.count == 0 || p->total < p->policy.max_slots)
		return;
	slot_remove(p, s);
	begin_probe(p);
}

static bool
all_are_down(const struct pool *p)
{
	for (size_t i = 0; i < p->set_count; i++) {
		if (slot_set_is_usable(p->sets[i]) &&
		    p->sets[i]->health != HEALTH_OFFLINE)
			return false;
	}
	return p->named > 0;
}

bool
spread_must_fail_fast(const struct pool *p)
{
	return p->policy.when_offline == WHEN_OFFLINE_FAIL && p->online == 0 &&
	       all_are_down(p);
}

/* A set has no working connection left and the last attempt failed: it keeps
 * one slot that probes, one whose attempt is out if there is one. */
void
spread_offline(struct pool *p, struct slot_set *set)
{
	struct list_node *n = list_first(&set->slots);
	struct slot *probe = NULL, *s;

	slot_set_go_offline(p, set);
	set->probe_failures = 0;
	set->retry_at_us = p->now_us;
	for (; n != NULL; n = list_after(&set->slots, n)) {
		s = CONTAINER_OF(n, struct slot, set_link);
		if (slot_state(s) == SLOT_CONNECTING &&
		    (probe == NULL || s->phase == PHASE_ATTEMPT))
			probe = s;
	}
	while ((s = connecting_slot(set, probe)) != NULL)
		slot_remove(p, s);
	spread_set_changed(p, set);
	claim_leave_set(p, set, false);
}

static uint32_t
wanted(const struct pool *p)
{
	uint64_t n = (uint64_t)p->in_use + p->waiting + p->policy.spares_wanted;

	return n < p->policy.max_slots ? (uint32_t)n : p->policy.max_slots;
}

static uint32_t
working(const struct pool *p)
{
	return p->total - p->probing;
}

static struct slot_set *
next_to_grow(const struct pool *p)
{
	struct pairing_node *n = pairing_min(&p->grow);

	return n == NULL ? NULL : CONTAINER_OF(n, struct slot_set, grow);
}

/* Can there be one more slot, but for those of claims that wait? */
bool
spread_may_grow(const struct pool *p)
{
	return p->total < p->policy.max_slots && next_to_grow(p) != NULL;
}

/* Does somebody offline wait to be tried, while nobody is? */
static bool
needs_probe(const struct pool *p)
{
	return p->probes.count > 0 && p->probing + p->trials == 0 &&
	       p->policy.max_slots > 1;
}

/* The last free slot is left to a probe that is needed. */
static void
grow(struct pool *p)
{
	while (working(p) < wanted(p)) {
		struct slot_set *set = next_to_grow(p);

		if (set == NULL ||
		    (needs_probe(p) && p->total + 1 == p->policy.max_slots))
			return;
		if (p->total >= p->policy.max_slots && !shed_probe(p))
			return;
		(void)slot_open(p, set, 0, p->now_us);
	}
}

/* The idle slot of this set that was used least lately; NULL: none is idle. */
static struct slot *
coldest_of(const struct slot_set *set)
{
	const struct shelf *sh = set->shelves;
	struct slot *coldest = NULL;

	for (; sh != NULL; sh = sh->next) {
		struct slot *s;

		if (sh->idle.count == 0)
			continue;
		s = CONTAINER_OF(list_last(&sh->idle), struct slot, link);
		if (coldest == NULL ||
		    s->idle_since_us < coldest->idle_since_us)
			coldest = s;
	}
	return coldest;
}

/* The same over all sets but one (NULL: over all). */
static struct slot *
coldest_but(const struct pool *p, const struct slot_set *but)
{
	struct slot *coldest = NULL;

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot *s =
		    p->sets[i] == but ? NULL : coldest_of(p->sets[i]);

		if (s != NULL && (coldest == NULL ||
				     s->idle_since_us < coldest->idle_since_us))
			coldest = s;
	}
	return coldest;
}

/* The idle slot to give up for somebody who has to be tried: the coldest of
 * those that the last rebalance found too many, else the coldest of all. */
static struct slot *
most_dispensable(const struct pool *p)
{
	struct slot *best = NULL;

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot *s = NULL;

		if (p->sets[i]->slots.count > p->sets[i]->target)
			s = coldest_of(p->sets[i]);
		if (s != NULL &&
		    (best == NULL || s->idle_since_us < best->idle_since_us))
			best = s;
	}
	return best != NULL ? best : coldest_but(p, NULL);
}

/* Offline sets get slots to probe with while there is room; when there is none,
 * one idle connection gives way so that one of them can come back. */
static void
probe(struct pool *p)
{
	struct slot *s;

	while (p->probes.count > 0 && p->total < p->policy.max_slots)
		begin_probe(p);
	if (!needs_probe(p) || p->counts[SLOT_UNCLAIMED] == 0 ||
	    p->total > p->policy.max_slots)
		return;
	s = most_dispensable(p);
	if (s != NULL) {
		slot_remove(p, s);
		begin_probe(p);
	}
}

/* Claims wait and yet slots are idle: those belong to other users. As many are
 * closed and made anew as claims wait for that are not connecting already. */
static void
serve_other_users(struct pool *p)
{
	uint32_t coming = p->counts[SLOT_CONNECTING] - p->probing;

	while (coming < p->any_queue.count && p->counts[SLOT_UNCLAIMED] > 0) {
		struct slot *s = coldest_but(p, NULL);

		if (s == NULL)
			return;
		slot_replace(p, s);
		coming++;
	}
}

/* Makes one more slot of this set connect, at the cost of another user's idle
 * one, of free room, or of another set's idle one. */
static bool
feed_starved(struct pool *p, struct slot_set *set)
{
	struct slot *s = coldest_of(set);

	if (s != NULL) {
		slot_replace(p, s);
		return true;
	}
	if (set->health == HEALTH_OFFLINE || !slot_set_is_usable(set) ||
	    set->slots.count >= p->policy.max_count)
		return false;
	if (p->total >= p->policy.max_slots && !shed_probe(p)) {
		s = p->counts[SLOT_UNCLAIMED] == 0 ? NULL : coldest_but(p, set);
		if (s == NULL)
			return false;
		slot_remove(p, s);
	}
	if (p->total >= p->policy.max_slots)
		return false;
	(void)slot_open(p, set, 0, p->now_us);
	return true;
}

static void
serve_starved(struct pool *p)
{
	struct list_node *n = list_first(&p->starved);

	for (; n != NULL; n = list_after(&p->starved, n)) {
		struct slot_set *set =
		    CONTAINER_OF(n, struct slot_set, starved);

		while (set->counts[SLOT_CONNECTING] < set->queue.count) {
			if (!feed_starved(p, set))
				break;
		}
	}
}

/* After every event: as many slots as are wanted, where they are wanted. Costs
 * nothing when nothing is missing. */
void
spread_adjust(struct pool *p)
{
	grow(p);
	if (p->probes.count > 0)
		probe(p);
	if (p->is_paused)
		return;
	if (p->any_queue.count > 0)
		serve_other_users(p);
	if (p->starved.count > 0)
		serve_starved(p);
}

/* Have a rebalance soon, but not one at each of many like reasons. */
void
spread_soon(struct pool *p)
{
	uint64_t at = p->rebalanced_at_us + EVEN_OUT_US;

	if (p->is_stopping)
		return;
	if (at < p->now_us)
		at = p->now_us;
	if (at < p->rebalance_at_us)
		p->rebalance_at_us = at;
}

static bool
may_have_share(const struct slot_set *set)
{
	return slot_set_is_usable(set) && set->health != HEALTH_OFFLINE;
}

/* Gives out `slots` in exact shares: set->target. */
static void
plan(struct pool *p, uint32_t slots)
{
	struct pairing heap = { 0 };
	struct pairing_node *n;

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		set->target = 0;
		if (may_have_share(set))
			pairing_add(&heap, &set->plan, next_key(p, set, 0),
			    tie_key(p, set));
	}
	while (slots > 0 && (n = pairing_min(&heap)) != NULL) {
		struct slot_set *set = CONTAINER_OF(n, struct slot_set, plan);

		pairing_remove(&heap, n);
		set->target++;
		slots--;
		if (set->target < cap(p, set))
			pairing_add(&heap, &set->plan,
			    next_key(p, set, set->target), tie_key(p, set));
	}
	while ((n = pairing_min(&heap)) != NULL)
		pairing_remove(&heap, n);
}

static uint32_t
monus(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

/* What a rebalance found. */
struct imbalance {
	uint32_t untried;    /* sets that have a share and were never tried */
	uint32_t missing;    /* slots that online sets have too few */
	uint32_t connecting; /* slots of theirs that are not connected yet */
};

/* Slots beyond the shares of their sets. */
struct surplus {
	bool is_there, is_idle;
};

/* Never tried, and there is no room: it waits among the offline ones. */
static void
wait_for_turn(struct pool *p, struct slot_set *set)
{
	if (heap_has(&set->probe))
		return;
	set->probe_failures = 0;
	set->retry_at_us = p->now_us;
	heap_set(&p->probes, &set->probe, p->now_us);
}

/* May a connection of this set make room for one elsewhere? */
static bool
has_surplus(const struct slot_set *set)
{
	return may_have_share(set) && set->slots.count > set->target;
}

/* Has somebody surplus, and some of it idle? */
static struct surplus
find_surplus(const struct pool *p)
{
	struct surplus found = { false, false };

	for (size_t i = 0; i < p->set_count; i++) {
		if (!has_surplus(p->sets[i]))
			continue;
		found.is_there = true;
		found.is_idle |= p->sets[i]->counts[SLOT_UNCLAIMED] > 0;
	}
	return found;
}

/* Has it a share, and was never tried, nor is now? */
static bool
is_untried(const struct slot_set *set)
{
	return may_have_share(set) && set->health == HEALTH_UNTRIED &&
	       set->slots.count == 0 && set->target > 0;
}

/* A set that was never tried, in a full pool, gets a turn only where another
 * has more than its share: a connection that works and is where it should be
 * is not closed for one that might. */
static struct imbalance
measure(struct pool *p)
{
	struct imbalance m = { 0 };
	bool is_full = p->total >= p->policy.max_slots;
	struct surplus surplus = find_surplus(p);

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (!may_have_share(set))
			continue;
		m.connecting += set->counts[SLOT_CONNECTING];
		if (set->health == HEALTH_ONLINE)
			m.missing += monus(set->target, set->slots.count);
		if (!is_untried(set) || (is_full && !surplus.is_there))
			continue;
		m.untried++;
		if (is_full && surplus.is_idle)
			wait_for_turn(p, set);
	}
	return m;
}

/* One that connects, and not to take the place of another. */
static struct slot *
connecting_in_vain(const struct slot_set *set)
{
	struct list_node *n = list_first(&set->slots);

	for (; n != NULL; n = list_after(&set->slots, n)) {
		struct slot *s = CONTAINER_OF(n, struct slot, set_link);

		if (slot_state(s) == SLOT_CONNECTING && s->elder == NULL)
			return s;
	}
	return NULL;
}

/* Slots beyond their set's share that have no connection yet go at once. */
static void
close_connecting(struct pool *p)
{
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];
		struct slot *s;

		while (may_have_share(set) && set->slots.count > set->target &&
		       (s = connecting_in_vain(set)) != NULL)
			slot_remove(p, s);
	}
}

/* Closes up to `count` idle slots beyond their sets' shares, the coldest of
 * each set, in rounds over the sets. How many are still to be closed. */
static uint32_t
close_idle(struct pool *p, uint32_t count)
{
	bool has_closed = true;

	while (count > 0 && has_closed) {
		has_closed = false;
		for (size_t i = 0; i < p->set_count && count > 0; i++) {
			struct slot_set *set = p->sets[i];
			struct slot *s = NULL;

			if (set->slots.count > set->target &&
			    set->counts[SLOT_UNCLAIMED] > 0)
				s = coldest_of(set);
			if (s == NULL)
				continue;
			slot_remove(p, s);
			count--;
			has_closed = true;
		}
	}
	return count;
}

/* A backend that was never tried gets one slot to begin with, beside those that
 * hold its share meanwhile; what it is owed comes when it works. */
static void
open_missing(struct pool *p)
{
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (set->health == HEALTH_UNTRIED && may_have_share(set) &&
		    set->slots.count == 0 && set->target > 0 &&
		    p->total < p->policy.max_slots)
			(void)slot_open(p, set, 0, p->now_us);
		while (set->health == HEALTH_ONLINE && may_have_share(set) &&
		       set->slots.count < set->target &&
		       p->total < p->policy.max_slots)
			(void)slot_open(p, set, 0, p->now_us);
	}
}

/* How many slots to have after a rebalance: no fewer than were in use since the
 * last one, and one left over when somebody offline has to probe. */
static uint32_t
goal(const struct pool *p)
{
	uint32_t n = wanted(p), most = p->policy.max_slots;
	bool has_down = p->probes.count + p->probing + p->trials > 0;

	if (has_down && most > 1)
		most--;
	if (n < p->peak_in_use)
		n = p->peak_in_use;
	return n < most ? n : most;
}

/* Moves idle slots to where the shares say. What takes the place of a working
 * connection is opened first where max-slots has room; then a later rebalance
 * closes what is too many once the new ones are connected. Where nothing is
 * idle, as in a pool with more clients than slots, what is missing elsewhere is
 * taken of the claims that come back. */
static void
move(struct pool *p, uint32_t slots)
{
	struct imbalance m;
	uint32_t extra, room, missing;

	close_connecting(p);
	m = measure(p);
	room = monus(p->policy.max_slots, p->total);
	extra = monus(working(p), slots);
	missing = m.missing;
	if (needs_probe(p) || (m.untried > 0 && p->probing + p->trials == 0))
		missing++;
	p->owed = close_idle(
	    p, monus(extra, m.connecting) + monus(missing, room + extra));
	if (p->owed > missing)
		p->owed = missing;
	open_missing(p);
	p->is_uneven = m.missing > 0 || m.untried > 0 || extra > 0;
}

/* One that was never tried gets the room that is made now, if nobody is tried.
 */
static void
begin_turn(struct pool *p)
{
	if (p->probing + p->trials + p->probes.count > 0)
		return;
	for (size_t i = 0; i < p->set_count; i++) {
		if (is_untried(p->sets[i])) {
			wait_for_turn(p, p->sets[i]);
			return;
		}
	}
}

/* Does this set have to give a connection that has just come back to another
 * set? */
bool
spread_takes(struct pool *p, const struct slot_set *set)
{
	if (needs_probe(p) && p->total == p->policy.max_slots)
		return true;
	if (p->owed == 0 || !has_surplus(set))
		return false;
	p->owed--;
	begin_turn(p);
	return true;
}

void
spread_rebalance(struct pool *p)
{
	struct event_record e = { .kind = EVENT_REBALANCE_START };
	uint32_t slots = goal(p);

	e.id = p->id;
	e.pool = p->name;
	pool_tell(p, &e);
	if (p->now_us >= p->periodic_at_us) {
		p->periodic_at_us = p->now_us + p->policy.rebalance_interval;
		p->peak_in_use = p->in_use;
	}
	p->rebalanced_at_us = p->now_us;
	p->rebalance_at_us = p->periodic_at_us;
	plan(p, slots);
	move(p, slots);
	e.kind = EVENT_REBALANCE_DONE;
	pool_tell(p, &e);
}

/* No probe waits for longer than the policy says now. */
void
spread_on_policy(struct pool *p)
{
	uint64_t at = time_after(p->now_us, p->policy.max_connection_backoff);

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (set->retry_at_us <= at)
			continue;
		set->retry_at_us = at;
		if (heap_has(&set->probe))
			heap_set(&p->probes, &set->probe, at);
	}
}

/* Caps were lowered: what is not in use goes until they hold, or until only
 * claims are left, which go as they come back. */
void
spread_trim(struct pool *p)
{
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];
		struct slot *s;

		while (set->slots.count > p->policy.max_count) {
			s = connecting_slot(set, NULL);
			if (s == NULL)
				s = coldest_of(set);
			if (s == NULL)
				break;
			slot_remove(p, s);
		}
	}
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot *s;

		while (p->total > p->policy.max_slots &&
		       (s = connecting_slot(p->sets[i], NULL)) != NULL)
			slot_remove(p, s);
	}
	while (p->total > p->policy.max_slots) {
		struct slot *s = coldest_but(p, NULL);

		if (s == NULL)
			break;
		slot_remove(p, s);
	}
}
