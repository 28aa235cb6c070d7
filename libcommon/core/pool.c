/*
 * Entry points of the pool: events come in, the clock moves on, and the caller
 * takes away what is to be done. What happens in between is in slot.c, lend.c,
 * claim.c, slot_set.c, spread.c and shares.c.
 */

#include "core/pool.h"

#include <stdlib.h>
#include <string.h>

#include "core/pool_priv.h"

void
pool_tell(struct pool *p, const struct event_record *e)
{
	if (pool_is_heard(p, e->kind))
		p->observer.on_event(p->observer.ctx, e);
}

/* See pool_tell_claim. */
void
pool_tell_listener(struct pool *p, enum event_kind kind, const struct claim *c,
    const struct slot *s, const char *reason)
{
	struct event_record e = { .kind = kind };

	e.id = c->id;
	e.pool = p->name;
	e.reason = reason;
	if (s != NULL) {
		e.addr = s->set->addr_text;
		e.slot = s->id;
	}
	pool_tell(p, &e);
}

void
pool_todo(struct pool *p, struct slot *s)
{
	if (!list_has(&s->todo))
		list_push_back(&p->todo, &s->todo);
}

uint64_t
pool_new_id(struct pool *p)
{
	return ++*p->ids;
}

/* Makes the rate's newest bucket that of now. */
static void
rate_turn(struct rate *r, uint32_t second)
{
	uint32_t steps = second - r->second;

	if (steps > RATE_SECONDS + 1)
		steps = RATE_SECONDS + 1;
	for (uint32_t i = 0; i < steps; i++)
		r->buckets[(second - i) % (RATE_SECONDS + 1)] = 0;
	r->second = second;
}

void
rate_count(struct rate *r, uint64_t now_us)
{
	uint32_t second = (uint32_t)(now_us / US_PER_S);

	if (second != r->second)
		rate_turn(r, second);
	r->buckets[second % (RATE_SECONDS + 1)]++;
}

/* Mean of the last whole seconds. */
double
rate_mean(const struct rate *r, uint64_t now_us)
{
	struct rate copy = *r;
	uint32_t second = (uint32_t)(now_us / US_PER_S);
	uint64_t sum = 0;

	rate_turn(&copy, second);
	for (uint32_t i = 1; i <= RATE_SECONDS; i++)
		sum += copy.buckets[(second + RATE_SECONDS + 1 - i) %
				    (RATE_SECONDS + 1)];
	return (double)sum / RATE_SECONDS;
}

/* Time only goes forward, whatever the caller says. */
static void
begin(struct pool *p, uint64_t now_us)
{
	if (now_us > p->now_us)
		p->now_us = now_us;
	if (p->observer.wanted != NULL)
		p->heard = p->observer.wanted(p->observer.ctx);
}

static void
end(struct pool *p)
{
	if (p->waiting > 0 && spread_must_fail_fast(p))
		claim_fail_fast(p);
	if (!p->is_stopping)
		spread_adjust(p);
	if (p->has_unused_sets)
		slot_set_sweep(p);
}

/* Memory for what the policy allows. Slots may for a while be as many as an
 * earlier, larger max-slots said. */
static void
reserve(struct pool *p)
{
	uint32_t slots = p->policy.max_slots, i = p->slot_room;

	if (slots > p->slot_room) {
		p->slots = mem_grow(p->slots, i, slots, sizeof(p->slots[0]));
		arena_reserve(&p->slot_arena, slots);
		heap_reserve(&p->timers, slots);
		for (; i < slots; i++) {
			struct slot *s = arena_take(&p->slot_arena);

			ASSERT(s != NULL);
			s->index = i;
			p->slots[i] = s;
			list_push_back(&p->free_slots, &s->link);
		}
		claim_table_add_slots(
		    p->claims, (int64_t)slots - p->slot_room, 0);
		p->slot_room = slots;
	}
}

struct pool *
pool_new(const struct pool_params *params, uint64_t now_us)
{
	struct pool *p = mem_new(1, sizeof(*p));

	p->name = mem_strdup(params->name);
	p->policy = *params->policy;
	p->observer = params->observer;
	p->heard = p->observer.on_event != NULL ? EVENT_ALL : 0;
	p->host = params->host;
	p->has_acquire = params->has_acquire;
	p->claims = params->claims;
	p->ids = params->ids;
	p->id = pool_new_id(p);
	p->now_us = now_us;
	rng_init(&p->rng, params->seed);
	arena_init(&p->slot_arena, sizeof(struct slot));
	list_init(&p->free_slots);
	list_init(&p->rated);
	list_init(&p->probers);
	list_init(&p->failing);
	list_init(&p->any_queue);
	list_init(&p->starved);
	list_init(&p->answers);
	list_init(&p->todo);
	list_init(&p->fresh.any_queue);
	p->window_at_us = NEVER;
	p->periodic_at_us = now_us + p->policy.rebalance_interval;
	p->rebalance_at_us = p->periodic_at_us;
	claim_table_add_slots(p->claims, 0, 1);
	reserve(p);
	return p;
}

void
pool_free(struct pool **pool)
{
	struct pool *p = *pool;

	if (p == NULL)
		return;
	*pool = NULL;
	ASSERT(pool_is_empty(p) && p->set_count == 0);
	claim_table_add_slots(p->claims, -(int64_t)p->slot_room, -1);
	heap_fini(&p->timers);
	heap_fini(&p->probes);
	arena_fini(&p->slot_arena);
	free(p->starts);
	free(p->sets);
	free(p->set_hash);
	free(p->slots);
	free(p->name);
	free(p);
}

void
pool_on_backends(struct pool *p, const struct backend_spec *specs, size_t count,
    uint64_t now_us)
{
	begin(p, now_us);
	if (p->is_stopping)
		return;
	slot_set_update(p, specs, count);
	spread_soon(p);
	end(p);
}

/* The slot that an answer is for, NULL when the answer comes too late. */
static struct slot *
slot_of(struct pool *p, struct slot_ref ref)
{
	struct slot *s;

	if (ref.index >= p->slot_room)
		return NULL;
	s = p->slots[ref.index];
	return s->phase != PHASE_FREE && s->gen == ref.gen ? s : NULL;
}

void
pool_on_connected(struct pool *p, struct slot_ref ref, uint64_t now_us)
{
	struct slot *s = slot_of(p, ref);

	begin(p, now_us);
	if (s != NULL && s->phase == PHASE_ATTEMPT)
		slot_on_connected(p, s);
	end(p);
}

void
pool_on_connect_failed(
    struct pool *p, struct slot_ref ref, const char *reason, uint64_t now_us)
{
	struct slot *s = slot_of(p, ref);

	begin(p, now_us);
	if (s != NULL && s->phase == PHASE_ATTEMPT)
		slot_fail(p, s, reason);
	end(p);
}

void
pool_on_checked(
    struct pool *p, struct slot_ref ref, const char *reason, uint64_t now_us)
{
	struct slot *s = slot_of(p, ref);

	begin(p, now_us);
	if (s != NULL)
		slot_on_checked(p, s, reason);
	end(p);
}

void
pool_on_dirty(
    struct pool *p, struct slot_ref ref, const char *reason, uint64_t now_us)
{
	struct slot *s = slot_of(p, ref);

	begin(p, now_us);
	if (s != NULL && s->phase == PHASE_RECYCLE)
		slot_on_dirty(p, s, reason);
	end(p);
}

void
pool_on_lost(
    struct pool *p, struct slot_ref ref, const char *reason, uint64_t now_us)
{
	struct slot *s = slot_of(p, ref);

	begin(p, now_us);
	if (s != NULL && s->phase == PHASE_LENT)
		slot_on_dead(p, s, reason);
	else if (s != NULL && s->phase == PHASE_IDLE)
		slot_fail(p, s, reason);
	else if (s != NULL && slot_has_connection(s))
		slot_on_checked(p, s, reason);
	end(p);
}

/* The backend that a request names, or that its key belongs to. */
static enum error
choose_set(struct pool *p, const struct claim_request *r, struct slot_set **set)
{
	*set = NULL;
	if (r->backend != NULL) {
		*set = slot_set_find(p, r->backend, NULL);
		return *set == NULL ? ERR_NO_SUCH_BACKEND : ERR_NONE;
	}
	if (r->key != NULL)
		*set = claim_key_set(p, hash_text(r->key));
	return ERR_NONE;
}

/* Must the claim, which finds no slot, be refused rather than queue? */
static enum error
why_not_wait(const struct pool *p, const struct slot_set *set, uint64_t wait_us)
{
	if (wait_us == 0)
		return claim_why_not(p, set);
	if (p->waiting >= p->policy.max_waiting)
		return ERR_OVERLOADED;
	if (spread_must_fail_fast(p))
		return ERR_NO_BACKENDS_ONLINE;
	return ERR_NONE;
}

/* A claim that ends as it comes: told and counted, and nothing is kept. */
static enum error
refuse_at_once(struct pool *p, uint64_t id, enum error e)
{
	struct claim c = { .id = id };

	p->refused[e]++;
	pool_tell_claim(p, EVENT_CLAIM_START, &c, NULL, NULL);
	pool_tell_claim(p, EVENT_CLAIM_FAILED, &c, NULL, error_code(e));
	return e;
}

static struct claim *
claim_from(struct pool *p, const struct claim_request *r, struct slot_set *set,
    uint64_t id)
{
	struct claim *c = claim_new(p->claims, id);
	uint64_t wait = r->wait_us;

	if (c == NULL)
		return NULL;
	if (wait == POOL_WAIT_DEFAULT)
		wait = p->policy.claim_timeout;
	c->pool = p;
	c->seq = ++p->seq;
	c->uid = r->uid;
	c->owner = r->owner;
	c->set = set;
	c->asked_at_us = p->now_us;
	c->deadline_us = time_after(p->now_us, wait);
	c->lease_us = r->lease_us == 0 ? p->policy.max_hold : r->lease_us;
	if (r->key != NULL && r->backend == NULL) {
		c->is_keyed = true;
		c->key = hash_text(r->key);
	}
	return c;
}

/* The claim takes a slot or queues. Time has begun, and the caller ends. */
static enum error
admit(struct pool *p, const struct claim_request *r, uint64_t *id)
{
	struct slot_set *set = NULL;
	struct slot *s = NULL;
	struct user *u;
	struct claim *c;
	enum error e;

	*id = claim_take_id(p->claims);
	e = p->is_stopping ? ERR_TERMINATED : choose_set(p, r, &set);
	if (e != ERR_NONE)
		return refuse_at_once(p, *id, e);
	u = user_get(p, r->uid);
	if (!p->is_paused)
		s = claim_pick(p, u, set);
	if (s == NULL)
		e = why_not_wait(p, set,
		    r->wait_us == POOL_WAIT_DEFAULT ? p->policy.claim_timeout
						    : r->wait_us);
	c = e == ERR_NONE ? claim_from(p, r, set, *id) : NULL;
	if (c == NULL) {
		user_put(p, u);
		return refuse_at_once(
		    p, *id, e == ERR_NONE ? ERR_OVERLOADED : e);
	}
	pool_tell_claim(p, EVENT_CLAIM_START, c, NULL, NULL);
	pool_tell_claim(p, EVENT_POOL_CLAIM_START, c, NULL, NULL);
	if (s != NULL) {
		lend_start(p, s, c);
	} else {
		pool_tell_claim(p, EVENT_POOL_CLAIM_FAILED, c, NULL, NULL);
		claim_enqueue(p, c);
	}
	user_put(p, u);
	return ERR_NONE;
}

enum error
pool_on_claim(struct pool *p, const struct claim_request *r, uint64_t *claim,
    uint64_t now_us)
{
	enum error e;

	begin(p, now_us);
	e = admit(p, r, claim);
	end(p);
	return e;
}

static struct claim *
claim_in(const struct pool *p, uint64_t id)
{
	struct claim *c = claim_find(p->claims, id);

	return c != NULL && c->pool == p ? c : NULL;
}

static const char *
end_name(enum claim_end how)
{
	if (how == CLAIM_END_OK)
		return "ok";
	return how == CLAIM_END_GONE || how == CLAIM_END_GONE_CLOSED ? "gone"
								     : "broken";
}

/* The claim's record goes, and with it an answer not yet taken. */
static void
forget(struct pool *p, struct claim *c)
{
	if (list_has(&c->answer))
		list_remove(&p->answers, &c->answer);
	claim_free(c);
}

bool
pool_on_release(
    struct pool *p, uint64_t id, enum claim_end how, uint64_t now_us)
{
	struct claim *c = claim_in(p, id);
	struct slot *s;

	begin(p, now_us);
	if (c == NULL || c->state != CLAIM_HELD)
		return false;
	s = c->slot;
	recent_record(&p->hold, p->now_us - c->granted_at_us, p->now_us);
	pool_tell_claim(p, EVENT_HANDLE_RETURNED, c, s, end_name(how));
	p->held--;
	forget(p, c);
	lend_end(p, s, how);
	end(p);
	return true;
}

bool
pool_on_cancel(struct pool *p, uint64_t id, uint64_t now_us)
{
	struct claim *c = claim_in(p, id);

	begin(p, now_us);
	if (c == NULL || c->state == CLAIM_HELD)
		return false;
	if (c->state != CLAIM_REFUSED) {
		claim_detach(p, c);
		p->refused[ERR_CANCELLED]++;
		pool_tell_claim(
		    p, EVENT_CLAIM_FAILED, c, NULL, error_code(ERR_CANCELLED));
	}
	forget(p, c);
	end(p);
	return true;
}

bool
pool_on_revoke(struct pool *p, uint64_t id, uint64_t now_us)
{
	struct claim *c = claim_in(p, id);

	begin(p, now_us);
	if (c == NULL || c->state != CLAIM_HELD)
		return false;
	lend_revoke(p, c->slot, false);
	return true;
}

/* Every idle slot is looked at as if it had just become ready: goes, is given
 * to a claim, or lies on the shelf that is now the right one. */
static void
reconsider_idle(struct pool *p)
{
	for (uint32_t i = 0; i < p->slot_room; i++) {
		struct slot *s = p->slots[i];

		if (s->phase != PHASE_IDLE)
			continue;
		if (s->shelf != NULL)
			slot_unshelve(s);
		slot_ready(p, s);
	}
}

/* Moves the claims of a queue to another list, by their answers. */
static void
take_up_waiting(struct pool *p, struct list *queue, struct list *held)
{
	struct list_node *n;

	while ((n = list_first(queue)) != NULL) {
		struct claim *c = CONTAINER_OF(n, struct claim, pool_link);

		claim_dequeue(p, c);
		list_push_back(held, &c->answer);
	}
}

/* Who may use what changes: everything that lies on a shelf or waits by user
 * is taken up before and put down after. */
static void
change_isolation(struct pool *p, uint32_t isolation)
{
	struct list held;
	struct list_node *n;

	list_init(&held);
	for (uint32_t i = 0; i < p->slot_room; i++) {
		if (p->slots[i]->shelf != NULL)
			slot_unshelve(p->slots[i]);
	}
	take_up_waiting(p, &p->any_queue, &held);
	for (size_t i = 0; i < p->set_count; i++)
		take_up_waiting(p, &p->sets[i]->queue, &held);
	p->policy.isolation = isolation;
	while ((n = list_first(&held)) != NULL) {
		list_remove(&held, n);
		claim_enqueue(p, CONTAINER_OF(n, struct claim, answer));
	}
	for (uint32_t i = 0; i < p->slot_room; i++) {
		if (p->slots[i]->phase == PHASE_IDLE)
			slot_shelve(p, p->slots[i]);
	}
}

void
pool_on_policy(struct pool *p, const struct policy *policy, uint64_t now_us)
{
	const struct policy old = p->policy;

	begin(p, now_us);
	p->policy = *policy;
	p->policy.isolation = old.isolation;
	reserve(p);
	if (policy->isolation != old.isolation)
		change_isolation(p, policy->isolation);
	shares_weigh(p);
	spread_trim(p);
	spread_on_policy(p);
	for (uint32_t i = 0; i < p->slot_room; i++)
		slot_on_policy(p, p->slots[i], &old);
	reconsider_idle(p);
	if (p->periodic_at_us > p->now_us + policy->rebalance_interval)
		p->periodic_at_us = p->now_us + policy->rebalance_interval;
	spread_soon(p);
	end(p);
}

bool
pool_on_drain(
    struct pool *p, const char *backend, bool is_drained, uint64_t now_us)
{
	bool is_found = false;

	begin(p, now_us);
	for (size_t i = 0; i < p->set_count; i++) {
		struct slot_set *set = p->sets[i];

		if (!set->is_named || strcmp(set->name, backend) != 0)
			continue;
		is_found = true;
		slot_set_drain(p, set, is_drained);
	}
	slot_set_withdraw_all(p);
	spread_soon(p);
	end(p);
	return is_found;
}

void
pool_on_pause(struct pool *p, bool is_paused, uint64_t now_us)
{
	begin(p, now_us);
	p->is_paused = is_paused;
	if (!is_paused)
		reconsider_idle(p);
	end(p);
}

void
pool_on_stop(struct pool *p, uint64_t now_us)
{
	begin(p, now_us);
	if (p->is_stopping)
		return;
	p->is_stopping = true;
	while (claim_next_due(p) != NULL)
		claim_refuse(p, claim_next_due(p), ERR_TERMINATED);
	slot_set_unname_all(p);
	p->rebalance_at_us = p->periodic_at_us = NEVER;
	end(p);
}

bool
pool_is_empty(const struct pool *p)
{
	return p->total == 0 && p->waiting == 0 && p->answers.count == 0 &&
	       p->todo.count == 0;
}

static uint64_t
rated_at(const struct pool *p)
{
	uint64_t burst = US_PER_S / 10;

	if (p->rated.count == 0)
		return NEVER;
	return p->rate_tat_us > burst ? p->rate_tat_us - burst : 0;
}

void
pool_on_time(struct pool *p, uint64_t now_us)
{
	begin(p, now_us);
	claim_expire(p);
	slot_fire_timers(p);
	if (rated_at(p) <= p->now_us)
		slot_admit_rated(p);
	if (p->window_at_us <= p->now_us)
		slot_set_rotate_windows(p);
	if (p->rebalance_at_us <= p->now_us)
		spread_rebalance(p);
	end(p);
}

uint64_t
pool_next_deadline(const struct pool *p)
{
	uint64_t at = heap_top_key(&p->timers);
	const uint64_t others[] = {
		claim_next_due_us(p),
		rated_at(p),
		p->window_at_us,
		p->rebalance_at_us,
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (others[i] < at)
			at = others[i];
	}
	return at;
}

static void
fill_slot(struct action *a, const struct slot *s)
{
	a->slot = (struct slot_ref){ s->index, s->gen };
	if (s->set == NULL)
		return;
	a->slot_id = s->id;
	a->backend = s->set->name;
	a->addr = &s->set->addr;
	a->addr_text = s->set->addr_text;
}

static bool
take_answer(struct pool *p, struct action *a)
{
	struct list_node *n = list_first(&p->answers);
	struct claim *c;

	if (n == NULL)
		return false;
	memset(a, 0, sizeof(*a));
	c = CONTAINER_OF(n, struct claim, answer);
	list_remove(&p->answers, n);
	a->claim = c->id;
	a->owner = c->owner;
	if (c->state == CLAIM_HELD) {
		a->kind = ACTION_GRANT;
		fill_slot(a, c->slot);
		return true;
	}
	a->kind = ACTION_REFUSE;
	a->error = c->error;
	claim_free(c);
	return true;
}

static enum check_kind
check_of(const struct slot *s)
{
	if (s->phase == PHASE_HEALTH)
		return CHECK_HEALTH;
	return s->phase == PHASE_ACQUIRE ? CHECK_ACQUIRE : CHECK_RECYCLE;
}

/* What is due for the slot, the end of an old connection before the start of a
 * new one. */
static void
take_due(struct slot *s, struct action *a)
{
	memset(a, 0, sizeof(*a));
	fill_slot(a, s);
	if (s->is_revoke_due) {
		s->is_revoke_due = false;
		a->kind = ACTION_REVOKE;
		a->claim = s->revoke_claim;
		a->owner = s->revoke_owner;
		a->is_lease_end = s->is_lease_end;
	} else if (s->is_close_due) {
		s->is_close_due = false;
		a->kind = ACTION_CLOSE;
		a->slot.gen = s->close_gen;
		a->slot_id = s->close_id;
	} else if (s->is_connect_due) {
		s->is_connect_due = false;
		a->kind = ACTION_CONNECT;
	} else {
		s->is_check_due = false;
		a->kind = ACTION_CHECK;
		a->check = check_of(s);
	}
}

static bool
has_due(const struct slot *s)
{
	return s->is_revoke_due || s->is_close_due || s->is_connect_due ||
	       s->is_check_due;
}

bool
pool_next_action(struct pool *p, struct action *a)
{
	struct list_node *n;

	while ((n = list_first(&p->todo)) != NULL) {
		struct slot *s = CONTAINER_OF(n, struct slot, todo);

		if (!has_due(s)) {
			list_remove(&p->todo, n);
			continue;
		}
		take_due(s, a);
		return true;
	}
	return take_answer(p, a);
}

uint32_t
pool_slot_room(const struct pool *p)
{
	return p->slot_room;
}

const char *
pool_name(const struct pool *p)
{
	return p->name;
}

uint64_t
pool_id(const struct pool *p)
{
	return p->id;
}

const struct policy *
pool_policy(const struct pool *p)
{
	return &p->policy;
}
