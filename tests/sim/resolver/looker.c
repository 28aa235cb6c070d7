/* A resolver under test, its model, and its queries; see sim.h. */

#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* --- queries ---------------------------------------------------------------
 */

static struct question
question_of(const struct looker *l, const struct resolve_action *a)
{
	struct question q = { .type = a->type };
	char name[NAME_BYTES];

	if (a->type == DNS_SRV) {
		if (strcmp(a->name, l->service) != 0)
			broken(l->world, "query", "SRV of %s", a->name);
		return q;
	}
	for (; q.target < TARGETS; q.target++) {
		zone_target_name(q.target, name);
		if (strcmp(a->name, name) == 0)
			return q;
	}
	broken(l->world, "query", "nobody named %s", a->name);
}

/* May this be asked now? */
static void
check_query(struct looker *l, const struct resolve_action *a, struct question q)
{
	struct model *m = &l->m;
	struct part *p = &m->parts[a->server];
	enum target_state *t =
	    &p->targets[q.target][q.type == DNS_AAAA ? V6 : V4];
	bool is_right = q.type == DNS_SRV
			    ? p->state == PART_SRV && !p->is_srv_asked
			    : p->state == PART_ADDRESSES && *t == TARGET_OPEN;

	if (!m->is_looking || a->lookup != m->started || !is_right)
		broken(l->world, "query", "%s: %s of server %zu is not asked",
		    l->word, a->name, a->server);
	if (p->in_flight >= m->policy.max_dns_concurrency)
		broken(l->world, "concurrency", "%s: %u in flight already",
		    l->word, p->in_flight);
	if (l->world->now_us + a->timeout_us != m->end_us &&
	    l->world->now_us < m->end_us)
		broken(l->world, "timeout", "%s: %llu us", l->word,
		    (unsigned long long)a->timeout_us);
	p->in_flight++;
	if (q.type == DNS_SRV)
		p->is_srv_asked = true;
	else
		*t = TARGET_ASKED;
}

static uint64_t
draw_arrival(struct world *w, const struct server *s, uint64_t timeout_us)
{
	enum mode mode = s->mode == MODE_FLAKY
			     ? (enum mode)rng_below(&w->rng, MODE_FLAKY)
			     : s->mode;

	if (mode == MODE_SILENT)
		return NEVER;
	if (mode == MODE_TIME_OUT)
		return w->now_us + timeout_us -
		       rng_below(&w->rng, timeout_us / 8 + 1);
	return w->now_us +
	       rng_below(&w->rng, mode == MODE_SLOW ? 12 * S : s->delay_us + 1);
}

static void
put_query(struct looker *l, const struct resolve_action *a)
{
	struct world *w = l->world;
	struct server *s = &w->servers[l->ids[a->server]];
	struct query *query = &l->queries[l->query_count];

	if (++l->query_count > QUERIES_MAX)
		broken(w, "queries", "%s: too many", l->word);
	query->handle = a->handle;
	query->q = question_of(l, a);
	query->server = (unsigned)a->server;
	query->is_live = true;
	check_query(l, a, query->q);
	reply_draw(
	    &query->reply, query->q, s->mode, &s->zones[l->zone], &w->rng);
	query->at_us = draw_arrival(w, s, a->timeout_us);
	w->queries++;
}

/* Those that never come are forgotten once nobody waits for them. */
static void
drop_queries(struct looker *l, unsigned server)
{
	for (unsigned i = 0; i < l->query_count;) {
		struct query *q = &l->queries[i];

		if (q->is_live && q->server == server)
			q->is_live = false;
		if (!q->is_live && q->at_us == NEVER)
			*q = l->queries[--l->query_count];
		else
			i++;
	}
}

/* --- actions ---------------------------------------------------------------
 */

static void
on_started(struct looker *l, const struct resolve_action *a)
{
	struct world *w = l->world;
	struct model *m = &l->m;

	if (!m->is_looking) {
		if (w->now_us < m->next_least_us)
			broken(w, "early", "%s: a look-up before %llu", l->word,
			    (unsigned long long)m->next_least_us);
		/* Once more, without the model. */
		if (!l->is_forced && m->ended > 0 &&
		    w->now_us - l->last_end_us <
			m->policy.min_query_interval_us)
			broken(w, "min-query-interval", "%s: %llu us", l->word,
			    (unsigned long long)(w->now_us - l->last_end_us));
		l->is_forced = l->saw_records = l->saw_empty = false;
		model_begin(m, w->now_us);
	}
	if (a->lookup != m->started || m->parts[a->server].is_start_told)
		broken(w, "started", "%s: look-up %llu at %zu", l->word,
		    (unsigned long long)a->lookup, a->server);
	m->parts[a->server].is_start_told = true;
}

static void
on_ended(struct looker *l, const struct resolve_action *a)
{
	struct part *p = &l->m.parts[a->server];
	bool has_records = p->state == PART_ENDED && p->outcome == DNS_RECORDS;
	bool is_empty = a->outcome == DNS_NO_NAME || a->outcome == DNS_NO_DATA;

	if (!p->is_start_told || p->is_end_told || a->lookup != l->m.started)
		broken(
		    l->world, "ended", "%s: of server %zu", l->word, a->server);
	p->is_end_told = true;
	if (a->kind == RESOLVE_DONE && (!has_records || l->m.is_looking))
		broken(
		    l->world, "done", "%s: of server %zu", l->word, a->server);
	if (a->kind == RESOLVE_FAILED && p->state == PART_ENDED &&
	    !has_records &&
	    is_empty !=
		(p->outcome == DNS_NO_NAME || p->outcome == DNS_NO_DATA))
		broken(l->world, "outcome", "%s: %s of server %zu", l->word,
		    dns_outcome_word(a->outcome), a->server);
}

static void
on_cancel(struct looker *l, const struct resolve_action *a)
{
	struct part *p = &l->m.parts[a->server];

	if (p->in_flight == 0)
		broken(l->world, "cancel", "%s: of nothing", l->word);
	p->in_flight = 0;
	drop_queries(l, (unsigned)a->server);
}

static void
drain(struct looker *l)
{
	struct world *w = l->world;
	struct resolve_action a;

	while (resolve_next_action(l->r, w->now_us, &a)) {
		note(w, "  %s: action %d, server %zu, %s %s", l->word,
		    (int)a.kind, a.server,
		    a.name == NULL ? "" : dns_type_name(a.type),
		    a.name == NULL ? "" : a.name);
		switch (a.kind) {
		case RESOLVE_QUERY:
			put_query(l, &a);
			break;
		case RESOLVE_CANCEL:
			on_cancel(l, &a);
			break;
		case RESOLVE_PUBLISH:
			l->has_published = true;
			break;
		case RESOLVE_STARTED:
			on_started(l, &a);
			break;
		case RESOLVE_DONE:
		case RESOLVE_FAILED:
			on_ended(l, &a);
			break;
		}
	}
	resolve_check(l->r);
}

/* --- what must hold after each event ---------------------------------------
 */

/* Of two who kept it for different reasons, either may be named. */
static bool
is_same_rule(enum resolve_rule a, enum resolve_rule b)
{
	bool is_kept_a = a == RESOLVE_RULE_HALF || a == RESOLVE_RULE_SILENT;
	bool is_kept_b = b == RESOLVE_RULE_HALF || b == RESOLVE_RULE_SILENT;

	return a == b || (is_kept_a && is_kept_b);
}

static void
compare_item(struct looker *l, size_t i, const struct backend_spec *spec)
{
	const struct item *it = &l->m.set.items[i];
	struct resolve_origin o;
	char addr[ADDR_TEXT_BYTES];

	resolve_origin(l->r, i, &o);
	if (strcmp(spec->name, it->name) != 0 ||
	    !addr_equal(&spec->addr, &it->spec.addr) ||
	    spec->priority != it->spec.priority ||
	    spec->weight != it->spec.weight || spec->ttl_s != it->spec.ttl_s ||
	    spec->sources != it->spec.sources)
		broken(l->world, "set", "%s: there is %s %s, not %s", l->word,
		    spec->name, addr_text(&spec->addr, addr), it->name);
	if (!is_same_rule(o.rule, it->rule) || o.seen_us != it->seen_us ||
	    o.absent_since_us != it->since_us)
		broken(l->world, "origin", "%s: of %s: %s, not %s", l->word,
		    it->name, resolve_rule_word(o.rule),
		    resolve_rule_word(it->rule));
}

static void
compare_set(struct looker *l)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(l->r, &specs);

	items_sort(&l->m.set);
	if (count != l->m.set.count)
		broken(l->world, "set", "%s: there are %zu, not %u", l->word,
		    count, l->m.set.count);
	for (size_t i = 0; i < count; i++)
		compare_item(l, i, &specs[i]);
	if (resolve_status(l->r) != l->m.status && l->m.status != 0)
		broken(l->world, "status", "%s: %d, not %d", l->word,
		    (int)resolve_status(l->r), (int)l->m.status);
}

static void
compare_times(struct looker *l)
{
	const struct model *m = &l->m;
	uint64_t at = resolve_next_deadline(l->r), expiry = model_expiry(m);
	uint64_t least = m->is_looking ? m->end_us : m->next_least_us;
	uint64_t most = m->is_looking ? m->end_us : m->next_most_us;

	if (resolve_ended(l->r) != m->ended)
		broken(l->world, "look-ups", "%s: %llu have ended, not %llu",
		    l->word, (unsigned long long)resolve_ended(l->r),
		    (unsigned long long)m->ended);
	if (expiry < least)
		least = expiry;
	if (expiry < most)
		most = expiry;
	if (at < least || at > most)
		broken(l->world, "deadline", "%s: %llu, not %llu to %llu",
		    l->word, (unsigned long long)at, (unsigned long long)least,
		    (unsigned long long)most);
}

/* While there is something to ask and room for it, it is asked. */
static void
check_parts(struct looker *l)
{
	const struct model *m = &l->m;

	for (unsigned i = 0; i < m->servers; i++) {
		const struct part *p = &m->parts[i];
		bool is_open = p->state == PART_SRV && !p->is_srv_asked;

		for (unsigned t = 0; t < TARGETS; t++) {
			for (unsigned f = 0; f < FAMILIES; f++)
				is_open |= p->state == PART_ADDRESSES &&
					   p->targets[t][f] == TARGET_OPEN;
		}
		if (m->is_looking && is_open &&
		    p->in_flight < m->policy.max_dns_concurrency)
			broken(l->world, "idle", "%s: server %u", l->word, i);
		if (!m->is_looking && p->in_flight > 0)
			broken(l->world, "left", "%s: queries at server %u",
			    l->word, i);
		if (!m->is_looking && p->is_start_told && !p->is_end_told)
			broken(l->world, "untold", "%s: server %u", l->word, i);
	}
}

/* --- once more, without the model ------------------------------------------
 */

static void
judge_vanished(struct looker *l, const struct item *it)
{
	const struct resolve_policy *p = &l->m.policy;

	if (l->is_forced || l->saw_records || l->empties >= p->empty_answers ||
	    it->rule == RESOLVE_RULE_SAVED ||
	    time_after(it->seen_us, p->stale_for_us) <= l->world->now_us)
		return;
	broken(l->world, "vanished", "%s: %s, seen at %llu", l->word, it->name,
	    (unsigned long long)it->seen_us);
}

static void
take_published(struct looker *l)
{
	const struct backend_spec *specs;
	struct resolve_origin o;

	l->published.count = (unsigned)resolve_backends(l->r, &specs);
	for (unsigned i = 0; i < l->published.count; i++) {
		struct item *it = &l->published.items[i];

		resolve_origin(l->r, i, &o);
		it->spec = specs[i];
		(void)snprintf(it->name, sizeof(it->name), "%s", specs[i].name);
		it->spec.name = it->name;
		it->seen_us = o.seen_us;
		it->rule = o.rule;
	}
	l->published_status = resolve_status(l->r);
}

static bool
is_there(const struct looker *l, const struct item *it)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(l->r, &specs);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(specs[i].name, it->name) == 0 &&
		    addr_equal(&specs[i].addr, &it->spec.addr))
			return true;
	}
	return false;
}

/* Who listens knows the set, though he is told only of changes. */
static bool
is_as_published(const struct looker *l)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(l->r, &specs);

	if (count != l->published.count ||
	    resolve_status(l->r) != l->published_status)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct backend_spec *s = &l->published.items[i].spec;

		if (resolve_spec_compare(&specs[i], s) != 0 ||
		    specs[i].ttl_s != s->ttl_s ||
		    specs[i].sources != s->sources)
			return false;
	}
	return true;
}

/* Did the look-up that has just ended name any of what there is? */
static bool
is_confirmed(const struct looker *l)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(l->r, &specs);
	struct resolve_origin o;

	for (size_t i = 0; i < count; i++) {
		resolve_origin(l->r, i, &o);
		if (o.seen_us == l->world->now_us)
			return true;
	}
	return false;
}

static void
judge(struct looker *l)
{
	if (resolve_ended(l->r) > l->judged_ended) {
		l->judged_ended = resolve_ended(l->r);
		l->last_end_us = l->world->now_us;
		if (l->saw_records && is_confirmed(l))
			l->empties = 0;
		else if (l->saw_empty)
			l->empties++;
	}
	for (unsigned i = 0; i < l->published.count; i++) {
		if (!is_there(l, &l->published.items[i]))
			judge_vanished(l, &l->published.items[i]);
	}
	if (!l->has_published && !is_as_published(l))
		broken(
		    l->world, "publish", "%s: a change is not told", l->word);
	if (l->has_published && is_as_published(l))
		broken(l->world, "publish", "%s: nothing has changed", l->word);
	take_published(l);
}

static void
after_event(struct looker *l)
{
	drain(l);
	compare_set(l);
	compare_times(l);
	check_parts(l);
	judge(l);
}

/* --- events ----------------------------------------------------------------
 */

void
looker_open(struct looker *l, struct world *w, const char *word,
    const char *service, unsigned zone, const unsigned *ids, unsigned count,
    const struct resolve_policy *policy)
{
	memset(l, 0, sizeof(*l));
	l->world = w;
	l->word = word;
	l->service = service;
	l->zone = zone;
	memcpy(l->ids, ids, count * sizeof(*ids));
	l->queries = mem_new(QUERIES_MAX, sizeof(*l->queries));
	l->r = resolve_new(service, count, policy, rng_next(&w->rng));
	model_init(&l->m, count, policy);
}

void
looker_close(struct looker *l)
{
	resolve_free(&l->r);
	free(l->queries);
	l->queries = NULL;
}

void
looker_restore(struct looker *l, const struct backend_spec *specs, size_t count)
{
	resolve_restore(l->r, specs, count);
	model_restore(&l->m, specs, count);
	after_event(l);
}

/* The next answer, or the deadline. */
uint64_t
looker_next(const struct looker *l)
{
	uint64_t at = resolve_next_deadline(l->r);

	for (unsigned i = 0; i < l->query_count; i++) {
		if (l->queries[i].at_us < at)
			at = l->queries[i].at_us;
	}
	return at;
}

static void
give_answer(struct looker *l, const struct query *query)
{
	const struct reply *reply = &query->reply;
	struct world *w = l->world;
	struct dns_answer answer;

	note(w, "%s: %s %s of server %u, target %u: %s", l->word,
	    query->is_live ? "answer" : "late", dns_type_name(query->q.type),
	    query->server, query->q.target, dns_outcome_word(reply->outcome));
	reply_fill(reply, query->q, l->service, &answer);
	resolve_on_answer(l->r, w->now_us, query->handle, &answer);
	dns_answer_fini(&answer);
	w->answers++;
	if (!query->is_live)
		return;
	l->saw_records |=
	    query->q.type == DNS_SRV && reply->outcome == DNS_RECORDS;
	l->saw_empty |=
	    reply->outcome == DNS_NO_NAME || reply->outcome == DNS_NO_DATA;
	model_on_reply(&l->m, w->now_us, query->server, query->q, reply);
}

/* One thing that is due. */
void
looker_step(struct looker *l)
{
	struct world *w = l->world;
	struct query query;
	unsigned first = 0;

	for (unsigned i = 1; i < l->query_count; i++) {
		if (l->queries[i].at_us < l->queries[first].at_us)
			first = i;
	}
	l->has_published = false;
	if (l->query_count > 0 && l->queries[first].at_us <= w->now_us) {
		query = l->queries[first];
		l->queries[first] = l->queries[--l->query_count];
		give_answer(l, &query);
	} else {
		note(w, "%s: time", l->word);
		resolve_on_time(l->r, w->now_us);
		model_on_time(&l->m, w->now_us);
	}
	after_event(l);
}

void
looker_refresh(struct looker *l)
{
	note(l->world, "%s: refresh", l->word);
	l->has_published = false;
	l->is_forced = true;
	if (resolve_refresh(l->r, l->world->now_us) != l->m.started + 1)
		broken(l->world, "refresh", "%s: by another one", l->word);
	model_refresh(&l->m, l->world->now_us);
	after_event(l);
}

void
looker_set_policy(struct looker *l, const struct resolve_policy *policy)
{
	note(l->world, "%s: policy", l->word);
	l->has_published = false;
	l->is_forced = true;
	resolve_set_policy(l->r, l->world->now_us, policy);
	model_set_policy(&l->m, l->world->now_us, policy);
	after_event(l);
}

void
looker_set_servers(struct looker *l, const unsigned *ids, unsigned count)
{
	size_t before[SERVERS];

	note(l->world, "%s: %u servers", l->word, count);
	for (unsigned i = 0; i < count; i++) {
		before[i] = SIZE_MAX;
		for (unsigned k = 0; k < l->m.servers; k++) {
			if (l->ids[k] == ids[i])
				before[i] = k;
		}
	}
	for (unsigned i = 0; i < l->m.servers; i++)
		drop_queries(l, i);
	memcpy(l->ids, ids, count * sizeof(*ids));
	l->has_published = false;
	l->is_forced = true;
	resolve_set_servers(l->r, l->world->now_us, count, before);
	model_set_servers(&l->m, l->world->now_us, count, before);
	after_event(l);
}

/* All has been well for long enough. */
void
looker_settled(struct looker *l, const struct zone *truth)
{
	const struct backend_spec *specs;
	size_t count = resolve_backends(l->r, &specs);
	struct items want;

	model_truth(truth, &l->m.policy, &want);
	if (resolve_status(l->r) !=
	    (want.count > 0 ? RESOLVE_OK : RESOLVE_EMPTY))
		broken(l->world, "settled", "%s: status %d", l->word,
		    (int)resolve_status(l->r));
	if (count != want.count)
		broken(l->world, "settled", "%s: %zu backends, not %u", l->word,
		    count, want.count);
	for (size_t i = 0; i < count; i++) {
		if (resolve_spec_compare(&specs[i], &want.items[i].spec) != 0)
			broken(l->world, "settled", "%s: %s, not %s", l->word,
			    specs[i].name, want.items[i].name);
	}
}
