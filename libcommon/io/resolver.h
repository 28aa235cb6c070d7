#ifndef QORB_IO_RESOLVER_H
#define QORB_IO_RESOLVER_H

/*
 * Keeps the backends of one service up to date from DNS: core/resolve.h with a
 * clock, an event loop and sockets. What answers mean, and when it asks again,
 * stands there.
 *
 *	struct resolver_params params = { .base = base,
 *		.service = "_echo._tcp.test.com", .on_change = changed };
 *	resolve_policy_default(&params.policy);
 *	struct resolver *r = resolver_new(&params, &why);
 *
 * With the policy's resolver_service it looks for further name servers too: an
 * SRV name whose backends are asked beside the servers that were given, for as
 * long as it names them. It is looked up at those that were given.
 *
 * Everything happens in the event loop's own turns: no function here calls a
 * callback, but that resolver_free and a change of servers trace the end of
 * what was under way; none blocks. Callbacks may call any function but
 * resolver_free. One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/resolve.h"

struct event_base;
struct resolver;

enum resolver_trace_kind {
	RESOLVER_START,
	RESOLVER_DONE,
	RESOLVER_FAILED,
};

/* One step of a look-up at one server, for logs, events and probes. A START is
 * followed by a DONE or a FAILED of the same id and server. FAILED with outcome
 * DNS_DROPPED is no trouble: another server was faster, the settings changed,
 * or the resolver is freed. */
struct resolver_trace {
	enum resolver_trace_kind kind;
	uint64_t id; /* the look-up; the same for all servers asked */
	const char *service;
	const char *server;	  /* "[::1]:53", or "system" */
	size_t count;		  /* DONE: backends found */
	enum dns_outcome outcome; /* FAILED, and DONE with something missing */
	const char *reason;	  /* one line for people; "" when all is well */
};

struct resolver_params {
	struct event_base *base; /* borrowed, outlives the resolver */
	const char *service;	 /* any SRV name; copied */

	/* ip:port each, copied; none: those of the system, which are read
	 * anew when look-ups fail. At most RESOLVE_SERVERS_MAX. */
	const struct addr *servers;
	size_t server_count;

	struct resolve_policy policy;
	uint64_t seed;

	/* Backends known from before, for as long as DNS has not spoken:
	 * resolve_restore. Copied. */
	const struct backend_spec *saved;
	size_t saved_count;

	/* The backends or the status changed. Also called when the first
	 * look-up has ended. */
	void (*on_change)(void *ctx, struct resolver *r);
	/* A look-up has ended, and resolver_error says what it came to. Before
	 * on_change, which need not follow. May be NULL. */
	void (*on_end)(void *ctx, struct resolver *r);
	/* May be NULL. Strings last for the call. */
	void (*on_trace)(
	    void *ctx, struct resolver *r, const struct resolver_trace *trace);
	void *ctx;
};

/* NULL when service is no DNS name, a server cannot be one, or the system has
 * no room; *why (static) then says why. */
struct resolver *resolver_new(
    const struct resolver_params *params, const char **why) MUST_CHECK;

/* Drops all that is under way and clears *r; waiters of resolver_refresh are
 * not called. Not from a callback of this resolver. */
void resolver_free(struct resolver **r);

/* The service's name in normal form: lower case, no trailing dot. */
const char *resolver_service(const struct resolver *r);

/* The current set; borrowed until the loop's next turn. */
size_t resolver_backends(
    const struct resolver *r, const struct backend_spec **specs);

/* Where a backend comes from, in words. Times are those of clock_us. */
struct resolver_origin {
	enum resolve_rule rule;
	const char *server;	  /* borrowed as the set is; "" for none */
	uint64_t seen_us;	  /* when an answer last named it; 0: none */
	uint64_t absent_since_us; /* since when none does; NEVER: it is there */
	uint64_t ends_us;	  /* when it ends if that stays so, or NEVER */
};

/* Of the i-th of resolver_backends. */
void resolver_origin(
    const struct resolver *r, size_t i, struct resolver_origin *origin);

/* The name servers that are asked now: how many, and the name of each
 * ("[::1]:53", or "system"; borrowed until the loop's next turn). */
size_t resolver_server_count(const struct resolver *r);
const char *resolver_server(const struct resolver *r, size_t i);

enum resolve_status resolver_status(const struct resolver *r);

/* Why the last look-up that failed did, "" when none has since the last good
 * one. One line for people; borrowed until the loop's next turn. */
const char *resolver_error(const struct resolver *r);

/* Looks up now. done (may be NULL) is called once, from the loop, when a
 * look-up that began after this call has ended: is_answered says whether it
 * gave an answer, be it an empty one; if not, resolver_error says why. Any
 * number may wait. */
void resolver_refresh(struct resolver *r,
    void (*done)(void *ctx, struct resolver *r, bool is_answered), void *ctx);

/* Forgets waiters with this ctx, which goes away. */
void resolver_forget(struct resolver *r, const void *ctx);

void resolver_set_policy(
    struct resolver *r, const struct resolve_policy *policy);

#endif
