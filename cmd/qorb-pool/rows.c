/* Rows of figures; see rows.h. */

#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "daemon.h"
#include "io/fd.h"
#include "io/resolver.h"
#include "service.h"

/* Room of a row beside names, each of which may triple when it is encoded. */
#define ROW_ROOM 1024

/* Bounds of the histograms of metrics. */
static const uint64_t bounds_us[] = { 10, 25, 50, 100, 250, 500, 1000, 2500,
	5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
	5000000, 10000000, 25000000, 60000000 };

/* What a claim may be refused with when nothing is wrong with it: metrics have
 * these from the start, since monitoring misses the first of what it has not
 * seen at 0. */
static bool
is_refusal(enum error e)
{
	return e == ERR_NO_BACKENDS || e == ERR_NO_BACKENDS_ONLINE ||
	       e == ERR_ALL_CLAIMS_USED || e == ERR_OVERLOADED ||
	       e == ERR_CANCELLED || e == ERR_TERMINATED;
}

static int
compare_specs(const void *a, const void *b)
{
	return resolve_spec_compare(a, b);
}

static struct text
begin_row(struct client *c, const char *tag, const char *name)
{
	struct text t = client_line(c, tag, ROW_ROOM + 3 * strlen(name));

	text_add(&t, "*");
	return t;
}

static void
add_rate(struct text *t, double per_s)
{
	text_addf(t, " claims_per_s=%.1f", per_s);
}

void
rows_pool(struct client *c, const char *tag, struct service *s)
{
	struct pool_stats st;
	struct text t = begin_row(c, tag, s->source);

	pool_stats(s->pool, clock_us(), &st);
	text_add_pair(&t, "pool", pool_name(s->pool));
	text_add_pair(&t, "service", s->source);
	text_add_pair_u64(&t, "backends", st.backends);
	text_add_pair_u64(&t, "online", st.online);
	text_add_pair_u64(&t, "slots", st.slots);
	text_add_pair_u64(&t, "claimed", st.counts[SLOT_CLAIMED]);
	text_add_pair_u64(&t, "unclaimed", st.counts[SLOT_UNCLAIMED]);
	text_add_pair_u64(&t, "waiting", st.waiting);
	client_line_end(c, &t);
}

static void
add_quantiles(
    struct text *t, const char *p50, const char *p99, const struct histogram *h)
{
	text_add_pair_u64(t, p50, histogram_quantile(h, 5000));
	text_add_pair_u64(t, p99, histogram_quantile(h, 9900));
}

static void
stats_of_pool(struct client *c, const char *tag, struct service *s)
{
	struct pool_stats st;
	struct histogram last;
	struct text t = begin_row(c, tag, "");

	pool_stats(s->pool, clock_us(), &st);
	text_add_pair(&t, "pool", pool_name(s->pool));
	text_add_pair_u64(&t, "claims", st.claims);
	add_rate(&t, st.claims_per_s);
	text_add_pair_u64(&t, "waiting", st.waiting);
	text_add_pair_u64(&t, "refused", st.refused_all);
	pool_recent_wait(s->pool, clock_us(), &last);
	add_quantiles(&t, "wait_p50_us", "wait_p99_us", &last);
	pool_recent_hold(s->pool, clock_us(), &last);
	add_quantiles(&t, "hold_p50_us", "hold_p99_us", &last);
	text_add_pair_u64(&t, "slots", st.slots);
	text_add_pair(&t, "resolver", service_resolver_status(s));
	client_line_end(c, &t);
}

static void
add_counts(struct text *t, const uint32_t *counts)
{
	for (int i = 0; i < SLOT_STATE_COUNT; i++)
		text_add_pair_u64(
		    t, slot_state_name((enum slot_state)i), counts[i]);
}

static void
stats_of_backend(struct client *c, const char *tag, struct service *s,
    const struct backend_stats *b)
{
	struct text t = begin_row(c, tag, b->name);

	text_add_pair(&t, "pool", pool_name(s->pool));
	text_add_pair(&t, "backend", b->name);
	text_add_pair(&t, "addr", b->addr_text);
	text_add_pair(&t, "state", backend_state_name(b->state));
	add_counts(&t, b->counts);
	text_add_pair_u64(&t, "total", b->claims);
	text_add_pair_u64(&t, "failures", b->failures);
	add_rate(&t, b->claims_per_s);
	text_add_pair_u64(&t, "connect_p50_us",
	    b->connect == NULL ? 0 : histogram_quantile(b->connect, 5000));
	client_line_end(c, &t);
}

void
rows_stats(struct client *c, const char *tag, struct service *s)
{
	struct backend_stats b;
	size_t at = 0;
	uint64_t now_us = clock_us();

	stats_of_pool(c, tag, s);
	while (pool_next_backend(s->pool, now_us, &at, &b))
		stats_of_backend(c, tag, s, &b);
}

/* Begins a row of metrics; longest is a name that stands in it. */
static struct text
begin_metric(struct client *c, const char *tag, const struct service *s,
    const char *name, const char *longest)
{
	struct text t = begin_row(c, tag, longest);

	text_add_pair(&t, "pool", pool_name(s->pool));
	text_add_pair(&t, "name", name);
	return t;
}

static void
metrics_of_pool(struct client *c, const char *tag, const struct service *s)
{
	const struct policy *policy = pool_policy(s->pool);
	struct pool_stats st;
	struct text t = begin_metric(c, tag, s, "limits", "");

	text_add_pair_u64(&t, "max_slots", policy->max_slots);
	text_add_pair_u64(&t, "max_waiting", policy->max_waiting);
	client_line_end(c, &t);
	pool_stats(s->pool, clock_us(), &st);
	t = begin_metric(c, tag, s, "failures", "");
	text_add_pair_u64(&t, "value", st.failures);
	client_line_end(c, &t);
	t = begin_metric(c, tag, s, "leaks", "");
	text_add_pair_u64(&t, "value", st.leaks);
	client_line_end(c, &t);
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		if (st.refused[i] == 0 && !is_refusal((enum error)i))
			continue;
		t = begin_metric(c, tag, s, "refused", "");
		text_add_pair(&t, "code", error_code((enum error)i));
		text_add_pair_u64(&t, "value", st.refused[i]);
		client_line_end(c, &t);
	}
}

static void
metrics_of_spans(struct client *c, const char *tag, const struct service *s,
    const char *name, const struct histogram *h)
{
	uint64_t counts[ARRAY_LEN(bounds_us)];
	struct text t = begin_metric(c, tag, s, name, "");

	histogram_cumulate(h, bounds_us, ARRAY_LEN(bounds_us), counts);
	text_add_pair_u64(&t, "count", h->count);
	text_add_pair_u64(&t, "sum_us", h->sum_us);
	for (size_t i = 0; i < ARRAY_LEN(bounds_us); i++)
		text_addf(&t, " le_%lluus=%llu",
		    (unsigned long long)bounds_us[i],
		    (unsigned long long)counts[i]);
	client_line_end(c, &t);
}

static void
metrics_of_backend(struct client *c, const char *tag, const struct service *s,
    const struct backend_stats *b)
{
	struct text t = begin_metric(c, tag, s, "backend", b->name);

	text_add_pair(&t, "backend", b->name);
	text_add_pair(&t, "addr", b->addr_text);
	text_add_pair_u64(
	    &t, "connects", b->connect == NULL ? 0 : b->connect->count);
	text_add_pair_u64(&t, "failures", b->failures_all);
	client_line_end(c, &t);
}

void
rows_metrics(struct client *c, const char *tag, struct service *s)
{
	struct backend_stats b;
	size_t at = 0;
	uint64_t now_us = clock_us();

	metrics_of_pool(c, tag, s);
	metrics_of_spans(c, tag, s, "wait", pool_wait_histogram(s->pool));
	metrics_of_spans(c, tag, s, "hold", pool_hold_histogram(s->pool));
	metrics_of_spans(c, tag, s, "connect", pool_connect_histogram(s->pool));
	while (pool_next_backend(s->pool, now_us, &at, &b))
		metrics_of_backend(c, tag, s, &b);
}

static void
add_sources(struct text *t, unsigned sources)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ SOURCE_STATIC, "static" },
		{ SOURCE_DNS, "dns" },
		{ SOURCE_ADVERTISED, "advertised" },
		{ SOURCE_SAVED, "saved" },
	};
	const char *between = " source=";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if ((sources & names[i].bit) == 0)
			continue;
		text_add(t, between);
		text_add(t, names[i].name);
		between = ",";
	}
}

/* Where DNS has named this backend among what it names; -1: nowhere. */
static long
find_in_dns(const struct service *s, const struct backend_stats *b)
{
	const struct backend_spec key = { .name = b->name,
		.addr = *b->addr,
		.priority = b->priority,
		.weight = b->weight };
	const struct backend_spec *specs, *found = NULL;
	size_t count = 0;

	if (s->resolver != NULL)
		count = resolver_backends(s->resolver, &specs);
	if (count > 0)
		found = bsearch(&key, specs, count, sizeof(key), compare_specs);
	return found == NULL ? -1 : (long)(found - specs);
}

/* What is known of who names it, and why it is there. Ages are spans. */
static void
add_origin(
    struct text *t, const struct service *s, const struct backend_stats *b)
{
	uint64_t now_us = clock_us();
	struct resolver_origin from;
	long i;

	if (b->absent_us != NEVER) {
		text_add_pair_u64(t, "absent_us", b->absent_us);
		text_add_pair(t, "rule", "held");
		return;
	}
	i = find_in_dns(s, b);
	if (i < 0)
		return;
	resolver_origin(s->resolver, (size_t)i, &from);
	if (from.server[0] != '\0')
		text_add_pair(t, "server", from.server);
	if (from.seen_us != 0)
		text_add_pair_u64(t, "seen_us", now_us - from.seen_us);
	if (from.absent_since_us != NEVER)
		text_add_pair_u64(
		    t, "absent_us", now_us - from.absent_since_us);
	text_add_pair(t, "rule", resolve_rule_word(from.rule));
}

void
rows_backends(struct client *c, const char *tag, struct service *s)
{
	struct backend_stats b;
	size_t at = 0;
	uint64_t now_us = clock_us();

	while (pool_next_backend(s->pool, now_us, &at, &b)) {
		struct text t = begin_row(c, tag, b.name);

		text_add_pair(&t, "backend", b.name);
		text_add_pair(&t, "addr", b.addr_text);
		add_sources(&t, b.sources);
		text_add_pair_u64(&t, "priority", b.priority);
		text_add_pair_u64(&t, "weight", b.weight);
		text_add_pair_u64(&t, "ttl", b.ttl_s);
		text_add_pair(&t, "state", backend_state_name(b.state));
		add_counts(&t, b.counts);
		text_add_pair_u64(&t, "failures", b.failures);
		add_origin(&t, s, &b);
		client_line_end(c, &t);
	}
}

void
rows_slots(struct client *c, const char *tag, struct service *s)
{
	struct slot_stats st;
	uint32_t at = 0;
	uint64_t now_us = clock_us();

	while (pool_next_slot(s->pool, now_us, &at, &st)) {
		struct text t = begin_row(c, tag, st.backend);

		text_add_pair_u64(&t, "slot", st.id);
		text_add_pair(&t, "backend", st.backend);
		text_add_pair(&t, "addr", st.addr_text);
		text_add_pair(&t, "state", slot_state_name(st.state));
		text_add_pair_u64(&t, "age_us", st.age_us);
		text_add_pair_u64(&t, "idle_us", st.idle_us);
		text_add_pair_u64(&t, "claims", st.claims);
		client_line_end(c, &t);
	}
}

void
rows_claims(struct client *c, const char *tag, struct service *s)
{
	struct claim_stats st;
	uint32_t at = 0;
	uint64_t now_us = clock_us();

	while (pool_next_claim(s->pool, now_us, &at, &st)) {
		const struct ticket *ticket = st.owner;
		const struct client *holder = ticket->pending.client;
		struct text t = begin_row(c, tag, st.backend);

		text_add_pair_u64(&t, "claim", st.id);
		text_add_pair(&t, "pool", pool_name(s->pool));
		text_add_pair_u64(&t, "slot", st.slot);
		text_add_pair(&t, "addr", st.addr_text);
		text_add_pair_u64(&t, "pid", (uint64_t)holder->peer.pid);
		text_add_pair_u64(&t, "uid", (uint64_t)holder->peer.uid);
		text_add_pair(&t, "client", holder->name);
		text_add_pair_u64(&t, "held_us", st.held_us);
		client_line_end(c, &t);
	}
}

static const char *
setting_text(const struct policy *p, const struct policy_row *row, char *buf)
{
	struct text value;

	text_init(&value, buf, POLICY_VALUE_BYTES);
	policy_add_value(&value, p, row);
	return buf;
}

void
rows_policy(struct client *c, const char *tag, struct service *s)
{
	char value[POLICY_VALUE_BYTES], usual[POLICY_VALUE_BYTES];
	const struct policy_row *row = policy_rows;
	struct policy initial;

	policy_init(&initial);
	for (; row < policy_rows + policy_row_count; row++) {
		struct text t = begin_row(
		    c, tag, setting_text(pool_policy(s->pool), row, value));

		text_add_pair(&t, "name", row->name);
		text_add_pair(&t, "value", value);
		text_add_pair(
		    &t, "default", setting_text(&initial, row, usual));
		client_line_end(c, &t);
	}
}

/* A span that may not be: nothing is said then. */
static void
add_span(struct text *t, const char *key, uint64_t span_us)
{
	if (span_us != NEVER)
		text_add_pair_u64(t, key, span_us);
}

static void
why_pool(struct client *c, const char *tag, struct service *s)
{
	const struct policy *policy = pool_policy(s->pool);
	struct pool_stats st;
	struct text t = begin_row(c, tag, "");

	pool_stats(s->pool, clock_us(), &st);
	text_add_pair(&t, "pool", pool_name(s->pool));
	text_add_pair(&t, "state",
	    st.is_stopping ? "stopping"
	    : st.is_paused ? "paused"
			   : "running");
	text_add_pair_u64(&t, "waiting", st.waiting);
	text_add_pair_u64(&t, "oldest_wait_us", st.oldest_wait_us);
	text_add_pair_u64(&t, "max-waiting", policy->max_waiting);
	text_add_pair_u64(&t, "slots", st.slots);
	text_add_pair_u64(&t, "max-slots", policy->max_slots);
	add_counts(&t, st.counts);
	text_add_pair_u64(&t, "backends", st.backends);
	text_add_pair_u64(&t, "online", st.online);
	add_span(&t, "next_retry_us", st.next_retry_us);
	text_add_pair_u64(&t, "leaks", st.leaks);
	for (int i = ERR_NONE + 1; i < ERROR_COUNT; i++) {
		if (st.refused[i] > 0)
			text_addf(&t, " refused-%s=%llu",
			    error_code((enum error)i),
			    (unsigned long long)st.refused[i]);
	}
	client_line_end(c, &t);
}

static void
why_source(struct client *c, const char *tag, struct service *s)
{
	const char *error =
	    s->resolver == NULL ? "" : resolver_error(s->resolver);
	struct text t = begin_row(c, tag, s->source);

	text_add_pair(&t, "source", s->source);
	text_add_pair(&t, "resolver", service_resolver_status(s));
	if (s->resolved_at_us != 0)
		text_add_pair_u64(&t, "age_us", clock_us() - s->resolved_at_us);
	text_add_pair_u64(&t, "advertised", s->sources.adverts.count);
	if (s->advertised_at_us != 0)
		text_add_pair_u64(
		    &t, "advertised_age_us", clock_us() - s->advertised_at_us);
	client_line_end(c, &t);
	if (error[0] == '\0')
		return;
	t = begin_row(c, tag, error);
	text_add_pair(&t, "source", "dns");
	text_add_pair(&t, "error", error);
	client_line_end(c, &t);
}

static void
why_backend(struct client *c, const char *tag, struct service *s,
    const struct backend_stats *b)
{
	struct text t = begin_row(c, tag, b->name);

	text_add_pair(&t, "backend", b->name);
	text_add_pair(&t, "addr", b->addr_text);
	text_add_pair(&t, "state", backend_state_name(b->state));
	add_counts(&t, b->counts);
	text_add_pair_u64(&t, "failures", b->failures);
	add_sources(&t, b->sources);
	text_add_pair_u64(&t, "priority", b->priority);
	text_add_pair_u64(&t, "weight", b->weight);
	text_add_pair_u64(&t, "ttl", b->ttl_s);
	add_origin(&t, s, b);
	if (b->last_error != NULL) {
		text_add_pair(&t, "last_error", b->last_error);
		text_add_pair_u64(&t, "last_error_age_us", b->last_error_us);
	}
	add_span(&t, "next_retry_us", b->next_retry_us);
	client_line_end(c, &t);
}

void
rows_why(struct client *c, const char *tag, struct service *s)
{
	struct backend_stats b;
	size_t at = 0;
	uint64_t now_us = clock_us();

	why_pool(c, tag, s);
	why_source(c, tag, s);
	while (pool_next_backend(s->pool, now_us, &at, &b))
		why_backend(c, tag, s, &b);
}

void
rows_end(struct client *c, const char *tag)
{
	uint64_t t_us = clock_wall_us();
	struct text t = begin_row(c, tag, "");

	text_addf(&t, " end t=%llu.%06llu",
	    (unsigned long long)(t_us / US_PER_S),
	    (unsigned long long)(t_us % US_PER_S));
	client_line_end(c, &t);
}
