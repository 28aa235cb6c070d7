/* A pool with the world around it; see service.h. */

#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "client.h"
#include "core/config.h"
#include "core/rng.h"
#include "daemon.h"
#include "events.h"
#include "io/fd.h"
#include "io/log.h"
#include "io/resolver.h"
#include "io/state_file.h"

/* Sets of more backends than this take in changes at most this often, and less
 * often the larger they are: a change costs a microsecond for each backend, so
 * that is a twentieth of the daemon's time at most. */
#define GATHER_ABOVE   500
#define GATHER_US      (50 * US_PER_MS)
#define GATHER_EACH_US 20

static void
on_connected(void *ctx, struct conn *c)
{
	const struct service *s = ctx;

	pool_on_connected(s->pool, c->ref, clock_us());
}

static void
on_connect_failed(void *ctx, struct conn *c, const char *reason)
{
	struct service *s = ctx;

	pool_on_connect_failed(s->pool, c->ref, reason, clock_us());
}

static void
on_checked(void *ctx, struct conn *c, const char *reason)
{
	struct service *s = ctx;

	pool_on_checked(s->pool, c->ref, reason, clock_us());
}

static void
on_dirty(void *ctx, struct conn *c, const char *reason)
{
	struct service *s = ctx;

	pool_on_dirty(s->pool, c->ref, reason, clock_us());
}

static void
on_lost(void *ctx, struct conn *c, const char *reason)
{
	struct service *s = ctx;

	pool_on_lost(s->pool, c->ref, reason, clock_us());
}

/* What of all that happens belongs into the log. */
#define LOGGED                                                               \
	(EVENT_BIT(EVENT_BACKEND_ADDED) | EVENT_BIT(EVENT_BACKEND_REMOVED) | \
	    EVENT_BIT(EVENT_SLOT_SET_ONLINE) |                               \
	    EVENT_BIT(EVENT_SLOT_SET_OFFLINE) |                              \
	    EVENT_BIT(EVENT_CONNECT_FAILED) |                                \
	    EVENT_BIT(EVENT_CONNECTION_LOST) |                               \
	    EVENT_BIT(EVENT_HEALTH_CHECK_FAILED) |                           \
	    EVENT_BIT(EVENT_RECYCLE_FAILED) | EVENT_BIT(EVENT_CLAIM_LEAK))

static uint64_t
wanted(void *ctx)
{
	const struct service *s = ctx;

	return LOGGED | events_wanted(s->daemon);
}

static void
on_event(void *ctx, const struct event_record *e)
{
	const struct service *s = ctx;

	events_tell(s->daemon, s, e);
	if (s->daemon->is_stopping || list_has(&s->leaving))
		return;
	switch ((int)e->kind) {
	case EVENT_BACKEND_ADDED:
		log_write(
		    LOG_INFO, e->pool, e->addr, "backend %s added", e->reason);
		break;
	case EVENT_BACKEND_REMOVED:
		log_write(LOG_INFO, e->pool, e->addr, "backend %s removed",
		    e->reason);
		break;
	case EVENT_SLOT_SET_ONLINE:
		log_write(LOG_INFO, e->pool, e->addr, "online");
		break;
	case EVENT_SLOT_SET_OFFLINE:
		log_write(LOG_WARN, e->pool, e->addr,
		    "offline: no connection to it works");
		break;
	case EVENT_CONNECT_FAILED:
		log_write(LOG_DEBUG, e->pool, e->addr, "connect failed: %s",
		    e->reason);
		break;
	case EVENT_CONNECTION_LOST:
		log_write(LOG_DEBUG, e->pool, e->addr, "connection lost: %s",
		    e->reason);
		break;
	case EVENT_HEALTH_CHECK_FAILED:
		log_write(LOG_WARN, e->pool, e->addr, "health check failed: %s",
		    e->reason);
		break;
	case EVENT_RECYCLE_FAILED:
		log_write(LOG_DEBUG, e->pool, e->addr,
		    "returned connection closed: %s", e->reason);
		break;
	case EVENT_CLAIM_LEAK:
		log_write(LOG_WARN, e->pool, e->addr,
		    "claim %llu is held for longer than leak-after",
		    (unsigned long long)e->id);
		break;
	default:
		break;
	}
}

static void
log_resolver(struct service *s)
{
	enum resolve_status status = resolver_status(s->resolver);
	const char *name = pool_name(s->pool);

	if (status == s->told_status)
		return;
	s->told_status = status;
	if (status == RESOLVE_STALE || status == RESOLVE_FAILING)
		log_write(LOG_WARN, name, NULL, "look-up of %s fails: %s%s",
		    s->source, resolver_error(s->resolver),
		    status == RESOLVE_STALE ? "; the last good set stays" : "");
	else if (status == RESOLVE_EMPTY)
		log_write(
		    LOG_WARN, name, NULL, "%s has no backends", s->source);
	else if (status == RESOLVE_SAVED)
		log_write(LOG_INFO, name, NULL,
		    "the backends of %s are those of the state-file until DNS "
		    "speaks",
		    s->source);
	else
		log_write(LOG_INFO, name, NULL, "%s is resolved", s->source);
}

static void
keep_set(struct service *s)
{
	const struct backend_spec *specs;
	size_t count = resolver_backends(s->resolver, &specs);

	if (s->state != NULL)
		state_file_save(
		    s->state, pool_name(s->pool), s->source, specs, count);
}

/* Keeps what DNS says for the next life; not what it no longer confirms. */
static void
save_set(struct service *s)
{
	enum resolve_status status = resolver_status(s->resolver);

	if (status == RESOLVE_OK || status == RESOLVE_EMPTY)
		keep_set(s);
}

/* A look-up has brought records: the set that they made is kept for the next
 * life though part of it be stale, since one server of several may be dead for
 * long. A look-up that only fails may take something out of a stale set, which
 * is no word of DNS. */
static void
save_answer(struct service *s)
{
	if (resolver_status(s->resolver) == RESOLVE_STALE)
		keep_set(s);
	else
		save_set(s);
}

static void
on_resolved(void *ctx, struct resolver *r)
{
	struct service *s = ctx;
	enum resolve_status status = resolver_status(s->resolver);

	s->sources.is_changed = true;
	if (r != s->resolver) { /* the former one, or the next */
		service_refresh(s);
		return;
	}
	if (status != RESOLVE_STARTING && status != RESOLVE_FAILING)
		resolver_free(&s->former);
	save_set(s);
	s->resolved_at_us = clock_us();
	log_resolver(s);
	service_refresh(s);
}

static void
on_resolver_trace(
    void *ctx, struct resolver *r, const struct resolver_trace *trace)
{
	static const enum event_kind kinds[] = {
		[RESOLVER_START] = EVENT_RESOLVE_START,
		[RESOLVER_DONE] = EVENT_RESOLVE_DONE,
		[RESOLVER_FAILED] = EVENT_RESOLVE_FAILED,
	};
	struct service *s = ctx;
	struct event_record e = { .kind = kinds[trace->kind],
		.id = trace->id,
		.pool = pool_name(s->pool),
		.service = trace->service,
		.server = trace->server,
		.number = trace->count,
		.reason = trace->reason };

	events_tell(s->daemon, s, &e);
	/* It may tell of the look-up for name servers, too. */
	if (r == s->resolver && trace->kind == RESOLVER_DONE &&
	    strcmp(trace->service, resolver_service(r)) == 0)
		save_answer(s);
}

static uint64_t
gather_us(size_t count)
{
	uint64_t span_us = count * GATHER_EACH_US;

	return span_us > GATHER_US ? span_us : GATHER_US;
}

void
service_refresh(struct service *s)
{
	const struct backend_spec *dns = NULL;
	struct backend_spec *specs;
	size_t count = 0;

	if (!s->sources.is_changed)
		return;
	if (s->former != NULL)
		count = resolver_backends(s->former, &dns);
	else if (s->resolver != NULL)
		count = resolver_backends(s->resolver, &dns);
	count = sources_specs(&s->sources, dns, count, &specs);
	pool_on_backends(s->pool, specs, count, clock_us());
	free(specs);
	/* A large set is compared and spread as a whole for each change. */
	s->refresh_at_us = 0;
	if (count > GATHER_ABOVE)
		s->refresh_at_us = time_after(clock_us(), gather_us(count));
}

/* As service_refresh, but changes of a large set that follow one another are
 * gathered for a moment. */
static void
refresh_soon(struct service *s)
{
	if (s->sources.is_changed && clock_us() >= s->refresh_at_us)
		service_refresh(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct service *s = ctx;

	(void)fd;
	(void)what;
	s->armed_at_us = NEVER;
	sources_expire(&s->sources, clock_us());
	pool_on_time(s->pool, clock_us());
}

/* Uses the state file of this path ("": none) in the place of the one that
 * there may be. When it cannot be used, there is none, and why says why. */
static bool
use_state(struct service *s, const char *path, struct text *why)
{
	const char *old = s->state == NULL ? "" : state_file_path(s->state);

	if (strcmp(path, old) == 0)
		return true;
	state_file_put_back(&s->state);
	if (path[0] != '\0')
		s->state = state_files_take(s->daemon->states, path, why);
	return path[0] == '\0' || s->state != NULL;
}

/* A resolver for this pool; NULL: why says why not. */
static struct resolver *
make_resolver(struct service *s, const struct config_pool *cp, struct text *why)
{
	struct resolver *r;
	const struct saved_pool *saved = NULL;
	const char *reason = "";
	struct resolver_params params = {
		.base = s->daemon->base,
		.service = cp->service,
		.servers = cp->dns.addrs,
		.server_count = cp->dns.count,
		.policy = cp->policy.dns,
		.seed = hash_mix(clock_us(), hash_text(cp->name)),
		.on_change = on_resolved,
		.on_trace = on_resolver_trace,
		.ctx = s,
	};

	if (s->state != NULL)
		saved = state_file_find(s->state, cp->name, cp->service);
	if (saved != NULL) {
		params.saved = saved->specs;
		params.saved_count = saved->count;
	}
	r = resolver_new(&params, &reason);
	if (r == NULL)
		text_addf(why, "pool %s: cannot look up %s: %s", cp->name,
		    cp->service, reason);
	return r;
}

static bool
use_dns(struct service *s, const struct config_pool *cp, struct text *why)
{
	if (!use_state(s, cp->policy.state_file, why))
		return false;
	s->resolver = make_resolver(s, cp, why);
	return s->resolver != NULL;
}

static char *
describe(const struct config_pool *cp)
{
	return mem_strdup(cp->service != NULL ? cp->service : "static");
}

static uint64_t
host_position(void)
{
	char name[256] = "";

	(void)gethostname(name, sizeof(name) - 1);
	return pool_host_position(name);
}

struct service *
service_new(struct daemon *d, const struct config_pool *cp, struct text *why)
{
	struct service *s = mem_new(1, sizeof(*s));
	struct pool_params params = {
		.name = cp->name,
		.policy = &cp->policy,
		.seed = hash_mix(clock_us(), (uint64_t)getpid()),
		.host = host_position(),
		.has_acquire =
		    connector_dialogue(cp->connector, CONNECTOR_ON_ACQUIRE)
			->steps != NULL,
		.claims = d->claims,
		.ids = &d->ids,
		.observer = { on_event, s, wanted },
	};

	s->daemon = d;
	s->config = cp;
	s->connector = connector_hold(cp->connector);
	s->source = describe(cp);
	s->owner = (struct conn_owner){ on_connected, on_connect_failed,
		on_checked, on_dirty, on_lost, d->base, &s->unwatched, s };
	list_init(&s->unwatched);
	s->armed_at_us = NEVER;
	s->timer = evtimer_new(d->base, on_timer, s);
	ASSERT(s->timer != NULL);
	s->pool = pool_new(&params, clock_us());
	sources_init(&s->sources, cp);
	if (cp->service != NULL && !use_dns(s, cp, why)) {
		pool_on_stop(s->pool, clock_us());
		service_free(&s);
		return NULL;
	}
	service_refresh(s);
	return s;
}

static void
free_resolvers(struct service *s)
{
	resolver_free(&s->resolver);
	resolver_free(&s->former);
	resolver_free(&s->next);
}

void
service_free(struct service **service)
{
	struct service *s = *service;

	*service = NULL;
	free_resolvers(s);
	state_file_put_back(&s->state);
	service_settle(s);
	pool_free(&s->pool);
	for (uint32_t i = 0; i < s->conn_count; i++) {
		ASSERT(s->conns[i]->fd == -1);
		free(s->conns[i]);
	}
	free(s->conns);
	sources_fini(&s->sources);
	event_free(s->timer);
	connector_drop(&s->connector);
	free(s->source);
	free(s);
}

static struct conn *
conn_of(struct service *s, struct slot_ref ref)
{
	uint32_t room = pool_slot_room(s->pool);

	if (room > s->conn_count) {
		s->conns = mem_grow(
		    s->conns, s->conn_count, room, sizeof(s->conns[0]));
		for (; s->conn_count < room; s->conn_count++) {
			struct conn *c = mem_new(1, sizeof(*c));

			conn_init(c, &s->owner);
			s->conns[s->conn_count] = c;
		}
	}
	return s->conns[ref.index];
}

static void
carry_out(struct service *s, const struct action *a)
{
	struct conn *c;

	switch (a->kind) {
	case ACTION_CONNECT:
		conn_connect(conn_of(s, a->slot), a->slot, a->addr,
		    pool_policy(s->pool), s->connector);
		break;
	case ACTION_CLOSE:
		daemon_close_later(s->daemon, conn_close(conn_of(s, a->slot)));
		break;
	case ACTION_CHECK:
		conn_check(
		    conn_of(s, a->slot), a->slot, a->check, s->connector);
		break;
	case ACTION_GRANT:
		c = conn_of(s, a->slot);
		conn_lend(c, a->slot, client_of_claim(a->owner));
		client_on_grant(a, c->fd);
		break;
	case ACTION_REFUSE:
		client_on_refuse(a->owner, a->error);
		break;
	case ACTION_REVOKE:
		client_on_revoke(a->owner);
		break;
	}
}

static void
arm(struct service *s)
{
	uint64_t at = pool_next_deadline(s->pool), now = clock_us();
	uint64_t expiry = sources_deadline(&s->sources);
	struct timeval tv;

	if (expiry < at)
		at = expiry;
	if (s->sources.is_changed && s->refresh_at_us < at)
		at = s->refresh_at_us;
	if (at >= s->armed_at_us)
		return; /* it may go off early, which does no harm */
	s->armed_at_us = at;
	at = at > now ? at - now : 0;
	tv.tv_sec = (time_t)(at / US_PER_S);
	tv.tv_usec = (suseconds_t)(at % US_PER_S);
	(void)event_add(s->timer, &tv);
}

void
service_settle(struct service *s)
{
	struct action a;

	refresh_soon(s);
	while (pool_next_action(s->pool, &a))
		carry_out(s, &a);
}

void
service_release(
    struct service *s, uint64_t claim, uint32_t slot, enum claim_end how)
{
	if (how != CLAIM_END_OK && conn_is_closed_by_backend(s->conns[slot]))
		how = how == CLAIM_END_GONE ? CLAIM_END_GONE_CLOSED
					    : CLAIM_END_CLOSED;
	(void)pool_on_release(s->pool, claim, how, clock_us());
}

void
service_end_turn(struct service *s)
{
	conn_watch_idle(&s->unwatched);
	arm(s);
}

void
service_look_at_lent(struct service *s)
{
	for (uint32_t i = 0; i < s->conn_count; i++) {
		struct conn *c = s->conns[i];
		const char *reason = conn_why_dead(c);

		if (reason != NULL)
			pool_on_lost(s->pool, c->ref, reason, clock_us());
	}
}

void
service_stop(struct service *s)
{
	free_resolvers(s);
	pool_on_stop(s->pool, clock_us());
}

void
service_abandon(struct service *s)
{
	struct claim_stats claim;
	uint32_t at = 0;

	while (pool_next_claim(s->pool, clock_us(), &at, &claim))
		(void)pool_on_revoke(s->pool, claim.id, clock_us());
}

static void
set_state(struct service *s, const char *path)
{
	char buf[512];
	struct text why;

	text_init(&why, buf, sizeof(buf));
	if (!use_state(s, path, &why))
		log_write(LOG_ERROR, pool_name(s->pool), NULL, "%s", buf);
	else
		save_set(s);
}

/* Claims and tickets for a larger pool are reserved first, so that nothing is
 * allocated for them later. */
void
service_set_policy(struct service *s, const struct policy *policy)
{
	daemon_reserve_claims(s->daemon, s, policy);
	if (s->resolver != NULL) {
		resolver_set_policy(s->resolver, &policy->dns);
		set_state(s, policy->state_file);
	}
	pool_on_policy(s->pool, policy, clock_us());
}

bool
service_prepare(
    struct service *s, const struct config_pool *cp, struct text *why)
{
	if (cp->service == NULL || config_same_dns(s->config, cp))
		return true;
	s->next = make_resolver(s, cp, why);
	return s->next != NULL;
}

void
service_unprepare(struct service *s)
{
	resolver_free(&s->next);
}

/* What is known stays in use until the new resolver has spoken. */
static void
change_dns(struct service *s, const struct config_pool *cp)
{
	client_end_resolves(s->daemon, s, ERR_RESOLVE_FAILED,
	    "the configuration has changed: ask again");
	if (s->former == NULL) {
		s->former = s->resolver;
		s->resolver = NULL;
	}
	resolver_free(&s->resolver);
	s->resolver = s->next;
	s->next = NULL;
	s->told_status = RESOLVE_STARTING;
	if (s->resolver == NULL)
		resolver_free(&s->former);
	free(s->source);
	s->source = describe(cp);
	s->sources.is_changed = true;
}

bool
service_reconfigure(struct service *s, const struct config_pool *cp)
{
	const struct config_pool *old = s->config;
	struct policy policy = *pool_policy(s->pool);
	bool is_other_dns = !config_same_dns(old, cp);
	bool is_other_policy = !config_same_policy(&old->policy, &cp->policy);
	bool is_other_list = !config_same_addrs(old, cp);

	s->config = cp;
	if (is_other_list)
		sources_set_fixed(&s->sources, cp);
	if (is_other_dns)
		change_dns(s, cp);
	if (is_other_policy || is_other_dns) {
		config_merge_policy(&policy, &old->policy, &cp->policy);
		service_set_policy(s, &policy);
	}
	return is_other_dns || is_other_policy || is_other_list;
}

void
service_forget_client(struct service *s, const struct client *c)
{
	sources_forget_client(&s->sources, c);
}

void
service_forget_resolve(struct service *s, const void *waiter)
{
	if (s->resolver != NULL)
		resolver_forget(s->resolver, waiter);
}

const char *
service_resolver_status(const struct service *s)
{
	return s->resolver == NULL
		   ? "none"
		   : resolve_status_name(resolver_status(s->resolver));
}
