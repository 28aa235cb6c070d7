/* What the daemon does for each verb; see verbs.h. */

#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "client.h"
#include "core/duration.h"
#include "core/number.h"
#include "core/verb.h"
#include "core/version.h"
#include "daemon.h"
#include "events.h"
#include "io/fd.h"
#include "io/resolver.h"
#include "reload.h"
#include "rights.h"
#include "rows.h"
#include "service.h"

#define WATCH_EVERY_US US_PER_S
#define WATCH_LEAST_US (10 * US_PER_MS)

/* "WHAT: WHY" as the message of an error. */
static void
fail(struct client *c, const struct request *r, enum error e, const char *what,
    const char *why)
{
	char buf[512];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_addf(&t, "%.200s: %s", what, why);
	client_error(c, r->tag, e, buf);
}

/* The n-th bare word, NULL when there are fewer. */
static const char *
word(const struct request *r, size_t n)
{
	for (size_t i = 0; i < r->argc; i++) {
		if (r->args[i].key == NULL && n-- == 0)
			return r->args[i].value;
	}
	return NULL;
}

/* The pool that a word names; answers no-such-pool when there is none. */
static struct service *
service_of(struct client *c, const struct request *r, const char *name)
{
	struct service *s = daemon_service(c->daemon, name);

	if (s == NULL)
		fail(c, r, ERR_NO_SUCH_POOL, name, "no pool has this name");
	return s;
}

/* The pool that a word names, while the daemon goes on; answers when it is told
 * to stop, or there is none. */
static struct service *
running_service_of(struct client *c, const struct request *r, const char *name)
{
	if (!c->daemon->is_stopping)
		return service_of(c, r, name);
	client_error(c, r->tag, ERR_TERMINATED, NULL);
	return NULL;
}

/* A duration argument, when there is one; answers bad-value when it is none. */
static bool
get_duration(struct client *c, const struct request *r, const char *key,
    uint64_t *span_us)
{
	const char *value = request_get(r, key);

	if (value == NULL || duration_parse(value, span_us))
		return true;
	fail(c, r, ERR_BAD_VALUE, key,
	    "a time is needed (250ms, 5s, 2m), or never");
	return false;
}

static void
do_hello(struct client *c, struct request *r)
{
	const char *protocol = request_get(r, "protocol");
	const char *name = request_get(r, "client");
	struct text t;

	if (protocol != NULL && strcmp(protocol, "1") != 0) {
		fail(c, r, ERR_BAD_VALUE, "protocol",
		    "this daemon speaks version 1");
		return;
	}
	if (name != NULL &&
	    (strlen(name) > CLIENT_NAME_MAX || name[0] == '\0')) {
		fail(c, r, ERR_BAD_VALUE, "client",
		    "a name of 1 to 64 bytes is needed");
		return;
	}
	if (name != NULL)
		memcpy(c->name, name, strlen(name) + 1);
	t = client_line(c, r->tag, 128);
	text_addf(&t, "ok protocol=%d server=qorb-pool/%s pid=%ld pools=%zu",
	    QORB_PROTOCOL, QORB_VERSION, (long)getpid(),
	    c->daemon->service_count);
	client_line_end(c, &t);
}

static void
do_ping(struct client *c, struct request *r)
{
	client_ok(c, r->tag);
}

static void
help_row(struct client *c, const char *tag, enum verb v)
{
	const struct verb_row *row = verb_row(v);
	struct text t = client_line(c, tag, 1024);
	char usage[256];

	(void)snprintf(usage, sizeof(usage), "%s%s%s", row->name,
	    row->usage[0] == '\0' ? "" : " ", row->usage);
	text_add(&t, "*");
	text_add_pair(&t, "verb", row->name);
	text_add_pair(&t, "usage", usage);
	text_add_pair(&t, "help", row->help);
	client_line_end(c, &t);
}

static void
do_help(struct client *c, struct request *r)
{
	const char *name = word(r, 0);
	enum verb v = VERB_HELLO;

	if (name != NULL && verb_find(name, &v) != ERR_NONE) {
		fail(c, r, ERR_UNKNOWN_VERB, name, "no verb has this name");
		return;
	}
	for (int i = 0; i < VERB_COUNT; i++) {
		if (name == NULL || i == (int)v)
			help_row(c, r->tag, (enum verb)i);
	}
	client_ok(c, r->tag);
}

static void
do_pools(struct client *c, struct request *r)
{
	for (size_t i = 0; i < c->daemon->service_count; i++)
		rows_pool(c, r->tag, c->daemon->services[i]);
	client_ok(c, r->tag);
}

/* A backend is asked for by its name or by a key; answers both. */
static bool
check_choice(struct client *c, const struct request *r)
{
	if (request_get(r, "backend") == NULL || request_get(r, "key") == NULL)
		return true;
	fail(c, r, ERR_BAD_ARGUMENT, "key", "not together with backend=");
	return false;
}

/* Fills what the line asks for; answers and returns false when it cannot be. */
static bool
read_claim(
    struct client *c, const struct request *r, struct claim_request *claim)
{
	uint64_t lease = 0;

	claim->uid = (uint32_t)c->peer.uid;
	claim->wait_us = POOL_WAIT_DEFAULT;
	claim->backend = request_get(r, "backend");
	claim->key = request_get(r, "key");
	if (!get_duration(c, r, "wait", &claim->wait_us) ||
	    !get_duration(c, r, "lease", &lease))
		return false;
	if (request_get(r, "lease") != NULL && lease == 0) {
		fail(c, r, ERR_BAD_VALUE, "lease",
		    "a time longer than 0 is needed");
		return false;
	}
	claim->lease_us = lease;
	return check_choice(c, r);
}

static void
do_claim(struct client *c, struct request *r)
{
	struct claim_request claim = { 0 };
	struct service *s = service_of(c, r, word(r, 0));
	const char *why = "";
	struct ticket *t;
	enum error e;

	if (s == NULL || !read_claim(c, r, &claim))
		return;
	service_refresh(s);
	t = client_add_ticket(c, s, r->tag, &why);
	if (t == NULL) {
		fail(c, r, ERR_TOO_MANY_CLAIMS, word(r, 0), why);
		return;
	}
	claim.owner = t;
	e = pool_on_claim(s->pool, &claim, &t->claim, clock_us());
	events_claim(c, s, t->claim);
	if (e != ERR_NONE) {
		client_end_ticket(t);
		client_error(c, r->tag, e, NULL);
	}
	service_settle(s);
}

static void
do_release(struct client *c, struct request *r)
{
	const char *how = word(r, 1);
	struct ticket *t = NULL;
	struct service *s;
	uint64_t id;

	if (how != NULL && strcmp(how, "broken") != 0) {
		fail(c, r, ERR_BAD_ARGUMENT, how,
		    "only the word broken may follow the id");
		return;
	}
	if (!number_parse(word(r, 0), 0, UINT64_MAX, &id)) {
		fail(c, r, ERR_BAD_VALUE, word(r, 0),
		    "the id of a claim is a number");
		return;
	}
	t = client_held(c, id);
	if (t == NULL) {
		fail(c, r, ERR_NO_SUCH_CLAIM, word(r, 0),
		    "this connection holds no such claim");
		return;
	}
	s = t->service;
	service_release(
	    s, id, t->slot, how == NULL ? CLAIM_END_OK : CLAIM_END_BROKEN);
	client_end_ticket(t);
	client_ok(c, r->tag);
	service_settle(s);
}

/* The claim that waits under a tag, NULL when none does. */
static struct ticket *
waiting_ticket(const struct client *c, const char *tag)
{
	struct pending *p = client_pending(c, tag);

	return p == NULL || p->kind != PENDING_CLAIM
		   ? NULL
		   : CONTAINER_OF(p, struct ticket, pending);
}

static void
do_cancel(struct client *c, struct request *r)
{
	const char *tag = word(r, 0);
	struct ticket *t = waiting_ticket(c, tag);
	struct service *s;

	if (t != NULL) { /* the pool may have granted it just now */
		service_settle(t->service);
		t = waiting_ticket(c, tag);
	}
	if (t == NULL) {
		fail(c, r, ERR_NO_SUCH_TAG, tag,
		    "no claim waits under this tag");
		return;
	}
	s = t->service;
	(void)pool_on_cancel(s->pool, t->claim, clock_us());
	client_error(c, tag, ERR_CANCELLED, NULL);
	client_end_ticket(t);
	client_ok(c, r->tag);
	service_settle(s);
}

/* Rows of one pool, or of each. */
static void
each_rows(struct client *c, const char *tag, struct service *only,
    void (*rows)(struct client *, const char *, struct service *))
{
	for (size_t i = 0; i < c->daemon->service_count; i++) {
		if (only == NULL || only == c->daemon->services[i])
			rows(c, tag, c->daemon->services[i]);
	}
}

/* Verbs that list what there is of one pool, or of each. */
static void
list_each(struct client *c, const struct request *r,
    void (*rows)(struct client *, const char *, struct service *))
{
	const char *name = word(r, 0);
	struct service *s = NULL;

	if (name != NULL && (s = service_of(c, r, name)) == NULL)
		return;
	each_rows(c, r->tag, s, rows);
	client_ok(c, r->tag);
}

static void
do_stats(struct client *c, struct request *r)
{
	list_each(c, r, rows_stats);
}

static void
do_metrics(struct client *c, struct request *r)
{
	list_each(c, r, rows_metrics);
}

/* A round of rows; none while the client has not read the last ones. */
static void
on_watch(evutil_socket_t fd, short what, void *ctx)
{
	struct stream *s = ctx;
	struct client *c = s->pending.client;

	(void)fd;
	(void)what;
	if (out_pending(&c->out) > client_backlog(c))
		return;
	each_rows(c, s->pending.tag, s->service, rows_stats);
	rows_end(c, s->pending.tag);
}

/* NULL: there are too many, which is answered. */
static struct stream *
add_stream(struct client *c, const struct request *r, struct service *only)
{
	const char *why = "";
	struct stream *s = client_add_stream(c, only, r->tag, &why);

	if (s == NULL)
		fail(c, r, ERR_TOO_MANY_STREAMS, r->verb, why);
	return s;
}

static void
do_watch(struct client *c, struct request *r)
{
	const char *name = word(r, 0);
	struct service *only = NULL;
	uint64_t every = WATCH_EVERY_US;
	struct timeval tv;
	struct stream *s;

	if (name != NULL && (only = service_of(c, r, name)) == NULL)
		return;
	if (!get_duration(c, r, "every", &every))
		return;
	if (every < WATCH_LEAST_US || every == NEVER) {
		fail(c, r, ERR_BAD_VALUE, "every",
		    "a time of 10ms or more is needed");
		return;
	}
	s = add_stream(c, r, only);
	if (s == NULL)
		return;
	(void)event_assign(
	    &s->timer, c->daemon->base, -1, EV_PERSIST, on_watch, s);
	tv.tv_sec = (time_t)(every / US_PER_S);
	tv.tv_usec = (suseconds_t)(every % US_PER_S);
	(void)event_add(&s->timer, &tv);
	client_ok(c, r->tag);
	on_watch(-1, 0, s);
}

static void
do_unwatch(struct client *c, struct request *r)
{
	struct pending *p = client_pending(c, word(r, 0));

	if (p == NULL || p->kind != PENDING_STREAM) {
		fail(c, r, ERR_NO_SUCH_TAG, word(r, 0),
		    "no stream goes on under this tag");
		return;
	}
	client_end_stream(CONTAINER_OF(p, struct stream, pending));
	client_ok(c, r->tag);
}

/* Verbs that list what there is of one pool. */
static void
list_rows(struct client *c, const struct request *r,
    void (*rows)(struct client *, const char *, struct service *))
{
	struct service *s = service_of(c, r, word(r, 0));

	if (s == NULL)
		return;
	service_refresh(s);
	rows(c, r->tag, s);
	client_ok(c, r->tag);
}

static void
do_backends(struct client *c, struct request *r)
{
	list_rows(c, r, rows_backends);
}

static void
do_why(struct client *c, struct request *r)
{
	list_rows(c, r, rows_why);
}

static void
do_slots(struct client *c, struct request *r)
{
	list_rows(c, r, rows_slots);
}

static void
do_policy(struct client *c, struct request *r)
{
	list_rows(c, r, rows_policy);
}

/* Of pools that are gone but for them, too. */
static void
do_claims(struct client *c, struct request *r)
{
	const char *name = word(r, 0);
	struct list *leaving = &c->daemon->leaving;
	struct list_node *n = list_first(leaving);
	struct service *only = NULL;
	bool has_left = false;

	if (name != NULL)
		only = daemon_service(c->daemon, name);
	if (name == NULL || only != NULL)
		each_rows(c, r->tag, only, rows_claims);
	for (; n != NULL; n = list_after(leaving, n)) {
		struct service *s = CONTAINER_OF(n, struct service, leaving);

		if (name != NULL && strcmp(pool_name(s->pool), name) != 0)
			continue;
		has_left = true;
		rows_claims(c, r->tag, s);
	}
	if (name == NULL || only != NULL || has_left ||
	    service_of(c, r, name) != NULL)
		client_ok(c, r->tag);
}

static void
do_pick(struct client *c, struct request *r)
{
	struct service *s = service_of(c, r, word(r, 0));
	const char *backend = request_get(r, "backend"), *name, *addr;
	enum error e;
	struct text t;

	if (s == NULL || !check_choice(c, r))
		return;
	service_refresh(s);
	e = pool_pick(s->pool, backend, request_get(r, "key"), &name, &addr);
	if (e != ERR_NONE) {
		client_error(c, r->tag, e, NULL);
		return;
	}
	t = client_line(c, r->tag, 64 + 3 * strlen(name) + 3 * strlen(addr));
	text_add(&t, "ok");
	text_add_pair(&t, "backend", name);
	text_add_pair(&t, "addr", addr);
	client_line_end(c, &t);
}

/* Names of events with commas between, when they are there: else all. */
static bool
get_kinds(struct client *c, const struct request *r, uint64_t *kinds)
{
	const char *at = request_get(r, "kinds");
	enum event_kind kind;

	*kinds = at == NULL ? EVENT_ALL : 0;
	while (at != NULL) {
		size_t len = strcspn(at, ",");

		if (!event_find(at, len, &kind)) {
			fail(c, r, ERR_BAD_VALUE, "kinds",
			    "names of events are needed, with commas between");
			return false;
		}
		*kinds |= EVENT_BIT(kind);
		at = at[len] == '\0' ? NULL : at + len + 1;
	}
	return true;
}

static void
do_events(struct client *c, struct request *r)
{
	const char *name = word(r, 0);
	struct service *only = NULL;
	struct stream *s;
	uint64_t kinds;

	if (name != NULL && (only = service_of(c, r, name)) == NULL)
		return;
	if (!get_kinds(c, r, &kinds))
		return;
	s = add_stream(c, r, only);
	if (s == NULL)
		return;
	s->is_events = true;
	s->kinds = kinds;
	list_push_back(&c->daemon->subscribers, &s->subscriber);
	client_ok(c, r->tag);
}

/* A whole number up to 65535, when the argument is there. */
static bool
get_u16(
    struct client *c, const struct request *r, const char *key, uint16_t *value)
{
	const char *text = request_get(r, key);
	uint64_t n;

	if (text == NULL)
		return true;
	if (!number_parse(text, 0, UINT16_MAX, &n)) {
		fail(c, r, ERR_BAD_VALUE, key,
		    "a whole number from 0 to 65535 is needed");
		return false;
	}
	*value = (uint16_t)n;
	return true;
}

static bool
read_advert(
    struct client *c, const struct request *r, struct advert_request *advert)
{
	const char *why;

	advert->name = word(r, 1);
	advert->has_ttl = request_get(r, "ttl") != NULL;
	if (advert->name[0] == '\0' ||
	    strlen(advert->name) >= BACKEND_NAME_BYTES) {
		fail(c, r, ERR_BAD_VALUE, "NAME",
		    "a name of 1 to 319 bytes is needed");
		return false;
	}
	if (!addr_parse_fixed(word(r, 2), &advert->addr, &why)) {
		fail(c, r, ERR_BAD_VALUE, word(r, 2), why);
		return false;
	}
	if (!get_duration(c, r, "ttl", &advert->ttl_us))
		return false;
	if (advert->has_ttl && advert->ttl_us == 0) {
		fail(c, r, ERR_BAD_VALUE, "ttl",
		    "a time longer than 0 is needed");
		return false;
	}
	return get_u16(c, r, "priority", &advert->priority) &&
	       get_u16(c, r, "weight", &advert->weight);
}

static void
do_advertise(struct client *c, struct request *r)
{
	struct advert_request advert = { 0 };
	struct service *s = service_of(c, r, word(r, 0));
	enum error e;

	if (s == NULL || !read_advert(c, r, &advert))
		return;
	e = sources_advertise(&s->sources, c, &advert, clock_us());
	if (e != ERR_NONE) {
		fail(c, r, e, word(r, 0),
		    "as many backends are advertised as may be");
		return;
	}
	s->advertised_at_us = clock_us();
	client_ok(c, r->tag);
}

static void
do_withdraw(struct client *c, struct request *r)
{
	struct service *s = service_of(c, r, word(r, 0));
	const char *own = word(r, 2), *text = request_get(r, "addr");
	const char *why = "";
	struct addr addr;

	if (s == NULL)
		return;
	if (own != NULL && strcmp(own, "own") != 0)
		fail(c, r, ERR_BAD_ARGUMENT, own,
		    "only the word own may follow the name");
	else if (text != NULL && !addr_parse(text, &addr, &why))
		fail(c, r, ERR_BAD_VALUE, "addr", why);
	else if (sources_withdraw_some(&s->sources, word(r, 1),
		     text != NULL ? &addr : NULL, own != NULL ? c : NULL))
		client_ok(c, r->tag);
	else
		fail(c, r, ERR_NO_SUCH_BACKEND, word(r, 1),
		    own != NULL ? "this connection advertises no such backend"
		    : text != NULL
			? "nobody advertises this name with this address"
			: "nobody advertises a backend of this name");
}

static void
set_drained(struct client *c, const struct request *r, bool is_drained)
{
	struct service *s = running_service_of(c, r, word(r, 0));

	if (s == NULL)
		return;
	service_refresh(s);
	if (pool_on_drain(s->pool, word(r, 1), is_drained, clock_us()))
		client_ok(c, r->tag);
	else
		fail(c, r, ERR_NO_SUCH_BACKEND, word(r, 1),
		    error_text(ERR_NO_SUCH_BACKEND));
}

static void
do_drain(struct client *c, struct request *r)
{
	set_drained(c, r, true);
}

static void
do_undrain(struct client *c, struct request *r)
{
	set_drained(c, r, false);
}

static void
set_paused(struct client *c, const struct request *r, bool is_paused)
{
	struct service *s = service_of(c, r, word(r, 0));

	if (s == NULL)
		return;
	pool_on_pause(s->pool, is_paused, clock_us());
	client_ok(c, r->tag);
}

static void
do_pause(struct client *c, struct request *r)
{
	set_paused(c, r, true);
}

static void
do_resume(struct client *c, struct request *r)
{
	set_paused(c, r, false);
}

static void
do_revoke(struct client *c, struct request *r)
{
	struct ticket *t = NULL;
	uint64_t id;

	if (!number_parse(word(r, 0), 0, UINT64_MAX, &id)) {
		fail(c, r, ERR_BAD_VALUE, word(r, 0),
		    "the id of a claim is a number");
		return;
	}
	t = claim_table_owner(c->daemon->claims, id);
	if (t == NULL || !t->is_held) {
		fail(c, r, ERR_NO_SUCH_CLAIM, word(r, 0),
		    "no claim with this id is held");
		return;
	}
	(void)pool_on_revoke(t->service->pool, id, clock_us());
	client_ok(c, r->tag);
}

/* The look-up that somebody waits for has ended. */
static void
on_resolve_done(void *ctx, struct resolver *resolver, bool is_answered)
{
	struct resolve_wait *w = ctx;
	struct client *c = w->pending.client;
	const struct backend_spec *specs;
	struct text t;

	if (is_answered) {
		t = client_line(c, w->pending.tag, 64);
		text_add(&t, "ok");
		text_add_pair_u64(
		    &t, "backends", resolver_backends(resolver, &specs));
		client_line_end(c, &t);
	} else {
		client_error(c, w->pending.tag, ERR_RESOLVE_FAILED,
		    resolver_error(resolver));
	}
	client_end_resolve(w);
}

static void
do_resolve(struct client *c, struct request *r)
{
	struct service *s = running_service_of(c, r, word(r, 0));
	struct resolve_wait *w;

	if (s == NULL)
		return;
	if (s->resolver == NULL) {
		fail(c, r, ERR_RESOLVE_FAILED, word(r, 0),
		    "its backends do not come from DNS");
		return;
	}
	w = mem_new(1, sizeof(*w));
	w->pending.kind = PENDING_RESOLVE;
	w->service = s;
	client_pend(c, &w->pending, r->tag);
	list_push_back(&c->resolves, &w->link);
	resolver_refresh(s->resolver, on_resolve_done, w);
}

/* Changes a copy; false when an argument does not fit, which is answered. */
static bool
read_policy(struct client *c, const struct request *r, struct policy *policy)
{
	char buf[256];
	struct text why;

	for (size_t i = 0; i < r->argc; i++) {
		const struct line_arg *a = &r->args[i];
		const struct policy_row *row;

		if (a->key == NULL)
			continue;
		text_init(&why, buf, sizeof(buf));
		row = policy_find(a->key);
		if (row == NULL) {
			fail(c, r, ERR_BAD_ARGUMENT, a->key,
			    "no policy has this name");
			return false;
		}
		if (row->kind == POLICY_PATH) {
			fail(c, r, ERR_DENIED, a->key,
			    "what names a file is for the configuration alone");
			return false;
		}
		if (!policy_set(policy, row, a->value, &why)) {
			fail(c, r, ERR_BAD_VALUE, a->key, buf);
			return false;
		}
	}
	text_init(&why, buf, sizeof(buf));
	if (!policy_check(policy, &why)) {
		fail(c, r, ERR_BAD_VALUE, "set", buf);
		return false;
	}
	return true;
}

static void
do_set(struct client *c, struct request *r)
{
	struct service *s = service_of(c, r, word(r, 0));
	struct policy policy;

	if (s == NULL)
		return;
	if (r->argc < 2) {
		fail(c, r, ERR_BAD_ARGUMENT, "set",
		    "name=value is needed after the pool");
		return;
	}
	policy = *pool_policy(s->pool);
	if (!read_policy(c, r, &policy))
		return;
	service_set_policy(s, &policy);
	client_ok(c, r->tag);
}

static void
do_reload(struct client *c, struct request *r)
{
	char buf[1024];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	if (c->daemon->is_stopping)
		client_error(c, r->tag, ERR_TERMINATED, NULL);
	else if (!reload(c->daemon, &why))
		client_error(c, r->tag, ERR_BAD_CONFIG, buf);
	else
		client_ok(c, r->tag);
}

static void
do_terminate(struct client *c, struct request *r)
{
	uint64_t grace = GRACE_US;

	if (!get_duration(c, r, "grace", &grace))
		return;
	client_ok(c, r->tag);
	daemon_stop(c->daemon, grace);
}

static void (*const handlers[VERB_COUNT])(struct client *, struct request *) = {
	[VERB_HELLO] = do_hello,
	[VERB_PING] = do_ping,
	[VERB_HELP] = do_help,
	[VERB_POOLS] = do_pools,
	[VERB_CLAIM] = do_claim,
	[VERB_RELEASE] = do_release,
	[VERB_CANCEL] = do_cancel,
	[VERB_STATS] = do_stats,
	[VERB_METRICS] = do_metrics,
	[VERB_WATCH] = do_watch,
	[VERB_UNWATCH] = do_unwatch,
	[VERB_BACKENDS] = do_backends,
	[VERB_PICK] = do_pick,
	[VERB_WHY] = do_why,
	[VERB_EVENTS] = do_events,
	[VERB_SLOTS] = do_slots,
	[VERB_CLAIMS] = do_claims,
	[VERB_POLICY] = do_policy,
	[VERB_ADVERTISE] = do_advertise,
	[VERB_WITHDRAW] = do_withdraw,
	[VERB_DRAIN] = do_drain,
	[VERB_UNDRAIN] = do_undrain,
	[VERB_PAUSE] = do_pause,
	[VERB_RESUME] = do_resume,
	[VERB_REVOKE] = do_revoke,
	[VERB_RESOLVE] = do_resolve,
	[VERB_SET] = do_set,
	[VERB_RELOAD] = do_reload,
	[VERB_TERMINATE] = do_terminate,
};

/* Why the client may not; NULL when it may. A pool that is not there is for the
 * verb to tell. */
static const char *
refuse(const struct client *c, const struct request *r, enum verb_right right)
{
	const struct service *s = NULL;

	if (right == RIGHT_POOL)
		s = daemon_service(c->daemon, word(r, 0));
	return rights_refuse(c, right, s);
}

void
verbs_run(struct client *c, struct request *r)
{
	enum verb v;
	const char *what = r->verb;
	enum error e = verb_find(r->verb, &v);

	if (e == ERR_NONE)
		e = verb_check(v, r, &what);
	if (e != ERR_NONE) {
		fail(c, r, e, what, error_text(e));
		return;
	}
	what = refuse(c, r, verb_row(v)->right);
	if (what != NULL) {
		fail(c, r, ERR_DENIED, r->verb, what);
		return;
	}
	if (client_pending(c, r->tag) != NULL) {
		fail(c, r, ERR_TAG_IN_USE, r->tag, error_text(ERR_TAG_IN_USE));
		return;
	}
	handlers[v](c, r);
}
