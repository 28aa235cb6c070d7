/* Follows the events of a pool and holds each against what was promised. */

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

static struct m_slot *
find_slot(struct model *m, uint64_t id)
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

struct m_claim *
model_claim(struct model *m, uint64_t id)
{
	struct m_claim *c = m->claims[id % BUCKETS];

	while (c != NULL && c->id != id)
		c = c->next;
	return c;
}

static struct m_claim *
must_claim(struct model *m, uint64_t id)
{
	struct m_claim *c = model_claim(m, id);

	MUST(m->watch, c != NULL, "unknown-claim",
	    "claim %llu is over, or never was", (unsigned long long)id);
	return c;
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

static void
drop_claim(struct model *m, struct m_claim *c)
{
	struct m_claim **at = &m->claims[c->id % BUCKETS];

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->next = m->spare_claims;
	m->spare_claims = c;
}

/* --- the queue -------------------------------------------------------------
 */

static void
enqueue(struct model *m, struct m_claim *c)
{
	struct m_queue *q = &m->queues[c->uid][c->want];
	struct m_claim *before = q->newest;

	while (before != NULL && before->seq > c->seq)
		before = before->older;
	c->older = before;
	c->newer = before == NULL ? q->oldest : before->newer;
	if (c->older == NULL)
		q->oldest = c;
	else
		c->older->newer = c;
	if (c->newer == NULL)
		q->newest = c;
	else
		c->newer->older = c;
	q->count++;
	m->waiting++;
	m->waiting_any += c->want == WANT_ANY;
	m->waiting_named += c->want != WANT_ANY;
	c->state = M_WAITING;
}

static void
dequeue(struct model *m, struct m_claim *c)
{
	struct m_queue *q = &m->queues[c->uid][c->want];

	if (c->older == NULL)
		q->oldest = c->newer;
	else
		c->older->newer = c->newer;
	if (c->newer == NULL)
		q->newest = c->older;
	else
		c->newer->older = c->older;
	c->older = c->newer = NULL;
	q->count--;
	m->waiting--;
	m->waiting_any -= c->want == WANT_ANY;
	m->waiting_named -= c->want != WANT_ANY;
}

void
model_rewant(struct model *m, struct m_claim *c, unsigned want)
{
	if (c->state == M_WAITING) {
		dequeue(m, c);
		c->want = want;
		enqueue(m, c);
	} else {
		c->want = want;
	}
}

bool
model_may_use(
    const struct model *m, const struct m_claim *c, const struct m_slot *s)
{
	if (c->want == WANT_UNKNOWN)
		return false;
	if (c->want != WANT_ANY && &m->sets[c->want - 1] != s->set)
		return false;
	return m->policy.isolation == ISOLATION_NONE ||
	       s->owner == OWNER_NONE || s->owner == c->uid;
}

/* --- claims ----------------------------------------------------------------
 */

static void
on_claim_start(struct model *m, const struct event_record *e)
{
	struct m_claim *c = m->spare_claims;

	MUST(m->watch, model_claim(m, e->id) == NULL, "claim-id-twice",
	    "claim %llu is there already", (unsigned long long)e->id);
	if (c == NULL)
		c = mem_new(1, sizeof(*c));
	else
		m->spare_claims = c->next;
	memset(c, 0, sizeof(*c));
	c->id = e->id;
	c->seq = ++m->seq;
	c->uid = m->request.uid;
	c->want = m->request.want;
	c->key = m->request.key;
	c->asked_us = m->watch->now_us;
	c->deadline_us = time_after(m->watch->now_us, m->request.wait_us);
	c->lease_us = m->request.lease_us;
	c->next = m->claims[c->id % BUCKETS];
	m->claims[c->id % BUCKETS] = c;
}

static void
on_seek(struct model *m, struct m_claim *c)
{
	MUST(m->watch, !c->is_seeking, "start-without-end",
	    "claim %llu: pool-claim-start twice", (unsigned long long)c->id);
	c->is_seeking = true;
}

static void
on_seek_failed(struct model *m, struct m_claim *c)
{
	MUST(m->watch, c->is_seeking, "end-without-start",
	    "claim %llu: pool-claim-failed", (unsigned long long)c->id);
	c->is_seeking = false;
	if (c->state == M_ASKED)
		enqueue(m, c);
}

/* Nobody who has waited longer for this very slot is passed over. */
static void
check_order(struct model *m, const struct m_claim *c, const struct m_slot *s)
{
	unsigned wants[2] = { WANT_ANY, (unsigned)(s->set - m->sets) + 1 };

	for (uint32_t u = 0; u < USERS_MAX && m->waiting > 0; u++) {
		for (int i = 0; i < 2; i++) {
			const struct m_claim *w = m->queues[u][wants[i]].oldest;

			if (w == NULL || w == c || w->seq > c->seq ||
			    !model_may_use(m, w, s))
				continue;
			watch_fail(m->watch, "order",
			    "claim %llu takes slot %llu before claim %llu, "
			    "which asked earlier",
			    (unsigned long long)c->id,
			    (unsigned long long)s->id,
			    (unsigned long long)w->id);
		}
	}
}

/* Has the backend that it waited for gone, so that it looks for another? */
static bool
is_adrift(const struct model *m, const struct m_claim *c)
{
	const struct m_set *set;

	if (c->want == WANT_ANY || c->want == WANT_UNKNOWN)
		return false;
	set = &m->sets[c->want - 1];
	return !set->is_named ||
	       (c->key >= 0 && (set->is_drained || set->health == M_OFFLINE));
}

static void
on_take(struct model *m, struct m_claim *c, struct m_slot *s)
{
	struct watch *w = m->watch;

	MUST(w, c->is_seeking && !c->is_at_set, "start-without-end",
	    "claim %llu: slot-set-claim-start", (unsigned long long)c->id);
	MUST(w, s->claim == NULL && s->state == SLOT_UNCLAIMED, "double-grant",
	    "slot %llu is %s and taken by claim %llu",
	    (unsigned long long)s->id, slot_state_name(s->state),
	    (unsigned long long)c->id);
	MUST(w, !m->is_paused, "paused", "claim %llu takes a slot",
	    (unsigned long long)c->id);
	MUST(w, !m->is_stopping, "stopping", "claim %llu takes a slot",
	    (unsigned long long)c->id);
	MUST(w, m_set_is_usable(s->set) && !s->set->is_doomed, "withdrawn",
	    "claim %llu takes a slot of a backend that is not to be used",
	    (unsigned long long)c->id);
	MUST(w, s->has_connection && s->is_clean && !s->is_dead, "unclean",
	    "claim %llu takes slot %llu, whose connection is not known good",
	    (unsigned long long)c->id, (unsigned long long)s->id);
	if (is_adrift(m, c))
		model_rewant(m, c, (unsigned)(s->set - m->sets) + 1);
	MUST(w, c->want == WANT_UNKNOWN || model_may_use(m, c, s), "not-for-it",
	    "claim %llu of user %u may not use slot %llu",
	    (unsigned long long)c->id, c->uid, (unsigned long long)s->id);
	MUST(w, s->claims < m->policy.max_claims_per_connection, "worn",
	    "slot %llu was lent %llu times", (unsigned long long)s->id,
	    (unsigned long long)s->claims);
	check_order(m, c, s);
	if (c->state == M_WAITING)
		dequeue(m, c);
	c->state = M_TAKING;
	c->is_at_set = true;
	c->slot = s;
	s->claim = c;
	m->taking++;
}

static void
on_take_failed(struct model *m, struct m_claim *c, const char *reason)
{
	MUST(m->watch, c->is_at_set && c->state == M_TAKING,
	    "end-without-start", "claim %llu: slot-set-claim-failed (%s)",
	    (unsigned long long)c->id, reason);
	c->is_at_set = false;
	c->slot->claim = NULL;
	c->slot = NULL;
	c->state = M_ASKED;
	m->taking--;
}

static void
on_granted(struct model *m, struct m_claim *c, struct m_slot *s)
{
	struct watch *w = m->watch;

	MUST(w, c->state == M_TAKING && c->slot == s && s->claim == c,
	    "double-grant", "claim %llu is granted slot %llu it did not take",
	    (unsigned long long)c->id, (unsigned long long)s->id);
	MUST(w,
	    m->policy.isolation == ISOLATION_NONE || s->owner == OWNER_NONE ||
		s->owner == c->uid,
	    "isolation", "claim %llu of user %u is granted another's slot %llu",
	    (unsigned long long)c->id, c->uid, (unsigned long long)s->id);
	MUST(w, !m->is_paused, "paused", "claim %llu is granted",
	    (unsigned long long)c->id);
	/* One that would not wait has the time that on-acquire takes. */
	MUST(w,
	    w->now_us <= c->deadline_us || w->is_late ||
		(m->has_acquire && c->deadline_us == c->asked_us),
	    "deadline", "claim %llu is granted after its time",
	    (unsigned long long)c->id);
	MUST(w, !m->has_acquire || s->is_acquired, "not-acquired",
	    "claim %llu has slot %llu without on-acquire",
	    (unsigned long long)c->id, (unsigned long long)s->id);
	c->is_seeking = c->is_at_set = false;
	c->state = M_HELD;
	c->granted_us = w->now_us;
	s->owner =
	    m->policy.isolation == ISOLATION_NONE || s->owner == OWNER_MIXED
		? OWNER_MIXED
		: c->uid;
	s->is_clean = s->is_acquired = false;
	s->claims++;
	s->set->claims++;
	m->taking--;
	m->held++;
	m->granted++;
}

static void
on_returned(struct model *m, struct m_claim *c)
{
	MUST(m->watch, c->state == M_HELD && c->slot->claim == c, "return",
	    "claim %llu comes back and was not out", (unsigned long long)c->id);
	c->slot->claim = NULL;
	m->held--;
	m->returned++;
	drop_claim(m, c);
}

/* An online backend that a claim with this want could use. */
static bool
is_online_for(const struct model *m, unsigned want)
{
	if (want == WANT_ANY || want == WANT_UNKNOWN)
		return m->online > 0;
	return m->sets[want - 1].health == M_ONLINE;
}

/* The queue or the table is full as it comes, or CoDel drops it. */
static bool
may_overload(const struct model *m, const struct m_claim *c)
{
	uint64_t wait_us = m->watch->now_us - c->asked_us;

	if (c->state == M_ASKED)
		return m->request.is_table_full ||
		       m->waiting >= m->policy.max_waiting;
	return m->policy.codel_target != NEVER &&
	       wait_us >= m->policy.codel_target && m->waiting > 1;
}

static void
check_refusal(struct model *m, const struct m_claim *c, enum error e)
{
	uint64_t now_us = m->watch->now_us;
	bool is_late = now_us >= c->deadline_us;
	bool may_be = e == ERR_CANCELLED;
	unsigned want = is_adrift(m, c) ? WANT_UNKNOWN : c->want;

	if (e == ERR_NO_BACKENDS)
		may_be = is_late && m->named == 0;
	else if (e == ERR_NO_BACKENDS_ONLINE)
		may_be = (is_late && (want == WANT_UNKNOWN ||
					 !is_online_for(m, want))) ||
			 (m->policy.when_offline == WHEN_OFFLINE_FAIL &&
			     m->online == 0);
	else if (e == ERR_ALL_CLAIMS_USED)
		may_be = is_late && is_online_for(m, want);
	else if (e == ERR_OVERLOADED)
		may_be = may_overload(m, c);
	else if (e == ERR_NO_SUCH_BACKEND)
		may_be =
		    c->want == WANT_UNKNOWN ||
		    (c->want != WANT_ANY && !m->sets[c->want - 1].is_named);
	else if (e == ERR_TERMINATED)
		may_be = m->is_stopping;
	MUST(m->watch, may_be, "refusal",
	    "claim %llu is refused with %s after %llu us, for no reason",
	    (unsigned long long)c->id, error_code(e),
	    (unsigned long long)(now_us - c->asked_us));
}

static void
on_refused(struct model *m, struct m_claim *c, const char *reason)
{
	enum error e;

	MUST(m->watch, reason != NULL && error_find(reason, &e), "refusal",
	    "claim %llu is refused without a reason",
	    (unsigned long long)c->id);
	MUST(m->watch, c->state != M_HELD && c->state != M_TAKING, "refusal",
	    "claim %llu is refused and has a slot", (unsigned long long)c->id);
	MUST(m->watch, !c->is_seeking, "start-without-end",
	    "claim %llu: refused and still seeking", (unsigned long long)c->id);
	check_refusal(m, c, e);
	if (c->state == M_WAITING)
		dequeue(m, c);
	m->refused[e]++;
	drop_claim(m, c);
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

static void
must_wait(struct model *m, struct m_slot *s)
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
		must_wait(m, s);
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
		must_wait(m, s);
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
		must_wait(m, s);
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
		s = find_slot(m, e->id);
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
	struct m_slot *s = find_slot(m, e->id);

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

static void
on_claim_event(struct model *m, const struct event_record *e)
{
	struct m_claim *c = must_claim(m, e->id);

	if (e->kind == EVENT_CLAIM_FAILED)
		on_refused(m, c, e->reason);
	else if (e->kind == EVENT_POOL_CLAIM_START)
		on_seek(m, c);
	else if (e->kind == EVENT_POOL_CLAIM_FAILED)
		on_seek_failed(m, c);
	else if (e->kind == EVENT_SLOT_SET_CLAIM_START)
		on_take(m, c, find_slot(m, e->slot));
	else if (e->kind == EVENT_SLOT_SET_CLAIM_FAILED)
		on_take_failed(m, c, e->reason);
	else if (e->kind == EVENT_CLAIM_ACQUIRE_FAILED)
		must_wait(m, find_slot(m, e->slot));
	else if (e->kind == EVENT_CLAIM_DONE)
		on_granted(m, c, find_slot(m, e->slot));
	else if (e->kind == EVENT_HANDLE_RETURNED)
		on_returned(m, c);
	else if (e->kind == EVENT_CLAIM_LEAK) {
		MUST(m->watch, !c->is_leak_told, "leak",
		    "claim %llu is reported twice", (unsigned long long)c->id);
		c->is_leak_told = true;
	}
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
	if (e->kind == EVENT_CLAIM_START)
		on_claim_start(m, e);
	else if (e->kind == EVENT_SLOT_STATE_CHANGE)
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
		on_claim_event(m, e);
}
