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

/* One server: its channel and its name. The system's own list is one, with the
 * address ADDR_NONE, when it cannot be taken apart. */
struct upstream {
	struct resolver *resolver;
	struct dns *dns; /* owned */
	struct addr addr;
	char name[ADDR_TEXT_BYTES];
	uint64_t lookup; /* whose START was told and whose end was not, or 0 */
};

struct servers {
	struct addr addrs[RESOLVE_SERVERS_MAX];
	size_t count;
};

struct resolver {
	struct resolver_params params; /* but for service and servers */
	char *service;		       /* owned, normal form */
	struct resolve *core;	       /* owned */
	struct event *turn;	       /* owned: the next step */
	size_t count;
	struct upstream *upstreams; /* owned */
	struct servers given;	    /* never none */
	bool is_system;		    /* given are those the system has */
	struct resolver *finder;    /* owned; of further servers, or NULL */
	bool has_new_pace;	    /* for channels opened from now on */
	bool has_moved; /* a look-up was dropped for other servers, and none
			 * has ended since */
	uint64_t lookups_seen;	/* ended ones whose result was looked at */
	struct waiter *waiters; /* owned, oldest first */
	bool is_calling;	/* a callback runs */
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

/* Ends what is under way at these servers. Each START is to have its end. */
static void
drop_upstreams(struct resolver *r, struct upstream *ups, size_t count)
{
	struct resolver_trace t = {
		.kind = RESOLVER_FAILED,
		.service = r->service,
		.outcome = DNS_DROPPED,
		.reason = "dropped",
	};
	size_t i;

	for (i = 0; i < count; i++) {
		dns_free(&ups[i].dns);
		t.id = ups[i].lookup;
		t.server = ups[i].name;
		if (t.id != 0 && r->params.on_trace != NULL)
			r->params.on_trace(r->params.ctx, r, &t);
	}
	free(ups);
}

static void
close_upstreams(struct resolver *r)
{
	drop_upstreams(r, r->upstreams, r->count);
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
		.server = up->addr.kind != ADDR_NONE ? &up->addr : NULL,
		.timeout_us = r->params.policy.query_timeout_us,
		.on_answer = on_answer,
		.ctx = up,
	};

	up->resolver = r;
	if (up->addr.kind != ADDR_NONE)
		addr_text(&up->addr, up->name);
	else
		strcpy(up->name, "system");
	up->dns = dns_new(&params, why);
	return up->dns != NULL;
}

/* One channel a server. False leaves no channel open. */
static bool
open_upstreams(
    struct resolver *r, const struct servers *servers, const char **why)
{
	size_t i;

	r->count = servers->count;
	r->upstreams = mem_new(r->count, sizeof(*r->upstreams));
	for (i = 0; i < r->count; i++) {
		r->upstreams[i].addr = servers->addrs[i];
		if (!open_upstream(r, &r->upstreams[i], why)) {
			close_upstreams(r);
			return false;
		}
	}
	return true;
}

static bool
has_servers(const struct resolver *r, const struct servers *servers)
{
	size_t i;

	if (r->count != servers->count)
		return false;
	for (i = 0; i < r->count; i++) {
		if (!addr_equal(&r->upstreams[i].addr, &servers->addrs[i]))
			return false;
	}
	return true;
}

static size_t
find_server(const struct upstream *ups, size_t count, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (addr_equal(&ups[i].addr, addr))
			return i;
	}
	return SIZE_MAX;
}

/* Goes on with these servers. The old channels stay when the new ones cannot
 * be had: looking up as before is better than not at all. */
static void
change_upstreams(struct resolver *r, const struct servers *servers)
{
	struct upstream *old = r->upstreams;
	size_t before[RESOLVE_SERVERS_MAX];
	size_t old_count = r->count;
	const char *why;
	size_t i;

	if (!open_upstreams(r, servers, &why)) {
		r->upstreams = old;
		r->count = old_count;
		return;
	}
	for (i = 0; i < r->count; i++)
		before[i] = find_server(old, old_count, &servers->addrs[i]);
	drop_upstreams(r, old, old_count);
	resolve_set_servers(r->core, clock_us(), r->count, before);
	turn_after(r, 0);
}

/* The servers that the system has; never none. */
static void
ask_system(struct servers *servers)
{
	servers->count =
	    dns_system_servers(servers->addrs, RESOLVE_SERVERS_MAX);
	if (servers->count > 0)
		return;
	memset(&servers->addrs[0], 0, sizeof(servers->addrs[0]));
	servers->count = 1;
}

static bool
has_addr(const struct servers *servers, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < servers->count; i++) {
		if (addr_equal(&servers->addrs[i], addr))
			return true;
	}
	return false;
}

/* Those given, then those found; the finder's set is sorted, so the order
 * changes only with its content. */
static void
wanted_servers(const struct resolver *r, struct servers *servers)
{
	const struct backend_spec *found;
	size_t count = 0;
	size_t i;

	*servers = r->given;
	if (r->finder != NULL)
		count = resolver_backends(r->finder, &found);
	for (i = 0; i < count && servers->count < RESOLVE_SERVERS_MAX; i++) {
		if (!has_addr(servers, &found[i].addr))
			servers->addrs[servers->count++] = found[i].addr;
	}
}

/* New channels where they are needed, between two look-ups: when the time-out
 * has changed, and when the system has other servers (another network), which
 * is looked at after each look-up that failed. */
static void
renew_upstreams(struct resolver *r)
{
	struct servers servers;

	r->has_moved = false;
	if (r->is_system && !resolve_is_answered(r->core))
		ask_system(&r->given);
	wanted_servers(r, &servers);
	if (r->has_new_pace || !has_servers(r, &servers))
		change_upstreams(r, &servers);
	r->has_new_pace = false;
}

/* Other servers were found: they are asked at once, not when the dead ones of
 * a look-up under way have had their time. But only once until a look-up ends:
 * servers that come and go must not keep all look-ups from their end. */
static void
on_found(void *ctx, struct resolver *finder)
{
	struct resolver *r = ctx;
	struct servers servers;

	(void)finder;
	wanted_servers(r, &servers);
	if (r->has_moved || has_servers(r, &servers))
		return;
	r->has_moved = true;
	change_upstreams(r, &servers);
}

static void
on_finder_trace(
    void *ctx, struct resolver *finder, const struct resolver_trace *trace)
{
	struct resolver *r = ctx;

	(void)finder;
	if (r->params.on_trace != NULL)
		r->params.on_trace(r->params.ctx, r, trace);
}

/* The finder that the policy wants, in the place of one that there may be. */
static bool
open_finder(struct resolver *r, const char **why)
{
	const struct resolve_policy *policy = &r->params.policy;
	struct resolver_params params = {
		.base = r->params.base,
		.service = policy->resolver_service,
		.servers = r->given.addrs,
		.server_count = r->is_system ? 0 : r->given.count,
		.policy = *policy,
		.seed = r->params.seed + 1,
		.on_change = on_found,
		.on_trace = on_finder_trace,
		.ctx = r,
	};

	resolver_free(&r->finder);
	if (policy->resolver_service[0] == '\0')
		return true;
	params.policy.resolver_service[0] = '\0';
	r->finder = resolver_new(&params, why);
	return r->finder != NULL;
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
	struct upstream *up = &r->upstreams[action->server];
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
	up->lookup = action->kind == RESOLVE_STARTED ? action->lookup : 0;
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
	if (resolve_ended(r->core) > r->lookups_seen) {
		look_back(r);
		if (r->params.on_end != NULL)
			r->params.on_end(r->params.ctx, r);
	}
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
	*why = "there are too many name servers";
	if (p->server_count > RESOLVE_SERVERS_MAX)
		return false;
	r->is_system = p->server_count == 0;
	r->given.count = p->server_count;
	if (r->is_system)
		ask_system(&r->given);
	else
		memcpy(r->given.addrs, p->servers,
		    p->server_count * sizeof(*p->servers));
	return open_upstreams(r, &r->given, why) && open_finder(r, why);
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
	resolve_restore(r->core, params->saved, params->saved_count);
	r->params.saved = NULL;
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
	resolver_free(&r->finder);
	close_upstreams(r); /* which tells the ends, while it still is there */
	*rp = NULL;
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

void
resolver_origin(
    const struct resolver *r, size_t i, struct resolver_origin *origin)
{
	struct resolve_origin core;

	resolve_origin(r->core, i, &core);
	origin->rule = core.rule;
	origin->server =
	    core.server < r->count ? r->upstreams[core.server].name : "";
	origin->seen_us = core.seen_us;
	origin->absent_since_us = core.absent_since_us;
	origin->ends_us = core.ends_us;
}

size_t
resolver_server_count(const struct resolver *r)
{
	return r->count;
}

const char *
resolver_server(const struct resolver *r, size_t i)
{
	ASSERT(i < r->count);
	return r->upstreams[i].name;
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

static void
set_finder_policy(struct resolver *r)
{
	struct resolve_policy policy = r->params.policy;

	policy.resolver_service[0] = '\0';
	resolver_set_policy(r->finder, &policy);
}

void
resolver_set_policy(struct resolver *r, const struct resolve_policy *policy)
{
	const char *why;
	bool is_other;

	if (policy->query_timeout_us != r->params.policy.query_timeout_us)
		r->has_new_pace = true;
	is_other = strcmp(policy->resolver_service,
		       r->params.policy.resolver_service) != 0;
	r->params.policy = *policy;
	resolve_set_policy(r->core, clock_us(), policy);
	/* A name that passed for a policy can be looked up. */
	if (is_other && open_finder(r, &why))
		on_found(r, r->finder);
	else if (r->finder != NULL)
		set_finder_policy(r);
	turn_after(r, 0);
}
