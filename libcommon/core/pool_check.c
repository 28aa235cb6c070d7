/*
 * The invariants of a pool, walked in full: what the promises of the pool's
 * design say about any moment between two events. Tests and the simulator call
 * it after every event.
 */

#include "core/pool_priv.h"

static bool
may_use(const struct pool *p, const struct slot *s, const struct claim *c)
{
	if (c->set != NULL && c->set != s->set)
		return false;
	return p->policy.isolation == ISOLATION_NONE ||
	       shelf_is_fresh(s->home) || s->home->user->uid == c->uid;
}

/* Counts add up, every list says the truth, caps hold. */
static void
check_set(const struct pool *p, const struct slot_set *set)
{
	uint32_t counts[SLOT_STATE_COUNT] = { 0 }, live = 0, free_of_claims = 0;
	uint32_t busy = 0, idle = 0;
	struct list_node *n = list_first(&set->slots);

	for (; n != NULL; n = list_after(&set->slots, n)) {
		struct slot *s = CONTAINER_OF(n, struct slot, set_link);

		ASSERT(s->set == set && slot_state(s) < SLOT_STATE_COUNT);
		counts[slot_state(s)]++;
		live += slot_has_connection(s);
		busy += s->phase == PHASE_ACQUIRE || s->phase == PHASE_LENT;
		free_of_claims += s->phase != PHASE_LENT;
		ASSERT((s->phase == PHASE_LENT) <= (s->claim != NULL));
		if (s->claim != NULL)
			ASSERT(s->claim->slot == s);
		ASSERT((s->shelf != NULL) == (s->phase == PHASE_IDLE));
		ASSERT(s->home->set == set);
		ASSERT(shelf_is_fresh(s->home) || slot_has_connection(s) ||
		       s->phase == PHASE_LENT);
	}
	for (int i = 0; i < SLOT_STATE_COUNT; i++)
		ASSERT(counts[i] == set->counts[i]);
	ASSERT(live == set->live && busy == set->busy);
	for (struct shelf *sh = set->shelves; sh != NULL; sh = sh->next) {
		ASSERT(shelf_is_fresh(sh) || sh->refs > 0);
		ASSERT(shelf_is_placed(p, sh));
		idle += sh->idle.count;
	}
	ASSERT(idle == counts[SLOT_UNCLAIMED]);
	ASSERT(set->health != HEALTH_ONLINE || set->live > 0 ||
	       set->counts[SLOT_CONNECTING] > 0);
	if (set->health == HEALTH_OFFLINE)
		ASSERT(set->live == 0 && free_of_claims <= 1);
	ASSERT(list_has(&set->prober) ==
	       (set->health == HEALTH_OFFLINE && counts[SLOT_CONNECTING] > 0));
	ASSERT(!slot_set_is_usable(set) ? free_of_claims == 0 : true);
}

/* No claim waits while a slot that it may use is unclaimed. */
static uint32_t
check_queue(const struct pool *p, const struct list *queue)
{
	const struct list_node *n = list_first(queue);

	for (; n != NULL; n = list_after(queue, n)) {
		const struct claim *c =
		    CONTAINER_OF(n, struct claim, pool_link);

		ASSERT(c->state == CLAIM_WAITING && pairing_has(&c->due));
		for (uint32_t k = 0; k < p->slot_room && !p->is_paused; k++) {
			if (p->slots[k]->phase == PHASE_IDLE)
				ASSERT(!may_use(p, p->slots[k], c));
		}
	}
	return queue->count;
}

void
pool_check(struct pool *p)
{
	uint32_t counts[SLOT_STATE_COUNT] = { 0 }, total = 0, probing = 0;
	uint32_t online = 0, named = 0, in_use = 0, yielded = 0;
	uint32_t waiting = check_queue(p, &p->any_queue);

	for (size_t i = 0; i < p->set_count; i++) {
		const struct slot_set *set = p->sets[i];

		check_set(p, set);
		waiting += check_queue(p, &set->queue);
		for (int k = 0; k < SLOT_STATE_COUNT; k++)
			counts[k] += set->counts[k];
		total += set->slots.count;
		if (set->health == HEALTH_OFFLINE)
			probing += set->counts[SLOT_CONNECTING];
		named += set->is_named;
		online +=
		    slot_set_is_usable(set) && set->health == HEALTH_ONLINE;
	}
	for (int k = 0; k < SLOT_STATE_COUNT; k++)
		ASSERT(counts[k] == p->counts[k]);
	for (uint32_t i = 0; i < p->slot_room; i++) {
		enum slot_phase phase = p->slots[i]->phase;

		yielded += p->slots[i]->is_yielded;
		in_use += phase == PHASE_ACQUIRE || phase == PHASE_RECYCLE ||
			  phase == PHASE_LENT;
	}
	ASSERT(total == p->total && probing == p->probing);
	ASSERT(in_use == p->in_use && yielded == p->yielded);
	ASSERT(named == p->named && online == p->online);
	ASSERT(p->probers.count <= p->probing);
	ASSERT(p->total + p->free_slots.count == p->slot_room);
	ASSERT(waiting == p->waiting);
}
