/* What must hold between any two events, and in the long run. */

#include <string.h>

#include "model.h"

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* An offline backend has one slot besides what is lent; one that is not to be
 * used has only that. */
static void
judge_set(const struct model *m, const struct m_set *set, unsigned b)
{
	uint32_t unlent = set->slots - set->counts[SLOT_CLAIMED];

	if (!m_set_is_usable(set) || m->is_stopping)
		MUST(m->watch, unlent == 0, "withdrawn",
		    "backend %u is not to be used and has %u slots", b, unlent);
	if (set->health == M_OFFLINE)
		MUST(m->watch, unlent <= 1 && set->live == 0, "offline",
		    "backend %u is offline with %u slots", b, unlent);
	if (set->live > 0)
		MUST(m->watch, set->health == M_ONLINE, "online",
		    "backend %u has %u connections and is not online", b,
		    set->live);
}

static uint32_t
idle_for(const struct model *m, const struct m_set *set, uint32_t uid)
{
	if (m->policy.isolation == ISOLATION_NONE)
		return set->counts[SLOT_UNCLAIMED];
	return set->idle[uid] + set->idle[OWNER_NONE];
}

/* No claim waits while a slot that it may use is unclaimed. */
static void
judge_queue(const struct model *m)
{
	for (unsigned b = 0; b < m->sets_known; b++) {
		const struct m_set *set = &m->sets[b];

		if (set->counts[SLOT_UNCLAIMED] == 0)
			continue;
		for (uint32_t u = 0; u < USERS_MAX; u++) {
			uint32_t n = m->queues[u][WANT_ANY].count +
				     m->queues[u][1 + b].count;

			MUST(m->watch, n == 0 || idle_for(m, set, u) == 0,
			    "idle-while-waiting",
			    "%u claims of user %u wait, backend %u has %u idle",
			    n, u, b, idle_for(m, set, u));
		}
	}
}

/* Others' idle connections are made anew for those who wait. */
static void
judge_others(const struct model *m)
{
	uint32_t coming = m->counts[SLOT_CONNECTING] - m->probers;

	MUST(m->watch,
	    m->counts[SLOT_UNCLAIMED] == 0 || coming >= m->waiting_any,
	    "other-users", "%u claims wait, %u are idle for others, %u come",
	    m->waiting_any, m->counts[SLOT_UNCLAIMED], coming);
}

static bool
may_grow(const struct model *m, const struct m_set *set)
{
	return m_set_is_usable(set) && set->health != M_OFFLINE &&
	       !set->had_outage && set->slots < m->policy.max_count;
}

static uint32_t
wanted(const struct model *m)
{
	uint64_t n = (uint64_t)m->counts[SLOT_CLAIMED] +
		     m->counts[SLOT_CHECKING] - m->health_checks + m->waiting +
		     m->policy.spares_wanted;

	return n < m->policy.max_slots ? (uint32_t)n : m->policy.max_slots;
}

/* As many slots as are wanted, while some backend can have one more and the
 * room is free or taken by more than one probe. */
static void
judge_growth(const struct model *m)
{
	uint32_t keep = m->policy.max_slots > 1 ? 1 : 0;

	if (m->total - m->probers >= wanted(m) ||
	    (m->total >= m->policy.max_slots && m->probers <= keep) ||
	    m->total > m->policy.max_slots)
		return;
	for (unsigned b = 0; b < m->sets_known; b++)
		MUST(m->watch, !may_grow(m, &m->sets[b]), "too-few",
		    "%u slots, %u of them probing, %u wanted, backend %u "
		    "could have one",
		    m->total, m->probers, wanted(m), b);
}

/* Somebody who is offline is being tried, where there is room, something idle
 * to give up, or a connection that a claim gives back. */
static void
judge_probes(struct model *m)
{
	bool has_down = false, has_trial = false;

	for (unsigned b = 0; b < m->sets_known; b++) {
		const struct m_set *set = &m->sets[b];

		if (!m_set_is_usable(set) || set->health == M_ONLINE)
			continue;
		has_down |= m_set_may_probe(m, set);
		has_trial |= set->counts[SLOT_CONNECTING] > 0;
	}
	if (!has_down || has_trial || m->total != m->policy.max_slots ||
	    m->policy.max_slots == 1)
		m->back_unprobed = 0;
	if (!has_down || has_trial)
		return;
	/* Not each event is judged. */
	MUST(m->watch, m->back_unprobed <= 8, "no-probe",
	    "nobody tries what is offline, and %u connections came back",
	    m->back_unprobed);
	MUST(m->watch, m->total >= m->policy.max_slots, "no-probe",
	    "nobody tries what is offline, with %u slots", m->total);
	if (m->policy.max_slots > 1 && m->total == m->policy.max_slots)
		MUST(m->watch, m->counts[SLOT_UNCLAIMED] == 0, "no-probe",
		    "nobody tries what is offline, and %u slots are idle",
		    m->counts[SLOT_UNCLAIMED]);
}

/* Each that is offline has its turn. The clock of turns stands while nobody at
 * all is tried. */
static void
judge_turns(struct model *m)
{
	uint64_t n = m->sets_known + 1;
	uint64_t most =
	    m->most_backoff_us +
	    n * (m->most_timeout_us + (uint64_t)m->policy.max_slots * US_PER_S /
					  m->policy.connect_rate);

	for (unsigned b = 0; b < m->sets_known; b++) {
		struct m_set *set = &m->sets[b];

		if (!m_set_may_probe(m, set)) {
			set->turn_mark = m->probe_clock;
			continue;
		}
		MUST(m->watch, m->probe_clock - set->turn_mark <= most,
		    "no-turn", "backend %u was not tried for %llu us", b,
		    (unsigned long long)(m->probe_clock - set->turn_mark));
	}
}

static void
judge_fail_fast(const struct model *m)
{
	bool has_down = false;

	if (m->policy.when_offline != WHEN_OFFLINE_FAIL || m->online > 0)
		return;
	for (unsigned b = 0; b < m->sets_known; b++) {
		const struct m_set *set = &m->sets[b];

		if (!m_set_is_usable(set))
			continue;
		if (set->health != M_OFFLINE)
			return;
		has_down = true;
	}
	MUST(m->watch, !has_down || m->waiting == 0, "fail-fast",
	    "every backend is down and %u claims wait", m->waiting);
}

static void
run_probe_clock(struct model *m)
{
	uint64_t now_us = m->watch->now_us;

	if (m->was_probing && !m->watch->is_late)
		m->probe_clock += now_us - m->probe_since_us;
	m->probe_since_us = now_us;
	m->was_probing = m->probers > 0;
}

void
judge(struct model *m)
{
	m->judged++;
	run_probe_clock(m);
	if (m->sets_known <= 8 || m->judged % 8 == 0) {
		for (unsigned b = 0; b < m->sets_known; b++)
			judge_set(m, &m->sets[b], b);
		if (!m->is_stopping)
			judge_probes(m);
		judge_turns(m);
		judge_fail_fast(m);
	}
	if (m->is_stopping) {
		MUST(m->watch,
		    m->total == m->counts[SLOT_CLAIMED] && m->waiting == 0,
		    "stop", "%u slots, %u claimed, %u claims wait", m->total,
		    m->counts[SLOT_CLAIMED], m->waiting);
		return;
	}
	judge_growth(m);
	if (m->waiting > 0 && !m->is_paused) {
		if (m->counts[SLOT_UNCLAIMED] > 0)
			judge_queue(m);
		judge_others(m);
	}
}

/* --- figures ---------------------------------------------------------------
 */

static void
figures_pool(const struct model *m)
{
	struct watch *w = m->watch;
	struct pool_stats s;
	uint64_t all = 0;

	pool_stats(m->pool, w->now_us, &s);
	for (int i = 0; i < SLOT_STATE_COUNT; i++)
		MUST(w, s.counts[i] == m->counts[i], "sum",
		    "%u slots are %s, %u were seen", s.counts[i],
		    slot_state_name((enum slot_state)i), m->counts[i]);
	MUST(w, s.slots == m->total, "sum", "%u slots, %u were seen", s.slots,
	    m->total);
	MUST(w, s.waiting == m->waiting, "sum", "%u wait, %u were seen",
	    s.waiting, m->waiting);
	MUST(w, s.held == m->held, "sum", "%u are held, %u were seen", s.held,
	    m->held);
	MUST(w, s.claims == m->granted, "sum", "%llu claims, %llu were seen",
	    (unsigned long long)s.claims, (unsigned long long)m->granted);
	for (int i = 0; i < ERROR_COUNT; i++) {
		MUST(w, s.refused[i] == m->refused[i], "sum",
		    "%llu times %s, %llu were seen",
		    (unsigned long long)s.refused[i], error_code((enum error)i),
		    (unsigned long long)m->refused[i]);
		all += s.refused[i];
	}
	MUST(w, s.refused_all == all, "sum", "refused_all is no sum");
	MUST(w, s.backends == m->named && s.online == m->online, "sum",
	    "%u backends, %u online; %u and %u were seen", s.backends, s.online,
	    m->named, m->online);
	MUST(w, pool_wait_histogram(m->pool)->count == m->granted, "sum",
	    "the histogram of waits is off");
	MUST(w, pool_hold_histogram(m->pool)->count == m->returned, "sum",
	    "the histogram of holds is off");
	MUST(w, (s.oldest_wait_us > 0) <= (s.waiting + m->taking > 0), "sum",
	    "the oldest of no claims has waited");
}

static const char *
state_of(const struct m_set *set)
{
	if (!m_set_is_usable(set))
		return backend_state_name(BACKEND_DRAINING);
	if (set->health == M_UNTRIED)
		return backend_state_name(BACKEND_UNTRIED);
	return backend_state_name(
	    set->health == M_ONLINE ? BACKEND_ONLINE : BACKEND_OFFLINE);
}

static void
figures_backends(const struct model *m)
{
	struct watch *w = m->watch;
	uint32_t counts[SLOT_STATE_COUNT] = { 0 };
	struct backend_stats s;
	size_t at = 0;

	while (pool_next_backend(m->pool, w->now_us, &at, &s)) {
		unsigned b = model_backend_of(s.addr_text);
		const struct m_set *set = &m->sets[b];

		MUST(w, set->id == s.set, "sum", "backend %u is another", b);
		for (int i = 0; i < SLOT_STATE_COUNT; i++) {
			MUST(w, s.counts[i] == set->counts[i], "sum",
			    "backend %u: counts are off", b);
			counts[i] += s.counts[i];
		}
		MUST(w, s.claims == set->claims, "sum",
		    "backend %u: %llu claims, %llu were seen", b,
		    (unsigned long long)s.claims,
		    (unsigned long long)set->claims);
		MUST(w, strcmp(backend_state_name(s.state), state_of(set)) == 0,
		    "sum", "backend %u is %s, should be %s", b,
		    backend_state_name(s.state), state_of(set));
		MUST(w,
		    (s.connect == NULL ? 0 : s.connect->count) == set->connects,
		    "sum", "backend %u: the histogram of connects is off", b);
	}
	for (int i = 0; i < SLOT_STATE_COUNT; i++)
		MUST(w, counts[i] == m->counts[i], "sum",
		    "the pool's %s slots are not the sum of its backends'",
		    slot_state_name((enum slot_state)i));
}

static void
figures_slots(struct model *m)
{
	struct watch *w = m->watch;
	uint32_t at = 0, n = 0;
	struct slot_stats s;
	struct claim_stats c;

	while (pool_next_slot(m->pool, w->now_us, &at, &s)) {
		const struct m_slot *known = model_slot(m, s.id);

		MUST(w, known != NULL && known->state == s.state, "sum",
		    "slot %llu is not as it was seen",
		    (unsigned long long)s.id);
		MUST(w, s.state == SLOT_CONNECTING || s.claims == known->claims,
		    "sum", "slot %llu: claims are off",
		    (unsigned long long)s.id);
		n++;
	}
	MUST(w, n == m->total, "sum", "%u slots are listed, %u were seen", n,
	    m->total);
	at = n = 0;
	while (pool_next_claim(m->pool, w->now_us, &at, &c)) {
		const struct m_claim *known = model_claim(m, c.id);

		MUST(w,
		    known != NULL && known->state == M_HELD &&
			known->slot->id == c.slot &&
			c.held_us == w->now_us - known->granted_us,
		    "sum", "claim %llu is not as it was seen",
		    (unsigned long long)c.id);
		n++;
	}
	MUST(w, n == m->held, "sum", "%u claims are listed, %u were seen", n,
	    m->held);
}

/* Nothing stays in a state that has an end. */
static void
figures_times(const struct model *m)
{
	struct watch *w = m->watch;

	for (int i = 0; i < BUCKETS; i++) {
		const struct m_slot *s = m->slots[i];

		for (; s != NULL; s = s->next) {
			uint64_t span = w->now_us - s->since_us;

			if (s->state == SLOT_CHECKING)
				MUST(w, w->is_late || span <= m->most_check_us,
				    "stuck", "slot %llu is checked for %llu us",
				    (unsigned long long)s->id,
				    (unsigned long long)span);
			if (s->is_attempting)
				MUST(w,
				    w->is_late || span <= m->most_timeout_us,
				    "stuck", "slot %llu connects for %llu us",
				    (unsigned long long)s->id,
				    (unsigned long long)span);
		}
	}
}

void
judge_figures(struct model *m, bool has_walks)
{
	figures_pool(m);
	figures_backends(m);
	figures_slots(m);
	figures_times(m);
	if (has_walks)
		pool_check(m->pool);
}

/* --- the long run ----------------------------------------------------------
 */

/* Slots whose connection is under way, or waits for connect-rate: they were
 * closed a moment ago, for their age or by the end of a lease. */
static uint32_t
attempts(const struct model *m)
{
	uint64_t turnover_us =
	    US_PER_S / 100 + 2ULL * (m->policy.max_slots + m->sets_known) *
				 US_PER_S / m->policy.connect_rate;
	uint32_t n = 0;

	for (int i = 0; i < BUCKETS; i++) {
		const struct m_slot *s = m->slots[i];

		for (; s != NULL; s = s->next)
			n += s->is_attempting ||
			     (s->state == SLOT_CONNECTING && !s->has_failed &&
				 m->watch->now_us - s->since_us <= turnover_us);
	}
	return n;
}

/* Faults stopped long enough ago: all that is wanted works. */
void
judge_settled(struct model *m)
{
	uint32_t works = m->total - m->counts[SLOT_CONNECTING] + attempts(m);
	uint32_t room = 0, want = wanted(m);
	bool may_be_online = false, has_down = false;

	if (m->is_stopping || m->is_paused)
		return;
	for (unsigned b = 0; b < m->sets_known; b++) {
		const struct m_set *set = &m->sets[b];

		if (!m_set_is_usable(set))
			continue;
		room = smaller(room + m->policy.max_count, 1u << 30);
		has_down |= set->health == M_OFFLINE;
		may_be_online |=
		    set->counts[SLOT_CLAIMED] < m->policy.max_count;
	}
	want = smaller(want, room);
	if (has_down && want == m->policy.max_slots)
		want--; /* more backends than slots still take turns */
	MUST(m->watch, works >= want, "settle",
	    "%u connections work, %u are wanted", works, want);
	MUST(m->watch,
	    m->counts[SLOT_CLAIMED] >= want || !may_be_online ||
		m->online > 0 ||
		(has_down && attempts(m) > 0), /* the next takes its turn */
	    "settle", "no backend is online");
}
