#include "io/resolver.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/text.h"
#include "io/dns.h"
#include "io/fd.h"

/* Longest text of why look-ups failed, with its NUL. */
#define ERROR_BYTES 512

struct waiter {
	struct waiter *next;
	uint64_t lookup; /* the one that answers */
	void (*done)(void *ctx, struct resolver *r, bool is_answered);
	void *ctx;
};

/* One server: its channel and its name. The system's own list is one, without
 * an address, when it cannot be taken apart. */
struct upstream {
	struct resolver *resolver;
	struct dns *dns; /* owned */
	bool has_addr;
	struct addr addr;
	char name[ADDR_TEXT_BYTES];
};

struct resolver {
	struct resolver_params params; /* but for service and servers */
	char *service;		       /* owned, normal form */
	struct resolve *core;	       /* owned */
	struct event *turn;	       /* owned: the next step */
	size_t count;
	struct upstream *upstreams; /* owned */
	bool is_system;		    /* servers as the system has them */
	bool has_new_pace;	    /* for channels opened from now on */
	uint64_t lookups_seen;	    /* ended ones whose result was looked at */
	struct waiter *waiters;	    /* owned, oldest first */
	bool is_calling;	    /* a callback runs */
	char error[ERROR_BYTES];
	struct text failures; /* of the look-up under way, in failures_buf */
	char failures_buf[ERROR_BYTES];
};

static void
turn_after(struct resolver *r, uint64_t span_us)
{
	struct timeval tv = {
		.tv_sec = (time_t)(span_us / US_PER_S),
		.tv_usec = (suseconds_t)(span_us % US_PER_S),
	};

	evtimer_add(r->turn, &tv);
}

static void
close_upstreams(struct resolver *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		dns_free(&r->upstreams[i].dns);
	free(r->upstreams);
	r->upstreams = NULL;
	r->count = 0;
}

static void on_answer(
    void *ctx, uint64_t cookie, const struct dns_answer *answer);

static bool
open_upstream(struct resolver *r, struct upstream *up, const char **why)
{
	struct dns_params params = {
		.base = r->params.base,
		.server = up->has_addr ? &up->addr : NULL,
		.timeout_us = r->params.policy.query_timeout_us,
		.on_answer = on_answer,
		.ctx = up,
	};

	up->resolver = r;
	if (up->has_addr)
		addr_text(&up->addr, up->name);
	else
		strcpy(up->name, "system");
	up->dns = dns_new(&params, why);
	return up->dns != NULL;
}

/* One channel a server; none given: one for what the system has. False leaves
 * no channel open. */
static bool
open_upstreams(struct resolver *r, const struct addr *servers, size_t count,
    const char **why)
{
	size_t i;

	r->count = count > 0 ? count : 1;
	r->upstreams = mem_new(r->count, sizeof(*r->upstreams));
	for (i = 0; i < r->count; i++) {
		r->upstreams[i].has_addr = count > 0;
		if (count > 0)
			r->upstreams[i].addr = servers[i];
		if (!open_upstream(r, &r->upstreams[i], why)) {
			close_upstreams(r);
			return false;
		}
	}
	return true;
}

static bool
has_servers(const struct resolver *r, const struct addr *servers, size_t count)
{
	size_t i;

	if (count == 0)
		return r->count == 1 && !r->upstreams[0].has_addr;
	if (r->count != count)
		return false;
	for (i = 0; i < count; i++) {
		if (!r->upstreams[i].has_addr ||
		    !addr_equal(&r->upstreams[i].addr, &servers[i]))
			return false;
	}
	return true;
}

/* Goes on with these servers. The old channels stay when the new ones cannot
 * be had: looking up as before is better than not at all. */
static void
change_upstreams(struct resolver *r, const struct addr *servers, size_t count)
{
	struct upstream *old = r->upstreams;
	size_t old_count = r->count;
	const char *why;
	size_t i;

	if (!open_upstreams(r, servers, count, &why)) {
		r->upstreams = old;
		r->count = old_count;
		return;
	}
	for (i = 0; i < old_count; i++)
		dns_free(&old[i].dns);
	free(old);
	resolve_set_servers(r->core, clock_us(), r->count);
	turn_after(r, 0);
}

/* New channels where they are needed, between two look-ups: when the time-out
 * has changed, and when the system has other servers (another network), which
 * is looked at after each look-up that failed. */
static void
renew_upstreams(struct resolver *r)
{
	struct addr servers[RESOLVE_SERVERS_MAX];
	size_t count = 0;
	size_t i;

	if (r->is_system && !resolve_is_answered(r->core)) {
		count = dns_system_servers(servers, RESOLVE_SERVERS_MAX);
	} else {
		for (i = 0; i < r->count && r->upstreams[i].has_addr; i++)
			servers[count++] = r->upstreams[i].addr;
	}
	if (r->has_new_pace || !has_servers(r, servers, count))
		change_upstreams(r, servers, count);
	r->has_new_pace = false;
}

/* What went wrong with which query, for people. */
static void
write_trouble(const struct resolver *r, const struct resolve_action *action,
    struct text *out)
{
	const char *type = dns_type_name(action->type);

	if (action->outcome == DNS_NO_DATA && action->type == DNS_SRV) {
		text_add(out, "the name has no SRV records");
		return;
	}
	if (action->outcome == DNS_NO_DATA) {
		text_addf(out, "no target has an address, as %s", action->name);
		return;
	}
	if (strcmp(action->name, r->service) != 0)
		text_addf(out, "%s of %s: ", type, action->name);
	text_add(out, dns_outcome_text(action->outcome));
}

static void
write_reason(const struct resolver *r, const struct resolve_action *action,
    struct text *out)
{
	if (action->outcome != DNS_RECORDS)
		write_trouble(r, action, out);
	else if (action->kind == RESOLVE_DONE && action->count == 0)
		text_add(out, "there is no such service (target \".\")");
	if (action->missing > 1)
		text_addf(out, " (and %zu more like it)", action->missing - 1);
	if (action->left_out > 0)
		text_addf(out, "%s%zu unusable record%s left out",
		    out->len > 0 ? "; " : "", action->left_out,
		    action->left_out == 1 ? "" : "s");
}

static void
note_failure(struct resolver *r, const char *server, const char *reason)
{
	struct text *t = &r->failures;

	if (t->len > 0)
		text_add(t, "; ");
	text_add(t, server);
	text_add(t, ": ");
	text_add(t, reason);
}

static void
trace(struct resolver *r, const struct resolve_action *action)
{
	const struct upstream *up = &r->upstreams[action->server];
	struct resolver_trace t = {
		.kind = RESOLVER_START,
		.id = action->lookup,
		.service = r->service,
		.server = up->name,
		.count = action->count,
		.outcome = action->outcome,
	};
	char reason[ERROR_BYTES];
	struct text out;

	text_init(&out, reason, sizeof(reason));
	if (action->kind != RESOLVE_STARTED)
		write_reason(r, action, &out);
	t.reason = reason;
	if (action->kind == RESOLVE_DONE)
		t.kind = RESOLVER_DONE;
	if (action->kind == RESOLVE_FAILED)
		t.kind = RESOLVER_FAILED;
	if (reason[0] != '\0' && action->outcome != DNS_DROPPED)
		note_failure(r, up->name, reason);
	if (r->params.on_trace != NULL)
		r->params.on_trace(r->params.ctx, r, &t);
}

/* Carries out what the core wants; true when there is something to publish. */
static bool
carry_out(struct resolver *r)
{
	struct resolve_action a;
	bool is_changed = false;
	uint64_t cookie;

	while (resolve_next_action(r->core, clock_us(), &a)) {
		switch (a.kind) {
		case RESOLVE_QUERY:
			cookie = (uint64_t)a.handle.index << 32 |
				 a.handle.generation;
			dns_query(r->upstreams[a.server].dns, cookie, a.type,
			    a.name, a.timeout_us);
			break;
		case RESOLVE_CANCEL:
			dns_cancel(r->upstreams[a.server].dns);
			break;
		case RESOLVE_PUBLISH:
			is_changed = true;
			break;
		case RESOLVE_STARTED:
		case RESOLVE_DONE:
		case RESOLVE_FAILED:
			trace(r, &a);
			break;
		}
	}
	return is_changed;
}

/* A look-up has ended: what it says of the servers. */
static void
look_back(struct resolver *r)
{
	enum resolve_status status = resolve_status(r->core);

	r->lookups_seen = resolve_ended(r->core);
	strcpy(r->error, status == RESOLVE_OK ? "" : r->failures_buf);
	text_init(&r->failures, r->failures_buf, sizeof(r->failures_buf));
	renew_upstreams(r);
}

static void
wake_waiters(struct resolver *r)
{
	bool is_answered = resolve_is_answered(r->core);
	struct waiter *w;

	while (r->waiters != NULL && r->waiters->lookup <= r->lookups_seen) {
		w = r->waiters;
		r->waiters = w->next;
		w->done(w->ctx, r, is_answered);
		free(w);
	}
}

static void
step(struct resolver *r)
{
	uint64_t now_us = clock_us();
	uint64_t deadline_us;
	bool is_changed;

	resolve_on_time(r->core, now_us);
	r->is_calling = true;
	is_changed = carry_out(r);
	if (resolve_ended(r->core) > r->lookups_seen)
		look_back(r);
	if (is_changed)
		r->params.on_change(r->params.ctx, r);
	wake_waiters(r);
	r->is_calling = false;

	now_us = clock_us();
	deadline_us = resolve_next_deadline(r->core);
	if (deadline_us == NEVER)
		evtimer_del(r->turn);
	else
		turn_after(r, deadline_us > now_us ? deadline_us - now_us : 0);
}

static void
on_turn(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	step(ctx);
}

static void
on_answer(void *ctx, uint64_t cookie, const struct dns_answer *answer)
{
	struct upstream *up = ctx;
	struct resolver *r = up->resolver;
	struct resolve_handle handle = {
		.index = (uint32_t)(cookie >> 32),
		.generation = (uint32_t)cookie,
	};

	resolve_on_answer(r->core, clock_us(), handle, answer);
	step(r);
}

static char *
copy_service(const char *service, const char **why)
{
	char normal[DNS_NAME_BYTES];

	if (!dns_name_normalize(service, normal, why))
		return NULL;
	return mem_strdup(normal);
}

static bool
open_first(
    struct resolver *r, const struct resolver_params *p, const char **why)
{
	struct addr servers[RESOLVE_SERVERS_MAX];
	size_t count;

	*why = "there are too many name servers";
	if (p->server_count > RESOLVE_SERVERS_MAX)
		return false;
	if (p->server_count > 0)
		return open_upstreams(r, p->servers, p->server_count, why);
	r->is_system = true;
	count = dns_system_servers(servers, RESOLVE_SERVERS_MAX);
	return open_upstreams(r, servers, count, why);
}

struct resolver *
resolver_new(const struct resolver_params *params, const char **why)
{
	char *service = copy_service(params->service, why);
	struct resolver *r;

	if (service == NULL)
		return NULL;
	r = mem_new(1, sizeof(*r));
	r->params = *params;
	r->params.service = NULL;
	r->params.servers = NULL;
	r->service = service;
	text_init(&r->failures, r->failures_buf, sizeof(r->failures_buf));
	if (!open_first(r, params, why)) {
		resolver_free(&r);
		return NULL;
	}
	r->core =
	    resolve_new(r->service, r->count, &params->policy, params->seed);
	r->turn = evtimer_new(params->base, on_turn, r);
	*why = "the event loop has no room";
	if (r->turn == NULL) {
		resolver_free(&r);
		return NULL;
	}
	turn_after(r, 0);
	return r;
}

void
resolver_free(struct resolver **rp)
{
	struct resolver *r = *rp;
	struct waiter *w;

	if (r == NULL)
		return;
	ASSERT(!r->is_calling);
	*rp = NULL;
	close_upstreams(r);
	while ((w = r->waiters) != NULL) {
		r->waiters = w->next;
		free(w);
	}
	if (r->turn != NULL)
		event_free(r->turn);
	resolve_free(&r->core);
	free(r->service);
	free(r);
}

const char *
resolver_service(const struct resolver *r)
{
	return r->service;
}

size_t
resolver_backends(const struct resolver *r, const struct backend_spec **specs)
{
	return resolve_backends(r->core, specs);
}

enum resolve_status
resolver_status(const struct resolver *r)
{
	return resolve_status(r->core);
}

const char *
resolver_error(const struct resolver *r)
{
	return r->error;
}

void
resolver_refresh(struct resolver *r,
    void (*done)(void *ctx, struct resolver *r, bool is_answered), void *ctx)
{
	struct waiter **end = &r->waiters;
	struct waiter *w = NULL;
	uint64_t lookup;

	lookup = resolve_refresh(r->core, clock_us());
	if (done != NULL) {
		w = mem_new(1, sizeof(*w));
		w->lookup = lookup;
		w->done = done;
		w->ctx = ctx;
		while (*end != NULL)
			end = &(*end)->next;
		*end = w;
	}
	turn_after(r, 0);
}

void
resolver_forget(struct resolver *r, const void *ctx)
{
	struct waiter **at = &r->waiters;
	struct waiter *w;

	while ((w = *at) != NULL) {
		if (w->ctx == ctx) {
			*at = w->next;
			free(w);
		} else {
			at = &w->next;
		}
	}
}

void
resolver_set_policy(struct resolver *r, const struct resolve_policy *policy)
{
	if (policy->query_timeout_us != r->params.policy.query_timeout_us)
		r->has_new_pace = true;
	r->params.policy = *policy;
	resolve_set_policy(r->core, clock_us(), policy);
	turn_after(r, 0);
}
