/*
 * Claims: the table that finds them by id, the queue in which they wait, who
 * is next when a slot is ready, and which slot is the best when a claim comes.
 *
 * A waiting claim stands in two lists, both in order of arrival: among all
 * claims that a fresh connection could serve (of the pool, or of the one
 * backend it wants), and among those of its own user. So the next claim for any
 * slot is the older of two heads.
 */

#include <stdlib.h>
#include <string.h>

#include "core/pool_priv.h"

/* For so many intervals CoDel remembers how fast it dropped (RFC 8289, 5.5). */
#define CODEL_MEMORY 16

/* How long a user has a connection, at least, before it is closed for the claim
 * of another: so that connecting stays a small part of its use. */
#define TURN_US (100 * US_PER_MS)

struct claim_table *
claim_table_new(uint32_t room)
{
	struct claim_table *t = mem_new(1, sizeof(*t));

	arena_init(&t->claims, sizeof(struct claim));
	arena_init(&t->users, sizeof(struct user));
	arena_init(&t->shelves, sizeof(struct shelf));
	t->next = 1;
	claim_table_reserve(t, room);
	return t;
}

void
claim_table_free(struct claim_table **t)
{
	if (*t == NULL)
		return;
	ASSERT((*t)->users.taken == 0 && (*t)->shelves.taken == 0);
	arena_fini(&(*t)->claims);
	arena_fini(&(*t)->users);
	arena_fini(&(*t)->shelves);
	free((*t)->by_id);
	free(*t);
	*t = NULL;
}

/* One more of each for a claim that is being asked for. */
static void
reserve_users(struct claim_table *t)
{
	uint32_t room = t->claims.reserved + t->slots + t->pools;

	arena_reserve(&t->users, room);
	arena_reserve(&t->shelves, room);
}

/* Pools have come or gone, or have other numbers of slots now. */
void
claim_table_add_slots(struct claim_table *t, int64_t slots, int pools)
{
	t->slots = (uint32_t)(t->slots + slots);
	t->pools = (uint32_t)((int)t->pools + pools);
	reserve_users(t);
}

/* Ids that differ at the old size differ at twice the size too, so every claim
 * finds its new place free. */
void
claim_table_reserve(struct claim_table *t, uint32_t room)
{
	struct claim **old = t->by_id;
	uint64_t old_size = old == NULL ? 0 : t->mask + 1;
	uint64_t size = 64;

	while (size < 2 * (uint64_t)room)
		size *= 2;
	arena_reserve(&t->claims, room);
	reserve_users(t);
	if (size <= old_size)
		return;
	t->by_id = mem_new(size, sizeof(struct claim *));
	t->mask = size - 1;
	for (uint64_t i = 0; i < old_size; i++) {
		if (old[i] != NULL)
			t->by_id[old[i]->id & t->mask] = old[i];
	}
	free(old);
}

uint32_t
claim_table_taken(const struct claim_table *t)
{
	return t->claims.taken;
}

struct claim *
claim_find(const struct claim_table *t, uint64_t id)
{
	struct claim *c = t->by_id[id & t->mask];

	return c != NULL && c->id == id ? c : NULL;
}

/* An id that was never given before and whose place is free. The table has
 * twice as many places as claims, so one is near. */
uint64_t
claim_take_id(struct claim_table *t)
{
	while (t->by_id[t->next & t->mask] != NULL)
		t->next++;
	return t->next++;
}

/* A new claim under an id just taken; NULL when the table is full. */
struct claim *
claim_new(struct claim_table *t, uint64_t id)
{
	struct claim *c = arena_take(&t->claims);

	if (c == NULL)
		return NULL;
	c->id = id;
	t->by_id[id & t->mask] = c;
	return c;
}

void
claim_free(struct claim *c)
{
	struct claim_table *t = c->pool->claims;

	t->by_id[c->id & t->mask] = NULL;
	arena_put(&t->claims, c);
}

static struct claim *
of_pool_link(struct list_node *n)
{
	return n == NULL ? NULL : CONTAINER_OF(n, struct claim, pool_link);
}

static struct claim *
of_user_link(struct list_node *n)
{
	return n == NULL ? NULL : CONTAINER_OF(n, struct claim, user_link);
}

/* Puts a claim where its sequence belongs: at the end, unless it has been out
 * of the queue for an on-acquire that failed; then it is near the front. */
static void
insert_pool(struct list *l, struct claim *c)
{
	struct list_node *at = &l->head;
	struct claim *last = of_pool_link(list_last(l));

	if (last != NULL && last->seq > c->seq) {
		at = list_first(l);
		while (of_pool_link(at)->seq < c->seq)
			at = at->next;
	}
	list_insert_before(l, at, &c->pool_link);
}

static void
insert_user(struct list *l, struct claim *c)
{
	struct list_node *at = &l->head;
	struct claim *last = of_user_link(list_last(l));

	if (last != NULL && last->seq > c->seq) {
		at = list_first(l);
		while (of_user_link(at)->seq < c->seq)
			at = at->next;
	}
	list_insert_before(l, at, &c->user_link);
}

static bool
would_wait(const struct claim *c)
{
	return c->deadline_us > c->asked_at_us;
}

/* Until when the claim may look for a connection. One that would not wait has
 * the time that one check may take, for its on-acquire. */
uint64_t
claim_end_us(const struct pool *p, const struct claim *c)
{
	return would_wait(c)
		   ? c->deadline_us
		   : time_after(c->asked_at_us, p->policy.health_check_timeout);
}

/* When it is refused, be it in the queue or its on-acquire running. */
void
claim_set_due(struct pool *p, struct claim *c, uint64_t at_us)
{
	pairing_set(&p->deadlines, &c->due, at_us, c->seq);
}

/* The claim that waits or acquires whose time is over first, NULL when there is
 * none. */
struct claim *
claim_next_due(const struct pool *p)
{
	struct pairing_node *n = pairing_min(&p->deadlines);

	return n == NULL ? NULL : CONTAINER_OF(n, struct claim, due);
}

uint64_t
claim_next_due_us(const struct pool *p)
{
	const struct pairing_node *n = pairing_min(&p->deadlines);

	return n == NULL ? NEVER : n->hi;
}

void
claim_enqueue(struct pool *p, struct claim *c)
{
	struct user *u = user_get(p, c->uid);

	c->state = CLAIM_WAITING;
	c->user = u;
	if (c->set == NULL) {
		insert_pool(&p->any_queue, c);
		insert_user(&u->any_queue, c);
	} else {
		c->shelf = shelf_get(p, c->set, u);
		user_put(p, u); /* the shelf holds it */
		insert_pool(&c->set->queue, c);
		insert_user(&c->shelf->queue, c);
		if (!list_has(&c->set->starved))
			list_push_back(&p->starved, &c->set->starved);
	}
	p->waiting++;
	claim_set_due(p, c, c->deadline_us);
}

/* Waits are not too long now: it begins anew when they are again. */
static void
codel_rest(struct pool *p)
{
	p->codel.first_above_us = 0;
	p->codel.is_dropping = false;
}

void
claim_dequeue(struct pool *p, struct claim *c)
{
	struct slot_set *set = c->set;

	ASSERT(c->state == CLAIM_WAITING);
	if (set == NULL) {
		list_remove(&p->any_queue, &c->pool_link);
		list_remove(&c->user->any_queue, &c->user_link);
		user_put(p, c->user);
	} else {
		list_remove(&set->queue, &c->pool_link);
		list_remove(&c->shelf->queue, &c->user_link);
		shelf_put(p, c->shelf);
		c->shelf = NULL;
		if (set->queue.count == 0)
			list_remove(&p->starved, &set->starved);
	}
	c->user = NULL;
	p->waiting--;
	if (p->waiting == 0)
		codel_rest(p);
	pairing_remove(&p->deadlines, &c->due);
}

/* Why a claim for this backend (NULL: any) cannot be served. */
enum error
claim_why_not(const struct pool *p, const struct slot_set *set)
{
	bool is_online = set == NULL ? p->online > 0
				     : slot_set_is_usable(set) &&
					   set->health == HEALTH_ONLINE;

	if (p->named == 0)
		return ERR_NO_BACKENDS;
	return is_online ? ERR_ALL_CLAIMS_USED : ERR_NO_BACKENDS_ONLINE;
}

/* Takes a claim that waits, or whose on-acquire runs, out of everything. */
void
claim_detach(struct pool *p, struct claim *c)
{
	if (c->state == CLAIM_WAITING) {
		claim_dequeue(p, c);
		return;
	}
	ASSERT(c->state == CLAIM_ACQUIRING);
	pool_tell_claim(p, EVENT_SLOT_SET_CLAIM_FAILED, c, c->slot, "ended");
	pool_tell_claim(p, EVENT_POOL_CLAIM_FAILED, c, NULL, NULL);
	c->slot->claim = NULL;
	c->slot = NULL;
	pairing_remove(&p->deadlines, &c->due);
}

void
claim_refuse(struct pool *p, struct claim *c, enum error e)
{
	claim_detach(p, c);
	c->state = CLAIM_REFUSED;
	c->error = e;
	list_push_back(&p->answers, &c->answer);
	p->refused[e]++;
	pool_tell_claim(p, EVENT_CLAIM_FAILED, c, NULL, error_code(e));
}

static struct slot *
hottest(const struct shelf *sh)
{
	return CONTAINER_OF(list_first(&sh->idle), struct slot, link);
}

/* The user's own or a fresh shelf of this set, whichever has a slot. */
static struct shelf *
shelf_of(const struct pool *p, const struct slot_set *set, const struct user *u)
{
	struct shelf *sh = shelf_find(set, u);

	if (sh != NULL && sh->idle.count > 0)
		return sh;
	sh = shelf_find(set, &p->fresh);
	return sh != NULL && sh->idle.count > 0 ? sh : NULL;
}

/* Two choices (Mitzenmacher 2001): the better of two backends drawn at random
 * from the best tier that has anything; NULL when the draws find none. What is
 * drawn are slots, of which each backend has as many as its weight says. */
static struct shelf *
two_choices(struct pool *p, const struct user *u, const struct shelf *best)
{
	struct shelf *found = NULL;
	int hits = 0;

	for (int i = 0; i < 6 && hits < 2; i++) {
		struct slot_set *set =
		    p->slots[rng_below(&p->rng, p->slot_room)]->set;
		struct shelf *sh;

		if (set == NULL || set->tier != best->set->tier)
			continue;
		sh = shelf_of(p, set, u);
		if (sh == NULL)
			continue;
		hits++;
		if (found == NULL || slot_set_is_better(p, set, found->set))
			found = sh;
	}
	return hits == 2 ? found : NULL;
}

/* The best idle slot for a claim of this user, of this set when one is named;
 * NULL when there is none. */
struct slot *
claim_pick(struct pool *p, struct user *u, struct slot_set *set)
{
	struct shelf *own, *fresh;

	if (set != NULL) {
		own = shelf_of(p, set, u);
		return own == NULL ? NULL : hottest(own);
	}
	own = shelf_best(p, u);
	fresh = u == &p->fresh ? NULL : shelf_best(p, &p->fresh);
	if (own == NULL ||
	    (fresh != NULL && pairing_less(&fresh->place, &own->place)))
		own = fresh;
	if (own == NULL)
		return NULL;
	slot_set_lead(p, own->set);
	if (p->policy.balance == BALANCE_P2C) {
		fresh = two_choices(p, u, own);
		if (fresh != NULL)
			own = fresh;
	}
	return hottest(own);
}

/* The backend that a key belongs to: rendezvous hashing (Thaler and
 * Ravishankar 1998) over the lowest tier that has any which is not known to be
 * down. What this host has connections to does not matter: the same key is to
 * go to the same backend from every host. */
struct slot_set *
claim_key_set(const struct pool *p, uint64_t key)
{
	struct slot_set *best = NULL;
	uint64_t best_score = 0;

	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];
		uint64_t score;

		if (!slot_set_is_usable(set) || set->health == HEALTH_OFFLINE)
			continue;
		if (best != NULL && set->tier > best->tier)
			continue;
		score = hash_mix(key, set->place_hash);
		if (best == NULL || set->tier < best->tier ||
		    score > best_score) {
			best = set;
			best_score = score;
		}
	}
	return best;
}

static uint64_t
square_root(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ULL << 31; bit > 0; bit >>= 1) {
		if ((root | bit) * (root | bit) <= n)
			root |= bit;
	}
	return root;
}

/* RFC 8289, 5.4: each interval is shorter by the square root of the drops. */
static uint64_t
codel_next(const struct pool *p, uint64_t from_us)
{
	uint64_t interval = p->policy.codel_interval;
	uint64_t drops = p->codel.drops;

	return time_after(from_us, (interval << 16) / square_root(drops << 32));
}

/* CoDel (RFC 8289) at the head of the queue: waits that have been above the
 * target for an interval drop claims, faster and faster until they are not. It
 * goes on as fast as it was when they are too long again soon after. The last
 * claim is never dropped. */
static bool
codel_drops(struct pool *p, const struct claim *c)
{
	struct codel *d = &p->codel;
	uint64_t wait = p->now_us - c->asked_at_us;
	bool is_long = wait >= p->policy.codel_target && p->waiting > 1;
	uint64_t from_us = p->now_us;

	if (!is_long) {
		codel_rest(p);
		return false;
	}
	if (d->first_above_us == 0) {
		d->first_above_us =
		    time_after(p->now_us, p->policy.codel_interval);
		return false;
	}
	if (p->now_us < d->first_above_us)
		return false;
	if (!d->is_dropping) {
		uint32_t more = d->drops - d->drops_before;
		uint64_t memory_us = CODEL_MEMORY * p->policy.codel_interval;

		if (more <= 1 ||
		    p->now_us >= time_after(d->drop_next_us, memory_us))
			more = 1;
		d->is_dropping = true;
		d->drops = d->drops_before = more;
	} else if (p->now_us >= d->drop_next_us) {
		d->drops++;
		from_us = d->drop_next_us; /* what is late is made up for */
	} else {
		return false;
	}
	d->drop_next_us = codel_next(p, from_us);
	return true;
}

static struct claim *
oldest_for(struct pool *p, const struct slot *s)
{
	const struct shelf *home = s->home;
	struct claim *any, *own;

	if (shelf_is_fresh(home) || p->policy.isolation == ISOLATION_NONE) {
		any = of_pool_link(list_first(&p->any_queue));
		own = of_pool_link(list_first(&s->set->queue));
	} else {
		any = of_user_link(list_first(&home->user->any_queue));
		own = of_user_link(list_first(&home->queue));
	}
	if (any == NULL || (own != NULL && own->seq < any->seq))
		return own;
	return any;
}

/* How many of the queue came before seq, counted no further than to one more
 * than enough. */
static uint32_t
count_older(const struct list *queue, uint64_t seq, uint32_t enough)
{
	struct list_node *n = list_first(queue);
	uint32_t count = 0;

	for (; n != NULL && count <= enough; n = list_after(queue, n)) {
		if (of_pool_link(n)->seq >= seq)
			break;
		count++;
	}
	return count;
}

/* Should this connection, which only its user may have, be closed and made anew
 * for claims of other users that came before those of its own? A user whose
 * queue never empties would else keep all connections for ever; one who has had
 * it for a turn has had the worth of it. */
bool
claim_has_others_turn(struct pool *p, const struct slot *s)
{
	const struct claim *own;

	if (p->waiting == 0 || p->is_paused || shelf_is_fresh(s->home) ||
	    p->now_us - s->connected_at_us < TURN_US || spread_may_grow(p))
		return false;
	own = oldest_for(p, s);
	if (own == NULL)
		return false; /* when it is idle spread_adjust sees to it */
	return count_older(&p->any_queue, own->seq, p->yielded) +
		   count_older(&s->set->queue, own->seq, p->yielded) >
	       p->yielded;
}

/* The claim that is next for a slot that is ready, off the queue; NULL when
 * none could use it. */
struct claim *
claim_next_for(struct pool *p, const struct slot *s)
{
	struct claim *c;

	if (p->is_paused || p->waiting == 0)
		return NULL;
	while ((c = oldest_for(p, s)) != NULL) {
		if (p->policy.codel_target == NEVER || !codel_drops(p, c)) {
			claim_dequeue(p, c);
			if (c->set == NULL)
				slot_set_lead(p, s->set);
			pool_tell_claim(
			    p, EVENT_POOL_CLAIM_START, c, NULL, NULL);
			return c;
		}
		claim_refuse(p, c, ERR_OVERLOADED);
	}
	return NULL;
}

/* Refuses the claims whose time has run out. */
void
claim_expire(struct pool *p)
{
	while (claim_next_due_us(p) <= p->now_us) {
		struct claim *c = claim_next_due(p);

		claim_refuse(p, c, claim_why_not(p, c->set));
	}
}

/* A claim that is on no queue takes the best idle slot, or queues at the place
 * that its arrival gives it. Much may have changed since it last stood there.
 */
void
claim_place(struct pool *p, struct claim *c)
{
	struct slot *s = NULL;

	if (c->is_keyed && c->set != NULL &&
	    (!slot_set_is_usable(c->set) || c->set->health == HEALTH_OFFLINE))
		c->set = claim_key_set(p, c->key);
	if (!p->is_paused &&
	    (would_wait(c) || claim_end_us(p, c) > p->now_us)) {
		struct user *u = user_get(p, c->uid);

		s = claim_pick(p, u, c->set);
		user_put(p, u);
	}
	if (s != NULL) {
		pool_tell_claim(p, EVENT_POOL_CLAIM_START, c, NULL, NULL);
		lend_start(p, s, c);
		return;
	}
	claim_enqueue(p, c);
	if (!would_wait(c))
		claim_refuse(p, c, claim_why_not(p, c->set));
}

/* The backend that a claim asked for by name is gone: it waits for another
 * address of that name, where there is one. */
static void
seek_namesake(struct pool *p, struct claim *c)
{
	struct slot_set *other = slot_set_find(p, c->set->name, NULL);

	if (other == NULL) {
		claim_refuse(p, c, ERR_NO_SUCH_BACKEND);
		return;
	}
	claim_dequeue(p, c);
	c->set = other;
	claim_place(p, c);
}

/* A backend went offline, or is gone: keyed claims that wait for it choose
 * again; those that asked for it by name wait on, or leave when it is gone. */
void
claim_leave_set(struct pool *p, struct slot_set *set, bool is_gone)
{
	struct list_node *n = list_first(&set->queue);

	while (n != NULL) {
		struct claim *c = of_pool_link(n);

		n = list_after(&set->queue, n);
		if (c->is_keyed) {
			claim_dequeue(p, c);
			c->set = claim_key_set(p, c->key);
			claim_place(p, c);
		} else if (is_gone) {
			seek_namesake(p, c);
		}
	}
}

/* when-offline = fail: every backend is known to be down, so no claim waits. */
void
claim_fail_fast(struct pool *p)
{
	struct list_node *n = list_first(&p->any_queue);

	while (n != NULL) {
		struct claim *c = of_pool_link(n);

		n = list_after(&p->any_queue, n);
		claim_refuse(p, c, ERR_NO_BACKENDS_ONLINE);
	}
	for (size_t i = 0; i < p->set_count; i++) {
		while ((n = list_first(&p->sets[i]->queue)) != NULL)
			claim_refuse(
			    p, of_pool_link(n), ERR_NO_BACKENDS_ONLINE);
	}
}

/* The owner of a claim that waits or is held, NULL when there is none. */
void *
claim_table_owner(const struct claim_table *t, uint64_t id)
{
	struct claim *c = claim_find(t, id);

	return c == NULL ? NULL : c->owner;
}
