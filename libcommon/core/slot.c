/*
 * The life of a slot: it waits, connects, lies idle, is checked, is lent, comes
 * back, and starts over or goes. slot_set_phase alone moves a slot from one
 * phase to the next; counts, timers, events and the order of things hang there.
 */

#include <string.h>

#include "core/pool_priv.h"

#define BIT(phase) (1u << PHASE_##phase)

/* What each phase is to the outside, and what may follow it. */
static const struct phase {
	enum slot_state state;
	bool has_connection; /* a working one, unless is_dead says else */
	bool is_in_use;	     /* as demand sees it */
	bool is_busy;	     /* as balance sees it */
	unsigned next;
} phases[PHASE_COUNT] = {
	[PHASE_FREE] = { SLOT_STATE_COUNT, false, false, false, BIT(BACKOFF) },
	[PHASE_BACKOFF] = { SLOT_CONNECTING, false, false, false,
	    BIT(RATED) | BIT(ATTEMPT) | BIT(FREE) },
	[PHASE_RATED] = { SLOT_CONNECTING, false, false, false,
	    BIT(ATTEMPT) | BIT(FREE) },
	[PHASE_ATTEMPT] = { SLOT_CONNECTING, false, false, false,
	    BIT(IDLE) | BIT(BACKOFF) | BIT(FREE) },
	[PHASE_IDLE] = { SLOT_UNCLAIMED, true, false, false,
	    BIT(HEALTH) | BIT(ACQUIRE) | BIT(LENT) | BIT(BACKOFF) | BIT(FREE) },
	[PHASE_HEALTH] = { SLOT_CHECKING, true, false, false,
	    BIT(IDLE) | BIT(BACKOFF) | BIT(FREE) },
	[PHASE_ACQUIRE] = { SLOT_CHECKING, true, true, true,
	    BIT(IDLE) | BIT(LENT) | BIT(BACKOFF) | BIT(FREE) },
	[PHASE_RECYCLE] = { SLOT_CHECKING, true, true, false,
	    BIT(IDLE) | BIT(BACKOFF) | BIT(FREE) },
	[PHASE_LENT] = { SLOT_CLAIMED, true, true, true,
	    BIT(RECYCLE) | BIT(BACKOFF) | BIT(FREE) },
};

static const char *const state_names[] = {
	[SLOT_CONNECTING] = "connecting",
	[SLOT_UNCLAIMED] = "unclaimed",
	[SLOT_CHECKING] = "checking",
	[SLOT_CLAIMED] = "claimed",
	[SLOT_STATE_COUNT] = "none",
};

const char *
slot_state_name(enum slot_state s)
{
	ASSERT(s <= SLOT_STATE_COUNT);
	return state_names[s];
}

enum slot_state
slot_state(const struct slot *s)
{
	return phases[s->phase].state;
}

bool
slot_has_connection(const struct slot *s)
{
	return phases[s->phase].has_connection && !s->is_dead;
}

static void
tell_listener(struct pool *p, enum event_kind kind, const struct slot *s,
    const char *reason)
{
	struct event_record e = { .kind = kind };

	e.id = s->id;
	e.addr = s->set->addr_text;
	e.pool = p->name;
	e.reason = reason;
	pool_tell(p, &e);
}

static inline void
tell(struct pool *p, enum event_kind kind, const struct slot *s,
    const char *reason)
{
	if (pool_is_heard(p, kind))
		tell_listener(p, kind, s, reason);
}

static void
tell_state(struct pool *p, const struct slot *s, enum slot_state from,
    enum slot_state to)
{
	struct slot_set_counts counts;
	struct event_record e = { .kind = EVENT_SLOT_STATE_CHANGE };

	counts.connecting = s->set->counts[SLOT_CONNECTING];
	counts.unclaimed = s->set->counts[SLOT_UNCLAIMED];
	counts.checking = s->set->counts[SLOT_CHECKING];
	counts.claimed = s->set->counts[SLOT_CLAIMED];
	e.id = s->id;
	e.addr = s->set->addr_text;
	e.pool = p->name;
	e.old_state = state_names[from];
	e.new_state = state_names[to];
	e.counts = &counts;
	pool_tell(p, &e);
}

/* Sets, or with NEVER ends, the slot's timer. Its place in the heap moves only
 * to become earlier: a timer that is put off, as every claim does several times
 * over, costs nothing until the moment for which it last stood there. */
void
slot_set_timer(struct pool *p, struct slot *s, uint64_t at_us)
{
	s->timer_at_us = at_us;
	if (at_us == NEVER)
		return;
	if (heap_has(&s->timer) && s->timer_key_us <= at_us)
		return;
	s->timer_key_us = at_us;
	heap_set(&p->timers, &s->timer, at_us);
}

/* Takes a slot that is idle, or waits for its turn to connect, off its list. */
static void
leave_lists(struct pool *p, struct slot *s)
{
	if (s->phase == PHASE_FREE)
		list_remove(&p->free_slots, &s->link);
	else if (s->phase == PHASE_RATED)
		list_remove(&p->rated, &s->link);
	else if (s->shelf != NULL)
		slot_unshelve(s);
}

/* The slot's state, and the counts of them, change. */
static void
count_move(struct pool *p, struct slot_set *set, enum slot_state from,
    enum slot_state to)
{
	if (from != SLOT_STATE_COUNT) {
		p->counts[from]--;
		set->counts[from]--;
		p->total--;
	}
	if (to != SLOT_STATE_COUNT) {
		p->counts[to]++;
		set->counts[to]++;
		p->total++;
	}
	if (set->health == HEALTH_OFFLINE) {
		p->probing += (uint32_t)(to == SLOT_CONNECTING) -
			      (uint32_t)(from == SLOT_CONNECTING);
		spread_track_prober(p, set);
	}
}

/* Whose the slot's connection is from now on; home is counted, unless fresh. */
void
slot_set_home(struct pool *p, struct slot *s, struct shelf *home)
{
	if (!shelf_is_fresh(s->home))
		shelf_put(p, s->home);
	s->home = home;
}

void
slot_set_phase(struct pool *p, struct slot *s, enum slot_phase phase)
{
	struct slot_set *set = s->set;
	const struct phase *from = &phases[s->phase], *to = &phases[phase];
	bool was_live = slot_has_connection(s), was_dead = s->is_dead;

	ASSERT(from->next & (1u << phase));
	leave_lists(p, s);
	s->phase = phase;
	s->timer_at_us = NEVER;
	if (phase == PHASE_FREE)
		heap_remove(&p->timers, &s->timer);
	if (phase != PHASE_LENT)
		s->is_dead = false;
	if (!to->has_connection)
		slot_set_home(p, s, &set->fresh);
	p->in_use += (uint32_t)to->is_in_use - (uint32_t)from->is_in_use;
	if (p->in_use > p->peak_in_use)
		p->peak_in_use = p->in_use;
	if (from->state != to->state) {
		count_move(p, set, from->state, to->state);
		if (pool_is_heard(p, EVENT_SLOT_STATE_CHANGE))
			tell_state(p, s, from->state, to->state);
	}
	set->busy += (uint32_t)to->is_busy - (uint32_t)from->is_busy;
	if (from->is_busy && !to->is_busy) /* it is better now */
		slot_set_rekey(p, set);
	if (was_live != slot_has_connection(s))
		slot_set_on_live(p, set, was_live ? -1 : 1);
	if (was_dead != s->is_dead)
		spread_set_changed(p, set);
}

/* Room that max-slots and max-count leave for one more slot of this set. */
static bool
has_room(const struct pool *p, const struct slot_set *set)
{
	return p->total < p->policy.max_slots &&
	       set->slots.count < p->policy.max_count;
}

static uint64_t
rate_interval(const struct pool *p)
{
	uint64_t us = US_PER_S / p->policy.connect_rate;

	return us == 0 ? 1 : us;
}

/* GCRA (ITU-T I.371): may one more connect start now? A tenth of a second's
 * worth may start at once. */
static bool
rate_admits(struct pool *p)
{
	uint64_t interval = rate_interval(p);
	uint64_t burst = US_PER_S / 10;

	if (p->rate_tat_us > p->now_us + burst)
		return false;
	if (p->rate_tat_us < p->now_us)
		p->rate_tat_us = p->now_us;
	p->rate_tat_us += interval;
	return true;
}

static void
start_attempt(struct pool *p, struct slot *s)
{
	slot_set_phase(p, s, PHASE_ATTEMPT);
	s->gen++;
	s->started_at_us = p->now_us;
	s->is_connect_due = true;
	pool_todo(p, s);
	slot_set_timer(p, s, time_after(p->now_us, p->policy.connect_timeout));
	tell(p, EVENT_CONNECT_START, s, NULL);
}

static void
try_connect(struct pool *p, struct slot *s)
{
	if (p->rated.count == 0 && rate_admits(p)) {
		start_attempt(p, s);
		return;
	}
	slot_set_phase(p, s, PHASE_RATED);
	list_push_back(&p->rated, &s->link);
}

void
slot_admit_rated(struct pool *p)
{
	while (p->rated.count > 0 && rate_admits(p)) {
		struct slot *s =
		    CONTAINER_OF(list_first(&p->rated), struct slot, link);

		start_attempt(p, s);
	}
}

struct slot *
slot_open(
    struct pool *p, struct slot_set *set, uint32_t failures, uint64_t at_us)
{
	struct slot *s;

	ASSERT(p->free_slots.count > 0);
	s = CONTAINER_OF(list_first(&p->free_slots), struct slot, link);
	s->id = pool_new_id(p);
	s->set = set;
	s->home = &set->fresh;
	s->failures = failures;
	s->connected_at_us = s->claims = 0;
	s->was_shared = s->is_leak_told = s->is_worn = false;
	list_push_back(&set->slots, &s->set_link);
	heap_remove(&p->probes, &set->probe);
	slot_set_phase(p, s, PHASE_BACKOFF);
	if (at_us > p->now_us)
		slot_set_timer(p, s, at_us);
	else
		try_connect(p, s);
	spread_set_changed(p, set);
	return s;
}

/* Has the caller close what it holds for the slot. */
static void
close_connection(struct pool *p, struct slot *s)
{
	s->is_check_due = false;
	if (s->is_connect_due) { /* it never heard of it */
		s->is_connect_due = false;
		return;
	}
	if (s->heir != NULL) { /* nothing is left to take the place of */
		s->heir->elder = NULL;
		s->heir = NULL;
	}
	s->is_close_due = true;
	s->close_gen = s->gen;
	s->close_id = s->id;
	s->gen++;
	s->connected_at_us = 0;
	pool_todo(p, s);
}

static void
unlink_family(struct slot *s)
{
	if (s->heir != NULL)
		s->heir->elder = NULL;
	if (s->elder != NULL)
		s->elder->heir = NULL;
	s->heir = s->elder = NULL;
}

/* What was under way for the slot ends with it. */
static void
tell_withdrawn(struct pool *p, const struct slot *s)
{
	if (s->phase == PHASE_ATTEMPT)
		tell(p, EVENT_CONNECT_FAILED, s, "withdrawn");
	else if (s->phase == PHASE_HEALTH)
		tell(p, EVENT_HEALTH_CHECK_FAILED, s, "withdrawn");
	else if (s->phase == PHASE_RECYCLE)
		tell(p, EVENT_RECYCLE_FAILED, s, "withdrawn");
}

/* It is connected, or gone. */
static void
end_yield(struct pool *p, struct slot *s)
{
	p->yielded -= s->is_yielded;
	s->is_yielded = false;
}

void
slot_remove(struct pool *p, struct slot *s)
{
	struct slot_set *set = s->set;

	ASSERT(s->claim == NULL);
	tell_withdrawn(p, s);
	spread_forget_probe(p, s);
	if (phases[s->phase].has_connection || s->phase == PHASE_ATTEMPT)
		close_connection(p, s);
	if (s->elder != NULL && s->elder->shelf != NULL) /* later again */
		slot_set_timer(
		    p, s->elder, p->now_us + p->policy.connect_timeout);
	unlink_family(s);
	end_yield(p, s);
	slot_set_phase(p, s, PHASE_FREE);
	list_remove(&set->slots, &s->set_link);
	list_push_front(&p->free_slots, &s->link);
	s->set = NULL;
	if (set->slots.count == 0)
		slot_set_end_trial(p, set);
	/* Claimed connections that are dead say nothing for it. */
	if (set->health == HEALTH_ONLINE && set->live == 0 &&
	    set->counts[SLOT_CONNECTING] == 0)
		slot_set_forget_health(p, set);
	if (set->slots.count == 0 && !set->is_named)
		p->has_unused_sets = true;
	spread_set_changed(p, set);
}

/* How long the next attempt has to wait: doubled for each failure in a row,
 * where a connection that lived for min-uptime ends the row. */
static uint64_t
next_backoff(struct pool *p, struct slot *s)
{
	const struct policy *policy = &p->policy;
	uint64_t wait = policy->max_connection_backoff;

	if (s->connected_at_us != 0 &&
	    p->now_us - s->connected_at_us >= policy->min_uptime)
		s->failures = 0;
	if (s->failures < 64 &&
	    policy->min_connection_backoff <= wait >> s->failures)
		wait = policy->min_connection_backoff << s->failures;
	s->failures++;
	return wait + rng_below(&p->rng, policy->spread + 1);
}

static void
back_off(struct pool *p, struct slot *s)
{
	uint64_t wait_us = next_backoff(p, s);

	close_connection(p, s);
	slot_set_phase(p, s, PHASE_BACKOFF);
	slot_set_timer(p, s, time_after(p->now_us, wait_us));
}

/* Closes a connection that its backend has no part in ending, and connects anew
 * at once, however young it was: it has served its time, or a client broke it,
 * and neither slows down anybody else. */
void
slot_replace(struct pool *p, struct slot *s)
{
	if (p->now_us - s->connected_at_us >= p->policy.min_uptime)
		s->failures = 0;
	close_connection(p, s);
	slot_set_phase(p, s, PHASE_BACKOFF);
	if (spread_is_over(p, s->set))
		slot_remove(p, s);
	else
		try_connect(p, s);
}

/* The slot waits after a failure: its set may be offline now. One that has had
 * its try, be it that it connected and was closed, gives up its slot to others
 * that wait for a turn. */
static void
after_failure(struct pool *p, struct slot *s)
{
	struct slot_set *set = s->set;

	if (set->live == 0 && set->health != HEALTH_OFFLINE)
		spread_offline(p, set);
	if (s->phase == PHASE_BACKOFF && set->health == HEALTH_OFFLINE)
		spread_probe_turn(p, s);
}

/* The backend ended the connection in good order: connects anew, at once unless
 * it was too young to trust the backend. */
void
slot_renew(struct pool *p, struct slot *s)
{
	struct slot_set *set = s->set;

	if (p->now_us - s->connected_at_us >= p->policy.min_uptime ||
	    spread_is_over(p, set)) {
		slot_replace(p, s);
		return;
	}
	back_off(p, s);
	after_failure(p, s);
}

static enum event_kind
failure_event(enum slot_phase phase)
{
	if (phase == PHASE_ATTEMPT)
		return EVENT_CONNECT_FAILED;
	return phase == PHASE_HEALTH ? EVENT_HEALTH_CHECK_FAILED
				     : EVENT_CONNECTION_LOST;
}

/* The connection, or the attempt at one, failed. An offline set that has had
 * its try, even one that connected and was closed, gives up its slot for
 * others. */
void
slot_fail(struct pool *p, struct slot *s, const char *reason)
{
	struct slot_set *set = s->set;
	enum slot_phase phase = s->phase;

	if (phase != PHASE_ACQUIRE)
		tell(p, failure_event(phase), s, reason);
	slot_set_on_failure(p, set, reason);
	back_off(p, s);
	if (!spread_is_over(p, set)) {
		after_failure(p, s);
		return;
	}
	slot_remove(p, s);
	if (set->live == 0 && set->health != HEALTH_OFFLINE)
		spread_offline(p, set);
}

void
slot_start_check(struct pool *p, struct slot *s, enum slot_phase phase)
{
	slot_set_phase(p, s, phase);
	s->gen++;
	s->started_at_us = p->now_us;
	s->is_check_due = true;
	pool_todo(p, s);
	slot_set_timer(
	    p, s, time_after(p->now_us, p->policy.health_check_timeout));
}

/* The connection has come back in good order: is it fit for the next? */
void
slot_recycle(struct pool *p, struct slot *s)
{
	slot_start_check(p, s, PHASE_RECYCLE);
	tell(p, EVENT_RECYCLE_START, s, NULL);
}

static void
plan_health_check(struct pool *p, struct slot *s)
{
	s->check_at_us = time_after(p->now_us, p->policy.health_interval);
	if (s->check_at_us != NEVER)
		s->check_at_us += rng_below(&p->rng, p->policy.spread + 1);
}

/* A slot to take the place of one that has to go: connects first where the
 * caps allow it. */
bool
slot_begin_heir(struct pool *p, struct slot *s)
{
	if (s->heir != NULL)
		return true;
	if (!has_room(p, s->set) || !slot_set_is_usable(s->set))
		return false;
	s->heir = slot_open(p, s->set, 0, p->now_us);
	s->heir->elder = s;
	return true;
}

static bool
is_used_up(const struct pool *p, const struct slot *s)
{
	return s->claims >= p->policy.max_claims_per_connection ||
	       (s->was_shared && p->policy.isolation == ISOLATION_UID);
}

/* Puts an idle slot on the shelf of the user who may have it. */
void
slot_shelve(struct pool *p, struct slot *s)
{
	struct shelf *sh =
	    p->policy.isolation == ISOLATION_UID ? s->home : &s->set->fresh;
	uint64_t at;

	if (s->check_at_us <= p->now_us)
		plan_health_check(p, s);
	at = s->check_at_us;
	s->shelf = sh;
	s->idle_since_us = p->now_us;
	list_push_front(&sh->idle, &s->link);
	if (!pairing_has(&sh->place))
		shelf_place(p, sh);
	if (s->heir == NULL && s->expires_at_us < at)
		at = s->expires_at_us;
	slot_set_timer(p, s, at);
}

void
slot_unshelve(struct slot *s)
{
	list_remove(&s->shelf->idle, &s->link);
	s->shelf = NULL;
}

/* The slot has a good connection that nobody holds: it goes, is renewed, is
 * given to the claim that has waited longest for one like it, or lies idle. */
void
slot_ready(struct pool *p, struct slot *s)
{
	struct claim *c;

	if (s->phase != PHASE_IDLE)
		slot_set_phase(p, s, PHASE_IDLE);
	if (s->is_worn || spread_is_over(p, s->set) ||
	    spread_takes(p, s->set)) {
		slot_remove(p, s);
		return;
	}
	if (is_used_up(p, s)) {
		if (s->heir != NULL)
			slot_remove(p, s);
		else
			slot_replace(p, s);
		return;
	}
	if (p->now_us >= s->expires_at_us && !slot_begin_heir(p, s)) {
		slot_replace(p, s);
		return;
	}
	if (claim_has_others_turn(p, s)) {
		s->is_yielded = true;
		p->yielded++;
		slot_replace(p, s);
		return;
	}
	c = claim_next_for(p, s);
	if (c != NULL)
		lend_start(p, s, c);
	else
		slot_shelve(p, s);
}

static void
draw_lifetime(struct pool *p, struct slot *s)
{
	uint64_t life = p->policy.max_lifetime;

	s->expires_at_us = NEVER;
	if (life != NEVER)
		s->expires_at_us = s->connected_at_us + life - life / 10 +
				   rng_below(&p->rng, life / 5 + 1);
}

void
slot_on_connected(struct pool *p, struct slot *s)
{
	struct slot_set *set = s->set;
	struct slot *elder = s->elder;

	ASSERT(s->phase == PHASE_ATTEMPT);
	tell(p, EVENT_CONNECT_DONE, s, NULL);
	end_yield(p, s);
	if (set->connect == NULL)
		set->connect = mem_new(1, sizeof(*set->connect));
	histogram_record(set->connect, p->now_us - s->started_at_us);
	histogram_record(&p->connect, p->now_us - s->started_at_us);
	s->connected_at_us = p->now_us;
	s->claims = 0;
	s->was_shared = s->is_worn = false;
	draw_lifetime(p, s);
	plan_health_check(p, s);
	slot_set_phase(p, s, PHASE_IDLE);
	unlink_family(s);
	slot_ready(p, s);
	if (elder == NULL)
		return;
	if (elder->phase == PHASE_IDLE || elder->phase == PHASE_HEALTH)
		slot_remove(p, elder);
	else
		elder->is_worn = true; /* goes when it comes back */
}

static void
on_idle_timer(struct pool *p, struct slot *s)
{
	if (p->now_us >= s->check_at_us) {
		slot_start_check(p, s, PHASE_HEALTH);
		tell(p, EVENT_HEALTH_CHECK_START, s, NULL);
		return;
	}
	slot_unshelve(s);
	slot_ready(p, s);
}

void
slot_on_checked(struct pool *p, struct slot *s, const char *reason)
{
	switch (s->phase) {
	case PHASE_HEALTH:
		if (reason != NULL) {
			slot_fail(p, s, reason);
			break;
		}
		tell(p, EVENT_HEALTH_CHECK_DONE, s, NULL);
		plan_health_check(p, s);
		slot_ready(p, s);
		break;
	case PHASE_ACQUIRE:
		lend_on_checked(p, s, reason);
		break;
	case PHASE_RECYCLE:
		tell(p,
		    reason == NULL ? EVENT_RECYCLE_DONE : EVENT_RECYCLE_FAILED,
		    s, reason);
		if (reason == NULL)
			slot_ready(p, s);
		else
			slot_renew(p, s);
		break;
	case PHASE_FREE:
	case PHASE_BACKOFF:
	case PHASE_RATED:
	case PHASE_ATTEMPT:
	case PHASE_IDLE:
	case PHASE_LENT:
	case PHASE_COUNT:
		break;
	}
}

void
slot_on_dirty(struct pool *p, struct slot *s, const char *reason)
{
	tell(p, EVENT_RECYCLE_FAILED, s, reason);
	slot_replace(p, s);
}

/* The kernel says that a claimed connection is dead: its holder will find out;
 * as proof that the backend lives it counts no more. */
void
slot_on_dead(struct pool *p, struct slot *s, const char *reason)
{
	struct slot_set *set = s->set;

	if (s->is_dead)
		return;
	tell(p, EVENT_CONNECTION_LOST, s, reason);
	s->is_dead = true;
	slot_set_on_live(p, set, -1);
	spread_set_changed(p, set);
	if (set->live == 0 && set->health == HEALTH_ONLINE)
		spread_offline(p, set);
}

/* The policy changed: what was planned by the old one is planned anew, though
 * no check is put off. Idle ones are looked at by the caller afterwards. */
void
slot_on_policy(struct pool *p, struct slot *s, const struct policy *old)
{
	uint64_t check_at = s->check_at_us, at;

	if (slot_has_connection(s)) {
		if (p->policy.max_lifetime != old->max_lifetime)
			draw_lifetime(p, s);
		plan_health_check(p, s);
		if (s->check_at_us > check_at)
			s->check_at_us = check_at;
	}
	switch (s->phase) {
	case PHASE_BACKOFF:
		at = time_after(p->now_us, p->policy.max_connection_backoff);
		if (s->timer_at_us > at)
			slot_set_timer(p, s, at);
		break;
	case PHASE_ATTEMPT:
		slot_set_timer(p, s,
		    time_after(s->started_at_us, p->policy.connect_timeout));
		break;
	case PHASE_HEALTH:
	case PHASE_ACQUIRE:
	case PHASE_RECYCLE:
		slot_set_timer(p, s,
		    time_after(
			s->started_at_us, p->policy.health_check_timeout));
		break;
	case PHASE_LENT:
		lend_set_timer(p, s);
		break;
	case PHASE_FREE:
	case PHASE_RATED:
	case PHASE_IDLE:
	case PHASE_COUNT:
		break;
	}
}

static void
on_timer(struct pool *p, struct slot *s)
{
	switch (s->phase) {
	case PHASE_BACKOFF:
		try_connect(p, s);
		break;
	case PHASE_ATTEMPT:
		slot_fail(p, s, "timeout");
		break;
	case PHASE_IDLE:
		on_idle_timer(p, s);
		break;
	case PHASE_RECYCLE: /* in good order it would have closed it */
		slot_set_on_failure(p, s->set, "timeout");
		slot_on_checked(p, s, "timeout");
		break;
	case PHASE_HEALTH:
	case PHASE_ACQUIRE:
		slot_on_checked(p, s, "timeout");
		break;
	case PHASE_LENT:
		lend_on_timer(p, s);
		break;
	case PHASE_FREE:
	case PHASE_RATED:
	case PHASE_COUNT:
		break;
	}
}

/* Runs the timers whose time has come; those that were put off meanwhile move
 * to where they belong. */
void
slot_fire_timers(struct pool *p)
{
	while (heap_top_key(&p->timers) <= p->now_us) {
		struct slot *s =
		    CONTAINER_OF(heap_top(&p->timers), struct slot, timer);
		uint64_t at = s->timer_at_us;

		heap_remove(&p->timers, &s->timer);
		if (at > p->now_us) {
			slot_set_timer(p, s, at);
			continue;
		}
		s->timer_at_us = NEVER;
		on_timer(p, s);
	}
}
