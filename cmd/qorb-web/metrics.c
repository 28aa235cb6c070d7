/* Figures for Prometheus; see metrics.h. */

#include "metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/version.h"

/* The backends beyond the cap, as if they were one. */
#define OTHER "other"

/* All samples of a metric follow its HELP and TYPE, so the text is written
 * metric by metric, and each goes through all pools. */
struct sheet {
	FILE *out;
	const struct picture *picture;
	uint32_t max_backends;
	const char *metric; /* the one that is being written */
};

struct metric {
	const char *name, *type, *help;
	void (*write)(struct sheet *s, const struct picture_pool *pool,
	    const struct metric *m);
	size_t at; /* of the figure in what it is a figure of */
};

/* A label's value: \, " and line ends are escaped; what is no UTF-8 becomes
 * \xNN first. */
static void
put_value(FILE *out, const char *value)
{
	size_t cap = 4 * strlen(value) + 1;
	char *buf = mem_new(cap, 1);
	struct text t;

	text_init(&t, buf, cap);
	text_add_escaped(&t, value, strlen(value));
	for (const char *c = buf; *c != '\0'; c++) {
		if (*c == '\\' || *c == '"')
			(void)fputc('\\', out);
		(void)fputc(*c, out);
	}
	free(buf);
}

/* NAME{key="value",...}, of pairs up to NULL; no blank behind it. */
static void
put_series(struct sheet *s, const char *suffix, ...)
{
	const char *between = "{", *key;
	va_list ap;

	(void)fprintf(s->out, "%s%s", s->metric, suffix);
	va_start(ap, suffix);
	while ((key = va_arg(ap, const char *)) != NULL) {
		(void)fprintf(s->out, "%s%s=\"", between, key);
		put_value(s->out, va_arg(ap, const char *));
		(void)fputc('"', s->out);
		between = ",";
	}
	va_end(ap);
	(void)fputs(*between == ',' ? "} " : " ", s->out);
}

static void
put_number(struct sheet *s, uint64_t n)
{
	(void)fprintf(s->out, "%llu\n", (unsigned long long)n);
}

/* As seconds, without a digit more than there is: 0.00025, 1, 2.5. */
static void
format_seconds(char *buf, size_t cap, uint64_t us)
{
	size_t n = (size_t)snprintf(buf, cap, "%llu.%06llu",
	    (unsigned long long)(us / US_PER_S),
	    (unsigned long long)(us % US_PER_S));

	while (buf[n - 1] == '0')
		n--;
	if (buf[n - 1] == '.')
		n--;
	buf[n] = '\0';
}

static uint64_t
figure(const void *of, const struct metric *m)
{
	return *(const uint64_t *)(const void *)((const char *)of + m->at);
}

static void
write_pool(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	put_series(s, "", "pool", pool->name, NULL);
	put_number(s, figure(pool, m));
}

static void
write_refusals(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	(void)m;
	for (size_t i = 0; i < pool->refusal_count; i++) {
		put_series(s, "", "pool", pool->name, "code",
		    pool->refusals[i].code, NULL);
		put_number(s, pool->refusals[i].count);
	}
}

/* One of these is 1. A word that is none of them is none of ours. */
static void
write_resolver(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	static const char *const states[] = { "ok", "stale", "saved", "failing",
		"none" };

	(void)m;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		put_series(s, "", "pool", pool->name, "state", states[i], NULL);
		put_number(s, strcmp(states[i], pool->resolver) == 0);
	}
}

static void
write_backends(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	static const char *const states[] = { "online", "offline", "untried",
		"draining" };

	(void)m;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		uint64_t count = 0;

		for (size_t j = 0; j < pool->set_count; j++)
			count += strcmp(pool->sets[j].state, states[i]) == 0;
		put_series(s, "", "pool", pool->name, "state", states[i], NULL);
		put_number(s, count);
	}
}

static size_t
own_backends(const struct sheet *s, const struct picture_pool *pool)
{
	return pool->set_count < s->max_backends ? pool->set_count
						 : s->max_backends;
}

static void
put_slots(struct sheet *s, const struct picture_pool *pool, const char *name,
    const char *addr, const uint64_t *counts)
{
	for (int i = 0; i < PICTURE_STATES; i++) {
		put_series(s, "", "pool", pool->name, "backend", name, "addr",
		    addr, "state", picture_states[i], NULL);
		put_number(s, counts[i]);
	}
}

static void
write_slots(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	uint64_t counts[PICTURE_STATES] = { 0 };
	size_t own = own_backends(s, pool);

	(void)m;
	for (size_t i = 0; i < own; i++)
		put_slots(s, pool, pool->sets[i].name, pool->sets[i].addr,
		    pool->sets[i].counts);
	for (size_t i = own; i < pool->set_count; i++) {
		for (int j = 0; j < PICTURE_STATES; j++)
			counts[j] += pool->sets[i].counts[j];
	}
	if (own < pool->set_count)
		put_slots(s, pool, OTHER, "", counts);
}

static void
put_backend(struct sheet *s, const struct picture_pool *pool, const char *name,
    const char *addr, uint64_t n)
{
	put_series(
	    s, "", "pool", pool->name, "backend", name, "addr", addr, NULL);
	put_number(s, n);
}

static void
write_backend(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	size_t own = own_backends(s, pool);
	uint64_t sum = 0;

	for (size_t i = 0; i < own; i++)
		put_backend(s, pool, pool->sets[i].name, pool->sets[i].addr,
		    figure(&pool->sets[i], m));
	for (size_t i = own; i < pool->set_count; i++)
		sum += figure(&pool->sets[i], m);
	if (own < pool->set_count)
		put_backend(s, pool, OTHER, "", sum);
}

/* Of the others only how many there are is told, by qorb_backends. */
static void
write_backend_up(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	(void)m;
	for (size_t i = 0; i < own_backends(s, pool); i++)
		put_backend(s, pool, pool->sets[i].name, pool->sets[i].addr,
		    strcmp(pool->sets[i].state, "offline") != 0);
}

static void
write_histogram(
    struct sheet *s, const struct picture_pool *pool, const struct metric *m)
{
	const struct picture_histogram *h =
	    (const void *)((const char *)pool + m->at);
	char seconds[32];

	for (size_t i = 0; i < h->bucket_count; i++) {
		format_seconds(
		    seconds, sizeof(seconds), h->buckets[i].bound_us);
		put_series(
		    s, "_bucket", "pool", pool->name, "le", seconds, NULL);
		put_number(s, h->buckets[i].count);
	}
	put_series(s, "_bucket", "pool", pool->name, "le", "+Inf", NULL);
	put_number(s, h->count);
	format_seconds(seconds, sizeof(seconds), h->sum_us);
	put_series(s, "_sum", "pool", pool->name, NULL);
	(void)fprintf(s->out, "%s\n", seconds);
	put_series(s, "_count", "pool", pool->name, NULL);
	put_number(s, h->count);
}

#define OF_POOL(field)	  offsetof(struct picture_pool, field)
#define OF_BACKEND(field) offsetof(struct picture_backend, field)

static const struct metric metrics[] = {
	{ "qorb_claims_total", "counter",
	    "Claims granted since the pool was made.", write_pool,
	    OF_POOL(claims) },
	{ "qorb_claims_refused_total", "counter",
	    "Claims refused since the pool was made, by the error's code.",
	    write_refusals, 0 },
	{ "qorb_claims_waiting", "gauge", "Claims that wait in the queue.",
	    write_pool, OF_POOL(waiting) },
	{ "qorb_claims_waiting_max", "gauge",
	    "Longest queue of claims (policy max-waiting).", write_pool,
	    OF_POOL(max_waiting) },
	{ "qorb_claim_wait_seconds", "histogram",
	    "How long granted claims had waited.", write_histogram,
	    OF_POOL(wait) },
	{ "qorb_claim_hold_seconds", "histogram",
	    "How long claims that came back were held.", write_histogram,
	    OF_POOL(hold) },
	{ "qorb_claim_leaks_total", "counter",
	    "Claims held for longer than policy leak-after.", write_pool,
	    OF_POOL(leaks) },
	{ "qorb_connect_seconds", "histogram",
	    "How long connections took to be made, on-connect included.",
	    write_histogram, OF_POOL(connect) },
	{ "qorb_failures_total", "counter",
	    "Attempts to connect and checks that failed, and connections lost.",
	    write_pool, OF_POOL(failures) },
	{ "qorb_slots", "gauge",
	    "Slots by backend and state; backend \"other\" is all beyond the "
	    "cap.",
	    write_slots, 0 },
	{ "qorb_slots_max", "gauge", "Most slots (policy max-slots).",
	    write_pool, OF_POOL(max_slots) },
	{ "qorb_backends", "gauge", "Backends by state.", write_backends, 0 },
	{ "qorb_backend_up", "gauge",
	    "0 when no connection to the backend works; one that is drained "
	    "is left alone.",
	    write_backend_up, 0 },
	{ "qorb_backend_claims_total", "counter",
	    "Claims granted since the backend appeared.", write_backend,
	    OF_BACKEND(claims) },
	{ "qorb_backend_connects_total", "counter",
	    "Connections made since the backend appeared.", write_backend,
	    OF_BACKEND(connects) },
	{ "qorb_backend_failures_total", "counter",
	    "The same since the backend appeared.", write_backend,
	    OF_BACKEND(failures_all) },
	{ "qorb_resolver_state", "gauge",
	    "1 for the state of the pool's source of backends.", write_resolver,
	    0 },
};

static void
begin_metric(
    struct sheet *s, const char *name, const char *type, const char *help)
{
	s->metric = name;
	(void)fprintf(
	    s->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* "qorb-pool/0.1.0": what stands behind the slash. */
static const char *
version_of(const struct picture *p)
{
	const char *slash = strrchr(p->server, '/');

	return slash == NULL ? p->server : slash + 1;
}

static void
put_daemon(struct sheet *s)
{
	begin_metric(
	    s, "qorb_up", "gauge", "1 when the daemon answers, else 0.");
	put_series(s, "", NULL);
	put_number(s, s->picture != NULL);
	begin_metric(s, "qorb_web_build_info", "gauge",
	    "Version of qorb-web; always 1.");
	put_series(s, "", "version", QORB_VERSION, NULL);
	put_number(s, 1);
	if (s->picture == NULL)
		return;
	begin_metric(
	    s, "qorb_build_info", "gauge", "Version of the daemon; always 1.");
	put_series(s, "", "version", version_of(s->picture), NULL);
	put_number(s, 1);
}

char *
metrics_text(const struct picture *picture, uint32_t max_backends)
{
	struct sheet s = { .picture = picture, .max_backends = max_backends };
	char *text = NULL;
	size_t len;

	s.out = open_memstream(&text, &len);
	ASSERT(s.out != NULL);
	put_daemon(&s);
	for (size_t i = 0; picture != NULL && i < ARRAY_LEN(metrics); i++) {
		const struct metric *m = &metrics[i];

		begin_metric(&s, m->name, m->type, m->help);
		for (size_t j = 0; j < picture->pool_count; j++)
			m->write(&s, &picture->pools[j], m);
	}
	ASSERT(fclose(s.out) == 0 && text != NULL);
	return text;
}
