/*
 * Follows the events of a pool and holds each against what was promised: here
 * those of its backends and slots, in model_claims.c those of its claims.
 */

#include "model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
watch_fail(struct watch *w, const char *check, const char *fmt, ...)
{
	struct outcome *o = w->outcome;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->text, sizeof(o->text), fmt, ap);
	va_end(ap);
	snprintf(o->check, sizeof(o->check), "%s", check);
	o->has_failed = true;
	o->steps_at_fail = w->step;
	o->now_us = w->now_us;
	if (w->trace != NULL) {
		fprintf(w->trace, "%llu FAILED %s: %s\n",
		    (unsigned long long)w->now_us, o->check, o->text);
		fflush(w->trace);
	}
	_exit(1);
}

struct model *
model_new(struct watch *w, const struct policy *policy, bool has_acquire)
{
	struct model *m = mem_new(1, sizeof(*m));

	m->watch = w;
	m->has_acquire = has_acquire;
	m->tokens_at_us = w->now_us;
	model_set_policy(m, policy);
	return m;
}

void
model_free(struct model **m)
{
	struct m_slot *s;
	struct m_claim *c;

	for (int i = 0; i < BUCKETS; i++) {
		while ((s = (*m)->slots[i]) != NULL) {
			(*m)->slots[i] = s->next;
			free(s);
		}
		while ((c = (*m)->claims[i]) != NULL) {
			(*m)->claims[i] = c->next;
			free(c);
		}
	}
	while ((s = (*m)->spare_slots) != NULL) {
		(*m)->spare_slots = s->next;
		free(s);
	}
	while ((c = (*m)->spare_claims) != NULL) {
		(*m)->spare_claims = c->next;
		free(c);
	}
	free(*m);
	*m = NULL;
}

static double
rate_a_us(const struct model *m)
{
	uint64_t interval = US_PER_S / m->policy.connect_rate;

	return 1.0 / (double)(interval == 0 ? 1 : interval);
}

static double
burst(const struct model *m)
{
	return rate_a_us(m) * (double)(US_PER_S / 10) + 1.001;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
be_tried(struct model *m, struct m_set *set)
{
	set->turn_mark = m->probe_clock;
	set->tried_us = m->watch->now_us;
	set->passed = set->passed_most = 0;
}

void
model_set_policy(struct model *m, const struct policy *policy)
{
	m->policy = *policy;
	m->tokens = burst(m);
	m->policy_at_us = m->watch->now_us;
	m->most_backoff_us = policy->max_connection_backoff + policy->spread;
	m->most_timeout_us =
	    larger(m->most_timeout_us, policy->connect_timeout);
	m->most_check_us =
	    larger(m->most_check_us, policy->health_check_timeout);
	for (unsigned i = 0; i < BACKENDS_MAX; i++)
		be_tried(m, &m->sets[i]);
	for (int i = 0; i < BUCKETS; i++) {
		struct m_slot *s = m->slots[i];

		for (; s != NULL; s = s->next)
			s->not_before_us = smaller(s->not_before_us,
			    m->policy_at_us + policy->max_connection_backoff);
	}
}

bool
m_set_is_usable(const struct m_set *set)
{
	return set->is_named && !set->is_drained;
}

static bool
is_online(const struct m_set *set)
{
	return m_set_is_usable(set) && set->health == M_ONLINE;
}

static void
set_health(struct model *m, struct m_set *set, enum m_health health)
{
	m->online -= is_online(set);
	set->health = health;
	m->online += is_online(set);
}

void
model_drain(struct model *m, struct m_set *set, bool is_drained)
{
	m->online -= is_online(set);
	set->is_drained = is_drained;
	m->online += is_online(set);
}

bool
m_set_may_probe(const struct model *m, const struct m_set *set)
{
	return m_set_is_usable(set) && set->health == M_OFFLINE &&
	       set->slots - set->counts[SLOT_CONNECTING] < m->policy.max_count;
}

/* --- tables ----------------------------------------------------------------
 */

struct m_slot *
model_slot(struct model *m, uint64_t id)
{
	struct m_slot *s = m->slots[id % BUCKETS];

	while (s != NULL && s->id != id)
		s = s->next;
	return s;
}

struct m_slot *
model_must_slot(struct model *m, uint64_t id)
{
	struct m_slot *s = model_slot(m, id);

	MUST(m->watch, s != NULL, "unknown-slot", "slot %llu is not known",
	    (unsigned long long)id);
	return s;
}

void
model_on_acquired(struct model *m, uint64_t slot)
{
	struct m_slot *s = model_slot(m, slot);

	if (s != NULL) /* else it went a moment ago */
		s->is_acquired = true;
}

/* Backends have the addresses 10.0.0.0 to 10.0.0.63. */
unsigned
model_backend_of(const char *addr)
{
	unsigned n = 0;

	for (addr += 7; *addr >= '0' && *addr <= '9'; addr++)
		n = n * 10 + (unsigned)(*addr - '0');
	return n % BACKENDS_MAX;
}

static struct m_set *
set_of(struct model *m, const struct event_record *e)
{
	struct m_set *set = &m->sets[model_backend_of(e->addr)];

	MUST(m->watch, set->id != 0, "unknown-backend", "%s is not known",
	    e->addr);
	return set;
}

static struct m_slot *
add_slot(struct model *m, uint64_t id, struct m_set *set)
{
	struct m_slot *s = m->spare_slots;

	if (s == NULL)
		s = mem_new(1, sizeof(*s));
	else
		m->spare_slots = s->next;
	memset(s, 0, sizeof(*s));
	s->id = id;
	s->set = set;
	s->state = SLOT_STATE_COUNT;
	s->owner = OWNER_NONE;
	s->next = m->slots[id % BUCKETS];
	m->slots[id % BUCKETS] = s;
	return s;
}

static void
drop_slot(struct model *m, struct m_slot *s)
{
	struct m_slot **at = &m->slots[s->id % BUCKETS];

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->next = m->spare_slots;
	m->spare_slots = s;
}

/* --- connections -----------------------------------------------------------
 */

static void
take_token(struct model *m)
{
	uint64_t now_us = m->watch->now_us;

	m->tokens += rate_a_us(m) * (double)(now_us - m->tokens_at_us);
	m->tokens_at_us = now_us;
	if (m->tokens > burst(m))
		m->tokens = burst(m);
	m->tokens -= 1.0;
	MUST(m->watch, m->tokens >= 0.0, "connect-rate",
	    "more new connections than %u a second", m->policy.connect_rate);
}

/* An offline backend is tried. Those that have waited out the longest backoff
 * without a slot are next: each of the others has at most an attempt that was
 * under way and one that was due before, and those that have only just gone
 * offline have one. */
static void
count_turns(struct model *m, const struct m_set *tried)
{
	uint32_t down = 0;

	for (unsigned b = 0; b < m->sets_known; b++)
		down += m->sets[b].health == M_OFFLINE;
	for (unsigned b = 0; b < m->sets_known; b++) {
		struct m_set *set = &m->sets[b];

		if (set == tried || set->counts[SLOT_CONNECTING] > 0 ||
		    !m_set_may_probe(m, set) ||
		    m->watch->now_us - set->tried_us <= m->most_backoff_us)
			continue;
		if (set->passed_most < 3 * down + 2)
			set->passed_most = 3 * down + 2;
		MUST(m->watch, ++set->passed <= set->passed_most, "no-turn",
		    "backend %u was passed over %u times", b, set->passed);
	}
}

static void
on_connect_start(struct model *m, struct m_slot *s)
{
	struct watch *w = m->watch;

	MUST(w, s->state == SLOT_CONNECTING && !s->is_attempting,
	    "start-without-end", "slot %llu: connect-start",
	    (unsigned long long)s->id);
	MUST(w, w->now_us >= s->not_before_us, "backoff",
	    "slot %llu connects %llu us too early", (unsigned long long)s->id,
	    (unsigned long long)(s->not_before_us - w->now_us));
	MUST(w,
	    m->total <= m->policy.max_slots &&
		s->set->slots <= m->policy.max_count,
	    "cap", "slot %llu connects while there are too many",
	    (unsigned long long)s->id);
	MUST(w, m_set_is_usable(s->set) && !m->is_stopping, "withdrawn",
	    "slot %llu connects to a backend that is not to be used",
	    (unsigned long long)s->id);
	take_token(m);
	s->is_attempting = true;
	s->since_us = w->now_us;
	be_tried(m, s->set);
	if (s->set->health == M_OFFLINE)
		count_turns(m, s->set);
}

void
model_back_off(struct model *m, struct m_slot *s)
{
	const struct policy *p = &m->policy;
	uint64_t wait = p->max_connection_backoff;

	if (s->has_connection &&
	    m->watch->now_us - s->connected_us >= p->min_uptime)
		s->failures = 0;
	if (s->failures < 40 && p->min_connection_backoff << s->failures < wait)
		wait = p->min_connection_backoff << s->failures;
	s->failures++;
	s->has_failed = true;
	s->not_before_us = m->watch->now_us + wait;
}

static void
on_connect_end(struct model *m, struct m_slot *s, bool is_good)
{
	MUST(m->watch, s->is_attempting, "end-without-start",
	    "slot %llu: a connect ends that did not start",
	    (unsigned long long)s->id);
	s->is_attempting = false;
	s->set->connects += is_good;
	be_tried(m, s->set);
	if (!is_good) {
		model_back_off(m, s);
		return;
	}
	s->has_connection = s->is_clean = true;
	s->is_dead = s->is_acquired = s->has_failed = false;
	s->owner = OWNER_NONE;
	s->claims = 0;
	s->connected_us = m->watch->now_us;
	s->set->live++;
}

static void
not_live(struct m_slot *s)
{
	if (s->has_connection && !s->is_dead)
		s->set->live--;
	s->is_dead = true;
}

static void
on_lost(struct model *m, struct m_slot *s)
{
	MUST(m->watch, s->has_connection && !s->is_dead, "lost",
	    "slot %llu loses what it has not", (unsigned long long)s->id);
	if (s->state != SLOT_CLAIMED)
		model_back_off(m, s);
	else
		not_live(s);
}

static void
on_health_start(struct model *m, struct m_slot *s)
{
	MUST(m->watch, s->state == SLOT_CHECKING && !s->is_health_check,
	    "start-without-end", "slot %llu: health-check-start",
	    (unsigned long long)s->id);
	s->is_health_check = true;
	s->set->health_checks++;
	m->health_checks++;
}

static void
on_health_end(struct model *m, struct m_slot *s, bool is_good)
{
	MUST(m->watch, s->is_health_check, "end-without-start",
	    "slot %llu: a health check ends that did not start",
	    (unsigned long long)s->id);
	s->is_health_check = false;
	s->set->health_checks--;
	m->health_checks--;
	if (!is_good)
		model_back_off(m, s);
}

static void
on_recycle(struct model *m, struct m_slot *s, bool is_start, bool is_good)
{
	MUST(m->watch, s->is_recycle != is_start,
	    is_start ? "start-without-end" : "end-without-start",
	    "slot %llu: recycle", (unsigned long long)s->id);
	s->is_recycle = is_start;
	if (!is_good)
		return;
	s->is_clean = true;
	m->back_unprobed++;
}

/* --- states ----------------------------------------------------------------
 */

static enum slot_state
state_named(struct model *m, const char *name)
{
	for (int i = 0; i <= SLOT_STATE_COUNT; i++) {
		if (strcmp(slot_state_name((enum slot_state)i), name) == 0)
			return (enum slot_state)i;
	}
	watch_fail(m->watch, "state", "%s is no state", name);
}

static void
check_room(struct model *m, const struct m_set *set)
{
	struct watch *w = m->watch;

	MUST(w, m->total <= m->policy.max_slots, "cap",
	    "%u slots, max-slots is %u", m->total, m->policy.max_slots);
	MUST(w, set->slots <= m->policy.max_count, "cap",
	    "%u slots of one backend, max-count is %u", set->slots,
	    m->policy.max_count);
	MUST(w, !m->is_stopping && m_set_is_usable(set), "withdrawn",
	    "a slot is opened for a backend that is not to be used");
}

static void
leave_state(struct model *m, struct m_slot *s)
{
	struct m_set *set = s->set;

	set->counts[s->state]--;
	m->counts[s->state]--;
	if (s->state == SLOT_UNCLAIMED)
		set->idle[s->owner]--;
	if (s->state == SLOT_CONNECTING && set->health == M_OFFLINE)
		m->probers--;
	if (s->state == SLOT_CONNECTING)
		MUST(m->watch, !s->is_attempting, "start-without-end",
		    "slot %llu: no end of its connect-start",
		    (unsigned long long)s->id);
	if (s->state == SLOT_CHECKING)
		MUST(m->watch, !s->is_health_check && !s->is_recycle,
		    "start-without-end", "slot %llu: no end of its check",
		    (unsigned long long)s->id);
}

/* The connection is no more. If it served well until somebody else than its
 * backend ended it, the row of failures has ended too. */
static void
close_in_model(struct model *m, struct m_slot *s)
{
	if (s->has_connection && !s->has_failed &&
	    m->watch->now_us - s->connected_us >= m->policy.min_uptime)
		s->failures = 0;
	s->has_failed = false;
	not_live(s);
	s->has_connection = s->is_dead = s->is_clean = false;
	s->owner = OWNER_NONE;
}

static void
enter_state(struct model *m, struct m_slot *s, enum slot_state to)
{
	struct m_set *set = s->set;

	s->state = to;
	s->since_us = m->watch->now_us;
	set->counts[to]++;
	m->counts[to]++;
	if (to == SLOT_UNCLAIMED)
		set->idle[s->owner]++;
	if (to == SLOT_CONNECTING && set->health == M_OFFLINE)
		m->probers++;
	if (to == SLOT_CONNECTING)
		close_in_model(m, s);
	else
		MUST(m->watch, s->has_connection, "state",
		    "slot %llu is %s and has no connection",
		    (unsigned long long)s->id, slot_state_name(to));
	if (to == SLOT_CLAIMED)
		MUST(m->watch, s->claim != NULL, "state",
		    "slot %llu is claimed by nobody",
		    (unsigned long long)s->id);
	if (to == SLOT_UNCLAIMED)
		MUST(m->watch, s->is_clean, "unclean",
		    "slot %llu is to be had and was not checked",
		    (unsigned long long)s->id);
}

static void
check_counts(
    struct model *m, const struct m_set *set, const struct slot_set_counts *c)
{
	MUST(m->watch,
	    c->connecting == set->counts[SLOT_CONNECTING] &&
		c->unclaimed == set->counts[SLOT_UNCLAIMED] &&
		c->checking == set->counts[SLOT_CHECKING] &&
		c->claimed == set->counts[SLOT_CLAIMED],
	    "sum", "counts %u %u %u %u, seen %u %u %u %u", c->connecting,
	    c->unclaimed, c->checking, c->claimed, set->counts[0],
	    set->counts[1], set->counts[2], set->counts[3]);
}

static void
on_state_change(struct model *m, const struct event_record *e)
{
	enum slot_state from = state_named(m, e->old_state);
	enum slot_state to = state_named(m, e->new_state);
	struct m_set *set = set_of(m, e);
	struct m_slot *s;

	if (from == SLOT_STATE_COUNT) {
		s = add_slot(m, e->id, set);
		m->total++;
		set->slots++;
		check_room(m, set);
	} else {
		s = model_must_slot(m, e->id);
		MUST(m->watch, s->state == from && s->set == set, "state",
		    "slot %llu was %s, not %s", (unsigned long long)s->id,
		    slot_state_name(s->state), e->old_state);
		leave_state(m, s);
	}
	if (to != SLOT_STATE_COUNT) {
		enter_state(m, s, to);
	} else {
		MUST(m->watch, s->claim == NULL, "state",
		    "slot %llu goes and is claimed", (unsigned long long)s->id);
		close_in_model(m, s);
		m->total--;
		set->slots--;
		drop_slot(m, s);
		/* Nothing speaks for it: all that is left is lent and dead. */
		if (set->live == 0 && set->counts[SLOT_CONNECTING] == 0 &&
		    set->health == M_ONLINE)
			set_health(m, set, M_UNTRIED);
	}
	check_counts(m, set, e->counts);
}

/* --- backends --------------------------------------------------------------
 */

static void
on_backend_added(struct model *m, const struct event_record *e)
{
	unsigned b = model_backend_of(e->addr);
	struct m_set *set = &m->sets[b];

	MUST(m->watch, !set->is_named, "backend", "%s is added twice", e->addr);
	if (set->id != e->id) {
		MUST(m->watch, set->slots == 0, "backend",
		    "%s is new and has slots", e->addr);
		memset(set, 0, sizeof(*set));
		set->id = e->id;
	}
	if (b >= m->sets_known)
		m->sets_known = b + 1;
	set->is_named = true;
	be_tried(m, set);
	m->named++;
	m->online += is_online(set);
}

static void
on_backend_removed(struct model *m, const struct event_record *e)
{
	struct m_set *set = set_of(m, e);

	MUST(m->watch, set->is_named && set->id == e->id, "backend",
	    "%s is removed and was not there", e->addr);
	m->online -= is_online(set);
	set->is_named = set->is_drained = set->is_doomed = false;
	m->named--;
	m->wants_new_keys = true;
}

static void
on_health(struct model *m, const struct event_record *e, enum m_health health)
{
	struct m_set *set = set_of(m, e);

	if (health == M_ONLINE)
		MUST(m->watch, set->live > 0, "online",
		    "%s is online without a connection", e->addr);
	else
		MUST(m->watch, set->live == 0, "online",
		    "%s is offline with %u connections", e->addr, set->live);
	if (set->health == M_OFFLINE)
		m->probers -= set->counts[SLOT_CONNECTING];
	if (health == M_OFFLINE) {
		m->probers += set->counts[SLOT_CONNECTING];
		set->had_outage = true;
		be_tried(m, set);
		m->wants_new_keys = true;
	}
	set_health(m, set, health);
}

/* --- all events ------------------------------------------------------------
 */

static void
mix_text(struct watch *w, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		watch_mix(w, (unsigned char)*text);
}

static void
trace(struct watch *w, const struct event_record *e)
{
	fprintf(w->trace, "%llu %s %llu %s", (unsigned long long)w->now_us,
	    event_name(e->kind), (unsigned long long)e->id,
	    e->addr == NULL ? "-" : e->addr);
	if (e->slot != 0)
		fprintf(w->trace, " slot=%llu", (unsigned long long)e->slot);
	if (e->reason != NULL)
		fprintf(w->trace, " %s", e->reason);
	if (e->old_state != NULL)
		fprintf(w->trace, " %s > %s", e->old_state, e->new_state);
	fputc('\n', w->trace);
}

static void
on_slot_event(struct model *m, const struct event_record *e)
{
	struct m_slot *s = model_must_slot(m, e->id);

	if (e->kind == EVENT_CONNECT_START)
		on_connect_start(m, s);
	else if (e->kind == EVENT_CONNECT_DONE)
		on_connect_end(m, s, true);
	else if (e->kind == EVENT_CONNECT_FAILED)
		on_connect_end(m, s, false);
	else if (e->kind == EVENT_CONNECTION_LOST)
		on_lost(m, s);
	else if (e->kind == EVENT_HEALTH_CHECK_START)
		on_health_start(m, s);
	else if (e->kind == EVENT_HEALTH_CHECK_DONE)
		on_health_end(m, s, true);
	else if (e->kind == EVENT_HEALTH_CHECK_FAILED)
		on_health_end(m, s, false);
	else if (e->kind == EVENT_RECYCLE_START)
		on_recycle(m, s, true, false);
	else
		on_recycle(m, s, false, e->kind == EVENT_RECYCLE_DONE);
}

void
model_on_event(void *ctx, const struct event_record *e)
{
	struct model *m = ctx;
	struct watch *w = m->watch;

	watch_mix(w, e->kind ^ w->now_us << 8);
	watch_mix(w, e->id ^ e->slot << 32 ^ e->number << 60);
	mix_text(w, e->reason);
	if (w->trace != NULL)
		trace(w, e);
	MUST(w, !m->must_be_quiet, "stale",
	    "an answer that came too late has an effect: %s",
	    event_name(e->kind));
	if (e->kind == EVENT_SLOT_STATE_CHANGE)
		on_state_change(m, e);
	else if (e->kind == EVENT_BACKEND_ADDED)
		on_backend_added(m, e);
	else if (e->kind == EVENT_BACKEND_REMOVED)
		on_backend_removed(m, e);
	else if (e->kind == EVENT_SLOT_SET_ONLINE)
		on_health(m, e, M_ONLINE);
	else if (e->kind == EVENT_SLOT_SET_OFFLINE)
		on_health(m, e, M_OFFLINE);
	else if (e->kind >= EVENT_CONNECT_START &&
		 e->kind <= EVENT_RECYCLE_FAILED)
		on_slot_event(m, e);
	else if (e->kind < EVENT_CONNECT_START)
		model_on_claim_event(m, e);
}
