/*
 * Slot sets: the backends as the sources name them, found by name; what is
 * known of their health; their shelves of idle connections and their place in
 * the order in which claims choose.
 */

#include <stdlib.h>
#include <string.h>

#include "core/pool_priv.h"

/* How much a claim that a set holds counts beside one that it was given before.
 * More is nearer to the least claimed at every moment. */
#define LOAD_STRIDES 4

/* The most claims that a set is owed: a set that is slow to give back holds so
 * many LOAD_STRIDES more than its share, at most. With fewer, sets of little
 * weight, which hold one claim or none, would not get their share. */
#define LAG_STRIDES 8

/* A failure counts as one claim held, and not only until what it held back is
 * owed. */
#define FAILURE_STRIDES (LOAD_STRIDES + LAG_STRIDES)

/* A load above this is as bad as this; times a stride it fits 64 bits. */
#define LOAD_MOST (1u << 20)

static void
tell(struct pool *p, enum event_kind kind, const struct slot_set *set,
    const char *name)
{
	struct event_record e = { .kind = kind };

	if (!pool_is_heard(p, kind))
		return;
	e.id = set->id;
	e.addr = set->addr_text;
	e.pool = p->name;
	e.reason = name;
	e.number = set->counts[SLOT_UNCLAIMED] > 0;
	pool_tell(p, &e);
}

/* Is set, of two that have the same name, the one to send a claim to? */
static bool
is_preferred(const struct pool *p, const struct slot_set *set,
    const struct slot_set *other)
{
	if (slot_set_is_usable(set) != slot_set_is_usable(other))
		return slot_set_is_usable(set);
	if ((set->health == HEALTH_ONLINE) != (other->health == HEALTH_ONLINE))
		return set->health == HEALTH_ONLINE;
	return slot_set_is_better(p, set, other);
}

/* With addr NULL, the best backend of that name that a source names. */
struct slot_set *
slot_set_find(const struct pool *p, const char *name, const struct addr *addr)
{
	struct slot_set *set, *found = NULL;

	if (p->set_hash == NULL)
		return NULL;
	set = p->set_hash[hash_text(name) & p->hash_mask];
	for (; set != NULL; set = set->hash_next) {
		if (strcmp(set->name, name) != 0)
			continue;
		if (addr != NULL && addr_equal(addr, &set->addr))
			return set;
		if (addr == NULL && set->is_named &&
		    (found == NULL || is_preferred(p, set, found)))
			found = set;
	}
	return found;
}

static void
hash_insert(struct pool *p, struct slot_set *set)
{
	struct slot_set **head =
	    &p->set_hash[hash_text(set->name) & p->hash_mask];

	set->hash_next = *head;
	*head = set;
}

/* Makes room for that many sets in the table, the hash and the heap. */
static void
reserve(struct pool *p, size_t count)
{
	size_t room = 16;

	while (room < count)
		room *= 2;
	if (room <= p->set_room)
		return;
	p->sets =
	    mem_grow(p->sets, p->set_room, room, sizeof(struct slot_set *));
	p->set_room = room;
	heap_reserve(&p->probes, (uint32_t)room);
	free(p->set_hash);
	p->set_hash = mem_new(room * 2, sizeof(struct slot_set *));
	p->hash_mask = room * 2 - 1;
	for (size_t i = 0; i < p->set_count; i++)
		hash_insert(p, p->sets[i]);
}

static void
shelf_init(struct shelf *sh, struct slot_set *set, struct user *u)
{
	sh->set = set;
	sh->user = u;
	list_init(&sh->idle);
	list_init(&sh->queue);
}

static struct slot_set *
add(struct pool *p, const struct backend_spec *spec)
{
	struct slot_set *set = mem_new_line(sizeof(*set));

	set->id = pool_new_id(p);
	set->name = mem_strdup(spec->name);
	set->addr = spec->addr;
	(void)addr_text(&spec->addr, set->addr_text);
	set->ramp = UINT32_MAX;
	set->share = 1;
	set->stride = 1ULL << 32;
	set->pass = p->pass;
	set->place_hash =
	    hash_mix(hash_text(set->name), hash_text(set->addr_text));
	set->rank = hash_mix(p->host, set->place_hash);
	list_init(&set->slots);
	list_init(&set->queue);
	shelf_init(&set->fresh, set, &p->fresh);
	set->shelves = &set->fresh;
	p->sets[p->set_count++] = set;
	hash_insert(p, set);
	return set;
}

static bool
is_online(const struct slot_set *set)
{
	return slot_set_is_usable(set) && set->health == HEALTH_ONLINE;
}

/* An operator drains it, or does no longer. */
void
slot_set_drain(struct pool *p, struct slot_set *set, bool is_drained)
{
	p->online -= is_online(set);
	set->is_drained = is_drained;
	p->online += is_online(set);
	spread_set_changed(p, set);
}

static void
name_it(struct pool *p, struct slot_set *set, const struct backend_spec *spec)
{
	if (!set->is_named) {
		set->is_named = true;
		set->absent_at_us = 0;
		p->named++;
		p->online += is_online(set);
		tell(p, EVENT_BACKEND_ADDED, set, set->name);
	} else if (set->is_seen) { /* a second source names it too */
		set->sources |= spec->sources;
		return;
	}
	set->is_seen = true;
	set->sources = spec->sources;
	set->priority = spec->priority;
	set->weight = spec->weight;
	set->ttl_s = spec->ttl_s;
}

/* Found anew for each that goes: one that goes may take others with it. */
static struct slot *
find_in_phase(const struct slot_set *set, bool is_acquiring)
{
	struct list_node *n = list_first(&set->slots);

	for (; n != NULL; n = list_after(&set->slots, n)) {
		struct slot *s = CONTAINER_OF(n, struct slot, set_link);

		if (s->phase != PHASE_LENT &&
		    (s->phase == PHASE_ACQUIRE) == is_acquiring)
			return s;
	}
	return NULL;
}

/* Sources no longer name some sets, or an operator drains them: nothing new
 * goes to them; what is claimed may come back first. Claims that they leave
 * without a slot look for another one, so all idle slots that these must not
 * find go before, of all such sets. */
void
slot_set_withdraw_all(struct pool *p)
{
	struct slot *s;

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (slot_set_is_usable(set))
			continue;
		while ((s = find_in_phase(set, false)) != NULL)
			slot_remove(p, s);
		heap_remove(&p->probes, &set->probe);
		spread_set_changed(p, set);
	}
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		while (!slot_set_is_usable(set) &&
		       (s = find_in_phase(set, true)) != NULL)
			lend_withdraw(p, s);
	}
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (slot_set_is_usable(set))
			continue;
		claim_leave_set(p, set, !set->is_named);
		if (set->slots.count == 0 && !set->is_named)
			p->has_unused_sets = true;
	}
}

static void
unname(struct pool *p, struct slot_set *set)
{
	p->named--;
	p->online -= is_online(set);
	set->is_named = false;
	set->absent_at_us = p->now_us;
	set->is_drained = false;
	tell(p, EVENT_BACKEND_REMOVED, set, set->name);
}

/* No source names anything any more. */
void
slot_set_unname_all(struct pool *p)
{
	for (size_t i = 0; i < p->set_count; i++) {
		if (p->sets[i]->is_named)
			unname(p, p->sets[i]);
	}
	slot_set_withdraw_all(p);
}

void
slot_set_update(struct pool *p, const struct backend_spec *specs, size_t count)
{
	size_t old_count;

	reserve(p, p->set_count + count);
	old_count = p->set_count;
	for (size_t i = 0; i < count; i++) {
		struct slot_set *set =
		    slot_set_find(p, specs[i].name, &specs[i].addr);

		name_it(p, set == NULL ? add(p, &specs[i]) : set, &specs[i]);
	}
	shares_weigh(p);
	for (size_t i = 0; i < old_count; i++) {
		if (p->sets[i]->is_named && !p->sets[i]->is_seen)
			unname(p, p->sets[i]);
	}
	for (size_t i = 0; i < p->set_count; i++)
		p->sets[i]->is_seen = false;
	slot_set_withdraw_all(p);
	shares_weigh(p);
}

static void
free_set(struct pool *p, struct slot_set *set)
{
	struct slot_set **at =
	    &p->set_hash[hash_text(set->name) & p->hash_mask];

	ASSERT(set->slots.count == 0 && set->queue.count == 0);
	ASSERT(set->shelves == &set->fresh && set->fresh.refs == 0);
	pairing_remove(&p->fresh.shelves, &set->fresh.place);
	while (*at != set)
		at = &(*at)->hash_next;
	*at = set->hash_next;
	pairing_remove(&p->grow, &set->grow);
	heap_remove(&p->probes, &set->probe);
	if (list_has(&set->failing))
		list_remove(&p->failing, &set->failing);
	if (p->failing.count == 0)
		p->window_at_us = NEVER;
	free(set->connect);
	free(set->name);
	free(set);
}

/* Frees the sets that no source names and that have no slot left. */
void
slot_set_sweep(struct pool *p)
{
	size_t kept = 0;

	p->has_unused_sets = false;
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (!set->is_named && set->slots.count == 0)
			free_set(p, set);
		else
			p->sets[kept++] = set;
	}
	p->set_count = kept;
}

/* How far the set is: its pass counts what it was given against its share
 * (stride scheduling, Waldspurger 1995), so that over time each set gets its
 * share exactly; each claim that it holds counts LOAD_STRIDES more, if
 * `balance` looks at them. */
static uint64_t
progress(const struct pool *p, const struct slot_set *set)
{
	uint64_t load = set->busy < LOAD_MOST ? set->busy : LOAD_MOST;

	if (p->policy.balance == BALANCE_ROUND_ROBIN)
		load = 0;
	return set->pass + load * LOAD_STRIDES * set->stride;
}

/* Where the set stands for a claim, inside its tier; the least is the best. */
static uint64_t
score(const struct pool *p, const struct slot_set *set)
{
	uint64_t failures = set->penalty < LOAD_MOST ? set->penalty : LOAD_MOST;

	return progress(p, set) + failures * FAILURE_STRIDES * set->stride;
}

bool
slot_set_is_better(
    const struct pool *p, const struct slot_set *a, const struct slot_set *b)
{
	if (a->tier != b->tier)
		return a->tier < b->tier;
	return score(p, a) < score(p, b);
}

/* How far the set would be if it held what is its share of all that is held. */
static uint64_t
due_progress(const struct pool *p, const struct slot_set *set)
{
	uint64_t held = p->in_use;

	if (p->policy.balance == BALANCE_ROUND_ROBIN || p->online == 0)
		return set->pass;
	return set->pass + (held * LOAD_STRIDES << 16) / p->online;
}

/* Makes up for how far the set is behind the one that led last, but for `lag`
 * claims. What was slow to give back, failed, or had nothing to give is owed no
 * more: else it would get the rest one day, however slow it is. */
static void
forgive(const struct pool *p, struct slot_set *set, uint64_t lag)
{
	uint64_t now;

	if (set->pass + lag * set->stride >= p->pass)
		return; /* as nearly always: not behind whatever it holds */
	now = due_progress(p, set) + lag * set->stride;
	if (now < p->pass)
		set->pass += p->pass - now;
}

/* It is the best for a claim that may have any: the others are measured by it.
 */
void
slot_set_lead(struct pool *p, const struct slot_set *set)
{
	uint64_t now = progress(p, set);

	if (now > p->pass)
		p->pass = now;
}

/* The set may have become better: moves its shelves forward. That it became
 * worse is found out by shelf_best when it matters. */
void
slot_set_rekey(struct pool *p, struct slot_set *set)
{
	struct pairing_node now = { .hi = set->tier, .lo = score(p, set) };

	for (struct shelf *sh = set->shelves; sh != NULL; sh = sh->next) {
		if (pairing_has(&sh->place) && pairing_less(&now, &sh->place))
			pairing_set(
			    &sh->user->shelves, &sh->place, now.hi, now.lo);
	}
}

/* Puts a shelf that has an idle slot where its set's score says. */
void
shelf_place(const struct pool *p, struct shelf *sh)
{
	pairing_set(
	    &sh->user->shelves, &sh->place, sh->set->tier, score(p, sh->set));
}

/* Does a shelf with idle slots stand in its user's heap, not behind its place?
 * For pool_check. */
bool
shelf_is_placed(const struct pool *p, const struct shelf *sh)
{
	if (!pairing_has(&sh->place))
		return sh->idle.count == 0;
	if (sh->place.hi != sh->set->tier)
		return sh->place.hi < sh->set->tier;
	return sh->place.lo <= score(p, sh->set);
}

/* The user's best shelf with an idle slot, NULL when there is none. A shelf
 * stands in the heap at its set's score or before it, so what comes up at the
 * root need only be put right until it is right: a set that was claimed from
 * and got its connection back, as nearly all have, moves once for both. */
struct shelf *
shelf_best(const struct pool *p, struct user *u)
{
	struct pairing_node *n;

	while ((n = pairing_min(&u->shelves)) != NULL) {
		struct shelf *sh = CONTAINER_OF(n, struct shelf, place);

		if (sh->idle.count == 0) {
			pairing_remove(&u->shelves, &sh->place);
			continue;
		}
		forgive(p, sh->set, LAG_STRIDES);
		if (sh->place.hi == sh->set->tier &&
		    sh->place.lo == score(p, sh->set))
			return sh;
		shelf_place(p, sh);
	}
	return NULL;
}

/* Its trial, if it had one, has led to something. */
void
slot_set_end_trial(struct pool *p, struct slot_set *set)
{
	p->trials -= set->is_trial;
	set->is_trial = false;
}

static void
set_health(struct pool *p, struct slot_set *set, enum set_health health)
{
	slot_set_end_trial(p, set);
	p->online -= is_online(set);
	if (set->health == HEALTH_OFFLINE)
		p->probing -= set->counts[SLOT_CONNECTING];
	if (health == HEALTH_OFFLINE)
		p->probing += set->counts[SLOT_CONNECTING];
	set->health = health;
	p->online += is_online(set);
	spread_track_prober(p, set);
}

/* Its last slot went for a reason of ours: nothing is known of it now. */
void
slot_set_forget_health(struct pool *p, struct slot_set *set)
{
	set_health(p, set, HEALTH_UNTRIED);
}

static void
go_online(struct pool *p, struct slot_set *set)
{
	if (set->health == HEALTH_UNTRIED)
		set->ramp = UINT32_MAX;
	forgive(p, set, 0);
	set_health(p, set, HEALTH_ONLINE);
	heap_remove(&p->probes, &set->probe);
	tell(p, EVENT_SLOT_SET_ONLINE, set, NULL);
}

/* One more, or one fewer, of its connections works. A backend that has been
 * away gets its share back in steps: twice as many slots each time that all it
 * may have are connected. */
void
slot_set_on_live(struct pool *p, struct slot_set *set, int change)
{
	set->live += (uint32_t)change;
	if (change < 0)
		return;
	if (set->health != HEALTH_ONLINE)
		go_online(p, set);
	if (set->live >= set->ramp) {
		set->ramp =
		    set->ramp < UINT32_MAX / 2 ? set->ramp * 2 : UINT32_MAX;
		spread_soon(p);
	} else if (p->is_uneven) {
		spread_soon(p);
	}
	spread_set_changed(p, set);
}

static uint64_t
window_epoch(const struct pool *p)
{
	return p->now_us / WINDOW_BUCKET_US;
}

/* Forgets the buckets that are older than the window. */
static void
rotate(struct slot_set *set, uint64_t epoch)
{
	uint64_t steps = epoch - set->window_epoch;

	if (steps > WINDOW_BUCKETS)
		steps = WINDOW_BUCKETS;
	for (uint64_t i = 1; i <= steps; i++) {
		uint64_t b = (set->window_epoch + i) % WINDOW_BUCKETS;

		set->failure_sum -= set->failures[b];
		set->penalty -= set->penalties[b];
		set->failures[b] = set->penalties[b] = 0;
	}
	set->window_epoch = epoch;
}

void
slot_set_on_failure(struct pool *p, struct slot_set *set, const char *reason)
{
	uint64_t epoch = window_epoch(p);

	set->last_error = reason;
	set->last_error_at_us = p->now_us;
	rotate(set, epoch);
	set->failures[epoch % WINDOW_BUCKETS]++;
	set->failure_sum++;
	if (set->health != HEALTH_OFFLINE) {
		set->penalties[epoch % WINDOW_BUCKETS]++;
		set->penalty++;
	}
	set->failures_all++;
	p->failures++;
	if (!list_has(&set->failing))
		list_push_back(&p->failing, &set->failing);
	if (p->window_at_us == NEVER)
		p->window_at_us = (epoch + 1) * WINDOW_BUCKET_US;
	slot_set_rekey(p, set);
}

/* However many connections went with it, that it went is held against it once;
 * and what fails while it is away is not. So a backend that was started anew is
 * used as soon as it is back, and one that comes and goes is not. */
void
slot_set_go_offline(struct pool *p, struct slot_set *set)
{
	uint32_t *now = &set->penalties[window_epoch(p) % WINDOW_BUCKETS];

	set_health(p, set, HEALTH_OFFLINE);
	set->ramp = 1;
	rotate(set, window_epoch(p));
	if (*now > 1) {
		set->penalty -= *now - 1;
		*now = 1;
		slot_set_rekey(p, set);
	}
	tell(p, EVENT_SLOT_SET_OFFLINE, set, NULL);
}

/* A new bucket begins: penalties decay. */
void
slot_set_rotate_windows(struct pool *p)
{
	uint64_t epoch = window_epoch(p);
	struct list_node *n = list_first(&p->failing);

	while (n != NULL) {
		struct slot_set *set =
		    CONTAINER_OF(n, struct slot_set, failing);

		n = list_after(&p->failing, n);
		rotate(set, epoch);
		slot_set_rekey(p, set);
		if (set->failure_sum == 0)
			list_remove(&p->failing, &set->failing);
	}
	p->window_at_us =
	    p->failing.count == 0 ? NEVER : (epoch + 1) * WINDOW_BUCKET_US;
}

static struct user **
user_head(struct pool *p, uint32_t uid)
{
	return &p->users[uid * 0x9E3779B1u >> (32 - USER_HASH_BITS)];
}

/* The user's record, made when there is none; counted, user_put ends it. */
struct user *
user_get(struct pool *p, uint32_t uid)
{
	struct user **head = user_head(p, uid), *u = *head;

	if (p->policy.isolation == ISOLATION_NONE) {
		p->fresh.refs++;
		return &p->fresh;
	}
	while (u != NULL && u->uid != uid)
		u = u->next;
	if (u == NULL) {
		u = arena_take(&p->claims->users);
		ASSERT(u != NULL);
		u->uid = uid;
		list_init(&u->any_queue);
		u->next = *head;
		*head = u;
	}
	u->refs++;
	return u;
}

void
user_put(struct pool *p, struct user *u)
{
	struct user **at;

	ASSERT(u->refs > 0);
	if (--u->refs > 0 || u == &p->fresh)
		return;
	at = user_head(p, u->uid);
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	arena_put(&p->claims->users, u);
}

struct shelf *
shelf_find(const struct slot_set *set, const struct user *u)
{
	struct shelf *sh = set->shelves;

	while (sh != NULL && sh->user != u)
		sh = sh->next;
	return sh;
}

/* The shelf of that user in that set, made when there is none; counted,
 * shelf_put ends it. */
struct shelf *
shelf_get(struct pool *p, struct slot_set *set, struct user *u)
{
	struct shelf *sh = shelf_find(set, u);

	if (sh == NULL) {
		sh = arena_take(&p->claims->shelves);
		ASSERT(sh != NULL);
		shelf_init(sh, set, u);
		u->refs++;
		sh->next = set->shelves;
		set->shelves = sh;
	}
	sh->refs++;
	return sh;
}

void
shelf_put(struct pool *p, struct shelf *sh)
{
	struct shelf **at = &sh->set->shelves;
	struct user *u = sh->user;

	ASSERT(sh->refs > 0);
	if (--sh->refs > 0 || shelf_is_fresh(sh))
		return;
	ASSERT(sh->idle.count == 0 && sh->queue.count == 0);
	pairing_remove(&u->shelves, &sh->place);
	while (*at != sh)
		at = &(*at)->next;
	*at = sh->next;
	arena_put(&p->claims->shelves, sh);
	user_put(p, u);
}

static const char *const state_names[] = {
	[BACKEND_ONLINE] = "online",
	[BACKEND_OFFLINE] = "offline",
	[BACKEND_UNTRIED] = "untried",
	[BACKEND_DRAINING] = "draining",
};

const char *
backend_state_name(enum backend_state s)
{
	ASSERT(s < ARRAY_LEN(state_names));
	return state_names[s];
}

/* The backend that a claim would prefer now, one that is connected before one
 * that was not tried yet; NULL when there is none. */
struct slot_set *
slot_set_best(const struct pool *p)
{
	struct slot_set *best = NULL;

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (!slot_set_is_usable(set) || set->health == HEALTH_OFFLINE)
			continue;
		forgive(p, set, LAG_STRIDES);
		if (best == NULL || set->health > best->health ||
		    (set->health == best->health &&
			slot_set_is_better(p, set, best)))
			best = set;
	}
	return best;
}
