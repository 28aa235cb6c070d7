/*
 * Follows the claims of a pool: who waits, in which order, who gets which slot,
 * and who is refused for what reason.
 */

#include <string.h>

#include "model.h"

/* --- table -----------------------------------------------------------------
 */

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

/* --- what becomes of a claim -----------------------------------------------
 */

/* One that would not wait has the time of one check, for its on-acquire. */
uint64_t
model_claim_end_us(const struct model *m, const struct m_claim *c)
{
	uint64_t check_us = m->has_acquire ? m->most_check_us : 0;

	return c->deadline_us > c->asked_us ? c->deadline_us
					    : c->asked_us + check_us;
}

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
	MUST(w, w->now_us <= model_claim_end_us(m, c) || w->is_late, "deadline",
	    "claim %llu is granted after its time", (unsigned long long)c->id);
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
	return m_set_is_usable(&m->sets[want - 1]) &&
	       m->sets[want - 1].health == M_ONLINE;
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

/* --- all events ------------------------------------------------------------
 */

void
model_on_claim_event(struct model *m, const struct event_record *e)
{
	struct m_claim *c;

	if (e->kind == EVENT_CLAIM_START) {
		on_claim_start(m, e);
		return;
	}
	c = must_claim(m, e->id);
	if (e->kind == EVENT_CLAIM_FAILED)
		on_refused(m, c, e->reason);
	else if (e->kind == EVENT_POOL_CLAIM_START)
		on_seek(m, c);
	else if (e->kind == EVENT_POOL_CLAIM_FAILED)
		on_seek_failed(m, c);
	else if (e->kind == EVENT_SLOT_SET_CLAIM_START)
		on_take(m, c, model_must_slot(m, e->slot));
	else if (e->kind == EVENT_SLOT_SET_CLAIM_FAILED)
		on_take_failed(m, c, e->reason);
	else if (e->kind == EVENT_CLAIM_ACQUIRE_FAILED)
		model_back_off(m, model_must_slot(m, e->slot));
	else if (e->kind == EVENT_CLAIM_DONE)
		on_granted(m, c, model_must_slot(m, e->slot));
	else if (e->kind == EVENT_HANDLE_RETURNED)
		on_returned(m, c);
	else if (e->kind == EVENT_CLAIM_LEAK) {
		MUST(m->watch, !c->is_leak_told, "leak",
		    "claim %llu is reported twice", (unsigned long long)c->id);
		c->is_leak_told = true;
	}
}
