/* What there is to see of a pool: figures, backends, slots and claims. */

#include <string.h>

#include "core/pool_priv.h"

static uint64_t
span_until(uint64_t now_us, uint64_t at_us)
{
	if (at_us == NEVER)
		return NEVER;
	return at_us > now_us ? at_us - now_us : 0;
}

static uint64_t
span_since(uint64_t now_us, uint64_t at_us)
{
	return now_us > at_us ? now_us - at_us : 0;
}

/* The next moment at which a slot of this set tries to connect. */
static uint64_t
set_retry_at(const struct slot_set *set)
{
	struct list_node *n = list_first(&set->slots);
	uint64_t best = heap_has(&set->probe) ? set->retry_at_us : NEVER;

	for (; n != NULL; n = list_after(&set->slots, n)) {
		const struct slot *s = CONTAINER_OF(n, struct slot, set_link);

		if (s->phase == PHASE_BACKOFF && s->timer_at_us < best)
			best = s->timer_at_us;
	}
	return best;
}

static void
look_at_claim(const struct claim *c, uint64_t *asked_at_us)
{
	if (c->asked_at_us < *asked_at_us)
		*asked_at_us = c->asked_at_us;
}

static void
look_at_queue(const struct list *queue, uint64_t *asked_at_us)
{
	struct list_node *n = list_first(queue);

	if (n != NULL)
		look_at_claim(
		    CONTAINER_OF(n, struct claim, pool_link), asked_at_us);
}

/* Of claims that wait, and those whose on-acquire runs. */
static uint64_t
oldest_wait(const struct pool *p, uint64_t now_us)
{
	uint64_t oldest = now_us;

	look_at_queue(&p->any_queue, &oldest);
	for (size_t i = 0; i < p->set_count; i++)
		look_at_queue(&p->sets[i]->queue, &oldest);
	for (uint32_t i = 0; i < p->slot_room; i++) {
		if (p->slots[i]->phase == PHASE_ACQUIRE &&
		    p->slots[i]->claim != NULL)
			look_at_claim(p->slots[i]->claim, &oldest);
	}
	return now_us - oldest;
}

void
pool_stats(const struct pool *p, uint64_t now_us, struct pool_stats *stats)
{
	uint64_t retry = NEVER;

	memset(stats, 0, sizeof(*stats));
	stats->backends = p->named;
	stats->online = p->online;
	memcpy(stats->counts, p->counts, sizeof(stats->counts));
	stats->slots = p->total;
	stats->waiting = p->waiting;
	stats->held = (uint32_t)p->held;
	stats->claims = p->granted;
	memcpy(stats->refused, p->refused, sizeof(stats->refused));
	for (size_t i = 0; i < ERROR_COUNT; i++)
		stats->refused_all += p->refused[i];
	stats->failures = p->failures;
	stats->leaks = p->leaks;
	stats->claims_per_s = rate_mean(&p->rate, now_us);
	stats->oldest_wait_us = oldest_wait(p, now_us);
	for (size_t i = 0; i < p->set_count; i++) {
		uint64_t at = set_retry_at(p->sets[i]);

		if (at < retry)
			retry = at;
	}
	stats->next_retry_us = span_until(now_us, retry);
	stats->is_paused = p->is_paused;
	stats->is_stopping = p->is_stopping;
}

const struct histogram *
pool_wait_histogram(const struct pool *p)
{
	return &p->wait.all;
}

const struct histogram *
pool_hold_histogram(const struct pool *p)
{
	return &p->hold.all;
}

void
pool_recent_wait(const struct pool *p, uint64_t now_us, struct histogram *wait)
{
	recent_last(&p->wait, now_us, wait);
}

void
pool_recent_hold(const struct pool *p, uint64_t now_us, struct histogram *hold)
{
	recent_last(&p->hold, now_us, hold);
}

const struct histogram *
pool_connect_histogram(const struct pool *p)
{
	return &p->connect;
}

static enum backend_state
backend_state(const struct slot_set *set)
{
	if (!slot_set_is_usable(set))
		return BACKEND_DRAINING;
	if (set->health == HEALTH_UNTRIED)
		return BACKEND_UNTRIED;
	return set->health == HEALTH_ONLINE ? BACKEND_ONLINE : BACKEND_OFFLINE;
}

bool
pool_next_backend(const struct pool *p, uint64_t now_us, size_t *at,
    struct backend_stats *stats)
{
	const struct slot_set *set;

	if (*at >= p->set_count)
		return false;
	set = p->sets[(*at)++];
	memset(stats, 0, sizeof(*stats));
	stats->set = set->id;
	stats->name = set->name;
	stats->addr_text = set->addr_text;
	stats->addr = &set->addr;
	stats->absent_us = NEVER;
	if (!set->is_named)
		stats->absent_us = span_since(now_us, set->absent_at_us);
	stats->state = backend_state(set);
	memcpy(stats->counts, set->counts, sizeof(stats->counts));
	stats->failures = set->failure_sum;
	stats->failures_all = set->failures_all;
	stats->claims = set->claims;
	stats->claims_per_s = rate_mean(&set->rate, now_us);
	stats->priority = set->priority;
	stats->weight = set->weight;
	stats->ttl_s = set->ttl_s;
	stats->sources = set->sources;
	stats->last_error = set->last_error;
	stats->last_error_us = span_since(now_us, set->last_error_at_us);
	stats->next_retry_us = span_until(now_us, set_retry_at(set));
	stats->connect = set->connect;
	return true;
}

/* The next slot from index *at on that is one. */
static const struct slot *
next_slot(const struct pool *p, uint32_t *at)
{
	while (*at < p->slot_room) {
		const struct slot *s = p->slots[(*at)++];

		if (s->phase != PHASE_FREE)
			return s;
	}
	return NULL;
}

bool
pool_next_slot(const struct pool *p, uint64_t now_us, uint32_t *at,
    struct slot_stats *stats)
{
	const struct slot *s = next_slot(p, at);

	if (s == NULL)
		return false;
	memset(stats, 0, sizeof(*stats));
	stats->id = s->id;
	stats->backend = s->set->name;
	stats->addr_text = s->set->addr_text;
	stats->state = slot_state(s);
	if (slot_has_connection(s))
		stats->age_us = span_since(now_us, s->connected_at_us);
	if (s->phase == PHASE_IDLE)
		stats->idle_us = span_since(now_us, s->idle_since_us);
	stats->claims = s->claims;
	return true;
}

bool
pool_next_claim(const struct pool *p, uint64_t now_us, uint32_t *at,
    struct claim_stats *stats)
{
	const struct slot *s;

	do {
		s = next_slot(p, at);
	} while (s != NULL && s->phase != PHASE_LENT);
	if (s == NULL)
		return false;
	stats->id = s->claim->id;
	stats->slot = s->id;
	stats->backend = s->set->name;
	stats->addr_text = s->set->addr_text;
	stats->held_us = span_since(now_us, s->claim->granted_at_us);
	stats->owner = s->claim->owner;
	return true;
}

/* What a claim would use now; it may be no more when a claim comes. */
enum error
pool_pick(struct pool *p, const char *backend, const char *key,
    const char **name, const char **addr_text)
{
	struct slot_set *set = NULL;

	if (p->is_stopping)
		return ERR_TERMINATED;
	if (backend != NULL) {
		set = slot_set_find(p, backend, NULL);
		if (set == NULL)
			return ERR_NO_SUCH_BACKEND;
	} else if (key != NULL) {
		set = claim_key_set(p, hash_text(key));
	} else {
		set = slot_set_best(p);
	}
	if (set == NULL || !slot_set_is_usable(set) ||
	    set->health == HEALTH_OFFLINE)
		return claim_why_not(p, set);
	*name = set->name;
	*addr_text = set->addr_text;
	return ERR_NONE;
}
